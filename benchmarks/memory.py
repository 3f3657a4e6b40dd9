"""
Memory of long runs, each in a fresh process: what it holds after a tenth, and at the end.

100,000 orders are streamed from a sandbox's pages; a paginator remembers the numbers that it gave, and may have bytes
for each. 100,000 calls for details are made, 64 at once, which have nothing to remember.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from benchmarks.clients import in_one_loop, ours
from benchmarks.measuring import alone, resident, serving
from benchmarks.payloads import details_answer
from benchmarks.rows import Row
from benchmarks.servers import minimal, sandbox
from ingram_orders import OrdersClient

EVER: Final = [date(2000, 1, 1), date(2100, 1, 1)]
BYTES_AN_ORDER: Final = 120
SLACK: Final = 10.0
"""Megabytes by which memory may differ for other reasons."""

Held = tuple[int, int]
"""The bytes held after a tenth, and at the end."""


def rows(quick: bool) -> Iterator[Row]:
    """Measure both."""
    many = 1_000 if quick else 100_000
    with serving(sandbox, many) as settings:
        walked: Held = alone(walk, settings, many)
    grown = walked[1] - walked[0]
    yield Row(
        what=f"stream {many:,} orders: growth after a tenth", unit="MB", ours=(grown / 1e6,),
        at_most=SLACK + BYTES_AN_ORDER * many * 0.9 / 1e6,
    )  # fmt: skip
    yield Row(
        what=f"stream {many:,} orders: growth by order", unit="bytes", ours=(grown / (many * 0.9),),
        at_most=BYTES_AN_ORDER,
    )  # fmt: skip
    with serving(minimal, details_answer()) as port:
        called: Held = alone(call, port, many)
    yield Row(
        what=f"{many:,} calls, 64 at once: growth after a tenth", unit="MB", ours=((called[1] - called[0]) / 1e6,),
        at_most=SLACK,
    )  # fmt: skip


async def walk(settings: dict[str, Any], many: int) -> Held:
    """Walk all orders that there are."""
    seen, at_a_tenth = 0, 0
    async with OrdersClient(**settings) as orders:
        async for _ in orders.search().ingram_order_date_bt(EVER).paginate():
            seen += 1
            if seen == many // 10:
                at_a_tenth = resident()
        if seen != many:
            raise RuntimeError(f"{seen} orders of {many} came")
        return at_a_tenth, resident()


def call(port: int, many: int) -> Held:
    """Make so many calls."""
    with in_one_loop([ours(port)]) as [block]:
        block(many // 10)
        at_a_tenth = resident()
        block(many - many // 10)
        return at_a_tenth, resident()
