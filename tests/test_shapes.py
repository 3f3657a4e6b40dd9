"""What msgspec reads answers into, with the extra `speed`: all is the same to the letter, and only faster."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Literal

import pytest
from attrs import define, field
from hypothesis import example, given
from hypothesis import strategies as st
from support.counting import calls_of
from support.plain import plain

from ingram_orders import exact_json, models, shapes, structure, unstructure
from ingram_orders.converters import read_answer
from ingram_orders.exact_json import is_fast, read_json, write_json
from ingram_orders.models import AnswerModel, OrderDetailB2B
from ingram_orders.shapes import shape

pytestmark = pytest.mark.skipif(not is_fast(), reason="the extra `speed` is not installed")

ANSWERS: Final = [
    OrderDetailB2B,
    models.OrderSearchResponse,
    models.OrderCreateResponse,
    models.AsyncOrderCreateResponse,
    models.OrderModifyResponse,
]
ODD: Final[list[Any]] = [
    None, "", "string", "2026-02-30", "2026-01-31T08:54:39-07:00", 0, 1, True, Decimal("1.10"), 10**30, [], {},
    [None], [{}], ["text"], [1], {"unheardOf": 1}, [{"unheardOf": [Decimal("0.10")]}], {"unheardOf": {"a": []}},
]  # fmt: skip
"""What the API puts where it does not belong, or may one day."""


@pytest.fixture(autouse=True)
def nothing_was_tried_before() -> None:
    shapes._misfits.clear()


def read_plainly(body: bytes, model: Any) -> Any:
    """Read an answer as who does not have the extra."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_json, "_fast_decoders", lambda *_: ())
        return structure(read_json(body), model)


@given(st.sampled_from(ANSWERS), st.lists(st.tuples(st.integers(0), st.sampled_from(ODD)), max_size=3))
@example(OrderDetailB2B, [])
def test_what_is_read_through_its_shape_is_the_same(model: Any, changes: list[tuple[int, Any]]) -> None:
    shapes._misfits.clear()
    document = plain(model)
    for place, odd in changes:
        places = [*_places(document)]
        holder, key = places[place % len(places)]
        holder[key] = copy.deepcopy(odd)
    body = write_json(document)
    read, as_before = read_answer(body, model), read_plainly(body, model)
    assert repr(read) == repr(as_before)
    assert unstructure(read) == unstructure(as_before)  # type: ignore[arg-type]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give where each value of JSON stands: what holds it, and its key; and one key that is not there."""
    if isinstance(value, dict):
        yield value, "unheardOf"
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from _places(inner)


@pytest.mark.parametrize("model", ANSWERS, ids=lambda it: it.__name__)
def test_what_is_as_it_is_published_fits_its_shape(model: Any) -> None:
    """Also with something unknown in it, only more slowly; this is what the speed is of."""
    its = shape(model)
    body = write_json(plain(model))
    assert type(read_json(body, its)) is its
    assert type(read_json(body[:-1] + b',"unheardOf":1}', its)) is dict


def test_what_does_not_fit_is_tried_ever_less_often() -> None:
    """It is read twice; an API that says more than its models know must not cost that with each answer."""
    tries = 0
    for _ in range(1000):
        tries += shapes.worth_trying(OrderDetailB2B) is not None
        read_answer(b'{"unheardOf":1}', OrderDetailB2B)
        if shapes._misfits[OrderDetailB2B][1] == 63:
            break
    before, tries = tries, 0
    assert before <= 7
    for _ in range(640):
        was_tried = shapes.worth_trying(OrderDetailB2B) is not None
        tries += was_tried
        if was_tried:
            shapes.tried(OrderDetailB2B, fits=False)
    assert tries == 10


