"""What models are read and written by: functions made of their fields, that do for a value no more than they must."""

import copy
import linecache
import pickle
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.counting import calls_of
from support.plain import parts, plain

from benchmarks.payloads import create_request, details_answer, search_answer
from ingram_orders import OrdersClient, exact_json, models, shapes, structure, unstructure, wire
from ingram_orders.checking import problems
from ingram_orders.converters import read_answer
from ingram_orders.fields import wire_names
from ingram_orders.models import AnswerModel, Link, OrderDetailB2B, OrderSearchResponse, RequestModel

MODELS: Final = [
    it for name in vars(models)["__all__"] if attrs.has(it := getattr(models, name)) and it is not AnswerModel
]


def calls_for(value: object) -> int:
    """Give how many calls a value takes that was read: one for a model, for a list, and for a text in a list."""
    if isinstance(value, tuple):
        return 1 + sum(calls_for(it) if isinstance(it, AnswerModel | RequestModel) else 1 for it in value)
    if not isinstance(value, AnswerModel | RequestModel):
        return 0
    class_: Any = type(value)
    return 1 + sum(calls_for(getattr(value, name)) for name in wire_names(class_))


@pytest.mark.parametrize(
    "model",
    # Of those that hold themselves, how deep they do is looked at before.
    [it for it in MODELS if it.__name__ not in {"VendorAttribute", "VendorAttributes", "VendorRequiredInfo"}],
    ids=lambda it: it.__name__,
)
def test_reading_costs_a_call_for_each_model_and_each_list_and_none_for_a_value(model: Any) -> None:
    """What guards the speed of reading on any machine: a regression is one call more for each of hundreds of values."""
    data = plain(model)
    structure(data, model)  # makes the reader
    read, calls = calls_of(structure, data, model)
    assert calls == calls_for(read) + 1  # `structure` itself


DETAILS: Final = (details_answer(), OrderDetailB2B)
PAGE: Final = (search_answer(10), OrderSearchResponse)


