"""
How long a sandbox takes to start, and a page of a search to come, beside a floor measured in the same run.

The floor of starting is to write as many orders as JSON; that of a search, by bare HTTP, is to read details so.
"""

import asyncio
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiohttp

from ingram_orders.sandbox import Sandbox

ALL_TIME = ["2000-01-01", "2100-01-01"]
STARTS = ((100, 0.050), (10_000, 2.0))
THREE_RANGES = dict.fromkeys(("shipDate_bt", "invoiceDate_bt", "deliveryDate_bt"), ALL_TIME)
SEARCHES: dict[str, dict[str, list[str]]] = {
    "the newest": {},
    "by status": {"orderStatus": ["SHIPPED"]},
    "by number, more than half": {"customerOrderNumber": ["PO-1"]},
    "by number, one": {"customerOrderNumber": ["PO-12345"]},
    "by number, none": {"customerOrderNumber": ["NOBODY"]},
    "by end customer's number": {"endCustomerOrderNumber": ["EU-1"]},
    "by vendor": {"vendorName": ["OSTBERG STORAGE"]},
    "by vendor, status and number": {
        "vendorName": ["OSTBERG STORAGE"], "orderStatus": ["SHIPPED"], "customerOrderNumber": ["PO-1"],
    },
    "by ship date": {"shipDate_bt": ALL_TIME},
    "by part and three dates": {"ingramPartNumber": ["1AB001"], **THREE_RANGES},
    "by both numbers, half": {"customerOrderNumber": ["PO"], "endCustomerOrderNumber": ["EU"]},
    "the last page": {"ingramOrderDate-bt": ALL_TIME, "pageNumber": ["200"]},
    "the last page, by dates": {**THREE_RANGES, "pageNumber": ["110"]},
}  # fmt: skip


async def seconds(work: Callable[[], Awaitable[Any]], rounds: int = 9) -> list[float]:
    """Give the times of some rounds, sorted; one before them warms up."""
    taken = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - started)
    return sorted(taken[1:])


def row(what: str, took: list[float], floor: list[float], goal: float) -> None:
    """Print one line of the table: the median, the fastest and the slowest round, the ratio of medians."""
    middle, ratio = statistics.median(took), statistics.median(took) / statistics.median(floor)
    spread = f"{took[0] * 1000:7.1f} to {took[-1] * 1000:6.1f}"
    met = "met" if middle <= goal else "NOT met"
    print(f"{what:42}{middle * 1000:8.1f} ms ({spread}){ratio:6.1f} x floor, goal {goal * 1000:5.0f} ms: {met}")


async def main() -> None:
    """Measure, and print the table."""
    python, cores = sys.version.split()[0], os.cpu_count()
    print(f"Python {python}, aiohttp {aiohttp.__version__}, {platform.machine()} {sys.platform}, {cores} cores")
    for orders, goal in STARTS:

        async def start(orders: int = orders) -> None:
            async with Sandbox(orders=orders):
                pass

        async with Sandbox(orders=1) as sandbox:
            page = await sandbox._book.search({"ingramOrderDate-bt": ALL_TIME})
            one = await sandbox._book.details(page["orders"][0]["ingramOrderNumber"], {}) if page else {}

        async def write(orders: int = orders, one: Any = one) -> None:
            for _ in range(orders):
                json.dumps(one)

        row(f"start with {orders:,} orders", await seconds(start, 5), await seconds(write, 5), goal)
    async with Sandbox(orders=20_000) as sandbox, aiohttp.ClientSession() as session:
        form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox-secret"}
        async with session.post(f"{sandbox.url}/oauth/oauth20/token", data=form) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}", "IM-CustomerNumber": "1", "IM-CountryCode": "US"}

        async def get(path: str, query: dict[str, list[str]]) -> bytes:
            params = [(name, value) for name, values in query.items() for value in values]
            own = {**headers, "IM-CorrelationID": "c"}
            async with session.get(f"{sandbox.url}/resellers/{path}", params=params, headers=own) as answer:
                answer.raise_for_status()
                return await answer.read()

        newest = json.loads(await get("v6/orders/search", {}))["orders"][0]["ingramOrderNumber"]
        for what, query in SEARCHES.items():
            find = partial(get, "v6/orders/search", {"pageSize": ["100"], **query})
            row(
                f"of 20,000, {what}",
                await seconds(find),
                await seconds(partial(get, f"v6.1/orders/{newest}", {})),
                0.020,
            )


if __name__ == "__main__":
    asyncio.run(main())
