"""Carries exchanges over aiohttp sessions, its own or one that is lent; what they mean is for the session to say."""

import asyncio
import copy
import functools
import io
import logging
from contextlib import suppress
from ssl import SSLContext
from typing import Final, Literal

import aiohttp
from aiohttp import ClientMiddlewareType, ClientSession
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from ingram_orders.errors import ConfigurationError, brief
from ingram_orders.exchange import Broken, Exchange, let_go
from ingram_orders.logs import tell
from ingram_orders.settings import Proxy, Timeouts
from ingram_orders.watches import Connector, LentWatch, Silence, Watch

_LARGE_UPLOAD: Final = 2**20
"""Bytes from which on aiohttp warns of a body given in one piece; such a one is handed over as a file."""

_log = logging.getLogger(__name__)


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
        self._silence = Silence(timeouts.read)
        if borrowed is None:
            self._timeout = aiohttp.ClientTimeout(total=None, connect=timeouts.connect)
        else:  # `connect` would count the wait for their pool, which is not the server's doing
            self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeouts.connect, sock_read=timeouts.read)
        self._proxy = None if proxy is None else proxy.url
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
        await self._silence.end(cut=self._borrowed is None)
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
        lent = self._borrowed
        if lent is not None and lent.closed:
            raise ConfigurationError("the aiohttp session that was lent to this client is closed")
        if asyncio.get_running_loop() is not self._loop:
            self._check_loop()
        if lent is not None and getattr(lent, "_loop", self._loop) is not self._loop:
            raise ConfigurationError("the aiohttp session that was lent to this client belongs to another event loop")

    async def carry(self, exchange: Exchange) -> Broken | None:
        """
        Send a request, and read its answer into *exchange*; give what broke, if something did. One line in the log.

        Raises:
            ConfigurationError: See `check_open`; it may have been closed meanwhile, and must not be opened again.
        """
        self.check_open()
        limit, data = asyncio.timeout(None), exchange.data
        waits = functools.partial(self._silence.waits, limit)
        watch: Watch | LentWatch
        if self._borrowed is None:
            kind: Literal["read", "write"] = "write" if exchange.writes else "read"
            session, watch = self._own.get(kind) or self._open(kind), Watch(exchange, waits)
            middlewares: tuple[ClientMiddlewareType, ...] = (watch.between,)
        else:  # given with a request, middlewares replace the session's own
            session, watch = self._borrowed, LentWatch(exchange, waits)
            middlewares = (watch.outermost, *getattr(session, "_middlewares", ()), watch.innermost)
        began, outcome = exchange.clock(), "cancelled"
        try:
            async with limit:
                response = await session.request(
                    exchange.method,
                    URL(exchange.url, encoded=True),
                    headers=exchange.headers,
                    data=data if data is None or len(data) < _LARGE_UPLOAD else io.BytesIO(data),
                    allow_redirects=False,
                    raise_for_status=False,
                    auto_decompress=True,
                    timeout=self._timeout,
                    proxy=self._proxy,
                    ssl=self._ssl,
                    middlewares=middlewares,
                )
                try:
                    await exchange.take_in(response, waits)
                    self._silence.heard(limit)
                finally:
                    if response.connection is not None:  # most answers have ended by now, and given it back
                        await let_go(response)
            outcome = str(exchange.status)
        except asyncio.CancelledError as cancelled:
            watch.failed(cancelled)
            raise
        except Exception as exc:  # of aiohttp, or of a middleware or trace on a borrowed session
            watch.failed(exc)
            told = self._silence.reason if limit.expired() else _without_secrets(exc)
            outcome = " ".join(str(it) for it in (exchange.status, type(told).__name__) if it)
            return Broken(told)
        finally:
            self._silence.over(limit)
            if _log.isEnabledFor(logging.DEBUG):
                which = f" (attempt {exchange.attempt}, correlation id {exchange.correlation_id})"
                millis = (exchange.clock() - began) * 1000
                tell(
                    _log, logging.DEBUG, "%s -> %s in %.0f ms%s",
                    exchange.what, outcome, millis, which if exchange.attempt else "",
                )  # fmt: skip
        return None

    def _open(self, kind: Literal["read", "write"]) -> ClientSession:
        self._own[kind] = ClientSession(
            # A stale kept-alive connection makes a false unknown of many a write: each gets a fresh one. No limit,
            # since what waits for the pool would have less time to connect; who calls us sets one.
            connector=Connector(limit=0, force_close=kind == "write"),
            cookie_jar=aiohttp.DummyCookieJar(),
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
