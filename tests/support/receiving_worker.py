"""
A process that receives events until it is killed, and writes down which it has dealt with.

    python receiving_worker.py PORT FOLDER SECRET

`FOLDER` holds the inbox and the log, to which all such processes add.
"""

import asyncio
import os
import random
import sys
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from ingram_orders import WebhookEvent, WebhookInbox, webhook_handler


async def main(port: str, folder: str, secret: str) -> None:
    log = os.open(Path(folder) / "dealt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def deal_with(event: WebhookEvent) -> None:
        if random.random() < 0.01:
            raise RuntimeError("not now")
        if random.random() < 0.01:
            await asyncio.sleep(0.5)
        os.write(log, f"{event.event_id}\n".encode())

    # Its time goes ten times as fast, so that what failed comes again soon.
    inbox = WebhookInbox(
        Path(folder) / "inbox.db", lease=timedelta(seconds=1), sleep=lambda seconds: asyncio.sleep(seconds / 10)
    )
    handler = webhook_handler(secret, seen=inbox, on_event=deal_with)
    app = web.Application()
    app.router.add_post("/events", handler)
    app.cleanup_ctx.append(handler.running)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(port), reuse_address=True).start()
    sys.stdout.write("listens\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
