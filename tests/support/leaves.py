"""
JSON before and after a model, compared leaf by leaf.

Knows the names and the types of the models' fields and what may count as equal in each, and nothing of how the
converters read. It goes without recursion, so that no depth is too deep for it.
"""

import functools
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import attrs

from ingram_orders.fields import wire_names
from ingram_orders.models import AnswerModel, Day, When

Json = Any
Place = tuple[Any, str]
"""Where something is: the place around it, and the last step of the way."""

ABSENT: Final = object()
ANY: Final[Any] = object()
"""The type of what no field is known for: it comes back exactly as it was."""

_MOMENT: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:(Z)|([+-])(\d\d):([0-5]\d))?", re.ASCII
)  # fmt: skip


@functools.cache
def field_types(model: Any) -> Mapping[str, Any]:
    """Give the type of each field of a model by its name on the wire, without `None`."""
    hints = get_type_hints(model)
    return {wire: without_none(hints[name]) for name, wire in wire_names(model).items()}


def without_none(type_: Any) -> Any:
    """Give `T` for `T | None`."""
    if is_list(type_):
        return type_
    args = tuple(arg for arg in get_args(type_) if arg is not NoneType)
    return Union[args] if args else type_  # noqa: UP007  # the same type, made of a tuple


def is_list(type_: Any) -> bool:
    """Whether it is `tuple[T, ...]` or `Sequence[T]`."""
    return get_origin(type_) not in (None, Union, UnionType)


def element_type(type_: Any) -> Any:
    """Give `T` for a list of `T`."""
    return get_args(type_)[0]


def losses(before: Json, after: Json, model: Any) -> list[str]:
    """Tell each place at which *after* does not hold what *before* has, or has what *before* does not."""
    lost: list[str] = []
    todo: list[tuple[Place, Json, Json, Any]] = [((None, "$"), before, after, model)]
    while todo:
        place, old, new, type_ = todo.pop()
        inner = _inside(place, old, new, type_)
        if inner is not None:
            todo.extend(inner)
        elif not (_nothing(old, type_) and _nothing(new, type_)) and not _equal(old, new, type_):
            lost.append(_path(place))
    return lost


def _path(place: Place | None) -> str:
    steps = []
    while place is not None:
        place, step = place
        steps.append(step)
    return "".join(reversed(steps))


def _inside(place: Place, old: Json, new: Json, type_: Any) -> list[tuple[Place, Json, Json, Any]] | None:
    """Give what is inside both, in pairs; `None` where they are to be compared as they are."""
    element: Any = element_type(type_) if is_list(type_) else ANY
    if attrs.has(element) and isinstance(old, dict) and old and isinstance(new, list):
        old = [old]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new) > 0:
        return [((place, f"[{index}]"), old[index], new[index], element) for index in range(len(old))]
    if isinstance(old, dict) and isinstance(new, dict) and (old or new):
        model = type_ if attrs.has(type_) else None
        types = field_types(model) if model else {}
        return [
            ((place, f".{key}"), old.get(key, ABSENT), new.get(key, ABSENT), types.get(key, ANY))
            for key in {**old, **new}
            if not _default(model, types.get(key), old.get(key), new.get(key))
        ]
    return None


def _default(model: Any, type_: Any, old: Json, new: Json) -> bool:
    """Whether an answer's list was absent, which is `()` and written as such; a request's is not."""
    return model is not None and issubclass(model, AnswerModel) and is_list(type_) and old in (None, "") and new == []


def _nothing(value: Json, type_: Any) -> bool:
    """Null, absent, and `""` where no text belongs, are one."""
    if type_ is ANY or type_ is str or type_ == Day:
        return value is ABSENT or value is None
    return value is ABSENT or value is None or value == ""


def _equal(old: Json, new: Json, type_: Any) -> bool:
    if _same(old, new):
        return True
    if type_ is str or type_ == Day:
        return _is_number(old) and isinstance(new, str) and _value(old) == _value_of_text(new)
    if type_ is Decimal or type_ is int:
        value = _value_of_text(old) if isinstance(old, str) else _value(old)
        return value is not None and _is_number(new) and value == _value(new)
    if type_ is bool:
        return isinstance(old, str) and isinstance(new, bool) and old.lower() == str(new).lower()
    if type_ == When:
        return isinstance(old, str) and isinstance(new, str) and None is not _moment(old) == _moment(new)
    return False


def _same(old: Json, new: Json) -> bool:
    if type(old) is not type(new):
        return False
    if isinstance(old, list | dict):  # empty or unlike, or they would have been taken apart
        return not old and not new
    if isinstance(old, float | Decimal) and not _is_number(old):
        return str(old) == str(new)  # NaN is not equal to itself
    return bool(old == new)


def _is_number(value: Json) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) or (isinstance(value, float) and value - value == 0)


def _value(number: Json) -> Decimal | None:
    """Give a number's value; a float's is what it says in JSON, not what it is in binary."""
    if not _is_number(number):
        return None
    return Decimal(repr(number) if isinstance(number, float) else number)


def _value_of_text(text: str) -> Decimal | None:
    try:
        value = json.loads(text, parse_int=Decimal, parse_float=Decimal, parse_constant=str)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return value if isinstance(value, Decimal) and text == text.strip() else None


def _moment(text: str) -> tuple[str, str, int | None] | None:
    """Give what a date-time says: clock, fraction, and minutes from UTC where it tells them."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    clock, fraction, utc, sign, hours, minutes = match.groups()
    offset = None
    if utc or sign:
        offset = 0 if utc else int(f"{sign}1") * (int(hours) * 60 + int(minutes))
    return clock, (fraction or "").rstrip("0"), offset
