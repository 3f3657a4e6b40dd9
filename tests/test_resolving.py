"""What became of a write: "done" and "not done" only where that can be known."""

import json
import pickle
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from support.clients import client_for
from support.placing import HOLD, order, placed
from support.raw_server import RawServer, http
from support.waiting import Waits
from support.world import World

from ingram_orders import (
    Address,
    AsyncLine,
    AsyncOrderCreateDTO,
    Attribute,
    ConnectionLostError,
    DetailLine,
    ModifyLine,
    ModifyShipTo,
    OrderDetailB2B,
    OrderModifyRequest,
    OrdersClient,
    OutcomeUnknownError,
    RetryPolicy,
)
from ingram_orders.builder import Request
from ingram_orders.resolving import modified
from ingram_orders.sandbox import faults

Build = Callable[[OrdersClient, str], Request[Any]]


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as running:
        yield running


async def lost(world: World, request: Request[Any], *, acts: bool) -> OutcomeUnknownError:
    """Send a write whose answer is lost, and give its error, as it comes out of a file."""
    world.sandbox.fault = faults.only(faults.drop_after_acting if acts else faults.drop, path="/resellers/", times=1)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await request.execute()
    kept: OutcomeUnknownError = pickle.loads(pickle.dumps(unknown.value))
    return kept


def v6(orders: OrdersClient) -> Request[Any]:
    return orders.create().order_create_request(order("PO-1"))


def v7(orders: OrdersClient) -> Request[Any]:
    line = AsyncLine(ingram_part_number="2CD101", quantity=1)
    return orders.create_v7().async_order_create_dto(AsyncOrderCreateDTO(customer_order_number="PO-1", lines=[line]))


each_create = pytest.mark.parametrize("create", [v6, v7])


@each_create
async def test_a_create_whose_order_is_found_is_done(world: World, create: Callable[[OrdersClient], Any]) -> None:
    error = await lost(world, create(world.orders), acts=True)
    resolution = await world.orders.resolve(error)
    assert resolution.effect == "done"
    assert resolution.order is not None
    assert resolution.order.customer_order_number == "PO-1"
    assert resolution.order.lines


@each_create
@pytest.mark.parametrize("acts", [False, True])
async def test_a_create_whose_order_is_not_found_is_unknown_for_ever(
    world: World, create: Callable[[OrdersClient], Any], acts: bool
) -> None:
    world.manners.index_lag = timedelta(hours=1)
    error = await lost(world, create(world.orders), acts=acts)
    for _ in range(2):
        assert (await world.orders.resolve(error)).effect == "unknown"
        world.waits.now += 1000
    world.waits.now += 3600
    assert (await world.orders.resolve(error)).effect == ("done" if acts else "unknown")


@pytest.mark.parametrize(("number", "age"), [("PO-1", 60), ("po-1", 0)])
async def test_an_order_that_is_older_or_of_nearly_that_number_is_not_it(world: World, number: str, age: int) -> None:
    world.manners.refuses_duplicates = False
    await placed(world.orders, order(number))
    world.waits.now += age
    await world.orders.search().execute()  # by which the client learns of it
    error = await lost(world, v6(world.orders), acts=False)
    assert (await world.orders.resolve(error)).effect == "unknown"


async def test_it_is_read_back_for_whom_it_was_sent(world: World) -> None:
    error = await lost(world, v6(world.orders.with_defaults(customer_number="20-333333")), acts=True)
    world.sandbox.ledger.clear()
    await world.orders.resolve(error)
    assert {it.headers["IM-CustomerNumber"] for it in world.sandbox.ledger} == {"20-333333"}


async def test_what_cannot_be_read_back_is_an_error_and_no_verdict(world: World) -> None:
    error = await lost(world, v6(world.orders), acts=True)
    world.sandbox.fault = faults.only(faults.drop, path="/resellers/")
    async with world.client(retry=RetryPolicy(attempts=1)) as orders:
        with pytest.raises(ConnectionLostError):
            await orders.resolve(error)


def cancel(orders: OrdersClient, number: str) -> Request[Any]:
    return orders.cancel(number)


def release(orders: OrdersClient, number: str) -> Request[Any]:
    return orders.modify(number).action_code("release")


def change(orders: OrdersClient, number: str) -> Request[Any]:
    lines = [ModifyLine(ingram_line_number="1", add_update_delete_line="UPDATE", quantity=7)]
    return orders.modify(number).order_modify_request(OrderModifyRequest(lines=lines))


each_change = pytest.mark.parametrize("build", [cancel, release, change])


@each_change
async def test_a_change_that_is_seen_is_done_and_one_that_is_not_may_still_come(world: World, build: Build) -> None:
    for acts, effect in ((False, "unknown"), (True, "done")):
        number = await placed(world.orders, order(f"PO-{acts}", HOLD))
        resolution = await world.orders.resolve(await lost(world, build(world.orders, number), acts=acts))
        assert resolution.effect == effect
        assert resolution.order is not None
        assert resolution.order.ingram_order_number == number


@pytest.mark.parametrize("build", [cancel, change])
async def test_a_change_that_is_not_seen_in_an_order_that_was_sent_off_was_not_done(world: World, build: Build) -> None:
    number = await placed(world.orders, order("PO-1", HOLD))
    error = await lost(world, build(world.orders, number), acts=False)
    await release(world.orders, number).execute()
    world.waits.now += 10 * 86_400
    assert (await world.orders.resolve(error)).effect == "not done"


