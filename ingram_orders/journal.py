"""
What is known of orders being placed, on disk before anything is sent: so a crash forgets none and doubles none.

Holds who places, under which number and when; of the order itself only a hash, and what the API answered. Decides
nothing: `placing` does.
"""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from os import PathLike
from typing import Any, Final, Self
from urllib.parse import urlsplit
from uuid import uuid4

from attrs import asdict, astuple, evolve, field, frozen

from ingram_orders.errors import ConfigurationError, IngramError, InvalidRequestError, brief
from ingram_orders.logs import tell
from ingram_orders.models import FoundOrder
from ingram_orders.settings import checked_span
from ingram_orders.storage import MEMORY, Kind, SharedFile

_KIND: Final = Kind(
    name="order journal",
    application_id=0x494F4A4C,
    version=1,
    shared=True,
    schema="""
    CREATE TABLE placements (
        key TEXT PRIMARY KEY,  -- the four of a `PlacementKey`, in JSON
        body_hash TEXT NOT NULL,
        -- Who is on it, until when he is taken to live, in seconds since the epoch, and how long that is at a time.
        owner TEXT, leased_until REAL NOT NULL, lease REAL NOT NULL,
        -- A `Record`, in JSON; and what came of it, once that is known.
        record TEXT NOT NULL, outcome TEXT, settled_at REAL
    ) WITHOUT ROWID""",
)

_log = logging.getLogger(__name__)


def _place_of(base_url: str) -> str:
    """Write the same address the same way: host and scheme in small letters, the port as a number."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}{parts.path}"


def _upper(text: str) -> str:
    return text.upper()


@frozen
class PlacementKey:
    """Which order it is; what names the same is equal."""

    base_url: str = field(converter=_place_of)
    customer_number: str
    country_code: str = field(converter=_upper)
    customer_order_number: str


@frozen
class Sent:
    """One time that the order went out, and may have been placed."""

    at: datetime
    """By the API's clock, in UTC."""
    correlation_id: str


@frozen(kw_only=True)
class OpenPlacement:
    """An order that was begun to be placed, and of which nobody knows yet what became."""

    key: PlacementKey
    """At which API, for whom, and its number."""
    attempts: int
    """How often sending it was begun; 0 where nothing ever was."""
    sent_at: datetime | None
    """When it was first sent such that it may have been placed, by the API's clock; `None` where it never was."""
    orders: tuple[FoundOrder, ...] = ()
    """Orders with this purchase order number of which it cannot be said whether they are this one."""
    error: IngramError | None = None
    """Why it could not be looked for, where that failed."""

    @property
    def customer_order_number(self) -> str:
        """Its purchase order number."""
        return self.key.customer_order_number


@frozen(kw_only=True)
class Record:
    """What is known of a placement."""

    before: tuple[str, ...] | None = None
    """The orders that a search found under this number before the first send; `None` where none was made."""
    sends: tuple[Sent, ...] = ()
    """Those that may have been the one that placed it."""
    attempts: int = 0
    """How often sending it was begun, whatever came of it."""
    is_refused: bool = False
    """Whether the API refused it when it was sent again, and so would whenever it is."""
    mark: str | None = None
    """Of v7: what came into the inbox before the first send is told from what came since; see `WebhookInbox.mark`."""
    confirmation: str | None = None
    """Of v7: what the create was answered, in JSON."""
    gives_way: bool = False
    """Of v7: whether its outcome is that it was refused, and another body may be placed under its key."""
    outcome: str | None = None
    """What came of it, in `placing`'s words; `None` while it is open."""

    @property
    def sent_at(self) -> datetime | None:
        """When it was first sent such that it may have been placed; `None` where it never was."""
        return min((it.at for it in self.sends), default=None)


