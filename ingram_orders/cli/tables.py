"""Answers in words and tables, for people."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from rich import box
from rich.table import Table
from rich.text import Text

from ingram_orders.errors import one_line
from ingram_orders.fields import wire_names
from ingram_orders.models import (
    AnswerModel,
    AsyncOrderCreateResponse,
    Carrier,
    FoundOrder,
    OrderCreateResponse,
    OrderDetailB2B,
    OrderModifyResponse,
    OrderStatus,
    RejectedLine,
    RejectedModification,
)
from ingram_orders.webhooks import OrderCreatedEvent, OrderFailedEvent, OrderStatusEvent, WebhookEvent

COLOURS = {
    OrderStatus.PROCESSING: "cyan",
    OrderStatus.ON_HOLD: "yellow",
    OrderStatus.BACKORDERED: "magenta",
    OrderStatus.PARTIALLY_SHIPPED: "green",
    OrderStatus.SHIPPED: "green",
    OrderStatus.PARTIALLY_DELIVERED: "green",
    OrderStatus.DELIVERED: "green",
    OrderStatus.INVOICED: "green",
    OrderStatus.CANCELLED: "red",
    OrderStatus.REJECTED: "red",
}
NUMBERS = {"Quantity", "Unit price", "Total"}
"""Headings of columns that stand to the right."""

FEW: Final = 10
"""Orders of an event, and reasons, that people are shown; one holds a handful, and may be made to hold thousands."""


# ── Cells ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def said(model: AnswerModel, name: str) -> Any:
    """Give what a field says, a day in its ISO form; what could not be read, as it came; `""` for nothing."""
    class_: Any = type(model)
    value = getattr(model, name)
    if value is None:
        value = model.extra.get(wire_names(class_)[name])
    return "" if value is None else value.isoformat() if hasattr(value, "isoformat") else value


def plain(text: object) -> Text:
    """Give what the API says as it is: no markup, and nothing that a terminal would obey."""
    return Text("" if text is None else re.sub(r"[\x00-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", str(text)))


def status_text(status: OrderStatus, own: str | None = None) -> Text:
    """Give a status in its colour; one that is not known, by the API's *own* word."""
    if status is OrderStatus.UNKNOWN:
        return plain(own)
    return Text(status.value.replace("_", " ").lower(), style=COLOURS.get(status, ""))


def amount_text(amount: object) -> str:
    """Give an amount with thousands and cents, and all of its digits where there are more."""
    if not isinstance(amount, Decimal):
        return plain(amount).plain
    return f"{amount:,.2f}" if amount == round(amount, 2) else f"{amount:,f}"


def new_table(*headings: str, title: str | None = None) -> Table:
    """Make a table without rows."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for heading in headings:
        right = heading in NUMBERS
        table.add_column(heading, justify="right" if right else "left", overflow="fold", no_wrap=right)
    return table


def _line(*parts: object) -> Text:
    texts = (part if isinstance(part, Text) else plain(part) for part in parts)
    return Text(" ").join(text for text in texts if text)


# ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def orders_table(orders: Iterable[FoundOrder], title: str) -> Table:
    """Make the table of orders found."""
    table = new_table("Order", "Placed", "PO", "End user", "Status", "Total", title=title)
    for order in orders:
        table.add_row(
            plain(order.ingram_order_number),
            plain(str(said(order, "ingram_order_date"))[:10]),
            plain(order.customer_order_number),
            plain(order.end_user_company_name),
            status_text(order.status, order.order_status),
            amount_text(said(order, "order_total")),
        )
    return table


def detail_tables(detail: OrderDetailB2B) -> Iterator[Text | Table]:
    """Make the head of an order's details, the table of its lines, and that of what was sent of them."""
    to = detail.ship_to_info
    town = " ".join(part for part in (to.city, to.state, to.postal_code) if part) if to else ""
    where = ", ".join(part for part in (to.company_name, town) if part) if to else ""
    freight = detail.freight_charges
    yield _line(
        detail.ingram_order_number,
        f"to {where}," if where else "",
        status_text(detail.status, detail.order_status),
        f"{amount_text(said(detail, 'order_total'))} {detail.currency_code or ''}".strip(),
        f"(freight {amount_text(freight)})" if freight else "",
    )
    table = new_table("Line", "Product", "Description", "Quantity", "Unit price", "Total")
    for line in detail.lines:
        table.add_row(
            plain(line.ingram_order_line_number),
            plain(line.ingram_part_number),
            plain(line.part_description),
            plain(said(line, "quantity_ordered")),
            amount_text(said(line, "unit_price")),
            amount_text(said(line, "extended_price")),
        )
    yield table
    sent = _sent_table(detail)
    if sent.row_count:
        yield sent


