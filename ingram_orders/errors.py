"""
The errors, one tree, branching by what a caller can do about it.

    IngramError
    ├── ConfigurationError        mend the settings; nothing was sent
    ├── InvalidRequestError       mend the request: every problem of it is told; nothing was sent
    ├── ConnectionFailedError     try again: nothing of the request was sent
    ├── ConnectionLostError       try again: it was a read, and no whole answer came
    ├── OutcomeUnknownError       find out: a write was sent, whether it took effect is not known
    ├── DeadlineExceededError     allow more time: nothing was sent, or it was a read
    ├── UnreadableAnswerError     look at the body: a read got a 2xx that cannot be read
    ├── OrderEndedError           look at the order: it came to an end other than the one that was waited for
    ├── WebhookError              turn the event away, with its `status`
    │   ├── SignatureError        401: it is not signed with a secret of yours
    │   ├── UnreadableEventError  400: it is no event
    │   │   └── EventTooLargeError    413
    │   ├── DuplicateEventError   200: it was delivered before
    │   └── InboxFullError        503: too many wait to be dealt with
    └── ApiError                  read the refusal
        ├── OrderRefusedError     2xx, and yet nothing was ordered: every line was rejected
        ├── BadRequestError       400
        │   └── DuplicateOrderError   the purchase order number was used before
        ├── AuthenticationError   401, and refused credentials
        ├── PermissionDeniedError 403
        ├── NotFoundError         404
        ├── NotOnHoldError        405: only an order on customer hold can be changed or cancelled
        ├── RateLimitedError      429, and any 4xx that names the quota
        └── ServerError           5xx

No message, `repr` or log line of these shows a token or a secret. All of them pickle and copy.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from reprlib import Repr
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, quote_plus

from attrs import evolve, fields, frozen

if TYPE_CHECKING:
    from ingram_orders.journal import OpenPlacement
    from ingram_orders.models import FoundOrder, OrderDetailB2B, OrderStatus
    from ingram_orders.webhooks import OrderFailedEvent


class IngramError(Exception):
    """Anything that this library raises for what went wrong."""

    cursor: str | None = None
    """Of an iteration over pages: where to go on, by `paginate(start=...)`; `None` elsewhere."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle by calling their class with `args`, which keyword-only facts do not survive.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[IngramError], args: tuple[object, ...], facts: dict[str, object]) -> IngramError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(facts)
    return error


class ConfigurationError(IngramError):
    """Settings are missing or contradictory, or the client was used where it cannot be. Nothing was sent."""


class InvalidRequestError(IngramError):
    """The request, or what was given to `structure`, cannot be right. Nothing was sent."""

    problems: tuple[str, ...]
    """Everything that is wrong with it, one text each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,), self.__dict__


class ConnectionFailedError(IngramError):
    """Nothing of the request was sent: refused, no such host, TLS failed, or no token was to be had."""

    is_certificate: bool = False
    """Whether it was the server's certificate that is not to be trusted: trying again does not help."""
    retry_after: float | None = None
    """Seconds until another token may be asked for; `None` where it was not for want of one."""


class ConnectionLostError(IngramError):
    """A read was sent and no whole answer came. Reading has no effect, so it can be tried again."""


class OutcomeUnknownError(IngramError):
    """
    A write was sent, and whether it took effect is not known.

    Do not just send it again: look first whether the order is there, or has changed; `OrdersClient.resolve` does.
    """

    operation: str
    """The name of the operation, e.g. `create`."""
    order_number: str | None
    """The Ingram order number that was to be changed; `None` for creates."""
    customer_order_number: str | None
    """The purchase order number that was to be created; `None` where there was none."""
    correlation_id: str
    values: Mapping[str, object]
    """What was set on the request, by the setters' names, the client's defaults included."""
    sent_at: datetime | None = None
    """When it was first sent such that it may have taken effect, in UTC: by the API's clock, where it has told that."""
    status: int | None
    """The HTTP status, where an answer came; `None` where none did."""
    body: bytes
    """What came of an answer, perhaps cut short; `b""` where nothing did."""
    orders: "tuple[FoundOrder, ...]" = ()
    """After `OrdersClient.place`: orders with this purchase order number that may, or may not, be this one."""

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        correlation_id: str,
        order_number: str | None = None,
        customer_order_number: str | None = None,
        values: Mapping[str, object] | None = None,
        status: int | None = None,
        body: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.order_number = order_number
        self.customer_order_number = customer_order_number
        self.correlation_id = correlation_id
        self.values = values or {}
        self.status = status
        self.body = body


