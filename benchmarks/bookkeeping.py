"""What limiter and retries cost a call that neither waits nor fails: with both, beside a client that has neither."""

from collections.abc import Iterator
from functools import partial

from benchmarks.clients import in_one_loop, ours
from benchmarks.measuring import alone_often, cost, scaled, serving, take_turns
from benchmarks.payloads import details_answer
from benchmarks.rows import Row
from benchmarks.servers import minimal
from ingram_orders import RateLimit, RetryPolicy


def rows(quick: bool) -> Iterator[Row]:
    """Measure in many short rounds, for the difference is smaller than what disturbs any one of them."""
    with serving(minimal, details_answer()) as port:
        costs = alone_often(measure, port, *((64, 2) if quick else (256, 40)), processes=1 if quick else 4)
    yield Row(
        what="details call, with limiter and retries", unit="µs CPU", ours=scaled(costs["both"], 1e6),
        peer="limiter=None, one attempt", beside=scaled(costs["none"], 1e6), told="times as much", at_most=1.03,
    )  # fmt: skip


def measure(port: int, calls: int, rounds: int) -> dict[str, list[float]]:
    """Give the processor seconds of a call of either client, in the same process and the same loop."""
    with_both = ours(port, limiter=RateLimit(10**6, 60), retry=RetryPolicy())
    with_none = ours(port, limiter=None, retry=RetryPolicy(attempts=1))
    with in_one_loop([with_both, with_none]) as [both, none]:
        costs = take_turns({"both": partial(cost, both, calls), "none": partial(cost, none, calls)}, rounds)
    return {name: [it.cpu for it in costs[name]] for name in costs}
