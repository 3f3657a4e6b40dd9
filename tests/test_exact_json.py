"""JSON to data and back: no number is bent on the way, and a long document does not stop the loop."""

import json
import sys
from decimal import Decimal, localcontext
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.counting import calls_of
from support.strategies import json_values

from ingram_orders import exact_json
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


# ── With the extra `speed`, and without ─────────────────────────────────────────────────────────────────────────────

DOCUMENTS = {
    "whole numbers": b"[0, -0, 18446744073709551615, 18446744073709551616, -9223372036854775809, "
    + b"7" * 4_300
    + b"]",
    "too long a number": b"7" * 4_301,
    "numbers": b"[1.10, 0.0, -0.0, 1E+2, 1e400, 1e-400, 5E-324, 12345678901234567.5]",
    "a giant exponent": b"1E+1000000",
    "an exponent of twenty digits": b"1E+99999999999999999999",
    "no numbers": b"[NaN, Infinity, -Infinity]",
    "a key twice": b'{"b": 1, "a": 2, "\\u0062": 3}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "half a character": b'"\\ud83d"',
    "half a character, in UTF-8": b'"\xed\xa0\xbd"',
    "a whole one": b'"\\ud83d\\ude00"',
    "a long decimal": b"1." + b"1" * 5_000,
    "not UTF-8": b'"\xff"',
    "nested too deep": b"[" * 30_000,
    "nothing": b"",
    "something behind": b"{} x",
    "a comma too many": b"[1,]",
    "a line's end in a text": b'"a\nb"',
    "leading zeros": b"[01]",
    "long": b"[" + b" " * LONG_BODY + b"1.10, 7]",
    "long, with a long decimal": b"[" + b" " * LONG_BODY + b"1." + b"1" * 5_000 + b"]",
}


SPECIAL = b'0123456789.eE+-"\\u{}[],: \n\xed\xa0\x80'
"""Bytes that JSON makes something of."""


def read_both_ways(body: bytes) -> tuple[str, str]:
    """Give what is read, or the error, by whichever decoder there is, and by the standard library's."""
    told = []
    for is_fast in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not is_fast:
                patch.setattr(exact_json, "_fast_decoders", lambda *_: ())
            try:
                told.append(repr(read_json(body)))
            except (ValueError, ArithmeticError, RecursionError) as wrong:
                told.append(type(wrong).__name__ if isinstance(wrong, RecursionError) else repr(wrong))
    return told[0], told[1]


@pytest.fixture(scope="module")
def msgspec() -> Any:
    return pytest.importorskip("msgspec", reason="the extra `speed` is not installed")


@pytest.mark.usefixtures("msgspec")
def test_with_the_extra_speed_there_is_a_faster_decoder() -> None:
    assert exact_json.is_fast()


@pytest.mark.usefixtures("msgspec")
@pytest.mark.parametrize("body", DOCUMENTS.values(), ids=DOCUMENTS)
def test_what_is_read_is_the_same_with_the_extra_speed(body: bytes) -> None:
    with_speed, without = read_both_ways(body)
    assert with_speed == without


@pytest.mark.usefixtures("msgspec")
@given(json_values, st.lists(st.tuples(st.integers(0), st.sampled_from(SPECIAL)), max_size=4))
def test_what_is_read_is_the_same_with_the_extra_speed_for_any_bytes(
    value: Any, changes: list[tuple[int, int]]
) -> None:
    body = bytearray(write_json(value))
    for place, byte in changes:
        body[place % len(body)] = byte
    with_speed, without = read_both_ways(bytes(body))
    assert with_speed == without


@pytest.mark.parametrize("wrong", ["bends numbers", "takes no hook", "is not there"])
def test_a_decoder_that_is_not_exact_is_not_used(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some other package may need an old msgspec."""

    class Decoder:
        def __init__(self, **hooks: Any) -> None:
            if wrong == "takes no hook":
                raise TypeError("Decoder() got an unexpected keyword argument 'float_hook'")

        decode = staticmethod(json.loads)

    module = None if wrong == "is not there" else SimpleNamespace(json=SimpleNamespace(Decoder=Decoder))
    monkeypatch.setitem(sys.modules, "msgspec", module)
    assert exact_json._fast_decoders.__wrapped__(Decimal) == ()


@pytest.mark.parametrize("body", [b"{}", b"\xef\xbb\xbf{}", b"NaN", b"<html>"])
def test_whatever_a_faster_decoder_raises_the_standard_library_says_what_it_is(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of msgspec 0.19 were no `ValueError`, and came out of calls as they were."""

    class DecodeError(Exception):
        pass

    def decode(_: bytes) -> Any:
        raise DecodeError

    without = read_both_ways(body)[1]
    monkeypatch.setattr(exact_json, "_fast_decoders", lambda *_: (decode, decode))
    assert read_both_ways(body) == (without, without)


class Money(Decimal):
    """Shows itself as people write it."""

    def __str__(self) -> str:
        return f"${Decimal(self):,.2f}"


@pytest.mark.parametrize("capitals", [0, 1])
@pytest.mark.parametrize(
    ("value", "written"),
    [(Money("1234.005"), "1234.005"), (Money("1E+2"), "100"), (Decimal("1E+2"), "100"), (Decimal("1.10"), "1.10")],
)
def test_a_number_is_written_by_its_value_however_it_shows_itself(value: Decimal, written: str, capitals: int) -> None:
    with localcontext(capitals=capitals):
        assert write_json({"price": value, "prices": [value]}).decode() == f'{{"price":{written},"prices":[{written}]}}'


# ── What is long ────────────────────────────────────────────────────────────────────────────────────────────────────

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
    _, calls = calls_of(read_json, body)
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
