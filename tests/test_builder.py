"""Requests as one builds them: setters, what is checked before anything is sent, and how it is spelt on the wire."""

import asyncio
import json
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.requests import (
    CREATE,
    CREATE_V7,
    DEFAULTS,
    SEARCH,
    Nowhere,
    cancel,
    details,
    encoded,
    modify,
    problems_of,
    query_of,
)

from ingram_orders import (
    AsyncLine,
    AsyncOrderCreateDTO,
    CreateLine,
    InvalidRequestError,
    OrderCreateRequest,
    OrderModifyRequest,
    OrdersClient,
    OrderSearchResponse,
    Response,
    VendorRequiredInfoRequest,
    structure,
    wire,
)
from ingram_orders.builder import Body, Flag, Header, Path, Query, Range, Request, Several, TextParameter, Whole
from ingram_orders.operations import (
    OPERATIONS,
    SearchOrders,
)
from ingram_orders.wire import Defaults, encode

# ── Building ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_setter_gives_a_new_request_and_leaves_the_old_one_as_it_is() -> None:
    ours = SEARCH.im_customer_number("20-222222")
    few, many = ours.page_size(10), ours.page_size(100)
    assert dict(ours.values) == {"im_customer_number": "20-222222"}
    assert (few.values["page_size"], many.values["page_size"]) == (10, 100)
    assert type(few) is SearchOrders


def test_what_is_set_twice_counts_as_set_last() -> None:
    assert query_of(SEARCH.page_size(10).page_size(20)) == [("pageSize", "20")]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: it.operation)
def test_every_operation_tells_its_parameters_and_each_its_name(operation: type[Request[Any]]) -> None:
    params = operation.params()
    assert {param.name for param in params} >= {"im_customer_number", "im_country_code", "im_correlation_id"}
    for param in params:
        assert getattr(operation, param.name) is param
        assert param.wire_name in repr(param)
        assert isinstance(param, Query | Header | Path | Body)


def samples(param: TextParameter[Any]) -> tuple[Any, list[str]]:
    """A value for any parameter, and the texts that it becomes."""
    if isinstance(param.form, Whole):
        return 7, ["7"]
    if isinstance(param.form, Flag):
        return True, ["true"]
    if isinstance(param.form, Several):
        return ["A b", "A b", ""], ["A b", "A b", ""]
    if isinstance(param.form, Range):
        return [date(2026, 1, 2), "2026-02-28"], ["2026-01-02", "2026-02-28"]
    if "Date" in param.wire_name:
        return date(2026, 1, 2), ["2026-01-02"]
    return ("DE", ["DE"]) if param.wire_name == "IM-CountryCode" else ("a/b", ["a/b"])


TEXT_PARAMETERS = [
    (operation, param)
    for operation in OPERATIONS
    for param in operation.params()
    if isinstance(param, TextParameter) and not isinstance(param, Path)
]


@pytest.mark.parametrize(
    ("operation", "param"), TEXT_PARAMETERS, ids=lambda it: getattr(it, "operation", None) or it.wire_name
)
def test_every_parameter_reaches_the_wire_under_its_own_name(
    operation: type[Request[Any]], param: TextParameter[Any]
) -> None:
    value, texts = samples(param)
    path = {it.name: "20-RD3QV" for it in operation.params() if isinstance(it, Path)}
    request = operation(Nowhere(), **path)
    for body in operation.params():
        if isinstance(body, Body):
            full: dict[str, Any] = {"customer_order_number": "PO"} if body.model is OrderCreateRequest else {}
            request = getattr(request, body.name)(body.model(**full))
    out = encoded(getattr(request, param.name)(value))
    if isinstance(param, Query):
        found = [text for name, text in parse_qsl(urlsplit(out.target).query, True) if name == param.wire_name]
    else:
        found = [out.headers[param.wire_name]]
    assert found == texts


