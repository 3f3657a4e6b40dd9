"""The sandbox posts what happens to a URL, as the API does: signed, in every spelling, and going wrong as it may."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import aiohttp
import pytest
from support.placing import HOLD, PARTIAL, Clock, order, placed
from support.receiver import SECRET, Came, Receiver

from ingram_orders import (
    AsyncLine,
    AsyncOrderCreateDTO,
    Attribute,
    OrderCreatedEvent,
    OrderFailedEvent,
    OrdersClient,
    OrderStatus,
    OrderStatusEvent,
    SignatureError,
)
from ingram_orders.sandbox import Manners, Posted, Sandbox, Webhook, events
from ingram_orders.sandbox.posting import FAULTS, signature

EVENT_ID: Final = "N01CIB9VVFYKR9J6ZW"
LATER: Final = "3EF202"
"""What is on back order."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running


@pytest.fixture
async def sandbox(clock: Clock, receiver: Receiver) -> AsyncIterator[Sandbox]:
    async with Sandbox(orders=0, clock=clock, webhook=webhook(receiver)) as running:
        yield running


@pytest.fixture
async def orders(sandbox: Sandbox) -> AsyncIterator[OrdersClient]:
    async with sandbox.client() as client:
        yield client


def webhook(receiver: Receiver, **settings: Any) -> Webhook:
    return Webhook(url=receiver.url, secret=SECRET, **settings)


async def placed_v7(orders: OrdersClient, number: str, *skus: str, attributes: tuple[Attribute, ...] = ()) -> None:
    lines = [AsyncLine(ingram_part_number=sku, quantity=2) for sku in skus]
    body = AsyncOrderCreateDTO(customer_order_number=number, lines=lines, additional_attributes=attributes)
    await orders.create_v7().async_order_create_dto(body).execute()


def status_event(**changes: Any) -> dict[str, Any]:
    """One to be posted by hand."""
    resource = {"eventType": "im::order_shipped", "orderNumber": "20-AAAAA", "customerOrderNumber": "PO-1"}
    return {"topic": "resellers/orders", "event": "im::updated", "eventId": EVENT_ID, "resource": [resource], **changes}


def told(came: list[Came]) -> list[tuple[str | None, str | None]]:
    """Give what kind of event each was, and of which order."""
    return [(it.event_type, it.order_number) for event in came for it in event.read().orders]


# ── The signature ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_signs_as_the_portal_says() -> None:
    vector = "Dd91W54Cdm6jg1kHFoPVuy1uS/ti74xcOpwmRIlfkgpNfTBy/ZzpQGkh6QcoIVO+G3+Lt7XVL7Y+Z7BWuq/1SQ=="
    assert signature(EVENT_ID, "secret") == vector


async def test_an_event_comes_as_json_with_its_signature_in_a_header(
    receiver: Receiver, sandbox: Sandbox, orders: OrdersClient
) -> None:
    number = await placed(orders, order("PO-1", HOLD))
    await sandbox.all_posted()
    [came] = receiver.came
    assert came.content_type == "application/json"
    event = came.read()
    assert isinstance(event, OrderStatusEvent)
    assert re.fullmatch(r"N[A-Z0-9]{17}", event.event_id)
    assert came.signature == signature(event.event_id, SECRET)
    assert [(it.order_number, it.status, it.customer_order_number) for it in event.orders] == [
        (number, OrderStatus.ON_HOLD, "PO-1")
    ]
    assert [it.status for it in event.orders[0].lines] == [OrderStatus.ON_HOLD]
    with pytest.raises(SignatureError):
        came.read("another secret")


# ── What is told ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_change_of_a_status_makes_an_event_and_each_step_one_though_several_are_due(
    receiver: Receiver, sandbox: Sandbox, orders: OrdersClient, clock: Clock
) -> None:
    straight = await placed(orders, order("PO-1"))
    held, freed = [await placed(orders, order(number, HOLD, skus=(LATER,))) for number in ("PO-2", "PO-3")]
    await orders.cancel(held).execute()
    await orders.modify(freed).action_code("release").execute()
    await sandbox.all_posted()
    assert told(receiver.came) == [
        ("im::order_hold", held), ("im::order_hold", freed), ("im::order_voided", held),
        ("im::order_backordered", freed),
    ]  # fmt: skip
    receiver.came.clear()
    clock.move(days=30)
    await sandbox.all_posted()
    assert sorted(told(receiver.came)) == sorted(
        (kind, number) for kind in ("im::order_shipped", "im::order_invoiced") for number in (straight, freed)
    )
    times = [it.read().event_time for it in receiver.came]
    assert clock.now - timedelta(days=30) < times[0] < times[-1] < clock.now


