"""A v7 create is sent once, and what becomes of it is told by what is proved."""

import asyncio
import functools
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from aiohttp import web
from support.events import failed_event, outcome_event
from support.placing import DUPLICATE, order
from support.world import NOON, World

from ingram_orders import (
    AsyncLine,
    AsyncOrderCreateDTO,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    CreateLine,
    DeadlineExceededError,
    DuplicateOrderError,
    FoundOrder,
    InvalidRequestError,
    OrderCreateRequest,
    OrderDetailB2B,
    OrderJournal,
    OrderRefusedError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PlacedOrderV7,
    RateLimit,
    ServerError,
    WebhookEvent,
    WebhookInbox,
    placing_v7,
)
from ingram_orders.sandbox import faults

MINUTE = timedelta(minutes=1)


def v7(number: str = "PO-7", *skus: str, **more: Any) -> AsyncOrderCreateDTO:
    lines = [AsyncLine(ingram_part_number=it, quantity=2) for it in skus or ("2CD101",)]
    return AsyncOrderCreateDTO(customer_order_number=number, lines=lines, **more)


class V7World(World):
    """A world with an inbox of its time."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        super().__init__(**settings)
        self.folder = folder
        self.inbox = self.new_inbox()
        self.journal = OrderJournal(folder / "journal.db")  # of real time: its signs of life do not move ours

    def new_inbox(self, name: str = "inbox.db") -> WebhookInbox:
        return WebhookInbox(self.folder / name, clock=self.seconds, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        """Let time pass, once nothing is under way."""
        turns = self.orders._session.pace.turns
        while turns._value < 100:  # noqa: ASYNC110  # no time passes
            await asyncio.sleep(0)
        await self.waits.sleep(seconds)

    def seconds(self) -> float:
        return self.time().timestamp()

    @property
    def sent_v7(self) -> int:
        return sum(it.path == "/resellers/v7/orders" for it in self.sandbox.ledger)

    def after(self, seconds: float, *events: WebhookEvent | Callable[[], Awaitable[WebhookEvent]]) -> None:
        """Let events come once so much time has passed, in a wait that somebody else has."""
        until = self.waits.now + seconds

        async def then() -> None:
            if self.waits.now < until:
                self.waits.then = then
                return
            for it in events:
                await self.inbox.put(it if isinstance(it, WebhookEvent) else await it())

        self.waits.then = then

    async def come_to(self, is_there: Callable[[], object]) -> None:
        while not is_there():  # noqa: ASYNC110  # one turn of the loop at a time, no time passes
            await asyncio.sleep(0)

    async def found(self, number: str = "PO-7") -> FoundOrder:
        [it] = (await self.orders.search().customer_order_number(number).execute()).orders
        return it


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[V7World]:
    async with V7World(tmp_path) as running:
        yield running


def event_of_what_is_there(world: V7World, number: str = "PO-7") -> Any:
    async def event() -> Any:
        return outcome_event(number, (await world.found(number)).ingram_order_number)

    return event


# ── It was placed ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_event_tells_of_it_and_its_orders_are_read_back(world: V7World) -> None:
    world.after(3, event_of_what_is_there(world))
    placed = await world.orders.place_v7(v7(), events=world.inbox)
    number = (await world.found()).ingram_order_number
    assert (placed.known_by, placed.order_numbers, placed.attempts) == ("event", (number,), 1)
    [it] = placed.orders
    assert isinstance(it, OrderDetailB2B)  # the API's own answer
    assert it.customer_order_number == placed.customer_order_number == "PO-7"
    assert placed.confirmation is not None
    assert placed.confirmation.confirmation_number
    assert placed.event is not None
    assert world.waits.now < 1000 + 10


@pytest.mark.parametrize("with_inbox", [True, False])
async def test_a_search_finds_it_where_no_event_comes(world: V7World, with_inbox: bool) -> None:
    placed = await world.orders.place_v7(v7(), events=world.inbox if with_inbox else None)
    number = (await world.found()).ingram_order_number
    assert (placed.known_by, placed.order_numbers, placed.event) == ("search", (number,), None)
    assert isinstance(placed.orders[0], FoundOrder)
    assert placed.confirmation is not None
    first = 16 if with_inbox else 2  # an event is what tells first, as a rule
    assert first <= world.waits.now - 1000 <= first + 3


async def test_it_is_waited_for_as_long_as_it_takes(world: V7World) -> None:
    world.manners.v7_takes = timedelta(hours=2)
    placed = await world.orders.place_v7(v7(), events=world.inbox, every=5 * MINUTE)
    assert placed.known_by == "search"
    assert world.sent_v7 == 1
    assert 2 * 3600 <= world.waits.now - 1000 <= 2 * 3600 + 5 * 60 + 3
    assert world.searches < 2 * 12 + 12


async def test_an_event_that_comes_before_the_order_can_be_read_is_tried_again(world: V7World) -> None:
    world.manners.index_lag = timedelta(days=1)
    world.sandbox.fault = faults.only(faults.failing(404), path="/v6.1/orders/", times=2)
    world.after(1, _event_of_newest(world))
    placed = await world.orders.place_v7(v7(), events=world.inbox)
    assert placed.known_by == "event"
    assert 5 <= world.waits.now - 1000 <= 10


async def test_one_of_several_that_lags_is_looked_for_once_more(world: V7World) -> None:
    world.sandbox.fault = faults.only(faults.failing(404), path="/v6.1/orders/", times=1)
    world.after(3, lambda: _event_of_all(world))
    placed = await world.orders.place_v7(v7("PO-7", "2CD101", "3EF202"), events=world.inbox)
    assert len(placed.order_numbers) == 2


@pytest.mark.parametrize("seconds", [2, 20])
async def test_the_last_search_is_a_moment_before_the_time_is_up(world: V7World, seconds: float) -> None:
    world.manners.v7_takes = timedelta(seconds=58 - seconds)
    placed = await world.orders.place_v7(v7(), events=world.inbox, timeout=60, every=timedelta(hours=1))
    assert placed.order_numbers
    assert world.waits.now - 1000 <= 60


async def test_events_that_tell_of_one_order_each_are_put_together(world: V7World) -> None:
    running = asyncio.create_task(world.orders.place_v7(v7("PO-7", "2CD101", "3EF202"), events=world.inbox))
    await world.come_to(lambda: world.sent_v7)
    found = (await world.orders.search().customer_order_number("PO-7").execute()).orders
    whole = [it.ingram_order_number for it in found]
    await world.inbox.put(outcome_event("PO-7", "20-00000", whole[0]))
    await world.inbox.put(outcome_event("PO-7", whole[0], f"{whole[1]}-11"))
    placed = await running
    assert sorted(placed.order_numbers) == sorted(it or "" for it in whole)


async def test_a_split_order_that_searches_show_one_after_another_is_given_whole(world: V7World) -> None:
    shown = itertools.count()

    async def one_first(request: Any, proceed: Any) -> Any:
        answer = await proceed()
        if request.path.endswith("/search") and answer.status == 200 and next(shown) == 0:
            page = json.loads(answer.body)
            return web.json_response({**page, "orders": page["orders"][:1], "recordsFound": 1})
        return answer

    world.sandbox.fault = one_first
    placed = await world.orders.place_v7(v7("PO-7", "2CD101", "3EF202"))
    assert len(placed.order_numbers) == 2


async def test_an_order_that_became_several_is_given_whole(world: V7World) -> None:
    world.after(3, lambda: _event_of_all(world))
    placed = await world.orders.place_v7(v7("PO-7", "2CD101", "3EF202"), events=world.inbox)
    found = (await world.orders.search().customer_order_number("PO-7").execute()).orders
    assert {it.ingram_order_number for it in found} == set(placed.order_numbers)
    assert (placed.known_by, len(placed.orders)) == ("event", 2)


async def _event_of_all(world: V7World) -> Any:
    found = (await world.orders.search().customer_order_number("PO-7").execute()).orders
    return outcome_event("PO-7", *(it.ingram_order_number for it in found))


@pytest.mark.parametrize("seconds", [1, 40])
async def test_a_lost_answer_is_no_reason_to_send_again(world: V7World, seconds: float) -> None:
    world.sandbox.fault = faults.only(faults.drop_after_acting, method="POST", path="/v7/orders", times=1)
    world.after(seconds, event_of_what_is_there(world))
    placed = await world.orders.place_v7(v7(), events=world.inbox)
    assert world.sent_v7 == 1
    assert placed.confirmation is None
    assert placed.order_numbers


# ── What events say that is not so ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("named", [["20-00000"], ["x" * 40], [".."], [f"20-{it:05}" for it in range(101)]])
async def test_an_event_proves_nothing_by_itself(world: V7World, named: list[str]) -> None:
    world.sandbox.fault = faults.only(faults.drop, method="POST", path="/v7/orders", times=1)  # nothing was taken in
    world.after(3, outcome_event("PO-7", *named))
    with pytest.raises(OutcomeUnknownError, match="the time was up, and nothing tells what became of it"):
        await world.orders.place_v7(v7(), events=world.inbox, timeout=300)
    assert world.sent_v7 == 1


async def test_an_order_of_another_number_is_not_taken_for_it(world: V7World) -> None:
    await world.orders.create().order_create_request(order("PO-1")).execute()
    other = (await world.found("PO-1")).ingram_order_number
    world.after(3, outcome_event("PO-7", other))
    placed = await world.orders.place_v7(v7(), events=world.inbox)
    assert other not in placed.order_numbers
    assert placed.known_by == "search"


async def test_an_order_that_was_there_before_is_not_taken_for_it(world: V7World) -> None:
    allowed: Any = {"additional_attributes": [DUPLICATE]}
    before = await world.orders.place_v7(v7(**allowed))
    world.sandbox.fault = faults.only(faults.drop, method="POST", path="/v7/orders", times=1)
    world.after(3, outcome_event("PO-7", *before.order_numbers))
    with pytest.raises(OutcomeUnknownError):
        await world.orders.place_v7(v7(**allowed), events=world.inbox, timeout=120)


async def test_a_late_event_about_an_earlier_order_of_its_number_is_not_taken_for_it(world: V7World) -> None:
    """Details tell no zone, so only the event tells that it happened before."""
    world.manners.index_lag = timedelta(hours=2)
    await world.orders.create_v7().async_order_create_dto(v7()).execute()
    earlier = (await _event_of_newest(world)()).outcome.orders[0].ingram_order_number
    world.waits.now += 3600
    world.after(3, outcome_event("PO-7", earlier, at=NOON + timedelta(seconds=1)))
    placed = await world.orders.place_v7(v7(), events=world.inbox, every=5 * MINUTE)
    assert earlier not in placed.order_numbers


async def test_an_event_that_came_before_it_was_sent_is_not_taken_for_it(world: V7World) -> None:
    world.manners.index_lag = timedelta(hours=2)
    await world.orders.create_v7().async_order_create_dto(v7()).execute()
    earlier = await _event_of_newest(world)()
    await world.inbox.put(earlier)
    world.waits.now += 60
    placed = await world.orders.place_v7(v7(), events=world.inbox, every=5 * MINUTE)
    assert earlier.outcome.orders[0].ingram_order_number not in placed.order_numbers


@pytest.mark.parametrize("made", [timedelta(hours=-30), timedelta(0)])
async def test_an_order_that_is_older_for_sure_is_not_taken_for_it(world: V7World, made: timedelta) -> None:
    number = (await world.orders.create().order_create_request(order("PO-1")).execute()).orders[0].ingram_order_number
    world.sandbox.fault = _telling(number, po_number="PO-7", made=world.time() + made)
    world.manners.v7_takes = timedelta(hours=1)
    world.after(3, outcome_event("PO-7", number))
    placed = await world.orders.place_v7(v7(), events=world.inbox)
    assert (placed.order_numbers == (number,)) == (made == timedelta(0))


def _telling(number: str | None, *, po_number: str, made: datetime) -> faults.Fault:
    """Tell the details of an order otherwise."""

    async def telling(request: Any, proceed: Any) -> Any:
        answer = await proceed()
        if request.path.endswith(f"/v6.1/orders/{number}"):
            told = {
                "ingramOrderNumber": number, "customerOrderNumber": po_number,
                "ingramOrderDate": made.replace(tzinfo=None).isoformat(),
            }  # fmt: skip
            return web.json_response(told)
        return answer

    return telling


@pytest.mark.parametrize("is_dated", [True, False])
async def test_an_event_of_another_inbox_counts_only_if_it_happened_since(world: V7World, is_dated: bool) -> None:
    number = (await world.orders.create().order_create_request(order("PO-1")).execute()).orders[0].ingram_order_number
    world.manners.v7_takes = timedelta(hours=1)
    with pytest.raises(OutcomeUnknownError):
        await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal, timeout=30)
    world.sandbox.fault = _telling(number, po_number="PO-7", made=world.time())
    another = world.new_inbox("another.db")
    await another.put(outcome_event("PO-7", number, at=world.time() if is_dated else None))
    placed = await world.orders.place_v7(v7(), events=another, journal=world.journal)
    assert (placed.order_numbers == (number,)) == is_dated


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
async def test_whatever_reading_back_fails_with_a_search_finds_it(world: V7World, status: int) -> None:
    world.manners.v7_takes = timedelta(minutes=2)
    world.sandbox.fault = faults.only(faults.failing(status), path="/v6.1/orders/", times=None)
    world.after(3, outcome_event("PO-7", "20-00000"))
    placed = await world.orders.place_v7(v7(), events=world.inbox, timeout=1800)
    assert placed.known_by == "search"
    assert world.waits.now - 1000 < 200


async def test_a_search_that_takes_long_does_not_keep_an_event_from_being_heard(world: V7World) -> None:
    hangs, goes_on = asyncio.Event(), asyncio.Event()

    async def hang(request: Any, proceed: Any) -> Any:
        if request.path.endswith("/search") and world.sent_v7:
            hangs.set()
            await goes_on.wait()
        return await proceed()

    world.sandbox.fault = hang
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox))
    await hangs.wait()
    event = await _event_of_newest(world)()
    await world.inbox.put(event)
    assert (await running).event == event
    await asyncio.sleep(0)
    assert [it for it in asyncio.all_tasks() if "_find" in repr(it)] == []  # nobody waits for it any more
    goes_on.set()


async def test_what_an_event_names_and_is_not_there_costs_few_calls(world: V7World) -> None:
    world.sandbox.fault = faults.only(faults.drop, method="POST", path="/v7/orders", times=1)
    world.after(3, outcome_event("PO-7", *(f"20-{it:05}" for it in range(100))))
    with pytest.raises(OutcomeUnknownError):
        await world.orders.place_v7(v7(), events=world.inbox, timeout=3600)
    details = [it for it in world.sandbox.ledger if "/v6.1/orders/" in it.path]
    assert len(details) <= 20 * 16


@pytest.mark.parametrize(
    ("limiter", "waiting", "seconds"),
    [(RateLimit(60, 60), 1, 16), (RateLimit(60, 60), 90, 180), (RateLimit(120, 60), 90, 90), (None, 90, 16)],
)
async def test_the_more_wait_the_more_seldom_each_searches(
    world: V7World, limiter: RateLimit | None, waiting: int, seconds: float
) -> None:
    """So that all of them take half of the quota."""
    world.manners.v7_takes = timedelta(hours=5)
    searched: list[float] = []

    async def noted(request: Any, proceed: Any) -> Any:
        if request.path.endswith("/search") and world.sent_v7:
            searched.append(world.waits.now - 1000)
        return await proceed()

    world.sandbox.fault = noted
    await world.orders.close()
    world.orders = world.client(limiter=limiter)  # of which it is known when it is at rest, and time may pass
    with ExitStack() as others:
        for _ in range(waiting - 1):
            others.enter_context(world.orders._waiting_v7)
        with pytest.raises(OutcomeUnknownError):
            await world.orders.place_v7(
                v7(), events=world.inbox, timeout=seconds * 2.2, every=timedelta(seconds=seconds)
            )
    assert seconds <= searched[0] <= seconds + 2
    assert len(searched) == 3  # after that time, after twice that, and a moment before the time is up


# ── It was refused ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("settle", [0, 120, 600])
async def test_a_refusal_counts_once_searches_have_found_nothing(world: V7World, settle: float) -> None:
    event = failed_event("PO-7", "SKU-NOTFOUND", at=NOON + MINUTE)
    world.after(3, event)
    with pytest.raises(OrderRefusedError, match="SKU-NOTFOUND") as refused:
        await world.orders.place_v7(
            v7("PO-7", "9ZZ999"), events=world.inbox, journal=world.journal, settle=timedelta(seconds=settle)
        )
    assert [it.message for it in refused.value.errors] == ["SKU-NOTFOUND"]
    [sent] = [it.headers["IM-CorrelationID"] for it in world.sandbox.ledger if it.method == "POST" and "v7" in it.path]
    assert refused.value.correlation_id == sent
    assert sent in str(refused.value)
    assert (refused.value.event, refused.value.status, world.sent_v7) == (event, 200, 1)
    assert settle <= world.waits.now - 1000 <= settle + 10
    assert world.searches >= (2 if settle else 1)
    assert await world.orders.recover(world.journal) == ()  # so it can be placed anew
    world.manners.v7_takes = timedelta(0)
    assert (await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal)).order_numbers


async def test_what_is_found_after_all_was_not_refused(world: V7World) -> None:
    world.manners.v7_takes = timedelta(minutes=5)
    world.after(3, failed_event("PO-7", "no", at=NOON + MINUTE))
    placed = await world.orders.place_v7(v7(), events=world.inbox)
    assert placed.known_by == "search"
    assert world.sent_v7 == 1


async def test_an_event_that_it_was_placed_goes_before_one_that_it_was_not(world: V7World) -> None:
    world.manners.index_lag = timedelta(hours=2)
    world.after(3, failed_event("PO-7", "no", at=NOON + MINUTE))
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox))
    await world.come_to(lambda: world.waits.now > 1000 + 60)
    await world.inbox.put(await _event_of_newest(world)())
    assert (await running).known_by == "event"


def _event_of_newest(world: V7World) -> Any:
    """Make the event of what was placed last, also where no search shows it."""

    def newest(orders: Any) -> str:
        return str(orders.connection.execute("SELECT number FROM orders ORDER BY id DESC").fetchone()[0])

    async def event() -> Any:
        return outcome_event("PO-7", await world.sandbox._book._do(newest))

    return event


async def test_a_refusal_beside_an_event_that_it_was_placed_stays_unknown(world: V7World) -> None:
    world.manners.index_lag = timedelta(hours=2)
    world.sandbox.fault = faults.only(faults.failing(404), path="/v6.1/orders/", times=None)
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox, timeout=3600))
    await world.come_to(lambda: world.sent_v7)
    await world.inbox.put(failed_event("PO-7", "forged", at=NOON + MINUTE))
    await world.inbox.put(await _event_of_newest(world)())
    with pytest.raises(OutcomeUnknownError, match="one event says that it was refused, and another that it was placed"):
        await running


async def test_a_refusal_beside_an_event_of_somebody_elses_order_counts(world: V7World) -> None:
    await world.orders.create().order_create_request(order("PO-1")).execute()
    other = (await world.found("PO-1")).ingram_order_number
    running = asyncio.create_task(world.orders.place_v7(v7("PO-7", "9ZZ999"), events=world.inbox))
    await world.come_to(lambda: world.sent_v7)
    await world.inbox.put(outcome_event("PO-7", other))
    await world.inbox.put(failed_event("PO-7", "no", at=NOON + MINUTE))
    with pytest.raises(OrderRefusedError):
        await running


async def test_a_second_refusal_does_not_begin_the_wait_anew(world: V7World) -> None:
    running = asyncio.create_task(world.orders.place_v7(v7("PO-7", "9ZZ999"), events=world.inbox))
    await world.come_to(lambda: world.sent_v7)
    await world.inbox.put(failed_event("PO-7", "no", at=NOON + MINUTE))
    await world.come_to(lambda: world.waits.now > 1000 + 300)
    await world.inbox.put(failed_event("PO-7", "no again", at=NOON + 5 * MINUTE))
    with pytest.raises(OrderRefusedError):
        await running
    assert world.waits.now - 1000 < 640


async def test_no_search_is_made_in_a_hurry_where_none_succeeds(world: V7World) -> None:
    world.after(3, failed_event("PO-7", "no", at=NOON + MINUTE))
    world.sandbox.fault = faults.only(_from(itertools.count(), faults.failing(400)), path="/search", times=None)
    with pytest.raises(OutcomeUnknownError):
        await world.orders.place_v7(v7(), events=world.inbox, settle=timedelta(0), timeout=600)
    assert world.searches < 30


async def test_orders_that_may_be_it_are_not_waited_beside_for_ever(world: V7World) -> None:
    world.sandbox.fault = faults.only(faults.drop, method="POST", path="/v7/orders", times=1)

    async def another() -> None:
        await world.orders.create().order_create_request(order("po-7")).execute()

    world.waits.then = another
    with pytest.raises(OutcomeUnknownError, match="may be it, or not: 20-") as unknown:
        await world.orders.place_v7(v7(), events=world.inbox)
    assert [it.customer_order_number for it in unknown.value.orders] == ["po-7"]
    assert world.waits.now - 1000 < 800


async def test_orders_that_were_there_before_are_none_that_may_be_it(world: V7World) -> None:
    allowed: Any = {"additional_attributes": [DUPLICATE]}
    await world.orders.place_v7(v7(**allowed))
    world.sandbox.fault = faults.only(faults.drop, method="POST", path="/v7/orders", times=1)
    world.after(3, failed_event("PO-7", "no", at=NOON + 5 * MINUTE))
    with pytest.raises(OrderRefusedError):
        await world.orders.place_v7(v7(**allowed), events=world.inbox)


@pytest.mark.parametrize("number", ["po-7", "PO-7X"])
async def test_a_refusal_of_a_number_that_is_written_otherwise_does_not_count(world: V7World, number: str) -> None:
    world.sandbox.fault = faults.only(faults.drop, method="POST", path="/v7/orders", times=1)
    world.after(3, failed_event(number, "no", at=NOON + MINUTE))
    with pytest.raises(OutcomeUnknownError, match="nothing tells"):
        await world.orders.place_v7(v7(), events=world.inbox, timeout=1500)


@pytest.mark.parametrize("why", ["it came before", "it happened before", "the inbox is another"])
async def test_a_refusal_of_another_order_of_that_number_counts_for_nothing(world: V7World, why: str) -> None:
    world.sandbox.fault = faults.only(faults.drop, method="POST", path="/v7/orders", times=1)
    inbox, old = world.inbox, NOON - timedelta(hours=1)
    if why == "it came before":
        await inbox.put(failed_event("PO-7", "no", at=NOON + MINUTE))
    elif why == "it happened before":
        world.after(3, failed_event("PO-7", "no", at=old))
    else:
        with pytest.raises(OutcomeUnknownError):
            await world.orders.place_v7(v7(), events=inbox, journal=world.journal, timeout=30)
        inbox = world.new_inbox("another.db")
        await inbox.put(failed_event("PO-7", "no", at=NOON + MINUTE))
    with pytest.raises(OutcomeUnknownError, match="nothing tells what became of it"):
        await world.orders.place_v7(v7(), events=inbox, journal=world.journal, timeout=1500)
    assert world.sent_v7 == 1


async def test_a_refusal_where_there_is_what_may_be_it_stays_unknown(world: V7World) -> None:
    async def another() -> Any:
        await world.orders.create().order_create_request(order("po-7")).execute()
        return failed_event("PO-7", "no", at=NOON + MINUTE)

    world.sandbox.fault = faults.only(faults.drop, method="POST", path="/v7/orders", times=1)
    world.after(3, another)
    with pytest.raises(OutcomeUnknownError, match="orders of this number that may be it, or not: 20-") as unknown:
        await world.orders.place_v7(v7(), events=world.inbox)
    assert [it.customer_order_number for it in unknown.value.orders] == ["po-7"]


async def test_a_refusal_waits_for_a_search_that_succeeds(world: V7World) -> None:
    world.after(3, failed_event("PO-7", "no", at=NOON + MINUTE))

    async def fails(request: Any, proceed: Any) -> Any:
        late = world.waits.now > 1000 + 550
        broken = late and world.waits.now < 1000 + 2000 and request.path.endswith("/search")
        return await (faults.failing(500) if broken else _as_it_is)(request, proceed)

    world.sandbox.fault = fails
    with pytest.raises(OrderRefusedError):
        await world.orders.place_v7(v7("PO-7", "9ZZ999"), events=world.inbox)
    assert world.waits.now >= 1000 + 2000


async def _as_it_is(_: Any, proceed: Any) -> Any:
    return await proceed()


# ── It is sent once ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", [faults.drop, faults.drop_after_acting, faults.failing(503), faults.failing(500)])
async def test_whatever_comes_of_sending_it_is_not_sent_again(world: V7World, fault: faults.Fault) -> None:
    world.sandbox.fault = faults.only(fault, method="POST", path="/v7/orders", times=None)
    world.manners.index_lag = timedelta(days=1)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal, timeout=3600)
    assert unknown.value.sent_at is not None
    with pytest.raises(OutcomeUnknownError, match="sent by a process that ended"):
        await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal, timeout=3600)
    assert world.sent_v7 == 1
    [left] = await world.orders.recover(world.journal)
    assert (left.customer_order_number, left.attempts) == ("PO-7", 1)


@pytest.mark.parametrize(
    ("status", "error"), [(400, BadRequestError), (401, AuthenticationError)], ids=["refused", "turned away"]
)
async def test_what_the_api_refuses_at_once_is_over(world: V7World, status: int, error: type[Exception]) -> None:
    world.sandbox.fault = faults.only(faults.failing(status), method="POST", path="/v7/orders", times=None)
    with pytest.raises(error):
        await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal)
    assert await world.orders.recover(world.journal) == ()


async def test_a_number_that_was_used_is_told_before_anything_is_sent(world: V7World) -> None:
    await world.orders.create().order_create_request(order("PO-7")).execute()
    with pytest.raises(DuplicateOrderError) as refused:
        await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal)
    assert [it.customer_order_number for it in refused.value.orders] == ["PO-7"]
    assert world.sent_v7 == 0


@pytest.mark.parametrize("left", [0.0, 5.0])
async def test_the_time_that_is_up_before_anything_was_sent_is_told_as_such(world: V7World, left: float) -> None:
    if left:
        world.sandbox.fault = faults.only(_slow(world, 10), path="/search")
    with pytest.raises((DeadlineExceededError, ServerError)):
        await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal, timeout=left)
    assert world.sent_v7 == 0
    assert await world.orders.recover(world.journal) == ()


def _slow(world: World, seconds: float) -> faults.Fault:
    async def slow(request: Any, proceed: Any) -> Any:
        world.waits.now += seconds
        return await faults.failing(503)(request, proceed)

    return slow


# ── The journal ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("told", ["while nobody waited", "after that", "never"])
async def test_a_process_that_ended_is_gone_on_with(world: V7World, told: str) -> None:
    world.manners.v7_takes = timedelta(minutes=1)
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox, journal=world.journal))
    await world.come_to(lambda: world.sent_v7 and world.waits.now > 1000 + 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    world.waits.now += 120
    if told == "while nobody waited":
        await world.inbox.put(await event_of_what_is_there(world)())
    elif told == "after that":
        world.after(3, event_of_what_is_there(world))
    placed = await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal)
    assert world.sent_v7 == 1
    assert placed.known_by == ("search" if told == "never" else "event")
    assert placed.confirmation is not None  # it was kept
    again = await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal)
    assert again == placed
    assert world.sent_v7 == 1


async def test_what_recover_has_settled_is_given(world: V7World) -> None:
    world.manners.v7_takes = timedelta(minutes=10)
    with pytest.raises(OutcomeUnknownError):
        await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal, timeout=60)
    world.waits.now += 1200
    assert await world.orders.recover(world.journal) == ()
    placed = await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal)
    assert (placed.known_by, placed.confirmation) == ("search", None)
    assert placed.order_numbers == ((await world.found()).ingram_order_number,)


async def test_two_at_once_are_one(world: V7World) -> None:
    world.after(30, event_of_what_is_there(world))
    one, other = await asyncio.gather(
        *(world.orders.place_v7(v7(), events=world.inbox, journal=world.journal) for _ in range(2))
    )
    assert one == other
    assert world.sent_v7 == 1


async def test_who_waits_for_another_waits_no_longer_than_asked(world: V7World) -> None:
    world.manners.v7_takes = timedelta(hours=3)
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox, journal=world.journal))
    await world.come_to(lambda: world.sent_v7)
    with pytest.raises(OutcomeUnknownError, match="another is on it, and the time was up"):
        await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal, timeout=30)
    running.cancel()
    await asyncio.wait([running])


async def test_another_order_under_its_number_is_refused_by_the_journal(world: V7World) -> None:
    await world.orders.place_v7(v7(), journal=world.journal)
    with pytest.raises(InvalidRequestError, match="another body"):
        await world.orders.place_v7(v7("PO-7", "2CD102"), journal=world.journal)


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("first", ["v6", "v7"])
async def test_the_same_body_by_the_other_version_is_another_order(world: V7World, first: str, is_open: bool) -> None:
    """Both are byte for byte the same, and v6 would send again what v7 may have taken in."""
    body = OrderCreateRequest(customer_order_number="PO-7", lines=[CreateLine(ingram_part_number="2CD101", quantity=2)])
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "v6": lambda: world.orders.place(body, world.journal, settle=timedelta(0)),
        "v7": lambda: world.orders.place_v7(v7(), journal=world.journal, timeout=30),
    }
    if is_open:
        world.sandbox.fault = faults.only(faults.drop, method="POST", path="/orders", times=None)
    with pytest.raises(OutcomeUnknownError) if is_open else nullcontext():
        await ways[first]()
    sent = len([it for it in world.sandbox.ledger if it.method == "POST"])
    [other] = set(ways) - {first}
    with pytest.raises(InvalidRequestError, match="another body"):
        await ways[other]()
    assert len([it for it in world.sandbox.ledger if it.method == "POST"]) == sent


async def test_a_refusal_is_told_again_and_nothing_is_sent_until_it_is_discarded(world: V7World) -> None:
    world.after(3, failed_event("PO-7", "SKU-NOTFOUND", at=NOON + MINUTE))
    place = functools.partial(world.orders.place_v7, v7("PO-7", "9ZZ999"), events=world.inbox, journal=world.journal)
    with pytest.raises(OrderRefusedError) as refused:
        await place()
    with pytest.raises(OrderRefusedError) as again:  # as a service does that ended before it noted that
        await place()
    assert str(again.value) == str(refused.value)
    assert (again.value.errors, again.value.event) == (refused.value.errors, refused.value.event)
    assert world.sent_v7 == 1
    assert again.value.placement is not None
    await world.journal.discard(again.value.placement)
    with pytest.raises(OutcomeUnknownError):
        await place(timeout=10)
    assert world.sent_v7 == 2
    with pytest.raises(ConfigurationError, match="recover"):  # it was sent since
        await world.journal.discard(again.value.placement)


async def test_a_refusal_that_was_seen_by_an_earlier_call_is_not_waited_out_anew(world: V7World) -> None:
    world.after(3, failed_event("PO-7", "no", at=NOON + MINUTE))
    place = functools.partial(
        world.orders.place_v7, v7("PO-7", "9ZZ999"), events=world.inbox, journal=world.journal, timeout=400
    )
    with pytest.raises(OutcomeUnknownError, match="the time was up, and an event says it was refused"):
        await place()
    with pytest.raises(OrderRefusedError):
        await place()
    assert 600 <= world.waits.now - 1000 <= 620


@pytest.mark.parametrize("is_sent", [True, False])
async def test_an_inbox_that_cannot_be_opened_stops_what_was_not_sent_only(world: V7World, is_sent: bool) -> None:
    if is_sent:
        world.manners.v7_takes = timedelta(minutes=1)
        with pytest.raises(OutcomeUnknownError):
            await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal, timeout=20)
    bad = world.new_inbox("bad.db")
    (world.folder / "bad.db").write_bytes(b"x" * 5000)
    if is_sent:
        placed = await world.orders.place_v7(v7(), events=bad, journal=world.journal)
        assert placed.known_by == "search"
    else:
        with pytest.raises(ConfigurationError):
            await world.orders.place_v7(v7(), events=bad, journal=world.journal)
        assert await world.orders.recover(world.journal) == ()
    assert world.sent_v7 == is_sent


async def test_a_confirmation_that_cannot_be_kept_does_not_cost_the_outcome(
    world: V7World, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.journal:

        async def full(request: Any, proceed: Any) -> Any:
            answer = await proceed()
            if request.method == "POST" and request.path.endswith("/v7/orders"):
                await world.journal._storage.run(lambda connection: connection.execute("PRAGMA query_only = 1"))
            return answer

        world.sandbox.fault = full
        placed = await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal)
    assert (placed.known_by, placed.confirmation) == ("search", None)
    assert "its confirmation cannot be kept" in caplog.text


# ── What is given ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_is_looked_for_as_whom_it_was_placed_for(world: V7World) -> None:
    world.after(3, event_of_what_is_there(world))
    create = world.orders.create_v7().async_order_create_dto(v7()).im_customer_number("20-333333")
    await world.orders.with_defaults(country_code="CA", customer_number="20-9").place_v7(create, events=world.inbox)
    its = [
        it for it in world.sandbox.ledger if "/resellers/" in it.path and it.headers["IM-CustomerNumber"] != "20-222222"
    ]
    assert {it.method for it in its} == {"GET", "POST"}
    assert {it.headers["IM-CustomerNumber"] for it in its} == {"20-333333"}
    assert len(its) >= 3


@pytest.mark.parametrize(
    ("what", "settings", "error"),
    [
        (v7(""), {}, InvalidRequestError), (v7("  "), {}, InvalidRequestError), (v7("x" * 19), {}, InvalidRequestError),
        (v7(" PO-7"), {}, InvalidRequestError), (v7("PO-7\t"), {}, InvalidRequestError),
        (AsyncOrderCreateDTO(), {}, InvalidRequestError), (v7(), {"events": "inbox.db"}, ConfigurationError),
        (v7(), {"journal": "journal.db"}, ConfigurationError), (v7(), {"every": timedelta(0)}, ConfigurationError),
        (v7(), {"settle": 5}, ConfigurationError), (v7(), {"timeout": "soon"}, ConfigurationError),
        (order("PO-1"), {}, TypeError),
    ],
)  # fmt: skip
async def test_what_cannot_be_right_is_told_before_anything_is_sent(
    world: V7World, what: Any, settings: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await world.orders.place_v7(what, **settings)
    assert len(world.sandbox.ledger) == 0


async def test_an_inbox_that_cannot_be_read_does_not_keep_searches_from_finding_it(
    world: V7World, caplog: pytest.LogCaptureFixture
) -> None:
    world.manners.v7_takes = timedelta(seconds=20)
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox))
    await world.come_to(lambda: world.sent_v7)
    await world.inbox._storage.run(lambda connection: connection.execute("ALTER TABLE events RENAME TO away"))
    assert (await running).known_by == "search"
    assert caplog.text.count("no event can be read") == 1


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError)])
async def test_credentials_that_stay_refused_end_the_waiting(
    world: V7World, status: int, error: type[Exception]
) -> None:
    world.manners.v7_takes = timedelta(hours=1)
    world.sandbox.fault = faults.only(_from(itertools.count(), faults.failing(status)), path="/search", times=None)
    with pytest.raises(OutcomeUnknownError, match="it cannot be looked for") as unknown:
        await world.orders.place_v7(v7(), events=world.inbox)
    assert isinstance(unknown.value.__cause__, error)
    assert 600 < world.waits.now - 1000 < 800


async def test_credentials_that_are_refused_for_a_moment_do_not(world: V7World) -> None:
    world.manners.v7_takes = timedelta(minutes=5)
    world.sandbox.fault = faults.only(_from(itertools.count(), faults.failing(401)), path="/search", times=5)
    assert (await world.orders.place_v7(v7(), events=world.inbox)).order_numbers


async def test_a_client_that_is_closed_ends_the_waiting(world: V7World) -> None:
    world.manners.v7_takes = timedelta(hours=1)
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox))
    await world.come_to(lambda: world.sent_v7)
    await world.orders.close()
    with pytest.raises(OutcomeUnknownError, match="it cannot be looked for") as unknown:
        await running
    assert isinstance(unknown.value.__cause__, ConfigurationError)


async def test_a_call_takes_no_longer_than_the_clients_own_time_for_one(world: V7World) -> None:
    asked: list[float | None] = []

    class Noted:
        defaults: Mapping[str, str] = MappingProxyType({})

        async def send(self, request: Any, *, timeout: float | None = None, before_send: Any = None) -> Any:
            asked.append(timeout)

    for total, timeout in [(20.0, None), (20.0, 5.0), (None, None), (None, 200.0)]:
        until = placing_v7._Until(Noted(), 1100.0, lambda: 1000.0, total)
        await until.send(world.orders.search(), timeout=timeout)
    assert asked == [20.0, 5.0, 100.0, 100.0]


def _from(counted: Any, fault: faults.Fault) -> faults.Fault:
    async def after_the_first(request: Any, proceed: Any) -> Any:
        return await (fault(request, proceed) if next(counted) else proceed())

    return after_the_first


def test_what_was_placed_is_told_apart() -> None:
    placed = PlacedOrderV7(customer_order_number="PO-7", orders=(FoundOrder(ingram_order_number="20-1"),), attempts=1)
    assert (placed.known_by, placed.order_numbers) == ("search", ("20-1",))


# ── What one event after another brings about ───────────────────────────────────────────────────────────────────────


async def test_the_event_that_is_given_is_the_one_whose_order_it_is(world: V7World) -> None:
    await world.orders.create().order_create_request(order("PO-1")).execute()
    other = (await world.found("PO-1")).ingram_order_number
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox))
    await world.come_to(lambda: world.sent_v7)
    true = await event_of_what_is_there(world)()
    await world.inbox.put(outcome_event("PO-7", other))
    await world.inbox.put(true)
    assert (await running).event == true


async def test_what_was_never_disproved_stands_against_a_refusal(world: V7World) -> None:
    """Also once it is read no more, and another event has named somebody else's order."""
    await world.orders.create().order_create_request(order("PO-1")).execute()
    other = (await world.found("PO-1")).ingram_order_number
    world.manners.index_lag = timedelta(hours=2)
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox, timeout=4000))
    await world.come_to(lambda: world.sent_v7)
    true = await _event_of_newest(world)()
    number = true.outcome.orders[0].ingram_order_number
    world.sandbox.fault = faults.only(faults.failing(404), path=f"/v6.1/orders/{number}", times=None)
    await world.inbox.put(true)
    await world.come_to(lambda: world.waits.now > 1000 + 700)
    await world.inbox.put(failed_event("PO-7", "no", at=NOON + 10 * MINUTE))
    await world.inbox.put(outcome_event("PO-7", other))
    with pytest.raises(OutcomeUnknownError, match="and another that it was placed"):
        await running


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_what_reading_back_fails_with_once_disproves_nothing(world: V7World, status: int) -> None:
    world.manners.index_lag = timedelta(hours=2)
    world.sandbox.fault = faults.only(faults.failing(status), path="/v6.1/orders/", times=1)
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox, timeout=4000))
    await world.come_to(lambda: world.sent_v7)
    await world.inbox.put(await _event_of_newest(world)())
    await world.inbox.put(failed_event("PO-7", "forged", at=NOON + MINUTE))
    assert (await running).known_by == "event"


