"""
JSON whose numbers say exactly what they say: bytes to data and back.

The standard library says what is JSON. With the extra `speed`, msgspec reads what it can, which is the same to the
letter and twice as fast, but for the very last level of nesting that Python can go; what it cannot read, the standard
library does, or refuses.
"""

import functools
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


def read_json(body: bytes, shape: Any = None) -> Any:
    """
    Read JSON with exact numbers, in any of its encodings, with or without a byte order mark.

    With the extra `speed` it is read into a *shape*, a type of msgspec, where one is given and the document fits.
    `NaN` and its like, which are not JSON, become text. Of a repeated key the last counts. A long document is to be
    read in a thread; the loop has its turns meanwhile, but for some tenths of a second in a body of 60 MiB.

    Raises:
        ValueError, ArithmeticError, RecursionError: It is not JSON, or not within Python's bounds, or holds a million
            values.
    """
    try:
        is_fair = False
        if is_long := len(body) >= LONG_BODY:
            values = sum(map(body.count, (b",", b"[", b"{", b"\\")))  # or more, by those in texts
            if values > _MOST:
                raise ValueError(f"it holds more than {_MOST:,} values")
            is_fair = values > _MANY or len(body) > _LARGE
        number = _decimal if is_long else Decimal
        if not is_fair:
            for decode in _fast_decoders(number, shape):
                try:
                    return decode(body)
                except Exception:  # noqa: S110  # of a small body, `suppress` would take a twentieth of the time
                    # It does not fit the shape; or it is of another encoding, with a lone surrogate, with NaN; or no
                    # JSON at all, which is told in one way. Whatever it raises: errors of msgspec 0.19 are no
                    # `ValueError`.
                    pass
        if not is_long:
            if body.startswith(b'{"'):  # as nearly always; so it is UTF-8, and begins here
                text = body.decode("utf-8", "surrogatepass")
                value, end = _EXACT.raw_decode(text)
                if not text[end:].strip(" \t\n\r"):
                    return value
            return _EXACT.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
        decoder = _FairDecoder if is_fair else json.JSONDecoder
        return json.loads(body, parse_float=number, parse_int=_int, parse_constant=str, cls=decoder)
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


@functools.cache
def _fast_decoders(number: Callable[[str], Decimal], shape: Any = None) -> tuple[Callable[[bytes], Any], ...]:
    """Give the decoders of the extra `speed` to try, one after another; none where it is not there, or not exact."""
    try:
        import msgspec

        decode = msgspec.json.Decoder(float_hook=number).decode
        if repr(decode(_INEXACT.encode())) != repr(_EXACT.decode(_INEXACT)):
            return ()
        return (decode,) if shape is None else (msgspec.json.Decoder(shape, float_hook=number).decode, decode)
    except Exception:  # it is not there, or of a kind that nobody knows
        return ()


def is_fast() -> bool:
    """Whether the extra `speed` is there, and exact."""
    return bool(_fast_decoders(Decimal))


_EXACT: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=str)

_INEXACT: Final = "[18446744073709551617, -0, 1.10, 1E+2]"
"""Numbers of which decoders are known to make others."""


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


_MOST_KEYS: Final = 1_000
_LONG_KEY: Final = 100
"""Keys that are kept as they are written, and characters from which on one is not."""

_LISTS: Final = (list, tuple)
_NUMBERS: Final = (int, Decimal, float)  # as a union, it would be made anew each time


class _Keys(dict[str, str]):
    """Keys as they are written, with their colon; the same few come again and again."""

    def __missing__(self, key: object) -> str:
        if not isinstance(key, str):
            raise ValueError(f"the key {key!r} is not text")
        written = f"{encode_basestring_ascii(key)}:"
        if len(self) < _MOST_KEYS and len(key) < _LONG_KEY:
            self[str.__str__(key)] = written
        return written


_keys: Final = _Keys()


def _write(value: object, put: Callable[[str], None], number: Callable[[float | Decimal], str]) -> None:
    if isinstance(value, str):
        put(encode_basestring_ascii(value))
    elif isinstance(value, dict):
        comma = "{"
        for key, item in value.items():
            kind = type(item)  # most are one of three, and are written here
            if kind is str:
                put(f"{comma}{_keys[key]}{encode_basestring_ascii(item)}")
            elif kind is int:
                put(f"{comma}{_keys[key]}{item}")
            elif kind is Decimal:
                put(f"{comma}{_keys[key]}{number(item)}")
            else:
                put(f"{comma}{_keys[key]}")
                _write(item, put, number)
            comma = ","
        put("{}" if comma == "{" else "}")
    elif isinstance(value, _LISTS):
        comma = "["
        for item in value:
            put(comma)
            _write(item, put, number)
            comma = ","
        put("[]" if comma == "[" else "]")
    elif value is None or isinstance(value, bool):
        put("null" if value is None else "true" if value else "false")
    elif isinstance(value, _NUMBERS):
        put(number(value))
    elif isinstance(value, Mapping):  # last, for it is the dearest question
        _write(dict(value.items()), put, number)
    else:
        raise ValueError(f"{value!r} is not JSON")


def _json_number(value: float | Decimal) -> str:
    if isinstance(value, int):
        return int.__repr__(value)
    number = value if isinstance(value, Decimal) else Decimal(float.__repr__(value))
    if not number.is_finite():
        raise ValueError(f"{value} is not a finite number")
    text = Decimal.__str__(number)  # a subclass may show itself otherwise, rounded or with a currency
    # 1E+2 is JSON too, but a hundred is better understood; a giant exponent is not written out.
    return f"{number:f}" if ("E" in text or "e" in text) and abs(number.adjusted()) < 32 else text


def _number_as_read(value: float | Decimal) -> str:
    if not isinstance(value, Decimal) or not value.is_finite():
        return _json_number(value)
    text = str(value)
    return text if "." in text or "E" in text else f"{text}E0"  # or it would be read as a whole number
