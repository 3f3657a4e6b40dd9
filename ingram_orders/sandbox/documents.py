"""
An order in each of the documents that the API answers, as the published schema has them.

How an order is kept, `kept` says.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from ingram_orders.sandbox.bodies import ADDRESS, told_quantity
from ingram_orders.sandbox.catalogue import CARRIERS, WAREHOUSES
from ingram_orders.sandbox.kept import Json, Line, Order, Parcel, Shipment
from ingram_orders.sandbox.life import BACKORDERED, PROCESSING, days_after


def amount(cents: int) -> float:
    """Give an amount as JSON's number: of at most fifteen digits, which a float writes back as they were."""
    return cents / 100


def _worth(lines: Iterable[Line]) -> int:
    return sum(line["cents"] * line["quantityOrdered"] for line in lines)


def _total(order: Order) -> float:
    return amount(_worth(order["lines"]) + order.get("freightCents", 0))


def link(number: str) -> Json:
    """Say where an order, or a part of one, can be read."""
    return {"topic": "orders", "href": f"/resellers/v6.1/orders/{number}", "type": "GET"}


# ── Details ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def details(order: Order, sub_order: str | None = None) -> Json:
    """Give all that is known of an order, or the same with the lines of a part of it."""
    lines = order["lines"]
    return {
        "ingramOrderNumber": order["ingramOrderNumber"],
        "ingramOrderDate": order["ingramOrderDate"],
        "orderType": "S",
        "customerOrderNumber": order["customerOrderNumber"],
        "endCustomerOrderNumber": order.get("endCustomerOrderNumber", ""),
        "webOrderId": "",
        "vendorSalesOrderNumber": "",
        "ingramPurchaseOrderNumber": "",
        "orderStatus": order["orderStatus"],
        "orderTotal": _total(order),
        "orderSubTotal": amount(_worth(lines)),
        "freightCharges": _freight(order),
        "currencyCode": order["currencyCode"],
        "totalWeight": round(sum(line["unitWeight"] * line["quantityOrdered"] for line in lines), 2),
        "totalTax": 0.0,
        "totalFees": 0.0,
        "paymentTerms": "NET 30 DAYS",
        "notes": order.get("notes", ""),
        "billToInfo": {key: order["address"].get(key, "") for key in ADDRESS},
        **{name: {key: its[key] for key in ADDRESS if key in its} for name, its in addresses(order).items()},
        "lines": [_detail_line(line, order) for line in lines if sub_order in (None, line["subOrderNumber"])],
        "miscellaneousCharges": [
            {**charge, "chargeAmount": f"{charge['chargeAmount']:.2f}"} for charge in _charges(order)
        ],
        "additionalAttributes": order.get("additionalAttributes", []),
    }


def addresses(order: Order) -> dict[str, Json]:
    """Give where it goes, and whom it is for: what was asked for, as it was, or what was made up."""
    ours = {key: order["address"].get(key, "") for key in ADDRESS}
    ship_to = order.get("shipToInfo", {})
    if not ship_to.keys() & {"addressLine1", "city", "postalCode"}:  # no other place is named
        ship_to = {"addressId": "200", **ours, **ship_to}
    return {"shipToInfo": ship_to, "endUserInfo": order.get("endUserInfo") or ours}


def _freight(order: Order) -> float:
    return amount(order.get("freightCents", 0))


def _charges(order: Order) -> Iterator[Json]:
    """Give the charges, in numbers; the details tell them in text."""
    sent = [line for line in order["lines"] if line["unitWeight"]]
    if sent:
        free = not order.get("freightCents")
        yield {
            "subOrderNumber": sent[0]["subOrderNumber"],
            "chargeLineReference": "895" if free else "890",
            "chargeDescription": "FREE FREIGHT" if free else "FREIGHT",
            "chargeAmount": _freight(order),
        }


