"""
The sandbox's orders, in SQLite: made from a seed, moved by the clock, searched, created, modified and cancelled.

Knows JSON, but no HTTP. What a search finds is an index of its own, which may lag behind the orders.
"""

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from attrs import define

from ingram_orders.sandbox import documents, life
from ingram_orders.sandbox.catalogue import PRODUCTS, QUOTED, Market
from ingram_orders.sandbox.documents import quantity
from ingram_orders.sandbox.filters import FILTERS
from ingram_orders.sandbox.life import CANCELLED, HOLD, PROCESSING, Json, Plan
from ingram_orders.sandbox.making import Wanted, add_line, by_chance, new_order, order_number, way_by_chance
from ingram_orders.sandbox.refusals import Refused
from ingram_orders.storage import Kind, Storage

T = TypeVar("T")

SEARCH_WINDOW: Final = timedelta(days=20)
"""How far back a search without any filter looks. Source: developer portal."""

CHANGEABLE: Final = timedelta(hours=24)
"""How long after it was placed an order on hold can be modified. Source: developer portal."""

_MANY: Final = 1000
"""Orders found from which on it is cheaper to go through all by date than to sort those."""

SEEDED_DAYS: Final = 30
"""How far back seeded orders were placed; one in three is older than what a search without filters shows."""

KIND: Final = Kind(
    name="ingram_orders sandbox",
    application_id=0x494F5342,
    version=1,
    schema="""
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY, number TEXT NOT NULL, po TEXT NOT NULL, document TEXT NOT NULL, plan TEXT NOT NULL,
        next_step TEXT
    );
    -- What v7 has taken in and not yet placed.
    CREATE TABLE intake (confirmation INTEGER PRIMARY KEY, due TEXT NOT NULL, body TEXT NOT NULL);
    -- The index that searches look into, and what of it is to be made anew, and when.
    CREATE TABLE found (
        id INTEGER PRIMARY KEY, number TEXT COLLATE NOCASE NOT NULL, placed TEXT NOT NULL,
        status TEXT COLLATE NOCASE NOT NULL, po TEXT COLLATE NOCASE NOT NULL, end_po TEXT COLLATE NOCASE NOT NULL,
        summary TEXT NOT NULL
    );
    CREATE TABLE keys (id INTEGER NOT NULL, kind TEXT NOT NULL, value TEXT COLLATE NOCASE NOT NULL);
    CREATE TABLE stale (id INTEGER NOT NULL, due TEXT NOT NULL, document TEXT NOT NULL)""",
)

INDEXES: Final = (
    "CREATE UNIQUE INDEX orders_by_number ON orders (number)",
    "CREATE INDEX orders_by_po ON orders (po)",
    "CREATE INDEX orders_by_step ON orders (next_step) WHERE next_step IS NOT NULL",
    "CREATE INDEX found_by_date ON found (placed DESC, number DESC)",
    "CREATE INDEX found_by_number ON found (number)",
    "CREATE INDEX found_by_status ON found (status, placed DESC, number DESC)",
    "CREATE INDEX found_by_po ON found (po)",
    "CREATE INDEX found_by_end_po ON found (end_po)",
    "CREATE INDEX keys_by_value ON keys (kind, value, id)",
    "CREATE INDEX keys_by_id ON keys (id)",
)
"""Made once the first orders are in: to sort them all costs half of what it does to sort each of them in."""


@define(kw_only=True)
class Manners:
    """How the orders behave, where that can be chosen; may be changed at any time."""

    refuses_duplicates: bool = True
    """Whether v6 refuses a purchase order number that there is, unless the request allows it. v7 never does."""
    index_lag: timedelta = timedelta(0)
    """How long a search does not yet see what was changed."""
    v7_takes: timedelta = timedelta(0)
    """How long after its confirmation a v7 order is placed."""
    maintenance: bool = False
    """Whether it is the hour of the night in which v6 answers 500, and v7 takes orders in and places none."""


