"""How JSON becomes models and models JSON, rule by rule; `test_lossless.py` shows that nothing gets lost on the way."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

import attrs
import pytest

from ingram_orders import InvalidRequestError, OrderStatus, structure, unstructure
from ingram_orders.checking import problems
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.fields import wire_names
from ingram_orders.models import (
    Address,
    AddressRequest,
    AsyncOrderCreateDTO,
    AsyncWarrantySerial,
    Attribute,
    Carrier,
    CreatedLine,
    CreateLine,
    DetailLine,
    DetailShipment,
    EndUser,
    EventLine,
    FoundOrder,
    FoundSubOrder,
    License,
    Link,
    ModifiedLine,
    OrderCreateRequest,
    OrderCreateResponse,
    OrderDetailB2B,
    OrderModifyRequest,
    OrderModifyResponse,
    OrderSearchResponse,
    Reseller,
    Shipment,
    ShipTo,
    SubscriptionPeriod,
    WarrantySerial,
)
from ingram_orders.models.shared import exact

UNREAD: Final = object()
"""The value is not of the field's type: the field is as if absent, and `extra` holds the value."""


def reads(model: Any, name: str, value: object, expected: object) -> None:
    """Check what a field reads of a value."""
    wire = wire_names(model)[name]
    read = structure({wire: value}, model)
    default = attrs.fields_dict(model)[name].default
    if expected is UNREAD:
        assert getattr(read, name) == default
        assert read.extra == {wire: value}
        assert unstructure(read)[wire] is value
    else:
        assert getattr(read, name) == expected
        assert type(getattr(read, name)) is type(expected)
        assert read.extra == {}


# ── Reading, type by type ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("02139", "02139"),
        ("001", "001"),
        ("", ""),
        (" padded ", " padded "),
        ("null", "null"),
        ("Ünïcødé 🙂", "Ünïcødé 🙂"),
        ("\ud800", "\ud800"),
        ("1.10", "1.10"),
        (5551234, "5551234"),
        (-7, "-7"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+5"), "1E+5"),
        (0.1, "0.1"),
        (None, None),
        (True, UNREAD),
        (float("nan"), UNREAD),
        (Decimal("Infinity"), UNREAD),
        ([], UNREAD),
        (["a"], UNREAD),
        ({}, UNREAD),
    ],
)
def test_text_is_kept_and_a_number_becomes_its_json_text(value: object, expected: object) -> None:
    """Nothing is stripped or folded: leading zeros, spaces and `""` stay."""
    reads(Address, "postal_code", value, expected)


def test_a_number_too_long_for_text_stays_a_number() -> None:
    """Python writes no more than 4,300 digits, so such a number is kept as it is."""
    reads(Address, "postal_code", 10**5000, UNREAD)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (290, Decimal(290)),
        (Decimal("1234567.89"), Decimal("1234567.89")),
        (Decimal("19.90"), Decimal("19.90")),
        (0.1, Decimal("0.1")),
        (16777217.0, Decimal("16777217.0")),
        ("120.00", Decimal("120.00")),
        ("-1.5e-3", Decimal("-0.0015")),
        ("1E+1000000", Decimal("1E+1000000")),
        (Decimal("1E-400"), Decimal("1E-400")),
        (10**19 + 1, Decimal("10000000000000000001")),
        ("", None),
        (None, None),
        ("02139", UNREAD),
        ("1_000", UNREAD),
        ("1,000.00", UNREAD),
        ("+1", UNREAD),
        (".5", UNREAD),
        ("5.", UNREAD),
        (" 1", UNREAD),
        ("1\n", UNREAD),
        ("١٢", UNREAD),
        ("NaN", UNREAD),
        ("Infinity", UNREAD),
        ("1E+99999999999999999999", UNREAD),
        (float("inf"), UNREAD),
        (Decimal("NaN"), UNREAD),
        (True, UNREAD),
        (False, UNREAD),
        ([1], UNREAD),
        ({}, UNREAD),
    ],
)
def test_an_amount_is_an_exact_decimal(value: object, expected: object) -> None:
    """Finite JSON numbers and text in JSON's number grammar are read, with all their digits; a bool never is."""
    reads(FoundOrder, "order_total", value, expected)
    if isinstance(expected, Decimal):
        total = structure({"orderTotal": value}, FoundOrder).order_total
        assert total is not None
        assert total.as_tuple() == expected.as_tuple()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (123, 123),
        ("123", 123),
        ("0", 0),
        ("-5", -5),
        (Decimal("3.0"), 3),
        ("3.00", 3),
        (3.0, 3),
        (Decimal("1E+2"), 100),
        (10**18 - 1, 10**18 - 1),
        ("9" * 18, 10**18 - 1),
        (Decimal("1E+17"), 10**17),
        (Decimal("0E-1000000"), 0),
        ("", None),
        (None, None),
        (10**18, UNREAD),
        (-(10**18), UNREAD),
        ("1" + "0" * 18, UNREAD),
        (Decimal("1E+1000000"), UNREAD),
        ("1E+1000000", UNREAD),
        (Decimal("1E-1000000"), UNREAD),
        (Decimal("3.5"), UNREAD),
        (1.5, UNREAD),
        ("007", UNREAD),
        ("1,", UNREAD),
        ("12 pcs", UNREAD),
        (True, UNREAD),
        ([], UNREAD),
    ],
)
def test_a_count_is_an_int_of_at_most_18_digits(value: object, expected: object) -> None:
    """A whole number, however it is written; what is too long is judged by its exponent, before it is computed."""
    reads(OrderSearchResponse, "records_found", value, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("TRUE", True),
        ("False", False),
        ("", None),
        (None, None),
        ("yes", UNREAD),
        ("Y", UNREAD),
        ("true ", UNREAD),
        (1, UNREAD),
        (0, UNREAD),
        ([], UNREAD),
    ],
)
def test_a_flag_is_true_false_or_one_of_those_words(value: object, expected: object) -> None:
    """In any case; `"false"` is not true."""
    reads(OrderCreateResponse, "order_split", value, expected)


