"""What an event says is a hint: what is true is read back."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.placing import order
from support.watching import make, move
from support.world import World

from ingram_orders import (
    AsyncOrderOutcome,
    CreatedOrder,
    ErrorDetail,
    EventResource,
    InvalidRequestError,
    OrderCreatedEvent,
    OrderFailedEvent,
    OrderStatus,
    OrderStatusEvent,
    ServerError,
    UnknownEvent,
)
from ingram_orders.sandbox import faults

FACTS: dict[str, Any] = {"event_id": "N01", "topic": None, "event": None, "event_time": None, "data": {}}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as running:
        yield running


def of_status(*numbers: str | None) -> OrderStatusEvent:
    orders = tuple(EventResource(order_number=it, event_type="im::order_shipped") for it in numbers)
    return OrderStatusEvent(orders=orders, **FACTS)


def failed(po_number: str | None) -> OrderFailedEvent:
    outcome = AsyncOrderOutcome(customer_order_number=po_number)
    return OrderFailedEvent(outcome=outcome, reasons=(ErrorDetail(message="no"),), **FACTS)


async def test_the_orders_of_an_event_are_given_as_they_are_each_once(world: World) -> None:
    first, second = await make(world.sandbox, 1, 2)
    await move(world.sandbox, "DELIVERED", second)
    event = of_status(first, None, second, "20-NOSUC", first)
    confirmed = await world.orders.confirm(event)
    assert [(it.ingram_order_number, it.status) for it in confirmed.orders] == [
        (first, OrderStatus.PROCESSING),  # whatever the event says
        (second, OrderStatus.DELIVERED),
    ]
    assert (confirmed.missing, confirmed.found, confirmed.event) == (("20-NOSUC",), (), event)


async def test_what_a_create_became_is_read_back_by_its_numbers(world: World) -> None:
    number, another = await make(world.sandbox, 0, 1)
    orders = tuple(CreatedOrder(ingram_order_number=it) for it in (another, number, "20-NOSUC", None))
    outcome = AsyncOrderOutcome(customer_order_number=f"po-{number}", orders=orders)
    confirmed = await world.orders.confirm(OrderCreatedEvent(outcome=outcome, **FACTS))
    assert ([it.ingram_order_number for it in confirmed.orders], confirmed.missing) == ([number], ("20-NOSUC",))
    assert [it.ingram_order_number for it in confirmed.others] == [another]  # of another purchase order


async def test_a_create_that_is_said_to_have_failed_is_looked_for(world: World) -> None:
    placed = await world.orders.create().order_create_request(order("PO-1")).execute()
    confirmed = await world.orders.confirm(failed("PO-1"))
    assert [it.ingram_order_number for it in confirmed.found] == [it.ingram_order_number for it in placed.orders]
    assert (await world.orders.confirm(failed("PO-2"))).found == ()


async def test_what_anybody_may_have_posted_costs_no_more_calls_than_are_allowed(world: World) -> None:
    await make(world.sandbox, *[0] * 350)  # all of them PO-..., and a search is not exact
    await world.orders.confirm(failed("P"), at_most=200)
    assert world.searches == 2
    assert (await world.orders.confirm(failed("P"), at_most=0)).found == ()
    assert world.searches == 2


@pytest.mark.parametrize("event", [UnknownEvent(**FACTS), of_status(None), failed(None), failed("\u3000 ")])
async def test_what_names_nothing_takes_no_call(world: World, event: Any) -> None:
    confirmed = await world.orders.confirm(event, at_most=0)
    assert (confirmed.orders, confirmed.missing, confirmed.found) == ((), (), ())
    assert len(world.sandbox.ledger) == 0


@pytest.mark.parametrize(
    ("event", "at_most", "told"),
    [
        (of_status(*(f"20-{it}" for it in range(101))), 100, "names 101 orders, and at most 100"),
        (of_status("20-A"), 0, "names 1 orders?, and at most 0"),
        (of_status("20-A", ".."), 100, r"\.\."),
        ({"eventId": "N01"}, 100, "an event is to be confirmed"),
        (of_status("20-A"), -1, "at_most"),
    ],
)
async def test_what_cannot_be_right_is_told_before_anything_is_sent(
    world: World, event: Any, at_most: int, told: str
) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        await world.orders.confirm(event, at_most=at_most)
    assert len(world.sandbox.ledger) == 0


async def test_where_nothing_can_be_read_back_nothing_is_confirmed(world: World) -> None:
    numbers = await make(world.sandbox, 1, 2)
    world.sandbox.fault = faults.only(faults.failing(500), path=numbers[1])
    with pytest.raises(ServerError):
        await world.orders.confirm(of_status(*numbers))
