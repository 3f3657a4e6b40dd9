"""Waiting for one order: how far is far enough, what ends it, and what is waited out."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from support.watching import make, move
from support.world import World

from ingram_orders import (
    AuthenticationError,
    ConfigurationError,
    DeadlineExceededError,
    InvalidRequestError,
    NotFoundError,
    OrderEndedError,
    OrderStatus,
    RetryPolicy,
    Timeouts,
)
from ingram_orders.sandbox import faults

S = OrderStatus


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as running:
        yield running


def looks(world: World) -> int:
    return sum("/v6.1/" in it.path for it in world.sandbox.ledger)


REACHED: list[tuple[Any, str]] = [
    (S.SHIPPED, "SHIPPED"), (S.SHIPPED, "Delivered"), (S.SHIPPED, "im::invoiced"), (S.OPEN, "PROCESSING"),
    (S.CANCELLED, "CANCELED"), ({S.CANCELLED, S.SHIPPED}, "CANCELED"), ([S.CANCELLED, S.SHIPPED], "DELIVERED"),
    (frozenset({S.DELIVERED}), "CLOSED"), (S.UNKNOWN, "IN PICK"), (lambda it: it is S.REJECTED, "REJECTED"),
    (lambda it: not it.is_final, "ON HOLD"),
]  # fmt: skip


@pytest.mark.parametrize(("until", "word"), REACHED)
async def test_what_is_reached_or_passed_is_given_at_once(world: World, until: Any, word: str) -> None:
    [number] = await make(world.sandbox, 0, status=word)
    order = await world.orders.wait_for(number, until)
    assert (order.ingram_order_number, order.order_status, world.waits.slept) == (number, word, [])


ENDED: list[tuple[Any, str, OrderStatus]] = [
    (S.SHIPPED, "CANCELLED", S.CANCELLED), (S.SHIPPED, "REJECTED", S.REJECTED), (S.CANCELLED, "DELIVERED", S.DELIVERED),
    (S.REJECTED, "CANCELLED", S.CANCELLED), (lambda _: False, "CLOSED", S.CLOSED), (S.UNKNOWN, "CLOSED", S.CLOSED),
]  # fmt: skip


@pytest.mark.parametrize(("until", "word", "status"), ENDED)
async def test_another_end_is_raised(world: World, until: Any, word: str, status: OrderStatus) -> None:
    [number] = await make(world.sandbox, 0, status=word)
    with pytest.raises(OrderEndedError) as ended:
        await world.orders.wait_for(number, until)
    assert ended.value.order is not None
    assert (ended.value.status, ended.value.order.order_status, world.waits.slept) == (status, word, [])


@pytest.mark.parametrize("final", [S.ON_HOLD, {S.ON_HOLD}, [S.ON_HOLD]])
async def test_what_an_end_is_can_be_said(world: World, final: Any) -> None:
    [number] = await make(world.sandbox, 0, status="ON HOLD")
    with pytest.raises(OrderEndedError):
        await world.orders.wait_for(number, final=final)


async def test_it_looks_less_and_less_often_until_it_is_so(world: World) -> None:
    [number] = await make(world.sandbox, 0)

    async def ship() -> None:
        if len(world.waits.slept) < 12:
            world.waits.then = ship
        else:
            await move(world.sandbox, "SHIPPED", number)

    world.waits.then = ship
    assert (await world.orders.wait_for(number, every=timedelta(seconds=30))).status is S.SHIPPED
    assert world.waits.slept[:4] == [2.0, 3.0, 4.5, 6.75]
    assert world.waits.slept[7:] == [30.0] * 5
    assert looks(world) == 13


@pytest.mark.parametrize("timeout", [1.0, 60.0, 90.0, 600.0])
async def test_time_is_used_to_the_last_look_and_not_passed(world: World, timeout: float) -> None:
    [number] = await make(world.sandbox, 0)
    with pytest.raises(DeadlineExceededError, match=f"order {number} was last seen as PROCESSING"):
        await world.orders.wait_for(number, timeout=timeout)
    assert max(timeout - 2, 0) <= round(sum(world.waits.slept), 3) <= timeout


async def test_what_may_soon_be_over_is_waited_out(world: World) -> None:
    [number] = await make(world.sandbox, 0, status="SHIPPED")
    for fault in (faults.failing(503), faults.drop, faults.throttling("none"), faults.cut):
        world.sandbox.fault = faults.only(fault, path="v6.1", times=9)
        async with world.client(retry=RetryPolicy(attempts=2)) as orders:
            assert (await orders.wait_for(number)).status is S.SHIPPED
    assert looks(world) == 4 * 10


async def test_what_never_works_is_told_in_the_end(world: World) -> None:
    world.sandbox.fault = faults.only(faults.failing(503), path="v6.1")
    with pytest.raises(DeadlineExceededError, match=r"was never seen: .*503"):
        await world.orders.wait_for("20-ABCDE", timeout=300)


async def test_a_look_that_takes_too_long_is_no_end_where_there_is_no_hurry(world: World) -> None:
    [number] = await make(world.sandbox, 0, status="SHIPPED")

    async def late(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        world.waits.now += 100
        return await faults.failing(503)(request, proceed)

    world.sandbox.fault = faults.only(late, path="v6.1", times=2)
    async with world.client(timeouts=Timeouts(total=60)) as orders:
        assert (await orders.wait_for(number)).status is S.SHIPPED


async def test_what_will_not_be_over_is_raised(world: World) -> None:
    with pytest.raises(NotFoundError):
        await world.orders.wait_for("20-NONE0", timeout=60)
    with pytest.raises(InvalidRequestError):
        await world.orders.wait_for("")

    async def refused(*_: Any) -> web.StreamResponse:
        return web.json_response({"fault": {"faultstring": "Invalid Access Token"}}, status=401)

    world.sandbox.fault = faults.only(refused, path="v6.1")
    with pytest.raises(AuthenticationError):
        await world.orders.wait_for("20-NONE0")


@pytest.mark.parametrize(
    "settings",
    [
        {"until": "SHIPPED"}, {"until": []}, {"until": ["SHIPPED"]}, {"until": 5}, {"timeout": "1"},
        {"every": 5}, {"every": timedelta(0)},
    ],
    ids=str,
)  # fmt: skip
async def test_what_cannot_be_right_is_told_before_anything_is_sent(world: World, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        await world.orders.wait_for("20-ABCDE", **settings)
    assert world.sandbox.ledger == []
