"""
The soak of events: orders are placed by v7, and events told of them, while all goes wrong that can, in several
processes that are killed meanwhile.

Real time, scaled down. `INGRAM_ORDERS_SOAK=20` makes it twenty times as long.
"""

import asyncio
import contextlib
import json
import os
import socket
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from attrs import define, field
from support import receiving_worker, v7_worker
from support.soak_worker import read

from ingram_orders.sandbox import Manners, Sandbox, Webhook, faults

TIMES = float(os.environ.get("INGRAM_ORDERS_SOAK", "1"))
SPEED = 20_000
"""Of the sandbox's time: an order's whole life of some days passes in half a minute."""

SECRET = "of the soak"
EVENTS_GO_WRONG = {
    "late": 0.1, "twice": 0.3, "out-of-order": 0.1, "lost": 0.05, "wrong-signature": 0.03, "replayed": 0.2,
}  # fmt: skip
CALLS_GO_WRONG = {"drop": 0.01, "drop-after-acting": 0.02, "503": 0.01, "503-after-acting": 0.01, "cut": 0.01}


def plan(count: int) -> list[str]:
    """Name the orders: one in fifty cannot be placed, one in ten becomes two."""
    return [f"{'BAD' if it % 50 == 7 else 'SPLIT' if it % 10 == 3 else 'PO'}-{it}" for it in range(count)]


@define
class Workers:
    """Processes of one program, of which another is started for each that is killed."""

    arguments: tuple[str, ...]
    kills: int = 0
    _running: list[asyncio.subprocess.Process] = field(factory=list)

    async def start(self) -> None:
        nowhere = asyncio.subprocess.DEVNULL
        # Nobody reads what Python's development mode would tell of them, which takes twice the time.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDEVMODE"} | {"PYTHONPATH": "tests"}
        self._running.append(
            await asyncio.create_subprocess_exec(
                sys.executable, *self.arguments, env=env, stdout=nowhere, stderr=nowhere
            )
        )

    async def kill(self) -> None:
        *_, last = self._running
        if last.returncode is None:
            last.kill()
            await last.wait()
            self.kills += 1
            await self.start()

    async def end(self) -> None:
        assert {await it.wait() for it in self._running} <= {0, -9}

    async def stop(self) -> None:
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@define
class Soak:
    """One sandbox, who receives its events, and who places orders there."""

    sandbox: Sandbox
    folder: Path
    numbers: list[str]
    receiving: Workers
    placing: Workers

    @property
    def told(self) -> list[dict[str, object]]:
        return read(self.folder / "log")

    async def wrongs(self) -> list[str]:
        """Tell what may not be, of what is there, what was sent, and what was told."""

        def made(orders: object) -> dict[str, set[str]]:
            there: dict[str, set[str]] = {}
            for po, number in orders.connection.execute("SELECT po, number FROM orders"):  # type: ignore[attr-defined]
                there.setdefault(po, set()).add(number)
            return there

        there = await self.sandbox._book._do(made)
        sent = Counter(it.customer_order_number for it in self.sandbox.ledger.writes)
        wrongs = [f"{it} was sent {times} times" for it, times in sent.items() if times > 1]
        outcomes = {number: set[tuple[object, frozenset[str]]]() for number in self.numbers}
        for it in self.told:
            outcomes[str(it["number"])].add((it["what"], frozenset(it.get("numbers", ()))))  # type: ignore[call-overload]
        for number, its in outcomes.items():
            if len(its) != 1:
                wrongs.append(f"{number} has not one outcome: {its}")
            for what, numbers in its:
                is_true = numbers == there.get(number, set()) and (
                    what == "placed" or number[:3] == "BAD" or (what == "unknown" and number not in sent)
                )
                wrongs += [] if is_true else [f"{number} is told as {what} {numbers}, and is {there.get(number)}"]
        return wrongs


