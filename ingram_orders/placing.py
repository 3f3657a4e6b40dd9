"""
Places an order exactly once: sends, and where what became of it is not known, looks for it before anything else.

An order that is not found may still come to be found. So what was sent is sent again only where the API itself would
refuse it, were it there: the search is no more than a second guard.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any, Final, Literal, Protocol
from uuid import uuid4

from attrs import evolve, frozen

from ingram_orders.builder import A, BeforeSend, Request, Response, Sends
from ingram_orders.converters import structure, unstructure
from ingram_orders.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    DuplicateOrderError,
    ErrorDetail,
    IngramError,
    InvalidRequestError,
    OrderRefusedError,
    OutcomeUnknownError,
    RateLimitedError,
    describe,
)
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.finding import find, for_whom, is_certainly
from ingram_orders.journal import NoJournal, OpenPlacement, OrderJournal, PlacementKey, Record, Sent
from ingram_orders.logs import tell
from ingram_orders.models import FoundOrder, OrderCreateRequest, OrderCreateResponse, RejectedLine
from ingram_orders.operations import CreateOrder
from ingram_orders.refusals import told
from ingram_orders.wire import Outgoing

SETTLE: Final = timedelta(minutes=10)
"""How long an order is looked for that may have been placed."""

_FIRST_LOOK: Final = 2.0
"""Seconds after a first look at once; each further one comes twice as long after the one before."""

_TURNED_AWAY: Final = (AuthenticationError, RateLimitedError)
"""Another time may be better."""

_ALLOWS: Final = "allowduplicatecustomerordernumber"
_DUPLICATE: Final = "EM"
"""The code with which a line is rejected whose order's number was used before."""

_log = logging.getLogger(__name__)


@frozen(kw_only=True)
class PlacedOrder:
    """An order that is there, and how that is known."""

    customer_order_number: str
    answer: OrderCreateResponse | None = None
    """What the API answered; `None` where its answer was lost."""
    orders: tuple[FoundOrder, ...] = ()
    """All orders that searches found to be this one; `()` where the answer told. One placed may become several."""
    attempts: int
    """How often sending it was begun, what was turned away included; over all processes that had to do with it."""

    @property
    def known_by(self) -> Literal["answer", "search"]:
        """How it is known: the API said so itself, or a search found it."""
        return "search" if self.answer is None else "answer"

    @property
    def order_numbers(self) -> tuple[str, ...]:
        """Ingram's numbers of the orders that it became; where searches found them, of those that they have shown."""
        its = self.orders if self.answer is None else self.answer.orders
        return tuple(it.ingram_order_number for it in its if it.ingram_order_number)


class SendsNoted(Sends, Protocol):
    """What sends requests, and says so just before: the client."""

    async def send(
        self, request: Request[A], *, timeout: float | None = None, before_send: BeforeSend | None = None
    ) -> Response[A]:
        """Send a request and read its answer."""
        ...


# ── Decisions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def looks(settle: float) -> Iterator[float]:
    """Give after how many seconds to look: at once, ever more seldom, and at the end."""
    after, step = 0.0, _first_step(settle)
    while after < settle:
        yield after
        after += step
        step *= 2
    yield settle


def _first_step(settle: float) -> float:
    return min(_FIRST_LOOK, settle / 16)


def allows_duplicates(body: OrderCreateRequest, written: bytes) -> bool:
    """
    Whether the API may place the order also where there is one with its number.

    So it is wherever the attribute's name stands in what is sent, unless plainly with "false" or nothing.
    """
    plain = [it for it in body.additional_attributes or () if (it.attribute_name or "").strip().casefold() == _ALLOWS]
    not_wished = [it for it in plain if (it.attribute_value or "").strip().casefold() in {"", "false"} and not it.extra]
    return written.decode("utf-8", "replace").casefold().count(_ALLOWS) > len(not_wished)


def hash_of(body: bytes) -> str:
    """Give a hash that bodies have alike that say the same, whatever the order of keys, and however a number is put."""
    return f"1:{hashlib.sha256(repr(_plain(read_json(body))).encode()).hexdigest()}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return "object", *sorted((key, _plain(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        return "number", str(number.normalize(_EXACT)) if number else "0"
    return value


_EXACT: Final = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)


def may_send_again(record: Record, *, duplicates: bool) -> bool:
    """
    Whether an order may be sent again that may have been placed and that no search found.

    Only where the API itself would refuse it, were it there after all; where no order had its number before; and where
    it was not refused when it was sent again.
    """
    return not (duplicates or record.before or record.before is None or record.is_refused)