async def test_an_event_says_what_the_details_say(
    receiver: Receiver, sandbox: Sandbox, orders: OrdersClient, clock: Clock
) -> None:
    """All of it, of an order that is sent in two parcels and has software as well."""
    number = await placed(orders, order("PO-1", skus=("1AB003", "4GH301"), quantity=9))
    while not receiver.came:
        clock.move(hours=1)
        await sandbox.all_posted()
    [event] = receiver.read()
    [its], detail = event.orders, await orders.details(number).execute()
    assert its.extra == {}
    assert (its.order_number, its.status, its.customer_order_number) == (number, detail.status, "PO-1")
    assert its.order_entry_time_stamp.replace(tzinfo=None) == detail.ingram_order_date
    assert [it.href for it in its.links] == [f"/resellers/v6.1/orders/{number}"]
    for line, known in zip(its.lines, detail.lines, strict=True):
        assert line.extra == {}
        assert (line.number, line.status, line.sub_order_number, line.ingram_part_number, line.vendor_part_number) == (
            known.ingram_order_line_number, known.status, known.sub_order_number, known.ingram_part_number,
            known.vendor_part_number,
        )  # fmt: skip
        assert (line.requested_quantity, line.shipped_quantity, line.backordered) == (9, 9, 0)
        packages = [
            tracking
            for shipment in known.shipment_details
            for carrier in shipment.carrier_details
            for tracking in carrier.tracking_details
        ]
        assert [it.tracking_number for sent in line.shipment_details for it in sent.package_details] == [
            it.tracking_number for it in packages
        ]
        assert [it.serial_number for it in line.serial_number_details] == [
            serial.serial_number for it in packages for serial in it.serial_numbers
        ]
        assert {it.shipment_date for it in line.shipment_details} == {known.shipment_details[0].shipped_date}
    assert len(its.lines) == 2


async def test_of_orders_that_live_in_every_way_all_changes_are_told_and_none_from_before(
    receiver: Receiver, clock: Clock
) -> None:
    async with (
        Sandbox(orders=300, days=4, clock=clock, webhook=webhook(receiver)) as sandbox,
        sandbox.client() as orders,
    ):
        await sandbox.all_posted()
        assert receiver.came == []
        page = await orders.search().ingram_order_date_bt(["2000-01-01", "2100-01-01"]).page_size(100).execute()
        before = {it.ingram_order_number: it.status for it in page.orders}
        clock.move(days=60)
        await sandbox.all_posted()
        times = [it.event_time for it in receiver.read()]
        assert times == sorted(times)
        kinds: dict[str, list[OrderStatus]] = {}
        for event in receiver.read():
            [its] = event.orders
            kinds.setdefault(its.order_number, []).append(its.status)
        shipped, invoiced = OrderStatus.SHIPPED, OrderStatus.INVOICED
        for number, status in before.items():
            expected = {
                OrderStatus.PROCESSING: [
                    [shipped, invoiced], [shipped, shipped, invoiced], [OrderStatus.BACKORDERED, shipped, invoiced],
                    [OrderStatus.CANCELLED],
                ],
                OrderStatus.BACKORDERED: [[shipped, invoiced]],
                OrderStatus.PARTIALLY_SHIPPED: [[shipped, invoiced]],
                OrderStatus.SHIPPED: [[invoiced]],
                OrderStatus.PARTIALLY_DELIVERED: [[invoiced]],
                OrderStatus.DELIVERED: [[invoiced]],
            }.get(status, [[]])  # fmt: skip
            assert kinds.get(str(number), []) in expected
        assert [shipped, shipped, invoiced] in kinds.values()
        assert len({it.read().event_id for it in receiver.came}) == len(receiver.came)


