"""What requests cost before anything is sent, beside a whole call of bare aiohttp in the same run."""

from collections.abc import Iterator
from datetime import date
from functools import partial

from benchmarks.clients import bare, in_one_loop, our_client
from benchmarks.measuring import Cost, again_and_again, alone, cost, scaled, serving, take_turns, times_within
from benchmarks.payloads import details_answer
from benchmarks.peers import AIOHTTP
from benchmarks.rows import Row
from benchmarks.servers import minimal
from ingram_orders import OrdersClient, SearchOrders


def rows(quick: bool) -> Iterator[Row]:
    """Measure one setter, and a search with ten parameters from its first setter to what is sent."""
    with serving(minimal, details_answer()) as port:
        costs = alone(measure, port, *((64, 2) if quick else (500, 30)))
    calls = scaled([it.cpu for it in costs["call"]], 1e6)
    for name, what, goal in (
        ("setter", "one setter", 0.01),
        ("search", "build and encode a search with 10 parameters", 0.12),
    ):
        yield Row(
            what=what, unit="µs CPU", ours=scaled([it.cpu for it in costs[name]], 1e6), peer=AIOHTTP, beside=calls,
            told="times as much", at_most=goal,
        )  # fmt: skip


def measure(port: int, calls: int, rounds: int) -> dict[str, list[Cost]]:
    """Give the costs of a setter, of a search, and of a bare call."""
    client = our_client(port)
    fresh = client.search()
    blocks = {
        "setter": again_and_again(lambda: fresh.page_size(100)),
        "search": again_and_again(lambda: client.check(ten_parameters(client))),
    }
    measures = {name: partial(cost, block, times_within(block)) for name, block in blocks.items()}
    with in_one_loop([bare(port, touch=len)]) as [call]:
        return take_turns({**measures, "call": partial(cost, call, calls)}, rounds)


def ten_parameters(client: OrdersClient) -> SearchOrders:
    """Build a search with ten parameters."""
    return (
        client.search()
        .customer_order_number("PO-2026-00417")
        .end_customer_order_number("EU-88120")
        .order_status_in(["SHIPPED", "PROCESSING"])
        .ingram_order_date_bt([date(2026, 1, 1), date(2026, 1, 31)])
        .ship_date_bt([date(2026, 2, 1), date(2026, 2, 28)])
        .ingram_part_number("7KD001")
        .vendor_part_number("QX-0001-R2")
        .vendor_name("OSTBERG STORAGE")
        .page_size(100)
        .page_number(2)
    )
