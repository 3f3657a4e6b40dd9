"""What the API says when it refuses: every error shape, every status, every hint when to come back."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.requests import CREATE, SEARCH, encoded
from support.strategies import json_values

from ingram_orders import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    DuplicateOrderError,
    ErrorDetail,
    ErrorField,
    IngramError,
    NotFoundError,
    NotOnHoldError,
    OrderCreateRequest,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
)
from ingram_orders.exact_json import write_json
from ingram_orders.refusals import LONGEST_WAIT, error_details, retry_after
from ingram_orders.wire import decode

READ = encoded(SEARCH)
WRITE = encoded(CREATE.order_create_request(OrderCreateRequest(customer_order_number="PO-1")))


def refused(out: Any, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Any:
    with pytest.raises(IngramError) as raised:
        decode(out, status, headers or {}, body)
    return raised.value


def test_a_message_can_be_written_down_whatever_the_api_says() -> None:
    error = refused(READ, 404, b'{"message": "half of one: \\ude00"}')
    assert r"half of one: \ude00" in str(error).encode().decode()


KINDS = {
    300: ApiError,
    400: BadRequestError,
    401: AuthenticationError,
    402: ApiError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: NotOnHoldError,
    408: ServerError,
    409: ApiError,
    422: ApiError,
    429: RateLimitedError,
    499: ApiError,
    500: ServerError,
    503: ServerError,
    599: ServerError,
    999: ServerError,
}


@pytest.mark.parametrize(("status", "kind"), KINDS.items())
def test_each_status_of_a_read_has_its_error(status: int, kind: type[ApiError]) -> None:
    error = refused(READ, status, b'{"message": "why"}')
    assert type(error) is kind
    assert (error.status, error.body, error.correlation_id) == (status, b'{"message": "why"}', "c" * 32)
    assert "why" in str(error)
    assert "c" * 32 in str(error)


@pytest.mark.parametrize("status", KINDS)
def test_a_write_may_have_acted_unless_a_4xx_refuses_it(status: int) -> None:
    error = refused(WRITE, status, b'{"message": "why"}')
    if 400 <= status < 500 and status != 408:
        assert type(error) is KINDS[status]
    else:
        assert isinstance(error, OutcomeUnknownError)
        assert (error.operation, error.customer_order_number) == ("create", "PO-1")
        assert (error.status, error.body) == (status, b'{"message": "why"}')
        assert "why" in str(error)


FIELD = {"field": "IM-CountryCode", "value": "USA", "message": "is not valid"}
SHAPES: dict[str, tuple[Any, tuple[ErrorDetail, ...]]] = {
    "the norm": (
        {"errors": [{"id": "7", "type": "/errors/x", "message": "m", "fields": [FIELD]}]},
        (ErrorDetail(id="7", type="/errors/x", message="m", fields=(ErrorField(**FIELD),)),),
    ),
    "v7": ({"errors": [{"traceid": "8", "message": "m"}]}, (ErrorDetail(id="8", message="m"),)),
    "v7, flat": ({"traceid": "8", "type": "t", "message": "m"}, (ErrorDetail(id="8", type="t", message="m"),)),
    "typos": ({"errors": [{"1ype": "t", "messaage": "m"}]}, (ErrorDetail(type="t", message="m"),)),
    "only a message": ({"errors": [{"message": "m"}]}, (ErrorDetail(message="m"),)),
    "a list": ([{"message": "a"}, {"message": "b"}], (ErrorDetail(message="a"), ErrorDetail(message="b"))),
    "one object for a list": ({"errors": {"message": "m"}}, (ErrorDetail(message="m"),)),
    "one field for a list": (
        {"errors": [{"fields": {"field": "f", "value": 1}}]},
        (ErrorDetail(fields=(ErrorField(field="f", value="1"),)),),
    ),
    "nulls": ({"errors": [{"id": None, "message": "m", "fields": None}]}, (ErrorDetail(message="m"),)),
    "the gateway": (
        {"fault": {"faultstring": "Expired", "detail": {"errorcode": "k.x"}}},
        (ErrorDetail(type="k.x", message="Expired"),),
    ),
    "the gateway, flat": ({"faultcode": "Server", "faultstring": "no"}, (ErrorDetail(type="Server", message="no"),)),
    "oauth": ({"error": "e", "error_description": "d"}, (ErrorDetail(type="e", message="d"),)),
    "a message alone": ({"message": "m"}, (ErrorDetail(message="m"),)),
    "texts": (["one", "two"], (ErrorDetail(message="one"), ErrorDetail(message="two"))),
    "nothing": ({}, ()),
    "null": (None, ()),
}


@pytest.mark.parametrize(("shape", "expected"), SHAPES.values(), ids=SHAPES)
def test_every_shape_of_an_error_is_read(shape: Any, expected: tuple[ErrorDetail, ...]) -> None:
    assert error_details(json.dumps(shape).encode()) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"Service down", (ErrorDetail(message="Service down"),)),
        (b"<html><title>502</title></html>", ()),
        (b"\xff\xfe\x00", (ErrorDetail(message="\ufffd\ufffd"),)),
        (b"", ()),
    ],
)
def test_what_is_no_json_is_told_as_text_unless_it_is_html(body: bytes, expected: tuple[ErrorDetail, ...]) -> None:
    assert error_details(body) == expected


@given(st.binary() | json_values.map(write_json), st.integers(100, 999).filter(lambda it: not 200 <= it < 300))
def test_no_refusal_raises_anything_but_the_error_that_it_is(body: bytes, status: int) -> None:
    for out in (READ, WRITE):
        error = refused(out, status, body)
        assert error.body == body
        assert len(str(error)) < 900


def test_the_fields_of_a_refusal_are_in_its_message() -> None:
    body = {"errors": [{"message": "Validation failed", "fields": [FIELD]}]}
    assert "Validation failed [IM-CountryCode: is not valid (was 'USA')]" in str(
        refused(READ, 400, json.dumps(body).encode())
    )


@pytest.mark.parametrize("message", ["CUSTOMER-PO-EXISTS", "Customer-PO-exists "])
def test_a_repeated_purchase_order_number_has_its_own_error(message: str) -> None:
    body = json.dumps({"errors": [{"message": message}]}).encode()
    assert type(refused(WRITE, 400, body)) is DuplicateOrderError


@pytest.mark.parametrize("status", [400, 403, 409, 429])
@pytest.mark.parametrize("message", ["The quota limit exceeds for calls on your API app.", "too many requests"])
def test_the_quota_by_any_4xx_is_the_quota(status: int, message: str) -> None:
    body = json.dumps({"errors": [{"field": None, "message": message}]}).encode()
    for out in (READ, WRITE):
        error = refused(out, status, body, {"Retry-After": "7"})
        assert type(error) is RateLimitedError
        assert error.retry_after == 7


def test_a_5xx_that_speaks_of_the_quota_is_still_the_servers_failure() -> None:
    body = b'{"message": "too many requests"}'
    assert type(refused(READ, 503, body)) is ServerError
    assert type(refused(WRITE, 503, body)) is OutcomeUnknownError


NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DATE = {"Date": format_datetime(NOW, usegmt=True)}
EPOCH = int(NOW.timestamp())
HINTS: list[tuple[dict[str, str], float | None]] = [
    ({}, None),
    ({"Retry-After": "12"}, 12.0),
    ({"Retry-After": "0"}, 0.0),
    ({"Retry-After": "999999999"}, LONGEST_WAIT),
    ({"Retry-After": format_datetime(NOW.replace(minute=1), usegmt=True)}, 60.0),
    ({"Retry-After": format_datetime(NOW.replace(hour=1), usegmt=True)}, 0.0),
    ({"Retry-After": "soon"}, None),
    ({"Retry-After": "-5"}, None),
    ({"Retry-After": "1e9"}, None),
    ({"Retry-After": "\u0661\u0662"}, None),
    ({"X-RateLimit-Reset": str(EPOCH + 30)}, 30.0),
    ({"X-RateLimit-Reset": str((EPOCH + 30) * 1000)}, 30.0),
    ({"X-RateLimit-Reset": str(EPOCH - 30)}, 0.0),
    ({"X-RateLimit-Reset": "99999999999999999999999"}, None),
    ({"X-RateLimit-Reset": "never"}, None),
    ({"Retry-After": "5", "X-RateLimit-Reset": str(EPOCH + 30)}, 5.0),
    ({"Retry-After": "soon", "X-RateLimit-Reset": str(EPOCH + 30)}, 30.0),
]


@pytest.mark.parametrize(("hint", "seconds"), HINTS, ids=str)
def test_when_to_come_back_is_read_in_every_form(hint: dict[str, str], seconds: float | None) -> None:
    """A point in time is taken against the same answer's `Date`, so that wrong clocks do no harm."""
    assert retry_after({**DATE, **hint}) == seconds


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_hint_raises_or_waits_for_ever(after: str, reset: str, date: str) -> None:
    seconds = retry_after({"Retry-After": after, "X-RateLimit-Reset": reset, "Date": date})
    assert seconds is None or 0 <= seconds <= LONGEST_WAIT
