"""
Walks the pages of a search, and gives each order once: which page is next, which order is new, and when it is all.

Knows pages by number only, and asks for them through one function; how a page comes, `session` knows.

The API's `recordsFound` is not to be relied on (seen on a sibling endpoint), and pages may come half full: so only an
empty page ends a walk for sure, and what is said to be found is used for what it is worth, until it contradicts itself.
"""

import asyncio
import base64
import functools
import json
import math
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from hashlib import blake2b
from http import HTTPStatus
from typing import Final, Self, TypeVar

from attrs import define, evolve, field, frozen

from ingram_orders.builder import Response
from ingram_orders.errors import ConfigurationError, IngramError, InvalidRequestError, UnreadableAnswerError, brief
from ingram_orders.exact_json import read_json
from ingram_orders.models import FoundOrder, OrderSearchResponse

T = TypeVar("T")

Page = Response[OrderSearchResponse]
Ask = Callable[[int], Awaitable[Page]]
"""Asks for a page, by its number."""

_FRUITLESS: Final = 10
"""Pages that are read again, or were seen already, for nothing, before what is said to be found is believed no more."""


@frozen(kw_only=True)
class Drift:
    """What came and went while one walked, as far as `recordsFound` tells: a coming and a going cancel out."""

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

    search: str
    """Which search it walks, as a hash."""
    position: int | None
    """So many orders from the beginning have been given, and perhaps some behind; `None` at the end."""
    said: int | None
    """What was last said to be found; `None` where nothing was."""
    count: int | None
    """How many different orders were given; `None` where that cannot be told."""

    def __str__(self) -> str:
        facts = json.dumps([1, self.search, self.position, self.said, self.count], separators=(",", ":"))
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
        return cls(search=of, position=position, said=said, count=count)


