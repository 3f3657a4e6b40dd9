"""The benchmarks measure what they say: the same work on all sides, in turns, and told as it is. No time is judged."""

import asyncio
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, distribution
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Final

import attrs
import pytest
from support.plain import parts
from support.published import SPEC, needs_spec

from benchmarks import table
from benchmarks.__main__ import NAMES, SPEED
from benchmarks.clients import bare, ours
from benchmarks.importing import PEER as IMPORTS
from benchmarks.measuring import MEASURED, Cost, alone, take_turns
from benchmarks.payloads import (
    check_same,
    create_request,
    details_answer,
    search_answer,
    touch_details,
    touch_json,
    touch_search,
)
from benchmarks.peers import AIOHTTP, SDK, STANDARD, reads_with
from benchmarks.rows import Row, Run
from benchmarks.servers import minimal
from ingram_orders.converters import structure
from ingram_orders.exact_json import read_json
from ingram_orders.models import AnswerModel, OrderDetailB2B, OrderSearchResponse

ROOT = Path(__file__).parents[1]
README = ROOT.joinpath("README.md").read_text("utf-8")
KEPT = Run.read(ROOT / "benchmarks" / "results.json")


ANSWERS: dict[str, tuple[AnswerModel, Callable[[Any], list[Any]]]] = {
    "details": (structure(read_json(details_answer()), OrderDetailB2B), touch_details),
    "search": (structure(read_json(search_answer(3)), OrderSearchResponse), touch_search),
}

# ── The payloads, and what is looked at ─────────────────────────────────────────────────────────────────────────────


def shape(value: Any) -> Any:
    """Give the names and the types of JSON, and how many of each; a whole number is a number."""
    if isinstance(value, dict):
        return {key: shape(it) for key, it in value.items()}
    if isinstance(value, list):
        return [shape(it) for it in value]
    return float if isinstance(value, int | float) else type(value)


@needs_spec
def test_the_order_has_shape_and_size_of_the_published_example() -> None:
    [published] = [
        it["value"]
        for it in json.loads((SPEC / "examples.json").read_text("utf-8"))
        if it["spec"] == "orders-2025-11.json" and it["path"].startswith("/resellers/v6.1/") and it["status"] == "200"
    ]
    ours = json.loads(details_answer())
    assert shape(ours) == shape(published)
    assert len(json.dumps(ours)) == pytest.approx(len(json.dumps(published)), rel=0.03)


@pytest.mark.parametrize("which", ANSWERS)
def test_every_field_of_an_answer_is_known(which: str) -> None:
    assert [it for it in parts(ANSWERS[which][0]) if it.extra] == []


@pytest.mark.parametrize("which", ANSWERS)
def test_whatever_is_money_a_date_or_a_status_is_touched(which: str) -> None:
    """Changing any one of them changes what is read, and so none can be left undecoded."""
    answer, touch = ANSWERS[which]
    before, changed = touch(answer), 0
    for part in parts(answer):
        for it in attrs.fields(type(part)):
            value = getattr(part, it.name)
            if isinstance(value, Decimal | date) or (it.name.endswith("status") and value is not None):
                setattr(part, it.name, "another")
                assert touch(answer) != before, f"{type(part).__name__}.{it.name}"
                setattr(part, it.name, value)
                changed += 1
    assert changed > 10
    assert touch(answer) == before


def test_whoever_asks_without_models_looks_at_the_same_values() -> None:
    """Else one side of the calls would do less than the other."""
    answer, touch = ANSWERS["details"]
    check_same(touch(answer), touch_json(json.loads(details_answer())))


def test_the_page_and_the_request_are_as_long_as_they_say() -> None:
    assert len(json.loads(search_answer())["orders"]) == 100
    assert len(json.loads(details_answer(200))["lines"]) == 200
    assert len(create_request().lines or ()) == 50


def test_sides_that_read_the_same_pass() -> None:
    check_same([Decimal("1.10"), date(2026, 1, 2), None, "a"], [1.1, "2026-01-02", "", "a"])


@pytest.mark.parametrize("theirs", [[1.2, "a"], [1.1, "b"], [1.1, None]])
def test_a_side_that_reads_something_else_is_found_out(theirs: list[Any]) -> None:
    with pytest.raises(AssertionError, match="there"):
        check_same([Decimal("1.10"), "a"], theirs)


def test_a_side_that_reads_less_is_found_out() -> None:
    with pytest.raises(ValueError, match="shorter"):
        check_same([Decimal("1.10"), "a"], [1.1])


# ── Measuring ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_things_are_measured_in_turns_after_one_round_that_does_not_count() -> None:
    measured: list[str] = []

    def measure(name: str) -> Cost:
        measured.append(name)
        return Cost(len(measured), 0)

    costs = take_turns({"a": lambda: measure("a"), "b": lambda: measure("b")}, 2)
    assert "".join(measured) == "ababab"
    assert [it.cpu for it in costs["a"]] == [3, 5]


