"""
What was seen of an order's status, and whether what is seen now is a change; keeps nothing, and asks for nothing.

Search and details differ in spelling, and each may lag behind the other. So what each of them said last is remembered:
a word that one of them only repeats is no news.
"""

from datetime import date, datetime
from enum import Enum
from typing import Final

from attrs import evolve, frozen

from ingram_orders.models import FoundOrder, OrderDetailB2B, OrderStatus
from ingram_orders.models.shared import folded_status

_RANK: Final = {status: rank for rank, status in enumerate(OrderStatus)}


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
    """What was last seen of an order, or of a part of one."""

    status: OrderStatus
    search: str | None = None
    """The word of the last search that showed it, folded; `None` where none did."""
    details: str | None = None
    """The same of the details."""

    @classmethod
    def first(cls, word: str, source: Source) -> "Seen":
        """Give what is seen by the first word there is."""
        return _noted(cls(OrderStatus.of(word)), folded_status(word), source)


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


def judge(seen: Seen, word: str, source: Source, *, is_part: bool = False) -> tuple[Verdict, Seen]:
    """
    Say whether a word is a change, and give what is seen from now on.

    A step back, in the order of an order's life, that a search shows is to be confirmed; so is one of which it cannot
    be said whether it is one. What is not confirmed counts as seen by the search, and not as the status.

    Args:
        seen: What was seen before.
        word: The API's own.
        source: Who says it.
        is_part: Whether it is about a sub-order, of which the details speak by its lines only.
    """
    status, folded = OrderStatus.of(word), folded_status(word)
    last = seen.search if source is Source.SEARCH else seen.details
    noted = _noted(seen, folded, source)
    changed = Verdict.CHANGED, evolve(noted, status=status)
    same, confirm = (Verdict.SAME, noted), (Verdict.CONFIRM, noted)
    if status is seen.status and status is not OrderStatus.UNKNOWN:
        return same
    if OrderStatus.UNKNOWN in (status, seen.status):  # which has no place in an order's life
        if folded == last or (status is seen.status and folded in (seen.search, seen.details)):
            return same
        return confirm if source is Source.SEARCH and last is None else changed
    is_forward = _RANK[status] > _RANK[seen.status]
    if source is Source.SEARCH:
        return changed if is_forward and folded != last else confirm
    if seen.search is not None and OrderStatus.of(seen.search) is status:
        return changed  # the search says so too
    if folded == last or (is_part and last is None and not is_forward):
        return same
    return changed


def _noted(seen: Seen, folded: str, source: Source) -> Seen:
    return evolve(seen, search=folded) if source is Source.SEARCH else evolve(seen, details=folded)