def test_once_answers_fit_again_each_is_tried() -> None:
    for _ in range(3):
        shapes.tried(OrderDetailB2B, fits=False)
    while shapes.worth_trying(OrderDetailB2B) is None:
        pass
    assert read_answer(b'{"ingramOrderNumber":"20-RD3QV"}', OrderDetailB2B) is not None
    assert all(shapes.worth_trying(OrderDetailB2B) is not None for _ in range(100))


def test_a_part_that_did_not_come_as_its_shape_is_read_by_what_is_made_once() -> None:
    """Each took what makes a reader, too, by which a page was a seventh dearer."""

    def page(orders: int) -> bytes:
        return write_json({"orders": [{"links": {"topic": "orders"}}] * orders})

    model = models.OrderSearchResponse
    read_answer(page(1), model)  # makes the readers
    assert type(read_json(page(1), shape(model))) is shape(model)
    _, ten = calls_of(read_answer, page(10), model)
    _, twenty = calls_of(read_answer, page(20), model)
    assert twenty - ten <= 10 * 6


@define(kw_only=True)
class WithRequest(AnswerModel):
    """Holds a part of a request, which is frozen."""

    attribute: models.Attribute | None = None
    attributes: tuple[models.Attribute, ...] = ()


def refuse(_: Any, __: Any, value: Any) -> None:
    if value is not None:
        raise ValueError("not here")


@define(kw_only=True)
class Refusing(AnswerModel):
    """Refuses what it is given."""

    ship_to_info: models.CreatedShipTo | None = field(default=None, validator=refuse)


class Market(Enum):
    US = "US"


@define(kw_only=True)
class Foreign(AnswerModel):
    """Has types that none of our models has, and that cattrs knows."""

    weight: float | None = None
    market: Market | None = None
    kind: Literal["a", "b"] | None = None
    markets: tuple[Market, ...] = ()
    anything: Any = None


@pytest.mark.parametrize(
    ("model", "document", "left_over"),
    [
        (WithRequest, b'{"attribute":{"attributeName":"a"},"attributes":[{"attributeName":"b"}]}', {}),
        (Refusing, b'{"shipToInfo":{"name1":"a"}}', {"shipToInfo": {"name1": "a"}}),
        (Foreign, b'{"weight":1.5,"market":"US","kind":"a","markets":["US"],"anything":[{"a":1}]}', {}),
        (Foreign, b'{"weight":"heavy","market":"DE","kind":"c"}', {"weight": "heavy", "market": "DE", "kind": "c"}),
        (Foreign, b'{"weight":[],"market":{},"markets":["DE"]}', {"weight": [], "market": {}, "markets": ["DE"]}),
    ],
)
def test_what_a_derived_model_holds_is_the_same(model: Any, document: bytes, left_over: dict[str, Any]) -> None:
    read: AnswerModel | None = read_answer(document, model)
    assert read is not None
    assert repr(read) == repr(read_plainly(document, model))
    assert read.extra == left_over


THREADS = """
import sys, threading
sys.setswitchinterval(1e-5)
from ingram_orders import exact_json, shapes
from ingram_orders.converters import read_answer
from ingram_orders.generated import shaped_reader
from ingram_orders.models import OrderDetailB2B
body = b'{"ingramOrderNumber":"20-RD3QV","lines":[{"quantity":1,"links":[{"topic":"a"}]}],"shipToInfo":{"city":"b"}}'
told = set()
def read(barrier):
    barrier.wait()
    told.add(repr(read_answer(body, OrderDetailB2B)))
for _ in range(30):
    for cache in shapes._shapes, shapes._misfits:
        cache.clear()
    for function in exact_json._fast_decoders, shaped_reader:
        function.cache_clear()
    barrier = threading.Barrier(8)
    threads = [threading.Thread(target=read, args=(barrier,)) for _ in range(8)]
    for it in threads: it.start()
    for it in threads: it.join()
import json
print(json.dumps(len(told)))
"""


def test_threads_that_come_first_read_the_same() -> None:
    """What msgspec keeps of a struct was unfinished to the others, of which the interpreter crashed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    ran = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == 1
