"""
What a call costs beside the network, by counts and not by time, so that it fails on any machine alike.

Counted are the functions of `ingram_orders` that are entered, each once however often it waits inside, while one client
that has its connection and its token goes on calling. Comprehensions are not: since Python 3.12 they are no functions.
Nor is what attrs writes, nor aiohttp. So the counts are the same with every Python and every aiohttp, and the
bounds are met or almost. Whoever needs more adds to the way of every call, up to a microsecond for each function, and
may well raise them; but not without a look.

What reads answers grows with the answer; `test_generated.py` counts that.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import aiohttp
import pytest
from attrs import define, field
from support.calls import FOUND, MyTokens
from support.clients import client_for
from support.counting import INLINED
from support.raw_server import RawServer, http

import ingram_orders
from ingram_orders import RateLimit, RetryPolicy, SearchOrders, UnreadableAnswerError
from ingram_orders.limiter import Limiter

PACKAGE = str(Path(ingram_orders.__file__).parent)
READING = ("converters.py", "exact_json.py", "generated.py", "models", "scalars.py", "shapes.py")
"""Files and folders of the package that read answers."""


@define
class Counts:
    """What was done in a time."""

    entered: Counter[str] = field(factory=Counter)
    """Functions of the package, by the file, or the folder, that they are in."""
    timers: int = 0
    """Timers set, whosever they are; to move one is to set another."""
    tasks: int = 0
    """Tasks begun, whosever they are."""
    own_tasks: int = 0
    """Those of them that run a function of the package."""

    @property
    def reading(self) -> int:
        """How many functions were entered that read answers."""
        return sum(self.entered[name] for name in READING)

    @property
    def calling(self) -> int:
        """How many others."""
        return self.entered.total() - self.reading


def is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(PACKAGE)


@contextmanager
def counting() -> Iterator[Counts]:
    """Count what is done inside, in this thread and its loop."""

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and is_ours(frame.f_code):
            frames.add(frame)  # a coroutine that goes on is the same one

    def task(loop: asyncio.AbstractEventLoop, coroutine: Any, **settings: Any) -> asyncio.Task[Any]:
        counts.tasks += 1
        counts.own_tasks += is_ours(coroutine.cr_code)
        return asyncio.Task(coroutine, loop=loop, **settings)

    def timer(when: float, *call: Any, **settings: Any) -> asyncio.TimerHandle:
        counts.timers += 1
        return set_timer(when, *call, **settings)

    counts, frames, loop = Counts(), set[FrameType](), asyncio.get_running_loop()
    before, factory, set_timer = sys.getprofile(), loop.get_task_factory(), loop.call_at
    loop.set_task_factory(task)
    setattr(loop, "call_at", timer)  # noqa: B010  # which checkers take for a mistake
    sys.setprofile(note)
    try:
        yield counts
    finally:
        sys.setprofile(before)
        loop.set_task_factory(factory)
        setattr(loop, "call_at", set_timer)  # noqa: B010
        for frame in frames:
            if frame.f_code.co_name not in INLINED:
                counts.entered[Path(frame.f_code.co_filename).relative_to(PACKAGE).parts[0]] += 1


async def of_calls(calls: int, limiter: Limiter | None, retry: RetryPolicy) -> tuple[Counts, RawServer]:
    """Count for so many calls, after a first one, which connects."""
    async with (
        RawServer(FOUND, keep_alive=True) as server,
        client_for(server, limiter=limiter, retry=retry, token_source=MyTokens()) as orders,
    ):
        await orders.details("20-RD3QV").execute()
        with counting() as counts:
            for _ in range(calls):
                await orders.details("20-RD3QV").execute()
    return counts, server


async def test_a_call_takes_few_functions_and_neither_a_task_nor_a_timer() -> None:
    """One round trip on one connection; for the silence one timer is set by the first call, and serves all."""
    counts, server = await of_calls(10, None, RetryPolicy(attempts=1))
    assert counts.calling <= 30 * 10, counts.entered
    assert (counts.tasks, counts.timers) == (0, 0)
    assert (len(server.heard), server.connections) == (11, 1)


@pytest.mark.parametrize(("answer", "is_asked"), [(FOUND, False), (http(200, b" " * 10_000_000), True)])
async def test_aiohttp_is_asked_to_release_only_what_was_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, is_asked: bool
) -> None:
    """An answer that has ended gives its connection back by itself; to ask for that is 13 functions more."""
    released: list[aiohttp.ClientResponse] = []
    release = aiohttp.ClientResponse.release

    def noted(response: aiohttp.ClientResponse) -> Any:
        released.append(response)
        return release(response)

    monkeypatch.setattr(aiohttp.ClientResponse, "release", noted)
    async with (
        RawServer(answer, keep_alive=True) as server,
        client_for(server, token_source=MyTokens(), max_body=1_000) as orders,
    ):
        with suppress(UnreadableAnswerError):
            await orders.details("20-RD3QV").execute()
    assert bool(released) == is_asked


async def test_a_deadline_is_two_timers() -> None:
    """One for a place of the limiter, and one from there to the answer; without a limiter only that."""
    async with (
        RawServer(FOUND, keep_alive=True) as server,
        client_for(server, limiter=RateLimit(1000), token_source=MyTokens()) as orders,
    ):
        await orders.details("20-RD3QV").execute()
        with counting() as counts:
            await orders.details("20-RD3QV").execute(timeout=60)
    assert counts.timers == 2


async def test_limits_and_repeats_cost_a_call_little_where_there_is_nothing_to_wait_for() -> None:
    """A place of the limiter is taken and given back; that it may be sent again costs nothing."""
    bare, _ = await of_calls(10, None, RetryPolicy(attempts=1))
    counts, _ = await of_calls(10, RateLimit(1000), RetryPolicy())
    assert counts.calling - bare.calling <= 8 * 10, counts.entered
    assert (counts.tasks, counts.timers) == (0, 0)


async def test_a_token_is_asked_for_once_however_many_calls_there_are() -> None:
    async with RawServer(FOUND, keep_alive=True) as server, client_for(server) as orders:
        for _ in range(5):
            await orders.details("20-RD3QV").execute()
    assert (len(server.heard), len(server.tokens)) == (5, 1)


async def test_a_request_is_set_up_and_checked_in_few_functions() -> None:
    """A setter is two; each parameter is checked and written by its form."""
    async with RawServer() as server, client_for(server, token_source=MyTokens()) as orders:
        search = orders.search()
        with counting() as setter:
            search.page_size(25)
        with counting() as ten:
            orders.check(filled(search))
    assert setter.calling <= 3
    assert ten.calling <= 41, ten.entered


def filled(search: SearchOrders) -> SearchOrders:
    search = search.order_status("SHIPPED").customer_order_number("PO 1").page_size(50).page_number(2)
    search = search.ingram_order_date_bt(["2026-01-01", "2026-02-01"]).vendor_name("CISCO").serial_number("S")
    return search.ingram_part_number("X").tracking_number("T").special_bid_number("B")


@pytest.mark.parametrize("searches", [10, 40])
async def test_many_searches_take_as_many_tasks_as_go_on_at_once(searches: int) -> None:
    """And not one for each search; nor is one asked for twice."""
    async with (
        RawServer(http(200, b'{"recordsFound": 0, "orders": []}'), keep_alive=True) as server,
        client_for(server, token_source=MyTokens()) as orders,
    ):
        with counting() as counts:
            many = [orders.search().order_status(str(it)) for it in range(searches)]
            async with orders.fan_out(many, at_once=4) as results:
                assert len([result async for result in results]) == searches
    assert counts.own_tasks <= 4 + 2
    assert len(server.heard) == searches
