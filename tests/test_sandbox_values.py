"""What the sandbox's answers say, in numbers: amounts, weights, counts, days; and what they leave out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
from support.placing import ALL_TIME, HOLD, PARTIAL, Clock, order, placed

from ingram_orders import (
    AsyncLine,
    AsyncOrderCreateDTO,
    BadRequestError,
    CreateLine,
    EndUser,
    ModifyShipTo,
    OrderCreateRequest,
    OrderDetailB2B,
    OrderModifyRequest,
    OrdersClient,
    OrderStatus,
    ShipTo,
    structure,
)
from ingram_orders.sandbox import Manners, Product, Quota, Sandbox

SWITCH = Product("SWITCH", cents=1050, grams=2_000)
LATE = Product("LATE", cents=333, grams=1_000, in_stock=False)
CODE = Product("CODE", cents=99, grams=0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[Sandbox]:
    async with Sandbox(orders=0, clock=clock, products=[SWITCH, LATE, CODE]) as running:
        yield running


@pytest.fixture
async def orders(sandbox: Sandbox) -> AsyncIterator[OrdersClient]:
    async with sandbox.client() as client:
        yield client


async def test_a_create_answer_adds_up(orders: OrdersClient) -> None:
    lines = [
        CreateLine(ingram_part_number="SWITCH", quantity=3, customer_line_number="A"),
        CreateLine(ingram_part_number="LATE", quantity=2, customer_line_number="B"),
        CreateLine(ingram_part_number="NOPE", quantity=1, customer_line_number="C"),
        CreateLine(ingram_part_number="SWITCH", quantity=1, unit_price=Decimal("0.07"), customer_line_number="D"),
    ]
    answer = await orders.create().order_create_request(
        OrderCreateRequest(customer_order_number="P", lines=lines)
    ).execute()  # fmt: skip
    here, later = answer.orders
    assert [(it.customer_line_number, it.unit_price, it.extended_unit_price) for it in here.lines + later.lines] == [
        ("A", Decimal("10.5"), Decimal("31.5")), ("D", Decimal("0.07"), Decimal("0.07")),
        ("B", Decimal("3.33"), Decimal("6.66")),
    ]  # fmt: skip
    assert (here.order_total, later.order_total) == (Decimal("31.57"), Decimal("6.66"))
    assert answer.purchase_order_total == Decimal("38.23")
    counts = [(it.number_of_lines_with_success, it.number_of_lines_with_error) for it in answer.orders]
    assert counts == [(2, 1), (1, 0)]
    assert [len(it.rejected_line_items) for it in answer.orders] == [1, 0]
    assert [(it.quantity_confirmed, it.quantity_back_ordered) for it in later.lines] == [(0, 2)]
    assert answer.processed_partially


async def test_details_and_search_add_up(orders: OrdersClient) -> None:
    number = await placed(orders, order("P", skus=("SWITCH", "CODE", "SWITCH"), quantity=3))
    detail = await orders.details(number).execute()
    assert (detail.order_sub_total, detail.freight_charges, detail.order_total) == (
        Decimal("65.97"), Decimal(0), Decimal("65.97"),
    )  # fmt: skip
    assert [it.unit_weight for it in detail.lines] == [Decimal("4.41"), Decimal(0), Decimal("4.41")]  # pounds
    assert detail.total_weight == Decimal("26.46")
    [charge] = detail.miscellaneous_charges
    assert (charge.charge_description, charge.charge_amount) == ("FREE FREIGHT", Decimal(0))
    [found] = (await orders.search().customer_order_number("P").execute()).orders
    assert [(it.sub_order_number, it.sub_order_total) for it in found.sub_orders] == [
        (f"{number}-11", Decimal("63.0")), (f"{number}-12", Decimal("2.97")),
    ]  # fmt: skip
    part = await orders.details(f"{number}-12").execute()
    assert [it.ingram_part_number for it in part.lines] == ["CODE"]
    assert (await orders.details(number.lower()).execute()) == detail


async def test_weights_are_kilograms_where_the_market_has_them(clock: Clock) -> None:
    async with Sandbox(orders=0, clock=clock, products=[SWITCH], market="SAP") as sandbox, sandbox.client() as orders:
        [line] = (await orders.details(await placed(orders, order("P", skus=("SWITCH",)))).execute()).lines
        assert (line.unit_weight, line.weight_uom) == (Decimal(2), "KG")


async def test_freight_counts_to_the_total_and_is_told_as_a_charge(clock: Clock) -> None:
    async with Sandbox(orders=60, clock=clock) as sandbox, sandbox.client() as orders:
        found = (await orders.search().ingram_order_date_bt(ALL_TIME).page_size(100).execute()).orders
        details = [await orders.details(it.ingram_order_number or "").execute() for it in found]
    charged = [it for it in details if it.freight_charges]
    assert 3 < len(charged) < 30
    for each in charged:
        assert each.order_total == (each.order_sub_total or 0) + (each.freight_charges or 0)
        sent = any(line.unit_weight for line in each.lines)
        assert [it.charge_amount for it in each.miscellaneous_charges] == [each.freight_charges] * sent


async def test_what_was_on_back_order_is_not_once_it_is_sent(orders: OrdersClient, clock: Clock) -> None:
    number = await placed(orders, order("P", skus=("LATE",)))
    seen, detail = [], OrderDetailB2B()
    for _ in range(20):
        detail = await orders.details(number).execute()
        [line] = detail.lines
        assert (line.quantity_back_ordered, bool(line.back_order_eta_date)) == (
            (2, True) if detail.status is OrderStatus.BACKORDERED else (0, False)
        )
        seen.append(detail.status)
        clock.move(days=1)
    assert 6 <= seen.count(OrderStatus.BACKORDERED) <= 13  # not at once, as what is in stock
    [shipment] = detail.lines[0].shipment_details
    assert isinstance(shipment.shipped_date, date)
    assert shipment.estimated_delivery_date == shipment.shipped_date + timedelta(days=3)


async def test_a_line_that_must_not_wait_is_rejected_where_it_would(orders: OrdersClient) -> None:
    lines = [CreateLine(ingram_part_number=it, quantity=1) for it in ("SWITCH", "LATE")]
    body = OrderCreateRequest(customer_order_number="P", lines=lines, accept_back_order=False)
    [created] = (await orders.create().order_create_request(body).execute()).orders
    assert [it.reject_code for it in created.rejected_line_items] == ["EB"]


async def test_seeded_orders_are_partly_delivered_only_where_a_part_was_and_another_not(clock: Clock) -> None:
    partly = 0
    async with Sandbox(orders=400, clock=clock) as sandbox, sandbox.client() as orders:
        search = orders.search().ingram_order_date_bt(ALL_TIME).page_size(100)
        for page in range(1, 5):
            for found in (await search.page_number(page).execute()).orders:
                detail = await orders.details(found.ingram_order_number or "").execute()
                carriers = [it for line in detail.lines for one in line.shipment_details for it in one.carrier_details]
                delivered = {bool(it.delivered_date) for it in carriers}
                if detail.status is OrderStatus.PARTIALLY_DELIVERED:
                    partly += 1
                    assert delivered == {True, False}
                if detail.status is OrderStatus.SHIPPED:
                    assert True not in delivered
                    assert {it.status for it in detail.lines} == {OrderStatus.SHIPPED}
                for line in detail.lines:
                    its = [bool(it.delivered_date) for one in line.shipment_details for it in one.carrier_details]
                    if line.status is OrderStatus.DELIVERED:
                        assert all(its)
                    elif its and all(its):
                        assert line.status is OrderStatus.INVOICED
    assert partly


async def test_a_quote_is_about_the_last_product_and_orders_are_placed_as_they_came(clock: Clock) -> None:
    manners = Manners(v7_takes=timedelta(minutes=1))
    async with (
        Sandbox(orders=0, clock=clock, products=[SWITCH, CODE], manners=manners) as sandbox,
        sandbox.client() as orders,
    ):
        for number in ("Q-1", "Q-2", "Q-3"):
            dto = AsyncOrderCreateDTO(customer_order_number=number, quote_number="Q")
            await orders.create_v7().async_order_create_dto(dto).execute()
        clock.move(minutes=2)
        assert (await orders.search().execute()).records_found == 3
        again = [
            await sandbox._book._storage.run(lambda it: it.execute("SELECT po FROM orders ORDER BY id").fetchall())
        ]
        assert again == [[("Q-1",), ("Q-2",), ("Q-3",)]]
        [found] = (await orders.search().customer_order_number("Q-2").execute()).orders
        [line] = (await orders.details(found.ingram_order_number or "").execute()).lines
        assert line.ingram_part_number == "CODE"


async def test_v7_takes_in_at_night_and_places_when_it_is_over(
    orders: OrdersClient, sandbox: Sandbox, clock: Clock
) -> None:
    dto = AsyncOrderCreateDTO(customer_order_number="N", lines=[AsyncLine(ingram_part_number="CODE", quantity=1)])
    sandbox.manners.maintenance = True
    await orders.create_v7().async_order_create_dto(dto).execute()
    clock.move(hours=3)
    sandbox.manners.maintenance = False
    [found] = (await orders.search().execute()).orders
    assert found.ingram_order_date == clock.now


async def test_an_index_whose_lag_is_shortened_does_not_go_back(
    orders: OrdersClient, sandbox: Sandbox, clock: Clock
) -> None:
    number = await placed(orders, order("P", HOLD, skus=("SWITCH",)))
    sandbox.manners.index_lag = timedelta(hours=1)
    await orders.modify(number).order_modify_request(OrderModifyRequest(notes="x")).execute()
    clock.move(minutes=1)
    sandbox.manners.index_lag = timedelta(minutes=10)
    await orders.cancel(number).execute()
    for minutes, status in ((5, OrderStatus.ON_HOLD), (6, OrderStatus.CANCELLED), (60, OrderStatus.CANCELLED)):
        clock.move(minutes=minutes)
        [found] = (await orders.search().execute()).orders
        assert found.status is status


async def test_an_index_whose_lag_is_switched_off_does_not_go_back_either(
    orders: OrdersClient, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.manners.index_lag = timedelta(hours=1)
    await placed(orders, order("P", skus=("SWITCH",)))
    clock.move(minutes=10)
    sandbox.manners.index_lag = timedelta(0)
    clock.move(days=3)
    [found] = (await orders.search().execute()).orders
    assert found.status is (await orders.details(found.ingram_order_number or "").execute()).status
    assert found.status is not OrderStatus.PROCESSING


async def test_a_line_is_known_by_its_vendors_number(orders: OrdersClient) -> None:
    line = AsyncLine(vendor_part_number="A-1", quantity=1)
    dto = AsyncOrderCreateDTO(customer_order_number="P", lines=[line])
    await orders.create_v7().async_order_create_dto(dto).execute()
    [found] = (await orders.search().execute()).orders
    [made] = (await orders.details(found.ingram_order_number or "").execute()).lines
    assert made.ingram_part_number == "SWITCH"


async def test_a_quota_lets_calls_through_again_also_where_the_clock_went_back(clock: Clock) -> None:
    async with Sandbox(orders=1, clock=clock, quota=Quota(calls=2)) as sandbox, sandbox.client() as orders:
        for _ in range(2):
            await orders.search().execute()
        clock.move(hours=-5)
        await orders.search().execute()


@pytest.mark.parametrize("length", [35, 36])
async def test_a_purchase_order_number_is_of_35_characters_at_most(
    sandbox: Sandbox, orders: OrdersClient, length: int
) -> None:
    """By bare HTTP: the client would refuse to send more."""
    await orders.search().execute()
    body = {"customerOrderNumber": "x" * length, "lines": [{"ingramPartNumber": "CODE", "quantity": 1}]}
    assert await status_of(sandbox, "POST", "/resellers/v6/orders", json=body) == (201 if length == 35 else 400)


async def status_of(sandbox: Sandbox, method: str, path: str, *, sender: str = "me", **more: Any) -> int:
    """Make a call by bare HTTP with the token of the last one."""
    names = ("Authorization", "IM-CustomerNumber", "IM-CountryCode", "IM-CorrelationID")
    headers = {**{name: sandbox.ledger[-1].headers[name] for name in names}, "IM-SenderID": sender}
    headers.update(more.pop("headers", {}))
    async with aiohttp.ClientSession() as session, session.request(
        method, sandbox.url + path, headers=headers, **more
    ) as answer:  # fmt: skip
        if answer.status != 413:
            assert answer.headers["IM-SenderID"] == sender
        return answer.status


ONE = {"ingramPartNumber": "CODE", "quantity": 1}
REQUESTS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "a sender of 32 characters": ("GET", "/resellers/v6/orders/search", {"sender": "x" * 32}, 200),
    "a sender of 33": ("GET", "/resellers/v6/orders/search", {"sender": "x" * 33}, 400),
    "a filter twice": ("GET", "/resellers/v6/orders/search?vendorName=A&vendorName=B", {}, 400),
    "a list twice": ("GET", "/resellers/v6/orders/search?orderStatus-in=A&orderStatus-in=B", {}, 204),
    "an empty number": ("GET", "/resellers/v6/orders/search?customerOrderNumber=", {}, 204),
    "what is not compressed as it says": (
        "POST", "/resellers/v6/orders", {"data": b"{}", "headers": {"Content-Encoding": "gzip"}}, 400,
    ),
    "a price of three decimals": (
        "POST", "/resellers/v6/orders",
        {"json": {"customerOrderNumber": "P", "lines": [{**ONE, "unitPrice": 1.005}]}}, 400,
    ),
    "a price with a mark": (
        "POST", "/resellers/v6/orders",
        {"json": {"customerOrderNumber": "P", "lines": [{**ONE, "unitPrice": "1_0"}]}}, 400,
    ),
    "a quantity with an exponent": (
        "POST", "/resellers/v6/orders",
        {"data": '{"customerOrderNumber": "P", "lines": [{"ingramPartNumber": "CODE", "quantity": 1e1}]}'}, 201,
    ),
    "a town that is a list": (
        "POST", "/resellers/v6/orders", {"json": {"customerOrderNumber": "P", "shipToInfo": {"city": ["X"]}}}, 400,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "more", "status"), REQUESTS.values(), ids=REQUESTS)
async def test_a_request_is_answered_as_it_deserves(
    sandbox: Sandbox, orders: OrdersClient, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    await placed(orders, order("BEFORE", skus=("CODE",)))
    before = len(sandbox.ledger)
    assert await status_of(sandbox, method, path, **more) == status
    assert len(sandbox.ledger) == before + 1


async def test_a_page_holds_25_orders_unless_it_says_otherwise_and_ties_come_by_number(clock: Clock) -> None:
    async with Sandbox(orders=0, clock=clock, products=[CODE]) as sandbox, sandbox.client() as orders:
        numbers = [await placed(orders, order(f"P-{it}", skus=("CODE",))) for it in range(40)]
        pages = [await orders.search().page_number(page).execute() for page in (1, 2)]
        assert [len(page.orders) for page in pages] == [25, 15]
        shown = [it.ingram_order_number for page in pages for it in page.orders]
        assert shown == sorted(numbers, reverse=True)  # all of one second


async def test_the_twenty_days_begin_with_a_day(orders: OrdersClient, clock: Clock) -> None:
    await placed(orders, order("P", skus=("CODE",)))
    for days, found in ((20, 1), (1, 0)):
        clock.move(days=days)
        assert len((await orders.search().execute()).orders) == found


async def test_what_a_change_says_nothing_of_stays_and_what_is_empty_is_taken_away(orders: OrdersClient) -> None:
    body = OrderCreateRequest(
        customer_order_number="P",
        notes="note",
        ship_to_info=ShipTo(address_line1="1 ROAD", city="OSLO", country_code="NO", postal_code="0150"),
        end_user_info=EndUser(company_name="THEY"),
        additional_attributes=[HOLD],
        lines=[CreateLine(ingram_part_number="CODE", quantity=1)],
    )
    number = await placed(orders, body)
    changes: list[tuple[OrderModifyRequest, str | None, str]] = [
        (OrderModifyRequest(ship_to_info=ModifyShipTo(city="BERGEN")), "note", "BERGEN"),
        (structure({"shipToInfo": {"city": None}, "notes": "new"}, OrderModifyRequest), "new", "BERGEN"),
        (OrderModifyRequest(ship_to_info=ModifyShipTo(city=" "), notes="kept"), "kept", "BERGEN"),
        (OrderModifyRequest(notes=""), "", "BERGEN"),
    ]
    detail = OrderDetailB2B()
    for change, notes, city in changes:
        await orders.modify(number).order_modify_request(change).execute()
        detail = await orders.details(number).execute()
        assert detail.ship_to_info is not None
        assert (detail.notes, detail.ship_to_info.city, detail.ship_to_info.postal_code) == (notes, city, "0150")
    assert [(it.attribute_name, it.attribute_value) for it in detail.additional_attributes] == [
        ("allowOrderOnCustomerHold", "true")
    ]
    for nothing in (OrderModifyRequest(), OrderModifyRequest(lines=[])):
        with pytest.raises(BadRequestError, match="nothing is to be changed"):
            await orders.modify(number).order_modify_request(nothing).execute()


async def test_an_interrupted_start_leaves_nothing_that_the_next_one_trips_over(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "orders.db"
    sandbox = Sandbox(orders=3_000, database=file, clock=clock)
    add, parts = sandbox._book._storage.run, 0

    async def interrupted(work: Any) -> Any:
        nonlocal parts
        parts += 1
        if parts == 4:
            raise asyncio.CancelledError
        return await add(work)

    monkeypatch.setattr(sandbox._book._storage, "run", interrupted)
    with pytest.raises(asyncio.CancelledError):
        async with sandbox:
            pass
    async with Sandbox(orders=7, database=file, clock=clock) as again, again.client() as orders:
        assert (await orders.search().ingram_order_date_bt(ALL_TIME).execute()).records_found == 7


MARKET: tuple[Literal["US", "SAP"], ...] = ("US", "SAP")


@pytest.mark.parametrize("market", MARKET)
async def test_an_empty_partial_order_is_told_all_the_same(clock: Clock, market: Literal["US", "SAP"]) -> None:
    async with Sandbox(orders=0, clock=clock, market=market) as sandbox, sandbox.client() as orders:
        number = await placed(orders, order("P", PARTIAL, skus=("NOPE",)))
        detail = await orders.details(number).execute()
        assert (detail.order_total, detail.total_weight, detail.miscellaneous_charges) == (Decimal(0), Decimal(0), ())
        [found] = (await orders.search().execute()).orders
        assert (found.vendor_name, found.sub_orders) == ("", ())
        assert found.ingram_order_date == datetime(2026, 6, 30, 12, tzinfo=UTC)
