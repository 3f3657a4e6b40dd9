"""Finds out what became of a write of which it is not known: reads back, and says no more than what that tells."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from attrs import asdict, frozen

from ingram_orders.builder import Sends
from ingram_orders.errors import NotFoundError, OutcomeUnknownError
from ingram_orders.finding import find, for_whom, is_certainly
from ingram_orders.models import ModifyLine, OrderDetailB2B, OrderModifyRequest, OrderStatus
from ingram_orders.operations import CancelOrder, CreateOrder, CreateOrderV7, GetOrderDetails, ModifyOrder

_ON_ITS_WAY: Final = {
    OrderStatus.PARTIALLY_SHIPPED,
    OrderStatus.SHIPPED,
    OrderStatus.PARTIALLY_DELIVERED,
    OrderStatus.DELIVERED,
    OrderStatus.INVOICED,
}
"""Such an order was let go, and can be changed or cancelled no more: what is not seen of a write will not come."""

_LET_GO: Final = {OrderStatus.PROCESSING, OrderStatus.BACKORDERED, *_ON_ITS_WAY}

Effect = Literal["done", "not done", "unknown"]


@frozen(kw_only=True)
class Resolution:
    """What became of a write."""

    effect: Effect
    """
    "done": it took effect, or what it was to bring about is so. "not done": it did not, and will not. "unknown":
    neither can be said now; later it may. That a search finds no order never says that there is none.
    """
    order: OrderDetailB2B | None = None
    """The order that was made, changed or cancelled, as it is now; `None` where it was not found."""


async def resolve(sends: Sends, error: OutcomeUnknownError) -> Resolution:
    """
    Find out what became of a write.

    Args:
        sends: The client.
        error: What the write raised.

    Raises:
        IngramError: Of the reading back.
    """
    who = for_whom(error.values)
    if error.operation in (CreateOrder.operation, CreateOrderV7.operation):
        return await _creation(sends, error, who)
    order = await _details(sends, error.order_number or "", who)
    if order is None:
        return Resolution(effect="unknown")
    if error.operation == CancelOrder.operation:
        return Resolution(effect=_cancelled(order.status), order=order)
    if error.operation == ModifyOrder.operation and error.values.get("action_code") == "release":
        return Resolution(effect="done" if order.status in _LET_GO else "unknown", order=order)
    change = error.values.get("order_modify_request")
    return Resolution(
        effect=modified(order, change) if isinstance(change, OrderModifyRequest) else "unknown", order=order
    )


async def _creation(sends: Sends, error: OutcomeUnknownError, who: Mapping[str, Any]) -> Resolution:
    number, sent_at = error.customer_order_number, error.sent_at
    if not number or sent_at is None:
        return Resolution(effect="unknown")
    for found in await find(sends, number, who):
        if is_certainly(found, number, sent_at):
            return Resolution(effect="done", order=await _details(sends, found.ingram_order_number or "", who))
    return Resolution(effect="unknown")


async def _details(sends: Sends, number: str, who: Mapping[str, Any]) -> OrderDetailB2B | None:
    try:
        return (await sends.send(GetOrderDetails(sends, order_number=number, **who), timeout=None)).model
    except NotFoundError:  # not yet, perhaps
        return None


def _cancelled(status: OrderStatus) -> Effect:
    if status is OrderStatus.CANCELLED:
        return "done"
    return "not done" if status in _ON_ITS_WAY else "unknown"


def modified(order: OrderDetailB2B, change: OrderModifyRequest) -> Effect:
    """Say whether an order is as a change was to make it."""
    seen = set(_seen(order, change))
    if seen == {True}:
        return "done"
    return "not done" if seen == {False} and order.status in _ON_ITS_WAY else "unknown"


def _seen(order: OrderDetailB2B, change: OrderModifyRequest) -> Iterator[bool | None]:
    """Give of each part of a change whether it is seen in the order; `None` where that cannot be said."""
    if change.notes is not None:
        yield _same(order.notes, change.notes)
    if change.ship_to_info is not None:
        wanted = asdict(change.ship_to_info, filter=lambda it, value: it.name != "extra" and value is not None)
        for name, value in wanted.items():
            yield _same(getattr(order.ship_to_info, name, None), value)
    for line in change.lines or ():
        yield from _line_seen(order, line)
    parts = (change, change.ship_to_info, *(change.lines or ()))
    if change.additional_attributes or any(part is not None and part.extra for part in parts):
        yield None


def _same(shown: str | None, wanted: str) -> bool | None:
    # Text that differs proves nothing: it may have been folded, cut, or changed again since.
    return True if (shown or "") == wanted else None


def _line_seen(order: OrderDetailB2B, wanted: ModifyLine) -> Iterator[bool | None]:
    action, number = (wanted.add_update_delete_line or "").upper(), (wanted.ingram_line_number or "").lstrip("0")
    if action == "ADD" and wanted.customer_line_number:
        its = [it for it in order.lines if it.customer_line_number == wanted.customer_line_number]
    elif action in {"UPDATE", "DELETE"} and number:
        its = [it for it in order.lines if (it.ingram_order_line_number or "").lstrip("0") == number]
    else:  # what was added cannot be told from a line that was there before, unless by a number of one's own
        yield None
        return
    if action == "DELETE":
        yield not its if order.lines else None
        return
    if not its:
        yield False if order.lines and action == "UPDATE" else None
        return
    [line, *_] = its
    if wanted.quantity is not None:
        yield line.quantity_ordered == wanted.quantity or (False if action == "UPDATE" else None)
    for shown, text in (
        (line.line_notes, wanted.notes),
        (line.ingram_part_number, wanted.ingram_part_number),
        (line.customer_line_number, wanted.customer_line_number),
    ):
        if text is not None:
            yield _same(shown, text)
