"""What was measured, drawn: one SVG of each benchmark that compares, the ratios beside their goals."""

from pathlib import Path

import pygal

from benchmarks.rows import Row, Run


def plot(run: Run, folder: Path) -> list[Path]:
    """Draw the rows of each benchmark that have a ratio; give the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for benchmark in dict.fromkeys(it.benchmark for it in run.rows):
        if rows := [it for it in run.rows if it.benchmark == benchmark and it.ratio is not None]:
            drawn.append(folder / f"{benchmark}.svg")
            drawn[-1].write_bytes(_chart(benchmark, rows))
    return drawn


def _chart(benchmark: str, rows: list[Row]) -> bytes:
    rows = rows[::-1]  # bars are drawn from the bottom up
    chart = pygal.HorizontalBar(
        title=f"{benchmark}, beside others", x_labels=[_label(it) for it in rows], truncate_label=-1,
        width=1200, height=160 + 60 * len(rows), legend_at_bottom=True, value_formatter="{:,.2f}".format,
        js=(),  # or the file would fetch scripts from elsewhere
    )  # fmt: skip
    chart.add("how many times", [it.ratio for it in rows])
    chart.add("goal", [_limit(it) for it in rows])
    drawn: bytes = chart.render()
    return drawn


def _label(row: Row) -> str:
    return f"{row.what}, {row.unit}: times{' as fast as' if row.told == 'times as fast' else ''} {row.peer}"


def _limit(row: Row) -> float | None:
    return None if row.told == "value" else row.at_least if row.at_most is None else row.at_most
