"""
Reading answers, from bytes to models whose every part is then visited: the processor time of ours, of the official
SDK, and of msgspec's typed decoding, which keeps nothing unknown and leaves dates text.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from benchmarks import floor, official
from benchmarks.measuring import alone_often, compare, scaled
from benchmarks.payloads import (
    NUMBER,
    Touch,
    check_same,
    details_answer,
    search_answer,
    touch_details,
    touch_details_of_sdk,
    touch_search,
)
from benchmarks.peers import FAST, MSGSPEC, SDK, STANDARD, WHO, speeds
from benchmarks.rows import Row
from ingram_orders import OrdersClient, wire
from ingram_orders.operations import OrdersRequest

GOALS: Final = {STANDARD: 1.4, FAST: 2.0}
"""How many times as fast as the official SDK."""

UNKNOWN: Final = "details with an unknown key"
"""As the API may answer one day: it has no goal, but shows what that costs with `speed`."""

ANSWERS: Final = {
    "details": details_answer(),
    "details of 200 lines": details_answer(200),
    "a page of 100 orders": search_answer(),
    UNKNOWN: details_answer()[:-1] + b', "unheardOf": true}',
}

Read = Callable[[bytes], list[Any]]
"""Reads an answer, and touches all of it."""


def rows(quick: bool) -> Iterator[Row]:
    """Measure each answer with the standard library and with `speed`."""
    for told, speed in speeds().items():
        costs = alone_often(measure, 2 if quick else 10, processes=1 if quick else 4, speed=speed)
        for what, body in ANSWERS.items():
            name, ours = f"read {what}, {len(body) / 1000:,.0f} kB, {told}", scaled(costs[what, "ours"], 1e6)
            yield Row(
                what=name, unit="µs CPU", ours=ours, peer=SDK, beside=scaled(costs[what, SDK], 1e6),
                told="times as fast", at_least=None if what == UNKNOWN else GOALS[told],
            )  # fmt: skip
            yield Row(
                what=name, unit="µs CPU", ours=ours, peer=MSGSPEC, beside=scaled(costs[what, MSGSPEC], 1e6),
                told="times as much",
            )  # fmt: skip


def measure(rounds: int) -> dict[tuple[str, str], list[float]]:
    """Give, by answer and side, the seconds of reading, once all sides are known to read the same."""
    measured: dict[tuple[str, str], list[float]] = {}
    for what, body in ANSWERS.items():
        sides = readers(what)
        check(sides, body)
        measured |= compare({(what, side): partial(read, body) for side, read in sides.items()}, rounds)
    return measured


def readers(what: str) -> dict[str, Read]:
    """Give what reads an answer: ours, the official SDK's, and msgspec's."""
    client = OrdersClient("id", "secret", customer_number=WHO[0], country_code=WHO[1])
    request: OrdersRequest[Any]
    if what.startswith("details"):
        request, touch, their_touch = client.details(NUMBER), touch_details, touch_details_of_sdk
    else:
        request, touch, their_touch = client.search(), touch_search, touch_search
    out, model = wire.encode(request, wire.Defaults(client.defaults), WHO[2]), request.answer
    return {
        "ours": _touching(lambda body: wire.decode(out, 200, {}, body), touch),
        SDK: _touching(official.reader(model.__name__), their_touch),
        MSGSPEC: _touching(floor.reader(model), touch),
    }


def _touching(read: Callable[[bytes], Any], touch: Touch) -> Read:
    return lambda body: touch(read(body))


def check(sides: dict[str, Read], body: bytes) -> None:
    """
    Check that all sides read the same.

    Raises:
        AssertionError: They do not, and so one of them does less.
    """
    ours, *others = (read(body) for read in sides.values())
    for other in others:
        check_same(ours, other)
