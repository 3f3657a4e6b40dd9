"""Makes orders: from chance, or from what somebody asks for."""

import string
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any, Final

from ingram_orders.sandbox.bodies import address
from ingram_orders.sandbox.catalogue import COMPANIES, Market, Product, Products
from ingram_orders.sandbox.kept import Json, Line, Order
from ingram_orders.sandbox.life import HOLD, PROCESSING, WAYS, below, one_of

Wanted = Iterable[tuple[Product, int, Json]]
"""Of each line the product, how many, and what else was asked for."""

_LETTERS: Final = string.ascii_uppercase + string.digits


def order_number(market: Market, pick: Random) -> str:
    """Make a number up; it may have been given to another order before."""
    if market.by_digits:
        return f"60{below(pick, 10**8):08}"
    return f"20-{''.join(pick.choices(_LETTERS, k=5))}"


def sub_order_number(number: str, part: int) -> str:
    """Number a part of an order: `20-RD3QV-11`, and one digit where an order has ten."""
    return f"{number}-1{part}" if "-" in number else f"{number}-{part}"


def new_order(
    number: str,
    market: Market,
    pick: Random,
    *,
    po_number: str,
    placed: datetime,
    status: str,
    currency: str,
    wanted: Wanted,
    asked: Json,
    freight_cents: int = 0,
) -> Order:
    """
    Make an order.

    An address that was asked for stands as it is; only one that was not is made up.
    """
    company, (city, state, postal_code) = one_of(pick, COMPANIES), one_of(pick, market.towns)
    order: Order = {
        "ingramOrderNumber": number,
        "ingramOrderDate": placed.isoformat(timespec="seconds"),
        "customerOrderNumber": po_number,
        "orderStatus": status,
        "currencyCode": currency,
        "weightUom": market.unit_of_weight,
        "offset": market.offset,
        "address": {
            "contact": "RECEIVING",
            "companyName": company,
            "addressLine1": f"{1 + below(pick, 999)} MAIN ST",
            "city": city,
            "state": state,
            "postalCode": postal_code,
            "countryCode": market.country,
        },
        "lines": [],
        "linesSoFar": 0,
    }
    if freight_cents:
        order["freightCents"] = freight_cents
    if end_po := asked.get("endCustomerOrderNumber"):
        order["endCustomerOrderNumber"] = end_po
    if notes := asked.get("notes"):
        order["notes"] = notes
    if ship_to := address(asked, "shipToInfo"):
        order["shipToInfo"] = ship_to
    if end_user := address(asked, "endUserInfo"):
        order["endUserInfo"] = end_user
    if attributes := _attributes(asked):
        order["additionalAttributes"] = attributes
    bid = asked.get("specialBidNumber")
    for product, quantity, line in wanted:
        add_line(order, product, quantity, line if bid is None else {"specialBidNumber": bid, **line}, market)
    return order


def add_line(order: Order, product: Product, quantity: int, asked: Json, market: Market) -> Line:
    """Add a line to an order, with the next number that none has had; give the line."""
    order["linesSoFar"] += 1
    number = f"{order['linesSoFar']:03}"
    price = asked.get("unitPrice")
    line: Line = {
        # What is sent and what is not are two sub-orders.
        "subOrderNumber": sub_order_number(order["ingramOrderNumber"], 1 if product.grams else 2),
        "ingramOrderLineNumber": number,
        "customerLineNumber": asked.get("customerLineNumber") or number,
        "lineStatus": order["orderStatus"],
        "ingramPartNumber": product.sku,
        "vendorPartNumber": product.part,
        "vendorName": product.vendor,
        "partDescription": product.description,
        "unitWeight": max(round(product.grams / market.grams, 2), 0.01) if product.grams else 0.0,
        "cents": product.cents if price is None else int(Decimal(price) * 100),
        "quantityOrdered": quantity,
        "shipments": [],
    }
    if bid := asked.get("specialBidNumber"):
        line["specialBidNumber"] = bid
    if notes := asked.get("notes"):
        line["lineNotes"] = notes
    if attributes := _attributes(asked):
        line["additionalAttributes"] = attributes
    order["lines"].append(line)
    return line


def _attributes(asked: Json) -> list[Json]:
    return [
        {key: item.get(key) or "" for key in ("attributeName", "attributeValue")}
        for item in asked.get("additionalAttributes") or ()
    ]


def way_by_chance(pick: Random) -> str:
    """Give one of the ways to live."""
    return one_of(pick, _WAYS)


_WAYS: Final = [way for way, often in WAYS.items() for _ in range(often)]


def by_chance(
    number: str, market: Market, pick: Random, *, po_number: str, placed: datetime, products: Products, way: str
) -> Order:
    """Make the order that chance gives, which is to live in a certain way."""
    asked: dict[str, Any] = {}
    if pick.random() < 0.5:
        asked["endCustomerOrderNumber"] = f"EU-{10_000 + below(pick, 90_000)}"
    if pick.random() < 0.2:
        asked["specialBidNumber"] = f"BID-{100 + below(pick, 900)}"
    wanted = pick.sample([*products.values()], min(1 + below(pick, 3), len(products)))
    return new_order(
        number,
        market,
        pick,
        po_number=po_number,
        placed=placed,
        status=HOLD if way == "held" else PROCESSING,
        currency=one_of(pick, market.currencies),
        wanted=[(product, 1 + below(pick, 12), {}) for product in wanted],
        asked=asked,
        freight_cents=500 + below(pick, 9_500) if pick.random() < 0.2 else 0,
    )
