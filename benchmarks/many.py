"""
What many orders at once cost: calls, time, processor and memory, beside floors measured in the same run.

Walking pages: calls beside the least there can be. Fan-out: time beside as many bare tasks. Watching: calls and changes
of full rounds at the API's quota, on time that only waiting moves; and the processor and memory of 100,000 watched
orders, beside just walking the same pages.
"""

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from benchmarks.measuring import alone, most_resident, serving
from benchmarks.memory import EVER
from benchmarks.rows import Row
from benchmarks.servers import sandbox
from ingram_orders import OrdersClient, PollProblem, SearchOrders, StatusStore, for_each
from ingram_orders.sandbox import Sandbox

DAY: Final = timedelta(days=1)


def rows(quick: bool) -> Iterator[Row]:
    """Measure all of it."""
    yield from rows_of_walks((95, 100) if quick else (9_950, 10_000))
    yield from rows_of_fan_out(100 if quick else 2_000, 2 if quick else 4)
    yield from rows_of_watching(200 if quick else 20_000)
    yield from rows_of_watching_many(200 if quick else 100_000, 2 if quick else 4)


# ── Pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class Walk:
    """What a walk took."""

    calls: int
    seconds: float


def rows_of_walks(sizes: Sequence[int]) -> Iterator[Row]:
    """Measure the calls of walks, and how long they take."""
    for orders in sizes:
        for how, walk in alone(walks, orders).items():
            what = f"walk {orders:,} orders, {how}"
            yield Row(
                what=what, unit="calls", ours=(walk.calls,), peer="the least", beside=(-(-orders // 100),),
                told="times as much", at_most=1.02,
            )  # fmt: skip
            yield Row(what=f"{what}: time", unit="s", ours=(walk.seconds,))


async def walks(orders: int) -> dict[str, Walk]:
    """Walk all orders in each way."""
    walked = {}
    async with Sandbox(orders=orders, days=60) as running, running.client() as client:
        search = client.search().ingram_order_date_bt(EVER)
        await search.execute()
        for at_once, thorough in ((1, False), (8, False), (8, True)):
            running.ledger.clear()
            began = time.perf_counter()
            await search.paginate(at_once=at_once, thorough=thorough).collect()
            how = f"at_once={at_once}{', thorough' if thorough else ''}"
            walked[how] = Walk(len(running.ledger), time.perf_counter() - began)
    return walked


# ── Fan-out ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def rows_of_fan_out(searches: int, rounds: int) -> Iterator[Row]:
    """Measure the time of a fan-out, and how many tasks it has."""
    with serving(sandbox, searches) as settings:
        took, bare, most = alone(fan_out, settings, searches, rounds)
    what = f"{searches:,} searches by fan-out, 8 at once"
    yield Row(what=what, unit="s", ours=took, peer="bare tasks", beside=bare, told="times as much", at_most=1.25)
    yield Row(what=f"{what}: tasks at most", unit="tasks", ours=(most,))


async def fan_out(settings: dict[str, Any], searches: int, rounds: int) -> tuple[list[float], list[float], int]:
    """Time searches, eight at a time: by fan-out, and by bare tasks; and count the tasks there were."""
    async with OrdersClient(**settings) as orders:
        numbers = [f"PO-{1000 + it}" for it in range(searches)]
        took, bare, most = list[float](), list[float](), 0

        async def task(left: Iterator[SearchOrders]) -> None:
            for search in left:
                await search.page_size(100).execute()

        await orders.search().page_size(1).execute()  # the token
        for _ in range(rounds):
            began = time.perf_counter()
            wanted = for_each(orders.search(), "customer_order_number", numbers)
            async with orders.fan_out(wanted, at_once=8) as results:
                async for _result in results:
                    most = max(most, len(asyncio.all_tasks()))
            took.append(time.perf_counter() - began)
            began, left = time.perf_counter(), iter(for_each(orders.search(), "customer_order_number", numbers))
            async with asyncio.TaskGroup() as group:
                for _worker in range(8):
                    group.create_task(task(left))
            bare.append(time.perf_counter() - began)
        return took, bare, most


# ── Watching ────────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen
class Watched:
    """What two rounds of watching took, and found."""

    calls: Sequence[int]
    """Of each round."""
    told: int
    """Changes that the second round told."""
    wrong: int
    """Changes that it told and that were none, or that it did not tell."""


def rows_of_watching(orders: int) -> Iterator[Row]:
    """Count the calls of watching half of all orders, and see whether each change was told."""
    watched = alone(watch_open_orders, orders)
    what = f"watch {orders // 2:,} orders of {orders:,}"
    for which, calls in zip(("first", "second"), watched.calls, strict=True):
        yield Row(what=f"{what}, the {which} round", unit="calls", ours=(calls,), at_most=250)
    yield Row(what=f"{what}: changes told in the second", unit="changes", ours=(watched.told,))
    yield Row(what=f"{what}: changes missed, or made up", unit="changes", ours=(watched.wrong,), at_most=0)


async def statuses(search: SearchOrders) -> dict[str, str | None]:
    """Give the status of each order, and of each part of one."""
    found: dict[str, str | None] = {}
    async for order in search.paginate():
        found[order.ingram_order_number or ""] = order.order_status
        found |= {part.sub_order_number or "": part.sub_order_status for part in order.sub_orders}
    return found


async def watch_open_orders(orders: int) -> Watched:
    """Watch half of all orders, open ones of 60 days, in rounds a day apart that have to see all of them."""
    now = datetime(2026, 6, 30, 12, tzinfo=UTC)

    async def sleep(seconds: float) -> None:  # between rounds, and only then does time pass
        nonlocal now
        now += timedelta(seconds=seconds)

    async with (
        Sandbox(orders=orders, days=60, clock=lambda: now) as running,
        running.client(sender_id="truth") as truth,
        running.client(sleep=sleep) as client,
    ):
        search = truth.search().ingram_order_date_bt(EVER)
        open_ones = [it.ingram_order_number or "" async for it in search.paginate() if not it.status.is_final]
        watched = random.Random(1).sample(open_ones, min(orders // 2, len(open_ones)))
        before, after = await statuses(search), dict[str, str | None]()
        told = set[str]()
        store = StatusStore(":memory:", clock=lambda: now.timestamp())
        async with client.poll(watched, every=DAY, slowest=DAY, store=store) as changes:
            async for it in changes:
                if isinstance(it, PollProblem):
                    raise it.error
                if changes.stats.round > 2:
                    break
                after = after or await statuses(search)  # the first change there is to tell is of the second round
                told.add(it.sub_order_number or it.order_number)
        calls = Counter(it.at for it in running.ledger if it.headers.get("IM-SenderID") not in (None, "truth"))
        ours = {*watched}
        changed = {
            it for it, status in after.items() if status != before[it] and (it in ours or it.rpartition("-")[0] in ours)
        }
        rounds = [count for _, count in sorted(calls.items())][:2]
        return Watched(rounds, len(told & changed), len(told ^ changed))


class Over(Exception):  # noqa: N818  # which only ends the block
    """Enough was seen."""


async def watch_many(settings: dict[str, Any], store: str, rounds: int) -> dict[str, Any]:
    """
    Watch all orders there are for some rounds, and walk the same pages after each.

    Tell the processor seconds of each round, and of each walk; and the most memory.
    """
    cpu: dict[str, list[float]] = {"rounds": [], "walks": []}
    began, waited = 0.0, 0.0

    async def sleep(seconds: float) -> None:  # between rounds
        nonlocal began, waited
        waited += seconds
        cpu["rounds"].append(time.process_time() - began)
        began = time.process_time()
        async for _ in search.paginate():
            pass
        cpu["walks"].append(time.process_time() - began)
        if len(cpu["walks"]) == rounds:
            raise Over
        began = time.process_time()

    async with OrdersClient(**settings, sleep=sleep) as orders:
        search = orders.search().ingram_order_date_bt(EVER)
        kept = StatusStore(store, clock=lambda: time.time() + waited)
        await search.page_size(1).execute()  # the token
        watching = orders.poll(search, every=DAY, slowest=DAY, final=(), store=kept)
        began = time.process_time()
        with suppress(Over):
            async with watching as changes:
                async for _ in changes:
                    pass
        return {**cpu, "most": most_resident(), "watched": watching.stats.watched}


def rows_of_watching_many(orders: int, rounds: int) -> Iterator[Row]:
    """Measure processor and memory of watching all orders there are, and of watching again after a restart."""
    with serving(sandbox, orders) as settings, tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "status.db")
        watched = alone(watch_many, settings, store, rounds)
        again = alone(watch_many, settings, store, 1)
    what = f"watch {watched['watched']:,} orders"
    yield Row(what=f"{what}: resident at most", unit="MB", ours=(watched["most"] / 2**20,), at_most=150)
    first, *others = zip(watched["rounds"], watched["walks"], strict=True)
    [restarted] = zip(again["rounds"], again["walks"], strict=True)
    for which, pairs, goal in (
        ("a round", others, 2.0),
        ("the first round of all", [first], None),
        ("the first after a restart", [restarted], None),
    ):
        more = [round_ - walk for round_, walk in pairs]
        yield Row(what=f"{what}: {which}, beyond a walk", unit="s CPU", ours=more, at_most=goal)
        yield Row(
            what=f"{what}: {which}", unit="s CPU", ours=[it for it, _ in pairs], peer="walk the same pages",
            beside=[it for _, it in pairs], told="times as much",
        )  # fmt: skip
