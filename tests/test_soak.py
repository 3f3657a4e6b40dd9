"""
The soak: several processes place, change and read orders while all goes wrong that can, and are killed meanwhile.

Real time, scaled down. `INGRAM_ORDERS_SOAK=20` makes it twenty times as long.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from attrs import define, field
from support import soak_worker
from support.soak_worker import read

from ingram_orders import OrderJournal
from ingram_orders.sandbox import Manners, Sandbox, faults

TIMES = float(os.environ.get("INGRAM_ORDERS_SOAK", "1"))
SPEED = 100
"""Of the sandbox's time: what an index lags there is over here the sooner."""

LAGS = {True: timedelta(seconds=150), False: timedelta(seconds=10)}
"""
Of the index, by whether the API refuses duplicates: there, longer than anybody looks, so that only that keeps an order
from being there twice. Where it takes them, no client can place an order once whose index lags as long as that.
"""

KNOWN = {
    **faults.FAULTS,
    "lag": faults.lagging(timedelta(seconds=20)),
    **{f"429-{it.replace(' ', '-')}": faults.throttling(it, after=0) for it in faults.HINTS},
}
RATES = {
    **dict.fromkeys(KNOWN, 0.005),
    "drop": 0.03, "drop-after-acting": 0.05, "cut": 0.02, "hang-after-acting": 0.01, "hang": 0.01, "lag": 0.1,
    "503": 0.02, "503-after-acting": 0.02, "refuse": 0.001, "revoke": 0.003,
}  # fmt: skip


def plan(count: int) -> list[str]:
    """Name the orders: one in five allows duplicates, one in five is held, to be changed."""
    return [f"{('DUP', 'HELD', 'PO', 'PO', 'PO')[it % 5]}-{it}" for it in range(count)]


@define
class Soak:
    """One sandbox, and the processes that work with it."""

    sandbox: Sandbox
    folder: Path
    pick: Random
    orders: list[str]
    mutant: str | None = None
    kills: int = 0
    runs: int = 0
    _processes: list[asyncio.subprocess.Process] = field(factory=list)

    async def start(self) -> None:
        self.runs += 1
        arguments = [self.sandbox.url, str(self.folder), str(self.runs), *([self.mutant] if self.mutant else [])]
        self._processes.append(
            await asyncio.create_subprocess_exec(sys.executable, soak_worker.__file__, *arguments, cwd=Path.cwd())
        )

    async def kill_one(self) -> None:
        """Kill a process, if one is still at work, and start another in its place."""
        running = [it for it in self._processes if it.returncode is None]
        if running:
            victim = self.pick.choice(running)
            victim.kill()
            await victim.wait()
            self.kills += 1
            await self.start()

    async def end(self) -> None:
        codes = [await it.wait() for it in self._processes]
        assert [it for it in codes if it not in (0, -9)] == []

    async def stop(self) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def wrongs(self) -> list[str]:
        """Tell what may not be, of what was made and what was told."""
        told = read(self.folder / "log")
        made: Counter[str] = Counter()
        numbers: dict[str, tuple[str, ...]] = {}
        acted = {it.correlation_id for it in self.sandbox.ledger.writes}
        for write in self.sandbox.ledger.writes:
            if write.operation == "create":
                made[write.customer_order_number] += 1
                numbers[write.customer_order_number] = write.order_numbers
        wrongs = [f"{number} is there {times} times" for number, times in made.items() if times > 1]
        for it in told:
            if "placed" in it and numbers.get(it["placed"]) != tuple(it["numbers"]):
                wrongs.append(f"{it} is not what is there: {numbers.get(it['placed'])}")
            if "duplicate" in it or "unplaced" in it:
                wrongs.append(f"{it} was told of an order that only we place")
            if "changed" in it and it["effect"] != "unknown" and (it["effect"] == "done") != (it["changed"] in acted):
                wrongs.append(f"{it} is not true")
        settled = {it.get("placed") or it.get("unknown") for it in told}
        return wrongs + [f"of {number} nothing was told" for number in self.orders if number not in settled]


@contextlib.asynccontextmanager
async def soaking(
    folder: Path, *, guarded: bool, orders: int, mutant: str | None = None, seed: int = 1
) -> AsyncIterator[Soak]:
    began, noon = time.monotonic(), datetime(2026, 6, 30, 12, tzinfo=UTC)
    sandbox = Sandbox(
        orders=0,
        clock=lambda: noon + timedelta(seconds=(time.monotonic() - began) * SPEED),
        manners=Manners(refuses_duplicates=guarded, index_lag=LAGS[guarded]),
    )
    sandbox.fault = faults.by_chance(RATES, seed=seed, known=KNOWN)
    async with sandbox:
        soak = Soak(sandbox, folder, Random(seed), plan(orders), mutant)
        (folder / "orders.json").write_text(json.dumps(soak.orders))
        try:
            yield soak
        finally:
            await soak.stop()


@pytest.mark.slow
@pytest.mark.timeout(120 * TIMES + 120)
@pytest.mark.parametrize("guarded", [True, False], ids=["the API refuses duplicates", "the API takes duplicates"])
async def test_whatever_goes_wrong_no_order_is_lost_and_none_is_there_twice(tmp_path: Path, guarded: bool) -> None:
    async with soaking(tmp_path, guarded=guarded, orders=int(600 * TIMES)) as soak:
        await soak.start()
        await soak.start()
        for _ in range(int(8 * TIMES)):
            await asyncio.sleep(soak.pick.uniform(0.7, 2.0))
            await soak.kill_one()
        await soak.end()
        assert soak.kills >= 5 * TIMES
        while_it_went_wrong = soak.wrongs()

        # All is well again: what can be settled is, and the rest is reported.
        soak.sandbox.fault, soak.sandbox.manners.index_lag = None, timedelta(0)
        await asyncio.sleep(2 * LAGS[guarded].total_seconds() / SPEED)
        await soak.start()
        await soak.end()
        async with soak.sandbox.client(limiter=None) as orders:
            left = await orders.recover(OrderJournal(tmp_path / "journal.db"))
            still_open = {it.customer_order_number for it in left}
            placed = {it["placed"] for it in read(tmp_path / "log") if "placed" in it}
            for number in placed:
                found = await orders.search().customer_order_number(number).page_size(100).execute()
                assert [it.customer_order_number for it in found.orders].count(number) == 1
    assert while_it_went_wrong == soak.wrongs() == []
    assert set(soak.orders) == placed | still_open
    assert [it for it in left if not it.customer_order_number.startswith("DUP-")] == []
    assert len(soak.sandbox.ledger) > 3 * len(soak.orders)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", soak_worker.MUTANTS)
async def test_a_client_that_is_less_careful_is_found_out(tmp_path: Path, mutant: str) -> None:
    guarded = mutant == "sends again what is not found"
    async with soaking(tmp_path, guarded=guarded, orders=300, mutant=mutant) as soak:
        await soak.start()
        await soak.end()
        assert [it for it in soak.wrongs() if "is there 2 times" in it]
