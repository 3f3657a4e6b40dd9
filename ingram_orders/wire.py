"""Requests to bytes and bytes to answers; touches no socket."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeGuard, get_args
from urllib.parse import quote, urlencode

from attrs import field, frozen

from ingram_orders import converters
from ingram_orders.builder import Body, Header, Query, Request, TextParameter
from ingram_orders.errors import (
    AuthenticationError,
    ConnectionFailedError,
    IngramError,
    InvalidRequestError,
    OutcomeUnknownError,
    RateLimitedError,
    UnreadableAnswerError,
    one_line,
)
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.models import RequestModel
from ingram_orders.oauth import Token
from ingram_orders.operations import OrdersRequest
from ingram_orders.refusals import error_class, error_details, retry_after, told


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
    values: Mapping[str, object] = field(repr=False)
    """What was set, by the setters' names, the client's defaults included."""

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
            values=self.values,
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
        values=values,
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
    text = f"the answer ({status}, {len(body)} bytes) cannot be read: {one_line(why, 200)}"
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


def refusal(out: Outgoing, status: int, headers: Mapping[str, str], body: bytes) -> IngramError:
    """Make the error that an answer other than 2xx is. Never raises, whatever the body holds."""
    errors = error_details(body)
    said = told(errors) or "no reason given"
    if out.writes and (status == 408 or not 400 <= status < 500):
        return out.outcome_unknown(f"the answer was {status}: {said}", status=status, body=body)
    error = error_class(status, errors)(
        f"{status} {out.route}: {said} ({out.subject})",
        status=status,
        errors=errors,
        correlation_id=out.correlation_id,
        body=body,
    )
    if isinstance(error, RateLimitedError):
        error.retry_after = retry_after(headers)
    return error


# ── The token ───────────────────────────────────────────────────────────────────────────────────────────────────────

UNTOLD_LIFETIME: Final = 1800.0
"""Seconds for which a token is used whose answer does not say; a 401 ends it earlier."""


def encode_token(client_id: str, client_secret: str) -> bytes:
    """Write the form that asks for a token. The secrets go in the body: URLs end up in logs."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    return urlencode(form).encode("ascii")


def decode_token(status: int, headers: Mapping[str, str], body: bytes) -> Token:
    """
    Read the token endpoint's answer. What it says when it refuses is told, with secrets blotted out by the caller;
    what it says when it grants is a secret, and is not.

    Raises:
        AuthenticationError: It refused the credentials (400, 401 or 403).
        ConnectionFailedError: It gave no token: nothing can be sent.
    """
    if status in {400, 401, 403}:
        errors = error_details(body)
        said = told(errors) or "no reason given"
        raise AuthenticationError(
            f"{status} from the token endpoint: {said}; are client_id and client_secret right?",
            status=status,
            errors=errors,
            body=body,
        )
    if not 200 <= status < 300:
        failed = ConnectionFailedError(f"no token was to be had: the token endpoint answered {status}")
        failed.retry_after = retry_after(headers)
        raise failed
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