class OrderBook:
    """All orders of one customer; open inside `async with`."""

    def __init__(
        self,
        database: str | Path,
        *,
        seed: int,
        orders: int,
        market: Market,
        manners: Manners,
        clock: Callable[[], datetime],
    ) -> None:
        self._storage = Storage(database, KIND)
        self._seed = seed
        self._seeded = orders
        self._market = market
        self.manners = manners
        self._clock = clock

    async def __aenter__(self) -> Self:
        await self._storage.__aenter__()
        try:
            await self._fill()
        except BaseException:
            await self._storage.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._storage.close()

    async def details(self, number: str) -> Json:
        """Give an order; asked for a sub-order, with the lines of that one only."""
        return await self._do(_details, number)

    async def search(self, query: Mapping[str, list[str]]) -> Json | None:
        """Give one page of the orders found, the newest first, then by number; `None` where the page is empty."""
        return await self._do(_search, query)

    async def create(self, body: Json) -> tuple[int, Json]:
        """Place an order, v6; give the status and the answer."""
        return await self._do(self._create, body)

    async def create_v7(self, body: Json) -> Json:
        """Take an order in; give the confirmation."""
        return await self._do(self._create_v7, body)

    async def modify(self, number: str, body: Json, *, action: str | None) -> tuple[int, Json | None]:
        """Change an order on hold, or release it; give the status and the answer."""
        return await self._do(self._modify, number, body, action)

    async def cancel(self, number: str) -> None:
        """Cancel an order on hold."""
        await self._do(self._cancel, number)

    async def _do(self, work: Callable[..., T], *args: Any) -> T:
        now = self._now()

        def whole(connection: sqlite3.Connection) -> T | Refused:
            self._let_time_pass(connection, now)
            connection.execute("SAVEPOINT work")
            try:
                return work(connection, now, *args)
            except Refused as refused:  # which undoes the work, but not what time has brought about
                connection.execute("ROLLBACK TO work")
                return refused

        result = await self._storage.run(whole)
        if isinstance(result, Refused):
            raise result
        return result

    def _now(self) -> datetime:
        now = self._clock()
        return (now if now.tzinfo is None else now.astimezone(UTC).replace(tzinfo=None)).replace(microsecond=0)

    def _pick(self, *what: object) -> Random:
        """Give chance that is the same for the same seed and thing, whatever happened before."""
        return Random(f"{self._seed} {' '.join(map(str, what))}")

    # ── What time brings about ──────────────────────────────────────────────────────────────────────────────────

    def _let_time_pass(self, connection: sqlite3.Connection, now: datetime) -> None:
        until = now.isoformat()
        if not self.manners.maintenance:
            taken_in = connection.execute(
                "DELETE FROM intake WHERE due <= ? RETURNING due, body", (until,)
            ).fetchall()  # fmt: skip
            for due, body in sorted(taken_in):
                self._place_v7(connection, datetime.fromisoformat(due), json.loads(body, parse_float=Decimal))
        for document, plan in connection.execute(
            "SELECT document, plan FROM orders WHERE next_step <= ?", (until,)
        ).fetchall():
            order, steps = json.loads(document), json.loads(plan)
            while steps and steps[0][0] <= until:  # each at its own time, so that it does not matter when one looks
                when = steps[0][0]
                steps = life.move(order, steps, datetime.fromisoformat(when), self._chance_of_step(order))
                self._keep(connection, datetime.fromisoformat(when), order, steps)
        stale = connection.execute(
            "SELECT id, document FROM stale WHERE due <= ? ORDER BY due, rowid", (until,)
        ).fetchall()  # fmt: skip
        if stale:
            connection.execute("DELETE FROM stale WHERE due <= ?", (until,))
            _index(connection, [(id_, json.loads(document)) for id_, document in dict(stale).items()])

    def _chance_of_step(self, order: Json) -> Callable[[str, str], Random]:
        return lambda when, step: self._pick("life of", order["ingramOrderNumber"], when, step)

    def _keep(self, connection: sqlite3.Connection, now: datetime, order: Json, plan: Plan) -> None:
        number, *rest = _row(order, plan)
        known = connection.execute("SELECT id FROM orders WHERE number = ?", (number,)).fetchone()
        [id_] = connection.execute(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?) RETURNING id", (known and known[0], number, *rest)
        ).fetchone()
        if self.manners.index_lag:
            due = (now + self.manners.index_lag).isoformat()
            connection.execute("INSERT INTO stale VALUES (?, ?, ?)", (id_, due, rest[1]))
        else:
            _index(connection, [(id_, order)])

    async def _fill(self) -> None:
        """Make the orders that there are to begin with, in a database that is new; a part at a time."""

        def begin(connection: sqlite3.Connection) -> bool:
            if connection.execute("SELECT 1 FROM facts WHERE name = 'seed'").fetchone():
                return False
            for table in ("orders", "found", "keys"):  # what was left of an attempt that was interrupted
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
            return True

        def add_some(connection: sqlite3.Connection) -> bool:
            some = list(itertools.islice(seeded, 500))
            connection.executemany(
                "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)",
                [(id_, *_row(order, plan)) for id_, (order, plan) in some],
            )
            _add_to_index(connection, [(id_, order) for id_, (order, _) in some])
            return bool(some)

        def end(connection: sqlite3.Connection) -> None:
            for index in INDEXES:
                connection.execute(index)
            connection.execute("INSERT INTO facts VALUES ('seed', ?)", (str(self._seed),))

        seeded = enumerate(self._seeded_orders(self._now()), 1)
        if await self._storage.run(begin):
            while await self._storage.run(add_some):
                pass
            await self._storage.run(end)

    def _seeded_orders(self, now: datetime) -> Iterator[tuple[Json, Plan]]:
        taken, pick = set[str](), self._pick("orders")
        for count in range(self._seeded):
            number = order_number(self._market, pick)
            while number in taken:
                number = order_number(self._market, pick)
            taken.add(number)
            placed = now - timedelta(days=life.below(pick, SEEDED_DAYS), minutes=life.below(pick, 1440))
            way = way_by_chance(pick)
            if way == "held" and pick.random() < 0.5:  # half of them can still be changed
                placed = now - timedelta(minutes=life.below(pick, 20 * 60))
            order = by_chance(count, self._market, placed, number, pick, way)
            yield order, life.move(order, life.plan(way, placed, pick), now, lambda *_: pick)

    # ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _create(self, connection: sqlite3.Connection, now: datetime, body: Json) -> tuple[int, Json]:
        wishes = _wishes(body)
        number = _po_number(body, longest=35)
        if (
            self.manners.refuses_duplicates
            and wishes.get("allowDuplicateCustomerOrderNumber") != "true"
            and connection.execute("SELECT 1 FROM orders WHERE po = ?", (number,)).fetchone()
        ):
            raise Refused(400, "CUSTOMER-PO-EXISTS", ("customerOrderNumber", number, "CUSTOMER-PO-EXISTS"))
        orders, rejected = self._place(connection, now, number, body, wishes)
        return (207 if rejected else 201), documents.created(orders, body, rejected)

    def _create_v7(self, connection: sqlite3.Connection, now: datetime, body: Json) -> Json:
        _po_number(body, longest=18)
        [taken_in] = connection.execute(
            "INSERT INTO facts VALUES ('confirmations', '1')"
            " ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
        ).fetchone()
        confirmation = 1_600_000_000 + int(taken_in)
        if self.manners.v7_takes or self.manners.maintenance:
            due = (now + self.manners.v7_takes).isoformat()
            text = json.dumps(body, default=float)
            connection.execute("INSERT INTO intake VALUES (?, ?, ?)", (confirmation, due, text))
        else:
            self._place_v7(connection, now, body)
        return {
            "quoteNumber": body.get("quoteNumber"),
            "confirmationNumber": str(confirmation),
            "message": "Your order is being processed.",
        }

    def _place_v7(self, connection: sqlite3.Connection, now: datetime, body: Json) -> None:
        with suppress(Refused):  # what became of it is told by webhook, and nowhere else
            self._place(connection, now, body["customerOrderNumber"], body, _wishes(body))

    def _place(
        self,
        connection: sqlite3.Connection,
        now: datetime,
        number: str,
        body: Json,
        wishes: Mapping[str, str | None],
    ) -> tuple[list[Json], list[Json]]:
        """Place what can be: one order, or two where a part is on back order. Give them, and the lines refused."""
        taken: list[Json] = []
        rejected: list[Json] = []
        for place, given in enumerate(body.get("lines") or (), 1):
            line = {**given, "customerLineNumber": given.get("customerLineNumber") or f"{place:03}"}
            if line.get("customerPartNumber") and not line.get("ingramPartNumber"):
                line["ingramPartNumber"] = _of_customers(line["customerPartNumber"])
            (taken if line.get("ingramPartNumber") in PRODUCTS and quantity(line) else rejected).append(line)
        if body.get("quoteNumber"):  # what was quoted is ordered, whatever the lines say
            taken, rejected = [{"ingramPartNumber": QUOTED, "quantity": 1}], []
        if not taken and wishes.get("allowPartialOrder") != "true":
            raise Refused(400, "No line can be ordered", ("lines", None, "SKU-NOTFOUND"))
        here = [line for line in taken if PRODUCTS[line["ingramPartNumber"]].in_stock]
        later = [line for line in taken if not PRODUCTS[line["ingramPartNumber"]].in_stock]
        held = wishes.get("allowOrderOnCustomerHold") == "true"
        orders = []
        for lines in (here, later) if here and later else (taken,):
            order, pick = self._new_order(connection, now, number, HOLD if held else PROCESSING, body, lines)
            self._keep(connection, now, order, [] if held else self._set_out(order, now, pick))
            orders.append(order)
        return orders, rejected

    def _set_out(self, order: Json, now: datetime, pick: Random) -> Plan:
        """Let an order go, at once on back order where something of it is not in stock; give its plan."""
        if all(PRODUCTS[line["ingramPartNumber"]].in_stock for line in order["lines"]):
            return life.plan("straight", now, pick)
        life.back_order(order, now.date().isoformat(), pick)
        return life.plan("backordered", now, pick)[1:]

    def _new_order(
        self, connection: sqlite3.Connection, now: datetime, number: str, status: str, body: Json, lines: list[Json]
    ) -> tuple[Json, Random]:
        [count] = connection.execute("SELECT count(*) FROM orders").fetchone()
        pick = self._pick("placed", count, number)
        ours = order_number(self._market, pick)
        while _order(connection, ours) is not None:
            ours = order_number(self._market, pick)
        wanted: Wanted = [(line["ingramPartNumber"], quantity(line), line) for line in lines]
        order = new_order(
            ours, self._market, pick, po_number=number, placed=now, status=status, wanted=wanted, asked=body
        )  # fmt: skip
        order["currencyCode"] = self._market.currencies[0]
        for line in order["lines"]:
            line["currencyCode"] = order["currencyCode"]
        return order, pick

    def _modify(
        self, connection: sqlite3.Connection, now: datetime, number: str, body: Json, action: str | None
    ) -> tuple[int, Json | None]:
        order = _whole_order(connection, number)
        if order["orderStatus"] != HOLD:
            raise Refused(400, "Validation failed", ("OrderNumber", number, "Order is not on customer hold"))
        if now - datetime.fromisoformat(order["ingramOrderDate"]) > CHANGEABLE:
            raise Refused(400, "Validation failed", ("OrderNumber", number, "Order was placed over 24 hours ago"))
        if action == "release":
            life.set_status(order, PROCESSING)
            self._keep(connection, now, order, self._set_out(order, now, self._pick("released", number)))
            return 200, None
        if action:
            raise Refused(400, "Validation failed", ("actionCode", action, "is not valid"))
        changes = (self._change_line(order, line) for line in body.get("lines") or ())
        rejected = [refused for refused in changes if refused is not None]
        if "notes" in body:
            order["notes"] = body["notes"] or ""
        order["shipToInfo"] = {**order["shipToInfo"], **(body.get("shipToInfo") or {})}
        documents.add_up(order)
        self._keep(connection, now, order, [])
        # As published: 200 for what is only taken away, 201 for any other change.
        deletes = bool(body.get("lines")) and all(it.get("addUpdateDeleteLine") == "DELETE" for it in body["lines"])
        return (207 if rejected else 200 if deletes else 201), documents.modified(
            order, now.isoformat(timespec="milliseconds"), rejected
        )

    def _change_line(self, order: Json, line: Json) -> Json | None:
        """Add, update or delete one line; give the refusal, where it is one."""
        wanted, action = quantity(line), line.get("addUpdateDeleteLine")
        asked_for = str(line.get("ingramLineNumber") or "").zfill(3)
        found = next((it for it in order["lines"] if it["ingramOrderLineNumber"] == asked_for), None)
        if action == "ADD" and line.get("ingramPartNumber") in PRODUCTS and wanted:
            add_line(order, line["ingramPartNumber"], wanted, line, self._market)
        elif action == "DELETE" and found:
            order["lines"].remove(found)
        elif action == "UPDATE" and found and (wanted or "notes" in line):
            wanted = wanted or found["quantityOrdered"]
            found["quantityOrdered"] = found["quantityConfirmed"] = wanted
            found["lineNotes"] = (line["notes"] or "") if "notes" in line else found["lineNotes"]
            found["extendedPrice"] = documents.money(found["unitPrice"], wanted)
        else:
            return documents.refused_change(line, f"{action or 'nothing'} cannot be done to this line")
        return None

    def _cancel(self, connection: sqlite3.Connection, now: datetime, number: str) -> None:
        order = _whole_order(connection, number)
        if order["orderStatus"] != HOLD:
            raise Refused(405, "The order is not on hold.", kind="validation-error")
        life.set_status(order, CANCELLED)
        self._keep(connection, now, order, [])


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _order(connection: sqlite3.Connection, number: str) -> Json | None:
    found = connection.execute("SELECT document FROM orders WHERE number = ?", (number,)).fetchone()
    return None if found is None else json.loads(found[0])


