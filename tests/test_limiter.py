"""The limiter: never more than is allowed in any window, first come first served, and nobody's place is lost."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from support.calls import FOUND, MyTokens
from support.clients import client_for
from support.placing import ALL_TIME, order, placed
from support.raw_server import RawServer
from support.waiting import Waits

from ingram_orders import (
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    OrdersClient,
    RetryPolicy,
    pacing,
)
from ingram_orders.limiter import RateLimit, Window
from ingram_orders.sandbox import Quota, Sandbox, faults

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


async def test_who_comes_is_told_how_long_he_waits_at_least(time: Time) -> None:
    limiter, told = limit(time, calls=2), list[float]()

    async def call() -> None:
        told.append(limiter.least_wait(SEARCH))
        async with limiter.slot(SEARCH):
            await time.sleep(3)

    async def later() -> None:
        await time.sleep(10)
        await asyncio.gather(*(call() for _ in range(5)))

    await time.run(call(), call(), later())
    # 10 seconds later, two places are free in 53; whose turn comes after those is not known yet, but no earlier.
    assert told == [0.0, 0.0, 53.0, 53.0, 53.0, 53.0, 53.0]
    assert limiter.least_wait("POST /elsewhere") == 0.0


async def test_a_wait_for_the_quota_that_does_not_fit_the_deadline_is_not_begun() -> None:
    waits = Waits()
    limiter = RateLimit(calls=1, clock=waits, sleep=waits.sleep)
    async with Sandbox(orders=0) as sandbox, sandbox.client(limiter=limiter, **waits.settings) as orders:
        await orders.search().execute()
        with pytest.raises(DeadlineExceededError, match=r"the quota is used up for 60\.0 s") as late:
            await orders.search().execute(timeout=59)
        assert (late.value.retry_after, waits.slept) == (60.0, [])
        await orders.search().execute(timeout=61)
    assert waits.slept == [60.0]


class Odd:
    """A limiter that is left with an error that nobody expects."""

    def __init__(self, failure: BaseException, *, entering: bool = False) -> None:
        self._failure = failure
        self._entering = entering
        self.left_with: list[type[BaseException] | None] = []

    def slot(self, route: str) -> "Odd":
        return self

    async def __aenter__(self) -> None:
        if self._entering:
            raise self._failure

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self.left_with.append(kind)
        raise self._failure


@pytest.mark.parametrize("failure", [asyncio.CancelledError(), LookupError("odd"), TimeoutError("odd")], ids=repr)
async def test_whatever_a_limiter_is_left_with_costs_no_answer(
    failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = Odd(failure)
    async with Sandbox(orders=0) as sandbox, sandbox.client(limiter=limiter) as orders:
        assert await placed(orders, order("NEW-1"))
    assert limiter.left_with == [None]
    assert "its place could not be given back" in caplog.text


@pytest.mark.parametrize("told", [None, "soon", OSError("redis"), float("nan")], ids=repr)
async def test_a_hint_of_a_limiter_that_is_none_fails_no_call(told: Any) -> None:
    class Hinting(RateLimit):
        def least_wait(self, route: str) -> float:
            if isinstance(told, Exception):
                raise told
            return cast("float", told)

    async with Sandbox(orders=0) as sandbox, sandbox.client(limiter=Hinting()) as orders:
        await orders.search().execute(timeout=60)


async def test_a_limiters_own_timeout_is_not_taken_for_the_deadline() -> None:
    limiter = Odd(TimeoutError("redis"), entering=True)
    once = RetryPolicy(attempts=1)
    async with Sandbox(orders=0) as sandbox, sandbox.client(limiter=limiter, retry=once) as orders:
        with pytest.raises(ConnectionFailedError, match="TimeoutError: redis"):
            await orders.search().execute(timeout=100)


async def test_whatever_was_not_sent_takes_no_place(caplog: pytest.LogCaptureFixture) -> None:
    """For want of a good token, for a veto, or of a deadline that was over."""

    class NoToken(MyTokens):
        async def token(self) -> str:
            return "not a token"

    async def veto(_: datetime) -> None:
        raise RuntimeError("veto")

    limiter = RateLimit(calls=1)
    async with Sandbox(orders=0) as sandbox:
        async with sandbox.client(limiter=limiter, token_source=NoToken()) as orders:
            for _ in range(2):
                with pytest.raises(ConfigurationError):
                    await orders.search().execute()
        async with sandbox.client(limiter=limiter) as orders:
            for _ in range(2):
                with pytest.raises(RuntimeError, match="veto"):
                    await orders.send(orders.search(), before_send=veto)
            await orders.search().execute(timeout=30)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("calls", "seconds"), [(0, 1), (True, 1), (1.5, 1), (1, 0), (1, float("nan")), (1, "1"), (1, True)]
)
def test_what_cannot_be_a_limit_is_refused(calls: Any, seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be"):
        RateLimit(calls, seconds)


def test_methods_are_several_and_of_any_case() -> None:
    assert RateLimit(methods=("get", "POST")).methods == {"GET", "POST"}
    with pytest.raises(ConfigurationError, match="methods must be several"):
        RateLimit(methods="GET")


def test_a_clock_that_goes_back_frees_no_place() -> None:
    window = Window(2, 60.0)
    for _ in range(2):
        assert window.take(1000.0) == 0
        window.give_back(1000.0)
    assert window.take(500.0) == 60.0


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
def test_a_clock_that_jumps_lets_nobody_wait_for_longer_than_the_window_and_no_more_go_in_it(
    calls: int, steps: list[tuple[bool, float]]
) -> None:
    window, now, taken = Window(calls, 60.0), 0.0, 0
    passed, ended = 0.0, list[float]()  # by a clock that does not jump, of which a step back is no time at all
    for gives_back, jump in steps:
        now, passed = now + jump, passed + max(jump, 0.0)
        if gives_back and taken:
            window.give_back(now)
            ended.append(passed)
            taken -= 1
        wait = window.take(now)
        if wait == 0:
            taken += 1
            assert taken + sum(it + 60 > passed + 1e-6 for it in ended) <= calls
        elif wait is None:
            assert taken == calls
        else:
            assert 0 < wait <= 60 + 1e-6
    assert taken <= calls


# ── In a client ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Shared:
    """One clock for the limiter and the sandbox; it goes on only while nothing is on its way: that takes no time."""

    def __init__(self) -> None:
        self.started = self.now = datetime(2026, 6, 30, 12, tzinfo=UTC)
        self.on_their_way = 0

    def __call__(self) -> float:
        return (self.now - self.started).total_seconds()

    async def sleep(self, seconds: float) -> None:
        while self.on_their_way:  # noqa: ASYNC110  # a test that is to end soon
            await asyncio.sleep(0)
        self.now += timedelta(seconds=seconds)

    def limiter(self, calls: int) -> RateLimit:
        clock = self

        class Counted(RateLimit):
            @asynccontextmanager
            async def slot(self, route: str) -> AsyncIterator[None]:
                async with super().slot(route):
                    clock.on_their_way += 1
                    try:
                        yield
                    finally:
                        clock.on_their_way -= 1

        return Counted(calls, clock=self, sleep=self.sleep)


async def test_three_hundred_calls_of_sixty_four_tasks_meet_no_429_and_lose_next_to_no_time() -> None:
    clock = Shared()
    quota = Quota(calls=60, seconds=60)
    async with Sandbox(orders=1, clock=lambda: clock.now, quota=quota) as sandbox:
        async with sandbox.client(limiter=clock.limiter(60)) as orders:
            [found] = (await orders.search().ingram_order_date_bt(ALL_TIME).execute()).orders
            left = iter(range(300))

            async def work() -> None:
                for _ in left:
                    await orders.details(found.ingram_order_number or "").execute()

            async with asyncio.TaskGroup() as group:
                for _ in range(64):
                    group.create_task(work())
        assert sum(it.path.startswith("/resellers/v6.1") for it in sandbox.ledger) == 300
    assert 240 <= clock() <= 240 * 1.05  # sixty at once, and four times a minute


async def test_without_a_limiter_three_hundred_calls_are_told_to_wait_and_all_succeed() -> None:
    time, noon = Time(), datetime(2026, 6, 30, 12, tzinfo=UTC)
    clock = lambda: noon + timedelta(seconds=time.now)  # noqa: E731
    async with (
        Sandbox(orders=1, clock=clock, quota=Quota()) as sandbox,
        sandbox.client(limiter=None, clock=time, sleep=time.sleep) as orders,
    ):
        [found] = (await orders.search().ingram_order_date_bt(ALL_TIME).execute()).orders
        left, answered = iter(range(300)), []

        async def work() -> None:
            for _ in left:
                answered.append(await orders.details(found.ingram_order_number or "").execute())

        await time.run(*(work() for _ in range(64)))
        assert len(answered) == 300
        asked = sum(it.path.startswith("/resellers/v6.1") for it in sandbox.ledger)
        assert 300 < asked <= 300 + 5 * 64  # each of them is turned away once a minute at most


async def test_a_client_bounds_its_gets_by_itself_unless_it_is_told_not_to() -> None:
    default = OrdersClient("i", "s", customer_number="1", country_code="US")
    assert repr(default._session.pace.limiter) == "RateLimit(calls=60, seconds=60.0)"
    other = OrdersClient("i", "s", customer_number="1", country_code="US")
    assert other._session.pace.limiter is not default._session.pace.limiter
    assert OrdersClient("i", "s", limiter=None)._session.pace.limiter is None


async def test_a_view_and_another_client_share_a_limiter_and_who_waits_for_it_is_cut_by_the_deadline() -> None:
    limiter = RateLimit(calls=2, seconds=1000)
    async with (
        Sandbox(orders=1) as sandbox,
        sandbox.client(limiter=limiter) as one,
        sandbox.client(limiter=limiter) as other,
    ):
        await one.with_defaults(customer_number="2").search().execute()
        await other.search().execute()
        with pytest.raises(DeadlineExceededError) as late:
            await one.search().execute(timeout=0.05)
        assert "search" in str(late.value)
        assert late.value.retry_after == pytest.approx(1000, abs=60)
        assert len(sandbox.ledger) == 4  # two tokens, two searches
        await placed(one, order("NEW-1"))  # writes are not bounded


class Broken:
    """A limiter of somebody's own, whose server is down."""

    def __init__(self, *, entering: bool) -> None:
        self.entering = entering

    @asynccontextmanager
    async def slot(self, route: str) -> AsyncIterator[None]:
        if self.entering:
            raise LookupError("no redis")
        yield
        raise LookupError("no redis any more")


