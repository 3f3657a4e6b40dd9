"""Requests to bytes and bytes to answers; touches no socket."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeGuard, get_args
from urllib.parse import quote, urlencode

from attrs import define, field

from ingram_orders import checking, converters
from ingram_orders._version import __version__
from ingram_orders.builder import Header, Request
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
from ingram_orders.models.shared import RequestModel
from ingram_orders.oauth import Token
from ingram_orders.operations import OrdersRequest
from ingram_orders.refusals import error_class, error_details, is_granted, retry_after, told

_is_plain: Final = re.compile(r"[A-Za-z0-9_.~ -]*").fullmatch
"""What stands in a path or query as it is (RFC 3986), and blanks."""

_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
"""Visible ASCII, and some of it."""


HEADERS: Final[Mapping[str, str]] = {"Accept": "application/json", "User-Agent": f"ingram-orders/{__version__}"}
"""What is sent with everything, the request for a token included."""

_ID: Final = OrdersRequest.im_correlation_id
"""By what each call is named."""


class Defaults:
    """What requests are sent with that set nothing else: checked and written once, and not with every call."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)
        """By the setters' names; of what every operation has."""
        self.given = frozenset({*values, _ID.name})  # an id is made for each call
        """The names of what a request need not set."""
        self.headers = dict(HEADERS)
        """What every request is sent with: those of the values in which nothing is wrong among them."""
        self.wrong: list[str] = []
        """What is wrong with others."""
        for param in OrdersRequest.params():  # what every operation has; nothing else has a default
            if isinstance(param, Header) and param.name in values:
                wrong: list[str] = []
                texts = param.form.texts(values[param.name], wrong)
                self.wrong += wrong
                if not wrong:
                    [self.headers[param.wire_name]] = texts

    def values_of(self, request: Request[Any], correlation_id: str) -> dict[str, Any]:
        """Give all that a request says, by the setters' names: these, and the id, where it says nothing itself."""
        return request.values_over({**self.values, _ID.name: correlation_id})


@define(kw_only=True)  # and not frozen: one is made with each call, and that would take twice the time
class Outgoing:
    """A request, ready to be sent: everything but host and token."""

    request: OrdersRequest[Any] = field(eq=False, repr=False)
    defaults: Defaults = field(eq=False, repr=False)
    route: str
    """Method and path without anything of the caller's, for logs and messages."""
    writes: bool
    """Whether sending it twice is not the same as once."""
    target: str
    """Path and query, percent-encoded, below the base URL."""
    answer: Any
    """See `OrdersRequest.answer`."""
    headers: Mapping[str, str]
    body: bytes | None = field(repr=False)
    correlation_id: str

    @property
    def values(self) -> dict[str, Any]:
        """What was set, by the setters' names, the client's defaults included."""
        return self.defaults.values_of(self.request, self.correlation_id)

    @property
    def order_number(self) -> str | None:
        """That of the order that is asked for, or changed."""
        return self.values.get("order_number")

    @property
    def customer_order_number(self) -> str | None:
        """That of the order in the body."""
        body = [self.values.get(param.name) for param in self.request.body]
        return getattr(body[0], "customer_order_number", None) if body else None

    @property
    def subject(self) -> str:
        """What tells this call from others, for messages: the order's number, where there is one, and the call's id."""
        number = self.order_number or self.customer_order_number
        return f"{f'order {number}, ' if number else ''}correlation id {self.correlation_id}"

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


def encode(request: Request[Any], defaults: Defaults, correlation_id: str) -> Outgoing:
    """
    Check a request as a whole, and write it.

    Args:
        request: Any of the operations.
        defaults: What is sent where the request itself says nothing.
        correlation_id: The same; 1 to 32 characters, all of them visible ASCII.

    Raises:
        InvalidRequestError: All problems of the request and of its body.
    """
    if not isinstance(request, OrdersRequest):
        raise TypeError(f"{request!r} is not an operation of the Orders API")
    wrong: list[str] = []
    in_path, in_query, in_headers = request.written(defaults.given, wrong)
    [param] = request.body or [None]
    model: Any = None
    if param is not None and param.name in request.values:
        model = request.values[param.name]
        wrong += param.problems(model)
    problems: list[str] = []
    if wrong or defaults.wrong:  # then all is told by its name
        problems = list(request.problems(defaults.values_of(request, correlation_id))) or wrong
    elif param is not None:
        problems = list(request.contradictions())
    if param is not None and isinstance(model, param.model):
        problems.extend(checking.problems(model, param.name))
    if problems:
        raise InvalidRequestError(problems)

    path, headers = request.path, {**defaults.headers, _ID.wire_name: correlation_id}
    headers.update(in_headers)
    for name, text in in_path:
        quoted = text.replace(" ", "%20") if _is_plain(text) else quote(text, safe="")
        path = path.replace(f"{{{name}}}", quoted)
    body = None
    if param is not None:
        headers["Content-Type"] = "application/json"
        # One that may be left out still goes out: a release sends an empty object.
        body = b"{}" if model is None else _written(model, param.name)
    answer = request.answer
    if request.writes and answer is not None:
        converters.make_ready(answer)  # or an order might be sent, and its answer lost to an import that fails
    return Outgoing(
        request=request,
        defaults=defaults,
        route=request.route,
        writes=request.writes,
        target=f"{path}?{_query(in_query)}" if in_query else path,
        answer=answer,
        headers=headers,
        body=body,
        correlation_id=headers[_ID.wire_name],
    )


def _query(said: list[tuple[str, str]]) -> str:
    if _is_plain("".join([text for _, text in said])):  # `quote` takes ten times as long to find so
        return "&".join([f"{name}={text}" for name, text in said]).replace(" ", "%20")
    return urlencode(said, quote_via=quote, safe="")


def _written(model: RequestModel, name: str) -> bytes:
    try:
        return write_json(converters.unstructure(model))
    except (ValueError, RecursionError) as wrong:
        raise InvalidRequestError([f"{name} cannot be written as JSON: {wrong}"]) from wrong


# ── Bytes to answers ────────────────────────────────────────────────────────────────────────────────────────────────


def decode(out: Outgoing, status: int, headers: Mapping[str, str], body: bytes) -> Any:
    """
    Read an answer that came whole: its model, or the error that it is.

    Raises:
        ApiError: The API refused, or a read was redirected.
        OutcomeUnknownError: A write met 408, a 5xx, a redirect, or a 2xx that cannot be read.
        UnreadableAnswerError: A read got a 2xx that cannot be read.
    """
    if not is_granted(status):
        raise refusal(out, status, headers, body)
    if out.answer is None:
        return None
    try:
        model, answer, is_blank = out.answer, None, not body.strip()
        if not is_blank:
            answer = converters.read_answer(body, model) if isinstance(model, type) else _array(body, model)
        if answer is None:
            answer = out.request.empty_answer(status)
        if answer is None:
            raise ValueError("it is empty" if is_blank else "it is null")
        return answer
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


def _array(body: bytes, model: Any) -> tuple[Any, ...] | None:
    """Read an array of models; one object alone is read as an array of one."""
    data = read_json(body)
    if data is None:
        return None
    element, _ = get_args(model)
    return tuple(converters.structure(item, element) for item in (data if isinstance(data, list) else [data]))


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
    if not is_granted(status):
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
    return isinstance(token, str) and _TOKEN.fullmatch(token) is not None


def _lifetime(expires_in: object) -> float:
    # A string when recorded ("86399"), a number on the portal.
    text = str(expires_in)
    seconds = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII) else 0.0
    return seconds or UNTOLD_LIFETIME
