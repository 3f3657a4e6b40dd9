"""
What is known of orders being watched, and the changes that nobody has dealt with yet; in one file, for one watcher.

Decides nothing but what `sightings` says is a change: what is asked for, and when, `polling` does.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from os import PathLike
from typing import Any, Final, NamedTuple, TypeVar

from attrs import define, field, frozen

from ingram_orders.converters import structure, unstructure
from ingram_orders.errors import ConfigurationError, InvalidRequestError, brief, describe
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.models import FoundOrder, OrderDetailB2B, OrderStatus
from ingram_orders.planning import next_look
from ingram_orders.sightings import Seen, Sighting, Source, Verdict, day_of, judge, placed_by, sighting
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
        status TEXT,  -- NULL where it was not seen yet
        seen TEXT NOT NULL DEFAULT '{}',  -- of it ("") and of its parts by their numbers, each as a `Seen`, in JSON
        said TEXT,  -- all that a search said of it that agrees with that; NULL where none did, or something is open
        must_confirm INTEGER NOT NULL DEFAULT 0,  -- whether only its details will do
        moved_at REAL NOT NULL, due_at REAL NOT NULL,  -- in seconds since the epoch
        failures INTEGER NOT NULL DEFAULT 0,  -- since it was last seen
        misses INTEGER NOT NULL DEFAULT 0,  -- searches that should have shown it and did not, since one did
        hidden_until REAL NOT NULL DEFAULT 0,  -- until when none is relied on to
        is_listed INTEGER NOT NULL DEFAULT 1  -- whether it is watched now, unless its status is final
    ) WITHOUT ROWID;
    -- How many orders there are on a day, watched or not, as searches showed.
    CREATE TABLE counts (day TEXT PRIMARY KEY, orders INTEGER NOT NULL) WITHOUT ROWID;
    -- Changes that were not settled yet, in JSON, in the order in which they were seen.
    CREATE TABLE changes (id INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT NOT NULL)""",
)

_VALUES: Final = 900
"""Of one statement, at most: older versions of SQLite take 999."""

_HIDDEN: Final = 86_400.0
"""Seconds for which a search is not relied on, at most, to show an order that it did not show."""

_LAG: Final = 3_600.0
"""Seconds after which what was seen last is everywhere."""