async def test_an_order_that_is_said_to_be_there_late_is_read_before_a_refusal_counts(world: V7World) -> None:
    world.manners.index_lag = timedelta(hours=2)
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox, timeout=4000))
    await world.come_to(lambda: world.sent_v7)

    async def lags(request: Any, proceed: Any) -> Any:
        late = "/v6.1/orders/" in request.path and world.waits.now < 1000 + 660
        return await (faults.failing(404) if late else _as_it_is)(request, proceed)

    world.sandbox.fault = lags
    await world.inbox.put(failed_event("PO-7", "forged", at=NOON + MINUTE))
    await world.come_to(lambda: world.waits.now > 1000 + 595)
    await world.inbox.put(await _event_of_newest(world)())
    assert (await running).known_by == "event"


async def test_however_many_events_come_it_is_searched_for(world: V7World) -> None:
    world.manners.v7_takes = timedelta(seconds=30)
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox, timeout=600))
    await world.come_to(lambda: world.sent_v7)

    async def flood() -> None:
        await world.inbox.put(outcome_event("PO-7", "20-00001"))
        world.waits.then = flood

    world.waits.then = flood
    assert (await running).known_by == "search"
    world.waits.then = None
    assert world.waits.now - 1000 < 100


async def test_reading_back_is_not_in_a_hurry_however_often_one_searches(world: V7World) -> None:
    world.sandbox.fault = faults.only(faults.drop, method="POST", path="/v7/orders", times=1)
    world.after(3, outcome_event("PO-7", "20-00001"))
    with pytest.raises(OutcomeUnknownError):
        await world.orders.place_v7(v7(), events=world.inbox, timeout=60, every=timedelta(milliseconds=100))
    assert sum("/v6.1/orders/" in it.path for it in world.sandbox.ledger) < 40
    assert world.searches < 65  # once a second, at most