INDIA, PACIFIC = timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-7))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2021-09-15", date(2021, 9, 15)),
        ("2024-02-29", date(2024, 2, 29)),
        ("2022-07-20T12:03:03", datetime(2022, 7, 20, 12, 3, 3)),
        ("2022-07-20T00:00:00", datetime(2022, 7, 20)),
        ("2022-07-20T12:03:03-07:00", datetime(2022, 7, 20, 12, 3, 3, tzinfo=PACIFIC)),
        ("2020-04-03T08:54:39+05:30", datetime(2020, 4, 3, 8, 54, 39, tzinfo=INDIA)),
        ("2021-11-01T13:02:06Z", datetime(2021, 11, 1, 13, 2, 6, tzinfo=UTC)),
        ("2021-11-01T13:02:06.369Z", datetime(2021, 11, 1, 13, 2, 6, 369000, tzinfo=UTC)),
        ("2021-11-01T13:02:06.36", datetime(2021, 11, 1, 13, 2, 6, 360000)),
        ("", None),
        (None, None),
        ("2021-W37-3", UNREAD),
        ("20210915", UNREAD),
        ("2021-9-5", UNREAD),
        ("2023-02-29", UNREAD),
        ("0000-01-01", UNREAD),
        ("2021-09-15 12:03:03", UNREAD),
        ("2021-09-15T12:03", UNREAD),
        ("2021-09-15T24:00:00", UNREAD),
        ("2021-09-15T23:59:60", UNREAD),
        ("2021-09-15T12:03:03.1234567", UNREAD),
        ("2021-09-15T12:03:03+0530", UNREAD),
        ("2021-09-15T12:03:03+05:75", UNREAD),
        ("2021-09-15T12:03:03+24:00", UNREAD),
        ("09/15/2021", UNREAD),
        ("tomorrow", UNREAD),
        (20210915, UNREAD),
        (True, UNREAD),
    ],
)
def test_a_date_has_a_time_and_an_offset_exactly_when_the_text_has(value: object, expected: object) -> None:
    """Only the forms that the API is seen to answer."""
    reads(FoundOrder, "ingram_order_date", value, expected)
    if isinstance(expected, datetime):
        found = structure({"ingramOrderDate": value}, FoundOrder).ingram_order_date
        assert isinstance(found, datetime)
        assert found.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"type": "GET"}, {}], (Link(type="GET"), Link())),
        ({"type": "GET"}, (Link(type="GET"),)),
        ([], ()),
        ("", ()),
        (None, ()),
        ({}, UNREAD),
        ("text", UNREAD),
        (5, UNREAD),
        (True, UNREAD),
        ([[]], UNREAD),
    ],
)
def test_a_list_is_a_tuple_and_one_object_a_list_of_one(value: object, expected: object) -> None:
    """`()` when absent or null. `{}` is no list of one: an element would be made up."""
    reads(FoundOrder, "links", value, expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([{"type": "GET"}, "stray", {"topic": "orders"}], (Link(type="GET"), Link(topic="orders"))),
        ([None, {"type": "GET"}], (Link(type="GET"),)),
        (["", {"type": "GET"}], (Link(type="GET"),)),
        ([[{"type": "GET"}]], ()),
    ],
)
def test_an_element_that_is_no_object_stays_out_and_extra_keeps_the_list(
    value: list[object], expected: tuple[Link, ...]
) -> None:
    """The rest is read; `unstructure` gives the whole list, as it came."""
    read = structure({"links": value}, FoundOrder)
    assert read.links == expected
    assert read.extra == {"links": value}
    assert unstructure(read)["links"] == value


