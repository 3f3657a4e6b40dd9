"""
The sandbox's orders: made from a seed, searched, created, modified and cancelled. Knows JSON, but no HTTP.

Every order is kept in the shape in which the details answer tells it.
"""

import random
import string
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from ingram_orders.sandbox.catalogue import CARRIERS, COMPANIES, PRODUCTS, TOWNS, WAREHOUSES
from ingram_orders.sandbox.filters import FILTERS, Json
from ingram_orders.sandbox.refusals import Refused

QUOTED: Final = "4GH302"
"""The product that every quote is about."""

SEARCH_WINDOW: Final = timedelta(days=20)
"""How far back a search without any filter looks. Source: developer portal."""

HOLD: Final = "ON HOLD"
# How often each status is met among seeded orders.
_STATUSES: Final = {
    "PROCESSING": 5, "SHIPPED": 6, "DELIVERED": 4, "INVOICED": 3, HOLD: 4, "BACKORDERED": 3, "CANCELLED": 1,
}  # fmt: skip
_SENT: Final = {"SHIPPED", "DELIVERED", "INVOICED"}


class OrderBook:
    """All orders of one customer."""

    def __init__(self, *, seed: int, orders: int, clock: Callable[[], datetime]) -> None:
        self._random = random.Random(seed)
        self._clock = clock
        self._orders: dict[str, Json] = {}
        for count in range(orders):
            self._seed_order(count)

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────

    def details(self, number: str) -> Json:
        """Give an order; asked for a sub-order, with the lines of that one only."""
        order = self._orders.get(number) or self._orders.get(number.rpartition("-")[0])
        if order is None:
            raise Refused(404, "Order not found.", kind="validation-error")
        if order["ingramOrderNumber"] == number:
            return order
        lines = [line for line in order["lines"] if line["subOrderNumber"] == number]
        if not lines:
            raise Refused(404, "Order not found.", kind="validation-error")
        return {**order, "lines": lines}

    def search(self, query: Mapping[str, list[str]]) -> Json | None:
        """Give one page of the orders found, the newest first; `None` where the page is empty."""
        size = _whole(query, "pageSize", 25, at_most=100)
        page = _whole(query, "pageNumber", 1)
        filters = {key: values for key, values in query.items() if key not in {"pageSize", "pageNumber"}}
        for key in filters.keys() - FILTERS.keys():
            raise Refused(400, "Validation failed", (key, None, "unknown parameter"))
        tests = [FILTERS[key](values) for key, values in filters.items()]
        if not filters:
            first = (self._clock() - SEARCH_WINDOW).date().isoformat()
            tests = [lambda order: order["ingramOrderDate"][:10] >= first]
        found = [order for order in self._orders.values() if all(test(order) for test in tests)]
        found.sort(key=lambda order: (order["ingramOrderDate"], order["ingramOrderNumber"]), reverse=True)
        shown = found[(page - 1) * size : page * size]
        if not shown:
            return None
        return {
            "recordsFound": len(found),
            "pageSize": size,
            "pageNumber": page,
            "orders": [_summary(order) for order in shown],
        }

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def create(self, body: Json, *, longest_number: int = 35) -> tuple[int, Json]:
        """Place an order; give the status and the answer."""
        number = body.get("customerOrderNumber")
        if not isinstance(number, str) or not number.strip() or len(number) > longest_number:
            why = f"is required, 1 to {longest_number} characters"
            raise Refused(400, "Validation failed", ("customerOrderNumber", number, why))
        wishes = {
            item.get("attributeName"): item.get("attributeValue") for item in body.get("additionalAttributes") or ()
        }
        if wishes.get("allowDuplicateCustomerOrderNumber") != "true" and any(
            order["customerOrderNumber"] == number for order in self._orders.values()
        ):
            raise Refused(400, "CUSTOMER-PO-EXISTS", ("customerOrderNumber", number, "CUSTOMER-PO-EXISTS"))
        taken: list[Json] = []
        rejected: list[Json] = []
        for line in body.get("lines") or ():
            (taken if line.get("ingramPartNumber") in PRODUCTS and _quantity(line) else rejected).append(line)
        if body.get("quoteNumber"):  # what was quoted is ordered, whatever the lines say
            taken, rejected = [{"ingramPartNumber": QUOTED, "quantity": 1}], []
        if not taken:
            raise Refused(400, "No line can be ordered", ("lines", None, "SKU-NOTFOUND"))
        order = self._add_order(
            customer_order_number=number,
            end_customer_order_number=body.get("endCustomerOrderNumber"),
            placed=self._clock(),
            status=HOLD if wishes.get("allowOrderOnCustomerHold") == "true" else "PROCESSING",
            wanted=[(line["ingramPartNumber"], _quantity(line), line) for line in taken],
            notes=body.get("notes") or "",
            special_bid_number=body.get("specialBidNumber") or "",
        )
        # An address that was given stands as it was; only one that was not is made up.
        order.update({key: body[key] for key in ("shipToInfo", "endUserInfo") if body.get(key)})
        return (207 if rejected else 201), self._created(order, body, rejected)

    def modify(self, number: str, body: Json, *, action: str | None) -> tuple[int, Json | None]:
        """Change an order on hold, or release it; give the status and the answer."""
        order = self._whole_order(number)
        if order["orderStatus"] != HOLD:
            raise Refused(400, "Validation failed", ("OrderNumber", number, "Order is not on customer hold"))
        if action == "release":
            self._move(order, "PROCESSING")
            return 200, None
        rejected = [
            refused for line in body.get("lines") or () if (refused := self._modify_line(order, line)) is not None
        ]
        if "notes" in body:
            order["notes"] = body["notes"]
        order["shipToInfo"] |= body.get("shipToInfo") or {}
        _add_up(order)
        return (207 if rejected else 200), {
            "ingramOrderNumber": number,
            "changeDescription": "Order changed",
            "orderModifiedDate": self._clock().isoformat(timespec="milliseconds"),
            "customerOrderNumber": order["customerOrderNumber"],
            "orderTotal": order["orderTotal"],
            "orderSubTotal": order["orderSubTotal"],
            "freightCharges": 0,
            "totalTax": 0,
            "notes": order["notes"],
            "orderStatus": order["orderStatus"],
            "shipToInfo": order["shipToInfo"],
            "lines": [_modified_line(line) for line in order["lines"]],
            "rejectedLineItems": rejected,
        }

    def cancel(self, number: str) -> None:
        """Cancel an order on hold."""
        order = self._whole_order(number)
        if order["orderStatus"] != HOLD:
            raise Refused(405, "The order is not on hold.", kind="validation-error")
        self._move(order, "CANCELLED")

    def _whole_order(self, number: str) -> Json:
        """Give an order that may be changed: not a sub-order."""
        order = self._orders.get(number)
        if order is None:
            raise Refused(404, "Order not found.", kind="validation-error")
        return order

    def _modify_line(self, order: Json, line: Json) -> Json | None:
        """Add, update or delete one line; give the refusal, where it is one."""
        wanted, action = _quantity(line), line.get("addUpdateDeleteLine")
        found = next(
            (it for it in order["lines"] if it["ingramOrderLineNumber"] == str(line.get("ingramLineNumber"))), None
        )
        if action == "ADD" and line.get("ingramPartNumber") in PRODUCTS and wanted:
            self._add_line(order, line["ingramPartNumber"], wanted, line)
        elif action == "DELETE" and found:
            order["lines"].remove(found)
        elif action == "UPDATE" and found and wanted:
            found["quantityOrdered"] = found["quantityConfirmed"] = wanted
            found["lineNotes"] = line.get("notes", found["lineNotes"])
            found["extendedPrice"] = _money(found["unitPrice"], wanted)
        else:
            return {
                "ingramLineNumber": line.get("ingramLineNumber"),
                "customerLineNumber": line.get("customerLineNumber"),
                "ingramPartNumber": line.get("ingramPartNumber"),
                "quantityOrdered": wanted,
                "rejectCode": "LINE-NOT-CHANGED",
                "rejectReason": f"{action or 'nothing'} cannot be done to this line",
            }
        return None

    # ── Making ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _seed_order(self, count: int) -> None:
        pick = self._random
        [status] = pick.choices(list(_STATUSES), weights=list(_STATUSES.values()))
        self._add_order(
            customer_order_number=f"PO-{1000 + count}",
            end_customer_order_number=f"EU-{pick.randrange(10_000, 99_999)}" if pick.random() < 0.5 else None,
            # One in three is older than what a search without filters shows; what has arrived took its days.
            placed=self._clock()
            - timedelta(days=pick.randrange(6 if status in _SENT else 0, 30), minutes=pick.randrange(1440)),
            status=status,
            wanted=[(sku, pick.randint(1, 12), {}) for sku in pick.sample(sorted(PRODUCTS), pick.randint(1, 4))],
            notes="",
            special_bid_number="",
        )

    def _add_order(
        self,
        *,
        customer_order_number: str,
        end_customer_order_number: str | None,
        placed: datetime,
        status: str,
        wanted: Iterable[tuple[str, int, Json]],
        notes: str,
        special_bid_number: str,
    ) -> Json:
        pick = self._random
        number = f"20-{''.join(pick.choices(string.ascii_uppercase + string.digits, k=5))}"
        while number in self._orders:
            number = f"20-{''.join(pick.choices(string.ascii_uppercase + string.digits, k=5))}"
        company, (city, state, postal_code) = pick.choice(COMPANIES), pick.choice(TOWNS)
        address = {
            "contact": "RECEIVING",
            "companyName": company,
            "addressLine1": f"{pick.randint(1, 999)} MAIN ST",
            "addressLine2": "",
            "city": city,
            "state": state,
            "postalCode": postal_code,
            "countryCode": "US",
            "phoneNumber": "",
            "email": "",
        }
        order: Json = {
            "ingramOrderNumber": number,
            "ingramOrderDate": placed.replace(tzinfo=None, microsecond=0).isoformat(),
            "orderType": "S",
            "customerOrderNumber": customer_order_number,
            "endCustomerOrderNumber": end_customer_order_number,
            "orderStatus": status,
            "orderTotal": 0,
            "orderSubTotal": 0,
            "freightCharges": 0,
            "currencyCode": "USD",
            "totalTax": 0,
            "paymentTerms": "NET 30 DAYS",
            "notes": notes,
            "billToInfo": dict(address),
            "shipToInfo": dict(address),
            "endUserInfo": dict(address),
            "lines": [],
            "miscellaneousCharges": [],
            "additionalAttributes": [],
        }
        for sku, quantity, asked in wanted:
            self._add_line(order, sku, quantity, {"specialBidNumber": special_bid_number, **asked})
        _add_up(order)
        self._orders[number] = order
        return order

    def _add_line(self, order: Json, sku: str, quantity: int, asked: Json) -> None:
        vendor, part, description, cents = PRODUCTS[sku]
        taken = max((int(line["ingramOrderLineNumber"]) for line in order["lines"]), default=0)
        price = asked["unitPrice"] if asked.get("unitPrice") is not None else Decimal(cents) / 100
        line: Json = {
            "subOrderNumber": f"{order['ingramOrderNumber']}-11",
            "ingramOrderLineNumber": f"{taken + 1:03}",
            "customerLineNumber": asked.get("customerLineNumber") or f"{taken + 1:03}",
            "lineStatus": order["orderStatus"],
            "ingramPartNumber": sku,
            "vendorPartNumber": part,
            "vendorName": vendor,
            "partDescription": description,
            "unitPrice": _money(price, 1),
            "extendedPrice": _money(price, quantity),
            "taxAmount": 0,
            "currencyCode": "USD",
            "quantityOrdered": quantity,
            "quantityConfirmed": 0 if order["orderStatus"] == "BACKORDERED" else quantity,
            "quantityBackOrdered": quantity if order["orderStatus"] == "BACKORDERED" else 0,
            "specialBidNumber": asked.get("specialBidNumber") or "",
            "requestedDeliverydate": "",
            "promisedDeliveryDate": None,
            "lineNotes": asked.get("notes") or "",
            "shipmentDetails": [],
        }
        if order["orderStatus"] in _SENT:
            line["shipmentDetails"] = [self._shipment(order, quantity)]
        order["lines"].append(line)

    def _shipment(self, order: Json, quantity: int) -> Json:
        pick = self._random
        placed = date.fromisoformat(order["ingramOrderDate"][:10])
        shipped, delivered = ((placed + timedelta(days=days)).isoformat() for days in (2, 5))
        (code, carrier), (warehouse, place) = pick.choice(CARRIERS), pick.choice(WAREHOUSES)
        return {
            "quantity": quantity,
            "shippedDate": shipped,
            "shipFromWarehouseId": warehouse,
            "shipFromLocation": place,
            "invoiceNumber": f"{order['ingramOrderNumber'].replace('-', '')}11",
            "invoiceDate": shipped,
            "carrierDetails": [
                {
                    "carrierCode": code,
                    "carrierName": carrier,
                    "quantity": quantity,
                    "shippedDate": shipped,
                    "estimatedDeliveryDate": delivered,
                    "deliveredDate": "" if order["orderStatus"] == "SHIPPED" else delivered,
                    "trackingDetails": [
                        {
                            "trackingNumber": f"1Z{pick.randrange(10**12):012}",
                            "packageWeight": "1.2",
                            "cartonNumber": "1",
                            "quantityInBox": str(quantity),
                            "serialNumbers": [
                                {"serialNumber": f"SN{pick.randrange(16**8):08X}"} for _ in range(min(quantity, 3))
                            ],
                        }
                    ],
                }
            ],
        }

    def _move(self, order: Json, status: str) -> None:
        order["orderStatus"] = status
        for line in order["lines"]:
            line["lineStatus"] = status

    def _created(self, order: Json, body: Json, rejected: list[Json]) -> Json:
        return {
            "customerOrderNumber": order["customerOrderNumber"],
            "endCustomerOrderNumber": order["endCustomerOrderNumber"],
            "billToAddressId": body.get("billToAddressId", ""),
            "orderSplit": False,
            "processedPartially": bool(rejected),
            "purchaseOrderTotal": order["orderTotal"],
            "shipToInfo": order["shipToInfo"],
            "endUserInfo": order["endUserInfo"],
            "orders": [
                {
                    "numberOfLinesWithSuccess": len(order["lines"]),
                    "numberOfLinesWithError": len(rejected),
                    "numberOfLinesWithWarning": 0,
                    "ingramOrderNumber": order["ingramOrderNumber"],
                    "ingramOrderDate": order["ingramOrderDate"][:10],
                    "notes": order["notes"],
                    "orderType": order["orderType"],
                    "orderTotal": order["orderTotal"],
                    "freightCharges": 0,
                    "totalTax": 0,
                    "currencyCode": "USD",
                    "lines": [_created_line(line) for line in order["lines"]],
                    "miscellaneousCharges": [],
                    "links": [_link(order["ingramOrderNumber"])],
                    "rejectedLineItems": [_rejected_line(line) for line in rejected],
                    "additionalAttributes": [],
                }
            ],
        }