async def test_credentials_that_are_refused_twice_for_a_moment_end_nothing(world: V7World) -> None:
    world.manners.v7_takes = timedelta(hours=2)

    async def at_times(request: Any, proceed: Any) -> Any:
        now = world.waits.now - 1000
        refused = request.path.endswith("/search") and (10 <= now < 40 or 3000 <= now < 3070)
        return await (faults.failing(401) if refused else _as_it_is)(request, proceed)

    world.sandbox.fault = at_times
    assert (await world.orders.place_v7(v7(), events=world.inbox)).order_numbers


async def test_a_clock_that_is_set_forward_does_not_make_a_refusal_count(world: V7World) -> None:
    jump, hears = [0.0], asyncio.Event()
    inbox = WebhookInbox(world.folder / "jumping.db", clock=lambda: world.seconds() + jump[0], sleep=world.sleep)
    true_outcomes = inbox.outcomes

    async def outcomes(*asked: Any) -> Any:
        await hears.wait()
        return await true_outcomes(*asked)

    setattr(inbox, "outcomes", outcomes)  # noqa: B010
    world.manners.v7_takes = timedelta(minutes=2)
    running = asyncio.create_task(world.orders.place_v7(v7(), events=inbox))
    await world.come_to(lambda: world.sent_v7)
    await inbox.put(failed_event("PO-7", "forged", at=NOON + MINUTE))
    jump[0] = 3600.0
    hears.set()
    assert (await running).known_by == "search"


