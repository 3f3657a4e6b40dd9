"""Placing an order exactly once: what is sent, what is looked for, what is taken for ours, what is told in the end."""

import asyncio
import itertools
import json
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from support.clients import client_for
from support.placing import DUPLICATE, order, placed
from support.raw_server import RawServer, http
from support.waiting import Waits
from support.world import NOON, World

from ingram_orders import (
    Attribute,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    CreateLine,
    DuplicateOrderError,
    FoundOrder,
    IngramError,
    InvalidRequestError,
    OrderCreateRequest,
    OrderJournal,
    OrderRefusedError,
    OutcomeUnknownError,
    RetryPolicy,
    Timeouts,
    UnreadableAnswerError,
    placing,
)
from ingram_orders.converters import unstructure
from ingram_orders.exact_json import write_json
from ingram_orders.finding import find, is_same, is_since
from ingram_orders.journal import Record, Sent
from ingram_orders.placing import allows_duplicates, hash_of, looks, ours
from ingram_orders.placing_v6 import may_send_again
from ingram_orders.sandbox import Sandbox, faults
from ingram_orders.sandbox.catalogue import PRODUCTS

BACK_ORDERED = next(it.sku for it in PRODUCTS.values() if not it.in_stock)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def journal(tmp_path: Path) -> OrderJournal:
    return OrderJournal(tmp_path / "journal.db")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as running:
        yield running


# ── The answer tells ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_that_is_answered_is_placed_after_one_search_and_no_wait(world: World) -> None:
    result = await world.orders.place(order("PO-1"))
    assert result.answer is not None
    assert (result.known_by, result.attempts, result.orders) == ("answer", 1, ())
    assert result.order_numbers == world.sandbox.ledger.writes[0].order_numbers
    assert (world.searches, world.sent, world.made, world.waits.slept) == (1, 1, 1, [])


async def test_a_request_keeps_to_what_was_set_on_it_and_a_body_takes_the_clients_defaults(world: World) -> None:
    view = world.orders.with_defaults(customer_number="20-333333")
    await world.orders.place(world.orders.create().im_customer_number("20-444444").order_create_request(order("PO-1")))
    await world.orders.place(view.create().im_correlation_id("mine").order_create_request(order("PO-2")))
    await view.place(order("PO-3"))
    await world.orders.place(order("PO-4"))
    by_whom = [
        it.headers["IM-CustomerNumber"] for it in world.sandbox.ledger if it.method == "POST" and "v6" in it.path
    ]
    assert by_whom == ["20-444444", "20-333333", "20-333333", "20-222222"]
    searched = [it.headers["IM-CustomerNumber"] for it in world.sandbox.ledger if it.path.endswith("/search")]
    assert searched == by_whom
    assert world.sandbox.ledger.writes[1].correlation_id == "mine"


async def test_an_order_that_is_split_has_all_its_numbers(world: World) -> None:
    split = order("PO-1", skus=("2CD101", BACK_ORDERED))
    answered = await world.orders.place(split)
    assert len(answered.order_numbers) == 2
    world.go_wrong(faults.drop_after_acting)
    found = await world.orders.place(evolve(split, customer_order_number="PO-2"))
    assert (found.known_by, len(found.orders)) == ("search", 2)
    assert sorted(found.order_numbers) == sorted(world.sandbox.ledger.writes[1].order_numbers)


# ── Nothing was sent, or it was turned away ─────────────────────────────────────────────────────────────────────────


class NoWayOut:
    """A limiter that lets searches go, and nothing else."""

    @asynccontextmanager
    async def slot(self, route: str) -> AsyncIterator[None]:
        if "search" not in route:
            raise OSError("no way out")
        yield


async def test_what_was_never_sent_is_told_and_nothing_of_it_is_kept(world: World, journal: OrderJournal) -> None:
    async with world.client(limiter=NoWayOut()) as orders:
        with pytest.raises(ConnectionFailedError, match="no way out"):
            await orders.place(order("PO-1"), journal)
    assert (world.sent, await world.orders.recover(journal)) == (0, ())
    assert (await world.orders.place(order("PO-1", quantity=9), journal)).attempts == 1


@pytest.mark.parametrize("fault", [faults.throttling(), faults.throttling("none"), faults.revoke], ids=range(3))
async def test_what_was_turned_away_goes_again_and_is_placed_once(world: World, fault: faults.Fault) -> None:
    world.go_wrong(fault)
    result = await world.orders.place(order("PO-1", DUPLICATE))
    assert (result.known_by, result.attempts, world.sent, world.made) == ("answer", 2, 2, 1)