class DeadlineExceededError(IngramError):
    """The time was up, and nothing was sent or it was a read."""

    retry_after: float | None
    """Seconds until the API would take the request again, where that is known."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnreadableAnswerError(IngramError):
    """A read got a 2xx whose body cannot be read as what it should be."""

    status: int
    body: bytes
    """The body as it came, cut at the size limit."""
    correlation_id: str

    def __init__(self, message: str, *, status: int, body: bytes, correlation_id: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.correlation_id = correlation_id


class OrderEndedError(IngramError):
    """An order came to a final status that was not waited for: it was cancelled, say, before it was shipped."""

    status: "OrderStatus"
    """In which it ended."""
    order: "OrderDetailB2B | None"
    """The order as it was seen then."""

    def __init__(self, message: str, *, status: "OrderStatus", order: "OrderDetailB2B | None" = None) -> None:
        super().__init__(message)
        self.status = status
        self.order = order


class WebhookError(IngramError):
    """Something was posted to you that is not to be taken as an event of the API, or not now."""

    status: ClassVar[int] = 400
    """The HTTP status with which to answer whoever posted it."""


class SignatureError(WebhookError):
    """It is not signed, or not with a secret of yours."""

    status = 401


class UnreadableEventError(WebhookError):
    """It is no JSON, or no event."""


class EventTooLargeError(UnreadableEventError):
    """It is more than is read of one."""

    status = 413


class DuplicateEventError(WebhookError):
    """It was delivered before, and is all right: the answer is 200, so that it does not come again."""

    status = 200
    event_id: str

    def __init__(self, message: str, *, event_id: str) -> None:
        super().__init__(message)
        self.event_id = event_id


class InboxFullError(WebhookError):
    """As many events wait to be dealt with as may; it was not kept."""

    status = 503


@frozen(kw_only=True)
class ErrorField:
    """What the API says is wrong with one field of a request."""

    field: str | None = None
    value: str | None = None
    message: str | None = None


@frozen(kw_only=True)
class ErrorDetail:
    """
    One error of an answer. The published shape, into which all that occur are folded.

    Source: `ErrorResponse`, openapispec of 2025-11, and the gateway's own shapes.
    """

    id: str | None = None
    """The API's own id of the error (`traceid` in v7); Ingram's support asks for it."""
    type: str | None = None
    """A path such as `/errors/validation-failed`, or a gateway's error code."""
    message: str | None = None
    fields: tuple[ErrorField, ...] = ()


class ApiError(IngramError):
    """The API refused; plain for a redirect and for a 4xx that has no class of its own."""

    status: int
    errors: tuple[ErrorDetail, ...]
    """What the API said; `()` where the body was empty or could not be read."""
    correlation_id: str
    body: bytes
    """The body as it came, cut at the size limit, with any secret of ours blotted out."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        errors: tuple[ErrorDetail, ...] = (),
        correlation_id: str = "",
        body: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.errors = errors
        self.correlation_id = correlation_id
        self.body = body


class BadRequestError(ApiError):
    """400: something in the request is wrong; `errors` says what."""


class DuplicateOrderError(BadRequestError):
    """The purchase order number was used before, and the request did not allow a duplicate."""

    orders: "tuple[FoundOrder, ...]" = ()
    """
    After `OrdersClient.place`: the orders found with that number. Where they were found before anything was sent,
    nothing was: `errors` is empty, and `status` 400 is what the API would have said.
    """


class OrderRefusedError(ApiError):
    """
    The API took the order in and ordered nothing of it. Raised by `OrdersClient.place`, where every line was rejected
    (a bare `create()` gives the answer, with its `rejected_line_items`), and by `OrdersClient.place_v7`, where an event
    said so and no search found it.
    """

    event: "OrderFailedEvent | None" = None
    """What said so, of a v7 create; then `status` is 200, which the create was answered, and `body` empty."""
    placement: "OpenPlacement | None" = None
    """Of a v7 create: what to give to `OrderJournal.discard` before the same order can be placed again."""


class AuthenticationError(ApiError):
    """401, also with a fresh token; or the token endpoint refused the credentials."""


class PermissionDeniedError(ApiError):
    """403: the credentials are good, but not for this."""


class NotFoundError(ApiError):
    """404: there is no such order."""


class NotOnHoldError(ApiError):
    """405: the order is not on customer hold, so it cannot be changed or cancelled."""


class RateLimitedError(ApiError):
    """429, or a 4xx that names the quota."""

    retry_after: float | None = None
    """Seconds until the API says to come back; `None` where it does not say."""


class ServerError(ApiError):
    """5xx, on a read. On a write it is `OutcomeUnknownError`: the server may have acted before it failed."""


_short = Repr()
_short.maxstring = _short.maxother = _short.maxlong = 80


def brief(value: object) -> str:
    """Show a value in a message, cut where it grows long; how large it is does not matter."""
    try:
        text = _short.repr(value)
    except (ValueError, RecursionError):  # more digits, or more depth, than Python writes
        name = type(value).__name__
        text = f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def one_line(text: str, longest: int) -> str:
    """Fold white space and control characters, cut what is longer than *longest*, and escape half characters."""
    text = re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", text).strip()
    text = text.encode(errors="backslashreplace").decode()  # or whoever writes the message down would fail by it
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def describe(error: BaseException) -> str:
    """Tell an error of somebody else's in one line: its class and what it says, where it can be made to."""
    said = "it took too long" if isinstance(error, TimeoutError) else "no reason given"
    with suppress(Exception):
        said = one_line(str(error), 300) or said
    return f"{type(error).__name__}: {said}"


