"""
Many searches at a time: some go on at once, in as many tasks, and each waits until what it gave is taken.

And the usual ways to make many searches of one: by days, by values, by customers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from datetime import date, timedelta
from enum import Enum, auto
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from attrs import frozen

from ingram_orders.builder import DayText, check_whole
from ingram_orders.errors import ConfigurationError, IngramError, InvalidRequestError, brief
from ingram_orders.models import FoundOrder
from ingram_orders.operations import SearchOrders

T = TypeVar("T")

_INSIDE: Final = "a fan-out is gone through inside `async with`"


@frozen
class SearchResult:
    """What came of one search."""

    search: SearchOrders
    """The search; `search.values` holds what it asked for."""
    orders: tuple[FoundOrder, ...]
    """All orders found; where it failed, those found before. With `unique`, those that no other search gave."""
    error: IngramError | None = None
    """Why it failed; its `cursor` is where `search.paginate(start=...)` goes on."""


class FanOut:
    """
    The results of many searches, inside `async with`; see `OrdersClient.fan_out`.

    `async for result in results` gives each `SearchResult` as it is done, `results.orders()` each order as it comes. It
    is gone through once, in one of the two ways; several tasks may share in it, and each of them is given others.
    """

    def __init__(
        self, searches: Iterable[SearchOrders], *, at_once: int = 8, unique: bool = False, thorough: bool = False
    ) -> None:
        check_whole(at_once, "at_once", 1)
        self._searches: Iterator[SearchOrders] = iter(_several(searches, "searches"))
        self._at_once = at_once
        self._thorough = thorough
        self._seen: set[str] | None = set() if unique else None
        self._group: asyncio.TaskGroup | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._reading: _Reading[Any] | None = None
        self._way = ""
        self._is_left = False

    async def __aenter__(self) -> Self:
        if self._group is not None:
            raise ConfigurationError("this fan-out was entered already")
        self._group = await asyncio.TaskGroup().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._group is not None  # noqa: S101  # it was entered
        self._is_left = True
        for worker in self._workers:
            worker.cancel()
        try:
            # No worker raises, so what is raised in the block goes out as it is, and not in a group.
            await self._group.__aexit__(None, None, None)
        finally:
            if self._reading is not None:
                self._reading.leave()
            # Not closed, as it may have been lent; a generator that nobody else holds closes itself by this.
            self._searches = iter(())
            self._workers.clear()

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
        if self._group is None or self._is_left:
            raise ConfigurationError(_INSIDE)
        if self._reading is None:
            self._way = way
            reading: _Reading[T] = _Reading()
            self._reading = reading
            self._workers = [self._group.create_task(self._work(reading, work)) for _ in range(self._at_once)]
            for worker in self._workers:
                worker.add_done_callback(self._see_end)
        if self._way != way:
            raise ConfigurationError(f"this fan-out is gone through by its {self._way}, and so not by its {way}")
        return self._reading

    def _see_end(self, worker: asyncio.Task[None]) -> None:
        assert self._reading is not None  # noqa: S101  # it was begun
        if self._is_left:
            return
        if worker.cancelled():  # not by us: so is who reads, as if he had asked himself
            self._reading.put(asyncio.CancelledError())
        if all(it.done() for it in self._workers):
            self._reading.put(_End.READ)

    async def _work(
        self, reading: "_Reading[T]", work: Callable[["_Reading[T]", SearchOrders], Coroutine[Any, Any, None]]
    ) -> None:
        """Do one search after the other, until there are no more; what is not foreseen is the reader's to see."""
        try:
            for search in self._searches:
                try:
                    if not isinstance(search, SearchOrders):
                        raise InvalidRequestError([f"searches: {brief(search)} is no search()"])
                    await work(reading, search)
                except Exception as exc:
                    await reading.put(exc).wait()
        except Exception as exc:  # of the caller's own, who makes them
            await reading.put(exc).wait()

    async def _whole(self, reading: "_Reading[SearchResult]", search: SearchOrders) -> None:
        found: list[FoundOrder] = []
        failure = None
        try:
            async for order in search.paginate(thorough=self._thorough):
                found.append(order)
        except IngramError as error:
            failure = error
        orders = tuple(order for order in found if self._is_new(search, order))
        await reading.put(SearchResult(search, orders, failure)).wait()

    async def _each(
        self, reading: "_Reading[tuple[SearchOrders, FoundOrder | IngramError]]", search: SearchOrders
    ) -> None:
        try:
            async for order in search.paginate(thorough=self._thorough):
                if self._is_new(search, order):
                    await reading.put((search, order)).wait()
        except IngramError as error:
            await reading.put((search, error)).wait()

    def _is_new(self, search: SearchOrders, order: FoundOrder) -> bool:
        """Tell whether no search gave it before, where that matters. One without a number is like no other."""
        if self._seen is None or not order.ingram_order_number:
            return True
        key = f"{search.whose} {order.ingram_order_number}"
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new


