"""What the sandbox answers: what the API would, and no where the API says no."""

import io
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.placing import ALL_TIME, DUPLICATE, HOLD, order, placed

from ingram_orders import (
    Address,
    ApiError,
    AsyncLine,
    AsyncOrderCreateDTO,
    AuthenticationError,
    BadRequestError,
    CreateLine,
    DuplicateOrderError,
    EndUser,
    ModifyLine,
    ModifyShipTo,
    NotFoundError,
    NotOnHoldError,
    OrderCreateRequest,
    OrderModifyRequest,
    OrdersClient,
    OrderStatus,
    ShipTo,
    VendorRequiredInfoRequest,
    VendorRequiredProduct,
)
from ingram_orders.builder import Query
from ingram_orders.operations import SearchOrders
from ingram_orders.sandbox import Sandbox

# ── Running ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_same_seed_and_clock_give_the_same_orders() -> None:
    async def numbers(seed: int) -> list[str | None]:
        clock = lambda: datetime(2026, 1, 15, tzinfo=UTC)  # noqa: E731
        async with Sandbox(seed=seed, orders=20, clock=clock) as sandbox, sandbox.client() as orders:
            page = await orders.search().ingram_order_date_bt(ALL_TIME).page_size(100).execute()
            assert page.records_found == 20
            return [it.ingram_order_number for it in page.orders]

    assert await numbers(3) == await numbers(3)
    assert await numbers(3) != await numbers(4)


def test_a_sandbox_that_does_not_run_says_so() -> None:
    with pytest.raises(RuntimeError, match="does not run"):
        _ = Sandbox().url


async def test_a_sandbox_runs_once_at_a_time_and_again_with_what_a_file_keeps(tmp_path: Path) -> None:
    sandbox = Sandbox(orders=3, database=tmp_path / "orders.db")
    async with sandbox:
        with pytest.raises(RuntimeError, match="already runs"):
            async with sandbox:
                pass
        async with sandbox.client() as orders:
            number = await placed(orders, order("PO-NEW"))
        assert sandbox.url in repr(sandbox)
    assert "does not run" in repr(sandbox)
    async with sandbox, sandbox.client() as orders:
        assert (await orders.details(number).execute()).ingram_order_number == number


async def test_a_port_in_use_is_told_and_leaves_nothing_open(sandbox: Sandbox) -> None:
    taken = int(sandbox.url.rpartition(":")[2])
    second = Sandbox(port=taken)
    with pytest.raises(OSError, match="ddress already in use"):
        async with second:
            pass
    with pytest.raises(RuntimeError, match="does not run"):
        _ = second.url


async def test_a_clock_without_a_zone_will_do() -> None:
    async with Sandbox(clock=lambda: datetime(2026, 1, 15)) as sandbox, sandbox.client() as orders:
        await orders.search().execute()


def test_fewer_orders_than_none_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        Sandbox(orders=-5)


async def test_orders_are_as_old_as_is_said() -> None:
    with pytest.raises(ValueError, match="days must be 1 or more"):
        Sandbox(days=0)
    today = datetime(2026, 6, 30, tzinfo=UTC)
    async with Sandbox(orders=300, days=90, clock=lambda: today) as sandbox, sandbox.client() as orders:
        search = orders.search().ingram_order_date_bt([date(2000, 1, 1), date(2100, 1, 1)])
        ages = {(today - it.ingram_order_date).days async for it in search.paginate()}  # type: ignore[operator]
    assert max(ages) in range(80, 91)


async def test_nothing_was_sent_or_delivered_in_the_future() -> None:
    today = datetime(2026, 6, 30, 12, tzinfo=UTC)
    async with Sandbox(orders=100, clock=lambda: today) as sandbox, sandbox.client() as orders:
        page = await orders.search().ingram_order_date_bt(ALL_TIME).page_size(100).execute()
        for found in page.orders:
            detail = await orders.details(found.ingram_order_number or "").execute()
            for shipment in (it for line in detail.lines for it in line.shipment_details):
                dates = [shipment.shipped_date, *(it.delivered_date for it in shipment.carrier_details)]
                assert all(it <= today.date() for it in dates if it is not None)


