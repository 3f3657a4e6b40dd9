"""How a command ends: exit codes, and one line for whatever went wrong."""

import os
import sys
from typing import Final, NoReturn

import click

from ingram_orders.errors import one_line

REFUSED: Final = 1
"""The API refused, or could not be reached; or whoever was asked said no."""
WRONG: Final = 2
"""What was asked for cannot be right; nothing was sent. Click's own code for it."""
UNKNOWN: Final = 3
"""A write was sent, and what became of it is not known, or could not be told: look before doing it again."""
INTERRUPTED: Final = 130


def tell(what: object) -> None:
    """Say something in one line, beside the output; where nobody can be told, go on."""
    try:
        click.echo(one_line(str(what), 2000), err=True)
    except OSError:
        _give_up(2)


def fail(why: object, code: int) -> NoReturn:
    """Say in one line what went wrong, and end; the code tells it where nothing else can."""
    tell(f"ingram-orders: {why}")
    sys.exit(code)


def output_failed(failed: OSError, *, done: str | None = None) -> NoReturn:
    """End where nothing more can be written; *done* says what was done already, which must not be done again."""
    _give_up(1)
    if done is not None:
        fail(f"{done}, but what the API answered could not be written: {failed}", UNKNOWN)
    if isinstance(failed, BrokenPipeError):  # whoever read it has seen enough
        sys.exit(0)
    fail(failed, REFUSED)


def _give_up(stream: int) -> None:
    """Let what is written to a stream go nowhere: Python would try again at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
