"""Events that are posted to you: only what is signed is read, every spelling of it, and nothing of it is lost."""

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.published import SPEC, needs_spec

from ingram_orders import (
    ConfigurationError,
    ErrorDetail,
    ErrorField,
    OrderCreatedEvent,
    OrderFailedEvent,
    OrderStatus,
    OrderStatusEvent,
    SignatureError,
    UnknownEvent,
    UnreadableEventError,
    WebhookError,
)
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.webhooks import LARGEST, read, verify

EVENT_ID: Final = "N01CIB9VVFYKR9J6ZW"
SIGNED: Final = "Dd91W54Cdm6jg1kHFoPVuy1uS/ti74xcOpwmRIlfkgpNfTBy/ZzpQGkh6QcoIVO+G3+Lt7XVL7Y+Z7BWuq/1SQ=="
"""*EVENT_ID*, with "secret"."""


def signed(event_id: str, secret: str = "secret") -> str:
    return base64.b64encode(hmac.new(secret.encode(), event_id.encode(), hashlib.sha512).digest()).decode()


def posted(event: Any, **settings: Any) -> Any:
    """Read an event that is signed as it should be."""
    return read(write_json(event), SIGNED, "secret", **settings)


def status_event(**changes: Any) -> dict[str, Any]:
    resource = {"eventType": "im::order_shipped", "orderNumber": "20-RD128", "customerOrderNumber": "ZENPO"}
    return {"topic": "resellers/orders", "event": "im::updated", "eventId": EVENT_ID, "resource": [resource], **changes}


def outcome_event(**changes: Any) -> list[dict[str, Any]]:
    resource = {"eventType": "IM::async_order_create", "customerOrderNumber": "PO-7", **changes}
    return [{"topic": "resellers/orders", "event": "IM::created", "eventId": EVENT_ID, "resource": resource}]


# ── The signature ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("secrets", ["secret", ["secret"], ("old", "secret"), ("secret", "old"), {"a": 1, "secret": 2}])
def test_what_is_signed_with_one_of_the_secrets_is_good(secrets: Any) -> None:
    verify(EVENT_ID, SIGNED, secrets)
    verify(EVENT_ID, f" {SIGNED}\r\n".encode(), secrets)


@pytest.mark.parametrize(
    ("event_id", "signature"),
    [
        (EVENT_ID, None), (EVENT_ID, ""), (EVENT_ID, SIGNED[:-1]), (EVENT_ID, f"sha512={SIGNED}"),
        (EVENT_ID, SIGNED.lower()), (EVENT_ID, signed(EVENT_ID, "other")), (EVENT_ID, "ä" * 88),
        (EVENT_ID, "\ud800"), (EVENT_ID.lower(), SIGNED), ("", SIGNED), ("\ud800", SIGNED),
        (None, SIGNED), (EVENT_ID, 5), (EVENT_ID, b"\xff"),
    ],
)  # fmt: skip
def test_anything_else_is_not(event_id: Any, signature: Any) -> None:
    with pytest.raises(SignatureError) as refused:
        verify(event_id, signature, ["secret", "older"])
    assert "secret'" not in str(refused.value)
    assert signed(EVENT_ID) not in str(refused.value)


@given(st.text(), st.text(min_size=1), st.text())
def test_no_other_id_and_no_other_signature_is_good(event_id: str, secret: str, other: str) -> None:
    try:
        signature = signed(event_id, secret)
    except UnicodeEncodeError:
        return
    verify(event_id, signature, secret)
    if other not in ("", event_id):
        with pytest.raises(SignatureError):
            verify(other, signature, secret)
    if other.strip() != signature:
        with pytest.raises(SignatureError):
            verify(event_id, other, secret)


@pytest.mark.parametrize("secrets", ["", [], [""], ["good", ""], [b"secret"], [None], None, 5, b"secret"])
def test_no_secret_is_no_protection_and_told(secrets: Any) -> None:
    with pytest.raises(ConfigurationError, match="secrets of a webhook") as told:
        verify(EVENT_ID, SIGNED, secrets)
    assert "good" not in str(told.value)


