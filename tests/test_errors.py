"""The errors: one tree, and each survives a pickle and a copy with all its facts."""

import copy
import pickle
from collections.abc import Callable
from typing import Any, Final

import pytest

from ingram_orders import errors
from ingram_orders.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    DeadlineExceededError,
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
    brief,
)

DETAILS: Final = (
    ErrorDetail(id="1", type="/errors/x", message="no", fields=(ErrorField(field="a", value="b", message="c"),)),
    ErrorDetail(),
)


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
    DeadlineExceededError("late"),
    DeadlineExceededError("late", retry_after=2.5),
    UnreadableAnswerError("html", status=200, body=b"<html>", correlation_id="abc"),
    api(ApiError),
    api(BadRequestError),
    api(DuplicateOrderError),
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
