"""
What a search looks into: for each order what it is found by, and how a page of a search shows it.

It may lag behind the orders themselves, as the API's own does.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from ingram_orders.sandbox.documents import summary
from ingram_orders.sandbox.filters import FILTERS, folded, since
from ingram_orders.sandbox.kept import Json, Order, parcels
from ingram_orders.sandbox.refusals import invalid

WINDOW: Final = timedelta(days=20)
"""How far back a search without any filter looks. Source: developer portal."""

_MANY: Final = 1000
"""Orders found from which on it is cheaper to go through all by date than to sort those."""

# An order is sent on at most two days, and delivered so: `life` has no more. The columns of days are in that order.
TABLES: Final = """
    CREATE TABLE found (
        id INTEGER PRIMARY KEY, placed TEXT NOT NULL, number TEXT NOT NULL, status TEXT NOT NULL, po TEXT NOT NULL,
        end_po TEXT NOT NULL, shipped TEXT NOT NULL, shipped_last TEXT NOT NULL, delivered TEXT NOT NULL,
        delivered_last TEXT NOT NULL, invoiced TEXT NOT NULL, invoiced_last TEXT NOT NULL, summary TEXT NOT NULL
    );
    -- What else an order is found by: of what kind it is, and its value.
    CREATE TABLE keys (id INTEGER NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL);
    -- The pieces in a parcel are numbered without a gap.
    CREATE TABLE serials (id INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL);
    -- What is to be made anew, and when.
    CREATE TABLE stale (id INTEGER NOT NULL, due TEXT NOT NULL, document TEXT NOT NULL)"""

INDEXES: Final = (
    # Holds all that may be asked of many orders, so that nothing else is read to tell which they are.
    "CREATE INDEX found_by_date ON found (placed DESC, number DESC, status, po, end_po, shipped, shipped_last,"
    " delivered, delivered_last, invoiced, invoiced_last)",
    "CREATE INDEX found_by_status ON found (status, placed DESC, number DESC)",
    "CREATE INDEX found_by_number ON found (number)",
    "CREATE INDEX found_by_po ON found (po, status, end_po)",
    "CREATE INDEX found_by_end_po ON found (end_po, status, po)",
    "CREATE INDEX keys_by_value ON keys (kind, value, id)",
    "CREATE INDEX keys_by_id ON keys (id)",
    "CREATE INDEX serials_by_first ON serials (first, last, id)",
    "CREATE INDEX serials_by_id ON serials (id)",
)


def add(connection: sqlite3.Connection, orders: Iterable[tuple[int, Order]]) -> None:
    """Add orders that are not in it."""
    entries, keys, serials = [], [], []
    for id_, order in orders:
        keys += [(id_, kind, folded(value)) for kind, value in {*_keys(order)}]
        shipments = [shipment for line in order["lines"] for shipment in line["shipments"]]
        sent = [parcel for shipment in shipments for parcel in shipment["parcels"]]
        serials += [(id_, it["firstSerial"], it["firstSerial"] + it["quantity"] - 1) for it in sent]
        days = (
            {it["shippedDate"] for it in shipments},
            {it["deliveredDate"] for it in sent if "deliveredDate" in it},
            {it["invoiceDate"] for it in shipments if "invoiceDate" in it},
        )
        entries.append(
            (
                id_, order["ingramOrderDate"], folded(order["ingramOrderNumber"]), folded(order["orderStatus"]),
                folded(order["customerOrderNumber"]), folded(order.get("endCustomerOrderNumber", "")),
                *(day for its in days for day in _first_and_last(its)),
                json.dumps(summary(order), default=float),
            )
        )  # fmt: skip
    connection.executemany(f"INSERT INTO found VALUES (?{', ?' * 12})", entries)  # noqa: S608
    connection.executemany("INSERT INTO keys VALUES (?, ?, ?)", keys)
    connection.executemany("INSERT INTO serials VALUES (?, ?, ?)", serials)


def _first_and_last(days: set[str]) -> tuple[str, str]:
    if len(days) > 2:
        raise AssertionError(f"{sorted(days)} are more days than two")
    return (min(days), max(days)) if days else ("", "")


def _renew(connection: sqlite3.Connection, orders: Mapping[int, Order]) -> None:
    for table in ("found", "keys", "serials"):
        connection.executemany(f"DELETE FROM {table} WHERE id = ?", [(id_,) for id_ in orders])  # noqa: S608
    add(connection, orders.items())


def renew(connection: sqlite3.Connection, id_: int, order: Order, *, due: datetime, now: datetime) -> None:
    """Make an order's entry anew, at once or when it is due; what was to be shown later, and is older, no longer is."""
    until = "" if due <= now else due.isoformat()  # what is shown now is newer than all that waits
    connection.execute("DELETE FROM stale WHERE id = ? AND due >= ?", (id_, until))
    if due <= now:
        _renew(connection, {id_: order})
    else:
        document = json.dumps(order, default=float)
        connection.execute("INSERT INTO stale VALUES (?, ?, ?)", (id_, due.isoformat(), document))


