"""
Watches the status of many orders, for as few calls as that takes, and gives each change until it is dealt with.

Which calls, `planning` says; what a change is, `sightings`; `status_store` keeps it. Nothing runs in the background:
calls are made while one waits for the next change.
"""

import asyncio
import logging
import math
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self

from attrs import define, evolve, field, frozen

from ingram_orders.builder import A, Request, Response, Sends, check_whole
from ingram_orders.errors import (
    AuthenticationError,
    ConfigurationError,
    IngramError,
    InvalidRequestError,
    brief,
    describe,
)
from ingram_orders.finding import for_whom
from ingram_orders.logs import tell
from ingram_orders.models import OrderDetailB2B, OrderStatus
from ingram_orders.operations import MOST_ON_A_PAGE, GetOrderDetails, SearchOrders
from ingram_orders.paginator import Page
from ingram_orders.planning import Exploration, Window, least_calls, least_every, pages, plan_round
from ingram_orders.settings import checked_span
from ingram_orders.sightings import Sighting, day_of, sighting
from ingram_orders.status_store import Noted, StatusStore
from ingram_orders.watched import StatusChange, Terms

SLOWEST: Final = timedelta(hours=1)
"""How long an order may be left alone at most, unless *every* is longer."""

_log = logging.getLogger(__name__)


@frozen(kw_only=True)
class PollProblem:
    """Something that went wrong and is tried again; or, as a `ConfigurationError`, that *every* is too often."""

    error: IngramError
    order_number: str | None = None
    """Of the order that could not be looked at; `None` where it was not just one."""
    search: SearchOrders | None = None
    """The search that failed; `None` where it was none."""
    seen_at: datetime
    """In UTC."""


@frozen(kw_only=True)
class PollStats:
    """How far the watching is, and what this round has cost so far."""

    round: int = 0
    """From 1; 0 before the first."""
    watched: int = 0
    """Orders whose status is not final yet."""
    due: int = 0
    """Orders that this round has to look at, as far as is known: those due, and those that a search of yours finds."""
    refreshed: int = 0
    """Orders that were seen in it: those watched, due or not, and those that a search of yours finds."""
    calls: int = 0
    """Requests that it has sent, those too that were repeated; a call that failed counts once."""
    changes: int = 0
    """What it has found to be changed."""
    problems: int = 0
    next_due: datetime | None = None
    """When the next round begins, in UTC; `None` while one goes on, and where there is nothing more to watch."""


@define
class _Counted:
    """Sends what it is given, and counts the requests that it takes."""

    sends: Sends
    calls: int = 0

    @property
    def defaults(self) -> Mapping[str, str]:
        return self.sends.defaults

    async def send(self, request: Request[A], *, timeout: float | None) -> Response[A]:
        try:
            response = await self.sends.send(request, timeout=timeout)
        except IngramError:
            self.calls += 1
            raise
        self.calls += response.attempts
        return response


@define
class _Walk:
    """A search that is gone through, page by page."""

    search: SearchOrders
    window: Window | None = None
    """The days that it covers; `None` for a search of the caller's own."""
    left: dict[str, None] = field(factory=dict)
    """Orders that it is to show, and has not yet; those first that wait the longest."""
    exploration: Exploration | None = None
    """By which it is given up, where it looks for orders of which no day is known."""
    page: Page | None = None
    """What was read and is not noted yet."""
    read: int = 0
    """Pages."""
    days: Counter[date] = field(factory=Counter)
    """How many orders it showed of each day."""
    pages: AsyncIterator[Page] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.pages = self.search.paginate().pages_with_response()


