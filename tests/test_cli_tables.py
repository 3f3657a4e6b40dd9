"""What people are shown of an answer, at every width, and of what could not be read."""

import io
from typing import Any

import pytest
from rich.console import Console

from ingram_orders import FoundOrder, OrderCreateResponse, OrderDetailB2B, OrderModifyResponse, structure
from ingram_orders.cli.events import document_of_event
from ingram_orders.cli.output import console
from ingram_orders.cli.tables import (
    amount_text,
    created_tables,
    detail_tables,
    event_texts,
    modified_tables,
    orders_table,
    status_text,
)
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.models import OrderStatus
from ingram_orders.webhooks import restored

LONG: dict[str, Any] = {
    "ingramOrderNumber": "6012345678",
    "orderTotal": 1234567.89,
    "orderStatus": "Foo-Bar",
    "lines": [
        {
            "ingramOrderLineNumber": "001",
            "ingramPartNumber": "ABCDEFGHIJ",
            "partDescription": "A RACK OF SWITCHES WITH ALL THAT BELONGS TO IT, AND SOME THINGS THAT DO NOT",
            "quantityOrdered": 1000,
            "unitPrice": 1439.90,
            "extendedPrice": 1439900.00,
            "shipmentDetails": [{"shippedDate": "03/04/2026", "invoiceNumber": "0123456789"}],
        }
    ],
}  # fmt: skip
FOUND: dict[str, Any] = {
    "ingramOrderNumber": "6012345678",
    "ingramOrderDate": "2026-03-04T10:00:00Z",
    "customerOrderNumber": "A-PURCHASE-ORDER-NUMBER-OF-35-CHARS",
    "endUserCompanyName": "THE COMPANY WITH THE LONGEST NAME IN ALL OF THE LAND",
    "orderTotal": 1234567.89,
}


