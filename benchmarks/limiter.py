"""
What keeping to the quota costs: how long many calls take, beside what the quota allows, and how many are turned away.

    python -m benchmarks.limiter [SECONDS]

300 details calls of 64 tasks against a sandbox that allows 60 calls of a route in so many seconds (the API: 60), once
with the limiter and once without. 60 calls go at once, and so the least that 300 can take is four times as long.
"""

import asyncio
import sys
import time
from collections import Counter
from typing import Any

from ingram_orders.limiter import RateLimit
from ingram_orders.sandbox import Quota, Sandbox

CALLS, TASKS, ALLOWED = 300, 64, 60
GOAL = 1.05


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


async def main(seconds: float) -> None:
    """Measure both, and tell."""
    least = (CALLS / ALLOWED - 1) * seconds
    print(f"{CALLS} calls of {TASKS} tasks, {ALLOWED} allowed in {seconds:g} s: at least {least:g} s")
    for name, limiter in (("with the limiter", RateLimit(ALLOWED, seconds)), ("without", None)):
        took, refused = await measure(seconds, limiter)
        goal = f", goal {GOAL}: {'met' if took / least <= GOAL else 'NOT met'}" if limiter else ""
        print(f"{name:17} {took:7.2f} s, {took / least:.3f} times that{goal}; {refused} turned away")


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
