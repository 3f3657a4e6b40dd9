"""
The session manager: gives each call its token and its deadline, and sends it again where `retry` says so.

A write that may have left is never sent again, unless it was turned away for its token or for the quota. When a call
may go is `pacing`'s to say; what leaves, and how, is `transport`'s.
"""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from attrs import define, field

from ingram_orders import wire
from ingram_orders.builder import BeforeSend, Response
from ingram_orders.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    DeadlineExceededError,
    IngramError,
    OutcomeUnknownError,
    RateLimitedError,
    UnreadableAnswerError,
    blot_out,
    describe,
)
from ingram_orders.exact_json import LONG_BODY
from ingram_orders.exchange import Broken, Exchange
from ingram_orders.limiter import Limiter, Places
from ingram_orders.logs import tell
from ingram_orders.oauth import Token, TokenKeeper, TokenSource
from ingram_orders.pacing import Pace, does_not_fit
from ingram_orders.refusals import http_date, is_granted, retry_after
from ingram_orders.retry import RetryBudget, RetryPolicy, again_after, hint_of
from ingram_orders.settings import Credentials, Endpoint, Proxy, Timeouts, checked_seconds
from ingram_orders.transport import Transport
from ingram_orders.wire import Outgoing

if TYPE_CHECKING:
    from aiohttp import ClientSession, Fingerprint

T = TypeVar("T")

_MAX_TOKEN_BODY: Final = LONG_BODY
_MAX_REFUSAL: Final = 2**20
"""Bytes of a refusal that are read at most: what says more than that says it to nobody."""

