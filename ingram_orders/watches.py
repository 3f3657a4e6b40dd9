"""
What is learnt of an exchange while aiohttp carries it: whether anything of the request may have left, and whether
anything is still heard.

aiohttp by itself sends a PUT or DELETE a second time after a dropped connection, even when the server has read the
whole first one; and so may a middleware. Here is what keeps both from it.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.connector import Connection

from ingram_orders.errors import describe
from ingram_orders.exchange import Dropped, Exchange, hang_up, let_go

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


class SecondSend(aiohttp.ClientError):
    """Somebody tried to send a write again: a middleware of a borrowed session, or aiohttp."""


class Silence:
    """
    Cuts exchanges that have waited too long for what is to come next: the answer's head, or a piece of its body.

    One timer is for all of them, and looks who has waited longest: one for each, moved with each piece that comes, as
    aiohttp has them, is a twentieth of all that a call costs.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._waiting: dict[asyncio.Timeout, float] = {}
        """What cuts each that waits, and since when it does; who has waited longest comes first."""
        self._cut: set[asyncio.Timeout] = set()
        """Of those that are being cut."""
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def waits(self, limit: asyncio.Timeout) -> None:
        """Learn that one waits, from now on: for the first time, or for more."""
        self._waiting.pop(limit, None)
        if limit in self._cut:
            self.heard(limit)
        loop = asyncio.get_running_loop()
        self._waiting[limit] = now = loop.time()
        if self._timer is None and self._seconds is not None:
            self._timer = loop.call_at(now + self._seconds, self._look)

    def heard(self, limit: asyncio.Timeout) -> None:
        """
        Learn that what one waited for is here, and that it is not to be cut; inside the block that *limit* bounds.

        A loop that was held up may have heard it only after the time was over.
        """
        self._waiting.pop(limit, None)
        if limit in self._cut and not limit.expired():
            self._cut.discard(limit)
            limit.reschedule(None)

    def over(self, limit: asyncio.Timeout) -> None:
        """Learn that one is over, however it ended."""
        self._waiting.pop(limit, None)
        self._cut.discard(limit)
        if self._ended and not self._waiting:
            self._stop()

    @property
    def reason(self) -> Exception:
        """Why one was cut."""
        if self._seconds is None or self._ended:
            return aiohttp.ClientConnectionError("the client was closed")
        return TimeoutError(f"it took too long: nothing came, or nothing more, within {self._seconds:g} s")

    async def end(self, *, cut: bool) -> None:
        """
        Leave no timer behind once the last is over.

        Args:
            cut: Whether to cut all that wait, and to let them end. An upload that stalls would not by itself, not even
                when its connection is closed.
        """
        self._ended = True
        if cut:
            for limit in [*self._waiting]:
                self._cut_off(limit)
            for _ in range(10):  # some three turns of the loop
                if not self._cut:
                    break
                await asyncio.sleep(0)
        if not self._waiting:
            self._stop()

    def _look(self) -> None:
        loop, seconds = asyncio.get_running_loop(), self._seconds or 0.0
        self._timer = None
        for limit, since in [*self._waiting.items()]:
            if since + seconds > loop.time():
                self._timer = loop.call_at(since + seconds, self._look)
                return
            self._cut_off(limit)

    def _cut_off(self, limit: asyncio.Timeout) -> None:
        del self._waiting[limit]
        if not limit.expired():
            self._cut.add(limit)
            limit.reschedule(0.0)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Watch:
    """
    Watches one exchange go through aiohttp on a session of our own: hides from aiohttp the errors after which it would
    send again, and learns whether anything of the request may have left.

    What aiohttp was given has left, unless its connector says that there was no connection; which is exact.
    """

    def __init__(self, exchange: Exchange, waits: Callable[[], None]) -> None:
        self.exchange = exchange
        self.waits = waits
        """Told once the request goes out."""
        self.is_kept = False
        """Whether the connection had been kept."""
        self.was_connected = False
        self.line: asyncio.Transport | None = None
        """On what a request with a body goes out."""
        self._entered = False

    async def between(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Pass the request on to aiohttp; the middleware to give it."""
        if self.exchange.writes and self.exchange.sent:
            raise SecondSend("aiohttp wanted to send a write again")
        self._entered = self.exchange.sent = True
        _watched[request] = self
        try:
            return await handler(request)
        except _DROPPED as failure:
            if isinstance(failure, _NOT_SENT):
                raise
            self.exchange.was_stale = self.is_kept
            raise Dropped(describe(failure)) from failure
        finally:
            _watched.pop(request, None)

    def failed(self, failure: BaseException) -> None:
        """
        Learn how it ended.

        Under a mock of aiohttp nobody asks the middleware; then an error of a connection that there was counts as sent.
        """
        if not self._entered and _was_lost(failure):
            self.exchange.sent = True
        hang_up(self.line)


class LentWatch:
    """
    Watches one exchange go through aiohttp on a session that was lent: keeps a write from going out twice, also by a
    middleware, and learns whether anything of the request may have left.

    What enters `innermost` has left, unless an error, and the last one, says that there was no connection. That
    session's own middlewares, which stand between `outermost` and `innermost`, may send by ways that nobody sees, or
    want to send again.
    """

    def __init__(self, exchange: Exchange, waits: Callable[[], None]) -> None:
        self.exchange = exchange
        self._waits = waits
        self._entered = False
        self._no_connection: Exception | None = None
        """The error that `innermost` met last, if it was one."""
        self._in_doubt = False
        self._refused: ClientResponse | None = None
        """The answer after which a middleware wanted to send again."""

    async def outermost(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Hide from aiohttp the errors after which it would send again."""
        self._entered = True
        exchange = self.exchange
        try:
            response = await handler(request)
        except BaseException as failure:
            if self._in_doubt or failure is not self._no_connection:
                exchange.sent = True
            if isinstance(failure, SecondSend) and self._refused is not None:
                exchange.take_in_head(self._refused)
                try:
                    with suppress(Exception):  # it may have been closed, and its body be gone
                        await exchange.take_in(self._refused, self._waits)
                finally:
                    await let_go(self._refused)
            if isinstance(failure, _DROPPED) and not isinstance(failure, _NOT_SENT):
                raise Dropped(describe(failure)) from failure
            raise
        exchange.sent = True
        return response

    async def innermost(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Pass the request on to aiohttp, and a write only while nothing of it may have left."""
        exchange = self.exchange
        if exchange.writes and exchange.sent:
            raise SecondSend("a middleware wanted to send a write again")
        before, self._no_connection = exchange.sent, None
        exchange.sent = True
        try:
            self._refused = await handler(request)
        except _NOT_SENT as failure:
            exchange.sent, self._no_connection = before, failure
            asyncio.get_running_loop().call_soon(self._doubt, failure)
            raise
        return self._refused

    def _doubt(self, failure: Exception) -> None:
        # Whoever waits for anything after that error, instead of passing it on, may be sending the request by himself.
        self._in_doubt = self._in_doubt or self._no_connection is failure

    def failed(self, failure: BaseException) -> None:
        """
        Learn how it ended.

        What nobody saw counts as sent: an error of a connection under a mock of aiohttp, or any end on a session of a
        class that asks no middlewares.
        """
        if not self._entered and (isinstance(failure, asyncio.CancelledError) or _was_lost(failure)):
            self.exchange.sent = True


def _was_lost(failure: BaseException) -> bool:
    return isinstance(failure, aiohttp.ClientError | OSError) and not isinstance(failure, _NOT_SENT)


_watched: Final[dict[ClientRequest, Watch]] = {}
"""
What aiohttp is sending on sessions of our own, for the connector. No context variable: a connection keeps the context
in which it was made, and with it a whole answer.
"""


class Connector(aiohttp.TCPConnector):
    """
    Tells a watch when there is a connection. Traces would, too, but with one aiohttp awaits signals of every kind for
    each request, which is a sixth of all that the request costs.

    Were aiohttp one day not to come by here, each request would count as sent from its start, and so no write would be
    sent twice.
    """

    async def connect(self, req: ClientRequest, *details: Any, **settings: Any) -> Connection:
        """Get a connection, kept or new."""
        watch = _watched.get(req)
        if watch is None:
            return await super().connect(req, *details, **settings)
        # Nothing leaves before there is a connection; unless there was one already.
        watch.exchange.sent, watch.is_kept = watch.was_connected, True
        connection = await super().connect(req, *details, **settings)
        # On this one the request goes out, and waits for nothing more.
        watch.exchange.sent = watch.was_connected = True
        if watch.exchange.data is not None:
            watch.line = connection.transport
        watch.waits()
        return connection

    async def _create_connection(self, req: ClientRequest, *details: Any, **settings: Any) -> Any:
        if (watch := _watched.get(req)) is not None:
            watch.is_kept = False
        return await super()._create_connection(req, *details, **settings)
