"""The table of orders, and what one piece of work on them goes by: its time, its chance, what can be ordered."""

import json
import sqlite3
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime, timedelta
from random import Random
from typing import Final

from attrs import define, evolve, frozen

from ingram_orders.sandbox import events, index
from ingram_orders.sandbox.catalogue import Market, Product, Products
from ingram_orders.sandbox.kept import Json, Order, Plan
from ingram_orders.sandbox.refusals import Refused

TABLE: Final = """
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY, number TEXT NOT NULL, po TEXT NOT NULL, document TEXT NOT NULL, plan TEXT NOT NULL,
        next_step TEXT
    )"""

INDEXES: Final = (
    "CREATE UNIQUE INDEX orders_by_number ON orders (number)",
    "CREATE INDEX orders_by_po ON orders (po)",
    "CREATE INDEX orders_by_step ON orders (next_step) WHERE next_step IS NOT NULL",
)


LAG: Final[ContextVar[timedelta | None]] = ContextVar("LAG", default=None)
"""How long searches do not see what this piece of work changes; `None` for as long as the manners say."""


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


@frozen(kw_only=True)
class Orders:
    """The orders, as they are to one piece of work."""

    connection: sqlite3.Connection
    now: datetime
    """By the clock of the market, without an offset."""
    seed: int
    market: Market
    products: Products
    manners: Manners
    events: list[Json] | None
    """What has happened that is told by webhook, in order; `None` where nobody is told."""

    def at(self, when: str) -> "Orders":
        """Give the same at another time."""
        return evolve(self, now=datetime.fromisoformat(when))

    def pick(self, *what: object) -> Random:
        """Give chance that is the same for the same seed and thing, whatever happened before."""
        return Random(f"{self.seed} {' '.join(map(str, what))}")

    def find(self, number: str) -> Order | None:
        """Give an order, by its number in any case, or `None`."""
        found = self.connection.execute("SELECT document FROM orders WHERE number = ?", (number.upper(),)).fetchone()
        return None if found is None else json.loads(found[0])

    def get(self, number: str) -> Order:
        """Give an order that may be changed, which a part of one may not; refuse where there is none."""
        order = self.find(number)
        if order is None:
            raise not_found()
        return order

    def has_po(self, number: str) -> bool:
        """Whether an order has that purchase order number."""
        return bool(self.connection.execute("SELECT 1 FROM orders WHERE po = ?", (number,)).fetchone())

    def keep(self, order: Order, plan: Plan) -> None:
        """Keep an order that is new or changed; searches see it when the index does."""
        if self.events is not None and order["orderStatus"] in events.TYPES:
            before = self.find(order["ingramOrderNumber"])
            if before is None or before["orderStatus"] != order["orderStatus"]:
                self.events.append(events.status_changed(order, self.now))
        number, *rest = row(order, plan)
        known = self.connection.execute("SELECT id FROM orders WHERE number = ?", (number,)).fetchone()
        [id_] = self.connection.execute(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?) RETURNING id", (known and known[0], number, *rest)
        ).fetchone()
        index.renew(self.connection, id_, order, due=self.now + self.manners.index_lag, now=self.now)

    def product(self, line: Mapping[str, str | None]) -> Product | None:
        """Give what a line asks for; a customer's own number stands for any, since the sandbox knows no customer's."""
        if sku := line.get("ingramPartNumber"):
            return self.products.get(sku)
        if own := line.get("customerPartNumber"):
            return self.products[sorted(self.products)[sum(own.encode()) % len(self.products)]]
        return next((it for it in self.products.values() if it.part == line.get("vendorPartNumber")), None)


def row(order: Order, plan: Plan) -> tuple[str, str, str, str, str | None]:
    """Give what the table holds of an order, but for its id."""
    number, po = order["ingramOrderNumber"], order["customerOrderNumber"]
    return number, po, json.dumps(order), json.dumps(plan), plan[0][0] if plan else None


def not_found() -> Refused:
    """Give the refusal of a number that no order has."""
    return Refused(404, "Order not found.", kind="validation-error")
