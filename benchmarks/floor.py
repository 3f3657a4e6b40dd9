"""The floor of decoding: msgspec's typed decoder, for structs with the fields of our models."""

import types
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from typing import Any, get_args, get_origin

import attrs
import msgspec

from ingram_orders.fields import wire_names


def reader(model: type) -> Callable[[bytes], Any]:
    """Give what reads bytes as such a struct: dates stay text, and what is unknown is lost."""
    decoder = msgspec.json.Decoder(_struct(model))
    return decoder.decode


@cache
def _struct(model: Any) -> Any:
    attrs.resolve_types(model)
    names = wire_names(model)
    fields = [(it.name, _type(it.type), None) for it in attrs.fields(model) if it.name in names]
    return msgspec.defstruct(model.__name__, fields, rename=dict(names))


def _type(type_: Any) -> Any:
    """Give a type that takes what the answers have: null anywhere, and a model where a list of it belongs."""
    if isinstance(type_, types.UnionType):
        [part] = {str if it in (date, datetime) else it for it in get_args(type_)} - {types.NoneType}
        return _type(part) | None
    if get_origin(type_) is tuple:
        model, _ = get_args(type_)
        element: Any = _type(model)
        many: Any = tuple[element, ...]
        return many | element | None if attrs.has(model) else many | None
    return _struct(type_) if attrs.has(type_) else type_
