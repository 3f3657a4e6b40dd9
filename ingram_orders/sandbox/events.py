"""
What the sandbox tells by webhook, in the API's words: that an order's status changed, or what became of a v7 create.

An event is an envelope here, without an id until it is in the `outbox`; how it is posted, `respelt` says.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from ingram_orders.sandbox import documents
from ingram_orders.sandbox.catalogue import CARRIERS, WAREHOUSES
from ingram_orders.sandbox.kept import Json, Line, Order, Parcel, Shipment, parcels
from ingram_orders.sandbox.life import BACKORDERED, CANCELLED, HOLD, INVOICED, PARTIALLY_SHIPPED, SHIPPED

TYPES: Final = {
    HOLD: "im::order_hold",
    BACKORDERED: "im::order_backordered",
    PARTIALLY_SHIPPED: "im::order_shipped",
    SHIPPED: "im::order_shipped",
    INVOICED: "im::order_invoiced",
    CANCELLED: "im::order_voided",
}
"""The type of the event that tells of a status; of the others none is told."""

_CREATED: Final = "IM::async_order_create"


# ── What happened ───────────────────────────────────────────────────────────────────────────────────────────────────


def status_changed(order: Order, now: datetime) -> Json:
    """Tell the status of an order, which is one of `TYPES`."""
    its = {
        "eventType": TYPES[order["orderStatus"]],
        "orderNumber": order["ingramOrderNumber"],
        "customerOrderNumber": order["customerOrderNumber"],
        "orderEntryTimeStamp": order["ingramOrderDate"] + order["offset"],
        "lines": [_line(line) for line in order["lines"]],
        "links": [documents.link(order["ingramOrderNumber"])],
    }
    return _event("im::updated", now, order["offset"], [its])


def created(orders: list[Order], body: Json, rejected: list[Json], now: datetime) -> Json:
    """Tell what a v7 create became, as v6 answers it; the lines refused are in it."""
    its = documents.created(orders, body, rejected)
    return _event("IM::created", now, orders[0]["offset"], {"eventType": _CREATED, **its})


def refused(body: Json, rejected: list[Json], now: datetime, offset: str) -> Json:
    """Tell that a v7 create became no order: which lines were refused, or that there was none."""
    its: Json = {"eventType": _CREATED, "customerOrderNumber": body["customerOrderNumber"]}
    if rejected:
        counts = {"numberOfLinesWithSuccess": 0, "numberOfLinesWithError": len(rejected), "numberOfLinesWithWarning": 0}
        its["orders"] = [{**counts, "rejectedLineItems": rejected}]
    else:
        its["errors"] = [_error("No line can be ordered", "lines", "")]
    return _event("IM::created", now, offset, its)


def _event(what: str, now: datetime, offset: str, resource: Json | list[Json]) -> Json:
    at = datetime.fromisoformat(f"{now.isoformat()}{offset}").astimezone(UTC)
    return {
        "topic": "resellers/orders",
        "event": what,
        "eventTimeStamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventId": "",
        "resource": resource,
    }


def _error(message: str, field: str, value: str) -> Json:
    fields = [{"field": field, "value": value, "message": message}]
    return {"id": "0", "type": "/errors/validation-failed", "message": message, "fields": fields}


def _line(line: Line) -> Json:
    return {
        "ingramLineNumber": line["ingramOrderLineNumber"],
        "subOrderNumber": line["subOrderNumber"],
        "lineStatus": f"im::{line['lineStatus'].lower().replace(' ', '_')}",
        "ingramPartNumber": line["ingramPartNumber"],
        "vendorPartNumber": line["vendorPartNumber"],
        "requestedQuantity": line["quantityOrdered"],
        "shippedQuantity": sum(shipment["quantity"] for shipment in line["shipments"]),
        "backOrderedQuantity": line.get("quantityBackOrdered", 0),
        "shipmentDetails": [it for shipment in line["shipments"] for it in _shipments(shipment)],
        "serialNumberDetails": [
            {"serialNumber": number} for parcel in parcels(line) for number in documents.serial_numbers(parcel)
        ],
    }


def _shipments(shipment: Shipment) -> Iterator[Json]:
    """Tell what left the warehouse, by carrier; software has none."""
    warehouse, name = WAREHOUSES[shipment["warehouse"]]
    its = {"shipmentDate": shipment["shippedDate"], "shipFromWarehouseId": warehouse, "warehouseName": name}
    for parcel in shipment["parcels"]:
        code, carrier = CARRIERS[parcel["carrier"]]
        yield {**its, "carrierCode": code, "carrierName": carrier, "packageDetails": [_package(parcel)]}
    if not shipment["parcels"]:
        yield {**its, "carrierCode": "", "carrierName": "", "packageDetails": []}


def _package(parcel: Parcel) -> Json:
    return {"cartonNumber": "1", "quantityInbox": str(parcel["quantity"]), "trackingNumber": parcel["trackingNumber"]}


# ── How it is spelt ─────────────────────────────────────────────────────────────────────────────────────────────────


SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "eventTimeStamp": ("eventTimeStamp", "evenTtimeStamp", "eventtimestamp"),
    "customerOrderNumber": ("customerOrderNumber", "customerPoNumber"),
    "backOrderedQuantity": ("backOrderedQuantity", "backorderedQuantity"),
    "ingramLineNumber": ("ingramLineNumber", "LineNumber", "lineNumber"),
}
"""Names that vary; that of a line only where a status is told."""
CODES: Final = ("event", "eventType", "lineStatus")
"""What is a code, with `im::` or `IM::` before it."""


def as_published(event: Json) -> Json | list[Json]:
    """Give an event as the published examples have it: the outcome of a create in an array, a status in none."""
    return event if isinstance(event["resource"], list) else [event]


def respelt(event: Json, pick: Random) -> Json | list[Json]:
    """Spell an event in one of the ways in which events are seen; what it says is not changed by it."""
    [its] = event["resource"] if isinstance(event["resource"], list) else [event["resource"]]
    is_outcome = its["eventType"].endswith("_create")
    if is_outcome and pick.random() < 0.5:
        its = _with_errors(its)
    names = {name: pick.choice(spellings) for name, spellings in SPELLINGS.items()}
    if is_outcome:
        del names["ingramLineNumber"]
    spelling = _Spelling(names, prefix=pick.choice(("im::", "IM::")), kind=pick.choice((int, str)), pick=pick)
    resource = spelling.of({"resource": its})["resource"]
    envelope = spelling.of({**event, "resource": None}) | {"resource": pick.choice((resource, [resource]))}
    return pick.choice((envelope, [envelope]))


class _Spelling:
    """One way to spell an event, the same for all of it."""

    def __init__(self, names: Mapping[str, str], *, prefix: str, kind: type[int] | type[str], pick: Random) -> None:
        self._names = names
        self._prefix = prefix
        self._kind = kind
        self._pick = pick

    def of(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {self._names.get(name, name): self.of(item, name) for name, item in value.items()}
        if isinstance(value, list):
            items = [self.of(item) for item in value]
            return items[0] if key == "shipmentDetails" and len(items) == 1 and self._pick.random() < 0.5 else items
        if key in CODES and value.casefold().startswith("im::"):
            return self._prefix + value[4:]
        # `1` or `"1"`; of what an order says itself, as its notes, nothing is a quantity.
        return self._kind(value) if "quantity" in key.casefold() and str(value).isdecimal() else value


def _with_errors(outcome: Json) -> Json:
    """Tell of lines that were all refused by errors."""
    if any("ingramOrderNumber" in order for order in outcome.get("orders", ())) or "errors" in outcome:
        return outcome
    lines = [line for order in outcome["orders"] for line in order["rejectedLineItems"]]
    told = [_error(line["rejectReason"], "ingramPartNumber", line["ingramPartNumber"]) for line in lines]
    return {**{key: value for key, value in outcome.items() if key != "orders"}, "errors": told}


# ── What somebody else may post ─────────────────────────────────────────────────────────────────────────────────────


def forged(event: Json, other: str, pick: Random) -> Json:
    """Give what may be posted under an event's id and is not so; *other* is the number of somebody else's order."""
    resource = event.get("resource")
    its = next((it for it in (resource if isinstance(resource, list) else [resource]) if isinstance(it, dict)), {})
    kind = str(its.get("eventType")).casefold()
    if not kind.endswith("_create"):
        lie = "im::order_shipped" if kind.endswith("_voided") else "im::order_voided"
        return {**event, "resource": [{**its, "eventType": lie, "lines": []}]}
    told: Json = {key: its[key] for key in ("eventType", "customerOrderNumber") if key in its}
    if "ingramOrderNumber" in str(its.get("orders")) and pick.random() < 0.5:
        return {**event, "resource": {**told, "errors": [_error("The order was refused", "customerOrderNumber", "")]}}
    counts = {"numberOfLinesWithSuccess": 1, "numberOfLinesWithError": 0, "numberOfLinesWithWarning": 0}
    return {**event, "resource": {**told, "orders": [{**counts, "ingramOrderNumber": other, "lines": []}]}}


def order_number(event: Json) -> str | None:
    """Give the number of the order that an event is about, or of one of those; `None` where there is none."""
    found = re.search(r'"(?:orderNumber|ingramOrderNumber)": "([^"]+)"', json.dumps(event))
    return found and found[1]


def written(event: Json | list[Json]) -> bytes:
    """Give the body that is posted."""
    return json.dumps(event).encode()
