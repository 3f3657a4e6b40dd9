"""
One SQLite database, and the one thread that touches it.

SQLite waits for the disk, and a connection belongs to its thread. So each database has a worker of its own, and is
given whole pieces of work: functions of the connection, each run as one transaction.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from attrs import frozen

from ingram_orders.errors import ConfigurationError, describe

T = TypeVar("T")

MEMORY: Final = ":memory:"

PATIENCE: Final = 5.0
"""Seconds for which a shared database is waited for where another process holds its lock."""


@frozen(kw_only=True)
class Kind:
    """What a database is for, so that none is taken for another."""

    name: str
    application_id: int
    """In the file's header, where `file` and SQLite find it; every kind has its own."""
    version: int
    """Of the schema; a file of another one is refused."""
    schema: str
    """The statements that make it."""
    shared: bool = False
    """
    Whether several processes may use one file at once; then what a transaction wrote is on the disk when it ends, and
    who finds the file locked waits for it a while.
    """


class Storage:
    """A database, open inside `async with`; unless its kind is shared, nothing else may write to its file meanwhile."""

    def __init__(self, path: str | Path, kind: Kind) -> None:
        self.path = str(path)
        self._kind = kind
        self._patience = PATIENCE if kind.shared else 0.0
        self._worker: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        """
        Open the database, or make it.

        Raises:
            ConfigurationError: It cannot be opened, or is no database of this kind and version.
        """
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"sqlite {self._kind.name}")
        try:
            await self._hand_over(self._open)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do *work* as one transaction: all of it is kept, or, should it raise, nothing.

        It is done to its end, and in the order in which it came, also when who waits for it is cancelled.
        """
        return await self._hand_over(lambda: self._transaction(work))

    async def close(self) -> None:
        """Finish what was handed over, and close. Closing twice is fine."""
        worker, self._worker = self._worker, None
        if worker is not None:
            loop = asyncio.get_running_loop()
            closing = loop.run_in_executor(worker, self._close)
            try:
                await asyncio.shield(closing)
            finally:
                # Its last piece of work is under way or done, so this waits for no more than that.
                await loop.run_in_executor(None, worker.shutdown)

    async def _hand_over(self, work: Callable[[], T]) -> T:
        if self._worker is None:
            raise ConfigurationError(f"the {self._kind.name} database {self.path} is not open")
        done = asyncio.get_running_loop().run_in_executor(self._worker, work)
        done.add_done_callback(_looked_at)
        # Shielded: what waits its turn would not be done if who waits for it were cancelled.
        return await asyncio.shield(done)

    # ── In the worker ───────────────────────────────────────────────────────────────────────────────────────────

    def _open(self) -> None:
        until = time.monotonic() + self._patience
        while True:
            try:
                self._open_once()
            except sqlite3.Error as exc:
                self._close()
                # Who changes a new file to WAL mode is not waited for by SQLite itself, whatever its timeout.
                is_busy = getattr(exc, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                if is_busy and time.monotonic() < until:
                    time.sleep(0.01)
                    continue
                why = "another has it open" if is_busy and not self._kind.shared else exc
                raise ConfigurationError(f"the {self._kind.name} database {self.path} cannot be opened: {why}") from exc
            return

    def _open_once(self) -> None:
        kind = self._kind
        if self.path != MEMORY:
            with suppress(OSError):  # it is there already, or SQLite will tell
                Path(self.path).touch(0o600, exist_ok=False)  # nobody else's to read
        # Transactions are begun and ended here, and nowhere behind our back.
        self._connection = connection = sqlite3.connect(self.path, isolation_level=None)
        connection.execute(f"PRAGMA busy_timeout = {int(self._patience * 1000)}")
        if _is_new(connection):
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            if _is_new(connection):  # of several that came at once, the first makes it
                for statement in _statements(kind.schema):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {kind.application_id}")
                connection.execute(f"PRAGMA user_version = {kind.version}")
            connection.execute("COMMIT")
        [application_id] = connection.execute("PRAGMA application_id").fetchone()
        [version] = connection.execute("PRAGMA user_version").fetchone()
        if application_id != kind.application_id:
            raise ConfigurationError(f"{self.path} is a database, but not of the kind {kind.name}")
        if version != kind.version:
            raise ConfigurationError(
                f"{self.path} was made by another version of ingram_orders: "
                f"its schema is {version}, this one's {kind.version}"
            )
        if kind.shared:
            connection.execute("PRAGMA synchronous = FULL")
        else:
            # In WAL mode a crash of the machine may cost the last transactions, and never the database.
            connection.execute("PRAGMA synchronous = NORMAL")
            # The first transaction takes the lock and keeps it: who comes second is told now, not when he writes.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise ConfigurationError(f"the {self._kind.name} database {self.path} is not open")
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite may have rolled it back by itself
                connection.execute("ROLLBACK")
            raise
        return result

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class SharedStorage:
    """
    A database that any number of users in one event loop, and other processes, have open at once.

    It is open from when the first enters until the last leaves. What fails of it is a `ConfigurationError`.
    """

    def __init__(self, path: str | Path, kind: Kind) -> None:
        self.path = str(path)
        self._kind = kind
        self._storage: Storage | None = None
        self._file: tuple[int, int] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Lock | None = None
        self._users = 0

    async def __aenter__(self) -> Self:
        """
        Open it, unless it is open.

        Raises:
            ConfigurationError: It cannot be opened, is locked for long, is of another kind, or open in another loop.
        """
        loop = asyncio.get_running_loop()
        if self._users == 0 or self._opening is None:
            self._loop, self._opening = loop, asyncio.Lock()
        elif self._loop is not loop:
            raise ConfigurationError(f"{self} is open in another event loop; make one for each")
        self._users += 1
        try:
            async with self._opening:
                if self._storage is None:
                    storage = await Storage(self.path, self._kind).__aenter__()
                    try:
                        file = await storage.run(lambda _: self._identity())
                    except BaseException:
                        await storage.close()
                        raise
                    # Both at once, or who comes when this is cancelled in between finds one without the other.
                    self._file, self._storage = file, storage
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        self._users -= 1
        if self._users == 0 and self._storage is not None:
            storage, self._storage = self._storage, None
            await storage.close()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Do *work* as `Storage.run` does.

        Raises:
            ConfigurationError: It is not open, or fails; or a row cannot be read, which somebody else has written.
        """
        if self._storage is None:
            raise ConfigurationError(f"{self} is not open")
        try:
            return await self._storage.run(work)
        except (sqlite3.Error, ValueError, TypeError, LookupError, AttributeError) as exc:
            raise ConfigurationError(f"{self} cannot be used: {describe(exc)}") from exc

    def check_file(self) -> None:
        """
        Look whether the file is still the one that was opened; to be called in *work*.

        Raises:
            ConfigurationError: It was taken away, or another has its name: what is written would be lost.
        """
        if self._identity() != self._file:
            raise ConfigurationError(f"the file of {self} was taken away, or is another now")

    def _identity(self) -> tuple[int, int] | None:
        if self.path == MEMORY:
            return None
        try:
            its = Path(self.path).stat()
        except OSError as exc:
            raise ConfigurationError(f"the file of {self} was taken away: {describe(exc)}") from exc
        return its.st_dev, its.st_ino

    def __str__(self) -> str:
        return f"the {self._kind.name} {self.path}"


class SharedFile:
    """What keeps something in a `SharedStorage`; open inside `async with`, any number of times at once."""

    def __init__(self, path: str | PathLike[str], kind: Kind) -> None:
        self.path = str(path)
        self._storage = SharedStorage(self.path, kind)

    async def __aenter__(self) -> Self:
        """
        Open the file; may be entered several times at once.

        Raises:
            ConfigurationError: It cannot be opened, is locked for long, is of another kind, or open in another loop.
        """
        await self._storage.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._storage.__aexit__(kind, error, traceback)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"


def _looked_at(done: "asyncio.Future[Any]") -> None:
    # Of work whose waiter has gone, nobody else asks what became, and the loop would complain.
    _ = done.cancelled() or done.exception()


def _is_new(connection: sqlite3.Connection) -> bool:
    asked = ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
    return all(connection.execute(question).fetchone() == (0,) for question in asked)


def _statements(script: str) -> Iterator[str]:
    # `executescript` would end the transaction that they are to be done in. A semicolon may stand in a comment.
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