def _sent_table(detail: OrderDetailB2B) -> Table:
    table = new_table("Line", "Shipped", "Delivered", "Invoice", "Carrier", "Tracking")
    for line in detail.lines:
        for shipment in line.shipment_details:
            for carrier in shipment.carrier_details or (Carrier(),):
                numbers = [it.tracking_number for it in carrier.tracking_details if it.tracking_number]
                cells = (
                    line.ingram_order_line_number,
                    said(carrier, "shipped_date") or said(shipment, "shipped_date"),
                    said(carrier, "delivered_date"),
                    shipment.invoice_number,
                    carrier.carrier_name,
                    ", ".join(numbers),
                )
                table.add_row(*map(plain, cells))
    return table


def created_tables(created: OrderCreateResponse) -> Iterator[Text | Table]:
    """Make the head of each order that a purchase order became, and the table of what became of its lines."""
    for order in created.orders:
        yield _line(
            order.ingram_order_number,
            f"for {created.customer_order_number}," if created.customer_order_number else "",
            f"{amount_text(said(order, 'order_total'))} {order.currency_code or ''}".strip(),
        )
        table = new_table("Line", "Product", "Quantity", "Total", "Status")
        for line in order.lines:
            table.add_row(
                plain(line.customer_line_number),
                plain(line.ingram_part_number),
                plain(said(line, "quantity_ordered")),
                amount_text(said(line, "extended_unit_price")),
                status_text(line.status, line.line_status),
            )
        for refused in order.rejected_line_items:
            table.add_row(
                plain(refused.customer_line_number),
                plain(refused.ingram_part_number),
                plain(said(refused, "quantity_ordered")),
                "",
                _rejection(refused),
            )
        if table.row_count:
            yield table


def confirmation_text(taken_in: AsyncOrderCreateResponse) -> Text:
    """Say that v7 has taken an order in."""
    number, message = said(taken_in, "confirmation_number"), said(taken_in, "message")
    return _line(f"Confirmation {number}:" if number else "", message)


def modified_tables(modified: OrderModifyResponse) -> Iterator[Text | Table]:
    """Make the head of an order that was changed, and the table of what became of the changes to its lines."""
    yield _line(
        modified.ingram_order_number,
        status_text(modified.status, modified.order_status),
        amount_text(said(modified, "order_total")),
        f"notes: {modified.notes}" if modified.notes else "",
    )
    table = new_table("Line", "Product", "Quantity", "Change")
    for line in (*modified.lines, *modified.rejected_line_items):
        became = _rejection(line) if isinstance(line, RejectedModification) else Text("made")
        cells = (said(line, name) for name in ("ingram_line_number", "ingram_part_number", "quantity_ordered"))
        table.add_row(*map(plain, cells), became)
    if table.row_count:
        yield table


def _rejection(refused: RejectedLine | RejectedModification) -> Text:
    return plain(" ".join(f"rejected: {refused.reject_reason or refused.reject_code or 'no reason given'}".split()))


# ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def event_texts(event: WebhookEvent) -> Iterator[Text]:
    """Make the lines that tell an event: one, or one for each of several orders."""
    time = event.event_time
    when = time.isoformat(" ", "seconds") if isinstance(time, datetime) else time
    which = f"(event {one_line(event.event_id, 80)})"
    if isinstance(event, OrderStatusEvent):
        for it in event.orders[:FEW]:
            number = it.customer_order_number
            yield _line(
                when, it.order_number, status_text(it.status, it.event_type), f"for {number}" if number else "", which
            )
        if (more := len(event.orders) - FEW) > 0:
            yield _line(when, f"and {more:,} more orders", which)
    elif isinstance(event, OrderCreatedEvent):
        outcome = event.outcome
        numbers = [it.ingram_order_number or "without a number" for it in outcome.orders]
        rejected = sum(len(it.rejected_line_items) for it in outcome.orders)
        yield _line(
            when, outcome.customer_order_number, Text("became", style="green"), _few(numbers),
            f"with {rejected:,} line{'' if rejected == 1 else 's'} rejected" if rejected else "", which,
        )  # fmt: skip
    elif isinstance(event, OrderFailedEvent):
        reasons = [it.message or it.type or "no reason given" for it in event.reasons]
        yield _line(
            when, event.outcome.customer_order_number, Text("became no order:", style="red"), _few(reasons), which
        )
    else:
        yield _line(when, event.topic, event.event, Text("is of no known kind", style="yellow"), which)


def _few(texts: list[str]) -> str:
    more = len(texts) - FEW
    return "; ".join([one_line(it, 200) for it in texts[:FEW]] + ([f"and {more:,} more"] if more > 0 else []))
