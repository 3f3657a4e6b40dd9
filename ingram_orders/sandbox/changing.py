"""Changes, releases and cancels orders, which only those on hold let happen."""

from datetime import datetime, timedelta
from typing import Final

from ingram_orders.sandbox import documents, life
from ingram_orders.sandbox.bodies import address, can_be_sent_to, quantity
from ingram_orders.sandbox.kept import Json, Line, Order
from ingram_orders.sandbox.life import CANCELLED, HOLD, PROCESSING
from ingram_orders.sandbox.making import add_line
from ingram_orders.sandbox.orders import Orders, Outcome
from ingram_orders.sandbox.placing import set_out
from ingram_orders.sandbox.refusals import Refused, invalid

CHANGEABLE: Final = timedelta(hours=24)
"""How long after it was placed an order on hold can be modified. Source: developer portal."""


def modify(orders: Orders, number: str, body: Json, *, action: str | None) -> Outcome:
    """Change an order on hold, or release it."""
    order = orders.get(number)
    if order["orderStatus"] != HOLD:
        raise invalid("OrderNumber", number, "Order is not on customer hold")
    if orders.now - datetime.fromisoformat(order["ingramOrderDate"]) > CHANGEABLE:
        raise invalid("OrderNumber", number, "Order was placed over 24 hours ago")
    if action == "release":
        return _release(orders, order)
    if action:
        raise invalid("actionCode", action, "is not valid")
    return _change(orders, order, body)


def cancel(orders: Orders, number: str) -> Outcome:
    """Cancel an order on hold."""
    order = orders.get(number)
    if order["orderStatus"] != HOLD:
        raise Refused(405, "The order is not on hold.", kind="validation-error")
    life.set_status(order, CANCELLED)
    orders.keep(order, [])
    return _outcome(200, None, order)


def _release(orders: Orders, order: Order) -> Outcome:
    life.set_status(order, PROCESSING)
    orders.keep(order, set_out(orders, order, orders.pick("released", order["ingramOrderNumber"])))
    return _outcome(200, None, order)


def _change(orders: Orders, order: Order, body: Json) -> Outcome:
    lines, ship_to = body.get("lines") or (), address(body, "shipToInfo")
    if not lines and not ship_to and "notes" not in body:
        raise invalid("lines", None, "nothing is to be changed")
    changed: list[Line] = []
    rejected: list[Json] = []
    for line in lines:
        try:
            changed.append(_change_line(orders, order, line))
        except _LineRefused as refused:
            rejected.append(documents.refused_change(line, *refused.args))
    if "notes" in body:
        order["notes"] = body["notes"] or ""
    nowhere = not can_be_sent_to(ship_to)
    if nowhere and not changed and "notes" not in body:
        raise invalid("shipToAddress", None, "The shipping address is not valid")
    if ship_to and not nowhere:
        order["shipToInfo"] = {**documents.addresses(order)["shipToInfo"], **ship_to}
    orders.keep(order, [])
    # As published: 207 where the address is refused and something else is not, 200 where a line is refused or all is
    # only taken away, 201 for any other change.
    deletes = bool(lines) and all(it.get("addUpdateDeleteLine") == "DELETE" for it in lines)
    status = 207 if nowhere else 200 if rejected or deletes else 201
    remark = "The shipping address is not valid and was not changed" if nowhere else "Order changed"
    now = orders.now.isoformat(timespec="milliseconds")
    answer = documents.modified(order, now, changed, rejected, remark)
    acted = bool(changed or "notes" in body or (ship_to and not nowhere))
    return _outcome(status, answer, order, acted=acted)


def _change_line(orders: Orders, order: Order, line: Json) -> Line:
    """Add, update or delete one line, and give it; or say why not."""
    wanted, action = quantity(line), line.get("addUpdateDeleteLine")
    if action == "ADD":
        product = orders.product(line)
        if product is None:
            raise _LineRefused("EN", f"ERROR-PART-NOT-FOUND {line.get('ingramPartNumber') or ''}".rstrip())
        if not wanted:
            raise _LineRefused("EQ", "ERROR-INVALID-QTY")
        return add_line(order, product, wanted, line, orders.market)
    asked_for = str(line.get("ingramLineNumber") or "").zfill(3)
    found = next((it for it in order["lines"] if it["ingramOrderLineNumber"] == asked_for), None)
    if found is None:
        raise _LineRefused("EL", "ERROR-LINE-NOT-FOUND")
    if action == "DELETE":
        order["lines"].remove(found)
    elif action != "UPDATE":
        raise _LineRefused("EA", "ERROR-INVALID-ACTION")
    elif not wanted and ("quantity" in line or "notes" not in line):
        raise _LineRefused("EQ", "ERROR-INVALID-QTY")
    else:
        found["quantityOrdered"] = wanted or found["quantityOrdered"]
        if "notes" in line:
            found["lineNotes"] = line["notes"] or ""
    return found


def _outcome(status: int, answer: Json | None, order: Order, *, acted: bool = True) -> Outcome:
    return Outcome(status, answer, order["customerOrderNumber"], (order["ingramOrderNumber"],), acted)


class _LineRefused(Exception):  # noqa: N818  # as `Refused`
    """Code and reason."""
