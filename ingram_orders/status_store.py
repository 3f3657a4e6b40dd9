"""
What is known of orders being watched, and the changes that nobody has dealt with yet; in one file, for one watcher.

Decides nothing: what is a change, and when to look again, `watched` says; what is asked for, `polling`.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from os import PathLike
from typing import Any, Final, NamedTuple, TypeVar

from attrs import define, field, frozen

from ingram_orders.converters import structure, unstructure
from ingram_orders.errors import ConfigurationError, InvalidRequestError, brief, describe
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.models import FoundOrder, OrderDetailB2B, OrderStatus
from ingram_orders.planning import next_look
from ingram_orders.sightings import Seen, Sighting, day_of
from ingram_orders.storage import Kind, Storage
from ingram_orders.watched import HIDDEN, StatusChange, Terms, WatchedOrder

T = TypeVar("T")

_KIND: Final = Kind(
    name="status store",
    application_id=0x494F5353,
    version=1,
    schema="""
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    -- In the order in which they were seen first, in which searches show them again: so a page's are side by side.
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY,
        number TEXT NOT NULL UNIQUE,
        status TEXT,  -- NULL where it was not seen yet
        day TEXT,  -- of the order, where it is known
        seen TEXT NOT NULL DEFAULT '{}',  -- of it ("") and of its parts by their numbers, each as a `Seen`, in JSON
        must_confirm INTEGER NOT NULL DEFAULT 0,
        failures INTEGER NOT NULL DEFAULT 0,
        misses INTEGER NOT NULL DEFAULT 0,
        hidden_until REAL NOT NULL DEFAULT 0,
        moved_at REAL NOT NULL,
        due_at REAL NOT NULL,
        is_listed INTEGER NOT NULL DEFAULT 1  -- whether it is watched now, unless its status is final
    );
    -- How many orders there are on a day, watched or not, as searches showed.
    CREATE TABLE counts (day TEXT PRIMARY KEY, orders INTEGER NOT NULL) WITHOUT ROWID;
    -- Changes that were not settled yet, in JSON, in the order in which they were seen.
    CREATE TABLE changes (id INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT NOT NULL)""",
)

_VALUES: Final = 900
"""Of one statement, at most: older versions of SQLite take 999."""

_READ: Final = """
    SELECT number, day, seen, must_confirm, failures, misses, hidden_until, moved_at, due_at
    FROM orders WHERE is_listed AND number IN"""

_WRITE: Final = """
    INSERT INTO orders (number, status, day, seen, must_confirm, failures, misses, hidden_until, moved_at, due_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (number) DO UPDATE SET
        status = excluded.status, day = excluded.day, seen = excluded.seen, must_confirm = excluded.must_confirm,
        failures = excluded.failures, misses = excluded.misses, hidden_until = excluded.hidden_until,
        moved_at = excluded.moved_at, due_at = excluded.due_at"""

_DAMAGED: Final = (ValueError, TypeError, AttributeError, KeyError, IndexError, InvalidRequestError)
"""What comes of reading a row that somebody else has written."""


@frozen
class Due:
    """An order that is to be looked at."""

    number: str
    day: date | None
    """On which a search shows it; `None` where none can be relied on to."""
    was_seen: bool
    """Whether it ever was."""


@define
class Noted:
    """What came of noting some sightings."""

    seen: set[str] = field(factory=set)
    """The orders among them that are listed, or are from now on; final ones too."""
    refreshed: set[str] = field(factory=set)
    """Those of them that were watched until now, or are from now on."""
    adopted: int = 0
    """How many are watched from now on."""
    ended: int = 0
    """How many are not, since their status is final."""
    changes: int = 0
    """How many there were."""
    to_confirm: list[str] = field(factory=list)
    """Orders whose details are to be asked for, since a search may lag."""


@frozen
class Outlook:
    """What is ahead."""

    watched: int
    """Orders."""
    due: int
    """Those of them that are to be looked at now."""
    busy: int
    """Those of them that are looked at as often as can be."""
    next_due: float | None
    """When the first of them is due; `None` where there is none."""


class StatusStore:
    """
    A file that keeps what is known of orders being watched; give it to `OrdersClient.poll`.

    It is for one watcher at a time, and for one customer. It holds numbers and statuses, and of changes that were not
    settled yet the orders themselves, addresses included; a file that it makes is nobody else's to read.
    """

    def __init__(self, path: str | PathLike[str], *, clock: Callable[[], float] = time.time) -> None:
        """
        Set up; nothing is opened yet.

        Args:
            path: A file, which is made where there is none; or `":memory:"`.
            clock: Seconds since the epoch, by which orders are due; another is for tests.

        Raises:
            ConfigurationError: *path* is none.
        """
        if not isinstance(path, str | PathLike) or not str(path):
            raise ConfigurationError(f"a status store must be a file, and {brief(path)} is none")
        self.path = str(path)
        self.clock = clock
        self._storage: Storage | None = None
        # In memory, and touched by the loop only; what the worker is given of an order is forgotten here first.
        self._steady: dict[str, _Steady] = {}
        """Orders of which it is known what would be no news: for most, that is all there is to do."""
        self._looked_at: dict[str, float] = {}
        """When orders are due again that were only looked at, as far as not written: after a crash, they are sooner."""

    # ── For `polling` ───────────────────────────────────────────────────────────────────────────────────────────

    async def open(self, whose: str, numbers: Sequence[str] | None) -> bool:
        """
        Open the file, and say what is watched; give whether all of it was gone through before, see `note_begun`.

        Args:
            whose: Names the API, the customer and the country.
            numbers: Of the orders; `None` is for all that are in it, and that searches show.

        Raises:
            ConfigurationError: It cannot be opened or used, is another kind of file, or of somebody else's orders; it
                is left as it is.
        """
        if self._storage is not None:
            raise ConfigurationError(f"the status store {self.path} is in use")

        def work(connection: sqlite3.Connection) -> bool:
            [damage] = connection.execute("PRAGMA quick_check(1)").fetchone()
            if damage != "ok":  # before anything is written
                raise ConfigurationError(f"the status store {self.path} is damaged: {damage}")
            facts = dict(connection.execute("SELECT name, value FROM facts").fetchall())
            if (owner := facts.get("whose", whose)) != whose:
                raise ConfigurationError(f"the status store {self.path} is of {owner}, not of {whose}")
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('whose', ?)", (whose,))
            connection.execute("UPDATE orders SET is_listed = ?", (numbers is None,))
            if numbers is not None:
                connection.executemany(
                    "INSERT INTO orders (number, moved_at, due_at) VALUES (?, ?, 0)"
                    " ON CONFLICT (number) DO UPDATE SET is_listed = 1",
                    ((number, self.clock()) for number in numbers),
                )
            return "begun" in facts

        self._storage = Storage(self.path, _KIND)
        self._steady, self._looked_at = {}, {}
        try:
            await self._storage.__aenter__()
            return await self._run(work)
        except BaseException:
            await self.close()
            raise

    async def note_begun(self) -> None:
        """Keep that all that is watched was gone through once: what is seen first from now on is new."""
        await self._run(lambda connection: connection.execute("INSERT OR REPLACE INTO facts VALUES ('begun', '')"))

    async def close(self) -> None:
        """Finish what was begun, and close. Closing twice is fine."""
        try:
            if self._storage is not None and (looks := self._looks()):
                with suppress(ConfigurationError):  # the file fails, which who watches was told before
                    await self._run(lambda connection: _write_looks(connection, looks))
        finally:
            storage, self._storage = self._storage, None
            self._steady, self._looked_at = {}, {}
            if storage is not None:
                await storage.close()

    async def due(self, terms: Terms) -> list[Due]:
        """List the orders that are to be looked at now, those first that wait the longest."""
        now = self.clock()
        # As in `_due_at`: what is later than anything can be was made so by a clock that has gone back since.
        is_shown = f"hidden_until <= {now} OR hidden_until > {now + HIDDEN}"
        asked = f"""SELECT number, iif(({is_shown}) AND NOT must_confirm, day, NULL), status IS NOT NULL FROM orders
            WHERE {_watched(terms)} AND {_due_at(now, terms)} <= {now}
            ORDER BY due_at, number"""  # noqa: S608  # numbers
        looks = self._looks()

        def work(connection: sqlite3.Connection) -> list[Due]:
            _write_looks(connection, looks)
            return [
                Due(number, None if day is None else date.fromisoformat(day), bool(was_seen))
                for number, day, was_seen in connection.execute(asked)
            ]

        return await self._run(work)

    async def outlook(self, terms: Terms) -> Outlook:
        """Give how many orders are watched, how many of them as often as can be, and when the next is due."""
        now = self.clock()
        # Of one that has not moved for ten times as long, `next_look` is later; of one that fails, `note_failure`.
        busy = f"failures = 0 AND (status IS NULL OR moved_at > {now - 10 * terms.every})"
        due_at = _due_at(now, terms)
        asked = f"""SELECT count(*), total({due_at} <= {now}), total({busy}), min({due_at})
            FROM orders WHERE {_watched(terms)}"""  # noqa: S608  # numbers
        looks = self._looks()

        def work(connection: sqlite3.Connection) -> Outlook:
            _write_looks(connection, looks)
            watched, due, busy_ones, next_due = connection.execute(asked).fetchone()
            return Outlook(watched, int(due), int(busy_ones), next_due)

        return await self._run(work)

    async def note(
        self,
        sightings: Iterable[Sighting],
        terms: Terms,
        *,
        since: float,
        adopts: bool,
        tells_first: bool,
        failed: Sequence[str] = (),
    ) -> Noted:
        """
        Keep what was seen, and the changes that it shows, all of it or nothing.

        Args:
            sightings: What was seen; of an order that is seen twice, the last counts.
            terms: By which orders are due again.
            since: When the round began in which they were seen, from which that counts.
            adopts: Whether orders that are not known are watched from now on.
            tells_first: Whether it is a change that an order is seen for the first time.
            failed: Numbers of orders that could not be looked at: each further time they are due again later.
        """
        now, noted = self.clock(), Noted()
        last = {it.number: it for it in sightings}
        news = {number: it for number, it in last.items() if not self._is_steady(it, now, since, terms, noted)}

        def work(connection: sqlite3.Connection) -> list[WatchedOrder]:
            known = _read_orders(connection, [*news])
            looked_at = list[WatchedOrder]()
            changes = list[StatusChange]()
            for number, its in news.items():
                is_new = number not in known
                if is_new and not adopts:
                    continue
                noted.seen.add(number)
                order = WatchedOrder(number) if is_new else known[number]
                if order.status in terms.final:
                    continue
                noted.refreshed.add(number)
                changes += order.look_at(its, now, since, terms, tells_first=tells_first)
                is_final = order.status in terms.final
                noted.adopted += is_new and not is_final
                noted.ended += is_final and not is_new
                if order.must_confirm and order.is_due(now, terms):
                    noted.to_confirm.append(number)
                looked_at.append(order)
            failures = [*_read_orders(connection, failed).values()]
            for order in failures:
                order.note_failure(now, terms)
            _write_orders(connection, [*looked_at, *failures])
            connection.executemany("INSERT INTO changes (change) VALUES (?)", ((_written(it),) for it in changes))
            noted.changes = len(changes)
            return looked_at

        if news or failed:  # for most pages there are none
            for number in (*news, *failed):
                self._steady.pop(number, None)
                self._looked_at.pop(number, None)
            for order in await self._run(work):
                if order.is_clear and order.status not in terms.final:
                    self._steady[order.number] = _Steady(_said(news[order.number]), order.moved_at)
        return noted

    async def note_missing(self, numbers: Iterable[str], terms: Terms) -> None:
        """Keep that a search did not show orders that it should have: for a while, details are asked for."""
        now, missing = self.clock(), [*numbers]
        for number in missing:
            self._steady.pop(number, None)

        def work(connection: sqlite3.Connection) -> None:
            orders = [*_read_orders(connection, missing).values()]
            for order in orders:
                order.note_miss(now, terms)
            _write_orders(connection, orders)

        await self._run(work)

    async def counts(self) -> dict[date, int]:
        """Give how many orders there are on each day, as far as searches showed it."""

        def work(connection: sqlite3.Connection) -> dict[date, int]:
            found = connection.execute("SELECT day, orders FROM counts")
            return {date.fromisoformat(day): orders for day, orders in found}

        return await self._run(work)

    async def keep_counts(self, counts: Mapping[date, int]) -> None:
        """Put counts of days in the place of those before."""
        rows = [(day.isoformat(), orders) for day, orders in counts.items()]
        await self._run(lambda connection: connection.executemany("INSERT OR REPLACE INTO counts VALUES (?, ?)", rows))

    async def unsettled(self, after: int, at_most: int) -> list[tuple[int, StatusChange]]:
        """Give the changes that nobody has dealt with yet and that come after one, in order; with their ids."""

        def work(connection: sqlite3.Connection) -> list[tuple[int, StatusChange]]:
            found = connection.execute(
                "SELECT id, change FROM changes WHERE id > ? ORDER BY id LIMIT ?", (after, at_most)
            )
            return [(id_, _read(text)) for id_, text in found]

        return await self._run(work)

    async def settle(self, id_: int) -> None:
        """Forget a change: it is dealt with."""
        await self._run(lambda connection: connection.execute("DELETE FROM changes WHERE id = ?", (id_,)))

    def _is_steady(self, sighting: Sighting, now: float, since: float, terms: Terms, noted: Noted) -> bool:
        """Note an order of which it is known that this is no news."""
        number = sighting.number
        steady = self._steady.get(number)
        if steady is None or steady.moved_at > now or steady.said != _said(sighting):
            return False
        self._looked_at[number] = next_look(since, steady.moved_at, every=terms.every, slowest=terms.slowest)
        noted.seen.add(number)
        noted.refreshed.add(number)
        return True

    def _looks(self) -> dict[str, float]:
        """Forget when orders are due again that were only looked at, and give it."""
        looks, self._looked_at = self._looked_at, {}
        return looks

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._storage is None:
            raise ConfigurationError(f"the status store {self.path} is not open")
        try:
            return await self._storage.run(work)
        except (sqlite3.Error, *_DAMAGED) as exc:
            raise ConfigurationError(f"the status store {self.path} cannot be used: {describe(exc)}") from exc

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Steady(NamedTuple):
    """What is remembered of an order for which nothing is open; see `WatchedOrder.is_clear`."""

    said: str
    moved_at: float


def _said(sighting: Sighting) -> str:
    """Give all that was said of an order, so that it is told from anything else."""
    return f"{sighting.source} {sighting.word!r} {sighting.parts} {day_of(sighting.order)}"


def _watched(terms: Terms) -> str:
    final = ", ".join(f"'{status.value}'" for status in terms.final)
    return f"is_listed AND (status IS NULL OR status NOT IN ({final}))"


def _due_at(now: float, terms: Terms) -> str:
    """Say when an order is due, in SQL; see `WatchedOrder.is_due`."""
    return f"iif(due_at > {now + terms.slowest}, {now}, due_at)"


def _read_orders(connection: sqlite3.Connection, numbers: Sequence[str]) -> dict[str, WatchedOrder]:
    """Give those of the orders that are listed, by their numbers."""
    found: dict[str, WatchedOrder] = {}
    for start in range(0, len(numbers), _VALUES):
        some = numbers[start : start + _VALUES]
        for number, day, seen, *others in connection.execute(f"{_READ} ({', '.join('?' * len(some))})", some):
            rest: list[Any] = others
            found[number] = WatchedOrder(
                number,
                None if day is None else date.fromisoformat(day),
                {part: Seen(*its) for part, its in json.loads(seen).items()},
                *rest,
            )
    return found


def _write_orders(connection: sqlite3.Connection, orders: Iterable[WatchedOrder]) -> None:
    connection.executemany(_WRITE, map(_row, orders))


def _row(order: WatchedOrder) -> tuple[str | float | None, ...]:
    """Give the values of `_WRITE`."""
    status = order.status
    seen = json.dumps({part: (it.word, it.search, it.details) for part, it in order.seen.items()})
    return (
        order.number, None if status is None else status.value, None if order.day is None else order.day.isoformat(),
        seen, order.must_confirm, order.failures, order.misses, order.hidden_until, order.moved_at, order.due_at,
    )  # fmt: skip


def _write_looks(connection: sqlite3.Connection, looks: Mapping[str, float]) -> None:
    """Keep when orders are due again that were only looked at: all at once, since that spares most of the work."""
    rows = ((due_at, number) for number, due_at in looks.items())
    connection.executemany("UPDATE orders SET due_at = ? WHERE number = ?", rows)


# ── One change ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _written(change: StatusChange) -> str:
    return write_json(
        {
            "order": change.order_number,
            "part": change.sub_order_number,
            "before": None if change.before is None else change.before.value,
            "after": change.after.value,
            "seen_at": change.seen_at.isoformat(),
            "is_found": isinstance(change.order, FoundOrder),
            "as_seen": unstructure(change.order),
        }
    ).decode()


def _read(text: str) -> StatusChange:
    facts: Any = read_json(text.encode())
    order: Any = structure(facts["as_seen"], FoundOrder if facts["is_found"] else OrderDetailB2B)
    return StatusChange(
        facts["order"],
        facts["part"],
        None if facts["before"] is None else OrderStatus(facts["before"]),
        OrderStatus(facts["after"]),
        datetime.fromisoformat(facts["seen_at"]),
        order,
    )
