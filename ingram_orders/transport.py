"""
One request over aiohttp and one answer back, and what is known of how far it got.

Decides nothing: what an answer means, and what may be sent again, is for the session to say. That holds against aiohttp
too, which by itself sends a PUT or DELETE a second time after a dropped connection, even when the server has read the
whole first one.
"""

import asyncio
import io
from collections.abc import Callable, Mapping, Sequence
from ssl import SSLContext
from types import SimpleNamespace
from typing import Final, Literal

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession
from attrs import define, field
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ingram_orders._version import __version__
from ingram_orders.errors import ConfigurationError, brief
from ingram_orders.settings import Proxy, Timeouts

_LARGE_UPLOAD: Final = 2**20
"""Bytes from which on aiohttp warns of a body given in one piece; such a one is handed over as a file."""

_NOT_SENT: Final = (
    aiohttp.ClientConnectorError,
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
        why = str(cause) or ("it took too long" if isinstance(cause, TimeoutError) else "no reason given")
        super().__init__(f"{type(cause.__cause__ or cause).__name__}: {why}")
        self.is_about_settings = not isinstance(cause, aiohttp.ClientError | OSError)
        """It came of how things were set up, and not of the connection."""


class _Dropped(aiohttp.ClientError):
    """The connection broke after it was made; of a type for which aiohttp does not send again."""


class _SecondSend(aiohttp.ClientError):
    """A middleware of a borrowed session tried to send a write again."""


@define(eq=False)
class Exchange:
    """A request on its way, and what has come of its answer."""

    method: str
    url: str
    """Percent-encoded."""
    headers: Mapping[str, str] = field(repr=False)
    data: bytes | None = field(repr=False)
    writes: bool
    """Whether sending it twice is not the same as once; nothing of it passes after a part of it may have left."""
    at_most: Callable[[int], int]
    """How many bytes of the body to read, by status."""
    secret: str = field(default="", repr=False)
    """The token it goes out with."""

    sent: bool = False
    """Whether anything of the request may have left."""
    status: int | None = None
    """Of the answer, once its head has come."""
    answer_headers: CIMultiDict[str] = field(factory=CIMultiDict, repr=False)
    is_cut: bool = False
    """Whether there was more of a body than was to be read."""

    dropped: bool = False
    """Whether the connection broke before the answer's head, as one does that had been kept too long."""

    _chunks: list[bytes] = field(factory=list, init=False, repr=False)
    _traced: bool = field(default=False, init=False)
    """Whether a trace of ours tells what left; a borrowed session has none."""
    _entered: bool = field(default=False, init=False)
    """Whether aiohttp gave it to anybody yet."""
    _unsent: Exception | None = field(default=None, init=False)
    """The error that told, the last time, that there was no connection."""
    _upload: asyncio.Timeout | None = field(default=None, init=False)
    """What cuts an upload that does not end."""

    @property
    def body(self) -> bytes:
        """What has come of the answer's body."""
        if len(self._chunks) != 1:
            self._chunks = [b"".join(self._chunks)]
        return self._chunks[0]

    async def read(self, response: ClientResponse) -> None:
        """Take in an answer: its head, and its body up to the cap."""
        self.status = response.status
        self.answer_headers = CIMultiDict(response.headers)
        left = self.at_most(response.status)
        if not left:
            return
        async for chunk in response.content.iter_any():
            self._chunks.append(chunk[:left])
            left -= len(chunk)
            if left < 0:
                self.is_cut = True
                return

    async def outermost(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """
        Watch what is around `innermost`, and hide from aiohttp the errors after which it would send again.

        A borrowed session's own middlewares may send by ways that nobody sees, and count as having done so.
        """
        self._entered = True
        try:
            response = await handler(request)
        except BaseException as failure:
            if not self._traced and failure is not self._unsent:
                self.sent = True
            if isinstance(failure, _DROPPED) and not isinstance(failure, _NOT_SENT):
                self.dropped = True
                raise _Dropped(str(failure)) from failure
            raise
        self.sent = True
        return response

    async def innermost(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Pass a request on to aiohttp, and a write only while nothing of it may have left."""
        if self.writes and self.sent:
            raise _SecondSend("a middleware wanted to send a write again")
        before = self.sent
        # Without a trace, what enters here has left, unless it says that it had no connection.
        self.sent = before or not self._traced
        try:
            return await handler(request)
        except _NOT_SENT as unsent:
            if not self._traced:
                self.sent, self._unsent = before, unsent
            raise

    def fail(self, failure: Exception) -> None:
        """Learn how it ended. An error of a connection that nobody saw, as under a mock of aiohttp, counts as sent."""
        if not self._entered and isinstance(failure, aiohttp.ClientError | OSError):
            self.sent = not isinstance(failure, _NOT_SENT)

    def leave(self, upload_within: float | None) -> None:
        """Learn that the request is leaving."""
        self.sent = True
        if self._upload is not None and upload_within is not None:
            self._upload.reschedule(asyncio.get_running_loop().time() + upload_within)


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

    async def close(self) -> None:
        """Close what is our own; what was lent stays open. Closing twice is fine."""
        if self._loop is not None and self._loop.is_closed():
            self._own.clear()  # nothing can be closed in a loop that has ended; its connections ended with it
        elif self._own:
            self._check_loop()
        self.is_closed = True
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
        """
        exchange._traced = self._borrowed is None
        try:
            async with asyncio.timeout(None) as exchange._upload:
                response = await self._request(exchange)
            async with response:
                # In here, where the connection is: headers are not yet an answer.
                await exchange.read(response)
        except Exception as exc:  # of aiohttp, or of a middleware or trace on a borrowed session
            exchange.fail(exc)
            told = _without_secrets(exc)
            raise Broken(told) from told

    async def _request(self, exchange: Exchange) -> ClientResponse:
        # Traces of a borrowed session know nothing of ours, and may expect theirs. Given with a request, middlewares
        # replace the session's own; a borrowed session's stay around ours.
        session, context = self._borrowed, None
        outer: Sequence[aiohttp.ClientMiddlewareType] = ()
        if session is None:
            session, context = self._session("write" if exchange.writes else "read"), exchange
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
            middlewares=(exchange.outermost, *outer, exchange.innermost),
            trace_request_ctx=context,
        )

    def _session(self, kind: Literal["read", "write"]) -> ClientSession:
        if kind not in self._own:
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(self._headers_sent)
            self._own[kind] = ClientSession(
                # A stale kept-alive connection makes a false unknown of many a write: each gets a fresh one. No limit,
                # since what waits for the pool would have less time to connect; who calls us sets one.
                connector=aiohttp.TCPConnector(limit=0, force_close=kind == "write"),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[trace],
            )
        return self._own[kind]

    async def _headers_sent(self, _: ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.leave(self._timeouts.read)

    def _check_loop(self) -> None:
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise ConfigurationError(
                "this client was first used in another event loop, and belongs to it; make one client per loop"
            )


def _without_secrets(exc: Exception) -> Exception:
    """Take out of an error what its `repr` would show: the headers with the token, and a proxy's user and password."""
    if isinstance(exc, aiohttp.InvalidURL) and "@" in str(exc.url):
        return aiohttp.InvalidURL("an address with a password", exc.description)
    if isinstance(exc, aiohttp.ClientResponseError):
        told = exc.request_info
        exc.request_info = aiohttp.RequestInfo(
            told.url.with_user(None), told.method, CIMultiDictProxy(CIMultiDict()), told.real_url.with_user(None)
        )
        exc.args = (exc.request_info, exc.history)
    return exc