_EPOCH: Final = datetime.fromtimestamp(0, UTC)

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
        retry: RetryPolicy,
        limiter: Limiter | None,
        max_in_flight: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
    ) -> None:
        self.endpoint = endpoint
        self.pace = Pace(
            limiter=limiter, max_in_flight=max_in_flight, policy=retry, clock=clock, sleep=sleep, random=random
        )
        self._transport = Transport(borrowed=borrowed, timeouts=timeouts, proxy=proxy, ssl=ssl)
        self.timeouts = timeouts
        self._max_body = max_body
        self._max_refusal = min(max_body, _MAX_REFUSAL)
        self.clock = clock
        self.sleep = sleep
        self._random = random
        self.policy = retry
        self._budget = RetryBudget(retry)
        self._dated: tuple[str, float] = ("", 0.0)
        """What the API last said that the time is, and when that came, by our clock."""
        self._proxy = proxy
        self._credentials: Credentials | None = None
        self._keeper: TokenKeeper | None = None
        if isinstance(tokens, Credentials):
            self._credentials = tokens
            tokens = self._keeper = TokenKeeper(
                functools.partial(self._fetch_token, tokens), clock=clock, sleep=sleep, rand=random
            )
        self._tokens: TokenSource = tokens
        self._known_token: object = object()  # not even `None`, which a source may give
        """The last one of a source that could be one; it is looked through once, and not with every call."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds connections and secrets, which cannot be pickled; make one where it is needed")

    async def close(self) -> None:
        """Close what is our own; what was lent stays open. Closing twice is fine."""
        if self._transport.shut():
            if self._keeper is not None:
                await self._keeper.close()
            await self._transport.close()

    async def send(
        self, out: Outgoing, *, timeout: float | None = None, before_send: BeforeSend | None = None
    ) -> Response[Any]:
        """
        Send a request, with a token, and read its answer; again, where that cannot take effect twice.

        Args:
            out: The request, checked and written.
            timeout: Seconds for all of it; `None` is `Timeouts.total`.
            before_send: Awaited each time just before it goes out, with the time by the API's clock; what it raises is
                raised, and nothing goes out.

        Raises:
            IngramError: See `ingram_orders.errors`.
        """
        self._transport.check_open()
        total = self.timeouts.total if timeout is None else checked_seconds(timeout, "timeout")
        if total is not None and total <= 0:
            raise DeadlineExceededError(f"{out.route}: there was no time at all, {total} s ({out.subject})")
        until = None if total is None else self.clock() + total
        call = _Call(out=out, until=until, before_send=before_send)
        self._budget.requests += 1
        try:
            while True:
                try:
                    return await self._attempt(call)
                except IngramError as error:
                    wait = self._again_after(call, error)
                    if wait is None:
                        raise
                    tell(
                        _log, logging.INFO, "%s: again in %.1f s, after %s (attempt %d, correlation id %s)",
                        out.route, wait, type(error).__name__, call.attempts, out.correlation_id,
                    )  # fmt: skip
                if wait:
                    await self.sleep(wait)
        except _Vetoed as veto:
            raise veto.reason from veto.reason.__cause__
        except Exception as exc:
            told = exc if isinstance(exc, IngramError) else _unforeseen(call, exc)
            if told is None:
                raise
            if isinstance(told, OutcomeUnknownError):
                told.sent_at = call.sent_at
            await _beside_the_loop(len(getattr(told, "body", b"")), blot_out, told, self._secrets(call))
            raise told from told.__cause__

    def _secrets(self, call: "_Call") -> list[str]:
        secrets = [*call.tokens]
        if self._credentials is not None:
            secrets.append(self._credentials.client_secret)
        if self._proxy is not None:
            secrets.extend(self._proxy.secrets)
        return secrets

    async def _attempt(self, call: "_Call") -> Response[Any]:
        out = call.out
        call.exchange = None
        call.attempts += 1
        if call.until is not None:
            self.pace.check(out, call.until)
        # Before a turn, for who waits for the quota takes none from others.
        limiter = self.pace.limiter
        place = None if limiter is None else await self.pace.take_place(limiter, out, call.until)
        try:
            exchange = await (self._ask(call) if call.until is None else self._ask_until(call, call.until))
        finally:
            if type(place) is Places:  # `isinstance` of one with an abstract base is far dearer
                place.give_back(was_sent=call.was_sent())  # our own, for which nobody waits
            elif place is not None:
                await self.pace.give_back(place, out.route, was_sent=call.was_sent())
        if (size := len(exchange.body)) < LONG_BODY:
            return _read(call, exchange)
        return await _beside_the_loop(size, _read, call, exchange)

    async def _ask_until(self, call: "_Call", until: float) -> Exchange:
        try:
            # Only until the answer is here: one that came whole in time is read, however long that takes.
            async with asyncio.timeout(until - self.clock()):
                return await self._ask(call)
        except TimeoutError as late:
            raise await self._late(call) from late

    async def _ask(self, call: "_Call") -> Exchange:
        """Send the request, and give what came, which is a whole answer or a part of a refusal."""
        out, ask = call.out, self._another_token if self._keeper is None else self._keeper.token
        token = await self.pace.take_turn(out, call.until, ask)
        try:
            if call.refusal is not None and token == call.refused:
                raise call.refusal  # the source has no other
            if out.writes or call.before_send is not None:
                await self._announce(call)
            if call.until is not None and self.clock() >= call.until:
                raise TimeoutError  # which would cut only where something is waited for
            call.tokens.append(token)
            exchange = call.exchange = Exchange(
                what=out.route,
                attempt=call.attempts,
                correlation_id=out.correlation_id,
                clock=self.clock,
                method=out.request.method,
                url=f"{self.endpoint.base_url}{out.target}",
                headers={**out.headers, "Authorization": f"Bearer {token}"},
                data=out.body,
                writes=out.writes,
                most=0 if out.answer is None else self._max_body,
                most_else=self._max_refusal,
            )
            broken = await self._transport.carry(exchange)
        finally:
            self.pace.turns.release()
        self._note_date(exchange)
        # Of a refusal, what came of it is enough.
        if broken is not None and (exchange.status is None or is_granted(exchange.status)):
            raise _failure(out, exchange, broken) from broken.cause
        return exchange

    async def _announce(self, call: "_Call") -> None:
        """Note, and tell who wants to hear it, that it is about to go out; which may yet be prevented."""
        call.sent_at = self._time_there()
        if call.before_send is not None:
            try:
                await call.before_send(call.sent_at)
            except Exception as exc:
                raise _Vetoed(exc) from exc

    async def _late(self, call: "_Call") -> IngramError:
        size = 0 if call.exchange is None else len(call.exchange.body)
        return await _beside_the_loop(size, _late, call.out, call.exchange)

    # ── What is sent again ──────────────────────────────────────────────────────────────────────────────────────

    def _again_after(self, call: "_Call", error: IngramError) -> float | None:
        """Give the seconds after which an attempt is made again; `None` where it is not."""
        exchange = call.exchange
        if self._transport.is_closed:
            return None
        if isinstance(error, AuthenticationError):
            return self._again_with_another_token(call, error)
        if isinstance(error, UnreadableAnswerError) and exchange is not None and exchange.is_cut:
            return None  # it would be as long again
        if isinstance(error, ConnectionLostError) and exchange is not None and exchange.was_stale:
            call.stale += 1
            if call.stale == 1 and self.policy.attempts > 1:
                return 0.0  # a connection that had been kept too long; that says nothing of the server
        hint = hint_of(error)
        call.failures += hint is None
        left = self.pace.left(call.until)
        wait = again_after(self._budget, error, failures=call.failures, left=left, random=self._random)
        if isinstance(error, RateLimitedError):
            rest = hint or wait or self.policy.wait(1, throttled=True, random=self._random)
            self.pace.let_rest(call.out.route, rest)
            if wait is None and hint is not None and self.policy.attempts > 1:  # it does not fit the deadline
                raise does_not_fit(call.out, hint) from error
        return wait

    def _again_with_another_token(self, call: "_Call", error: AuthenticationError) -> float | None:
        # The request was turned away at the door, a write too, and may go once more; not where it is the token
        # endpoint that refused, or where the app has no access at all.
        turned_away = call.exchange is not None and call.exchange.status == 401
        if call.refusal is not None or not turned_away or _no_product(error):
            return None
        call.refusal, call.refused = error, call.tokens[-1]
        self._drop(call.refused)
        return 0.0

    # ── The API's time ──────────────────────────────────────────────────────────────────────────────────────────

    def _note_date(self, exchange: Exchange) -> None:
        if date := exchange.answer_headers.get("Date"):
            self._dated = date, exchange.answered_at

    def _time_there(self) -> datetime:
        """Give the time by the API's clock, as its last answer told it; by this machine's, where none did."""
        text, then = self._dated
        told = http_date(text)
        if told is not None:
            with suppress(OverflowError):  # a date at the end of all time
                return told + timedelta(seconds=self.clock() - then)
        return datetime.now(UTC)

    # ── The token ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _another_token(self) -> str:
        """Give a token of a source of the caller's own, which may raise and give anything."""
        try:
            token = await self._tokens.token()
        except (ConfigurationError, ConnectionFailedError, AuthenticationError):
            raise
        except Exception as exc:
            raise ConnectionFailedError(f"no token was to be had: {describe(exc)}") from exc
        if token is not self._known_token:
            if not wire.is_token(token):
                why = "the token source gave what cannot be a token: nothing, or no visible ASCII text"
                raise ConfigurationError(why)
            self._known_token = token
        return token

    def _drop(self, token: str) -> None:
        try:
            self._tokens.drop(token)
        except Exception as exc:  # of a token source of the caller's own
            raise ConnectionFailedError(f"no new token was to be had: {describe(exc)}") from exc

    async def _fetch_token(self, credentials: Credentials) -> Token:
        exchange = Exchange(
            what="POST token",
            clock=self.clock,
            method="POST",
            url=self.endpoint.token_url,
            headers={**wire.HEADERS, "Content-Type": "application/x-www-form-urlencoded"},
            data=wire.encode_token(credentials.client_id, credentials.client_secret),
            writes=True,
            most=_MAX_TOKEN_BODY,
            most_else=_MAX_TOKEN_BODY,
        )
        broken = await self._transport.carry(exchange)
        if broken is not None:
            # Once an answer may have come, an error quotes it, and so the token.
            why, cause = (broken.kind, None) if exchange.sent else (broken.why, broken.cause)
            failed = ConnectionFailedError(f"no token was to be had: {why}")
            failed.is_certificate = broken.is_certificate
            raise failed from cause
        if self.endpoint.is_one_host:
            self._note_date(exchange)
        return wire.decode_token(exchange.status or 0, exchange.answer_headers, exchange.body)


