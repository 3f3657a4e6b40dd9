"""
What an event costs, beside floors measured in the same run: checked and read, and received over HTTP.

The floor of reading is what nobody can leave out: one HMAC-SHA512, and the body read as JSON with exact numbers. That
of receiving is a handler of aiohttp's that reads the body and answers. Each handler has a process of its own, whose
processor seconds are counted, those of the thread that writes the file and of dealing with the event included, and
those of whoever posts are not. The handlers take turns. How many come in a second is another matter, of the disk: so
many as eight connections bring that each wait for their answer.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from benchmarks.measuring import MEASURED, alone, compare, scaled, serving
from benchmarks.rows import Row
from ingram_orders import SeenInFile, WebhookEvent, WebhookInbox, webhook_handler, webhooks

SECRET: Final = "a secret of thirty-two characters"  # noqa: S105  # of nobody
EVENT_ID: Final = "N01CIB9VVFYKR9J6ZW"
POSTED: Final = 800
"""In a round, fewer than may wait to be dealt with where there is no inbox."""
CONNECTIONS: Final = 8
NUMBERS: Final = count()
BARE: Final = "bare aiohttp"


def rows(quick: bool) -> Iterator[Row]:
    """Measure events of one line, and of twenty."""
    rounds, posted = (2, 16) if quick else (7, POSTED)
    for lines in (1, 20):
        which = f"an event of {lines} line{'s' if lines > 1 else ''}"
        costs = alone(read, lines, rounds * 3)
        yield Row(
            what=f"read {which}", unit="µs CPU", ours=scaled(costs["ours"], 1e6), peer="HMAC and json.loads",
            beside=scaled(costs["floor"], 1e6), told="times as much",
        )  # fmt: skip
        used, came = asyncio.run(receive(lines, rounds, posted))
        for name in HANDLERS:
            if name != BARE:
                yield Row(
                    what=f"receive {which}, {name}", unit="µs CPU", ours=scaled(used[name], 1e6), peer=BARE,
                    beside=scaled(used[BARE], 1e6), told="times as much",
                )  # fmt: skip
            yield Row(what=f"receive {which}, {name}: they come", unit="a second", ours=came[name])


def status_event(lines: int) -> dict[str, Any]:
    """Make an event of a shipped order."""
    line = {
        "subOrderNumber": "20-A1B2C-11", "lineStatus": "IM::shipped", "ingramPartNumber": "5CX895",
        "vendorPartNumber": "TC57HO", "requestedQuantity": 3, "shippedQuantity": "2", "backOrderedQuantity": 1,
        "shipmentDetails": [
            {"shipmentDate": "2026-01-31", "carrierCode": "4M", "packageDetails": [{"trackingNumber": "1Z999"}]}
        ],
        "serialNumberDetails": [{"serialNumber": "S123"}],
    }  # fmt: skip
    order = {
        "eventType": "im::order_shipped", "orderNumber": "20-A1B2C", "customerOrderNumber": "PO-1",
        "orderEntryTimeStamp": "2026-01-30T08:54:39-07:00",
        "lines": [{"ingramLineNumber": f"{it:03}", **line} for it in range(1, lines + 1)],
    }  # fmt: skip
    return {
        "topic": "resellers/orders", "event": "im::updated", "eventTimeStamp": "2026-01-31T13:02:06.369Z",
        "eventId": EVENT_ID, "resource": [order],
    }  # fmt: skip


def read(lines: int, rounds: int) -> dict[str, list[float]]:
    """Give the processor seconds of reading an event, and of the least that this takes."""
    key, event_id, body = SECRET.encode(), EVENT_ID.encode(), json.dumps(status_event(lines)).encode()
    signature = base64.b64encode(hmac.digest(key, event_id, hashlib.sha512)).decode()

    def floor() -> None:
        hmac.compare_digest(signature.encode(), base64.b64encode(hmac.digest(key, event_id, hashlib.sha512)))
        json.loads(body, parse_float=Decimal)

    return compare({"ours": lambda: webhooks.read(body, signature, SECRET), "floor": floor}, rounds)


# ── The server ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def bare(request: web.Request) -> web.Response:
    """Read the body, and answer."""
    await request.read()
    return web.Response()


class Worker:
    """Does nothing with an event, and counts."""

    done = 0

    async def __call__(self, _: WebhookEvent) -> None:
        self.done += 1


HANDLERS: Final[dict[str, Callable[[Path, Worker], Any]]] = {
    BARE: lambda _, __: bare,
    "ids in memory, on_event": lambda _, work: webhook_handler(SECRET, on_event=work),
    "SeenInFile, on_event": lambda at, work: webhook_handler(SECRET, seen=SeenInFile(at / "seen.db"), on_event=work),
    "WebhookInbox, put only": lambda at, _: webhook_handler(SECRET, seen=WebhookInbox(at / "put.db")),
    "WebhookInbox, on_event": lambda at, work: webhook_handler(
        SECRET, seen=WebhookInbox(at / "inbox.db"), on_event=work
    ),
}


@asynccontextmanager
async def receiving(name: str, folder: str) -> AsyncIterator[int]:
    """Serve a handler; at `/spent`, tell the processor seconds, once so many events were dealt with. Give the port."""
    work = Worker()
    handler = HANDLERS[name](Path(folder), work)

    async def spent(request: web.Request) -> web.Response:
        while "on_event" in name and work.done < int(request.query["events"]):  # noqa: ASYNC110  # simple, and rare
            await asyncio.sleep(0.01)
        return web.Response(text=str(time.process_time()))

    app = web.Application()
    app.router.add_post("/", handler)
    app.router.add_get("/spent", spent)
    if handler is not bare:
        app.cleanup_ctx.append(handler.running)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


# ── Whoever posts ───────────────────────────────────────────────────────────────────────────────────────────────────


def requests(lines: int, posted: int) -> list[bytes]:
    """Make requests of a round, no event of which was posted before."""
    made = []
    for _ in range(posted):
        event_id = f"N{next(NUMBERS):017}"
        body = json.dumps({**status_event(lines), "eventId": event_id}).encode()
        signed = base64.b64encode(hmac.digest(SECRET.encode(), event_id.encode(), hashlib.sha512)).decode()
        head = f"POST / HTTP/1.1\r\nHost: x\r\nx-hub-signature: {signed}\r\nContent-Length: {len(body)}\r\n\r\n"
        made.append(head.encode() + body)
    return made


async def post(port: int, posted: list[bytes]) -> None:
    """Post events on a connection, one after another."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for it in posted:
        writer.write(it)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head or b"Content-Length: 0" not in head:
            raise RuntimeError(head.decode())
    writer.close()
    await writer.wait_closed()


async def spent(port: int, events: int) -> float:
    """Ask a server for its processor seconds, once it has dealt with so many events."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/spent", params={"events": events}) as answer,
    ):
        return float(await answer.text())


async def receive(lines: int, rounds: int, posted: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Give, of each handler, the processor seconds of an event, and how many came in a second, round by round."""
    used: dict[str, list[float]] = {name: [] for name in HANDLERS}
    came: dict[str, list[float]] = {name: [] for name in HANDLERS}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ports = {name: stack.enter_context(serving(receiving, name, folder, core=MEASURED)) for name in HANDLERS}
        for turn in range(rounds):
            for name, port in ports.items():
                events = requests(lines, posted)
                before, began = await spent(port, turn * posted), time.perf_counter()
                await asyncio.gather(*(post(port, events[it::CONNECTIONS]) for it in range(CONNECTIONS)))
                came[name].append(posted / (time.perf_counter() - began))
                used[name].append((await spent(port, (turn + 1) * posted) - before) / posted)
    return used, came