async def test_the_ledger_holds_what_came(sandbox: Sandbox, orders: OrdersClient) -> None:
    await orders.search().order_status_in(["A B", "C"]).execute()
    token, search = sandbox.ledger
    assert (token.method, token.path) == ("POST", "/oauth/oauth20/token")
    assert (search.method, search.path) == ("GET", "/resellers/v6/orders/search")
    assert search.query == (("orderStatus-in", "A B"), ("orderStatus-in", "C"))
    assert search.headers["im-customernumber"] == "20-222222"


async def test_answers_echo_the_correlation_id(orders: OrdersClient) -> None:
    answer = await orders.search().im_correlation_id("mine").execute_with_response()
    assert answer.headers["IM-CorrelationID"] == "mine"


async def test_a_token_says_its_lifetime_in_text_as_recorded(sandbox: Sandbox) -> None:
    form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox-secret"}
    async with aiohttp.ClientSession() as session, session.post(
        f"{sandbox.url}/oauth/oauth20/token", data=form
    ) as answer:  # fmt: skip
        assert (await answer.json())["expires_in"] == "86399"


async def test_a_release_needs_no_body_at_all(sandbox: Sandbox, orders: OrdersClient) -> None:
    """By bare HTTP: the client sends an empty object."""
    number = await placed(orders, order("PO-BARE", HOLD))
    headers = {name: text for name, text in sandbox.ledger[-1].headers.items() if not name.startswith("Content-")}
    async with aiohttp.ClientSession() as session, session.put(
        f"{sandbox.url}/resellers/v6/orders/{number}?actionCode=release", headers=headers
    ) as answer:  # fmt: skip
        assert (answer.status, await answer.read()) == (200, b"null")


# ── Tokens and headers ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"client_id": "sandbox", "client_secret": "wrong", "grant_type": "client_credentials"}, 401),
        ({"client_id": "sandbox", "client_secret": "sandbox-secret", "grant_type": "password"}, 400),
    ],
)
async def test_a_token_costs_the_right_credentials(sandbox: Sandbox, form: dict[str, str], status: int) -> None:
    async with aiohttp.ClientSession() as session, session.post(
        f"{sandbox.url}/oauth/oauth20/token", data=form
    ) as answer:  # fmt: skip
        assert answer.status == status


async def test_a_token_dies_with_its_time() -> None:
    now = datetime(2026, 1, 15, tzinfo=UTC)
    lifetime = timedelta(hours=1)
    async with Sandbox(clock=lambda: now, token_lifetime=lifetime) as sandbox, sandbox.client() as orders:
        await orders.search().execute()
        now += lifetime
        assert (await orders.search().execute_with_response()).attempts == 2


async def test_without_a_token_nothing_is_answered(sandbox: Sandbox) -> None:
    class Wrong:
        async def token(self) -> str:
            return "wrong"

        def drop(self, token: str) -> None: ...

    async with sandbox.client(token_source=Wrong()) as orders:
        with pytest.raises(AuthenticationError, match="Invalid Access Token"):
            await orders.search().execute()


@pytest.mark.parametrize(
    ("header", "value"),
    [("IM-CustomerNumber", ""), ("IM-CountryCode", "USA"), ("IM-CorrelationID", "x" * 33), ("IM-SenderID", " ")],
)
async def test_headers_are_checked(sandbox: Sandbox, orders: OrdersClient, header: str, value: str) -> None:
    """By bare HTTP: the client would refuse to send these."""
    await orders.search().execute()
    headers = {**sandbox.ledger[-1].headers, header: value}
    async with aiohttp.ClientSession() as session, session.get(
        f"{sandbox.url}/resellers/v6/orders/search", headers=headers
    ) as answer:  # fmt: skip
        assert answer.status == 400
        assert (await answer.json())["errors"][0]["fields"][0]["field"] == header