class OrderJournal(SharedFile):
    """
    A file that keeps what is known of orders being placed; give it to `OrdersClient.place` and `OrdersClient.recover`.

    Several processes may use one file. Open inside `async with`, and otherwise for as long as a placement takes; while
    it is open it belongs to one event loop.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        lease: timedelta = timedelta(seconds=30),
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """
        Set up; nothing is opened yet.

        Args:
            path: Of the file, which is made where there is none.
            lease: How long after its last sign of life a process that places an order is taken to live. It gives one
                three times as often; after a crash, another may go on only when that time is over.
            clock: Seconds since the epoch, the same for all that use the file.
            sleep: Waits so many seconds.

        Raises:
            ConfigurationError: *path* is none that lasts, or *lease* is not above 0.
        """
        if not isinstance(path, str | PathLike) or str(path) in {"", MEMORY}:
            raise ConfigurationError(f"a journal must be a file, and {brief(path)} is none")
        self._lease = checked_span(lease, "lease")
        super().__init__(path, _KIND)
        self._clock = clock
        self._sleep = sleep

    async def discard(self, placement: OpenPlacement) -> None:
        """
        Forget a placement that `recover` gave, once it is known by other ways what became of it; or the `placement` of
        an `OrderRefusedError`.

        Only for what nobody can find out from here, as what Ingram's people say: it may be placed anew then.

        Raises:
            ConfigurationError: The journal cannot be opened or used; or somebody is on this placement, or it was sent
                again since it was given, is settled otherwise, or is gone.
        """
        key, owner = placement.key, f"discard {uuid4().hex}"
        async with self:
            record = await self.claim(key, owner, None)
            if record is not None and record.outcome is None:
                async with self.held(key, owner):
                    if (record.attempts, record.sent_at) == (placement.attempts, placement.sent_at):
                        await self.forget(key, owner)
                        return
            if await self._storage.run(lambda connection: _forget_refused(connection, placement)):
                return
        raise ConfigurationError(
            f"{key.customer_order_number} is being placed, or was meanwhile, or is not in {self.path}: recover() first"
        )

    async def prune(self, older_than: timedelta) -> int:
        """
        Forget orders that were placed longer ago than that, and give how many; what is open stays.

        As long as it is kept, placing an order under its number gives it again; then it would be sent.

        Raises:
            ConfigurationError: The journal cannot be opened or used, or *older_than* is no timedelta of 0 or more.
        """
        if not (isinstance(older_than, timedelta) and older_than >= timedelta(0)):
            raise ConfigurationError(f"older_than must be a timedelta of 0 or more, not {brief(older_than)}")
        until = self._clock() - older_than.total_seconds()
        async with self:
            return await self._storage.run(
                lambda connection: (
                    connection.execute(
                        "DELETE FROM placements WHERE outcome IS NOT NULL AND settled_at < ?", (until,)
                    ).rowcount
                )
            )

    # ── For `placing` ───────────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, key: PlacementKey, owner: str, body_hash: str | None) -> Record | None:
        """
        Become the one who is on a placement, and give what is known of it; `None` where another is, and lives.

        One that has its outcome is given and not claimed.

        Args:
            key: Of the placement.
            owner: The name under which it is claimed.
            body_hash: Of the order's body; `None` for whatever is there, and nothing where nothing is.

        Raises:
            InvalidRequestError: Another body is being placed under this key, or was; one that was never sent gives way.
        """

        def work(connection: sqlite3.Connection) -> Record | None:
            now = self._clock()
            self._storage.check_file()
            asked = "SELECT body_hash, owner, leased_until, lease, record, outcome FROM placements WHERE key = ?"
            found = None
            if body_hash is not None:  # as one that was refused, and gave way to another body
                found = connection.execute(asked, (_aside(key, body_hash),)).fetchone()
            found = found or connection.execute(asked, (_of(key),)).fetchone()
            if found is not None and _gives_way(found, body_hash):
                connection.execute(
                    "UPDATE OR REPLACE placements SET key = ? WHERE key = ?", (_aside(key, found[0]), _of(key))
                )
                found = None
            if found is None:
                if body_hash is None:
                    return None
                connection.execute(
                    "INSERT INTO placements VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
                    (_of(key), body_hash, owner, now + self._lease, self._lease, _written(Record())),
                )
                return Record()
            its_hash, its_owner, leased_until, lease, text, outcome = found
            record = self._read(text, outcome)
            # A lease that ends much later than one given now was given by a clock that has gone back since.
            is_held = outcome is None and its_owner not in (None, owner) and now < leased_until <= now + 2 * lease
            was_begun = outcome is not None or is_held or record.attempts > 0
            if body_hash not in (None, its_hash) and was_begun:
                number = key.customer_order_number
                raise InvalidRequestError(
                    [f"another body is being placed, or was, under the number {number}, says {self.path}"]
                )
            if is_held:
                return None
            if outcome is None:
                connection.execute(
                    "UPDATE placements SET owner = ?, leased_until = ?, lease = ?, body_hash = ? WHERE key = ?",
                    (owner, now + self._lease, self._lease, body_hash or its_hash, _of(key)),
                )
            return record

        return await self._storage.run(work)

    @asynccontextmanager
    async def held(self, key: PlacementKey, owner: str) -> AsyncIterator[None]:
        """Stay the one who is on it, inside this block; then let others."""
        beating = asyncio.create_task(self._beat(key, owner))
        try:
            yield
        finally:
            beating.cancel()
            try:
                await self.release(key, owner)  # handed over at once, and so done also when this is cancelled again
            finally:
                await asyncio.wait([beating])

    async def release(self, key: PlacementKey, owner: str) -> None:
        """Let others be on it. A file that fails is told in the log."""
        with self._telling(key):
            await self._storage.run(
                lambda connection: connection.execute(
                    "UPDATE placements SET owner = NULL WHERE key = ? AND owner = ?", (_of(key), owner)
                )
            )

    async def keep(self, key: PlacementKey, owner: str, record: Record) -> bool:
        """Put a record in the place of the one before; give whether *owner* still is the one who is on it."""
        return await self._storage.run(
            lambda connection: (
                connection.execute(
                    "UPDATE placements SET record = ?, leased_until = ? WHERE key = ?"
                    " AND owner = ? AND outcome IS NULL",
                    (_written(record), self._clock() + self._lease, _of(key), owner),
                ).rowcount
                == 1
            )
        )

    async def finish(self, key: PlacementKey, outcome: str) -> None:
        """Keep an outcome, whoever is on it: what is known is so for all. A file that fails is told in the log."""
        with self._telling(key):
            await self._storage.run(
                lambda connection: connection.execute(
                    "UPDATE placements SET outcome = ?, settled_at = ? WHERE key = ? AND outcome IS NULL",
                    (outcome, self._clock(), _of(key)),
                )
            )

    async def refuse(self, key: PlacementKey, owner: str, record: Record, outcome: str) -> bool:
        """Keep that it was refused, all at once; give whether *owner* still was the one who is on it."""
        return await self._storage.run(
            lambda connection: (
                connection.execute(
                    "UPDATE placements SET record = ?, outcome = ?, settled_at = ? WHERE key = ? AND owner = ?"
                    " AND outcome IS NULL",
                    (_written(evolve(record, gives_way=True)), outcome, self._clock(), _of(key), owner),
                ).rowcount
                == 1
            )
        )

    async def forget(self, key: PlacementKey, owner: str) -> bool:
        """
        Leave nothing of it: no such order is, or will be; give whether *owner* still was the one who is on it.

        A file that fails is told in the log.
        """
        with self._telling(key):
            return await self._storage.run(
                lambda connection: (
                    connection.execute(
                        "DELETE FROM placements WHERE key = ? AND owner = ? AND outcome IS NULL", (_of(key), owner)
                    ).rowcount
                    == 1
                )
            )
        return True  # the file failed; nobody can say whose it is

    async def wait(self) -> None:
        """Wait until it is worth asking again whether another is done."""
        await self._sleep(self._lease / 30)

    async def open_ones(self, base_url: str) -> list[tuple[PlacementKey, Record]]:
        """List the placements at an API that have no outcome."""
        here = _place_of(base_url)

        def work(connection: sqlite3.Connection) -> list[tuple[PlacementKey, Record]]:
            found = connection.execute("SELECT key, record FROM placements WHERE outcome IS NULL").fetchall()
            return [(PlacementKey(*json.loads(key)), self._read(record, None)) for key, record in found]

        return [(key, record) for key, record in await self._storage.run(work) if key.base_url == here]

    async def _beat(self, key: PlacementKey, owner: str) -> None:
        while True:
            await self._sleep(self._lease / 3)
            with self._telling(key):
                await self._storage.run(
                    lambda connection: connection.execute(
                        "UPDATE placements SET leased_until = ? WHERE key = ? AND owner = ?",
                        (self._clock() + self._lease, _of(key), owner),
                    )
                )

    @staticmethod
    def _read(text: str, outcome: str | None) -> Record:
        facts = json.loads(text)
        before, sends = facts.pop("before"), facts.pop("sends")
        return Record(
            before=None if before is None else tuple(before),
            sends=tuple(Sent(datetime.fromisoformat(it["at"]), it["correlation_id"]) for it in sends),
            outcome=outcome,
            **facts,
        )

    @contextmanager
    def _telling(self, key: PlacementKey) -> Iterator[None]:
        # What became of an order must reach who waits for it, also where it cannot be kept: it can be found again.
        try:
            yield
        except ConfigurationError as exc:
            tell(_log, logging.WARNING, "order %s: %s", key.customer_order_number, exc)


class NoJournal:
    """Keeps nothing: for a placement with which nobody goes on. As `OrderJournal`, otherwise."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def claim(self, *_: object) -> Record | None:
        return Record()

    @asynccontextmanager
    async def held(self, *_: object) -> AsyncIterator[None]:
        yield

    async def keep(self, *_: object) -> bool:
        return True

    async def finish(self, *_: object) -> None: ...

    async def refuse(self, *_: object) -> bool:
        return True

    async def forget(self, *_: object) -> bool:
        return True

    async def release(self, *_: object) -> None: ...

    async def wait(self) -> None: ...


