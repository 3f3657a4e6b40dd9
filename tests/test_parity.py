"""The models and the operations against the published documents: nothing missing, nothing invented, types that fit."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import attrs
import derive_fields
import pytest
from support.leaves import element_type, field_types, is_list
from support.published import COMMITTED, SPEC, TABLE, needs_spec

from ingram_orders import models
from ingram_orders.builder import (
    Body,
    DayText,
    Flag,
    Header,
    Parameter,
    Path,
    Query,
    Range,
    Several,
    Text,
    TextParameter,
    Whole,
)
from ingram_orders.errors import ErrorDetail, ErrorField
from ingram_orders.fields import IRREGULAR, part_type, wire_name, wire_names
from ingram_orders.models import AnswerModel, Day, RequestModel, When
from ingram_orders.operations import OPERATIONS, OrdersRequest
from ingram_orders.refusals import error_details

FIELDS: Final[dict[str, Any]] = TABLE["fields"]
DOCUMENTS: Final = sorted(FIELDS.keys() - {derive_fields.ERRORS})
PUBLIC: Final = [getattr(models, name) for name in vars(models)["__all__"]]
CLASSES: Final[list[Any]] = [
    each
    for each in PUBLIC
    if isinstance(each, type)
    and issubclass(each, RequestModel | AnswerModel)
    and each not in (RequestModel, AnswerModel)
]

ZEROS: Final = "text in the model: a number would lose leading zeros and plus signs"
MONEY: Final = "money is an exact number, however it is written"
COUNT: Final = "a quantity is a number, however it is written"
WORD: Final = "a flag, however it is written"
ONE: Final = "a list in the model, which reads one object as a list of just it"

EXCEPTIONS: Final = {
    ("AsyncOrderCreateDTO", "lines[].endUserPrice", "string"): MONEY,  # 2024; a number in 2025
    ("AsyncOrderCreateDTO", "lines[].quantity", "string"): COUNT,  # 2024; an integer in 2025
    ("AsyncOrderCreateDTO", "lines[].unitPrice", "string"): MONEY,  # 2024; a number in 2025
    ("AsyncOrderCreateResponse", "confirmationNumber", "integer"): ZEROS,
    ("OrderCreateRequest", "acceptBackOrder", "string"): WORD,
    ("OrderCreateRequest", "lines[].endUserInfo[].phoneNumber", "number"): ZEROS,
    ("OrderCreateRequest", "lines[].quantity", "string"): COUNT,
    ("OrderCreateRequest", "resellerInfo.phoneNumber", "integer"): ZEROS,
    ("OrderCreateRequest", "shipmentDetails.signatureRequired", "string"): WORD,
    ("OrderCreateResponse", "orders[].lines[].shipmentDetails", "object"): ONE,
    ("OrderCreateResponse", "orders[].lines[].shipmentDetails[].signatureRequired", "string"): WORD,
    ("OrderCreateResponse", "shipToInfo.postalCode", "integer"): ZEROS,
    ("OrderCreateV7Response", "resource.orders[].lines[].endUserInfo", "object"): ONE,
    ("OrderCreateV7Response", "resource.orders[].lines[].shipmentDetails", "object"): ONE,
    ("OrderCreateV7Response", "resource.orders[].lines[].warrantyInfo", "object"): ONE,
    ("OrderDetailB2B", "miscellaneousCharges[].chargeAmount", "string"): MONEY,
    ("OrderModifyRequest", "lines[].ingramLineNumber", "integer"): ZEROS,
    ("OrderModifyResponse", "lines[].ingramLineNumber", "integer"): ZEROS,
    ("OrderSearchResponse", "orders[].links", "object"): ONE,
    ("OrderSearchResponse", "orders[].orderTotal", "string"): MONEY,
    ("OrderSearchResponse", "orders[].subOrders[].links", "object"): ONE,
    ("OrderSearchResponse", "orders[].subOrders[].subOrderTotal", "string"): MONEY,
    ("OrderSearchResponse", "pageNumber", "string"): COUNT,
    ("OrderSearchResponse", "pageSize", "string"): COUNT,
    ("OrderSearchResponse", "recordsFound", "string"): COUNT,
    ("OrderStatusAsyncNotificationRequest", "resource[].lines[].backorderedQuantity", "string"): COUNT,
    ("OrderStatusAsyncNotificationRequest", "resource[].lines[].requestedQuantity", "string"): COUNT,
    ("OrderStatusAsyncNotificationRequest", "resource[].lines[].shippedQuantity", "string"): COUNT,
}
"""Where a model's type is not the one that a document gives, or an example shows."""

NOT_DATES: Final = {"shipDateType", "deliveryDateType", "dateType", "endDateAlignmentType", "addUpdateDeleteLine"}
"""Text with a date in its name only."""