OUTCOMES: Final[dict[str, tuple[tuple[str, ...], tuple[Attribute, ...], type, int, int, list[OrderStatus]]]] = {
    "all of it": (("2CD101",), (), OrderCreatedEvent, 1, 0, []),
    "a part": (("2CD101", "NOPE"), (), OrderCreatedEvent, 1, 1, []),
    "two orders": (("2CD101", LATER), (), OrderCreatedEvent, 2, 0, [OrderStatus.BACKORDERED]),
    "held": (("2CD101",), (HOLD,), OrderCreatedEvent, 1, 0, [OrderStatus.ON_HOLD]),
    "no line, and that is allowed": (("NOPE",), (PARTIAL,), OrderCreatedEvent, 1, 1, []),
    "no line": (("NOPE", "NEITHER"), (), OrderFailedEvent, 0, 2, []),
}


@pytest.mark.parametrize("when", ["at once", "later", "after the maintenance"])
@pytest.mark.parametrize(
    ("skus", "attributes", "kind", "made", "rejected", "statuses"), OUTCOMES.values(), ids=OUTCOMES
)
async def test_a_v7_create_makes_exactly_one_outcome_and_then_what_its_orders_are(
    receiver: Receiver, sandbox: Sandbox, orders: OrdersClient, clock: Clock, when: str,
    skus: tuple[str, ...], attributes: tuple[Attribute, ...], kind: type, made: int, rejected: int,
    statuses: list[OrderStatus],
) -> None:  # fmt: skip
    if when == "later":
        sandbox.manners = Manners(v7_takes=timedelta(minutes=2))
    sandbox.manners.maintenance = when == "after the maintenance"
    await placed_v7(orders, "PO-7", *skus, attributes=attributes)
    if when != "at once":
        await sandbox.all_posted()
        assert receiver.came == []
        clock.move(minutes=2)
        sandbox.manners.maintenance = False
    await sandbox.all_posted()
    await sandbox.all_posted()
    outcome, *others = receiver.read()
    assert isinstance(outcome, kind)
    assert isinstance(outcome, OrderCreatedEvent | OrderFailedEvent)
    assert outcome.outcome.customer_order_number == "PO-7"
    numbers = [it.ingram_order_number for it in outcome.outcome.orders if it.ingram_order_number]
    found = (await orders.search().customer_order_number("PO-7").execute()).orders
    assert {*numbers} == {it.ingram_order_number for it in found}
    assert len(numbers) == made
    assert sum(len(it.rejected_line_items) for it in outcome.outcome.orders) == rejected
    if isinstance(outcome, OrderFailedEvent):
        assert [it.message for it in outcome.reasons] == [f"SKU-NOTFOUND    {sku}" for sku in skus]
    assert [it.status for event in others for it in event.orders] == statuses
    envelope = json.loads(receiver.came[0].body)
    assert isinstance(envelope, list)
    assert envelope[0]["resource"]["eventType"] == "IM::async_order_create"


async def test_a_v7_create_without_a_line_has_an_outcome_that_names_it(
    receiver: Receiver, sandbox: Sandbox, orders: OrdersClient
) -> None:
    """By bare HTTP: the client would refuse to send it."""
    await orders.search().execute()
    async with aiohttp.ClientSession() as session, session.post(
        f"{sandbox.url}/resellers/v7/orders", headers=dict(sandbox.ledger[-1].headers),
        data=b'{"customerOrderNumber": "PO-7"}',
    ) as answer:  # fmt: skip
        assert answer.status == 200
    await sandbox.all_posted()
    [event] = receiver.read()
    assert isinstance(event, OrderFailedEvent)
    assert event.outcome.customer_order_number == "PO-7"
    assert [(it.message, it.fields[0].field) for it in event.reasons] == [("No line can be ordered", "lines")]


async def test_ids_are_never_given_twice_also_with_a_database_that_was_there(
    receiver: Receiver, clock: Clock, tmp_path: Path
) -> None:
    ids: list[str] = []
    for database in (tmp_path / "orders.db", tmp_path / "orders.db", ":memory:"):
        sandbox = Sandbox(orders=0, clock=clock, webhook=webhook(receiver), database=database)
        async with sandbox, sandbox.client() as orders:
            for number in range(20):
                await placed(orders, order(f"{database} {len(ids)} {number}"[-35:], HOLD))
            await sandbox.all_posted()
        ids = [it.read().event_id for it in receiver.came]
        clock.move(seconds=1)
    assert len({*ids}) == len(ids) == 60


