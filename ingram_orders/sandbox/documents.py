"""
An order in each of the documents that the API answers, as the published schema has them.

An order is kept in the shape in which the details answer tells it; the others are made of that.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from ingram_orders.sandbox.catalogue import PRODUCTS, Product
from ingram_orders.sandbox.life import Json

_GRAMS: Final = {"LB": 453.592, "KG": 1000.0}


def money(price: Any, quantity: int = 1) -> float:
    """Give an amount as JSON's number: of at most fifteen digits, which a float writes back as they were."""
    return float(Decimal(str(price)) * quantity)


def add_up(order: Json) -> None:
    """Set an order's totals from its lines."""
    total = sum((Decimal(str(line["extendedPrice"])) for line in order["lines"]), Decimal())
    order["orderTotal"] = order["orderSubTotal"] = float(total)
    weights = (line["unitWeight"] * line["quantityOrdered"] for line in order["lines"])
    order["totalWeight"] = round(sum(weights), 2)


def new_line(order: Json, product: Product, quantity: int, asked: Json, *, unit_of_weight: str) -> Json:
    """Make a line of what was asked for; it joins the order where it is put."""
    taken = int(order["lines"][-1]["ingramOrderLineNumber"]) if order["lines"] else 0
    price = asked["unitPrice"] if asked.get("unitPrice") is not None else Decimal(product.cents) / 100
    number = f"{taken + 1:03}"
    return {
        # What is sent and what is not are two sub-orders.
        "subOrderNumber": sub_order_number(order["ingramOrderNumber"], 1 if product.grams else 2),
        "ingramOrderLineNumber": number,
        "vendorSalesOrderLineNumber": "",
        "customerLineNumber": asked.get("customerLineNumber") or number,
        "lineStatus": order["orderStatus"],
        "ingramPartNumber": product.sku,
        "vendorPartNumber": product.part,
        "vendorName": product.vendor,
        "partDescription": product.description,
        "unitWeight": round(product.grams / _GRAMS[unit_of_weight], 2),
        "weightUom": unit_of_weight,
        "unitPrice": money(price),
        "upcCode": "",
        "extendedPrice": money(price, quantity),
        "taxAmount": 0.0,
        "currencyCode": order["currencyCode"],
        "quantityOrdered": quantity,
        "quantityConfirmed": quantity,
        "quantityBackOrdered": 0,
        "specialBidNumber": asked.get("specialBidNumber") or "",
        "requestedDeliverydate": "",
        "promisedDeliveryDate": "",
        "backOrderETADate": "",
        "lineNotes": asked.get("notes") or "",
        "shipmentDetails": [],
        "additionalAttributes": [],
        "links": [],
    }


def sub_order_number(number: str, part: int) -> str:
    """Number a part of an order: `20-RD3QV-11`, and one digit where an order has ten."""
    return f"{number}-1{part}" if "-" in number else f"{number}-{part}"


def link(number: str) -> Json:
    """Say where an order, or a part of one, can be read."""
    return {"topic": "orders", "href": f"/resellers/v6.1/orders/{number}", "type": "GET"}


def summary(order: Json) -> Json:
    """Give an order as a search finds it."""
    parts: dict[str, list[Json]] = {}
    for line in order["lines"]:
        parts.setdefault(line["subOrderNumber"], []).append(line)
    return {
        "ingramOrderNumber": order["ingramOrderNumber"],
        # The same moment that the details tell without an offset.
        "ingramOrderDate": f"{order['ingramOrderDate']}+00:00",
        "customerOrderNumber": order["customerOrderNumber"],
        "vendorSalesOrderNumber": order["vendorSalesOrderNumber"],
        "vendorName": order["lines"][0]["vendorName"] if order["lines"] else "",
        "endUserCompanyName": (order.get("endUserInfo") or {}).get("companyName") or "",
        "orderTotal": order["orderTotal"],
        "orderStatus": order["orderStatus"],
        "subOrders": [
            {
                "subOrderNumber": number,
                "subOrderTotal": float(sum((Decimal(str(line["extendedPrice"])) for line in lines), Decimal())),
                "subOrderStatus": lines[0]["lineStatus"] if _alike(lines) else order["orderStatus"],
                "links": [link(number)],
            }
            for number, lines in sorted(parts.items())
        ],
        "links": link(order["ingramOrderNumber"]),
    }


def _alike(lines: list[Json]) -> bool:
    return len({line["lineStatus"] for line in lines}) == 1


