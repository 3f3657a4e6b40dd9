"""
JSON-like data to models and back, by cattrs: names, tolerance, exact numbers, and `extra`.

An answer is never rejected and nothing of it is lost: what a field cannot take goes to its model's `extra`, under its
name on the wire, and `unstructure` gives it back from there.
"""

import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import attrs
from cattrs import Converter

from ingram_orders.errors import InvalidRequestError, brief
from ingram_orders.models import (
    AnswerModel,
    AsyncLine,
    ChosenAttribute,
    Day,
    DetailLine,
    EventLine,
    RejectedLine,
    RequestModel,
    Subscription,
    VendorRequiredProduct,
    WarrantySerial,
    When,
)
from ingram_orders.models.shared import NUMBER, has_half_character

Model = TypeVar("Model", bound=RequestModel | AnswerModel)

# The API's own slips, which the rule in `wire_name` does not give; each is so in this one place only.
IRREGULAR: Final[Mapping[tuple[type, str], str]] = {
    (WarrantySerial, "date_of_purchase"): "dateofPurchase",
    (RejectedLine, "customer_line_number"): "customerLinenumber",
    (DetailLine, "requested_delivery_date"): "requestedDeliverydate",
    (DetailLine, "back_order_eta_date"): "backOrderETADate",
    (Subscription, "subscription_start_date"): "subcriptionStartDate",
    (Subscription, "subscription_end_date"): "subcriptionEndDate",
    (AsyncLine, "plan_id"): "planid",
    (ChosenAttribute, "attribute_name"): "attributename",
    (VendorRequiredProduct, "plan_id"): "planID",
    (EventLine, "line_number"): "LineNumber",
}

_NOTHING: Final = (None, "")

DIGITS: Final = 18
"""Of a count; more than any quantity has, and few enough that no conversion takes long."""

_MOST_BITS: Final = 14_000
"""Of a whole number beyond the models; Python writes no more than 4,300 digits."""

DEPTH: Final = 32
"""How deep a model may hold itself (`VendorAttribute.choices`); a list that goes deeper stays JSON, in `extra`."""

# Only what the API is seen to answer; `fromisoformat` alone would take `2021-W37-3`, cut the seventh digit, and make
# `+06:15` of `+05:75`.
_WHEN: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:T(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{2,3})?(?:Z|[+-]\d\d:[0-5]\d)?)?", re.ASCII
)


def structure(data: object, model: type[Model]) -> Model:
    """
    Read JSON-like data as a model.

    Args:
        data: A mapping of names on the wire to JSON values, or a list of just one such mapping.
        model: A request's or an answer's class.

    Returns:
        The model; what its fields cannot take is in `extra`, there and in every part of it.

    Raises:
        InvalidRequestError: *data* is not a mapping.
    """
    if isinstance(data, list | tuple) and len(data) == 1:
        [data] = data
    if not isinstance(data, Mapping):
        raise InvalidRequestError([f"a JSON object was expected for {model.__name__}, not {brief(data)}"])
    return _converter().structure(data, model)


def unstructure(model: RequestModel | AnswerModel) -> dict[str, Any]:
    """
    Write a model as JSON-like data, by names on the wire.

    Numbers stay `Decimal` and `int`, dates become text, tuples lists. A field that is `None` is left out; what is in
    `extra` comes back, also in the place of a field of the same name.
    """
    result: dict[str, Any] = _converter().unstructure(model)
    return result


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


def problems(model: RequestModel, where: str) -> Iterator[str]:
    """Tell each value of a request that is not of its field's type, and so cannot be sent as it is."""
    class_: Any = type(model)
    names, extra = wire_names(class_), model.extra
    if not isinstance(extra, Mapping):
        yield f"{where}.extra: {brief(extra)} is not a mapping"
        extra = {}
    try:
        yield from _json_problems(extra, f"{where}.extra")
    except RecursionError:
        yield f"{where}.extra nests too deep"
    for name, type_ in _field_types(class_).items():
        value, here, places = getattr(model, name), f"{where}.{name}", None
        if names[name] in extra:
            kept = extra[names[name]]
            if strays := _strays(kept, type_):
                element = _type_name(get_args(type_)[0])
                yield from (f"{here}[{index}]: {brief(kept[index])} is not {element}" for index in strays)
                places = [index for index in range(len(kept)) if index not in strays]
            elif _read(kept, type_) is not None:
                yield f"{here}: {brief(kept)} belongs there, not in extra"
            else:
                yield f"{here}: {brief(kept)} is not {_type_name(type_)}"
        if value is not None:
            yield from _value_problems(value, type_, here, places)


def wire_name(model: type, name: str) -> str:
    """Name a field as the API does: `address_line1` is `addressLine1`, but for what `IRREGULAR` lists."""
    first, *rest = name.split("_")
    return IRREGULAR.get((model, name)) or first + "".join(part[:1].upper() + part[1:] for part in rest)


