"""
Whatever JSON comes, a model is made of it and gives all of it back.

For any JSON object `x`, `unstructure(structure(x, Model))` holds every leaf of `x`. `support/leaves.py` says what is
equal; the first tests here show that it is not so lax that nothing could fail.
"""

import copy
import functools
import pickle
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import attrs
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from support.leaves import Json, element_type, field_types, is_list, losses

from ingram_orders import models, structure, unstructure
from ingram_orders.errors import brief
from ingram_orders.models import (
    AnswerModel,
    AsyncOrderCreateDTO,
    AsyncOrderCreateResponse,
    Day,
    OrderCreateRequest,
    OrderCreateResponse,
    OrderCreateV7Response,
    OrderDetailB2B,
    OrderModifyRequest,
    OrderModifyResponse,
    OrderSearchResponse,
    OrderStatusAsyncNotificationRequest,
    RequestModel,
    VendorAttribute,
    VendorRequiredInfo,
    VendorRequiredInfoRequest,
    When,
)

DOCUMENTS: Final[list[Any]] = [
    AsyncOrderCreateDTO,
    AsyncOrderCreateResponse,
    OrderCreateRequest,
    OrderCreateResponse,
    OrderCreateV7Response,
    OrderDetailB2B,
    OrderModifyRequest,
    OrderModifyResponse,
    OrderSearchResponse,
    OrderStatusAsyncNotificationRequest,
    VendorRequiredInfo,
    VendorRequiredInfoRequest,
]
PUBLIC: Final = [getattr(models, name) for name in vars(models)["__all__"]]
CLASSES: Final[list[Any]] = sorted(
    {each for each in PUBLIC if isinstance(each, type) and issubclass(each, RequestModel | AnswerModel)},
    key=lambda each: each.__name__,
)


def there_and_back(data: Json, model: Any) -> Json:
    """Do what all of this is about."""
    return unstructure(structure(data, model))


def named(model: Any) -> str:
    name: str = model.__name__
    return name


# ── The comparison can fail ─────────────────────────────────────────────────────────────────────────────────────────

SAMPLE: Final[Json] = {
    "ingramOrderNumber": "20-RD3QV",
    "notes": " kept ",
    "orderTotal": Decimal("12345678901234567.89"),
    "totalTax": "0.10",
    "ingramOrderDate": "2022-07-20T12:03:03.250-07:00",
    "unheardOf": {"deep": [None, 1]},
    "billToInfo": {"postalCode": "02139", "phoneNumber": 5551234},
    "lines": [
        {"unitPrice": Decimal("0.1"), "quantityOrdered": Decimal("1E+2"), "lineNotes": "", "new": "word"},
        {"unitPrice": "1_000", "upcCode": True, "shipmentDetails": {"carrierDetails": {"quantity": 3}}},
    ],
    "additionalAttributes": [{"attributeName": "a"}, "stray"],
}


def mapped(change: Callable[[Json], Json], value: Json) -> Json:
    """Change each value inside, the innermost first."""
    if isinstance(value, dict):
        value = {key: mapped(change, item) for key, item in value.items()}
    elif isinstance(value, list):
        value = [mapped(change, item) for item in value]
    return change(value)


def drops_unknown_keys(value: Json, type_: Any = OrderDetailB2B) -> Json:
    if is_list(type_) and isinstance(value, list):
        return [drops_unknown_keys(item, element_type(type_)) for item in value]
    if attrs.has(type_) and isinstance(value, dict):
        types = field_types(type_)
        return {key: drops_unknown_keys(item, types[key]) for key, item in value.items() if key in types}
    return value


def makes_floats(value: Json) -> Json:
    return mapped(lambda it: float(it) if isinstance(it, Decimal) and not it.is_nan() else it, value)


def makes_numbers_of_text(value: Json) -> Json:
    return mapped(lambda it: int(it) if isinstance(it, str) and it.isdigit() else it, value)


def makes_text_of_flags(value: Json) -> Json:
    return mapped(lambda it: str(it) if isinstance(it, bool) else it, value)


def strips(value: Json) -> Json:
    return mapped(lambda it: it.strip() if isinstance(it, str) else it, value)


def moves_to_utc(value: Json) -> Json:
    def moved(it: Json) -> Json:
        return datetime.fromisoformat(it).astimezone(UTC).isoformat() if isinstance(it, str) and "T12" in it else it

    return mapped(moved, value)