def test_a_request_shows_what_it_says() -> None:
    assert repr(SEARCH.page_size(3).order_status("SHIPPED")) == "search(page_size=3, order_status='SHIPPED')"
    assert len(repr(SEARCH.order_status("x" * 10_000))) < 200


async def test_a_shared_request_is_safe_among_tasks() -> None:
    seen: list[dict[str, object]] = []

    class Notes:
        @property
        def defaults(self) -> dict[str, str]:
            return {}

        async def send(self, request: Request[Any], *, timeout: float | None) -> Response[Any]:
            await asyncio.sleep(0)
            seen.append(dict(request.values))
            return Response(
                model=OrderSearchResponse(), status=200, headers={}, correlation_id="", attempts=1, body=b""
            )

    half = SearchOrders(Notes()).order_status("SHIPPED")
    await asyncio.gather(*(half.page_number(number).execute() for number in range(1, 20)))
    assert sorted(it["page_number"] for it in seen) == list(range(1, 20))  # type: ignore[type-var]  # they are ints


SETTERS: dict[str, Any] = {
    "page_size": 10,
    "order_status": "SHIPPED",
    "order_status_in": ["A", "B"],
    "ingram_order_date_bt": ["2026-01-01", "2026-01-31"],
    "vendor_name": "ü €",
    "im_sender_id": "me",
}


@given(st.permutations(list(SETTERS)))
def test_setters_commute(order: list[str]) -> None:
    request = SEARCH
    for name in order:
        request = getattr(request, name)(SETTERS[name])
    assert encoded(request) == encoded(
        SEARCH.page_size(10)
        .order_status("SHIPPED")
        .order_status_in(["A", "B"])
        .ingram_order_date_bt(["2026-01-01", "2026-01-31"])
        .vendor_name("ü €")
        .im_sender_id("me")
    )


# ── On the wire ─────────────────────────────────────────────────────────────────────────────────────────────────────

# What a path may hold: no control characters, no space at its ends, and not one of the names for other paths.
path_texts = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12
).filter(lambda text: text == text.strip() and text not in {"", ".", ".."})  # fmt: skip


@given(path_texts)
def test_any_order_number_survives_the_path(number: str) -> None:
    target = encoded(details(number)).target
    *before, last = target.split("/")
    assert before == ["", "resellers", "v6.1", "orders"]
    assert unquote(last) == number
    assert "?" not in last
    assert "#" not in last


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=35))
def test_any_text_survives_the_query(text: str) -> None:
    assert query_of(SEARCH.customer_order_number(text)) == [("customerOrderNumber", text)]


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ([], []),
        ((), []),
        (["2026-01-01", "2026-01-01"], ["2026-01-01", "2026-01-01"]),
        ((date(2024, 2, 29), "2026-01-31"), ["2024-02-29", "2026-01-31"]),
    ],
    ids=str,
)
def test_a_range_is_two_days_or_none(value: Any, texts: list[str]) -> None:
    assert query_of(SEARCH.ship_date_bt(value)) == [("shipDate_bt", text) for text in texts]


def test_a_release_needs_no_body_and_sends_an_empty_one() -> None:
    out = encoded(modify().action_code("release"))
    assert (out.body, out.headers["Content-Type"]) == (b"{}", "application/json")


def test_a_read_sends_no_body_and_names_no_type() -> None:
    out = encoded(details())
    assert out.body is None
    assert "Content-Type" not in out.headers


