"""
How long a sandbox takes to start, and a page of a search to come, beside a floor measured in the same run.

The floor of starting is to write as many orders as JSON; that of a search, by bare HTTP, is to read details so.
"""

import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import aiohttp

from benchmarks.measuring import alone, scaled, serving
from benchmarks.rows import Row
from benchmarks.servers import sandbox
from ingram_orders.sandbox import Sandbox

ALL_TIME: Final = ["2000-01-01", "2100-01-01"]
STARTS: Final = ((100, 50), (10_000, 2_000))
"""Orders, and the milliseconds in which they are to be there."""
PAGE: Final = 20
"""Milliseconds in which a page is to come."""
THREE_RANGES: Final = dict.fromkeys(("shipDate_bt", "invoiceDate_bt", "deliveryDate_bt"), ALL_TIME)
SEARCHES: Final[dict[str, dict[str, list[str]]]] = {
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


Work = Callable[[], Awaitable[Any]]
Times = list[float]


def rows(quick: bool) -> Iterator[Row]:
    """Measure starting, and each kind of search."""
    for orders, goal in STARTS[: 1 if quick else None]:
        took, floor = alone(start, orders, 2 if quick else 5)
        yield _row(f"start a sandbox of {orders:,} orders", took, "as much JSON", floor, goal)
    many = 200 if quick else 20_000
    with serving(sandbox, many, 30) as settings:
        for what, times in alone(search, settings, 2 if quick else 9).items():
            yield _row(f"search {many:,} orders, {what}", times[0], "details", times[1], PAGE)


def _row(what: str, took: Times, peer: str, floor: Times, goal: float) -> Row:
    ours, beside = scaled(took, 1e3), scaled(floor, 1e3)
    return Row(what=what, unit="ms", ours=ours, peer=peer, beside=beside, at_most=goal)


async def in_turns(work: Work, floor: Work, rounds: int) -> tuple[Times, Times]:
    """Give the times of some rounds of either; one before them warms up."""
    times: tuple[Times, Times] = ([], [])
    for _ in range(rounds + 1):
        for do, taken in zip((work, floor), times, strict=True):
            began = time.perf_counter()
            await do()
            taken.append(time.perf_counter() - began)
    return times[0][1:], times[1][1:]


async def start(orders: int, rounds: int) -> tuple[Times, Times]:
    """Give the times of starting, and of writing as many orders."""

    async def begin() -> None:
        async with Sandbox(orders=orders):
            pass

    async with Sandbox(orders=1) as running:
        page = await running._book.search({"ingramOrderDate-bt": ALL_TIME})
        one = await running._book.details(page["orders"][0]["ingramOrderNumber"], {}) if page else {}

    async def write() -> None:
        for _ in range(orders):
            json.dumps(one)

    return await in_turns(begin, write, rounds)


async def search(settings: Mapping[str, Any], rounds: int) -> dict[str, tuple[Times, Times]]:
    """Give the times of each kind of search, and of details."""
    url = settings["base_url"]
    async with aiohttp.ClientSession() as session:
        form = {
            "grant_type": "client_credentials",
            "client_id": settings["client_id"],
            "client_secret": settings["client_secret"],
        }
        async with session.post(f"{url}/oauth/oauth20/token", data=form) as answer:
            token = (await answer.json())["access_token"]
        headers = {
            "Authorization": f"Bearer {token}", "IM-CustomerNumber": settings["customer_number"],
            "IM-CountryCode": settings["country_code"], "IM-CorrelationID": "c",
        }  # fmt: skip

        async def get(path: str, query: dict[str, list[str]]) -> bytes:
            params = [(name, value) for name, values in query.items() for value in values]
            async with session.get(f"{url}/resellers/{path}", params=params, headers=headers) as answer:
                answer.raise_for_status()
                return await answer.read()

        newest = json.loads(await get("v6/orders/search", {}))["orders"][0]["ingramOrderNumber"]
        details = partial(get, f"v6.1/orders/{newest}", {})
        return {
            what: await in_turns(partial(get, "v6/orders/search", {"pageSize": ["100"], **query}), details, rounds)
            for what, query in SEARCHES.items()
        }