def _document(connection: sqlite3.Connection, id_: int) -> Json:
    [document] = connection.execute("SELECT document FROM orders WHERE id = ?", (id_,)).fetchone()
    order: Json = json.loads(document)
    return order


def _whole_order(connection: sqlite3.Connection, number: str) -> Json:
    """Give an order that may be changed: not a sub-order."""
    order = _order(connection, number)
    if order is None:
        raise Refused(404, "Order not found.", kind="validation-error")
    return order


def _details(connection: sqlite3.Connection, _: datetime, number: str) -> Json:
    order = _order(connection, number)
    if order is not None:
        return order
    order = _whole_order(connection, number.rpartition("-")[0])
    lines = [line for line in order["lines"] if line["subOrderNumber"] == number]
    if not lines:
        raise Refused(404, "Order not found.", kind="validation-error")
    return {**order, "lines": lines}


def _search(connection: sqlite3.Connection, now: datetime, query: Mapping[str, list[str]]) -> Json | None:
    size = _whole(query, "pageSize", 25, at_most=100)
    page = _whole(query, "pageNumber", 1)
    filters = {key: values for key, values in query.items() if key not in {"pageSize", "pageNumber"}}
    for key in filters.keys() - FILTERS.keys():
        raise Refused(400, "Validation failed", (key, None, "unknown parameter"))
    conditions = [FILTERS[key](key, values) for key, values in filters.items()]
    if not filters:
        conditions = [("placed >= ?", ((now - SEARCH_WINDOW).date().isoformat(),))]
    where = " AND ".join(f"({condition})" for condition, _ in conditions)
    values = [value for _, its in conditions for value in its]
    [count] = connection.execute(f"SELECT count(*) FROM found WHERE {where}", values).fetchone()  # noqa: S608  # `filters`' own words
    shown = connection.execute(
        # Of many, by date and no other way, so that the newest are found at once; of few, by what finds them.
        f"SELECT summary FROM found {'INDEXED BY found_by_date' if count > _MANY else ''} WHERE {where}"  # noqa: S608
        " ORDER BY placed DESC, number DESC LIMIT ? OFFSET ?",
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


# ── The index ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _row(order: Json, plan: Plan) -> tuple[str, str, str, str, str | None]:
    number, po = order["ingramOrderNumber"], order["customerOrderNumber"]
    return number, po, json.dumps(order, default=float), json.dumps(plan), plan[0][0] if plan else None


def _index(connection: sqlite3.Connection, orders: list[tuple[int, Json]]) -> None:
    connection.executemany("DELETE FROM keys WHERE id = ?", [(id_,) for id_, _ in orders])
    _add_to_index(connection, orders)


def _add_to_index(connection: sqlite3.Connection, orders: list[tuple[int, Json]]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                id_, order["ingramOrderNumber"], order["ingramOrderDate"], order["orderStatus"],
                order["customerOrderNumber"], order["endCustomerOrderNumber"],
                json.dumps(documents.summary(order), default=float),
            )
            for id_, order in orders
        ],
    )  # fmt: skip
    connection.executemany(
        "INSERT INTO keys VALUES (?, ?, ?)", ((id_, *key) for id_, order in orders for key in set(_keys(order)))
    )


