"""
The sandbox's orders, in SQLite: made from a seed, moved by the clock, and open to one piece of work after another.

Knows JSON, but no HTTP.
"""

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Final, Self, TypeVar

from attrs import evolve

from ingram_orders.errors import ConfigurationError
from ingram_orders.sandbox import changing, documents, index, life, orders, outbox, placing
from ingram_orders.sandbox.catalogue import Market, Products
from ingram_orders.sandbox.filters import checked_day
from ingram_orders.sandbox.kept import Json, Order, Plan
from ingram_orders.sandbox.making import by_chance, order_number, way_by_chance
from ingram_orders.sandbox.orders import LAG, Manners, Orders, Outcome, not_found
from ingram_orders.sandbox.refusals import Refused, invalid
from ingram_orders.storage import Kind, Storage

T = TypeVar("T")

KIND: Final = Kind(
    name="ingram_orders sandbox",
    application_id=0x494F5342,
    version=4,
    schema=f"""
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    {orders.TABLE};
    {placing.TABLE};
    {outbox.TABLE};
    {index.TABLES}""",
)


class OrderBook:
    """All orders of one customer; open inside `async with`."""

    def __init__(
        self,
        database: str | Path,
        *,
        seed: int,
        orders: int,
        days: int,
        market: Market,
        products: Products,
        manners: Manners,
        clock: Callable[[], datetime],
    ) -> None:
        """Set up; *clock* gives aware times."""
        self._storage = Storage(database, KIND)
        self._seed = seed
        self._seeded = orders
        self._days = days
        self._market = market
        self._products = products
        self.manners = manners
        self.on_event: Callable[[], None] | None = None
        """Called when there are events to take; `None` where nobody takes them, and none are made."""
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
        return await self._do(lambda orders: _details(orders, number, query))

    async def search(self, query: Mapping[str, list[str]]) -> Json | None:
        """Give one page of the orders found, the newest first, then by number; `None` where the page is empty."""
        return await self._do(lambda orders: index.search(orders.connection, orders.now, query))

    async def create(self, body: Json) -> Outcome:
        """Place an order, v6."""
        return await self._do(lambda orders: placing.create(orders, body))

    async def create_v7(self, body: Json) -> Outcome:
        """Take an order in."""
        return await self._do(lambda orders: placing.create_v7(orders, body))

    async def modify(self, number: str, body: Json, *, action: str | None) -> Outcome:
        """Change an order on hold, or release it."""
        return await self._do(lambda orders: changing.modify(orders, number, body, action=action))

    async def cancel(self, number: str) -> Outcome:
        """Cancel an order on hold."""
        return await self._do(lambda orders: changing.cancel(orders, number))

    async def take_event(self) -> tuple[int, Json] | None:
        """Let time pass, and take the first event there is, with its number; `None` where there is none."""
        return await self._do(lambda orders: outbox.take(orders.connection))

    async def _do(self, work: Callable[[Orders], T]) -> T:
        now, lag, on_event = self._now(), LAG.get(), self.on_event
        manners = self.manners if lag is None else evolve(self.manners, index_lag=lag)

        def whole(connection: sqlite3.Connection) -> tuple[T | Refused, bool]:
            orders = Orders(
                connection=connection,
                now=now,
                seed=self._seed,
                market=self._market,
                products=self._products,
                manners=manners,
                events=None if on_event is None else [],
            )
            _let_time_pass(orders)
            something_happened = outbox.put(orders)
            try:
                result: T | Refused = work(orders)
            except Refused as refused:  # before anything was written; what time has brought about is kept
                result = refused
            return result, outbox.put(orders) or something_happened

        result, something_happened = await self._storage.run(whole)
        if on_event is not None and something_happened:
            on_event()
        if isinstance(result, Refused):
            raise result
        return result

    def _now(self) -> datetime:
        there = datetime.fromisoformat(f"2000-01-01T00:00:00{self._market.offset}").tzinfo
        return self._clock().astimezone(there).replace(tzinfo=None, microsecond=0)

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
                self._market = evolve(self._market, offset=facts["offset"])  # by which its times are kept
                return False
            for table in ("orders", "found", "keys", "serials"):  # what was left of an attempt that was interrupted
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
            return True

        def add_some(connection: sqlite3.Connection) -> bool:
            some = list(itertools.islice(seeded, 500))
            connection.executemany(
                "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)",
                [(id_, *orders.row(order, plan)) for id_, (order, plan) in some],
            )
            index.add(connection, ((id_, order) for id_, (order, _) in some))
            return bool(some)

        def end(connection: sqlite3.Connection) -> None:
            # Only now: to sort them all costs half of what it does to sort each of them in.
            for statement in (*orders.INDEXES, *index.INDEXES):
                connection.execute(statement)
            facts = {"seed": str(self._seed), "country": self._market.country, "offset": self._market.offset}
            connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())

        seeded = enumerate(self._seeded_orders(self._now()), 1)
        if await self._storage.run(begin):
            while await self._storage.run(add_some):
                pass
            await self._storage.run(end)

    def _seeded_orders(self, now: datetime) -> Iterator[tuple[Order, Plan]]:
        taken, pick = set[str](), Random(f"{self._seed} orders")
        for count in range(self._seeded):
            number = order_number(self._market, pick)
            while number in taken:
                number = order_number(self._market, pick)
            taken.add(number)
            placed = now - timedelta(days=life.below(pick, self._days), minutes=life.below(pick, 1440))
            way = way_by_chance(pick)
            if way == "held" and pick.random() < 0.5:  # half of them can still be changed
                placed = now - timedelta(minutes=life.below(pick, 20 * 60))
            order = by_chance(
                number,
                self._market,
                pick,
                po_number=f"PO-{1000 + count}",
                placed=placed,
                products=self._products,
                way=way,
            )
            yield order, life.move(order, life.plan(way, placed, pick), now, lambda *_: pick)


