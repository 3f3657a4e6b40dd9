"""
What keeping to the quota costs: how long many calls take, beside what the quota allows, and how many are turned away.

300 details calls of 64 tasks against a sandbox that allows 60 calls of a route in ten seconds (the API: in 60), once
with the limiter and once without. 60 calls go at once, and so the least that 300 can take is four times as long.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from benchmarks.measuring import alone
from benchmarks.rows import Row
from ingram_orders.limiter import RateLimit
from ingram_orders.sandbox import Quota, Sandbox

CALLS, TASKS, ALLOWED = 300, 64, 60
GOAL: Final = 1.05


def rows(quick: bool) -> Iterator[Row]:
    """Measure both at the same time, for they do nothing but wait."""
    seconds = 0.5 if quick else 10.0
    least = (CALLS / ALLOWED - 1) * seconds
    for which, goal, (took, refused) in zip(
        ("with the limiter", "without a limiter"), (GOAL, None), alone(both, seconds), strict=True
    ):
        what = f"{CALLS} calls, {ALLOWED} allowed in {seconds:g} s, {which}"
        yield Row(
            what=what, unit="s", ours=(took,), peer="the least there can be", beside=(least,),
            told="times as much", at_most=goal,
        )  # fmt: skip
        yield Row(what=f"{what}: turned away", unit="calls", ours=(refused,))


async def both(seconds: float) -> Sequence[tuple[float, int]]:
    """Measure with a limiter and without."""
    return await asyncio.gather(measure(seconds, RateLimit(ALLOWED, seconds)), measure(seconds, None))


async def measure(seconds: float, limiter: RateLimit | None) -> tuple[float, int]:
    """Give how long it took, and how often a call was turned away."""
    async with Sandbox(orders=1, quota=Quota(ALLOWED, seconds)) as sandbox, sandbox.client(limiter=limiter) as orders:
        window = ["2000-01-01", "2100-01-01"]
        [found] = (await orders.search().ingram_order_date_bt(window).execute()).orders
        left, statuses = iter(range(CALLS)), Counter[int]()

        async def count(_: Any, proceed: Any) -> Any:
            response = await proceed()
            statuses[response.status] += 1
            return response

        sandbox.fault = count

        async def work() -> None:
            for _ in left:
                await orders.details(found.ingram_order_number or "").execute()

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(TASKS):
                group.create_task(work())
        return time.perf_counter() - began, statuses[429]
