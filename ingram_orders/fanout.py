"""
Many searches at a time: some go on at once, in as many tasks, and none of them further ahead than it is read.

And the usual ways to make many searches of one: by days, by values, by customers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from datetime import date, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

from attrs import frozen

from ingram_orders.errors import ConfigurationError, IngramError, InvalidRequestError, brief
from ingram_orders.models import FoundOrder
from ingram_orders.operations import SearchOrders

T = TypeVar("T")


@frozen
class SearchResult:
    """What came of one search."""

    search: SearchOrders
    """The search; `search.values` holds what it asked for."""
    orders: tuple[FoundOrder, ...]
    """All orders found; where it failed, those found before."""
    error: IngramError | None = None
    """Why it failed; its `cursor` is where `search.paginate(start=...)` goes on."""


class FanOut:
    """
    The results of many searches, inside `async with`; see `OrdersClient.fan_out`.

    `async for result in results` gives each `SearchResult` as it is done, `results.orders()` each order as it comes. It
    is gone through once, in one of the two ways.
    """

    def __init__(
        self, searches: Iterable[SearchOrders], *, at_once: int = 8, unique: bool = False, thorough: bool = False
    ) -> None:
        if isinstance(searches, str) or not isinstance(searches, Iterable):
            raise InvalidRequestError([f"searches must be several searches, not {brief(searches)}"])
        if type(at_once) is not int or at_once < 1:
            raise InvalidRequestError([f"at_once must be a whole number, 1 or more, not {brief(at_once)}"])
        self._searches = iter(searches)
        self._at_once = at_once
        self._thorough = thorough
        self._seen: set[str] | None = set() if unique else None
        self._group: asyncio.TaskGroup | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._reading: _Reading[Any] | None = None
        self._way = ""

    async def __aenter__(self) -> Self:
        if self._group is not None:
            raise ConfigurationError("this fan-out was entered already")
        self._group = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._group is not None  # noqa: S101  # it was entered
        for worker in self._workers:
            worker.cancel()
        # No worker raises, so what is raised in the block goes out as it is, and not in a group.
        await self._group.__aexit__(None, None, None)

    def __aiter__(self) -> AsyncIterator[SearchResult]:
        return self._read("results", self._whole)

    def orders(self) -> AsyncIterator[tuple[SearchOrders, FoundOrder | IngramError]]:
        """
        Give each order as it comes, with its search; and once, in the place of an order, the error of one that failed.

        While a page is read out nothing more is asked for it, so memory holds a page of each search that goes on.
        """
        return self._read("orders", self._each)

    def _read(
        self, way: str, work: Callable[["_Reading[T]", SearchOrders], Coroutine[Any, Any, None]]
    ) -> "_Reading[T]":
        if self._group is None:
            raise ConfigurationError("a fan-out is gone through inside `async with`")
        if self._reading is None:
            self._way = way
            reading: _Reading[T] = _Reading(self._at_once)
            self._reading = reading
            self._workers = [self._group.create_task(self._work(reading, work)) for _ in range(self._at_once)]
        if self._way != way:
            raise ConfigurationError(f"this fan-out is gone through by its {self._way}, and so not by its {way}")
        return self._reading

    async def _work(
        self, reading: "_Reading[T]", work: Callable[["_Reading[T]", SearchOrders], Coroutine[Any, Any, None]]
    ) -> None:
        """Do one search after the other, until there are no more; what is not foreseen is the reader's to see."""
        try:
            for search in self._searches:
                if not isinstance(search, SearchOrders):
                    raise InvalidRequestError([f"searches: {brief(search)} is no search()"])
                await work(reading, search)
        except Exception as exc:
            await reading.put(exc)
        await reading.end()

    async def _whole(self, reading: "_Reading[SearchResult]", search: SearchOrders) -> None:
        found: list[FoundOrder] = []
        failure = None
        try:
            async for order in search.paginate(thorough=self._thorough):
                found.append(order)
        except IngramError as error:
            failure = error
        await reading.put(SearchResult(search, tuple(self._new(search, found)), failure))

    async def _each(
        self, reading: "_Reading[tuple[SearchOrders, FoundOrder | IngramError]]", search: SearchOrders
    ) -> None:
        try:
            async for order in search.paginate(thorough=self._thorough):
                for new in self._new(search, [order]):
                    await reading.put((search, new))
        except IngramError as error:
            await reading.put((search, error))

    def _new(self, search: SearchOrders, orders: Iterable[FoundOrder]) -> Iterator[FoundOrder]:
        """Give those that were not found before, where that matters. One without a number is like no other."""
        for order in orders:
            if self._seen is not None and order.ingram_order_number:
                key = f"{search.whose} {order.ingram_order_number}"
                if key in self._seen:
                    continue
                self._seen.add(key)
            yield order