def _money(price: Any, quantity: int) -> float:
    return float(Decimal(str(price)) * quantity)  # of at most fifteen digits, which a float writes back as they were


def _add_up(order: Json) -> None:
    total = sum((Decimal(str(line["extendedPrice"])) for line in order["lines"]), Decimal())
    order["orderTotal"] = order["orderSubTotal"] = float(total)


def _quantity(line: Json) -> int:
    """Give how many are wanted, 0 for what is no number; v7 of 2024 writes it as text."""
    wanted = str(line.get("quantity", ""))
    return int(wanted) if wanted.isdecimal() and wanted.isascii() and len(wanted) < 5 else 0


def _link(number: str) -> Json:
    return {"topic": "orders", "href": f"/resellers/v6.1/orders/{number}", "type": "GET"}


def _summary(order: Json) -> Json:
    return {
        "ingramOrderNumber": order["ingramOrderNumber"],
        "ingramOrderDate": order["ingramOrderDate"],
        "customerOrderNumber": order["customerOrderNumber"],
        "vendorName": order["lines"][0]["vendorName"] if order["lines"] else "",
        "endUserCompanyName": order["endUserInfo"]["companyName"],
        "orderTotal": order["orderTotal"],
        "orderStatus": order["orderStatus"],
        "subOrders": [
            {
                "subOrderNumber": f"{order['ingramOrderNumber']}-11",
                "subOrderTotal": order["orderTotal"],
                "subOrderStatus": order["orderStatus"],
                "links": [_link(f"{order['ingramOrderNumber']}-11")],
            }
        ],
        "links": _link(order["ingramOrderNumber"]),
    }


