"""A sandbox and a client of one time, which only waiting moves."""

from datetime import UTC, datetime, timedelta
from typing import Any, Self

from ingram_orders import OrdersClient
from ingram_orders.sandbox import Sandbox, faults
from support.waiting import Waits

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)


class World:
    """Runs inside `async with`, without any orders to begin with."""

    def __init__(self, **settings: Any) -> None:
        self.waits = Waits()
        self.sandbox = Sandbox(orders=0, clock=self.time, **settings)
        self.manners = self.sandbox.manners

    def time(self) -> datetime:
        return NOON + timedelta(seconds=self.waits.now - 1000)

    async def __aenter__(self) -> Self:
        await self.sandbox.__aenter__()
        self.orders = self.client()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.orders.close()
        await self.sandbox.__aexit__(*error)

    def client(self, **settings: Any) -> OrdersClient:
        given: Any = {**self.waits.settings, **settings}
        return self.sandbox.client(**given)

    @property
    def sent(self) -> int:
        """How many creates came."""
        return sum(it.method == "POST" and it.path == "/resellers/v6/orders" for it in self.sandbox.ledger)

    @property
    def searches(self) -> int:
        return sum(it.path.endswith("/search") for it in self.sandbox.ledger)

    @property
    def made(self) -> int:
        """How many creates acted."""
        return sum(it.operation == "create" for it in self.sandbox.ledger.writes)

    def go_wrong(self, fault: faults.Fault, times: int | None = 1) -> None:
        self.sandbox.fault = faults.only(fault, method="POST", path="/v6/", times=times)
