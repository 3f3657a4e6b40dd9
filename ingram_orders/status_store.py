"""
What is known of orders being watched, and the changes that nobody has dealt with yet; in one file, for one watcher.

Decides nothing but what `sightings` says is a change: what is asked for, and when, `polling` does.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from os import PathLike
from typing import Any, Final, TypeVar

from attrs import define, field, frozen

from ingram_orders.converters import structure, unstructure
from ingram_orders.errors import ConfigurationError, describe
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.models import FoundOrder, OrderDetailB2B, OrderStatus
from ingram_orders.planning import next_look
from ingram_orders.sightings import Seen, Sighting, Source, Verdict, day_of, judge
from ingram_orders.storage import Kind, Storage

T = TypeVar("T")

_KIND: Final = Kind(
    name="status store",
    application_id=0x494F5353,
    version=1,
    schema="""
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE orders (
        number TEXT PRIMARY KEY,
        day TEXT,  -- of the order, where it is known
        is_shown INTEGER NOT NULL DEFAULT 1,  -- whether a search of that day shows it, as far as is known
        status TEXT, search TEXT, details TEXT,  -- as a `Seen`; NULL where nothing was seen yet
        parts TEXT NOT NULL DEFAULT '{}',  -- the same of its sub-orders by their numbers, in JSON
        must_confirm INTEGER NOT NULL DEFAULT 0,  -- whether only its details will do
        moved_at REAL NOT NULL, due_at REAL NOT NULL,  -- in seconds since the epoch
        failures INTEGER NOT NULL DEFAULT 0,  -- since it was last seen
        is_listed INTEGER NOT NULL DEFAULT 1  -- whether it is watched now, unless its status is final
    ) WITHOUT ROWID;
    -- How many orders there are on a day, watched or not, as searches showed.
    CREATE TABLE counts (day TEXT PRIMARY KEY, orders INTEGER NOT NULL) WITHOUT ROWID;
    -- Changes that were not settled yet, in JSON, in the order in which they were seen.
    CREATE TABLE changes (id INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT NOT NULL)""",
)

_DAMAGED: Final = (ValueError, TypeError, KeyError, IndexError)
"""What comes of reading a row that somebody else has written."""


@frozen
class StatusChange:
    """An order, or a part of one, came to have another status."""

    order_number: str
    sub_order_number: str | None
    """Of the part; `None` for the order itself."""
    before: OrderStatus | None
    """`None` where it was not there before."""
    after: OrderStatus
    """May be equal to *before* where both are `UNKNOWN`: then the API's own words differ."""
    seen_at: datetime
    """When it was seen, in UTC; it may have happened at any time since the order was looked at before."""
    order: FoundOrder | OrderDetailB2B
    """The order as it was seen: as a search found it, or its details."""


@frozen(kw_only=True)
class Terms:
    """On what terms orders are watched."""

    every: float
    """Seconds between two looks at an order, at least."""
    slowest: float
    """At most."""
    final: frozenset[OrderStatus]
    """Where an order is watched no more."""


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
    """The watched orders among them."""
    changes: int = 0
    """How many there were."""
    to_confirm: list[str] = field(factory=list)
    """Orders whose details are to be asked for, since a search may lag."""