async def test_what_happened_and_nobody_was_there_to_post_is_posted_by_the_next_with_the_same_database(
    receiver: Receiver, clock: Clock, tmp_path: Path
) -> None:
    manners = Manners(v7_takes=timedelta(minutes=2))
    settings: Any = {"orders": 0, "clock": clock, "database": tmp_path / "orders.db", "manners": manners}
    async with Sandbox(**settings) as sandbox, sandbox.client() as orders:
        await placed_v7(orders, "PO-7", "2CD101")
    clock.move(minutes=2)
    async with Sandbox(**settings, webhook=webhook(receiver)):
        await receiver.has(1)
    assert [it.outcome.customer_order_number for it in receiver.read()] == ["PO-7"]


# ── Every spelling ──────────────────────────────────────────────────────────────────────────────────────────────────


async def canonical(orders: OrdersClient, sandbox: Sandbox, receiver: Receiver, clock: Clock) -> dict[str, Any]:
    """Give one event of each kind, as it is published."""
    await placed_v7(orders, "PO-GOOD", "2CD101", "NOPE")
    await placed_v7(orders, "PO-BAD", "NOPE")
    clock.move(days=3)
    await sandbox.all_posted()
    created, failed, shipped = (json.loads(it.body) for it in receiver.came)
    return {"created": created[0], "failed": failed[0], "shipped": shipped}


def quantities(text: str) -> set[str]:
    return {f"{name}{kind}" for name, kind in re.findall(r'"(requestedQuantity|quantityOrdered)": ("?)', text)}


async def test_every_variant_is_met_and_read_as_what_it_is(
    receiver: Receiver, sandbox: Sandbox, orders: OrdersClient, clock: Clock
) -> None:
    spelt = await canonical(orders, sandbox, receiver, clock)
    met: set[str] = set()
    for name, event in spelt.items():
        signed = signature(event["eventId"], SECRET)
        usual: Any = Came(json.dumps(event).encode(), signed, "").read()
        for seed in range(300):
            before = json.dumps(event)
            body = events.written(events.respelt(event, Random(seed)))
            assert json.dumps(event) == before
            read_one: Any = Came(body, signed, "").read()
            assert (type(read_one), read_one.event_id, read_one.topic, read_one.event_time) == (
                type(usual), usual.event_id, usual.topic, usual.event_time,
            )  # fmt: skip
            if isinstance(usual, OrderStatusEvent):
                [its], [known] = read_one.orders, usual.orders
                assert (its.status, its.order_number, its.customer_order_number, its.order_entry_time_stamp) == (
                    known.status, known.order_number, known.customer_order_number, known.order_entry_time_stamp,
                )  # fmt: skip
                assert [(it.number, it.backordered, it.status, it.shipment_details) for it in its.lines] == [
                    (it.number, it.backordered, it.status, it.shipment_details) for it in known.lines
                ]
                assert its.extra == {}
            else:
                assert read_one.outcome.customer_order_number == usual.outcome.customer_order_number != ""
                numbers = [it.ingram_order_number for it in read_one.outcome.orders if it.ingram_order_number]
                assert numbers == [it.ingram_order_number for it in usual.outcome.orders if it.ingram_order_number]
            if isinstance(usual, OrderFailedEvent):
                assert [it.message for it in read_one.reasons] == [it.message for it in usual.reasons]
                met.add("errors" if read_one.outcome.extra else "rejected lines")
            text, shape = body.decode(), json.loads(body)
            [whole] = shape if isinstance(shape, list) else [shape]
            met.add(f"{name}: {type(shape).__name__} of {type(whole['resource']).__name__}")
            met |= {f"{name}: {key}" for its in events.SPELLINGS.values() for key in its if f'"{key}"' in text}
            met |= {f"{name}: {code}" for code in re.findall(r'"(im::|IM::)', text)}
            met |= {f"{name}: {kind}" for kind in quantities(text)}
            met |= {f"{name}: shipmentDetails {kind}" for kind in re.findall(r'"shipmentDetails": (.)', text)}
    shapes = {f"{outer} of {inner}" for outer in ("dict", "list") for inner in ("dict", "list")}
    always = {"eventTimeStamp", "evenTtimeStamp", "eventtimestamp", "customerOrderNumber", "customerPoNumber"}
    always |= {"im::", "IM::", *shapes}
    lines = {"shipmentDetails {", "shipmentDetails ["}
    assert met == {"errors", "rejected lines"} | {
        f"{name}: {it}"
        for name, more in {
            "shipped": {
                "backOrderedQuantity", "backorderedQuantity", "ingramLineNumber", "LineNumber", "lineNumber", *lines,
                "requestedQuantity", 'requestedQuantity"',
            },
            "created": {"ingramLineNumber", *lines, "quantityOrdered", 'quantityOrdered"'},
            "failed": {"quantityOrdered", 'quantityOrdered"'},
        }.items()
        for it in always | more
    }  # fmt: skip


