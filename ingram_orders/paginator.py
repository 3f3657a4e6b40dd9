"""
Walks the pages of a search, and gives each order once: which page is next, which order is new, and when it is all.

Knows pages by number only, and asks for them through one function; how a page comes, `session` knows.

The API's `recordsFound` is not to be relied on (seen on a sibling endpoint), and pages may come half full: so only an
empty page ends a walk for sure, and what is said to be found is used for what it is worth, until it contradicts itself.
"""

import asyncio
import base64
import functools
import itertools
import json
import math
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from hashlib import blake2b
from http import HTTPStatus
from typing import Final, Self, TypeVar

from attrs import define, evolve, field, frozen

from ingram_orders.builder import Response, check_whole
from ingram_orders.errors import ConfigurationError, IngramError, InvalidRequestError, UnreadableAnswerError, brief
from ingram_orders.exact_json import read_json
from ingram_orders.models import FoundOrder, OrderSearchResponse

T = TypeVar("T")

Page = Response[OrderSearchResponse]
Ask = Callable[[int], Awaitable[Page]]
"""Asks for a page, by its number."""

_FRUITLESS: Final = 10
"""
Pages without a new order, besides two for each page that had one, after which what is said to be found, and rises and
falls, is believed no more.
"""


@frozen(kw_only=True)
class Drift:
    """
    What came and went while one walked, as far as `recordsFound` tells: a coming and a going cancel out.

    Of the pages of a wave it cannot be known which was read first: they are taken to have been read so that orders
    only went, or then only came.
    """

    removed: int = 0
    """Orders that were found no more."""
    inserted: int = 0
    """Orders that were found of late; where they come first, a walk that has begun does not see them."""
    read_again: int = 0
    """Pages that were read once more, since orders may have moved to them."""
    is_told: bool = True
    """Whether `recordsFound` agreed with what was found; `False` once it contradicted itself, and is not used."""

    def __bool__(self) -> bool:
        return bool(self.removed or self.inserted)


# ── Where a walk is ─────────────────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class Cursor:
    """Where a walk is, between two orders."""

    position: int | None
    """So many orders from the beginning have been given, and perhaps some behind; `None` at the end."""
    said: int | None
    """What was last said to be found; `None` where nothing was."""
    count: int | None
    """How many different orders were given; `None` where that cannot be told."""

    def text(self, search: str) -> str:
        """Write it, with the name of the search that is walked."""
        facts = json.dumps([1, search, self.position, self.said, self.count], separators=(",", ":"))
        return base64.urlsafe_b64encode(facts.encode()).decode().rstrip("=")

    @classmethod
    def of(cls, text: str, search: str) -> Self:
        """
        Read the text of one.

        Raises:
            InvalidRequestError: It is none, or one of another search.
        """
        try:
            raw = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
            version, of, *facts = json.loads(raw)
            position, said, count = facts
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise InvalidRequestError([f"start: {brief(text)} is no cursor"]) from None
        if version != 1 or not all(it is None or (type(it) is int and it >= 0) for it in facts):
            raise InvalidRequestError([f"start: {brief(text)} is no cursor of this version"])
        if of != search:
            raise InvalidRequestError([f"start: {brief(text)} is a cursor of a different search"])
        return cls(position=position, said=said, count=count)


