"""The order journal: what a crash leaves, who goes on, who waits, and what is told before anything is sent."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.placing import DUPLICATE, order
from support.world import World

from ingram_orders import (
    BadRequestError,
    ConfigurationError,
    InvalidRequestError,
    OpenPlacement,
    OrderJournal,
    OutcomeUnknownError,
    RetryPolicy,
    storage,
)
from ingram_orders.journal import PlacementKey, Record, Sent
from ingram_orders.sandbox import faults

KEY = PlacementKey("https://api:443", "20-222222", "US", "PO-1")
SENT = Sent(datetime(2026, 6, 30, 12, tzinfo=UTC), "id")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


# ── A process ends, and another goes on ─────────────────────────────────────────────────────────────────────────────


def stop_at(world: World, where: str) -> asyncio.Event:
    """Let the sandbox stop at some point of a placement for ever; give what tells that it came there."""
    there = asyncio.Event()

    async def fault(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        is_search = request.path.endswith("/search")
        if where == "before the send" and is_search:
            there.set()
            return await faults.hang(request, proceed)
        if request.path.endswith("/v6/orders"):
            if where == "after it acted":
                await proceed()
            if where == "while it is looked for":
                return await faults.drop(request, proceed)
            there.set()
            return await faults.hang(request, proceed)
        return await proceed()

    world.sandbox.fault = fault
    if where == "while it is looked for":

        async def wait(seconds: float) -> None:
            there.set()
            await asyncio.Event().wait()

        world.orders._session.sleep = wait
    return there


STOPS = ["before the send", "before it acted", "after it acted", "while it is looked for"]


async def cut_off(world: World, path: Path, where: str) -> None:
    """Place an order, and cancel that at some point: its row is left as a crash leaves it, but for the lease."""
    there = stop_at(world, where)
    placing = asyncio.create_task(world.orders.place(order("PO-1"), OrderJournal(path)))
    await there.wait()
    placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing
    world.sandbox.fault = None


@pytest.mark.parametrize("where", STOPS)
@pytest.mark.parametrize("guarded", [True, False], ids=["the API refuses duplicates", "the API takes duplicates"])
async def test_a_placement_that_was_cut_off_is_finished_on_the_same_terms(
    world: World, path: Path, where: str, guarded: bool
) -> None:
    world.manners.refuses_duplicates = guarded
    await cut_off(world, path, where)
    async with world.client() as again:
        result = await again.place(order("PO-1"), OrderJournal(path))
    assert world.made == 1
    assert result.order_numbers == world.sandbox.ledger.writes[0].order_numbers
    assert result.known_by == ("search" if where == "after it acted" else "answer")
    assert result.attempts == (1 if where in {"after it acted", "before the send"} else 2)


async def test_a_placement_that_was_cut_off_and_allows_duplicates_is_never_sent_again(world: World, path: Path) -> None:
    there = stop_at(world, "before it acted")
    placing = asyncio.create_task(world.orders.place(order("PO-1", DUPLICATE), OrderJournal(path)))
    await there.wait()
    placing.cancel()
    await asyncio.wait([placing])
    world.sandbox.fault = None

    async def go_on() -> OutcomeUnknownError:
        with pytest.raises(OutcomeUnknownError, match="a process that ended before it knew") as unknown:
            await world.orders.place(order("PO-1", DUPLICATE), OrderJournal(path))
        return unknown.value

    await go_on()
    error = await go_on()
    assert (world.sent, world.made) == (1, 0)
    [sent] = [it for it in world.sandbox.ledger if it.path.endswith("/v6/orders")]
    assert error.correlation_id == sent.headers["IM-CorrelationID"]
    assert error.sent_at is not None


@pytest.mark.parametrize("answered", [True, False])
async def test_what_is_placed_is_given_again_and_never_sent_again(world: World, path: Path, answered: bool) -> None:
    if not answered:
        world.go_wrong(faults.drop_after_acting)
    async with OrderJournal(path) as journal:
        first = await world.orders.place(order("PO-1", DUPLICATE), journal)
        again = await world.orders.place(order("PO-1", DUPLICATE), journal)
    async with world.client() as elsewhere:
        later = await elsewhere.place(order("PO-1", DUPLICATE), OrderJournal(path))
    assert first == again == later
    assert (world.sent, first.known_by) == (1, "answer" if answered else "search")


async def test_another_body_under_the_same_number_is_refused_also_once_it_is_placed(world: World, path: Path) -> None:
    await cut_off(world, path, "before it acted")
    for _ in range(2):
        with pytest.raises(InvalidRequestError, match="another body is being placed, or was"):
            await world.orders.place(order("PO-1", quantity=5), OrderJournal(path))
        async with world.client() as again:
            await again.place(order("PO-1"), OrderJournal(path))


async def test_another_customer_or_country_is_another_order(world: World, path: Path) -> None:
    world.manners.refuses_duplicates = False
    views = [world.orders, *(world.orders.with_defaults(customer_number=it) for it in ("20-1", "20-2"))]
    for view in views:
        await view.place(order("PO-1", DUPLICATE), OrderJournal(path))
    assert world.made == 3


# ── Several at once ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shared", [True, False], ids=["one journal", "a journal each"])
async def test_of_several_at_once_one_sends_and_all_get_its_result(world: World, path: Path, shared: bool) -> None:
    one = OrderJournal(path, sleep=world.waits.sleep)
    journals = [one if shared else OrderJournal(path, sleep=turn) for _ in range(5)]
    results = await asyncio.gather(*(world.orders.place(order("PO-1", DUPLICATE), it) for it in journals))
    assert world.sent == 1
    assert all(it == results[0] for it in results)


async def turn(_: float) -> None:
    await asyncio.sleep(0.001)


class Lease:
    """A journal's time, moved by a test; its sleepers wake when it is time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:  # noqa: ASYNC110  # a test that is to end soon
            await asyncio.sleep(0)

    def journal(self, path: Path) -> OrderJournal:
        return OrderJournal(path, lease=timedelta(seconds=30), clock=self, sleep=self.sleep)


