"""Receives events over HTTP: a handler for a server of aiohttp's, which answers fast and has the work done later."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol, cast

from ingram_orders.builder import check_whole
from ingram_orders.delivering import OnEvent, ends_us_too, is_async
from ingram_orders.errors import (
    ConfigurationError,
    DuplicateEventError,
    InboxFullError,
    SignatureError,
    WebhookError,
    brief,
    describe,
)
from ingram_orders.exact_json import LONG_BODY
from ingram_orders.inbox import WebhookInbox
from ingram_orders.logs import tell
from ingram_orders.seen import SeenEvents, SeenInFile, SeenInMemory
from ingram_orders.settings import checked_seconds
from ingram_orders.storage import MEMORY
from ingram_orders.webhooks import LARGEST, SIGNATURE, WebhookEvent, check_size, read, several_of

if TYPE_CHECKING:
    from aiohttp import web

WAITING: Final = 1_000
"""Events that wait to be dealt with, at most, where there is no inbox to keep them."""

_LATER: Final = {"Retry-After": "1"}

_KEEPERS: Final = set[asyncio.Task[None]]()
"""Of handlers that run without an app's end. A loop alone would let go of them, and what is under way with them."""

_log = logging.getLogger(__name__)


class WebhookHandler(Protocol):
    """What answers requests; see `webhook_handler`."""

    async def __call__(self, request: "web.Request") -> "web.StreamResponse":
        """Answer one."""
        ...

    def running(self, app: object = None, /) -> AsyncIterator[None]:
        """Run from the start of an app to its end: `app.cleanup_ctx.append(handler.running)`."""
        ...


def webhook_handler(
    secrets: str | Iterable[str],
    *,
    seen: SeenEvents | WebhookInbox | None = None,
    on_event: OnEvent | None = None,
    deliver: bool | None = None,
    at_once: int = 8,
    requests: int = 100,
    largest: int = LARGEST,
    timeout: float = 10.0,
) -> WebhookHandler:
    """
    Give a handler for the events that the API posts, for a server of aiohttp's.

        inbox = WebhookInbox("inbox.db")
        app.router.add_post("/ingram", handler := webhook_handler(secrets, seen=inbox, on_event=work))
        app.cleanup_ctx.append(handler.running)

    With an inbox, an event is on the disk before it is answered, and *on_event* is given it until it returns, after a
    crash, too; see `WebhookInbox.delivering`. Without, an event that waits is lost with the process. Each is given once
    by its id, but for those that a crash interrupts.

    It answers 200 for an event that is kept or was before, 401 for one that is not signed as it should be, 400 for one
    that cannot be read, 413 for one that is too large, 408 for one that comes too slowly, 405 for another method than
    POST; and 503 where it cannot be kept: the file fails, as many requests are being answered as may be, as many
    events wait, or something unforeseen has ended what deals with them. Whether the API comes again after that is not
    documented: keep polling as a backstop.

    Without the last line above it runs from the first request until the event loop ends: what a crash left waits for
    that request.

    Args:
        secrets: See `webhooks.verify`.
        seen: What keeps each event once: a `WebhookInbox`, which keeps all of it, or what keeps its id; `None` does
            that in memory. An inbox and a `SeenInFile` are opened and closed; one of your own is not.
        on_event: Awaited for each event, some time after the answer; a plain function is called in a thread. What an
            event says is a hint, see `OrdersClient.confirm`.
        deliver: Whether what is put into an inbox is to be dealt with; `None` is for whether *on_event* is given. With
            true and without *on_event*, another process does it, by `WebhookInbox.delivering`.
        at_once: How many events are dealt with at a time.
        requests: How many requests are answered at a time; one takes up to *largest* bytes. Of those whose body is
            long, one is read at a time, which may take fifty times as much.
        largest: Bytes of a body that are read, decompressed.
        timeout: Seconds in which a body must have come; and in which a *seen* of your own must have answered.

    Raises:
        ConfigurationError: A setting cannot be right, or nothing is to be done with an event.
        InvalidRequestError: A number is less than 1.
    """
    from aiohttp import web  # a server, which clients alone do not need

    receiver = _Receiver(
        secrets, seen, on_event, deliver, at_once=at_once, requests=requests, largest=largest, timeout=timeout
    )

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405, headers={"Allow": "POST"})
        try:
            await receiver.receive(request)
        except DuplicateEventError:
            return web.Response()
        except WebhookError as refused:
            tell(_log, logging.WARNING, "an event was turned away with %d: %s", refused.status, refused)
            if refused.status == 503:  # of which nobody else is to know where it is kept
                return web.Response(status=503, headers=_LATER)
            return web.Response(status=refused.status, text=str(refused))
        except ConfigurationError as exc:
            tell(_log, logging.ERROR, "an event cannot be kept: %s", exc)
            return web.Response(status=503, headers=_LATER)
        except TimeoutError:
            tell(_log, logging.WARNING, "an event was turned away with 408: its body took more than %g s", timeout)
            return web.Response(status=408)
        except (web.RequestPayloadError, ConnectionError) as exc:  # not compressed as it says, or cut off
            tell(_log, logging.WARNING, "an event was turned away with 400: %s", describe(exc))
            return web.Response(status=400)
        return web.Response()

    handler.running = receiver.running  # type: ignore[attr-defined]  # a plain function, as aiohttp asks for
    return cast("WebhookHandler", handler)


