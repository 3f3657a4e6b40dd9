"""The 233 calls recorded from the Go SDK: what it sends, this client sends; what cannot be right, it refuses."""

import contextlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from ingram_orders import ApiError, InvalidRequestError, OrdersClient, structure
from ingram_orders.builder import Body, Request
from ingram_orders.operations import OPERATIONS
from ingram_orders.sandbox import Sandbox

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("data").joinpath("requests.json").read_text("utf-8"), parse_float=Decimal
)
METHODS = {
    "DeleteOrdercancel": "delete_ordercancel",
    "GetOrderdetailsV61": "get_orderdetails_v61",
    "GetResellersV6Ordersearch": "get_resellers_v6_ordersearch",
    "PostCreateorderV6": "post_createorder_v6",
    "PostCreateorderV7": "post_createorder_v7",
    "PutOrdermodify": "put_ordermodify",
}
PATH_ARGUMENTS = {"orderNumber", "ordernumber"}
# The Go SDK's names that a rule cannot split.
IRREGULAR = {
    "iMCustomerNumber": "im_customer_number",
    "iMCountryCode": "im_country_code",
    "iMCorrelationID": "im_correlation_id",
    "iMSenderID": "im_sender_id",
    "asyncOrderCreateDTO": "async_order_create_dto",
}


def setter_name(go_name: str) -> str:
    return IRREGULAR.get(go_name) or "".join(f"_{it.lower()}" if it.isupper() else it for it in go_name)


def built(orders: OrdersClient, case: dict[str, Any]) -> Request[Any]:
    """Build the request that a case describes, by the setters alone."""
    path = [value for name, value in case["args"].items() if name in PATH_ARGUMENTS]
    request: Request[Any] = getattr(orders, METHODS[case["operation"]])(*path)
    models = {param.name: param.model for param in type(request).params() if isinstance(param, Body)}
    for name, value in case["args"].items():
        if name not in PATH_ARGUMENTS:
            setter = setter_name(name)
            request = getattr(request, setter)(structure(value, models[setter]) if setter in models else value)
    return request


def exact(body: bytes) -> Any:
    return json.loads(body, parse_float=Decimal, parse_int=Decimal) if body else None


def test_all_cases_are_here() -> None:
    assert len(CASES) == 233
    assert {METHODS[case["operation"]] for case in CASES} == set(METHODS.values())
    assert len(METHODS) == len(OPERATIONS) - 1  # the Go SDK of 2024 has no vendor required info


async def test_every_case_crosses_the_wire_as_the_go_sdk_sends_it() -> None:
    """`sandbox.ledger` holds what came: path, query, headers and body are compared, absent headers too."""
    async with Sandbox(orders=0) as sandbox:
        settings = {"customer_number": None, "country_code": None, "sender_id": None}
        async with sandbox.client(**settings) as orders:  # type: ignore[arg-type]  # a dict of settings
            for case in CASES:
                sandbox.ledger.clear()
                request = built(orders, case)
                if case["expect"] == "refuse":
                    with pytest.raises(InvalidRequestError) as refused:
                        await request.execute()
                    assert refused.value.problems, case["case"]
                    assert not sandbox.ledger, f"{case['case']}: something was sent"
                    continue
                with contextlib.suppress(ApiError):  # the sandbox has no such order; what was sent counts
                    await request.execute()
                [sent] = [it for it in sandbox.ledger if not it.path.startswith("/oauth")]
                assert sent.method == case["method"], case["case"]
                assert unquote(sent.path) == case["path"], case["case"]
                assert sorted(map(list, sent.query)) == case["query"], case["case"]
                assert compared_headers(sent.headers) == case["headers"], case["case"]
                assert exact(sent.body) == case["body"], case["case"]


def compared_headers(headers: Any) -> dict[str, str]:
    compared = {name: value for name, value in headers.items() if name.upper().startswith("IM-")}
    names = {name.upper(): name for case in CASES if case["expect"] == "send" for name in case["headers"]}
    compared |= {name: headers[name] for name in ("Accept", "Content-Type") if name in headers}
    return {names[name.upper()]: value for name, value in compared.items()}
