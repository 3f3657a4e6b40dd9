"""Places orders, v6 and v7, and lets those go that are released."""

import json
from decimal import Decimal
from random import Random
from typing import Final

from ingram_orders.sandbox import documents, events, life
from ingram_orders.sandbox.bodies import po_number, quantity, wishes
from ingram_orders.sandbox.catalogue import Product
from ingram_orders.sandbox.kept import Json, Order, Plan
from ingram_orders.sandbox.life import HOLD, PROCESSING
from ingram_orders.sandbox.making import Wanted, new_order, order_number
from ingram_orders.sandbox.orders import Orders, Outcome
from ingram_orders.sandbox.refusals import Refused

TABLE: Final = """
    -- What v7 has taken in and not yet placed; with no time, it waits for the end of the maintenance.
    CREATE TABLE intake (confirmation INTEGER PRIMARY KEY, due TEXT NOT NULL, body TEXT NOT NULL)"""

_AFTER_MAINTENANCE: Final = ""


def create(orders: Orders, body: Json) -> Outcome:
    """Place an order, v6."""
    number = po_number(body, longest=35)
    allowed = wishes(body).get("allowDuplicateCustomerOrderNumber") == "true"
    if orders.manners.refuses_duplicates and not allowed and orders.has_po(number):
        raise Refused(400, "CUSTOMER-PO-EXISTS", ("customerOrderNumber", number, "CUSTOMER-PO-EXISTS"))
    made, rejected = _place(orders, body)
    if not made:
        raise Refused(400, "No line can be ordered", ("lines", None, "SKU-NOTFOUND"))
    answer = documents.created(made, body, rejected)
    return Outcome(207 if rejected else 201, answer, number, tuple(it["ingramOrderNumber"] for it in made))


def create_v7(orders: Orders, body: Json) -> Outcome:
    """Take an order in."""
    number = po_number(body, longest=18)
    [taken_in] = orders.connection.execute(
        "INSERT INTO facts VALUES ('confirmations', '1') ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
    ).fetchone()
    confirmation = 1_600_000_000 + int(taken_in)
    if orders.manners.v7_takes or orders.manners.maintenance:
        due = _AFTER_MAINTENANCE if orders.manners.maintenance else (orders.now + orders.manners.v7_takes).isoformat()
        text = json.dumps(body, default=float)
        orders.connection.execute("INSERT INTO intake VALUES (?, ?, ?)", (confirmation, due, text))
    else:
        _place_v7(orders, body)
    answer = {
        "quoteNumber": body.get("quoteNumber"),
        "confirmationNumber": str(confirmation),
        "message": "Your order is being processed.",
    }
    return Outcome(200, answer, number, ())


def place_what_is_due(orders: Orders) -> None:
    """Place what v7 has taken in, each at its own time, in the order it came."""
    due = orders.connection.execute(
        "DELETE FROM intake WHERE due <= ? RETURNING due, confirmation, body", (orders.now.isoformat(),)
    ).fetchall()
    for when, _, text in sorted(due):
        body = json.loads(text, parse_float=Decimal)
        _place_v7(orders if when == _AFTER_MAINTENANCE else orders.at(when), body)


def set_out(orders: Orders, order: Order, pick: Random) -> Plan:
    """Let an order go, at once on back order where something of it is not in stock; give its plan."""
    products = (orders.products.get(line["ingramPartNumber"]) for line in order["lines"])
    if all(product is None or product.in_stock for product in products):
        return life.plan("straight", orders.now, pick)
    life.back_order(order, orders.now.date().isoformat(), pick)
    return life.plan("backordered", orders.now, pick)[1:]


def _place_v7(orders: Orders, body: Json) -> None:
    """Place an order, if that can be; what became of it is told by webhook, and nowhere else."""
    before = len(orders.events or ())
    made, rejected = _place(orders, body)
    if orders.events is not None:
        if made:
            outcome = events.created(made, body, rejected, orders.now)
        else:
            outcome = events.refused(body, rejected, orders.now, orders.market.offset)
        orders.events.insert(before, outcome)  # that there is an order comes before what its status is


def _place(orders: Orders, body: Json) -> tuple[list[Order], list[Json]]:
    """
    Place what can be: one order, or two where a part is on back order; none if no line can be. Give them, and the lines
    refused.
    """
    wished = wishes(body)
    wanted: list[tuple[Product, int, Json]] = []
    rejected: list[Json] = []
    for place, given in enumerate(body.get("lines") or (), 1):
        line = {**given, "customerLineNumber": given.get("customerLineNumber") or f"{place:03}"}
        product = orders.product(line)
        if product is None:
            reason = f"SKU-NOTFOUND    {line.get('ingramPartNumber') or ''}".rstrip()
            rejected.append(documents.rejected_line(line, "EN", reason))
        elif not quantity(line):
            rejected.append(documents.rejected_line(line, "EQ", "ERROR-INVALID-QTY"))
        elif not product.in_stock and str(body.get("acceptBackOrder", "true")).lower() == "false":
            rejected.append(documents.rejected_line(line, "EB", "ERROR-NOT-IN-STOCK"))
        else:
            wanted.append((product, quantity(line), line))
    if body.get("quoteNumber"):  # what was quoted is ordered, whatever the lines say
        *_, quoted = orders.products.values()
        wanted, rejected = [(quoted, 1, {})], []
    if not wanted and wished.get("allowPartialOrder") != "true":
        return [], rejected
    here = [line for line in wanted if line[0].in_stock]
    later = [line for line in wanted if not line[0].in_stock]
    held = wished.get("allowOrderOnCustomerHold") == "true"
    made = []
    for lines in (here, later) if here and later else (wanted,):
        order, pick = _new_order(orders, HOLD if held else PROCESSING, body, lines)
        orders.keep(order, [] if held else set_out(orders, order, pick))
        made.append(order)
    return made, rejected


def _new_order(orders: Orders, status: str, body: Json, wanted: Wanted) -> tuple[Order, Random]:
    [count] = orders.connection.execute("SELECT count(*) FROM orders").fetchone()
    pick = orders.pick("placed", count, body["customerOrderNumber"])
    number = order_number(orders.market, pick)
    while orders.find(number) is not None:
        number = order_number(orders.market, pick)
    order = new_order(
        number,
        orders.market,
        pick,
        po_number=body["customerOrderNumber"],
        placed=orders.now,
        status=status,
        currency=orders.market.currencies[0],
        wanted=wanted,
        asked=body,
    )
    return order, pick
