"""
Deals with events, some at a time, until each is dealt with; what is known of them, an inbox keeps.

What is done with one is done at least once, since a crash may come before that is noted.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Final, Protocol
from uuid import uuid4

from attrs import frozen

from ingram_orders.errors import ConfigurationError, describe
from ingram_orders.exact_json import LONG_BODY, read_again
from ingram_orders.logs import tell
from ingram_orders.webhooks import WebhookEvent, restored

OnEvent = Callable[[WebhookEvent], Awaitable[object] | object]
"""What deals with an event; a plain function does so in a thread, so that it does not hold the event loop."""

LOOK: Final = 1.0
"""Seconds after which to look again for what other processes have put in, and for what is due again."""

SLOWEST: Final = 3600.0
"""Seconds after which at most an event is dealt with again where that failed; first it is two, then twice as long."""

_log = logging.getLogger(__name__)


@frozen
class Claimed:
    """An event that is ours to deal with."""

    id: int
    event_id: str
    data: str
    """All that it says, in JSON."""
    failures: int
    """How often dealing with it failed."""


class Claims(Protocol):
    """What keeps events, and who deals with which; see `WebhookInbox`. All but `news` raise `ConfigurationError`."""

    lease: float
    puts: int

    async def claim(self, owner: str, under_way: Set[int]) -> Claimed | None: ...

    async def keep_claims(self, owner: str, under_way: Set[int]) -> None: ...

    async def note(self, claimed: Claimed, owner: str, *, again_in: float | None) -> None: ...

    async def give_back(self, owner: str) -> None: ...

    async def news(self, seconds: float) -> None: ...


async def deliver(claims: Claims, on_event: OnEvent, at_once: int, sleep: Callable[[float], Awaitable[None]]) -> None:
    """Deal with events until this is cancelled; see `WebhookInbox.delivering`."""
    # Threads of its own, so that slow functions keep nobody else's work from being done.
    threads = None if is_async(on_event) else ThreadPoolExecutor(at_once, thread_name_prefix="on_event")
    delivery = _Delivery(claims, on_event, threads)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(delivery.give_signs_of_life(sleep))
            await delivery.run(group, at_once)
    except BaseExceptionGroup as failed:  # at once: the block in which this is done may not end for long
        tell(_log, logging.ERROR, "events are dealt with no more: %s", describe(failed), error=failed)
        raise
    finally:
        if threads is not None:
            await asyncio.get_running_loop().run_in_executor(None, threads.shutdown)
        with suppress(ConfigurationError):  # also what was claimed while this was cancelled
            await claims.give_back(delivery.owner)


class _Delivery:
    def __init__(self, claims: Claims, on_event: OnEvent, threads: ThreadPoolExecutor | None) -> None:
        self.owner = uuid4().hex
        self._claims = claims
        self._on_event = on_event
        self._threads = threads
        self._under_way = set[int]()

    async def run(self, group: asyncio.TaskGroup, at_once: int) -> None:
        free = asyncio.Semaphore(at_once)

        async def deal_with(claimed: Claimed) -> None:
            try:
                await self._deal_with(claimed)
            finally:
                self._under_way.discard(claimed.id)
                free.release()

        while True:
            await free.acquire()
            # Read before asking: what comes while that is under way is not to be slept over.
            puts = self._claims.puts
            claimed: Claimed | None = None
            try:
                claimed = await self._claims.claim(self.owner, frozenset(self._under_way))
            except ConfigurationError as exc:
                tell(_log, logging.ERROR, "events cannot be dealt with: %s", exc)
            if claimed is not None:
                self._under_way.add(claimed.id)
                group.create_task(deal_with(claimed))
                continue
            free.release()
            if puts == self._claims.puts:
                await self._claims.news(LOOK)

    async def give_signs_of_life(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        while True:
            await sleep(self._claims.lease / 3)
            with suppress(ConfigurationError):  # who claims next tells it
                await self._claims.keep_claims(self.owner, frozenset(self._under_way))

    async def _deal_with(self, claimed: Claimed) -> None:
        failure: BaseException | None = None
        try:
            given = await self._called(await _event(claimed.data))
            if inspect.isawaitable(given):
                await given
        except BaseException as exc:  # it is somebody else's, and may fail at anything
            if ends_us_too(exc):
                raise
            failure = exc
        again_in: float | None = None
        if failure is not None:
            again_in = min(2.0 ** min(claimed.failures + 1, 30), SLOWEST)
            text = "event %s could not be dealt with, and comes again in %.0f s: %s"
            tell(_log, logging.ERROR, text, claimed.event_id, again_in, describe(failure), error=failure)
        try:
            await self._claims.note(claimed, self.owner, again_in=again_in)
        except ConfigurationError as exc:
            text = "event %s: what was done about it cannot be noted, and it comes again: %s"
            tell(_log, logging.ERROR, text, claimed.event_id, exc)

    async def _called(self, event: WebhookEvent) -> object:
        if self._threads is None:
            return self._on_event(event)
        context = copy_context()

        def called() -> object:
            try:
                return context.run(self._on_event, event)
            except StopIteration as exc:  # which no future takes: it would never be done
                raise RuntimeError("on_event raised StopIteration") from exc

        return await asyncio.get_running_loop().run_in_executor(self._threads, called)


def ends_us_too(raised: BaseException) -> bool:
    """Tell whether what somebody else's code raised is to end ours as well; all else is only a failure of its own."""
    if isinstance(raised, asyncio.CancelledError):  # which may be of something of its own, and not of us
        return (task := asyncio.current_task()) is None or task.cancelling() > 0
    return isinstance(raised, KeyboardInterrupt | SystemExit | GeneratorExit)  # the last where nobody runs it any more


async def _event(data: str) -> WebhookEvent:
    if len(data) < LONG_BODY:
        return restored(read_again(data))
    return await asyncio.to_thread(lambda: restored(read_again(data)))


def is_async(function: Callable[..., object]) -> bool:
    """Tell whether what it gives is to be awaited, as far as that can be told before it is called."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