def _detail_line(line: Line, order: Order) -> Json:
    shipments = line["shipments"]
    return {
        "subOrderNumber": line["subOrderNumber"],
        "ingramOrderLineNumber": line["ingramOrderLineNumber"],
        "vendorSalesOrderLineNumber": "",
        "customerLineNumber": line["customerLineNumber"],
        "lineStatus": line["lineStatus"],
        "ingramPartNumber": line["ingramPartNumber"],
        "vendorPartNumber": line["vendorPartNumber"],
        "vendorName": line["vendorName"],
        "partDescription": line["partDescription"],
        "unitWeight": line["unitWeight"],
        "weightUom": order["weightUom"],
        "unitPrice": amount(line["cents"]),
        "upcCode": "",
        "extendedPrice": amount(line["cents"] * line["quantityOrdered"]),
        "taxAmount": 0.0,
        "currencyCode": order["currencyCode"],
        **_quantities(line),
        "specialBidNumber": line.get("specialBidNumber", ""),
        "requestedDeliverydate": "",
        "promisedDeliveryDate": "",
        "backOrderETADate": line.get("backOrderETADate", ""),
        "lineNotes": line.get("lineNotes", ""),
        "shipmentDetails": [_shipment(shipment, line) for shipment in shipments],
        **({} if line["unitWeight"] or not shipments else {"serviceContractInfo": _contract(line, shipments[0])}),
        "additionalAttributes": line.get("additionalAttributes", []),
        "links": [
            {"topic": "invoices", "href": f"/resellers/v6.1/invoices/{it['invoiceNumber']}", "type": "GET"}
            for it in shipments
            if "invoiceNumber" in it
        ],
        "estimatedDates": [_estimate(line, order)] if order["orderStatus"] in {PROCESSING, BACKORDERED} else [],
        "multipleShipments": [_one_of_several(it, line) for it in shipments] if len(shipments) > 1 else [],
    }


def _quantities(line: Line) -> Json:
    late = line.get("quantityBackOrdered", 0)
    return {
        "quantityOrdered": line["quantityOrdered"],
        "quantityConfirmed": line["quantityOrdered"] - late,
        "quantityBackOrdered": late,
    }


def _shipment(shipment: Shipment, line: Line) -> Json:
    day = shipment["shippedDate"]
    warehouse, place = WAREHOUSES[shipment["warehouse"]]
    return {
        "quantity": shipment["quantity"],
        "deliveryNumber": shipment["deliveryNumber"],
        "estimatedShipDate": day,
        "shippedDate": day,
        "estimatedDeliveryDate": days_after(day, 3),
        "shipFromWarehouseId": warehouse,
        "shipFromLocation": place,
        "invoiceNumber": shipment.get("invoiceNumber", ""),
        "invoiceDate": shipment.get("invoiceDate", ""),
        "carrierDetails": [
            {
                "carrierCode": CARRIERS[parcel["carrier"]][0],
                "carrierName": CARRIERS[parcel["carrier"]][1],
                "quantity": parcel["quantity"],
                "shippedDate": day,
                "estimatedDeliveryDate": days_after(day, 3),
                "deliveredDate": parcel.get("deliveredDate", ""),
                "carrierPickupDate": day,
                "trackingDetails": [
                    {
                        "trackingNumber": parcel["trackingNumber"],
                        "trackingUrl": "",
                        "packageWeight": f"{line['unitWeight'] * parcel['quantity']:.1f}",
                        "cartonNumber": "1",
                        "quantityInBox": str(parcel["quantity"]),
                        "serialNumbers": [{"serialNumber": number} for number in serial_numbers(parcel)],
                    }
                ],
            }
            for parcel in shipment["parcels"]
        ],
    }


def serial_numbers(parcel: Parcel) -> Iterator[str]:
    """Give the serial number of each piece in a parcel."""
    first = parcel["firstSerial"]
    for number in range(first, first + parcel["quantity"]):
        yield f"SN{number:08X}"


def _contract(line: Line, shipment: Shipment) -> Json:
    """Tell what comes with software: a year's license."""
    first, number = shipment["shippedDate"], shipment["deliveryNumber"]
    last = days_after(first, 365)
    return {
        "contractInfo": {
            "contractDescription": line["partDescription"],
            "contractNumber": f"C{number}",
            "contractStatus": "ACTIVE",
            "contractStartDate": first,
            "contractEndDate": last,
            "contractDuration": "12",
        },
        "subscriptions": {
            "subscriptionId": f"S{number}",
            "subscriptionTerm": "12",
            "renewalTerm": "12",
            "billingModel": "YEAR",
            "subcriptionStartDate": first,
            "subcriptionEndDate": last,
        },
        "licenseInfo": {
            "licenseNumber": [f"L{number}"],
            "licenseStartDate": first,
            "licenseEndDate": last,
            "description": line["partDescription"],
            "quantity": str(shipment["quantity"]),
        },
    }


def _estimate(line: Line, order: Order) -> Json:
    ship = line.get("backOrderETADate") or days_after(order["ingramOrderDate"][:10], 2)
    deliver = days_after(ship, 3)
    return {
        "ship": {
            "shipDateType": "Single",
            "shipDateRange": {"startDate": ship, "endDate": ship},
            "shipSource": "INGRAM",
            "shipDescription": "Expected to leave the warehouse",
            "shipDate": ship,
        },
        "delivery": {
            "deliveryDateType": "Single",
            "deliveryDateRange": {"startDate": deliver, "endDate": deliver},
            "deliverySource": "INGRAM",
            "deliveryDescription": "Expected to arrive",
            "deliveryDate": deliver,
        },
    }


