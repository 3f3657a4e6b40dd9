"""
One request over aiohttp and one answer back, and what is known of how far it got.

Decides nothing: what an answer means, and what may be sent again, is for the session to say. That holds against aiohttp
too, which by itself sends a PUT or DELETE a second time after a dropped connection, even when the server has read the
whole first one.
"""

import asyncio
import copy
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from ssl import SSLContext
from types import SimpleNamespace
from typing import Final, Literal

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession
from attrs import define, field
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ingram_orders._version import __version__
from ingram_orders.errors import ConfigurationError, brief, describe
from ingram_orders.settings import Proxy, Timeouts

_LARGE_UPLOAD: Final = 2**20
"""Bytes from which on aiohttp warns of a body given in one piece; such a one is handed over as a file."""

_NOT_SENT: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.ServerFingerprintMismatch,
)
"""What aiohttp raises only while there is no connection to send on."""

_DROPPED: Final = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ClientConnectionResetError)
"""What aiohttp raises when a connection broke that there was; after the first two it sends again."""


class Broken(Exception):  # noqa: N818  # what it means for the caller, and so which error it is, the session says
    """No whole answer came. `Exchange` holds what did; the cause is what aiohttp, or somebody around it, said."""

    def __init__(self, cause: Exception) -> None:
        first = cause.__cause__ if isinstance(cause, _Dropped) else cause
        super().__init__(describe(first or cause))
        self.is_about_settings = not isinstance(cause, aiohttp.ClientError | OSError)
        """It came of how things were set up, and not of the connection."""
        self.is_certificate = isinstance(
            cause, aiohttp.ClientConnectorCertificateError | aiohttp.ServerFingerprintMismatch
        )
        """It was the server's certificate, which is not to be trusted."""


class _Dropped(aiohttp.ClientError):
    """The connection broke after it was made; of a type for which aiohttp does not send again."""


class _SecondSend(aiohttp.ClientError):
    """A middleware of a borrowed session tried to send a write again."""


@define(eq=False)
class Exchange:
    """A request, and what has come of its answer."""

    method: str
    url: str
    """Percent-encoded."""
    headers: Mapping[str, str] = field(repr=False)
    data: bytes | None = field(repr=False)
    writes: bool
    """Whether sending it twice is not the same as once; nothing of it passes after a part of it may have left."""
    at_most: Callable[[int], int]
    """How many bytes of the body to read, by status."""

    sent: bool = False
    """Whether anything of the request may have left."""
    was_stale: bool = False
    """Whether it went out on a connection that had been kept, and that broke before a byte of the answer."""
    status: int | None = None
    """Of the answer, once its head has come."""
    answer_headers: Mapping[str, str] = field(factory=CIMultiDict, repr=False)
    """Looked up without regard to case."""
    is_cut: bool = False
    """Whether there was more of a body than was to be read."""
    _chunks: list[bytes] = field(factory=list, init=False, repr=False)
    _head_came: float = field(default=0.0, init=False, repr=False)

    @property
    def age(self) -> float:
        """How many seconds ago the answer's head came."""
        return asyncio.get_running_loop().time() - self._head_came

    @property
    def body(self) -> bytes:
        """What has come of the answer's body."""
        if len(self._chunks) != 1:
            self._chunks = [b"".join(self._chunks)]
        return self._chunks[0]

    async def take_in(self, response: ClientResponse) -> None:
        """Read an answer: its head, and its body up to the cap."""
        self.take_in_head(response)
        left = self.at_most(response.status)
        if not left:
            return
        if response.content.at_eof():  # somebody around us has read it; aiohttp keeps what it was
            chunk = await response.read()
            self._chunks, self.is_cut = [chunk[:left]], len(chunk) > left
            return
        async for chunk in response.content.iter_any():
            self._chunks.append(chunk[:left])
            left -= len(chunk)
            if left < 0:
                self.is_cut = True
                return

    def take_in_head(self, response: ClientResponse) -> None:
        """Learn of an answer that its head has come."""
        self.sent = True
        self._head_came = asyncio.get_running_loop().time()
        self.status = response.status
        self.answer_headers = CIMultiDict(response.headers)


