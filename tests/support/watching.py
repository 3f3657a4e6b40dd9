"""Orders that move when a test says so, and what a watcher is given of them, round by round."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from ingram_orders import OrderStatus, PollProblem, SearchOrders, StatusChange, StatusStore
from ingram_orders.polling import StatusChanges
from ingram_orders.sandbox import Sandbox, life, making
from ingram_orders.sandbox.orders import Orders
from support.waiting import Waits
from support.world import NOON, World

EVERY = timedelta(minutes=5)
EVER = ["2000-01-01", "2100-01-01"]


class RoundOver(Exception):
    """A watcher is about to wait for the next round."""


async def make(sandbox: Sandbox, *ages: int, status: str = "PROCESSING") -> list[str]:
    """Make orders of so many days ago, which move only when told to; give their numbers."""

    def work(orders: Orders) -> list[str]:
        numbers, pick = [], Random(str(ages))
        for age in ages:
            number = making.order_number(orders.market, pick)
            while orders.find(number) is not None:
                number = making.order_number(orders.market, pick)
            placed = orders.now - timedelta(days=age)
            order = making.by_chance(
                number, orders.market, pick, po_number=f"PO-{number}", placed=placed, products=orders.products,
                way="straight",
            )  # fmt: skip
            life.set_status(order, status)
            orders.keep(order, [])
            numbers.append(number)
        return numbers

    return await sandbox._book._do(work)


async def move(sandbox: Sandbox, status: str, *numbers: str) -> None:
    """Let orders, and all that is in them, come to a status."""

    def work(orders: Orders) -> None:
        for number in numbers:
            order = orders.get(number)
            life.set_status(order, status)
            orders.keep(order, [])

    await sandbox._book._do(work)


async def hide(sandbox: Sandbox, *numbers: str) -> None:
    """Let no search show orders any more, until they are changed."""

    def work(orders: Orders) -> None:
        for number in numbers:
            orders.connection.execute("DELETE FROM found WHERE number = ?", (number.lower(),))

    await sandbox._book._do(work)


class Watch:
    """Watches orders of a world, and stops before each wait."""

    def __init__(self, world: World, path: Path | str = ":memory:", **settings: Any) -> None:
        self.world = world
        self.waits: Waits = world.waits
        self.client = world.client(sleep=self._sleep, **settings)
        self.store = StatusStore(path, clock=self.clock)
        self.clock_is_off = 0.0

    def clock(self) -> float:
        return NOON.timestamp() + self.waits.now - 1000 + self.clock_is_off

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    async def _sleep(self, seconds: float) -> None:
        if seconds >= 59:
            raise RoundOver(seconds)
        await self.waits.sleep(seconds)

    def poll(self, watched: Iterable[str] | SearchOrders, **settings: Any) -> StatusChanges:
        return self.client.poll(watched, **{"every": EVERY, "store": self.store, **settings})

    async def round(self, changes: StatusChanges) -> list[StatusChange | PollProblem]:
        """Give all of the next round, once its time has come."""
        due = changes.stats.next_due
        if due is not None:
            self.waits.now += min(max(due.timestamp() - self.clock(), 0), 7200)
        given = []
        try:
            async for it in changes:
                given.append(it)
        except RoundOver:
            pass
        return given

    async def close(self) -> None:
        await self.client.close()


def of_orders(given: Iterable[StatusChange | PollProblem]) -> list[tuple[str, OrderStatus | None, OrderStatus]]:
    """Give what was told of whole orders: number, before, after."""
    return [
        (it.order_number, it.before, it.after)
        for it in given
        if isinstance(it, StatusChange) and it.sub_order_number is None
    ]


def problems_of(given: Iterable[StatusChange | PollProblem]) -> list[PollProblem]:
    return [it for it in given if isinstance(it, PollProblem)]
