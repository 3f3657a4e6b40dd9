"""
Makes orders: from chance, or from what somebody asks for.

An order is kept in the API's own words, without what can be derived and what all have alike; `documents` tells it all.
Amounts are kept in cents.
"""

import string
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any, Final

from ingram_orders.sandbox.catalogue import COMPANIES, Market, Product, Products
from ingram_orders.sandbox.life import HOLD, PROCESSING, WAYS, Json, below, one_of

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
) -> Json:
    """
    Make an order.

    An address that was asked for stands as it is; only one that was not is made up.
    """
    company, (city, state, postal_code) = one_of(pick, COMPANIES), one_of(pick, market.towns)
    order: Json = {
        "ingramOrderNumber": number,
        "ingramOrderDate": placed.isoformat(timespec="seconds"),
        "customerOrderNumber": po_number,
        "orderStatus": status,
        "currencyCode": currency,
        "weightUom": market.unit_of_weight,
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
    }
    if freight_cents:
        order["freightCents"] = freight_cents
    for key in ("endCustomerOrderNumber", "notes", "shipToInfo", "endUserInfo"):
        if asked.get(key):
            order[key] = asked[key]
    if asked.get("additionalAttributes"):
        order["additionalAttributes"] = _attributes(asked)
    bid = asked.get("specialBidNumber")
    for product, quantity, line in wanted:
        add_line(order, product, quantity, line if bid is None else {"specialBidNumber": bid, **line}, market)
    return order


def add_line(order: Json, product: Product, quantity: int, asked: Json, market: Market) -> Json:
    """Add a line to an order, with the next number that none has had; give the line."""
    order["linesSoFar"] = taken = order.get("linesSoFar", 0) + 1
    number = f"{taken:03}"
    price = asked.get("unitPrice")
    line: Json = {
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
    for key, name in (("specialBidNumber", "specialBidNumber"), ("notes", "lineNotes")):
        if asked.get(key):
            line[name] = asked[key]
    if asked.get("additionalAttributes"):
        line["additionalAttributes"] = _attributes(asked)
    order["lines"].append(line)
    return line


def _attributes(asked: Json) -> list[Json]:
    return [
        {key: item.get(key) or "" for key in ("attributeName", "attributeValue")}
        for item in asked["additionalAttributes"]
    ]


def way_by_chance(pick: Random) -> str:
    """Give one of the ways to live."""
    return one_of(pick, _WAYS)


_WAYS: Final = [way for way, often in WAYS.items() for _ in range(often)]


def by_chance(
    count: int, market: Market, products: Products, placed: datetime, number: str, pick: Random, way: str
) -> Json:
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
        po_number=f"PO-{1000 + count}",
        placed=placed,
        status=HOLD if way == "held" else PROCESSING,
        currency=one_of(pick, market.currencies),
        wanted=[(product, 1 + below(pick, 12), {}) for product in wanted],
        asked=asked,
        freight_cents=500 + below(pick, 9_500) if pick.random() < 0.2 else 0,
    )