MALFORMED = [
    b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"a": NaN}', b'{"a": ' + b"9" * 5000 + b"}",
    b'{"lines": {}}', b'{"lines": [null]}', b'{"lines": 5}', b'{"lines": ["x"]}', b'{"customerOrderNumber": 5}',
    b'{"additionalAttributes": "x"}', b'{"additionalAttributes": [{"attributeName": []}]}', b'{"shipToInfo": "x"}',
    b'{"lines": [{"ingramPartNumber": []}]}', b'{"lines": [{"unitPrice": "abc"}]}', b'{"lines": [{"unitPrice": {}}]}',
    b'{"lines": [{"unitPrice": 1E+30}]}', b'{"lines": [{"unitPrice": 0.125}]}', b'{"lines": [{"unitPrice": -1}]}',
    b'{"lines": [{"unitPrice": true}]}', b'{"products": "ab"}', b'{"lines": [{"unitPrice": 1234567890.12}]}',
    b'{"endCustomerOrderNumber": {"x": 1}}', b'{"lines": [{"specialBidNumber": 5}]}',
]  # fmt: skip


@pytest.mark.parametrize("body", MALFORMED, ids=lambda it: it[:40].decode("latin-1"))
async def test_a_malformed_body_is_refused(sandbox: Sandbox, orders: OrdersClient, body: bytes) -> None:
    await orders.search().execute()
    headers = {**sandbox.ledger[-1].headers}
    async with aiohttp.ClientSession() as session, session.post(
        f"{sandbox.url}/resellers/v6/orders", headers=headers, data=body
    ) as answer:  # fmt: skip
        assert answer.status == 400
        assert (await answer.json())["errors"]


async def test_a_body_that_is_too_large_is_refused_in_json(sandbox: Sandbox, orders: OrdersClient) -> None:
    await orders.search().execute()
    headers = dict(sandbox.ledger[-1].headers)
    async with aiohttp.ClientSession() as session, session.post(
        f"{sandbox.url}/resellers/v6/orders", headers=headers, data=io.BytesIO(b" " * (17 * 2**20))
    ) as answer:  # fmt: skip
        assert answer.status == 413
        assert "fault" in await answer.json()


async def test_an_unknown_route_answers_as_the_gateway_does(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.url}/oauth/nowhere") as answer:
        assert answer.status == 404
        assert "faultstring" in (await answer.json())["fault"]


# ── Search ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_search_without_filters_looks_back_twenty_days() -> None:
    now = datetime(2026, 6, 30, 12, tzinfo=UTC)
    async with Sandbox(orders=100, clock=lambda: now) as sandbox, sandbox.client() as orders:
        recent = await orders.search().page_size(100).execute()
        everything = await orders.search().ingram_order_date_bt(ALL_TIME).page_size(100).execute()
    dates = [it.ingram_order_date for it in everything.orders]
    assert dates == sorted(dates, reverse=True)  # type: ignore[type-var]  # all of one kind, here
    assert 0 < len(recent.orders) < len(everything.orders) == everything.records_found == 100
    assert all(str(it.ingram_order_date) >= "2026-06-10" for it in recent.orders)


async def test_pages_hold_every_order_once_and_an_empty_one_is_204(orders: OrdersClient) -> None:
    search = orders.search().ingram_order_date_bt(ALL_TIME).page_size(7)
    seen: Counter[str | None] = Counter()
    for number in range(1, 17):
        answer = await search.page_number(number).execute_with_response()
        assert answer.status == (200 if number <= 15 else 204)
        assert answer.model.records_found == (100 if number <= 15 else 0)
        seen.update(it.ingram_order_number for it in answer.model.orders)
    assert len(seen) == 100
    assert set(seen.values()) == {1}