@define
class _Round:
    """
    What is left to do in a round, and what came of it that is not noted yet.

    It is done one step at a time, and is true wherever a step is cancelled: that one is done again, but for its calls,
    and but for what was counted as `watched` meanwhile.
    """

    began: float
    seen: set[str] = field(factory=set)
    """Orders that were seen in it."""
    is_planned: bool = False
    walks: deque[_Walk] = field(factory=deque)
    exploration: Exploration | None = None
    unexplored: Iterator[Window] = field(factory=lambda: iter(()))
    unknown: dict[str, None] = field(factory=dict)
    """Orders that the exploration looks for."""
    details: dict[str, None] = field(factory=dict)
    """Orders to ask for one by one, in order."""
    answers: dict[str, OrderDetailB2B | IngramError] = field(factory=dict)
    """What was answered of some of those."""


class StatusChanges(AsyncIterator[StatusChange | PollProblem]):
    """
    The changes of orders that are watched, inside `async with`; see `OrdersClient.poll`.

    A change is on disk before it is given, and forgotten when one comes back for the next. It ends, for orders given by
    their numbers, when the status of all of them is final.
    """

    def __init__(
        self,
        sends: Sends,
        watched: Iterable[str] | SearchOrders,
        *,
        api: str,
        store: StatusStore | None,
        every: timedelta,
        slowest: timedelta | None,
        final: Iterable[OrderStatus],
        initial: bool,
        at_once: int,
        quota: tuple[int, float] | None,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """
        Set up; nothing is opened or sent yet. See `OrdersClient.poll`.

        Args:
            api: Names the API.
            quota: How many calls of a route are let go in how many seconds; `None` where that is not known.
            sleep: Waits so many seconds.
        """
        if isinstance(watched, SearchOrders):
            self._search: SearchOrders | None = watched
            self._numbers: tuple[str, ...] | None = None
            self._counted = _Counted(watched.sends)
            self._who = for_whom(watched.values)
        else:
            self._search = None
            self._numbers = _checked_numbers(watched)
            self._counted = _Counted(sends)
            self._who = {}
        self._terms = _checked_terms(every, slowest, final)
        check_whole(at_once, "at_once", 1)
        if store is not None and not isinstance(store, StatusStore):
            raise ConfigurationError(f"store must be StatusStore(...), not {brief(store)}")
        self._store = StatusStore(":memory:") if store is None else store
        self._whose = f"{self._new_search().whose} at {api}"
        self._tells_first = initial
        self._at_once = at_once
        self._quota = quota
        self._sleep = sleep
        self._is_open = False
        self._begin()

    def _begin(self) -> None:
        """Be as nobody has watched with it yet."""
        self._stats = PollStats()
        self._counted.calls = 0
        self._round: _Round | None = None
        # What is to be given: changes with their ids, problems without.
        self._ready = deque[tuple[int | None, StatusChange | PollProblem]]()
        self._given: int | None = None
        self._read_until = 0
        """The id of the last change that was taken from the store."""
        self._may_be_more = True
        """Whether the store may hold some behind that."""
        self._tells_new = self._tells_first
        """Whether an order that is seen for the first time is a change."""
        self._is_asked = False
        self._too_often = 0.0
        """The figure that was last told to be more than *every*."""

    @property
    def stats(self) -> PollStats:
        """How far it is, and what this round has cost so far."""
        return evolve(self._stats, calls=self._counted.calls)

    async def __aenter__(self) -> Self:
        """
        Open the store.

        Raises:
            ConfigurationError: It cannot be used; or *every* is more than the quota can serve, and it says what can be.
        """
        if self._is_open:
            raise ConfigurationError("these orders are being watched already")
        was_begun = await self._store.open(self._whose, self._numbers)
        self._is_open = True
        self._begin()
        self._tells_new |= was_begun and self._search is not None
        try:
            outlook = await self._store.outlook(self._terms)
            self._stats = evolve(self._stats, watched=outlook.watched)
            if (told := self._too_much(least_calls(outlook.busy), 0)) is not None:
                raise told
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the store; what was given and not settled is given again by the next who watches."""
        self._is_open = False
        await self._store.close()

    async def __anext__(self) -> StatusChange | PollProblem:
        if not self._is_open:
            raise ConfigurationError("orders are watched inside `async with`")
        if self._is_asked:
            raise ConfigurationError("these changes are being waited for by another task")
        self._is_asked = True
        try:
            if self._given is not None:
                await self._store.settle(self._given)
                self._given = None
            while not self._ready:
                if self._may_be_more:
                    self._take(await self._store.unsettled(self._read_until, MOST_ON_A_PAGE))
                if not self._ready:
                    await self._go_on()
        finally:
            self._is_asked = False
        self._given, it = self._ready.popleft()
        return it

    def _take(self, unsettled: list[tuple[int, StatusChange]]) -> None:
        self._ready.extend(unsettled)
        self._may_be_more = bool(unsettled)
        if unsettled:
            self._read_until = unsettled[-1][0]
            self._stats = evolve(self._stats, changes=self._stats.changes + len(unsettled))

    # ── A round ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _go_on(self) -> None:
        its = self._round
        if its is None:
            await self._wait_for_next_round(None)
        elif its.walks:
            await self._step(its, its.walks[0])
        elif not its.is_planned:
            await self._plan(its)
        elif its.exploration is not None:
            self._explore(its, its.exploration)
        elif its.details:
            await self._ask_details(its)
        else:
            await self._wait_for_next_round(its)

    async def _wait_for_next_round(self, last: _Round | None) -> None:
        """
        Sleep until the next round, and begin it.

        Raises:
            StopAsyncIteration: There is nothing left to watch.
        """
        now = self._store.clock()
        outlook = await self._store.outlook(self._terms)
        if self._search is None and not outlook.watched:
            self._stats = evolve(self._stats, watched=0, next_due=None)
            raise StopAsyncIteration
        begins = now
        if last is not None:
            last.began = min(last.began, now)  # the clock may have gone back
            begins = last.began + self._terms.every
            if self._search is None and outlook.next_due is not None:
                begins = max(begins, outlook.next_due)
        if begins > now:
            self._stats = evolve(self._stats, watched=outlook.watched, next_due=_time(begins))
            await self._sleep(begins - now)
            return
        self._counted.calls = 0
        self._stats = PollStats(round=self._stats.round + 1, watched=outlook.watched, due=outlook.due)
        self._round = _Round(now)
        if self._search is not None:
            self._round.walks.append(_Walk(self._through_us(self._search)))

    async def _plan(self, its: _Round) -> None:
        due = await self._store.due(self._terms)
        counts = await self._store.counts()
        unknown = dict.fromkeys(it.number for it in due if not it.was_seen and it.day is None)
        exploration = Exploration(unknown=len(unknown), today=_time(self._store.clock()).date())
        if exploration.pays:
            its.exploration, its.unexplored, its.unknown = exploration, exploration.windows(), unknown
        plan = plan_round({it.number: it.day for it in due if it.number not in its.unknown}, counts)
        for window in plan.windows:
            left = dict.fromkeys(it.number for it in due if it.day is not None and window.covers(it.day))
            its.walks.append(self._walk(window, left))
        its.details |= dict.fromkeys(plan.details)
        its.is_planned = True
        self._stats = evolve(self._stats, due=len(its.seen.union(it.number for it in due)))
        if (told := self._too_much(plan.calls - len(plan.details), len(plan.details))) is not None:
            self._tell(told)

    def _explore(self, its: _Round, exploration: Exploration) -> None:
        window = next(its.unexplored, None)
        if window is None:
            its.exploration = None
            its.details |= its.unknown
        else:
            its.walks.append(evolve(self._walk(window, its.unknown), exploration=exploration))

    async def _step(self, its: _Round, walk: _Walk) -> None:
        """Read a page of a search, and note what it shows."""
        if walk.page is None:
            try:
                walk.page = await anext(walk.pages)
            except StopAsyncIteration:
                await self._end(its, walk)
                return
            except IngramError as error:
                if _is_hopeless(error):
                    its.walks[0] = evolve(walk, read=0, days=Counter())  # from its beginning
                    raise
                self._tell(error, search=walk.search)
                its.walks.popleft()
                if walk.exploration is not None:
                    its.exploration = None
                # Where it fails time and again, nobody waits for ever, and yet it costs no call for each that it shows.
                its.details |= dict.fromkeys(islice(walk.left, MOST_ON_A_PAGE))
                return
        page = walk.page.model
        seen = [it for it in map(sighting, page.orders) if it is not None]
        noted = await self._note(its, seen, adopts=walk.window is None)
        walk.page = None
        walk.read += 1
        found = [number for number in noted.seen if number in walk.left]
        for number in found:
            del walk.left[number]
        walk.days.update(day for it in seen if (day := day_of(it.order)) is not None)
        its.details |= dict.fromkeys(noted.to_confirm)
        self._count(its, noted, noted.seen if walk.window is None else noted.refreshed)
        if walk.exploration is not None:
            walk.exploration.note_page(len(found))
            if not walk.exploration.pays:
                its.walks.popleft()
        elif walk.window is not None:
            await self._see_whether_it_pays(its, walk, walk.window, page.records_found, found=len(found))
        elif walk.read == 1 and page.records_found:
            self._stats = evolve(self._stats, due=max(self._stats.due, page.records_found))
            if (told := self._too_much(pages(page.records_found), 0)) is not None:
                self._tell(told)

    async def _see_whether_it_pays(
        self, its: _Round, walk: _Walk, window: Window, said: int | None, *, found: int
    ) -> None:
        """Leave a window once all is seen that it is read for, or where the details of the rest are fewer calls."""
        more = pages(said) - walk.read if said else 0
        if walk.left and (found or len(walk.left) >= more):
            return
        its.walks.popleft()
        its.details |= walk.left
        if said:
            await self._store.keep_counts(_spread(said, window, await self._store.counts()))

    async def _end(self, its: _Round, walk: _Walk) -> None:
        """Note what a search showed that was gone through to its end, and what it did not."""
        if walk.window is None:
            await self._store.note_begun()
            self._tells_new = True
        else:
            await self._store.keep_counts({day: walk.days[day] for day in walk.window.days()})
        if walk.exploration is None and walk.left:
            await self._store.note_missing(walk.left, self._terms)
            its.details |= walk.left
        its.walks.popleft()

    async def _ask_details(self, its: _Round) -> None:
        """Ask for some orders one by one, and note what they are."""
        if not its.answers:
            async with asyncio.TaskGroup() as group:
                asked = {it: group.create_task(self._ask_one(it)) for it in islice(its.details, self._at_once)}
            its.answers = {number: task.result() for number, task in asked.items()}
        for answer in its.answers.values():
            if isinstance(answer, IngramError) and _is_hopeless(answer):
                its.answers = {}
                raise answer
        failed = {number: answer for number, answer in its.answers.items() if isinstance(answer, IngramError)}
        seen = [
            it
            for number, answer in its.answers.items()
            if not isinstance(answer, IngramError) and (it := sighting(answer, number)) is not None
        ]
        noted = await self._note(its, seen, failed=[*failed])
        for number in its.answers:
            del its.details[number]
        its.answers = {}
        self._count(its, noted, noted.refreshed)
        for number, error in failed.items():
            self._tell(error, order_number=number)

    async def _note(
        self, its: _Round, seen: Iterable[Sighting], *, adopts: bool = False, failed: Sequence[str] = ()
    ) -> Noted:
        self._may_be_more = True  # also where this is cancelled: it is done all the same
        noted = await self._store.note(
            seen, self._terms, since=its.began, adopts=adopts, tells_first=self._tells_new, failed=failed
        )
        self._may_be_more = noted.changes > 0
        return noted

    async def _ask_one(self, number: str) -> OrderDetailB2B | IngramError:
        try:
            return await GetOrderDetails(self._counted, order_number=number, **self._who).execute()
        except IngramError as error:  # as a value: it ends none of the others
            return error

    # ── What goes wrong ─────────────────────────────────────────────────────────────────────────────────────────

    def _tell(self, error: IngramError, **about: Any) -> None:
        tell(_log, logging.INFO, "round %d: %s", self._stats.round, describe(error))
        self._ready.append((None, PollProblem(error=error, seen_at=_time(self._store.clock()), **about)))
        self._stats = evolve(self._stats, problems=self._stats.problems + 1)

    def _too_much(self, searches: int, details: int) -> ConfigurationError | None:
        """Give what to tell where so many calls take longer than *every*, by the quota; once, unless it grows."""
        if self._quota is None:
            return None
        calls = max(searches, details)  # either route has a quota of its own
        seconds = least_every(calls, *self._quota)
        if seconds <= max(self._terms.every, self._too_often * 1.1):
            return None
        self._too_often = seconds
        every, served = timedelta(seconds=self._terms.every), timedelta(seconds=math.ceil(seconds))
        return ConfigurationError(
            f"every={every} is more often than the quota can serve: {calls} calls of a route are needed, and "
            f"{self._quota[0]} are let go in {self._quota[1]:g} s; every={served} can be served"
        )

    # ── What is sent ────────────────────────────────────────────────────────────────────────────────────────────

    def _new_search(self) -> SearchOrders:
        return SearchOrders(self._counted, **self._who)

    def _through_us(self, search: SearchOrders) -> SearchOrders:
        values = {name: value for name, value in search.values.items() if name not in ("page_size", "page_number")}
        return SearchOrders(self._counted, **values)  # all that it finds, in as few calls as can be

    def _walk(self, window: Window, left: dict[str, None]) -> _Walk:
        search = self._new_search().ingram_order_date_bt([window.first, window.last])
        return _Walk(search, window=window, left=left)

    def _count(self, its: _Round, noted: Noted, seen: set[str]) -> None:
        its.seen |= seen
        self._stats = evolve(
            self._stats, watched=self._stats.watched + noted.adopted - noted.ended, refreshed=len(its.seen)
        )


def _is_hopeless(error: IngramError) -> bool:
    return isinstance(error, AuthenticationError | ConfigurationError)


def _spread(orders: int, window: Window, counts: Mapping[date, int]) -> dict[date, int]:
    """Give so many orders to the days of a window, in the proportions known before."""
    days = [*window.days()]
    known = sum(counts.get(day, 0) for day in days)
    if not known:
        return dict.fromkeys(days, -(-orders // len(days)))
    return {day: -(-counts.get(day, 0) * orders // known) for day in days}


def _checked_numbers(numbers: Iterable[str]) -> tuple[str, ...]:
    if isinstance(numbers, str) or not isinstance(numbers, Iterable):
        raise InvalidRequestError([f"several order numbers, or a search, are to be watched, not {brief(numbers)}"])
    checked = tuple(dict.fromkeys(numbers))
    problems = [problem for number in checked for problem in GetOrderDetails.order_number.problems(number)]
    if problems:
        raise InvalidRequestError(problems)
    return checked


def _checked_terms(every: timedelta, slowest: timedelta | None, final: Iterable[OrderStatus]) -> Terms:
    checked_span(every, "every")
    if slowest is None:
        slowest = max(every, SLOWEST)
    checked_span(slowest, "slowest")
    if slowest < every:
        raise ConfigurationError(f"slowest must not be shorter than every, and {slowest} is shorter than {every}")
    statuses: frozenset[object] = frozenset({final} if isinstance(final, str | OrderStatus) else final)
    known = frozenset(it for it in statuses if isinstance(it, OrderStatus))
    if wrong := [*statuses - known]:
        raise ConfigurationError(f"final must be members of OrderStatus, not {brief(wrong[0])}")
    return Terms(every=every.total_seconds(), slowest=slowest.total_seconds(), final=known)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
