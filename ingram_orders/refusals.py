"""What the API says when it refuses: in its error bodies, of every shape that is known, and in its headers."""

import itertools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from ingram_orders.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    DuplicateOrderError,
    ErrorDetail,
    ErrorField,
    NotFoundError,
    NotOnHoldError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    one_line,
)
from ingram_orders.exact_json import read_json

LONGEST_WAIT: Final = 3600.0
"""Seconds; a hint to come back later than that is cut to it."""

_BY_STATUS: Final[Mapping[int, type[ApiError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: NotOnHoldError,
    408: ServerError,
    429: RateLimitedError,
}

_MOST_ERRORS: Final = 100
"""Of one answer, and fields of one error, that are told; all of them are in its body."""

# The API spells them so; the first that is there counts.
_ID: Final = ("id", "traceid", "traceId")
_TYPE: Final = ("type", "1ype", "errorcode", "faultcode", "error")
_MESSAGE: Final = ("message", "messaage", "faultstring", "error_description")


def is_granted(status: int) -> bool:
    """Whether a status is one of success."""
    return 200 <= status < 300


def error_class(status: int, errors: tuple[ErrorDetail, ...]) -> type[ApiError]:
    """Give the error that a refusal is, by its status and by what was said; values that it echoes say nothing."""
    told = [(error.type, error.message, *(field.message for field in error.fields)) for error in errors]
    words = " ".join(filter(None, itertools.chain.from_iterable(told))).casefold()
    if 400 <= status < 500 and ("quota limit exceed" in words or "too many requests" in words):
        return RateLimitedError
    if status == 400 and "customer-po-exists" in words:
        return DuplicateOrderError
    return _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)


def told(errors: tuple[ErrorDetail, ...]) -> str:
    """Tell errors in one line, for a message; `""` where they say nothing."""
    return one_line("; ".join(_told(error) for error in errors), 500)


def error_details(body: bytes) -> tuple[ErrorDetail, ...]:
    """Read what an error's body says, in every shape that is known; `()` where it says nothing readable."""
    try:
        data = read_json(body)
    except (ValueError, ArithmeticError, RecursionError):
        text = body[:2000].decode("utf-8", errors="replace").strip()
        return () if not text or text.startswith("<") else (ErrorDetail(message=one_line(text, 500)),)
    return errors_in(data)


def errors_in(data: object) -> tuple[ErrorDetail, ...]:
    """Read the same of a body that was read as JSON."""
    if isinstance(data, dict):
        data = data.get("errors") or data.get("fault") or data
    told = data[:_MOST_ERRORS] if isinstance(data, list) else [data]
    return tuple(_error_detail(item) for item in told if item)


def _error_detail(data: object) -> ErrorDetail:
    if not isinstance(data, dict):
        return ErrorDetail(message=_scalar(data))
    fields = data.get("fields")
    inner = data["detail"] if isinstance(data.get("detail"), dict) else {}
    return ErrorDetail(
        id=_first(data, _ID),
        type=_first(data, _TYPE) or _first(inner, _TYPE),
        message=_first(data, _MESSAGE),
        fields=tuple(
            ErrorField(**{name: _scalar(item.get(name)) for name in ("field", "value", "message")})
            for item in (fields[:_MOST_ERRORS] if isinstance(fields, list) else [fields])
            if isinstance(item, dict)
        ),
    )


def _first(data: Mapping[str, object], names: tuple[str, ...]) -> str | None:
    return next((text for name in names if (text := _scalar(data.get(name))) is not None), None)


def _scalar(value: object) -> str | None:
    return None if value is None or isinstance(value, dict | list) else str(value)


def _told(error: ErrorDetail) -> str:
    fields = [
        ": ".join(part for part in (field.field, field.message) if part)
        + (f" (was {field.value!r})" if field.value is not None else "")
        for field in error.fields
    ]
    return " ".join(part for part in (error.message or error.type, f"[{', '.join(fields)}]" if fields else "") if part)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """
    Read when to come back, in seconds from now, at most an hour; `None` where nothing readable says so.

    `Retry-After` is seconds or a date. `X-RateLimit-Reset` is a point in time in epoch seconds, which the portal says,
    or milliseconds, which a client reads; its size tells. Both points are taken against the same answer's `Date`, so
    that a wrong clock on either side does no harm.
    """
    now = http_date(headers.get("Date", "")) or datetime.now(UTC)
    hint, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    if re.fullmatch(r"[0-9]{1,300}", hint, re.ASCII):
        seconds = float(hint)
    elif later := http_date(hint):
        seconds = (later - now).total_seconds()
    elif re.fullmatch(r"[0-9]{1,15}", reset, re.ASCII):
        seconds = (int(reset) / 1000 if int(reset) > 10**11 else int(reset)) - now.timestamp()
    else:
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def http_date(text: str) -> datetime | None:
    """Read a point in time as headers write it; `None` where it cannot be read."""
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return then if then.tzinfo else then.replace(tzinfo=UTC)
