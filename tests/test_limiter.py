"""The limiter: never more than is allowed in any window, first come first served, and nobody's place is lost."""

import asyncio
import heapq
import itertools
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_orders import ConfigurationError
from ingram_orders.limiter import RateLimit, Window

SEARCH = "GET /resellers/v6/orders/search"
DETAILS = "GET /resellers/v6.1/orders/{ordernumber}"


class Time:
    """A clock that stands still until all wait for it, and then goes to the next moment that somebody waits for."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps = 0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._count = itertools.count()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        event = asyncio.Event()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._count), event))
        await event.wait()

    async def run(self, *work: Any) -> list[Any]:
        """Do all of it, moving the clock whenever nothing else is left to do."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
            while not all(task.done() for task in tasks):
                for _ in range(20):
                    await asyncio.sleep(0)
                if self._sleepers and not all(task.done() for task in tasks):
                    when, _, event = heapq.heappop(self._sleepers)
                    self.now = max(self.now, when)
                    event.set()
        return [task.result() for task in tasks]


@pytest.fixture
def time() -> Time:
    return Time()


def limit(time: Time, calls: int = 3, seconds: float = 60.0) -> RateLimit:
    return RateLimit(calls, seconds, clock=time, sleep=time.sleep)


async def test_as_many_as_allowed_go_at_once_and_the_next_when_the_time_is_over(time: Time) -> None:
    limiter, started = limit(time), list[float]()

    async def call() -> None:
        async with limiter.slot(SEARCH):
            started.append(time.now)
            await time.sleep(2)

    await time.run(*(call() for _ in range(7)))
    assert started == [1000.0] * 3 + [1062.0] * 3 + [1124.0]


async def test_a_place_is_free_only_some_time_after_its_request_ended(time: Time) -> None:
    """So it does not matter when on its way the server counted it."""
    limiter, started = limit(time, calls=1), list[float]()

    async def call(seconds: float) -> None:
        async with limiter.slot(SEARCH):
            started.append(time.now)
            await time.sleep(seconds)

    await time.run(call(500), call(1))
    assert started == [1000.0, 1560.0]
    assert time.sleeps == 3  # the two requests' own, and one wait: nobody looks again and again


async def test_routes_are_bounded_each_by_itself_and_writes_not_at_all(time: Time) -> None:
    limiter, started = limit(time, calls=1), []

    async def call(route: str) -> None:
        async with limiter.slot(route):
            started.append((route, time.now))

    await time.run(*(call(route) for route in (SEARCH, DETAILS, "POST /resellers/v6/orders") * 2))
    assert [when for route, when in started if route.startswith("POST")] == [1000.0] * 2
    for route in (SEARCH, DETAILS):
        assert [when for each, when in started if each == route] == [1000.0, 1060.0]


async def test_first_come_is_first_served_and_who_gives_up_gives_his_turn_back(time: Time) -> None:
    limiter, served = limit(time, calls=1), []

    async def call(name: int) -> None:
        async with limiter.slot(SEARCH):
            served.append((name, time.now))

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(call(name)) for name in range(6)]
        await asyncio.sleep(0)
        for quitter in (1, 2, 4):  # the first of them holds the queue, the others stand in it
            tasks[quitter].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(it, asyncio.CancelledError) for it in results] == [False, True, True, False, True, False]

    await time.run(all_of_them())
    assert served == [(0, 1000.0), (3, 1060.0), (5, 1120.0)]


async def test_who_comes_just_when_a_place_is_free_does_not_go_before_who_has_waited(time: Time) -> None:
    limiter, served = limit(time, calls=1), list[str]()

    async def call(name: str, after: float) -> None:
        await time.sleep(after)
        async with limiter.slot(SEARCH):
            served.append(name)

    await time.run(call("late", 60), call("first", 0), call("patient", 0))
    assert served == ["first", "patient", "late"]


async def test_a_request_that_fails_counts_as_one_that_does_not(time: Time) -> None:
    limiter, started = limit(time, calls=1), []

    async def call() -> None:
        with suppress(RuntimeError):
            async with limiter.slot(SEARCH):
                started.append(time.now)
                raise RuntimeError

    await time.run(call(), call())
    assert started == [1000.0, 1060.0]


@pytest.mark.parametrize(("calls", "seconds"), [(0, 1), (True, 1), (1.5, 1), (1, 0), (1, float("nan")), (1, "1")])
def test_what_cannot_be_a_limit_is_refused(calls: Any, seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be"):
        RateLimit(calls, seconds)


MOMENTS = st.floats(0, 300, allow_nan=False)
CALLERS = st.lists(st.tuples(MOMENTS, st.floats(0, 90), st.none() | MOMENTS), min_size=1, max_size=25)
"""Of each when he comes, how long his request takes, and when he gives up."""


@given(st.integers(1, 5), CALLERS)
def test_no_window_ever_holds_more_than_is_allowed_and_nobody_starves(calls: int, callers: list[Any]) -> None:
    """Wherever between its start and its end the server counts each request."""
    time, spans = Time(), list[tuple[float, float]]()
    limiter = limit(time, calls)

    async def call(after: float, takes: float, gives_up_after: float | None) -> None:
        await time.sleep(after)
        if gives_up_after is None:
            await request(takes)
            return
        task = asyncio.create_task(request(takes))
        await time.sleep(gives_up_after)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def request(takes: float) -> None:
        async with limiter.slot(SEARCH):
            started = time.now
            try:
                await time.sleep(takes)
            finally:
                spans.append((started, time.now))

    asyncio.run(asyncio.wait_for(time.run(*(call(*caller) for caller in callers)), 60))
    spans.sort()
    assert len(spans) >= sum(1 for *_, gives_up in callers if gives_up is None)
    held: list[float] = []
    for started, ended in spans:  # a place is used again 60 seconds after the request that had it ended
        held = [end for end in held if end + 60 > started + 1e-6]
        assert len(held) < calls
        held.append(ended)


@given(st.integers(1, 4), st.lists(st.tuples(st.booleans(), st.floats(-200, 200)), max_size=60))
def test_a_clock_that_jumps_lets_nobody_wait_for_longer_than_the_window(
    calls: int, steps: list[tuple[bool, float]]
) -> None:
    window, now, taken = Window(calls, 60.0), 0.0, 0
    for gives_back, jump in steps:
        now += jump
        if gives_back and taken:
            window.give_back(now)
            taken -= 1
        wait = window.wait(now)
        if wait == 0:
            window.take()
            taken += 1
        elif wait is None:
            assert taken == calls
        else:
            assert 0 < wait <= 60 + 1e-6
    assert taken <= calls