@define
class Course:
    """
    Which positions of the list were read, and which page is next. Decides, and asks for nothing.

    Orders have positions from 0 in the order of the search. When one is removed, those behind it move up by one, and
    some that were not read may now be where one has been: so what was read shrinks by as many. It is all once there is
    no position left, and an empty page holds all of them from its first on.
    """

    size: int
    """Orders on a page."""
    stretches: list[tuple[int, float]]
    """What was read and given, `[first, end)`, in order, none touching the next."""
    said: int | None = None
    """What was last said to be found, while that is believed."""
    drift: Drift = field(factory=Drift)
    count: int | None = 0
    """How many different orders were given, where that can be told and is of use."""
    highest: int = 0
    """The page that was read with the highest number."""
    _held: dict[int, tuple[int, float]] = field(factory=dict)
    """Pages that were read and not given yet."""
    _again: set[int] = field(factory=set)
    """Those of them that had been read before."""
    _nothing_from: float = math.inf
    """From where on a page was empty."""
    _grown: int = 0
    """By how much more is said to be found than when an order was last new."""
    _repeated: int = 0
    """Orders on pages since, none of which was new."""
    _fruitless: int = 0
    """Pages on which no order was new."""

    @property
    def position(self) -> float:
        """So many from the beginning were read and given."""
        return self.stretches[0][1] if self.stretches and self.stretches[0][0] == 0 else 0

    def next_pages(self, at_once: int) -> list[int]:
        """Give the numbers of the pages to read next, at least one and in order; none where it is all."""
        if self.position == math.inf:
            return []
        first = int(self.position) // self.size + 1
        # Not more than there may be: as many as were said to be found, and otherwise as many as were read so far.
        last = first + self.highest - 1 if self.said is None else math.ceil(self.said / self.size)
        pages = [first]
        for page in range(first + 1, last + 1):
            if len(pages) == at_once:
                break
            if not self._is_read(page):
                pages.append(page)
        return pages

    def hold(self, read: Iterable[tuple[int, int, int | None]]) -> None:
        """
        Take note of pages that were read at about the same time.

        Args:
            read: Of each its number, how many orders its own list holds, and what it said was found.
        """
        self._again = set()
        # With removals only, what is said to be found goes down with time: so they were read in this order.
        for page, orders, said in sorted(read, key=lambda it: (it[1] == 0, -(it[2] or 0), it[0])):
            if page <= self.highest:
                self._again.add(page)
                self.drift = evolve(self.drift, read_again=self.drift.read_again + 1)
            if orders:  # an empty page says 0, or nothing
                self._hear(said)
            first = (page - 1) * self.size
            self._held[page] = (first, first + self.size if orders else math.inf)
        self.highest = max(self.highest, *self._held)

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
        if orders == 0:
            self._nothing_from = min(self._nothing_from, first)
            if self.said is not None and self.said > first:
                # That many cannot be: some went, and what moved up may be on the page before, which tells how many.
                self._lose(1)
        elif new:
            self._grown = self._repeated = 0
            if orders < self.size and self.count is not None and self.count == self.said and not thorough:
                end = math.inf
        else:
            self._fruitless += 1
            if page not in self._again:
                self._repeated += orders
                if self._repeated > min(self._grown, _FRUITLESS * self.size):
                    end = math.inf  # nothing moved, and all was there before: this is what comes behind the last page
        if self.said is not None and (
            self._fruitless > _FRUITLESS + 2 * self.highest or (orders and self.said > self._nothing_from)
        ):
            self.said = self.count = None
            self.drift = evolve(self.drift, is_told=False)
        self.stretches = _joined([*self.stretches, (first, end)])

    def _hear(self, said: int | None) -> None:
        before = self.said
        if not said or not self.drift.is_told:
            self.count = None
            return
        if (before is None and self.highest > 0) or before not in (None, said):
            self.count = None  # it was not always the same, and so says nothing of how many were to be given
        self.said = said
        if before is None:
            return
        change = said - before
        if change < 0:
            self.drift = evolve(self.drift, removed=self.drift.removed - change)
            self._lose(-change)
        elif change > 0:
            self.drift = evolve(self.drift, inserted=self.drift.inserted + change)
            self._grown += change
            self._nothing_from += change
            self._move(lambda first, end: (first + change if first else 0, end))

    def _lose(self, orders: int) -> None:
        self._move(lambda first, end: (first, end - orders))

    def _move(self, moved: Callable[[int, float], tuple[int, float]]) -> None:
        self.stretches = _joined(moved(*it) for it in self.stretches)
        self._held = {page: moved(*it) for page, it in self._held.items()}

    def _is_read(self, page: int) -> bool:
        first = (page - 1) * self.size
        return any(begins <= first and first + self.size <= ends for begins, ends in self.stretches)