@define
class _Call:
    """One call, and what has become of it so far."""

    out: Outgoing
    until: float | None
    """The deadline, as a reading of the session's clock."""
    before_send: BeforeSend | None
    attempts: int = 0
    failures: int = 0
    """How many attempts failed that count."""
    exchange: Exchange | None = None
    """Of the last attempt, once it went out."""
    tokens: list[str] = field(factory=list, repr=False)
    """With which each attempt went out."""
    stale: int = 0
    """How often a connection turned out to be dead that had been kept."""
    sent_at: datetime = _EPOCH
    """When it last went out, by the API's clock."""
    refusal: AuthenticationError | None = None
    """By which it was turned away for its token."""
    refused: str | None = field(default=None, repr=False)
    """That token."""

    def was_sent(self) -> bool:
        """Whether anything of the last attempt may have left."""
        return self.exchange is not None and self.exchange.sent


def _read(call: _Call, exchange: Exchange) -> Response[Any]:
    """Read an answer that came whole, or so much of it as was to be read."""
    out, status, headers, body = call.out, exchange.status or 0, exchange.answer_headers, exchange.body
    if exchange.is_cut and is_granted(status):
        raise wire.unreadable(out, f"it is larger than {len(body)} bytes", status, body)
    return Response(
        model=wire.decode(out, status, headers, body),
        status=status,
        headers=headers,
        correlation_id=out.correlation_id,
        attempts=call.attempts,
        body=body,
    )


