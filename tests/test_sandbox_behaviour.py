"""What the sandbox can be made to do: time, quotas, tokens, quirks, lies, faults; and that the client copes with it."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Literal

import aiohttp
import attrs
import pytest
from aiohttp import web
from support.clients import ONCE
from support.placing import ALL_TIME, HOLD, PARTIAL, Clock, order, placed
from support.receiver import SECRET, Receiver
from support.waiting import Waits

from ingram_orders import (
    AsyncLine,
    AsyncOrderCreateDTO,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    CreateLine,
    DetailShipment,
    DuplicateOrderError,
    ModifyLine,
    ModifyShipTo,
    NotFoundError,
    OrderCreatedEvent,
    OrderCreateRequest,
    OrderDetailB2B,
    OrderFailedEvent,
    OrderModifyRequest,
    OrderModifyResponse,
    OrdersClient,
    OrderStatus,
    OutcomeUnknownError,
    RateLimitedError,
    ServerError,
    structure,
)
from ingram_orders.fields import wire_names
from ingram_orders.sandbox import Manners, Product, Quota, Sandbox, Webhook
from ingram_orders.sandbox.quirks import EMPTY, NULL_OR_ABSENT
from ingram_orders.sandbox.refusals import UNAUTHORIZED


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[Sandbox]:
    async with Sandbox(orders=30, clock=clock) as running:
        yield running


@pytest.fixture
async def orders(sandbox: Sandbox) -> AsyncIterator[OrdersClient]:
    async with sandbox.client() as client:
        yield client


# ── Time ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_is_shipped_delivered_and_invoiced_as_time_passes(orders: OrdersClient, clock: Clock) -> None:
    number, seen = await placed(orders, order("NEW-1", skus=("2CD101", "1AB001"))), []
    detail = OrderDetailB2B()
    for _ in range(10):
        detail = await orders.details(number).execute()
        [found] = (await orders.search().customer_order_number("NEW-1").execute()).orders
        assert found.order_status == detail.order_status
        if detail.status not in seen:
            seen.append(detail.status)
        clock.move(days=1)
    assert seen == [OrderStatus.PROCESSING, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.INVOICED]
    carrier = detail.lines[0].shipment_details[0].carrier_details[0]
    assert carrier.tracking_details[0].serial_numbers
    assert detail.lines[0].shipment_details[0].invoice_number


async def test_seeded_orders_are_met_in_every_state_and_their_quantities_add_up(clock: Clock) -> None:
    async with Sandbox(orders=200, clock=clock) as sandbox, sandbox.client() as orders:
        statuses = set()
        for page in (1, 2):
            found = await orders.search().ingram_order_date_bt(ALL_TIME).page_size(100).page_number(page).execute()
            for each in found.orders:
                statuses.add(each.status)
                detail = await orders.details(each.ingram_order_number or "").execute()
                for line in detail.lines:
                    shipped = sum(shipment.quantity or 0 for shipment in line.shipment_details)
                    assert shipped <= (line.quantity_ordered or 0)
                    if line.status is OrderStatus.SHIPPED:
                        assert shipped == line.quantity_ordered
                pieces = sum(
                    len(package.serial_numbers)
                    for line in detail.lines
                    for shipment in line.shipment_details
                    for carrier in shipment.carrier_details
                    for package in carrier.tracking_details
                )
                sent = sum(
                    carrier.quantity or 0
                    for line in detail.lines
                    for shipment in line.shipment_details
                    for carrier in shipment.carrier_details
                )
                assert pieces == sent
                for part in each.sub_orders:
                    its = {line.status for line in detail.lines if line.sub_order_number == part.sub_order_number}
                    assert part.status in its if len(its) == 1 else part.status is detail.status
    assert statuses == {
        OrderStatus.PROCESSING, OrderStatus.ON_HOLD, OrderStatus.BACKORDERED, OrderStatus.PARTIALLY_SHIPPED,
        OrderStatus.SHIPPED, OrderStatus.PARTIALLY_DELIVERED, OrderStatus.DELIVERED, OrderStatus.INVOICED,
        OrderStatus.CANCELLED,
    }  # fmt: skip


async def test_a_held_order_waits_for_its_release(orders: OrdersClient, clock: Clock) -> None:
    number = await placed(orders, order("NEW-1", HOLD))
    clock.move(hours=23)
    assert (await orders.details(number).execute()).status is OrderStatus.ON_HOLD
    await orders.modify(number).action_code("release").execute()
    clock.move(days=20)
    assert (await orders.details(number).execute()).status is OrderStatus.INVOICED


async def test_an_order_cannot_be_changed_after_a_day(orders: OrdersClient, clock: Clock) -> None:
    number = await placed(orders, order("NEW-1", HOLD))
    clock.move(hours=24, seconds=1)
    with pytest.raises(BadRequestError, match="over 24 hours ago"):
        await orders.modify(number).order_modify_request(OrderModifyRequest(notes="x")).execute()
    await orders.cancel(number).execute()


async def test_it_does_not_matter_when_one_looks(clock: Clock) -> None:
    """Each step comes at its own time, whether somebody looked before or not."""

    async def told_at_the_end(looks: int) -> list[str]:
        clock = Clock()
        async with Sandbox(orders=40, clock=clock) as sandbox, sandbox.client() as orders:
            search = orders.search().ingram_order_date_bt(ALL_TIME).page_size(100)
            found = await search.execute()
            for _ in range(looks):
                clock.move(hours=240 / looks)
                found = await search.execute()
            bodies = [await orders.details(it.ingram_order_number or "").execute_with_response() for it in found.orders]
            return sorted(it.body.decode() for it in bodies)

    assert await told_at_the_end(1) == await told_at_the_end(40)


async def test_what_is_late_comes_with_the_date_it_was_due(clock: Clock) -> None:
    manners = Manners(v7_takes=timedelta(minutes=2), index_lag=timedelta(minutes=5))
    async with Sandbox(orders=0, clock=clock, manners=manners) as sandbox, sandbox.client() as orders:
        body = AsyncOrderCreateDTO(
            customer_order_number="NEW-7", lines=[AsyncLine(ingram_part_number="2CD101", quantity=1)]
        )
        await orders.create_v7().async_order_create_dto(body).execute()
        clock.move(days=10)
        [found] = (await orders.search().customer_order_number("NEW-7").execute()).orders
        assert found.ingram_order_date == datetime(2026, 6, 30, 12, 2, tzinfo=UTC)
        detail = await orders.details(found.ingram_order_number or "").execute()
        assert found.status is detail.status is OrderStatus.INVOICED


async def test_a_second_change_within_the_lag_shows_no_earlier_than_its_own(clock: Clock) -> None:
    manners = Manners(index_lag=timedelta(minutes=5))
    async with Sandbox(orders=0, clock=clock, manners=manners) as sandbox, sandbox.client() as orders:
        number = await placed(orders, order("NEW-1", HOLD))
        clock.move(minutes=4)
        await orders.cancel(number).execute()
        for minutes, status in ((1, OrderStatus.ON_HOLD), (3, OrderStatus.ON_HOLD), (1, OrderStatus.CANCELLED)):
            clock.move(minutes=minutes)
            [found] = (await orders.search().customer_order_number("NEW-1").execute()).orders
            assert found.status is status


@pytest.mark.parametrize("held", [False, True])
async def test_what_is_not_in_stock_is_on_back_order_from_the_start(orders: OrdersClient, held: bool) -> None:
    number = await placed(orders, order("NEW-1", *[HOLD] * held, skus=("3EF202",)))
    if held:
        await orders.modify(number).action_code("release").execute()
    detail = await orders.details(number).execute()
    [line] = detail.lines
    assert detail.status is line.status is OrderStatus.BACKORDERED
    assert (line.quantity_confirmed, line.quantity_back_ordered) == (0, 2)


async def test_lines_notes_stay_unless_they_are_changed(orders: OrdersClient) -> None:
    lines = [CreateLine(ingram_part_number="2CD101", quantity=1, notes="fragile")]
    number = await placed(
        orders, OrderCreateRequest(customer_order_number="NEW-1", lines=lines, additional_attributes=[HOLD])
    )
    changes = [
        (ModifyLine(ingram_line_number="001", add_update_delete_line="UPDATE", quantity=5), "fragile"),
        (ModifyLine(ingram_line_number="001", add_update_delete_line="UPDATE", quantity=5, notes=""), ""),
    ]
    for line, notes in changes:
        changed = await orders.modify(number).order_modify_request(OrderModifyRequest(lines=[line])).execute()
        assert changed.lines[0].notes == notes


async def test_some_seeded_orders_on_hold_can_still_be_changed(orders: OrdersClient) -> None:
    held = (await orders.search().order_status("ON HOLD").page_size(100).execute()).orders
    results = []
    for each in held:
        request = orders.modify(each.ingram_order_number or "").action_code("release")
        results.append(await asyncio.gather(request.execute(), return_exceptions=True))
    kinds = {type(result) for [result] in results}
    assert OrderModifyResponse in kinds


DIGITS = "9" * 4000
ODD_BODIES = {
    "what looks like a date": '{"customerOrderNumber": "2026-xx-yyTzzzzzzzzz", "notes": "2026-01-99T00:00:00", '
    '"lines": [{"ingramPartNumber": "2CD101", "quantity": 1, "notes": "2026-01-99T00:00:00"}]}',
    "keys of an answer": '{"customerOrderNumber": "P", "shipToInfo": {"carrierDetails": [{}, {}], "city": "X"}, '
    '"lines": [{"ingramPartNumber": "2CD101", "quantity": 1, "shipmentDetails": [[]]}]}',
    "endless numbers": f'{{"customerOrderNumber": "P", "shipToInfo": {{"city": "X", "postalCode": "{DIGITS}"}}, '
    f'"lines": [{{"ingramPartNumber": "2CD101", "quantity": 1, "customerLineNumber": "{DIGITS}"}}]}}',
    "an address of numbers": '{"customerOrderNumber": "P", "endUserInfo": {"companyName": 7, "city": 1e999}, '
    '"lines": [{"ingramPartNumber": "2CD101", "quantity": 1}]}',
    "fractions everywhere": '{"customerOrderNumber": "P", "lines": [{"ingramPartNumber": "2CD101", "quantity": 1}], '
    '"shipToInfo": {"lat": 1.5, "companyName": 2.5}, "endUserInfo": {"companyName": 1.5}}',
    "a deep nest": '{"customerOrderNumber": "P", "lines": ' + '[{"lines": ' * 985 + "[]" + "}]" * 985 + "}",
    "half a character": '{"customerOrderNumber": "P\\ud800"}',
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
@pytest.mark.parametrize("quirks", [False, True])
@pytest.mark.parametrize("path", ["/resellers/v6/orders", "/resellers/v7/orders"])
async def test_no_odd_body_breaks_the_sandbox(clock: Clock, path: str, body: str, quirks: bool) -> None:
    """Nor is what it was placed with found to break it later; of what v7 takes in, one outcome can be read."""
    manners = Manners(v7_takes=timedelta(minutes=2))
    async with (
        Receiver() as receiver,
        Sandbox(orders=0, clock=clock, manners=manners, quirks=quirks) as sandbox,
        sandbox.client() as orders,
    ):
        sandbox.webhook = Webhook(url=receiver.url, secret=SECRET, variants=quirks)
        await orders.search().execute()
        headers = {**sandbox.ledger[-1].headers}
        async with aiohttp.ClientSession() as session, session.post(
            sandbox.url + path, data=body, headers=headers
        ) as answer:  # fmt: skip
            assert answer.status in {200, 201, 400}
        clock.move(minutes=3)
        await sandbox.all_posted()
        outcomes = [it for it in receiver.read() if isinstance(it, OrderCreatedEvent | OrderFailedEvent)]
        assert len(outcomes) == (answer.status == 200)
        for found in (await orders.search().execute()).orders:
            await orders.details(found.ingram_order_number or "").execute()


@pytest.mark.parametrize("kind", ["text/plain; charset=nope", "multipart/form-data", "multipart/form-data; boundary=x"])
async def test_a_form_that_is_none_is_refused(sandbox: Sandbox, kind: str) -> None:
    async with aiohttp.ClientSession() as session, session.post(
        f"{sandbox.url}/oauth/oauth20/token", data=b"--y\r\n", headers={"Content-Type": kind}
    ) as answer:  # fmt: skip
        assert answer.status in {400, 401}


async def test_an_index_that_lags_finds_late_what_details_know(clock: Clock) -> None:
    manners = Manners(index_lag=timedelta(minutes=5))
    async with Sandbox(orders=3, clock=clock, manners=manners) as sandbox, sandbox.client() as orders:
        number = await placed(orders, order("PO-LATE"))
        assert (await orders.details(number).execute()).customer_order_number == "PO-LATE"
        search = orders.search().customer_order_number("PO-LATE")
        assert (await search.execute()).orders == ()
        clock.move(minutes=5)
        assert [it.ingram_order_number for it in (await search.execute()).orders] == [number]


async def test_v7_places_later_what_it_confirms(clock: Clock) -> None:
    manners = Manners(v7_takes=timedelta(minutes=2))
    async with Sandbox(orders=0, clock=clock, manners=manners) as sandbox, sandbox.client() as orders:
        for number, sku in (("PO-GOOD", "4GH301"), ("PO-BAD", "NOPE")):
            body = AsyncOrderCreateDTO(
                customer_order_number=number, lines=[AsyncLine(ingram_part_number=sku, quantity=1)]
            )
            assert (await orders.create_v7().async_order_create_dto(body).execute()).confirmation_number
        assert (await orders.search().customer_order_number("PO-").execute()).orders == ()
        clock.move(minutes=2)
        found = await orders.search().customer_order_number("PO-").execute()
        assert [it.customer_order_number for it in found.orders] == ["PO-GOOD"]


async def test_at_night_v6_fails_and_v7_queues(orders: OrdersClient, sandbox: Sandbox) -> None:
    sandbox.manners.maintenance = True
    with pytest.raises(ServerError):
        await orders.search().execute()
    with pytest.raises(OutcomeUnknownError):
        await placed(orders, order("NEW-1"))
    body = AsyncOrderCreateDTO(
        customer_order_number="PO-N", lines=[AsyncLine(ingram_part_number="4GH301", quantity=1)]
    )  # fmt: skip
    await orders.create_v7().async_order_create_dto(body).execute()
    sandbox.manners.maintenance = False
    assert len((await orders.search().customer_order_number("PO-N").execute()).orders) == 1


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_one_purchase_order_may_become_two_orders(orders: OrdersClient) -> None:
    """What is in stock, and what is not."""
    created = await orders.create().order_create_request(order("PO-SPLIT", skus=("2CD101", "3EF202"))).execute()
    assert created.order_split
    assert created.purchase_order_total == sum(it.order_total or 0 for it in created.orders)
    found = await orders.search().customer_order_number("PO-SPLIT").execute()
    assert {it.ingram_order_number for it in found.orders} == {it.ingram_order_number for it in created.orders}
    assert len(created.orders) == 2


async def test_a_partial_order_may_have_no_line_at_all(orders: OrdersClient) -> None:
    answer = await (
        orders.create().order_create_request(order("PO-NONE", PARTIAL, skus=("NOPE",))).execute_with_response()
    )
    assert answer.status == 207
    [created] = answer.model.orders
    assert (created.lines, len(created.rejected_line_items)) == ((), 1)
    assert (await orders.details(created.ingram_order_number or "").execute()).lines == ()


async def test_duplicates_are_refused_by_v6_unless_that_is_switched_off(orders: OrdersClient, sandbox: Sandbox) -> None:
    first = await placed(orders, order("NEW-1"))
    with pytest.raises(DuplicateOrderError):
        await placed(orders, order("NEW-1"))
    sandbox.manners.refuses_duplicates = False
    assert await placed(orders, order("NEW-1")) != first


async def test_orders_are_numbered_and_paid_for_as_their_market_does(clock: Clock) -> None:
    markets: list[tuple[Literal["US", "SAP"], str, str]] = [
        ("US", r"20-[A-Z0-9]{5}", "US"),
        ("SAP", r"\d{10}", "DE"),
    ]
    for market, form, country in markets:
        async with Sandbox(orders=60, market=market, clock=clock) as sandbox, sandbox.client() as orders:
            page = await orders.search().ingram_order_date_bt(ALL_TIME).page_size(100).execute()
            currencies = set()
            for each in page.orders:
                number = each.ingram_order_number or ""
                assert re.fullmatch(form, number)
                detail = await orders.details(number).execute()
                currencies.add(detail.currency_code)
                assert detail.ship_to_info is not None
                assert detail.ship_to_info.country_code == country
                part = each.sub_orders[0].sub_order_number or ""
                assert (await orders.details(part).execute()).lines[0].sub_order_number == part
            assert len(currencies) > 1


async def test_a_file_keeps_the_orders_and_another_file_is_refused(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "orders.db"
    async with Sandbox(orders=5, database=file, clock=clock) as sandbox, sandbox.client() as orders:
        number = await placed(orders, order("PO-KEPT"))
    async with Sandbox(orders=99, seed=7, database=file, clock=clock) as sandbox, sandbox.client() as orders:
        assert (await orders.details(number).execute()).customer_order_number == "PO-KEPT"
        page = await orders.search().ingram_order_date_bt(ALL_TIME).execute()
        assert page.records_found == 6
    file.write_text("not a database, by far", "utf-8")
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        async with Sandbox(database=file):
            pass


async def test_a_file_of_another_market_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "orders.db"
    async with Sandbox(orders=1, database=file, market="SAP"):
        pass
    with pytest.raises(ConfigurationError, match="of the market of DE, not of US"):
        async with Sandbox(orders=1, database=file):
            pass


async def test_what_can_be_ordered_can_be_chosen(clock: Clock) -> None:
    mine = Product("MINE-1", vendor="MY VENDOR", part="MV-1", description="MY PRODUCT", cents=1999, grams=0)
    async with Sandbox(orders=3, products=[mine], clock=clock) as sandbox, sandbox.client() as orders:
        number = await placed(orders, order("NEW-1", skus=("MINE-1",), quantity=3))
        [line] = (await orders.details(number).execute()).lines
        assert (line.part_description, line.extended_price) == ("MY PRODUCT", Decimal("59.97"))
        page = await orders.search().vendor_name("my vendor").ingram_order_date_bt(ALL_TIME).execute()
        assert page.records_found == 4  # the seeded ones are of it, too
        with pytest.raises(BadRequestError):
            await placed(orders, order("NEW-2"))
    with pytest.raises(ValueError, match="one at least"):
        Sandbox(products=[])


async def test_a_lines_number_is_not_given_twice(orders: OrdersClient) -> None:
    number = await placed(orders, order("NEW-1", HOLD, skus=("2CD101", "1AB001")))
    add = ModifyLine(ingram_part_number="2CD102", add_update_delete_line="ADD", quantity=1)
    for line, left in (
        (ModifyLine(ingram_line_number="002", add_update_delete_line="DELETE"), ["001"]),
        (add, ["001", "003"]),
    ):
        await orders.modify(number).order_modify_request(OrderModifyRequest(lines=[line])).execute()
        detail = await orders.details(number).execute()
        assert [it.ingram_order_line_number for it in detail.lines] == left


CHANGES: dict[str, tuple[ModifyLine, str]] = {
    "a product that nobody knows": (ModifyLine(add_update_delete_line="ADD", ingram_part_number="X", quantity=1), "EN"),
    "none of a product": (ModifyLine(add_update_delete_line="ADD", ingram_part_number="2CD101", quantity=0), "EQ"),
    "too many": (ModifyLine(add_update_delete_line="UPDATE", ingram_line_number="001", quantity=10_000), "EQ"),
    "nothing new": (ModifyLine(add_update_delete_line="UPDATE", ingram_line_number="001"), "EQ"),
    "a line that is not there": (ModifyLine(add_update_delete_line="DELETE", ingram_line_number="009"), "EL"),
    "no action": (ModifyLine(ingram_line_number="001", quantity=1), "EA"),
}


@pytest.mark.parametrize(("line", "code"), CHANGES.values(), ids=CHANGES)
async def test_a_change_that_cannot_be_made_is_told_with_its_code_and_changes_nothing(
    orders: OrdersClient, sandbox: Sandbox, line: ModifyLine, code: str
) -> None:
    number = await placed(orders, order("NEW-1", HOLD))
    before = await orders.details(number).execute()
    answer = await orders.modify(number).order_modify_request(OrderModifyRequest(lines=[line])).execute_with_response()
    [refused] = answer.model.rejected_line_items
    assert (answer.status, refused.reject_code, refused.quantity_ordered) == (200, code, line.quantity or 0)
    assert await orders.details(number).execute() == before
    assert [it.operation for it in sandbox.ledger.writes] == ["create"]


async def test_an_address_that_is_none_is_refused_and_the_lines_are_changed_all_the_same(orders: OrdersClient) -> None:
    number = await placed(orders, order("NEW-1", HOLD))
    where = (await orders.details(number).execute()).ship_to_info
    nowhere = ModifyShipTo(country_code="NOWHERE", city="BOISE")
    with pytest.raises(BadRequestError, match="shipToAddress"):
        await orders.modify(number).order_modify_request(OrderModifyRequest(ship_to_info=nowhere)).execute()
    line = ModifyLine(ingram_line_number="001", add_update_delete_line="UPDATE", quantity=5)
    change = OrderModifyRequest(ship_to_info=nowhere, lines=[line])
    answer = await orders.modify(number).order_modify_request(change).execute_with_response()
    detail = await orders.details(number).execute()
    assert (answer.status, detail.lines[0].quantity_ordered, detail.ship_to_info) == (207, 5, where)


@pytest.mark.parametrize(("quantity", "code", "told"), [("10000", "EQ", 10_000), ("2.0", None, 2), ("-1", "EQ", 0)])
async def test_a_quantity_is_read_however_it_is_written(
    orders: OrdersClient, quantity: str, code: str | None, told: int
) -> None:
    line = structure({"ingramPartNumber": "1AB001", "quantity": quantity}, CreateLine)
    body = attrs.evolve(order("NEW-1"), lines=[*(order("NEW-1").lines or ()), line])
    [created] = (await orders.create().order_create_request(body).execute()).orders
    rejected = [(it.reject_code, it.quantity_ordered) for it in created.rejected_line_items]
    assert rejected == ([] if code is None else [(code, told)])
    if code is None:
        assert created.lines[1].quantity_ordered == told


@pytest.mark.parametrize(
    ("word", "statuses"),
    [
        ("IM::SHIPPED", {OrderStatus.SHIPPED}),
        ("IM::PARTIALLY_SHIPPED", {OrderStatus.SHIPPED, OrderStatus.PROCESSING}),
        ("IM::HOLD", {OrderStatus.ON_HOLD}),
        ("IM::INVOICED", {OrderStatus.INVOICED}),
        ("IM::NOTHING", {OrderStatus.BACKORDERED}),
    ],
)
async def test_a_status_can_be_simulated_and_changes_nothing(
    orders: OrdersClient, word: str, statuses: set[OrderStatus]
) -> None:
    number = await placed(orders, order("NEW-1", skus=("3EF202", "2CD101"), quantity=9))
    parts = (await orders.search().customer_order_number("NEW-1").execute()).orders
    [number] = [it.ingram_order_number or "" for it in parts if it.status is OrderStatus.BACKORDERED]
    before = await orders.details(number).execute()
    simulated = await orders.details(number).simulate_status(word).execute()
    assert {line.status for line in simulated.lines} <= statuses | {simulated.status}
    if word != "IM::PARTIALLY_SHIPPED":
        assert {simulated.status} == statuses
    assert await orders.details(number).execute() == before


async def test_an_orders_day_tells_it_from_another_of_its_number(orders: OrdersClient) -> None:
    number = await placed(orders, order("NEW-1"))
    assert (await orders.details(number).ingram_order_date("2026-06-30").execute()).ingram_order_number == number
    with pytest.raises(NotFoundError):
        await orders.details(number).ingram_order_date("2026-06-29").execute()


async def test_many_pieces_go_in_two_parcels_and_each_is_found(orders: OrdersClient, clock: Clock) -> None:
    number = await placed(orders, order("NEW-1", quantity=11))
    clock.move(days=5)
    [line] = (await orders.details(number).execute()).lines
    [shipment] = line.shipment_details
    assert [it.quantity for it in shipment.carrier_details] == [6, 5]
    packages = [package for carrier in shipment.carrier_details for package in carrier.tracking_details]
    serials = [serial.serial_number for package in packages for serial in package.serial_numbers]
    assert len({*serials}) == 11
    for search in (
        *(orders.search().tracking_number(it.tracking_number or "") for it in packages),
        *(orders.search().serial_number(it or "") for it in serials),
    ):
        assert [it.ingram_order_number for it in (await search.execute()).orders] == [number]


def holds(detail: OrderDetailB2B, name: str, value: Any) -> bool:
    """Tell whether a filter finds an order, by all that is known of it: slowly, and without an index."""
    shipments = [it for line in detail.lines for it in line.shipment_details]
    carriers = [carrier for it in shipments for carrier in it.carrier_details]
    packages = [package for it in carriers for package in it.tracking_details]
    days = {
        "ship_date_bt": {it.shipped_date for it in shipments},
        "invoice_date_bt": {it.invoice_date for it in shipments},
        "delivery_date_bt": {it.delivered_date for it in carriers},
    }
    if name in days:
        return any(isinstance(day, date) and value[0] <= day.isoformat() <= value[1] for day in days[name])
    words = {
        "order_status_in": {detail.order_status},
        "ingram_part_number": {it.ingram_part_number for it in detail.lines},
        "vendor_part_number": {it.vendor_part_number for it in detail.lines},
        "vendor_name": {it.vendor_name for it in detail.lines},
        "special_bid_number": {it.special_bid_number for it in detail.lines} - {""},
        "tracking_number": {it.tracking_number for it in packages},
        "serial_number": {serial.serial_number for it in packages for serial in it.serial_numbers},
    }
    if name in words:
        return not words[name].isdisjoint(value if isinstance(value, list) else [value])
    placed = str(detail.ingram_order_date)[:10]
    if name.startswith("ingram_order_date"):
        first, last = value if isinstance(value, list) else (value, value)
        return bool(first <= placed <= last)
    return str(getattr(detail, name) or "").startswith(value)


async def test_filters_find_together_what_each_of_them_finds_and_nothing_else(clock: Clock) -> None:
    async with Sandbox(orders=150, seed=5, clock=clock) as sandbox, sandbox.client() as orders:
        everything = orders.search().ingram_order_date_bt(ALL_TIME).page_size(100)
        found = [it for page in (1, 2) for it in (await everything.page_number(page).execute()).orders]
        details = [await orders.details(it.ingram_order_number or "").execute() for it in found]
        pick, sizes = Random(5), []
        for _ in range(300):
            first, last = sorted(pick.randrange(40) for _ in "12")
            days = [(clock.now - timedelta(days=it)).date().isoformat() for it in (last, first)]
            one = pick.choice(details)
            line = pick.choice(one.lines)
            values: dict[str, Any] = {
                "order_status_in": pick.sample(["SHIPPED", "PROCESSING", "INVOICED", "ON HOLD", "BACKORDERED"], 2),
                "ingram_part_number": line.ingram_part_number,
                "vendor_part_number": line.vendor_part_number,
                "vendor_name": line.vendor_name,
                "special_bid_number": line.special_bid_number or "BID-1",
                "customer_order_number": (one.customer_order_number or "")[: pick.randrange(3, 8)],
                "end_customer_order_number": (one.end_customer_order_number or "EU-")[: pick.randrange(3, 8)],
                "ingram_order_date": str(one.ingram_order_date)[:10],
                **{f"{kind}_date_bt": days for kind in ("ship", "invoice", "delivery", "ingram_order")},
            }
            for carrier in (carrier for it in line.shipment_details for carrier in it.carrier_details):
                [package] = carrier.tracking_details
                values["tracking_number"] = package.tracking_number
                values["serial_number"] = pick.choice(package.serial_numbers).serial_number
            wanted = {name: values[name] for name in pick.sample(sorted(values), pick.randrange(1, 4))}
            search = orders.search().page_size(100)
            for name, value in wanted.items():
                search = getattr(search, name)(value)
            numbers = [
                it.ingram_order_number
                for page in (1, 2)
                for it in (await search.page_number(page).execute()).orders
            ]  # fmt: skip
            expected = {it.ingram_order_number for it in details if all(holds(it, *each) for each in wanted.items())}
            assert (len(numbers), {*numbers}) == (len(expected), expected), wanted
            sizes.append(len(numbers))
        assert min(sizes) == 0
        assert sum(size > 1 for size in sizes) > 100


# ── Tokens, quotas, lies, faults ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", UNAUTHORIZED)
async def test_a_token_is_refused_in_every_shape(sandbox: Sandbox, shape: str) -> None:
    class Wrong:
        async def token(self) -> str:
            return "wrong"

        def drop(self, token: str) -> None: ...

    sandbox.unauthorized = shape
    async with sandbox.client(token_source=Wrong()) as orders:
        with pytest.raises(AuthenticationError) as refused:
            await orders.search().execute()
    assert refused.value.errors[0].message


async def test_another_token_ends_the_one_before_where_that_is_asked_for(clock: Clock) -> None:
    async with (
        Sandbox(orders=1, one_token=True, clock=clock) as sandbox,
        sandbox.client() as first,
        sandbox.client() as second,
    ):
        await first.search().execute()
        await second.search().execute()
        assert (await first.search().execute_with_response()).attempts == 2


async def test_a_quota_slides_and_says_when_to_come_back(clock: Clock) -> None:
    quota = Quota(calls=3, seconds=60)
    async with (
        Sandbox(orders=3, clock=clock, quota=quota) as sandbox,
        sandbox.client(retry=ONCE, **Waits().settings) as orders,
    ):
        for left in (2, 1, 0):
            answer = await orders.search().execute_with_response()
            assert answer.headers["X-RateLimit-Remaining"] == str(left)
            clock.move(seconds=10)
        with pytest.raises(RateLimitedError, match="too many requests") as refused:
            await orders.search().execute()
        assert refused.value.retry_after == 31  # the first of the three leaves the window then, a second rounded up
        await placed(orders, order("NEW-1"))  # writes are not counted
        await orders.details(await placed(orders, order("PO-2"))).execute()  # nor is another route
        clock.move(seconds=30)
        await orders.search().execute()  # the first of the three has left the window
        with pytest.raises(RateLimitedError):
            await orders.search().execute()


async def test_with_the_quirks_a_quota_is_told_in_every_way_that_is_known(clock: Clock) -> None:
    told = set()
    async with (
        Sandbox(orders=1, clock=clock, quota=Quota(calls=1), quirks=True) as sandbox,
        sandbox.client(retry=ONCE, **Waits().settings) as orders,
    ):
        await orders.search().execute()
        for _ in range(6):
            with pytest.raises(RateLimitedError) as refused:
                await orders.search().execute()
            told.add((refused.value.status, refused.value.errors[0].message))
    in_production = "The quota limit exceeds for calls on your API app."
    assert told == {(429, "too many requests"), (429, in_production), (403, in_production)}


async def test_records_found_can_be_told_to_lie(orders: OrdersClient, sandbox: Sandbox) -> None:
    truth = (await orders.search().execute()).records_found
    lies: list[int | None] = [0, 7, None]
    sandbox.records_found = lambda _: lies[0]
    while lies:
        assert (await orders.search().execute()).records_found == lies[0]
        lies.pop(0)
    assert truth


@pytest.mark.parametrize("acts", [False, True])
async def test_a_fault_answers_in_the_place_of_the_api_before_or_after_it_has_acted(
    orders: OrdersClient, sandbox: Sandbox, acts: bool
) -> None:
    async def fault(request: web.Request, proceed: Callable[[], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        if request.method != "POST" or "v6" not in request.path:
            return await proceed()
        if acts:
            await proceed()
        return web.Response(status=502, text="<html>")

    sandbox.fault = fault
    with pytest.raises(OutcomeUnknownError):
        await placed(orders, order("NEW-1"))
    assert len((await orders.search().customer_order_number("NEW-1").execute()).orders) == acts
    assert len(sandbox.ledger.writes) == acts


def test_a_401_has_one_of_the_shapes_that_are_known() -> None:
    with pytest.raises(ValueError, match="must be one of fault, flat fault"):
        Sandbox().unauthorized = "typo"


async def test_the_ledger_tells_what_acted_here_and_to_other_programs(orders: OrdersClient, sandbox: Sandbox) -> None:
    number = await placed(orders, order("NEW-1", HOLD))
    await orders.modify(number).order_modify_request(OrderModifyRequest(notes="x")).execute()
    await orders.modify(number).action_code("release").im_correlation_id("mine").execute()
    with pytest.raises(DuplicateOrderError):
        await placed(orders, order("NEW-1"))
    writes = sandbox.ledger.writes
    assert [(it.operation, it.order_numbers) for it in writes] == [
        ("create", (number,)), ("modify", (number,)), ("release", (number,)),
    ]  # fmt: skip
    assert {it.customer_order_number for it in writes} == {"NEW-1"}
    assert writes[2].correlation_id == "mine"
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.url}/_sandbox/ledger") as answer:
        figures = await answer.json()
    assert figures["requests"] == 5
    assert [it["operation"] for it in figures["writes"]] == ["create", "modify", "release"]
    sandbox.ledger.clear()
    assert (sandbox.ledger, sandbox.ledger.writes) == ([], [])


# ── Quirks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


SEED = 2
"""One for which every quirk is met."""


def told(model: Any) -> Any:
    """Give what a model says, without what a quirk may take away, add, or say otherwise."""
    if isinstance(model, DetailShipment):
        return [model.quantity, model.shipped_date, model.invoice_number, carried(model)]
    class_: Any = type(model)
    if attrs.has(class_):
        names = wire_names(class_)
        return {
            name: OrderStatus.of(value) if name.endswith("status") else told(value)
            for name, wire in names.items()
            if wire not in NULL_OR_ABSENT | {*EMPTY.values()} and (value := getattr(model, name)) is not None
        }
    return [told(item) for item in model] if isinstance(model, tuple) else model


def carried(shipment: DetailShipment) -> list[Any]:
    """Give who carried what, whether each carrier is told by itself or several as one."""
    carriers = shipment.carrier_details
    packages = [package for carrier in carriers for package in carrier.tracking_details]
    return [
        {code for it in carriers for code in re.split(", ?", it.carrier_code or "")},
        {it.delivered_date for it in carriers},
        sum(it.quantity or 0 for it in carriers),
        sum(int(it.quantity_in_box or 0) for it in packages),
        sum(Decimal(it.package_weight or 0) for it in packages),
        {number for it in packages for number in re.split(", ?", it.tracking_number or "")},
        {number.serial_number for it in packages for number in it.serial_numbers},
    ]


async def test_refusals_come_in_every_odd_shape_and_are_told_all_the_same(clock: Clock) -> None:
    bodies = set()
    async with Sandbox(orders=1, clock=clock, quirks=True) as sandbox, sandbox.client() as orders:
        for number in range(200):
            with pytest.raises(NotFoundError) as refused:
                await orders.details(f"20-{number}").execute()
            body = refused.value.body
            bodies.add(re.sub(rb'"(id|traceid)": "\w+"', b"", body))
            assert "Order not found." in str(refused.value) or body.startswith(b"<html>") or not body
    assert len(bodies) == 9


async def test_the_client_reads_the_same_whatever_the_quirks(clock: Clock) -> None:
    """And every quirk is met."""
    raw: list[str] = []
    extra: set[str] = set()
    async with Sandbox(orders=100, seed=SEED, clock=clock, quirks=True) as sandbox, sandbox.client() as orders:
        search = orders.search().ingram_order_date_bt(ALL_TIME).page_size(100)
        sandbox.quirks = False
        page = (await search.execute()).orders
        details = [await orders.details(it.ingram_order_number or "").execute() for it in page]
        sandbox.quirks = True
        bent = await search.execute_with_response()
        raw.append(bent.body.decode())
        assert told(bent.model.orders) == told(page)
        for found, detail in zip(page, details, strict=True):
            answer = await orders.details(found.ingram_order_number or "").execute_with_response()
            assert told(answer.model) == told(detail)
            raw.append(answer.body.decode())
            for line in answer.model.lines:
                extra |= line.extra.keys()
    text = "".join(raw)
    assert page
    assert extra == {"globalSkuId", "vendorNumber", "lineNumber", "lineType"}
    assert re.search(r'"trackingNumber": "1Z\d+, ?1Z\d+"', text)
    assert re.search(r'"carrierCode": "\w\w, ?\w\w"', text)
    for quirk in (
        '"carrierDetails": {', '"carrierDetails": [', '"links": {', '"notes": null', "IM::", "im::", "In Progress",
        "CANCELED", '.00"', '.000"', '"miscellaneousCharges": null', '"orderTotal": "', '"postalCode": 8',
        '"serviceContractInfo": {}',
    ):  # fmt: skip
        assert quirk in text, quirk


async def test_the_quirks_know_every_form_of_a_date_and_an_order_is_found_by_the_day_it_shows(clock: Clock) -> None:
    forms = set()
    for seed in range(12):
        async with Sandbox(orders=20, seed=seed, clock=clock, quirks=True) as sandbox, sandbox.client() as orders:
            for found in (await orders.search().ingram_order_date_bt(ALL_TIME).execute()).orders:
                number = found.ingram_order_number or ""
                answer = await orders.details(number).execute_with_response()
                day = str(found.ingram_order_date)[:10]
                assert isinstance(found.ingram_order_date, datetime)
                # As recorded: the same digits, with the offset and without.
                assert answer.model.ingram_order_date == found.ingram_order_date.replace(tzinfo=None)
                assert (await orders.details(number).ingram_order_date(day).execute()).ingram_order_number == number
                days = await orders.search().ingram_order_date(day).execute_with_response()
                assert number in {it.ingram_order_number for it in days.model.orders}
                for body in (answer.body.decode(), days.body.decode()):
                    forms |= {re.sub(r"\d", "0", it) for it in re.findall(r'"ingramOrderDate": "(.*?)"', body)}
    bare = {"0000-00-00T00:00:00", "0000-00-00T00:00:00.00", "0000-00-00T00:00:00.000"}
    assert forms == {form + zone for form in bare for zone in ("", "Z", "+00:00", "-00:00")}


async def test_two_creates_of_one_sandbox_are_bent_each_in_its_way(clock: Clock) -> None:
    bodies = set()
    async with Sandbox(orders=0, clock=clock, quirks=True) as sandbox, sandbox.client() as orders:
        for number in range(20):
            request = orders.create().order_create_request(order(f"P-{number}"))
            body = (await request.execute_with_response()).body.decode()
            bodies.add(('"shipmentDetails": {' in body, '"links": {' in body))
    assert len(bodies) == 4
