"""Time that passes only where somebody waits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypedDict


class Settings(TypedDict):
    """What a client's time is set with."""

    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]


class Waits:
    """A clock that every wait moves at once, and what was waited for."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.then: Callable[[], Awaitable[None]] | None = None
        """Done once, at the end of the next wait."""

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds
        await asyncio.sleep(0)
        then, self.then = self.then, None
        if then is not None:
            await then()

    @property
    def settings(self) -> Settings:
        """For a client; its jitter is always a half."""
        return {"clock": self, "sleep": self.sleep, "random": lambda: 0.5}


class Moved:
    """A clock that a test moves by hand, and that wakes who waits for it; nothing else makes time pass."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._passed = 0.0
        self._asleep: list[tuple[float, float, asyncio.Future[None]]] = []
        self._lay_down = asyncio.Condition()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        sleeper = (self._passed + seconds, seconds, asyncio.get_running_loop().create_future())
        async with self._lay_down:
            self._asleep.append(sleeper)
            self._lay_down.notify_all()
        try:
            await sleeper[2]
        finally:
            if sleeper in self._asleep:
                self._asleep.remove(sleeper)

    def move(self, seconds: float) -> None:
        self.now += seconds
        self._passed += seconds
        for sleeper in [it for it in self._asleep if it[0] <= self._passed + 1e-9]:
            self._asleep.remove(sleeper)
            if not sleeper[2].done():
                sleeper[2].set_result(None)

    async def until_asleep(self, seconds: float, people: int = 1) -> None:
        """Wait until so many wait for so long."""
        async with asyncio.timeout(60), self._lay_down:
            await self._lay_down.wait_for(lambda: sum(it[1] == seconds for it in self._asleep) >= people)
