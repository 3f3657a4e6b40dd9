"""Values of JSON as what a model's field holds: text, numbers, flags, dates; knows nothing of models."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from ingram_orders.models.shared import NUMBER

DIGITS: Final = 18
"""Of a count; more than any quantity has, and few enough that no conversion takes long."""

# Only what the API is seen to answer; `fromisoformat` alone would cut the seventh digit, and make `+06:15` of `+05:75`.
is_moment: Final = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{2,3})?(?:Z|[+-]\d\d:[0-5]\d)?", re.ASCII
).fullmatch
"""Whether text has the form of a day with a time."""


class Unreadable(ValueError):  # noqa: N818  # not an error: the value goes to `extra`
    """A value is not of its field's type; *partial* is what could be read of it all the same."""

    def __init__(self, partial: object = None) -> None:
        super().__init__()
        self.partial = partial


def text(value: object, _: object = None) -> str:
    """Read text; a number becomes its JSON text."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:  # Python writes no more than 4,300 digits
            raise Unreadable from None
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    if isinstance(value, float) and NUMBER.fullmatch(written := float.__repr__(value)):
        return written
    raise Unreadable


def number(value: object, _: object = None) -> Decimal | None:
    """Read a number exactly; text, too, where it is one as JSON writes it. `""` is `None`."""
    if isinstance(value, str):
        if value == "":
            return None
        if not NUMBER.fullmatch(value):
            raise Unreadable
        try:
            value = Decimal(value)
        except ArithmeticError:  # an exponent of twenty digits
            raise Unreadable from None
    elif isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    elif isinstance(value, float):
        value = Decimal(float.__repr__(value))
    if isinstance(value, Decimal) and value.is_finite():
        return value
    raise Unreadable


def count(value: object, _: object = None) -> int | None:
    """Read a whole number of at most `DIGITS` digits, as `number` does."""
    if type(value) is int:
        if abs(value) < 10**DIGITS:
            return value
        raise Unreadable
    read = number(value)
    if read is None:
        return None
    # By its exponent, before anything is computed: `int` of 1E+1000000 would stop the loop for half a minute.
    if read.adjusted() >= DIGITS or read != read.to_integral_value():
        raise Unreadable
    return int(read)


def flag(value: object, _: object = None) -> bool | None:
    """Read true or false, the words too, in any case; `""` is `None`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value == "":
            return None
        if (word := value.lower()) in {"true", "false"}:
            return word == "true"
    raise Unreadable


def when(value: object, _: object = None) -> date | datetime | None:
    """Read a day as a `date`, and a day with a time as a `datetime`; `""` is `None`."""
    if isinstance(value, str):
        try:
            # To Python, `2021-W37-3` is one, and `20260915` with anything behind it.
            if len(value) == len("yyyy-mm-dd") and value[4] == value[7] == "-":
                return date.fromisoformat(value)
            if is_moment(value):
                return datetime.fromisoformat(value)
        except ValueError:  # the thirtieth of February
            pass
        if value == "":
            return None
    raise Unreadable