def _one_of_several(shipment: Shipment, line: Line) -> Json:
    day = shipment["shippedDate"]
    return {
        "lineNumber": line["ingramOrderLineNumber"],
        "requestedQuantity": line["quantityOrdered"],
        "confirmedQuantity": shipment["quantity"],
        "dateType": "Single",
        "dateRange": {"startDate": day, "endDate": day},
        "source": "INGRAM",
        "description": "Left the warehouse",
        "date": day,
        "deliveryDate": days_after(day, 3),
    }


# ── Search ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def summary(order: Order) -> Json:
    """Give an order as a search finds it."""
    number, status, lines = order["ingramOrderNumber"], order["orderStatus"], order["lines"]
    parts: dict[str, list[Line]] = {}
    for line in lines:
        parts.setdefault(line["subOrderNumber"], []).append(line)
    return {
        "ingramOrderNumber": number,
        # The same moment that the details tell without an offset.
        "ingramOrderDate": order["ingramOrderDate"] + order["offset"],
        "customerOrderNumber": order["customerOrderNumber"],
        "vendorSalesOrderNumber": "",
        "vendorName": lines[0]["vendorName"] if lines else "",
        "endUserCompanyName": (order.get("endUserInfo") or order["address"]).get("companyName") or "",
        "orderTotal": _total(order),
        "orderStatus": status,
        "subOrders": [
            {
                "subOrderNumber": part,
                "subOrderTotal": amount(_worth(its)),
                "subOrderStatus": its[0]["lineStatus"] if len({line["lineStatus"] for line in its}) == 1 else status,
                "links": [link(part)],
            }
            for part, its in sorted(parts.items())
        ],
        "links": link(number),
    }


# ── What was placed or changed ──────────────────────────────────────────────────────────────────────────────────────


def created(orders: list[Order], body: Json, rejected: list[Json]) -> Json:
    """Give the answer to a v6 create: the orders that a purchase order became, and the lines refused."""
    first = orders[0]
    return {
        "customerOrderNumber": first["customerOrderNumber"],
        "endCustomerOrderNumber": first.get("endCustomerOrderNumber", ""),
        "billToAddressId": body.get("billToAddressId") or "000",
        "specialBidNumber": body.get("specialBidNumber") or "",
        "orderSplit": len(orders) > 1,
        "processedPartially": bool(rejected),
        "purchaseOrderTotal": amount(sum(_worth(order["lines"]) for order in orders)),
        **addresses(first),
        "orders": [
            {
                "numberOfLinesWithSuccess": len(order["lines"]),
                "numberOfLinesWithError": len(rejected) if order is first else 0,
                "numberOfLinesWithWarning": 0,
                "ingramOrderNumber": order["ingramOrderNumber"],
                "ingramOrderDate": order["ingramOrderDate"][:10],
                "notes": order.get("notes", ""),
                "orderType": "S",
                "orderTotal": _total(order),
                "freightCharges": _freight(order),
                "totalTax": 0.0,
                "currencyCode": order["currencyCode"],
                "lines": [_created_line(line, body) for line in order["lines"]],
                "miscellaneousCharges": [*_charges(order)],
                "links": [link(order["ingramOrderNumber"])],
                "rejectedLineItems": rejected if order is first else [],
                "additionalAttributes": order.get("additionalAttributes", []),
            }
            for order in orders
        ],
    }


def _created_line(line: Line, body: Json) -> Json:
    wishes = body.get("shipmentDetails") or {}
    (code, carrier), (warehouse, place) = CARRIERS[0], WAREHOUSES[0]
    return {
        "subOrderNumber": line["subOrderNumber"],
        "ingramLineNumber": line["ingramOrderLineNumber"],
        "customerLineNumber": line["customerLineNumber"],
        "lineStatus": line["lineStatus"],
        "ingramPartNumber": line["ingramPartNumber"],
        "vendorPartNumber": line["vendorPartNumber"],
        "unitPrice": amount(line["cents"]),
        "extendedUnitPrice": amount(line["cents"] * line["quantityOrdered"]),
        **_quantities(line),
        "specialBidNumber": line.get("specialBidNumber", ""),
        "notes": line.get("lineNotes", ""),
        "shipmentDetails": [
            {
                "carrierCode": str(wishes.get("carrierCode") or code),
                "carrierName": carrier,
                "shipFromWarehouseId": str(wishes.get("shipFromWarehouseId") or warehouse),
                "shipFromLocation": place,
                "freightAccountNumber": str(wishes.get("freightAccountNumber") or ""),
                "signatureRequired": str(wishes.get("signatureRequired") or ""),
                "shippingInstructions": str(wishes.get("shippingInstructions") or ""),
            }
        ],
        "additionalAttributes": line.get("additionalAttributes", []),
    }