def _created_line(line: Json) -> Json:
    warehouse, place = WAREHOUSES[0]
    return {
        "subOrderNumber": line["subOrderNumber"],
        "ingramLineNumber": line["ingramOrderLineNumber"],
        "customerLineNumber": line["customerLineNumber"],
        "lineStatus": line["lineStatus"],
        "ingramPartNumber": line["ingramPartNumber"],
        "vendorPartNumber": line["vendorPartNumber"],
        "unitPrice": line["unitPrice"],
        "extendedUnitPrice": line["extendedPrice"],
        "quantityOrdered": line["quantityOrdered"],
        "quantityConfirmed": line["quantityConfirmed"],
        "quantityBackOrdered": line["quantityBackOrdered"],
        "notes": line["lineNotes"],
        # One object, as recorded, where the schema has a list.
        "shipmentDetails": {"carrierCode": CARRIERS[0][0], "shipFromWarehouseId": warehouse, "shipFromLocation": place},
    }


def _rejected_line(line: Json) -> Json:
    sku = line.get("ingramPartNumber")
    reason = f"SKU-NOTFOUND  {sku}" if sku not in PRODUCTS else "QUANTITY-INVALID"
    return {
        "customerLinenumber": line.get("customerLineNumber"),
        "ingramPartNumber": sku,
        "quantityOrdered": _quantity(line),
        "rejectCode": reason.split()[0],
        "rejectReason": reason,
    }


def _modified_line(line: Json) -> Json:
    return {
        "subOrderNumber": line["subOrderNumber"],
        "ingramLineNumber": line["ingramOrderLineNumber"],
        "customerLineNumber": line["customerLineNumber"],
        "ingramPartNumber": line["ingramPartNumber"],
        "vendorPartNumber": line["vendorPartNumber"],
        "quantityOrdered": line["quantityOrdered"],
        "quantityConfirmed": line["quantityConfirmed"],
        "quantityBackOrdered": line["quantityBackOrdered"],
        "notes": line["lineNotes"],
    }


def _whole(query: Mapping[str, list[str]], name: str, assumed: int, *, at_most: int | None = None) -> int:
    text = query.get(name, [str(assumed)])[-1]
    value = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if value < 1 or (at_most is not None and value > at_most):
        raise Refused(400, "Validation failed", (name, text, "out of range"))
    return value