@pytest.mark.parametrize(
    ("answer", "speed", "most"), [(DETAILS, True, 35), (PAGE, True, 85), (DETAILS, False, 48), (PAGE, False, 108)]
)
def test_reading_an_answer_takes_few_functions_and_makes_no_extra(
    answer: tuple[bytes, type[AnswerModel]], speed: bool, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From bytes, by its shape with the extra `speed`, or as dictionaries: 26 models, and 81."""
    if not speed:
        monkeypatch.setattr(exact_json, "_fast_decoders", lambda *_: ())
    elif not exact_json.is_fast():
        pytest.skip("needs the extra `speed`")
    shapes._misfits.clear()  # of tests before, after whose answers a shape is not tried each time
    read_answer(*answer)  # makes the readers
    read, calls = calls_of(read_answer, *answer)
    assert calls <= most + (not speed)  # our own patch
    for part in parts(read):
        with pytest.raises(AttributeError):
            object.__getattribute__(part, "extra")


def test_writing_a_request_takes_few_functions_for_each_line() -> None:
    orders = OrdersClient("id", "secret", customer_number="20-222222", country_code="US")
    defaults = wire.Defaults(orders.defaults)

    def calls(lines: int) -> int:
        request = orders.create().order_create_request(create_request(lines))
        return calls_of(wire.encode, request, defaults, "c0ffee")[1]

    exact_json._keys.clear()  # other tests may have filled it with theirs
    calls(1)  # makes the writers
    assert calls(1) <= 35
    assert calls(51) - calls(1) <= 50 * 6


@pytest.mark.parametrize("model", MODELS, ids=lambda it: it.__name__)
def test_what_is_plainly_of_its_type_is_read_and_written_whole(model: Any) -> None:
    data = plain(model)
    assert unstructure(structure(data, model)) == data


@pytest.mark.parametrize(
    ("sent", "read", "calls"),
    [
        ("2026-01-31T08:54:39Z", datetime(2026, 1, 31, 8, 54, 39, tzinfo=UTC), 0),
        ("2026-01-31", date(2026, 1, 31), 0),
        ("2026-02-30", None, 0),
        ("2021-W37-3", None, 1),
        ("2026-01-31T24:00:00", None, 1),
    ],
)
def test_a_date_is_read_where_it_stands_and_what_is_none_is_kept(sent: str, read: object, calls: int) -> None:
    structure({"ingramOrderDate": "x"}, OrderDetailB2B)
    order, made = calls_of(structure, {"ingramOrderDate": sent}, OrderDetailB2B)
    assert order.ingram_order_date == read
    assert order.extra == ({} if read else {"ingramOrderDate": sent})
    assert calls <= made - 2 <= calls + 4  # and no more than the few that keep it


@pytest.mark.parametrize(
    ("data", "extra"),
    [
        ({"topic": None, "href": "h", "type": "GET"}, {}),
        ({"topic": None, "href": "h", "type": "GET", "rel": None}, {"rel": None}),
        ({"href": "h", "rel": 1, "title": ""}, {"rel": 1, "title": ""}),
        ({"rel": 1, "title": 2, "media": 3}, {"rel": 1, "title": 2, "media": 3}),
        ({"topic": None, "href": None, "type": None}, {}),
        ({"topic": "", "rel": None}, {"rel": None}),
    ],
)
def test_an_unknown_key_is_found_whatever_else_is_missing_or_null(data: Any, extra: Any) -> None:
    """They are looked for only where the numbers of keys do not add up."""
    assert structure(data, Link).extra == extra


def test_extra_is_made_when_it_is_first_asked_for() -> None:
    """Most answers have none; empty ones would be most of what thousands of small models weigh."""
    link = structure({"href": "h"}, Link)
    with pytest.raises(AttributeError):
        object.__getattribute__(link, "extra")
    assert link == Link(href="h") == copy.deepcopy(structure({"href": "h"}, Link))
    again = pickle.loads(pickle.dumps(structure({"href": "h"}, Link)))
    assert (again, again.extra) == (link, {})
    link.extra["rel"] = 1
    assert structure({"href": "h"}, Link).extra == {}
    with pytest.raises(AttributeError, match="'Link' object has no attribute 'hrefs'"):
        getattr(link, "hrefs")  # noqa: B009  # which checkers know it has not


def test_a_debugger_finds_the_lines_of_a_reader() -> None:
    structure({}, Link)
    assert linecache.getline("<reader of Link>", 1) == "def read(data, _=None):\n"


@given(
    st.from_regex(r"[0-9]{4}[-0-9W][-0-9W]{5}|[-0-9WTZ: .]{7,10}", fullmatch=True) | st.text(min_size=10, max_size=10)
)
@example("2026091510")
@example("20260915Z!")
@example("2026W37412")
def test_only_what_is_written_as_a_day_is_read_as_one(sent: str) -> None:
    """Python's own reader takes `20260915` with anything behind it, and would lose it."""
    read = structure({"ingramOrderDate": sent}, OrderDetailB2B)
    is_day = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", sent) is not None
    assert read.ingram_order_date is None or (is_day and unstructure(read) == {
        **unstructure(OrderDetailB2B()), "ingramOrderDate": sent,
    })  # fmt: skip
    assert read.extra == ({} if read.ingram_order_date or sent == "" else {"ingramOrderDate": sent})


@attrs.frozen(kw_only=True)
class DerivedLine(models.CreateLine):
    """Has fields of types that no request of ours has."""

    weight: float | None = None
    packed_at: date | datetime | None = None
    size: float | str | None = None


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"weight": 1.5, "packed_at": datetime(2026, 1, 2), "size": "XL"}, []),
        ({"weight": Decimal(1)}, ["order.lines[0].weight: Decimal('1') is not a float"]),
        (
            {"packed_at": "2026-13-45"},
            ["order.lines[0].packed_at: '2026-13-45' is not a datetime.date | datetime.datetime"],
        ),
        ({"size": b"XL"}, ["order.lines[0].size: b'XL' is not a float | str"]),
    ],
)
def test_a_field_that_a_derived_model_adds_is_checked_by_its_own_type(value: Any, wrong: list[str]) -> None:
    order = models.OrderCreateRequest(customer_order_number="PO-1", lines=[DerivedLine(quantity=1, **value)])
    assert [*problems(order, "order")] == wrong
