"""
A process that receives events and deals with them, until it is killed; one whose input ends finishes, and ends.

    python inbox_worker.py FOLDER WAY

`FOLDER` holds the inbox, and `dealt`, a line for each event that was dealt with. *WAY* is `careful`, or one in which
events are lost: `settles first`, `in memory`.
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from ingram_orders import WebhookEvent, WebhookInbox, webhook_handler

SECRET = "never-shown-secret"
AT_ONCE = 4


async def main(folder: str, way: str) -> None:
    inbox = WebhookInbox(Path(folder) / "inbox.db", lease=timedelta(seconds=0.5))
    under_way = 0
    with (Path(folder) / "dealt").open("a") as dealt:

        async def on_event(event: WebhookEvent) -> None:
            nonlocal under_way
            under_way += 1
            if way == "settles first":
                await inbox.settle(event.event_id)
            await asyncio.sleep(0.005 if way == "careful" else 0.05)  # the work; who is careless is to be caught at it
            dealt.write(f"{event.event_id}\n")
            dealt.flush()
            under_way -= 1

        seen = None if way == "in memory" else inbox
        handler = webhook_handler(SECRET, seen=seen, on_event=on_event, at_once=AT_ONCE)
        app = web.Application()
        app.router.add_post("/ingram", handler)
        app.cleanup_ctx.append(handler.running)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        sys.stdout.write(f"http://127.0.0.1:{port}/ingram\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        while under_way or (seen is not None and await inbox.waiting()):  # noqa: ASYNC110  # others may have some
            await asyncio.sleep(0.01)
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
