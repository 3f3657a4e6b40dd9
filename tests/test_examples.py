"""All examples of the published documents: each is read without an error, and without losing a leaf."""

import json
from collections.abc import Iterator
from typing import Any, Final

import attrs
import derive_fields
import pytest
from support.leaves import losses
from support.published import SPEC, needs_spec

from ingram_orders import models, structure, unstructure
from ingram_orders.exact_json import read_json
from ingram_orders.operations import OPERATIONS
from ingram_orders.refusals import error_details

pytestmark = needs_spec

_FILE: Final = SPEC / "examples.json"
EXAMPLES: Final[list[dict[str, Any]]] = read_json(_FILE.read_bytes()) if _FILE.is_file() else []


def document(example: dict[str, Any]) -> str:
    """Name what an example is of: a model, or `ErrorResponse`."""
    part = example.get("status", "request")
    return derive_fields.model_of(example["method"], example["path"], part, example["value"])


def titled(example: dict[str, Any]) -> str:
    return " ".join([example["spec"][7:11], example["method"], example["path"], example.get("status", "request")])


EMPTY: Final = [each for each in EXAMPLES if each["value"] is None]
ERRORS: Final = [each for each in EXAMPLES if document(each) == derive_fields.ERRORS]
BODIES: Final = [each for each in EXAMPLES if each not in EMPTY and each not in ERRORS]


def test_every_example_is_looked_at() -> None:
    """The kinds that the tests below take are all there are."""
    assert len(BODIES) + len(ERRORS) + len(EMPTY) == len(EXAMPLES) == 107


@pytest.mark.parametrize("example", BODIES, ids=titled)
def test_an_example_loses_no_leaf(example: dict[str, Any]) -> None:
    """What a model gives back holds all that went in; an event that is an array of one is read as the one."""
    model = getattr(models, document(example))
    for before, read in _read(example):
        assert losses(before, unstructure(read), model) == []


def test_examples_fill_fields_and_leave_nothing_in_extra() -> None:
    """What examples show is known to the models, and of their types."""
    left = {(document(each), key) for each in BODIES for _, read in _read(each) for key in _extras(read)}
    # A number with a comma behind it is none, in both documents.
    assert left == {("OrderCreateRequest", "CreateLine.quantity")}


def _read(example: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Give what is read of an example, beside it; vendor required info is answered by an array of any length."""
    value, model = example["value"], getattr(models, document(example))
    if model is models.VendorRequiredInfo:
        yield from ((item, structure(item, model)) for item in value)
    else:
        [before] = value if isinstance(value, list) else [value]
        yield before, structure(value, model)


def _extras(model: Any) -> Iterator[str]:
    """Give the keys in `extra` of a model and of all in it."""
    yield from (f"{type(model).__name__}.{key}" for key in model.extra)
    for field in attrs.fields(type(model)):
        value = getattr(model, field.name)
        for inner in value if isinstance(value, tuple) else [value]:
            if attrs.has(type(inner)):
                yield from _extras(inner)


@pytest.mark.parametrize("example", ERRORS, ids=titled)
def test_an_error_loses_no_text(example: dict[str, Any]) -> None:
    """Every text of an error's body is in its details, misspelt keys included, and nothing else is."""
    details = error_details(json.dumps(example["value"]).encode())
    assert sorted(_texts([attrs.asdict(detail) for detail in details])) == sorted(_texts(example["value"]))


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return [] if value is None else [str(value)]


def test_the_empty_example_is_an_empty_answer() -> None:
    """The answer to a release is `null`, for which the operation has an answer."""
    for example in EMPTY:
        route = example["method"].upper(), example["path"]
        [operation] = (each for each in OPERATIONS if (each.method, each.path) == route)
        assert operation.empty_answer(int(example["status"])) == getattr(models, document(example))()
