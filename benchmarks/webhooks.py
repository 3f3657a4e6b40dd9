"""
What an event costs, beside floors measured in the same run: checked and read, and received over HTTP.

    python -m benchmarks.webhooks

The floor of reading is what nobody can leave out: one HMAC-SHA512, and the body read as JSON with exact numbers. That
of receiving is a handler of aiohttp's that reads the body and answers. Each handler has a process of its own, whose
processor seconds are counted, those of the thread that writes the file and of dealing with the event included, and
those of whoever posts are not. The handlers take turns, and of each the round counts that was disturbed least. How many
come in a second is another matter, of the disk: so many as eight connections bring that each wait for their answer.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from ingram_orders import SeenInFile, WebhookEvent, WebhookInbox, webhook_handler, webhooks

SECRET = "a secret of thirty-two characters"  # noqa: S105  # of nobody
ROUNDS = 7
EVENTS = 2_000
POSTED = 800
"""In a round, fewer than may wait to be dealt with where there is no inbox."""
CONNECTIONS = 8
NUMBERS = count()


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
        "eventId": "N01CIB9VVFYKR9J6ZW", "resource": [order],
    }  # fmt: skip


def seconds(work: Callable[[], object]) -> float:
    """Give the processor seconds of one time, of the round that was disturbed least."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(EVENTS):
            work()
        best = min(best, time.process_time() - began)
    return best / EVENTS


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
    "bare aiohttp": lambda _, __: bare,
    "ids in memory, on_event": lambda _, work: webhook_handler(SECRET, on_event=work),
    "SeenInFile, on_event": lambda at, work: webhook_handler(SECRET, seen=SeenInFile(at / "seen.db"), on_event=work),
    "WebhookInbox, put only": lambda at, _: webhook_handler(SECRET, seen=WebhookInbox(at / "put.db")),
    "WebhookInbox, on_event": lambda at, work: webhook_handler(
        SECRET, seen=WebhookInbox(at / "inbox.db"), on_event=work
    ),
}


async def serve(name: str, folder: Path) -> None:
    """Serve a handler, and, at `/spent`, tell the processor seconds when so many events have been dealt with."""
    work = Worker()
    handler = HANDLERS[name](folder, work)

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
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


# ── Whoever posts ───────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def served(name: str, folder: str) -> Iterator[int]:
    """Run a server in a process of its own; give its port."""
    command = [sys.executable, "-m", "benchmarks.webhooks", name, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:  # noqa: S603  # ourselves
        try:
            assert running.stdout is not None  # noqa: S101
            yield int(running.stdout.readline())
        finally:
            running.kill()


def requests(lines: int) -> list[bytes]:
    """Make requests of a round, no event of which was posted before."""
    made = []
    for _ in range(POSTED):
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


async def receive(lines: int) -> None:
    """Measure the handlers, and print their table."""
    costs: dict[str, list[float]] = {name: [] for name in HANDLERS}
    times: dict[str, list[float]] = {name: [] for name in HANDLERS}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ports = {name: stack.enter_context(served(name, folder)) for name in HANDLERS}
        for turn in range(ROUNDS):
            for name, port in ports.items():
                posted = requests(lines)
                before, began = await spent(port, turn * POSTED), time.perf_counter()
                await asyncio.gather(*(post(port, posted[it::CONNECTIONS]) for it in range(CONNECTIONS)))
                times[name].append((time.perf_counter() - began) / POSTED)
                costs[name].append((await spent(port, (turn + 1) * POSTED) - before) / POSTED)
    for name, cost in costs.items():
        what = f"receive it, {name}"
        ratio, came = min(cost) / min(costs["bare aiohttp"]), 1 / min(times[name])
        print(f"{what:44}{1 / min(cost):10,.0f} a second and core, {ratio:.1f} x bare; {came:,.0f} come in a second")


def main() -> None:
    """Measure, and print the table."""
    python, cores = sys.version.split()[0], os.cpu_count()
    print(f"Python {python}, aiohttp {aiohttp.__version__}, {platform.machine()} {sys.platform}, {cores} cores")
    key, event_id = SECRET.encode(), b"N01CIB9VVFYKR9J6ZW"
    signature = base64.b64encode(hmac.digest(key, event_id, hashlib.sha512)).decode()
    for lines in (1, 20):
        body = json.dumps(status_event(lines)).encode()

        def floor(body: bytes = body) -> None:
            hmac.compare_digest(signature.encode(), base64.b64encode(hmac.digest(key, event_id, hashlib.sha512)))
            json.loads(body, parse_float=Decimal)

        def read(body: bytes = body) -> None:
            webhooks.read(body, signature, SECRET)

        least, took = seconds(floor), seconds(read)
        what = f"read an event of {lines} line{'s' if lines > 1 else ''}, {len(body):,} bytes"
        print(f"{what:44}{1 / took:10,.0f} a second and core, {took / least:.1f} x the floor", flush=True)
        asyncio.run(receive(lines))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
    else:
        main()
