"""
The session manager: gives each call its token and its deadline, and decides what is sent again.

A write that may have left is never sent again, unless it was turned away for its token; what leaves, and how, is
`transport`'s.
"""

import asyncio
import functools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from attrs import define, field

from ingram_orders import wire
from ingram_orders.builder import Response
from ingram_orders.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    DeadlineExceededError,
    IngramError,
    blot_out,
    describe,
)
from ingram_orders.exact_json import LONG_BODY
from ingram_orders.limiter import Limiter
from ingram_orders.oauth import Token, TokenKeeper, TokenSource
from ingram_orders.refusals import retry_after
from ingram_orders.settings import Credentials, Endpoint, Proxy, Timeouts, checked_seconds
from ingram_orders.transport import Broken, Exchange, Transport
from ingram_orders.wire import Outgoing

if TYPE_CHECKING:
    from aiohttp import ClientSession, Fingerprint

T = TypeVar("T")

_MAX_TOKEN_BODY: Final = LONG_BODY
_MAX_REFUSAL: Final = 2**20
"""Bytes of a refusal that are read at most: what says more than that says it to nobody."""

_log = logging.getLogger(__name__)


class Session:
    """Makes calls. Belongs to the event loop in which it is first used."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        tokens: TokenSource | Credentials,
        borrowed: "ClientSession | None",
        timeouts: Timeouts,
        max_body: int,
        proxy: Proxy | None,
        ssl: "SSLContext | Fingerprint | bool",
        limiter: Limiter | None,
        max_in_flight: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.endpoint = endpoint
        self._transport = Transport(borrowed=borrowed, timeouts=timeouts, proxy=proxy, ssl=ssl)
        self._timeouts = timeouts
        self._max_body = max_body
        self._clock = clock
        self._limiter = limiter
        self._turns = asyncio.Semaphore(max_in_flight)
        self._proxy = proxy
        self._credentials: Credentials | None = None
        self._keeper: TokenKeeper | None = None
        if isinstance(tokens, Credentials):
            self._credentials = tokens
            tokens = self._keeper = TokenKeeper(functools.partial(self._fetch_token, tokens), clock=clock, sleep=sleep)
        self._tokens: TokenSource = tokens

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds connections and secrets, which cannot be pickled; make one where it is needed")

    async def close(self) -> None:
        """Close what is our own; what was lent stays open. Closing twice is fine."""
        if self._transport.shut():
            if self._keeper is not None:
                await self._keeper.close()
            await self._transport.close()

    async def send(self, out: Outgoing, *, timeout: float | None = None) -> Response[Any]:
        """
        Send a request, with a token, and read its answer.

        Args:
            out: The request, checked and written.
            timeout: Seconds for all of it; `None` is `Timeouts.total`.

        Raises:
            IngramError: See `ingram_orders.errors`.
        """
        self._transport.check_open()
        total = self._timeouts.total if timeout is None else checked_seconds(timeout, "timeout")
        if total is not None and total <= 0:
            raise DeadlineExceededError(f"{out.route}: there was no time at all, {total} s ({out.subject})")
        until = None if total is None else asyncio.get_running_loop().time() + total
        call = _Call(out=out, until=until)
        try:
            return await self._send(call)
        except Exception as exc:
            error = exc if isinstance(exc, IngramError) else _unforeseen(call, exc)
            if error is None:
                raise
            await _beside_the_loop(len(getattr(error, "body", b"")), blot_out, error, self._secrets(call))
            raise error from error.__cause__

    def _secrets(self, call: "_Call") -> list[str]:
        secrets = [*call.tokens]
        if self._credentials is not None:
            secrets.append(self._credentials.client_secret)
        if self._proxy is not None:
            secrets.extend(self._proxy.secrets)
        return secrets

    async def _send(self, call: "_Call") -> Response[Any]:
        out, refused, was_lost = call.out, None, False
        while True:
            exchange: Exchange | None = None
            try:
                # Only until the answer is here: one that came whole in time is read, however long that takes.
                # A place is waited for first: who waits for the quota takes no turn from others.
                async with asyncio.timeout_at(call.until), self._place(out.route), self._turns:
                    token = await self._token()
                    if refused is not None and token == call.tokens[-1]:
                        raise refused  # the source has no other
                    exchange = self._exchange(call, token)
                    which = f" (attempt {len(call.exchanges)}, correlation id {out.correlation_id})"
                    broken = await self._carry(exchange, out.route, which)
            except TimeoutError as late:
                size = 0 if exchange is None else len(exchange.body)
                raise await _beside_the_loop(size, _late, out, exchange) from late
            if broken is not None:
                # A connection that was kept alive turns out to be dead when it is used; once is no sign of more.
                if exchange.dropped and not (out.writes or was_lost or self._transport.is_closed):
                    was_lost = True
                    continue
                # Of a refusal, what came of it is enough.
                if exchange.status is None or _is_granted(exchange.status):
                    raise _failure(out, exchange, broken) from broken.__cause__
            try:
                model = await self._decode(out, exchange)
            except AuthenticationError as again:
                # It was turned away at the door, a write too, and may go once more, but only with another token.
                if refused is not None or _no_product(again):
                    raise
                refused = again
                self._drop(token)
                continue
            return Response(
                model=model,
                status=exchange.status or 0,
                headers=exchange.answer_headers,
                correlation_id=out.correlation_id,
                attempts=len(call.exchanges),
                body=exchange.body,
            )

    @asynccontextmanager
    async def _place(self, route: str) -> AsyncIterator[None]:
        """Hold a place of the limiter for one attempt; what goes wrong with giving it back must not cost an answer."""
        if self._limiter is None:
            yield
            return
        try:
            slot = self._limiter.slot(route)
            await slot.__aenter__()
        except Exception as exc:  # of a limiter of the caller's own
            raise ConnectionFailedError(
                f"{route}: nothing was sent, for no place was to be had: {describe(exc)}"
            ) from exc
        try:
            yield
        finally:
            try:
                await slot.__aexit__(None, None, None)
            except Exception as exc:
                with suppress(Exception):
                    _log.warning("%s: its place could not be given back: %s", route, type(exc).__name__)

    def _exchange(self, call: "_Call", token: str) -> Exchange:
        out = call.out
        exchange = Exchange(
            method=out.request.method,
            url=f"{self.endpoint.base_url}{out.target}",
            headers={**out.headers, "Authorization": f"Bearer {token}"},
            data=out.body,
            writes=out.writes,
            at_most=lambda status: self._at_most(out, status),
        )
        call.tokens.append(token)
        call.exchanges.append(exchange)
        return exchange

    def _at_most(self, out: Outgoing, status: int) -> int:
        if not _is_granted(status):
            return min(self._max_body, _MAX_REFUSAL)
        return 0 if out.request.answer is None else self._max_body

    async def _decode(self, out: Outgoing, exchange: Exchange) -> Any:
        status, headers, body = exchange.status or 0, exchange.answer_headers, exchange.body
        if exchange.is_cut and _is_granted(status):
            raise wire.unreadable(out, f"it is larger than {len(body)} bytes", status, body)
        return await _beside_the_loop(len(body), wire.decode, out, status, headers, body)

    async def _carry(self, exchange: Exchange, what: str, which: str = "") -> Broken | None:
        """Send a request once and read its answer; give what broke, if something did. One line in the log."""
        started, outcome = self._clock(), "cancelled"
        try:
            await self._transport.carry(exchange)
            outcome = str(exchange.status)
        except Broken as broken:
            outcome = " ".join(str(it) for it in (exchange.status, type(broken.__cause__).__name__) if it)
            return broken
        finally:
            with suppress(Exception):  # a filter that fails must not cost an answer
                _log.debug("%s -> %s in %.0f ms%s", what, outcome, (self._clock() - started) * 1000, which)
        return None

    # ── The token ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _token(self) -> str:
        try:
            token = await self._tokens.token()
        except (ConfigurationError, ConnectionFailedError, AuthenticationError):
            raise
        except Exception as exc:  # of a token source of the caller's own
            raise ConnectionFailedError(f"no token was to be had: {describe(exc)}") from exc
        if not wire.is_token(token):
            raise ConfigurationError("the token source gave what cannot be a token: nothing, or no visible ASCII text")
        return token

    def _drop(self, token: str) -> None:
        try:
            self._tokens.drop(token)
        except Exception as exc:  # of a token source of the caller's own
            raise ConnectionFailedError(f"no new token was to be had: {describe(exc)}") from exc

    async def _fetch_token(self, credentials: Credentials) -> Token:
        exchange = Exchange(
            method="POST",
            url=self.endpoint.token_url,
            headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
            data=wire.encode_token(credentials.client_id, credentials.client_secret),
            writes=True,
            at_most=lambda _: _MAX_TOKEN_BODY,
        )
        broken = await self._carry(exchange, "POST token")
        if broken is not None:
            raise ConnectionFailedError(f"no token was to be had: {broken}") from broken.__cause__
        return wire.decode_token(exchange.status or 0, exchange.body)


@define
class _Call:
    """One call, and what has become of it so far."""

    out: Outgoing
    until: float | None
    """The deadline, as a reading of the loop's clock."""
    exchanges: list[Exchange] = field(factory=list)
    tokens: list[str] = field(factory=list, repr=False)
    """With which each of them went out."""