def shown(*tables: Any, columns: int = 80, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give what a terminal of so many columns is shown."""
    monkeypatch.setenv("COLUMNS", str(columns))
    made = console(*tables)
    told = Console(file=io.StringIO(), width=made.width, highlight=False)
    told.print(*tables, sep="\n")
    assert isinstance(told.file, io.StringIO)
    return told.file.getvalue()


@pytest.mark.parametrize("columns", [20, 80, 100, 200])
def test_no_number_is_cut_whatever_the_width(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    tables = [*detail_tables(structure(LONG, OrderDetailB2B)), orders_table([structure(FOUND, FoundOrder)], "1 of 1")]
    text = shown(*tables, columns=columns, monkeypatch=monkeypatch)
    assert "…" not in text
    for number in ("6012345678", "1,234,567.89", "ABCDEFGHIJ", "1000", "1,439.90", "1,439,900.00", "2026-03-04"):
        assert number in text


def test_what_could_not_be_read_is_shown_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    line = {"quantityOrdered": "2.5", "unitPrice": "n/a", "shipmentDetails": [{"shippedDate": "03/04/2026"}]}
    detail = structure({"orderTotal": "1,439.90", "orderStatus": "Foo-Bar", "lines": [line]}, OrderDetailB2B)
    text = shown(*detail_tables(detail), monkeypatch=monkeypatch)
    for said in ("1,439.90", "Foo-Bar", "2.5", "n/a", "03/04/2026"):
        assert said in text


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.001230", "0.001230"), ("1234567.891", "1,234,567.891"), ("1E+3", "1,000.00"), ("5", "5.00")],
)
def test_an_amount_is_shown_with_all_of_its_digits(amount: str, text: str) -> None:
    detail = structure({"orderTotal": amount}, OrderDetailB2B)
    assert amount_text(detail.order_total) == text


def test_a_status_is_shown_folded_and_one_that_is_not_known_by_its_own_word() -> None:
    assert status_text(OrderStatus.of("im::shipped"), "im::shipped").plain == "shipped"
    assert status_text(OrderStatus.of("Foo"), "Foo").plain == "Foo"
    assert status_text(OrderStatus.of(None), None).plain == ""


def test_every_order_of_a_purchase_order_is_named_with_what_became_of_its_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = {
        "customerOrderNumber": "P",
        "orders": [
            {"ingramOrderNumber": "20-A", "orderTotal": 5, "currencyCode": "USD", "lines": [{"lineStatus": "SHIPPED"}]},
            {"ingramOrderNumber": "20-B", "rejectedLineItems": [{"rejectCode": "EN"}, {}]},
        ],
    }
    text = shown(*created_tables(structure(answer, OrderCreateResponse)), monkeypatch=monkeypatch)
    for said in ("20-A for P, 5.00 USD", "shipped", "20-B for P,", "rejected: EN", "rejected: no reason given"):
        assert said in text


def test_a_change_without_lines_has_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    model = structure({"ingramOrderNumber": "20-A", "orderStatus": "ON HOLD", "notes": "n"}, OrderModifyResponse)
    assert shown(*modified_tables(model), monkeypatch=monkeypatch) == "20-A on hold notes: n\n"


def test_lines_that_nothing_was_sent_of_are_in_no_second_table(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(*detail_tables(structure({"lines": [{}]}, OrderDetailB2B)), monkeypatch=monkeypatch)
    assert "Tracking" not in text
    text = shown(*detail_tables(structure(LONG, OrderDetailB2B)), monkeypatch=monkeypatch)
    assert "0123456789" in text  # without any carrier, as software is


# ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def outcome(**resource: Any) -> dict[str, Any]:
    return {"eventId": "N1", "resource": {"eventType": "im::async_order_create", **resource}}


EVENTS: dict[str, tuple[dict[str, Any], list[str], dict[str, Any]]] = {
    "a status": (
        {"eventId": "N1", "eventTimeStamp": "2026-01-31", "resource": {"eventType": "Foo", "orderNumber": "20-A"}},
        ["2026-01-31 20-A Foo (event N1)"],
        {"kind": "orderStatus", "eventTime": "2026-01-31", "orders": [
            {"orderNumber": "20-A", "customerOrderNumber": None, "status": "UNKNOWN", "word": "Foo"}]},
    ),
    "an order that was created": (
        outcome(customerOrderNumber="P-1", orders=[{"ingramOrderNumber": "20-A", "rejectedLineItems": [{}]}, {}]),
        ["P-1 became 20-A; without a number with 1 line rejected (event N1)"],
        {"kind": "orderCreated", "orders": [
            {"orderNumber": "20-A", "customerOrderNumber": "P-1"},
            {"orderNumber": None, "customerOrderNumber": "P-1"}]},
    ),
    "an order that was not": (
        outcome(customerOrderNumber="P-1", errors=[{"type": "t", "message": "no\x1b[2J"}, {"type": "sku"}]),
        ["P-1 became no order: no [2J; sku (event N1)"],
        {"kind": "orderFailed", "orders": [], "customerOrderNumber": "P-1",
         "reasons": [{"type": "t", "message": "no\x1b[2J"}, {"type": "sku"}]},
    ),
    "another": (
        {"eventId": "N1", "topic": "t", "event": "[red]\x1b"},
        ["t [red]\N{REPLACEMENT CHARACTER} is of no known kind (event N1)"],
        {"kind": "unknown", "topic": "t", "event": "[red]\x1b", "orders": []},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EVENTS)
def test_every_kind_of_event_is_told_to_people_and_to_programs(name: str) -> None:
    said, lines, document = EVENTS[name]
    event = restored(said)
    assert [it.plain for it in event_texts(event)] == lines
    given = read_json(write_json(document_of_event(event)))
    assert given == {"eventId": "N1", "topic": None, "event": None, "eventTime": None, **document, "data": said}


def test_of_an_event_of_many_orders_people_are_shown_some() -> None:
    resource = [{"eventType": "im::order_hold", "orderNumber": f"20-{it}"} for it in range(1234)]
    lines = [it.plain for it in event_texts(restored({"eventId": "N1", "resource": resource}))]
    assert lines[0] == "20-0 on hold (event N1)"
    assert lines[10:] == ["and 1,224 more orders (event N1)"]
    errors = [{"message": f"no {it}"} for it in range(12)]
    [line] = [it.plain for it in event_texts(restored(outcome(errors=errors)))]
    assert line.endswith("no 9; and 2 more (event N1)")