def blot_out(error: IngramError, secrets: Iterable[str]) -> None:
    """
    Take secrets out of an error, and out of its causes: a server may echo what it did not like.

    Errors of ours are changed. One of somebody else's is not; where it shows a secret, one that tells the same without
    it takes its place as the cause. A secret of under six characters is a test's, and would take half of the message
    with it.
    """
    forms = {form for secret in secrets if len(secret) >= 6 for form in _spellings(secret)}
    done: set[int] = set()
    while id(error) not in done:
        done.add(id(error))
        error.args = _blotted(error.args, forms)
        vars(error).update({name: _blotted(value, forms) for name, value in vars(error).items()})
        below = error.__context__ if error.__cause__ is None else error.__cause__
        if isinstance(below, IngramError):
            error = below
        elif below is not None:
            shown = _all_shown(below)
            if (blotted := _blotted(shown, forms)) != shown:
                error.__cause__ = error.__context__ = Exception(blotted)


def _spellings(secret: str) -> Iterator[str]:
    """Give the ways in which a server may write a secret: as it is, percent-encoded, escaped for JSON or HTML."""
    yield secret
    for encoded in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield encoded
        yield re.sub("%..", lambda hexadecimal: hexadecimal[0].lower(), encoded)
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    escaped = json.dumps(secret)[1:-1]
    yield escaped
    yield escaped.replace("/", "\\/")
    # As serializers write it that guard against HTML: all but letters, digits and a few marks by their numbers.
    numbered = "".join(it if re.fullmatch(r"[\w.~-]", it, re.ASCII) else f"\\u{ord(it):04x}" for it in secret)
    yield numbered
    yield re.sub(r"(?<=\\u)....", lambda hexadecimal: hexadecimal[0].upper(), numbered)


def _all_shown(error: BaseException) -> str:
    """Give all that an error, and what is behind it, might show."""
    shown, done = [], set()
    todo: list[object] = [error]
    while todo:
        each = todo.pop()
        if not isinstance(each, BaseException) or id(each) in done:
            continue
        done.add(id(each))
        for show in (repr, str, vars):
            with suppress(Exception):  # somebody else's, which may fail at anything
                shown.append(str(show(each)))
        todo += [each.__cause__, each.__context__]
        with suppress(Exception):
            todo += getattr(each, "exceptions", ())
    return "; ".join(dict.fromkeys(shown))


def _blotted(value: Any, forms: Iterable[str]) -> Any:
    if isinstance(value, str):
        for form in forms:
            value = value.replace(form, "***")
    elif isinstance(value, bytes):
        for form in forms:
            value = value.replace(form.encode(), b"***")
    elif type(value) is tuple:
        return tuple(_blotted(item, forms) for item in value)
    elif isinstance(value, ErrorDetail | ErrorField):
        return evolve(value, **{each.name: _blotted(getattr(value, each.name), forms) for each in fields(type(value))})
    return value