async def test_a_sandbox_posts_variants_where_that_is_asked_for_and_only_there(
    receiver: Receiver, sandbox: Sandbox, orders: OrdersClient
) -> None:
    def shapes() -> set[str]:
        return {re.sub(r"[^\[{]", "", it.body[:1].decode()) for it in receiver.came}

    for number in range(10):
        await placed(orders, order(f"A-{number}", HOLD))
    await sandbox.all_posted()
    assert shapes() == {"{"}
    sandbox.webhook = webhook(receiver, variants=True)
    for number in range(10):
        await placed(orders, order(f"B-{number}", HOLD))
    await sandbox.all_posted()
    assert shapes() == {"{", "["}
    assert {it.customer_order_number for event in receiver.read() for it in event.orders} == {
        f"{letter}-{number}" for letter in "AB" for number in range(10)
    }


# ── What goes wrong ─────────────────────────────────────────────────────────────────────────────────────────────────


def noted(sandbox: Sandbox) -> list[str | None]:
    return [it.fault for it in sandbox.ledger.posted]


async def test_what_goes_well_is_noted_with_what_was_answered(
    receiver: Receiver, sandbox: Sandbox, clock: Clock
) -> None:
    await sandbox.post(status_event())
    [came] = receiver.came
    assert sandbox.ledger.posted == [
        Posted(
            event_id=EVENT_ID, body=came.body, signature=came.signature, fault=None, status=200, at=clock.now
        )
    ]  # fmt: skip
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.url}/_sandbox/ledger") as answer:
        assert (await answer.json())["posted"] == 1
    sandbox.ledger.clear()
    assert sandbox.ledger.posted == []


async def test_what_is_late_comes_when_its_time_has_passed(receiver: Receiver, sandbox: Sandbox, clock: Clock) -> None:
    await sandbox.post(status_event(), fault="late")
    clock.move(seconds=59)
    await sandbox.all_posted()
    assert (receiver.came, noted(sandbox)) == ([], [])
    clock.move(seconds=1)
    await sandbox.all_posted()
    assert [it.event_id for it in receiver.read()] == [EVENT_ID]
    assert noted(sandbox) == ["late"]
    assert sandbox.ledger.posted[0].at == clock.now


async def test_what_comes_twice_is_the_same_twice(receiver: Receiver, sandbox: Sandbox) -> None:
    await sandbox.post(status_event(), fault="twice")
    first, second = receiver.came
    assert first == second
    assert noted(sandbox) == [None, "twice"]


async def test_what_is_out_of_order_comes_after_the_next(receiver: Receiver, sandbox: Sandbox) -> None:
    for event_id, fault in (("A", "out-of-order"), ("B", "lost"), ("C", None), ("D", None)):
        await sandbox.post(status_event(eventId=event_id), fault=fault)
    assert [it.event_id for it in receiver.read()] == ["C", "A", "D"]
    assert noted(sandbox) == ["lost", None, "out-of-order", None]


async def test_of_two_that_are_out_of_order_the_second_is_the_next(receiver: Receiver, sandbox: Sandbox) -> None:
    for event_id in "AB":
        await sandbox.post(status_event(eventId=event_id), fault="out-of-order")
    assert [it.event_id for it in receiver.read()] == ["B", "A"]


async def test_what_is_out_of_order_and_has_no_next_comes_in_the_end(
    receiver: Receiver, sandbox: Sandbox, clock: Clock
) -> None:
    await sandbox.post(status_event(), fault="out-of-order")
    await sandbox.all_posted()
    assert receiver.came == []
    clock.move(minutes=1)
    await sandbox.all_posted()
    assert [it.event_id for it in receiver.read()] == [EVENT_ID]