@functools.cache
def wire_names(model: Any) -> Mapping[str, str]:
    """Give the wire name of each field of a model, in order; `extra` is none."""
    return {field.name: wire_name(model, field.name) for field in attrs.fields(model) if field.name != "extra"}


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Unreadable(ValueError):  # noqa: N818  # not an error: the value goes to `extra`
    """A value is not of its field's type; *partial* is what could be read of it all the same."""

    def __init__(self, partial: object = None) -> None:
        super().__init__()
        self.partial = partial


def _text(value: object, _: object = None) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:  # Python writes no more than 4,300 digits
            raise Unreadable from None
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    if isinstance(value, float) and NUMBER.fullmatch(text := float.__repr__(value)):
        return text
    raise Unreadable


def _number(value: object, _: object = None) -> Decimal | None:
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    elif isinstance(value, float):
        number = Decimal(float.__repr__(value))
    elif value == "":
        return None
    elif isinstance(value, str) and NUMBER.fullmatch(value):
        try:
            number = Decimal(value)
        except ArithmeticError:  # an exponent of twenty digits
            raise Unreadable from None
    else:
        raise Unreadable
    if not number.is_finite():
        raise Unreadable
    return number


def _count(value: object, _: object = None) -> int | None:
    if type(value) is int:
        if abs(value) < 10**DIGITS:
            return value
        raise Unreadable
    number = _number(value)
    if number is None:
        return None
    # By its exponent, before anything is computed: `int` of 1E+1000000 would stop the loop for half a minute.
    if number.adjusted() >= DIGITS or number != number.to_integral_value():
        raise Unreadable
    return int(number)


def _flag(value: object, _: object = None) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value == "":
            return None
        if (word := value.lower()) in {"true", "false"}:
            return word == "true"
    raise Unreadable


def _when(value: object, _: object = None) -> date | datetime | None:
    if value == "":
        return None
    if isinstance(value, str) and _WHEN.fullmatch(value):
        try:
            return date.fromisoformat(value) if len(value) == len("yyyy-mm-dd") else datetime.fromisoformat(value)
        except ValueError:  # the thirtieth of February
            pass
    raise Unreadable


def _list_reader(type_: Any, converter: Converter) -> Callable[[object, object], object]:
    element = get_args(type_)[0]
    of_models = attrs.has(element)
    read = converter.get_structure_hook(element)
    holds_itself = of_models and type_ in _field_types(element).values()

    def read_list(value: object, _: object) -> tuple[object, ...] | None:
        if value == "":
            return None
        if isinstance(value, dict) and of_models:
            if not value:  # where a list belongs, `{}` is an empty list: one empty element would be made up
                raise Unreadable(())
            value = [value]
        if not isinstance(value, list | tuple) or (holds_itself and _deeper_than(value, DEPTH)):
            raise Unreadable(())
        elements = []
        for item in value:
            try:
                result = read(item, element)
            except Unreadable:
                continue
            if result is not None:
                elements.append(result)
        if len(elements) < len(value):
            raise Unreadable(tuple(elements))
        return tuple(elements)

    return read_list


def _model_reader(model: Any, converter: Converter) -> Callable[[object, object], object]:
    readers: dict[str, tuple[str, Callable[[object, object], object], object]] = {}

    def read_model(value: object, _: object) -> object:
        if not isinstance(value, dict) and not isinstance(value, Mapping):  # the former is what JSON is, and far faster
            if value == "":
                return None
            raise Unreadable
        if not readers:  # filled when first used: a model may hold itself
            types = _field_types(model)
            readers.update(
                {wire: (name, converter.get_structure_hook(types[name]), types[name])
                 for name, wire in wire_names(model).items()}
            )  # fmt: skip
        known: dict[str, object] = {}
        extra: dict[str, object] = {}
        for key, item in value.items():
            reader = readers.get(key)
            if reader is None:
                extra[key] = item
            elif item is not None:
                name, read, type_ = reader
                try:
                    result = read(item, type_)
                except Unreadable as kept:
                    extra[key] = item
                    result = kept.partial
                if result is not None:
                    known[name] = result
        if extra:
            known["extra"] = extra
        return model(**known)

    return read_model


def _deeper_than(value: object, levels: int) -> bool:
    """Whether lists and objects nest deeper; a level of models is two of JSON, the list and the object in it."""
    layer: list[object] = [value]
    for _ in range(2 * levels):
        layer = [
            inner
            for outer in layer
            for inner in (
                outer.values() if isinstance(outer, Mapping) else outer if isinstance(outer, list | tuple) else ()
            )
        ]
        if not layer:
            return False
    return True


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _model_writer(model: Any, converter: Converter) -> Callable[[Any], dict[str, Any]]:
    names = tuple(wire_names(model).items())

    def write_model(value: Any) -> dict[str, Any]:
        written = {
            wire: converter.unstructure(item)
            for name, wire in names
            if (item := getattr(value, name)) is not None
        }  # fmt: skip
        written.update(value.extra)
        return written

    return write_model


