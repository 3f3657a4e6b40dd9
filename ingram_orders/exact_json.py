"""JSON whose numbers say exactly what they say: bytes to data and back."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from json.scanner import py_make_scanner  # type: ignore[attr-defined]  # typeshed knows only the one in C
from typing import Any, Final

LONG_BODY: Final = 2**16
"""
Bytes from which on a body is to be read in a thread: at worst, as many hold the loop for some fifty milliseconds.
"""

_MANY: Final = 50_000
_LARGE: Final = 2**20
"""
Values, and bytes, of a document from which on it is read by a scanner that is written in Python. The one in C keeps the
interpreter to itself until it is done, and so the loop from its turns.
"""

_MOST: Final = 1_000_000
"""Values and escapes that are read at most: the garbage collector alone goes through what more become for too long."""

_LONGEST_NUMBER: Final = 4_300
"""Characters of a number that are read at most; Python's own limit for whole ones."""


def read_json(body: bytes) -> Any:
    """
    Read JSON with exact numbers, in any of its encodings, with or without a byte order mark.

    `NaN` and its like, which are not JSON, become text. Of a repeated key the last counts. A long document is to be
    read in a thread; the loop has its turns meanwhile, but for some tenths of a second in a body of 60 MiB.

    Raises:
        ValueError, ArithmeticError, RecursionError: It is not JSON, or not within Python's bounds, or holds a million
            values.
    """
    try:
        return _read(body)
    except ValueError as exc:  # json's own hold the whole document, and decoders' all of the bytes
        wrong = str(exc)
    raise ValueError(wrong)


def read_document(body: bytes) -> Any:
    """
    Read JSON that somebody wrote to be sent: as `read_json`, but what a server might read otherwise is refused.

    Raises:
        ValueError, ArithmeticError, RecursionError: It is not JSON, or not within Python's bounds; a key is repeated.
    """
    return json.loads(body, parse_float=_decimal, parse_constant=_no_json, object_pairs_hook=_once)


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return read


def _read(body: bytes) -> Any:
    if len(body) < LONG_BODY:
        return json.loads(body, parse_float=Decimal, parse_constant=str)
    values = sum(map(body.count, (b",", b"[", b"{", b"\\")))  # or more, by those in texts
    if values > _MOST:
        raise ValueError(f"it holds more than {_MOST:,} values")
    decoder = _FairDecoder if values > _MANY or len(body) > _LARGE else json.JSONDecoder
    return json.loads(body, parse_float=_decimal, parse_int=_int, parse_constant=str, cls=decoder)


def _decimal(text: str) -> Decimal:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"it holds a number of {len(text)} characters")
    return Decimal(text)


def _int(text: str) -> int:
    return int(text)  # in Python, so that others may have a turn between two of 4,300 digits


class _FairDecoder(json.JSONDecoder):
    """
    Lets other threads have their turns; a tenth as fast.

    Reads what the other does, but for lists nested deeper than some hundreds, which are a `RecursionError` earlier.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.scan_once = py_make_scanner(self)


def write_json(value: object, *, as_read: bool = False) -> bytes:
    """
    Write JSON in which every number says exactly its value.

    The standard library writes a `Decimal` only by way of a float, or of text.

    Args:
        value: What to write.
        as_read: Whether what `read_json` gave is to be the same again after `read_again`, down to how a number is
            written: a `1E+2` where a text should be is the text "1E+2", and not "100".

    Raises:
        ValueError: Something in it is not JSON, or not a finite number.
        RecursionError: It is nested deeper than Python goes.
    """
    parts: list[str] = []
    _write(value, parts.append, _number_as_read if as_read else _json_number)
    return "".join(parts).encode("ascii")


def read_again(text: str) -> Any:
    """Read what `write_json` wrote of what was read before, and so is within bounds; what is long, in a thread."""
    return json.loads(text, parse_float=Decimal)


def _write(value: object, put: Callable[[str], None], number: Callable[[float | Decimal], str]) -> None:
    if isinstance(value, str):
        put(encode_basestring_ascii(value))
    elif value is None or isinstance(value, bool):
        put("null" if value is None else "true" if value else "false")
    elif isinstance(value, int | Decimal | float):
        put(number(value))
    elif isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101  # the former is far faster
        comma = "{"
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {key!r} is not text")
            put(f"{comma}{encode_basestring_ascii(key)}:")
            _write(item, put, number)
            comma = ","
        put("{}" if comma == "{" else "}")
    elif isinstance(value, list | tuple):
        comma = "["
        for item in value:
            put(comma)
            _write(item, put, number)
            comma = ","
        put("[]" if comma == "[" else "]")
    else:
        raise ValueError(f"{value!r} is not JSON")


def _json_number(value: float | Decimal) -> str:
    if isinstance(value, int):
        return int.__repr__(value)
    number = value if isinstance(value, Decimal) else Decimal(float.__repr__(value))
    if not number.is_finite():
        raise ValueError(f"{value} is not a finite number")
    # 1E+2 is JSON too, but a hundred is better understood; a giant exponent is not written out.
    return f"{number:f}" if abs(number.adjusted()) < 32 else str(number)


def _number_as_read(value: float | Decimal) -> str:
    if not isinstance(value, Decimal) or not value.is_finite():
        return _json_number(value)
    text = str(value)
    return text if "." in text or "E" in text else f"{text}E0"  # or it would be read as a whole number