def rejected_line(line: Json, code: str, reason: str) -> Json:
    """Say of a line that it was not taken, and why."""
    return {
        "customerLinenumber": line.get("customerLineNumber") or "",
        "ingramPartNumber": line.get("ingramPartNumber") or "",
        "vendorPartNumber": "",
        "quantityOrdered": told_quantity(line),
        "rejectCode": code,
        "rejectReason": reason,
    }


def modified(order: Order, now: str, changed: Iterable[Line], rejected: list[Json], remark: str) -> Json:
    """Give the answer to a modification: what of the lines was changed, and what was refused."""
    return {
        "ingramOrderNumber": order["ingramOrderNumber"],
        "changeDescription": remark,
        "orderModifiedDate": now + order["offset"],
        "customerOrderNumber": order["customerOrderNumber"],
        "endCustomerOrderNumber": order.get("endCustomerOrderNumber", ""),
        "orderTotal": _total(order),
        "notes": order.get("notes", ""),
        "orderSubTotal": amount(_worth(order["lines"])),
        "freightCharges": _freight(order),
        "totalTax": 0.0,
        "orderStatus": order["orderStatus"],
        "billToAddressId": "000",
        "shipToInfo": addresses(order)["shipToInfo"],
        "lines": [_modified_line(line) for line in changed],
        "rejectedLineItems": rejected,
        "additionalAttributes": order.get("additionalAttributes", []),
    }


def _modified_line(line: Line) -> Json:
    code, carrier = CARRIERS[0]
    return {
        "subOrderNumber": line["subOrderNumber"],
        "ingramLineNumber": line["ingramOrderLineNumber"],
        "customerLineNumber": line["customerLineNumber"],
        "ingramPartNumber": line["ingramPartNumber"],
        "vendorPartNumber": line["vendorPartNumber"],
        **_quantities(line),
        "shipmentDetails": {"carrierCode": code, "carrierName": carrier, "freightAccountNumber": ""},
        "additionalAttributes": line.get("additionalAttributes", []),
        "notes": line.get("lineNotes", ""),
    }


def refused_change(line: Json, code: str, reason: str) -> Json:
    """Say of a change to a line that it was not made, and why."""
    return {
        "ingramLineNumber": str(line.get("ingramLineNumber") or ""),
        "customerLineNumber": str(line.get("customerLineNumber") or ""),
        "ingramPartNumber": line.get("ingramPartNumber") or "",
        "vendorPartNumber": "",
        "quantityOrdered": told_quantity(line),
        "rejectCode": code,
        "rejectReason": reason,
    }


# ── What vendors want to know ───────────────────────────────────────────────────────────────────────────────────────


def _required(name: str, value: str, description: str, *choices: Json, hint: str | None = None) -> Json:
    told = {"attributeName": name, "attributeValue": value, "attributeDescription": description}
    return {**told, **({} if hint is None else {"attributeHint": hint}), "choices": [*choices]}


def _choice(value: str, description: str, *needed: Json) -> Json:
    return {"attributeValue": value, "attributeDescription": description, "choices": [*needed]}


_VENDOR: Final = "LARKSPUR SOFTWARE"
_FOR_A_PRODUCT: Final[Json] = {
    "additionalAttributes": [_required("END_USER_CONTACT", "", "Who uses it")],
}
_FOR_A_PLAN: Final[Json] = {
    "productId": "LS",
    "additionalAttributes": [
        _required(
            "tenant",
            "new,existing",
            "Which tenant the licenses go to",
            _choice("existing", "One there is", _required("tenant_id", "", "Its id", hint="As the vendor shows it")),
            _choice("new", "One to be made"),
            hint="Where the end customer's other licenses are",
        )
    ],
}


def vendor_required_info(asked: Json) -> list[Json]:
    """Give what is to be told before a v7 order, for each product asked about, or for a quote."""
    return [
        {
            "quoteNumber": asked.get("quoteNumber") or "",
            "ingramPartNumber": product.get("ingramPartNumber") or "",
            "vendorPartNumber": product.get("vendorPartNumber") or "",
            "planId": product.get("planID") or "",
            "planName": "EDGE SECURITY" if product.get("planID") else "",
            "responseMessages": [],
            # A subscription's vendor asks for other things than that of a product.
            "vmfAdditionalAttributes": [] if product.get("planID") else [{"vendorName": _VENDOR, **_FOR_A_PRODUCT}],
            "vriAdditionalAttributes": [{"vendorName": _VENDOR, **_FOR_A_PLAN}] if product.get("planID") else [],
        }
        for product in asked.get("products") or [{}]
    ]
