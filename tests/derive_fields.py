"""
The published documents to a table of plain facts: names, types, lengths; no prose, no examples.

    python tests/derive_fields.py SPEC_DIR > tests/data/fields.json

SPEC_DIR holds the two OpenAPI documents, cut down to orders, and `examples.json`. The table lets the parity test run
where they are not.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

Json = Any

DOCUMENTS: Final = {"2024": "orders-2024-06.json", "2025": "orders-2025-11.json"}
ERRORS: Final = "ErrorResponse"

MODELS: Final[Mapping[tuple[str, str, str], str]] = {
    ("post", "/resellers/v6/orders", "request"): "OrderCreateRequest",
    ("post", "/resellers/v6/orders", "201"): "OrderCreateResponse",
    ("post", "/resellers/v6/orders", "207"): "OrderCreateResponse",
    ("post", "/resellers/v7/orders", "request"): "AsyncOrderCreateDTO",
    ("post", "/resellers/v7/orders", "200"): "AsyncOrderCreateResponse",
    ("post", "/resellers/v7/orders", "201"): "OrderCreateV7Response",
    ("put", "/resellers/v6/orders/{orderNumber}", "request"): "OrderModifyRequest",
    ("put", "/resellers/v6/orders/{orderNumber}", "200"): "OrderModifyResponse",
    ("put", "/resellers/v6/orders/{orderNumber}", "201"): "OrderModifyResponse",
    ("put", "/resellers/v6/orders/{orderNumber}", "207"): "OrderModifyResponse",
    ("get", "/resellers/v6.1/orders/{ordernumber}", "200"): "OrderDetailB2B",
    ("get", "/resellers/v6/orders/search", "200"): "OrderSearchResponse",
    ("post", "/resellers/v7/vendorrequiredinfo", "request"): "VendorRequiredInfoRequest",
    ("post", "/resellers/v7/vendorrequiredinfo", "200"): "VendorRequiredInfo",
    ("post", "/resellers/v1/webhooks/orderstatusevent", "request"): "OrderStatusAsyncNotificationRequest",
}
"""Which model is the body of which operation, by method, path, and `request` or the answer's status."""

NOT_ORDERS: Final = {"/oauth/oauth20/token"}
NOT_CALLED: Final = {"/resellers/v1/webhooks/orderstatusevent"}
"""The API calls this one, not the client; its body counts, its parameters do not."""


def model_of(method: str, path: str, part: str, value: Json = None) -> str:
    """Name the model of a body; a `KeyError` where a document has one that nobody thought of."""
    if part >= "400" and part != "request":
        return ERRORS
    if path == "/resellers/v7/orders" and isinstance(value, list):
        return "OrderCreateV7Response"  # the event, shown as an example of the confirmation too
    return MODELS[method, path, part]


def derive(folder: Path) -> dict[str, Json]:
    """Derive the table: `fields` by model and path, `operations` by method and path."""
    documents = {year: _load(folder / name) for year, name in DOCUMENTS.items()}
    fields: dict[str, dict[str, dict[str, Json]]] = {}
    operations: dict[str, dict[str, dict[str, Json]]] = {}
    for year, document in documents.items():
        for method, path, operation in _operations(document):
            for part, schema in _bodies(operation):
                rows = fields.setdefault(model_of(method, path, part), {})
                for place, fact in _fields(document, schema):
                    known = rows.setdefault(place, {}).setdefault(year, fact)
                    if known != fact:
                        raise ValueError(f"{method} {path} {part}: {place} is {fact}, and elsewhere {known}")
            if path not in NOT_CALLED:
                parameters = operations.setdefault(f"{method.upper()} {path}", {})
                for parameter in operation.get("parameters", ()):
                    parameters.setdefault(f"{parameter['in']} {parameter['name']}", {})[year] = _fact(
                        parameter["schema"], bool(parameter.get("required"))
                    )
    for example in _load(folder / "examples.json"):
        part = example.get("status", "request")
        rows = fields[model_of(example["method"], example["path"], part, example["value"])]
        places = {place.replace("[]", ""): place for place in rows if not place.endswith("[]")}
        for place, type_ in _shown(example["value"], "", rows, places):
            row = rows.setdefault(place, {})
            if type_ not in {fact["type"] for year, fact in row.items() if year in DOCUMENTS}:
                row["examples"] = sorted({*row.get("examples", ()), type_})
    return {"fields": _by_year(fields), "operations": _by_year(operations)}