def value_of(detail: Any, name: str) -> Any:
    """Give what a filter would have to say to find an order."""
    shipment = detail.lines[0].shipment_details[0]
    return {
        "ingram_order_number": detail.ingram_order_number,
        "order_status": detail.order_status,
        "order_status_in": [detail.order_status, "NOPE"],
        "ingram_order_date": detail.ingram_order_date.date(),
        "ingram_order_date_bt": [detail.ingram_order_date.date()] * 2,
        "customer_order_number": detail.customer_order_number,
        "end_customer_order_number": detail.end_customer_order_number,
        "invoice_date_bt": [shipment.invoice_date] * 2,
        "ship_date_bt": [shipment.shipped_date] * 2,
        "delivery_date_bt": [shipment.carrier_details[0].delivered_date] * 2,
        "ingram_part_number": detail.lines[0].ingram_part_number,
        "vendor_part_number": detail.lines[0].vendor_part_number,
        "serial_number": shipment.carrier_details[0].tracking_details[0].serial_numbers[0].serial_number,
        "tracking_number": shipment.carrier_details[0].tracking_details[0].tracking_number,
        "vendor_name": detail.lines[0].vendor_name,
        "special_bid_number": detail.lines[0].special_bid_number,
    }[name]


FILTERS = [
    param.name
    for param in SearchOrders.params()
    if isinstance(param, Query) and param.name not in {"page_size", "page_number"}
]


@pytest.mark.parametrize("name", FILTERS)
async def test_every_filter_finds_an_order_that_fits_and_leaves_others_out(orders: OrdersClient, name: str) -> None:
    everything = await orders.search().ingram_order_date_bt(ALL_TIME).page_size(100).execute()
    for found in everything.orders:
        if found.status is OrderStatus.INVOICED:
            detail = await orders.details(found.ingram_order_number or "").execute()
            if detail.end_customer_order_number and detail.lines[0].special_bid_number:
                break
    else:
        pytest.fail("the seed has no invoiced order")
    page = await getattr(orders.search(), name)(value_of(detail, name)).page_size(100).execute()
    assert detail.ingram_order_number in {it.ingram_order_number for it in page.orders}
    assert len(page.orders) < len(everything.orders)
    nowhere = {"_bt": ["1999-01-01", "1999-01-02"], "_in": ["NOPE"]}.get(name[-3:], "1999-01-01")
    assert (await getattr(orders.search(), name)(nowhere).execute()).orders == ()


BAD_QUERIES = [
    "pageSize=0", "pageSize=101", "pageNumber=x", "ingramOrderDate=1.2.3", "ingramOrderDate=20260101", "a=b",
    "shipDate_bt=2026-01-01",
]  # fmt: skip


@pytest.mark.parametrize("query", BAD_QUERIES)
async def test_what_the_api_would_not_take_is_refused(sandbox: Sandbox, orders: OrdersClient, query: str) -> None:
    await orders.search().execute()
    async with aiohttp.ClientSession() as session, session.get(
        f"{sandbox.url}/resellers/v6/orders/search?{query}", headers=dict(sandbox.ledger[-1].headers)
    ) as answer:  # fmt: skip
        assert answer.status == 400
        assert json.loads(await answer.read())["errors"][0]["type"] == "/errors/validation-failed"


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_details_are_of_an_order_or_of_a_sub_order(orders: OrdersClient) -> None:
    number = await placed(orders, order("PO-NEW"))
    assert (await orders.details(number).execute()).lines
    assert (await orders.details(f"{number}-11").execute()).lines[0].sub_order_number == f"{number}-11"
    for unknown in ("20-NOPE", f"{number}-99"):
        with pytest.raises(NotFoundError):
            await orders.details(unknown).execute()


async def test_an_order_number_is_of_twelve_characters_at_most(sandbox: Sandbox, orders: OrdersClient) -> None:
    """By bare HTTP: the client would refuse to send it."""
    await orders.search().execute()
    async with aiohttp.ClientSession() as session, session.get(
        f"{sandbox.url}/resellers/v6.1/orders/20-RD3QV-1111", headers=dict(sandbox.ledger[-1].headers)
    ) as answer:  # fmt: skip
        assert answer.status == 400


