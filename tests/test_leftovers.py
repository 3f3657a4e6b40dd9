"""The check after every test finds what it is there to find."""

import asyncio
import gc
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.calls import MyTokens
from support.leftovers import Handles, held, tasks

from ingram_orders import RateLimit
from ingram_orders.sandbox import Sandbox


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux lists a process's files so")
def test_a_socket_or_file_that_is_left_is_found(tmp_path: Path) -> None:
    handles = Handles()
    with socket.socket(), (tmp_path / "file").open("w"):
        left = handles.left()
        assert len(left) == 2
        assert any("socket:" in it for it in left)
    assert handles.left() == set()


def test_a_thread_that_is_left_is_found() -> None:
    handles, end = Handles(), threading.Event()
    thread = threading.Thread(target=end.wait, name="left")
    thread.start()
    assert handles.left() == {"left"}
    end.set()
    thread.join()
    assert handles.left() == set()


async def test_a_task_that_is_left_is_found() -> None:
    task = asyncio.create_task(asyncio.sleep(1000), name="left")
    assert "left" in "".join(tasks())
    task.cancel()
    await asyncio.wait([task])
    assert tasks() == set()


async def test_a_turn_or_place_that_is_held_is_found() -> None:
    limiter = RateLimit(calls=7)
    async with (
        Sandbox() as sandbox,
        sandbox.client(limiter=limiter, max_in_flight=5) as orders,
        orders._session.pace.turns,
        limiter.slot("GET /x"),
    ):
        told = sorted(held())
    assert told == ["GET /x of RateLimit(calls=7, seconds=60.0) is held", "a client has 4 of 5 turns left"]


async def leave_a_turn(sandbox: Sandbox) -> None:
    async with sandbox.client(token_source=MyTokens()) as orders:
        await orders._session.pace.turns.acquire()


async def leave_a_place(sandbox: Sandbox) -> None:
    limiter = RateLimit(calls=7)
    async with limiter.slot("GET /x"):
        limiter._routes["GET /x"].window.take(0.0)


@pytest.mark.parametrize("leave", [leave_a_turn, leave_a_place])
async def test_what_is_left_is_found_also_where_nobody_knows_of_it_any_more(
    leave: Callable[[Sandbox], Awaitable[None]],
) -> None:
    async with Sandbox(orders=0) as sandbox:
        await leave(sandbox)
    gc.collect()
    assert len([*held()]) == 1