# ── What is kept of a refusal ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("other", ["is turned away", "is cancelled", "is placed"])
async def test_a_refusal_outlives_what_becomes_of_another_body(world: V7World, other: str) -> None:
    world.after(3, failed_event("PO-7", "no", at=NOON + MINUTE))
    place = functools.partial(world.orders.place_v7, v7("PO-7", "9ZZ999"), events=world.inbox, journal=world.journal)
    with pytest.raises(OrderRefusedError):
        await place()
    another = world.orders.place_v7(v7("PO-7", "2CD102"), journal=world.journal)
    if other == "is turned away":
        world.sandbox.fault = faults.only(faults.failing(400), method="POST", path="/v7/orders", times=1)
        with pytest.raises(BadRequestError):
            await another
    elif other == "is placed":
        assert (await another).order_numbers
    else:
        searches = world.searches
        world.sandbox.fault = faults.only(faults.hang, path="/search", times=1)
        running = asyncio.create_task(another)
        await world.come_to(lambda: world.searches > searches)
        running.cancel()
        await asyncio.wait([running])
        world.sandbox.fault = None
    sent = world.sent_v7
    with pytest.raises(OrderRefusedError) as refused:
        await place()
    assert world.sent_v7 == sent
    assert refused.value.placement is not None
    await world.journal.discard(refused.value.placement)
    with pytest.raises(ConfigurationError):
        await world.journal.discard(refused.value.placement)