def test_a_list_of_text_keeps_text() -> None:
    """The one list that is not of objects."""
    assert structure({"licenseNumber": ["007", 8]}, License).license_number == ("007", "8")
    read = structure({"licenseNumber": ["007", None]}, License)
    assert read.license_number == ("007",)
    assert read.extra == {"licenseNumber": ["007", None]}
    assert structure({"licenseNumber": "007"}, License).extra == {"licenseNumber": "007"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"city": "Ahlen"}, Address(city="Ahlen")),
        ({}, Address()),
        ("", None),
        (None, None),
        ([{"city": "Ahlen"}], UNREAD),
        ("text", UNREAD),
        (5, UNREAD),
    ],
)
def test_a_model_in_a_model(value: object, expected: object) -> None:
    """`{}` is a model; a list is none, not even of one."""
    reads(OrderDetailB2B, "bill_to_info", value, expected)


@pytest.mark.parametrize(
    ("model", "wire", "name"),
    [
        (CreatedLine, "shipmentDetails", "shipment_details"),
        (DetailShipment, "carrierDetails", "carrier_details"),
        (FoundOrder, "links", "links"),
        (FoundSubOrder, "links", "links"),
    ],
)
def test_an_object_for_a_list_is_read_where_the_api_is_seen_to_do_so(model: Any, wire: str, name: str) -> None:
    """Recorded answers have an object there, or the documents and their examples disagree."""
    read = structure({wire: {"new": 1}}, model)
    assert [each.extra for each in getattr(read, name)] == [{"new": 1}]


def test_unknown_keys_are_kept_at_every_level() -> None:
    """Under their wire names, as they came, null too."""
    read = structure({"new": None, "lines": [{"shipmentDetails": [{"a_b": {"c": []}}]}]}, OrderDetailB2B)
    assert read.extra == {"new": None}
    assert read.lines[0].shipment_details[0].extra == {"a_b": {"c": []}}
    assert unstructure(read)["new"] is None
    assert unstructure(read)["lines"][0]["shipmentDetails"][0]["a_b"] == {"c": []}


@pytest.mark.parametrize("key", ["CITY", "City", "city ", "postal_code", "extra", "__class__", ""])
def test_only_the_very_name_is_known(key: str) -> None:
    """A key that differs in case, or is ours and not the API's, is unknown."""
    assert structure({key: "x"}, Address) == Address(extra={key: "x"})


def test_a_value_of_another_type_is_given_back_in_the_place_of_its_field() -> None:
    """`extra` goes before what was read."""
    read = structure({"recordsFound": "many", "orders": [{"orderTotal": "1_000"}]}, OrderSearchResponse)
    assert read.records_found is None
    assert unstructure(read) == {
        "recordsFound": "many",
        "orders": [{"orderTotal": "1_000", "subOrders": [], "links": []}],
    }


# ── What is read: the document as a whole ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("data", [None, "text", 5, True, [], [{}, {}], [[{}]], ["x"], b"{}", {1, 2}])
@pytest.mark.parametrize("model", [OrderDetailB2B, OrderCreateRequest])
def test_what_is_no_object_is_refused_with_a_reason(data: Any, model: Any) -> None:
    """Only a mapping, or a list of just one, is a document."""
    with pytest.raises(InvalidRequestError, match=f"JSON object was expected for {model.__name__}"):
        structure(data, model)


