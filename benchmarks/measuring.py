"""How to measure fairly: processes on cores of their own, blocks that take turns, a garbage collector at rest."""

import asyncio
import gc
import inspect
import logging
import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import frozen

from ingram_orders import exact_json

Key = TypeVar("Key")
T = TypeVar("T")

CORES: Final = sorted(os.sched_getaffinity(0))
MEASURED: Final = CORES[-1]
"""The core of what is measured, and of nothing else of ours."""
OTHER: Final = CORES[0]
"""The core of servers, of whoever posts events, and of the process that prints the table."""

_SPAWN: Final = multiprocessing.get_context("spawn")
"""Forked processes would share memory that is to be measured, and what was imported."""


# ── Blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

Block = Callable[[int], object]
"""Does a piece of work so many times."""


@frozen
class Cost:
    """Seconds of doing something once."""

    cpu: float
    """Of this process, all threads together."""
    wall: float


def cost(block: Block, times: int) -> Cost:
    """Measure a block once."""
    gc.collect()  # so that nobody pays for what another left
    cpu, wall = time.process_time(), time.perf_counter()
    block(times)
    return Cost((time.process_time() - cpu) / times, (time.perf_counter() - wall) / times)


def again_and_again(work: Callable[[], object]) -> Block:
    """Make a block of a function."""

    def block(times: int) -> None:
        for _ in range(times):
            work()

    return block


def times_within(block: Block, seconds: float = 0.02) -> int:
    """Find out how often a block does its work in so many seconds."""
    times, took = 1, 0.0
    while took < seconds / 2:
        times *= 2
        began = time.perf_counter()
        block(times)
        took = time.perf_counter() - began
    return max(1, round(times * seconds / took))


def take_turns(measures: Mapping[Key, Callable[[], Cost]], rounds: int) -> dict[Key, list[Cost]]:
    """
    Measure several things in turns, A B A B, so that whatever disturbs one disturbs the others.

    A round before the first warms up; what start-up left is then kept from the garbage collector.
    """
    for measure in measures.values():
        measure()
    gc.collect()
    gc.freeze()
    costs: dict[Key, list[Cost]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            costs[name].append(measure())
    gc.unfreeze()
    return costs


def compare(works: Mapping[Key, Callable[[], object]], rounds: int) -> dict[Key, list[float]]:
    """Give, round by round, the processor seconds that functions take."""
    blocks = {name: again_and_again(work) for name, work in works.items()}
    measures = {name: partial(cost, block, times_within(block)) for name, block in blocks.items()}
    return {name: [it.cpu for it in costs] for name, costs in take_turns(measures, rounds).items()}


def scaled(values: Sequence[float], factor: float) -> tuple[float, ...]:
    """Give values in another unit: seconds as microseconds, by a million."""
    return tuple(it * factor for it in values)


# ── Processes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def pin(core: int) -> None:
    """Keep this process, and those it starts, on one core."""
    os.sched_setaffinity(0, {core})


def alone(work: Callable[..., Any], *args: Any, speed: bool = True) -> Any:
    """
    Do something in a fresh process, on the core that is measured.

    Args:
        work: A function, or an async one.
        args: What it is called with.
        speed: Whether the library may use its extra `speed`.
    """
    with _process(_do, work, *args, core=MEASURED, speed=speed) as pipe:
        return _said(pipe)


def alone_often(
    work: Callable[..., Mapping[Key, Sequence[T]]], *args: Any, processes: int = 4, speed: bool = True
) -> dict[Key, list[T]]:
    """
    Measure rounds of several things, in several fresh processes; give the rounds of all of them.

    The seed of hashes and the layout of memory, which differ by process, favour one side or the other: the same code
    took 105 µs in most processes and 144 in one, in each of 40 rounds.
    """
    rounds: dict[Key, list[T]] = {}
    for _ in range(processes):
        for name, measured in alone(work, *args, speed=speed).items():
            rounds.setdefault(name, []).extend(measured)
    return rounds


@contextmanager
def serving(server: Callable[..., AbstractAsyncContextManager[T]], *args: Any, core: int = OTHER) -> Iterator[T]:
    """Hold an `async with` open in a process of its own; give what it gives."""
    with _process(_hold, server, *args, core=core) as pipe:
        yield _said(pipe)


@contextmanager
def worker(
    blocks: Callable[..., AbstractContextManager[Block]], *args: Any, speed: bool = True
) -> Iterator[Callable[[int], Cost]]:
    """Hold a block ready in a process of its own, on the core that is measured; give what measures it there."""
    with _process(_work, blocks, *args, core=MEASURED, speed=speed) as pipe:
        _said(pipe)

        def measure(times: int) -> Cost:
            pipe.send(times)
            measured: Cost = _said(pipe)
            return measured

        yield measure


@contextmanager
def _process(
    run: Callable[..., None], target: Callable[..., Any], *args: Any, core: int, speed: bool = True
) -> Iterator[Connection]:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_run, args=(theirs, core, speed, run, target, args), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()  # which is how it is told to end
        process.join(20)
        process.kill()
        process.join()


def _said(pipe: Connection) -> Any:
    went_well, said = pipe.recv()
    if not went_well:
        raise RuntimeError(f"in another process:\n{said}")
    return said


def _run(
    pipe: Connection, core: int, speed: bool, run: Callable[..., None], target: Callable[..., Any], args: Any
) -> None:
    pin(core)
    logging.disable()
    if not speed:  # msgspec itself must be there, for it is a peer
        setattr(exact_json, "_fast_decoders", lambda *_: ())  # noqa: B010  # which checkers take for a mistake
    try:
        run(pipe, target, *args)
    except Exception:
        pipe.send((False, traceback.format_exc()))


def _do(pipe: Connection, work: Callable[..., Any], *args: Any) -> None:
    result = work(*args)
    pipe.send((True, asyncio.run(result) if inspect.iscoroutine(result) else result))


def _hold(pipe: Connection, server: Callable[..., AbstractAsyncContextManager[Any]], *args: Any) -> None:
    async def hold() -> None:
        async with server(*args) as given:
            pipe.send((True, given))
            await asyncio.to_thread(_wait_for_the_end, pipe)

    asyncio.run(hold())


def _work(pipe: Connection, blocks: Callable[..., AbstractContextManager[Block]], *args: Any) -> None:
    with blocks(*args) as block:
        pipe.send((True, None))
        if (times := _next(pipe)) is not None:
            pipe.send((True, cost(block, times)))  # which warms up
            gc.collect()
            gc.freeze()
        while (times := _next(pipe)) is not None:
            pipe.send((True, cost(block, times)))


def _next(pipe: Connection) -> int | None:
    try:
        times: int = pipe.recv()
    except EOFError:
        return None
    return times


def _wait_for_the_end(pipe: Connection) -> None:
    _next(pipe)


def resident() -> int:
    """Give the bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def most_resident() -> int:
    """Give the most bytes that this process ever held; `ru_maxrss` would count its parent's."""
    [line] = [it for it in Path("/proc/self/status").read_text("ascii").splitlines() if it.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
