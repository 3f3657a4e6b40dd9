"""What is wrong with the values of a request's body; all of it, before anything is sent."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from ingram_orders.converters import readable
from ingram_orders.errors import brief
from ingram_orders.fields import element_type, field_types, is_list, wire_names
from ingram_orders.generated import soundness
from ingram_orders.models.shared import Day, RequestModel, has_half_character
from ingram_orders.scalars import DIGITS

_MOST_BITS: Final = 14_000
"""Of a whole number beyond the models; Python writes no more than 4,300 digits."""

_TYPE_NAMES: Final[Mapping[Any, str]] = {
    str: "text",
    int: f"a whole number of at most {DIGITS} digits",
    Decimal: "a finite number",
    bool: "True or False",
    Day: "a date or text",
}


def problems(model: RequestModel, where: str) -> Iterator[str]:
    """Tell each value of a request that is not of its field's type, and so cannot be sent as it is."""
    class_: Any = type(model)
    if soundness(class_)(model):
        return
    names, extra = wire_names(class_), model.extra
    if not isinstance(extra, Mapping):
        yield f"{where}.extra: {brief(extra)} is not a mapping"
        extra = {}
    if extra:
        try:
            yield from _json_problems(extra, f"{where}.extra")
        except RecursionError:
            yield f"{where}.extra nests too deep"
    for name, type_ in field_types(class_).items():
        value = getattr(model, name)
        if value is None and not extra:
            continue
        here, places = f"{where}.{name}", None
        if names[name] in extra:
            kept = extra[names[name]]
            if strays := _strays(kept, type_):
                element = _type_name(element_type(type_))
                yield from (f"{here}[{index}]: {brief(kept[index])} is not {element}" for index in strays)
                places = [index for index in range(len(kept)) if index not in strays]
            elif readable(kept, type_) is not None:
                yield f"{here}: {brief(kept)} belongs there, not in extra"
            else:
                yield f"{here}: {brief(kept)} is not {_type_name(type_)}"
        if value is not None:
            yield from _value_problems(value, type_, here, places)


def _value_problems(value: Any, type_: Any, where: str, places: Sequence[int] | None = None) -> Iterator[str]:
    """Tell what is wrong with a field's value; *places* are where a list's elements stood with the strays between."""
    if is_list(type_):
        if not isinstance(value, tuple):
            yield f"{where}: {brief(value)} is not {_type_name(type_)}"
            return
        if places is None or len(places) != len(value):
            places = range(len(value))
        for index, item in zip(places, value, strict=True):
            yield from _value_problems(item, element_type(type_), f"{where}[{index}]")
    elif isinstance(type_, type) and issubclass(type_, RequestModel):
        if isinstance(value, type_):
            yield from problems(value, where)
        else:
            yield f"{where}: {brief(value)} is not {_type_name(type_)}"
    elif not _is_of_type(value, type_):
        yield f"{where}: {brief(value)} is not {_type_name(type_)}"
    elif isinstance(value, str) and has_half_character(value):
        yield f"{where}: {brief(value)} holds half a character (a lone surrogate)"


def _json_problems(value: object, where: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str):
                yield from _json_problems(key, where)
                yield from _json_problems(item, f"{where}[{brief(key)}]")
            else:
                yield f"{where}: the key {brief(key)} is not text"
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _json_problems(item, f"{where}[{index}]")
    elif isinstance(value, str):
        if has_half_character(value):
            yield f"{where}: {brief(value)} holds half a character (a lone surrogate)"
    elif isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            yield f"{where}: {brief(value)} has more digits than can be written"
    elif isinstance(value, float | Decimal):
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            yield f"{where}: {brief(value)} is not a finite number"
    elif value is not None:
        yield f"{where}: {brief(value)} is not JSON"


def _type_name(type_: Any) -> str:
    if is_list(type_):
        return f"a list of {_bare_name(element_type(type_))}"
    name = _bare_name(type_)
    return _TYPE_NAMES.get(type_) or f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _bare_name(type_: Any) -> str:
    return getattr(type_, "__name__", None) or str(type_)  # a union, of a class that somebody derived, has none


def _strays(kept: object, type_: Any) -> list[int]:
    """Give the places, in a list as it was given, of what cannot be read as an element of it."""
    if not (is_list(type_) and isinstance(kept, list | tuple)):
        return []
    element = element_type(type_)
    return [index for index, item in enumerate(kept) if readable(item, element) is None]


def _is_of_type(value: object, type_: Any) -> bool:
    if type_ is Decimal:
        return isinstance(value, Decimal) and value.is_finite()
    if type_ is int:
        return type(value) is int and abs(value) < 10**DIGITS
    if type_ == Day:
        # A datetime is a date too, but its time would be sent, or lost.
        return isinstance(value, str) or (isinstance(value, date) and not isinstance(value, datetime))
    return isinstance(value, type_)
