"""`python -m benchmarks`: measures, prints the table, keeps it, draws it, compares it."""

import argparse
import importlib
import importlib.metadata
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from benchmarks import measuring, table
from benchmarks.rows import Row, Run

SPEED: Final = ("reading", "writing", "calling", "building", "importing", "memory", "bookkeeping")
"""What the README's table shows."""

NAMES: Final = (*SPEED, "limiter", "many", "sandbox", "webhooks")
"""The modules that measure, each by its function `rows`."""

PACKAGES: Final = ("aiohttp", "attrs", "cattrs", "msgspec", "uvloop", "xi.sdk.resellers")


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    asked = _parser().parse_args(arguments)
    names = asked.names or (SPEED if asked.markdown else NAMES)
    if asked.kept is not None:
        run = Run.read(asked.kept).only(names)
    else:
        if measuring.MEASURED == measuring.OTHER:
            print("there is one core only: servers take from what is measured", file=sys.stderr)
        measuring.pin(measuring.OTHER)
        run = Run(about=_about(), rows=tuple(_measure(names, quick=asked.quick)))
    print("\n".join(table.markdown(run) if asked.markdown else table.table(run)))
    if asked.compare is not None:
        print("\n", *(f"{line}\n" for line in table.changes(Run.read(asked.compare).only(names), run)), sep="")
    if asked.json is not None:
        run.write(asked.json)
    if asked.plot is not None:
        from benchmarks.plotting import plot  # its library is needed by nothing else

        plot(run, asked.plot)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure what the library costs, beside the official SDK and floors, and print one table. "
        "All of it takes some twelve minutes, on an otherwise idle machine with two cores.",
    )
    parser.add_argument("names", nargs="*", type=_name, metavar="NAME", help=f"only these: {', '.join(NAMES)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep what was measured")
    parser.add_argument("--plot", type=Path, metavar="DIR", help="draw it, one SVG of each benchmark that compares")
    parser.add_argument("--compare", type=Path, metavar="OLD.json", help="show what changed since that was kept")
    parser.add_argument("--from", type=Path, metavar="FILE", dest="kept", help="measure nothing; take what was kept")
    parser.add_argument("--markdown", action="store_true", help="print the README's table, of what has a goal")
    parser.add_argument("--quick", action="store_true", help="few rounds of little: says whether it works, and no more")
    return parser


def _name(given: str) -> str:
    if given not in NAMES:
        raise argparse.ArgumentTypeError(f"{given!r} is none of {', '.join(NAMES)}")
    return given


def _measure(names: Sequence[str], *, quick: bool) -> Iterator[Row]:
    for name in names:
        rows = importlib.import_module(f"benchmarks.{name}").rows
        for row in rows(quick):
            print(f"{name}: {row.what}", file=sys.stderr)
            yield attrs.evolve(row, benchmark=name)


def _about() -> Mapping[str, str]:
    """Say when and on what it is measured, and how it was asked for."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
        "machine": f"{_processor()}, {len(measuring.CORES)} cores, {platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        **{name: version for name in PACKAGES if (version := _version(name))},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main()
