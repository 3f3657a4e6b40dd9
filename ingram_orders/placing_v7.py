"""
Places an order by v7, and waits for what becomes of it: an event says so, or a search finds it, whichever comes first.

The body of an event is not signed. That there is an order is proved by reading it. That there is none nothing proves:
so a refusal counts only once searches have found no such order for a while. No refusal of duplicates is documented for
v7, so what may have been taken in is never sent again.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, NoReturn, Unpack

from attrs import evolve, frozen

from ingram_orders.builder import A, BeforeSend, Request, Response
from ingram_orders.confirming import confirm
from ingram_orders.converters import structure, unstructure
from ingram_orders.delivering import LOOK
from ingram_orders.errors import (
    AuthenticationError,
    ConfigurationError,
    IngramError,
    InvalidRequestError,
    OrderRefusedError,
    OutcomeUnknownError,
    PermissionDeniedError,
)
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.inbox import Outcome, WebhookInbox
from ingram_orders.logs import tell
from ingram_orders.models import AsyncOrderCreateDTO, AsyncOrderCreateResponse, FoundOrder, OrderDetailB2B
from ingram_orders.operations import CreateOrderV7
from ingram_orders.placing import Placing, SendsNoted, Settings, because, first_step, keep_outcome, kept_outcome, ours
from ingram_orders.refusals import told
from ingram_orders.sightings import placed_by
from ingram_orders.webhooks import OrderCreatedEvent, OrderFailedEvent, restored
from ingram_orders.wire import Outgoing

FIRST_LOOK: Final = 2.0
"""Seconds after which to search first; each further time it is twice as long, up to *every*."""

PATIENCE: Final = 16.0
"""The same where an event is to come, which is what tells first, as a rule, and costs no search."""

_MOST: Final = 100
"""Orders that are read back of an event; one purchase order does not become more."""

_log = logging.getLogger(__name__)


@frozen(kw_only=True)
class PlacedOrderV7:
    """An order that was taken in by v7 and is there, and how that is known."""

    customer_order_number: str
    confirmation: AsyncOrderCreateResponse | None = None
    """What the create was answered; `None` where its answer was lost."""
    orders: tuple[FoundOrder | OrderDetailB2B, ...]
    """
    All orders that it became, as they were read back: their details where an event named them, and otherwise as a
    search found them. One placed may become several.
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
        every: float,
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
            every: Seconds from one search to the next, at most.
            settings: See `Placing`.
        """
        body: AsyncOrderCreateDTO = out.values["async_order_create_dto"]  # type: ignore[assignment]  # was checked
        clock = settings["clock"]
        self._ends = None if timeout is None else clock() + timeout
        super().__init__(sends if self._ends is None else _Until(sends, self._ends, clock), out, body, **settings)
        self._create = create
        self._events = events
        self._every = every

    async def run(self) -> PlacedOrderV7:
        """Place it, and wait for what becomes of it; or wait for who does."""
        if self._events is None:
            return await super().run()
        async with self._events:
            return await super().run()

    async def _place(self) -> PlacedOrderV7:
        if self._record.sends:
            unknown = self._unknown("it was sent by a process that ended before it knew what became of it")
        else:
            unknown = await self._begin(self._send)
        unknown.sent_at = self._record.sent_at
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

    # ── Waiting ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _wait(self, unknown: OutcomeUnknownError) -> PlacedOrderV7:
        """
        Wait for what becomes of it.

        Raises:
            OrderRefusedError: An event says that it was refused, and searches have found nothing for a while.
            OutcomeUnknownError: The time is up, or it could not be looked for.
        """
        tell(_log, logging.INFO, "order %s: waiting for what becomes of it", self._number)
        now = self._clock()
        first = PATIENCE if self._events is not None else FIRST_LOOK
        looks = _Looks(now, first, self._every, self._ends)
        created: list[OrderCreatedEvent] = []
        refusal: OrderFailedEvent | None = None
        settled = now
        last, failure = 0, None
        while True:
            outcomes, now = await self._outcomes(last), self._clock()
            for outcome in outcomes:
                last = outcome.id
                if not outcome.is_after:  # of another order of this number
                    continue
                if isinstance(outcome.event, OrderCreatedEvent):
                    created.append(outcome.event)
                    looks.begin(now, FIRST_LOOK)
                elif refusal is None and not self._is_of_before(outcome.event):
                    refusal, settled = outcome.event, now + self._settle
                    looks.begin(now, first_step(self._settle), also=settled)
            if self._is_over():
                why = "an event says that it was refused" if refusal is not None else "nothing tells what became of it"
                raise because(unknown, f"the time was up, and {why}") from failure
            if looks.next_at <= now:
                looks.note(now)
                try:
                    placed = await self._look(created, unknown)
                except (ConfigurationError, AuthenticationError, PermissionDeniedError) as exc:  # that does not pass
                    raise because(unknown, "it cannot be looked for") from exc
                except IngramError as exc:
                    failure = exc
                else:
                    failure = None
                    if placed is not None:
                        return placed
                    if refusal is not None and now >= settled:
                        await self._refuse(refusal, unknown)
            await self._pause(looks.next_at)

    async def _outcomes(self, after: int) -> list[Outcome]:
        if self._events is None:
            return []
        try:
            return await self._events.outcomes(self._number, self._record.mark, after)
        except ConfigurationError as exc:  # it may still be found
            tell(_log, logging.WARNING, "order %s: no event can be read: %s", self._number, exc)
            return []

    def _is_of_before(self, event: OrderFailedEvent) -> bool:
        """Whether an event happened before it was sent, and so is about another order of this number."""
        when, sent_at = event.event_time, self._record.sent_at
        if sent_at is None or not isinstance(when, datetime) or when.tzinfo is None:
            return False
        return when < sent_at.replace(microsecond=0)

    async def _look(self, created: list[OrderCreatedEvent], unknown: OutcomeUnknownError) -> PlacedOrderV7 | None:
        """Read back what events name, and search; note in *unknown* which orders may be it."""
        for event in [*created]:
            details, is_open = await self._details(event)
            if details:
                return await self._placed(details, event)
            if not is_open:
                created.remove(event)
        found = await self._find()
        if its := ours(found, self._number, self._record):
            return await self._placed(await self._and_others(its), None)
        before = self._record.before or ()
        unknown.orders = tuple(it for it in found if it.ingram_order_number not in before)
        return None

    async def _details(self, event: OrderCreatedEvent) -> tuple[tuple[OrderDetailB2B, ...], bool]:
        """Give those of the orders that an event names that are this one; and whether more of them may come to be."""
        try:
            read = await confirm(self._sends, event, at_most=_MOST, who=self._who)
            if read.missing and any(map(self._is_it, read.orders)):
                await self._sleep(first_step(self._settle))  # those of one order need not be there all at once
                read = await confirm(self._sends, event, at_most=_MOST, who=self._who)
        except InvalidRequestError:  # it names what can be no order
            return (), False
        return tuple(filter(self._is_it, read.orders)), bool(read.missing)

    def _is_it(self, order: OrderDetailB2B) -> bool:
        """Whether an order that an event names is this one: details tell no zone, so it must not be older for sure."""
        made, sent_at = placed_by(order), self._record.sent_at
        return (
            order.customer_order_number == self._number
            and order.ingram_order_number not in (self._record.before or ())
            and (made is None or sent_at is None or made >= sent_at.replace(microsecond=0))
        )

    async def _refuse(self, event: OrderFailedEvent, unknown: OutcomeUnknownError) -> NoReturn:
        if unknown.orders:
            numbers = ", ".join(str(it.ingram_order_number) for it in unknown.orders)
            why = f"an event says that it was refused, and there are orders of this number that may be it: {numbers}"
            raise because(unknown, why)
        error = OrderRefusedError(
            f"order {self._number}: an event says that it was refused, and no search has found it for "
            f"{self._settle:.0f} s: {told(event.reasons)} (correlation id {unknown.correlation_id})",
            status=200,
            errors=event.reasons,
            correlation_id=unknown.correlation_id,
        )
        error.event = event
        await self._forget(error)
        raise error

    def _is_over(self) -> bool:
        return self._ends is not None and self._clock() >= self._ends

    async def _pause(self, until: float) -> None:
        seconds = max(until - self._clock(), 0.0)
        if self._events is None:
            await self._sleep(seconds)
        else:
            await self._events.news(min(seconds, LOOK))

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

    def _read(self, outcome: str) -> PlacedOrderV7:
        return kept_outcome(self._number, outcome, self._of)

    def _of(self, facts: Any) -> PlacedOrderV7:
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


class _Looks:
    """When to look next."""

    def __init__(self, now: float, first: float, every: float, ends: float | None) -> None:
        self._every = every
        # In any case: a moment before the time is up, for a last look; and when it is.
        self._also = [] if ends is None else [ends - FIRST_LOOK, ends]
        self.begin(now, first)
        self.note(now)

    def begin(self, now: float, first: float, *, also: float | None = None) -> None:
        """Look now, after so many seconds, and then ever more seldom; and at the moment *also*."""
        self.next_at, self._step = now, min(first, self._every)
        if also is not None:
            self._also.append(also)

    def note(self, now: float) -> None:
        """Note that it is looked now."""
        self.next_at = min([now + self._step, *(it for it in self._also if it > now)])
        self._step = min(2 * self._step, self._every)


@frozen
class _Until:
    """Sends no longer than until a reading of the clock."""

    sends: SendsNoted
    ends: float
    clock: Callable[[], float]

    @property
    def defaults(self) -> Mapping[str, str]:
        """See `Sends`."""
        return self.sends.defaults

    async def send(
        self, request: Request[A], *, timeout: float | None = None, before_send: BeforeSend | None = None
    ) -> Response[A]:
        """See `SendsNoted`."""
        left = self.ends - self.clock()
        return await self.sends.send(
            request, timeout=left if timeout is None else min(left, timeout), before_send=before_send
        )
