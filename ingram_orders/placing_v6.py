"""
Places an order by v6: sends, and where what became of it is not known, looks for it before anything else.

An order that is not found may still come to be found. So what was sent is sent again only where the API itself would
refuse it, were it there: the search is no more than a second guard.
"""

import logging
from contextlib import suppress
from typing import Final, Literal, Unpack

from attrs import evolve, frozen

from ingram_orders.builder import Response
from ingram_orders.converters import structure, unstructure
from ingram_orders.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    DuplicateOrderError,
    ErrorDetail,
    IngramError,
    OrderRefusedError,
    OutcomeUnknownError,
    RateLimitedError,
)
from ingram_orders.journal import Record
from ingram_orders.logs import tell
from ingram_orders.models import FoundOrder, OrderCreateRequest, OrderCreateResponse, RejectedLine
from ingram_orders.operations import CreateOrder
from ingram_orders.placing import (
    Placing,
    SendsNoted,
    Settings,
    because,
    keep_outcome,
    kept_outcome,
    listed,
    looks,
    ours,
)
from ingram_orders.refusals import told
from ingram_orders.wire import Outgoing

_TURNED_AWAY: Final = (AuthenticationError, RateLimitedError)
"""Another time may be better."""

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


def may_send_again(record: Record, *, duplicates: bool) -> bool:
    """
    Whether an order may be sent again that may have been placed and that no search found.

    Only where the API itself would refuse it, were it there after all; where no order had its number before; and where
    it was not refused when it was sent again.
    """
    return not (duplicates or record.before or record.before is None or record.is_refused)


class Placement(Placing[PlacedOrder]):
    """One order, on its way to be placed by v6."""

    def __init__(
        self, sends: SendsNoted, create: CreateOrder, out: Outgoing, *, at_most: int, **settings: Unpack[Settings]
    ) -> None:
        """
        Set up.

        Args:
            sends: The client.
            create: The request.
            out: The same, checked and written.
            at_most: How often it is sent such that it may have been placed; by other processes counts as once.
            settings: See `Placing`.
        """
        self._body: OrderCreateRequest = out.values["order_create_request"]  # was checked
        super().__init__(sends, out, self._body, **settings)
        self._create = create
        self._sends_left = at_most
        self._is_known_to_api = False
        """It was refused as a duplicate after it had been sent."""

    async def _place(self) -> PlacedOrder:
        outcome: PlacedOrder | OutcomeUnknownError
        if self._record.sends:
            self._sends_left -= 1
            outcome = self._unknown("it was sent by a process that ended before it knew what became of it")
        else:
            outcome = await self._begin(self._send)
        while isinstance(outcome, OutcomeUnknownError):
            outcome.sent_at = self._record.sent_at
            outcome = await self._look_for_it(outcome) or await self._send_again(outcome)
        return outcome

    async def _send(self) -> PlacedOrder | OutcomeUnknownError:
        """
        Send it, and give what became of it.

        Raises:
            IngramError: It was not placed by this: nothing was sent, or it was refused.
        """
        self._sends_left -= 1
        before = self._record
        response = await self._send_noted(self._create)
        if isinstance(response, OutcomeUnknownError):
            return response
        if any(it.ingram_order_number for it in response.model.orders):
            return await self._placed(answer=response.model)
        refused = _refused(response, self._body)
        if refused is None:
            why = f"the answer ({response.status}) names no order"
            return self._unknown(why, status=response.status, body=response.body)
        self._take_back(before)
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
            raise because(unknown, f"there are orders of this number that may be it, or not: {listed(unknown.orders)}")
        if failure is not None:
            raise because(unknown, "it could not be looked for to the end") from failure
        return None

    async def _send_again(self, unknown: OutcomeUnknownError) -> PlacedOrder | OutcomeUnknownError:
        """
        Send again what was looked for and not found, where it may be.

        Raises:
            OutcomeUnknownError: It may not, or was not.
        """
        if self._is_known_to_api:
            raise because(unknown, "the API refuses it as a duplicate, and no search shows it")
        if not may_send_again(self._record, duplicates=self._duplicates):
            raise because(unknown, "no search shows it, and the API might place it twice were it sent again")
        if self._sends_left < 1:
            raise because(unknown, "no search shows it, and it was sent as often as it may be")
        try:
            return await self._send()
        except DuplicateOrderError:  # so there is one, which no search shows yet
            self._is_known_to_api = True
            return unknown
        except IngramError as exc:
            if isinstance(exc, ApiError) and not isinstance(exc, _TURNED_AWAY):
                with suppress(ConfigurationError):  # it is as good a reason to stop when it is not kept
                    await self._keep(evolve(self._record, is_refused=True))
            raise because(unknown, "no search shows it, and sending it again failed") from exc

    async def _placed(
        self, *, answer: OrderCreateResponse | None = None, orders: tuple[FoundOrder, ...] = ()
    ) -> PlacedOrder:
        placed = PlacedOrder(
            customer_order_number=self._number, answer=answer, orders=orders, attempts=self._record.attempts
        )
        facts = {
            "answer": None if answer is None else unstructure(answer),
            "orders": [unstructure(it) for it in orders],
            "attempts": placed.attempts,
        }
        await keep_outcome(self._journal, self._key, facts)
        return placed

    def _read_outcome(self, outcome: str) -> PlacedOrder:
        return kept_outcome(
            self._number,
            outcome,
            lambda facts: PlacedOrder(
                customer_order_number=self._number,
                answer=None if facts["answer"] is None else structure(facts["answer"], OrderCreateResponse),
                orders=tuple(structure(it, FoundOrder) for it in facts["orders"]),
                attempts=int(facts["attempts"]),
            ),
        )


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