_DAMAGED: Final = (ValueError, TypeError, AttributeError, KeyError, IndexError, InvalidRequestError)
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

    @property
    def word(self) -> str | None:
        """The API's own word for *after*; `None` where *order* does not say it."""
        seen = sighting(self.order, self.order_number)
        if seen is None:
            return None
        return seen.word if self.sub_order_number is None else seen.parts.get(self.sub_order_number)


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
    """The listed orders among them, final ones too."""
    refreshed: int = 0
    """How many of those were watched until now."""
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
        self._looked_at: dict[str, float] = {}
        """
        When orders are due again that were only looked at. Written all at once, in the order of the file: one by one
        that would be most of the work, and after a crash they are just looked at sooner.
        """

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

        self._storage, self._looked_at = Storage(self.path, _KIND), {}
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
            if self._storage is not None and self._looked_at:
                with suppress(ConfigurationError):  # the file fails, which who watches was told before
                    await self._run(self._write_looks)
        finally:
            storage, self._storage = self._storage, None
            if storage is not None:
                await storage.close()

    async def due(self, terms: Terms) -> list[Due]:
        """List the orders that are to be looked at now, those first that wait the longest."""
        now = self.clock()

        # What is later than anything can be was made so by a clock that has gone back since.
        is_shown = f"hidden_until <= {now} OR hidden_until > {now + _HIDDEN}"
        asked = f"""SELECT number, iif(({is_shown}) AND NOT must_confirm, day, NULL), status IS NOT NULL FROM orders
            WHERE {_watched(terms)} AND (due_at <= {now} OR due_at > {now + terms.slowest})
            ORDER BY due_at, number"""  # noqa: S608  # numbers

        def work(connection: sqlite3.Connection) -> list[Due]:
            self._write_looks(connection)
            return [
                Due(number, None if day is None else date.fromisoformat(day), bool(was_seen))
                for number, day, was_seen in connection.execute(asked)
            ]

        return await self._run(work)

    async def outlook(self, terms: Terms) -> Outlook:
        """Give how many orders are watched, how many of them as often as can be, and when the next is due."""
        now = self.clock()
        # Of one that has not moved for ten times as long, `next_look` is later.
        busy = f"status IS NULL OR moved_at > {now - 10 * terms.every}"
        due_at = f"iif(due_at > {now + terms.slowest}, {now}, due_at)"  # as in `due`
        asked = f"SELECT count(*), total({busy}), min({due_at}) FROM orders WHERE {_watched(terms)}"  # noqa: S608

        def work(connection: sqlite3.Connection) -> Outlook:
            self._write_looks(connection)
            watched, busy_ones, next_due = connection.execute(asked).fetchone()
            return Outlook(watched, int(busy_ones), next_due)

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
            sightings: One of each order.
            terms: By which orders are due again.
            since: When the round began in which they were seen, from which that counts.
            adopts: Whether orders that are not known are watched from now on.
            tells_first: Whether it is a change that an order is seen for the first time.
            failed: Numbers of orders that could not be looked at: each further time they are due again later.
        """
        now, seen, left = self.clock(), {it.number: it for it in sightings}, {it.value for it in terms.final}

        def work(connection: sqlite3.Connection) -> Noted:
            noted = Noted()
            changes, changed = list[StatusChange](), list[_Order]()
            known = _rows(connection, [*seen])
            for number, its in seen.items():
                row = known.get(number)
                if row is None and not adopts:
                    continue
                if row is not None:
                    if not row.is_listed:
                        continue
                    noted.seen.add(number)
                    if row.status in left:
                        continue
                    noted.refreshed += 1
                    if row.said is not None and row.said == _said(its):  # as for most: spare them the rest
                        due_at = next_look(since, row.moved_at, every=terms.every, slowest=terms.slowest)
                        self._looked_at[number] = due_at
                        continue
                order = _Order(number) if row is None else self._order(row)
                if row is None:
                    noted.seen.add(number)
                    noted.refreshed += 1
                changes += _look_at(order, its, now, since, terms, tells_first=tells_first)
                is_final = order.status is not None and order.status.value in left
                noted.adopted += row is None and not is_final
                noted.ended += row is not None and is_final
                if order.must_confirm and order.due_at <= now:
                    noted.to_confirm.append(number)
                changed.append(order)
            _keep(connection, changed)
            connection.executemany("INSERT INTO changes (change) VALUES (?)", ((_written(it),) for it in changes))
            noted.changes = len(changes)
            failures = [self._order(it) for it in _rows(connection, failed).values()]
            for order in failures:
                order.said = None
                order.due_at = now + min(terms.every * 2.0 ** min(order.failures, 60), terms.slowest)
                order.failures += 1
            _keep(connection, failures)
            return noted

        return await self._run(work)

    async def note_missing(self, numbers: Iterable[str], terms: Terms) -> None:
        """
        Keep that a search did not show orders that it should have: for a while, details are asked for.

        That may have been an order that no search shows, or a search that was wrong. So it is tried again, each time
        after twice as long.
        """
        now, missing = self.clock(), [*numbers]

        def work(connection: sqlite3.Connection) -> None:
            orders = [self._order(it) for it in _rows(connection, missing).values()]
            for order in orders:
                order.said = None
                order.misses += 1
                order.hidden_until = now + min(terms.every * 2.0 ** min(order.misses, 60), _HIDDEN)
            _keep(connection, orders)

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

    # In the worker, as all work is.

    def _order(self, row: "_Row") -> "_Order":
        order = _Order.of(row)
        order.due_at = self._looked_at.pop(row.number, order.due_at)
        return order

    def _write_looks(self, connection: sqlite3.Connection) -> None:
        looks = ((due_at, number) for number, due_at in sorted(self._looked_at.items()))
        connection.executemany("UPDATE orders SET due_at = ? WHERE number = ?", looks)
        self._looked_at.clear()

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


class _Row(NamedTuple):
    """What the file has of an order; see `_KIND`."""

    number: str
    day: str | None
    status: str | None
    seen: str
    said: str | None
    must_confirm: bool
    moved_at: float
    due_at: float
    failures: int
    misses: int
    hidden_until: float
    is_listed: bool


_COLUMNS: Final = ", ".join(_Row._fields)


@define
class _Order:
    """The same, to be worked with."""

    number: str
    day: str | None = None
    seen: dict[str, Seen] = field(factory=dict)
    """What was seen of it, by `""`, and of its parts, by their numbers."""
    said: str | None = None
    must_confirm: bool = False
    moved_at: float = 0.0
    due_at: float = 0.0
    failures: int = 0
    misses: int = 0
    hidden_until: float = 0.0
    is_listed: bool = True

    @classmethod
    def of(cls, row: _Row) -> "_Order":
        number, day, _, text, *others = row
        rest: list[Any] = others
        return cls(number, day, {part: Seen(*its) for part, its in json.loads(text).items()}, *rest)

    @property
    def status(self) -> OrderStatus | None:
        seen = self.seen.get("")
        return None if seen is None else seen.status

    def row(self) -> _Row:
        status = self.status
        text = json.dumps({part: (it.word, it.search, it.details) for part, it in self.seen.items()})
        return _Row(
            self.number, self.day, None if status is None else status.value, text, self.said, self.must_confirm,
            self.moved_at, self.due_at, self.failures, self.misses, self.hidden_until, self.is_listed,
        )  # fmt: skip


def _look_at(
    order: _Order, sighting: Sighting, now: float, since: float, terms: Terms, *, tells_first: bool
) -> list[StatusChange]:
    """Bring what is known of an order up to what was seen, and give the changes that are to be told."""
    is_search, is_new = sighting.source is Source.SEARCH, not order.seen
    was_due, is_doubtful, is_to_confirm = order.due_at <= now, False, False
    has_rested = now - order.moved_at > _LAG
    changes: list[StatusChange] = []
    words: dict[str, str | None] = {"": sighting.word, **sighting.parts}
    if not is_search:
        if order.must_confirm:  # what the details say nothing of, they do not deny
            words = {**dict.fromkeys(order.seen), **words}
        order.must_confirm = False
    for part, word in words.items():
        seen = order.seen.get(part)
        if seen is not None:
            verdict, after = judge(seen, word, sighting.source, is_part=bool(part), has_rested=has_rested)
        elif word is not None:
            verdict, after = Verdict.CHANGED, Seen.first(word, sighting.source)
        else:
            continue
        if verdict is Verdict.CONFIRM:
            is_doubtful = True
            # What a search says again and again is confirmed no more often than the order is looked at anyway.
            is_to_confirm |= was_due or after is not seen
        elif verdict is Verdict.CHANGED and (tells_first or not is_new):
            before = None if seen is None else seen.status
            seen_at = datetime.fromtimestamp(now, UTC)
            changes.append(StatusChange(order.number, part or None, before, after.status, seen_at, sighting.order))
        if after is not seen:
            order.seen[part] = after
    # Under another number it is not found again: a sub-order's, or one in small letters.
    day = day_of(sighting.order) if sighting.order.ingram_order_number == sighting.number else None
    if day is not None:
        order.day = day.isoformat()
    if is_search:
        order.misses, order.hidden_until = 0, 0.0
    if is_new:  # it has not moved since it was placed, as far as is known
        placed = placed_by(sighting.order)
        order.moved_at = now if placed is None else min(now, placed.timestamp())
    elif changes:
        order.moved_at = now
    if is_to_confirm:
        order.must_confirm, order.due_at = True, min(since, now)
    elif not (is_doubtful or order.must_confirm):
        order.failures = 0
        order.due_at = next_look(since, order.moved_at, every=terms.every, slowest=terms.slowest)
    order.said = None if not is_search or is_doubtful or order.must_confirm else _said(sighting)
    return changes


def _said(sighting: Sighting) -> str | None:
    """Give all that a search said; `None` for what details did."""
    if sighting.source is Source.DETAILS:
        return None
    return f"{sighting.word} {sighting.parts}"


def _watched(terms: Terms) -> str:
    final = ", ".join(f"'{status.value}'" for status in terms.final)
    return f"is_listed AND (status IS NULL OR status NOT IN ({final}))"


def _rows(connection: sqlite3.Connection, numbers: Sequence[str]) -> dict[str, _Row]:
    found: dict[str, _Row] = {}
    for start in range(0, len(numbers), _VALUES):
        some = numbers[start : start + _VALUES]
        asked = f"SELECT {_COLUMNS} FROM orders WHERE number IN ({', '.join('?' * len(some))})"  # noqa: S608
        found |= {row[0]: _Row._make(row) for row in connection.execute(asked, some)}
    return found


def _keep(connection: sqlite3.Connection, orders: Iterable[_Order]) -> None:
    places = ", ".join("?" * len(_Row._fields))
    connection.executemany(
        f"INSERT OR REPLACE INTO orders ({_COLUMNS}) VALUES ({places})",  # noqa: S608
        (it.row() for it in orders),
    )


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
