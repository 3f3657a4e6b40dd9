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
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from attrs import frozen

from ingram_orders.errors import ConfigurationError, InvalidRequestError, brief
from ingram_orders.storage import Kind, Storage

T = TypeVar("T")

_KIND: Final = Kind(
    name="order journal",
    application_id=0x494F4A4C,
    version=1,
    shared=True,
    schema="""
    CREATE TABLE placements (
        key TEXT PRIMARY KEY,  -- the four of a `Key`, in JSON
        body_hash TEXT NOT NULL,
        -- Who is on it, and until when he is taken to live, in seconds since the epoch.
        owner TEXT, leased_until REAL NOT NULL,
        -- A `Record`, in JSON; and what came of it, once that is known.
        record TEXT NOT NULL, outcome TEXT
    ) WITHOUT ROWID""",
)

_log = logging.getLogger(__name__)


@frozen
class Key:
    """Which order it is."""

    base_url: str
    customer_number: str
    country_code: str
    customer_order_number: str


@frozen
class Sent:
    """One time that the order went out, and may have been placed."""

    at: datetime
    """By the API's clock, in UTC."""
    correlation_id: str


@frozen(kw_only=True)
class Record:
    """What is known of a placement."""

    before: tuple[str, ...] | None = None
    """The orders that a search found under this number before the first send; `None` where none was made."""
    sends: tuple[Sent, ...] = ()
    """Those that may have acted: what is known not to have is taken out again."""
    attempts: int = 0
    """How often it went out, whatever came of it."""
    outcome: str | None = None
    """What came of it, in `placing`'s words; `None` while it is open."""


