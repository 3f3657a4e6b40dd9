"""
An order as the sandbox keeps it: in the API's own words, without what can be derived and what all have alike.

`documents` tells it in the API's documents. Amounts are in cents, days `yyyy-MM-dd`, times by the clock of its place.
"""

from typing import Any, NotRequired, TypedDict

Json = dict[str, Any]
"""A document of the API, or a part of one."""

Plan = list[tuple[str, str]]
"""Steps to come: when, and what."""


class Parcel(TypedDict):
    """What a carrier brings."""

    quantity: int
    carrier: int
    """Its place in `catalogue.CARRIERS`."""
    trackingNumber: str
    firstSerial: int
    """Of the pieces, which are numbered without a gap."""
    deliveredDate: NotRequired[str]


class Shipment(TypedDict):
    """What leaves the warehouse of a line at one time."""

    quantity: int
    deliveryNumber: str
    shippedDate: str
    warehouse: int
    """Its place in `catalogue.WAREHOUSES`."""
    parcels: list[Parcel]
    """None for software."""
    invoiceNumber: NotRequired[str]
    invoiceDate: NotRequired[str]


class Line(TypedDict):
    """So many of one product."""

    subOrderNumber: str
    ingramOrderLineNumber: str
    customerLineNumber: str
    lineStatus: str
    ingramPartNumber: str
    vendorPartNumber: str
    vendorName: str
    partDescription: str
    unitWeight: float
    """0 for software."""
    cents: int
    """For one."""
    quantityOrdered: int
    shipments: list[Shipment]
    quantityBackOrdered: NotRequired[int]
    backOrderETADate: NotRequired[str]
    specialBidNumber: NotRequired[str]
    lineNotes: NotRequired[str]
    additionalAttributes: NotRequired[list[Json]]


class Order(TypedDict):
    """One order."""

    ingramOrderNumber: str
    ingramOrderDate: str
    customerOrderNumber: str
    orderStatus: str
    currencyCode: str
    weightUom: str
    offset: str
    """Of its times, from UTC."""
    address: dict[str, str]
    """The customer's own, which stands where no other was asked for."""
    lines: list[Line]
    linesSoFar: int
    """How many it ever had: no number is given twice."""
    freightCents: NotRequired[int]
    endCustomerOrderNumber: NotRequired[str]
    notes: NotRequired[str]
    shipToInfo: NotRequired[Json]
    endUserInfo: NotRequired[Json]
    additionalAttributes: NotRequired[list[Json]]


def parcels(line: Line) -> list[Parcel]:
    """Give all that was sent of a line, but for software."""
    return [parcel for shipment in line["shipments"] for parcel in shipment["parcels"]]
