"""What each parameter of a search asks of an order."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final

from ingram_orders.sandbox.refusals import Refused

Json = dict[str, Any]
Test = Callable[[Json], bool]


def _shipments(order: Json) -> list[Json]:
    return [shipment for line in order["lines"] for shipment in line["shipmentDetails"]]


def _packages(order: Json) -> list[Json]:
    return [
        package
        for shipment in _shipments(order)
        for carrier in shipment["carrierDetails"]
        for package in carrier["trackingDetails"]
    ]


def _same(read: Callable[[Json], Iterable[str | None]]) -> Callable[[list[str]], Test]:
    """One of the order's values is one of those asked for, whatever its case."""

    def filter_by(values: list[str]) -> Test:
        wanted = {value.casefold() for value in values}
        return lambda order: any((value or "").casefold() in wanted for value in read(order))

    return filter_by


def _starts(read: Callable[[Json], str | None]) -> Callable[[list[str]], Test]:
    """The order's value starts so: the API's search by number is not exact."""

    def filter_by(values: list[str]) -> Test:
        return lambda order: any((read(order) or "").casefold().startswith(value.casefold()) for value in values)

    return filter_by


def _between(name: str, read: Callable[[Json], Iterable[str]]) -> Callable[[list[str]], Test]:
    """One of the order's days is within two, which count themselves."""

    def filter_by(values: list[str]) -> Test:
        if len(values) != 2:
            raise Refused(400, "Validation failed", (name, values, "two dates are required"))
        first, last = (_day(name, value) for value in values)
        return lambda order: any(first <= day[:10] <= last for day in read(order) if day)

    return filter_by


def _on(values: list[str]) -> Test:
    days = {_day("ingramOrderDate", value) for value in values}
    return lambda order: order["ingramOrderDate"][:10] in days


def _day(name: str, text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise Refused(400, "Validation failed", (name, text, "a date is written yyyy-MM-dd"))


def _each(lines: str) -> Callable[[Json], Iterable[str]]:
    return lambda order: (line[lines] for line in order["lines"])


FILTERS: Final[Mapping[str, Callable[[list[str]], Test]]] = {
    "ingramOrderNumber": _same(lambda order: [order["ingramOrderNumber"]]),
    "orderStatus": _same(lambda order: [order["orderStatus"]]),
    "orderStatus-in": _same(lambda order: [order["orderStatus"]]),
    "ingramOrderDate": _on,
    "ingramOrderDate-bt": _between("ingramOrderDate-bt", lambda order: [order["ingramOrderDate"]]),
    "customerOrderNumber": _starts(lambda order: order["customerOrderNumber"]),
    "endCustomerOrderNumber": _starts(lambda order: order["endCustomerOrderNumber"]),
    "invoiceDate_bt": _between("invoiceDate_bt", lambda order: (it["invoiceDate"] for it in _shipments(order))),
    "shipDate_bt": _between("shipDate_bt", lambda order: (it["shippedDate"] for it in _shipments(order))),
    "deliveryDate_bt": _between(
        "deliveryDate_bt",
        lambda order: (carrier["deliveredDate"] for it in _shipments(order) for carrier in it["carrierDetails"]),
    ),
    "ingramPartNumber": _same(_each("ingramPartNumber")),
    "vendorPartNumber": _same(_each("vendorPartNumber")),
    "serialNumber": _same(
        lambda order: (one["serialNumber"] for it in _packages(order) for one in it["serialNumbers"])
    ),
    "trackingNumber": _same(lambda order: (it["trackingNumber"] for it in _packages(order))),
    "vendorName": _same(_each("vendorName")),
    "specialBidNumber": _same(_each("specialBidNumber")),
}