class _End(Enum):
    READ = auto()
    """Nothing comes any more."""
    LEFT = auto()
    """The block was left before that."""


class _Reading(AsyncIterator[T]):
    """What the workers give, one at a time and in turn; each has one thing here, and waits until it is taken."""

    def __init__(self) -> None:
        self._queue = asyncio.Queue[tuple[T | BaseException | _End, asyncio.Event]]()

    def put(self, it: T | BaseException | _End) -> asyncio.Event:
        """Put it behind the others; what comes back is set when it is taken."""
        taken = asyncio.Event()
        self._queue.put_nowait((it, taken))
        return taken

    def leave(self) -> None:
        """Drop what nobody took, and tell who still reads, so that he does not wait for ever."""
        unread = [self._queue.get_nowait()[0] for _ in range(self._queue.qsize())]
        self.put(_End.READ if unread[:1] == [_End.READ] else _End.LEFT)

    async def __anext__(self) -> T:
        it, taken = await self._queue.get()
        taken.set()
        if isinstance(it, _End):
            self.put(it)  # for who else reads, or reads once more
            if it is _End.LEFT:
                raise ConfigurationError(_INSIDE)
            raise StopAsyncIteration
        if isinstance(it, BaseException):
            raise it
        return it


# ── Many searches of one ────────────────────────────────────────────────────────────────────────────────────────────


def split_by_date(search: SearchOrders, first: date | str, last: date | str, days: int = 7) -> Iterator[SearchOrders]:
    """
    Make searches of some days each, the latest first, which together find what one over all of these days would.

    It is not documented whether the ends of a range count. So each range begins and ends a day into its neighbours, and
    most orders of those days are found twice: `fan_out(..., unique=True)` gives them once.

    Args:
        search: What is searched for besides.
        first: The first day, as `ingram_order_date_bt` takes it: a date, or text as `yyyy-MM-dd`.
        last: The last.
        days: How many days each range has for itself, 1 or more.

    Raises:
        InvalidRequestError: A day is none, the last is before the first, *days* is less than 1, or the search says its
            `ingram_order_date`.
    """
    search = _checked(search)
    begins, ends = _day(first, "first"), _day(last, "last")
    if begins > ends:
        raise InvalidRequestError([f"the first date, {begins}, is after the last, {ends}"])
    check_whole(days, "days", 1)
    if "ingram_order_date" in search.values:
        raise InvalidRequestError(["the search is of one day already: ingram_order_date"])
    return (search.ingram_order_date_bt([*both]) for both in _ranges(begins, ends, days))


def _day(value: date | str, name: str) -> date:
    wrong: list[str] = []
    texts = DayText().texts(value, wrong)
    if wrong:
        raise InvalidRequestError([f"{name}: {it}" for it in wrong])
    return date.fromisoformat(*texts)


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
        InvalidRequestError: A search has no such setter, or the values are not several. What is wrong with one of them
            is told by its result.
    """
    search = _checked(search)
    names = [param.name for param in SearchOrders.params()]
    if setter not in names:
        raise InvalidRequestError([f"a search has no {brief(setter)}; it has {', '.join(names)}"])
    return (getattr(search, setter)(value) for value in _several(values, "values"))


def for_each_customer(search: SearchOrders, customers: Iterable[tuple[str, str]]) -> Iterator[SearchOrders]:
    """
    Make a search for each of several customers, given as pairs of customer number and country code.

    Raises:
        InvalidRequestError: The customers are not several; or, while they are gone through, one is no such pair.
    """
    search = _checked(search)
    pairs = map(_pair, _several(customers, "customers"))
    return (search.im_customer_number(number).im_country_code(country) for number, country in pairs)


def _pair(customer: tuple[str, str]) -> tuple[str, str]:
    if not isinstance(customer, tuple | list) or len(customer) != 2:
        raise InvalidRequestError([f"customers: {brief(customer)} is no pair of customer number and country code"])
    return customer


def _checked(search: SearchOrders) -> SearchOrders:
    if not isinstance(search, SearchOrders):
        raise InvalidRequestError([f"a search() is wanted, not {brief(search)}"])
    return search


def _several(values: Iterable[T], name: str) -> Iterable[T]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InvalidRequestError([f"{name} must be several, not {brief(values)}"])
    return values