def cuts_fractions(value: Json) -> Json:
    return mapped(lambda it: it.replace(".250", "") if isinstance(it, str) else it, value)


def keeps_the_first(value: Json) -> Json:
    return mapped(lambda it: it[:1] if isinstance(it, list) else it, value)


def drops_strays(value: Json) -> Json:
    return mapped(lambda it: [item for item in it if item != "stray"] if isinstance(it, list) else it, value)


def forgets_null_in_lists(value: Json) -> Json:
    return mapped(lambda it: [item for item in it if item is not None] if isinstance(it, list) else it, value)


def invents(value: Json) -> Json:
    return mapped(lambda it: {**it, "status": "OPEN"} if isinstance(it, dict) else it, value)


@pytest.mark.parametrize(
    "lossy",
    [
        drops_unknown_keys,
        makes_floats,
        makes_numbers_of_text,
        makes_text_of_flags,
        strips,
        moves_to_utc,
        cuts_fractions,
        keeps_the_first,
        drops_strays,
        forgets_null_in_lists,
        invents,
    ],
)
def test_a_lossy_converter_would_be_caught(lossy: Callable[[Json], Json]) -> None:
    """Of a sample that comes back whole, each way of spoiling it is a loss."""
    kept = there_and_back(SAMPLE, OrderDetailB2B)
    assert losses(SAMPLE, kept, OrderDetailB2B) == []
    assert losses(SAMPLE, lossy(kept), OrderDetailB2B) != []


TEXT, NUMBER, COUNT, FLAG, MOMENT, LIST = "city", "orderTotal", "recordsFound", "orderSplit", "ingramOrderDate", "links"
SENT: Final = "lines"
HOLDERS: Final[dict[str, Any]] = {
    TEXT: models.Address,
    NUMBER: models.FoundOrder,
    COUNT: OrderSearchResponse,
    FLAG: OrderCreateResponse,
    MOMENT: models.FoundOrder,
    LIST: models.FoundOrder,
    SENT: OrderCreateRequest,
}


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        (TEXT, 5, "5"),
        (TEXT, Decimal("1.50"), "1.50"),
        (NUMBER, "1.50", Decimal("1.5")),
        (NUMBER, 0.1, Decimal("0.1")),
        (NUMBER, "", None),
        (COUNT, "123", 123),
        (COUNT, Decimal("1E+2"), 100),
        (FLAG, "TRUE", True),
        (MOMENT, "2022-07-20T12:03:03.50Z", "2022-07-20T12:03:03.500+00:00"),
        (LIST, {"type": "GET"}, [{"type": "GET"}]),
        (LIST, None, []),
        (SENT, "", None),
        ("unheardOf", None, None),
    ],
)
def test_what_counts_as_equal(key: str, old: Json, new: Json) -> None:
    """The list of design: a number and its text, a flag and its word, one object and a list of it, one moment."""
    assert losses({key: old}, {key: new}, HOLDERS.get(key, OrderDetailB2B)) == []


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        (TEXT, "1.0", "1"),
        (TEXT, "02139", 2139),
        (TEXT, "", None),
        (TEXT, True, "true"),
        (TEXT, "a", "A"),
        (NUMBER, Decimal("0.1"), 0.1 + 2**-50),
        (NUMBER, "1_000", Decimal(1000)),
        (NUMBER, "02139", Decimal(2139)),
        (NUMBER, True, 1),
        (NUMBER, Decimal("1E-400"), Decimal(0)),
        (NUMBER, "NaN", Decimal("NaN")),
        (COUNT, 10**30, 10**30 - 1),
        (COUNT, Decimal("1.5"), 1),
        (FLAG, "yes", True),
        (FLAG, 1, True),
        (FLAG, "false", True),
        (MOMENT, "2022-07-20", "2022-07-20T00:00:00"),
        (MOMENT, "2022-07-20T12:03:03", "2022-07-20T12:03:03+00:00"),
        (MOMENT, "2022-07-20T12:03:03+02:00", "2022-07-20T10:03:03+00:00"),
        (MOMENT, "2022-07-20T12:03:03.1234567", "2022-07-20T12:03:03.123456"),
        (MOMENT, "2022-07-20T12:03:03+05:75", "2022-07-20T12:03:03+06:15"),
        (LIST, {}, []),
        (LIST, {}, [{}]),
        (LIST, [{}], []),
        (LIST, [{}, {}], [{}]),
        (LIST, [None], []),
        (LIST, [], None),
        (SENT, None, []),
        (SENT, [], None),
        ("unheardOf", "", None),
        ("unheardOf", 5, "5"),
        ("unheardOf", {"a": 1}, [{"a": 1}]),
        ("unheardOf", [], None),
        ("unheardOf", {}, []),
    ],
)
def test_what_counts_as_a_loss(key: str, old: Json, new: Json) -> None:
    """Neighbours of what counts as equal."""
    assert losses({key: old}, {key: new}, HOLDERS.get(key, OrderDetailB2B)) == [f"$.{key}"]