@contextlib.asynccontextmanager
async def soaking(
    folder: Path, *, orders: int, forged: float = 0.04, index_lag: float = 0.3, mutant: str = ""
) -> AsyncIterator[Soak]:
    asyncio.get_running_loop().set_debug(False)  # time passes here while thousands of calls are answered
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    began, noon = time.monotonic(), datetime(2026, 6, 30, 12, tzinfo=UTC)
    sandbox = Sandbox(
        orders=0,
        clock=lambda: noon + timedelta(seconds=(time.monotonic() - began) * SPEED),
        manners=Manners(v7_takes=timedelta(seconds=0.2 * SPEED), index_lag=timedelta(seconds=index_lag * SPEED)),
        webhook=Webhook(
            url=f"http://127.0.0.1:{port}/events", secret=SECRET, variants=True, timeout=1.0,
            rates={**EVENTS_GO_WRONG, "forged": forged},
            late_by=timedelta(seconds=0.7 * SPEED),
        ),
    )  # fmt: skip
    sandbox.fault = faults.by_chance(CALLS_GO_WRONG, seed=1)
    numbers = plan(orders)
    (folder / "orders.json").write_text(json.dumps(numbers))
    async with sandbox:
        receiving = Workers((receiving_worker.__file__, str(port), str(folder), SECRET))
        placing = Workers((v7_worker.__file__, sandbox.url, str(folder), mutant))
        try:
            await receiving.start()
            await placing.start()
            yield Soak(sandbox, folder, numbers, receiving, placing)
        finally:
            await placing.stop()
            await receiving.stop()


async def come_to(path: Path, question: str, answer: int) -> None:
    """Wait until a database answers so."""
    while True:
        with contextlib.closing(sqlite3.connect(path)) as database:
            if database.execute(question).fetchone() == (answer,):
                return
        await asyncio.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(240 * TIMES + 120)
async def test_whatever_comes_of_events_each_v7_order_has_one_outcome_that_is_true(tmp_path: Path) -> None:
    pick = Random(1)
    async with soaking(tmp_path, orders=int(2_400 * TIMES)) as soak:
        while len(told := soak.told) < len(soak.numbers):
            await asyncio.sleep(pick.uniform(2.0, 4.0))
            is_placing = pick.random() < 0.4 and len(told) < 0.9 * len(soak.numbers)
            await (soak.placing if is_placing else soak.receiving).kill()
        await soak.placing.end()
        async with asyncio.timeout(90):
            while len(soak.sandbox.ledger.posted) < 10_000 * TIMES:  # noqa: ASYNC110  # they come as time goes on
                await asyncio.sleep(0.2)
            # All that was kept is dealt with, also what a crash left.
            await come_to(tmp_path / "inbox.db", "SELECT count(*) FROM events WHERE settled_at IS NULL", 0)
        assert await soak.wrongs() == []
        assert soak.placing.kills >= 2 * TIMES
        assert soak.receiving.kills >= 4 * TIMES
    whats = Counter(it["what"] for it in soak.told)
    assert whats["refused"] > 0.3 * sum(it.startswith("BAD-") for it in soak.numbers)
    assert {it.get("by") for it in soak.told} == {"event", "search", None}

    posted = [it for it in soak.sandbox.ledger.posted if it.status is not None]
    assert {it.status for it in posted} == {200, 401}
    assert all((it.status == 401) == (it.fault == "wrong-signature") for it in posted)
    answered = Counter(it.event_id for it in posted if it.status == 200)
    dealt = Counter((tmp_path / "dealt").read_text().splitlines())
    assert answered.keys() <= dealt.keys()
    assert answered.total() > 1.2 * len(answered)  # so many came more than once
    assert (
        dealt.total() - len(dealt) <= 8 * soak.receiving.kills
    )  # and only what a crash interrupts is dealt with twice


@pytest.mark.slow
@pytest.mark.parametrize("mutant", v7_worker.MUTANTS)
async def test_a_client_that_believes_events_is_found_out(tmp_path: Path, mutant: str) -> None:
    # Searches know of an order long after its first event, so that a lie is believed on a slow machine, too.
    async with soaking(tmp_path, orders=300, forged=0.2, index_lag=2.0, mutant=mutant) as soak:
        await soak.placing.end()
        assert any(" is told as " in it for it in await soak.wrongs())
