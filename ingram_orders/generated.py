"""
Readers and writers of models: a function for each model, generated from its fields.

Reading is most of what an answer costs, so a field whose value is plainly of its type is read where it stands, without
a call; any other goes to the hook of its type. Nothing is rejected, and nothing lost, see `converters`.
"""

import functools
import linecache
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import attrs
from cattrs import Converter

from ingram_orders import shapes
from ingram_orders.fields import element_type, field_types, is_list, part_type, wire_names
from ingram_orders.models.shared import Day, RequestModel, When
from ingram_orders.scalars import DIGITS, Unreadable, is_moment

Reader = Callable[..., Any]
"""Reads a value; raises `Unreadable`. What is a hook of cattrs has the type as a second argument, and needs none."""

DEPTH: Final = 32
"""How deep a model may hold itself (`VendorAttribute.choices`); a list that goes deeper stays JSON, in `extra`."""

_PLAINLY: Final[Mapping[Any, Mapping[str, str]]] = {
    str: {"type(value) is str": "value"},
    Day: {"type(value) is str": "value"},
    Decimal: {"type(value) is Decimal and value.is_finite()": "value", "type(value) is int": "Decimal(value)"},
    int: {f"type(value) is int and {-(10**DIGITS)} < value < {10**DIGITS}": "value"},
    bool: {"type(value) is bool": "value"},
    When: {
        "type(value) is str and len(value) == 10 and value[4] == value[7] == '-'": "day(value)",  # see `scalars.when`
        "type(value) is str and is_moment(value)": "moment(value)",
    },
}
"""By a field's type: when a value is plainly of it, and what it is then."""


def model_reader(model: Any, converter: Converter) -> Reader:
    """
    Make the reader of a model; a hook factory of cattrs.

    Whether there is a key that no field has is found by counting, since to look up each costs a tenth of it all: those
    there and those missing are as many as there are fields, unless one is unknown.
    """
    fields = _fields(model)
    known = frozenset(it.wire for it in fields)
    is_frozen = issubclass(model, RequestModel)
    lines = [
        "def read(data, _=None):",
        "    if type(data) is not dict:",
        "        data = as_dict(data)",
        "    model, get, missing = new(), data.get, 0",
        *(["    assign(model, 'extra', {})"] if is_frozen else []),  # an answer makes its own when first asked for it
    ]
    for it in fields:
        lines += [f"    value = get({it.wire!r})", *it.lines(it.cases, [f"missing += {it.wire!r} not in data"])]
    lines += [
        f"    if len(data) + missing != {len(known)}:",
        "        for key in data:",
        "            if key not in known:",
        "                model.extra[key] = data[key]",
        "    return model",
    ]
    namespace = {**_namespace(model), "as_dict": _as_dict, "assign": object.__setattr__, "known": known}
    read = _compiled(lines, f"<reader of {model.__name__}>", namespace)
    for it in fields:
        holds_itself = is_list(it.type_) and element_type(it.type_) is model
        namespace[it.read] = (
            _list_reader(model, read, holds_itself=True) if holds_itself else _reader_of(it.type_, converter)
        )
    return read


@functools.cache
def shaped_reader(model: Any, converter: Converter) -> Reader:
    """Make the reader of an answer's model that reads its `shapes.shape`, in which no key is unknown."""
    lines = ["def read(data):", "    model = new()"]
    namespace = _namespace(model)
    for it in _fields(model):
        cases, part = it.cases, shapes.part(it.type_)
        if part is None:
            namespace[it.read] = _reader_of(it.type_, converter)
        else:
            namespace |= {
                f"shape_of_{it.read}": shapes.shape(part),
                f"each_of_{it.read}": shaped_reader(part, converter),
            }
            namespace[it.read] = _when_needed(it.type_, converter)
            cases = {f"type(value) is shape_of_{it.read}": f"each_of_{it.read}(value)"}
            if is_list(it.type_):
                cases = {"type(value) is list": f"tuple([each_of_{it.read}(it) for it in value])"}
        lines += [f"    value = data.{it.name}", *it.lines(cases)]
    return _compiled([*lines, "    return model"], f"<reader of the shape of {model.__name__}>", namespace)


@functools.cache
def _reader_of(type_: Any, converter: Converter) -> Reader:
    """Give what reads a type's values: a hook of ours, or one of cattrs' or a user's, which may raise anything."""
    hook = converter.get_structure_hook(type_)
    if type_ in _PLAINLY or attrs.has(type_) or is_list(type_):
        return hook

    def read(value: object) -> Any:
        try:
            return hook(value, type_)
        except Exception as wrong:
            raise Unreadable from wrong

    return read


def _when_needed(type_: Any, converter: Converter) -> Reader:
    """Read as the reader of a type does, which is not made before: what has a shape hardly ever needs it."""
    return lambda value: _reader_of(type_, converter)(value)


def _namespace(model: Any) -> dict[str, Any]:
    return {
        "Decimal": Decimal,
        "day": date.fromisoformat,
        "is_moment": is_moment,
        "moment": datetime.fromisoformat,
        "new": functools.partial(object.__new__, model),
        "partial": lambda unreadable: getattr(unreadable, "partial", None),  # a day that does not exist has none
    }


