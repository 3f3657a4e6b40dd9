"""Models, part by part, and JSON that has all that one can hold."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from ingram_orders.fields import field_types, is_list, part_type, wire_names
from ingram_orders.models import AnswerModel, Day, When

PLAIN: Final[Mapping[Any, Any]] = {
    str: "text", Day: "2026-01-31", When: "2026-01-31", Decimal: Decimal("1.10"), int: 3, bool: True,
}  # fmt: skip


def plain(model: Any, within: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Make JSON with a value for each field, plainly of its type; a model that holds itself does so with nothing."""
    made: dict[str, Any] = {}
    names = wire_names(model)
    for name, type_ in field_types(model).items():
        part: Any = part_type(type_)
        if part in (*within, model):
            made[names[name]] = []
        else:
            value = plain(part, (*within, model)) if attrs.has(part) else PLAIN[part]
            made[names[name]] = [value, value] if is_list(type_) else value
    return made


def parts(value: object) -> Iterator[AnswerModel]:
    """Give a model, and every model in it."""
    if isinstance(value, AnswerModel):
        yield value
        class_: Any = type(value)
        for name in wire_names(class_):
            yield from parts(getattr(value, name))
    elif isinstance(value, tuple):
        for it in value:
            yield from parts(it)
