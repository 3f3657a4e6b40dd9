"""
What goes wrong on the way, on demand: for one request by rule, or for many by chance.

    sandbox.fault = faults.only(faults.drop_after_acting, method="POST", times=1)
    sandbox.fault = faults.by_chance({"drop-after-acting": 0.1, "hang": 0.01}, seed=1)

A fault stands around a request whose head is in the ledger already, and may let it act before it spoils the answer.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Final

from aiohttp import web

from ingram_orders.sandbox.orders import LAG
from ingram_orders.sandbox.refusals import QUOTA_EXCEEDED

Proceed = Callable[[], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request, Proceed], Awaitable[web.StreamResponse]]
"""Gives what is answered in the end; `return await proceed()` lets the API act, and changes nothing."""

REVOKE: Final[web.AppKey[Callable[[], None]]] = web.AppKey("revoke")
"""What ends all tokens of the sandbox that a request came to."""
EXPIRE: Final[web.AppKey[Callable[[str], None]]] = web.AppKey("expire")
"""What ends one of them."""
REFUSE: Final[web.AppKey[Callable[[float], Awaitable[None]]]] = web.AppKey("refuse")
"""What lets it refuse new connections for so many seconds."""
ENDING: Final[web.AppKey[asyncio.Event]] = web.AppKey("ending")
"""Set when that sandbox ends."""
CLOCK: Final[web.AppKey[Callable[[], datetime]]] = web.AppKey("clock")
"""The time of that sandbox."""

SLOW: Final = 0.2
"""Seconds that what is slow takes for each step."""
COME_BACK_AFTER: Final = 2
"""Seconds after which a throttled request is told to come back."""


# ── The connection breaks ───────────────────────────────────────────────────────────────────────────────────────────


async def refuse(request: web.Request, _: Proceed) -> web.StreamResponse:
    """Break the connection, and refuse new ones for a while; nothing has acted."""
    await request.app[REFUSE](SLOW)
    return _broken(request)


async def drop_unread(request: web.Request, _: Proceed) -> web.StreamResponse:
    """Break the connection before the body is read; nothing has acted."""
    return _broken(request)


async def drop(request: web.Request, _: Proceed) -> web.StreamResponse:
    """Read the request, and break the connection; nothing has acted."""
    await request.read()
    return _broken(request)


async def drop_after_acting(request: web.Request, proceed: Proceed) -> web.StreamResponse:
    """Let the API act, and break the connection before a byte of the answer: whoever asked cannot know."""
    await proceed()
    return _broken(request)


async def cut(request: web.Request, proceed: Proceed) -> web.StreamResponse:
    """Let the API act, and break the connection in the middle of the answer's body."""
    body = _body_of(await proceed())
    response = web.StreamResponse(headers={"Content-Length": str(len(body) + 1), "Date": _date(request)})
    with suppress(ConnectionError):  # who asked may have gone
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
    return _broken(request)


async def no_http(request: web.Request, proceed: Proceed) -> web.StreamResponse:
    """Let the API act, and answer with what is no HTTP."""
    await proceed()
    if request.transport is not None:
        request.transport.write(b"\x00\x01 this is no HTTP\r\n\r\n")
        request.transport.close()
    return web.Response()


