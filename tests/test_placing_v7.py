"""A v7 create is sent once, and what becomes of it is told by what is proved."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.events import failed_event, outcome_event
from support.placing import DUPLICATE, order
from support.world import NOON, World

from ingram_orders import (
    AsyncLine,
    AsyncOrderCreateDTO,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    DeadlineExceededError,
    DuplicateOrderError,
    FoundOrder,
    InvalidRequestError,
    OrderDetailB2B,
    OrderJournal,
    OrderRefusedError,
    OutcomeUnknownError,
    PlacedOrderV7,
    ServerError,
    WebhookEvent,
    WebhookInbox,
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
        return WebhookInbox(self.folder / name, clock=self.seconds, sleep=self.waits.sleep)

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
    with pytest.raises(OutcomeUnknownError, match="there are orders of this number that may be it: 20-") as unknown:
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
    with pytest.raises(InvalidRequestError, match="another body"):
        await world.orders.place(order("PO-7"), world.journal)


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


async def test_an_inbox_that_cannot_be_read_does_not_keep_searches_from_finding_it(world: V7World) -> None:
    world.manners.v7_takes = timedelta(seconds=20)
    running = asyncio.create_task(world.orders.place_v7(v7(), events=world.inbox))
    await world.come_to(lambda: world.sent_v7)
    await world.inbox._storage.run(lambda connection: connection.execute("ALTER TABLE events RENAME TO away"))
    assert (await running).known_by == "search"


async def test_credentials_that_are_refused_end_the_waiting(world: V7World) -> None:
    world.manners.v7_takes = timedelta(hours=1)
    world.sandbox.fault = faults.only(_from(itertools.count(), faults.failing(401)), path="/search", times=None)
    with pytest.raises(OutcomeUnknownError, match="it cannot be looked for") as unknown:
        await world.orders.place_v7(v7(), events=world.inbox)
    assert isinstance(unknown.value.__cause__, AuthenticationError)


def _from(counted: Any, fault: faults.Fault) -> faults.Fault:
    async def after_the_first(request: Any, proceed: Any) -> Any:
        return await (fault(request, proceed) if next(counted) else proceed())

    return after_the_first


def test_what_was_placed_is_told_apart() -> None:
    placed = PlacedOrderV7(customer_order_number="PO-7", orders=(FoundOrder(ingram_order_number="20-1"),), attempts=1)
    assert (placed.known_by, placed.order_numbers) == ("search", ("20-1",))