async def test_a_refusal_is_told_and_nothing_of_it_is_kept(world: World, journal: OrderJournal) -> None:
    with pytest.raises(BadRequestError, match="No line can be ordered"):
        await world.orders.place(order("PO-1", skus=("NOPE",)), journal)
    assert await world.orders.recover(journal) == ()
    assert (await world.orders.place(order("PO-1"), journal)).attempts == 1


async def test_a_request_that_cannot_be_right_reaches_neither_the_api_nor_the_journal(
    world: World, tmp_path: Path
) -> None:
    journal = OrderJournal(tmp_path / "none.db")
    with pytest.raises(InvalidRequestError, match="customer_order_number is required"):
        await world.orders.place(OrderCreateRequest(), journal)
    with pytest.raises(TypeError, match="is to be placed, not"):
        await world.orders.place(world.orders.create_v7(), journal)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="settle must be"):
        await world.orders.place(order("PO-1"), journal, timedelta(seconds=-1))
    assert not (tmp_path / "none.db").exists()
    assert world.sandbox.ledger == []


# ── It was sent, and what became of it is not known ─────────────────────────────────────────────────────────────────

ACTS = {
    "cut",
    "no-http",
    "slow",
    "slow-body",
    "drip",
    "lag",
    *(name for name in faults.FAULTS if name.endswith("after-acting")),
}
IN_REAL_TIME = {"hang", "hang-after-acting", "refuse"}


@pytest.mark.parametrize("name", [name for name in faults.FAULTS if name not in IN_REAL_TIME])
@pytest.mark.parametrize("guarded", [True, False], ids=["the API refuses duplicates", "the API takes duplicates"])
async def test_whatever_goes_wrong_once_the_order_is_there_once(world: World, name: str, guarded: bool) -> None:
    world.manners.refuses_duplicates = guarded
    world.go_wrong(faults.FAULTS[name])
    result = await world.orders.place(order("PO-1"))
    assert (world.made, world.sent) == (1, 1 if name in ACTS else 2)
    assert result.order_numbers == world.sandbox.ledger.writes[0].order_numbers
    assert result.attempts == world.sent


@pytest.mark.parametrize("name", sorted(IN_REAL_TIME))
async def test_whatever_takes_its_time_once_the_order_is_there_once(name: str) -> None:
    async with Sandbox(orders=0) as sandbox:
        policy = RetryPolicy(base=0.3, reserve=100)
        async with sandbox.client(timeouts=Timeouts(read=0.2), retry=policy, random=lambda: 0.9) as orders:
            sandbox.fault = faults.only(faults.FAULTS[name], method="POST", path="/v6/", times=1)
            result = await orders.place(order("PO-1"), settle=timedelta(seconds=0.3))
        [made] = sandbox.ledger.writes
    assert result.order_numbers == made.order_numbers
    assert result.attempts == (1 if name in ACTS else 2)


async def test_what_was_not_found_is_looked_for_as_long_as_asked_and_sent_again(world: World) -> None:
    world.go_wrong(faults.drop)
    result = await world.orders.place(order("PO-1"))
    assert (result.known_by, result.attempts, world.made) == ("answer", 2, 1)
    assert sum(world.waits.slept) == pytest.approx(600)
    assert world.searches == 1 + 10
    assert world.waits.slept[:3] == [2.0, 4.0, 8.0]


async def test_what_an_index_shows_late_is_waited_for(world: World) -> None:
    world.manners.index_lag = timedelta(minutes=5)
    world.go_wrong(faults.drop_after_acting)
    result = await world.orders.place(order("PO-1"))
    assert (result.known_by, result.attempts, world.sent, world.made) == ("search", 1, 1, 1)
    assert 300 <= sum(world.waits.slept) < 600


