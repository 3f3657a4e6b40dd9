"""The errors: one tree, and each survives a pickle and a copy with all its facts."""

import copy
import json
import pickle
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote_plus

import attrs
import pytest

from ingram_orders import FoundOrder, OrderCreateRequest, OrderDetailB2B, OrderStatus, errors
from ingram_orders.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    DeadlineExceededError,
    DuplicateEventError,
    DuplicateOrderError,
    ErrorDetail,
    ErrorField,
    EventTooLargeError,
    InboxFullError,
    IngramError,
    InvalidRequestError,
    NotFoundError,
    NotOnHoldError,
    OrderEndedError,
    OrderRefusedError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    SignatureError,
    UnreadableAnswerError,
    UnreadableEventError,
    WebhookError,
    blot_out,
    brief,
)

DETAILS: Final = (
    ErrorDetail(id="1", type="/errors/x", message="no", fields=(ErrorField(field="a", value="b", message="c"),)),
    ErrorDetail(),
)


AT: Final = datetime(2026, 6, 30, 12, tzinfo=UTC)


def api(kind: type[ApiError], **facts: Any) -> ApiError:
    error = kind("refused", status=400, errors=DETAILS, correlation_id="abc", body=b"\xff{}")
    for name, value in facts.items():
        setattr(error, name, value)
    return error


ERRORS: Final[list[IngramError]] = [
    IngramError("anything"),
    ConfigurationError("no customer number"),
    InvalidRequestError(["one; with a mark", "two"]),
    InvalidRequestError([]),
    ConnectionFailedError("refused"),
    ConnectionLostError("dropped"),
    OutcomeUnknownError("sent", operation="create", correlation_id="abc", customer_order_number="P", body=b"\x00"),
    OutcomeUnknownError("sent", operation="cancel", correlation_id="abc", order_number="20-RD3QV", status=503),
    OutcomeUnknownError("sent", operation="create", correlation_id="abc", values={"notes": OrderCreateRequest()}),
    DeadlineExceededError("late"),
    DeadlineExceededError("late", retry_after=2.5),
    OrderEndedError("cancelled", status=OrderStatus.CANCELLED, order=OrderDetailB2B(order_status="CANCELED")),
    WebhookError("no event"),
    SignatureError("not signed"),
    UnreadableEventError("no JSON"),
    EventTooLargeError("more than 5 bytes"),
    InboxFullError("5 events wait"),
    DuplicateEventError("again", event_id="N01"),
    UnreadableAnswerError("html", status=200, body=b"<html>", correlation_id="abc"),
    api(ApiError),
    api(BadRequestError),
    api(DuplicateOrderError, orders=(FoundOrder(ingram_order_number="20-A", ingram_order_date=AT),)),
    api(OrderRefusedError),
    api(AuthenticationError),
    api(PermissionDeniedError),
    api(NotFoundError),
    api(NotOnHoldError),
    api(RateLimitedError),
    api(RateLimitedError, retry_after=30.0),
    api(ServerError),
]
KINDS: Final = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, IngramError)]


def pickled(protocol: int) -> Callable[[Any], Any]:
    return lambda error: pickle.loads(pickle.dumps(error, protocol))


WAYS: Final[dict[str, Callable[[Any], Any]]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {protocol}": pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_copied_with_all_its_facts(error: IngramError, way: Callable[[Any], Any]) -> None:
    """Class, message and every fact, notes too, so that it can go to another process."""
    error = copy.copy(error)
    error.add_note("seen by the poller")
    same = way(error)
    assert type(same) is type(error)
    assert (str(same), same.args, same.__dict__) == (str(error), error.args, error.__dict__)
    assert same.__notes__ == ["seen by the poller"]


def test_every_error_is_looked_at_and_can_be_caught_as_one() -> None:
    """All there are have an example above, and are below `IngramError`."""
    assert {type(error) for error in ERRORS} == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "under"),
    [
        (DuplicateOrderError, BadRequestError),
        (BadRequestError, ApiError),
        (RateLimitedError, ApiError),
        (ServerError, ApiError),
        (OutcomeUnknownError, IngramError),
        (EventTooLargeError, UnreadableEventError),
        (InboxFullError, WebhookError),
    ],
)
def test_the_tree_branches_by_what_a_caller_can_do(kind: type[IngramError], under: type[IngramError]) -> None:
    """A write whose outcome is not known is no refusal, whatever its status."""
    assert issubclass(kind, under)
    assert not issubclass(OutcomeUnknownError, ApiError)


def test_an_invalid_request_tells_every_problem() -> None:
    """As a tuple for programs, and in the message for people."""
    error = InvalidRequestError(iter(["a is required", "b: 5 is not text"]))
    assert error.problems == ("a is required", "b: 5 is not text")
    assert str(error) == "a is required; b: 5 is not text"


# ── Secrets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