def model_writer(model: Any, converter: Converter) -> Callable[[Any], dict[str, Any]]:
    """Make the writer of a model; a hook factory of cattrs."""
    lines = ["def write(model):", "    data = {}"]
    for name, wire in wire_names(model).items():
        lines += [
            f"    value = model.{name}",
            "    if value is not None:",
            f"        data[{wire!r}] = value if type(value) in as_it_is else unstructure(value)",
        ]
    lines += ["    if model.extra:", "        data.update(model.extra)", "    return data"]
    namespace = {"as_it_is": frozenset({str, int, bool, Decimal}), "unstructure": converter.unstructure}
    return _compiled(lines, f"<writer of {model.__name__}>", namespace)


@functools.cache
def soundness(model: Any) -> Callable[[Any], bool]:
    """
    Make what tells whether all values of a request's model are plainly of their fields' types, and text ASCII; those of
    nearly all requests are, and need no closer look.
    """
    lines = [
        "def is_sound(model):",
        "    extra = model.extra",
        "    if type(extra) is not dict or extra:",
        "        return False",
    ]
    namespace: dict[str, Any] = {"Decimal": Decimal}
    for index, (name, type_) in enumerate(field_types(model).items()):
        part = part_type(type_)
        if attrs.has(part) and part is not model:
            namespace |= {f"model{index}": part, f"sound{index}": soundness(part)}
            it = "it" if is_list(type_) else "value"
            condition = f"type({it}) is model{index} and sound{index}({it})"
            if is_list(type_):
                condition = f"type(value) is tuple and all([{condition} for it in value])"
        elif part in _PLAINLY and part != When and not is_list(type_):
            condition = next(iter(_PLAINLY[part])) + (" and value.isascii()" if part in (str, Day) else "")
        else:  # a list of texts, a model in itself, or a type that a class derived from ours has: to be looked at
            condition = "False"
        lines += [f"    value = model.{name}", f"    if not (value is None or {condition}):", "        return False"]
    return _compiled([*lines, "    return True"], f"<soundness of {model.__name__}>", namespace)


def list_reader(type_: Any, converter: Converter) -> Reader:
    """Make the reader of a list; a hook factory of cattrs."""
    element = element_type(type_)
    return _list_reader(element, _reader_of(element, converter))


class _Field(NamedTuple):
    """A field of a model, and the lines that read it."""

    name: str
    wire: str
    type_: Any
    read: str
    """What is called with a value that is none of the cases."""
    is_frozen: bool

    @property
    def cases(self) -> Mapping[str, str]:
        """When a value is plainly of the field's type, and what it is then."""
        if self.kind is not None:
            return {f"type(value) is {self.kind}": f"{self.read}(value)"}
        return _PLAINLY.get(self.type_, {})

    @property
    def kind(self) -> str | None:
        """What JSON has for a model, or for a list; `None` of any other type."""
        return "dict" if attrs.has(self.type_) else "list" if is_list(self.type_) else None

    def assigned(self, value: str) -> str:
        """Write the line that gives the field a value."""
        return f"assign(model, {self.name!r}, {value})" if self.is_frozen else f"model.{self.name} = {value}"

    def lines(self, cases: Mapping[str, str], if_nothing: Sequence[str] = ()) -> Iterator[str]:
        """Write the lines that read `value` into the field, and those of *if_nothing* where it is none."""
        yield "    try:"
        word = "if"
        for condition, value in cases.items():
            yield f"        {word} {condition}:"
            yield f"            {self.assigned(value)}"
            word = "elif"
        is_nothing = "value is None" if self.kind is None else "value is None or value == ''"
        yield f"        {word} {is_nothing}:"
        yield f"            {self.assigned('()' if self.kind == 'list' and not self.is_frozen else 'None')}"
        yield from (f"            {line}" for line in if_nothing)
        yield "        else:"
        yield f"            {self.assigned(f'{self.read}(value)')}"
        yield "    except ValueError as unreadable:"
        yield f"        model.extra[{self.wire!r}] = value"
        yield f"        {self.assigned('partial(unreadable)')}"


def _fields(model: Any) -> list[_Field]:
    types, is_frozen = field_types(model), issubclass(model, RequestModel)
    return [
        _Field(name, wire, types[name], f"read{index}", is_frozen)
        for index, (name, wire) in enumerate(wire_names(model).items())
    ]


def _compiled(lines: list[str], name: str, namespace: dict[str, Any]) -> Callable[..., Any]:
    """Make the one function that the lines define."""
    source = "\n".join(lines)
    # So that tracebacks and debuggers show the lines.
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    defined: dict[str, Callable[..., Any]] = {}
    exec(compile(source, name, "exec"), namespace, defined)  # noqa: S102  # made of names of our own models
    [function] = defined.values()
    return function


def _as_dict(data: object) -> dict[str, Any]:
    if isinstance(data, Mapping):
        return dict(data)
    raise Unreadable


def _list_reader(element: Any, read: Reader, *, holds_itself: bool = False) -> Reader:
    of_models = attrs.has(element)

    def read_list(value: object, _: object = None) -> tuple[object, ...]:
        if type(value) is not list:
            if of_models and value and (type(value) is dict or isinstance(value, Mapping)):
                value = [value]  # but `{}` is an empty list: one empty element would be made up
            elif not isinstance(value, list | tuple):
                raise Unreadable(())
        if holds_itself and _deeper_than(value, DEPTH):
            raise Unreadable(())
        elements, is_whole = [], True
        for item in value:
            try:
                elements.append(read(item))
            except Unreadable:
                is_whole = False
        if not is_whole:
            raise Unreadable(tuple(elements))
        return tuple(elements)

    return read_list


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
