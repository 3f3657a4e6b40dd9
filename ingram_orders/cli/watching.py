"""The command that watches orders: lines for programs, and for people a table that lives."""

import re
import sys
from collections import deque
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from ingram_orders.cli import running
from ingram_orders.cli.calls import errors_told
from ingram_orders.cli.ending import INTERRUPTED, WRONG, fail, tell
from ingram_orders.cli.output import write_line
from ingram_orders.cli.tables import new_table, plain, status_text
from ingram_orders.client import OrdersClient
from ingram_orders.converters import unstructure
from ingram_orders.errors import ConfigurationError, IngramError
from ingram_orders.operations import SearchOrders
from ingram_orders.polling import PollProblem, PollStats, StatusChanges
from ingram_orders.status_store import StatusStore
from ingram_orders.watched import StatusChange

SHOWN: Final = 15
"""Changes in the table, the latest ones."""

BAR: Final = 20
"""Characters of a progress bar."""

BESIDE: Final = 10
"""Lines that are taken by all but the changes."""

WIDE: Final = 80
"""Characters from which on a change is one line."""

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """Read a time as `90s`, `5m`, `2h` or `1d`."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)([smhd])", text, re.ASCII)
    if found is None or not float(found[1]):
        raise click.BadParameter(f"{text!r} is not a time as 90s, 5m, 2h or 1d")
    return timedelta(**{_UNITS[found[2]]: float(found[1])})


def numbers_of(given: Iterable[str]) -> list[str]:
    """Give the order numbers of the command line; for `-`, those in the lines of standard input."""
    numbers: list[str] = []
    for it in given:
        numbers += [line.strip() for line in sys.stdin if line.strip()] if it == "-" else [it]
    return numbers


def watch(
    client: OrdersClient, watched: list[str] | SearchOrders, *, store: str | None, as_json: bool, **terms: Any
) -> None:
    """Watch orders until all are final, or until it is interrupted."""
    try:
        changes = client.poll(watched, store=None if store is None else StatusStore(store), **terms)
    except IngramError as wrong:
        fail(wrong, WRONG)
    view = _Lines() if as_json or not sys.stdout.isatty() else _Screen(changes)
    try:
        with errors_told():
            running.run(_watch(client, changes, view))
    except KeyboardInterrupt:
        kept = f"; {Path(store)} knows how to go on" if store else ""
        fail(f"stopped after {view.told} change{'' if view.told == 1 else 's'}{kept}", INTERRUPTED)


async def _watch(client: OrdersClient, changes: StatusChanges, view: "_Lines | _Screen") -> None:
    async with client, changes:
        with view:
            async for it in changes:
                view.show(it)


class _Lines(nullcontext[None]):
    """A line of JSON for each change, and one beside the output for each problem."""

    told = 0

    def show(self, it: StatusChange | PollProblem) -> None:
        if isinstance(it, PollProblem):
            tell(f"ingram-orders: {_told(it)}")
            return
        write_line(
            {
                "orderNumber": it.order_number,
                "subOrderNumber": it.sub_order_number,
                "before": None if it.before is None else it.before.value,
                "after": it.after.value,
                "word": it.word,
                "seenAt": it.seen_at.isoformat(timespec="seconds"),
                "order": unstructure(it.order),
            }
        )
        self.told += 1


def _told(problem: PollProblem) -> str:
    return f"{problem.error}{'' if isinstance(problem.error, ConfigurationError) else '; it is tried again'}"


class _Screen:
    """The latest changes, how far the round is, and when the next begins."""

    def __init__(self, changes: StatusChanges) -> None:
        self.told = 0
        self._changes = changes
        self._latest = deque[StatusChange](maxlen=SHOWN)
        self._problem: PollProblem | None = None
        self._waits: tuple[datetime | None, datetime] = None, datetime.now(UTC)
        """For what is waited, and since when."""
        # Drawn by a thread of its own, so that it lives while nothing comes.
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, get_renderable=self._drawn, refresh_per_second=4)

    def __enter__(self) -> None:
        self._live.start()

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, it: StatusChange | PollProblem) -> None:
        if isinstance(it, PollProblem):
            self._problem = it
        else:
            self._latest.append(it)
            self.told += 1

    def _drawn(self) -> RenderableType:
        stats, problem, now = self._changes.stats, self._problem, datetime.now(UTC)
        if stats.next_due != self._waits[0]:
            self._waits = stats.next_due, now
        shown: list[RenderableType] = [_progress(stats, now, self._waits[1])]
        if problem is not None:
            shown.append(plain(f"{problem.seen_at.astimezone():%H:%M:%S} {_told(problem)}"))
        # What does not fit is cut off below; and where it is narrow, a change takes several lines.
        room = (self._console.height - BESIDE) // (1 if self._console.width >= WIDE else 3)
        shown.append(_changes_table([*self._latest][-max(room, 1) :], self.told))
        return Group(*shown)


def _changes_table(changes: list[StatusChange], told: int) -> Table:
    table = new_table("Seen", "Order", "Their number", "Before", "After", title=f"{told} changes")
    for it in changes:
        table.add_row(
            f"{it.seen_at.astimezone():%H:%M:%S}",
            plain(it.sub_order_number or it.order_number),
            plain(it.order.customer_order_number),
            "" if it.before is None else status_text(it.before),
            status_text(it.after, it.word),
        )
    return table


def _progress(stats: PollStats, now: datetime, waits_since: datetime) -> RenderableType:
    """Show how far the round is; while one waits for the next, how long yet."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        f"Round {stats.round}",
        ProgressBar(total=max(stats.due, 1), completed=min(stats.refreshed, stats.due), width=BAR),
        f"{stats.refreshed:,} seen of {stats.due:,} due, {stats.watched:,} watched; "
        f"{stats.calls:,} calls, {stats.changes:,} changes, {stats.problems:,} problems",
    )
    if stats.next_due is not None:
        whole, left = ((stats.next_due - it).total_seconds() for it in (waits_since, now))
        left = min(max(left, 0.0), whole)
        grid.add_row(
            "Next",
            ProgressBar(total=max(whole, 1.0), completed=whole - left, width=BAR),
            f"in {timedelta(seconds=round(left))}, at {stats.next_due.astimezone():%H:%M:%S}",
        )
    return grid
