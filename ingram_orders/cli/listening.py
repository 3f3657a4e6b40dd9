"""The command that shows events as they come: a server on this machine, for trying out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

from ingram_orders.cli import running
from ingram_orders.cli.ending import INTERRUPTED, WRONG, fail, tell
from ingram_orders.cli.events import check_secrets, show_event
from ingram_orders.errors import DuplicateEventError, describe
from ingram_orders.receiving import webhook_handler
from ingram_orders.seen import SeenInMemory
from ingram_orders.webhooks import WebhookEvent


def listen(secrets: Sequence[str], *, host: str, port: int, path: str, as_json: bool) -> None:
    """Show events until it is interrupted."""
    check_secrets(secrets)
    if not host:  # which would be every address of this machine
        fail("--host is empty", WRONG)
    if not path.startswith("/") or set(path) & set("?#"):
        fail("--path must begin with / and hold no ? and no #", WRONG)
    shown = _Shown(as_json)
    try:
        with _logged_beside():
            running.run(_listen(secrets, host, port, path, shown))
    except KeyboardInterrupt:
        fail(f"stopped after {shown.events:,} event{'' if shown.events == 1 else 's'}", INTERRUPTED)


async def _listen(secrets: Sequence[str], host: str, port: int, path: str, shown: "_Shown") -> None:
    # One at a time, so that they are shown in the order in which they came, and an error while showing ends it.
    came = asyncio.Queue[WebhookEvent](1)
    handler = webhook_handler(secrets, seen=_Seen(), on_event=came.put, at_once=1)

    async def answered(request: web.Request) -> web.StreamResponse:
        if request.path == path:
            answer = await handler(request)
        else:
            answer = web.Response(status=404, text=f"events are posted to {path}")
        if answer.status != 200:
            why = (answer.text if isinstance(answer, web.Response) else None) or answer.reason
            tell(f"ingram-orders: {answer.status} {request.method} {request.path}: {why}")
        return answer

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answered)
    app.cleanup_ctx.append(handler.running)
    async with _served(app, host, port) as addresses:
        where = " and ".join(f"http://{it}{path}" for it in addresses)
        tell(f"Events are taken at {where}; interrupt it to stop. What they say is a hint.")
        while True:
            shown.show(await came.get())


@asynccontextmanager
async def _served(app: web.Application, host: str, port: int) -> AsyncIterator[list[str]]:
    """Serve inside this block; give where, which may be several addresses."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, ValueError) as wrong:  # the last for what is no name of a host
            fail(wrong, WRONG)
        yield [f"[{it[0]}]:{it[1]}" if ":" in it[0] else f"{it[0]}:{it[1]}" for it in runner.addresses]
    finally:
        await runner.cleanup()


class _Shown:
    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self.events = 0

    def show(self, event: WebhookEvent) -> None:
        self.events += 1
        try:
            show_event(event, as_json=self._as_json)
        except (ValueError, RecursionError):
            tell(f"ingram-orders: event {event.event_id} is nested too deep to be shown as JSON")


class _Seen(SeenInMemory):
    """Tells of an event that comes again, or who posts one twice would look for it in vain."""

    async def add(self, event_id: str) -> None:
        try:
            await super().add(event_id)
        except DuplicateEventError as known:
            tell(f"ingram-orders: {known}, and is not shown again")
            raise


@contextmanager
def _logged_beside() -> Iterator[None]:
    """Tell errors that are logged, by the server's library too, in one line each; the answers tell of the rest."""
    log, handler = logging.getLogger(), _Beside(logging.ERROR)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


class _Beside(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        tell(f"ingram-orders: {record.getMessage()}{f': {describe(error)}' if error else ''}")