def _is_granted(status: int) -> bool:
    return 200 <= status < 300


def _failure(out: Outgoing, exchange: Exchange, broken: Broken) -> IngramError:
    """Make the error for a request without a whole answer."""
    if not exchange.sent:
        if broken.is_about_settings:
            return ConfigurationError(f"{out.route}: nothing was sent, for the settings do not let it: {broken}")
        return ConnectionFailedError(f"{out.route}: nothing was sent: {broken} ({out.subject})")
    why = f"no answer came: {broken}"
    if exchange.status is not None:
        why = f"the answer ({exchange.status}) broke off: {broken}"
    if out.writes:
        return out.outcome_unknown(why, status=exchange.status, body=exchange.body)
    return ConnectionLostError(f"{out.route}: {why} ({out.subject})")


def _unforeseen(call: _Call, exc: Exception) -> IngramError | None:
    """Make the error for what nobody knows to come here; it must not hide that a write was sent."""
    last = call.exchanges[-1] if call.exchanges else None
    if last is None or not (call.out.writes and last.sent):
        return None
    why = f"something went wrong here, after it was sent: {describe(exc)}"
    error = call.out.outcome_unknown(why, status=last.status, body=last.body)
    error.__cause__ = exc
    return error


def _late(out: Outgoing, exchange: Exchange | None) -> IngramError:
    """Make the error for a deadline that cut; a write's refusal whose head had come stays one."""
    why = "the time was up before the whole answer came"
    if exchange is None or not (out.writes and exchange.sent):
        hint = retry_after(exchange.answer_headers) if exchange is not None else None
        return DeadlineExceededError(f"{out.route}: {why} ({out.subject})", retry_after=hint)
    if exchange.status is not None and not _is_granted(exchange.status):
        return wire.refusal(out, exchange.status, exchange.answer_headers, exchange.body)
    return out.outcome_unknown(why, status=exchange.status, body=exchange.body)


def _no_product(refused: AuthenticationError) -> bool:
    """Whether the app has no access to this API at all, which no new token cures. Seen in production."""
    return any("no apiproduct match" in (error.message or "").casefold() for error in refused.errors)


async def _beside_the_loop(size: int, work: Callable[..., T], *args: Any) -> T:
    """Do what takes long for many bytes in a thread, and what does not at once."""
    if size < LONG_BODY:
        return work(*args)
    try:
        done = asyncio.get_running_loop().run_in_executor(None, work, *args)
    except RuntimeError:  # the loop's threads were shut down; the answer is here all the same
        return work(*args)
    return await done
