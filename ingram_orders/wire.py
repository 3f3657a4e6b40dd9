"""Requests to bytes and bytes to answers; touches no socket."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from json.encoder import encode_basestring_ascii
from typing import Any, Final, TypeGuard, get_args
from urllib.parse import quote, urlencode

from attrs import field, frozen

from ingram_orders import converters
from ingram_orders.builder import Body, Header, Query, Request, TextParameter
from ingram_orders.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    DuplicateOrderError,
    ErrorDetail,
    ErrorField,
    IngramError,
    InvalidRequestError,
    NotFoundError,
    NotOnHoldError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    UnreadableAnswerError,
)
from ingram_orders.models import RequestModel
from ingram_orders.oauth import Token
from ingram_orders.operations import OrdersRequest

LONG_BODY: Final = 2**16
"""
Bytes from which on a body is to be read in a thread: at worst, as many hold the loop for some fifty milliseconds. From
there on `read_json` lets the loop have its turns.
"""

LONGEST_WAIT: Final = 3600.0
"""Seconds; a hint to come back later than that is cut to it."""


@frozen(kw_only=True)
class Outgoing:
    """A request, ready to be sent: everything but host and token."""

    request: type[OrdersRequest[Any]]
    target: str
    """Path and query, percent-encoded, below the base URL."""
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)
    correlation_id: str
    order_number: str | None
    customer_order_number: str | None

    @property
    def route(self) -> str:
        """Method and path without anything of the caller's, for logs and messages."""
        return f"{self.request.method} {self.request.path}"

    @property
    def subject(self) -> str:
        """What tells this call from others, for messages: the order's number, where there is one, and the call's id."""
        number = self.order_number or self.customer_order_number
        return f"{f'order {number}, ' if number else ''}correlation id {self.correlation_id}"

    @property
    def writes(self) -> bool:
        """Whether sending it twice is not the same as once."""
        return self.request.writes

    def outcome_unknown(self, why: str, *, status: int | None = None, body: bytes = b"") -> OutcomeUnknownError:
        """Make the error for a write that was sent, and may have taken effect."""
        return OutcomeUnknownError(
            f"{self.route}: {why}; whether it took effect is not known, so look before sending it again "
            f"({self.subject})",
            operation=self.request.operation,
            order_number=self.order_number,
            customer_order_number=self.customer_order_number,
            correlation_id=self.correlation_id,
            status=status,
            body=body,
        )


# ── Requests to bytes ───────────────────────────────────────────────────────────────────────────────────────────────


def encode(request: Request[Any], defaults: Mapping[str, Any]) -> Outgoing:
    """
    Check a request as a whole, and write it.

    Args:
        request: Any of the operations.
        defaults: By setters' names, what is sent where the request itself says nothing.

    Raises:
        InvalidRequestError: All problems of the request and of its body.
    """
    if not isinstance(request, OrdersRequest):
        raise TypeError(f"{request!r} is not an operation of the Orders API")
    values = {**defaults, **request.values}
    document = _document(request, values)
    problems = list(request.problems(values))
    for name, model in document.items():
        problems.extend(converters.problems(model, name))
    if problems:
        raise InvalidRequestError(problems)

    path, headers = request.path, {"Accept": "application/json"}
    query: list[tuple[str, str]] = []
    for param in request.params():
        if isinstance(param, TextParameter) and param.name in values:
            texts = param.texts(values[param.name])
            if isinstance(param, Query):
                query.extend((param.wire_name, text) for text in texts)
            elif isinstance(param, Header):
                headers[param.wire_name] = texts[0]
            else:
                path = path.replace(f"{{{param.wire_name}}}", quote(texts[0], safe=""))
    body = _body(request, document)
    if body is not None:
        headers["Content-Type"] = "application/json"
    return Outgoing(
        request=type(request),
        target=f"{path}?{urlencode(query, quote_via=quote)}" if query else path,
        headers=headers,
        body=body,
        correlation_id=headers["IM-CorrelationID"],
        order_number=values.get("order_number"),
        customer_order_number=next((getattr(it, "customer_order_number", None) for it in document.values()), None),
    )


def _document(request: OrdersRequest[Any], values: Mapping[str, Any]) -> dict[str, RequestModel]:
    """Give the body that was set, by its setter's name; a wrong type is a problem of the parameter, told there."""
    return {
        param.name: values[param.name]
        for param in request.params()
        if isinstance(param, Body) and isinstance(values.get(param.name), param.model)
    }


