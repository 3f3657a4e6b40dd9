"""Waits until one order is as far as it should be, by looking at its details now and then."""

from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import Final

from ingram_orders.errors import (
    ConfigurationError,
    DeadlineExceededError,
    IngramError,
    OrderEndedError,
    RateLimitedError,
    brief,
)
from ingram_orders.models import OrderDetailB2B, OrderStatus
from ingram_orders.operations import GetOrderDetails
from ingram_orders.retry import PASSING

Until = OrderStatus | Collection[OrderStatus] | Callable[[OrderStatus], bool]
"""Which status is waited for: one, any of several, or what a function says."""

FIRST_WAIT: Final = 2.0
"""Seconds from the first look to the second; each further wait is half as long again, up to *every*."""

_ON_THE_WAY: Final[dict[OrderStatus, int]] = {
    status: place
    for place, status in enumerate(OrderStatus)
    if status not in (OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.UNKNOWN)
}
"""The statuses of an order that goes well, by their places in its life."""


async def wait_for(
    details: GetOrderDetails,
    until: Until,
    *,
    timeout: float | None,
    every: timedelta,
    final: Collection[OrderStatus],
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> OrderDetailB2B:
    """See `OrdersClient.wait_for`; *details* is the request that looks."""
    is_reached = _reached(until)
    if isinstance(final, OrderStatus):
        final = {final}
    ends = None if timeout is None else clock() + timeout
    wait = min(FIRST_WAIT, every.total_seconds())
    status: OrderStatus | None = None
    trouble: IngramError | None = None
    number = details.values["order_number"]
    while True:
        left = None if ends is None else ends - clock()
        try:
            order = await details.execute(timeout=left)
        except (*PASSING, RateLimitedError) as error:
            trouble = error
        except DeadlineExceededError as error:
            if ends is not None:
                raise _late(number, status, trouble or error) from error
            trouble = error  # it was this look that took too long, and there is no hurry
        else:
            status, trouble = order.status, None
            if is_reached(status):
                return order
            if status in final:
                why = (
                    f"order {number} ended as {order.order_status}; `final=` says after which statuses none is expected"
                )
                raise OrderEndedError(why, status=status, order=order)
        # The last look is a moment before the time is up.
        rest = wait if ends is None or timeout is None else ends - clock() - min(FIRST_WAIT, timeout / 2)
        if rest <= 0:
            raise _late(number, status, trouble) from trouble
        await sleep(min(wait, rest))
        wait = min(wait * 1.5, every.total_seconds())


def _late(number: object, status: OrderStatus | None, trouble: IngramError | None) -> DeadlineExceededError:
    last = "was never seen" if status is None else f"was last seen as {status.name}"
    why = "" if trouble is None else f": {trouble}" if status is None else f", and then could not be: {trouble}"
    return DeadlineExceededError(f"the time was up: order {number} {last}{why}")


def _reached(until: Until) -> Callable[[OrderStatus], bool]:
    if isinstance(until, OrderStatus):
        until = {until}
    if isinstance(until, Collection):
        wanted = frozenset(until)
        if not wanted or not all(isinstance(it, OrderStatus) for it in wanted):
            raise ConfigurationError(f"until must be of OrderStatus, not {brief(until)}")
        first = min((_ON_THE_WAY[it] for it in wanted if it in _ON_THE_WAY), default=len(OrderStatus))
        return lambda status: status in wanted or _ON_THE_WAY.get(status, -1) >= first
    if not callable(until):
        raise ConfigurationError(f"until must be of OrderStatus, or a function of one, not {brief(until)}")
    return until