def catch_up(connection: sqlite3.Connection, now: datetime) -> None:
    """Make anew what is due."""
    until = now.isoformat()
    stale = connection.execute("SELECT id, document FROM stale WHERE due <= ? ORDER BY due, rowid", (until,)).fetchall()
    if stale:
        connection.execute("DELETE FROM stale WHERE due <= ?", (until,))
        _renew(connection, {id_: json.loads(document) for id_, document in stale})


def _keys(order: Order) -> Iterator[tuple[str, str]]:
    for line in order["lines"]:
        yield "part", line["ingramPartNumber"]
        yield "vendor part", line["vendorPartNumber"]
        yield "vendor", line["vendorName"]
        if "specialBidNumber" in line:
            yield "bid", line["specialBidNumber"]
        for parcel in parcels(line):
            yield "tracking", parcel["trackingNumber"]


def search(connection: sqlite3.Connection, now: datetime, query: Mapping[str, list[str]]) -> Json | None:
    """Give one page of the orders found, the newest first, then by number; `None` where the page is empty."""
    size = _whole(query, "pageSize", 25, at_most=100)
    page = _whole(query, "pageNumber", 1)
    filters = {key: values for key, values in query.items() if key not in {"pageSize", "pageNumber"}}
    for key in filters.keys() - FILTERS.keys():
        raise invalid(key, None, "unknown parameter")
    conditions = [FILTERS[key](key, values) for key, values in filters.items()] or [since((now - WINDOW).date())]
    where = " AND ".join(f"({condition})" for condition, _ in conditions)
    values = [value for _, its in conditions for value in its]
    [count] = connection.execute(f"SELECT count(*) FROM found WHERE {where}", values).fetchone()  # noqa: S608  # `filters`' own words
    way = "INDEXED BY found_by_date" if count > _MANY else ""
    shown = connection.execute(
        "SELECT summary FROM found WHERE id IN"  # noqa: S608
        f" (SELECT id FROM found {way} WHERE {where} ORDER BY placed DESC, number DESC LIMIT ? OFFSET ?)"
        " ORDER BY placed DESC, number DESC",
        (*values, size, (page - 1) * size),
    ).fetchall()
    if not shown:
        return None
    return {
        "recordsFound": count,
        "pageSize": size,
        "pageNumber": page,
        "orders": [json.loads(summary) for (summary,) in shown],
        "nextPage": "",
        "previousPage": "",
    }


def _whole(query: Mapping[str, list[str]], name: str, assumed: int, *, at_most: int | None = None) -> int:
    text = query.get(name, [str(assumed)])[-1]
    value = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if value < 1 or (at_most is not None and value > at_most):
        raise invalid(name, text, "out of range")
    return value
