"""
Calls for details over HTTP, 64 at once, in steady state: processor time beside bare aiohttp, which parses the JSON and
looks at the same values in it; calls a second beside the official SDK with as many threads, and beside bare aiohttp
with a latency of 50 ms. That bare aiohttp also without a look at what it parsed is told, too, and has no goal.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

from benchmarks import official
from benchmarks.clients import AT_ONCE, Call, bare, in_one_loop, our_block, ours
from benchmarks.measuring import Cost, alone, alone_often, cost, scaled, serving, take_turns, worker
from benchmarks.payloads import details_answer
from benchmarks.peers import AIOHTTP, FAST, SDK, STANDARD, speeds
from benchmarks.rows import Row
from benchmarks.servers import minimal

GOALS: Final = {STANDARD: 1.6, FAST: 1.45}
"""How many times the processor time of bare aiohttp."""

SIDES: Final[Mapping[str, Callable[[int], AbstractAsyncContextManager[Call]]]] = {
    "us": ours,
    "them": bare,
    "blind": partial(bare, touch=len),
}

Costs = dict[str, list[Cost]]
"""Of some of the sides."""


def rows(quick: bool) -> Iterator[Row]:
    """Measure with the standard library and with `speed`, each without latency and with it."""
    calls, rounds = (64, 2) if quick else (1_000, 30)
    processes = 1 if quick else 3
    with serving(minimal, details_answer()) as near, serving(minimal, details_answer(), 0.050) as far:
        for told, speed in speeds().items():
            costs = alone_often(
                beside_aiohttp, near, calls, rounds // processes, tuple(SIDES), processes=processes, speed=speed
            )
            name = f"details call, 64 at once, {told}"
            cpu = {side: scaled([it.cpu for it in costs[side]], 1e6) for side in SIDES}
            yield Row(
                what=name, unit="µs CPU", ours=cpu["us"], peer=AIOHTTP, beside=cpu["them"], told="times as much",
                at_most=GOALS[told],
            )  # fmt: skip
            yield Row(
                what=name, unit="µs CPU", ours=cpu["us"], peer=f"{AIOHTTP}, not looked at", beside=cpu["blind"],
                told="times as much",
            )  # fmt: skip
            costs = beside_sdk(near, calls, rounds // 2, speed=speed)
            yield _a_second(name, costs, SDK, at_least=2.0)
            costs = alone(beside_aiohttp, far, 2 * calls, rounds // 2, speed=speed)
            yield _a_second(f"{name}, 50 ms latency", costs, AIOHTTP, at_least=0.99)


def _a_second(what: str, costs: Costs, peer: str, *, at_least: float) -> Row:
    return Row(
        what=what, unit="calls a second", ours=tuple(1 / it.wall for it in costs["us"]), peer=peer,
        beside=tuple(1 / it.wall for it in costs["them"]), told="times as much", at_least=at_least,
    )  # fmt: skip


def beside_aiohttp(port: int, calls: int, rounds: int, sides: Sequence[str] = ("us", "them")) -> Costs:
    """Measure our calls and bare ones, in the same process and the same loop."""
    with in_one_loop([SIDES[side](port) for side in sides]) as blocks:
        return take_turns({side: partial(cost, it, calls) for side, it in zip(sides, blocks, strict=True)}, rounds)


def beside_sdk(port: int, calls: int, rounds: int, *, speed: bool) -> Costs:
    """Measure our calls and the official SDK's; each has a process of its own, on the same core."""
    with worker(our_block, port, speed=speed) as us, worker(official.calls, port, AT_ONCE) as them:
        return take_turns({"us": partial(us, calls), "them": partial(them, calls)}, rounds)