# ── Every spelling ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("in_list", "of_list"), [*itertools.product([False, True], repeat=2)])
def test_envelope_and_resource_come_as_one_or_in_a_list(in_list: bool, of_list: bool) -> None:
    event = status_event()
    if not of_list:
        [event["resource"]] = event["resource"]
    read_one = posted([event] if in_list else event)
    assert isinstance(read_one, OrderStatusEvent)
    assert [(it.order_number, it.status) for it in read_one.orders] == [("20-RD128", OrderStatus.SHIPPED)]
    [created] = outcome_event(orders=[{"ingramOrderNumber": "20-A"}])
    if of_list:
        created["resource"] = [created["resource"]]
    outcome = posted([created] if in_list else created)
    assert isinstance(outcome, OrderCreatedEvent)
    assert [it.ingram_order_number for it in outcome.outcome.orders] == ["20-A"]


@pytest.mark.parametrize("spell", [str, str.lower, str.upper, str.swapcase], ids=lambda it: it.__name__)
@pytest.mark.parametrize("quantity", [2, "2"])
@pytest.mark.parametrize("line", ["ingramLineNumber", "lineNumber", "LineNumber"])
@pytest.mark.parametrize("po_number", ["customerOrderNumber", "customerPoNumber"])
def test_names_and_codes_are_the_same_in_any_case(
    spell: Callable[[str], str], quantity: Any, line: str, po_number: str
) -> None:
    event = {
        spell("eventTimeStamp"): "2021-11-01T13:02:06.369Z",
        spell("eventId"): EVENT_ID,
        spell("topic"): "resellers/orders",
        spell("resource"): [
            {
                spell("eventType"): spell("im::order_backordered"),
                spell("orderNumber"): "20-RD128",
                spell(po_number): "ZENPO",
                spell("lines"): [
                    {spell(line): "001", spell("backOrderedQuantity"): quantity, spell("lineStatus"): "im::shipped"}
                ],
            }
        ],
    }
    read_one = posted(event)
    [order] = read_one.orders
    assert read_one.event_time == datetime(2021, 11, 1, 13, 2, 6, 369_000, UTC)
    assert (order.status, order.customer_order_number) == (OrderStatus.BACKORDERED, "ZENPO")
    assert [(it.number, it.backordered, it.status) for it in order.lines] == [("001", 2, OrderStatus.SHIPPED)]
    assert order.extra == order.lines[0].extra == {}


@pytest.mark.parametrize(
    ("name", "told", "expected"),
    [
        ("evenTtimeStamp", "2021-11-01", date(2021, 11, 1)),
        ("eventtimestamp", "soon", None),
        ("eventTimeStamp", 5, None),
    ],
)
def test_the_time_is_read_by_all_of_its_names(name: str, told: object, expected: object) -> None:
    event = posted(status_event(**{name: told}))
    assert event.event_time == expected
    assert event.data[name] == told


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("im::order_shipped", OrderStatus.SHIPPED),
        ("IM::order_invoiced", OrderStatus.INVOICED),
        ("order_hold", OrderStatus.ON_HOLD),
        ("im::ORDER_VOIDED", OrderStatus.CANCELLED),
        ("im::order_backordered", OrderStatus.BACKORDERED),
        ("im::order_of_tomorrow", OrderStatus.UNKNOWN),
    ],
)
def test_a_status_event_says_which_status(code: str, status: OrderStatus) -> None:
    event = posted(status_event(resource=[{"eventType": code, "orderNumber": "20-A"}, {"orderNumber": "20-B"}]))
    assert [(it.order_number, it.status) for it in event.orders] == [("20-A", status), ("20-B", OrderStatus.UNKNOWN)]


