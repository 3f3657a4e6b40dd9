"""
So many calls of a route in a time: who may go now, and who waits for how long.

The API allows 60 GETs a minute of an endpoint (developer portal), counted by its own clock. So a place is free again
only some time after its request has *ended*: whatever happens on the way, the API sees no more in any such time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, nullcontext
from types import TracebackType
from typing import Protocol

from attrs import define, field

from ingram_orders.errors import ConfigurationError, ConnectionFailedError, brief


class Limiter(Protocol):
    """Bounds how often routes are called. `RateLimit` does; one that several machines share may take its place."""

    def slot(self, route: str) -> AbstractAsyncContextManager[None]:
        """
        Hold a place for one attempt: entering waits until there is one, leaving gives it back.

        It is left with a `ConnectionFailedError` where nothing was sent, and so nothing need be counted; what it then
        raises, or gives back, is not looked at. A limiter may also have a plain function `least_wait(route)`, as
        `RateLimit` has: then a call that has less time than that fails at once.

        Args:
            route: Method and path, e.g. `GET /resellers/v6/orders/search`.
        """
        ...


@define
class Window:
    """The places of one route. Decides, and waits for nothing."""

    calls: int
    seconds: float
    _taken: int = 0
    _ended: deque[float] = field(factory=deque)
    """When requests ended whose places are not free yet; the earliest first."""

    def take(self, now: float) -> float | None:
        """
        Take a place, if one is free, and give 0.

        Where none is, give the seconds until one is; `None` where one on its way has to end first.
        """
        self._go_on_to(now)
        if self._taken + len(self._ended) < self.calls:
            self._taken += 1
            return 0.0
        return self._ended[0] + self.seconds - now if self._ended else None

    def least_wait(self, now: float, ahead: int) -> float:
        """Give the seconds that one waits at least who has so many others before him."""
        self._go_on_to(now)
        behind = ahead - (self.calls - len(self._ended))  # those taken may be given back at once, unused
        if behind < 0 or not self._ended:
            return 0.0
        return self._ended[min(behind, len(self._ended) - 1)] + self.seconds - now

    def take_back(self) -> None:
        """Let a place be free at once: nothing came of it."""
        self._taken -= 1

    def give_back(self, now: float) -> None:
        """Let a place be free again some time after now."""
        if self._ended and self._ended[-1] > now:
            self._go_back_to(now)
        self._taken -= 1
        self._ended.append(now)

    def _go_on_to(self, now: float) -> None:
        if self._ended and self._ended[-1] > now:
            self._go_back_to(now)
        while self._ended and self._ended[0] + self.seconds <= now:
            self._ended.popleft()

    def _go_back_to(self, now: float) -> None:
        # Where a clock goes back, what has ended counts from now on, which is later than it was.
        self._ended = deque(min(ended, now) for ended in self._ended)


class Places(AbstractAsyncContextManager[None]):
    """The places of one route: entering waits for one, leaving gives it back, as `give_back` does without waiting."""

    def __init__(self, window: Window, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self.window = window
        self.waiting = 0
        """How many wait."""
        self._clock = clock
        self._sleep = sleep
        # First come, first served: who has it waits for a place, the others for him.
        self._queue = asyncio.Lock()
        self._ended = asyncio.Event()

    async def __aenter__(self) -> None:
        window = self.window
        if not self.waiting and window.take(self._clock()) == 0:
            return
        self.waiting += 1
        try:
            async with self._queue:
                while (wait := window.take(self._clock())) != 0:
                    if wait is None:
                        self._ended.clear()
                        await self._ended.wait()
                    else:
                        await self._sleep(wait)
        finally:
            self.waiting -= 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.give_back(was_sent=not isinstance(error, ConnectionFailedError))

    def give_back(self, *, was_sent: bool) -> None:
        """Let another have a place: some time after now, or at once where nothing was sent."""
        if was_sent:
            self.window.give_back(self._clock())
        else:
            self.window.take_back()
        if self.waiting:
            self._ended.set()


class RateLimit:
    """
    So many calls of each route in a time, for all traffic that goes through it.

    Several clients of one event loop may share it. Who is cancelled while he waits gives his turn back.
    """

    def __init__(
        self,
        calls: int = 60,
        seconds: float = 60.0,
        *,
        methods: Collection[str] = ("GET",),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """
        Set up.

        Args:
            calls: How many of a route, 1 or more.
            seconds: In how long.
            methods: Of which routes; others are not bounded, since no figure is published for them.
            clock: A reading in seconds, which should not go back.
            sleep: Waits so many seconds, or fewer.

        Raises:
            ConfigurationError: *calls* is less than 1, or *seconds* not above 0, or *methods* is one text.
        """
        if type(calls) is not int or calls < 1:
            raise ConfigurationError(f"calls must be a whole number, 1 or more, not {brief(calls)}")
        if isinstance(seconds, bool) or not (isinstance(seconds, int | float) and 0 < seconds < float("inf")):
            raise ConfigurationError(f"seconds must be a number above 0, not {brief(seconds)}")
        self.calls = calls
        self.seconds = seconds
        if isinstance(methods, str):
            raise ConfigurationError(f"methods must be several, as ('GET',), not {brief(methods)}")
        self.methods = frozenset(it.upper() for it in methods)
        self._clock = clock
        self._sleep = sleep
        self._routes: dict[str, Places] = {}

    def slot(self, route: str) -> AbstractAsyncContextManager[None]:
        """Hold a place for one attempt; see `Limiter`."""
        its = self._routes.get(route)
        if its is None:
            if route.partition(" ")[0] not in self.methods:
                return nullcontext()
            its = self._routes[route] = Places(Window(self.calls, self.seconds), self._clock, self._sleep)
        return its

    def least_wait(self, route: str) -> float:
        """Give the seconds that who comes now waits for a place at least; who gives up before him may make it less."""
        its = self._routes.get(route)
        return 0.0 if its is None else its.window.least_wait(self._clock(), its.waiting)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(calls={self.calls}, seconds={self.seconds})"
