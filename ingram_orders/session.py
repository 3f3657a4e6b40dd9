"""
The session manager: aiohttp, the token, the deadline. The only place where requests leave the machine.

What may be sent again is decided here, and only here: aiohttp by itself sends a PUT or DELETE a second time after a
dropped connection, even when the server has read the whole first one.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable
from ssl import SSLContext
from types import SimpleNamespace
from typing import Any, Final, Literal, NoReturn

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ingram_orders import wire
from ingram_orders._version import __version__
from ingram_orders.builder import Response
from ingram_orders.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    DeadlineExceededError,
    IngramError,
    blot_out,
    brief,
)
from ingram_orders.oauth import Token, TokenKeeper, TokenSource
from ingram_orders.settings import Credentials, Endpoint, Timeouts, checked_seconds
from ingram_orders.wire import Outgoing

_MAX_TOKEN_BODY: Final = 2**20
_LONG_BODY: Final = 2**16
"""Bytes from which on an answer is read in a thread: at worst, as many hold the loop for some fifty milliseconds."""

_log = logging.getLogger(__name__)


class _Dropped(aiohttp.ClientError):
    """The connection broke after it was made; of a type for which aiohttp does not send again."""


class _SecondSend(aiohttp.ClientError):
    """A middleware of a borrowed session tried to send a write again."""


_NOT_SENT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.ServerFingerprintMismatch,
)
"""What aiohttp raises only while there is no connection to send on."""


class _Attempt:
    """
    One send of one request: the innermost middleware of it, and what is known of how far it got.

    Lets nothing of a write pass after a part of it may have left, and hides from aiohttp the two errors after which it
    would send again.
    """

    def __init__(self, *, token: str, writes: bool, traced: bool) -> None:
        self.token = token
        self.writes = writes
        self.sent = False
        """Whether anything of the request may have left; told by a trace of ours, or else by how `__call__` ended."""
        self.status: int | None = None
        """Of the answer, once its head has come."""
        self._traced = traced
        self._passed = False

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        if self.writes and self.sent:
            raise _SecondSend("a middleware wanted to send a write again")
        self._passed = True
        # A borrowed session has no trace of ours, so what enters it has left, unless it says that it had no connection.
        self.sent = self.sent or not self._traced
        try:
            return await handler(request)
        except _NOT_SENT:
            self.sent = self.sent and self._traced
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as dropped:
            raise _Dropped(str(dropped)) from dropped

    def was_sent(self, failure: Exception) -> bool:
        """
        Whether anything of the request may have left, now that it has failed.

        What never came through here was not sent; but an error of a connection that nobody saw counts as sent.
        """
        if self._passed:
            return self.sent
        return isinstance(failure, aiohttp.ClientError | OSError) and not isinstance(failure, _NOT_SENT)


async def _headers_sent(_: ClientSession, context: SimpleNamespace, __: object) -> None:
    if isinstance(attempt := context.trace_request_ctx, _Attempt):
        attempt.sent = True


class Session:
    """
    Sends requests: over two aiohttp sessions of its own, or over one that is lent to it.

    Opened when first used, in the loop that runs then, to which it belongs from there on.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        tokens: TokenSource | Credentials,
        borrowed: ClientSession | None,
        timeouts: Timeouts,
        max_body: int,
        proxy: str | None,
        ssl: SSLContext | aiohttp.Fingerprint | bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if borrowed is not None and not isinstance(borrowed, ClientSession):
            raise ConfigurationError(f"session must be an aiohttp.ClientSession, not {brief(borrowed)}")
        self.endpoint = endpoint
        self._tokens: TokenSource = (
            TokenKeeper(functools.partial(self._fetch_token, tokens), clock=clock)
            if isinstance(tokens, Credentials)
            else tokens
        )
        self._borrowed = borrowed
        self._timeouts = timeouts
        self._max_body = max_body
        self._proxy = proxy
        self._ssl = ssl
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._own: dict[Literal["read", "write"], ClientSession] = {}
        self._closed = False

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client holds connections and secrets, which cannot be pickled; make one where it is needed")

    async def close(self) -> None:
        """Close what is our own; what was lent stays open. Closing twice is fine."""
        if self._loop is not None and self._loop.is_closed():
            self._own.clear()  # nothing can be closed in a loop that has ended; its connections ended with it
        elif self._own:
            self._check_loop()
        self._closed = True
        while self._own:
            _, session = self._own.popitem()
            await session.close()

    async def send(self, out: Outgoing, *, timeout: float | None = None) -> Response[Any]:
        """
        Send a request, with a token, and read its answer.

        Args:
            out: The request, checked and written.
            timeout: Seconds for all of it; `None` is `Timeouts.total`.

        Raises:
            IngramError: See `ingram_orders.errors`.
        """
        self._check_open()
        total = self._timeouts.total if timeout is None else checked_seconds(timeout, "timeout")
        attempts: list[_Attempt] = []
        deadline = asyncio.timeout(total)
        try:
            if total is not None and total <= 0:
                raise DeadlineExceededError(f"{out.route}: there was no time at all, {total} s ({out.subject})")
            async with deadline:
                return await self._send(out, attempts)
        except TimeoutError as late:
            raise self._late(out, attempts[-1] if attempts else None) from late
        except IngramError as error:
            blot_out(error, (attempt.token for attempt in attempts))
            raise

    def _late(self, out: Outgoing, attempt: _Attempt | None) -> IngramError:
        """Make the error for a deadline that cut; a refusal whose head had come stays one."""
        why = "the time was up before the whole answer came"
        if attempt is None or not (out.writes and attempt.sent):
            return DeadlineExceededError(f"{out.route}: {why} ({out.subject})")
        if attempt.status is not None and attempt.status >= 300:
            return wire.refusal(out, attempt.status, {}, b"")
        return out.outcome_unknown(why, status=attempt.status)

    async def _send(self, out: Outgoing, attempts: list[_Attempt]) -> Response[Any]:
        # What may go again, each once: a request turned away for its token, and a read whose kept-alive connection
        # turned out to be dead.
        chances = {AuthenticationError, ConnectionLostError}
        while True:
            token = await self._token()
            self._check_open()  # it may have been closed meanwhile, and must not be opened again
            attempts.append(_Attempt(token=token, writes=out.writes, traced=self._borrowed is None))
            try:
                status, headers, body = await self._attempt(out, attempts)
                model = await self._decode(out, status, headers, body)
            except AuthenticationError as refused:
                if AuthenticationError not in chances or _no_product(refused):
                    raise
                chances.remove(AuthenticationError)
                attempts[-1].sent = False  # it was turned away at the door, a write too: no outcome to wonder about
                self._tokens.drop(token)
                continue
            except ConnectionLostError as lost:
                if ConnectionLostError not in chances or not isinstance(lost.__cause__, _Dropped):
                    raise
                chances.remove(ConnectionLostError)
                continue
            return Response(
                model=model,
                status=status,
                headers=headers,
                correlation_id=out.correlation_id,
                attempts=len(attempts),
                body=body,
            )

    async def _token(self) -> str:
        try:
            token = await self._tokens.token()
        except IngramError:
            raise
        except Exception as exc:  # of a token source of the caller's own
            raise ConnectionFailedError(f"no token was to be had: {type(exc).__name__}: {exc}") from exc
        if not wire.is_token(token):
            raise ConfigurationError("the token source gave what cannot be a token: nothing, or no visible ASCII text")
        return token

    async def _decode(self, out: Outgoing, status: int, headers: CIMultiDict[str], body: bytes) -> Any:
        if len(body) < _LONG_BODY:
            return wire.decode(out, status, headers, body)
        try:
            return await asyncio.to_thread(wire.decode, out, status, headers, body)
        except RuntimeError:  # the loop's threads were shut down; the answer is here all the same
            return wire.decode(out, status, headers, body)

    async def _attempt(self, out: Outgoing, attempts: list[_Attempt]) -> tuple[int, CIMultiDict[str], bytes]:
        attempt, started, outcome = attempts[-1], self._clock(), "cancelled"
        headers = {**out.headers, "Authorization": f"Bearer {attempt.token}"}
        try:
            async with self._request(out.request.method, f"{self.endpoint.base_url}{out.target}", attempt,
                                     headers=headers, data=out.body) as response:  # fmt: skip
                attempt.status, outcome = response.status, str(response.status)
                # The body is read in here, where the connection is: headers are not yet an answer.
                body = await self._body(out, response)
                return response.status, CIMultiDict(response.headers), body
        except IngramError as unread:
            outcome = f"{outcome} {type(unread).__name__}"
            raise
        except Exception as exc:  # of aiohttp, or of a middleware or trace on a borrowed session
            error = self._translated(out, attempt, exc)
            outcome = type(error).__name__
            raise error from exc
        finally:
            _log.debug(
                "%s -> %s in %.0f ms (attempt %d, correlation id %s)",
                out.route, outcome, (self._clock() - started) * 1000, len(attempts), out.correlation_id,
            )  # fmt: skip

    async def _body(self, out: Outgoing, response: ClientResponse) -> bytes:
        """Read the body, up to the cap. Of a refusal, what came of it is enough."""
        granted = 200 <= response.status < 300
        if granted and out.request.answer is None:
            return b""
        chunks = bytearray()
        try:
            async for chunk in response.content.iter_any():
                chunks += chunk
                if len(chunks) > self._max_body:
                    del chunks[self._max_body :]
                    if granted:
                        why = f"it is larger than {self._max_body} bytes"
                        raise wire.unreadable(out, why, response.status, bytes(chunks))
                    break
        except (aiohttp.ClientError, OSError) as cut:
            if granted:
                why = f"the answer ({response.status}) broke off: {type(cut).__name__}"
                raise self._lost(out, why, response.status, bytes(chunks)) from cut
        return bytes(chunks)

    def _translated(self, out: Outgoing, attempt: _Attempt, exc: Exception) -> IngramError:
        _hide_headers(exc)
        why = f"{type(exc.__cause__ or exc).__name__}: {exc}"
        if attempt.was_sent(exc):
            return self._lost(out, f"no answer came: {why}")
        if isinstance(exc, aiohttp.ClientError | OSError):
            return ConnectionFailedError(f"{out.route}: nothing was sent: {why} ({out.subject})")
        return ConfigurationError(f"{out.route}: nothing was sent, for the settings do not let it: {why}")

    def _lost(self, out: Outgoing, why: str, status: int | None = None, body: bytes = b"") -> IngramError:
        if out.writes:
            return out.outcome_unknown(why, status=status, body=body)
        return ConnectionLostError(f"{out.route}: {why} ({out.subject})")

    async def _fetch_token(self, credentials: Credentials) -> Token:
        attempt = _Attempt(token="", writes=True, traced=self._borrowed is None)
        started, outcome = self._clock(), "cancelled"
        try:
            async with self._request(
                "POST",
                self.endpoint.token_url,
                attempt,
                headers={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
                data=wire.encode_token(credentials.client_id, credentials.client_secret),
            ) as response:
                outcome = str(response.status)
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > _MAX_TOKEN_BODY:
                        break
                return wire.decode_token(response.status, bytes(body))
        except IngramError as refused:
            outcome = f"{outcome} {type(refused).__name__}"
            blot_out(refused, [credentials.client_secret])
            raise
        except Exception as exc:  # of aiohttp, or of a middleware or trace on a borrowed session
            _hide_headers(exc)
            outcome = type(exc).__name__
            blot_out(exc, [credentials.client_secret])
            raise ConnectionFailedError(f"no token was to be had: {outcome}: {exc}") from exc
        finally:
            _log.debug("POST token -> %s in %.0f ms", outcome, (self._clock() - started) * 1000)

    def _request(self, method: str, url: str, attempt: _Attempt, *, headers: dict[str, str], data: bytes | None) -> Any:
        session = self._borrowed or self._session("write" if attempt.writes else "read")
        # Given with a request, middlewares replace the session's own; a borrowed session's stay around ours.
        outer = getattr(session, "_middlewares", ()) if self._borrowed is not None else ()
        return session.request(
            method,
            URL(url, encoded=True),
            headers={**headers, "User-Agent": f"ingram-orders/{__version__}"},
            data=data,
            allow_redirects=False,
            raise_for_status=False,
            auto_decompress=True,
            # `total` and `connect` would count the wait for the pool, which is not the server's doing.
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self._timeouts.connect, sock_read=self._timeouts.read
            ),
            proxy=self._proxy,
            ssl=self._ssl,
            middlewares=(*outer, attempt),
            # Traces of a borrowed session know nothing of ours, and may expect theirs.
            trace_request_ctx=None if self._borrowed is not None else attempt,
        )

    def _session(self, kind: Literal["read", "write"]) -> ClientSession:
        if kind not in self._own:
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_headers_sent)
            self._own[kind] = ClientSession(
                # A stale kept-alive connection makes a false unknown of many a write: each gets a fresh one.
                connector=aiohttp.TCPConnector(force_close=kind == "write"),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[trace],
            )
        return self._own[kind]

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigurationError("this client is closed")
        if self._borrowed is not None and self._borrowed.closed:
            raise ConfigurationError("the aiohttp session that was lent to this client is closed")
        self._check_loop()
        if getattr(self._borrowed, "_loop", self._loop) is not self._loop:
            raise ConfigurationError("the aiohttp session that was lent to this client belongs to another event loop")

    def _check_loop(self) -> None:
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise ConfigurationError(
                "this client was first used in another event loop, and belongs to it; make one client per loop"
            )


def _no_product(refused: AuthenticationError) -> bool:
    """Whether the app has no access to this API at all, which no new token cures. Seen in production."""
    return any("no apiproduct match" in (error.message or "").casefold() for error in refused.errors)


def _hide_headers(exc: Exception) -> None:
    """Take out of an error what its `repr` would show: the headers with the token, and a proxy's user and password."""
    if isinstance(exc, aiohttp.ClientResponseError):
        told = exc.request_info
        exc.request_info = aiohttp.RequestInfo(
            told.url.with_user(None), told.method, CIMultiDictProxy(CIMultiDict()), told.real_url.with_user(None)
        )
        exc.args = (exc.request_info, exc.history)