@define
class Course:
    """
    Which positions of the list were read, and which page is next. Decides, and asks for nothing.

    Orders have positions from 0 in the order of the search. When one is removed, those behind it move up by one, and
    some that were not read may now be where one has been: so what was read shrinks by as many. It is all once what was
    read reaches to where there is nothing.
    """

    size: int
    """Orders on a page."""
    stretches: list[tuple[int, int]]
    """What was read and given, `[first, end)`, in order, none touching the next."""
    said: int | None = None
    """What was last said to be found, while that is believed."""
    drift: Drift = field(factory=Drift)
    count: int | None = 0
    """How many different orders were given, where that can be told and is of use."""
    highest: int = 0
    """The highest number of a page that was read."""
    fruitful: int = 0
    """The highest number of a page that had a new order."""
    nothing_from: float = math.inf
    """From where on there is nothing: a page was empty, or what came with it says so."""
    _held: dict[int, tuple[int, int]] = field(factory=dict)
    """Pages that were read and not given yet."""
    _again: set[int] = field(factory=set)
    """Those of them that had been read before."""
    _doubted: int | None = None
    """From where on one has to look again, since less was there than is said."""
    _is_moving: bool = False
    """Whether orders went while the last pages were read."""
    _repeated: int = 0
    """Orders that were all given before, on pages since the last that had a new one."""
    _fruitless: int = 0
    """Pages without a new order, since the first time that what is said to be found rose."""

    @property
    def position(self) -> int | None:
        """So many from the beginning were read and given; `None` at the end."""
        read = self.stretches[0][1] if self.stretches and self.stretches[0][0] == 0 else 0
        if self._doubted is not None:
            return min(read, self._doubted)
        return read if read < self.nothing_from else None

    def next_pages(self, at_once: int) -> list[int]:
        """Give the numbers of the pages to read next, at least one and in order; none where it is all."""
        if self.position is None:
            return []
        first = self.position // self.size + 1
        # Not more than there may be: as many as were said to be found, and otherwise as many as were read so far.
        most = self.said if self.said is not None else (first - 1 + self.highest) * self.size
        pages = range(first + 1, math.ceil(min(most, self.nothing_from) / self.size) + 1)
        unread = (page for page in pages if not self._is_read(page))
        # Of a wave in which orders go, all pages but one are to be read again, in the next wave: one at a time is less.
        return [first, *itertools.islice(unread, 0 if self._is_moving else at_once - 1)]

    def hold(self, read: Collection[tuple[int, int, int | None]]) -> None:
        """
        Take note of pages that were read at about the same time.

        Args:
            read: Of each its number, how many orders its own list holds, and what it said was found.
        """
        self._again = {page for page, *_ in read if page <= self.highest}
        removed = self.drift.removed
        self.drift = evolve(self.drift, read_again=self.drift.read_again + len(self._again))
        for page, orders, said in sorted(read, key=self._likely_order):
            first = (page - 1) * self.size
            if orders:
                self._doubted = None
                self._hear(said)
            else:
                self.nothing_from = min(self.nothing_from, first)
                if self.said is not None and self.said > first:
                    # That many cannot be: some went, others moved up. The page before, if any, tells how many.
                    self._doubted = first - 1 if first else None
            self._held[page] = (first, first + self.size if orders else first)
        self.highest = max(self.highest, *self._held)
        self._is_moving = self.drift.removed > removed

    def give(self, page: int, *, orders: int, new: int, thorough: bool) -> None:
        """
        Take note that a page that was held is given out, and of what that says about the end.

        Args:
            page: Its number.
            orders: How many its own list holds.
            new: How many of those were new.
            thorough: Whether a short page never ends it.
        """
        first, end = self._held.pop(page)
        if self.count is not None:
            self.count += new
        if new:
            self._repeated = 0
            self.fruitful = max(self.fruitful, page)
            if orders < self.size and self.count is not None and self.count == self.said and not thorough:
                self.nothing_from = min(self.nothing_from, first + self.size)
        elif orders and page not in self._again:
            # All was given before: this comes behind the last page, or orders moved. As many moved up from here as went
            # while the wave was read, and as many moved down to here as came.
            self._repeated += max(orders - (first + self.size - end), 0)
            came = self.drift.inserted if self.drift.is_told else 0
            if self._repeated > min(came, (_FRUITLESS + self.fruitful) * self.size):
                self.nothing_from = min(self.nothing_from, first)
        self.stretches = _joined([*self.stretches, (first, end)])
        if not new and self.drift.inserted:
            # While it only falls it does so for so long only. What also rises could let one go to and fro for ever.
            self._fruitless += 1
            if self._fruitless > _FRUITLESS + 2 * self.fruitful:
                self._distrust()

    def _likely_order(self, read: tuple[int, int, int | None]) -> tuple[bool, bool, int, int]:
        """Give by what to sort the pages of a wave to have them as they were read, where orders only went, or came."""
        page, orders, said = read
        said = said or 0
        rose = self.said is not None and said > self.said
        # What an empty page says is not heard, it is 0 or nothing. The last of those comes first.
        return orders == 0, rose, said if rose else -said, -page

    def _hear(self, said: int | None) -> None:
        before = self.said
        if said is None or said < 1 or not self.drift.is_told:
            self.count = None
            return
        if (before is None and self.highest > 0) or before not in (None, said):
            self.count = None  # it was not always the same, and so says nothing of how many were to be given
        self.said = said
        change = 0 if before is None else said - before
        if change < 0:
            self.drift = evolve(self.drift, removed=self.drift.removed - change)
            self._move(lambda first, end: (first, end + change))
        elif change > 0:
            self.drift = evolve(self.drift, inserted=self.drift.inserted + change)
            self.nothing_from += change
            # Where they came, those in front of them stay and those behind move down. Up to where all was read nothing
            # that was there is unread, wherever they came.
            everything = _joined([*self.stretches, *self._held.values()])
            reach = everything[0][1] if everything and everything[0][0] == 0 else 0
            self._move(lambda first, end: (first if first <= reach else first + change, end))
        if said > self.nothing_from:
            self._distrust()

    def _distrust(self) -> None:
        self.said = self.count = None
        self._doubted = None
        self.drift = evolve(self.drift, is_told=False)

    def _move(self, moved: Callable[[int, int], tuple[int, int]]) -> None:
        self.stretches = _joined(moved(*it) for it in self.stretches)
        self._held = {page: moved(*it) for page, it in self._held.items()}

    def _is_read(self, page: int) -> bool:
        first = (page - 1) * self.size
        until = min(first + self.size, self.nothing_from)
        return any(begins <= first and until <= end for begins, end in self.stretches)