def _keys(order: Json) -> Iterator[tuple[str, str]]:
    """Give what a search may ask of an order's parts: of what kind it is, and its value."""
    for line in order["lines"]:
        yield "part", line["ingramPartNumber"]
        if line["specialBidNumber"]:
            yield "bid", line["specialBidNumber"]
        for shipment in line["shipmentDetails"]:
            yield "shipped", shipment["shippedDate"]
            if shipment["invoiceDate"]:
                yield "invoiced", shipment["invoiceDate"]
            for carrier in shipment["carrierDetails"]:
                if carrier["deliveredDate"]:
                    yield "delivered", carrier["deliveredDate"]
                for package in carrier["trackingDetails"]:
                    yield "tracking", package["trackingNumber"]
                    for serial in package["serialNumbers"]:
                        yield "serial", serial["serialNumber"]


# ── What a request says ─────────────────────────────────────────────────────────────────────────────────────────────


def _of_customers(part_number: str) -> str:
    """Give the product that a customer's own number stands for; the sandbox knows no customer's, and takes any."""
    return sorted(PRODUCTS)[sum(part_number.encode()) % len(PRODUCTS)]


def _wishes(body: Json) -> dict[str, str | None]:
    return {item.get("attributeName"): item.get("attributeValue") for item in body.get("additionalAttributes") or ()}


def _po_number(body: Json, *, longest: int) -> str:
    number = body.get("customerOrderNumber")
    if not isinstance(number, str) or not number.strip() or len(number) > longest:
        why = f"is required, 1 to {longest} characters"
        raise Refused(400, "Validation failed", ("customerOrderNumber", number, why))
    return number


def _whole(query: Mapping[str, list[str]], name: str, assumed: int, *, at_most: int | None = None) -> int:
    text = query.get(name, [str(assumed)])[-1]
    value = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if value < 1 or (at_most is not None and value > at_most):
        raise Refused(400, "Validation failed", (name, text, "out of range"))
    return value