# ── Each field, with each odd value ─────────────────────────────────────────────────────────────────────────────────

DATES: Final = [
    "2021-09-15",
    "2022-07-20T12:03:03",
    "2022-07-20T12:03:03-07:00",
    "2020-04-03T08:54:39+05:30",
    "2021-11-01T13:02:06.369Z",
    "2021-11-01T13:02:06.36Z",
    "2021-11-01T13:02:06.36",
    "2021-11-01T13:02:06.000+00:00",
    "2021-11-01T13:02:06-00:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999-12:00",
    "2024-02-29",
]
NEAR_DATES: Final = [
    "0000-01-01",
    "2021-02-30",
    "2023-02-29T00:00:00",
    "2021-W37-3",
    "20210915",
    "2021-09",
    "2021-9-15",
    "2021-09-15 ",
    "2021-09-15\n",
    "2021-09-15 12:03:03",
    "2021-09-15t12:03:03",
    "2021-09-15T12:03",
    "2021-09-15T12",
    "2021-09-15T24:00:00",
    "2021-09-15T23:59:60",
    "2021-09-15T12:03:03z",
    "2021-09-15T12:03:03+0530",
    "2021-09-15T12:03:03+05",
    "2021-09-15T12:03:03+05:75",
    "2021-09-15T12:03:03+24:00",
    "2021-09-15T12:03:03+05:30:15",
    "2021-09-15T12:03:03.1",
    "2021-09-15T12:03:03.1234567",
    "2021-09-15T12:03:03.123456789Z",
    "2021-09-15T12:03:03,123",
    "T12:03:03",
    "２０２１-09-15",
]
TEXTS: Final = [
    "",
    " ",
    "0",
    "-0",
    "-0.0",
    "007",
    "02139",
    "+1",
    " 1",
    "1 ",
    "1_000",
    "1,5",
    ".5",
    "5.",
    "0x10",
    "١٢",
    "1e5",
    "-1.50E-7",
    "120.00",
    "1E+1000000",
    "1E-1000000",
    "1E-400",
    "1E+99999999999999999999",
    "-1E-99999999999999999999",
    "9" * 18,
    "9" * 19,
    "9" * 5000,
    f"0.{'0' * 400}1",
    "NaN",
    "sNaN",
    "Infinity",
    "true",
    "TRUE",
    "fAlSe",
    "yes",
    "null",
    "\ud800",
    "a\udfffb",
    "\x00",
    "Ünïcødé ∑ 🙂",
    *DATES,
    *NEAR_DATES,
]
NUMBERS: Final = [
    0,
    -1,
    10**17,
    10**18 - 1,
    10**18,
    -(10**18),
    10**4999,
    -(10**4999),
    0.0,
    -0.0,
    0.1,
    1.0,
    1e22,
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    Decimal("1.10"),
    Decimal("-0.00"),
    Decimal("12345678901234567890.123"),
    Decimal("1E+2"),
    Decimal("1E+17"),
    Decimal("1E+18"),
    Decimal("1E+1000000"),
    Decimal("-1E+1000000"),
    Decimal("1E-1000000"),
    Decimal("0E+1000000"),
    Decimal("0E-1000000"),
    Decimal(f"1.{'1' * 5000}"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("-Infinity"),
]
STRUCTURES: Final[list[Json]] = [
    [],
    {},
    [[]],
    [{}],
    [{}, {}],
    [None],
    [""],
    ["text"],
    [1],
    [True, False],
    [[{"city": "x"}]],
    [{"unheardOf": 1}],
    [{"unheardOf": 1}, 5],
    [5, {"unheardOf": None}, None, "x", []],
    {"unheardOf": 1},
    {"extra": {"extra": 1}},
    {"": ""},
    {"unheardOf": {"": [None, {}]}},
    {"0": {"unheardOf": 1}},
]
ODD: Final[list[Json]] = [None, True, False, *TEXTS, *NUMBERS, *STRUCTURES]


@pytest.mark.parametrize("model", CLASSES, ids=named)
def test_each_field_gives_back_each_odd_value(model: Any) -> None:
    """A value that is not of its field's type is neither refused nor lost, alone, in a list, or beside a good one."""
    lost = [
        f"{key}: {brief(before)}"
        for key in [*field_types(model), "unheardOf", "extra"]
        for value in ODD
        for before in ({key: value}, {key: [value]}, {key: [{"unheardOf": value}, value]})
        if losses(before, there_and_back(before, model), model)
    ]
    assert lost == []


def test_no_number_takes_long() -> None:
    """What a giant exponent or 5,000 digits cost does not grow with the number."""
    giants = [*NUMBERS, *TEXTS, Decimal("9E+999999999999999999"), Decimal("9E-999999999999999999")]
    started = time.process_time()
    for key, model in HOLDERS.items():
        for value in giants:
            structure({key: value}, model)
    assert time.process_time() - started < 2  # each alone would take half a minute, or never end


# ── Depth ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def nested(levels: int, wrap: Callable[[Json], Json], inner: Json) -> Json:
    for _ in range(levels):
        inner = wrap(inner)
    return inner


WRAPS: Final[dict[str, Callable[[Json], Json]]] = {
    "lists": lambda inner: [inner],
    "objects": lambda inner: {"a": inner},
    "both": lambda inner: [{"choices": inner, "attributeName": "a"}],
}


@pytest.mark.parametrize("levels", [2, 40, 2_000])
@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize("key", [*HOLDERS, "unheardOf"])
def test_depth_in_any_field_is_kept(key: str, wrap: Callable[[Json], Json], levels: int) -> None:
    """JSON that nests deeper than Python's stack stays what it is, whatever field it stands in."""
    model = HOLDERS.get(key, OrderDetailB2B)
    before = {key: nested(levels, wrap, "end")}
    assert losses(before, there_and_back(before, model), model) == []


CHOICES: Final[dict[str, Callable[[Json], Json]]] = {
    "as published": lambda inner: {"attributeName": "a", "choices": [inner]},
    "objects for lists": lambda inner: {"attributeValue": 5, "choices": inner},
    "beside others": lambda inner: {"choices": [{}, inner, {"attributeName": "b"}], "new": inner is None},
    "beside strays": lambda inner: {"choices": [inner, "stray"]},
}


@pytest.mark.parametrize("levels", [0, 1, 2, 15, *range(30, 36), 64, 65, 1_001, 20_000])
@pytest.mark.parametrize("wrap", CHOICES.values(), ids=CHOICES)
def test_choices_are_kept_at_any_depth(wrap: Callable[[Json], Json], levels: int) -> None:
    """A vendor's attribute holds attributes; models go some levels down, the rest stays JSON in `extra`."""
    attribute = nested(levels, wrap, {"attributeHint": "end"})
    before = {"vriAdditionalAttributes": [{"additionalAttributes": [attribute]}]}
    assert losses(before, there_and_back(before, VendorRequiredInfo), VendorRequiredInfo) == []


def test_choices_are_models_as_far_as_any_vendor_goes() -> None:
    """Ten levels are read as models; the examples show three."""
    read = structure(nested(10, CHOICES["as published"], {"attributeHint": "end"}), VendorAttribute)
    for _ in range(10):
        [read] = read.choices
    assert read == VendorAttribute(attribute_hint="end")


def test_choices_in_tuples_are_kept_at_any_depth() -> None:
    """Lists may be given as tuples; a deep one of those does no harm either."""
    before = nested(2_000, lambda inner: {"choices": (inner,)}, {"attributeHint": "end"})
    after = there_and_back(before, VendorAttribute)
    for _ in range(2_000):
        [after] = after["choices"]
    assert after == {"attributeHint": "end"}


# ── Any shape ───────────────────────────────────────────────────────────────────────────────────────────────────────

# 5,000 digits cannot be shown, so they are left to the tests above.
SCALARS: Final = st.one_of(
    st.sampled_from([value for value in ODD if not (isinstance(value, int) and abs(value) > 10**100)]),
    st.text(st.characters(), max_size=8),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.booleans(),
)
NAMES: Final = sorted({wire for model in CLASSES for wire in field_types(model)})
KEYS: Final = st.one_of(st.sampled_from(NAMES), st.sampled_from(NAMES).map(str.upper), st.text(max_size=4))
JSON: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)
NUMERIC: Final = st.one_of(
    st.integers(-(10**20), 10**20),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.floats(allow_nan=False, allow_infinity=False),
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,8})?", fullmatch=True),
)
MOMENTS: Final = st.one_of(
    st.sampled_from(DATES),
    st.dates().map(str),
    st.builds(
        lambda moment, spec, zone: moment.isoformat(timespec=spec) + zone,
        st.datetimes(),
        st.sampled_from(["seconds", "milliseconds", "microseconds", "minutes"]),
        st.sampled_from(["", "Z", "+00:00", "-07:00", "+05:30", "+23:59"]),
    ),
)


