"""
The sandbox's orders, in SQLite: made from a seed, moved by the clock, read, created, modified and cancelled.

Knows JSON, but no HTTP. What searches look into is in `index`.
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

from attrs import define, frozen

from ingram_orders.errors import ConfigurationError
from ingram_orders.sandbox import documents, index, life
from ingram_orders.sandbox.bodies import can_be_sent_to, po_number, quantity, wishes
from ingram_orders.sandbox.catalogue import Market, Product, Products
from ingram_orders.sandbox.filters import checked_day
from ingram_orders.sandbox.life import CANCELLED, HOLD, PROCESSING, Json, Plan
from ingram_orders.sandbox.making import Wanted, add_line, by_chance, new_order, order_number, way_by_chance
from ingram_orders.sandbox.refusals import Refused, invalid
from ingram_orders.storage import Kind, Storage

T = TypeVar("T")

CHANGEABLE: Final = timedelta(hours=24)
"""How long after it was placed an order on hold can be modified. Source: developer portal."""

SEEDED_DAYS: Final = 30
"""How far back seeded orders were placed; one in three is older than what a search without filters shows."""

KIND: Final = Kind(
    name="ingram_orders sandbox",
    application_id=0x494F5342,
    version=2,
    schema=f"""
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY, number TEXT NOT NULL, po TEXT NOT NULL, document TEXT NOT NULL, plan TEXT NOT NULL,
        next_step TEXT
    );
    -- What v7 has taken in and not yet placed.
    CREATE TABLE intake (confirmation INTEGER PRIMARY KEY, due TEXT NOT NULL, body TEXT NOT NULL);
    {index.TABLES}""",
)

_INDEXES: Final = (
    "CREATE UNIQUE INDEX orders_by_number ON orders (number)",
    "CREATE INDEX orders_by_po ON orders (po)",
    "CREATE INDEX orders_by_step ON orders (next_step) WHERE next_step IS NOT NULL",
    *index.INDEXES,
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


@frozen
class Outcome:
    """What became of a write that was not refused."""

    status: int
    answer: Json | None
    po_number: str
    order_numbers: tuple[str, ...]
    acted: bool = True
    """Whether anything was made or changed by it."""


class OrderBook:
    """All orders of one customer; open inside `async with`."""

    def __init__(
        self,
        database: str | Path,
        *,
        seed: int,
        orders: int,
        market: Market,
        products: Products,
        manners: Manners,
        clock: Callable[[], datetime],
    ) -> None:
        """Set up; *clock* gives aware times."""
        self._storage = Storage(database, KIND)
        self._seed = seed
        self._seeded = orders
        self._market = market
        self._products = products
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

    async def details(self, number: str, query: Mapping[str, str]) -> Json:
        """Give an order; asked for a sub-order, with the lines of that one only."""
        return await self._do(self._details, number, query)

    async def search(self, query: Mapping[str, list[str]]) -> Json | None:
        """Give one page of the orders found, the newest first, then by number; `None` where the page is empty."""
        return await self._do(index.search, query)

    async def create(self, body: Json) -> Outcome:
        """Place an order, v6."""
        return await self._do(self._create, body)

    async def create_v7(self, body: Json) -> Outcome:
        """Take an order in."""
        return await self._do(self._create_v7, body)

    async def modify(self, number: str, body: Json, *, action: str | None) -> Outcome:
        """Change an order on hold, or release it."""
        return await self._do(self._modify, number, body, action)

    async def cancel(self, number: str) -> Outcome:
        """Cancel an order on hold."""
        return await self._do(self._cancel, number)

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
        return self._clock().astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def _pick(self, *what: object) -> Random:
        """Give chance that is the same for the same seed and thing, whatever happened before."""
        return Random(f"{self._seed} {' '.join(map(str, what))}")

    # ── The orders there are to begin with ──────────────────────────────────────────────────────────────────────

    async def _fill(self) -> None:
        """Make the first orders in a database that is new, a part at a time; look at what an old one is."""

        def begin(connection: sqlite3.Connection) -> bool:
            facts = dict(connection.execute("SELECT name, value FROM facts").fetchall())
            if "seed" in facts:
                if facts["country"] != self._market.country:
                    raise ConfigurationError(
                        f"the orders in {self._storage.path} are of the market of {facts['country']}, "
                        f"not of {self._market.country}"
                    )
                return False
            for table in ("orders", "found", "keys", "serials"):  # what was left of an attempt that was interrupted
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
            return True

        def add_some(connection: sqlite3.Connection) -> bool:
            some = list(itertools.islice(seeded, 500))
            connection.executemany(
                "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)",
                [(id_, *_row(order, plan)) for id_, (order, plan) in some],
            )
            index.add(connection, ((id_, order) for id_, (order, _) in some))
            return bool(some)

        def end(connection: sqlite3.Connection) -> None:
            for statement in _INDEXES:
                connection.execute(statement)
            facts = {"seed": str(self._seed), "country": self._market.country}
            connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())

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
            order = by_chance(count, self._market, self._products, placed, number, pick, way)
            yield order, life.move(order, life.plan(way, placed, pick), now, lambda *_: pick)

    # ── What time brings about ──────────────────────────────────────────────────────────────────────────────────

    def _let_time_pass(self, connection: sqlite3.Connection, now: datetime) -> None:
        until = now.isoformat()
        if not self.manners.maintenance:
            taken_in = connection.execute(
                "DELETE FROM intake WHERE due <= ? RETURNING due, confirmation, body", (until,)
            ).fetchall()  # fmt: skip
            for due, _, body in sorted(taken_in):
                self._place_v7(connection, datetime.fromisoformat(due), json.loads(body, parse_float=Decimal))
        for document, plan in connection.execute(
            "SELECT document, plan FROM orders WHERE next_step <= ?", (until,)
        ).fetchall():
            order, steps = json.loads(document), json.loads(plan)
            while steps and steps[0][0] <= until:  # each at its own time, so that it does not matter when one looks
                when = steps[0][0]
                steps = life.move(order, steps, datetime.fromisoformat(when), self._chance_of_step(order))
                self._keep(connection, datetime.fromisoformat(when), order, steps)
        index.catch_up(connection, now)

    def _chance_of_step(self, order: Json) -> Callable[[str, str], Random]:
        return lambda when, step: self._pick("life of", order["ingramOrderNumber"], when, step)

    def _keep(self, connection: sqlite3.Connection, now: datetime, order: Json, plan: Plan) -> None:
        number, *rest = _row(order, plan)
        known = connection.execute("SELECT id FROM orders WHERE number = ?", (number,)).fetchone()
        [id_] = connection.execute(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?) RETURNING id", (known and known[0], number, *rest)
        ).fetchone()
        index.renew(connection, id_, order, due=now + self.manners.index_lag, now=now)

    # ── Placing ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _create(self, connection: sqlite3.Connection, now: datetime, body: Json) -> Outcome:
        wished = wishes(body)
        number = po_number(body, longest=35)
        if (
            self.manners.refuses_duplicates
            and wished.get("allowDuplicateCustomerOrderNumber") != "true"
            and connection.execute("SELECT 1 FROM orders WHERE po = ?", (number,)).fetchone()
        ):
            raise Refused(400, "CUSTOMER-PO-EXISTS", ("customerOrderNumber", number, "CUSTOMER-PO-EXISTS"))
        orders, rejected = self._place(connection, now, number, body, wished)
        answer = documents.created(orders, body, rejected)
        return Outcome(207 if rejected else 201, answer, number, tuple(it["ingramOrderNumber"] for it in orders))

    def _create_v7(self, connection: sqlite3.Connection, now: datetime, body: Json) -> Outcome:
        number = po_number(body, longest=18)
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
        answer = {
            "quoteNumber": body.get("quoteNumber"),
            "confirmationNumber": str(confirmation),
            "message": "Your order is being processed.",
        }
        return Outcome(200, answer, number, ())

    def _place_v7(self, connection: sqlite3.Connection, now: datetime, body: Json) -> None:
        with suppress(Refused):  # what became of it is told by webhook, and nowhere else
            self._place(connection, now, body["customerOrderNumber"], body, wishes(body))

    def _place(
        self,
        connection: sqlite3.Connection,
        now: datetime,
        number: str,
        body: Json,
        wished: Mapping[str, str | None],
    ) -> tuple[list[Json], list[Json]]:
        """Place what can be: one order, or two where a part is on back order. Give them, and the lines refused."""
        wanted: list[tuple[Product, int, Json]] = []
        rejected: list[Json] = []
        for place, given in enumerate(body.get("lines") or (), 1):
            line = {**given, "customerLineNumber": given.get("customerLineNumber") or f"{place:03}"}
            product = self._product(line)
            if product is None:
                reason = f"SKU-NOTFOUND    {line.get('ingramPartNumber') or ''}".rstrip()
                rejected.append(documents.rejected_line(line, "EN", reason))
            elif not quantity(line):
                rejected.append(documents.rejected_line(line, "EQ", "ERROR-INVALID-QTY"))
            else:
                wanted.append((product, quantity(line), line))
        if body.get("quoteNumber"):  # what was quoted is ordered, whatever the lines say
            wanted, rejected = [(next(reversed(self._products.values())), 1, {})], []
        if not wanted and wished.get("allowPartialOrder") != "true":
            raise Refused(400, "No line can be ordered", ("lines", None, "SKU-NOTFOUND"))
        here = [line for line in wanted if line[0].in_stock]
        later = [line for line in wanted if not line[0].in_stock]
        held = wished.get("allowOrderOnCustomerHold") == "true"
        orders = []
        for lines in (here, later) if here and later else (wanted,):
            order, pick = self._new_order(connection, now, number, HOLD if held else PROCESSING, body, lines)
            self._keep(connection, now, order, [] if held else self._set_out(order, now, pick))
            orders.append(order)
        return orders, rejected

    def _product(self, line: Json) -> Product | None:
        """Give what a line asks for; a customer's own number stands for any, since the sandbox knows no customer's."""
        sku, own = line.get("ingramPartNumber"), line.get("customerPartNumber")
        if own and not sku:
            sku = sorted(self._products)[sum(own.encode()) % len(self._products)]
        return self._products.get(sku or "")

    def _set_out(self, order: Json, now: datetime, pick: Random) -> Plan:
        """Let an order go, at once on back order where something of it is not in stock; give its plan."""
        products = (self._products.get(line["ingramPartNumber"]) for line in order["lines"])
        if all(product is None or product.in_stock for product in products):
            return life.plan("straight", now, pick)
        life.back_order(order, now.date().isoformat(), pick)
        return life.plan("backordered", now, pick)[1:]

    def _new_order(
        self, connection: sqlite3.Connection, now: datetime, number: str, status: str, body: Json, wanted: Wanted
    ) -> tuple[Json, Random]:
        [count] = connection.execute("SELECT count(*) FROM orders").fetchone()
        pick = self._pick("placed", count, number)
        ours = order_number(self._market, pick)
        while _order(connection, ours) is not None:
            ours = order_number(self._market, pick)
        order = new_order(
            ours,
            self._market,
            pick,
            po_number=number,
            placed=now,
            status=status,
            currency=self._market.currencies[0],
            wanted=wanted,
            asked=body,
        )
        return order, pick

    # ── Changing ────────────────────────────────────────────────────────────────────────────────────────────────

    def _modify(
        self, connection: sqlite3.Connection, now: datetime, number: str, body: Json, action: str | None
    ) -> Outcome:
        order = _whole_order(connection, number)
        if order["orderStatus"] != HOLD:
            raise invalid("OrderNumber", number, "Order is not on customer hold")
        if now - datetime.fromisoformat(order["ingramOrderDate"]) > CHANGEABLE:
            raise invalid("OrderNumber", number, "Order was placed over 24 hours ago")
        po = order["customerOrderNumber"]
        if action == "release":
            life.set_status(order, PROCESSING)
            self._keep(connection, now, order, self._set_out(order, now, self._pick("released", number)))
            return Outcome(200, None, po, (number,))
        if action:
            raise invalid("actionCode", action, "is not valid")
        changed: list[Json] = []
        rejected: list[Json] = []
        for line in body.get("lines") or ():
            try:
                changed.append(self._change_line(order, line))
            except _LineRefused as refused:
                rejected.append(documents.refused_change(line, *refused.args))
        ship_to, remark = body.get("shipToInfo"), "Order changed"
        if ship_to and not can_be_sent_to(ship_to):
            remark = "The shipping address is not valid and was not changed"
            if not changed:
                raise invalid("shipToAddress", None, remark)
        elif ship_to:
            order["shipToInfo"] = {**documents.addresses(order)["shipToInfo"], **ship_to}
        if "notes" in body:
            order["notes"] = body["notes"] or ""
        self._keep(connection, now, order, [])
        # As published: 207 where the address is refused and something else is not, 200 where a line is refused or all
        # is only taken away, 201 for any other change.
        deletes = bool(body.get("lines")) and all(it.get("addUpdateDeleteLine") == "DELETE" for it in body["lines"])
        status = 207 if remark != "Order changed" else 200 if rejected or deletes else 201
        answer = documents.modified(order, now.isoformat(timespec="milliseconds"), changed, rejected, remark)
        acted = bool(changed or "notes" in body or (ship_to and status != 207))
        return Outcome(status, answer, po, (number,), acted)

    def _change_line(self, order: Json, line: Json) -> Json:
        """Add, update or delete one line, and give it; or say why not."""
        wanted, action = quantity(line), line.get("addUpdateDeleteLine")
        if action == "ADD":
            product = self._product(line)
            if product is None:
                raise _LineRefused("EN", f"ERROR-PART-NOT-FOUND {line.get('ingramPartNumber') or ''}".rstrip())
            if not wanted:
                raise _LineRefused("EQ", "ERROR-INVALID-QTY")
            return add_line(order, product, wanted, line, self._market)
        asked_for = str(line.get("ingramLineNumber") or "").zfill(3)
        found: Json | None = next((it for it in order["lines"] if it["ingramOrderLineNumber"] == asked_for), None)
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

    def _cancel(self, connection: sqlite3.Connection, now: datetime, number: str) -> Outcome:
        order = _whole_order(connection, number)
        if order["orderStatus"] != HOLD:
            raise Refused(405, "The order is not on hold.", kind="validation-error")
        life.set_status(order, CANCELLED)
        self._keep(connection, now, order, [])
        return Outcome(200, None, order["customerOrderNumber"], (number,))

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _details(self, connection: sqlite3.Connection, now: datetime, number: str, query: Mapping[str, str]) -> Json:
        if len(number) > 12:
            raise invalid("ordernumber", number, "at most 12 characters")
        order, part = _order(connection, number), None
        if order is None:
            order, part = _whole_order(connection, number.rpartition("-")[0]), number
        day = query.get("ingramOrderDate")
        if day is not None and checked_day("ingramOrderDate", day) != order["ingramOrderDate"][:10]:
            raise _not_found()
        status = query.get("simulateStatus", "")
        life.simulate(order, status, now.date().isoformat(), self._pick("simulated", number, status))
        told = documents.details(order, part)
        if part is not None and not told["lines"]:
            raise _not_found()
        return told


class _LineRefused(Exception):  # noqa: N818  # as `Refused`
    """Code and reason."""


def _row(order: Json, plan: Plan) -> tuple[str, str, str, str, str | None]:
    number, po = order["ingramOrderNumber"], order["customerOrderNumber"]
    return number, po, json.dumps(order, default=float), json.dumps(plan), plan[0][0] if plan else None


def _order(connection: sqlite3.Connection, number: str) -> Json | None:
    found = connection.execute("SELECT document FROM orders WHERE number = ?", (number,)).fetchone()
    return None if found is None else json.loads(found[0])


def _whole_order(connection: sqlite3.Connection, number: str) -> Json:
    """Give an order that may be changed: not a sub-order."""
    order = _order(connection, number)
    if order is None:
        raise _not_found()
    return order


def _not_found() -> Refused:
    return Refused(404, "Order not found.", kind="validation-error")