def test_a_list_of_just_one_object_is_that_object() -> None:
    """v7's event comes as an array of one."""
    assert structure([{"recordsFound": 0}], OrderSearchResponse) == OrderSearchResponse(records_found=0)


def test_an_empty_object_is_a_model() -> None:
    """Every field of an answer is optional."""
    assert structure({}, OrderDetailB2B) == OrderDetailB2B()
    assert structure({}, OrderCreateRequest) == OrderCreateRequest()


def test_models_of_the_same_class_are_equal_by_value_and_answers_are_not_hashable() -> None:
    """An answer can be changed, so it has no hash; a request cannot be."""
    one, other = (structure({"orders": [{"orderTotal": total}]}, OrderSearchResponse) for total in ("1.0", 1))
    assert one == other
    assert one != structure({"orders": [{"orderTotal": 2}]}, OrderSearchResponse)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)
    one.records_found = 5
    request = OrderCreateRequest(notes="")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request.notes = None  # type: ignore[misc]  # which is what mypy says too


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (OrderDetailB2B(), "OrderDetailB2B()"),
        (
            FoundOrder(order_total=Decimal("5.0"), extra={"new": None}),
            "FoundOrder(extra={'new': None}, order_total=Decimal('5.0'))",
        ),
        (FoundOrder(links=(Link(type="GET"),)), "FoundOrder(links=(Link(type='GET'),))"),
        (OrderModifyRequest(notes="", lines=[]), "OrderModifyRequest(notes='', lines=())"),
    ],
)
def test_a_model_shows_what_it_says_and_not_what_it_does_not(model: object, shown: str) -> None:
    """Most fields of most models are empty; an empty list is shown where it would be sent."""
    assert repr(model) == shown


def test_two_models_share_no_extra() -> None:
    """Each has its own, also where nothing was said."""
    one, other = structure({}, Link), structure({}, Link)
    one.extra["a"] = 1
    assert other.extra == {}


# ── Names ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "name", "wire"),
    [
        (Address, "address_line1", "addressLine1"),
        (OrderDetailB2B, "web_order_id", "webOrderId"),
        (DetailLine, "weight_uom", "weightUom"),
        (DetailLine, "back_order_eta_date", "backOrderETADate"),
        (DetailLine, "requested_delivery_date", "requestedDeliverydate"),
        (Shipment, "requested_delivery_date", "requestedDeliveryDate"),
        (DetailLine, "promised_delivery_date", "promisedDeliveryDate"),
        (WarrantySerial, "date_of_purchase", "dateofPurchase"),
        (AsyncWarrantySerial, "date_of_purchase", "dateOfPurchase"),
        (AsyncOrderCreateDTO, "vmfadditional_attributes", "vmfadditionalAttributes"),
        (AsyncOrderCreateDTO, "vmf_additional_attributes", "vmfAdditionalAttributes"),
        (SubscriptionPeriod, "subscription_id", "subscriptionId"),
    ],
)
def test_a_field_is_named_as_the_api_names_it(model: Any, name: str, wire: str) -> None:
    """One rule, and a table of slips; `test_parity.py` compares all names with the documents'."""
    assert wire_names(model)[name] == wire


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("2021-09-15", "2021-09-15"),
        ("2022-07-20T12:03:03", "2022-07-20T12:03:03"),
        ("2022-07-20T12:03:03-07:00", "2022-07-20T12:03:03-07:00"),
        ("2021-11-01T13:02:06Z", "2021-11-01T13:02:06+00:00"),
        ("2021-11-01T13:02:06.369Z", "2021-11-01T13:02:06.369+00:00"),
        ("2021-11-01T13:02:06.36", "2021-11-01T13:02:06.360"),
        ("2021-11-01T13:02:06.00", "2021-11-01T13:02:06"),
    ],
)
def test_a_date_is_written_in_a_form_that_is_read(value: str, written: str) -> None:
    """With a time and an offset exactly when it has them; a fraction has three digits."""
    read = structure({"shippedDate": value}, Carrier)
    assert unstructure(read)["shippedDate"] == written
    assert structure({"shippedDate": written}, Carrier) == read


def test_a_request_sends_what_is_filled_in_and_nothing_else() -> None:
    """`None` is left out; `""`, `()` and an empty object are sent."""
    request = OrderModifyRequest(notes="", lines=[], additional_attributes=[Attribute()])
    assert unstructure(request) == {"notes": "", "lines": [], "additionalAttributes": [{}]}
    assert unstructure(OrderModifyRequest()) == {}