@frozen
class Outlook:
    """What is ahead."""

    watched: int
    """Orders."""
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
        """
        self.path = str(path)
        self.clock = clock
        self._storage: Storage | None = None

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

        storage = Storage(self.path, _KIND)
        await storage.__aenter__()
        self._storage = storage
        try:
            return await self._run(work)
        except BaseException:
            await self.close()
            raise

    async def note_begun(self) -> None:
        """Keep that all that is watched was gone through once: what is seen first from now on is new."""
        await self._run(lambda connection: connection.execute("INSERT OR REPLACE INTO facts VALUES ('begun', '')"))

    async def close(self) -> None:
        """Finish what was begun, and close. Closing twice is fine."""
        storage, self._storage = self._storage, None
        if storage is not None:
            await storage.close()

    async def due(self, terms: Terms) -> list[Due]:
        """List the orders that are to be looked at now."""
        now = self.clock()

        # What is due later than anything can be was made so by a clock that has gone back since.
        asked = f"""SELECT number, iif(is_shown AND NOT must_confirm, day, NULL), status IS NOT NULL FROM orders
            WHERE {_watched(terms)} AND (due_at <= {now} OR due_at > {now + terms.slowest})"""  # noqa: S608  # numbers
        found = await self._run(lambda connection: connection.execute(asked).fetchall())
        return [
            Due(it, None if day is None else date.fromisoformat(day), bool(was_seen)) for it, day, was_seen in found
        ]

    async def outlook(self, terms: Terms) -> Outlook:
        """Give how many orders are watched, how many of them as often as can be, and when the next is due."""
        # Of one that has not moved for ten times as long, `next_look` is later.
        busy = f"status IS NULL OR moved_at > {self.clock() - 10 * terms.every}"
        asked = f"SELECT count(*), total({busy}), min(due_at) FROM orders WHERE {_watched(terms)}"  # noqa: S608
        watched, busy_ones, next_due = await self._run(lambda connection: connection.execute(asked).fetchone())
        return Outlook(watched, int(busy_ones), next_due)

    async def note(
        self, sightings: Iterable[Sighting], terms: Terms, *, since: float, adopts: bool, tells_first: bool
    ) -> Noted:
        """
        Keep what was seen, and the changes that it shows, all of it or nothing.

        Args:
            sightings: One of each order.
            terms: By which orders are due again.
            since: When the round began in which they were seen, from which that counts.
            adopts: Whether orders that are not known are watched from now on.
            tells_first: Whether it is a change that an order is seen for the first time.
        """
        now, seen = self.clock(), [*sightings]

        def work(connection: sqlite3.Connection) -> Noted:
            noted = Noted()
            for sighting in seen:
                known = _known(connection, sighting.number)
                if known is None and adopts:
                    known = _Known(sighting.number)
                if known is None or not known.is_listed:
                    continue
                changes = _look_at(known, sighting, now, tells_first=tells_first)
                if known.must_confirm:
                    known.due_at = since
                    noted.to_confirm.append(sighting.number)
                else:
                    known.due_at = next_look(since, known.moved_at, every=terms.every, slowest=terms.slowest)
                _keep(connection, known)
                rows = [(_written(it),) for it in changes]
                connection.executemany("INSERT INTO changes (change) VALUES (?)", rows)
                noted.seen.add(sighting.number)
                noted.changes += len(changes)
            return noted

        return await self._run(work)

    async def note_failure(self, number: str, terms: Terms) -> float:
        """Keep that an order could not be looked at; give the seconds after which it is due again."""
        now = self.clock()

        def work(connection: sqlite3.Connection) -> float:
            failures: int
            [(failures,)] = connection.execute("SELECT failures FROM orders WHERE number = ?", (number,)).fetchall()
            wait = min(terms.every * 2.0 ** min(failures, 60), terms.slowest)
            connection.execute(
                "UPDATE orders SET failures = failures + 1, due_at = ? WHERE number = ?", (now + wait, number)
            )
            return wait

        return await self._run(work)

    async def note_missing(self, numbers: Iterable[str]) -> None:
        """Keep that a search did not show orders that it should have: from now on their details are asked for."""
        missing = [(number,) for number in numbers]
        await self._run(
            lambda connection: connection.executemany("UPDATE orders SET is_shown = 0 WHERE number = ?", missing)
        )

    async def counts(self) -> dict[date, int]:
        """Give how many orders there are on each day, as far as searches showed it."""
        found = await self._run(lambda connection: connection.execute("SELECT day, orders FROM counts").fetchall())
        return {date.fromisoformat(day): orders for day, orders in found}

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

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._storage is None:
            raise ConfigurationError(f"the status store {self.path} is not open")
        try:
            return await self._storage.run(work)
        except (sqlite3.Error, *_DAMAGED) as exc:
            raise ConfigurationError(f"the status store {self.path} cannot be used: {describe(exc)}") from exc

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"


# ── One order ───────────────────────────────────────────────────────────────────────────────────────────────────────


@define
class _Known:
    """A row of the orders."""

    number: str
    day: str | None = None
    is_shown: bool = True
    seen: Seen | None = None
    parts: dict[str, Seen] = field(factory=dict)
    must_confirm: bool = False
    moved_at: float = 0.0
    due_at: float = 0.0
    failures: int = 0
    is_listed: bool = True


def _look_at(known: _Known, sighting: Sighting, now: float, *, tells_first: bool) -> list[StatusChange]:
    """Bring what is known of an order up to what was seen, and give the changes."""
    is_new = known.seen is None
    # Under another number it is not found again: a sub-order's, or one in small letters.
    day = day_of(sighting.order) if sighting.order.ingram_order_number == sighting.number else None
    seen_at = datetime.fromtimestamp(now, UTC)
    changes: list[StatusChange] = []
    known.must_confirm, known.failures = False, 0

    def look(seen: Seen | None, part: str | None, word: str) -> Seen:
        if seen is None:
            verdict, after = Verdict.CHANGED, Seen.first(word, sighting.source)
        else:
            verdict, after = judge(seen, word, sighting.source, is_part=part is not None)
        known.must_confirm |= verdict is Verdict.CONFIRM
        if verdict is Verdict.CHANGED and (tells_first or not is_new):
            before = None if seen is None else seen.status
            changes.append(StatusChange(known.number, part, before, after.status, seen_at, sighting.order))
        return after

    if sighting.word is not None:
        known.seen = look(known.seen, None, sighting.word)
    for part, word in sorted(sighting.parts.items()):
        known.parts[part] = look(known.parts.get(part), part, word)
    if sighting.source is Source.SEARCH:
        known.is_shown = True
    if day is not None:
        known.day = day.isoformat()
    if is_new:  # it has not moved since it was placed, as far as is known
        known.moved_at = (
            now if day is None else min(now, datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        )
    elif changes:
        known.moved_at = now
    return changes


def _watched(terms: Terms) -> str:
    final = ", ".join(f"'{status.value}'" for status in terms.final)
    return f"is_listed AND (status IS NULL OR status NOT IN ({final}))"


def _known(connection: sqlite3.Connection, number: str) -> _Known | None:
    found = connection.execute(
        "SELECT number, day, is_shown, status, search, details, parts, must_confirm, moved_at, due_at, failures,"
        " is_listed FROM orders WHERE number = ?",
        (number,),
    ).fetchone()
    if found is None:
        return None
    _, day, is_shown, status, search, details, parts, *rest = found
    seen = None if status is None else Seen(OrderStatus(status), search, details)
    its = {part: Seen(OrderStatus(it[0]), *it[1:]) for part, it in json.loads(parts).items()}
    return _Known(number, day, is_shown, seen, its, *rest)


def _keep(connection: sqlite3.Connection, known: _Known) -> None:
    seen = known.seen
    connection.execute(
        "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            known.number, known.day, known.is_shown,
            *((None, None, None) if seen is None else _facts_of(seen)),
            json.dumps({part: _facts_of(it) for part, it in known.parts.items()}),
            known.must_confirm, known.moved_at, known.due_at, known.failures, known.is_listed,
        ),
    )  # fmt: skip


def _facts_of(seen: Seen) -> tuple[str, str | None, str | None]:
    return seen.status.value, seen.search, seen.details


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
