"""What type checkers are to see of the API; checked by mypy and pyright, never run. An unused ignore fails."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, assert_type

from aiohttp import web

import ingram_orders
from ingram_orders import (
    AsyncOrderCreateDTO,
    AsyncOrderCreateResponse,
    CreateLine,
    Drift,
    DuplicateEventError,
    FanOut,
    FoundOrder,
    IngramError,
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
    Paginator,
    PlacedOrder,
    PlacedOrderV7,
    PollProblem,
    RateLimit,
    Response,
    RetryPolicy,
    SearchOrders,
    SearchResult,
    SeenEvents,
    SeenInFile,
    SeenInMemory,
    StatusChange,
    StatusChanges,
    StatusStore,
    Timeouts,
    VendorRequiredInfo,
    VendorRequiredInfoRequest,
    WebhookError,
    WebhookEvent,
    WebhookHandler,
    WebhookInbox,
    for_each,
    for_each_customer,
    split_by_date,
    structure,
    unstructure,
    webhook_handler,
    webhooks,
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


def what_the_package_has_not() -> None:
    ingram_orders.OrderClient  # type: ignore[attr-defined]  # noqa: B018  # though it has a `__getattr__`


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
    assert_type(await orders.place_v7(orders.create_v7(), WebhookInbox("inbox.db"), journal, 60), PlacedOrderV7)
    assert_type(await orders.place_v7(AsyncOrderCreateDTO()), PlacedOrderV7)
    await orders.place_v7(orders.create())  # type: ignore[arg-type]
    await orders.place_v7(orders.create_v7(), "inbox.db")  # type: ignore[arg-type]
    await orders.place(orders.create_v7())  # type: ignore[arg-type]
    await orders.place(request, "journal.db")  # type: ignore[arg-type]
    [left] = await orders.recover(journal)
    assert_type(left, OpenPlacement)
    await journal.discard(left)
    resolution = await orders.resolve(error)
    assert_type(resolution.effect, Literal["done", "not done", "unknown"])
    assert_type(resolution.order, OrderDetailB2B | None)
    assert_type(error.orders, tuple[FoundOrder, ...])


async def walking(orders: OrdersClient) -> None:
    search = orders.search()
    walk = search.paginate(at_once=4, page_size=50, start=None, thorough=True)
    assert_type(walk, Paginator)
    assert_type([it async for it in walk], list[FoundOrder])
    assert_type(await walk.collect(10), list[FoundOrder])
    assert_type([it async for it in walk.pages()], list[OrderSearchResponse])
    assert_type([it async for it in walk.pages_with_response()], list[Response[OrderSearchResponse]])
    assert_type(walk.cursor, str)
    assert_type(walk.drift, Drift)
    await search.paginate(start=7).collect()  # type: ignore[arg-type]
    await walk.collect("all")  # type: ignore[arg-type]


async def many_searches(orders: OrdersClient) -> None:
    numbers = for_each(orders.search(), "serial_number", ["S1", "S2"])
    assert_type(numbers, Iterator[SearchOrders])
    assert_type(split_by_date(orders.search(), date(2026, 1, 1), "2026-03-31", days=7), Iterator[SearchOrders])
    assert_type(for_each_customer(orders.search(), [("20-222222", "US")]), Iterator[SearchOrders])
    async with orders.fan_out(numbers, at_once=8, unique=True, thorough=True) as results:
        assert_type(results, FanOut)
        async for result in results:
            assert_type(result, SearchResult)
            assert_type(result.search, SearchOrders)
            assert_type(result.orders, tuple[FoundOrder, ...])
            assert_type(result.error, IngramError | None)
        async for search, order in results.orders():
            assert_type(search, SearchOrders)
            _ = order.ingram_order_number  # type: ignore[union-attr]
            if isinstance(order, IngramError):
                assert_type(order.cursor, str | None)
            else:
                assert_type(order, FoundOrder)
    orders.fan_out(orders.search())  # type: ignore[arg-type]
    orders.fan_out([orders.details("20-RD3QV")])  # type: ignore[list-item]
    for_each_customer(orders.search(), ["20-222222"])  # type: ignore[list-item]
    for_each_customer(orders.search(), {"20-222222": "US"})  # type: ignore[dict-item]


async def watching(orders: OrdersClient) -> None:
    async with orders.poll(["20-RD3QV"], timedelta(minutes=5), StatusStore("status.db")) as changes:
        assert_type(changes, StatusChanges)
        async for it in changes:
            assert_type(it, StatusChange | PollProblem)
            if isinstance(it, PollProblem):
                assert_type(it.error, IngramError)
            else:
                assert_type(it.before, OrderStatus | None)
                assert_type(it.after, OrderStatus)
    orders.poll(orders.search(), every=5)  # type: ignore[arg-type]
    assert_type(await orders.wait_for("20-RD3QV"), OrderDetailB2B)
    await orders.wait_for("20-RD3QV", {OrderStatus.SHIPPED, OrderStatus.CANCELLED}, timeout=60)
    await orders.wait_for("20-RD3QV", lambda status: status is not OrderStatus.ON_HOLD)
    await orders.wait_for("20-RD3QV", "SHIPPED")  # type: ignore[arg-type]


def settings(sandbox: Sandbox) -> None:
    assert_type(sandbox.client(timeouts=Timeouts(total=5)), OrdersClient)
    sandbox.client(time_outs=5)  # type: ignore[call-arg]
    OrdersClient("id", "secret", sender_id=None)
    OrdersClient("id", "secret", retry=RetryPolicy(attempts=1), limiter=RateLimit(60, 60.0))
    OrdersClient("id", "secret", retry=3)  # type: ignore[arg-type]
    OrdersClient.from_env(country_code="US")
    OrdersClient.from_env(country="US")  # type: ignore[call-arg]


async def receiving(secrets: list[str]) -> None:
    async def work(event: WebhookEvent) -> None: ...

    def plain(event: WebhookEvent) -> None: ...

    inbox = WebhookInbox("inbox.db", keep=timedelta(days=7), at_most=10, lease=timedelta(minutes=1))
    event = webhooks.read(b"{}", None, secrets)
    assert_type(event, WebhookEvent)
    await inbox.put(event, deliver=False)
    assert_type(await inbox.waiting(), int)
    assert_type(await inbox.settle(event.event_id), bool)
    async with inbox as opened, inbox.delivering(work, at_once=2), inbox.delivering(plain):
        assert_type(opened, WebhookInbox)
    for seen in (SeenInMemory(timedelta(days=7), at_most=10), SeenInFile("seen.db", timedelta(days=7)), None, inbox):
        assert_type(webhook_handler(secrets, seen=seen, on_event=work), WebhookHandler)
    handler = webhook_handler("secret", seen=Own(), on_event=plain, requests=5, largest=2**16, timeout=5)
    app = web.Application()
    app.router.add_post("/ingram", handler)
    app.cleanup_ctx.append(handler.running)
    webhook_handler("secret", seen="inbox.db", on_event=work)  # type: ignore[arg-type]
    webhook_handler("secret", on_event=lambda: None)  # type: ignore[arg-type, misc]
    inbox.delivering()  # type: ignore[call-arg]


class Own:
    """Keeps ids by itself: any object that can is one."""

    async def add(self, event_id: str) -> None: ...


async def webhook_errors(error: WebhookError, known: DuplicateEventError, seen: SeenEvents) -> None:
    assert_type(error.status, int)
    assert_type(known.event_id, str)
    await seen.add("N01")
    await seen.add(1)  # type: ignore[arg-type]
