"""JSON to data and back: no number is bent on the way, and a long document does not stop the loop."""

import json
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.strategies import json_values

from ingram_orders.exact_json import LONG_BODY, read_again, read_json, write_json


@given(json_values)
def test_what_is_written_reads_back_as_it_was(value: Any) -> None:
    written = write_json(value)
    assert written.isascii()
    assert json.loads(written, parse_float=Decimal) == value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda it: st.lists(it) | st.dictionaries(st.text(), it)
    )
)
def test_what_the_standard_library_writes_we_write_alike(value: Any) -> None:
    assert write_json(value).decode() == json.dumps(value, separators=(",", ":"))


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
    | st.sampled_from(["NaN", "-Infinity"])
)
def test_a_number_that_was_read_is_the_same_again_down_to_its_form(text: str) -> None:
    """Its type and its digits: 1E+2 is no 100 where it stands for a text."""
    value = read_json(text.encode())
    again = read_again(write_json(value, as_read=True).decode())
    assert (type(again), str(again)) == (type(value), str(value))


def test_what_was_within_bounds_is_read_again_though_it_is_longer_now() -> None:
    told = read_json(b'"' + "é".encode() * 1_100_000 + b'"')
    assert read_again(write_json(told, as_read=True).decode()) == told


@pytest.mark.parametrize("as_read", [False, True])
@pytest.mark.parametrize("value", [float("nan"), float("-inf"), Decimal("NaN"), Decimal("sNaN"), {1}, b"x", {1: 2}])
def test_what_is_no_json_is_refused(value: Any, as_read: bool) -> None:
    with pytest.raises(ValueError, match=r"is not|number"):
        write_json([value], as_read=as_read)


MANY = {
    "numbers": b"[" + b",".join([b"1.25"] * 200_000) + b"]",
    "texts": b"[" + b",".join([b'"a"'] * 200_000) + b"]",
    "lists": b"[" + b",".join([b"[]"] * 100_000) + b"]",
    "nests": b"[" + b",".join([b"[" * 400 + b"]" * 400] * 500) + b"]",
    "objects in objects": b"[" + b",".join([b'{"a":' * 300 + b"1" + b"}" * 300] * 500) + b"]",
    "whole numbers": b"[" + b",".join([b"7" * 4_000] * 2_000) + b"]",
    "objects": b"[" + b",".join([b'{"a":1}'] * 100_000) + b"]",
}


@pytest.mark.parametrize("body", MANY.values(), ids=MANY)
def test_long_json_leaves_the_loop_its_turns(body: bytes) -> None:
    """
    Between two calls of Python functions others may have their turn, and so the loop; the standard library's scanner
    alone would make none until it is done. Counted, since how long a turn is late is a matter of the machine's load.
    """
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        read_json(body)
    finally:
        sys.setprofile(None)
    assert calls > sum(map(body.count, (b",", b"[", b"{"))) / 2


def test_json_is_read_alike_whatever_its_length_and_its_number_of_values() -> None:
    document = b'{"a": [1, 1.10, 1e5, -0, true, null, "x", {"b": {}}], "n": NaN, "a2": 123456789012345678901234567890}'
    many = b"[" + document + b"," + b",".join([b"1"] * 60_000) + b"]"
    assert repr(read_json(document)) == repr(read_json(document + b" " * LONG_BODY)) == repr(read_json(many)[0])


LARGE = {
    "not UTF-8": b'{"a": "' + b"\xff" * 2**21 + b'"}',
    "cut short": b'{"a": "' + b"x" * 2**21,
    "no JSON behind": b'{"a": "' + b"x" * 2**21 + b'"} x',
}


@pytest.mark.parametrize("body", LARGE.values(), ids=LARGE)
def test_the_error_for_what_is_no_json_does_not_hold_all_of_it(body: bytes) -> None:
    """Whoever shows such an error, or its cause, would go through all of the document."""
    with pytest.raises(ValueError, match=r".") as wrong:
        read_json(body)
    assert (wrong.value.__cause__, wrong.value.__context__) == (None, None)
    assert len(repr(wrong.value) + repr(vars(wrong.value))) < 500


TOO_MUCH = {
    "values": b"[" + b",".join([b"1"] * 1_000_002) + b"]",
    "lists": b"[" * 1_000_001,
    "escapes": b'["' + b"\\n" * 1_000_001 + b'"]',
    "digits": b"[" + b"1" * 70_000 + b"]",
    "decimals": b"[1." + b"1" * 70_000 + b"]",
}


@pytest.mark.parametrize("body", TOO_MUCH.values(), ids=TOO_MUCH)
def test_more_than_could_be_read_without_stopping_the_loop_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"holds more than|number of|4300"):
        read_json(body)
