"""
What many orders at once cost: calls, time, processor and memory, beside floors measured in the same run.

    python -m benchmarks.many

Walking pages: calls beside the least there can be, and memory for each order seen. Fan-out: time beside as many bare
tasks. Watching: calls and changes of full rounds at the API's quota, on time that only waiting moves; and the processor
and memory of 100,000 watched orders, beside just walking the same pages. A sandbox of another process answers.
"""

import asyncio
import multiprocessing
import os
import platform
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp

from ingram_orders import OrdersClient, PollProblem, SearchOrders, StatusStore, for_each
from ingram_orders.sandbox import Sandbox

EVER = [date(2000, 1, 1), date(2100, 1, 1)]
SPAWN = multiprocessing.get_context("spawn")


def row(what: str, value: str, goal: str = "", *, is_met: bool = True) -> None:
    """Print one line of the table."""
    told = f"goal {goal}: {'met' if is_met else 'NOT met'}" if goal else ""
    print(f"{what:58}{value:>30}  {told}".rstrip(), flush=True)


class Served:
    """A sandbox in a process of its own, inside `with`; gives settings for clients."""

    def __init__(self, orders: int) -> None:
        ours, theirs = SPAWN.Pipe()
        self._pipe = ours
        self._process = SPAWN.Process(target=_serve, args=(orders, theirs), daemon=True)

    def __enter__(self) -> dict[str, Any]:
        self._process.start()
        settings: dict[str, Any] = self._pipe.recv()
        return settings

    def __exit__(self, *_: object) -> None:
        self._pipe.send("end")
        self._process.join(10)


def _serve(orders: int, pipe: Connection) -> None:
    async def serve() -> None:
        async with Sandbox(orders=orders, days=60) as sandbox:
            pipe.send(
                {
                    "client_id": sandbox.client_id,
                    "client_secret": sandbox.client_secret,
                    "customer_number": sandbox.customer_number,
                    "country_code": sandbox.country_code,
                    "base_url": sandbox.url,
                    "limiter": None,
                }
            )
            await asyncio.to_thread(pipe.recv)

    asyncio.run(serve())


