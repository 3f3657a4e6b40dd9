"""Writing a request that creates an order of 50 lines, from models to the bytes of its body, all checks included."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal

from benchmarks import official
from benchmarks.measuring import alone_often, compare, scaled
from benchmarks.payloads import create_request
from benchmarks.peers import SDK, WHO
from benchmarks.rows import Row
from ingram_orders import OrdersClient, wire


def rows(quick: bool) -> Iterator[Row]:
    """Measure the two."""
    costs = alone_often(measure, 2 if quick else 10, processes=1 if quick else 4)
    yield Row(
        what="write a create request of 50 lines", unit="µs CPU", ours=scaled(costs["ours"], 1e6), peer=SDK,
        beside=scaled(costs[SDK], 1e6), told="times as fast", at_least=2.0,
    )  # fmt: skip


def measure(rounds: int) -> dict[str, list[float]]:
    """Give the seconds of either, after a check that both write the same."""
    ours, theirs = writers()
    check(ours(), theirs())
    return compare({"ours": ours, SDK: theirs}, rounds)


def writers() -> tuple[Callable[[], bytes], Callable[[], bytes]]:
    """Give what writes the request's head and body: ours, and the official SDK's."""
    client = OrdersClient("id", "secret", customer_number=WHO[0], country_code=WHO[1])
    create, defaults = client.create().order_create_request(create_request()), wire.Defaults(client.defaults)

    def write() -> bytes:
        return wire.encode(create, defaults, WHO[2]).body or b""

    return write, official.writer(write())


def check(ours: bytes, theirs: bytes) -> None:
    """
    Check that both write the same.

    Raises:
        AssertionError: They do not, and so one of them does less.
    """

    if json.loads(ours, parse_float=Decimal) != json.loads(theirs, parse_float=Decimal):
        raise AssertionError(f"{ours!r} here, {theirs!r} there")
