"""
One order that is watched: what is known of it, which of what is seen of it is a change, and when to look again.

Keeps nothing, `status_store` does; whether one word is a change from another, `sightings` says.
"""

from datetime import UTC, date, datetime
from typing import Final

from attrs import define, field, frozen

from ingram_orders.models import FoundOrder, OrderDetailB2B, OrderStatus
from ingram_orders.planning import next_look
from ingram_orders.sightings import Seen, Sighting, Source, Verdict, day_of, judge, placed_by, sighting

_LAG: Final = 3_600.0
"""Seconds after which what was seen last is everywhere."""

HIDDEN: Final = 86_400.0
"""Seconds for which a search is not relied on, at most, to show an order that it did not show."""


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


@define
class WatchedOrder:
    """What is known of an order; times are seconds since the epoch."""

    number: str
    day: date | None = None
    """Of the order; `None` where it is not known."""
    seen: dict[str, Seen] = field(factory=dict)
    """What was seen of it, by `""`, and of its parts, by their numbers; empty where it was not seen yet."""
    must_confirm: bool = False
    """Whether only its details will do."""
    failures: int = 0
    """How often it could not be looked at since it was last seen."""
    misses: int = 0
    """How many searches should have shown it and did not, since one did."""
    hidden_until: float = 0.0
    """Until when none is relied on to."""
    moved_at: float = 0.0
    due_at: float = 0.0
    is_clear: bool = field(default=False, eq=False)
    """
    Whether a search showed it last, and left nothing open: if one shows the same again, only `due_at` moves on.

    This is not kept, and is not known of what is read again.
    """

    def is_due(self, now: float, terms: Terms) -> bool:
        """
        Whether it is to be looked at: `StatusStore` finds those of the file by the same rule.

        What is later than anything can be was made so by a clock that has gone back since.
        """
        return self.due_at <= now or self.due_at > now + terms.slowest

    @property
    def status(self) -> OrderStatus | None:
        """Its own; `None` where none was seen."""
        seen = self.seen.get("")
        return None if seen is None else seen.status

    def look_at(
        self, sighting: Sighting, now: float, since: float, terms: Terms, *, tells_first: bool
    ) -> list[StatusChange]:
        """
        Bring what is known up to what was seen, and give the changes that are to be told.

        Args:
            sighting: What was seen.
            now: When.
            since: When the round began in which it was, from which it counts when to look again.
            terms: By which that is.
            tells_first: Whether it is a change that it is seen for the first time.
        """
        is_search, is_new = sighting.source is Source.SEARCH, not self.seen
        was_due, is_doubtful, is_to_confirm = self.is_due(now, terms), False, False
        self.moved_at = min(self.moved_at, now)  # the clock may have gone back
        has_rested = now - self.moved_at > _LAG
        changes: list[StatusChange] = []
        words: dict[str, str | None] = {"": sighting.word, **sighting.parts}
        if not is_search:
            if self.must_confirm:  # what the details say nothing of, they do not deny
                words = {**dict.fromkeys(self.seen), **words}
            self.must_confirm = False
        for part, word in words.items():
            seen = self.seen.get(part)
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
                changes.append(StatusChange(self.number, part or None, before, after.status, seen_at, sighting.order))
            if after is not seen:
                self.seen[part] = after
        # Under another number it is not found again: a sub-order's, or one in small letters.
        day = day_of(sighting.order) if sighting.order.ingram_order_number == sighting.number else None
        if day is not None:
            self.day = day
        if is_search:
            self.misses, self.hidden_until = 0, 0.0
        if is_new:  # it has not moved since it was placed, as far as is known
            placed = placed_by(sighting.order)
            self.moved_at = now if placed is None else min(now, placed.timestamp())
        elif changes:
            self.moved_at = now
        if is_to_confirm:
            self.must_confirm, self.due_at = True, min(since, now)
        elif not (is_doubtful or self.must_confirm):
            self.failures = 0
            self.due_at = next_look(since, self.moved_at, every=terms.every, slowest=terms.slowest)
        self.is_clear = is_search and bool(self.seen) and not (is_doubtful or self.must_confirm)
        return changes

    def note_failure(self, now: float, terms: Terms) -> None:
        """Note that it could not be looked at: each further time, it is due again later."""
        self.due_at = now + min(terms.every * 2.0 ** min(self.failures, 60), terms.slowest)
        self.failures += 1

    def note_miss(self, now: float, terms: Terms) -> None:
        """
        Note that a search did not show it that should have: for a while, details are asked for.

        That may have been an order that no search shows, or a search that was wrong. So it is tried again, each time
        after twice as long.
        """
        self.misses += 1
        self.hidden_until = now + min(terms.every * 2.0 ** min(self.misses, 60), HIDDEN)
