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