def _joined(stretches: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    joined: list[tuple[int, float]] = []
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
        search: str,
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
            search: Names the search, and no other.
            page_size: Orders on a page that is full.
            first_page: Where to begin.
            at_once: How many pages are asked for at a time, 1 or more, and held in memory.
            start: A cursor from which to go on.
            thorough: Whether a short page never ends it.

        Raises:
            InvalidRequestError: *at_once* is less than 1, or *start* is no cursor of this search.
        """
        if type(at_once) is not int or at_once < 1:
            raise InvalidRequestError([f"at_once must be a whole number, 1 or more, not {brief(at_once)}"])
        begins = (first_page - 1) * page_size
        self._begin = Cursor(search=search, position=begins, said=None, count=None if begins else 0)
        if start is not None:
            self._begin = Cursor.of(start, search)
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
        position = None if course.position == math.inf else int(course.position)
        # What was given behind the first stretch comes again, and would be counted twice.
        count = course.count if len(course.stretches) <= 1 else None
        return str(Cursor(search=self._begin.search, position=position, said=course.said, count=count))

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
        if limit is not None and (type(limit) is not int or limit < 0):
            raise InvalidRequestError([f"limit must be a whole number, 0 or more, not {brief(limit)}"])
        found: list[FoundOrder] = []
        if limit == 0:
            return found
        async for order in self:
            found.append(order)
            if len(found) == limit:
                break
        return found

    def _new_course(self) -> Course:
        begin = self._begin
        position = math.inf if begin.position is None else begin.position
        return Course(
            size=self._page_size,
            stretches=_joined([(0, position)]),
            said=begin.said,
            count=begin.count,
            highest=(begin.position or 0) // self._page_size,
        )

    def _begun(self) -> "_Walk":
        last = self._walk()
        if last is not None and not last.is_over:
            raise ConfigurationError("this paginator is being iterated; make another one to iterate twice at once")
        self._course = self._new_course()
        walk = _Walk(self, self._course, self._ask, at_once=self._at_once, thorough=self._thorough)
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


class _Walk:
    """One iteration, page by page. Its state is true wherever it is cancelled, and it can be gone on with then."""

    def __init__(self, paginator: Paginator, course: Course, ask: Ask, *, at_once: int, thorough: bool) -> None:
        self._paginator = paginator
        self._course = course
        self._ask = ask
        self._at_once = at_once
        self._thorough = thorough
        self._seen: set[bytes] = set()
        self._read: list[_Read] = []
        """What is to be given, the next one last."""
        self._is_asking = False
        self.is_over = False

    async def next_page(self) -> tuple[Page, list[FoundOrder], Callable[[], None]]:
        """
        Give the next page that has orders, those of them that are new, and what to call once they are given.

        Raises:
            StopAsyncIteration: There is none.
            IngramError: It could not be had; the iteration is over.
        """
        if self._is_asking:
            raise ConfigurationError("this paginator is being iterated by another task")
        while True:
            if not self._read:
                await self._ask_for_more()
            read = self._read.pop()
            new = [*self._new_of(read.page.model.orders)]
            given = functools.partial(
                self._course.give, read.number, orders=read.orders, new=len(new), thorough=self._thorough
            )
            if read.orders:
                return read.page, new, given
            given()

    async def _ask_for_more(self) -> None:
        numbers = self._course.next_pages(self._at_once)
        if self.is_over or not numbers:
            self.is_over = True
            raise StopAsyncIteration
        self._is_asking = True
        try:
            came = await self._all_of(numbers)
        finally:
            self._is_asking = False
        read: list[_Read] = []
        for it in came:
            if isinstance(it, _Read):
                read.append(it)
            elif read:
                break  # what came before it is given first, and then it is asked for again
            else:
                self.is_over = True
                if isinstance(it, IngramError):
                    it.cursor = self._paginator.cursor
                raise it
        self._course.hold((it.number, it.orders, it.page.model.records_found) for it in read)
        self._read = read[::-1]

    async def _all_of(self, numbers: list[int]) -> list[_Read | Exception]:
        if len(numbers) == 1:
            return [await self._one(numbers[0])]
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._one(number)) for number in numbers]
        return [it.result() for it in asked]

    async def _one(self, number: int) -> _Read | Exception:
        try:
            page = await self._ask(number)
            return _Read(number, page, orders_listed(page, number))
        except Exception as exc:  # as a value: those before it are given first, and none of the others is cut
            return exc

    def _new_of(self, orders: Iterable[FoundOrder]) -> Iterator[FoundOrder]:
        unnamed = Counter[str]()
        for order in orders:
            if order.ingram_order_number:
                key = order.ingram_order_number.encode(errors="surrogatepass")
            else:  # two on a page that are all alike are two, and the same page once more is not
                shown = repr(order)
                unnamed[shown] += 1
                key = blake2b(f"{unnamed[shown]} {shown}".encode(errors="surrogatepass"), digest_size=16).digest()
            if key not in self._seen:
                self._seen.add(key)
                yield order


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
    if model.orders and "orders" not in model.extra:
        return len(model.orders)
    if page.status == HTTPStatus.NO_CONTENT:
        return 0
    data = read_json(page.body)
    listed = data.get("orders") if isinstance(data, dict) else [data]
    if isinstance(listed, list):
        return len(listed)
    if isinstance(listed, dict):  # the API is seen to give one object where a list belongs
        return 1 if listed else 0
    if listed in (None, "") and (number > 1 or model.records_found == 0):
        return 0
    raise UnreadableAnswerError(
        f"the search answered {page.status} and does not say which orders there are "
        f"(correlation id {page.correlation_id})",
        status=page.status,
        body=page.body,
        correlation_id=page.correlation_id,
    )