@pytest.mark.parametrize("version", ["oauth20", "oauth30"])
async def test_tokens_are_had_by_both_versions(sandbox: Sandbox, version: str) -> None:
    async with sandbox.client(token_url=f"{sandbox.url}/oauth/{version}/token") as orders:
        await orders.search().execute()
    assert sandbox.ledger[0].path == f"/oauth/{version}/token"


async def test_an_order_is_created_and_found_with_its_price_exact(orders: OrdersClient) -> None:
    body = OrderCreateRequest(
        customer_order_number="PO-EXACT",
        lines=[CreateLine(ingram_part_number="2CD101", quantity=1, unit_price=Decimal("1234567.89"), notes="n")],
    )
    answer = await orders.create().order_create_request(body).execute_with_response()
    assert answer.status == 201
    [created] = answer.model.orders
    assert created.lines[0].unit_price == created.order_total == Decimal("1234567.89")
    detail = await orders.details(created.ingram_order_number or "").execute()
    assert (detail.status, detail.lines[0].unit_price) == (OrderStatus.PROCESSING, Decimal("1234567.89"))
    page = await orders.search().customer_order_number("PO-EXACT").execute()
    assert [it.ingram_order_number for it in page.orders] == [created.ingram_order_number]


async def test_some_lines_rejected_is_207_and_all_of_them_a_refusal(orders: OrdersClient) -> None:
    lines = [
        CreateLine(ingram_part_number="2CD101", quantity=1),
        CreateLine(ingram_part_number="NOPE", quantity=1, customer_line_number="9"),
        CreateLine(ingram_part_number="2CD102", quantity=0),
    ]
    body = OrderCreateRequest(customer_order_number="PO-SOME", lines=lines)
    answer = await orders.create().order_create_request(body).execute_with_response()
    assert answer.status == 207
    refused = answer.model.orders[0].rejected_line_items
    assert [(it.customer_line_number, it.reject_code, it.reject_reason) for it in refused] == [
        ("9", "EN", "SKU-NOTFOUND    NOPE"),
        ("003", "EQ", "ERROR-INVALID-QTY"),
    ]
    with pytest.raises(BadRequestError):
        await orders.create().order_create_request(order("PO-NONE", skus=("NOPE",))).execute()


async def test_a_repeated_number_is_refused_unless_it_is_allowed(orders: OrdersClient) -> None:
    first = await placed(orders, order("PO-TWICE"))
    with pytest.raises(DuplicateOrderError):
        await orders.create().order_create_request(order("PO-TWICE")).execute()
    assert await placed(orders, order("PO-TWICE", DUPLICATE)) != first


async def test_an_order_on_hold_is_modified_released_and_no_longer_modified(orders: OrdersClient) -> None:
    number = await placed(orders, order("PO-HOLD", HOLD, quantity=2))
    change = OrderModifyRequest(
        notes="new",
        ship_to_info=ModifyShipTo(city="BOISE"),
        lines=[
            ModifyLine(ingram_line_number="001", add_update_delete_line="UPDATE", quantity=3),
            ModifyLine(ingram_part_number="2CD102", add_update_delete_line="ADD", quantity=1),
        ],
    )
    changed = await orders.modify(number).order_modify_request(change).execute()
    assert changed.notes == "new"
    assert changed.ship_to_info is not None
    assert changed.ship_to_info.city == "BOISE"
    assert [it.quantity_ordered for it in changed.lines] == [3, 1]
    assert changed.order_total == 3 * Decimal("1489.00") + Decimal("179.99")

    rejected = OrderModifyRequest(
        lines=[
            ModifyLine(ingram_line_number="002", add_update_delete_line="DELETE"),
            ModifyLine(ingram_line_number="777", add_update_delete_line="UPDATE", quantity=1),
            ModifyLine(ingram_line_number="001"),
        ]
    )
    answer = await orders.modify(number).order_modify_request(rejected).execute_with_response()
    assert answer.status == 200
    assert [it.ingram_line_number for it in answer.model.rejected_line_items] == ["777", "001"]
    assert [it.ingram_line_number for it in answer.model.lines] == ["002"]  # what was changed, and that is gone
    assert len((await orders.details(number).execute()).lines) == 1

    released = await orders.modify(number).action_code("release").execute_with_response()
    assert (released.status, released.body) == (200, b"null")
    assert (await orders.details(number).execute()).status is OrderStatus.PROCESSING
    with pytest.raises(BadRequestError, match="not on customer hold"):
        await orders.modify(number).order_modify_request(change).execute()


