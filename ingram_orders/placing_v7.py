"""
Places an order by v7, and waits for what becomes of it: an event says so, or a search finds it, whichever comes first.

The body of an event is not signed. That there is an order is proved by reading it. That there is none nothing proves:
so a refusal counts only once searches have found no such order for a while. No refusal of duplicates is documented for
v7, so what may have been taken in is never sent again.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NoReturn, Unpack

from attrs import define, evolve, field, frozen

from ingram_orders.builder import A, BeforeSend, Request, Response
from ingram_orders.confirming import numbers_of
from ingram_orders.converters import structure, unstructure
from ingram_orders.crowd import Crowd
from ingram_orders.delivering import LOOK
from ingram_orders.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    IngramError,
    NotFoundError,
    OrderRefusedError,
    OutcomeUnknownError,
    PermissionDeniedError,
)
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.inbox import WebhookInbox
from ingram_orders.journal import OpenPlacement
from ingram_orders.logs import tell
from ingram_orders.models import AsyncOrderCreateDTO, AsyncOrderCreateResponse, FoundOrder, OrderDetailB2B
from ingram_orders.operations import CreateOrderV7, GetOrderDetails
from ingram_orders.placing import (
    FIRST_LOOK,
    Placing,
    SendsNoted,
    Settings,
    Taken,
    because,
    first_step,
    keep_outcome,
    kept_outcome,
    listed,
    ours,
)
from ingram_orders.refusals import told
from ingram_orders.sightings import placed_by
from ingram_orders.webhooks import OrderCreatedEvent, OrderFailedEvent, restored
from ingram_orders.wire import Outgoing

PATIENCE: Final = 16.0
"""
Seconds after which to search first where an event is to come, which is what tells first, as a rule, and costs no
search. Each further time it is twice as long, up to *every*.
"""

_MOST: Final = 20
"""Orders that are read back of an event; one purchase order does not become more."""

_SKEW: Final = timedelta(minutes=5)
"""How far the clocks may be apart by which the API dates orders and answers."""

_log = logging.getLogger(__name__)


@frozen(kw_only=True)
class PlacedOrderV7:
    """An order that was taken in by v7 and is there, and how that is known."""

    customer_order_number: str
    confirmation: AsyncOrderCreateResponse | None = None
    """What the create was answered; `None` where its answer was lost."""
    orders: tuple[FoundOrder | OrderDetailB2B, ...]
    """
    The orders that it became, as they were read back: the details of those that events named, and otherwise all that
    searches found. One placed may become several.
    """
    event: OrderCreatedEvent | None = None
    """What told of it; `None` where a search found it first. Only what *orders* says is proved."""
    attempts: int
    """How often sending it was begun, what was turned away included; over all processes that had to do with it."""

    @property
    def known_by(self) -> Literal["event", "search"]:
        """How it is known: an event told of it, and its orders were read; or a search found it."""
        return "search" if self.event is None else "event"

    @property
    def order_numbers(self) -> tuple[str, ...]:
        """Ingram's numbers of the orders that it became."""
        return tuple(it.ingram_order_number for it in self.orders if it.ingram_order_number)


