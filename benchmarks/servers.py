"""Servers, each to be held open in a process of its own: one that costs next to nothing, and the sandbox."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

from ingram_orders.sandbox import Sandbox


def _answer(body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: {formatdate(usegmt=True)}\r\n"
        f"X-RateLimit-Limit: 60\r\nX-RateLimit-Remaining: 59\r\nConnection: keep-alive\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


_TOKEN = _answer(json.dumps({"access_token": "a-token", "token_type": "Bearer", "expires_in": "86399"}).encode())


class _Connection(asyncio.Protocol):
    """Reads each request to its end, and answers always the same, but where it is asked for a token."""

    def __init__(self, answer: bytes, latency: float) -> None:
        self._answer = answer
        self._latency = latency
        self._received = bytearray()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._later = asyncio.get_running_loop().call_later

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        while (end := received.find(b"\r\n\r\n") + 4) > 3:
            head = bytes(received[:end])
            _, has_body, rest = head.lower().partition(b"\r\ncontent-length:")
            end += int(rest.partition(b"\r\n")[0]) if has_body else 0
            if len(received) < end:
                return
            del received[:end]
            answer = _TOKEN if head.startswith(b"POST /oauth") else self._answer
            if self._latency:
                self._later(self._latency, self._transport.write, answer)
            else:
                self._transport.write(answer)


@asynccontextmanager
async def minimal(body: bytes, latency: float = 0.0) -> AsyncIterator[int]:
    """Answer every request with this body, so many seconds later; give the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(_answer(body), latency), "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        yield port


@asynccontextmanager
async def sandbox(orders: int, days: int = 60) -> AsyncIterator[dict[str, Any]]:
    """Hold so many orders; give the settings of a client that may call as often as it likes."""
    async with Sandbox(orders=orders, days=days) as running:
        yield {
            "client_id": running.client_id,
            "client_secret": running.client_secret,
            "customer_number": running.customer_number,
            "country_code": running.country_code,
            "base_url": running.url,
            "limiter": None,
        }
