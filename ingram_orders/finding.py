"""
Finds orders by their purchase order number, and says which of them can be the one that was sent.

The API's search by that number is not exact, it lags, and numbers may have been cut: so what it gives is looked through
here, and that it gives nothing proves nothing.
"""

import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from ingram_orders.builder import Response, Sends
from ingram_orders.models import FoundOrder, OrderSearchResponse
from ingram_orders.operations import MOST_ON_A_PAGE, SearchOrders
from ingram_orders.paginator import orders_listed, says_nothing

_KEPT: Final = 18
"""Characters of a purchase order number of which all of the API's systems keep account."""

_EASTERNMOST: Final = timezone(timedelta(hours=14))
"""Where a day begins first."""


def for_whom(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give what of a request's values says who asks, by setters' names, to ask for the same one again."""
    return {name: values[name] for name in ("im_customer_number", "im_country_code", "im_sender_id") if name in values}


async def find(sends: Sends, number: str, who: Mapping[str, Any]) -> tuple[FoundOrder, ...]:
    """
    Give all orders whose purchase order number is, or may be, this one; see `is_same`.

    Args:
        sends: The client.
        number: The purchase order number.
        who: By setters' names, for whom is searched: customer and country.

    Raises:
        UnreadableAnswerError: An answer says neither which orders there are nor that there are none.
        IngramError: Of the search; what it has found so far counts for nothing.
    """
    found: dict[object, FoundOrder] = {}
    # A search for a number as it was given need not find it trimmed or cut, nor the other way round.
    for asked in dict.fromkeys((number, number.strip(), number.strip()[:_KEPT].rstrip())):
        search = SearchOrders(sends, **who).customer_order_number(asked).page_size(MOST_ON_A_PAGE)
        # Not by a paginator: what one spelling has found is not new to the next, which saves that a call.
        for page in itertools.count(1):
            response = await sends.send(search.page_number(page), timeout=None)
            new = {key: it for it in _all_of(response, page) if (key := _identity(it)) not in found}
            found |= new
            if not new:  # an empty page, which alone says that there are no more, or one that we had
                break
    # One that does not say its number was found by it.
    return tuple(it for it in found.values() if is_same(it.customer_order_number or number, number))


def _all_of(response: Response[OrderSearchResponse], page: int) -> tuple[FoundOrder, ...]:
    """
    Give a page's orders, where it says which they are.

    Raises:
        UnreadableAnswerError: It does not, and so neither says that there are none.
    """
    orders_listed(response, page)
    model = response.model
    unread = model.extra.get("orders") or ()  # the whole list, where one of them could not be read; null is none
    is_read = not unread or sum(it is not None for it in unread) == len(model.orders)
    # On the first page, none in the list and some in the count contradict each other.
    if is_read and (model.orders or page > 1 or not model.records_found):
        return model.orders
    raise says_nothing(response)


def _identity(order: FoundOrder) -> object:
    return order.ingram_order_number or repr(order)


def is_same(one: str, other: str) -> bool:
    """Whether two purchase order numbers may be one: equal when trimmed, folded in case and cut to 18 characters."""
    return folded(one) == folded(other)


def folded(number: str) -> str:
    """Give what purchase order numbers have alike that may be one."""
    return number.strip().casefold()[:_KEPT].rstrip()


def is_certainly(order: FoundOrder, number: str, sent_at: datetime) -> bool:
    """Whether an order is the one that was sent under a number: of just that, with one of its own, and made since."""
    return bool(order.ingram_order_number) and order.customer_order_number == number and is_since(order, sent_at)


def is_since(order: FoundOrder, moment: datetime) -> bool:
    """
    Whether an order was certainly made at a moment, or after; the API's times have no fractions of a second.

    Args:
        order: As a search gave it. A time without an offset may be of any zone, and a day may be any hour of it, so
            such a one counts as the earliest that it can be.
        moment: By the API's clock, aware.
    """
    made = order.ingram_order_date
    if made is None:
        return False
    if not isinstance(made, datetime):
        made = datetime(made.year, made.month, made.day)
    if made.tzinfo is None:
        made = made.replace(tzinfo=_EASTERNMOST)
    return made >= moment.replace(microsecond=0)
