"""What the commands print: tables for people, JSON and CSV for programs."""

import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingram_orders.converters import unstructure
from ingram_orders.exact_json import write_json
from ingram_orders.models import (
    AnswerModel,
    Carrier,
    FoundOrder,
    ModifiedLine,
    OrderCreateResponse,
    OrderDetailB2B,
    OrderModifyResponse,
    OrderStatus,
    RejectedLine,
    RejectedModification,
)

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
COLUMNS = ("ingram_order_number", "ingram_order_date", "customer_order_number", "vendor_name",
           "end_user_company_name", "order_status", "order_total")  # fmt: skip


def console() -> Console:
    """Give a console for people: one that cuts no amount, and colours no number in a text."""
    made = Console(highlight=False)
    made.width = max(made.width, 80)
    return made


@contextmanager
def progress(what: str) -> Iterator[Callable[[str], None]]:
    """Say on a terminal what takes long, and how far it is; nothing where the errors do not go to one."""
    with Console(stderr=True).status(what) as status:
        yield lambda text: status.update(f"{what}: {text}")


def show(document: AnswerModel | Sequence[AnswerModel] | None, *for_people: Text | Table, as_json: bool) -> None:
    """Show an answer: to people in words and tables, to a pipe, and where it is asked for, as JSON."""
    if as_json or not sys.stdout.isatty():
        _print_json(document)
    else:
        console().print(*for_people, sep="\n")


def _print_json(document: AnswerModel | Sequence[AnswerModel] | None) -> None:
    """Write an answer as one line of JSON, with exact numbers, nothing of it lost."""
    plain: Any = document
    if isinstance(document, AnswerModel):
        plain = unstructure(document)
    elif document is not None:
        plain = [unstructure(item) for item in document]
    sys.stdout.write(f"{write_json(plain).decode()}\n")


def print_csv(orders: Iterable[FoundOrder]) -> None:
    """Write orders as CSV, with a line of headings."""
    writer = csv.writer(sys.stdout)
    writer.writerow(COLUMNS)
    for order in orders:
        writer.writerow([_cell(getattr(order, name)) for name in COLUMNS])


def _cell(value: Any) -> Any:
    return "" if value is None else value.isoformat() if hasattr(value, "isoformat") else value


def plain(text: object) -> Text:
    """Give what the API says as it is: no markup, and nothing that a terminal would obey."""
    return Text("" if text is None else re.sub(r"[\x00-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", str(text)))


def status_text(status: OrderStatus) -> Text:
    """Give a status in its colour."""
    return Text(status.value.replace("_", " ").lower(), style=COLOURS.get(status, ""))


def amount_text(amount: Decimal | None) -> str:
    """Give an amount with cents and thousands."""
    return "" if amount is None else f"{amount:,.2f}"


def new_table(title: str | None = None) -> Table:
    """Make an empty table in the style of all."""
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)


def orders_table(orders: Iterable[FoundOrder], title: str) -> Table:
    """Make the table of orders found."""
    table = new_table(title)
    for heading in ("Order", "Placed", "PO", "End user", "Status"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Total", justify="right", no_wrap=True, min_width=9)
    for order in orders:
        table.add_row(
            plain(order.ingram_order_number),
            f"{order.ingram_order_date:%Y-%m-%d}" if order.ingram_order_date else "",
            plain(order.customer_order_number),
            plain(order.end_user_company_name),
            status_text(order.status),
            amount_text(order.order_total),
        )
    return table


def detail_tables(detail: OrderDetailB2B) -> Iterator[Text | Table]:
    """Make the head, the table of lines, and that of what was sent, of an order's details."""
    to = detail.ship_to_info
    town = " ".join(part for part in (to.city, to.state, to.postal_code) if part) if to else ""
    where = ", ".join(part for part in (to.company_name, town) if part) if to else ""
    yield Text(" ").join(
        [
            plain(detail.ingram_order_number),
            plain(f"to {where}," if where else ""),
            status_text(detail.status),
            plain(f"{amount_text(detail.order_total)} {detail.currency_code or ''}"),
            plain(f"(freight {amount_text(detail.freight_charges)})" if detail.freight_charges else ""),
        ]
    )
    table = new_table()
    for heading in ("Line", "Product", "Description"):
        table.add_column(heading, no_wrap=True)
    for heading in ("Quantity", "Unit price", "Total"):
        table.add_column(heading, justify="right")
    for line in detail.lines:
        table.add_row(
            plain(line.ingram_order_line_number),
            plain(line.ingram_part_number),
            plain(line.part_description),
            plain(line.quantity_ordered),
            amount_text(line.unit_price),
            amount_text(line.extended_price),
        )
    yield table
    sent = new_table()
    for heading in ("Line", "Shipped", "Delivered", "Invoice", "Carrier", "Tracking"):
        sent.add_column(heading, overflow="fold")
    for line in detail.lines:
        for shipment in line.shipment_details:
            for carrier in shipment.carrier_details or (Carrier(),):
                sent.add_row(
                    plain(line.ingram_order_line_number),
                    plain(carrier.shipped_date or shipment.shipped_date),
                    plain(carrier.delivered_date),
                    plain(shipment.invoice_number),
                    plain(carrier.carrier_name),
                    plain(", ".join(it.tracking_number for it in carrier.tracking_details if it.tracking_number)),
                )
    if sent.row_count:
        yield sent


def created_table(created: OrderCreateResponse) -> Table:
    """Make the table of what became of an order's lines."""
    table = new_table()
    for heading in ("Order", "Your line", "Product", "Quantity", "Total", "Status"):
        table.add_column(heading, justify="right" if heading in {"Quantity", "Total"} else "left")
    for order in created.orders:
        for line in order.lines:
            table.add_row(
                plain(order.ingram_order_number),
                plain(line.customer_line_number),
                plain(line.ingram_part_number),
                plain(line.quantity_ordered),
                amount_text(line.extended_unit_price),
                status_text(line.status),
            )
        for refused in order.rejected_line_items:
            table.add_row(
                plain(order.ingram_order_number),
                plain(refused.customer_line_number),
                plain(refused.ingram_part_number),
                plain(refused.quantity_ordered),
                "",
                plain(_rejection(refused)),
            )
    return table


def modified_tables(modified: OrderModifyResponse) -> Iterator[Text | Table]:
    """Make the head of an order that was changed, and the table of what became of the changes to its lines."""
    yield Text(" ").join(
        [
            plain(modified.ingram_order_number),
            status_text(modified.status),
            plain(amount_text(modified.order_total)),
            plain(f"notes: {modified.notes}" if modified.notes else ""),
        ]
    )
    table = new_table()
    for heading in ("Line", "Product", "Quantity", "Change"):
        table.add_column(heading, justify="right" if heading == "Quantity" else "left")
    for line in modified.lines:
        _add_change(table, line, "made")
    for refused in modified.rejected_line_items:
        _add_change(table, refused, _rejection(refused))
    if table.row_count:
        yield table


def _add_change(table: Table, line: ModifiedLine | RejectedModification, became: str) -> None:
    cells = (line.ingram_line_number, line.ingram_part_number, line.quantity_ordered, became)
    table.add_row(*map(plain, cells))


def _rejection(refused: RejectedLine | RejectedModification) -> str:
    return " ".join(f"rejected: {refused.reject_reason or refused.reject_code}".split())