@pytest.fixture(scope="module")
def processes() -> None:
    """Start the helper that multiprocessing starts with the first process, and keeps."""
    resource_tracker.ensure_running()


@pytest.mark.usefixtures("processes")
def test_a_fresh_process_is_on_its_core_and_may_have_to_do_without_speed() -> None:
    assert alone(os.sched_getaffinity, 0) == {MEASURED}
    assert alone(reads_with, speed=False) == STANDARD
    assert alone(reads_with) == reads_with()


@pytest.mark.usefixtures("processes")
def test_what_fails_in_another_process_fails_here() -> None:
    with pytest.raises(RuntimeError, match="ValueError: invalid literal"):
        alone(int, "none")


async def test_the_minimal_server_reads_each_request_to_its_end() -> None:
    async with minimal(b"{}") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = b"POST /oauth/oauth20/token HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /GET /a HTTP/1.1\r\n\r\n"
        for at in range(len(asked)):
            writer.write(asked[at : at + 1])
            await writer.drain()
        bodies = []
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            bodies.append(await reader.readexactly(int(head.rpartition(b"Content-Length: ")[2])))
        assert json.loads(bodies[0])["access_token"]
        assert bodies[1] == b"{}"
        writer.close()
        await writer.wait_closed()


# ── Rows, and what is told of them ──────────────────────────────────────────────────────────────────────────────────

FASTER = Row(
    benchmark="a", what="read", unit="µs CPU", ours=[1, 2, 4], peer="p", beside=[2, 6, 4],
    told="times as fast", at_least=2,
)  # fmt: skip
SLOWER = Row(benchmark="a", what="call", unit="µs CPU", ours=[3], peer="p", beside=[2], told="times as much", at_most=1)
COUNT = Row(benchmark="b", what="calls", unit="calls", ours=[7], at_most=7)
BARE = Row(benchmark="b", what="time", unit="s", ours=[7])


def run_of(*rows: Row) -> Run:
    return Run(about={"machine": "this"}, rows=rows)


def test_a_ratio_is_the_median_of_rounds_that_followed_each_other() -> None:
    assert (FASTER.median, FASTER.ratio, FASTER.figure) == (2, 2, 2)
    assert (SLOWER.ratio, COUNT.ratio) == (1.5, None)
    assert attrs.evolve(FASTER, told="value").figure == 2


def test_a_goal_is_met_or_not_or_there_is_none() -> None:
    assert [it.is_met for it in (FASTER, SLOWER, COUNT, BARE)] == [True, False, True, None]
    assert attrs.evolve(FASTER, at_least=2.1).is_met is False
    assert [it.goal for it in (FASTER, SLOWER, BARE)] == ["≥ 2", "≤ 1", ""]


@pytest.mark.parametrize(("ours", "told"), [(1.998, "1.998 x"), (2.0, "2 x"), (1.98, "1.98 x")])
def test_a_ratio_that_would_be_told_as_its_goal_is_told_more_exactly(ours: float, told: str) -> None:
    row = Row(what="call", unit="s", ours=[ours], peer="p", beside=[1], told="times as much", at_least=2)
    assert told in "\n".join(table.table(run_of(row)))


def test_the_table_says_what_is_not_met() -> None:
    lines = [*table.table(run_of(FASTER, SLOWER, COUNT, BARE))]
    [call] = [it for it in lines if it.startswith("call ")]
    assert call.endswith("NOT met")
    assert lines[0] == "machine: this"
    assert lines[-1] == "3 goals, 1 NOT met"


def test_a_comparison_tells_what_changed_and_what_is_new_or_gone() -> None:
    new = attrs.evolve(SLOWER, ours=[6])
    [_, changed, added, gone] = table.changes(run_of(SLOWER, COUNT), run_of(new, BARE))
    assert changed.split() == ["3", "6", "+100.0%", "1.50", "3", "a:", "call,", "beside", "p"]
    assert added.endswith("b: time (new)")
    assert gone.endswith("b: calls (not any more)")


def test_what_was_kept_is_the_same_again(tmp_path: Path) -> None:
    run = run_of(FASTER, SLOWER, COUNT, BARE)
    run.write(tmp_path / "run.json")
    assert Run.read(tmp_path / "run.json") == run


# ── All of it, quickly ──────────────────────────────────────────────────────────────────────────────────────────────


def command(*arguments: str | Path) -> str:
    """Run the benchmarks' command line."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Give a folder with what a quick run kept and drew, and what it printed."""
    for needed in ("xi-sdk-resellers", "msgspec", "pygal"):  # not imported here: pygal leaves a finder behind
        try:
            distribution(needed)
        except PackageNotFoundError:
            pytest.skip(f"the extra `bench` brings {needed}")
    folder = tmp_path_factory.mktemp("benchmarks")
    options: list[str | Path] = ["--quick", "--json", folder / "run.json", "--plot", folder / "plots"]
    return folder, command(*SPEED, *options)


