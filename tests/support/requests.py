"""Requests that are built and not sent."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from ingram_orders import InvalidRequestError, Response
from ingram_orders.builder import Request
from ingram_orders.operations import CancelOrder, CreateOrder, CreateOrderV7, GetOrderDetails, ModifyOrder, SearchOrders
from ingram_orders.wire import Defaults, Outgoing, encode

DEFAULTS = {"im_customer_number": "20-222222", "im_country_code": "US"}
CORRELATION_ID = "c" * 32


class Nowhere:
    """Stands where the client does, for requests that are not sent."""

    @property
    def defaults(self) -> dict[str, str]:
        return {}

    async def send(self, request: Request[Any], *, timeout: float | None) -> Response[Any]:
        raise AssertionError("nothing is to be sent")


SEARCH = SearchOrders(Nowhere())
CREATE = CreateOrder(Nowhere())
CREATE_V7 = CreateOrderV7(Nowhere())


def details(number: Any = "20-RD3QV") -> GetOrderDetails:
    return GetOrderDetails(Nowhere(), order_number=number)


def modify(number: Any = "20-RD3QV") -> ModifyOrder:
    return ModifyOrder(Nowhere(), order_number=number)


def cancel(number: Any = "20-RD3QV") -> CancelOrder:
    return CancelOrder(Nowhere(), order_number=number)


def encoded(request: Request[Any], **defaults: Any) -> Outgoing:
    return encode(request, Defaults({**DEFAULTS, **defaults}), CORRELATION_ID)


def query_of(request: Request[Any]) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(encoded(request).target).query, keep_blank_values=True)


def problems_of(request: Request[Any], **defaults: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidRequestError) as refused:
        encoded(request, **defaults)
    assert str(refused.value) == "; ".join(refused.value.problems)
    return refused.value.problems