@pytest.mark.parametrize(("given", "sent"), [(date(2026, 1, 2), "2026-01-02"), ("01022026", "01022026"), ("", "")])
def test_a_day_that_is_sent_is_a_date_or_goes_out_as_given(given: date | str, sent: str) -> None:
    """2025's v7 document allows eight characters for a date, so text is not judged."""
    assert unstructure(Shipment(requested_delivery_date=given)) == {"requestedDeliveryDate": sent}


def test_extra_of_a_request_is_sent_after_the_known_fields() -> None:
    """So that a field this version does not know can be used today."""
    request = CreateLine(quantity=1, extra={"newField": {"a": [1]}})
    assert list(unstructure(request).items()) == [("quantity", 1), ("newField", {"a": [1]})]


def test_a_request_keeps_nothing_that_can_be_changed_from_outside() -> None:
    """Lists become tuples, and mappings are copied."""
    lines, extra = [CreateLine()], {"a": 1}
    request = OrderCreateRequest(lines=lines, extra=extra)
    lines.clear()
    extra.clear()
    assert request.lines == (CreateLine(),)
    assert request.extra == {"a": 1}


# ── Money ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (1234567.89, "1234567.89"),
        (16777217, "16777217"),
        (0.1, "0.1"),
        (19.90, "19.9"),
        ("19.90", "19.90"),
        (Decimal("19.90"), "19.90"),
        ("12345678901234567890", "12345678901234567890"),
        ("0.12345678901234567890", "0.12345678901234567890"),
        (-0.5, "-0.5"),
        (1e22, "10000000000000000000000"),
        (0, "0"),
        ("1e3", "1000"),
    ],
)
def test_an_amount_goes_out_as_a_number_of_exactly_its_value(given: Any, kept: str) -> None:
    """Never by way of a binary float: the JSON says what was given, to the last digit, and reads the same again."""
    line = CreateLine(unit_price=given)
    assert write_json(unstructure(line)) == f'{{"unitPrice":{kept}}}'.encode()
    assert line.unit_price == Decimal(kept)
    assert list(problems(line, "line")) == []


@pytest.mark.parametrize("text", ["1234567.89", "16777217", "0.1", "19.90", "12345678901234567890.12"])
def test_an_answered_amount_comes_back_digit_for_digit(text: str) -> None:
    """From bytes to a model and back to bytes, 19.90 stays 19.90."""
    body = f'{{"orderTotal":{text},"subOrders":[],"links":[]}}'.encode()
    order = structure(read_json(body), FoundOrder)
    assert str(order.order_total) == text
    assert write_json(unstructure(order)) == body


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0.1, Decimal("0.1")),
        (5, Decimal(5)),
        ("5.50", Decimal("5.50")),
        (Decimal("5.50"), Decimal("5.50")),
        (None, None),
        (True, True),
        ("", ""),
        ("02139", "02139"),
        ("1_000", "1_000"),
        ("NaN", "NaN"),
        ("1E+99999999999999999999", "1E+99999999999999999999"),
        ([1], [1]),
    ],
)
def test_exact_takes_numbers_and_leaves_the_rest_as_it_is(given: Any, expected: object) -> None:
    """What is no number is for the check of the whole request to name, so a constructor never raises."""
    taken = exact(given)
    assert taken == expected
    assert type(taken) is type(expected)


# ── Checking what a caller filled in ────────────────────────────────────────────────────────────────────────────────

WHERE: Final = "order_create_request"


def of_line(**values: Any) -> OrderCreateRequest:
    return OrderCreateRequest(lines=[CreateLine(**values)])


def of_order(**values: Any) -> OrderCreateRequest:
    return OrderCreateRequest(**values)


