"""What a test may not leave behind: tasks, threads, files and sockets, turns and places that were not given back."""

import asyncio
import functools
import gc
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ingram_orders.limiter import RateLimit
from ingram_orders.pacing import Pace

_OPEN = Path("/proc/self/fd")

_made: list[Any] = []
"""Held on to until they are looked at: what a test leaves behind may be gone with it, and was left all the same."""


def watch() -> None:
    """Know of each client's pace and of each limiter from here on."""
    with suppress(ImportError):
        import uvloop

        uvloop.new_event_loop().close()  # with its first, a pipe is made that stays as long as the process
    for kind in (Pace, RateLimit):
        type.__setattr__(kind, "__init__", _noted(kind.__init__))


def _noted(init: Any) -> Any:
    @functools.wraps(init)
    def noted(self: Any, *arguments: Any, **settings: Any) -> None:
        init(self, *arguments, **settings)
        _made.append(self)

    return noted


def tasks() -> set[str]:
    """Name the tasks that still run, but for the one that asks."""
    left = {repr(it) for it in asyncio.all_tasks() if it is not asyncio.current_task() and not it.done()}
    # aiohttp's server, in its lowest version, goes on to read a body that was refused, though its connection is lost.
    return {it for it in left if "RequestHandler.start()" not in it or "connection_lost" not in it}


def held() -> Iterator[str]:
    """Tell what of the turns and places there are is still held by somebody."""
    for it in _made:
        if isinstance(it, Pace):
            if it.turns._value != it.max_in_flight:
                yield f"a client has {it.turns._value} of {it.max_in_flight} turns left"
        else:
            yield from (f"{route} of {it!r} is held" for route, its in it._routes.items() if its.window._taken)
    _made.clear()


class Handles:
    """The files, sockets and threads there are."""

    def __init__(self) -> None:
        self._files, self._threads = self._now()

    def left(self) -> set[str]:
        """Tell which there are since, that there were not."""
        files, threads = self._now()
        if files - self._files:
            gc.collect()  # what nobody holds any more is closed by that, and told as a warning if it should not be
            files, threads = self._now()
        return files - self._files | {it.name for it in threads - self._threads}

    @staticmethod
    def _now() -> tuple[set[str], set[threading.Thread]]:
        files = set()
        for file in _OPEN.iterdir() if _OPEN.exists() else ():
            with suppress(OSError):  # that of the listing itself is closed by now
                files.add(f"{file.name}: {file.readlink()}")
        return files, set(threading.enumerate())