def test_an_event_id_that_is_a_number_is_its_text() -> None:
    assert read('{"eventId": 12}', signed("12"), "secret").event_id == "12"


def test_of_two_spellings_the_usual_one_counts_and_the_other_is_kept() -> None:
    order = {"ordernumber": "20-B", "orderNumber": "20-A", "ORDERNUMBER": "20-C"}
    [read_one] = posted(status_event(resource=order)).orders
    assert (read_one.order_number, read_one.extra) == ("20-A", {"ordernumber": "20-B", "ORDERNUMBER": "20-C"})


def test_of_two_spellings_that_are_not_usual_the_first_counts_and_the_other_is_kept() -> None:
    [read_one] = posted(status_event(resource={"ordernumber": "20-B", "ORDERNUMBER": "20-C"})).orders
    assert (read_one.order_number, read_one.extra) == ("20-B", {"ORDERNUMBER": "20-C"})


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_name_without_a_value_gives_way(nothing: Any, is_first: bool) -> None:
    pairs = [("orderNumber", "20-A"), ("customerOrderNumber", nothing), ("customerPoNumber", "PO-1")]
    [read_one] = posted(status_event(resource=dict(pairs if is_first else pairs[::-1]))).orders
    assert (read_one.customer_order_number, read_one.extra) == ("PO-1", {})
    line = {"ingramLineNumber": nothing, "lineNumber": "001"}
    [read_one] = posted(status_event(resource={"orderNumber": "20-A", "lines": [line]})).orders
    assert [it.number for it in read_one.lines] == ["001"]


# ── What became of a v7 create ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"errors": [{"message": "SKU-NOTFOUND", "type": "/e"}]}, [ErrorDetail(type="/e", message="SKU-NOTFOUND")]),
        (
            {"Errors": [{"Message": "no", "Fields": [{"Field": "a"}]}]},
            [
                ErrorDetail(message="no", fields=(ErrorField(field="a"),)),
            ],
        ),
        ({"errors": [{"code": 5}]}, [ErrorDetail(message="[{'code': 5}]")]),
        ({"fault": {"faultstring": "down"}}, [ErrorDetail(message="down")]),
        ({"orders": [{"numberOfLinesWithError": "2"}]}, [ErrorDetail(message="2 lines with errors")]),
        (
            {"orders": [{"rejectedLineItems": [{"rejectCode": "EN", "rejectReason": "no such"}]}]},
            [ErrorDetail(type="EN", message="no such")],
        ),
    ],
)
def test_what_became_no_order_is_a_failure_with_its_reasons(changes: Any, reasons: list[ErrorDetail]) -> None:
    event = posted(outcome_event(**changes))
    assert isinstance(event, OrderFailedEvent)
    assert (event.outcome.customer_order_number, [*event.reasons]) == ("PO-7", reasons)


def test_reasons_may_stand_in_the_envelope() -> None:
    [event] = outcome_event()
    del event["resource"]["eventType"]
    event |= {"eventType": " IM::ASYNC_ORDER_CREATE ", "errors": [{"messaage": "late"}]}
    event["resource"] |= {"errors": ["early"], "orders": [{"rejectedLineItems": [{"rejectCode": "EN"}]}]}
    failed = posted(event)
    assert isinstance(failed, OrderFailedEvent)
    assert failed.reasons == (ErrorDetail(message="early"), ErrorDetail(message="late"), ErrorDetail(type="EN"))


def test_what_was_taken_in_part_was_created() -> None:
    orders = [{"ingramOrderNumber": "20-A", "rejectedLineItems": [{"rejectCode": "EN"}]}]
    assert isinstance(posted(outcome_event(orders=orders)), OrderCreatedEvent)