async def test_who_lives_keeps_his_lease_and_who_died_loses_it(path: Path) -> None:
    lease = Lease()
    async with lease.journal(path) as mine, lease.journal(path) as theirs:
        assert await mine.claim(KEY, "me", "hash") == Record()
        async with mine.held(KEY, "me"):
            for _ in range(12):
                lease.now += 10
                await beats(mine)
                assert await theirs.claim(KEY, "them", "hash") is None
        assert await theirs.claim(KEY, "them", "hash") == Record()  # given back, so nobody waits
        lease.now += 29
        assert await mine.claim(KEY, "me", "hash") is None
        lease.now += 2  # they never gave a sign of life
        assert await mine.claim(KEY, "me", "hash") == Record()
        assert not await theirs.keep(KEY, "them", Record(attempts=1))
        assert await mine.keep(KEY, "me", Record(attempts=2))


async def beats(journal: OrderJournal) -> None:
    """Let the signs of life that are due be given: they stand before this in the file's queue."""
    for _ in range(3):
        for _ in range(20):
            await asyncio.sleep(0)
        await journal.open_ones("")


async def test_who_has_lost_his_lease_sends_nothing_and_takes_the_others_result(world: World, path: Path) -> None:
    """His process was held up; another has gone on meanwhile, and what it has done counts."""
    async with OrderJournal(path, sleep=turn) as journal:
        placing = asyncio.create_task(world.orders.place(order("PO-1"), journal))
        searching = asyncio.Event()
        go_on = asyncio.Event()

        async def hold_up(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
            searching.set()
            await go_on.wait()
            return await proceed()

        world.sandbox.fault = faults.only(hold_up, path="search", times=1)
        await searching.wait()
        with closing(sqlite3.connect(path)) as thief, thief:
            thief.execute("UPDATE placements SET leased_until = 0, owner = 'nobody'")
        async with world.client() as other:
            theirs = await other.place(order("PO-1"), OrderJournal(path))
        go_on.set()
        assert await placing == theirs
    assert world.sent == 1


# ── What is there ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_recovering_settles_what_can_be_found_and_sends_nothing(world: World, path: Path) -> None:
    await cut_off(world, path, "after it acted")
    async with world.client() as again:
        assert await again.recover(OrderJournal(path)) == ()
        found = await again.place(order("PO-1"), OrderJournal(path))
    assert (found.known_by, world.sent) == ("search", 1)


@pytest.mark.parametrize(("where", "attempts"), [("before the send", 0), ("before it acted", 1)])
async def test_recovering_gives_what_stays_open_and_leaves_it_so(
    world: World, path: Path, where: str, attempts: int
) -> None:
    await cut_off(world, path, where)
    async with world.client() as again:
        for _ in range(2):
            [left] = await again.recover(OrderJournal(path))
            assert (left.customer_order_number, left.attempts, left.orders) == ("PO-1", attempts, ())
            assert (left.key.customer_number, left.key.country_code) == ("20-222222", "US")
            assert (left.sent_at is None) == (attempts == 0)
        world.sandbox.fault = faults.only(faults.failing(503), path="search")
        [left] = await again.recover(OrderJournal(path))
        assert (left.error is not None) == (attempts > 0)
        world.sandbox.fault = None
        assert (await again.place(order("PO-1"), OrderJournal(path))).attempts == attempts + 1


async def test_recovering_leaves_alone_what_somebody_is_on_and_what_is_elsewhere(world: World, path: Path) -> None:
    async with OrderJournal(path) as journal:
        here = PlacementKey(world.sandbox.url, "20-222222", "US", "PO-1")
        for key in (here, KEY):
            await journal.claim(key, "somebody", "hash")
            assert await journal.keep(key, "somebody", Record(sends=(SENT,), attempts=1))
        [left] = await world.orders.recover(journal)
        assert (left.customer_order_number, left.attempts) == ("PO-1", 1)
        assert world.searches == 0
        assert await journal.keep(here, "somebody", Record())


# ── The file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def no_folder(path: Path) -> Path:
    return path.parent / "none" / "journal.db"


def foreign(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE others (x)")
    return path


def no_database(path: Path) -> Path:
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    return path


TROUBLES: list[tuple[Callable[[Path], Path], str]] = [
    (no_folder, "unable to open"), (foreign, "not of the kind order journal"), (no_database, "not a database"),
]  # fmt: skip


@pytest.mark.parametrize(("trouble", "why"), TROUBLES)
async def test_a_file_that_is_no_journal_is_told_before_anything_is_sent(
    world: World, path: Path, trouble: Callable[[Path], Path], why: str
) -> None:
    with pytest.raises(ConfigurationError, match=why):
        await world.orders.place(order("PO-1"), OrderJournal(trouble(path)))
    assert world.sandbox.ledger == []


async def test_a_file_that_is_locked_is_told_before_anything_is_sent(
    world: World, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with OrderJournal(path):
        pass
    monkeypatch.setattr(storage, "PATIENCE", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigurationError, match="locked"):
            await world.orders.place(order("PO-1"), OrderJournal(path))
        assert world.sandbox.ledger == []
        other.execute("ROLLBACK")


def fill(connection: sqlite3.Connection) -> None:
    """Let the database grow no more, as on a disk that is full, and leave no room in it."""
    [pages] = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


async def test_a_disk_that_is_full_is_told_before_anything_is_sent(world: World, path: Path) -> None:
    async with OrderJournal(path) as journal:
        await journal._storage.run(fill)
        full: Exception | None = None
        for number in range(100):
            world.sandbox.ledger.clear()
            try:
                await world.orders.place(order(f"PO-{number}"), journal)
            except ConfigurationError as exc:
                full = exc
                break
        assert "full" in str(full)
        assert world.sent == 0


async def test_an_answer_reaches_who_waits_for_it_also_where_it_cannot_be_kept(
    world: World, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with OrderJournal(path) as journal:

        async def spoil(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
            response = await proceed()
            await journal._storage.run(lambda connection: connection.execute("PRAGMA query_only = 1"))
            return response

        world.go_wrong(spoil)
        with caplog.at_level(logging.WARNING):
            result = await world.orders.place(order("PO-1"), journal)
        assert result.order_numbers
        assert "order PO-1: the order journal" in caplog.text
        later = OrderJournal(path, clock=lambda: time.time() + 60)  # nor could the lease be given back
        again = await world.orders.place(order("PO-1"), later)
    assert (again.known_by, again.order_numbers, world.sent) == ("search", result.order_numbers, 1)


async def test_a_journal_holds_neither_secrets_nor_what_was_ordered(world: World, path: Path) -> None:
    await cut_off(world, path, "before it acted")
    kept = b"".join(it.read_bytes() for it in path.parent.iterdir())
    assert b"PO-1" in kept
    tokens = {it.headers.get("Authorization", "") for it in world.sandbox.ledger} - {""}
    for secret in [world.sandbox.client_secret, "2CD101", *(it.removeprefix("Bearer ") for it in tokens)]:
        assert secret.encode() not in kept


async def test_a_journal_is_open_for_as_long_as_somebody_uses_it(path: Path) -> None:
    journal = OrderJournal(path)
    with pytest.raises(ConfigurationError, match="is not open"):
        await journal.claim(KEY, "me", "hash")
    async with journal:
        async with journal:
            pass
        assert await journal.claim(KEY, "me", "hash") == Record()
    with pytest.raises(ConfigurationError, match="is not open"):
        await journal.claim(KEY, "me", "hash")


@pytest.mark.parametrize("lease", [timedelta(0), 30, None])
def test_a_lease_that_is_none_is_refused(lease: Any) -> None:
    with pytest.raises(ConfigurationError, match="lease must be"):
        OrderJournal("x", lease=lease)


async def test_a_record_is_read_as_it_was_written(path: Path) -> None:
    record = Record(before=("20-A", ""), sends=(SENT, SENT), attempts=3)
    async with OrderJournal(path) as journal:
        await journal.claim(KEY, "me", "hash")
        await journal.keep(KEY, "me", record)
        assert await journal.claim(KEY, "me", "hash") == record
        assert await journal.open_ones(KEY.base_url) == [(KEY, record)]


async def test_many_processes_may_open_a_new_file_at_once(path: Path) -> None:
    """Threads stand for them here: SQLite's locks are of connections."""
    journals = [OrderJournal(path) for _ in range(12)]
    await asyncio.gather(*(it.__aenter__() for it in journals))
    claims = await asyncio.gather(*(it.claim(KEY, str(at), "hash") for at, it in enumerate(journals)))
    assert sum(it is not None for it in claims) == 1
    for it in journals:
        await it.__aexit__(None, None, None)


async def test_who_goes_on_may_send_as_often_as_anybody_but_once(world: World, path: Path) -> None:
    for attempts, sent in ((2, 2), (2, 3), (1, 3)):
        world.sandbox.fault = faults.only(faults.drop, method="POST", path="/v6/")
        async with world.client(retry=RetryPolicy(attempts=attempts)) as orders:
            with pytest.raises(OutcomeUnknownError):
                await orders.place(order("PO-1"), OrderJournal(path))
        assert world.sent == sent


# ── What else may go wrong ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["", ":memory:", None, 5, b"x.db"])
def test_what_is_no_file_that_lasts_is_no_journal(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="a journal must be a file"):
        OrderJournal(path)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (PlacementKey("https://api.x", "1", "US", "P"), PlacementKey("HTTPS://API.x:443", "1", "us", "P"), True),
        (
            PlacementKey("http://localhost/sandbox", "1", "US", "P"),
            PlacementKey("http://LOCALHOST:80/sandbox", "1", "US", "P"),
            True,
        ),
        (PlacementKey("https://api.x", "1", "US", "P"), PlacementKey("https://api.x/sandbox", "1", "US", "P"), False),
        (PlacementKey("https://api.x", "1", "US", "P"), PlacementKey("https://api.x", "1", "US", "p"), False),
        (PlacementKey("https://api.x", "1", "US", "P"), PlacementKey("https://api.x", "2", "US", "P"), False),
    ],
)
def test_a_key_is_the_same_however_the_same_is_written(one: PlacementKey, other: PlacementKey, same: bool) -> None:
    assert (one == other) is same


async def test_a_second_send_that_is_refused_is_not_tried_again_and_can_be_discarded(world: World, path: Path) -> None:
    await cut_off(world, path, "before it acted")
    world.sandbox.fault = faults.only(faults.failing(400), method="POST", path="/v6/", times=1)
    for _ in range(3):
        async with world.client() as orders:
            with pytest.raises(OutcomeUnknownError):
                await orders.place(order("PO-1"), OrderJournal(path))
    assert world.sent == 2
    journal = OrderJournal(path)
    async with world.client() as orders:
        [left] = await orders.recover(journal)
    await journal.discard(left)
    with pytest.raises(ConfigurationError, match="or is not in"):
        await journal.discard(left)
    async with world.client() as orders:
        assert (await orders.place(order("PO-1", quantity=5), journal)).attempts == 1


async def test_what_was_sent_again_since_it_was_recovered_is_not_discarded(world: World, path: Path) -> None:
    """Nor what is settled by now."""
    journal = OrderJournal(path)
    await cut_off(world, path, "before the send")
    async with world.client() as orders:
        [left] = await orders.recover(journal)
    await cut_off(world, path, "before it acted")
    with pytest.raises(ConfigurationError, match="or was meanwhile"):
        await journal.discard(left)
    async with world.client() as orders:
        [left] = await orders.recover(journal)
        await orders.place(order("PO-1"), journal)
    with pytest.raises(ConfigurationError, match="or was meanwhile"):
        await journal.discard(left)
    assert world.made == 1


async def test_a_body_that_was_never_sent_gives_way_to_another(world: World, path: Path) -> None:
    await cut_off(world, path, "before the send")
    async with world.client() as orders:
        await orders.place(order("PO-1", quantity=5), OrderJournal(path))
    assert world.made == 1


async def test_orders_that_were_placed_long_ago_are_forgotten_when_asked(world: World, path: Path) -> None:
    now = time.time()
    journal = OrderJournal(path, clock=lambda: now)
    for number in ("PO-1", "PO-2"):
        await world.orders.place(order(number, DUPLICATE), journal)
        now += 86_400
    async with journal:
        await journal.claim(KEY, "me", "hash")
    assert await journal.prune(timedelta(hours=36)) == 1
    assert await journal.prune(timedelta(hours=36)) == 0
    assert len(await world.orders.recover(journal)) == 0
    async with journal:
        assert len(await journal.open_ones(KEY.base_url)) == 1
    await world.orders.place(order("PO-2", DUPLICATE), journal)
    await world.orders.place(order("PO-1", DUPLICATE), journal)
    assert world.made == 3


@pytest.mark.parametrize("outcome", ["xx", "[]", '{"answer": null}', '{"answer": 1, "orders": [], "attempts": 1}'])
async def test_an_outcome_that_is_damaged_is_told_as_such(world: World, path: Path, outcome: str) -> None:
    await world.orders.place(order("PO-1"), OrderJournal(path))
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE placements SET outcome = ?", (outcome,))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        await world.orders.place(order("PO-1"), OrderJournal(path))


@pytest.mark.parametrize("turns", range(1, 40))
async def test_who_is_cancelled_while_he_opens_the_journal_takes_nobody_with_him(
    world: World, path: Path, turns: int
) -> None:
    """And the next need not wait for a lease that nobody holds."""
    journal = OrderJournal(path, sleep=turn)
    first = asyncio.create_task(world.orders.place(order("PO-1"), journal))
    second = asyncio.create_task(world.orders.place(order("PO-2"), journal))
    for _ in range(turns):
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    assert (await second).order_numbers
    assert (
        await asyncio.wait_for(world.orders.place(order("PO-1"), OrderJournal(path, sleep=never)), 20)
    ).order_numbers


async def never(_: float) -> None:
    await asyncio.Event().wait()


async def test_who_is_cancelled_again_and_again_lets_others_all_the_same(world: World, path: Path) -> None:
    there = stop_at(world, "before it acted")
    placing = asyncio.create_task(world.orders.place(order("PO-1"), OrderJournal(path)))
    await there.wait()
    while not placing.done():
        placing.cancel()
        await asyncio.sleep(0)
    world.sandbox.fault = None
    async with world.client() as orders:
        again = orders.place(order("PO-1"), OrderJournal(path, sleep=never))
        assert (await asyncio.wait_for(again, 20)).order_numbers


def test_a_new_journal_is_nobody_elses_to_read(path: Path) -> None:
    async def use() -> None:
        async with OrderJournal(path):
            pass

    asyncio.run(use())
    assert path.stat().st_mode & 0o077 == 0


async def test_what_somebody_is_on_is_not_discarded(path: Path) -> None:
    async with OrderJournal(path) as journal:
        await journal.claim(KEY, "somebody", "hash")
        [(key, record)] = await journal.open_ones(KEY.base_url)
        with pytest.raises(ConfigurationError, match="PO-1 is being placed"):
            await journal.discard(OpenPlacement(key=key, attempts=record.attempts, sent_at=None))


async def test_who_is_refused_since_another_has_placed_it_gets_what_that_one_got(world: World, path: Path) -> None:
    """He was held up between what he wrote down and what he sent; and so another had to go on."""
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def hold_up(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        arrived.set()
        await go_on.wait()
        return await proceed()

    world.go_wrong(hold_up)
    placing = asyncio.create_task(world.orders.place(order("PO-1"), OrderJournal(path, sleep=turn)))
    await arrived.wait()
    world.sandbox.fault = None
    with closing(sqlite3.connect(path)) as thief, thief:
        thief.execute("UPDATE placements SET leased_until = 0, owner = 'nobody'")
    async with world.client() as other:
        theirs = await other.place(order("PO-1"), OrderJournal(path))
    go_on.set()
    assert await placing == theirs
    assert (world.sent, world.made) == (2, 1)


async def test_a_lease_given_by_a_clock_that_has_gone_back_since_is_over(path: Path) -> None:
    now = 10_000.0
    async with OrderJournal(path, clock=lambda: now) as journal:
        await journal.claim(KEY, "dead", "hash")
        assert await journal.claim(KEY, "me", "hash") is None
        now -= 3600
        assert await journal.claim(KEY, "me", "hash") == Record()


@pytest.mark.parametrize(
    "damage",
    [
        "record = 'x'",
        "record = '{}'",
        "record = '[]'",
        "key = 'x'",
        "key = '[1]'",
        "record = x'ff'",
        "key = '[1,2,3,4]'",
    ],
)
async def test_a_row_that_is_damaged_is_told_as_such(world: World, path: Path, damage: str) -> None:
    async with OrderJournal(path) as journal:
        await journal.claim(KEY, "me", "hash")
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(f"UPDATE placements SET {damage}")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        await world.orders.recover(OrderJournal(path))


async def test_what_is_gone_meanwhile_is_not_told_as_open(world: World, path: Path) -> None:
    await cut_off(world, path, "before it acted")
    async with OrderJournal(path) as journal, world.client() as orders:
        claim = journal.claim

        async def too_late(*arguments: Any) -> Record | None:
            await journal._storage.run(lambda connection: connection.execute("DELETE FROM placements"))
            return await claim(*arguments)

        journal.claim = too_late  # type: ignore[method-assign, assignment]
        assert await orders.recover(journal) == ()


async def test_a_file_that_was_taken_away_is_told_before_anything_is_sent(world: World, path: Path) -> None:
    async with OrderJournal(path) as journal:
        await world.orders.place(order("PO-1"), journal)
        await asyncio.to_thread(path.unlink)
        with pytest.raises(ConfigurationError, match="was taken away"):
            await world.orders.place(order("PO-2"), journal)
        await asyncio.to_thread(path.write_bytes, b"another")
        with pytest.raises(ConfigurationError, match="was taken away, or is another now"):
            await world.orders.place(order("PO-2"), journal)
    assert world.sent == 1


def test_a_journal_serves_one_loop_after_another(path: Path) -> None:
    journal = OrderJournal(path)

    async def use() -> None:
        async def one(name: str) -> None:
            async with journal:
                await journal.claim(KEY, name, "hash")

        await asyncio.gather(*(one(str(at)) for at in range(5)))

    for _ in range(2):
        asyncio.run(use())


async def test_a_journal_that_is_open_in_another_loop_says_so(path: Path) -> None:
    async with OrderJournal(path) as journal:

        async def elsewhere() -> None:
            with pytest.raises(ConfigurationError, match="open in another event loop"):
                async with journal:
                    pass

        await asyncio.to_thread(asyncio.run, elsewhere())
        assert await journal.open_ones(KEY.base_url) == []


async def test_a_journal_that_could_not_be_opened_can_be_when_it_is_well(path: Path) -> None:
    journal = OrderJournal(path.parent / "later" / "journal.db")
    results = await asyncio.gather(*(journal.__aenter__() for _ in range(3)), return_exceptions=True)
    assert [type(it) for it in results] == [ConfigurationError] * 3
    (path.parent / "later").mkdir()
    async with journal:
        assert await journal.open_ones(KEY.base_url) == []


async def test_what_is_written_is_on_the_disk(path: Path) -> None:
    async with OrderJournal(path) as journal:
        asked = await journal._storage.run(lambda connection: connection.execute("PRAGMA synchronous").fetchone())
    assert asked == (2,)  # FULL


async def test_turned_away_is_not_sent(world: World, path: Path) -> None:
    """Of the sends on record, those count that may have placed it."""

    async def then(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        world.go_wrong(faults.drop)
        return await faults.throttling()(request, proceed)

    world.go_wrong(then)
    with pytest.raises(OutcomeUnknownError):
        await world.orders.place(order("PO-1", DUPLICATE), OrderJournal(path))
    async with OrderJournal(path) as journal:
        [(_, record)] = await journal.open_ones(world.sandbox.url)
    assert (len(record.sends), record.attempts) == (1, 2)


async def test_only_who_is_on_it_may_write_forget_or_give_it_back_and_nobody_once_it_is_settled(path: Path) -> None:
    async with OrderJournal(path) as journal:
        await journal.claim(KEY, "me", "hash")
        assert not await journal.forget(KEY, "you")
        assert not await journal.keep(KEY, "you", Record(attempts=9))
        async with journal.held(KEY, "you"):
            pass
        assert await journal.claim(KEY, "you", "hash") is None
        await journal.finish(KEY, "first")
        await journal.finish(KEY, "second")
        assert not await journal.forget(KEY, "me")
        assert not await journal.keep(KEY, "me", Record(attempts=9))
        assert await journal.claim(KEY, "you", "hash") == Record(outcome="first")
        assert await journal.open_ones(KEY.base_url) == []
        assert await journal.claim(PlacementKey("https://x", "1", "US", "none"), "me", None) is None


async def test_what_is_kept_renews_the_lease(path: Path) -> None:
    lease = Lease()
    async with lease.journal(path) as journal:
        await journal.claim(KEY, "me", "hash")
        lease.now += 20
        assert await journal.keep(KEY, "me", Record(attempts=1))
        lease.now += 20
        assert await journal.claim(KEY, "you", "hash") is None


async def test_a_sign_of_life_that_fails_is_not_the_last(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lease = Lease()
    async with lease.journal(path) as journal:
        await journal.claim(KEY, "me", "hash")
        async with journal.held(KEY, "me"):
            await journal._storage.run(lambda connection: connection.execute("ALTER TABLE placements RENAME TO away"))
            lease.now += 10
            for _ in range(200):
                await asyncio.sleep(0.001)
                if "order PO-1: the order journal" in caplog.text:
                    break
            await journal._storage.run(lambda connection: connection.execute("ALTER TABLE away RENAME TO placements"))
            lease.now += 10
            await beats(journal)
            lease.now += 15
            assert await journal.claim(KEY, "you", "hash") is None


@pytest.mark.parametrize("status", [401, 403, 429])
async def test_a_second_send_that_is_turned_away_is_tried_again_another_time(
    world: World, path: Path, status: int
) -> None:
    """403 where it names the quota."""

    async def turn_away(request: web.Request, _: faults.Proceed) -> web.StreamResponse:
        told = "The quota limit exceeds for calls on your API app." if status == 403 else "no"
        return web.json_response({"errors": [{"message": told}]}, status=status)

    await cut_off(world, path, "before it acted")
    world.go_wrong(turn_away, times=None)
    async with world.client() as orders:
        with pytest.raises(OutcomeUnknownError):
            await orders.place(order("PO-1"), OrderJournal(path))
    world.sandbox.fault = None
    async with world.client() as orders:
        assert (await orders.place(order("PO-1"), OrderJournal(path))).known_by == "answer"
    assert world.made == 1


async def test_a_lease_is_as_long_as_who_gave_it_said(path: Path) -> None:
    """And not as long as that of who comes."""
    now = 1000.0
    long = OrderJournal(path, lease=timedelta(hours=1), clock=lambda: now)
    short = OrderJournal(path, lease=timedelta(seconds=1), clock=lambda: now)
    async with long, short:
        await long.claim(KEY, "me", "hash")
        now += 3000
        assert await short.claim(KEY, "you", "hash") is None
        now += 700
        assert await short.claim(KEY, "you", "hash") == Record()


async def test_a_clock_that_goes_back_a_little_robs_nobody(path: Path) -> None:
    now = 1000.0
    async with OrderJournal(path, clock=lambda: now) as journal:
        await journal.claim(KEY, "me", "hash")
        now -= 0.5
        assert await journal.claim(KEY, "you", "hash") is None


async def test_nobody_gives_a_sign_of_life_after_it_is_given_back(path: Path) -> None:
    lease = Lease()
    async with lease.journal(path) as journal:
        await journal.claim(KEY, "me", "hash")
        before = asyncio.all_tasks()
        async with journal.held(KEY, "me"):
            assert len(asyncio.all_tasks() - before) == 1
        assert asyncio.all_tasks() - before == set()


async def test_a_refusal_that_cannot_be_kept_is_told_all_the_same(world: World, path: Path) -> None:
    await cut_off(world, path, "before it acted")
    async with OrderJournal(path) as journal:

        async def refuse(request: web.Request, _: faults.Proceed) -> web.StreamResponse:
            await journal._storage.run(lambda connection: connection.execute("PRAGMA query_only = 1"))
            return web.json_response({"message": "no"}, status=400)

        world.go_wrong(refuse)
        with pytest.raises(OutcomeUnknownError, match="sending it again failed") as unknown:
            await world.orders.place(order("PO-1"), journal)
    assert isinstance(unknown.value.__cause__, BadRequestError)


async def test_a_send_that_never_left_is_no_send_to_go_by(world: World, path: Path) -> None:
    """An order made by somebody between a first send that acted not, and a second that never left, is not ours."""
    world.go_wrong(faults.drop)
    async with world.client(retry=RetryPolicy(attempts=2), limiter=Closing(world)) as orders:
        with pytest.raises(OutcomeUnknownError) as unknown:
            await orders.place(order("PO-1"), OrderJournal(path))
    posts = [it for it in world.sandbox.ledger if it.path == "/resellers/v6/orders"]
    assert len(posts) == 1
    assert unknown.value.correlation_id == posts[0].headers["IM-CorrelationID"]


class Closing:
    """A limiter that lets one create go, and no other."""

    def __init__(self, world: World) -> None:
        self._world = world

    @asynccontextmanager
    async def slot(self, route: str) -> AsyncIterator[None]:
        if route.startswith("POST") and self._world.sent:
            raise LookupError("closed")
        yield
