"""Files that hold what is to be sent."""

from collections.abc import Iterator
from typing import IO, Any, TypeVar

from ingram_orders.cli.ending import WRONG, fail, tell
from ingram_orders.converters import structure
from ingram_orders.errors import one_line
from ingram_orders.exact_json import read_document
from ingram_orders.fields import wire_names
from ingram_orders.models import RequestModel

Document = TypeVar("Document", bound=RequestModel)


def document_in(file: IO[bytes], model: type[Document]) -> Document:
    """Read a request's document from a JSON file; warn of what will not be sent as it stands there."""
    try:
        data = read_document(file.read())
    except (ValueError, ArithmeticError, RecursionError) as wrong:
        fail(f"{file.name} is not JSON: {wrong}", WRONG)
    if not isinstance(data, dict):
        fail(f"{file.name} holds no JSON object, but a {type(data).__name__}", WRONG)
    document = structure(data, model)
    for key in unknown_keys(document):
        _warn(file, f"{key} is no field that the API is known to have")
    for key in nulls(data):
        _warn(file, f'{key} is null and will not be sent; "" empties a text')
    return document


def _warn(file: IO[bytes], what: str) -> None:
    tell(f"ingram-orders: {file.name}: {one_line(what, 200)}")


def unknown_keys(model: RequestModel, where: str = "") -> Iterator[str]:
    """Give the keys in a document that are no fields of it, with where they are."""
    class_: Any = type(model)
    names = wire_names(class_)
    yield from (f"{where}{key}" for key in model.extra if key not in names.values())
    for name, wire in names.items():
        value = getattr(model, name)
        if isinstance(value, RequestModel):
            yield from unknown_keys(value, f"{where}{wire}.")
        for place, part in enumerate(value if isinstance(value, tuple) else ()):
            if isinstance(part, RequestModel):
                yield from unknown_keys(part, f"{where}{wire}[{place}].")


def nulls(data: Any, where: str = "") -> Iterator[str]:
    """Give where JSON holds a null."""
    if data is None:
        yield where
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from nulls(value, f"{where}.{key}" if where else key)
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield from nulls(value, f"{where}[{place}]")
