"""Watching many orders: each change once, for few calls, whatever fails, lags, lies or is cut off on the way."""

import asyncio
import itertools
import json
import random
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support import poll_worker
from support.watching import EVER, EVERY, Watch, hide, make, move, of_orders, problems_of
from support.world import World

from ingram_orders import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    OrderStatus,
    RateLimit,
    ServerError,
    StatusChange,
    StatusStore,
)
from ingram_orders.sandbox import Quota, Sandbox, faults

OPEN = OrderStatus.PROCESSING
SENT = OrderStatus.SHIPPED
HOLD = OrderStatus.ON_HOLD
DONE = OrderStatus.DELIVERED


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as running:
        yield running


@pytest.fixture
async def watch(world: World) -> AsyncIterator[Watch]:
    watch = Watch(world)
    yield watch
    await watch.close()


def details(world: World) -> int:
    return sum("/v6.1/" in it.path for it in world.sandbox.ledger)


# ── Changes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_change_is_told_once_of_the_order_and_of_its_parts(world: World, watch: Watch) -> None:
    one, other = await make(world.sandbox, 1, 40)
    async with watch.poll([one, other]) as changes:
        assert await watch.round(changes) == []
        await move(world.sandbox, "SHIPPED", one)
        given = await watch.round(changes)
        assert of_orders(given) == [(one, OPEN, SENT)]
        parts = [it for it in given if isinstance(it, StatusChange) and it.sub_order_number]
        assert parts
        assert all((it.order_number, it.before, it.after) == (one, OPEN, SENT) for it in parts)
        assert all(it.seen_at == watch.now and it.order.ingram_order_number == one for it in parts)
        assert await watch.round(changes) == []


@pytest.mark.parametrize("count", [3, 150], ids=["by details", "by search"])
async def test_what_goes_to_and_fro_is_told_each_time(world: World, watch: Watch, count: int) -> None:
    numbers = await make(world.sandbox, *[0] * count)
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        before = OPEN
        for word, after in (("SHIPPED", SENT), ("PROCESSING", OPEN), ("ON HOLD", HOLD), ("PROCESSING", OPEN)):
            await move(world.sandbox, word, numbers[0])
            assert of_orders(await watch.round(changes)) == [(numbers[0], before, after)]
            before = after


async def test_words_that_are_not_known_are_changes_where_they_differ_when_folded(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, *[0] * 120)
    unknown = OrderStatus.UNKNOWN
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        told = []
        for word in ("IN PICK", "in-pick", "PACKED", "IN PICK", "SHIPPED"):
            await move(world.sandbox, word, numbers[0])
            told.append(of_orders(await watch.round(changes)))
    n = numbers[0]
    assert told == [[(n, OPEN, unknown)], [], [(n, unknown, unknown)], [(n, unknown, unknown)], [(n, unknown, SENT)]]


async def test_a_step_back_that_a_lagging_search_shows_is_not_told(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, *[0] * 150)
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        world.manners.index_lag = timedelta(minutes=30)
        await move(world.sandbox, "SHIPPED", numbers[0])
        await hide(world.sandbox, numbers[0])  # and so its details are asked for
        assert of_orders(await watch.round(changes)) == [(numbers[0], OPEN, SENT)]
        world.manners.index_lag = timedelta(0)
        for _ in range(12):
            assert await watch.round(changes) == []


async def test_a_lagging_index_delays_changes_and_loses_none(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, *[it % 3 for it in range(200)])
    world.manners.index_lag = timedelta(minutes=12)
    told = defaultdict[str, list[OrderStatus]](list)
    moves = {0: "SHIPPED", 2: "PARTIALLY DELIVERED", 3: "INVOICED", 5: "PROCESSING"}
    async with watch.poll(numbers, slowest=EVERY) as changes:
        for at in range(14):
            for number, _, after in of_orders(await watch.round(changes)):
                told[number].append(after)
            if at in moves:
                await move(world.sandbox, moves[at], *numbers[:40])
    way = [SENT, OrderStatus.PARTIALLY_DELIVERED, OrderStatus.INVOICED, OPEN]
    assert dict(told) == dict.fromkeys(numbers[:40], way)


