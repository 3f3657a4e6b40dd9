"""How what a command found goes out: words and tables to people, JSON and CSV to programs."""

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ingram_orders.cli.ending import output_failed
from ingram_orders.cli.tables import plain, said
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.models import FoundOrder

COLUMNS = ("ingram_order_number", "ingram_order_date", "customer_order_number", "vendor_name",
           "end_user_company_name", "order_status", "order_total")  # fmt: skip


def choose_encodings() -> None:
    """Write UTF-8 to pipes and files; a terminal that has no umlaut is shown something all the same."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.isatty():
            stream.reconfigure(errors="replace")
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def console(*tables: Text | Table) -> Console:
    """Give a console for people: as wide as the terminal, or as *tables* need so that no number is cut."""
    made = Console(highlight=False)
    endless = made.options.update(width=10_000)
    made.width = max(made.width, 80, *(made.measure(it, options=endless).minimum for it in tables))
    return made


Progress = Callable[[str], None]
"""Told how far something is, it says so."""


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Say on a terminal what is waited for, and how far it is; nothing where the errors do not go to one."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with Console(stderr=True).status(what) as status:
        yield lambda text: status.update(f"{what}: {text}")


def document_of(body: bytes) -> Any:
    """Give what an answer says, as it came; `None` where it says nothing."""
    return read_json(body) if body.strip() else None


def show(document: Any, *for_people: Text | Table, as_json: bool, done: str | None = None) -> None:
    """
    Show an answer: to people in words and tables, to a pipe, and where it is asked for, as one line of JSON.

    *done* says what was done, for where the answer cannot be shown.
    """
    with _writing(done):
        if as_json or not sys.stdout.isatty():
            sys.stdout.write(f"{write_json(document).decode()}\n")
        else:
            console(*for_people).print(*for_people, sep="\n")


def write_line(document: Any) -> None:
    """Write one line of JSON, at once."""
    with _writing():
        sys.stdout.write(f"{write_json(document).decode()}\n")


def show_csv(orders: Iterable[FoundOrder]) -> None:
    """Write orders as CSV, with a line of headings."""
    with _writing():
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        for order in orders:
            cells = [said(order, name) for name in COLUMNS]
            writer.writerow([plain(it).plain if sys.stdout.isatty() else it for it in cells])


@contextmanager
def _writing(done: str | None = None) -> Iterator[None]:
    try:
        yield
        sys.stdout.flush()  # here, where a reader that has gone, or a full disk, is noticed
    except OSError as failed:
        output_failed(failed, done=done)
