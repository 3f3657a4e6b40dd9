"""
Reads back through the API what an event says, since its body is not signed.

Who has seen one event of yours can post another body under its id and signature, and say in it whatever he likes.
"""

from attrs import frozen

from ingram_orders.builder import Sends
from ingram_orders.errors import InvalidRequestError, NotFoundError, brief
from ingram_orders.finding import is_same
from ingram_orders.models import FoundOrder, OrderDetailB2B
from ingram_orders.operations import GetOrderDetails, SearchOrders
from ingram_orders.webhooks import OrderCreatedEvent, OrderFailedEvent, OrderStatusEvent, WebhookEvent


@frozen(kw_only=True)
class Confirmation:
    """What the API itself says of the orders that an event names."""

    event: WebhookEvent
    """What was only a hint."""
    orders: tuple[OrderDetailB2B, ...] = ()
    """The orders that it names by their numbers, in its order, as they are now."""
    others: tuple[OrderDetailB2B, ...] = ()
    """Of a create: those that are there, but of another purchase order number than it says; so they are not its."""
    missing: tuple[str, ...] = ()
    """Numbers that it names, of which the API knows no order; or not yet: it may lag behind its own events."""
    found: tuple[FoundOrder, ...] = ()
    """
    Of a create that is said to have failed: the orders that a search finds under its purchase order number, among the
    first *at_most* that it gives. That it finds none proves nothing: a search lags.
    """


def numbers_of(event: WebhookEvent) -> tuple[str, ...]:
    """Give the Ingram order numbers that an event names, each once, in its order."""
    named: list[str | None] = []
    if isinstance(event, OrderStatusEvent):
        named = [it.order_number for it in event.orders]
    elif isinstance(event, OrderCreatedEvent):
        named = [it.ingram_order_number for it in event.outcome.orders]
    return tuple(dict.fromkeys(it for it in named if it))


async def confirm(sends: Sends, event: WebhookEvent, *, at_most: int) -> Confirmation:
    """See `OrdersClient.confirm`; *sends* is the client."""
    if not isinstance(event, WebhookEvent):
        raise InvalidRequestError([f"an event is to be confirmed, not {brief(event)}"])
    numbers = numbers_of(event)
    if len(numbers) > at_most:
        raise InvalidRequestError([f"the event names {len(numbers)} orders, and at most {at_most} are read back"])
    if problems := [problem for number in numbers for problem in GetOrderDetails.order_number.problems(number)]:
        raise InvalidRequestError(problems)
    said = event.outcome.customer_order_number if isinstance(event, OrderCreatedEvent) else None
    orders: list[OrderDetailB2B] = []
    others: list[OrderDetailB2B] = []
    missing: list[str] = []
    for number in numbers:
        try:
            order = await GetOrderDetails(sends, order_number=number).execute()
        except NotFoundError:
            missing.append(number)
        else:
            is_its = said is None or is_same(order.customer_order_number or "", said)
            (orders if is_its else others).append(order)
    found = await _found(sends, event, at_most)
    return Confirmation(event=event, orders=tuple(orders), others=tuple(others), missing=tuple(missing), found=found)


async def _found(sends: Sends, event: WebhookEvent, at_most: int) -> tuple[FoundOrder, ...]:
    number = (event.outcome.customer_order_number or "").strip() if isinstance(event, OrderFailedEvent) else ""
    if not number or not at_most:
        return ()
    # Not exact, and the number is whatever somebody posted: so it may find everything.
    given = await SearchOrders(sends).customer_order_number(number).paginate().collect(at_most)
    return tuple(it for it in given if is_same(it.customer_order_number or "", number))