class _Watch:
    """
    Watches one exchange go through aiohttp: keeps a write from going out twice, and learns whether anything of the
    request may have left.

    On a session of our own a trace tells that. On a borrowed one there is none: what enters `innermost` has left,
    unless it says that it had no connection; and that session's own middlewares, which stand between `outermost` and
    `innermost`, may send by ways that nobody sees.
    """

    def __init__(self, exchange: Exchange, *, traced: bool, read: float | None) -> None:
        self.exchange = exchange
        self.upload = asyncio.timeout(None)
        """Cuts an upload that does not end."""
        self._traced = traced
        self._read = read
        self._entered = False
        self._is_kept = False
        self._no_connection: Exception | None = None
        """The error that `innermost` met last, if it was one."""
        self._in_doubt = False
        self._refused: ClientResponse | None = None
        """The answer after which a middleware wanted to send again."""

    async def outermost(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Stand around all middlewares; hide from aiohttp the errors after which it would send again."""
        self._entered = True
        exchange = self.exchange
        try:
            response = await handler(request)
        except BaseException as failure:
            if not self._traced and (self._in_doubt or failure is not self._no_connection):
                exchange.sent = True
            if isinstance(failure, _SecondSend) and self._refused is not None:
                exchange.take_in_head(self._refused)
                with suppress(Exception):  # it may have been closed, and its body be gone
                    await exchange.take_in(self._refused)
            if isinstance(failure, _DROPPED) and not isinstance(failure, _NOT_SENT):
                exchange.was_stale = self._is_kept
                raise _Dropped(describe(failure)) from failure
            raise
        exchange.sent = True
        return response

    async def innermost(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Pass the request on to aiohttp, and a write only while nothing of it may have left."""
        exchange = self.exchange
        if exchange.writes and exchange.sent:
            raise _SecondSend("a middleware wanted to send a write again")
        before, self._no_connection = exchange.sent, None
        exchange.sent = before or not self._traced
        try:
            self._refused = await handler(request)
        except _NOT_SENT as failure:
            if not self._traced:
                exchange.sent, self._no_connection = before, failure
                asyncio.get_running_loop().call_soon(self._doubt, failure)
            raise
        return self._refused

    def _doubt(self, failure: Exception) -> None:
        # Whoever waits for anything after that error, instead of passing it on, may be sending the request by himself.
        self._in_doubt = self._in_doubt or self._no_connection is failure

    def reusing(self) -> None:
        """Learn from the trace that the request goes out on a connection that had been kept."""
        self._is_kept = True

    def leaving(self) -> None:
        """Learn from the trace that the request's head is leaving."""
        self.exchange.sent = True
        if self._read is not None:
            self.upload.reschedule(asyncio.get_running_loop().time() + self._read)

    def failed(self, failure: BaseException) -> None:
        """
        Learn how it ended.

        What nobody saw counts as sent: an error of a connection under a mock of aiohttp, or any end on a session of a
        class that asks no middlewares.
        """
        if not self._entered:
            cut = isinstance(failure, asyncio.CancelledError) and not self._traced
            lost = isinstance(failure, aiohttp.ClientError | OSError) and not isinstance(failure, _NOT_SENT)
            self.exchange.sent = self.exchange.sent or cut or lost


class Transport:
    """
    Carries exchanges: over two aiohttp sessions of its own, or over one that is lent to it.

    Opened when first used, in the loop that runs then, to which it belongs from there on.
    """

    def __init__(
        self,
        *,
        borrowed: ClientSession | None,
        timeouts: Timeouts,
        proxy: Proxy | None,
        ssl: SSLContext | aiohttp.Fingerprint | bool,
    ) -> None:
        if borrowed is not None and not isinstance(borrowed, ClientSession):
            raise ConfigurationError(f"session must be an aiohttp.ClientSession, not {brief(borrowed)}")
        self._borrowed = borrowed
        self._timeouts = timeouts
        self._proxy = proxy
        self._ssl = ssl
        self._loop: asyncio.AbstractEventLoop | None = None
        self._own: dict[Literal["read", "write"], ClientSession] = {}
        self.is_closed = False

    def shut(self) -> bool:
        """
        Let nothing begin any more; give whether anything is left to close.

        Raises:
            ConfigurationError: It belongs to another event loop, which still runs.
        """
        if self._loop is not None and self._loop.is_closed():
            self._own.clear()  # nothing can be closed in a loop that has ended; its connections ended with it
        elif self._loop is not None:
            self._check_loop()
        self.is_closed = True
        return bool(self._loop is not None and not self._loop.is_closed())

    async def close(self) -> None:
        """Close what is our own; what was lent stays open. Closing twice is fine."""
        while self._own:
            _, session = self._own.popitem()
            await session.close()

    def check_open(self) -> None:
        """
        See that something can be sent here and now.

        Raises:
            ConfigurationError: It is closed, or belongs to another event loop, or what was lent is so.
        """
        if self.is_closed:
            raise ConfigurationError("this client is closed")
        if self._borrowed is not None and self._borrowed.closed:
            raise ConfigurationError("the aiohttp session that was lent to this client is closed")
        self._check_loop()
        if getattr(self._borrowed, "_loop", self._loop) is not self._loop:
            raise ConfigurationError("the aiohttp session that was lent to this client belongs to another event loop")

    async def carry(self, exchange: Exchange) -> None:
        """
        Send a request, and read its answer into *exchange*.

        Raises:
            Broken: No whole answer came; what did is in *exchange*, also when this is cancelled.
            ConfigurationError: See `check_open`; it may have been closed meanwhile, and must not be opened again.
        """
        self.check_open()
        watch = _Watch(exchange, traced=self._borrowed is None, read=self._timeouts.read)
        try:
            async with watch.upload:
                response = await self._request(exchange, watch)
            async with response:
                # In here, where the connection is: headers are not yet an answer.
                await exchange.take_in(response)
        except asyncio.CancelledError as cancelled:
            watch.failed(cancelled)
            raise
        except Exception as exc:  # of aiohttp, or of a middleware or trace on a borrowed session
            watch.failed(exc)
            told = _without_secrets(exc)
            raise Broken(told) from told

    async def _request(self, exchange: Exchange, watch: _Watch) -> ClientResponse:
        # Traces of a borrowed session know nothing of ours, and may expect theirs. Given with a request, middlewares
        # replace the session's own; a borrowed session's stay around ours.
        session, context = self._borrowed, None
        outer: Sequence[aiohttp.ClientMiddlewareType] = ()
        if session is None:
            session, context = self._session("write" if exchange.writes else "read"), watch
            timeout = aiohttp.ClientTimeout(total=None, connect=self._timeouts.connect, sock_read=self._timeouts.read)
        else:
            outer = getattr(session, "_middlewares", ())
            # `connect` would count the wait for their pool, which is not the server's doing.
            timeout = aiohttp.ClientTimeout(
                total=None, sock_connect=self._timeouts.connect, sock_read=self._timeouts.read
            )
        data = exchange.data
        return await session.request(
            exchange.method,
            URL(exchange.url, encoded=True),
            headers={**exchange.headers, "User-Agent": f"ingram-orders/{__version__}"},
            data=data if data is None or len(data) < _LARGE_UPLOAD else io.BytesIO(data),
            allow_redirects=False,
            raise_for_status=False,
            auto_decompress=True,
            timeout=timeout,
            proxy=None if self._proxy is None else self._proxy.url,
            ssl=self._ssl,
            middlewares=(watch.outermost, *outer, watch.innermost),
            trace_request_ctx=context,
        )

    def _session(self, kind: Literal["read", "write"]) -> ClientSession:
        if kind not in self._own:
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_connection_reused)
            trace.on_request_headers_sent.append(_headers_sent)
            self._own[kind] = ClientSession(
                # A stale kept-alive connection makes a false unknown of many a write: each gets a fresh one. No limit,
                # since what waits for the pool would have less time to connect; who calls us sets one.
                connector=aiohttp.TCPConnector(limit=0, force_close=kind == "write"),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[trace],
            )
        return self._own[kind]

    def _check_loop(self) -> None:
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise ConfigurationError(
                "this client was first used in another event loop, and belongs to it; make one client per loop"
            )


async def _connection_reused(_: ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.reusing()


async def _headers_sent(_: ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.leaving()


def _without_secrets(exc: Exception) -> Exception:
    """
    Give an error without what its `repr` would show: the headers with the token, and a proxy's user and password.

    One that is somebody's own, and of a make that cannot be mended so, is given as it is.
    """
    with suppress(Exception):
        if isinstance(exc, aiohttp.InvalidURL) and "@" in str(exc.url):
            return aiohttp.InvalidURL("an address with a password", exc.description)
        if isinstance(exc, aiohttp.ClientResponseError):
            told, bare = exc.request_info, copy.copy(exc)
            bare.request_info = aiohttp.RequestInfo(
                told.url.with_user(None), told.method, CIMultiDictProxy(CIMultiDict()), told.real_url.with_user(None)
            )
            bare.args = (bare.request_info, bare.history)
            bare.__cause__ = exc.__cause__
            return bare
    return exc