@pytest.mark.parametrize(
    "event",
    [
        outcome_event(),  # neither an order nor a reason
        outcome_event(message="Order accepted", error=False, type="v7", errors=[], orders=[]),
        [{**outcome_event()[0], "message": "Success", "type": "webhook"}],
        [{**outcome_event()[0], "resource": [{"eventType": "im::async_order_create", "orders": []}] * 2}],
        status_event(resource=[]),
        status_event(resource=None),
        status_event(resource="20-A"),
        status_event(resource=[{"eventType": "im::quote_expired", "quoteNumber": "Q"}]),
        {"eventId": EVENT_ID},
    ],
)
def test_what_is_none_of_these_is_kept_as_it_is(event: Any) -> None:
    unknown = posted(event)
    assert isinstance(unknown, UnknownEvent)
    assert unknown.data == (event[0] if isinstance(event, list) else event)


# ── Nothing is lost, and nothing else is raised ─────────────────────────────────────────────────────────────────────


@needs_spec
def test_the_published_events_are_read_with_nothing_over() -> None:
    examples = [it["value"] for it in json.loads((SPEC / "examples.json").read_text("utf-8"))]
    envelopes = [(it, it[0] if isinstance(it, list) else it) for it in examples if "eventId" in json.dumps(it)]
    kinds = set()
    for event, envelope in envelopes:
        read_one = read(json.dumps(event), signed(envelope["eventId"]), "secret")
        assert write_json(read_one.data) == write_json(envelope)
        assert isinstance(read_one, OrderStatusEvent | OrderCreatedEvent)
        whole = read_one.orders[0] if isinstance(read_one, OrderStatusEvent) else read_one.outcome
        assert whole.extra == {}
        kinds.add(type(read_one))
    assert len(kinds) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"\xff\xfe\x00", b"5", b"null", b"[]", b"[[]]", b"[5]", b"[" * 10**5, b'{"a":' * 10**5,
        b'{"eventId": 1e99999999999999999999}', None, 5, [b"{}"],
         b'{"eventId": null}', b'{"eventId": ""}', b'{"eventId": []}', b'{"id": "N01"}', "{", "\ud800",
        json.dumps([status_event(), status_event()]).encode(), b'{"eventId": 1' + b"0" * 5000 + b"}",
    ],
)  # fmt: skip
def test_what_is_no_event_is_unreadable(body: Any) -> None:
    with pytest.raises(UnreadableEventError) as told:
        read(body, SIGNED, "secret")
    assert len(str(told.value)) < 500


def test_a_body_that_is_too_large_is_not_read() -> None:
    event = write_json(status_event(padding="x" * LARGEST))
    with pytest.raises(UnreadableEventError, match=r"more than 1,048,576 bytes"):
        read(event, SIGNED, "secret")
    assert read(event, SIGNED, "secret", largest=len(event)).event_id == EVENT_ID


@pytest.mark.parametrize("signature", [None, "", signed("another")])
def test_an_event_that_is_not_signed_is_not_given(signature: str | None) -> None:
    with pytest.raises(SignatureError):
        read(write_json(status_event()), signature, "secret")


@given(st.binary(), st.none() | st.text())
def test_no_bytes_raise_anything_else(body: bytes, signature: str | None) -> None:
    with pytest.raises(WebhookError):
        read(body, signature, "secret")


NAMES: Final = st.sampled_from(
    ["eventType", "EVENTTYPE", "orderNumber", "lines", "orders", "resource", "errors", "topic", "customerPoNumber"]
)
CODES: Final = st.sampled_from(["im::order_shipped", "IM::async_order_create", "20-A"])
SCALARS: Final = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | CODES
PARTS: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(NAMES | st.text(max_size=5), PARTS, max_size=4), st.booleans())
def test_whatever_is_signed_is_given_with_all_that_is_in_it(event: dict[str, Any], in_list: bool) -> None:
    event = {"eventId": EVENT_ID} | {key: value for key, value in event.items() if key.casefold() != "eventid"}
    body = write_json([event] if in_list else event)
    whole = read_json(body)
    assert read(body, SIGNED, "secret").data == (whole[0] if in_list else whole)
