"""Which events were delivered before: what keeps their ids, in memory or in a file, for a time that is set."""

import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta
from os import PathLike
from typing import Final, Protocol

from ingram_orders.errors import ConfigurationError, DuplicateEventError, brief
from ingram_orders.settings import checked_span
from ingram_orders.storage import MEMORY, Kind, SharedFile

KEEP: Final = timedelta(days=30)
"""For which time an id is kept. The API documents none in which it delivers again."""

_KIND: Final = Kind(
    name="file of seen events",
    application_id=0x494F5345,
    version=1,
    shared=True,
    schema="""
    CREATE TABLE seen (event_id TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
    CREATE INDEX seen_by_time ON seen (at)""",
)


class SeenEvents(Protocol):
    """Keeps each event once; one of your own may stand on what all of your processes share."""

    async def add(self, event_id: str) -> None:
        """
        Keep the id of an event.

        Raises:
            DuplicateEventError: It is kept.
        """
        ...


class SeenInMemory:
    """Knows what this process has seen; nothing after a restart."""

    def __init__(
        self, keep: timedelta = KEEP, *, at_most: int = 100_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        Set up.

        Args:
            keep: How long an id is kept.
            at_most: How many are; beyond that the oldest is forgotten. One takes some 200 bytes.
            clock: A reading in seconds; another is for tests.

        Raises:
            ConfigurationError: *keep* is not above 0, or *at_most* less than 1.
        """
        self._keep = checked_span(keep, "keep")
        if type(at_most) is not int or at_most < 1:
            raise ConfigurationError(f"at_most must be a whole number, 1 or more, not {brief(at_most)}")
        self._at_most = at_most
        self._clock = clock
        self._seen: dict[str, float] = {}  # the oldest first

    async def add(self, event_id: str) -> None:
        """See `SeenEvents.add`."""
        now = self._clock()
        while self._seen:
            oldest = next(iter(self._seen))
            if self._seen[oldest] > now - self._keep:
                break
            del self._seen[oldest]
        if event_id in self._seen:
            raise duplicate(event_id)
        if len(self._seen) >= self._at_most:
            del self._seen[next(iter(self._seen))]
        self._seen[event_id] = now


class SeenInFile(SharedFile):
    """
    A file that knows what all processes have seen that use it, and after a restart, too.

    Open inside `async with`, and otherwise for as long as a call takes, which then takes longer.
    """

    def __init__(
        self, path: str | PathLike[str], keep: timedelta = KEEP, *, clock: Callable[[], float] = time.time
    ) -> None:
        """
        Set up; nothing is opened yet.

        Args:
            path: Of the file, which is made where there is none.
            keep: How long an id is kept.
            clock: Seconds since the epoch, the same for all that use the file.

        Raises:
            ConfigurationError: *path* is none, or *keep* is not above 0.
        """
        if not isinstance(path, str | PathLike) or str(path) in {"", MEMORY}:
            raise ConfigurationError(f"what was seen is kept in a file, and {brief(path)} is none")
        super().__init__(path, _KIND)
        self._keep = checked_span(keep, "keep")
        self._clock = clock

    async def add(self, event_id: str) -> None:
        """
        See `SeenEvents.add`.

        Raises:
            DuplicateEventError: It is kept.
            ConfigurationError: The file cannot be opened or used.
        """

        def work(connection: sqlite3.Connection) -> bool:
            self._storage.check_file()
            now = self._clock()
            connection.execute("DELETE FROM seen WHERE at <= ?", (now - self._keep,))
            added = connection.execute("INSERT INTO seen VALUES (?, ?) ON CONFLICT DO NOTHING", (event_id, now))
            return added.rowcount == 1

        async with self:
            is_new = await self._storage.run(work)
        if not is_new:
            raise duplicate(event_id)


def duplicate(event_id: str) -> DuplicateEventError:
    """Give the error that an event was delivered before."""
    return DuplicateEventError(f"the event {brief(event_id)} was delivered before", event_id=event_id)
