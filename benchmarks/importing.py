"""
What importing costs, in fresh processes, beside importing what the library stands on: the whole process, and what
remains without the interpreter's own start. Both must keep to the goal.

Some environments forbid writing bytecode, and then every import compiles; so it is kept in a folder of our own.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.measuring import Cost, alone, scaled, take_turns
from benchmarks.rows import Row

GOAL: Final = 1.25
PEER: Final = "import aiohttp, attrs, cattrs"
NOTHING: Final = "pass"
OURS: Final = {
    "import ingram_orders": "import ingram_orders",
    "import it, make a client and a request": (
        "from ingram_orders import OrdersClient; "
        "OrdersClient('id', 'secret', customer_number='20-222222', country_code='US').details('20-RD3QV')"
    ),
}
NOT_NEEDED: Final = (
    "ingram_orders.sandbox", "ingram_orders.cli", "ingram_orders.testing", "click", "rich", "msgspec", "uvloop",
)  # fmt: skip
ROOT: Final = Path(__file__).parents[1]


def rows(quick: bool) -> Iterator[Row]:
    """Measure importing, and making a client too; and look at what was imported."""
    for what, code in OURS.items():
        costs, needless = alone(measure, code, 2 if quick else 30)
        for which, start in (("", [0.0] * len(costs[code])), (", less Python's start", costs[NOTHING])):
            ours, theirs = ([it - less for it, less in zip(costs[it], start, strict=True)] for it in (code, PEER))
            yield Row(
                what=f"{what}{which}", unit="ms CPU", ours=scaled(ours, 1e3), peer=PEER, beside=scaled(theirs, 1e3),
                told="times as much", at_most=GOAL,
            )  # fmt: skip
        yield Row(what=f"{what}: needless modules", unit="modules", ours=(needless,), at_most=0)


def measure(code: str, rounds: int) -> tuple[dict[str, list[float]], int]:
    """Give the seconds of each import, and how many modules were imported that are not wanted."""
    with tempfile.TemporaryDirectory() as bytecode:
        costs = take_turns({it: partial(timed, it, bytecode) for it in (NOTHING, PEER, code)}, rounds)
        needless = needless_of(code, bytecode)
    return {it: [cost.cpu for cost in costs[it]] for it in costs}, needless


def timed(code: str, bytecode: str) -> Cost:
    """
    Give the processor seconds of a fresh interpreter that runs some code, the system's included.

    Raises:
        RuntimeError: The code failed.
    """
    began = time.perf_counter()
    started = os.posix_spawn(sys.executable, interpreter(code, bytecode), environment())
    _, status, used = os.wait4(started, 0)
    if status:
        raise RuntimeError(f"{code!r} failed")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - began)


def needless_of(code: str, bytecode: str) -> int:
    """
    Give how many modules some code imports that are not wanted.

    Raises:
        subprocess.CalledProcessError: The code failed.
    """
    told = f"{code}; import json, sys; print(json.dumps([it for it in {NOT_NEEDED} if it in sys.modules]))"
    command = interpreter(told, bytecode)
    ran = subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE)  # noqa: S603  # our own
    return len(json.loads(ran.stdout))


def interpreter(code: str, bytecode: str) -> list[str]:
    """Give the command of a fresh interpreter that runs code, and keeps its bytecode in a folder of its own."""
    return [
        sys.executable,
        "-X",
        f"pycache_prefix={bytecode}",
        "-c",
        f"import sys; sys.path[0] = {str(ROOT)!r}; {code}",
    ]


def environment() -> dict[str, str]:
    """Give an environment that lets it write bytecode."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