@functools.cache
def fitting(type_: Any) -> st.SearchStrategy[Json]:
    """Give JSON of a field's type, in all spellings that are read."""
    if is_list(type_):
        elements = values(element_type(type_))
        return st.lists(elements, max_size=2) | elements
    if attrs.has(type_):
        return st.deferred(lambda: objects(type_))
    if type_ in (When, Day):
        return MOMENTS
    if type_ is bool:
        return st.booleans() | st.sampled_from(["true", "False", "TRUE"])
    return NUMERIC if type_ in (int, Decimal) else st.text(st.characters(), max_size=8)


@functools.cache
def values(type_: Any) -> st.SearchStrategy[Json]:
    """Give JSON where a type belongs: as a rule of that type."""
    return st.sampled_from([fitting(type_)] * 4 + [JSON]).flatmap(lambda it: it)


@functools.cache
def objects(model: Any) -> st.SearchStrategy[Json]:
    """Give objects in a model's shape, with any of its keys, and some that are none of its own."""
    known = st.fixed_dictionaries({}, optional={key: values(type_) for key, type_ in field_types(model).items()})
    unknown = st.dictionaries(KEYS, JSON, max_size=2)
    return st.builds(lambda one, other: {**one, **other}, unknown, known)


def check(data: st.DataObject, model: Any) -> None:
    before = data.draw(objects(model))
    untouched = copy.deepcopy(before)
    read = structure(before, model)
    after = unstructure(read)
    assert losses(before, after, model) == []
    assert losses(untouched, before, model) == []
    assert structure(after, model) == read