async def test_final_orders_leave_for_good_and_it_ends_with_the_last(world: World, tmp_path: Path) -> None:
    one, other = await make(world.sandbox, 0, 1)
    for _ in range(2):
        watch = Watch(world, tmp_path / "status.db")
        async with watch.poll([one, other]) as changes:
            await watch.round(changes)
            await move(world.sandbox, "DELIVERED", one)
            await watch.round(changes)
            assert changes.stats.watched <= 1
            world.sandbox.ledger.clear()
        await watch.close()
    assert not [it for it in world.sandbox.ledger if one in it.path]
    watch = Watch(world, tmp_path / "status.db")
    async with watch.poll([one, other]) as changes:
        await watch.round(changes)
        await move(world.sandbox, "CANCELLED", other)
        assert of_orders(await watch.round(changes)) == [(other, OPEN, OrderStatus.CANCELLED)]
        assert await watch.round(changes) == []
        calls = len(world.sandbox.ledger)
        with pytest.raises(StopAsyncIteration):
            await anext(changes)
        assert (len(world.sandbox.ledger), changes.stats.watched, changes.stats.next_due) == (calls, 0, None)
    await watch.close()


async def test_what_is_final_can_be_said(world: World, watch: Watch) -> None:
    [number] = await make(world.sandbox, 0)
    async with watch.poll([number], final={SENT}, initial=True) as changes:
        assert of_orders(await watch.round(changes)) == [(number, None, OPEN)]
        await move(world.sandbox, "DELIVERED", number)
        assert of_orders(await watch.round(changes)) == [(number, OPEN, DONE)]
        await move(world.sandbox, "SHIPPED", number)
        assert of_orders(await watch.round(changes)) == [(number, DONE, SENT)]
        with pytest.raises(StopAsyncIteration):
            await anext(changes)


async def test_nothing_to_watch_ends_at_once_without_a_call(world: World, watch: Watch) -> None:
    async with watch.poll([]) as changes:
        assert [it async for it in changes] == []
    assert world.sandbox.ledger == []


async def test_a_search_tells_what_is_new_after_the_first_round_and_goes_on_with_what_leaves_it(
    world: World, watch: Watch
) -> None:
    [old] = await make(world.sandbox, 2, status="ON HOLD")
    search = watch.client.search().order_status("ON HOLD")
    async with watch.poll(search) as changes:
        assert await watch.round(changes) == []
        [new] = await make(world.sandbox, 3, status="ON HOLD")
        assert of_orders(await watch.round(changes)) == [(new, None, HOLD)]
        for word, before, after in (("PROCESSING", HOLD, OPEN), ("SHIPPED", OPEN, SENT)):
            await move(world.sandbox, word, old, new)
            given: list[Any] = []
            for _ in range(15):
                given += of_orders(await watch.round(changes))
            assert sorted(given) == sorted([(old, before, after), (new, before, after)]), word


async def test_sub_orders_small_letters_and_other_markets_are_watched(tmp_path: Path) -> None:
    for market in ("US", "SAP"):
        async with World(market=market, quirks=True) as world:
            [number] = await make(world.sandbox, 3)
            part = (await world.orders.details(number).execute()).lines[0].sub_order_number
            given = [number.lower(), part] if market == "US" else [number]
            watch = Watch(world)
            async with watch.poll([it for it in given if it], slowest=EVERY) as changes:
                assert await watch.round(changes) == []
                await move(world.sandbox, "SHIPPED", number)
                assert sorted(of_orders(await watch.round(changes))) == sorted((it, OPEN, SENT) for it in given)
                for _ in range(3):
                    assert await watch.round(changes) == []
            await watch.close()


async def test_quirks_are_no_changes() -> None:
    async with World(quirks=True) as world:
        numbers = await make(world.sandbox, *[it % 9 for it in range(150)])
        watch = Watch(world)
        async with watch.poll(numbers, slowest=EVERY) as changes:
            for _ in range(4):
                assert await watch.round(changes) == []
            await move(world.sandbox, "PARTIALLY SHIPPED", *numbers[::7])
            given = of_orders(await watch.round(changes))
            assert sorted(it for it, *_ in given) == sorted(numbers[::7])
        await watch.close()


# ── Calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_many_orders_of_few_days_are_seen_by_searches(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, *[it % 5 for it in range(450)])
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        world.sandbox.ledger.clear()
        await watch.round(changes)
        assert (changes.stats.refreshed, changes.stats.calls, details(world)) == (450, len(world.sandbox.ledger), 0)
        assert changes.stats.calls <= 6


async def test_all_that_a_search_finds_is_watched_by_full_pages_whatever_page_it_names(
    world: World, watch: Watch
) -> None:
    await make(world.sandbox, *[0] * 250)
    search = watch.client.search().ingram_order_date_bt(EVER)
    async with watch.poll(search.page_size(10).page_number(3)) as changes:
        await watch.round(changes)
        assert (changes.stats.watched, changes.stats.due, changes.stats.refreshed) == (250, 250, 250)
        assert changes.stats.calls == 3
        assert len(world.sandbox.ledger) == 3 + 1  # and the token


async def test_what_is_watched_is_told_while_a_round_goes_on(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, *[0] * 150)
    search = watch.client.search().ingram_order_date_bt(EVER)
    async with watch.poll(search, slowest=EVERY, initial=True) as changes:
        await anext(changes)
        stats = changes.stats
        assert (stats.round, stats.watched, stats.due, stats.refreshed, stats.calls) == (1, 100, 150, 100, 1)
        await watch.round(changes)
        await move(world.sandbox, "CANCELLED", *numbers[:30])
        await watch.round(changes)
        assert changes.stats.watched == 120


async def test_an_order_counts_once_in_a_round_however_often_it_is_seen(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, *[0] * 130)
    await move(world.sandbox, "SHIPPED", *numbers)
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        await move(world.sandbox, "PROCESSING", *numbers[:20])  # each a step back, which details confirm
        given = await watch.round(changes)
        assert len(of_orders(given)) == 20
        assert (changes.stats.due, changes.stats.refreshed, changes.stats.changes) == (130, 130, len(given))


async def test_what_a_search_finds_counts_as_due_also_where_it_has_ended_or_left_the_search(
    world: World, watch: Watch
) -> None:
    numbers = await make(world.sandbox, *[0] * 60)
    await make(world.sandbox, *[0] * 90, status="DELIVERED")
    search = watch.client.search().order_status_in(["PROCESSING", "DELIVERED"])
    async with watch.poll(search, slowest=EVERY) as changes:
        await watch.round(changes)
        assert (changes.stats.watched, changes.stats.due, changes.stats.refreshed) == (60, 150, 150)
        await move(world.sandbox, "SHIPPED", *numbers[:40])
        await watch.round(changes)
        assert (changes.stats.watched, changes.stats.due, changes.stats.refreshed) == (60, 150, 150)
        world.sandbox.fault = faults.failing(400)
        due = changes.stats.next_due
        assert due is not None
        watch.waits.now += due.timestamp() - watch.clock()
        [problem] = problems_of([await anext(changes)])
        assert (problem.search is not None, changes.stats.due) == (True, 60)  # which is all that is known without it


async def test_orders_that_rest_are_asked_for_less_often_but_not_for_ever(world: World, watch: Watch) -> None:
    [number] = await make(world.sandbox, 40)
    async with watch.poll([number], slowest=timedelta(hours=2)) as changes:
        times = []
        for _ in range(6):
            await watch.round(changes)
            times.append(watch.clock())
        assert all(300 <= after - before <= 7200 for before, after in itertools.pairwise(times))
        assert times[-1] - times[0] > 5 * 3600
        await move(world.sandbox, "SHIPPED", number)
        assert of_orders(await watch.round(changes)) == [(number, OPEN, SENT)]
        before = watch.clock()
        await watch.round(changes)
        assert watch.clock() - before == 300


