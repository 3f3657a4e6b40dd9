"""
When a request may go: as the limiter, the API's own word, and the number of those on their way let it.

Waits, and sends nothing. What does not fit a call's deadline is told at once, where that is known.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from ingram_orders.errors import ConnectionFailedError, DeadlineExceededError, describe
from ingram_orders.limiter import Limiter
from ingram_orders.logs import tell
from ingram_orders.retry import RetryPolicy
from ingram_orders.wire import Outgoing

_GIVING_BACK: Final = 1.0
"""Seconds that a limiter may take to have a place back."""

_Slot = AbstractAsyncContextManager[None]

_log = logging.getLogger(__name__)


class Pace:
    """What all calls of a client wait for together."""

    def __init__(
        self,
        *,
        limiter: Limiter | None,
        max_in_flight: int,
        policy: RetryPolicy,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
    ) -> None:
        self.limiter = limiter
        self.max_in_flight = max_in_flight
        self.clock = clock
        self.sleep = sleep
        self._policy = policy
        self._random = random
        self.turns = asyncio.Semaphore(max_in_flight)
        """Each call on its way has one."""
        self._rests: dict[str, float] = {}
        """By route, until when it is let alone, since the API said that its quota is used up."""

    def left(self, until: float | None) -> float | None:
        """Give the seconds to a deadline, which is a reading of the clock; `None` where there is none."""
        return None if until is None else until - self.clock()

    def let_rest(self, route: str, seconds: float) -> None:
        """Let nobody go by a route for a while."""
        self._rests[route] = max(self._rests.get(route, 0.0), self.clock() + seconds)

    def check(self, out: Outgoing, until: float) -> None:
        """
        See that what is to be waited for, as far as that is known, fits the deadline.

        Raises:
            DeadlineExceededError: It does not.
        """
        left = until - self.clock()
        self._rest(out, until, 0.0)
        seconds = self._least_wait(out.route)
        if seconds >= left > 0:
            raise does_not_fit(out, seconds)

    def _least_wait(self, route: str) -> float:
        # It is a hint, and may be of a limiter of the caller's own: one that is none must not fail a call.
        try:
            seconds = getattr(self.limiter, "least_wait", lambda _: 0.0)(route)
        except Exception:
            return 0.0
        return seconds if isinstance(seconds, int | float) else 0.0

    async def take_place(self, limiter: Limiter, out: Outgoing, until: float | None) -> _Slot:
        """
        Wait for a place of the limiter, until the deadline; `give_back` takes it back.

        Raises:
            ConnectionFailedError: No place was to be had.
            DeadlineExceededError: Not in time.
        """
        time: asyncio.Timeout | None = None
        try:
            slot = limiter.slot(out.route)
            if until is None:
                await slot.__aenter__()
            else:
                async with asyncio.timeout(until - self.clock()) as time:
                    await slot.__aenter__()
        except Exception as exc:  # of a limiter of the caller's own, unless time is up
            if isinstance(exc, TimeoutError) and time is not None and time.expired():
                why = f"{out.route}: the time was up before it was sent ({out.subject})"
                raise DeadlineExceededError(why) from exc
            why = f"{out.route}: nothing was sent, for no place was to be had: {describe(exc)}"
            raise ConnectionFailedError(why) from exc
        return slot

    async def give_back(self, slot: _Slot, route: str, *, was_sent: bool) -> None:
        """Give a place back: what goes wrong with that must not cost an answer."""
        failure = None if was_sent else ConnectionFailedError(f"{route}: nothing was sent")
        task = asyncio.current_task()
        cancellations = 0 if task is None else task.cancelling()
        try:
            async with asyncio.timeout(_GIVING_BACK):
                await slot.__aexit__(*(None, None, None) if failure is None else (type(failure), failure, None))
        except (Exception, asyncio.CancelledError) as exc:  # of a limiter of the caller's own
            if task is not None and task.cancelling() > cancellations:
                raise
            if exc is not failure:
                tell(_log, logging.WARNING, "%s: its place could not be given back: %s", route, type(exc).__name__)

    async def take_turn(self, out: Outgoing, until: float | None, token: Callable[[], Awaitable[str]]) -> str:
        """Wait for one of the turns, once the route rests no more, and give a token; `turns.release` ends it."""
        rested = 0.0
        while True:
            await self.turns.acquire()
            try:
                its = await token()
                seconds = self._rest(out, until, rested) if self._rests else 0.0
            except BaseException:
                self.turns.release()
                raise
            if not seconds:
                return its
            self.turns.release()
            rested, left = self._rests[out.route], self.left(until)
            room = self._policy.base if left is None else min(self._policy.base, (left - seconds) / 2)
            tell(
                _log, logging.INFO, "%s: rests for %.1f s, for its quota is used up (correlation id %s)",
                out.route, seconds, out.correlation_id,
            )  # fmt: skip
            await self.sleep(seconds + self._random() * room)

    def _rest(self, out: Outgoing, until: float | None, rested: float) -> float:
        """Give the seconds that the route still rests, 0 where it does not; whoever has waited for it goes."""
        rests_until = self._rests.get(out.route)
        if rests_until is None:
            return 0.0
        seconds = rests_until - self.clock()
        if rests_until <= rested or seconds <= 0:
            return 0.0
        left = self.left(until)
        if left is not None and seconds >= left:
            raise does_not_fit(out, seconds)
        return seconds


def does_not_fit(out: Outgoing, seconds: float) -> DeadlineExceededError:
    """Make the error for a wait that is longer than there is time."""
    why = f"the quota is used up for {seconds:.1f} s yet, which is longer than there is time"
    return DeadlineExceededError(f"{out.route}: {why} ({out.subject})", retry_after=seconds)