def _of(key: PlacementKey) -> str:
    return json.dumps(astuple(key))


def _aside(key: PlacementKey, body_hash: str) -> str:
    """Give what stands for the key of a placement that was refused, once another body is placed under its key."""
    return json.dumps([*astuple(key), body_hash])


def _gives_way(found: tuple[Any, ...], body_hash: str | None) -> bool:
    """Whether a row is of a refused order, and in the place of another body; which is the same by v6 and by v7."""
    its_hash, *_, text, outcome = found
    is_other = body_hash is not None and its_hash.removeprefix("v7 ") != body_hash.removeprefix("v7 ")
    return is_other and outcome is not None and OrderJournal._read(text, outcome).gives_way


def _forget_refused(connection: sqlite3.Connection, placement: OpenPlacement) -> bool:
    """Leave nothing of a placement that was refused; give whether there was one."""
    start = _of(placement.key)[:-1]  # which those that gave way have in common
    for key, text, outcome in connection.execute(
        "SELECT key, record, outcome FROM placements WHERE substr(key, 1, ?) = ? AND outcome IS NOT NULL",
        (len(start), start),
    ).fetchall():
        its = OrderJournal._read(text, outcome)
        if its.gives_way and (its.attempts, its.sent_at) == (placement.attempts, placement.sent_at):
            connection.execute("DELETE FROM placements WHERE key = ?", (key,))
            return True
    return False


def _written(record: Record) -> str:
    facts = asdict(record, filter=lambda it, _: it.name != "outcome", recurse=True)
    return json.dumps(facts, default=datetime.isoformat)