class _Vetoed(Exception):  # noqa: N818  # carries one past all that deals with errors of our own
    """What was to be awaited before the request was sent raised, and so it was not sent."""

    def __init__(self, reason: Exception) -> None:
        super().__init__()
        self.reason = reason


def _failure(out: Outgoing, exchange: Exchange, broken: Broken) -> IngramError:
    """Make the error for a request without a whole answer."""
    if not exchange.sent:
        if broken.is_about_settings:
            return ConfigurationError(f"{out.route}: nothing was sent, for the settings do not let it: {broken.why}")
        failed = ConnectionFailedError(f"{out.route}: nothing was sent: {broken.why} ({out.subject})")
        failed.is_certificate = broken.is_certificate
        return failed
    why = f"no answer came: {broken.why}"
    if exchange.status is not None:
        why = f"the answer ({exchange.status}) broke off: {broken.why}"
    if out.writes:
        return out.outcome_unknown(why, status=exchange.status, body=exchange.body)
    return ConnectionLostError(f"{out.route}: {why} ({out.subject})")


def _unforeseen(call: _Call, exc: Exception) -> IngramError | None:
    """Make the error for what nobody knows to come here; it must not hide that a write was sent."""
    last = call.exchange
    if last is None or not (call.out.writes and last.sent):
        return None
    why = f"something went wrong here, after it was sent: {describe(exc)}"
    error = call.out.outcome_unknown(why, status=last.status, body=last.body)
    error.__cause__ = exc
    return error


def _late(out: Outgoing, exchange: Exchange | None) -> IngramError:
    """Make the error for a deadline that cut; a write's refusal whose head had come stays one."""
    was_sent = exchange is not None and exchange.sent
    why = f"the time was up before {'the whole answer came' if was_sent else 'it was sent'}"
    if exchange is None or not (out.writes and exchange.sent):
        hint = retry_after(exchange.answer_headers) if exchange is not None else None
        return DeadlineExceededError(f"{out.route}: {why} ({out.subject})", retry_after=hint)
    if exchange.status is not None and not is_granted(exchange.status):
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