async def test_an_order_that_search_does_not_show_is_asked_for_by_details(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, *[0] * 120)
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        await move(world.sandbox, "SHIPPED", *numbers[:3])
        await hide(world.sandbox, *numbers[:3])
        assert sorted(of_orders(await watch.round(changes))) == sorted((it, OPEN, SENT) for it in numbers[:3])


async def test_a_search_that_once_shows_nothing_is_relied_on_again(world: World, watch: Watch) -> None:
    """And not for ever all orders asked for one by one."""

    async def nothing(*_: Any) -> web.StreamResponse:
        return web.Response(status=204)

    numbers = await make(world.sandbox, *[0] * 150)
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        world.sandbox.fault = faults.only(nothing, path="search")
        await watch.round(changes)
        assert changes.stats.refreshed == 150
        world.sandbox.fault = None
        calls = []
        for _ in range(5):
            await watch.round(changes)
            calls.append(changes.stats.calls)
        assert calls[-1] <= 3


async def test_what_search_and_details_always_tell_differently_is_told_once_and_costs_no_more_than_details(
    world: World, watch: Watch
) -> None:
    numbers = await make(world.sandbox, *[0] * 150)

    async def ahead(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        answer = await proceed()
        assert isinstance(answer, web.Response)
        return web.Response(body=bytes(answer.body or b"").replace(b"PROCESSING", b"ON HOLD"))  # type: ignore[arg-type]

    async with watch.poll(numbers, slowest=timedelta(hours=1)) as changes:
        await watch.round(changes)
        world.sandbox.fault = faults.only(ahead, path="v6.1")
        await hide(world.sandbox, numbers[0])
        given = [*await watch.round(changes)]
        await move(world.sandbox, "PROCESSING", numbers[0])
        for _ in range(20):
            given += await watch.round(changes)
            assert changes.stats.calls <= 5
    assert of_orders(given) == [(numbers[0], OPEN, HOLD)]


@pytest.mark.parametrize("lie", [lambda _: 1, lambda _: None, lambda _: 10**9, lambda count: count // 2], ids=range(4))
async def test_lies_about_how_many_were_found_lose_nothing_and_cost_little(
    world: World, watch: Watch, lie: Any
) -> None:
    numbers = await make(world.sandbox, *[it % 4 for it in range(350)])
    world.sandbox.records_found = lie
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        await move(world.sandbox, "SHIPPED", *numbers[::5])
        given = of_orders(await watch.round(changes))
        assert sorted(it for it, *_ in given) == sorted(numbers[::5])
        assert changes.stats.calls <= 8


@pytest.mark.slow
async def test_ten_thousand_open_orders_of_sixty_days_take_250_calls_a_round() -> None:
    """Scattered among 20,000."""
    async with World() as world:
        ages = [it % 60 for it in range(20_000)]
        everything = await make(world.sandbox, *ages)
        numbers = random.Random(1).sample(everything, 10_000)
        watch = Watch(world)
        async with watch.poll(numbers, slowest=EVERY) as changes:
            for moved in ([], numbers[::50], numbers[1::50]):
                await move(world.sandbox, "SHIPPED", *moved)
                given = of_orders(await watch.round(changes))
                assert sorted(it for it, *_ in given) == sorted(moved)
                assert (changes.stats.calls <= 250, changes.stats.due) == (True, 10_000)
        await watch.close()


# ── Trouble ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_number_that_does_not_exist_is_told_less_and_less_often_and_holds_nobody_up(
    world: World, watch: Watch
) -> None:
    numbers = await make(world.sandbox, 1, 2)
    async with watch.poll(["20-NONE0", *numbers], slowest=EVERY * 8) as changes:
        told = []
        for at in range(12):
            problems = problems_of(await watch.round(changes))
            assert all(isinstance(it.error, NotFoundError) and it.order_number == "20-NONE0" for it in problems)
            told += [at] * len(problems)
            await move(world.sandbox, ("SHIPPED", "PROCESSING")[at % 2], numbers[0])
        assert 3 <= len(told) <= 7
        assert changes.stats.watched == 3


@pytest.mark.parametrize("path", ["search", "v6.1"])
async def test_a_round_in_which_a_route_fails_is_told_and_made_up_for(world: World, watch: Watch, path: str) -> None:
    numbers = await make(world.sandbox, *[0] * 130, 30)
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        await move(world.sandbox, "SHIPPED", *numbers)
        await hide(world.sandbox, numbers[-1])
        world.sandbox.fault = faults.only(faults.failing(503), path=path)
        given = await watch.round(changes)
        problems = problems_of(given)
        assert problems
        assert all(isinstance(it.error, ServerError) for it in problems)
        assert all((it.search is None) == (path == "v6.1") for it in problems)
        assert changes.stats.problems == len(problems)
        world.sandbox.fault = None
        for _ in range(3):
            given += await watch.round(changes)
        assert sorted(it for it, *_ in of_orders(given)) == sorted(numbers)


async def test_orders_of_unknown_days_are_seen_though_one_search_or_all_never_work(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, *[0] * 130, *[45] * 130)
    watch.store = StatusStore(":memory:", clock=watch.clock)
    async with watch.poll(numbers[:130], slowest=EVERY) as changes:
        await watch.round(changes)
    world.sandbox.fault = faults.only(faults.failing(503), path="search")
    async with watch.poll(numbers, slowest=EVERY, initial=True) as changes:
        given = []
        for _ in range(4):
            given += of_orders(await watch.round(changes))
            assert changes.stats.calls < 250
        assert sorted(it for it, *_ in given) == sorted(numbers)


async def test_orders_are_seen_though_their_search_never_works(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, *[0] * 130)
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        world.sandbox.fault = faults.only(faults.failing(503), path="search")
        await move(world.sandbox, "SHIPPED", *numbers)
        given = of_orders([*await watch.round(changes), *await watch.round(changes)])
        assert sorted(it for it, *_ in given) == sorted(numbers)


async def test_refused_credentials_end_it_and_nothing_is_lost_by_that(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, *[0] * 130)
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        await move(world.sandbox, "SHIPPED", *numbers)

        async def refused(*_: Any) -> web.StreamResponse:
            return web.json_response({"fault": {"faultstring": "Invalid Access Token"}}, status=401)

        world.sandbox.fault = faults.only(refused, path="orders")
        with pytest.raises(AuthenticationError):
            await watch.round(changes)
        world.sandbox.fault = None
        assert len(of_orders(await watch.round(changes))) == 130


async def test_a_clock_that_goes_back_stops_nothing(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, 0, 9)
    watch.clock_is_off = 400 * 86_400.0
    async with watch.poll(numbers) as changes:
        await watch.round(changes)
        watch.clock_is_off = 0.0
        before = watch.waits.now
        await watch.round(changes)
        await move(world.sandbox, "SHIPPED", *numbers)
        given = [*await watch.round(changes), *await watch.round(changes), *await watch.round(changes)]
        assert len(of_orders(given)) == 2
        assert watch.waits.now - before < 4 * 3600


async def test_the_quota_is_kept_and_more_than_it_can_serve_is_told(world: World) -> None:
    world.sandbox.quota = Quota()
    numbers = await make(world.sandbox, *[it % 60 for it in range(700)])
    limiter = RateLimit(clock=world.waits, sleep=world.waits.sleep)
    watch = Watch(world, limiter=limiter)
    async with watch.poll(numbers, slowest=EVERY) as changes:
        assert problems_of(await watch.round(changes)) == []
        await move(world.sandbox, "SHIPPED", *numbers)
        given = [*await watch.round(changes), *await watch.round(changes)]
        for _ in range(4):
            given += await watch.round(changes)
        assert len(of_orders(given)) == 700
    with pytest.raises(ConfigurationError, match=r"7 calls .* every=0:00:07 can be served"):
        async with watch.client.poll(numbers, every=timedelta(seconds=5)):
            pass
    await watch.close()


# ── Nothing is lost ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [12, 140], ids=["details", "search"])
async def test_who_is_cancelled_anywhere_misses_nothing_and_gets_nothing_twice(
    world: World, watch: Watch, count: int
) -> None:
    numbers = await make(world.sandbox, *[0] * count)
    pick = random.Random(count)
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        words = ["SHIPPED", "PROCESSING", "ON HOLD"] * 3
        told = defaultdict[str, list[OrderStatus]](list)
        for word in words:
            await move(world.sandbox, word, *numbers[:5])
            due = changes.stats.next_due
            assert due is not None
            watch.waits.now += max(due.timestamp() - watch.clock(), 0)
            while True:
                waiting = asyncio.ensure_future(anext(changes))
                for _ in range(pick.randrange(400)):
                    await asyncio.sleep(0)
                if pick.random() < 0.7:
                    waiting.cancel()
                await asyncio.wait([waiting])
                if waiting.cancelled():
                    continue
                if waiting.exception() is not None:
                    break
                for number, _, after in of_orders([waiting.result()]):
                    told[number].append(after)
    assert told == {it: [SENT, OPEN, HOLD] * 3 for it in numbers[:5]}


async def test_who_is_cancelled_as_changes_are_kept_is_given_them(
    world: World, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = await make(world.sandbox, *[0] * 12)
    async with watch.poll(numbers, slowest=EVERY) as changes:
        await watch.round(changes)
        await move(world.sandbox, "SHIPPED", *numbers)
        note, left = watch.store.note, [True]

        async def note_and_be_cancelled(*args: Any, **settings: Any) -> Any:
            noted = await note(*args, **settings)
            if left and noted.changes:
                left.pop()
                raise asyncio.CancelledError
            return noted

        monkeypatch.setattr(watch.store, "note", note_and_be_cancelled)
        given = list[Any]()
        while not given:
            try:
                given += await watch.round(changes)
            except asyncio.CancelledError:
                continue
            assert changes.stats.round == 2
        assert sorted(of_orders(given)) == sorted((it, OPEN, SENT) for it in numbers)
        assert changes.stats.changes == len(given)


async def test_what_was_not_settled_comes_first_again_and_what_was_does_not(world: World, tmp_path: Path) -> None:
    numbers = await make(world.sandbox, *range(6))
    watch = Watch(world, tmp_path / "status.db")
    async with watch.poll(numbers) as changes:
        await watch.round(changes)
        await move(world.sandbox, "SHIPPED", *numbers)
        due = changes.stats.next_due
        assert due is not None
        watch.waits.now += 7200
        first = [await anext(changes) for _ in range(3)]
        async for it in changes:
            first.append(it)
            break
    world.sandbox.ledger.clear()
    async with watch.poll(numbers) as changes:
        again = await anext(changes)
        assert again == first[-1]
        assert world.sandbox.ledger == []
        rest = await watch.round(changes)
    everything = of_orders([*first, *rest])
    assert sorted(it for it, *_ in everything) == sorted(numbers)
    async with watch.poll(numbers) as changes:  # the same watcher, entered anew
        assert await watch.round(changes) == []
    await watch.close()


async def test_a_block_that_is_entered_again_gives_what_was_left_unsettled(world: World, watch: Watch) -> None:
    watch.store = StatusStore(":memory:", clock=watch.clock)
    [number] = await make(world.sandbox, 0)
    changes = watch.poll([number], initial=True)
    for _ in range(2):
        async with changes:
            assert of_orders([await anext(changes)]) == [(number, None, OPEN)]
            with pytest.raises(ConfigurationError, match="watched already"):
                async with changes:
                    pass
    with pytest.raises(ConfigurationError, match="inside"):
        await anext(changes)


async def test_only_one_task_may_wait_for_changes(world: World, watch: Watch) -> None:
    numbers = await make(world.sandbox, 0)
    async with watch.poll(numbers, initial=True) as changes:
        one = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        with pytest.raises(ConfigurationError, match="another task"):
            await anext(changes)
        await one


async def test_two_runs_on_one_store_are_told_apart(world: World, tmp_path: Path) -> None:
    numbers = await make(world.sandbox, 0)
    watch, other = Watch(world, tmp_path / "status.db"), Watch(world, tmp_path / "status.db")
    async with watch.poll(numbers) as changes:
        with pytest.raises(ConfigurationError, match="another has it open"):
            async with other.poll(numbers):
                pass
        with pytest.raises(ConfigurationError, match="in use"):
            async with watch.poll(numbers):
                pass
        assert await watch.round(changes) == []
    await watch.close()
    await other.close()


# ── What is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("watched", "settings", "error"),
    [
        ("20-ABCDE", {}, InvalidRequestError),
        (5, {}, InvalidRequestError),
        (["20-ABCDEFGHIJK"], {}, InvalidRequestError),
        ([""], {}, InvalidRequestError),
        ([], {"at_once": 0}, InvalidRequestError),
        ([], {"every": timedelta(0)}, ConfigurationError),
        ([], {"every": 5}, ConfigurationError),
        ([], {"slowest": timedelta(minutes=1)}, ConfigurationError),
        ([], {"final": ["SHIPPED"]}, ConfigurationError),
        ([], {"store": "status.db"}, ConfigurationError),
    ],
)
async def test_what_cannot_be_right_is_told_at_once(
    watch: Watch, watched: Any, settings: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        watch.poll(watched, **settings)


async def test_a_search_that_cannot_be_right_is_told_at_once(world: World, watch: Watch) -> None:
    with pytest.raises(InvalidRequestError):
        watch.poll(watch.client.search().page_size(500))
    assert world.sandbox.ledger == []


# ── Killed ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
async def test_whoever_is_killed_at_any_moment_loses_no_change(tmp_path: Path) -> None:
    """At least once, in order for each order; what was settled does not come again."""
    pick, words = random.Random(1), ["PROCESSING", "ON HOLD", "SHIPPED", "PARTIALLY DELIVERED", "IN PICK"]
    async with Sandbox(orders=0) as sandbox:
        numbers = await make(sandbox, *[0] * 30)
        (tmp_path / "numbers.json").write_text(json.dumps(numbers))
        is_at = dict.fromkeys(numbers, "PROCESSING")

        async def run(*, kill_after: int | None) -> list[dict[str, Any]]:
            process = await asyncio.create_subprocess_exec(
                sys.executable, poll_worker.__file__, sandbox.url, str(tmp_path),
                stdout=asyncio.subprocess.PIPE, cwd=Path.cwd(),
            )  # fmt: skip
            assert process.stdout is not None
            lines = []
            while line := await process.stdout.readline():
                lines.append(json.loads(line))
                if kill_after is not None and len(lines) == kill_after:
                    for _ in range(pick.randrange(60)):
                        await asyncio.sleep(0)
                    process.send_signal(signal.SIGKILL)
                    kill_after = None
            await process.wait()
            return lines

        runs = [await run(kill_after=None)]
        for _ in range(12):
            for number in pick.sample(numbers, 12):
                is_at[number] = pick.choice([it for it in words if it != is_at[number]])
                await move(sandbox, is_at[number], number)
            runs.append(await run(kill_after=pick.randrange(1, 20)))
        runs.append(await run(kill_after=None))
    given = [(at, it) for at, lines in enumerate(runs) for it in lines if "given" in it]
    settled = defaultdict[int, list[int]](list)
    for place, (at, it) in enumerate(given):
        settled[it["given"]].append(place)
        if len(settled[it["given"]]) > 1:  # given again: only what was the last of the run before
            before = settled[it["given"]][-2]
            earlier = given[before][0]
            assert before + 1 == len(given) or given[before + 1][0] > earlier, it
            assert at > earlier
    for number in numbers:
        words_told = []
        for _, it in given:
            if it["number"] == number and it["part"] is None and (it["given"], it["after"]) not in words_told:
                words_told.append((it["given"], it["after"]))
        ids = [id_ for id_, _ in words_told]
        assert ids == sorted(ids)
        chain = [it for _, it in given if it["number"] == number and it["part"] is None]
        at_last = chain[-1]["word"] if chain else "PROCESSING"
        assert at_last == is_at[number]
        for one, other in itertools.pairwise(chain):
            assert other["given"] == one["given"] or other["before"] == one["after"]