COUNT: Final = "is not a whole number of at most 18 digits"


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (of_line(quantity="1"), f"lines[0].quantity: '1' {COUNT}"),
        (of_line(quantity=1.0), f"lines[0].quantity: 1.0 {COUNT}"),
        (of_line(quantity=Decimal(1)), f"lines[0].quantity: Decimal('1') {COUNT}"),
        (of_line(quantity=True), f"lines[0].quantity: True {COUNT}"),
        (of_line(quantity=10**18), f"lines[0].quantity: {10**18} {COUNT}"),
        (of_line(notes=5), "lines[0].notes: 5 is not text"),
        (of_line(notes=b"x"), "lines[0].notes: b'x' is not text"),
        (of_line(unit_price="abc"), "lines[0].unit_price: 'abc' is not a finite number"),
        (of_line(unit_price=True), "lines[0].unit_price: True is not a finite number"),
        (of_line(unit_price=float("nan")), "lines[0].unit_price: Decimal('NaN') is not a finite number"),
        (of_line(end_user_price="-Infinity"), "lines[0].end_user_price: '-Infinity' is not a finite number"),
        (of_order(accept_back_order="true"), "accept_back_order: 'true' is not True or False"),
        (of_order(accept_back_order=1), "accept_back_order: 1 is not True or False"),
        (
            of_order(
                shipment_details=Shipment(requested_delivery_date=datetime(2026, 1, 2))
            ),  # a date to type checkers
            "shipment_details.requested_delivery_date: datetime.datetime(2026, 1, 2, 0, 0) is not a date or text",
        ),
        (of_order(lines="abc"), "lines: 'abc' is not a list of CreateLine"),
        (of_order(lines=CreateLine()), "lines: CreateLine() is not a list of CreateLine"),
        (of_order(lines=[None]), "lines[0]: None is not a CreateLine"),
        (of_order(lines=[CreateLine(), {"quantity": 1}]), "lines[1]: {'quantity': 1} is not a CreateLine"),
        (of_order(reseller_info={"city": "x"}), "reseller_info: {'city': 'x'} is not a Reseller"),
        (of_order(ship_to_info=EndUser()), "ship_to_info: EndUser() is not a ShipTo"),
        (of_order(ship_to_info=AddressRequest()), "ship_to_info: AddressRequest() is not a ShipTo"),
        (of_order(end_user_info=EndUser(city=5)), "end_user_info.city: 5 is not text"),  # type: ignore[arg-type]
        (of_order(extra={"notes": "x"}), "notes: 'x' belongs there, not in extra"),
        (of_order(extra={"notes": None}), "notes: None is not text"),
        (of_order(extra=None), "extra: None is not a mapping"),
        (of_line(extra={"quantity": "x"}), f"lines[0].quantity: 'x' {COUNT}"),
    ],
)
def test_each_wrong_value_is_one_problem_that_names_its_place(request_: OrderCreateRequest, problem: str) -> None:
    """What is there, where, and what belongs there."""
    assert list(problems(request_, WHERE)) == [f"{WHERE}.{problem}"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"lines": [{"quantity": "1,"}]}, f"lines[0].quantity: '1,' {COUNT}"),
        ({"lines": [{"unitPrice": "1_000"}]}, "lines[0].unit_price: '1_000' is not a finite number"),
        ({"lines": [{}, 5]}, "lines[1]: 5 is not a CreateLine"),
        ({"lines": 5}, "lines: 5 is not a list of CreateLine"),
        ({"lines": {}}, "lines: {} is not a list of CreateLine"),
        ({"resellerInfo": [{}]}, "reseller_info: [{}] is not a Reseller"),
        ({"acceptBackOrder": "yes"}, "accept_back_order: 'yes' is not True or False"),
        ({"notes": False}, "notes: False is not text"),
        (
            {"shipmentDetails": {"requestedDeliveryDate": {}}},
            "shipment_details.requested_delivery_date: {} is not a date or text",
        ),
    ],
)
def test_what_could_not_be_read_of_json_is_a_problem_of_the_request(data: Any, problem: str) -> None:
    """A request may come from JSON; a value that `extra` keeps is told like one that was set."""
    assert list(problems(structure(data, OrderCreateRequest), WHERE)) == [f"{WHERE}.{problem}"]


def test_unknown_keys_in_extra_are_no_problem() -> None:
    """That is what `extra` is for, at any level."""
    request = structure({"new": 1, "lines": [{"new": [None]}], "shipToInfo": {"new": {}}}, OrderCreateRequest)
    assert list(problems(request, WHERE)) == []


def test_all_problems_of_a_request_are_told() -> None:
    """In the order of the fields, however deep."""
    request = OrderCreateRequest(
        notes=1,  # type: ignore[arg-type]
        ship_to_info=ShipTo(city=2),  # type: ignore[arg-type]
        reseller_info=Reseller(),
        lines=[CreateLine(quantity=3), CreateLine(quantity="4", notes=5)],  # type: ignore[arg-type]
        extra={"billToAddressId": 6.5, "other": 7},
    )
    assert list(problems(request, WHERE)) == [
        f"{WHERE}.bill_to_address_id: 6.5 belongs there, not in extra",
        f"{WHERE}.notes: 1 is not text",
        f"{WHERE}.ship_to_info.city: 2 is not text",
        f"{WHERE}.lines[1].quantity: '4' {COUNT}",
        f"{WHERE}.lines[1].notes: 5 is not text",
    ]