def test_unset_fields_stay_out_of_a_body_and_empty_ones_go_in() -> None:
    change = OrderModifyRequest(notes="", lines=(), extra={"newField": [1, None]})
    assert encoded(modify().order_modify_request(change)).body == b'{"notes":"","lines":[],"newField":[1,null]}'


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (Decimal("1234567.89"), "1234567.89"),
        (Decimal("16777217"), "16777217"),
        (0.1, "0.1"),
        (Decimal("19.90"), "19.90"),
        (Decimal("1E+2"), "100"),
        (Decimal("12345678901234567890"), "12345678901234567890"),
        (Decimal("0.12345678901234567890"), "0.12345678901234567890"),
        (Decimal("1E+1000000"), "1E+1000000"),
        (60, "60"),
        ("19.90", "19.90"),
    ],
    ids=str,
)
def test_money_goes_out_as_a_number_that_says_exactly_its_value(price: Any, text: str) -> None:
    body = OrderCreateRequest(customer_order_number="P", lines=[CreateLine(unit_price=price)])
    sent = encoded(CREATE.order_create_request(body)).body or b""
    assert sent == f'{{"customerOrderNumber":"P","lines":[{{"unitPrice":{text}}}]}}'.encode()


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_amount_goes_out_exactly(price: Decimal) -> None:
    body = OrderCreateRequest(customer_order_number="P", lines=[CreateLine(unit_price=price)])
    sent = encoded(CREATE.order_create_request(body)).body or b""
    assert json.loads(sent, parse_float=Decimal, parse_int=Decimal)["lines"][0]["unitPrice"] == price


# ── What cannot be right ────────────────────────────────────────────────────────────────────────────────────────────

BODY = OrderCreateRequest(customer_order_number="PO-1")

