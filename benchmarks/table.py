"""What was measured, as text: a table to read, one for the README, and what changed since another run."""

import statistics
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.rows import Row, Run

_HEAD = ("what", "median (middle half)", "unit", "beside", "ratio", "goal", "")


def table(run: Run) -> Iterator[str]:
    """Give the lines of the table, benchmark by benchmark, and what it was measured on."""
    yield from (f"{name}: {value}" for name, value in run.about.items())
    cells = [(it.benchmark, _cells(it)) for it in run.rows]
    widths = [max(map(len, column)) for column in zip(_HEAD, *(row for _, row in cells), strict=True)]
    before = None
    for benchmark, row in cells:
        if benchmark != before:
            yield ""
            yield _line((benchmark, *_HEAD[1:]), widths)
            before = benchmark
        yield _line(row, widths)
    yield ""
    yield summary(run)


def summary(run: Run) -> str:
    """Say how many goals there are, and how many are not met."""
    goals = [it.is_met for it in run.rows if it.is_met is not None]
    return f"{len(goals)} goals, {goals.count(False)} NOT met"


def markdown(run: Run) -> Iterator[str]:
    """Give the lines of the README's table, of what has a goal, and on what it was measured."""
    yield "| what | ours | beside | ratio | goal | |"
    yield "|---|---|---|---|---|---|"
    for row in run.rows:
        if row.is_met is not None:
            what, median, unit, beside, ratio, goal, met = _cells(row)
            ours = f"{median.partition(' ')[0]} {unit}"
            yield f"| {what} | {ours} | {beside} | {ratio} | {goal} | {met} |"
    yield ""
    about = {**run.about, "command": f"`{run.about['command']}`"}
    yield f"{summary(run)}. " + ", ".join(f"{name} {value}" for name, value in about.items()) + "."


def changes(old: Run, new: Run) -> Iterator[str]:
    """Give the lines that compare two runs. Those of two machines compare by their ratios only."""
    before = {(it.benchmark, it.what, it.peer): it for it in old.rows}
    now = {(it.benchmark, it.what, it.peer): it for it in new.rows}
    yield f"{'then':>20}{'now':>12}{'change':>10}{'ratio then':>12}{'now':>8}  what"
    for key, row in now.items():
        benchmark, what, peer = key
        name = f"{benchmark}: {what}{f', beside {peer}' if peer else ''}"
        if (was := before.get(key)) is None:
            yield f"{'':20}{number(row.median):>12}{'':30}  {name} (new)"
            continue
        change = f"{row.median / was.median - 1:+.1%}" if was.median else ""
        yield (
            f"{number(was.median):>20}{number(row.median):>12}{change:>10}{_ratio(was):>12}{_ratio(row):>8}  {name}"
        )  # fmt: skip
    for (benchmark, what, _), row in before.items():
        if (benchmark, what, row.peer) not in now:
            yield f"{number(row.median):>20}{'':42}  {benchmark}: {what} (not any more)"


def number(value: float) -> str:
    """Write a number with three digits or more that count."""
    size = abs(value)
    return f"{value:,.{0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2 if size >= 1 else 3}f}"


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return ""
    told = number(row.ratio)
    # Or it would not be seen whether the goal is met.
    return f"{row.ratio:.4g}" if float(told.replace(",", "")) in (row.at_most, row.at_least) else told


def _cells(row: Row) -> tuple[str, ...]:
    low, high = row.spread
    median = number(row.median) + (f" ({number(low)} to {number(high)})" if len(row.ours) > 1 else "")
    ratio = "" if row.ratio is None else f"{_ratio(row)} {'x as fast' if row.told == 'times as fast' else 'x'}"
    goal = f"{row.goal} {row.unit}" if row.goal and row.told == "value" else row.goal
    met = "" if row.is_met is None else "met" if row.is_met else "NOT met"
    beside = f"{row.peer}: {number(statistics.median(row.beside))}" if row.beside else ""
    return row.what, median, row.unit, beside, ratio, goal, met


def _line(cells: Iterable[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
