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
from typing import Final, Protocol

from attrs import field, frozen

from ingram_orders.errors import ConnectionFailedError, IngramError

MARGIN: Final = 300.0
"""Seconds before a token's end from which on a new one is fetched, and at most a tenth of its life."""

FIRST_PAUSE: Final = 1.0
"""
Seconds after a failed fetch in which no other is tried; they double with each failure in a row. And seconds that lie at
least between two tokens fetched because the API refused the one before.
"""

LONGEST_PAUSE: Final = 30.0

PATIENCE: Final = 5.0
"""Seconds to wait for a fetch while the token in hand is still good."""


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

    One fetch at a time, however many wait. It is fetched anew before it ends, a little earlier or later, so that many
    processes do not do it all at once; while the old one lasts, nobody waits for that but the one who fetches, and he
    not for long. After a failure no other fetch is tried for a while: who asks meanwhile gets the failure again, or
    the old token while it lasts.
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
        if self._token is not None and self._clock() < (self._ends_at if self._lock.locked() else self._refresh_at):
            return self._token
        async with self._lock:
            if self._token is not None and self._clock() < self._refresh_at:
                return self._token
            if self._failure is not None and self._clock() < self._quiet_until:
                return self._still_good(self._failure)
            if self._was_refused and (early := self._replaced_at + FIRST_PAUSE - self._clock()) > 0:
                # Were each of a hundred calls to fetch at once, an API that refuses every token would be stormed.
                await self._sleep(early)
            asked_at = self._clock()
            try:
                async with asyncio.timeout(PATIENCE if self._is_good() else None):
                    fresh = await self._fetch()
            except (IngramError, TimeoutError) as failed:
                failure = failed
                if isinstance(failure, TimeoutError):
                    failure = ConnectionFailedError(f"no token came within {PATIENCE:.0f} s")
                self._failure = failure
                self._quiet_until = self._clock() + self._pause
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
                return self._still_good(failure)
            self._keep(fresh, asked_at)
            return fresh.access_token

    def drop(self, token: str) -> None:
        """Forget *token* if it is still the one in hand: of a hundred refusals at once, one counts."""
        if token == self._token:
            self._token, self._was_refused = None, True

    def _keep(self, fresh: Token, asked_at: float) -> None:
        margin = min(MARGIN, fresh.lifetime / 10) * (1 + self._rand())
        self._token = fresh.access_token
        self._ends_at = asked_at + fresh.lifetime
        self._refresh_at = self._ends_at - margin
        self._failure, self._pause = None, FIRST_PAUSE
        if self._was_refused:
            self._was_refused, self._replaced_at = False, self._clock()

    def _is_good(self) -> bool:
        return self._token is not None and self._clock() < self._ends_at

    def _still_good(self, failure: IngramError) -> str:
        if self._token is not None and self._is_good():
            return self._token
        raise copy.copy(failure) from failure  # raised again and again, one object would grow its traceback
