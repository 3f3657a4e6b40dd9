"""Makes orders: from chance, or from what somebody asks for."""

import string
from collections.abc import Iterable
from datetime import datetime
from random import Random
from typing import Any, Final

from ingram_orders.sandbox.catalogue import COMPANIES, PRODUCTS, Market
from ingram_orders.sandbox.documents import add_up, new_line
from ingram_orders.sandbox.life import HOLD, PROCESSING, WAYS, Json, below, one_of

Wanted = Iterable[tuple[str, int, Json]]
"""Of each line the product, how many, and what else was asked for."""


_LETTERS: Final = string.ascii_uppercase + string.digits


def order_number(market: Market, pick: Random) -> str:
    """Make a number up; it may have been given to another order before."""
    if market.by_digits:
        return f"60{below(pick, 10**8):08}"
    return f"20-{''.join(pick.choices(_LETTERS, k=5))}"


def new_order(
    number: str,
    market: Market,
    pick: Random,
    *,
    po_number: str,
    placed: datetime,
    status: str,
    wanted: Wanted,
    asked: Json,
) -> Json:
    """
    Make an order, in the shape of the details answer.

    An address that was asked for stands as it is; only one that was not is made up.
    """
    company, (city, state, postal_code) = one_of(pick, COMPANIES), one_of(pick, market.towns)
    address = {
        "contact": "RECEIVING",
        "companyName": company,
        "addressLine1": f"{1 + below(pick, 999)} MAIN ST",
        "addressLine2": "",
        "addressLine3": "",
        "city": city,
        "state": state,
        "postalCode": postal_code,
        "countryCode": market.country,
        "phoneNumber": "",
        "email": "",
    }
    order: Json = {
        "ingramOrderNumber": number,
        "ingramOrderDate": placed.isoformat(timespec="seconds"),
        "orderType": "S",
        "customerOrderNumber": po_number,
        "endCustomerOrderNumber": asked.get("endCustomerOrderNumber") or "",
        "webOrderId": "",
        "vendorSalesOrderNumber": "",
        "ingramPurchaseOrderNumber": "",
        "orderStatus": status,
        "orderTotal": 0.0,
        "orderSubTotal": 0.0,
        "freightCharges": 0.0,
        "currencyCode": one_of(pick, market.currencies),
        "totalWeight": 0.0,
        "totalTax": 0.0,
        "totalFees": 0.0,
        "paymentTerms": "NET 30 DAYS",
        "notes": asked.get("notes") or "",
        "billToInfo": dict(address),
        "shipToInfo": asked.get("shipToInfo") or dict(address),
        "endUserInfo": asked.get("endUserInfo") or dict(address),
        "lines": [],
        "miscellaneousCharges": [],
        "additionalAttributes": [],
    }
    bid = asked.get("specialBidNumber") or ""
    for sku, quantity, line in wanted:
        add_line(order, sku, quantity, {"specialBidNumber": bid, **line}, market)
    add_up(order)
    return order


def add_line(order: Json, sku: str, quantity: int, asked: Json, market: Market) -> None:
    """Add a line to an order; its totals are not yet right then."""
    order["lines"].append(
        new_line(order, PRODUCTS[sku], quantity, asked, unit_of_weight=market.unit_of_weight)
    )  # fmt: skip


def way_by_chance(pick: Random) -> str:
    """Give one of the ways to live."""
    [way] = pick.choices(list(WAYS), weights=list(WAYS.values()))
    return way


def by_chance(count: int, market: Market, placed: datetime, number: str, pick: Random, way: str) -> Json:
    """Make the order that chance gives, which is to live in a certain way."""
    asked: dict[str, Any] = {}
    if pick.random() < 0.5:
        asked["endCustomerOrderNumber"] = f"EU-{10_000 + below(pick, 90_000)}"
    if pick.random() < 0.2:
        asked["specialBidNumber"] = f"BID-{100 + below(pick, 900)}"
    return new_order(
        number,
        market,
        pick,
        po_number=f"PO-{1000 + count}",
        placed=placed,
        status=HOLD if way == "held" else PROCESSING,
        wanted=[(sku, 1 + below(pick, 12), {}) for sku in pick.sample(sorted(PRODUCTS), 1 + below(pick, 4))],
        asked=asked,
    )
