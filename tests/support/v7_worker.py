"""
A process that places orders by v7 until it is killed, and writes down what it was told.

    python v7_worker.py URL FOLDER [MUTANT]

`FOLDER` holds the orders to place (`orders.json`), the journal, the inbox that others fill, and the log.
"""

import asyncio
import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from ingram_orders import (
    AsyncLine,
    AsyncOrderCreateDTO,
    IngramError,
    OrderJournal,
    OrderRefusedError,
    OrdersClient,
    OutcomeUnknownError,
    RetryPolicy,
    Timeouts,
    WebhookInbox,
)
from ingram_orders.placing_v7 import PlacementV7
from support.soak_worker import read

AT_ONCE = 100
SPEED = 10
"""Of this process's time."""

SETTLE = timedelta(seconds=25)
TIMEOUT = 200.0
"""Many times what a placement takes when 100 of them, and a kill, keep a slow machine busy: some 8 s of the clock."""


def body(number: str) -> AsyncOrderCreateDTO:
    """Give an order; its number says of which kind it is."""
    kind = {"BAD": ["9ZZ999"], "SPLIT": ["2CD101", "3EF202"]}.get(number.partition("-")[0], ["2CD101"])
    lines = [AsyncLine(ingram_part_number=sku, quantity=1) for sku in kind]
    return AsyncOrderCreateDTO(customer_order_number=number, lines=lines)


async def sleep(seconds: float) -> None:
    await asyncio.sleep(seconds / SPEED)


def believes_a_refusal() -> None:
    """Be the client that takes an order for refused where an event says so, and one search shows none."""
    true_hear = PlacementV7.__dict__["_hear"]

    async def hear(self: Any, heard: Any, looks: Any) -> None:
        await true_hear(self, heard, looks)
        heard.settled = 0.0

    loosely: Any = PlacementV7
    loosely._hear = hear


def believes_that_it_was_placed() -> None:
    """Be the client to which an event proves which orders it became."""
    loosely: Any = PlacementV7
    loosely._is_it = lambda self, order: True


MUTANTS = {
    "believes a refusal": believes_a_refusal,
    "believes that it was placed": believes_that_it_was_placed,
}


async def main(url: str, folder: str, mutant: str = "") -> None:
    if mutant:
        MUTANTS[mutant]()
    log = os.open(Path(folder) / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def say(**what: Any) -> None:
        os.write(log, json.dumps(what).encode() + b"\n")  # in one piece, whoever else writes

    told = {it["number"] for it in read(Path(folder) / "log")}
    left = [it for it in json.loads((Path(folder) / "orders.json").read_text()) if it not in told]
    client = OrdersClient(
        "sandbox", "sandbox-secret", base_url=url, customer_number="20-222222", country_code="US", limiter=None,
        timeouts=Timeouts(connect=5.0, read=2.0), retry=RetryPolicy(base=0.2, cap=3, budget=1.0, reserve=1000),
        clock=lambda: time.monotonic() * SPEED, sleep=sleep,
    )  # fmt: skip
    journal = OrderJournal(Path(folder) / "journal.db", lease=timedelta(seconds=1.5))
    inbox = WebhookInbox(Path(folder) / "inbox.db", sleep=sleep)

    async def work() -> None:
        while left:
            number = left.pop(0)
            for _ in range(30):
                try:
                    placed = await client.place_v7(
                        body(number), events=inbox, journal=journal, timeout=TIMEOUT, settle=SETTLE
                    )
                except OrderRefusedError:
                    say(number=number, what="refused")
                except OutcomeUnknownError:
                    say(number=number, what="unknown")
                except IngramError:
                    continue  # nothing was placed; it says so
                else:
                    say(number=number, what="placed", numbers=placed.order_numbers, by=placed.known_by)
                break
            else:
                say(number=number, what="unplaced")

    async with client, journal, inbox, asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
