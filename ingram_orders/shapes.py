"""
What msgspec reads an answer into on its way to a model, with the extra `speed`: a `Struct` for each model, in the place
of dictionaries, which take as long to make, and to look into, as all the rest.

Where an answer has what no field of its models has, or another kind of thing where a part of it should be, it does not
fit; then it is read as dictionaries, so that nothing is lost.
"""

from typing import Any, Final

import attrs

from ingram_orders.exact_json import is_fast
from ingram_orders.fields import field_types, is_list, part_type, wire_names

_MOST_PASSED_OVER: Final = 63
"""Answers at most that are not tried, once several before them did not fit."""


class _Shapes(dict[Any, Any]):
    """By the model, made when first asked for."""

    def __missing__(self, model: Any) -> Any:
        # Of several threads that make one, all use the first one's.
        return self.setdefault(model, _made(model) if is_fast() else None)


_shapes: Final = _Shapes()
_misfits: Final[dict[Any, tuple[int, int]]] = {}
"""By the model: how many answers are passed over after one that did not fit, and how many of those are left."""


def shape(model: Any) -> Any:
    """Give the shape of a model of answers, made when it is first needed; `None` without the extra."""
    return _shapes[model]


def worth_trying(model: Any) -> Any:
    """
    Give the shape to read an answer into; `None` where there is none, or where answers have not fitted lately.

    What does not fit is read twice. So once the API says more than its models know, only one in 64 is tried.
    """
    passed_over, left = _misfits.get(model, (0, 0))
    if left:
        _misfits[model] = passed_over, left - 1
        return None
    return _shapes[model]


def tried(model: Any, *, fits: bool) -> None:
    """Learn what came of it."""
    if fits:
        _misfits.pop(model, None)
    else:
        passed_over = min(2 * _misfits.get(model, (0, 0))[0] + 1, _MOST_PASSED_OVER)
        _misfits[model] = passed_over, passed_over


def part(type_: Any) -> Any:
    """Give the model that a field's type is, or is a list of, where that has a shape."""
    inner = part_type(type_)
    return inner if attrs.has(inner) and shape(inner) is not None else None


def _made(model: Any) -> Any:
    import msgspec

    types = field_types(model)
    if model in map(part_type, types.values()):
        return None  # how deep it holds itself is looked at in dictionaries
    if model.__setattr__ is not object.__setattr__:
        return None  # a request, or a class that somebody derived, which may refuse a value
    try:
        struct = msgspec.defstruct(
            model.__name__,
            [(name, _shape_of(type_), None) for name, type_ in types.items()],
            rename=dict(wire_names(model)),
            forbid_unknown_fields=True,
            gc=False,  # it is gone once it was read
        )
        # What msgspec keeps of a struct comes with its first decoder, and is unfinished to other threads meanwhile.
        msgspec.json.Decoder(struct)
        return struct
    except Exception:  # of a msgspec that nobody knows yet
        return None


def _shape_of(type_: Any) -> Any:
    inner = part(type_)
    if inner is None:
        return Any  # whatever JSON has; what of it can be read, is for the reader to say
    # What else may be there is text, or one alone for a list of one; no number, for which only `Any` is exact.
    its: Any = shape(inner)
    return list[its] | dict[str, Any] | str | None if is_list(type_) else its | list[Any] | str | None