class OrderJournal:
    """
    A file that keeps what is known of orders being placed; give it to `OrdersClient.place` and `OrdersClient.recover`.

    Several processes may use one file. Open inside `async with`, and otherwise for as long as a placement takes.
    """

    def __init__(
        self,
        path: str | Path,
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
            ConfigurationError: *lease* is not above 0.
        """
        if not (isinstance(lease, timedelta) and lease > timedelta(0)):
            raise ConfigurationError(f"lease must be a timedelta above 0, not {brief(lease)}")
        self.path = str(path)
        self._lease = lease.total_seconds()
        self._clock = clock
        self._sleep = sleep
        self._storage: Storage | None = None
        self._opening = asyncio.Lock()
        self._users = 0

    async def __aenter__(self) -> Self:
        """
        Open the file; may be entered several times at once.

        Raises:
            ConfigurationError: It cannot be opened, is locked for long, or is no journal.
        """
        async with self._opening:
            if self._storage is None:
                self._storage = await Storage(self.path, _KIND).__aenter__()
            self._users += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._users -= 1
        if self._users == 0 and self._storage is not None:
            storage, self._storage = self._storage, None
            await storage.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    # ── For `placing` ───────────────────────────────────────────────────────────────────────────────────────────

    async def claim(self, key: Key, owner: str, body_hash: str | None) -> Record | None:
        """
        Become the one who is on a placement, and give what is known of it; `None` where another is, and lives.

        One that has its outcome is given and not claimed.

        Args:
            key: Of the placement.
            owner: The name under which it is claimed.
            body_hash: Of the order's body; `None` for whatever is there, and nothing where nothing is.

        Raises:
            InvalidRequestError: Another body is being placed under this key, or was.
        """

        def work(connection: sqlite3.Connection) -> Record | None:
            now = self._clock()
            found = connection.execute(
                "SELECT body_hash, owner, leased_until, record, outcome FROM placements WHERE key = ?", (_of(key),)
            ).fetchone()
            if found is None:
                if body_hash is None:
                    return None
                connection.execute(
                    "INSERT INTO placements VALUES (?, ?, ?, ?, ?, NULL)",
                    (_of(key), body_hash, owner, now + self._lease, _written(Record())),
                )
                return Record()
            its_hash, its_owner, leased_until, record, outcome = found
            if body_hash not in (None, its_hash):
                raise InvalidRequestError(
                    [f"another body is being placed, or was, under the number {key.customer_order_number}: {self.path}"]
                )
            if outcome is None:
                if its_owner not in (None, owner) and leased_until > now:
                    return None
                connection.execute(
                    "UPDATE placements SET owner = ?, leased_until = ? WHERE key = ?",
                    (owner, now + self._lease, _of(key)),
                )
            return _read(record, outcome)

        return await self._run(work)

    @asynccontextmanager
    async def held(self, key: Key, owner: str) -> AsyncIterator[None]:
        """Stay the one who is on it, inside this block; then let others."""
        beating = asyncio.create_task(self._beat(key, owner))
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.wait([beating])
            with self._telling(key):
                await self._run(
                    lambda connection: connection.execute(
                        "UPDATE placements SET owner = NULL WHERE key = ? AND owner = ?", (_of(key), owner)
                    )
                )

    async def keep(self, key: Key, owner: str, record: Record) -> bool:
        """Put a record in the place of the one before; give whether *owner* still is the one who is on it."""
        return await self._run(
            lambda connection: (
                connection.execute(
                    "UPDATE placements SET record = ?, leased_until = ? WHERE key = ?"
                    " AND owner = ? AND outcome IS NULL",
                    (_written(record), self._clock() + self._lease, _of(key), owner),
                ).rowcount
                == 1
            )
        )

    async def finish(self, key: Key, outcome: str) -> None:
        """Keep an outcome, whoever is on it: what is known is so for all. A file that fails is told in the log."""
        with self._telling(key):
            await self._run(
                lambda connection: connection.execute(
                    "UPDATE placements SET outcome = ? WHERE key = ? AND outcome IS NULL", (outcome, _of(key))
                )
            )

    async def forget(self, key: Key, owner: str) -> None:
        """Leave nothing of it: no such order is, or will be. A file that fails is told in the log."""
        with self._telling(key):
            await self._run(
                lambda connection: connection.execute(
                    "DELETE FROM placements WHERE key = ? AND owner = ? AND outcome IS NULL", (_of(key), owner)
                )
            )

    async def wait(self) -> None:
        """Wait until it is worth asking again whether another is done."""
        await self._sleep(self._lease / 30)

    async def open_ones(self, base_url: str) -> list[tuple[Key, Record]]:
        """List the placements at an API that have no outcome."""

        def work(connection: sqlite3.Connection) -> list[tuple[Key, Record]]:
            found = connection.execute("SELECT key, record FROM placements WHERE outcome IS NULL")
            return [(Key(*json.loads(key)), _read(record, None)) for key, record in found]

        return [(key, record) for key, record in await self._run(work) if key.base_url == base_url]

    async def _beat(self, key: Key, owner: str) -> None:
        while True:
            await self._sleep(self._lease / 3)
            with self._telling(key):
                await self._run(
                    lambda connection: connection.execute(
                        "UPDATE placements SET leased_until = ? WHERE key = ? AND owner = ?",
                        (self._clock() + self._lease, _of(key), owner),
                    )
                )

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._storage is None:
            raise ConfigurationError(f"the journal {self.path} is not open")
        try:
            return await self._storage.run(work)
        except sqlite3.Error as exc:
            raise ConfigurationError(f"the journal {self.path} cannot be used: {exc}") from exc

    @contextmanager
    def _telling(self, key: Key) -> Iterator[None]:
        # What became of an order must reach who waits for it, also where it cannot be kept: it can be found again.
        try:
            yield
        except ConfigurationError as exc:
            _log.warning("order %s: %s", key.customer_order_number, exc)


def _of(key: Key) -> str:
    return json.dumps([key.base_url, key.customer_number, key.country_code, key.customer_order_number])


def _written(record: Record) -> str:
    return json.dumps(
        {
            "before": record.before,
            "sends": [{"at": it.at.isoformat(), "correlation_id": it.correlation_id} for it in record.sends],
            "attempts": record.attempts,
        }
    )


def _read(text: str, outcome: str | None) -> Record:
    facts = json.loads(text)
    before = facts["before"]
    return Record(
        before=None if before is None else tuple(before),
        sends=tuple(Sent(datetime.fromisoformat(it["at"]), it["correlation_id"]) for it in facts["sends"]),
        attempts=facts["attempts"],
        outcome=outcome,
    )