def ours(found: tuple[FoundOrder, ...], number: str, record: Record) -> tuple[FoundOrder, ...]:
    """Give those of the orders found that are certainly this one: of just this number, and made after it was sent."""
    sent_at, before = record.sent_at, record.before or ()
    if sent_at is None:
        return ()
    return tuple(it for it in found if is_certainly(it, number, sent_at) and it.ingram_order_number not in before)


# ── Placing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Taken(Exception):  # noqa: N818  # no error: it is done elsewhere
    """Another is on this placement now; or it is done."""


class Placement:
    """One order, on its way to be placed."""

    def __init__(
        self,
        sends: SendsNoted,
        create: CreateOrder,
        out: Outgoing,
        *,
        base_url: str,
        journal: OrderJournal | NoJournal,
        settle: timedelta,
        at_most: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """
        Set up.

        Args:
            sends: The client.
            create: The request.
            out: The same, checked and written.
            base_url: Of the API that it goes to.
            journal: What is known of it, on disk.
            settle: How long it is looked for where it may have been placed.
            at_most: How often it is sent such that it may have been placed; by other processes counts as once.
            clock: A reading in seconds.
            sleep: Waits so many seconds.
        """
        self._sends = sends
        self._create = create
        self._out = out
        self._body: OrderCreateRequest = out.values["order_create_request"]  # type: ignore[assignment]  # was checked
        self._number = self._body.customer_order_number or ""
        self._duplicates = allows_duplicates(self._body, out.body or b"")
        self._journal = journal
        self._settle = settle.total_seconds()
        self._clock = clock
        self._sleep = sleep
        self._who = for_whom(out.values)
        self._key = PlacementKey(
            base_url, str(out.values["im_customer_number"]), str(out.values["im_country_code"]), self._number
        )
        self._hash = hash_of(out.body or b"")
        self._owner = uuid4().hex
        self._record = Record()
        self._sends_left = at_most
        self._is_known_to_api = False
        """It was refused as a duplicate after it had been sent."""

    async def run(self) -> PlacedOrder:
        """Place it, or wait for who does."""
        async with self._journal:
            said = False
            while True:
                try:
                    record = await self._journal.claim(self._key, self._owner, self._hash)
                except asyncio.CancelledError:
                    await self._journal.release(self._key, self._owner)  # it is claimed, though who asked has gone
                    raise
                if record is None:
                    if not said:
                        tell(_log, logging.INFO, "order %s: another is on it, and is waited for", self._number)
                        said = True
                    await self._journal.wait()
                    continue
                if record.outcome is not None:
                    return self._read(record.outcome)
                self._record = record
                async with self._journal.held(self._key, self._owner):
                    with suppress(_Taken):
                        return await self._place()

    async def _place(self) -> PlacedOrder:
        outcome: PlacedOrder | OutcomeUnknownError
        if self._record.sends:
            self._sends_left -= 1
            outcome = self._unknown("it was sent by a process that ended before it knew what became of it")
        else:
            try:
                await self._look_before()
                outcome = await self._send()
            except IngramError as error:  # it was not placed, and will not be
                if isinstance(error, DuplicateOrderError) and not error.orders:
                    with suppress(IngramError):
                        error.orders = await self._find()
                if not await self._journal.forget(self._key, self._owner):
                    raise _Taken from error  # who was refused since another had placed it gets what that one got
                raise
        while isinstance(outcome, OutcomeUnknownError):
            outcome.sent_at = self._record.sent_at
            outcome = await self._look_for_it(outcome) or await self._send_again(outcome)
        return outcome

    async def _look_before(self) -> None:
        """Learn which orders there are, before this one can be among them."""
        found = await self._find()
        await self._keep(evolve(self._record, before=tuple(it.ingram_order_number or "" for it in found)))
        same = tuple(it for it in found if it.customer_order_number == self._number)
        if same and not self._duplicates:
            numbers = ", ".join(str(it.ingram_order_number) for it in same)
            why = f"nothing was sent: the number {self._number} was used before, for {numbers}"
            error = DuplicateOrderError(f"{self._out.route}: {why}", status=400)
            error.orders = same
            raise error

    async def _send(self) -> PlacedOrder | OutcomeUnknownError:
        """
        Send it, and give what became of it.

        Raises:
            IngramError: It was not placed by this: nothing was sent, or it was refused.
        """
        self._sends_left -= 1
        before, correlation_id = self._record, str(self._create.values.get("im_correlation_id") or uuid4().hex)

        async def note(at: datetime) -> None:
            attempts = self._record.attempts + 1
            await self._keep(evolve(before, sends=(*before.sends, Sent(at, correlation_id)), attempts=attempts))

        try:
            response = await self._sends.send(self._create.im_correlation_id(correlation_id), before_send=note)
        except OutcomeUnknownError as unknown:
            return unknown
        except IngramError:
            self._record = evolve(self._record, sends=before.sends)
            raise
        if any(it.ingram_order_number for it in response.model.orders):
            return await self._placed(answer=response.model)
        refused = _refused(response, self._body)
        if refused is None:
            why = f"the answer ({response.status}) names no order"
            return self._unknown(why, status=response.status, body=response.body)
        self._record = evolve(self._record, sends=before.sends)
        raise refused

    async def _look_for_it(self, unknown: OutcomeUnknownError) -> PlacedOrder | None:
        """
        Look for it until it is found, or time is up.

        Raises:
            OutcomeUnknownError: It could not be looked for to the end, or there are orders that may be it.
        """
        tell(
            _log,
            logging.INFO,
            "order %s: looking for it for %.0f s, since: %s",
            self._number,
            self._settle,
            type(unknown).__name__,
        )
        began = self._clock()
        failure: IngramError | None = None
        for after in looks(self._settle):
            if (wait := began + after - self._clock()) > 0:
                await self._sleep(wait)
            try:
                found = await self._find()
            except ConfigurationError as exc:  # closed, as a rule; that does not pass
                failure = exc
                break
            except IngramError as exc:
                failure = exc
                continue
            failure = None
            if its := ours(found, self._number, self._record):
                return await self._placed(orders=await self._and_others(its))
            unknown.orders = found or unknown.orders
        if unknown.orders:
            numbers = ", ".join(str(it.ingram_order_number) for it in unknown.orders)
            raise _because(unknown, f"there are orders of this number that may be it, or not: {numbers}")
        if failure is not None:
            raise _because(unknown, "it could not be looked for to the end") from failure
        return None

    async def _and_others(self, its: tuple[FoundOrder, ...]) -> tuple[FoundOrder, ...]:
        """Look once more, a moment later: one order may become several, which need not be seen all at once."""
        await self._sleep(_first_step(self._settle))
        with suppress(IngramError):
            again = {it.ingram_order_number: it for it in ours(await self._find(), self._number, self._record)}
            its = tuple(({it.ingram_order_number: it for it in its} | again).values())
        return its

    async def _send_again(self, unknown: OutcomeUnknownError) -> PlacedOrder | OutcomeUnknownError:
        """
        Send again what was looked for and not found, where it may be.

        Raises:
            OutcomeUnknownError: It may not, or was not.
        """
        if self._is_known_to_api:
            raise _because(unknown, "the API refuses it as a duplicate, and no search shows it")
        if not may_send_again(self._record, duplicates=self._duplicates):
            raise _because(unknown, "no search shows it, and the API might place it twice were it sent again")
        if self._sends_left < 1:
            raise _because(unknown, "no search shows it, and it was sent as often as it may be")
        try:
            return await self._send()
        except DuplicateOrderError:  # so there is one, which no search shows yet
            self._is_known_to_api = True
            return unknown
        except IngramError as exc:
            if isinstance(exc, ApiError) and not isinstance(exc, _TURNED_AWAY):
                with suppress(ConfigurationError):  # it is as good a reason to stop when it is not kept
                    await self._keep(evolve(self._record, is_refused=True))
            raise _because(unknown, "no search shows it, and sending it again failed") from exc

    async def _find(self) -> tuple[FoundOrder, ...]:
        return await find(self._sends, self._number, self._who)

    async def _keep(self, record: Record) -> None:
        if not await self._journal.keep(self._key, self._owner, record):
            raise _Taken
        self._record = record

    async def _placed(
        self, *, answer: OrderCreateResponse | None = None, orders: tuple[FoundOrder, ...] = ()
    ) -> PlacedOrder:
        placed = PlacedOrder(
            customer_order_number=self._number, answer=answer, orders=orders, attempts=self._record.attempts
        )
        await _keep(self._journal, self._key, placed)
        return placed

    def _read(self, outcome: str) -> PlacedOrder:
        try:
            facts = read_json(outcome.encode())
            return PlacedOrder(
                customer_order_number=self._number,
                answer=None if facts["answer"] is None else structure(facts["answer"], OrderCreateResponse),
                orders=tuple(structure(it, FoundOrder) for it in facts["orders"]),
                attempts=int(facts["attempts"]),
            )
        except (ValueError, TypeError, KeyError, ArithmeticError, InvalidRequestError) as exc:
            why = f"what the journal holds of order {self._number} cannot be read: {describe(exc)}"
            raise ConfigurationError(why) from exc

    def _unknown(self, why: str, *, status: int | None = None, body: bytes = b"") -> OutcomeUnknownError:
        last = self._record.sends[-1]
        out = evolve(self._out, correlation_id=last.correlation_id)
        error = out.outcome_unknown(why, status=status, body=body)
        error.sent_at = last.at
        return error


async def recover(sends: Sends, base_url: str, journal: OrderJournal) -> tuple[OpenPlacement, ...]:
    """Look for the orders of a journal of which nobody knows what became; give those that stay open. Sends none."""
    async with journal:
        looked_at = [await _look_at(sends, journal, *each) for each in await journal.open_ones(base_url)]
    return tuple(it for it in looked_at if it is not None)


async def _look_at(sends: Sends, journal: OrderJournal, key: PlacementKey, record: Record) -> OpenPlacement | None:
    number, owner = key.customer_order_number, uuid4().hex
    found: tuple[FoundOrder, ...] = ()
    failure: IngramError | None = None
    if record.sends:
        claimed = await journal.claim(key, owner, None)
        if claimed is None:  # somebody is on it, or it is gone by now
            is_there = any(it == key for it, _ in await journal.open_ones(key.base_url))
            return _open(key, record) if is_there else None
        if claimed.outcome is not None:
            return None
        record = claimed
        async with journal.held(key, owner):
            who = {"im_customer_number": key.customer_number, "im_country_code": key.country_code}
            try:
                found = await find(sends, number, who)
            except IngramError as exc:
                failure = exc
            if its := ours(found, number, record):
                placed = PlacedOrder(customer_order_number=number, orders=its, attempts=record.attempts)
                await _keep(journal, key, placed)
                return None
    return _open(key, record, found, failure)


def _open(
    key: PlacementKey, record: Record, found: tuple[FoundOrder, ...] = (), failure: IngramError | None = None
) -> OpenPlacement:
    return OpenPlacement(key=key, attempts=record.attempts, sent_at=record.sent_at, orders=found, error=failure)


def _because(unknown: OutcomeUnknownError, why: str) -> OutcomeUnknownError:
    unknown.args = (f"{unknown}; {why}",)
    return unknown


def _refused(response: Response[OrderCreateResponse], body: OrderCreateRequest) -> ApiError | None:
    """Give the refusal that an answer without an order is; `None` where it does not say so of every line."""
    orders = response.model.orders
    rejected = [line for order in orders for line in order.rejected_line_items]
    is_duplicate = any((line.reject_code or "").strip().upper() == _DUPLICATE for line in rejected)
    is_all = bool(rejected) and all(order.rejected_line_items and not order.lines for order in orders)
    if not is_all or not (is_duplicate or _covers(rejected, body)):
        return None
    errors = tuple(ErrorDetail(type=line.reject_code, message=line.reject_reason) for line in rejected)
    return (DuplicateOrderError if is_duplicate else OrderRefusedError)(
        f"{response.status} order {body.customer_order_number}: every line was rejected: {told(errors)} "
        f"(correlation id {response.correlation_id})",
        status=response.status,
        errors=errors,
        correlation_id=response.correlation_id,
        body=response.body,
    )


def _covers(rejected: list[RejectedLine], body: OrderCreateRequest) -> bool:
    """Whether every line of an order is among those rejected: as many, each another, or all that it asks for."""
    told = {(it.customer_line_number, it.ingram_part_number) for it in rejected}
    names = {name for pair in told for name in pair} - {None}
    lines = body.lines or ()
    return len(told) >= len(lines) or all({it.customer_line_number, it.ingram_part_number} & names for it in lines)


async def _keep(journal: OrderJournal | NoJournal, key: PlacementKey, placed: PlacedOrder) -> None:
    facts = {
        "answer": None if placed.answer is None else unstructure(placed.answer),
        "orders": [unstructure(it) for it in placed.orders],
        "attempts": placed.attempts,
    }
    try:
        written = write_json(facts).decode()
    except (ValueError, RecursionError) as exc:  # read, and yet too deep to be written: it can be found again
        tell(
            _log,
            logging.WARNING,
            "order %s: what came of it cannot be written: %s",
            key.customer_order_number,
            describe(exc),
        )
    else:
        await journal.finish(key, written)
