"""
How an order moves with the clock: a plan that is made when it is placed, and what each of its steps does to it.

processing → shipped → delivered → invoiced, with backorders, partial shipments and cancellations between. An order on
hold has no plan until it is released.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Final, TypeVar

from ingram_orders.sandbox.catalogue import CARRIERS, WAREHOUSES
from ingram_orders.sandbox.kept import Line, Order, Parcel, Plan, parcels

T = TypeVar("T")

HOLD: Final = "ON HOLD"
PROCESSING: Final = "PROCESSING"
BACKORDERED: Final = "BACKORDERED"
CANCELLED: Final = "CANCELLED"
SHIPPED: Final = "SHIPPED"
PARTIALLY_SHIPPED: Final = "PARTIALLY SHIPPED"
DELIVERED: Final = "DELIVERED"
INVOICED: Final = "INVOICED"

MANY: Final = 8
"""Pieces of a line from which on they go in two parcels."""

# The steps of each way to live, with the days from the one before: at least, at most.
_WAYS: Final[Mapping[str, tuple[tuple[str, int, int], ...]]] = {
    "straight": (("ship", 1, 2), ("deliver", 2, 3), ("invoice", 1, 1)),
    "backordered": (("back order", 0, 0), ("ship", 6, 12), ("deliver", 2, 3), ("invoice", 1, 1)),
    "partial": (("ship part", 1, 1), ("ship", 2, 4), ("deliver part", 1, 1), ("deliver", 2, 4), ("invoice", 1, 1)),
    "cancelled": (("cancel", 1, 3),),
    "held": (),
}

# How often each is met among seeded orders.
WAYS: Final = {"straight": 12, "backordered": 4, "partial": 3, "held": 4, "cancelled": 1}


def below(pick: Random, end: int) -> int:
    """Give a whole number from 0 to just below *end*; a third of what `randrange` costs."""
    return int(pick.random() * end)


def one_of(pick: Random, things: Sequence[T]) -> T:
    """Give one of several."""
    return things[below(pick, len(things))]


def plan(way: str, start: datetime, pick: Random) -> Plan:
    """Make the plan of an order that starts now."""
    steps: Plan = []
    for step, at_least, at_most in _WAYS[way]:
        start += timedelta(days=at_least + below(pick, at_most - at_least + 1), minutes=30 + below(pick, 270))
        steps.append((start.isoformat(timespec="seconds"), step))
    return steps


def move(order: Order, steps: Plan, now: datetime, chance: Callable[[str, str], Random]) -> Plan:
    """Take the steps whose time has come, each with its own *chance*, by when and what; give those that are left."""
    until = now.isoformat(timespec="seconds")
    left = list(steps)
    while left and left[0][0] <= until:
        when, step = left.pop(0)
        _STEPS[step](order, when[:10], chance(when, step))
    return left


def set_status(order: Order, status: str) -> None:
    """Set the status of an order and of all its lines."""
    order["orderStatus"] = status
    for line in order["lines"]:
        line["lineStatus"] = status


def back_order(order: Order, day: str, pick: Random) -> None:
    """Put an order, and all its lines, on back order."""
    for line in order["lines"]:
        line["quantityBackOrdered"] = line["quantityOrdered"]
        line["backOrderETADate"] = days_after(day, 6 + below(pick, 7))
    set_status(order, BACKORDERED)


def _ship_part(order: Order, day: str, pick: Random) -> None:
    lines = order["lines"]
    for line in lines[: (len(lines) + 1) // 2]:
        # Of an order with one line, a part of that.
        part = line["quantityOrdered"] if len(lines) > 1 else max(1, line["quantityOrdered"] // 2)
        _ship_line(line, part, day, pick)
    shipped = all(_shipped(line) == line["quantityOrdered"] for line in lines)
    order["orderStatus"] = SHIPPED if shipped else PARTIALLY_SHIPPED


def _ship(order: Order, day: str, pick: Random) -> None:
    for line in order["lines"]:
        left = line["quantityOrdered"] - _shipped(line)
        if left > 0:
            _ship_line(line, left, day, pick)
    order["orderStatus"] = SHIPPED


def _deliver_part(order: Order, day: str, pick: Random) -> None:  # noqa: ARG001  # as all steps
    sent = [parcel for line in order["lines"] for parcel in parcels(line)]
    if len(sent) < 2:  # which is no part
        return
    for parcel in sent[: len(sent) // 2]:
        parcel["deliveredDate"] = day
    for line in order["lines"]:
        its = parcels(line)
        if its and all("deliveredDate" in parcel for parcel in its):
            line["lineStatus"] = DELIVERED
    order["orderStatus"] = "PARTIALLY DELIVERED"


def _deliver(order: Order, day: str, pick: Random) -> None:  # noqa: ARG001
    for line in order["lines"]:
        for parcel in parcels(line):
            parcel.setdefault("deliveredDate", day)
    set_status(order, DELIVERED)


def _invoice(order: Order, day: str, pick: Random) -> None:
    number = f"{below(pick, 10**8):08}11"
    for line in order["lines"]:
        for shipment in line["shipments"]:
            shipment["invoiceNumber"], shipment["invoiceDate"] = number, day
    set_status(order, INVOICED)


def _cancel(order: Order, day: str, pick: Random) -> None:  # noqa: ARG001
    set_status(order, CANCELLED)


def _hold(order: Order, day: str, pick: Random) -> None:  # noqa: ARG001
    set_status(order, HOLD)


_Step = Callable[[Order, str, Random], None]
_STEPS: Final[Mapping[str, _Step]] = {
    "back order": back_order,
    "ship part": _ship_part,
    "ship": _ship,
    "deliver part": _deliver_part,
    "deliver": _deliver,
    "invoice": _invoice,
    "cancel": _cancel,
}
_SIMULATED: Final[Mapping[str, tuple[_Step, ...]]] = {
    "IM::SHIPPED": (_ship,),
    "IM::PARTIALLY_SHIPPED": (_ship_part,),
    "IM::HOLD": (_hold,),
    "IM::INVOICED": (_ship, _deliver, _invoice),
}


def simulate(order: Order, status: str, day: str, pick: Random) -> None:
    """Make an order look as if it had a status, whatever became of it; a word that is not published does nothing."""
    if status in _SIMULATED:
        set_status(order, PROCESSING)
        for line in order["lines"]:
            line["shipments"] = []
            _off_back_order(line)
        for step in _SIMULATED[status]:
            step(order, day, pick)
        if status == "IM::PARTIALLY_SHIPPED":  # of one piece, too
            order["orderStatus"] = PARTIALLY_SHIPPED


def days_after(day: str, days: int) -> str:
    """Give the day so many days after one."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def _shipped(line: Line) -> int:
    return sum(shipment["quantity"] for shipment in line["shipments"])


def _off_back_order(line: Line) -> None:
    line.pop("quantityBackOrdered", None)
    line.pop("backOrderETADate", None)


def _ship_line(line: Line, quantity: int, day: str, pick: Random) -> None:
    _off_back_order(line)
    parts = (quantity,) if quantity < MANY else (quantity - quantity // 2, quantity // 2)
    line["shipments"].append(
        {
            "quantity": quantity,
            "deliveryNumber": f"{below(pick, 10**8):08}",
            "shippedDate": day,
            "warehouse": below(pick, len(WAREHOUSES)),
            # Software does not travel; what is many goes in two parcels, each by a carrier of its own.
            "parcels": [_parcel(part, pick) for part in parts] if line["unitWeight"] else [],
        }
    )
    line["lineStatus"] = SHIPPED if _shipped(line) == line["quantityOrdered"] else PARTIALLY_SHIPPED


def _parcel(quantity: int, pick: Random) -> Parcel:
    return {
        "quantity": quantity,
        "carrier": below(pick, len(CARRIERS)),
        "trackingNumber": f"1Z{below(pick, 10**12):012}",
        "firstSerial": below(pick, 16**8 - quantity),
    }