class _Reading(AsyncIterator[T]):
    """What the workers give, one at a time: each waits until the one before is taken."""

    def __init__(self, workers: int) -> None:
        self._queue = asyncio.Queue[T | Exception | None](1)
        self._workers = workers

    async def put(self, it: T | Exception) -> None:
        await self._queue.put(it)

    async def end(self) -> None:
        await self._queue.put(None)

    async def __anext__(self) -> T:
        while self._workers:
            it = await self._queue.get()
            if it is None:
                self._workers -= 1
            elif isinstance(it, Exception):
                raise it
            else:
                return it
        raise StopAsyncIteration


# ── Many searches of one ────────────────────────────────────────────────────────────────────────────────────────────


def split_by_date(search: SearchOrders, first: date, last: date, days: int = 7) -> Iterator[SearchOrders]:
    """
    Make searches of some days each, the latest first, which together find what one over all of these days would.

    It is not documented whether the ends of a range count. So each range begins and ends a day into its neighbours, and
    most orders of those days are found twice: `fan_out(..., unique=True)` gives them once.

    Args:
        search: What is searched for besides.
        first: The first day, as `ingram_order_date_bt` takes it.
        last: The last.
        days: How many days each range has for itself, 1 or more.

    Raises:
        InvalidRequestError: The last day is before the first, or *days* is less than 1.
    """
    for name, day in (("first", first), ("last", last)):
        if not isinstance(day, date) or hasattr(day, "hour"):
            raise InvalidRequestError([f"{name} must be a date, not {brief(day)}"])
    if first > last:
        raise InvalidRequestError([f"the first date, {first}, is after the last, {last}"])
    if type(days) is not int or days < 1:
        raise InvalidRequestError([f"days must be a whole number, 1 or more, not {brief(days)}"])
    if "ingram_order_date" in search.values:
        raise InvalidRequestError(["the search is of one day already: ingram_order_date"])
    return (search.ingram_order_date_bt([begins, ends]) for begins, ends in _ranges(first, last, days))


def _ranges(first: date, last: date, days: int) -> Iterator[tuple[date, date]]:
    while (last - first).days > days + 1:
        begins = last - timedelta(days=days + 1)
        yield begins, last
        last = begins + timedelta(days=1)
    yield first, last


def for_each(search: SearchOrders, setter: str, values: Iterable[Any]) -> Iterator[SearchOrders]:
    """
    Make a search for each of several values: `for_each(orders.search(), "serial_number", numbers)`.

    Raises:
        InvalidRequestError: A search has no such setter, or the values are one text.
    """
    names = [param.name for param in SearchOrders.params()]
    if setter not in names:
        raise InvalidRequestError([f"a search has no {brief(setter)}; it has {', '.join(names)}"])
    if isinstance(values, str):
        raise InvalidRequestError([f"values must be several, not {brief(values)}"])
    return (getattr(search, setter)(value) for value in values)


def for_each_customer(search: SearchOrders, customers: Iterable[tuple[str, str]]) -> Iterator[SearchOrders]:
    """Make a search for each of several customers, given as pairs of customer number and country code."""
    return (search.im_customer_number(number).im_country_code(country) for number, country in customers)
