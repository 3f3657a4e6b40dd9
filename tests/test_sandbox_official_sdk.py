"""The official Python SDK, which others wrote, works with the sandbox: with its quirks off, for it reads none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from ingram_orders.sandbox import Sandbox

resellers = pytest.importorskip("xi.sdk.resellers", reason="the extra `peers` brings the official SDK")
WHO = ("20-222222", "US", "c0ffee")


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[Callable[..., Any]]:
    """Give a function that makes a call of the SDK, which blocks, in a thread."""
    form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox-secret"}
    async with aiohttp.ClientSession() as session, session.post(f"{sandbox.url}/oauth/oauth20/token", data=form) as got:
        token = (await got.json())["access_token"]
    with resellers.ApiClient(resellers.Configuration(host=sandbox.url, access_token=token)) as client:
        orders = resellers.OrdersApi(client)
        yield lambda name, *arguments, **given: asyncio.to_thread(getattr(orders, name), *arguments, **given)
        client.rest_client.pool_manager.clear()  # which it does not do by itself


async def test_it_searches_and_reads_every_order(api: Callable[..., Any]) -> None:
    numbers = set()
    for page in (1, 2):
        found = await api(
            "get_resellers_v6_ordersearch", *WHO, customer_order_number="PO", page_size=50, page_number=page
        )
        assert found.records_found == 100
        numbers |= {order.ingram_order_number for order in found.orders}
    assert len(numbers) == 100
    for number in numbers:
        details = await api("get_orderdetails_v6_1", number, *WHO)
        assert details.ingram_order_number == number
        worth = sum(line.extended_price for line in details.lines)
        assert worth == pytest.approx(details.order_sub_total)
        assert worth + details.freight_charges == pytest.approx(details.order_total)


async def test_it_changes_releases_and_cancels(api: Callable[..., Any], sandbox: Sandbox) -> None:
    hold = [{"attributeName": "allowOrderOnCustomerHold", "attributeValue": "true"}]
    numbers = []
    for po in ("SDK-1", "SDK-2"):
        lines = [{"ingramPartNumber": "2CD101", "quantity": 2}]
        body = {"customerOrderNumber": po, "lines": lines, "additionalAttributes": hold}
        created = await api("post_createorder_v6", *WHO, order_create_request=body)
        numbers.append(created.orders[0].ingram_order_number)
    change = {
        "notes": "ring twice",
        "lines": [{"ingramLineNumber": "001", "addUpdateDeleteLine": "UPDATE", "quantity": 3}],
    }
    changed = await api("put_ordermodify", numbers[0], *WHO, order_modify_request=change)
    assert (changed.notes, changed.lines[0].quantity_ordered) == ("ring twice", 3)
    await api("put_ordermodify", numbers[0], *WHO, action_code="release", order_modify_request={})
    assert (await api("get_orderdetails_v6_1", numbers[0], *WHO)).order_status == "PROCESSING"
    await api("delete_ordercancel", numbers[1], *WHO)
    assert (await api("get_orderdetails_v6_1", numbers[1], *WHO)).order_status == "CANCELLED"
    with pytest.raises(resellers.ApiException) as refused:
        await api("delete_ordercancel", numbers[1], *WHO)
    assert refused.value.status == 405
    assert [it.operation for it in sandbox.ledger.writes] == ["create", "create", "modify", "release", "cancel"]