def _write_when(value: date) -> str:
    if isinstance(value, datetime) and value.microsecond and value.microsecond % 1000 == 0:
        return value.isoformat(timespec="milliseconds")  # six digits is a form that the API never shows
    return value.isoformat()


# ── The converter, and what it knows of types ───────────────────────────────────────────────────────────────────────


@functools.cache
def _converter() -> Converter:
    # Built when first used: importing the library must not wait for it.
    converter = Converter()
    for type_, read in ((str, _text), (Decimal, _number), (int, _count), (bool, _flag)):
        converter.register_structure_hook(type_, read)
    converter.register_structure_hook_func(lambda t: t == When, _when)
    converter.register_structure_hook_func(lambda t: t == Day, _text)
    converter.register_structure_hook_factory(attrs.has, _model_reader)
    converter.register_structure_hook_factory(_is_list, _list_reader)
    converter.register_unstructure_hook(date, _write_when)
    converter.register_unstructure_hook(datetime, _write_when)
    converter.register_unstructure_hook(tuple, lambda items: [converter.unstructure(item) for item in items])
    converter.register_unstructure_hook_factory(attrs.has, _model_writer)
    return converter


@functools.cache
def _field_types(model: Any) -> Mapping[str, Any]:
    """Give the type of each field of a model without its `None`; `extra` is none."""
    attrs.resolve_types(model)
    return {field.name: _without_none(field.type) for field in attrs.fields(model) if field.name != "extra"}


@functools.cache
def _spellings(model: Any) -> Mapping[str, tuple[str, Any]]:
    """Give a model's names on the wire, and the models that are their types, by those names and case-folded."""
    found: dict[str, tuple[str, Any]] = {}
    types = _field_types(model)
    for name, wire in wire_names(model).items():
        type_ = get_args(types[name])[0] if _is_list(types[name]) else types[name]
        found[wire] = wire, type_ if attrs.has(type_) else None
    for wire, it in [*found.items()]:
        found.setdefault(wire.casefold(), it)
    return found


def _without_none(type_: Any) -> Any:
    if get_origin(type_) not in (UnionType, Union):
        return type_
    return functools.reduce(lambda one, other: one | other, (arg for arg in get_args(type_) if arg is not NoneType))


def _is_list(type_: Any) -> bool:
    return get_origin(type_) in (tuple, Sequence)


# ── Checking what a caller filled in ────────────────────────────────────────────────────────────────────────────────

_TYPE_NAMES: Final[Mapping[Any, str]] = {
    str: "text",
    int: f"a whole number of at most {DIGITS} digits",
    Decimal: "a finite number",
    bool: "True or False",
    Day: "a date or text",
}


def _value_problems(value: Any, type_: Any, where: str, places: Sequence[int] | None = None) -> Iterator[str]:
    """Tell what is wrong with a field's value; *places* are where a list's elements stood with the strays between."""
    if _is_list(type_):
        if not isinstance(value, tuple):
            yield f"{where}: {brief(value)} is not {_type_name(type_)}"
            return
        if places is None or len(places) != len(value):
            places = range(len(value))
        for index, item in zip(places, value, strict=True):
            yield from _value_problems(item, get_args(type_)[0], f"{where}[{index}]")
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
    if _is_list(type_):
        return f"a list of {get_args(type_)[0].__name__}"
    return _TYPE_NAMES.get(type_) or f"{'an' if type_.__name__[0] in 'AEIOU' else 'a'} {type_.__name__}"


def _strays(kept: object, type_: Any) -> list[int]:
    """Give the places, in a list as it was given, of what cannot be read as an element of it."""
    if not (_is_list(type_) and isinstance(kept, list | tuple)):
        return []
    element = get_args(type_)[0]
    return [index for index, item in enumerate(kept) if _read(item, element) is None]


def _read(value: object, type_: Any) -> object:
    """Read a value as its type; `None` where that cannot be, or where it is nothing."""
    try:
        return _converter().get_structure_hook(type_)(value, type_)
    except Unreadable:
        return None


def _is_of_type(value: object, type_: Any) -> bool:
    if type_ is Decimal:
        return isinstance(value, Decimal) and value.is_finite()
    if type_ is int:
        return type(value) is int and abs(value) < 10**DIGITS
    if type_ == Day:
        # A datetime is a date too, but its time would be sent, or lost.
        return isinstance(value, str) or (isinstance(value, date) and not isinstance(value, datetime))
    return isinstance(value, type_)