class PlacementV7(Placing[PlacedOrderV7]):
    """One order, on its way to be placed by v7."""

    def __init__(
        self,
        sends: SendsNoted,
        create: CreateOrderV7,
        out: Outgoing,
        *,
        events: WebhookInbox | None,
        timeout: float | None,
        total: float | None,
        every: float,
        crowd: Crowd,
        **settings: Unpack[Settings],
    ) -> None:
        """
        Set up.

        Args:
            sends: The client.
            create: The request.
            out: The same, checked and written.
            events: Where events come in; `None` is for searching only.
            timeout: Seconds for all of it; `None` is for however long it takes.
            total: Seconds for each call; `None` is for as long as *timeout* leaves.
            every: Seconds from one search to the next, at most, unless there is a crowd.
            crowd: All that wait on the client.
            settings: See `Placing`.
        """
        body: AsyncOrderCreateDTO = out.values["async_order_create_dto"]  # was checked
        clock = settings["clock"]
        self._ends = None if timeout is None else clock() + timeout
        within = sends if self._ends is None else _Until(sends, self._ends, clock, total)
        super().__init__(within, out, body, **settings)
        self._hash = f"v7 {self._hash}"  # the same body by v6 is another order
        self._create = create
        self._events = events
        self._every = every
        self._crowd = crowd
        self._is_resumed = False
        """It was sent by another call."""

    async def _place(self) -> PlacedOrderV7:
        async with AsyncExitStack() as stack:
            if self._events is not None:
                try:
                    await stack.enter_async_context(self._events)
                except ConfigurationError as exc:
                    if not self._record.sends:
                        await self._forget(exc)
                        raise
                    tell(_log, logging.WARNING, "order %s: no event can be read: %s", self._number, exc)
                    self._events = None  # it may still be found
            self._is_resumed = bool(self._record.sends)
            if self._is_resumed:
                unknown = self._unknown("it was sent by a process that ended before it knew what became of it")
            else:
                unknown = await self._begin(self._send)
            with self._crowd:
                return await self._wait(unknown)

    async def _wait_for_other(self) -> None:
        if self._is_over():
            raise self._out.outcome_unknown("another is on it, and the time was up")
        await super()._wait_for_other()

    async def _look_before(self) -> None:
        if self._events is not None:  # what tells of another order of this number is told from what tells of this one
            self._record = evolve(self._record, mark=await self._events.mark())
        await super()._look_before()

    async def _send(self) -> OutcomeUnknownError:
        """
        Send it once, and give what is not known then.

        Raises:
            IngramError: It was not taken in: nothing was sent, or it was refused.
        """
        response = await self._send_noted(self._create)
        if isinstance(response, OutcomeUnknownError):
            return response
        try:
            await self._keep(evolve(self._record, confirmation=write_json(unstructure(response.model)).decode()))
        except (ConfigurationError, ValueError, RecursionError) as exc:  # it goes on all the same
            tell(_log, logging.WARNING, "order %s: its confirmation cannot be kept: %s", self._number, exc)
        return self._unknown("it was taken in", status=response.status, body=response.body)

    def _is_over(self) -> bool:
        return self._ends is not None and self._clock() >= self._ends

    def _has_time_for_another_look(self) -> bool:
        return self._ends is None or self._clock() + first_step(self._settle) < self._ends

    async def _and_others(self, its: tuple[FoundOrder, ...]) -> tuple[FoundOrder, ...]:
        return await super()._and_others(its) if self._has_time_for_another_look() else its

    # ── Waiting ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _wait(self, unknown: OutcomeUnknownError) -> PlacedOrderV7:
        """
        Wait for what becomes of it.

        Raises:
            OrderRefusedError: An event says that it was refused, and searches have found nothing for a while.
            OutcomeUnknownError: The time is up, or what there is cannot be told from it, or it cannot be looked for.
        """
        tell(_log, logging.INFO, "order %s: waiting for what becomes of it", self._number)
        looks = _Looks(
            self._clock(), FIRST_LOOK if self._events is None else PATIENCE, self._ends, self._every, self._crowd
        )  # fmt: skip
        heard = _Heard()
        trouble = _Trouble(self._settle)
        search: asyncio.Task[tuple[FoundOrder, ...]] | None = None
        begun = 0.0
        try:
            while True:
                await self._hear(heard, looks)
                its, event = await self._read_back(heard, looks)
                if its:
                    return await self._placed(its, event)
                if search is not None and search.done():
                    if its_found := self._found(search, begun, heard, trouble, unknown):
                        return await self._placed(await self._and_others(its_found), None)
                    search = None
                    # What is said to be there is read first, for as long as that may take.
                    is_settled = trouble.error is None and begun >= heard.settled and not heard.named
                    if heard.refusal is not None and is_settled:
                        await self._refuse(heard, unknown)
                if self._is_over():
                    what = (
                        "nothing tells what became of it" if heard.refusal is None else "an event says it was refused"
                    )
                    raise because(unknown, f"the time was up, and {what}") from trouble.error
                if search is None and looks.next_at <= self._clock():
                    begun = self._clock()
                    looks.note(begun)
                    search = asyncio.create_task(self._find())
                await self._pause(search, min(looks.next_at, heard.next_at))
        finally:
            if search is not None:
                search.cancel()
                await asyncio.wait([search])

    async def _hear(self, heard: "_Heard", looks: "_Looks") -> None:
        """Note what events have said since the last time."""
        if self._events is None:
            return
        try:
            outcomes = await self._events.outcomes(self._number, self._record.mark, heard.last)
        except ConfigurationError as exc:  # it may still be found
            if not heard.is_deaf:  # told once, and not each second
                tell(_log, logging.WARNING, "order %s: no event can be read: %s", self._number, exc)
            heard.is_deaf = True
            return
        heard.is_deaf, is_first = False, heard.is_new
        heard.is_new = False
        for outcome in outcomes:
            heard.last = outcome.id
            now, event = self._clock(), outcome.event
            is_later = self._is_later(event)
            # What came, or happened, before it was sent is about another order of its number.
            if outcome.is_after is False or is_later is False:
                continue
            if isinstance(event, OrderCreatedEvent):
                if outcome.is_after or is_later:
                    heard.name(event, now, until=now + self._settle, but=self._record.before or ())
            elif outcome.is_after and heard.refusal is None and self._is_mine(event):
                age = outcome.age if self._is_resumed and is_first else 0.0  # by a clock that may be set
                heard.refusal, heard.settled = event, now + max(self._settle - age, 0.0)
                looks.begin(now, first_step(self._settle), also=heard.settled)

    def _is_mine(self, event: OrderFailedEvent) -> bool:
        return (event.outcome.customer_order_number or "").strip() == self._number

    def _is_later(self, event: OrderCreatedEvent | OrderFailedEvent) -> bool | None:
        """Whether an event happened after it was sent; `None` where that is not told."""
        when, sent_at = event.event_time, self._record.sent_at
        if sent_at is None or not isinstance(when, datetime) or when.tzinfo is None:
            return None
        return when >= sent_at.replace(microsecond=0)

    async def _read_back(
        self, heard: "_Heard", looks: "_Looks"
    ) -> tuple[tuple[OrderDetailB2B, ...], OrderCreatedEvent | None]:
        """Give those of the orders that events name that are this one, and the event that named the first."""
        its = await self._read(heard)
        is_split = any(event.outcome.order_split for _, event in its.values())
        if its and (heard.named or is_split) and self._has_time_for_another_look():
            await self._sleep(first_step(self._settle))  # those of one order need not be told, or there, all at once
            await self._hear(heard, looks)
            heard.hasten(self._clock())
            its |= await self._read(heard)
        return tuple(order for order, _ in its.values()), next((event for _, event in its.values()), None)

    async def _read(self, heard: "_Heard") -> "dict[str, tuple[OrderDetailB2B, OrderCreatedEvent]]":
        """Read the orders that events name and whose turn it is; what is not there is read again later, for a while."""
        its: dict[str, tuple[OrderDetailB2B, OrderCreatedEvent]] = {}
        for number, event in heard.due(self._clock(), self._every).items():
            request = GetOrderDetails(self._sends, order_number=number, **self._who)
            try:
                order = (await self._sends.send(request)).model
            except NotFoundError:
                continue
            except (BadRequestError, PermissionDeniedError):  # it is no order of ours, if that stays so
                if number not in heard.named:
                    heard.forget(number)
            except IngramError as exc:  # a search goes on meanwhile
                tell(_log, logging.INFO, "order %s: %s cannot be read back: %s", self._number, number, exc)
            else:
                heard.forget(number)
                if self._is_it(order):
                    its[order.ingram_order_number or number] = order, event
        return its

    def _is_it(self, order: OrderDetailB2B) -> bool:
        """Whether an order that an event names is this one: details tell no zone, so it must not be older for sure."""
        made, sent_at = placed_by(order), self._record.sent_at
        return (
            order.customer_order_number == self._number
            and order.ingram_order_number not in (self._record.before or ())
            and (made is None or sent_at is None or made >= sent_at.replace(microsecond=0))
        )

    def _found(
        self,
        search: asyncio.Task[tuple[FoundOrder, ...]],
        begun: float,
        heard: "_Heard",
        trouble: "_Trouble",
        unknown: OutcomeUnknownError,
    ) -> tuple[FoundOrder, ...]:
        """
        Give those orders that a search found to be this one; note in *unknown* which may be it.

        Raises:
            OutcomeUnknownError: It cannot be looked for, or there is one that may be it, and that has not changed.
        """
        try:
            found = search.result()
        except IngramError as exc:
            if trouble.note(exc, begun):
                raise because(unknown, "it cannot be looked for") from exc
            return ()
        trouble.end()
        if its := ours(found, self._number, self._record):
            return its
        unknown.orders = tuple(filter(self._may_be_it, found))
        if not unknown.orders:
            heard.unclear_since = None
        elif heard.unclear_since is None:
            heard.unclear_since = begun
        elif begun - heard.unclear_since >= self._settle:
            raise because(unknown, f"there are orders of this number that may be it, or not: {listed(unknown.orders)}")
        return ()

    def _may_be_it(self, order: FoundOrder) -> bool:
        """Whether it cannot be said of an order that it is another: that it was there before, or is older for sure."""
        made, sent_at = placed_by(order), self._record.sent_at
        is_older = made is not None and sent_at is not None and made < sent_at - _SKEW
        return not is_older and order.ingram_order_number not in (self._record.before or ())

    async def _refuse(self, heard: "_Heard", unknown: OutcomeUnknownError) -> NoReturn:
        event = heard.refusal
        if unknown.orders:
            why = "an event says that it was refused, and there are orders of this number that may be it, or not"
            raise because(unknown, f"{why}: {listed(unknown.orders)}")
        if heard.unread:
            raise because(unknown, "one event says that it was refused, and another that it was placed")
        facts = {
            "refused": None if event is None else event.data,
            "settle": self._settle,
            "correlation_id": unknown.correlation_id,
        }
        try:
            if not await self._journal.refuse(self._key, self._owner, self._record, write_json(facts).decode()):
                raise Taken
        except (ConfigurationError, ValueError, RecursionError) as exc:  # then it is waited for again
            tell(_log, logging.WARNING, "order %s: that it was refused cannot be kept: %s", self._number, exc)
        raise self._refusal(facts)

    async def _pause(self, search: "asyncio.Task[tuple[FoundOrder, ...]] | None", until: float) -> None:
        """Wait until something may have come: by a search, by an event, or with the time."""
        if search is not None and self._events is None:
            await asyncio.wait([search])
            return
        until = until if search is None else math.inf
        seconds = max(min(until, math.inf if self._ends is None else self._ends) - self._clock(), 0.0)
        if self._events is None:
            await self._sleep(seconds)
            return
        news = asyncio.create_task(self._events.news(min(seconds, LOOK), self._number))
        try:
            await asyncio.wait([news] if search is None else [news, search], return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
            await asyncio.wait([news])

    # ── What came of it ─────────────────────────────────────────────────────────────────────────────────────────

    async def _placed(
        self, orders: tuple[FoundOrder, ...] | tuple[OrderDetailB2B, ...], event: OrderCreatedEvent | None
    ) -> PlacedOrderV7:
        confirmation = self._record.confirmation
        facts = {
            # As `recovering` writes it; and what only this knows.
            "answer": None,
            "orders": [unstructure(it) for it in orders if isinstance(it, FoundOrder)],
            "attempts": self._record.attempts,
            "details": [unstructure(it) for it in orders if isinstance(it, OrderDetailB2B)],
            "event": None if event is None else event.data,
            "confirmation": None if confirmation is None else read_json(confirmation.encode()),
        }
        await keep_outcome(self._journal, self._key, facts)
        return self._of(facts)

    def _read_outcome(self, outcome: str) -> PlacedOrderV7:
        return kept_outcome(self._number, outcome, self._of)

    def _of(self, facts: Any) -> PlacedOrderV7:
        if "refused" in facts:
            raise self._refusal(facts)
        confirmation, event = facts.get("confirmation"), facts.get("event")
        told_by = None if event is None else restored(event)
        return PlacedOrderV7(
            customer_order_number=self._number,
            confirmation=None if confirmation is None else structure(confirmation, AsyncOrderCreateResponse),
            orders=(
                *(structure(it, OrderDetailB2B) for it in facts.get("details", ())),
                *(structure(it, FoundOrder) for it in facts["orders"]),
            ),
            event=told_by if isinstance(told_by, OrderCreatedEvent) else None,
            attempts=int(facts["attempts"]),
        )

    def _refusal(self, facts: Any) -> OrderRefusedError:
        event, settle, correlation_id = restored(facts["refused"]), facts["settle"], str(facts["correlation_id"])
        reasons = event.reasons if isinstance(event, OrderFailedEvent) else ()
        error = OrderRefusedError(
            f"order {self._number}: an event says that it was refused, and {settle:.0f} s later no search finds it: "
            f"{told(reasons)} (correlation id {correlation_id})",
            status=200,
            errors=reasons,
            correlation_id=correlation_id,
        )
        error.event = event if isinstance(event, OrderFailedEvent) else None
        record = self._record
        error.placement = OpenPlacement(key=self._key, attempts=record.attempts, sent_at=record.sent_at)
        return error


@define
class _Heard:
    """What events have said."""

    last: int = 0
    """The `Outcome.id` of the last one."""
    is_new: bool = True
    """Whether nothing was listened to yet."""
    refusal: OrderFailedEvent | None = None
    """The first that says that it was refused."""
    settled: float = 0.0
    """When that may count."""
    named: "dict[str, _Named]" = field(factory=dict)
    """The orders that it is said to have become, and that are to be read; by their numbers."""
    unread: set[str] = field(factory=set)
    """Those, and such as were not there for so long that they are read no more."""
    is_deaf: bool = False
    """Whether nothing can be heard now."""
    unclear_since: float | None = None
    """Since when searches have found orders that may be it."""

    @property
    def next_at(self) -> float:
        """When one of those is to be read."""
        return min((it.next_at for it in self.named.values()), default=math.inf)

    def name(self, event: OrderCreatedEvent, now: float, *, until: float, but: Collection[str]) -> None:
        """Note which orders an event names, but for some, to be read at once, and again for a while."""
        good = [it for it in numbers_of(event) if not [*GetOrderDetails.order_number.problems(it)]]
        new = [it for it in good if it not in self.unread and it not in but][:_MOST]
        self.named.update((it, _Named(event, now, until)) for it in new)
        self.unread.update(new)

    def due(self, now: float, every: float) -> dict[str, OrderCreatedEvent]:
        """Give the orders that are to be read now; and when they are again, note, ever more seldom."""
        due = {number: it for number, it in self.named.items() if it.next_at <= now}
        for number, its in due.items():
            its.next_at, its.step = now + its.step, min(2 * its.step, max(every, FIRST_LOOK))
            if now >= its.until:  # after this time no more: it costs a call each
                del self.named[number]
        return {number: it.event for number, it in due.items()}

    def hasten(self, now: float) -> None:
        """Let all be read now."""
        for it in self.named.values():
            it.next_at = now

    def forget(self, number: str) -> None:
        """Note that an order was read."""
        self.named.pop(number, None)
        self.unread.discard(number)


@define
class _Named:
    event: OrderCreatedEvent
    """That names it."""
    next_at: float
    until: float
    step: float = FIRST_LOOK


@define
class _Trouble:
    """What searching fails with."""

    patience: float
    error: IngramError | None = None
    _since: float | None = None

    def end(self) -> None:
        """Note that it does not fail."""
        self.error = self._since = None

    def note(self, error: IngramError, now: float) -> bool:
        """Note that it fails; give whether to give up: the client is closed, or the credentials stay refused."""
        self.error = error
        if not isinstance(error, AuthenticationError | PermissionDeniedError):
            self._since = None
            return isinstance(error, ConfigurationError)
        if self._since is None:
            self._since = now
        return now - self._since >= self.patience


class _Looks:
    """When to search next."""

    def __init__(self, now: float, first: float, ends: float | None, every: float, crowd: Crowd) -> None:
        self._every = every
        self._crowd = crowd
        # In any case: a moment before the time is up, for a last look.
        self._also = [] if ends is None else [ends - FIRST_LOOK]
        self.begin(now, first)
        self.note(now)

    def begin(self, now: float, first: float, *, also: float | None = None) -> None:
        """Look now, after so many seconds, and then ever more seldom; and at the moment *also*."""
        self.next_at, self._step = now, max(min(first, self._every), 1.0)
        if also is not None:
            self._also.append(also)

    def note(self, now: float) -> None:
        """Note that it is looked now."""
        step = max(self._step, self._crowd.share)
        self.next_at = min([now + step, *(it for it in self._also if it > now)])
        self._step = max(min(2 * step, self._every), 1.0)


@frozen
class _Until:
    """Sends no longer than until a reading of the clock."""

    sends: SendsNoted
    ends: float
    clock: Callable[[], float]
    total: float | None

    @property
    def defaults(self) -> Mapping[str, str]:
        """See `Sends`."""
        return self.sends.defaults

    async def send(
        self, request: Request[A], *, timeout: float | None = None, before_send: BeforeSend | None = None
    ) -> Response[A]:
        """See `SendsNoted`."""
        left = max(self.ends - self.clock(), 0.0)
        given = self.total if timeout is None else timeout
        return await self.sends.send(
            request, timeout=left if given is None else min(left, given), before_send=before_send
        )
