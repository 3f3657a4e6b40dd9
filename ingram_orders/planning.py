"""
Which calls show all orders that are due, for the fewest calls, and when to look again; makes none, and knows no clock.

What bounds the watching of many orders is the quota. A search of a range of days gives a page of orders for a call,
whoever watches them; a call for details gives one.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

from attrs import define, field, frozen

_PAGE: Final = 100
"""Orders of a page, at most."""

_DAY: Final = timedelta(days=1)

_SPAN: Final = 30
"""Days that a window of an exploration covers."""

_FARTHEST: Final = 730
"""Days that an exploration covers at most."""

_STAKE: Final = 10
"""An exploration loses at most one call for so many orders that it looks for."""


@frozen
class Window:
    """A range of order dates to search, by the two ends that are asked for (`ingramOrderDate-bt`)."""

    first: date
    last: date

    def covers(self, day: date) -> bool:
        """
        Whether the search is sure to show the orders of a day: strictly between the ends.

        Whether the ends themselves count is not documented, and a day may be told by another zone's clock.
        """
        return self.first < day < self.last

    def days(self) -> Iterator[date]:
        """Give the days that it covers."""
        for ordinal in range(self.first.toordinal() + 1, self.last.toordinal()):
            yield date.fromordinal(ordinal)


def _around(first: date, last: date) -> Window:
    """Give the window that covers these days, and all between."""
    return Window(first - _DAY, last + _DAY)


@frozen(kw_only=True)
class Plan:
    """What to call, so that each order that is due is seen."""

    windows: tuple[Window, ...]
    """The earliest first; no day is covered by two."""
    details: tuple[str, ...]
    """Numbers of the orders to ask for one by one, in the order given."""
    calls: int
    """What all of it is expected to cost."""


def pages(orders: int, page_size: int = _PAGE) -> int:
    """Give the calls that a search costs: only a page that is not full ends it, so a full last one costs one more."""
    return orders // page_size + 1


def plan_round(due: Mapping[str, date | None], counts: Mapping[date, int], *, page_size: int = _PAGE) -> Plan:
    """
    Give the cheapest mix of searches and details that covers all orders that are due: no other costs fewer calls.

    Of two that cost the same, it takes the search rather than the details where that shows other orders too, which may
    then need no look of their own, and the details where it does not: theirs is the price that is certain. Of searches
    it takes the one with the most room in its last page, since counts are only about right.

    Args:
        due: The days of the orders by their numbers; `None` where it is not known, and then details are asked for.
        counts: How many orders the account has on a day, due or not, as far as is known. Where more are due than it
            says, there are as many as are due.
        page_size: Orders of a full page.
    """
    # Neither the first day that there is, which some systems write for none, nor the last can be strictly inside.
    due_on = Counter(day for day in due.values() if day is not None and date.min < day < date.max)
    days = sorted(due_on)
    starts, calls = _cheapest(days, due_on, counts, page_size)
    windows, searched, end = list[Window](), set[date](), len(days)
    while end:
        if (start := starts[end - 1]) is None:
            end -= 1
        else:
            windows.append(_around(days[start], days[end - 1]))
            searched.update(days[start:end])
            end = start
    return Plan(
        windows=tuple(reversed(windows)),
        details=tuple(number for number, day in due.items() if day not in searched),
        calls=calls + len(due) - due_on.total(),
    )


def _cheapest(
    days: list[date], due_on: Counter[date], counts: Mapping[date, int], page_size: int
) -> tuple[list[int | None], int]:
    """
    Give for each day, as if it were the last one, the index of the day with which its window starts; and the calls.

    It is `None` where details are to be asked for. The calls are those of the whole, the fewest that there can be.
    """
    known = sorted({*counts, *days})
    orders_before = [0, *accumulate(max(counts.get(day, 0), due_on[day]) for day in known)]
    due_before = [0, *accumulate(due_on[day] for day in days)]
    least, starts = [0], list[int | None]()  # calls for the days before each, and for all
    # With `orders` in it, a window that starts there costs `least + orders // page_size + 1` in all, which is
    # `(page_size * least + orders) // page_size + 1`. `orders` are those up to its end less those before its start, so
    # the best start is that of the least `page_size * least - before`, wherever the window ends: one look at each day
    # is enough. Of equally cheap ones this leaves the most room in the last page; of those, the earliest shows most.
    best, start, skipped = 0, 0, 0
    for index, day in enumerate(days):
        # The ends may count, and so are paid for.
        before = orders_before[bisect_left(known, day - _DAY)]
        spent = page_size * least[index] - before
        if spent < best:
            best, start, skipped = spent, index, before
        through = orders_before[bisect_right(known, day + _DAY)]
        by_search, by_details = (best + through) // page_size + 1, least[index] + due_on[day]
        shows_others = through - skipped > due_before[index + 1] - due_before[start]
        is_searched = by_search < by_details or (by_search == by_details and shows_others)
        least.append(min(by_search, by_details))
        starts.append(start if is_searched else None)
    return starts, least[-1]


@define(kw_only=True)
class Exploration:
    """
    Looks for orders whose days are not known, window by window back in time, for as long as it pays.

    It has a credit of a tenth as many calls as there are orders. A page costs one, and an order found pays one back,
    which is that for its details. So with what is left asked for one by one, all cost at most a tenth more than so.

        for window in exploration.windows():
            async for page in ...:
                exploration.note_page(found)
                if not exploration.pays:
                    break
    """

    unknown: int
    """How many orders are still looked for."""
    today: date
    _stake: int = field(init=False)
    _credit: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._stake = self._credit = self.unknown // _STAKE

    @property
    def pays(self) -> bool:
        """Whether to read another page: there is something left to find, and something to pay with."""
        return self.unknown > 0 and self._credit > 0

    def windows(self) -> Iterator[Window]:
        """Give the next window while that pays: the first covers today, each further one the days before."""
        for age in range(0, _FARTHEST, _SPAN):
            if not self.pays:
                return
            oldest = min(age + _SPAN, _FARTHEST) - 1
            yield _around(self.today - oldest * _DAY, self.today - age * _DAY)

    def note_page(self, found: int) -> None:
        """Note that a page was read, and how many it showed of those that were looked for and not found before."""
        self.unknown -= found
        # What earlier pages found is not for a long drought: no more is ever at stake than in the beginning.
        self._credit = min(self._credit + found - 1, self._stake)


def next_look(now: float, moved_at: float, *, every: float, slowest: float) -> float:
    """
    Give when to look at an order again: what has not moved for long is not likely to move soon.

    That is after a tenth of the time for which it has not moved, or sooner: orders that rest come due at the same
    moments, so that one search shows many of them.

    Args:
        now: A reading of a clock, in seconds.
        moved_at: When it last moved, by the same; later than now, where the clock went back, counts as now.
        every: Seconds from now that it is never sooner.
        slowest: Seconds from now that it is never later; not below *every*.
    """
    rest = min((now - moved_at) / 10, slowest)
    if rest < 3 * every:
        return now + every
    step = every * 2.0 ** math.floor(math.log2(rest / every - 1))
    return min(max(math.ceil((now + every) / step) * step, now + every), now + slowest)


def least_calls(orders: int) -> int:
    """Give the calls without which so many orders cannot be seen, however they are spread: one for a full page."""
    return -(-orders // _PAGE)


def least_every(calls: int, quota_calls: int, quota_seconds: float) -> float:
    """Give the seconds in which a quota lets so many calls go, in the long run."""
    return calls * quota_seconds / quota_calls