def _load(file: Path) -> Json:
    return json.loads(file.read_text("utf-8"))


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        if path not in NOT_ORDERS:
            for method, operation in methods.items():
                yield method, path, operation


def _bodies(operation: Json) -> Iterator[tuple[str, Json]]:
    parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
    for part, body in parts.items():
        for content in body.get("content", {}).values():
            yield part, content["schema"]


def _fields(document: Json, schema: Json) -> Iterator[tuple[str, Json]]:
    """Give each path below a schema, and what is said about it."""
    schemas = document["components"]["schemas"]
    todo: list[tuple[str, Json, bool, dict[str, str]]] = [("", schema, False, {})]
    while todo:
        place, schema, required, above = todo.pop()
        while "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in above:
                yield place, {"type": "object", "same as": above[name]}
                break
            above = {**above, name: place}
            schema = schemas[name]
        else:
            fact = _fact(schema, required)
            if place.strip("[]") and not (place.endswith("[]") and fact["type"] == "object"):
                yield place, fact
            if "items" in schema:
                todo.append((f"{place}[]", schema["items"], False, above))
            for name, inner in schema.get("properties", {}).items():
                where = f"{place}.{name}".lstrip(".").removeprefix("[].")  # of an array, its elements are the model
                todo.append((where, inner, name in schema.get("required", ()), above))


def _fact(schema: Json, required: bool) -> Json:
    fact = {"type": schema.get("type", "object")}
    if "maxLength" in schema:
        fact["maxLength"] = schema["maxLength"]
    if required:
        fact["required"] = True
    return fact


def _shown(value: Json, prefix: str, rows: Json, places: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give each path of an example and its JSON type, but for null, which says nothing of the type."""
    if isinstance(value, list):
        for item in value:
            yield from _shown(item, prefix, rows, places)
    elif isinstance(value, dict):
        for name, inner in value.items():
            shown = f"{prefix}.{name}".lstrip(".")
            # Where an example has an object for an array, or the other way round, the documents' path is taken.
            place = places.get(shown.replace("[]", ""), shown)
            facts = [fact for year, fact in rows.get(place, {}).items() if year in DOCUMENTS]
            type_ = _json_type(inner)
            if type_ == "integer" and any(fact["type"] == "number" for fact in facts):
                type_ = "number"
            if inner is not None:
                yield place, type_
            below = place + "[]" * (facts[-1]["type"] == "array" if facts else type_ == "array")
            same = next((fact["same as"] for fact in rows.get(below, {}).values() if "same as" in fact), below)
            yield from _shown(inner, same, rows, places)


def _json_type(value: Json) -> str:
    names = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _by_year(table: dict[str, dict[str, dict[str, Json]]]) -> dict[str, Json]:
    """Sort the table, and say once what both documents say."""
    return {
        name: {place: _both(facts) for place, facts in sorted(rows.items())} for name, rows in sorted(table.items())
    }


def _both(facts: dict[str, Json]) -> dict[str, Json]:
    if "2024" not in facts or facts["2024"] != facts.get("2025"):
        return facts
    return {"both": facts["2024"], **{key: fact for key, fact in facts.items() if key not in DOCUMENTS}}


def text(table: dict[str, Json]) -> str:
    """Write the table with one path to a line, so that a change of the documents is a readable diff."""
    return _object(table, lambda groups: _object(groups, lambda rows: _object(rows, json.dumps))) + "\n"


def _object(items: Mapping[str, Json], write: Callable[[Json], str]) -> str:
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {write(item)}" for key, item in items.items()) + "\n}"


if __name__ == "__main__":
    sys.stdout.write(text(derive(Path(sys.argv[1]))))