REFUSED: dict[str, tuple[Request[Any], str]] = {
    "page size 0": (SEARCH.page_size(0), "page_size: 0 is out of range, 1 to 100 is allowed"),
    "page size 101": (SEARCH.page_size(101), "page_size: 101 is out of range, 1 to 100 is allowed"),
    "page size true": (SEARCH.page_size(True), "page_size: True is not a whole number"),
    "page size text": (SEARCH.page_size("25"), "page_size: '25' is not a whole number"),  # type: ignore[arg-type]
    "page size giant": (SEARCH.page_size(10**5000), "page_size:"),
    "page number 0": (SEARCH.page_number(0), "page_number: 0 is out of range, 1 to 2147483647 is allowed"),
    "status none": (SEARCH.order_status(None), "order_status: None is not text"),  # type: ignore[arg-type]
    "a bare string for a list": (SEARCH.order_status_in("SHIPPED"), "order_status_in: 'SHIPPED' is not a list"),  # type: ignore[arg-type]
    "a number in a list": (SEARCH.order_status_in([1]), "order_status_in: 1 is not text"),  # type: ignore[list-item]
    "a bare string for a range": (SEARCH.ship_date_bt("2026-01-01"), "ship_date_bt: '2026-01-01' is not a list"),  # type: ignore[arg-type]
    "half a range": (SEARCH.ship_date_bt(["2026-01-01"]), "1 given, a range is two dates"),
    "three dates": (SEARCH.ship_date_bt(["2026-01-01"] * 3), "3 given, a range is two dates"),
    "a range backwards": (
        SEARCH.ship_date_bt(["2026-02-01", "2026-01-01"]),
        "the first date, 2026-02-01, is after the last, 2026-01-01",
    ),
    "no such day": (SEARCH.ingram_order_date("2026-02-30"), "'2026-02-30' is not a date as yyyy-MM-dd"),
    "another way to write a day": (SEARCH.ingram_order_date("20260201"), "'20260201' is not a date as yyyy-MM-dd"),
    "a week": (SEARCH.ingram_order_date("2026-W05-1"), "is not a date as yyyy-MM-dd"),
    "foreign digits": (SEARCH.ingram_order_date("２０２６-01-01"), "is not a date as yyyy-MM-dd"),
    "an empty date": (SEARCH.ingram_order_date(""), "'' is not a date as yyyy-MM-dd"),
    "a time": (SEARCH.ingram_order_date(datetime(2026, 1, 1, tzinfo=UTC)), "has a time, a date is wanted"),
    "a flag as text": (details().is_iml("true"), "is_iml: 'true' is not True or False"),  # type: ignore[arg-type]
    "a long number": (SEARCH.customer_order_number("x" * 36), "is 36 characters long, at most 35 are allowed"),
    "half a character": (SEARCH.vendor_name("\ud800"), "holds half a character (a lone surrogate)"),
    "no order number": (details(""), "order_number:"),
    "a blank order number": (cancel("  "), "order_number: must not be blank"),
    "this folder": (cancel("."), "order_number: '.' is not an order number"),
    "the folder above": (modify("..").action_code("release"), "order_number: '..' is not an order number"),
    "a long order number": (details("x" * 13), "order_number: 'xxxxxxxxxxxxx' is 13 characters long, 1 to 12 are"),
    "an order number that is none": (details(None), "order_number: None is not text"),
    "a line's end in a path": (cancel("a\r\nX: y"), "order_number: 'a\\r\\nX: y' holds a control character"),
    "a line's end in a header": (SEARCH.im_sender_id("a\nb"), "im_sender_id: 'a\\nb' holds a control character"),
    "a C1 character in a header": (SEARCH.im_sender_id("a\x85b"), "holds a control character"),
    "a space that would be lost": (SEARCH.im_sender_id(" a"), "im_sender_id: ' a' starts or ends with a space"),
    "a country of three": (SEARCH.im_country_code("USA"), "im_country_code: 'USA' is 3 characters long, 2 are allowed"),
    "a blank country": (SEARCH.im_country_code("  "), "im_country_code: must not be blank"),
    "a long customer number": (SEARCH.im_customer_number("1" * 11), "is 11 characters long, 1 to 10 are allowed"),
    "an empty correlation id": (SEARCH.im_correlation_id(""), "is 0 characters long, 1 to 32 are allowed"),
    "no body": (CREATE, "order_create_request is required"),
    "no body, v7": (CREATE_V7, "async_order_create_dto is required"),
    "no body to modify with": (modify(), 'order_modify_request is required, unless action_code("release")'),
    "only this spelling releases": (modify().action_code("RELEASE"), "order_modify_request is required"),
    "another action needs a body": (modify().action_code("hold"), "order_modify_request is required"),
    "another body": (
        CREATE.order_create_request(OrderModifyRequest()),  # type: ignore[arg-type]
        "order_create_request: OrderCreateRequest is wanted, not OrderModifyRequest",
    ),
    "a dict for a body": (
        CREATE.order_create_request({"customerOrderNumber": "P"}),  # type: ignore[arg-type]
        "order_create_request: OrderCreateRequest is wanted, not dict",
    ),
    "no purchase order number": (
        CREATE.order_create_request(OrderCreateRequest()),
        "order_create_request.customer_order_number is required",
    ),
    "a blank purchase order number": (
        CREATE.order_create_request(OrderCreateRequest(customer_order_number=" ")),
        "order_create_request.customer_order_number is required",
    ),
    "a long purchase order number": (
        CREATE.order_create_request(OrderCreateRequest(customer_order_number="x" * 36)),
        "is 36 characters long, 35 are allowed",
    ),
    "a long purchase order number, v7": (
        CREATE_V7.async_order_create_dto(AsyncOrderCreateDTO(customer_order_number="x" * 19)),
        "is 19 characters long, 18 are allowed",
    ),
    "a price that is no number": (
        CREATE.order_create_request(OrderCreateRequest(customer_order_number="P", lines=[CreateLine(unit_price="x")])),
        "order_create_request.lines[0].unit_price: 'x' is not a finite number",
    ),
    "an infinite price": (
        CREATE.order_create_request(
            OrderCreateRequest(customer_order_number="P", lines=[CreateLine(unit_price=float("inf"))])
        ),
        "order_create_request.lines[0].unit_price: Decimal('Infinity') is not a finite number",
    ),
    "what is no JSON": (
        CREATE.order_create_request(OrderCreateRequest(customer_order_number="P", extra={"x": object})),
        "order_create_request.extra['x']: <class 'object'> is not JSON",
    ),
    "a number that is no JSON": (
        CREATE.order_create_request(OrderCreateRequest(customer_order_number="P", extra={"x": float("nan")})),
        "order_create_request.extra['x']: nan is not a finite number",
    ),
    "a key that is no text": (
        CREATE.order_create_request(OrderCreateRequest(customer_order_number="P", extra={"x": {1: 2}})),
        "order_create_request.extra['x']: the key 1 is not text",
    ),
}