def _broken(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()  # which nobody gets


def _date(request: web.Request) -> str:
    return format_datetime(request.app[CLOCK]().astimezone(UTC), usegmt=True)


def _body_of(response: web.StreamResponse) -> bytes:
    body = response.body if isinstance(response, web.Response) else None
    return body if isinstance(body, bytes) else b""


# ── It takes long ───────────────────────────────────────────────────────────────────────────────────────────────────


async def slow(_: web.Request, proceed: Proceed) -> web.StreamResponse:
    """Act at once, and answer late."""
    response = await proceed()
    await asyncio.sleep(SLOW)
    return response


async def slow_body(request: web.Request, proceed: Proceed) -> web.StreamResponse:
    """Act at once and send the head of the answer, and its body late."""
    return await _in_pieces(request, await proceed(), 1)


async def drip(request: web.Request, proceed: Proceed) -> web.StreamResponse:
    """Act at once, and answer in four pieces with a pause before each."""
    return await _in_pieces(request, await proceed(), 4)


async def _in_pieces(request: web.Request, told: web.StreamResponse, count: int) -> web.StreamResponse:
    body = _body_of(told)
    head = {"Content-Type": told.content_type, "Date": _date(request)}
    response = web.StreamResponse(status=told.status, headers=head)
    size = len(body) // count + 1
    with suppress(ConnectionError):  # who asked may have gone
        await response.prepare(request)
        for start in range(0, len(body), size):
            await asyncio.sleep(SLOW)
            await response.write(body[start : start + size])
        await response.write_eof()
    return response


async def hang(request: web.Request, _: Proceed) -> web.StreamResponse:
    """Read the request, and never act and never answer."""
    await request.read()
    await request.app[ENDING].wait()
    return _broken(request)


async def hang_after_acting(request: web.Request, proceed: Proceed) -> web.StreamResponse:
    """Act, and never answer."""
    await proceed()
    return await hang(request, proceed)


# ── The token is refused ────────────────────────────────────────────────────────────────────────────────────────────


async def revoke(request: web.Request, proceed: Proceed) -> web.StreamResponse:
    """End all tokens, this request's too, as the API does when another is issued for the same client."""
    request.app[REVOKE]()
    return await proceed()


async def expire(request: web.Request, proceed: Proceed) -> web.StreamResponse:
    """End this request's token, as at the end of its time."""
    request.app[EXPIRE](request.headers.get("Authorization", "").partition(" ")[2])
    return await proceed()


# ── The index lags ──────────────────────────────────────────────────────────────────────────────────────────────────


def lagging(lag: timedelta) -> Fault:
    """Give the fault that lets searches not see for so long, by the sandbox's clock, what a request has changed."""

    async def fault(_: web.Request, proceed: Proceed) -> web.StreamResponse:
        token = LAG.set(lag)
        try:
            return await proceed()
        finally:
            LAG.reset(token)

    return fault


# ── The API, or what stands before it, fails ────────────────────────────────────────────────────────────────────────

BODIES: Final[Mapping[str, tuple[str, str]]] = {
    "json": ("application/json", '{"errors": [{"id": "0", "type": "/errors/server-error", "message": "Try again"}]}'),
    "html": ("text/html", "<html><body><h1>Bad Gateway</h1></body></html>"),
    "nothing": ("text/plain", ""),
}
"""With what a server's error comes: content type and text."""


def failing(status: int, body: str = "json", *, after_acting: bool = False) -> Fault:
    """Give the fault that answers a server's error; *body* is one of `BODIES`."""
    kind, text = BODIES[body]

    async def fault(_: web.Request, proceed: Proceed) -> web.StreamResponse:
        if after_acting:
            await proceed()
        return web.Response(status=status, text=text, content_type=kind)

    return fault


HINTS: Final = ("seconds", "date", "reset", "reset in milliseconds", "none")
"""How a throttled request is told when to come back: by `Retry-After` or by `X-RateLimit-Reset`."""


def throttling(hint: str = "seconds", after: int = COME_BACK_AFTER) -> Fault:
    """Give the fault that answers 429 with one of the `HINTS`; the point in time is by the answer's own `Date`."""

    async def fault(request: web.Request, _: Proceed) -> web.StreamResponse:
        status, body = QUOTA_EXCEEDED[0]
        response = web.json_response(body, status=status)
        now = request.app[CLOCK]().astimezone(UTC).replace(microsecond=0)
        then = now + timedelta(seconds=after)
        response.headers["Date"] = format_datetime(now, usegmt=True)  # of the same moment as the hint
        if hint == "seconds":
            response.headers["Retry-After"] = str(after)
        elif hint == "date":
            response.headers["Retry-After"] = format_datetime(then, usegmt=True)
        elif hint != "none":
            response.headers["X-RateLimit-Reset"] = str(int(then.timestamp()) * (1000 if "milli" in hint else 1))
        return response

    return fault


# ── When ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def only(fault: Fault, *, method: str | None = None, path: str = "", times: int | None = None) -> Fault:
    """
    Let a fault happen to some requests only.

    Args:
        fault: What happens.
        method: To requests with this; `None` is any.
        path: To requests whose path holds this.
        times: To so many of them, the first; `None` is all.
    """
    left = times

    async def sometimes(request: web.Request, proceed: Proceed) -> web.StreamResponse:
        nonlocal left
        if method not in (None, request.method) or path not in request.path or left == 0:
            return await proceed()
        left = None if left is None else left - 1
        return await fault(request, proceed)

    return sometimes


FAULTS: Final[Mapping[str, Fault]] = {
    "refuse": refuse,
    "drop-unread": drop_unread,
    "drop": drop,
    "drop-after-acting": drop_after_acting,
    "cut": cut,
    "no-http": no_http,
    "slow": slow,
    "slow-body": slow_body,
    "drip": drip,
    "hang": hang,
    "hang-after-acting": hang_after_acting,
    "revoke": revoke,
    "expire": expire,
    "lag": lagging(timedelta(seconds=COME_BACK_AFTER)),
    **{
        "-".join([str(status), *([] if body == "json" else [body]), *(["after-acting"] if acts else [])]): failing(
            status, body, after_acting=acts
        )
        for status in (500, 502, 503, 504)
        for body in BODIES
        for acts in (False, True)
    },
    **{f"429-{hint.replace(' ', '-')}": throttling(hint) for hint in HINTS},
}
"""By the names that `by_chance` and the command line know them by."""


def by_chance(rates: Mapping[str, float], *, seed: int, known: Mapping[str, Fault] = FAULTS) -> Fault:
    """
    Let faults happen by chance, to requests that do not ask for a token.

    Args:
        rates: Of each fault, how often: from 0 to 1, and 1 together at most.
        seed: The same gives the same faults to the same sequence of requests.
        known: The faults by their names.

    Raises:
        ValueError: There is no such fault, or the rates cannot be.
    """
    check_rates(rates, known)
    pick = Random(f"{seed} faults")

    async def perhaps(request: web.Request, proceed: Proceed) -> web.StreamResponse:
        if request.path.startswith("/oauth/"):
            return await proceed()
        name = one_of_rates(rates, pick)
        return await proceed() if name is None else await known[name](request, proceed)

    return perhaps


def check_rates(rates: Mapping[str, float], known: Collection[str]) -> None:
    """
    Check how often each fault is to happen.

    Raises:
        ValueError: It is not among those *known*, or the rates cannot be.
    """
    for name, rate in rates.items():
        if name not in known:
            raise ValueError(f"there is no fault {name!r}; there are {', '.join(known)}")
        if not 0 <= rate <= 1:
            raise ValueError(f"{name}={rate} is not from 0 to 1")
    if sum(rates.values()) > 1:
        raise ValueError(f"the faults happen {sum(rates.values()):g} times of once")


def one_of_rates(rates: Mapping[str, float], pick: Random) -> str | None:
    """Give the fault that happens this time, or `None`."""
    chance = pick.random()
    for name, rate in rates.items():
        chance -= rate
        if chance < 0:
            return name
    return None


def rates_of(text: str, *, such_as: str = "drop-after-acting=0.1") -> dict[str, float]:
    """
    Read `drop-after-acting=0.1,hang=0.01`; *such_as* is the example that who writes it otherwise is told.

    Raises:
        ValueError: It is not written so.
    """
    rates = {}
    for part in filter(None, re.split(r"[,\s]+", text)):
        name, _, rate = part.partition("=")
        if not re.fullmatch(r"[0-9]*\.?[0-9]+", rate, re.ASCII):
            raise ValueError(f"{part!r} is not NAME=RATE, as {such_as}")
        rates[name] = float(rate)
    return rates
