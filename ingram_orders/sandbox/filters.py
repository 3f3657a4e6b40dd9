"""What each parameter of a search asks of an order, as SQL over the tables of `index`."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from ingram_orders.sandbox.bodies import MOST
from ingram_orders.sandbox.refusals import invalid

Condition = tuple[str, tuple[str, ...]]
"""What is to hold of an entry of the index, and the values in it."""

SERIAL: Final = re.compile("SN[0-9A-F]{8}", re.IGNORECASE)

_LAST: Final = "\U0010ffff"
"""Comes behind everything else."""


def folded(text: str) -> str:
    """Give text as the index holds it: without regard to case."""
    return text.lower()


def _column(name: str) -> Callable[[str, list[str]], Condition]:
    """One of the values, whatever its case."""
    return lambda _, values: (f"{name} IN ({_marks(values)})", tuple(map(folded, values)))


def _starting(name: str) -> Callable[[str, list[str]], Condition]:
    """The value starts so: the API's search by number is not exact."""

    def condition(_: str, values: list[str]) -> Condition:
        ends = tuple(end for value in map(folded, values) for end in (value or " ", value + _LAST))
        return " OR ".join([f"{name} BETWEEN ? AND ?"] * len(values)), ends

    return condition


def _key(kind: str) -> Callable[[str, list[str]], Condition]:
    """A part of the order has one of the values, whatever its case."""

    def condition(_: str, values: list[str]) -> Condition:
        its = f"SELECT id FROM keys WHERE kind = ? AND value IN ({_marks(values)})"  # noqa: S608
        return f"id IN ({its})", (kind, *map(folded, values))

    return condition


def _serial(_: str, values: list[str]) -> Condition:
    """One of the pieces is in a parcel."""
    numbers = [int(value[2:], 16) if SERIAL.fullmatch(value) else -1 for value in values]
    its = " OR ".join(f"first BETWEEN {number} - {MOST} AND {number} AND last >= {number}" for number in numbers)
    return f"id IN (SELECT id FROM serials WHERE {its})", ()  # noqa: S608  # whole numbers


def _days(name: str) -> Callable[[str, list[str]], Condition]:
    """The first or the last of its days is within two, which count themselves."""

    def condition(parameter: str, values: list[str]) -> Condition:
        return f"{name} BETWEEN ? AND ? OR {name}_last BETWEEN ? AND ?", _two_days(parameter, values) * 2

    return condition


def _day(parameter: str, values: list[str]) -> Condition:
    days = [checked_day(parameter, value) for value in values]
    return " OR ".join(["placed BETWEEN ? AND ?"] * len(days)), tuple(it for day in days for it in (day, day + _LAST))


def _placed_between(parameter: str, values: list[str]) -> Condition:
    first, last = _two_days(parameter, values)
    return "placed BETWEEN ? AND ?", (first, last + _LAST)


def since(day: date) -> Condition:
    """Placed on a day or later."""
    return "placed >= ?", (day.isoformat(),)


def _marks(values: list[str]) -> str:
    return ", ".join("?" * len(values))


def _two_days(parameter: str, values: list[str]) -> tuple[str, str]:
    if len(values) != 2:
        raise invalid(parameter, values, "two dates are required")
    first, last = (checked_day(parameter, value) for value in values)
    return first, last


def checked_day(parameter: str, text: str) -> str:
    """Give the text of a day, or refuse what is none."""
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise invalid(parameter, text, "a date is written yyyy-MM-dd")


FILTERS: Final[Mapping[str, Callable[[str, list[str]], Condition]]] = {
    "ingramOrderNumber": _column("number"),
    "orderStatus": _column("status"),
    "orderStatus-in": _column("status"),
    "ingramOrderDate": _day,
    "ingramOrderDate-bt": _placed_between,
    "customerOrderNumber": _starting("po"),
    "endCustomerOrderNumber": _starting("end_po"),
    "invoiceDate_bt": _days("invoiced"),
    "shipDate_bt": _days("shipped"),
    "deliveryDate_bt": _days("delivered"),
    "ingramPartNumber": _key("part"),
    "vendorPartNumber": _key("vendor part"),
    "serialNumber": _serial,
    "trackingNumber": _key("tracking"),
    "vendorName": _key("vendor"),
    "specialBidNumber": _key("bid"),
}