async def test_a_sub_order_is_read_and_not_changed(orders: OrdersClient) -> None:
    number = await placed(orders, order("PO-SUB", HOLD))
    for request in (
        orders.cancel(f"{number}-11"),
        orders.modify(f"{number}-11").action_code("release"),
    ):
        with pytest.raises(NotFoundError):
            await request.execute()
    detail = await orders.details(number).execute()
    assert detail.status is detail.lines[0].status is OrderStatus.ON_HOLD


async def test_what_was_given_stands_and_only_the_rest_is_made_up(orders: OrdersClient) -> None:
    body = OrderCreateRequest(
        customer_order_number="PO-GIVEN",
        special_bid_number="BID-1",
        ship_to_info=ShipTo(company_name="MY DOCK", city="OSLO", country_code="NO"),
        end_user_info=EndUser(company_name="MY CUSTOMER"),
        lines=[CreateLine(ingram_part_number="2CD101", quantity=1)],
    )
    detail = await orders.details(await placed(orders, body)).execute()
    assert detail.ship_to_info == Address(company_name="MY DOCK", city="OSLO", country_code="NO")
    assert detail.end_user_info == Address(company_name="MY CUSTOMER")
    assert detail.lines[0].special_bid_number == "BID-1"
    assert (await orders.search().special_bid_number("BID-1").execute()).records_found == 1


async def test_a_quote_needs_no_lines(orders: OrdersClient) -> None:
    dto = AsyncOrderCreateDTO(customer_order_number="PO-QUOTE", quote_number="Q-1")
    assert (await orders.create_v7().async_order_create_dto(dto).execute()).quote_number == "Q-1"
    assert (await orders.search().customer_order_number("PO-QUOTE").execute()).records_found == 1


async def test_only_an_order_on_hold_is_cancelled(orders: OrdersClient) -> None:
    number = await placed(orders, order("PO-CANCEL", HOLD))
    answer = await orders.cancel(number).execute_with_response()
    assert (answer.status, answer.body) == (200, b"")
    assert (await orders.details(number).execute()).status is OrderStatus.CANCELLED
    for wrong, kind in [(number, NotOnHoldError), ("20-NOPE", NotFoundError)]:
        with pytest.raises(kind):
            await orders.cancel(wrong).execute()


async def test_v7_confirms_and_the_order_is_there(orders: OrdersClient) -> None:
    dto = AsyncOrderCreateDTO(
        customer_order_number="PO-V7", lines=[AsyncLine(ingram_part_number="4GH301", quantity=3)]
    )  # fmt: skip
    confirmation = await orders.create_v7().async_order_create_dto(dto).execute()
    assert confirmation.confirmation_number == "1600000001"
    assert len((await orders.search().customer_order_number("PO-V7").execute()).orders) == 1
    with pytest.raises(ApiError):
        await orders.create_v7().async_order_create_dto(AsyncOrderCreateDTO()).execute()


async def test_vendors_say_what_they_require(orders: OrdersClient) -> None:
    asked = VendorRequiredInfoRequest(products=[VendorRequiredProduct(plan_id="1"), VendorRequiredProduct(plan_id="2")])
    answers = await orders.vendor_required_info().vendor_required_info_request(asked).execute()
    assert [it.plan_id for it in answers] == ["1", "2"]
    [attribute] = answers[0].vri_additional_attributes[0].additional_attributes
    assert [it.attribute_value for it in attribute.choices] == ["existing", "new"]
    assert attribute.choices[0].choices[0].attribute_name == "tenant_id"
