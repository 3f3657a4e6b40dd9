"""
When to fetch an access token, and when not to; does no I/O itself.

There is no refresh token: a new one is fetched as the first was. A token may die before its time, when another is
issued for the same client; one production client saw 24 hours of 401 from a cached one.
"""

import asyncio
import copy
import math
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol

from attrs import field, frozen

from ingram_orders.errors import ConnectionFailedError, IngramError, describe

MARGIN: Final = 300.0
"""Seconds before a token's end from which on a new one is fetched, and at most a tenth of its life."""

FIRST_PAUSE: Final = 1.0
"""
Seconds after a failed fetch in which no other is tried; they double with each failure in a row. And seconds that lie at
least between two tokens fetched because the API refused the one before.
"""

LONGEST_PAUSE: Final = 30.0

LONGEST_REFRESH: Final = 15.0
"""Seconds after which a refresh that nobody waits for yet is given up, whatever the timeouts allow."""


class TokenSource(Protocol):
    """Where access tokens come from. Bring your own to share one token between processes."""

    async def token(self) -> str:
        """Give a token that should be good now."""
        ...

    def drop(self, token: str) -> None:
        """Learn that the API refused *token*; if it is still the one in hand, give it no more."""
        ...


@frozen
class Token:
    """A token, as the API issued it."""

    access_token: str = field(repr=False)
    lifetime: float
    """Seconds from now."""


class TokenKeeper:
    """
    Keeps one token, and fetches another when it must.

    One fetch at a time, however many wait. A token is fetched anew before the old one ends, a little earlier or later,
    so that many processes do not do it all at once; nobody waits for that. After a failure no other fetch is tried for
    a while: who asks meanwhile gets the old token while it lasts, or the failure again.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[Token]],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._sleep = sleep
        self._rand = rand
        # A lock, not a shared task: cancelling one caller must not fail the rest.
        self._lock = asyncio.Lock()
        # But nobody's call is to wait, or to be cut short, for a token that is not needed yet: that one is fetched in a
        # task that belongs to the keeper, and ends with it.
        self._refreshing: asyncio.Task[None] | None = None
        self._is_closed = False
        self._token: str | None = None
        self._refresh_at = self._ends_at = 0.0
        self._failure: IngramError | None = None
        self._pause = FIRST_PAUSE
        self._quiet_until = 0.0
        self._was_refused = False
        self._replaced_at = -math.inf

    async def token(self) -> str:
        """
        Give a token that should be good now, fetching one if need be.

        Raises:
            IngramError: What the fetch raised, now or a moment ago.
        """
        if self._token is not None and self._clock() < self._refresh_at:
            return self._token  # as nearly always
        if (token := self._good()) is not None:
            self._refresh_if_due()
            return token
        async with self._lock:
            if (refreshing := self._under_way()) is not None:
                await asyncio.wait([refreshing])
            if (token := self._good()) is not None:
                return token
            if self._failure is not None and self._clock() < self._quiet_until:
                raise self._told(self._failure) from self._failure
            if self._was_refused and (early := self._replaced_at + FIRST_PAUSE - self._clock()) > 0:
                # Were each of a hundred calls to fetch at once, an API that refuses every token would be stormed.
                await self._sleep(early)
            return await self._fetched()

    def drop(self, token: str) -> None:
        """Forget *token* if it is still the one in hand: of a hundred refusals at once, one counts."""
        if token == self._token:
            self._token, self._was_refused = None, True

    async def close(self) -> None:
        """Leave nothing running."""
        self._is_closed = True
        if (refreshing := self._under_way()) is not None:
            refreshing.cancel()
            await asyncio.wait([refreshing])

    def _good(self) -> str | None:
        return self._token if self._clock() < self._ends_at else None

    def _under_way(self) -> asyncio.Task[None] | None:
        return None if self._refreshing is None or self._refreshing.done() else self._refreshing

    def _refresh_if_due(self) -> None:
        now = self._clock()
        if now >= max(self._refresh_at, self._quiet_until) and not self._is_closed and self._under_way() is None:
            self._refreshing = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        with suppress(IngramError, TimeoutError):
            async with asyncio.timeout(LONGEST_REFRESH):
                await self._fetched()
        # Once the old token has ended, no pause is to keep a call from trying by itself.
        self._quiet_until = min(self._quiet_until, self._ends_at)

    async def _fetched(self) -> str:
        asked_at = self._clock()
        try:
            fresh = await self._fetch()
        except Exception as exc:
            failure = exc if isinstance(exc, IngramError) else ConnectionFailedError(f"no token: {describe(exc)}")
            self._failure = failure
            asked_for = (failure.retry_after or 0.0) if isinstance(failure, ConnectionFailedError) else 0.0
            self._quiet_until = self._clock() + max(self._pause, asked_for)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            raise self._told(failure) from exc
        margin = min(MARGIN, fresh.lifetime / 10) * (1 + self._rand())
        self._token = fresh.access_token
        self._ends_at = asked_at + fresh.lifetime
        self._refresh_at = self._ends_at - margin
        self._failure, self._pause = None, FIRST_PAUSE
        if self._was_refused:
            self._was_refused, self._replaced_at = False, self._clock()
        return fresh.access_token

    def _told(self, failure: IngramError) -> IngramError:
        told = copy.copy(failure)  # one object would grow its traceback
        if isinstance(told, ConnectionFailedError):
            told.retry_after = max(self._quiet_until - self._clock(), 0.0)
        return told
