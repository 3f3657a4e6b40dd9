"""
What was seen of an order's status, and whether what is seen now is a change; keeps nothing, and asks for nothing.

Search and details differ in spelling, and each may lag behind the other. So what each of them said last is remembered:
a word that one of them only repeats is no news.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from functools import lru_cache
from typing import Final

from attrs import frozen

from ingram_orders.models import FoundOrder, OrderDetailB2B, OrderStatus
from ingram_orders.models.shared import folded_status

_WESTERNMOST: Final = timezone(timedelta(hours=-12))
"""Where a day ends last."""

_RANK: Final[Mapping[OrderStatus, int]] = {
    status: rank for rank, status in enumerate(OrderStatus) if status is not OrderStatus.UNKNOWN
}
"""How far along an order's life a status is."""

_fold = lru_cache(folded_status)
_status = lru_cache(OrderStatus.of)


class Source(Enum):
    """Who says it."""

    SEARCH = "search"
    DETAILS = "details"


class Verdict(Enum):
    """What a word is, beside those before it."""

    SAME = "same"
    """No news."""
    CHANGED = "changed"
    CONFIRM = "confirm"
    """A change, if the details say so too: a search may lag."""


@frozen
class Seen:
    """What was last seen of an order, or of a part of one; words are folded."""

    word: str
    """That of its status."""
    search: str | None = None
    """What the last search said that showed it; `None` where none did."""
    details: str | None = None
    """What its details said last."""

    @classmethod
    def first(cls, word: str, source: Source) -> "Seen":
        """Give what is seen by the first word there is."""
        folded = _fold(word)
        return cls(folded, folded) if source is Source.SEARCH else cls(folded, None, folded)

    @property
    def status(self) -> OrderStatus:
        """How far it is."""
        return _status(self.word)

    def after(self, source: Source, word: str) -> "Seen":
        """Give the same once one of the two has said a word."""
        if source is Source.SEARCH:
            return self if self.search == word else Seen(self.word, word, self.details)
        return self if self.details == word else Seen(self.word, self.search, word)


@frozen(kw_only=True)
class Sighting:
    """One order as an answer shows it."""

    number: str
    source: Source
    order: FoundOrder | OrderDetailB2B
    word: str | None
    """Its status, in the API's own word."""
    parts: dict[str, str]
    """The words of its sub-orders, by their numbers; without those of which nothing is said."""


def sighting(order: FoundOrder | OrderDetailB2B, number: str | None = None) -> Sighting | None:
    """
    Read what an answer says of an order; `None` where it does not say of which.

    Args:
        order: As a search found it, or its details.
        number: What it was asked for; `None` is for the number that it says.
    """
    number = number or order.ingram_order_number
    if not number:
        return None
    parts: dict[str, str] = {}
    if isinstance(order, FoundOrder):
        source = Source.SEARCH
        for part in order.sub_orders:
            if part.sub_order_number and part.sub_order_status:
                parts[part.sub_order_number] = part.sub_order_status
    else:
        source = Source.DETAILS
        words: dict[str, dict[OrderStatus, str]] = {}
        for line in order.lines:
            if line.sub_order_number and line.line_status:
                words.setdefault(line.sub_order_number, {})[line.status] = line.line_status
        # Details say nothing of a sub-order but by its lines, and where those differ, nothing.
        parts = {part: word for part, its in words.items() if len(its) == 1 for word in its.values()}
    return Sighting(number=number, source=source, order=order, word=order.order_status or None, parts=parts)


def day_of(order: FoundOrder | OrderDetailB2B) -> date | None:
    """Give the day of an order, as its own clock told it."""
    day = order.ingram_order_date
    return day.date() if isinstance(day, datetime) else day


def placed_by(order: FoundOrder | OrderDetailB2B) -> datetime | None:
    """Give when an order had been placed at the latest: a time without an offset, or a day, may be of any zone."""
    when = order.ingram_order_date
    if when is None:
        return None
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day, 23, 59, 59)
    return when if when.tzinfo is not None else when.replace(tzinfo=_WESTERNMOST)


def judge(
    seen: Seen, word: str | None, source: Source, *, is_part: bool = False, has_rested: bool = False
) -> tuple[Verdict, Seen]:
    """
    Say whether a word is a change, and give what is seen from now on.

    A step back, in the order of an order's life, that a search shows is to be confirmed; so is one of which it cannot
    be said whether it is one. What is not confirmed counts as seen by the search, and not as the status.

    Args:
        seen: What was seen before.
        word: The API's own; `None` where the details say nothing, and so do not deny what the search said.
        source: Who says it.
        is_part: Whether it is about a sub-order, of which the details speak by its lines only.
        has_rested: Whether the last change is so long ago that details that still differ cannot just lag.
    """
    if word is None:
        if source is Source.SEARCH or seen.search is None or _is_same(seen.word, seen.search):
            return Verdict.SAME, seen
        return Verdict.CHANGED, Seen(seen.search, seen.search, seen.details)
    folded = _fold(word)
    last = seen.search if source is Source.SEARCH else seen.details
    noted = seen.after(source, folded)
    if _is_same(seen.word, folded):
        return Verdict.SAME, noted
    changed = Verdict.CHANGED, Seen(folded, noted.search, noted.details)
    before, after = _RANK.get(seen.status), _RANK.get(_status(folded))
    is_forward = before is not None and after is not None and after > before
    if source is Source.SEARCH:
        # What has no place in an order's life is believed of a search that is known not to lag.
        is_news = is_forward or (None in (before, after) and last is not None and _is_same(seen.word, last))
        return changed if is_news and folded != last else (Verdict.CONFIRM, noted)
    if has_rested or (seen.search is not None and _is_same(seen.search, folded)):
        return changed
    if folded == last or (is_part and last is None and not is_forward):
        return Verdict.SAME, noted  # the search is ahead
    return changed


def _is_same(one: str, other: str) -> bool:
    """Whether two folded words are one status; of those that are not known, each is its own."""
    return one == other or (_status(one) is _status(other) and _status(one) is not OrderStatus.UNKNOWN)