async def test_a_limiter_that_fails_lets_nothing_out_and_costs_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    async with Sandbox(orders=1) as sandbox:
        async with sandbox.client(limiter=Broken(entering=True), retry=RetryPolicy(attempts=1)) as orders:
            with pytest.raises(ConnectionFailedError, match="no place was to be had: LookupError: no redis"):
                await placed(orders, order("NEW-1"))
        assert sandbox.ledger == []
        async with sandbox.client(limiter=Broken(entering=False)) as orders:
            assert await placed(orders, order("NEW-1"))
    assert "its place could not be given back: LookupError" in caplog.text


class NeverBack:
    """A limiter that takes a place back for ever."""

    @asynccontextmanager
    async def slot(self, route: str) -> AsyncIterator[None]:
        yield
        await asyncio.Event().wait()


async def test_a_limiter_that_is_slow_to_take_a_place_back_costs_no_answer(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "_GIVING_BACK", 0.01)
    async with Sandbox(orders=0) as sandbox, sandbox.client(limiter=NeverBack()) as orders:
        created = await orders.create().order_create_request(order("NEW-1")).execute(timeout=60)
        assert created.orders
    assert "its place could not be given back: TimeoutError" in caplog.text


async def test_what_was_never_sent_takes_no_place_from_others(time: Time) -> None:
    limiter, started = limit(time, calls=1), []

    async def call(fails: bool) -> None:
        with suppress(ConnectionFailedError):
            async with limiter.slot(SEARCH):
                started.append(time.now)
                if fails:
                    raise ConnectionFailedError("nothing was sent")

    await time.run(call(True), call(False), call(False))
    assert started == [1000.0, 1000.0, 1060.0]