class _Receiver:
    """Takes events in, and has them dealt with; knows no server but by its requests."""

    def __init__(
        self,
        secrets: str | Iterable[str],
        seen: SeenEvents | WebhookInbox | None,
        on_event: OnEvent | None,
        deliver: bool | None,
        *,
        at_once: int,
        requests: int,
        largest: int,
        timeout: float,
    ) -> None:
        for name, number in (("at_once", at_once), ("requests", requests), ("largest", largest)):
            check_whole(number, name, 1)
        self._secrets = several_of(secrets)
        if on_event is not None and not callable(on_event):
            raise ConfigurationError(f"on_event must be a function, not {brief(on_event)}")
        if seen is not None and not isinstance(seen, WebhookInbox):
            _check_seen(seen)
        if not isinstance(seen, WebhookInbox) and (on_event is None or deliver is False):
            raise ConfigurationError("without on_event and without an inbox, events would go nowhere")
        self._seen: SeenEvents | None = None
        if isinstance(seen, WebhookInbox):
            self._inbox = seen
        else:
            self._inbox = WebhookInbox(MEMORY, keep=timedelta(seconds=1), at_most=WAITING + requests)
            self._seen = SeenInMemory() if seen is None else seen
        self._on_event = on_event
        self._deliver = on_event is not None if deliver is None else deliver
        self._at_once = at_once
        self._requests = requests
        self._largest = largest
        self._timeout = checked_seconds(timeout, "timeout")
        if self._timeout is not None and self._timeout <= 0:
            raise ConfigurationError("timeout must be more than 0 seconds")
        self._now_answered = 0
        self._reads_long = asyncio.Lock()
        """Held while a long body is read; another for each event loop."""
        self._runs_in: asyncio.AbstractEventLoop | None = None
        self._runs = 0
        """How many apps run with it there."""
        self._deliveries = set[asyncio.Task[None]]()
        """What deals with events there: done only where something unforeseen has ended it."""
        self._ready: asyncio.Future[None] | None = None
        """Of what begins to run, or runs, by a request."""

    async def receive(self, request: "web.Request") -> None:
        """
        Take an event in.

        Raises:
            WebhookError: It is turned away.
            ConfigurationError: It cannot be kept.
            TimeoutError: It comes too slowly.
        """
        if self._now_answered >= self._requests:
            raise InboxFullError(f"{self._requests} events are being answered")
        self._now_answered += 1
        try:
            await self._see_that_it_runs()
            if self._deliveries and all(it.done() for it in self._deliveries):
                raise ConfigurationError("events are dealt with no more; what ended that was told when it did")
            await self._keep(await self._event(request))
        finally:
            self._now_answered -= 1

    async def _event(self, request: "web.Request") -> WebhookEvent:
        signature = request.headers.get(SIGNATURE)
        if not signature:  # of which nothing has to be read
            raise SignatureError("the event is not signed")
        body = bytearray()
        async with asyncio.timeout(self._timeout):
            check_size(request.content_length or 0, self._largest)
            async for chunk in request.content.iter_any():
                body += chunk
                check_size(len(body), self._largest)
        if len(body) < LONG_BODY:
            return read(body, signature, self._secrets, largest=self._largest)
        async with self._reads_long:  # whoever posts it: whether it is signed is known when it is read
            return await asyncio.to_thread(read, body, signature, self._secrets, largest=self._largest)

    async def _keep(self, event: WebhookEvent) -> None:
        if self._seen is None:
            return await self._inbox.put(event, deliver=self._deliver)
        # First, or it would be known when it comes again, and was never dealt with.
        if (waiting := await self._inbox.waiting()) >= WAITING:
            raise InboxFullError(f"{waiting:,} events wait to be dealt with")
        # Both or none, for the same reason, also where the request is cancelled meanwhile.
        keeping = asyncio.ensure_future(self._see_and_put(self._seen, event))
        try:
            return await asyncio.shield(keeping)
        except asyncio.CancelledError:
            await asyncio.wait([keeping])
            raise

    async def _see_and_put(self, seen: SeenEvents, event: WebhookEvent) -> None:
        # A file gives up by itself, and knows then whether it has kept the id.
        limit = None if isinstance(seen, SeenInFile) else self._timeout
        try:
            async with asyncio.timeout(limit):
                await seen.add(event.event_id)
        except BaseException as exc:  # it is somebody else's, and may fail at anything
            if isinstance(exc, WebhookError | ConfigurationError) or ends_us_too(exc):
                raise
            raise ConfigurationError(f"{type(seen).__name__}.add failed: {describe(exc)}") from exc
        await self._inbox.put(event)

    # ── Running ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def running(self, _: object = None, /) -> AsyncIterator[None]:
        """See `WebhookHandler.running`."""
        async with self._open():
            yield

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        delivery: asyncio.Task[None] | None = None
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._inbox)
            if isinstance(self._seen, SeenInFile):  # another is lent, and not ours to close
                await stack.enter_async_context(self._seen)
            if self._on_event is not None:
                delivering = self._inbox.delivering(self._on_event, at_once=self._at_once)
                delivery = await stack.enter_async_context(delivering)
            loop = asyncio.get_running_loop()
            if self._runs_in is not loop:
                self._runs_in, self._runs, self._reads_long, self._deliveries = loop, 0, asyncio.Lock(), set()
            self._runs += 1
            if delivery is not None:
                self._deliveries.add(delivery)
            try:
                yield
            finally:
                self._runs -= 1
                self._deliveries -= {delivery}
                if not self._runs:
                    self._runs_in = None

    async def _see_that_it_runs(self) -> None:
        loop = asyncio.get_running_loop()
        if self._runs_in is loop:
            return
        if self._ready is None or self._ready.get_loop() is not loop:
            self._ready = loop.create_future()
            # There is no block that it could end with: it ends as all tasks do that are left when their loop ends.
            _KEEPERS.add(keeper := loop.create_task(self._stay_open(self._ready)))
            keeper.add_done_callback(_KEEPERS.discard)
        await asyncio.shield(self._ready)

    async def _stay_open(self, ready: "asyncio.Future[None]") -> None:
        try:
            async with self._open():
                ready.set_result(None)
                await asyncio.Event().wait()
        except (Exception, BaseExceptionGroup) as exc:
            if ready.done():  # at the end, where nobody is left who could be told otherwise
                tell(_log, logging.ERROR, "dealing with events has ended: %s", describe(exc))
                return
            ready.set_exception(exc)  # of opening it, which the next request tries again
            ready.exception()  # looked at here, for nobody may be left who waits for it
        finally:
            if self._ready is ready:
                self._ready = None
            ready.cancel()


def _check_seen(seen: object) -> None:
    if isinstance(seen, type):
        raise ConfigurationError(f"seen must be an object, and {seen.__name__} is a class")
    add = getattr(seen, "add", None)
    if not callable(add):
        raise ConfigurationError(f"seen must have add(event_id), and a {type(seen).__name__} has not")
    if not is_async(add):  # what it does would be done, and told as a failure
        raise ConfigurationError(f"{type(seen).__name__}.add(event_id) must be an `async def`")