def _let_time_pass(orders: Orders) -> None:
    """Bring about what is due, each at its own time, so that it does not matter when one looks."""
    until = orders.now.isoformat()
    if not orders.manners.maintenance:
        placing.place_what_is_due(orders)
    for document, plan in orders.connection.execute(
        "SELECT document, plan FROM orders WHERE next_step <= ?", (until,)
    ).fetchall():
        order, steps = json.loads(document), json.loads(plan)
        while steps and steps[0][0] <= until:
            then = orders.at(steps[0][0])
            steps = life.move(order, steps, then.now, _chance_of_step(orders, order))
            is_last = not steps or steps[0][0] > until
            # Or a search may still be to see what was between, or a webhook to tell it.
            if is_last or orders.manners.index_lag or orders.events is not None:
                then.keep(order, steps)
    if orders.events:  # of many orders, one after another
        orders.events.sort(key=itemgetter("eventTimeStamp"))
    index.catch_up(orders.connection, orders.now)


def _chance_of_step(orders: Orders, order: Order) -> Callable[[str, str], Random]:
    return lambda when, step: orders.pick("life of", order["ingramOrderNumber"], when, step)


def _details(orders: Orders, number: str, query: Mapping[str, str]) -> Json:
    if len(number) > 12:
        raise invalid("ordernumber", number, "at most 12 characters")
    order, part = orders.find(number), None
    if order is None:
        order, part = orders.get(number.rpartition("-")[0]), number.upper()
    day = query.get("ingramOrderDate")
    if day is not None and checked_day("ingramOrderDate", day) != order["ingramOrderDate"][:10]:
        raise not_found()
    status = query.get("simulateStatus", "")
    life.simulate(order, status, orders.now.date().isoformat(), orders.pick("simulated", number, status))
    told = documents.details(order, part)
    if part is not None and not told["lines"]:
        raise not_found()
    return told