async def test_of_an_order_that_was_split_both_parts_are_found_though_one_shows_later(world: World) -> None:
    shown: list[int] = []

    async def one_first(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        response = await proceed()
        assert isinstance(response, web.Response)
        if response.status != 200:
            return response
        page = json.loads(response.text or "")
        shown.append(len(page["orders"]))
        return web.json_response({**page, "orders": page["orders"][: len(shown)]})

    async def then(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        world.sandbox.fault = faults.only(one_first, path="search")
        return await faults.drop_after_acting(request, proceed)

    world.go_wrong(then)
    result = await world.orders.place(order("PO-1", skus=("2CD101", BACK_ORDERED)))
    assert sorted(result.order_numbers) == sorted(world.sandbox.ledger.writes[0].order_numbers)
    assert world.waits.slept == [2.0]


async def test_what_an_index_shows_too_late_is_refused_by_the_api_and_looked_for_again(world: World) -> None:
    world.manners.index_lag = timedelta(minutes=15)
    world.go_wrong(faults.drop_after_acting)
    result = await world.orders.place(order("PO-1"))
    assert (result.known_by, result.attempts, world.sent, world.made) == ("search", 2, 2, 1)


async def test_what_no_index_shows_stays_unknown(world: World) -> None:
    world.manners.index_lag = timedelta(hours=5)
    world.go_wrong(faults.drop_after_acting)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.orders.place(order("PO-1"))
    assert (world.sent, world.made, unknown.value.orders) == (2, 1, ())
    assert unknown.value.customer_order_number == "PO-1"


@pytest.mark.parametrize("fault", [faults.drop, faults.drop_after_acting])
async def test_a_request_that_allows_duplicates_is_never_sent_twice(world: World, fault: faults.Fault) -> None:
    world.manners.index_lag = timedelta(hours=5)
    world.go_wrong(fault)
    with pytest.raises(OutcomeUnknownError):
        await world.orders.place(order("PO-1", DUPLICATE))
    assert world.sent == 1


async def test_a_request_that_allows_duplicates_is_told_from_those_before_it(world: World) -> None:
    await placed(world.orders, order("PO-1"))
    world.go_wrong(faults.drop_after_acting)
    result = await world.orders.place(order("PO-1", DUPLICATE))
    assert result.order_numbers == world.sandbox.ledger.writes[1].order_numbers
    world.go_wrong(faults.drop)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.orders.place(order("PO-1", DUPLICATE))
    assert (world.sent, len(unknown.value.orders)) == (3, 2)


@pytest.mark.parametrize("other", ["po-1", "PO-1 "])
async def test_a_number_that_may_be_ours_was_there_before_and_forbids_a_second_send(world: World, other: str) -> None:
    await placed(world.orders, order(other))
    world.go_wrong(faults.drop)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.orders.place(order("PO-1"))
    assert world.sent == 2
    assert [it.customer_order_number for it in unknown.value.orders] == [other]


async def test_a_number_that_may_be_ours_comes_meanwhile_and_forbids_a_second_send(world: World) -> None:
    async def somebody_else() -> None:
        await placed(world.orders, order("po-1"))

    world.go_wrong(faults.drop)
    world.waits.then = somebody_else
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.orders.place(order("PO-1"))
    assert world.sent == 2
    assert [it.customer_order_number for it in unknown.value.orders] == ["po-1"]


async def test_an_order_of_just_our_number_that_is_older_than_our_send_is_not_ours(world: World) -> None:
    """It was not yet to be seen when we looked before."""
    world.manners.index_lag, world.manners.refuses_duplicates = timedelta(minutes=2), False
    theirs = await placed(world.orders, order("PO-1"))
    world.waits.now += 60
    world.go_wrong(faults.drop)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.orders.place(order("PO-1"))
    assert world.sent == 2
    assert [it.ingram_order_number for it in unknown.value.orders] == [theirs]


async def test_a_long_number_is_found_whole_and_cut(world: World) -> None:
    """Some of the API's systems keep 18 characters."""
    long = "PO-2026-06-30-000000-0001"
    world.go_wrong(faults.drop_after_acting)
    assert (await world.orders.place(order(long))).known_by == "search"
    cut = long[:18]
    await placed(world.orders, order(cut))
    world.go_wrong(faults.drop)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.orders.place(order(f"{cut}-9999"))
    assert cut in [it.customer_order_number for it in unknown.value.orders]


async def test_a_number_with_space_around_it_is_found_as_it_is(world: World) -> None:
    world.go_wrong(faults.drop_after_acting)
    assert (await world.orders.place(order(" PO-1 "))).known_by == "search"


@pytest.mark.parametrize(
    ("wish", "attempts", "why"),
    [
        (DUPLICATE, 4, "the API might place it twice were it sent again"),
        (None, 1, "it was sent as often as it may be"),
    ],
)
async def test_what_stays_unknown_says_why(world: World, wish: Any, attempts: int, why: str) -> None:
    world.go_wrong(faults.drop)
    async with world.client(retry=RetryPolicy(attempts=attempts)) as orders:
        with pytest.raises(OutcomeUnknownError, match=f"no search shows it, and {why}"):
            await orders.place(order("PO-1", *([wish] if wish else [])))


async def test_whoever_waits_says_so_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="ingram_orders")
    world.go_wrong(faults.drop_after_acting)
    await world.orders.place(order("PO-1"))
    assert "order PO-1: looking for it for 600 s" in caplog.text


@pytest.mark.parametrize("attempts", [1, 2, 3])
async def test_it_is_sent_no_more_often_than_the_policy_allows(world: World, attempts: int) -> None:
    world.go_wrong(faults.drop, times=None)
    async with world.client(retry=RetryPolicy(attempts=attempts)) as orders:
        with pytest.raises(OutcomeUnknownError):
            await orders.place(order("PO-1"))
    assert world.sent == attempts


async def test_an_order_that_cannot_be_looked_for_is_not_sent_again(world: World) -> None:
    async def then(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        world.sandbox.fault = faults.only(faults.failing(503), path="search")
        return await faults.drop(request, proceed)

    world.go_wrong(then)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.orders.place(order("PO-1"))
    assert world.sent == 1
    assert isinstance(unknown.value.__cause__, IngramError)


async def test_an_order_is_not_sent_where_it_cannot_be_looked_for_before(world: World, journal: OrderJournal) -> None:
    world.sandbox.fault = faults.only(faults.failing(503), path="search")
    with pytest.raises(IngramError):
        await world.orders.place(order("PO-1"), journal)
    world.sandbox.fault = None
    assert (world.sent, await world.orders.recover(journal)) == (0, ())


@pytest.mark.parametrize("second", [faults.failing(400), faults.failing(403)])
async def test_a_second_send_that_is_refused_tells_nothing_of_the_first(world: World, second: faults.Fault) -> None:
    async def then(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        world.go_wrong(second)
        return await faults.drop(request, proceed)

    world.go_wrong(then)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.orders.place(order("PO-1"))
    assert world.sent == 2
    assert isinstance(unknown.value.__cause__, IngramError)


async def test_a_client_that_is_closed_meanwhile_does_not_go_on_looking(world: World) -> None:
    world.go_wrong(faults.drop)
    world.waits.then = world.orders.close
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.orders.place(order("PO-1"))
    assert isinstance(unknown.value.__cause__, ConfigurationError)
    assert len(world.waits.slept) == 1


# ── The number was used before; or nothing was ordered ──────────────────────────────────────────────────────────────


async def test_a_number_that_was_used_before_is_not_sent_at_all(world: World, journal: OrderJournal) -> None:
    theirs = await placed(world.orders, order("PO-1"))
    with pytest.raises(DuplicateOrderError, match="nothing was sent") as refused:
        await world.orders.place(order("PO-1"), journal)
    assert [it.ingram_order_number for it in refused.value.orders] == [theirs]
    assert world.sent == 1
    assert await world.orders.recover(journal) == ()


async def test_a_number_that_the_api_alone_knows_is_refused_and_told(world: World) -> None:
    world.manners.index_lag = timedelta(hours=1)
    await placed(world.orders, order("PO-1"))
    with pytest.raises(DuplicateOrderError, match="CUSTOMER-PO-EXISTS") as refused:
        await world.orders.place(order("PO-1"))
    assert (refused.value.orders, world.waits.slept) == ((), [])


@pytest.mark.parametrize(
    "orders",
    [
        [{"rejectedLineItems": [{"rejectCode": "X"}]}, {"ingramSubOrderNumber": "20-RD3QV-11", "notes": "accepted"}],
        [{"rejectedLineItems": [{"rejectCode": "X"}]}, {}],
        [{"rejectedLineItems": [{"rejectCode": "X"}]}],
        [{"rejectedLineItems": [{"rejectCode": "X"}, {"rejectCode": "EM"}], "lines": [{}]}],
        [{"rejectedLineItems": [{"rejectCode": "X", "customerLineNumber": "1"}] * 2}],
        [],
    ],
)
async def test_an_answer_that_does_not_reject_every_line_is_no_refusal(orders: list[Any], waits: Waits) -> None:
    answer = http(207, json.dumps({"orders": orders}).encode())
    async with RawServer(http(204), answer, http(204)) as server, client_for(server, **waits.settings) as client:
        with pytest.raises(OutcomeUnknownError, match="names no order"):
            await client.place(order("PO-1", skus=("2CD101", "2CD102")))


def created(code: str, **more: Any) -> bytes:
    rejected = {"rejectCode": code, "rejectReason": "because", "customerLineNumber": "1"}
    return http(207, json.dumps({"orders": [{"rejectedLineItems": [rejected], **more}]}).encode())


THEIRS = {"ingramOrderNumber": "20-THEIRS", "customerOrderNumber": "PO-1", "ingramOrderDate": "2020-01-01T00:00:00Z"}
SHOWN = http(200, json.dumps({"recordsFound": 1, "orders": [THEIRS]}).encode())


async def test_a_line_rejected_as_a_duplicate_counts_as_such() -> None:
    async with RawServer(http(204), created(" em"), SHOWN, http(204)) as server, client_for(server) as orders:
        with pytest.raises(DuplicateOrderError, match="because") as refused:
            await orders.place(order("PO-1"))
    assert (refused.value.status, refused.value.errors[0].type) == (207, " em")
    assert [it.ingram_order_number for it in refused.value.orders] == ["20-THEIRS"]


@pytest.mark.parametrize(("code", "kind"), [("EM", DuplicateOrderError), ("EN", OrderRefusedError)])
async def test_lines_that_were_rejected_as_one_are_all_of_them(code: str, kind: type[IngramError]) -> None:
    rejected = {"rejectCode": code, "rejectReason": "because", "ingramPartNumber": "2CD101"}
    answer = http(207, json.dumps({"orders": [{"rejectedLineItems": [rejected]}]}).encode())
    async with RawServer(http(204), answer, http(204)) as server, client_for(server) as orders:
        with pytest.raises(kind, match="because"):
            await orders.place(order("PO-1", skus=("2CD101", "2CD101")))
        assert [it.method for it in server.heard].count("POST") == 1


async def test_an_answer_that_rejects_every_line_is_a_refusal() -> None:
    async with RawServer(http(204), created("EN"), http(204)) as server, client_for(server) as orders:
        with pytest.raises(OrderRefusedError, match="every line was rejected: because") as refused:
            await orders.place(order("PO-1"))
        assert len(server.heard) == 2
    assert refused.value.status == 207


@pytest.mark.parametrize(
    "answer", [b"{}", b'{"orders": [{}]}', b'{"orders": [{"lines": [{}], "rejectedLineItems": [{}]}]}']
)
async def test_an_answer_without_an_order_is_no_placement_and_never_sent_again(answer: bytes, waits: Waits) -> None:
    async with RawServer(http(204), http(201, answer), http(204)) as server:
        async with client_for(server, **waits.settings) as orders:
            with pytest.raises(OutcomeUnknownError, match="names no order") as unknown:
                await orders.place(order("PO-1"))
        assert [it.method for it in server.heard].count("POST") == 1
    assert (unknown.value.status, unknown.value.body) == (201, answer)


async def test_an_answer_with_an_order_is_a_placement_whatever_was_rejected(waits: Waits) -> None:
    answer = created("EM", ingramOrderNumber="20-NEW")
    async with RawServer(http(204), answer) as server, client_for(server, **waits.settings) as orders:
        assert (await orders.place(order("PO-1"))).order_numbers == ("20-NEW",)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.decimals(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_bodies_that_say_the_same_have_one_hash(value: Any, random: Any) -> None:
    def otherwise(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            random.shuffle(keys)
            return {key: otherwise(value[key]) for key in keys}
        if isinstance(value, list):
            return [otherwise(it) for it in value]
        if isinstance(value, Decimal):
            sign, digits, exponent = value.as_tuple()
            assert isinstance(exponent, int)
            return Decimal((sign, (*digits, 0, 0), exponent - 2))
        return value

    assert hash_of(write_json({"a": value})) == hash_of(write_json({"a": otherwise(value)}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a": 1}', b'{"a": "1"}'), (b'{"a": 1}', b'{"a": true}'), (b'{"a": null}', b"{}"),
        (b'{"a": ""}', b'{"a": null}'), (b'{"a": [1, 2]}', b'{"a": [2, 1]}'),
        (b'{"a": 0.1}', b'{"a": 0.10000000000000000000000000000000000001}'),
        (b'{"a": {}}', b'{"a": []}'), (b'{"a": 1}', b'{"a": "number 1"}'), (b'{"a": 1}', b'{"A": 1}'),
    ],
)  # fmt: skip
def test_bodies_that_do_not_say_the_same_have_two(one: bytes, other: bytes) -> None:
    assert hash_of(one) != hash_of(other)


# ── Decisions ───────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.timedeltas(timedelta(0), timedelta(days=30)))
def test_it_is_looked_for_at_once_ever_more_seldom_and_at_the_end(settle: timedelta) -> None:
    times = list(looks(settle.total_seconds()))
    assert times[0] == 0
    assert times[-1] == settle.total_seconds()
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(step >= 0 for step in steps)
    assert steps[:-1] == sorted(steps[:-1])
    assert len(times) < 25


NUMBERS = st.text(st.sampled_from("aAbBsSß12 -"), min_size=1, max_size=40)


@given(NUMBERS, NUMBERS)
def test_numbers_that_may_be_one_are_so_both_ways_and_however_trimmed_and_cut(one: str, other: str) -> None:
    assert is_same(one, one)
    assert is_same(one, f" {one.swapcase().swapcase()}  ")
    assert is_same(one, other) == is_same(other, one)
    if len(one.strip()) >= 18 and "ß" not in one:
        assert is_same(one, one.strip()[:18])
        assert is_same(one, one.strip() + other)


AT = datetime(2026, 6, 30, 12, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("made", "since"),
    [
        (datetime(2026, 6, 30, 12, 0, 0, tzinfo=UTC), True), (datetime(2026, 6, 30, 11, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 6, 30, 5, 0, 0, tzinfo=timezone(timedelta(hours=-7))), True),
        (datetime(2026, 6, 30, 13, 0, 0, tzinfo=timezone(timedelta(hours=2))), False),
        (datetime(2026, 6, 30, 12, 0, 1), False), (datetime(2026, 7, 1, 2, 0, 0), True),
        (date(2026, 6, 30), False), (date(2026, 7, 1), False), (date(2026, 7, 2), True), (None, False),
    ],
)  # fmt: skip
def test_an_order_is_since_a_moment_only_if_that_is_certain(made: Any, since: bool) -> None:
    assert is_since(FoundOrder(ingram_order_date=made), AT) is since


SENT = Sent(AT, "id")


@pytest.mark.parametrize(
    ("record", "duplicates", "may"),
    [
        (Record(before=(), sends=(SENT,)), False, True),
        (Record(before=(), sends=(SENT,)), True, False),
        (Record(before=("20-A",), sends=(SENT,)), False, False),
        (Record(before=None, sends=(SENT,)), False, False),
        (Record(before=(), sends=(SENT,) * 4), False, True),
    ],
)  # fmt: skip
def test_a_second_send_needs_all_of_it(record: Record, duplicates: bool, may: bool) -> None:
    assert may_send_again(record, duplicates=duplicates) is may


@pytest.mark.parametrize(
    ("name", "value", "allows"),
    [
        ("allowDuplicateCustomerOrderNumber", "true", True), ("ALLOWduplicateCustomerOrderNumber ", "TRUE", True),
        ("allowDuplicateCustomerOrderNumber", "yes", True), ("allowDuplicateCustomerOrderNumber", " False", False),
        ("allowDuplicateCustomerOrderNumber", None, False), ("allowPartialOrder", "true", False), (None, "true", False),
    ],
)  # fmt: skip
def test_whether_duplicates_are_allowed_is_read_with_caution(name: str | None, value: str | None, allows: bool) -> None:
    attribute = Attribute(attribute_name=name, attribute_value=value)
    assert duplicates(OrderCreateRequest(additional_attributes=[attribute])) is allows


def duplicates(body: OrderCreateRequest) -> bool:
    return allows_duplicates(body, write_json(unstructure(body)))


ALLOWS = "allowDuplicateCustomerOrderNumber"
NOT = Attribute(attribute_name=ALLOWS, attribute_value="false")


@pytest.mark.parametrize(
    "body",
    [
        OrderCreateRequest(extra={"AdditionalAttributes": [{"attributeName": ALLOWS, "attributeValue": "true"}]}),
        OrderCreateRequest(lines=[CreateLine(additional_attributes=[evolve(NOT, attribute_value="true")])]),
        OrderCreateRequest(additional_attributes=[NOT], extra={ALLOWS.upper(): True}),
        OrderCreateRequest(additional_attributes=[evolve(NOT, extra={"AttributeValue": "true"})]),
        OrderCreateRequest(additional_attributes=[NOT, evolve(NOT, attribute_value="true")]),
    ],
    ids=range(5),
)
def test_wherever_it_stands_that_duplicates_are_allowed_it_counts(body: OrderCreateRequest) -> None:
    assert duplicates(body)
    assert not duplicates(OrderCreateRequest(additional_attributes=[NOT, NOT]))


def test_what_was_never_sent_has_no_order_of_its_own() -> None:
    found = FoundOrder(ingram_order_number="20-A", customer_order_number="PO-1", ingram_order_date=NOON)
    assert ours((found,), "PO-1", Record()) == ()
    assert ours((found,), "PO-1", Record(sends=(Sent(NOON, "id"),))) == (found,)
    assert ours((found,), "PO-1", Record(sends=(Sent(NOON, "id"),), before=("20-A",))) == ()
    assert ours((found,), "po-1", Record(sends=(Sent(NOON, "id"),))) == ()


# ── What a search says ──────────────────────────────────────────────────────────────────────────────────────────────

SAYS_NOTHING = [
    b"{}", b'{"recordsFound": 1}', b'{"recordsFound": 1, "orders": []}', b'{"orders": "oops"}', b'{"orders": null}',
    b'{"orders": {}}', b'{"recordsFound": null, "orders": null}',
    b'{"orders": [["x"]]}', b'{"orders": [{"ingramOrderNumber": "20-A"}, 7]}', b'{"fault": {}}', b"[]",
]  # fmt: skip


@pytest.mark.parametrize("answer", SAYS_NOTHING)
async def test_a_search_that_does_not_say_which_orders_there_are_has_not_found_none(
    answer: bytes, waits: Waits
) -> None:
    async with RawServer(http(200, answer)) as server, client_for(server, **waits.settings) as orders:
        with pytest.raises(UnreadableAnswerError):
            await orders.place(order("PO-1"))
        assert {it.method for it in server.heard} == {"GET"}
    async with RawServer(http(204), None, http(200, answer)) as server:
        async with client_for(server, retry=RetryPolicy(), **waits.settings) as orders:
            with pytest.raises(OutcomeUnknownError):
                await orders.place(order("PO-1"))
        assert [it.method for it in server.heard].count("POST") == 1


def page(*numbers: str | None, po: str | None = "PO-1") -> bytes:
    found = [{"ingramOrderNumber": it, "customerOrderNumber": po, "orderTotal": at} for at, it in enumerate(numbers)]
    return http(200, json.dumps({"recordsFound": 7, "orders": found}).encode())


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ((page("1", "2"), page("3"), http(204)), ["1", "2", "3"]),
        ((page("1", "2"), page("2", "3"), page("3"), page("9")), ["1", "2", "3"]),
        ((page("1"), http(200, b'{"recordsFound": 9, "orders": []}')), ["1"]),
        ((page(None, None), http(204)), [None, None]),
        ((page("1", po=None), http(204)), ["1"]),
        ((page("1", po="PO-2"), http(204)), []),
        ((http(200, b'{"orders": {"ingramOrderNumber": "1", "customerOrderNumber": "PO-1"}}'), http(204)), ["1"]),
        ((http(200, b'{"recordsFound": 0, "orders": null}'),), []),
        *(((page("1"), http(200, end)), ["1"]) for end in (b"{}", b'{"orders": null}', b'{"orders": {}}')),
        ((http(200, b'{"orders": [null, {"ingramOrderNumber": "1"}]}'), http(204)), ["1"]),
        ((http(200, b'{"recordsFound": "0"}'),), []),
    ],
)
async def test_all_pages_are_read_and_each_order_counts_once(answers: Any, found: list[Any]) -> None:
    async with RawServer(*answers) as server, client_for(server) as orders:
        its = await find(orders, "PO-1", {})
        assert [it.ingram_order_number for it in its] == found
        asked = [parse_qs(it.target.partition("?")[2]) for it in server.heard]
    assert [it["pageNumber"] for it in asked] == [[str(at)] for at in range(1, len(asked) + 1)]
    assert {(*it["customerOrderNumber"], *it["pageSize"]) for it in asked} == {("PO-1", "100")}


async def test_a_number_is_asked_for_as_it_is_trimmed_and_cut() -> None:
    number = " PO-2026-06-30-000 0-0001 "
    async with RawServer(http(204)) as server, client_for(server) as orders:
        await find(orders, number, {})
        asked = [parse_qs(it.target.partition("?")[2])["customerOrderNumber"] for it in server.heard]
    assert asked == [[number], [number.strip()], ["PO-2026-06-30-000"]]
    assert is_same(number, "po-2026-06-30-000")


# ── Several sends ───────────────────────────────────────────────────────────────────────────────────────────────────


async def sent_twice(world: World, *, first: faults.Fault, second: faults.Fault) -> None:
    async def then(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        world.go_wrong(second)
        return await first(request, proceed)

    world.manners.index_lag = timedelta(minutes=15)
    world.go_wrong(then)


async def test_an_order_of_the_first_send_is_found_after_the_second(world: World) -> None:
    await sent_twice(world, first=faults.drop_after_acting, second=faults.drop)
    result = await world.orders.place(order("PO-1"))
    assert (result.known_by, result.attempts, world.made) == ("search", 2, 1)


async def test_what_stays_unknown_is_resolved_later_by_its_first_send(world: World) -> None:
    world.manners.index_lag = timedelta(hours=2)
    await sent_twice(world, first=faults.drop_after_acting, second=faults.drop)
    world.manners.index_lag = timedelta(hours=2)
    with pytest.raises(OutcomeUnknownError) as unknown:
        async with world.client(retry=RetryPolicy(attempts=2)) as orders:
            await orders.place(order("PO-1"))
    posts = [it for it in world.sandbox.ledger if it.path == "/resellers/v6/orders"]
    assert unknown.value.correlation_id == posts[1].headers["IM-CorrelationID"]
    assert (await world.orders.resolve(unknown.value)).effect == "unknown"
    world.waits.now += 7200
    assert (await world.orders.resolve(unknown.value)).effect == "done"


async def test_a_look_that_fails_on_the_way_is_made_up_for_by_the_last(world: World) -> None:
    async def then(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        world.sandbox.fault = faults.only(faults.failing(503), path="search", times=4)
        return await faults.drop(request, proceed)

    world.go_wrong(then)
    assert (await world.orders.place(order("PO-1"))).attempts == 2


async def test_an_order_that_was_seen_once_forbids_a_second_send_also_when_it_is_gone(world: World) -> None:
    shown = {"recordsFound": 1, "orders": [{**THEIRS, "customerOrderNumber": "po-1"}]}

    async def show(request: web.Request, _: faults.Proceed) -> web.StreamResponse:
        world.sandbox.fault = None
        return web.json_response(shown)

    async def then(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        world.sandbox.fault = faults.only(show, path="search")
        return await faults.drop(request, proceed)

    world.go_wrong(then)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.orders.place(order("PO-1"))
    assert world.sent == 1
    assert [it.ingram_order_number for it in unknown.value.orders] == ["20-THEIRS"]


async def test_a_duplicate_is_told_also_where_it_cannot_be_looked_for(world: World, journal: OrderJournal) -> None:
    world.manners.index_lag = timedelta(hours=1)
    await placed(world.orders, order("PO-1"))

    async def then(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        world.sandbox.fault = faults.only(faults.failing(503), path="search")
        return await proceed()

    world.go_wrong(then)
    with pytest.raises(DuplicateOrderError):
        await world.orders.place(order("PO-1"), journal)
    assert await world.orders.recover(journal) == ()


async def test_an_order_without_a_number_is_nobodys(world: World) -> None:
    found = FoundOrder(customer_order_number="PO-1", ingram_order_date=NOON)
    assert ours((found,), "PO-1", Record(sends=(Sent(NOON, "id"),))) == ()


async def test_an_answer_that_cannot_be_written_down_is_given_all_the_same(
    world: World, journal: OrderJournal, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How deep an answer may be read and how deep one may be written, differs by the version of Python."""

    def too_deep(_: object) -> bytes:
        raise RecursionError

    monkeypatch.setattr(placing, "write_json", too_deep)
    result = await world.orders.place(order("PO-1"), journal)
    assert result.order_numbers
    assert "order PO-1: what came of it cannot be written" in caplog.text


async def test_placements_without_a_journal_need_no_thread_each(world: World) -> None:
    before, most = threading.active_count(), 0

    async def count(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        nonlocal most
        most = max(most, threading.active_count())
        return await proceed()

    world.sandbox.fault = count
    await asyncio.gather(*(world.orders.place(order(f"PO-{number}")) for number in range(50)))
    assert (most, world.made) == (before, 50)


@pytest.mark.parametrize("journal", ["journal.db", timedelta(minutes=1), 5])
async def test_what_is_no_journal_is_told(world: World, journal: Any) -> None:
    with pytest.raises(ConfigurationError, match="journal must be OrderJournal"):
        await world.orders.place(order("PO-1"), journal)


async def test_a_log_that_fails_costs_no_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter of somebody's own, say; what is told on the way must not hide what became of it."""

    def fail(_: logging.LogRecord) -> bool:
        raise LookupError("a filter")

    logger = logging.getLogger("ingram_orders.placing")
    monkeypatch.setattr(logger, "filters", [fail])
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    world.go_wrong(faults.drop_after_acting)
    assert (await world.orders.place(order("PO-1"))).known_by == "search"