def _body(request: OrdersRequest[Any], document: Mapping[str, RequestModel]) -> bytes | None:
    for name, model in document.items():
        try:
            return write_json(converters.unstructure(model))
        except (ValueError, RecursionError) as wrong:
            raise InvalidRequestError([f"{name} cannot be written as JSON: {wrong}"]) from wrong
    # A body that may be left out still goes out: a release sends an empty object.
    return b"{}" if any(isinstance(param, Body) for param in request.params()) else None


def write_json(value: object) -> bytes:
    """
    Write JSON in which every number says exactly its value.

    The standard library writes a `Decimal` only by way of a float, or of text.

    Raises:
        ValueError: Something in it is not JSON, or not a finite number.
    """
    return "".join(_json(value)).encode("ascii")


def _json(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield encode_basestring_ascii(value)
    elif value is None or isinstance(value, bool):
        yield "null" if value is None else "true" if value else "false"
    elif isinstance(value, int | Decimal | float):
        yield _json_number(value)
    elif isinstance(value, Mapping):
        comma = "{"
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {key!r} is not text")
            yield f"{comma}{encode_basestring_ascii(key)}:"
            yield from _json(item)
            comma = ","
        yield "{}" if comma == "{" else "}"
    elif isinstance(value, list | tuple):
        comma = "["
        for item in value:
            yield comma
            yield from _json(item)
            comma = ","
        yield "[]" if comma == "[" else "]"
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


# ── Bytes to answers ────────────────────────────────────────────────────────────────────────────────────────────────


def decode(out: Outgoing, status: int, headers: Mapping[str, str], body: bytes) -> Any:
    """
    Read an answer that came whole: its model, or the error that it is.

    Raises:
        ApiError: The API refused, or a read was redirected.
        OutcomeUnknownError: A write met 408, a 5xx, a redirect, or a 2xx that cannot be read.
        UnreadableAnswerError: A read got a 2xx that cannot be read.
    """
    if not 200 <= status < 300:
        raise refusal(out, status, headers, body)
    if out.request.answer is None:
        return None
    try:
        return _model(out, status, body)
    except (ValueError, ArithmeticError, RecursionError, InvalidRequestError) as exc:
        why = "nests too deep" if isinstance(exc, RecursionError) else str(exc) or type(exc).__name__
        raise unreadable(out, why, status, body) from exc


def unreadable(out: Outgoing, why: str, status: int, body: bytes) -> IngramError:
    """Make the error for a 2xx whose body cannot be read."""
    text = f"the answer ({status}, {len(body)} bytes) cannot be read: {_one_line(why, 200)}"
    if out.writes:
        return out.outcome_unknown(text, status=status, body=body)
    return UnreadableAnswerError(
        f"{out.route}: {text} ({out.subject})", status=status, body=body, correlation_id=out.correlation_id
    )  # fmt: skip


def _model(out: Outgoing, status: int, body: bytes) -> Any:
    data = read_json(body) if body.strip() else None
    if data is None:
        empty = out.request.empty_answer(status)
        if empty is None:
            raise ValueError("it is empty" if not body.strip() else "it is null")
        return empty
    model = out.request.answer
    if elements := get_args(model):  # an array; one object alone is read as an array of one
        return tuple(converters.structure(item, elements[0]) for item in (data if isinstance(data, list) else [data]))
    return converters.structure(data, model)


def read_json(body: bytes) -> Any:
    """
    Read JSON with exact numbers, in any of its encodings, with or without a byte order mark.

    `NaN` and its like, which are not JSON, become text. Of a repeated key the last counts.

    Raises:
        ValueError, ArithmeticError, RecursionError: It is not JSON, or not within Python's bounds.
    """
    if len(body) < LONG_BODY:
        return json.loads(body, parse_float=Decimal, parse_constant=str)
    # The standard library's scanner keeps the interpreter to itself until it is done; whenever it calls a function that
    # is written in Python, other threads have their turn.
    return json.loads(body, parse_float=_decimal, parse_int=_int, parse_constant=str, object_hook=_object)


def _decimal(text: str) -> Decimal:
    return Decimal(text)


def _int(text: str) -> int:
    return int(text)


def _object(members: dict[str, Any]) -> dict[str, Any]:
    return members


# ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────

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


def refusal(out: Outgoing, status: int, headers: Mapping[str, str], body: bytes) -> IngramError:
    """Make the error that an answer other than 2xx is. Never raises, whatever the body holds."""
    errors = error_details(body)
    said = _one_line("; ".join(_said(error) for error in errors), 500)
    message = f"{status} {out.route}: {said or 'no reason given'} ({out.subject})"
    if out.writes and (status == 408 or not 400 <= status < 500):
        return out.outcome_unknown(f"the answer was {status}: {said or 'no reason given'}", status=status, body=body)
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    words = said.casefold()
    if 400 <= status < 500 and ("quota limit exceed" in words or "too many requests" in words):
        kind = RateLimitedError
    elif kind is BadRequestError and "customer-po-exists" in words:
        kind = DuplicateOrderError
    error = kind(message, status=status, errors=errors, correlation_id=out.correlation_id, body=body)
    if isinstance(error, RateLimitedError):
        error.retry_after = retry_after(headers)
    return error


def error_details(body: bytes) -> tuple[ErrorDetail, ...]:
    """Read what an error's body says, in every shape that is known; `()` where it says nothing readable."""
    try:
        data = read_json(body)
    except (ValueError, ArithmeticError, RecursionError):
        text = body[:2000].decode("utf-8", errors="replace").strip()
        return () if not text or text.startswith("<") else (ErrorDetail(message=_one_line(text, 500)),)
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


def _said(error: ErrorDetail) -> str:
    fields = [
        ": ".join(part for part in (field.field, field.message) if part)
        + (f" (was {field.value!r})" if field.value is not None else "")
        for field in error.fields
    ]
    return " ".join(part for part in (error.message or error.type, f"[{', '.join(fields)}]" if fields else "") if part)


def _one_line(text: str, longest: int) -> str:
    text = re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", text).strip()
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def retry_after(headers: Mapping[str, str]) -> float | None:
    """
    Read when to come back, in seconds from now, at most an hour; `None` where nothing readable says so.

    `Retry-After` is seconds or a date. `X-RateLimit-Reset` is a point in time in epoch seconds, which the portal says,
    or milliseconds, which a client reads; its size tells. Both points are taken against the same answer's `Date`, so
    that a wrong clock on either side does no harm.
    """
    now = _http_date(headers.get("Date", "")) or datetime.now(UTC)
    hint, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    if re.fullmatch(r"[0-9]{1,15}", hint, re.ASCII):
        seconds = float(hint)
    elif later := _http_date(hint):
        seconds = (later - now).total_seconds()
    elif re.fullmatch(r"[0-9]{1,15}", reset, re.ASCII):
        seconds = (int(reset) / 1000 if int(reset) > 10**11 else int(reset)) - now.timestamp()
    else:
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _http_date(text: str) -> datetime | None:
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return then if then.tzinfo else then.replace(tzinfo=UTC)


# ── The token ───────────────────────────────────────────────────────────────────────────────────────────────────────

UNTOLD_LIFETIME: Final = 1800.0
"""Seconds for which a token is used whose answer does not say; a 401 ends it earlier."""


def encode_token(client_id: str, client_secret: str) -> bytes:
    """Write the form that asks for a token. The secrets go in the body: URLs end up in logs."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    return urlencode(form).encode("ascii")


def decode_token(status: int, body: bytes) -> Token:
    """
    Read the token endpoint's answer. What it says when it refuses is told, with secrets blotted out by the caller;
    what it says when it grants is a secret, and is not.

    Raises:
        AuthenticationError: It refused the credentials (400, 401 or 403).
        ConnectionFailedError: It gave no token: nothing can be sent.
    """
    if status in {400, 401, 403}:
        errors = error_details(body)
        said = _one_line("; ".join(_said(error) for error in errors), 500)
        raise AuthenticationError(
            f"{status} from the token endpoint: {said or 'no reason given'}; are client_id and client_secret right?",
            status=status,
            errors=errors,
            body=body,
        )
    if not 200 <= status < 300:
        raise ConnectionFailedError(f"no token was to be had: the token endpoint answered {status}")
    try:
        data = read_json(body)
    except (ValueError, ArithmeticError, RecursionError):
        data = None
    granted = data if isinstance(data, dict) else {}
    token = granted.get("access_token")
    if not is_token(token):
        raise ConnectionFailedError(f"no token was to be had: the token endpoint's answer ({status}) holds none")
    return Token(token, _lifetime(granted.get("expires_in")))


def is_token(token: object) -> TypeGuard[str]:
    """Whether it can stand in a header: visible ASCII, and some of it."""
    return isinstance(token, str) and re.fullmatch(r"[\x21-\x7e]+", token) is not None


def _lifetime(expires_in: object) -> float:
    # A string when recorded ("86399"), a number on the portal.
    text = str(expires_in)
    seconds = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII) else 0.0
    return seconds or UNTOLD_LIFETIME
