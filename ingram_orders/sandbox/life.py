"""
How an order moves with the clock: a plan that is made when it is placed, and what each of its steps does to it.

processing → shipped → delivered → invoiced, with backorders, partial shipments and cancellations between. An order on
hold has no plan until it is released.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, TypeVar

from ingram_orders.sandbox.catalogue import CARRIERS, WAREHOUSES

Json = dict[str, Any]
T = TypeVar("T")
Plan = list[tuple[str, str]]
"""Steps to come: when, in ISO form, and what."""

HOLD: Final = "ON HOLD"
PROCESSING: Final = "PROCESSING"
BACKORDERED: Final = "BACKORDERED"
CANCELLED: Final = "CANCELLED"

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


def move(order: Json, steps: Plan, now: datetime, chance: Callable[[str, str], Random]) -> Plan:
    """Take the steps whose time has come, each with its own *chance*, by when and what; give those that are left."""
    until = now.isoformat(timespec="seconds")
    left = list(steps)
    while left and left[0][0] <= until:
        when, step = left.pop(0)
        _STEPS[step](order, when[:10], chance(when, step))
    return left


def set_status(order: Json, status: str) -> None:
    """Set the status of an order and of all its lines."""
    order["orderStatus"] = status
    for line in order["lines"]:
        line["lineStatus"] = status


def back_order(order: Json, day: str, pick: Random) -> None:
    """Put an order, and all its lines, on back order."""
    for line in order["lines"]:
        line["quantityBackOrdered"], line["quantityConfirmed"] = line["quantityOrdered"], 0
        line["backOrderETADate"] = _days_after(day, 6 + below(pick, 7))
    set_status(order, BACKORDERED)


def _ship_part(order: Json, day: str, pick: Random) -> None:
    lines = order["lines"]
    first = lines[: (len(lines) + 1) // 2]
    for line in first:
        # Of an order with one line, a part of that.
        part = line["quantityOrdered"] if len(lines) > 1 else max(1, line["quantityOrdered"] // 2)
        _ship_line(order, line, part, day, pick)
    shipped = all(_shipped(line) == line["quantityOrdered"] for line in lines)
    order["orderStatus"] = "SHIPPED" if shipped else "PARTIALLY SHIPPED"


def _ship(order: Json, day: str, pick: Random) -> None:
    for line in order["lines"]:
        left = line["quantityOrdered"] - _shipped(line)
        if left > 0:
            _ship_line(order, line, left, day, pick)
    order["orderStatus"] = "SHIPPED"


def _deliver_part(order: Json, day: str, pick: Random) -> None:  # noqa: ARG001  # as all steps
    parcels = [carrier for line in order["lines"] for it in line["shipmentDetails"] for carrier in it["carrierDetails"]]
    for carrier in parcels[: (len(parcels) + 1) // 2]:
        carrier["deliveredDate"] = day
    for line in order["lines"]:
        its = [carrier for shipment in line["shipmentDetails"] for carrier in shipment["carrierDetails"]]
        if its and all(carrier["deliveredDate"] for carrier in its):
            line["lineStatus"] = "DELIVERED"
    order["orderStatus"] = "PARTIALLY DELIVERED" if len(parcels) > 1 else "SHIPPED"


def _deliver(order: Json, day: str, pick: Random) -> None:  # noqa: ARG001
    for line in order["lines"]:
        for shipment in line["shipmentDetails"]:
            for carrier in shipment["carrierDetails"]:
                carrier["deliveredDate"] = carrier["deliveredDate"] or day
    set_status(order, "DELIVERED")


def _invoice(order: Json, day: str, pick: Random) -> None:
    number = f"{below(pick, 10**8):08}"
    for line in order["lines"]:
        for shipment in line["shipmentDetails"]:
            shipment["invoiceNumber"], shipment["invoiceDate"] = f"{number}11", day
    set_status(order, "INVOICED")


def _cancel(order: Json, day: str, pick: Random) -> None:  # noqa: ARG001
    set_status(order, CANCELLED)


_STEPS: Final[Mapping[str, Callable[[Json, str, Random], None]]] = {
    "back order": back_order,
    "ship part": _ship_part,
    "ship": _ship,
    "deliver part": _deliver_part,
    "deliver": _deliver,
    "invoice": _invoice,
    "cancel": _cancel,
}


def _shipped(line: Json) -> int:
    return sum(shipment["quantity"] for shipment in line["shipmentDetails"])


def _ship_line(order: Json, line: Json, quantity: int, day: str, pick: Random) -> None:
    (code, carrier), (warehouse, place) = one_of(pick, CARRIERS), one_of(pick, WAREHOUSES)
    due = _days_after(day, 3)
    line["quantityConfirmed"], line["quantityBackOrdered"] = line["quantityOrdered"], 0
    line["shipmentDetails"].append(
        {
            "quantity": quantity,
            "deliveryNumber": f"{below(pick, 10**8):08}",
            "estimatedShipDate": day,
            "shippedDate": day,
            "estimatedDeliveryDate": due,
            "shipFromWarehouseId": warehouse,
            "shipFromLocation": place,
            "invoiceNumber": "",
            "invoiceDate": "",
            "carrierDetails": []
            if not line["unitWeight"]
            else [  # software does not travel
                {
                    "carrierCode": code,
                    "carrierName": carrier,
                    "quantity": quantity,
                    "shippedDate": day,
                    "estimatedDeliveryDate": due,
                    "deliveredDate": "",
                    "carrierPickupDate": day,
                    "trackingDetails": [
                        {
                            "trackingNumber": f"1Z{below(pick, 10**12):012}",
                            "trackingUrl": "",
                            "packageWeight": f"{line['unitWeight'] * quantity:.1f}",
                            "cartonNumber": "1",
                            "quantityInBox": str(quantity),
                            "serialNumbers": [{"serialNumber": f"SN{below(pick, 16**8):08X}"} for _ in range(quantity)],
                        }
                    ],
                }
            ],
        }
    )
    line["lineStatus"] = "SHIPPED" if _shipped(line) == line["quantityOrdered"] else "PARTIALLY SHIPPED"
    if order["orderStatus"] == BACKORDERED:
        order["orderStatus"] = PROCESSING


def _days_after(day: str, days: int) -> str:
    return (datetime.fromisoformat(day) + timedelta(days=days)).date().isoformat()
