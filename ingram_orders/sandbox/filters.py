"""What each parameter of a search asks of an order, as SQL over the index of `book`."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from ingram_orders.sandbox.catalogue import PRODUCTS, Product
from ingram_orders.sandbox.refusals import Refused

Condition = tuple[str, tuple[str, ...]]
"""What is to hold of an entry of the index, and the values in it."""


def _column(name: str) -> Callable[[str, list[str]], Condition]:
    """One of the values, whatever its case."""
    return lambda _, values: (f"{name} IN ({', '.join('?' * len(values))})", tuple(values))


def _starting(name: str) -> Callable[[str, list[str]], Condition]:
    """The value starts so: the API's search by number is not exact."""

    def condition(_: str, values: list[str]) -> Condition:
        patterns = tuple(f"{value.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%" for value in values)
        return " OR ".join([f"({name} LIKE ? ESCAPE '!' AND {name} <> '')"] * len(values)), patterns

    return condition


def _key(kind: str) -> Callable[[str, list[str]], Condition]:
    """A part of the order has one of the values, whatever its case."""

    def condition(_: str, values: list[str]) -> Condition:
        wanted = f"value IN ({', '.join('?' * len(values))})"
        return f"id IN (SELECT id FROM keys WHERE kind = ? AND {wanted})", (kind, *values)  # noqa: S608

    return condition


def _product(read: Callable[[Product], str]) -> Callable[[str, list[str]], Condition]:
    """A part of the order is a product of which something is one of the values, whatever its case."""

    def condition(parameter: str, values: list[str]) -> Condition:
        wanted = {value.casefold() for value in values}
        return _key("part")(parameter, [it.sku for it in PRODUCTS.values() if read(it).casefold() in wanted])

    return condition


def _day(parameter: str, values: list[str]) -> Condition:
    days = [_checked_day(parameter, value) for value in values]
    return " OR ".join(["placed BETWEEN ? AND ?"] * len(days)), tuple(it for day in days for it in (day, f"{day}T99"))


def _placed_between(parameter: str, values: list[str]) -> Condition:
    first, last = _two_days(parameter, values)
    return "placed BETWEEN ? AND ?", (first, f"{last}T99")


def _key_between(kind: str) -> Callable[[str, list[str]], Condition]:
    """A part of the order has its day within two, which count themselves."""

    def condition(parameter: str, values: list[str]) -> Condition:
        inside = "id IN (SELECT id FROM keys WHERE kind = ? AND value BETWEEN ? AND ?)"
        return inside, (kind, *_two_days(parameter, values))

    return condition


def _two_days(parameter: str, values: list[str]) -> tuple[str, str]:
    if len(values) != 2:
        raise Refused(400, "Validation failed", (parameter, values, "two dates are required"))
    first, last = (_checked_day(parameter, value) for value in values)
    return first, last


def _checked_day(parameter: str, text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise Refused(400, "Validation failed", (parameter, text, "a date is written yyyy-MM-dd"))


FILTERS: Final[Mapping[str, Callable[[str, list[str]], Condition]]] = {
    "ingramOrderNumber": _column("number"),
    "orderStatus": _column("status"),
    "orderStatus-in": _column("status"),
    "ingramOrderDate": _day,
    "ingramOrderDate-bt": _placed_between,
    "customerOrderNumber": _starting("po"),
    "endCustomerOrderNumber": _starting("end_po"),
    "invoiceDate_bt": _key_between("invoiced"),
    "shipDate_bt": _key_between("shipped"),
    "deliveryDate_bt": _key_between("delivered"),
    "ingramPartNumber": _key("part"),
    "vendorPartNumber": _product(lambda product: product.part),
    "serialNumber": _key("serial"),
    "trackingNumber": _key("tracking"),
    "vendorName": _product(lambda product: product.vendor),
    "specialBidNumber": _key("bid"),
}