# ── The status of an order ──────────────────────────────────────────────────────────────────────────────────────────

STATUSES: Final[dict[OrderStatus, list[str | None]]] = {
    OrderStatus.OPEN: ["OPEN", "Open", "im::open", "IM::OPEN", "ORDER NOT PRINTED"],
    OrderStatus.PROCESSING: ["PROCESSING", "Processing", "In Progress", "IN_PROGRESS", "im::in progress"],
    OrderStatus.ON_HOLD: ["ON HOLD", "On Hold", "ONHOLD", "im::hold", "IM::SALES_HOLD", "IM::order_hold"],
    OrderStatus.BACKORDERED: ["BACKORDERED", "Backordered", "Back Ordered", "im::backordered", "im::order_backordered"],
    OrderStatus.PARTIALLY_SHIPPED: ["PARTIALLY SHIPPED", "Partially-Shipped", "IM::PARTIALLY_SHIPPED"],
    OrderStatus.SHIPPED: ["SHIPPED", "shipped", "IM::shipped", "im::order_shipped"],
    OrderStatus.PARTIALLY_DELIVERED: ["PARTIALLY DELIVERED", "partially_delivered"],
    OrderStatus.DELIVERED: ["DELIVERED", "E-DELIVERED", "e delivered", "EDELIVERED"],
    OrderStatus.INVOICED: ["INVOICED", "IM::INVOICED", "im::order_invoiced"],
    OrderStatus.CLOSED: ["Closed", "CLOSED"],
    OrderStatus.CANCELLED: ["CANCELED", "CANCELLED", "Cancelled", "im::canceled", "im::order_voided", "VOIDED"],
    OrderStatus.REJECTED: ["REJECTED", "Rejected"],
    OrderStatus.UNKNOWN: [
        None,
        "",
        "?",
        "UNKNOWN",
        "RETURNED",
        "NOT SHIPPED",
        "IM::",
        "im::async_order_create",
        "出荷済",
    ],
}


@pytest.mark.parametrize(("word", "status"), [(word, status) for status, words in STATUSES.items() for word in words])
def test_the_apis_words_fold_into_a_status(word: str | None, status: OrderStatus) -> None:
    """Whatever the case, the `IM::` in front, the spelling and the synonym."""
    assert OrderStatus.of(word) is status


@pytest.mark.parametrize(
    ("model", "wire"),
    [
        (OrderDetailB2B, "orderStatus"),
        (DetailLine, "lineStatus"),
        (FoundOrder, "orderStatus"),
        (FoundSubOrder, "subOrderStatus"),
        (OrderModifyResponse, "orderStatus"),
        (CreatedLine, "lineStatus"),
        (EventLine, "lineStatus"),
    ],
)
def test_a_model_keeps_the_word_and_tells_the_status(model: Any, wire: str) -> None:
    """The word is the API's own and goes back as it came."""
    read = structure({wire: "E-Delivered"}, model)
    assert read.status is OrderStatus.DELIVERED
    assert unstructure(read)[wire] == "E-Delivered"
    assert structure({}, model).status is OrderStatus.UNKNOWN


def test_the_statuses_are_in_the_order_of_an_orders_life_and_four_are_final() -> None:
    """UNKNOWN is last and not final: what is not known may still go on."""
    assert [status.name for status in OrderStatus] == [status.name for status in STATUSES]
    assert [status.name for status in OrderStatus if status.is_final] == [
        "DELIVERED",
        "CLOSED",
        "CANCELLED",
        "REJECTED",
    ]


def test_a_modified_line_has_one_shipment_where_a_created_one_has_a_list() -> None:
    """Two shapes under one name, so two classes."""
    modified = structure({"shipmentDetails": {"carrierCode": "X"}}, ModifiedLine)
    created = structure({"shipmentDetails": {"carrierCode": "X"}}, CreatedLine)
    assert modified.shipment_details is not None
    assert modified.shipment_details.carrier_code == created.shipment_details[0].carrier_code == "X"
