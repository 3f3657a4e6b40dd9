"""
One of the processes of the soak: places orders, changes and reads them, and writes down what it was told.

    python soak_worker.py URL FOLDER RUN [MUTANT]

`FOLDER` holds the orders to place (`orders.json`), the journal and the log, to which all processes add.
"""

import asyncio
import json
import os
import random
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from ingram_orders import (
    Attribute,
    CreateLine,
    DuplicateOrderError,
    IngramError,
    OrderCreateRequest,
    OrderJournal,
    OrderModifyRequest,
    OrdersClient,
    OutcomeUnknownError,
    RetryPolicy,
    Timeouts,
    placing_v6,
    session,
)

AT_ONCE = 24
SETTLE = timedelta(seconds=0.7)
LEASE = timedelta(seconds=1.5)


def body(number: str) -> OrderCreateRequest:
    """Give an order; its number says of which kind it is."""
    wishes = {"DUP": "allowDuplicateCustomerOrderNumber", "HELD": "allowOrderOnCustomerHold"}
    kind = wishes.get(number.partition("-")[0])
    return OrderCreateRequest(
        customer_order_number=number,
        lines=[CreateLine(ingram_part_number="2CD101", quantity=1)],
        additional_attributes=[Attribute(attribute_name=kind, attribute_value="true")] if kind else None,
    )


class Worker:
    """Goes through the orders that nobody has placed yet, many at once."""

    def __init__(self, orders: OrdersClient, journal: OrderJournal, folder: Path, run: str) -> None:
        self._orders = orders
        self._journal = journal
        self._log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._pick = random.Random(run)
        placed = {it["placed"] for it in read(folder / "log") if "placed" in it}
        self._left = [it for it in json.loads((folder / "orders.json").read_text()) if it not in placed]
        self._pick.shuffle(self._left)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while self._left:
            number = self._left.pop()
            with suppress(IngramError):
                if self._pick.random() < 0.5:
                    await self._orders.search().customer_order_number(number).execute()
            await self._place(number)

    async def _place(self, number: str) -> None:
        for _ in range(30):
            call = asyncio.create_task(self._orders.place(body(number), self._journal, SETTLE))
            if self._pick.random() < 0.15:
                await asyncio.wait([call], timeout=self._pick.uniform(0, 0.4))
                call.cancel()
            try:
                placed = await call
            except asyncio.CancelledError:
                continue
            except OutcomeUnknownError:
                self._say(unknown=number)
                return
            except DuplicateOrderError as exc:
                self._say(duplicate=number, why=str(exc))
                return
            except IngramError:
                continue  # nothing was placed; it says so
            self._say(placed=number, numbers=placed.order_numbers, by=placed.known_by)
            if number.startswith("HELD-"):
                await self._change(placed.order_numbers[0], number)
            return
        self._say(unplaced=number)

    async def _change(self, order_number: str, number: str) -> None:
        change = OrderModifyRequest(notes=f"of {number} {self._pick.random()}")
        request = self._orders.modify(order_number).order_modify_request(change)
        try:
            answer = await request.execute_with_response()
        except OutcomeUnknownError as unknown:
            with suppress(IngramError):
                resolution = await self._orders.resolve(unknown)
                self._say(changed=unknown.correlation_id, effect=resolution.effect)
        except IngramError:
            pass
        else:
            self._say(changed=answer.correlation_id, effect="done")

    def _say(self, **what: Any) -> None:
        os.write(self._log, json.dumps(what).encode() + b"\n")  # in one piece, whoever else writes


def read(log: Path) -> list[dict[str, Any]]:
    """Give what all processes wrote down."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def sends_again() -> None:
    """Be the client that sends a write again whose answer was lost."""
    decide = session.__dict__["again_after"]

    def careless(budget: Any, error: IngramError, **facts: Any) -> float | None:
        wait: float | None = decide(budget, error, **facts)
        return 0.0 if isinstance(error, OutcomeUnknownError) else wait

    session.__dict__.update(again_after=careless)


def trusts_an_empty_search() -> None:
    """Be the client that sends again whatever one search does not find."""
    placing_v6.__dict__.update(looks=lambda _: iter([0.0]), may_send_again=lambda *_, **__: True)


def sends_again_what_is_not_found() -> None:
    """Be the client that looks for as long as it should, and then trusts that there is none."""
    placing_v6.__dict__.update(may_send_again=lambda *_, **__: True)


MUTANTS = {
    "sends again": sends_again,
    "trusts an empty search": trusts_an_empty_search,
    "sends again what is not found": sends_again_what_is_not_found,
}


async def main(url: str, folder: str, run: str, mutant: str | None = None) -> None:
    if mutant is not None:
        MUTANTS[mutant]()
    client = OrdersClient(
        "sandbox",
        "sandbox-secret",
        base_url=url,
        customer_number="20-222222",
        country_code="US",
        limiter=None,
        timeouts=Timeouts(connect=2.0, read=0.4),
        retry=RetryPolicy(base=0.02, throttled_base=0.02, cap=0.3, budget=1.0, reserve=1000),
    )
    journal = OrderJournal(Path(folder) / "journal.db", lease=LEASE)
    async with client, journal:
        await Worker(client, journal, Path(folder), run).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