def places(model: Any) -> Iterator[tuple[str, Any, Any]]:
    """Give each path below a model, the class that holds it, and its type; a model within itself is not entered."""
    todo: list[tuple[str, Any, tuple[Any, ...]]] = [("", model, ())]
    while todo:
        prefix, holder, above = todo.pop()
        for wire, type_ in field_types(holder).items():
            yield f"{prefix}{wire}", holder, type_
            inner = part_type(type_)
            if attrs.has(inner) and inner not in (*above, holder):
                todo.append((f"{prefix}{wire}.", inner, (*above, holder)))


def published(document: str) -> dict[str, dict[str, Any]]:
    """Give the rows of the table by path, without the marks of lists."""
    return {place.replace("[]", ""): row for place, row in FIELDS[document].items() if not place.endswith("[]")}


def types_said(row: dict[str, Any]) -> set[str]:
    """Give each type that a row tells."""
    return {fact["type"] for key, fact in row.items() if key != "examples"} | set(row.get("examples", ()))


def fits(type_: Any, said: str) -> bool:
    """Whether a field's type is the one that a document says; dates are strings there."""
    if is_list(type_):
        return said == "array"
    if type_ is Decimal:
        return said in {"number", "integer"}
    return said == {str: "string", int: "integer", bool: "boolean", Day: "string", When: "string"}.get(type_, "object")


def owner(model: type, name: str) -> type:
    """Give the class that declares a field, which may stand in the place of several shapes."""
    return next(each for each in model.__mro__ if attrs.has(each) and not _inherited(each, name))


def _inherited(model: Any, name: str) -> bool:
    return getattr(attrs.fields_dict(model).get(name), "inherited", True)


# ── The documents' fields ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_published_field_is_missing(document: str) -> None:
    """Each path of either document, and each that only examples show, is one of the model's."""
    mine = {place for place, _, _ in places(getattr(models, document))}
    assert sorted(published(document).keys() - mine) == []


def test_no_field_is_invented() -> None:
    """Each field of each class is published in at least one of the places where the class stands."""
    declared = {
        (each, wire_name(each, field.name))
        for each in CLASSES
        for field in attrs.fields(each)
        if field.name != "extra" and not field.inherited
    }
    seen = set()
    for document in DOCUMENTS:
        rows = published(document)
        for place, holder, _ in places(getattr(models, document)):
            if place in rows:
                wire = place.rpartition(".")[2]
                name = next(name for name, each in wire_names(holder).items() if each == wire)
                seen.add((owner(holder, name), wire))
    assert sorted(f"{each.__name__}.{wire}" for each, wire in declared - seen) == []


def test_each_model_belongs_to_a_document() -> None:
    """No class is left over, and each document has one."""
    reached = {holder for document in DOCUMENTS for _, holder, _ in places(getattr(models, document))}
    bases = {base for each in reached for base in each.__mro__}
    assert [each.__name__ for each in CLASSES if each not in bases] == []
    assert set(DOCUMENTS) == set(derive_fields.MODELS.values())


def test_types_fit_but_for_known_exceptions() -> None:
    """A field's type is what the documents say and the examples show; no exception outlives its cause."""
    unfit = set()
    for document in DOCUMENTS:
        types = {place: type_ for place, _, type_ in places(getattr(models, document))}
        for place, row in FIELDS[document].items():
            if not place.endswith("[]"):
                type_ = types[place.replace("[]", "")]
                unfit |= {(document, place, said) for said in types_said(row) if not fits(type_, said)}
    assert unfit == EXCEPTIONS.keys()


def test_lists_of_text_and_models_within_themselves_are_as_published() -> None:
    """What the table says of the elements of lists: text, or the same shape again."""
    elements = {
        (document, place): row
        for document in DOCUMENTS
        for place, row in FIELDS[document].items()
        if place.endswith("[]")
    }
    assert elements
    for (document, place), row in elements.items():
        types = {each: (holder, type_) for each, holder, type_ in places(getattr(models, document))}
        holder, type_ = types[place.replace("[]", "")]
        for fact in row.values():
            assert element_type(type_) is (holder if "same as" in fact else str), place


def test_what_is_named_a_date_is_a_date_and_nothing_else_is() -> None:
    """The documents type dates as text, so their names have to tell; `shipDateRange` and its like are objects."""
    wrong = [
        f"{holder.__name__}.{wire}"
        for holder in CLASSES
        for wire, type_ in field_types(holder).items()
        if (type_ in (Day, When)) != (_tells_of_a_date(wire) and not attrs.has(type_) and not is_list(type_))
    ]
    assert wrong == []


def _tells_of_a_date(wire: str) -> bool:
    return wire not in NOT_DATES and any(word in wire.casefold() for word in ("date", "timestamp"))


def test_irregular_names_follow_no_rule_and_are_needed() -> None:
    """Each entry of the table of slips names a field and differs from what the rule would give."""
    for (holder, name), wire in IRREGULAR.items():
        assert name in attrs.fields_dict(getattr(models, holder))
        assert wire_name(object, name) != wire


# ── The documents' errors ───────────────────────────────────────────────────────────────────────────────────────────