def created(orders: list[Json], body: Json, rejected: list[Json]) -> Json:
    """Give the answer to a v6 create: the orders that a purchase order became, and the lines refused."""
    first = orders[0]
    total = sum((Decimal(str(order["orderTotal"])) for order in orders), Decimal())
    return {
        "customerOrderNumber": first["customerOrderNumber"],
        "endCustomerOrderNumber": first["endCustomerOrderNumber"] or "",
        "billToAddressId": body.get("billToAddressId") or "",
        "specialBidNumber": body.get("specialBidNumber") or "",
        "orderSplit": len(orders) > 1,
        "processedPartially": bool(rejected),
        "purchaseOrderTotal": float(total),
        "shipToInfo": first["shipToInfo"],
        "endUserInfo": first["endUserInfo"],
        "orders": [
            {
                "numberOfLinesWithSuccess": len(order["lines"]),
                "numberOfLinesWithError": len(rejected) if order is first else 0,
                "numberOfLinesWithWarning": 0,
                "ingramOrderNumber": order["ingramOrderNumber"],
                "ingramOrderDate": order["ingramOrderDate"][:10],
                "notes": order["notes"],
                "orderType": order["orderType"],
                "orderTotal": order["orderTotal"],
                "freightCharges": order["freightCharges"],
                "totalTax": order["totalTax"],
                "currencyCode": order["currencyCode"],
                "lines": [_created_line(line, body) for line in order["lines"]],
                "miscellaneousCharges": [],
                "links": [link(order["ingramOrderNumber"])],
                "rejectedLineItems": [rejected_line(line) for line in rejected] if order is first else [],
                "additionalAttributes": [],
            }
            for order in orders
        ],
    }


def _created_line(line: Json, body: Json) -> Json:
    wishes = body.get("shipmentDetails") or {}
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
        "specialBidNumber": line["specialBidNumber"],
        "notes": line["lineNotes"],
        "shipmentDetails": [
            {
                "carrierCode": str(wishes.get("carrierCode") or ""),
                "carrierName": "",
                "shipFromWarehouseId": "11",
                "shipFromLocation": "Quarry Point, NV",
                "freightAccountNumber": str(wishes.get("freightAccountNumber") or ""),
                "signatureRequired": str(wishes.get("signatureRequired") or ""),
                "shippingInstructions": str(wishes.get("shippingInstructions") or ""),
            }
        ],
        "additionalAttributes": [],
    }


def rejected_line(line: Json) -> Json:
    """Say of a line that it was not taken, and why."""
    sku = line.get("ingramPartNumber") or ""
    reason = f"SKU-NOTFOUND  {sku}" if sku not in PRODUCTS else "QUANTITY-INVALID"
    return {
        "customerLinenumber": line.get("customerLineNumber") or "",
        "ingramPartNumber": sku,
        "vendorPartNumber": "",
        "quantityOrdered": quantity(line),
        "rejectCode": reason.split()[0],
        "rejectReason": reason,
    }


def modified(order: Json, now: str, rejected: Iterable[Json]) -> Json:
    """Give the answer to a modification."""
    return {
        "ingramOrderNumber": order["ingramOrderNumber"],
        "changeDescription": "Order changed",
        "orderModifiedDate": now,
        "customerOrderNumber": order["customerOrderNumber"],
        "endCustomerOrderNumber": order["endCustomerOrderNumber"] or "",
        "orderTotal": order["orderTotal"],
        "notes": order["notes"],
        "orderSubTotal": order["orderSubTotal"],
        "freightCharges": order["freightCharges"],
        "totalTax": order["totalTax"],
        "orderStatus": order["orderStatus"],
        "billToAddressId": "",
        "shipToInfo": order["shipToInfo"],
        "lines": [_modified_line(line) for line in order["lines"]],
        "rejectedLineItems": list(rejected),
        "additionalAttributes": [],
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
        "shipmentDetails": {"carrierCode": "", "carrierName": "", "freightAccountNumber": ""},
        "additionalAttributes": [],
        "notes": line["lineNotes"],
    }


def refused_change(line: Json, why: str) -> Json:
    """Say of a change to a line that it was not made, and why."""
    return {
        "ingramLineNumber": str(line.get("ingramLineNumber") or ""),
        "customerLineNumber": str(line.get("customerLineNumber") or ""),
        "ingramPartNumber": line.get("ingramPartNumber") or "",
        "vendorPartNumber": "",
        "quantityOrdered": quantity(line),
        "rejectCode": "LINE-NOT-CHANGED",
        "rejectReason": why,
    }


def quantity(line: Mapping[str, Any]) -> int:
    """Give how many are wanted, 0 for what is no number; v7 of 2024 writes it as text, a published example as `1,`."""
    wanted = str(line.get("quantity", "")).rstrip(",")
    return int(wanted) if wanted.isdecimal() and wanted.isascii() and len(wanted) < 5 else 0
