"""Somebody whom the sandbox posts its events to."""

import asyncio
from typing import Any, Self

from aiohttp import web
from attrs import frozen

from ingram_orders.webhooks import WebhookEvent, read

SECRET = "never-shown-secret"


@frozen
class Came:
    """A post as it came."""

    body: bytes
    signature: str
    content_type: str

    def read(self, secret: str = SECRET) -> Any:
        """Give the event, as who receives it does; it may be any."""
        event: WebhookEvent = read(self.body, self.signature, secret)
        return event


class Receiver:
    """Listens inside `async with`, and answers with one status; if it *hangs*, not before it is told to go on."""

    def __init__(self, *, status: int = 200, hangs: bool = False) -> None:
        self.came: list[Came] = []
        self.url = ""
        self._status = status
        self._hangs = hangs
        self._something_came = asyncio.Condition()
        self._going_on = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/events", self._receive)
        app.on_shutdown.append(self._end)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        [(_, port)] = [address[:2] for address in self._runner.addresses]
        self.url = f"http://127.0.0.1:{port}/events"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    async def _end(self, _: web.Application) -> None:
        self.go_on()

    def go_on(self) -> None:
        """Answer what hangs."""
        self._going_on.set()

    async def _receive(self, request: web.Request) -> web.Response:
        signature = request.headers.get("x-hub-signature", "")
        async with self._something_came:
            self.came.append(Came(await request.read(), signature, request.content_type))
            self._something_came.notify_all()
        if self._hangs:
            await self._going_on.wait()
        return web.Response(status=self._status, headers={"Location": "/events"})

    async def has(self, count: int) -> None:
        """Wait until so many posts came."""
        async with asyncio.timeout(30), self._something_came:
            await self._something_came.wait_for(lambda: len(self.came) >= count)

    def read(self) -> list[Any]:
        """Give the events that came, as who receives them reads them."""
        return [it.read() for it in self.came]