@pytest.mark.slow
def test_a_quick_run_measures_all_of_its_rows(quick: tuple[Path, str]) -> None:
    folder, printed = quick
    run = Run.read(folder / "run.json")
    assert {it.benchmark for it in run.rows} == {*SPEED}
    for row in run.rows:
        assert row.what in printed
        assert (row.ratio is None) == (row.peer == "")
        if "less Python's start" not in row.what:  # the difference of two times that are short here
            assert row.ratio is None or min(*row.ours, row.ratio) > 0
    assert printed.endswith(table.summary(run) + "\n")


@pytest.mark.slow
def test_its_goals_are_those_that_were_kept(quick: tuple[Path, str]) -> None:
    """But for memory, where they grow with what is done, and a quick run does little."""
    run = Run.read(quick[0] / "run.json").only(set(SPEED) - {"memory"})
    assert goals(run) == {it: GOALS[it] for it in GOALS if "100,000" not in it[0]}


@pytest.mark.slow
def test_it_draws_each_benchmark_that_compares(quick: tuple[Path, str]) -> None:
    drawn = sorted((quick[0] / "plots").iterdir())
    assert [it.name for it in drawn] == sorted(f"{it}.svg" for it in SPEED if it != "memory")
    for it in drawn:
        assert ET.parse(it).getroot().tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.slow
def test_what_was_kept_is_compared_and_printed_without_measuring_again(quick: tuple[Path, str]) -> None:
    kept = quick[0] / "run.json"
    assert "+0.0%" in command("writing", "--from", kept, "--compare", kept)
    assert command("writing", "--from", kept, "--markdown").count("official SDK") == 1


GOALS: Final = {
    ("read details, 5 kB, standard library", SDK): "≥ 1.4",
    ("read details, 5 kB, with `speed`", SDK): "≥ 2",
    ("read details of 200 lines, 607 kB, standard library", SDK): "≥ 1.4",
    ("read details of 200 lines, 607 kB, with `speed`", SDK): "≥ 2",
    ("read a page of 100 orders, 75 kB, standard library", SDK): "≥ 1.4",
    ("read a page of 100 orders, 75 kB, with `speed`", SDK): "≥ 2",
    ("write a create request of 50 lines", SDK): "≥ 2",
    ("details call, 64 at once, standard library", AIOHTTP): "≤ 1.6",
    ("details call, 64 at once, standard library", SDK): "≥ 2",
    ("details call, 64 at once, standard library, 50 ms latency", AIOHTTP): "≥ 0.99",
    ("details call, 64 at once, with `speed`", AIOHTTP): "≤ 1.45",
    ("details call, 64 at once, with `speed`", SDK): "≥ 2",
    ("details call, 64 at once, with `speed`, 50 ms latency", AIOHTTP): "≥ 0.99",
    ("one setter", AIOHTTP): "≤ 0.01",
    ("build and encode a search with 10 parameters", AIOHTTP): "≤ 0.12",
    ("import ingram_orders", IMPORTS): "≤ 1.25",
    ("import ingram_orders, less Python's start", IMPORTS): "≤ 1.25",
    ("import ingram_orders: needless modules", ""): "≤ 0",
    ("import it, make a client and a request", IMPORTS): "≤ 1.25",
    ("import it, make a client and a request, less Python's start", IMPORTS): "≤ 1.25",
    ("import it, make a client and a request: needless modules", ""): "≤ 0",
    ("stream 100,000 orders: growth after a tenth", ""): "≤ 20.8",  # 10 MB, and 120 bytes for each of 90,000
    ("stream 100,000 orders: growth by order", ""): "≤ 120",
    ("100,000 calls, 64 at once: growth after a tenth", ""): "≤ 10",
    ("details call, with limiter and retries", "limiter=None, one attempt"): "≤ 1.03",
}
"""The figures that were set for the library, and not by who measures."""


def goals(run: Run) -> dict[tuple[str, str], str]:
    return {(it.what, it.peer): it.goal for it in run.only(SPEED).rows if it.goal}


def test_nobody_has_moved_a_goal() -> None:
    assert goals(KEPT) == GOALS


async def test_both_sides_of_the_calls_look_at_the_same_values() -> None:
    async with minimal(details_answer()) as port, ours(port) as our_call, bare(port) as bare_call:
        seen: Any = await our_call()
        check_same(seen, await bare_call())  # type: ignore[arg-type]
    assert seen == touch_details(structure(read_json(details_answer()), OrderDetailB2B))


def test_the_readme_shows_what_was_kept_last() -> None:
    """`python -m benchmarks --from benchmarks/results.json --markdown` prints its table."""
    lines = [*table.markdown(KEPT.only(SPEED))]
    assert "\n".join(lines) in README
    assert {it.benchmark for it in KEPT.rows} == {*NAMES}
