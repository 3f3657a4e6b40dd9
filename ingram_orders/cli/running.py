"""Runs a command's coroutine, so that an interrupt is heard whenever it comes."""

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """
    Do as `asyncio.run` does, on uvloop's loop with the extra `speed`.

    On asyncio's own, an interrupt that comes just before the loop falls asleep is heard only when something else wakes
    it, which may be a minute later (seen on a loaded machine).
    """
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.run(_wakeful(main))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


async def _wakeful(main: Coroutine[Any, Any, T]) -> T:
    # On Windows the loop sees to that by itself; and only the main thread hears of signals.
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        return await main
    loop = asyncio.get_running_loop()
    woken, waking = socket.socketpair()
    with woken, waking:
        woken.setblocking(False)
        waking.setblocking(False)
        loop.add_reader(woken, woken.recv, 4096)
        before = signal.set_wakeup_fd(waking.fileno())
        try:
            return await main
        finally:
            signal.set_wakeup_fd(before)
            loop.remove_reader(woken)
