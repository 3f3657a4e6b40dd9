"""What was measured: rows of numbers, what they are judged by, and the file that keeps them. Measures nothing."""

import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

import attrs
from attrs import field, frozen

Told = Literal["value", "times as much", "times as fast"]
"""What a goal is for: our value itself; how many times the peer's it is; or, of times, how many times ours that is."""

_DIGITS: Final = 5
"""Of each value that are kept; no benchmark can be had again more exactly."""


def _values(given: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(f"{it:.{_DIGITS}g}") for it in given)


@frozen(kw_only=True)
class Row:
    """One thing that was measured in several rounds, and beside what."""

    benchmark: str = ""
    """The module that measured it; filled in by who runs it."""
    what: str
    unit: str
    ours: tuple[float, ...] = field(converter=_values)
    """What each round gave."""
    peer: str = ""
    """Beside what, if anything."""
    beside: tuple[float, ...] = field(default=(), converter=_values)
    """What the peer took, in rounds that took turns with ours; or one value, which was reckoned."""
    told: Told = "value"
    at_most: float | None = None
    at_least: float | None = None

    @property
    def median(self) -> float:
        """The middle one of our rounds."""
        return statistics.median(self.ours)

    @property
    def spread(self) -> tuple[float, float]:
        """Between what the middle half of our rounds lies."""
        return _middle_half(self.ours)

    @property
    def ratio(self) -> float | None:
        """
        How ours and the peer's compare, `told` says which way: the median of the ratios of rounds that followed each
        other. `None` where there is no peer.
        """
        if not self.beside:
            return None
        beside = self.beside * len(self.ours) if len(self.beside) == 1 else self.beside
        pairs = [(theirs, ours) if self.told == "times as fast" else (ours, theirs)
                 for ours, theirs in zip(self.ours, beside, strict=True)]  # fmt: skip
        return statistics.median(one / other for one, other in pairs)

    @property
    def figure(self) -> float:
        """The one number that the goal is for."""
        ratio = None if self.told == "value" else self.ratio
        return self.median if ratio is None else ratio

    @property
    def goal(self) -> str:
        """The goal in words, `≤ 1.25`; "" where there is none."""
        if self.at_most is not None:
            return f"≤ {self.at_most:,g}"
        return "" if self.at_least is None else f"≥ {self.at_least:,g}"

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; `None` where there is none."""
        if self.at_most is not None:
            return self.figure <= self.at_most
        return None if self.at_least is None else self.figure >= self.at_least


def _middle_half(values: tuple[float, ...]) -> tuple[float, float]:
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


@frozen(kw_only=True)
class Run:
    """Rows that were measured together, and where and when that was."""

    about: Mapping[str, str]
    rows: tuple[Row, ...]

    def only(self, benchmarks: Iterable[str]) -> Self:
        """Give the rows of some benchmarks."""
        kept = set(benchmarks)
        return attrs.evolve(self, rows=tuple(it for it in self.rows if it.benchmark in kept))

    def write(self, file: Path) -> None:
        """Keep it as JSON."""
        file.write_text(json.dumps(attrs.asdict(self), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, file: Path) -> Self:
        """Take what `write` kept."""
        kept: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return cls(about=kept["about"], rows=tuple(Row(**it) for it in kept["rows"]))