async def test_what_is_lost_never_comes_and_is_noted(receiver: Receiver, sandbox: Sandbox, clock: Clock) -> None:
    await sandbox.post(status_event(), fault="lost")
    clock.move(days=1)
    await sandbox.all_posted()
    assert receiver.came == []
    [lost] = sandbox.ledger.posted
    assert (lost.event_id, lost.fault, lost.status) == (EVENT_ID, "lost", None)
    assert json.loads(lost.body) == status_event()


async def test_what_has_a_wrong_signature_is_refused_by_who_checks(receiver: Receiver, sandbox: Sandbox) -> None:
    await sandbox.post(status_event(), fault="wrong-signature")
    [came] = receiver.came
    assert len(came.signature) == 88
    with pytest.raises(SignatureError):
        came.read()
    assert [(it.fault, it.signature) for it in sandbox.ledger.posted] == [("wrong-signature", came.signature)]


@pytest.mark.parametrize("kind", ["shipped", "voided", "created", "failed"])
@pytest.mark.parametrize("fault", ["forged", "replayed"])
async def test_a_lie_comes_before_the_truth_or_after_it_with_the_same_id_and_signature(
    receiver: Receiver, sandbox: Sandbox, orders: OrdersClient, clock: Clock, fault: str, kind: str
) -> None:
    known = await canonical(orders, sandbox, receiver, clock)
    voided = json.loads(json.dumps(known["shipped"]).replace("order_shipped", "order_voided"))
    event = {**known, "voided": voided}[kind]
    receiver.came.clear()
    sandbox.ledger.clear()
    told_in_lies: set[object] = set()
    for number in range(20):
        await sandbox.post({**event, "eventId": f"N{number}"}, fault=fault)
        truth, lie = receiver.came[-2:] if fault == "replayed" else receiver.came[-2:][::-1]
        assert noted(sandbox)[-2:] == ([None, fault] if fault == "replayed" else [fault, None])
        assert truth.signature == lie.signature
        assert json.loads(truth.body) == {**event, "eventId": f"N{number}"}
        said: Any = lie.read()
        assert said.event_id == f"N{number}"
        if isinstance(said, OrderStatusEvent):
            [its], [true] = said.orders, truth.read().orders
            assert its.order_number == true.order_number
            told_in_lies.add(its.status)
        else:
            assert said.outcome.customer_order_number == truth.read().outcome.customer_order_number
            numbers = {it.ingram_order_number for it in said.outcome.orders}
            assert numbers.isdisjoint(it.ingram_order_number for it in truth.read().outcome.orders)
            told_in_lies.add(type(said))
    assert (
        told_in_lies
        == {
            "shipped": {OrderStatus.CANCELLED},
            "voided": {OrderStatus.SHIPPED},
            "created": {OrderCreatedEvent, OrderFailedEvent},
            "failed": {OrderCreatedEvent},
        }[kind]
    )


async def test_a_lie_about_a_create_names_an_order_that_is_somebody_elses(
    receiver: Receiver, sandbox: Sandbox, orders: OrdersClient
) -> None:
    """So that it is there, when who was told looks."""
    number = await placed(orders, order("OTHER", HOLD))
    await placed_v7(orders, "PO-BAD", "NOPE")
    await sandbox.all_posted()
    [bad] = json.loads(receiver.came[-1].body)
    await sandbox.post([bad], fault="forged")
    assert [it.ingram_order_number for it in receiver.came[-2].read().outcome.orders] == [number]


async def test_a_lie_can_be_made_of_anything_with_an_id(receiver: Receiver, sandbox: Sandbox) -> None:
    for event in ({"eventId": "A"}, [{"eventId": "B", "resource": "x"}], {"eventId": "C", "resource": []}):
        await sandbox.post(event, fault="forged")
    assert len(receiver.came) == 6


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_happens_by_chance_as_often_as_it_is_said(
    receiver: Receiver, clock: Clock, fault: str
) -> None:
    hook = webhook(receiver, rates={fault: 0.5})
    async with Sandbox(orders=0, clock=clock, webhook=hook, seed=3) as sandbox, sandbox.client() as orders:
        for number in range(30):
            await placed(orders, order(f"PO-{number}", HOLD))
        await sandbox.all_posted()
        clock.move(minutes=1)
        await sandbox.all_posted()
        faults = noted(sandbox)
    assert 5 < faults.count(fault) < 25
    assert {*faults} == {None, fault}
    assert len({it.event_id for it in sandbox.ledger.posted}) == 30