@pytest.mark.parametrize("model", DOCUMENTS, ids=named)
@settings(max_examples=40)
@given(data=st.data())
def test_any_json_comes_back(model: Any, data: st.DataObject) -> None:
    """No leaf is lost and none made up; what was given is not changed; and what came back reads the same again."""
    check(data, model)


@pytest.mark.slow
@pytest.mark.parametrize("model", DOCUMENTS, ids=named)
@settings(max_examples=200)
@given(data=st.data())
def test_any_json_comes_back_more_often(model: Any, data: st.DataObject) -> None:
    """The same, thoroughly."""
    check(data, model)


@pytest.mark.parametrize("lossy", [drops_unknown_keys, makes_floats, strips, keeps_the_first, invents])
def test_the_search_would_find_a_lossy_converter(lossy: Callable[[Json], Json]) -> None:
    """The shapes tried are wild enough to show a converter that drops, rounds, tidies or makes up."""
    quick = settings(max_examples=500, database=None, phases=[Phase.generate])
    found = find(
        objects(OrderDetailB2B),
        lambda it: bool(losses(it, lossy(there_and_back(it, OrderDetailB2B)), OrderDetailB2B)),
        settings=quick,
    )
    assert losses(found, there_and_back(found, OrderDetailB2B), OrderDetailB2B) == []


@pytest.mark.parametrize("model", DOCUMENTS, ids=named)
@settings(max_examples=10)
@given(data=st.data())
def test_models_pickle_and_copy(model: Any, data: st.DataObject) -> None:
    """A model comes whole out of a pickle, a deep copy and a copy."""
    read = structure(data.draw(objects(model)), model)
    assert copy.copy(read) == read
    assert copy.deepcopy(read) == read
    pickled = pickle.loads(pickle.dumps(read))
    assert type(pickled) is model
    assert losses(unstructure(read), unstructure(pickled), model) == []  # NaN is not equal to itself