SECRET: Final = "a/se+cret \u00e9 that"


@attrs.frozen
class Frozen(Exception):
    text: str


class ReadOnly(Exception):
    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    @property
    def text(self) -> str:
        return self._text

    def __str__(self) -> str:
        return self._text


class Unshowable(Exception):
    def __str__(self) -> str:
        raise KeyError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    "echoed",
    [
        "ab/cd+ef-x&y<z", "ab%2fcd%2bef-x%26y%3cz", "ab%2Fcd%2Bef-x%26y%3Cz", "ab/cd%2Bef-x%26y%3Cz",
        "ab/cd+ef-x&amp;y&lt;z", "ab\\/cd+ef-x&y<z", "ab\\u002fcd\\u002bef-x\\u0026y\\u003cz",
        "ab\\u002Fcd\\u002Bef-x\\u0026y\\u003Cz",
    ],
)  # fmt: skip
def test_a_secret_is_found_however_a_server_may_write_it(echoed: str) -> None:
    ours = ConnectionLostError(f"bad client_secret={echoed}!")
    ours.body = f"bad client_secret={echoed}!".encode()  # type: ignore[attr-defined]
    blot_out(ours, ["ab/cd+ef-x&y<z"])
    assert (str(ours), ours.body) == ("bad client_secret=***!", b"bad client_secret=***!")  # type: ignore[attr-defined]


FOREIGN: Final[dict[str, BaseException]] = {
    "plain": ValueError(SECRET),
    "frozen": Frozen(SECRET),
    "a property": ReadOnly(SECRET),
    "of many": ExceptionGroup("many", [ValueError("x"), ValueError(SECRET)]),
    "unshowable": Unshowable(SECRET),
    "escaped": ValueError(quote_plus(SECRET)),
    "json": ValueError(json.dumps(SECRET)),
}


def shown_by(error: BaseException | None) -> str:
    shown = []
    while error is not None:
        shown += [*traceback.format_exception(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "".join(shown)


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("depth", [0, 2])
def test_a_secret_in_an_error_of_somebody_elses_is_not_shown_and_the_error_not_touched(
    foreign: BaseException, depth: int
) -> None:
    before = (foreign.args, dict(vars(foreign)))
    inner = foreign
    for _ in range(depth):
        outer = RuntimeError("around")
        outer.__cause__ = inner
        inner = outer
    ours = ConnectionLostError(f"lost: {SECRET}")
    ours.__cause__ = inner
    blot_out(ours, [SECRET, ""])
    assert str(ours) == "lost: ***"
    assert ours.__cause__ is not None
    for form in (SECRET, quote_plus(SECRET), json.dumps(SECRET)[1:-1]):
        assert form not in shown_by(ours)
    assert (foreign.args, dict(vars(foreign))) == before


def test_a_cause_that_shows_no_secret_stays_itself() -> None:
    ours, cause = ConnectionLostError("lost"), Frozen("harmless")
    ours.__cause__ = cause
    blot_out(ours, [SECRET])
    assert ours.__cause__ is cause


def test_secrets_are_taken_out_of_all_facts_of_all_of_ours() -> None:
    inner = api(ServerError)
    inner.errors, inner.body = (ErrorDetail(message=SECRET, fields=(ErrorField(value=SECRET),)),), SECRET.encode()
    ours = OutcomeUnknownError("x", operation="create", correlation_id="c", body=SECRET.encode())
    ours.__cause__ = inner
    blot_out(ours, [SECRET])
    assert ours.body == inner.body == b"***"
    assert inner.errors == (ErrorDetail(message="***", fields=(ErrorField(value="***"),)),)


def test_an_error_that_is_its_own_cause_is_walked_once() -> None:
    ours, other = ConnectionLostError(SECRET), ConnectionLostError(SECRET)
    ours.__cause__, other.__cause__ = other, ours
    blot_out(ours, [SECRET])
    assert (str(ours), str(other)) == ("***", "***")
    knot = ValueError("knot")
    knot.__cause__ = knot
    ours.__cause__ = knot
    blot_out(ours, [SECRET])
    assert ours.__cause__ is knot


def test_short_secrets_are_a_tests_and_stay() -> None:
    """To blot out every "s" would take half of the message with it."""
    ours = ConnectionLostError("some server said so")
    blot_out(ours, ["s", "serve"])
    assert str(ours) == "some server said so"


def _deep() -> list[Any]:
    inner: list[Any] = []
    for _ in range(100_000):
        inner = [inner]
    return inner


@pytest.mark.parametrize("value", [10**5000, _deep(), "x" * 100, {"k": "v" * 100}], ids=["long", "deep", "text", "map"])
def test_a_value_in_a_message_is_shown_in_brief(value: object) -> None:
    """Whatever it is, it can be shown, on one line of at most 80 characters."""
    assert len(brief(value)) <= 80
    assert "\n" not in brief(value)