ERROR_TEXTS: Final = [place for place, row in FIELDS[derive_fields.ERRORS].items() if types_said(row) == {"string"}]


@pytest.mark.parametrize("place", ERROR_TEXTS)
def test_every_published_field_of_an_error_is_read(place: str) -> None:
    """A text at any published place of an error's body is in the error's details."""
    body: Any = "the text"
    for name in reversed(place.split(".")):
        body = {name.removesuffix("[]"): [body] if name.endswith("[]") else body}
    [detail] = error_details(json.dumps(body).encode())
    assert "the text" in [*_texts(detail), *(text for field in detail.fields for text in _texts(field))]


def _texts(model: Any) -> list[str]:
    return [value for value in attrs.asdict(model, recurse=False).values() if isinstance(value, str)]


def test_error_details_hold_what_is_published_and_no_more() -> None:
    """`ErrorDetail` is the shape of the schema `ErrorResponse`."""
    prefix, inner = "errors[].", "errors[].fields[]."
    rows = FIELDS[derive_fields.ERRORS]
    schema = {place for place, row in rows.items() if "both" in row}
    assert {f"{prefix}{each.name}" for each in attrs.fields(ErrorDetail)} <= schema
    assert {f"{inner}{each.name}" for each in attrs.fields(ErrorField)} <= schema


# ── The operations ──────────────────────────────────────────────────────────────────────────────────────────────────

KINDS: Final[dict[str, type[Parameter[Any]]]] = {"header": Header, "path": Path, "query": Query}
FORMS: Final = {
    "string": (Text, DayText),
    "integer": (Whole,),
    "boolean": (Flag,),
    "array": (Several, Range),
}

NOT_AS_PUBLISHED: Final = {
    # (operation, parameter, fact): what is published, what is ours. The reasons:
    # one limit for a header, whatever the operation; cancel forgets it
    ("cancel", "IM-CustomerNumber", "maxLength"): (None, 10),
    # two letters, as in all other operations and in every example
    ("vendor_required_info", "IM-CountryCode", "maxLength"): (10, 2),
    # the client's default sends one; who leaves it out has said so
    ("vendor_required_info", "IM-SenderID", "required"): (True, False),
}


def test_the_operations_are_the_published_ones() -> None:
    """Each operation of either document is declared, with its method and its path, and no other."""
    assert sorted(f"{each.method} {each.path}" for each in OPERATIONS) == sorted(TABLE["operations"])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.operation)
def test_the_parameters_are_the_published_ones(operation: type[OrdersRequest[Any]]) -> None:
    """Each parameter is declared in its place, with a form that fits its type, and none is invented."""
    rows = TABLE["operations"][f"{operation.method} {operation.path}"]
    declared = {param.wire_name: param for param in operation.params() if isinstance(param, TextParameter)}
    assert sorted(declared) == sorted(place.partition(" ")[2] for place in rows)
    for place, row in rows.items():
        kind, _, name = place.partition(" ")
        param = declared[name]
        assert isinstance(param, KINDS[kind])
        for said in types_said(row):
            assert isinstance(param.form, FORMS[said]), place


def test_lengths_and_what_is_required_are_the_published_ones() -> None:
    """Lengths of headers, path and query are checked as published, but for what the table above excuses."""
    differing: dict[tuple[str, str, str], tuple[object, object]] = {}
    for operation in OPERATIONS:
        rows = TABLE["operations"][f"{operation.method} {operation.path}"]
        for param in operation.params():
            if isinstance(param, TextParameter):
                ours = {"maxLength": getattr(param.form, "longest", None), "required": param.required}
                for fact in rows[f"{type(param).__name__.lower()} {param.wire_name}"].values():
                    theirs = {"maxLength": fact.get("maxLength"), "required": fact.get("required", False)}
                    for name, value in ours.items():
                        if theirs[name] != value:
                            differing[operation.operation, param.wire_name, name] = theirs[name], value
    assert differing == NOT_AS_PUBLISHED


def test_bodies_and_answers_are_the_published_ones() -> None:
    """What an operation takes and gives is the model of its document."""
    for operation in OPERATIONS:
        of = {
            part: name
            for (method, path, part), name in derive_fields.MODELS.items()
            if (method.upper(), path) == (operation.method, operation.path)
        }
        bodies = [param.model.__name__ for param in operation.params() if isinstance(param, Body)]
        assert bodies == [name for part, name in of.items() if part == "request"]
        answers = {name for part, name in of.items() if part != "request"}
        answer = operation.answer
        if answer is None:
            assert answers == set()
        else:
            # v7's event is published as an answer too; it comes by webhook.
            assert answers - {"OrderCreateV7Response"} == {part_type(answer).__name__}


# ── The table ───────────────────────────────────────────────────────────────────────────────────────────────────────


@needs_spec
def test_the_table_is_what_the_documents_say() -> None:
    """Deriving it again gives the committed table, character for character."""
    assert derive_fields.text(derive_fields.derive(SPEC)) == COMMITTED.read_text("utf-8")