@pytest.mark.parametrize(("request_", "problem"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_right_is_refused_by_name(request_: Request[Any], problem: str) -> None:
    problems = problems_of(request_)
    assert len(problems) == 1
    assert problem in problems[0]


def test_json_deeper_than_python_goes_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    body = OrderCreateRequest(customer_order_number="P", extra={"deep": deep})
    [problem] = problems_of(CREATE.order_create_request(body))
    assert problem == "order_create_request.extra nests too deep"


def test_all_problems_are_told_at_once() -> None:
    body = OrderCreateRequest(lines=[CreateLine(quantity="x"), CreateLine(notes=7)])  # type: ignore[arg-type]
    request = CREATE.order_create_request(body).im_country_code("USA").im_sender_id("a\nb")
    with pytest.raises(InvalidRequestError) as refused:
        encode(request, Defaults({}), "1")
    assert refused.value.problems == (
        "im_customer_number is required",
        "im_country_code: 'USA' is 3 characters long, 2 are allowed",
        "im_sender_id: 'a\\nb' holds a control character",
        "order_create_request.customer_order_number is required",
        "order_create_request.lines[0].quantity: 'x' is not a whole number of at most 18 digits",
        "order_create_request.lines[1].notes: 7 is not text",
    )


def test_a_body_that_cannot_be_written_after_all_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What checks it goes as deep as what writes it; should that ever differ, nothing is sent all the same."""

    def too_deep(_: object) -> bytes:
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr(wire, "write_json", too_deep)
    [problem] = problems_of(CREATE.order_create_request(BODY))
    assert "cannot be written as JSON" in problem


SEVERAL_PROBLEMS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "a list": (
        SEARCH.order_status_in([1, "fine", "\ud800", None]),  # type: ignore[list-item]
        (
            "order_status_in: 1 is not text",
            "order_status_in: '\\ud800' holds half a character (a lone surrogate)",
            "order_status_in: None is not text",
        ),
    ),
    "a range": (
        SEARCH.ship_date_bt(["one", "2026-01-01", "2026-1-1"]),
        (
            "ship_date_bt: 'one' is not a date as yyyy-MM-dd",
            "ship_date_bt: '2026-1-1' is not a date as yyyy-MM-dd",
            "ship_date_bt: 3 given, a range is two dates: the first and the last",
        ),
    ),
    "a text": (
        SEARCH.im_country_code("\ud800\n "),
        (
            "im_country_code: '\\ud800\\n ' is 3 characters long, 2 are allowed",
            "im_country_code: '\\ud800\\n ' holds half a character (a lone surrogate)",
            "im_country_code: '\\ud800\\n ' holds a control character",
            "im_country_code: '\\ud800\\n ' starts or ends with a space",
        ),
    ),
    "a body": (
        CREATE.order_create_request(
            OrderCreateRequest(
                customer_order_number="P",
                notes="\udc00",
                extra={
                    "a": [1, Decimal("sNaN"), {"b": {3}}, {2: 3}],
                    "\ud800": None,
                    "c": 10**5000,
                    "d": True,
                    "e": Decimal("1E+1000000"),
                    "f": "\udfff",
                    "g": 0.5,
                    "h": -float("inf"),
                },
            )
        ),
        (
            "order_create_request.extra['a'][1]: Decimal('sNaN') is not a finite number",
            "order_create_request.extra['a'][2]['b']: {3} is not JSON",
            "order_create_request.extra['a'][3]: the key 2 is not text",
            "order_create_request.extra: '\\ud800' holds half a character (a lone surrogate)",
            "order_create_request.extra['c']: an int has more digits than can be written",
            "order_create_request.extra['f']: '\\udfff' holds half a character (a lone surrogate)",
            "order_create_request.extra['h']: -inf is not a finite number",
            "order_create_request.notes: '\\udc00' holds half a character (a lone surrogate)",
        ),
    ),
}


@pytest.mark.parametrize(("request_", "problems"), SEVERAL_PROBLEMS.values(), ids=SEVERAL_PROBLEMS)
def test_all_problems_of_one_value_are_told_at_once(request_: Request[Any], problems: tuple[str, ...]) -> None:
    assert problems_of(request_) == problems


def test_what_cannot_be_read_of_a_list_is_named_by_its_place() -> None:
    data: Any = {"customerOrderNumber": "P", "lines": [{"quantity": "1,"}, "x", {"quantity": 1}, None, {"notes": {}}]}
    assert problems_of(CREATE.order_create_request(structure(data, OrderCreateRequest))) == (
        "order_create_request.lines[1]: 'x' is not a CreateLine",
        "order_create_request.lines[3]: None is not a CreateLine",
        "order_create_request.lines[0].quantity: '1,' is not a whole number of at most 18 digits",
        "order_create_request.lines[4].notes: {} is not text",
    )


odd_values: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(10**5000), st.just(-(10**5000)), st.floats(), st.text(),
    st.dates(), st.datetimes(), st.binary(max_size=3), st.decimals(),
    st.lists(st.one_of(st.text(), st.integers(), st.dates(), st.none()), max_size=3),
    st.just(object()), st.just(float), st.builds(OrderCreateRequest), st.just({"a": 1}), st.just(()),
)  # fmt: skip


@given(st.data())
def test_whatever_a_setter_is_given_is_sent_or_refused(data: st.DataObject) -> None:
    """There is no third: no other error, no text that is not text."""
    operation: Any = data.draw(st.sampled_from(OPERATIONS))
    path = {param.name: "20-A" for param in operation.params() if isinstance(param, Path)}
    request: Any = operation(Nowhere(), **path)
    for param in data.draw(st.sets(st.sampled_from(operation.params()), max_size=4)):
        if isinstance(param, Path):
            request = operation(Nowhere(), **{param.name: data.draw(odd_values)})
        else:
            request = getattr(request, param.name)(data.draw(odd_values))
    try:
        out = encoded(request)
    except InvalidRequestError:
        return
    assert out.target.isascii()
    assert all(type(value) is str for value in out.headers.values())


@pytest.mark.parametrize("depth", range(900, 1020, 3))
def test_json_about_as_deep_as_python_goes_is_sent_or_refused(depth: int) -> None:
    """What checks it and what writes it need not give up at the same depth."""
    deep: Any = []
    for _ in range(depth):
        deep = [deep]
    body = OrderCreateRequest(customer_order_number="P", extra={"deep": deep})
    try:
        written = encoded(CREATE.order_create_request(body)).body
    except InvalidRequestError:
        return
    assert written is not None
    assert written.count(b"[") == depth + 1


@pytest.mark.parametrize("word", ["NOPE", "shipped", ""])
def test_filters_and_simulated_statuses_stay_open(word: str) -> None:
    assert query_of(SEARCH.order_status(word)) == [("orderStatus", word)]
    assert query_of(details().simulate_status(word)) == [("simulateStatus", word)]


@pytest.mark.parametrize("length", [13, 36, 500])
def test_body_lengths_are_the_apis_to_judge(length: int) -> None:
    """The published lengths of body fields contradict the published examples."""
    body = OrderCreateRequest(customer_order_number="P", notes="x" * length, end_customer_order_number="x" * length)
    assert encoded(CREATE.order_create_request(body)).body


async def test_nothing_is_sent_when_something_is_wrong() -> None:
    async with OrdersClient("i", "s", base_url="http://127.0.0.1:9") as orders:
        with pytest.raises(InvalidRequestError) as refused:
            await orders.details("..").execute()
        assert refused.value.problems == (
            "im_customer_number is required",
            "im_country_code is required",
            "order_number: '..' is not an order number",
        )


def test_what_is_wrong_is_told_whatever_an_operation_makes_of_it() -> None:
    """Else what comes after it would not be sent."""

    class Lenient(SearchOrders):
        def problems(self, values: Mapping[str, object], sound: Collection[str] = ()) -> Iterator[str]:
            return iter(())

    request = Lenient(Nowhere()).page_size(500).serial_number("S")
    assert problems_of(request) == ("500 is out of range, 1 to 100 is allowed",)


def test_a_value_that_has_no_truth_is_no_flag() -> None:
    class Neither:
        def __bool__(self) -> bool:
            raise ValueError("as of an array, or of what is not there")

    [problem] = problems_of(details().is_iml(Neither()))  # type: ignore[arg-type]
    assert problem.endswith("is not True or False")


def test_only_operations_of_the_api_are_encoded() -> None:
    class Other(Request[None]):
        operation, method, path = "other", "GET", "/"

    with pytest.raises(TypeError, match="not an operation"):
        encode(Other(Nowhere()), Defaults(DEFAULTS), "1")


def test_the_number_that_finds_an_order_again_goes_with_the_request() -> None:
    v7 = AsyncOrderCreateDTO(customer_order_number="PO-7", lines=[AsyncLine(quantity=1)])
    requests: list[tuple[Request[Any], tuple[str | None, str | None]]] = [
        (CREATE.order_create_request(BODY), (None, "PO-1")),
        (CREATE_V7.async_order_create_dto(v7), (None, "PO-7")),
        (modify("20-A").action_code("release"), ("20-A", None)),
        (cancel("20-B"), ("20-B", None)),
    ]
    for request, expected in requests:
        out = encoded(request)
        assert (out.order_number, out.customer_order_number) == expected


def test_a_list_that_was_given_can_be_changed_without_changing_the_request() -> None:
    words = ["SHIPPED"]
    request = SEARCH.order_status_in(words)
    words.append("ON HOLD")
    assert query_of(request) == [("orderStatus-in", "SHIPPED")]


def test_what_was_set_can_be_looked_at_and_not_changed() -> None:
    request = SEARCH.page_size(5)
    assert dict(request.values) == {"page_size": 5}
    with pytest.raises(TypeError):
        request.values["page_size"] = 6  # type: ignore[index]


def test_a_member_of_an_enum_of_texts_goes_out_as_its_text() -> None:
    class Status(StrEnum):
        SHIPPED = "SHIPPED"

        def __str__(self) -> str:
            return "not this"

    request = SEARCH.order_status(Status.SHIPPED).order_status_in([Status.SHIPPED]).im_sender_id(Status.SHIPPED)
    out = encoded(request)
    assert query_of(request) == [("orderStatus", "SHIPPED"), ("orderStatus-in", "SHIPPED")]
    assert type(out.headers["IM-SenderID"]) is str
    assert out.headers["IM-SenderID"] == "SHIPPED"


def test_go_names_are_the_same_methods() -> None:
    pairs = [
        ("delete_ordercancel", "cancel"),
        ("get_orderdetails_v61", "details"),
        ("get_resellers_v6_ordersearch", "search"),
        ("post_createorder_v6", "create"),
        ("post_createorder_v7", "create_v7"),
        ("put_ordermodify", "modify"),
    ]
    for go_name, name in pairs:
        assert getattr(OrdersClient, go_name) is getattr(OrdersClient, name)
    assert len(pairs) == len(OPERATIONS) - 1


def test_vendor_required_info_takes_its_body() -> None:
    orders = OrdersClient("i", "s")
    request = orders.vendor_required_info().vendor_required_info_request(VendorRequiredInfoRequest(quote_number="Q"))
    assert encoded(request).body == b'{"quoteNumber":"Q"}'
    assert not request.writes
