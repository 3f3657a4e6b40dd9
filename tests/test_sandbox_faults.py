"""The sandbox's faults: each makes what it says happen on a real socket, and acts or does not as it says."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
import pytest
from support.clients import ONCE
from support.placing import order, placed
from support.waiting import Waits

from ingram_orders import (
    ConnectionFailedError,
    ConnectionLostError,
    IngramError,
    OrdersClient,
    OutcomeUnknownError,
    RateLimitedError,
    ServerError,
    Timeouts,
    UnreadableAnswerError,
)
from ingram_orders.sandbox import Sandbox, faults

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(orders=10, clock=lambda: NOW) as running:
        yield running


@pytest.fixture
async def orders(sandbox: Sandbox) -> AsyncIterator[OrdersClient]:
    async with sandbox.client(retry=ONCE, **Waits().settings) as client:
        yield client


READS: dict[str, tuple[type[IngramError] | None, int]] = {
    "refuse": (ConnectionLostError, 1), "drop-unread": (ConnectionLostError, 1),
    "drop": (ConnectionLostError, 1), "drop-after-acting": (ConnectionLostError, 1), "cut": (ConnectionLostError, 1),
    "no-http": (ConnectionLostError, 1), "slow": (None, 1), "slow-body": (None, 1), "drip": (None, 1),
    "lag": (None, 1), **{name: (ServerError, 1) for name in faults.FAULTS if name.startswith("5")},
    **{name: (RateLimitedError, 1) for name in faults.FAULTS if name.startswith("429")},
}  # fmt: skip
"""What a client that tries no more than once meets, and how often it asked."""
ELSEWHERE = {"revoke", "expire"}
"""Tried by a test of its own."""
NEVER = {"hang", "hang-after-acting"}


def test_every_fault_is_tried_here() -> None:
    assert READS.keys() | NEVER | ELSEWHERE == faults.FAULTS.keys()


async def over(name: str) -> None:
    """Wait until a server that refuses connections is back; no event tells that."""
    if name == "refuse":
        await asyncio.sleep(faults.SLOW * 1.5)


@pytest.mark.parametrize("name", READS)
async def test_a_read_meets_the_fault_and_the_server_is_not_upset(
    sandbox: Sandbox, orders: OrdersClient, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    kind, asked = READS[name]
    await orders.search().execute()
    before = len(sandbox.ledger)
    sandbox.fault = faults.FAULTS[name]
    with caplog.at_level(logging.WARNING):
        if kind is None:
            assert (await orders.search().execute()).orders
        else:
            with pytest.raises(kind):
                await orders.search().execute()
    assert len(sandbox.ledger) == before + asked
    assert caplog.records == []
    sandbox.fault = None
    await over(name)
    assert (await orders.search().execute()).orders  # it answers again, on whatever connection


@pytest.mark.parametrize("name", READS)
async def test_a_write_acts_where_the_fault_lets_it(sandbox: Sandbox, orders: OrdersClient, name: str) -> None:
    sandbox.fault = faults.only(faults.FAULTS[name], method="POST", path="/v6/")
    raised: IngramError | None = None
    try:
        await placed(orders, order("NEW-1"))
    except IngramError as error:
        raised = error
    if name in {"slow", "slow-body", "drip", "lag"}:
        assert raised is None
    else:
        assert isinstance(raised, RateLimitedError if name.startswith("429") else OutcomeUnknownError)
    acted = name in {"cut", "no-http", "slow", "slow-body", "drip", "lag"} or name.endswith("after-acting")
    assert len(sandbox.ledger.writes) == acted
    await over(name)
    if name == "lag":
        assert (await orders.search().customer_order_number("NEW-1").execute()).orders == ()
        return
    assert len((await orders.search().customer_order_number("NEW-1").execute()).orders) == acted


@pytest.mark.parametrize(("name", "acts"), [("hang", False), ("hang-after-acting", True)])
async def test_who_hangs_is_waited_for_until_the_time_is_up_and_ends_with_the_sandbox(name: str, acts: bool) -> None:
    async with Sandbox(orders=0) as sandbox, sandbox.client(timeouts=Timeouts(read=0.2), retry=ONCE) as orders:
        sandbox.fault = faults.only(faults.FAULTS[name], method="POST", path="/v6/")
        with pytest.raises(OutcomeUnknownError):
            await placed(orders, order("NEW-1"))
        assert len(sandbox.ledger.writes) == acts
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert left == []


@pytest.mark.parametrize("name", ["revoke", "expire"])
async def test_a_token_that_is_refused_costs_another(sandbox: Sandbox, orders: OrdersClient, name: str) -> None:
    await orders.search().execute()
    sandbox.fault = faults.only(faults.FAULTS[name], path="/v6/", times=1)
    assert (await orders.search().execute_with_response()).attempts == 2


@pytest.mark.parametrize("name", ["slow-body", "drip", "slow", "429-none", "503"])
async def test_whatever_is_answered_is_dated_by_the_sandboxs_clock(sandbox: Sandbox, name: str) -> None:
    sandbox.fault = faults.FAULTS[name]
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.url}/resellers/v6/orders/search") as answer:
        assert parsedate_to_datetime(answer.headers["Date"]) == NOW


async def connects(sandbox: Sandbox) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", int(sandbox.url.rpartition(":")[2]))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.mark.parametrize("turns", range(14))
async def test_a_server_listens_again_however_it_was_to_be_down(sandbox: Sandbox, turns: int) -> None:
    """By several at once, each inside another, and by one that is cancelled before it began."""

    async def down() -> None:
        async with sandbox.refusing():
            assert not await connects(sandbox)

    await asyncio.gather(down(), down())
    async with sandbox.refusing(), sandbox.refusing():
        assert not await connects(sandbox)
    task = asyncio.create_task(down())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    while sandbox._site is None:  # noqa: ASYNC110  # one turn of the loop at a time, no time passes
        await asyncio.sleep(0)
    assert await connects(sandbox)


async def test_an_index_that_lags_sees_what_was_changed_when_it_is_time(sandbox: Sandbox, orders: OrdersClient) -> None:
    """And only what was changed under the fault."""
    search = orders.search().customer_order_number("NEW")
    sandbox.fault = faults.only(faults.lagging(timedelta(hours=1)), method="POST", path="/v6/", times=1)
    await placed(orders, order("NEW-1"))
    await placed(orders, order("NEW-2"))
    assert [it.customer_order_number for it in (await search.execute()).orders] == ["NEW-2"]
    sandbox._clock = lambda: NOW + timedelta(hours=2)
    sandbox._book._clock = sandbox._clock
    assert len((await search.execute()).orders) == 2


async def test_a_request_that_is_not_read_is_one_whose_body_nobody_saw(sandbox: Sandbox, orders: OrdersClient) -> None:
    """Of a short one the body comes with the head."""
    sandbox.fault = faults.only(faults.drop_unread, method="POST", path="/v6/")
    body = order("NEW-1", skus=("2CD101",) * 50_000)
    with pytest.raises(OutcomeUnknownError):
        await placed(orders, body)
    assert [(it.method, it.body) for it in sandbox.ledger if it.path == "/resellers/v6/orders"] == [("POST", b"")]
    sandbox.fault = faults.only(faults.drop, method="POST", path="/v6/")
    with pytest.raises(OutcomeUnknownError):
        await placed(orders, body)
    assert len(sandbox.ledger[-1].body) > 10**6


async def test_a_server_that_refuses_for_a_while_is_found_again_by_who_tries_again(sandbox: Sandbox) -> None:
    sandbox.fault = faults.only(faults.refuse, path="search", times=1)
    async with sandbox.client(random=lambda: 0.99) as orders:
        answer = await orders.search().execute_with_response()
    assert answer.attempts == 2


async def test_a_server_that_is_down_refuses_and_is_back_with_what_it_had(sandbox: Sandbox) -> None:
    async with sandbox.client() as before:
        number = await placed(before, order("NEW-1"))
    async with sandbox.refusing(), sandbox.client(retry=ONCE) as orders:
        with pytest.raises(ConnectionFailedError):
            await orders.details(number).execute()
    async with sandbox.client() as orders:
        assert (await orders.details(number).execute()).customer_order_number == "NEW-1"
    with pytest.raises(RuntimeError, match="does not run"):
        async with Sandbox().refusing():
            pass


@pytest.mark.parametrize("body", faults.BODIES)
@pytest.mark.parametrize("status", [500, 599])
async def test_a_failure_comes_with_any_body(sandbox: Sandbox, orders: OrdersClient, status: int, body: str) -> None:
    sandbox.fault = faults.only(faults.failing(status, body), path="search")
    with pytest.raises(ServerError) as failed:
        await orders.search().execute()
    assert (failed.value.status, failed.value.body.decode()) == (status, faults.BODIES[body][1])


@pytest.mark.parametrize("hint", faults.HINTS)
async def test_a_429_says_when_to_come_back_in_every_form(sandbox: Sandbox, orders: OrdersClient, hint: str) -> None:
    sandbox.fault = faults.only(faults.throttling(hint, after=7), path="search")
    with pytest.raises(RateLimitedError) as throttled:
        await orders.search().execute()
    assert throttled.value.retry_after == (None if hint == "none" else 7.0)
    async with aiohttp.ClientSession() as session, session.get(
        f"{sandbox.url}/resellers/v6/orders/search"
    ) as answer:  # fmt: skip
        told = {name for name in ("Retry-After", "X-RateLimit-Reset", "X-Sandbox-Undated") if name in answer.headers}
        assert told == ({"X-RateLimit-Reset"} if "reset" in hint else set() if hint == "none" else {"Retry-After"})
        if hint == "date":
            assert (parsedate_to_datetime(answer.headers["Retry-After"]) - NOW).total_seconds() == 7
        if hint == "reset":
            assert int(answer.headers["X-RateLimit-Reset"]) == NOW.timestamp() + 7


async def test_a_fault_happens_only_where_and_as_often_as_it_is_to(sandbox: Sandbox, orders: OrdersClient) -> None:
    sandbox.fault = faults.only(faults.failing(503), method="GET", path="search", times=2)
    assert await placed(orders, order("NEW-1"))
    for _ in range(2):
        with pytest.raises(ServerError):
            await orders.search().execute()
    assert (await orders.search().execute()).orders


async def outcomes(seed: int) -> list[str]:
    """Search a hundred times, and give what came."""
    rates = {"503": 0.2, "429-none": 0.1, "cut": 0.1}
    told = []
    async with (
        Sandbox(orders=3, clock=lambda: NOW) as sandbox,
        sandbox.client(retry=ONCE, **Waits().settings) as orders,
    ):
        sandbox.fault = faults.by_chance(rates, seed=seed)
        for _ in range(100):
            try:
                await orders.search().execute()
                told.append("fine")
            except IngramError as error:
                told.append(type(error).__name__)
    return told


async def test_faults_by_chance_are_as_frequent_as_asked_and_the_same_for_a_seed() -> None:
    first = await outcomes(1)
    assert first == await outcomes(1) != await outcomes(2)
    counts = {it: first.count(it) for it in first}
    assert 10 <= counts["ServerError"] <= 30
    assert 3 <= counts["RateLimitedError"] <= 20
    assert 3 <= counts["ConnectionLostError"] <= 20
    assert counts["fine"] >= 40


def test_rates_are_read_from_text_and_checked() -> None:
    assert faults.rates_of("drop-after-acting=0.1, hang=.01") == {"drop-after-acting": 0.1, "hang": 0.01}
    assert faults.rates_of("") == {}
    for wrong in ("drop", "drop=", "drop=x", "drop=-1", "drop=1e3"):
        with pytest.raises(ValueError, match="is not NAME=RATE"):
            faults.rates_of(wrong)
    for rates, why in (
        ({"nope": 0.1}, "no fault 'nope'"),
        ({"drop": 1.5}, "from 0 to 1"),
        ({"drop": 0.6, "cut": 0.6}, "1.2"),
    ):
        with pytest.raises(ValueError, match=why):
            faults.by_chance(rates, seed=1)


async def test_an_unreadable_answer_is_one_that_is_http_all_the_same(sandbox: Sandbox, orders: OrdersClient) -> None:
    """For the cell of the table that no other fault fills."""
    sandbox.fault = faults.only(faults.failing(200, "html"), path="search")
    with pytest.raises(UnreadableAnswerError):
        await orders.search().execute()