async def test_a_refused_order_is_not_sent_by_v6_either(world: V7World) -> None:
    world.manners.v7_takes = timedelta(hours=1)
    world.after(3, failed_event("PO-7", "no", at=NOON + MINUTE))
    with pytest.raises(OrderRefusedError):
        await world.orders.place_v7(v7(), events=world.inbox, journal=world.journal)
    body = OrderCreateRequest(customer_order_number="PO-7", lines=[CreateLine(ingram_part_number="2CD101", quantity=2)])
    with pytest.raises(InvalidRequestError, match="another body"):
        await world.orders.place(body, world.journal, settle=timedelta(0))
    assert world.sent == 0


@pytest.mark.parametrize("how", ["cancelled", "not kept"])
async def test_a_refusal_is_kept_whole_or_not_at_all(world: V7World, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Or what is found to be placed after all would give way to another body, or be discarded."""
    world.manners.v7_takes = timedelta(minutes=20)
    world.after(3, failed_event("PO-7", "forged", at=NOON + MINUTE))
    place = functools.partial(world.orders.place_v7, v7(), events=world.inbox, journal=world.journal)
    stopped = asyncio.Event()

    async def refuse(*_: Any) -> bool:
        stopped.set()
        if how == "not kept":
            raise ConfigurationError("the disk is full")
        return await asyncio.Future[bool]()

    with monkeypatch.context() as patch:
        patch.setattr(world.journal, "refuse", refuse)
        running = asyncio.create_task(place())
        await stopped.wait()
        if how == "cancelled":
            running.cancel()
        await asyncio.wait([running])
    world.waits.now += 1300
    assert (await place()).order_numbers
    with pytest.raises(InvalidRequestError, match="another body"):
        await world.orders.place_v7(v7("PO-7", "3EF202"), journal=world.journal)
    if how == "not kept":
        refused = running.exception()
        assert isinstance(refused, OrderRefusedError)
        assert refused.placement is not None
        with pytest.raises(ConfigurationError):
            await world.journal.discard(refused.placement)
    assert world.sent_v7 == 1
