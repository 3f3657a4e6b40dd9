"""What the commands print: tables for people, JSON and CSV for programs."""

import csv
import re
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingram_orders.converters import unstructure
from ingram_orders.exact_json import write_json
from ingram_orders.models import AnswerModel, FoundOrder, OrderCreateResponse, OrderDetailB2B, OrderStatus

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


def print_json(document: AnswerModel | Sequence[AnswerModel] | None) -> None:
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


def detail_tables(detail: OrderDetailB2B) -> tuple[Text, Table]:
    """Make the head and the table of lines of an order's details."""
    to = detail.ship_to_info
    town = " ".join(part for part in (to.city, to.state, to.postal_code) if part) if to else ""
    where = ", ".join(part for part in (to.company_name, town) if part) if to else ""
    head = Text(" ").join(
        [
            plain(detail.ingram_order_number),
            plain(f"to {where}," if where else ""),
            status_text(detail.status),
            plain(f"{amount_text(detail.order_total)} {detail.currency_code or ''}"),
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
            str(line.quantity_ordered),
            amount_text(line.unit_price),
            amount_text(line.extended_price),
        )
    return head, table


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
                str(line.quantity_ordered),
                amount_text(line.extended_unit_price),
                status_text(line.status),
            )
        for refused in order.rejected_line_items:
            table.add_row(
                plain(order.ingram_order_number),
                plain(refused.customer_line_number),
                plain(refused.ingram_part_number),
                str(refused.quantity_ordered),
                "",
                plain(" ".join(f"rejected: {refused.reject_reason or refused.reject_code}".split())),
            )
    return table