def alone(work: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Do something in a process of its own, whose memory nothing else has touched."""
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_do, args=(theirs, work, args))
    process.start()
    theirs.close()
    result = ours.recv()
    process.join()
    return result


def _do(pipe: Connection, work: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
    async def main() -> Any:
        return await work(*args)

    pipe.send(asyncio.run(main()))


def resident() -> int:
    """Give the bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def most_resident() -> int:
    """Give the most bytes that this process ever held; `ru_maxrss` would count its parent's."""
    [line] = [it for it in Path("/proc/self/status").read_text("ascii").splitlines() if it.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


# ── Pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def walk(settings: dict[str, Any]) -> dict[str, int]:
    """Walk all orders; tell the memory at a tenth and at the end, and the orders."""
    async with OrdersClient(**settings) as orders:
        seen, at_a_tenth = 0, 0
        async for _ in orders.search().ingram_order_date_bt(EVER).paginate():
            seen += 1
            if seen == 10_000:
                at_a_tenth = resident()
        return {"tenth": at_a_tenth, "end": resident(), "orders": seen}


async def calls_of_walks() -> None:
    """Count the calls of walks."""
    for orders in (9_950, 10_000):
        async with Sandbox(orders=orders, days=60) as sandbox, sandbox.client() as client:
            search = client.search().ingram_order_date_bt(EVER)
            await search.execute()
            for at_once, thorough in ((1, False), (8, False), (8, True)):
                sandbox.ledger.clear()
                began = time.perf_counter()
                found = len(await search.paginate(at_once=at_once, thorough=thorough).collect())
                calls, least = len(sandbox.ledger), -(-orders // 100)
                what = f"walk {found:,} orders, at_once={at_once}{', thorough' if thorough else ''}"
                took = time.perf_counter() - began
                row(
                    what,
                    f"{calls} calls, {calls / least:.2f} x least, {took:.1f} s",
                    "1.02",
                    is_met=calls / least <= 1.02,
                )


# ── Fan-out ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def fan_out(settings: dict[str, Any]) -> tuple[float, float, int]:
    """Time 2,000 searches, eight at a time: by fan-out, and by bare tasks; and count the tasks there were."""
    async with OrdersClient(**settings) as orders:
        numbers = [f"PO-{1000 + it}" for it in range(2_000)]
        took: dict[str, list[float]] = {"fan-out": [], "bare": []}
        most = 0

        async def bare(left: Any) -> None:
            for search in left:
                await search.page_size(100).execute()

        for _ in range(4):
            began = time.perf_counter()
            async with orders.fan_out(
                for_each(orders.search(), "customer_order_number", numbers), at_once=8
            ) as results:
                async for _result in results:
                    most = max(most, len(asyncio.all_tasks()))
            took["fan-out"].append(time.perf_counter() - began)
            began, left = time.perf_counter(), for_each(orders.search(), "customer_order_number", numbers)
            async with asyncio.TaskGroup() as group:
                for _worker in range(8):
                    group.create_task(bare(left))
            took["bare"].append(time.perf_counter() - began)
        return min(took["fan-out"]), min(took["bare"]), most


# ── Watching ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def statuses(search: SearchOrders) -> dict[str, str | None]:
    """Give the status of each order, and of each part of one."""
    found: dict[str, str | None] = {}
    async for order in search.paginate():
        found[order.ingram_order_number or ""] = order.order_status
        found |= {part.sub_order_number or "": part.sub_order_status for part in order.sub_orders}
    return found


async def watch_open_orders() -> None:
    """Watch 10,000 open orders of 60 days among 20,000, in rounds a day apart that have to see all of them."""
    now = datetime(2026, 6, 30, 12, tzinfo=UTC)
    day = timedelta(days=1)

    async def sleep(seconds: float) -> None:  # between rounds, and only then does time pass
        nonlocal now
        now += timedelta(seconds=seconds)

    async with (
        Sandbox(orders=20_000, days=60, clock=lambda: now) as sandbox,
        sandbox.client(sender_id="truth") as truth,
        sandbox.client(sleep=sleep) as orders,
    ):
        search = truth.search().ingram_order_date_bt(EVER)
        open_ones = [it.ingram_order_number or "" async for it in search.paginate() if not it.status.is_final]
        watched = random.Random(1).sample(open_ones, 10_000)
        before, after = await statuses(search), dict[str, str | None]()
        told = set[str]()
        store = StatusStore(":memory:", clock=lambda: now.timestamp())
        async with orders.poll(watched, every=day, slowest=day, store=store) as changes:
            async for it in changes:
                if isinstance(it, PollProblem):
                    raise it.error
                if changes.stats.round > 2:
                    break
                after = after or await statuses(search)  # the first change there is to tell is of the second round
                told.add(it.sub_order_number or it.order_number)
        calls = Counter(it.at for it in sandbox.ledger if it.headers.get("IM-SenderID") not in (None, "truth"))
        ours = {*watched}
        changed = {
            it for it, status in after.items() if status != before[it] and (it in ours or it.rpartition("-")[0] in ours)
        }
        for which, (_, count) in zip(("first", "second"), sorted(calls.items()), strict=False):
            row(f"watch 10,000 of 20,000, the {which} round", f"{count} calls", "250", is_met=count <= 250)
        row("  changes found in the second", f"{len(told & changed)} of {len(changed)}", "all", is_met=told == changed)


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
        day = timedelta(days=1)
        kept = StatusStore(store, clock=lambda: time.time() + waited)
        await search.page_size(1).execute()  # the token
        watching = orders.poll(search, every=day, slowest=day, final=(), store=kept)
        began = time.process_time()
        with suppress(Over):
            async with watching as changes:
                async for _ in changes:
                    pass
        return {**cpu, "most": most_resident(), "watched": watching.stats.watched}


# ── All of it ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def main() -> None:
    """Measure, and print the table."""
    python, cores = sys.version.split()[0], os.cpu_count()
    print(f"Python {python}, aiohttp {aiohttp.__version__}, {platform.machine()} {sys.platform}, {cores} cores")
    await calls_of_walks()
    with Served(2_000) as settings:
        took, bare, most = await fan_out(settings)
    row(
        "2,000 searches by fan-out, 8 at once",
        f"{took:.2f} s, {took / bare:.2f} x bare tasks",
        "1.25",
        is_met=took <= 1.25 * bare,
    )
    row("  tasks there were at most", f"{most}")
    await watch_open_orders()
    with Served(100_000) as settings, tempfile.TemporaryDirectory() as folder:
        walked = alone(walk, settings)
        orders = walked["orders"]
        each = (walked["end"] - walked["tenth"]) / (orders * 0.9)
        row(f"walk {orders:,} orders, memory from a tenth on", f"{each:.0f} bytes an order", "120", is_met=each <= 120)
        store = str(Path(folder) / "status.db")
        watched = alone(watch_many, settings, store, 6)
        most = watched["most"] / 2**20
        row(f"watch {watched['watched']:,} orders, resident at most", f"{most:.0f} MB", "150", is_met=most <= 150)
        first, *others = zip(watched["rounds"], watched["walks"], strict=True)
        row_of_rounds("  processor of a round beyond a walk's", others, goal=2.0)
        row_of_rounds("  of the first round of all", [first])
        again = alone(watch_many, settings, store, 1)
        row_of_rounds("  of the first after a restart", [*zip(again["rounds"], again["walks"], strict=True)])


def row_of_rounds(what: str, pairs: Sequence[tuple[float, float]], goal: float | None = None) -> None:
    """Print the middle one of what rounds cost beyond walks."""
    watched, walked = sorted(pairs, key=lambda it: it[0] - it[1])[len(pairs) // 2]
    more = watched - walked
    told = "" if goal is None else f"{goal} s"
    row(what, f"{more:.1f} s, {watched / walked:.2f} x a walk", told, is_met=goal is None or more <= goal)


if __name__ == "__main__":
    asyncio.run(main())