async def test_the_same_seed_and_clock_post_the_same(receiver: Receiver) -> None:
    async def run(seed: int) -> list[Posted]:
        hook = webhook(receiver, variants=True, rates=dict.fromkeys(FAULTS, 0.1))
        clock = Clock()
        async with Sandbox(orders=100, seed=seed, clock=clock, webhook=hook) as sandbox:
            clock.move(days=10)
            await sandbox.all_posted()
            return [*sandbox.ledger.posted]

    assert await run(5) == await run(5) != await run(6)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"rates": {"nope": 0.1}}, "no fault 'nope'; there are late, twice, out-of-order, lost"),
        ({"rates": {"late": 1.5}}, "late=1.5 is not from 0 to 1"),
        ({"rates": {"late": 0.6, "lost": 0.6}}, "1.2 times of once"),
        ({"secret": ""}, "secret of a webhook must not be empty"),
        ({"url": "localhost:8080"}, "must begin with http"),
        ({"url": "http://"}, "must begin with http"),
        ({"url": "http://[x/"}, "must begin with http"),
        ({"url": "http://127.0.0.1:70000/"}, "must begin with http"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Webhook(**{"url": "http://127.0.0.1:1/", "secret": SECRET, **settings})


def test_a_webhook_does_not_show_its_secret() -> None:
    assert SECRET not in repr(Webhook(url="http://127.0.0.1:1/", secret=SECRET))


# ── Who is posted to ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [302, 307, 500])
async def test_what_is_not_taken_is_not_sent_again_or_elsewhere(clock: Clock, status: int) -> None:
    async with Receiver(status=status) as refusing, Sandbox(orders=0, webhook=webhook(refusing)) as sandbox:
        await sandbox.post(status_event())
        await sandbox.all_posted()
        assert len(refusing.came) == 1
        assert [it.status for it in sandbox.ledger.posted] == [status]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://x..y/"])
async def test_where_nobody_answers_that_is_noted_and_all_goes_on(clock: Clock, url: str) -> None:
    nowhere = Webhook(url=url, secret=SECRET)
    async with Sandbox(orders=0, clock=clock, webhook=nowhere) as sandbox, sandbox.client() as orders:
        number = await placed(orders, order("PO-1", HOLD))
        await orders.cancel(number).execute()
        await sandbox.all_posted()
        assert [(it.fault, it.status) for it in sandbox.ledger.posted] == [(None, None)] * 2


async def test_who_does_not_answer_delays_neither_an_answer_nor_the_end(clock: Clock) -> None:
    async with asyncio.timeout(30), Receiver(hangs=True) as slow:
        hook = webhook(slow, timeout=3600)
        async with Sandbox(orders=0, clock=clock, webhook=hook) as sandbox, sandbox.client() as orders:
            await placed(orders, order("PO-1", HOLD))
            await slow.has(1)
            await placed(orders, order("PO-2", HOLD))
            assert sandbox.ledger.posted == []
        assert [it.status for it in sandbox.ledger.posted] == [None]
        assert len(slow.came) == 1


async def test_who_does_not_answer_in_time_is_not_waited_for(clock: Clock) -> None:
    async with Receiver(hangs=True) as slow:
        hook = webhook(slow, timeout=0.05)
        async with Sandbox(orders=0, clock=clock, webhook=hook) as sandbox:
            await sandbox.post(status_event(), fault="twice")
            assert [it.status for it in sandbox.ledger.posted] == [None, None]


async def test_what_the_clock_alone_brings_about_is_posted_with_nobody_asking(receiver: Receiver, clock: Clock) -> None:
    hook = webhook(receiver, tick=0.01)
    async with Sandbox(orders=0, clock=clock, webhook=hook) as sandbox, sandbox.client() as orders:
        number = await placed(orders, order("PO-1"))
        clock.move(days=30)
        await receiver.has(2)
        assert told(receiver.came) == [("im::order_shipped", number), ("im::order_invoiced", number)]


async def test_what_a_request_makes_or_finds_to_have_happened_is_posted_at_once(
    receiver: Receiver, clock: Clock
) -> None:
    hook = webhook(receiver, tick=3600)
    async with Sandbox(orders=0, clock=clock, webhook=hook) as sandbox, sandbox.client() as orders:
        await placed(orders, order("PO-1", HOLD))
        await receiver.has(1)
        await placed(orders, order("PO-2"))
        clock.move(days=30)
        await orders.search().execute()
        await receiver.has(3)


async def test_who_waits_and_is_cancelled_loses_no_event(clock: Clock) -> None:
    async with Receiver(hangs=True) as slow:
        hook = webhook(slow)
        async with Sandbox(orders=0, clock=clock, webhook=hook) as sandbox:
            waiting = asyncio.create_task(sandbox.post(status_event()))
            await slow.has(1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            slow.go_on()
            await sandbox.all_posted()
            assert [it.status for it in sandbox.ledger.posted] == [200]


async def test_a_webhook_may_be_set_changed_and_taken_away_while_it_runs(receiver: Receiver, clock: Clock) -> None:
    async with Receiver() as another, Sandbox(orders=0, clock=clock) as sandbox, sandbox.client() as orders:
        assert sandbox.webhook is None
        await placed(orders, order("PO-0", HOLD))
        for number, hook in enumerate([webhook(receiver), webhook(another), None, webhook(receiver)], 1):
            sandbox.webhook = hook
            assert sandbox.webhook == hook
            sandbox.webhook = hook
            names = [it.get_coro().__qualname__ for it in asyncio.all_tasks()]  # type: ignore[union-attr]
            assert names.count("Poster.run") == 1
            await placed(orders, order(f"PO-{number}", HOLD))
            await sandbox.all_posted()
    assert [it.orders[0].customer_order_number for it in receiver.read()] == ["PO-1", "PO-4"]
    assert [it.orders[0].customer_order_number for it in another.read()] == ["PO-2"]


async def test_nothing_can_be_posted_to_nobody_or_by_what_does_not_run(receiver: Receiver) -> None:
    sandbox = Sandbox(orders=0)
    for coroutine in (sandbox.all_posted, lambda: sandbox.post(status_event())):
        with pytest.raises(RuntimeError, match="does not run"):
            await coroutine()
    async with sandbox:
        await sandbox.all_posted()
        with pytest.raises(RuntimeError, match="there is no webhook"):
            await sandbox.post(status_event())
        sandbox.webhook = webhook(receiver)
        with pytest.raises(ValueError, match="no fault 'nope'"):
            await sandbox.post(status_event(), fault="nope")
    sandbox.webhook = None
    async with sandbox:
        sandbox.webhook = webhook(receiver)
        await sandbox.post(status_event())
    assert len(receiver.came) == 1


async def test_an_index_that_lags_changes_nothing_of_what_is_posted(receiver: Receiver, clock: Clock) -> None:
    manners = Manners(index_lag=timedelta(hours=1))
    hook = webhook(receiver)
    async with Sandbox(orders=0, clock=clock, webhook=hook, manners=manners) as sandbox, sandbox.client() as orders:
        number = await placed(orders, order("PO-1"))
        clock.move(days=30)
        await sandbox.all_posted()
    assert told(receiver.came) == [("im::order_shipped", number), ("im::order_invoiced", number)]


async def test_the_time_of_an_event_is_the_worlds_and_not_the_markets(receiver: Receiver, clock: Clock) -> None:
    offsets = set()
    for seed in range(8):
        hook = webhook(receiver)
        async with Sandbox(orders=0, clock=clock, webhook=hook, quirks=True, seed=seed) as sandbox:
            async with sandbox.client() as orders:
                await placed(orders, order("PO-1", HOLD))
            await sandbox.all_posted()
        event = receiver.came[-1].read()
        [its] = event.orders
        assert event.event_time == clock.now == its.order_entry_time_stamp
        assert event.data["eventTimeStamp"] == "2026-06-30T12:00:00.000Z"
        assert isinstance(its.order_entry_time_stamp, datetime)
        offsets.add(its.order_entry_time_stamp.utcoffset())
    assert len(offsets) == 3