async def test_a_server_that_is_down_uses_up_no_quota() -> None:
    waits = Waits()
    limiter = RateLimit(calls=1, clock=waits, sleep=waits.sleep)
    server = RawServer(FOUND)
    async with server:
        pass
    async with client_for(server, limiter=limiter, token_source=MyTokens(), **waits.settings) as orders:
        for _ in range(5):
            with pytest.raises(ConnectionFailedError):
                await orders.search().execute()
        async with server:
            await orders.search().execute()
    assert waits.slept == []


async def test_who_waits_for_the_quota_holds_no_turn() -> None:
    limiter = RateLimit(calls=1, seconds=1000)
    async with Sandbox(orders=0) as sandbox, sandbox.client(limiter=limiter, max_in_flight=1) as orders:
        await orders.search().execute()
        waiting = asyncio.create_task(orders.search().execute())
        for _ in range(10):
            await asyncio.sleep(0)
        await placed(orders, order("NEW-1"))
        waiting.cancel()
        await asyncio.wait([waiting])


@pytest.mark.parametrize("count", [1, 3])
async def test_no_more_than_so_many_requests_are_on_their_way_at_once(count: int) -> None:
    on_their_way, most = 0, 0

    async def fault(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        nonlocal on_their_way, most
        on_their_way += 1
        most = max(most, on_their_way)
        for _ in range(50):
            await asyncio.sleep(0)
        on_their_way -= 1
        return await proceed()

    async with Sandbox(orders=1) as sandbox, sandbox.client(max_in_flight=count) as orders:
        await orders.search().execute()
        sandbox.fault = fault
        await asyncio.gather(*(orders.search().execute() for _ in range(12)))
    assert most == count


@pytest.mark.parametrize("wrong", [{"max_in_flight": 0}, {"max_in_flight": True}, {"limiter": 5}])
def test_what_cannot_be_a_setting_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        OrdersClient("i", "s", **wrong)
