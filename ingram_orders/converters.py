"""
JSON-like data to models and back, by cattrs: names, tolerance, exact numbers, and `extra`.

An answer is never rejected and nothing of it is lost: what a field cannot take goes to its model's `extra`, under its
name on the wire, and `unstructure` gives it back from there.
"""

import functools
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import attrs
from cattrs import Converter

from ingram_orders import shapes
from ingram_orders.errors import InvalidRequestError, brief
from ingram_orders.exact_json import read_json
from ingram_orders.fields import field_types, is_list, part_type, wire_names
from ingram_orders.generated import Reader, list_reader, model_reader, model_writer, shaped_reader
from ingram_orders.models.shared import AnswerModel, Day, RequestModel, When
from ingram_orders.scalars import Unreadable, count, flag, number, text, when

Model = TypeVar("Model", bound=RequestModel | AnswerModel)
Answer = TypeVar("Answer", bound=AnswerModel)

_NOTHING: Final = (None, "")


def structure(data: object, model: type[Model]) -> Model:
    """
    Read JSON-like data as a model.

    Args:
        data: A mapping of names on the wire to JSON values, or a list of just one such mapping.
        model: A request's or an answer's class.

    Returns:
        The model; what its fields cannot take is in `extra`, there and in every part of it. Of a class derived from a
        model, too, what is absent is `None`, and its own `__init__` is not called.

    Raises:
        InvalidRequestError: *data* is not a mapping.
    """
    if type(data) is not dict:  # which JSON is, and no question is faster
        if isinstance(data, list | tuple) and len(data) == 1:
            [data] = data
        if not isinstance(data, Mapping):
            raise InvalidRequestError([f"a JSON object was expected for {model.__name__}, not {brief(data)}"])
    type_: Any = model
    read: Model = _reader(type_)(data)
    return read


def read_answer(body: bytes, model: type[Answer]) -> Answer | None:
    """
    Read an answer's body as a model, as `structure` does what `exact_json.read_json` reads; `null` is `None`.

    Raises:
        InvalidRequestError: It is not an object.
        ValueError, ArithmeticError, RecursionError: It is not JSON; see `exact_json.read_json`.
    """
    type_: Any = model
    struct = shapes.worth_trying(type_)
    data = read_json(body, struct)
    if struct is not None:
        fits = type(data) is struct
        shapes.tried(type_, fits=fits)
        if fits:
            read: Answer = shaped_reader(type_, _converter())(data)
            return read
    return None if data is None else structure(data, model)


def unstructure(model: RequestModel | AnswerModel) -> dict[str, Any]:
    """
    Write a model as JSON-like data, by names on the wire.

    Numbers stay `Decimal` and `int`, dates become text, tuples lists. A field that is `None` is left out; what is in
    `extra` comes back, also in the place of a field of the same name.
    """
    result: dict[str, Any] = _converter().unstructure(model)
    return result


def readable(value: object, type_: Any) -> Any:
    """Read a value as a field's type; `None` where that cannot be, or where it is nothing."""
    try:
        return _reader(type_)(value)
    except Unreadable:
        return None


def respelt(data: Any, model: Any, synonyms: Mapping[str, str]) -> Any:
    """
    Spell the keys of JSON-like data as a model does, there and in every part of it that is a model.

    Where two keys would become one, the one that is spelt so already is that, or else the first; the other stays. One
    without a value, null or "", gives way.

    Args:
        data: A mapping, or a list of such; anything else comes back as it is.
        model: Whose names; those that differ in case only are the same.
        synonyms: Other names, case-folded, with the model's own.
    """
    if not isinstance(data, dict) and not isinstance(data, Mapping):  # the former is what JSON is, and far faster
        return [respelt(item, model, synonyms) for item in data] if isinstance(data, list | tuple) else data
    spellings = _spellings(model)
    result: dict[str, Any] = {}
    for key, value in data.items():
        known = spellings.get(key)
        if known is None:
            folded = key.casefold()
            known = spellings.get(folded) or spellings.get(synonyms.get(folded, "")) or (key, None)
        wire, part = known
        if value is None or value == "":
            result.setdefault(wire, value)
            continue
        if wire != key and (data.get(wire) not in _NOTHING or result.get(wire) not in _NOTHING):
            wire, part = key, None
        result[wire] = value if part is None else respelt(value, part, synonyms)
    return result


@functools.cache
def _spellings(model: Any) -> Mapping[str, tuple[str, Any]]:
    """Give a model's names on the wire, and the models that are their types, by those names and case-folded."""
    found: dict[str, tuple[str, Any]] = {}
    types = field_types(model)
    for name, wire in wire_names(model).items():
        type_ = part_type(types[name])
        found[wire] = wire, type_ if attrs.has(type_) else None
    for wire, it in [*found.items()]:
        found.setdefault(wire.casefold(), it)
    return found


def make_ready(model: Any) -> None:
    """Make what reads a model, which is made when it is first needed otherwise."""
    _reader(model)
    if isinstance(model, type) and shapes.shape(model) is not None:
        shaped_reader(model, _converter())


@functools.cache
def _reader(type_: Any) -> Reader:
    return _converter().get_structure_hook(type_)


# ── The converter ───────────────────────────────────────────────────────────────────────────────────────────────────


@functools.cache
def _converter() -> Converter:
    # Built when first used: importing the library must not wait for it.
    converter = Converter()
    for type_, read in ((str, text), (Decimal, number), (int, count), (bool, flag)):
        converter.register_structure_hook(type_, read)
    converter.register_structure_hook_func(lambda t: t == When, when)
    converter.register_structure_hook_func(lambda t: t == Day, text)
    converter.register_structure_hook_factory(attrs.has, model_reader)
    converter.register_structure_hook_factory(is_list, list_reader)
    converter.register_unstructure_hook(date, _write_when)
    converter.register_unstructure_hook(datetime, _write_when)
    converter.register_unstructure_hook(tuple, lambda items: [converter.unstructure(item) for item in items])
    converter.register_unstructure_hook_factory(attrs.has, model_writer)
    return converter


def _write_when(value: date) -> str:
    if isinstance(value, datetime) and value.microsecond and value.microsecond % 1000 == 0:
        return value.isoformat(timespec="milliseconds")  # six digits is a form that the API never shows
    return value.isoformat()
