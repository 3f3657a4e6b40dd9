"""
Events on disk before they are answered, until they are dealt with: so that neither a crash nor a failure loses one.

Each is kept once by its id. What is done with one is done at least once, since a crash may come before that is noted.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Set
from contextlib import asynccontextmanager
from datetime import timedelta
from os import PathLike
from typing import Final

from attrs import frozen

from ingram_orders.builder import check_whole
from ingram_orders.delivering import SLOWEST, Claimed, OnEvent, deliver
from ingram_orders.errors import (
    ConfigurationError,
    InboxFullError,
    UnreadableEventError,
    brief,
    describe,
)
from ingram_orders.exact_json import read_again, write_json
from ingram_orders.finding import folded
from ingram_orders.seen import KEEP, duplicate
from ingram_orders.settings import checked_span
from ingram_orders.storage import Kind, SharedFile
from ingram_orders.webhooks import OrderCreatedEvent, OrderFailedEvent, WebhookEvent, restored

_KIND: Final = Kind(
    name="webhook inbox",
    application_id=0x494F5749,
    version=1,
    shared=True,
    schema="""
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO facts VALUES ('identity', lower(hex(randomblob(16))));
    -- In the order in which they came; no id is given twice.
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL UNIQUE,
        data TEXT NOT NULL,  -- all that it says, in JSON
        po TEXT,  -- the purchase order number whose outcome it tells, folded
        came_at REAL NOT NULL,
        settled_at REAL,  -- NULL while it is to be dealt with
        due_at REAL NOT NULL DEFAULT 0,  -- and not when it came: it is due at once, also if the clock goes back
        failures INTEGER NOT NULL DEFAULT 0,
        -- Who deals with it, and until when he is taken to live, in seconds since the epoch.
        owner TEXT, claimed_until REAL NOT NULL DEFAULT 0
    );
    CREATE INDEX events_by_time ON events (due_at, id) WHERE settled_at IS NULL;
    CREATE INDEX events_by_po ON events (po, id) WHERE po IS NOT NULL;
    CREATE INDEX events_by_end ON events (settled_at) WHERE settled_at IS NOT NULL""",
)


@frozen
class Outcome:
    """An event that tells the outcome of a create, and its place among all events."""

    id: int
    event: OrderCreatedEvent | OrderFailedEvent
    age: float
    """How many seconds ago it came."""
    is_after: bool | None
    """Whether it came after the mark that was asked for; `None` where that is of another inbox, or there is none."""


class WebhookInbox(SharedFile):
    """
    A file that keeps events until they are dealt with; give it to `webhook_handler` and to `OrdersClient.place_v7`.

    Several processes may use one file. It holds all that events say, addresses included; one that it makes is nobody
    else's to read. Open inside `async with`, and otherwise for as long as a call takes, which then takes longer.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        keep: timedelta = KEEP,
        at_most: int = 100_000,
        lease: timedelta = timedelta(seconds=30),
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """
        Set up; nothing is opened yet.

        Args:
            path: Of the file, which is made where there is none; or `":memory:"`, which forgets all when it is closed.
            keep: How long an event is kept after it was dealt with: as long, one that comes again is known.
            at_most: How many may wait to be dealt with; beyond that, `put` raises `InboxFullError`.
            lease: How long after its last sign of life a process that deals with an event is taken to live. It gives
                one three times as often; what a crash leaves is dealt with when that time is over.
            clock: Seconds since the epoch, the same for all that use the file.
            sleep: Waits so many seconds.

        Raises:
            ConfigurationError: *path* is none, or *keep*, *at_most* or *lease* is not above 0.
        """
        if not isinstance(path, str | PathLike) or not str(path):
            raise ConfigurationError(f"an inbox must be a file, and {brief(path)} is none")
        if type(at_most) is not int or at_most < 1:
            raise ConfigurationError(f"at_most must be a whole number, 1 or more, not {brief(at_most)}")
        self.lease = checked_span(lease, "lease")
        """Seconds."""
        super().__init__(path, _KIND)
        self._keep = checked_span(keep, "keep")
        self._at_most = at_most
        self._clock = clock
        self._sleep = sleep
        self.puts = 0
        """How many events were put in."""
        self._told = dict[asyncio.Future[None], str | None]()
        """Done when the next is, or the next of a purchase order number."""

    async def put(self, event: WebhookEvent, *, deliver: bool = True) -> None:
        """
        Keep an event: when this returns, it is on the disk, and can be answered.

        Args:
            event: As `webhooks.read` gave it.
            deliver: Whether it is to be dealt with; one that is not is only kept, for `OrdersClient.place_v7`.

        Raises:
            DuplicateEventError: It is kept already.
            InboxFullError: Too many wait to be dealt with.
            UnreadableEventError: It is nested too deep to be written.
            ConfigurationError: The file cannot be opened or used; it is not kept.
        """
        po = (
            _po(event.outcome.customer_order_number)
            if isinstance(event, OrderCreatedEvent | OrderFailedEvent)
            else None
        )

        def work(connection: sqlite3.Connection) -> None:
            self._storage.check_file()
            now = self._clock()
            connection.execute("DELETE FROM events WHERE settled_at <= ?", (now - self._keep,))
            if connection.execute("SELECT 1 FROM events WHERE event_id = ?", (event.event_id,)).fetchone():
                raise duplicate(event.event_id)
            if deliver:
                [waiting] = connection.execute("SELECT count(*) FROM events WHERE settled_at IS NULL").fetchone()
                if waiting >= self._at_most:
                    raise InboxFullError(f"{waiting:,} events wait to be dealt with in {self.path}")
            try:  # here, and so off the event loop, and only of what is new
                data = write_json(event.data, as_read=True).decode()
            except (ValueError, RecursionError) as exc:
                raise UnreadableEventError(f"the event cannot be written: {describe(exc)}") from None
            connection.execute(
                "INSERT INTO events (event_id, data, po, came_at, settled_at) VALUES (?, ?, ?, ?, ?)",
                (event.event_id, data, po, now, None if deliver else now),
            )

        async with self:
            await self._storage.run(work)
        self.puts += 1
        for it, wanted in self._told.items():
            if not it.done() and wanted in (None, po):
                it.set_result(None)

    @asynccontextmanager
    async def delivering(self, on_event: OnEvent, *, at_once: int = 8) -> AsyncIterator[asyncio.Task[None]]:
        """
        Deal with events, inside this block: those that a crash left, and those that are put in, here or elsewhere.

        Each is dealt with once *on_event* has returned. Where it raises, that is told in the log, and it is given the
        event again after two seconds, and then twice as long each time, up to an hour. What it is given comes in no
        order that could be relied on. When the block ends, what is under way is cancelled, and comes again; a plain
        function cannot be cancelled, and is waited for.

        Args:
            on_event: Awaited for each event; it may be given one twice, after a crash. What never returns keeps one of
                the places of *at_once* for ever, so set a limit to its time. A plain function is called in a thread.
            at_once: How many are dealt with at a time, 1 or more.

        Returns:
            In the block, the task that does it. It ends before the block does only where it failed.

        Raises:
            InvalidRequestError: *at_once* is less than 1.
            ConfigurationError: *on_event* cannot be called, or the file cannot be opened.
        """
        check_whole(at_once, "at_once", 1)
        if not callable(on_event):
            raise ConfigurationError(f"on_event must be a function, not {brief(on_event)}")
        async with self:
            delivering = asyncio.create_task(deliver(self, on_event, at_once, self._sleep))
            try:
                yield delivering
            finally:
                delivering.cancel()
                await asyncio.wait([delivering])
                if not delivering.cancelled():
                    delivering.result()

    async def waiting(self) -> int:
        """
        Give how many events wait to be dealt with.

        Raises:
            ConfigurationError: The file cannot be opened or used.
        """

        def work(connection: sqlite3.Connection) -> int:
            [waiting] = connection.execute("SELECT count(*) FROM events WHERE settled_at IS NULL").fetchone()
            return int(waiting)

        async with self:
            return await self._storage.run(work)

    async def settle(self, event_id: str) -> bool:
        """
        Note that an event is dealt with, by other ways than `delivering`; give whether it waited for that.

        Raises:
            ConfigurationError: The file cannot be opened or used.
        """

        def work(connection: sqlite3.Connection) -> bool:
            self._storage.check_file()
            settled = connection.execute(
                "UPDATE events SET settled_at = ?, owner = NULL WHERE event_id = ? AND settled_at IS NULL",
                (self._clock(), event_id),
            )
            return settled.rowcount == 1

        async with self:
            return await self._storage.run(work)

    # ── For `delivering` and `placing_v7` ───────────────────────────────────────────────────────────────────────

    async def news(self, seconds: float, number: str | None = None) -> None:
        """Wait until an event is put in by this process, any or one for `outcomes` of a number; or so many seconds."""
        # Of this loop, whichever that is: an inbox may be used in several, one after the other.
        told = asyncio.get_running_loop().create_future()
        self._told[told] = None if number is None else _po(number)
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        try:
            await asyncio.wait([told, sleeping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._told[told]
            sleeping.cancel()
            await asyncio.wait([sleeping])

    async def mark(self) -> str:
        """Give a mark of now, for `outcomes`."""

        def work(connection: sqlite3.Connection) -> str:
            self._storage.check_file()
            return "{}:{}".format(*_place(connection))

        return await self._storage.run(work)

    async def outcomes(self, number: str, mark: str | None, after: int = 0) -> list[Outcome]:
        """
        Give the events that tell what became of creates under a purchase order number, or one that may be the same.

        Args:
            number: The purchase order number.
            mark: What came before it is told from what came since.
            after: An `Outcome.id`: those up to it are left out.
        """

        def work(connection: sqlite3.Connection) -> list[Outcome]:
            self._storage.check_file()
            identity, _ = _place(connection)
            marked, _, last = (mark or "").partition(":")
            now, told = self._clock(), list[Outcome]()
            for id_, data, came_at in connection.execute(
                "SELECT id, data, came_at FROM events WHERE po = ? AND id > ? ORDER BY id", (_po(number), after)
            ):
                event = restored(read_again(data))
                if isinstance(event, OrderCreatedEvent | OrderFailedEvent):  # as all that have a number
                    is_after = id_ > int(last) if marked == identity else None
                    told.append(Outcome(id_, event, max(now - came_at, 0.0), is_after))
            return told

        return await self._storage.run(work)

    async def claim(self, owner: str, under_way: Set[int]) -> Claimed | None:
        """
        Become the one who deals with the next event that is due.

        Args:
            owner: The name under which it is claimed.
            under_way: By their ids, those that *owner* deals with already.

        Returns:
            The event; `None` where none is due that nobody deals with.
        """

        def work(connection: sqlite3.Connection) -> Claimed | None:
            self._storage.check_file()
            now = self._clock()
            # A claim that ends, or an event that is due, much later than can be was put down by a clock that has gone
            # back since.
            due = connection.execute(
                "SELECT id, event_id, data, failures FROM events WHERE settled_at IS NULL"
                " AND (due_at <= ? OR due_at > ?) AND (owner IS NULL OR claimed_until <= ? OR claimed_until > ?)"
                " ORDER BY due_at, id",
                (now, now + 2 * SLOWEST, now, now + 2 * self.lease),
            )
            # What is under way stays so, should its lease have ended while the event loop was held.
            claimed = next((Claimed(*it) for it in due if it[0] not in under_way), None)
            due.close()
            if claimed is None:
                return None
            connection.execute(
                "UPDATE events SET owner = ?, claimed_until = ? WHERE id = ?", (owner, now + self.lease, claimed.id)
            )
            return claimed

        return await self._storage.run(work)

    async def keep_claims(self, owner: str, under_way: Set[int]) -> None:
        """Give a sign of life, of what is under way; whatever else was claimed is left to whoever comes."""
        rows = [(self._clock() + self.lease, id_, owner) for id_ in under_way]
        statement = "UPDATE events SET claimed_until = ? WHERE id = ? AND owner = ? AND settled_at IS NULL"
        await self._storage.run(lambda connection: connection.executemany(statement, rows))

    async def note(self, claimed: Claimed, owner: str, *, again_in: float | None) -> None:
        """Note that an event was dealt with, or that it failed, and in how many seconds it comes again."""
        now, failed = self._clock(), again_in is not None
        row = None if failed else now, now + (again_in or 0.0), failed, claimed.id, owner
        await self._storage.run(
            lambda connection: connection.execute(
                "UPDATE events SET owner = NULL, settled_at = ?, due_at = ?, failures = failures + ?"
                " WHERE id = ? AND owner = ?",
                row,
            )
        )

    async def give_back(self, owner: str) -> None:
        """Let others deal with what was claimed: nobody has to wait for the lease to end."""
        statement = "UPDATE events SET owner = NULL WHERE owner = ? AND settled_at IS NULL"
        await self._storage.run(lambda connection: connection.execute(statement, (owner,)))


def _po(number: str | None) -> str | None:
    """Fold a purchase order number, such that it can be kept: half a character in it cannot."""
    return folded(number or "").encode(errors="backslashreplace").decode() or None


def _place(connection: sqlite3.Connection) -> tuple[str, int]:
    """Give which inbox it is, and the last event in it."""
    [identity] = connection.execute("SELECT value FROM facts WHERE name = 'identity'").fetchone()
    [last] = connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()
    return str(identity), int(last)