def _joined(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, end in sorted(it for it in stretches if it[0] < it[1]):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((first, end))
    return joined


# ── What walks it ───────────────────────────────────────────────────────────────────────────────────────────────────


class Paginator:
    """
    All orders of a search, `async for order in search.paginate()`; see `SearchOrders.paginate`.

    Iterating again starts anew. It is for one iteration at a time.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        search: Callable[[], str],
        page_size: int,
        first_page: int = 1,
        at_once: int = 1,
        start: str | None = None,
        thorough: bool = False,
    ) -> None:
        """
        Set up; nothing is asked yet.

        Args:
            ask: Asks for a page.
            search: Names the search, and no other; called where a cursor is read or written.
            page_size: Orders on a page that is full.
            first_page: Where to begin.
            at_once: How many pages are asked for at a time, 1 or more, and held in memory.
            start: A cursor from which to go on.
            thorough: Whether a short page never ends it.

        Raises:
            InvalidRequestError: *at_once* is less than 1, or *start* is no cursor of this search.
        """
        check_whole(at_once, "at_once", 1)
        begins = (first_page - 1) * page_size
        self._begin = Cursor(position=begins, said=None, count=None if begins else 0)
        if start is not None:
            self._begin = Cursor.of(start, search())
        self._search = search
        self._ask = ask
        self._page_size = page_size
        self._at_once = at_once
        self._thorough = thorough
        self._course = self._new_course()
        self._walk: Callable[[], _Walk | None] = lambda: None

    @property
    def cursor(self) -> str:
        """
        Where the iteration is: a small text with which `paginate(start=...)` goes on, in another process too.

        It stands behind the last order given; keep it once that is dealt with. Orders of the page that it is on, and of
        those that moved, may come twice then.
        """
        course = self._course
        # What was given behind the first stretch comes again, and would be counted twice.
        count = course.count if len(course.stretches) <= 1 else None
        return Cursor(position=course.position, said=course.said, count=count).text(self._search())

    @property
    def drift(self) -> Drift:
        """What came and went during the iteration, as far as `recordsFound` tells."""
        return self._course.drift

    def __aiter__(self) -> AsyncIterator[FoundOrder]:
        return _Orders(self._begun())

    def pages(self) -> AsyncIterator[OrderSearchResponse]:
        """
        Give the pages that have orders, each as it came.

        An order that moved meanwhile may be on several, and a page that is read again comes again.
        """
        return _Pages(self._begun(), lambda page: page.model)

    def pages_with_response(self) -> AsyncIterator[Page]:
        """Do as `pages` does, and give each with its status, headers and body."""
        return _Pages(self._begun(), lambda page: page)

    async def collect(self, limit: int | None = None) -> list[FoundOrder]:
        """
        Give the orders as a list.

        Args:
            limit: How many at most, which takes no more calls than it must; `None` is for all.

        Raises:
            InvalidRequestError: *limit* is less than 0.
            IngramError: Of a page. The orders before it are lost, unless one goes on from the error's `cursor`.
        """
        if limit is not None:
            check_whole(limit, "limit", 0)
        walk = self._begun(limit)
        orders = _Orders(walk)
        found: list[FoundOrder] = []
        try:
            while len(found) != limit and (order := await anext(orders, None)) is not None:
                found.append(order)
        finally:
            walk.is_over = True  # also where a traceback keeps it
        return found

    def _new_course(self) -> Course:
        begin, position = self._begin, self._begin.position or 0
        page = position // self._page_size
        return Course(
            size=self._page_size,
            stretches=_joined([(0, position)]),
            said=begin.said,
            # Where it begins in the middle of a page, what was given of that comes again, and would be counted twice.
            count=begin.count if position % self._page_size == 0 else None,
            highest=page,
            fruitful=page,
            nothing_from=math.inf if begin.position is not None else 0,
        )

    def _begun(self, limit: int | None = None) -> "_Walk":
        last = self._walk()
        if last is not None and not last.is_over and not last.was_cut_off:
            raise ConfigurationError("this paginator is being iterated; make another one to iterate twice at once")
        if last is not None:
            last.is_replaced = True
        self._course = self._new_course()
        walk = _Walk(self, self._course, self._ask, at_once=self._at_once, thorough=self._thorough, limit=limit)
        # Weakly: who leaves a loop by `break` tells nobody, and its iterator just is no more.
        self._walk = weakref.ref(walk)
        return walk

    def __repr__(self) -> str:
        return f"{type(self).__name__}(page_size={self._page_size}, at_once={self._at_once})"


@frozen
class _Read:
    """A page that came."""

    number: int
    page: Page
    orders: int
    """How many its own list holds."""


@frozen
class _Failed:
    """A page that did not."""

    number: int
    error: Exception


class _Walk:
    """One iteration, page by page. Its state is true wherever it is cancelled, and it can be gone on with then."""

    def __init__(
        self, paginator: Paginator, course: Course, ask: Ask, *, at_once: int, thorough: bool, limit: int | None
    ) -> None:
        self._paginator = paginator
        self._course = course
        self._ask = ask
        self._at_once = at_once
        self._thorough = thorough
        self._wanted = limit
        """How many orders more are wanted; `None` is for all."""
        self._seen: dict[bytes, None] = {}
        """Keys of what was given. A set makes room for four times as many at once: half as much again for each."""
        self._read: list[_Read] = []
        """What is to be given, the next one last."""
        self._failed: _Failed | None = None
        """What came instead of the page behind those."""
        self._is_asking = False
        self._is_cut_off = False
        self.is_over = False
        self.is_replaced = False
        """Whether another iteration has begun since."""

    @property
    def was_cut_off(self) -> bool:
        """Whether it was cancelled while it asked, so that another iteration may take its place."""
        return self._is_cut_off and not self._is_asking

    async def next_page(self) -> tuple[Page, list[FoundOrder], Callable[[], None]]:
        """
        Give the next page that has orders, those of them that are new, and what to call once they are given.

        Raises:
            StopAsyncIteration: There is none.
            IngramError: It could not be had; the iteration is over.
        """
        if self._is_asking:
            raise ConfigurationError("this paginator is being iterated by another task")
        if self.is_replaced:
            raise ConfigurationError("another iteration of this paginator has begun since this one was cancelled")
        while True:
            if not self._read:
                await self._ask_for_more()
                continue
            read = self._read.pop()
            orders, new = self._new_of(read.page.model)
            if self._wanted is not None:
                self._wanted -= len(orders)
            given = functools.partial(
                self._course.give, read.number, orders=read.orders, new=new, thorough=self._thorough
            )
            if read.orders:
                return read.page, orders, given
            given()

    async def _ask_for_more(self) -> None:
        numbers = self._course.next_pages(self._at_most)
        if self.is_over or not numbers:
            self.is_over = True
            raise StopAsyncIteration
        failed, self._failed = self._failed, None
        if failed is None or failed.number != numbers[0]:  # of a page that is not the next one now, it is forgotten
            failed = await self._ask_for(numbers)
        if not self._read and failed is not None:
            self.is_over = True
            if isinstance(failed.error, IngramError):
                failed.error.cursor = self._paginator.cursor
            raise failed.error
        self._failed = failed

    async def _ask_for(self, numbers: list[int]) -> _Failed | None:
        """Take the pages that came, up to the first that did not; give what came instead."""
        self._is_asking = self._is_cut_off = True
        try:
            came = await self._all_of(numbers)
        finally:
            self._is_asking = False
        self._is_cut_off = False
        read: list[_Read] = []
        failed = None
        for it in came:
            if isinstance(it, _Failed):
                failed = it
                break
            read.append(it)
        if read:
            self._course.hold([(it.number, it.orders, it.page.model.records_found) for it in read])
            self._read = read[::-1]
        return failed

    @property
    def _at_most(self) -> int:
        """How many pages to ask for at a time: no more than it takes for what is wanted."""
        if self._wanted is None:
            return self._at_once
        return min(self._at_once, math.ceil(self._wanted / self._course.size))

    async def _all_of(self, numbers: list[int]) -> list[_Read | _Failed]:
        if len(numbers) == 1:
            return [await self._one(numbers[0])]
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._one(number)) for number in numbers]
        return [it.result() for it in asked]

    async def _one(self, number: int) -> _Read | _Failed:
        try:
            page = await self._ask(number)
            return _Read(number, page, orders_listed(page, number))
        except Exception as exc:  # as a value: those before it are given first, and none of the others is cut
            return _Failed(number, exc)

    def _new_of(self, page: OrderSearchResponse) -> tuple[list[FoundOrder], int]:
        """Give the orders of a page that are new, and how many elements of its list are, those too that are none."""
        alike = Counter[str]()
        orders = [it for it in page.orders if self._is_new(it.ingram_order_number or it, alike)]
        listed = page.extra.get("orders")
        others = [it for it in listed if not isinstance(it, dict)] if isinstance(listed, list) else []
        return orders, len(orders) + sum(self._is_new([it], alike) for it in others)

    def _is_new(self, it: object, alike: Counter[str]) -> bool:
        if isinstance(it, str):
            key = it.encode(errors="surrogatepass")
        else:  # two on a page that are all alike are two, and the same page once more is not
            shown = repr(it)
            alike[shown] += 1
            key = blake2b(f"{alike[shown]} {shown}".encode(errors="surrogatepass"), digest_size=15).digest()
        if key in self._seen:
            return False
        self._seen[key] = None
        return True


class _Orders(AsyncIterator[FoundOrder]):
    def __init__(self, walk: _Walk) -> None:
        self._walk = walk
        self._left: list[FoundOrder] = []
        """Of the page, the next one last."""
        self._given: Callable[[], None] = lambda: None

    async def __anext__(self) -> FoundOrder:
        while not self._left:
            _, new, self._given = await self._walk.next_page()
            self._left = new[::-1]
            if not new:
                self._given()
        order = self._left.pop()
        if not self._left:
            self._given()
        return order


class _Pages(AsyncIterator[T]):
    def __init__(self, walk: _Walk, show: Callable[[Page], T]) -> None:
        self._walk = walk
        self._show = show

    async def __anext__(self) -> T:
        page, _, given = await self._walk.next_page()
        given()
        return self._show(page)


def orders_listed(page: Page, number: int) -> int:
    """
    Give how many orders a page's own list holds, those too that cannot be read.

    Raises:
        UnreadableAnswerError: It has no list, and does not otherwise say that there are none.
    """
    model = page.model
    if page.status == HTTPStatus.NO_CONTENT:
        return 0
    listed = model.extra.get("orders", model.orders)
    if isinstance(listed, list | tuple) and listed:
        return len(listed)
    # A first page says that there are none by a list without any, or by so many; behind it, no list is the end.
    if not listed and (number > 1 or model.records_found == 0 or _lists_none(page.body)):
        return 0
    raise says_nothing(page)


def says_nothing(page: Page) -> UnreadableAnswerError:
    """Give the error that a page is of which it cannot be told which orders there are."""
    return UnreadableAnswerError(
        f"the search answered {page.status} and does not say which orders there are "
        f"(correlation id {page.correlation_id})",
        status=page.status,
        body=page.body,
        correlation_id=page.correlation_id,
    )


def _lists_none(body: bytes) -> bool:
    data = read_json(body)
    return isinstance(data, dict) and data.get("orders") == []
