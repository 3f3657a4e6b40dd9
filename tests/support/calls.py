"""One call of each operation, and what tests of calls have in common."""

from collections.abc import Callable
from typing import Any

import pytest

from ingram_orders import (
    AsyncOrderCreateDTO,
    OrderCreateRequest,
    OrderModifyRequest,
    OrdersClient,
    Timeouts,
    VendorRequiredInfoRequest,
)
from ingram_orders.builder import Request
from support.raw_server import http

READS: list[Callable[[OrdersClient], Request[Any]]] = [
    lambda orders: orders.search(),
    lambda orders: orders.details("20-RD3QV"),
    lambda orders: orders.vendor_required_info().vendor_required_info_request(VendorRequiredInfoRequest()),
]
WRITES: list[Callable[[OrdersClient], Request[Any]]] = [
    lambda orders: orders.create().order_create_request(OrderCreateRequest(customer_order_number="PO-1")),
    lambda orders: orders.create_v7().async_order_create_dto(AsyncOrderCreateDTO(customer_order_number="PO-1")),
    lambda orders: orders.modify("20-RD3QV").order_modify_request(OrderModifyRequest(notes="")),
    lambda orders: orders.cancel("20-RD3QV"),
]
NAMES = ["search", "details", "vendor_required_info", "create", "create_v7", "modify", "cancel"]
each_read = pytest.mark.parametrize("build", READS, ids=NAMES[:3])
each_write = pytest.mark.parametrize("build", WRITES, ids=NAMES[3:])
each = pytest.mark.parametrize("build", READS + WRITES, ids=NAMES)
Build = Callable[[OrdersClient], Request[Any]]

UNAUTHORIZED = http(401, b'{"fault": {"faultstring": "Access Token expired", "detail": {"errorcode": "x"}}}')
FOUND = http(200, b'{"ingramOrderNumber": "20-RD3QV"}')


class MyTokens:
    """A token source that needs no server."""

    async def token(self) -> str:
        return "mine"

    def drop(self, token: str) -> None: ...


SHORT = Timeouts(read=0.3)
"""Real time, since it is aiohttp that cuts; the token comes from elsewhere, so that nothing else runs against it."""

Later = Callable[[float], None]
