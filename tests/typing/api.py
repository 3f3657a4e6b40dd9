"""What type checkers are to see of the API; checked by mypy and pyright, never run. An unused ignore fails."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, assert_type

from ingram_orders import (
    AsyncOrderCreateDTO,
    AsyncOrderCreateResponse,
    CreateLine,
    FoundOrder,
    ModifyOrder,
    OpenPlacement,
    OrderCreateRequest,
    OrderCreateResponse,
    OrderDetailB2B,
    OrderJournal,
    OrderModifyRequest,
    OrderModifyResponse,
    OrdersClient,
    OrderSearchResponse,
    OrderStatus,
    OutcomeUnknownError,
    PlacedOrder,
    RateLimit,
    Response,
    RetryPolicy,
    SearchOrders,
    Timeouts,
    VendorRequiredInfo,
    VendorRequiredInfoRequest,
    structure,
    unstructure,
)
from ingram_orders.builder import Query
from ingram_orders.sandbox import Sandbox


async def answers(orders: OrdersClient, create: OrderCreateRequest, change: OrderModifyRequest) -> None:
    search = orders.search().order_status("SHIPPED").ingram_order_date_bt([date(2026, 1, 1), date(2026, 3, 31)])
    assert_type(search, SearchOrders)
    assert_type(await search.page_size(25).execute(), OrderSearchResponse)
    assert_type(await search.execute_with_response(timeout=5), Response[OrderSearchResponse])
    assert_type((await search.execute()).orders[0].order_total, Decimal | None)
    assert_type((await search.execute()).orders[0].status, OrderStatus)
    assert_type(await orders.details("20-RD3QV").is_iml(True).execute(), OrderDetailB2B)
    assert_type((await orders.details("20-RD3QV").execute()).ingram_order_date, date | datetime | None)
    assert_type(await orders.create().order_create_request(create).execute(), OrderCreateResponse)
    assert_type(
        await orders.create_v7().async_order_create_dto(AsyncOrderCreateDTO()).execute(), AsyncOrderCreateResponse
    )
    modify = orders.modify("20-RD3QV").im_country_code("US").order_modify_request(change)
    assert_type(modify, ModifyOrder)
    assert_type(await modify.execute(), OrderModifyResponse)
    assert_type(await orders.cancel("20-RD3QV").execute_with_response(), Response[None])
    asked = orders.vendor_required_info().vendor_required_info_request(VendorRequiredInfoRequest())
    assert_type(await asked.execute(), tuple[VendorRequiredInfo, ...])


async def go_names(orders: OrdersClient) -> None:
    assert_type(await orders.get_resellers_v6_ordersearch().execute(), OrderSearchResponse)
    assert_type(await orders.get_orderdetails_v61("20-RD3QV").execute(), OrderDetailB2B)
    assert_type(await orders.put_ordermodify("20-RD3QV").execute(), OrderModifyResponse)
    await orders.delete_ordercancel("20-RD3QV").execute()
    assert_type(await orders.post_createorder_v6().execute(), OrderCreateResponse)
    assert_type(await orders.post_createorder_v7().execute(), AsyncOrderCreateResponse)


def what_setters_take(orders: OrdersClient) -> None:
    search = orders.search()
    search.ingram_order_date("2026-01-01")
    search.ingram_order_date(date(2026, 1, 1))
    search.ship_date_bt(("2026-01-01", date(2026, 1, 2)))
    search.ship_date_bt(["2026-01-01", "2026-01-02"])

    search.order_status_in(["SHIPPED"])
    search.order_status_in(("SHIPPED", "ON HOLD"))
    assert_type(SearchOrders.page_size, Query[int])


def what_setters_refuse(orders: OrdersClient) -> None:
    search = orders.search()
    search.page_size("25")  # type: ignore[arg-type]
    search.order_status(7)  # type: ignore[arg-type]
    search.order_status_in("SHIPPED")  # type: ignore[arg-type]
    search.ship_date_bt("2026-01-01")  # type: ignore[arg-type]
    search.ingram_order_date(20260101)  # type: ignore[arg-type]
    search.page_size(None)  # type: ignore[arg-type]
    search.page_sise(25)  # type: ignore[attr-defined]
    search.order_modify_request(OrderModifyRequest())  # type: ignore[attr-defined]
    orders.details("1").is_iml("true")  # type: ignore[arg-type]
    orders.details(1)  # type: ignore[arg-type]
    orders.details()  # type: ignore[call-arg]
    orders.create().order_create_request(OrderModifyRequest())  # type: ignore[arg-type]
    orders.create().order_create_request({})  # type: ignore[arg-type]


def models() -> None:
    line = CreateLine(ingram_part_number="1AB001", quantity=2, unit_price=Decimal("19.90"))
    CreateLine(unit_price=19.9)
    OrderCreateRequest(customer_order_number="PO-1", lines=[line])
    OrderCreateRequest(customer_order_number="PO-1", lines=(line,))
    OrderCreateRequest(customer_order_number=1)  # type: ignore[arg-type]
    OrderCreateRequest(lines=["1AB001"])  # type: ignore[list-item]
    OrderCreateRequest(custmer_order_number="PO-1")  # type: ignore[call-arg]
    OrderCreateRequest("PO-1")  # type: ignore[call-arg, arg-type]
    line.quantity = 3  # type: ignore[misc]
    assert_type(structure({}, OrderDetailB2B), OrderDetailB2B)
    structure({}, int)  # type: ignore[type-var]
    unstructure(line)["quantity"]


async def placing(orders: OrdersClient, error: OutcomeUnknownError) -> None:
    journal = OrderJournal("journal.db", lease=timedelta(seconds=5))
    request = orders.create().order_create_request(OrderCreateRequest())
    placed = await orders.place(request, journal, settle=timedelta(minutes=1))
    assert_type(placed, PlacedOrder)
    assert_type(placed.answer, OrderCreateResponse | None)
    assert_type(placed.order_numbers, tuple[str, ...])
    assert_type(await orders.place(OrderCreateRequest()), PlacedOrder)
    await orders.place(orders.create_v7())  # type: ignore[arg-type]
    await orders.place(request, "journal.db")  # type: ignore[arg-type]
    [left] = await orders.recover(journal)
    assert_type(left, OpenPlacement)
    await journal.discard(left)
    resolution = await orders.resolve(error)
    assert_type(resolution.effect, Literal["done", "not done", "unknown"])
    assert_type(resolution.order, OrderDetailB2B | None)
    assert_type(error.orders, tuple[FoundOrder, ...])


def settings(sandbox: Sandbox) -> None:
    assert_type(sandbox.client(timeouts=Timeouts(total=5)), OrdersClient)
    sandbox.client(time_outs=5)  # type: ignore[call-arg]
    OrdersClient("id", "secret", sender_id=None)
    OrdersClient("id", "secret", retry=RetryPolicy(attempts=1), limiter=RateLimit(60, 60.0))
    OrdersClient("id", "secret", retry=3)  # type: ignore[arg-type]
    OrdersClient.from_env(country_code="US")
    OrdersClient.from_env(country="US")  # type: ignore[call-arg]
