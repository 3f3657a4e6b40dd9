"""What each parameter of a search asks of an order, as SQL over the tables of `index`."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from ingram_orders.sandbox.bodies import MOST
from ingram_orders.sandbox.refusals import invalid

Condition = tuple[str, tuple[str, ...]]
"""What is to hold of an entry of the index, and the values in it."""

_SERIAL: Final = re.compile("SN[0-9A-F]{8}", re.IGNORECASE)

_LAST: Final = "\U0010ffff"
"""Comes behind everything else."""


def folded(text: str) -> str:
    """Give text as the index holds it: without regard to case."""
    return text.lower()


def _any_of(name: str) -> Callable[[str, list[str]], Condition]:
    """One of the values, whatever its case."""
    return lambda _, values: (f"{name} IN ({', '.join('?' * len(values))})", tuple(map(folded, values)))


def _only(find: Callable[[str, str], Condition]) -> Callable[[str, list[str]], Condition]:
    """There is one value."""

    def condition(parameter: str, values: list[str]) -> Condition:
        if len(values) > 1:
            raise invalid(parameter, values, "one value is allowed")
        return find(parameter, values[0])

    return condition


def _column(name: str) -> Callable[[str, list[str]], Condition]:
    """The value, whatever its case."""
    return _only(lambda _, value: (f"{name} = ?", (folded(value),)))


def _starting(name: str) -> Callable[[str, list[str]], Condition]:
    """The value starts so: the API's search by number is not exact. Nothing starts with nothing."""
    return _only(lambda _, value: (f"{name} BETWEEN ? AND ?", (folded(value) or _LAST, folded(value) + _LAST)))


def _key(kind: str) -> Callable[[str, list[str]], Condition]:
    """A part of the order has the value, whatever its case."""
    return _only(
        lambda _, value: ("id IN (SELECT id FROM keys WHERE kind = ? AND value = ?)", (kind, folded(value))),
    )


@_only
def _serial(_: str, value: str) -> Condition:
    """The piece is in a parcel."""
    number = int(value[2:], 16) if _SERIAL.fullmatch(value) else -1
    first, last = f"{number} - {MOST}", str(number)
    return f"id IN (SELECT id FROM serials WHERE first BETWEEN {first} AND {last} AND last >= {number})", ()  # noqa: S608


def _days(name: str) -> Callable[[str, list[str]], Condition]:
    """The first or the last of its days is within two, which count themselves."""

    def condition(parameter: str, values: list[str]) -> Condition:
        return f"{name} BETWEEN ? AND ? OR {name}_last BETWEEN ? AND ?", _two_days(parameter, values) * 2

    return condition


@_only
def _day(parameter: str, value: str) -> Condition:
    day = checked_day(parameter, value)
    return "placed BETWEEN ? AND ?", (day, day + _LAST)


def _placed_between(parameter: str, values: list[str]) -> Condition:
    first, last = _two_days(parameter, values)
    return "placed BETWEEN ? AND ?", (first, last + _LAST)


def since(day: date) -> Condition:
    """Placed on a day or later."""
    return "placed >= ?", (day.isoformat(),)


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
    "orderStatus-in": _any_of("status"),
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