@each_change
async def test_an_order_that_is_not_there_tells_nothing(world: World, build: Build) -> None:
    error = await lost(world, build(world.orders, "20-NONE0"), acts=False)
    resolution = await world.orders.resolve(error)
    assert (resolution.effect, resolution.order) == ("unknown", None)


HELD = OrderDetailB2B(
    order_status="ON HOLD",
    notes="now",
    ship_to_info=Address(city="Now", company_name="Now Inc."),
    lines=(
        DetailLine(
            ingram_order_line_number="001",
            customer_line_number="1",
            quantity_ordered=2,
            line_notes="slow",
            ingram_part_number="2CD101",
        ),
        DetailLine(ingram_order_line_number="002", customer_line_number="7", quantity_ordered=5, line_notes=None),
    ),
)
SENT_OFF = evolve(HELD, order_status="SHIPPED")
NO_NOTES = evolve(HELD, notes=None)


def line(action: str | None, number: str | None = "1", **more: Any) -> OrderModifyRequest:
    wanted = ModifyLine(add_update_delete_line=action, ingram_line_number=number, **more)
    return OrderModifyRequest(lines=[wanted])


@pytest.mark.parametrize(
    ("wanted", "held", "sent_off"),
    [
        (OrderModifyRequest(notes="now"), "done", "done"),
        (OrderModifyRequest(notes="NOW"), "unknown", "unknown"),
        (OrderModifyRequest(notes=""), "unknown", "unknown"),
        (OrderModifyRequest(ship_to_info=ModifyShipTo(city="Now")), "done", "done"),
        (OrderModifyRequest(ship_to_info=ModifyShipTo(city="Then", company_name="Now Inc.")), "unknown", "unknown"),
        (OrderModifyRequest(ship_to_info=ModifyShipTo(address_id="1")), "unknown", "unknown"),
        (OrderModifyRequest(notes="now", additional_attributes=[Attribute()]), "unknown", "unknown"),
        (OrderModifyRequest(), "unknown", "unknown"),
        (line("UPDATE", quantity=2), "done", "done"),
        (line("UPDATE", "0001", quantity=2, notes="slow"), "done", "done"),
        (line("update", "2", notes=""), "done", "done"),
        (line("UPDATE", quantity=3), "unknown", "not done"),
        (line("UPDATE", quantity=2, notes="fast"), "unknown", "unknown"),
        (line("UPDATE", quantity=3, notes="fast"), "unknown", "unknown"),
        (line("UPDATE", quantity=2, ingram_part_number="2CD101"), "done", "done"),
        (line("UPDATE", quantity=2, ingram_part_number="OTHER"), "unknown", "unknown"),
        (line("UPDATE"), "unknown", "unknown"),
        (line("UPDATE", "3", quantity=2), "unknown", "not done"),
        (line("UPDATE", None, quantity=2), "unknown", "unknown"),
        (line("DELETE", "3"), "done", "done"),
        (line("DELETE"), "unknown", "not done"),
        (line("ADD", None, quantity=5, ingram_part_number="2CD101"), "unknown", "unknown"),
        (line("ADD", None, quantity=5, customer_line_number="7"), "done", "done"),
        (line("ADD", None, quantity=6, customer_line_number="7"), "unknown", "unknown"),
        (line("ADD", None, quantity=6, customer_line_number="8"), "unknown", "unknown"),
        (line(None, quantity=2), "unknown", "unknown"),
        (line("UPDATE", quantity=2, extra={"new": 1}), "unknown", "unknown"),
        (OrderModifyRequest(notes="now", extra={"new": 1}), "unknown", "unknown"),
        (OrderModifyRequest(ship_to_info=ModifyShipTo(city="Now", extra={"new": 1})), "unknown", "unknown"),
    ],
)  # fmt: skip
def test_a_change_is_looked_for_part_by_part(wanted: OrderModifyRequest, held: str, sent_off: str) -> None:
    assert (modified(HELD, wanted), modified(SENT_OFF, wanted)) == (held, sent_off)


def test_details_without_lines_tell_nothing_of_lines() -> None:
    bare = evolve(SENT_OFF, lines=())
    for wanted in (line("DELETE"), line("UPDATE", quantity=2), line("ADD", None, customer_line_number="7", quantity=5)):
        assert modified(bare, wanted) == "unknown"


def test_notes_that_were_deleted_are_seen_by_there_being_none() -> None:
    assert modified(NO_NOTES, OrderModifyRequest(notes="")) == "done"


async def test_a_create_of_which_it_is_not_known_when_it_was_sent_is_unknown(world: World) -> None:
    error = await lost(world, v6(world.orders), acts=True)
    error.sent_at = None
    assert (await world.orders.resolve(error)).effect == "unknown"


async def test_a_search_that_gives_an_order_without_its_number_tells_nothing(waits: Waits) -> None:
    dated = {"customerOrderNumber": "PO-1", "ingramOrderDate": "2100-01-01T00:00:00Z"}
    page = http(200, json.dumps({"orders": [dated]}).encode())
    async with RawServer(None, page, http(204)) as server, client_for(server, **waits.settings) as orders:
        with pytest.raises(OutcomeUnknownError) as unknown:
            await v6(orders).execute()
        assert (await orders.resolve(unknown.value)).effect == "unknown"
