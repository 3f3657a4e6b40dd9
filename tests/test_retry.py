"""The decision whether to send again: what must hold of it, whatever happens."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingram_orders import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    DeadlineExceededError,
    IngramError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    UnreadableAnswerError,
)
from ingram_orders.retry import RetryBudget, again_after

seconds = st.floats(0, 3600)
hints = st.floats(0, 3600, exclude_min=True)
chances = st.floats(0, 1, exclude_max=True)
policies = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 8),
    base=st.floats(0, 60),
    throttled_base=st.floats(0, 60),
    cap=st.floats(0, 120),
    budget=st.floats(0, 1),
    reserve=st.integers(0, 20),
)


def throttled(hint: float | None = None) -> RateLimitedError:
    error = RateLimitedError("no", status=429)
    error.retry_after = hint
    return error


def untrusted() -> ConnectionFailedError:
    error = ConnectionFailedError("no")
    error.is_certificate = True
    return error


PASSING = {
    "not sent": ConnectionFailedError("no"),
    "lost": ConnectionLostError("no"),
    "failed": ServerError("no", status=503),
    "unreadable": UnreadableAnswerError("no", status=200, body=b"", correlation_id=""),
}
AGAIN = {**PASSING, "throttled": throttled()}
LASTING: list[IngramError] = [
    untrusted(),
    OutcomeUnknownError("no", operation="create", correlation_id="", status=503),
    DeadlineExceededError("no", retry_after=1.0),
    ConfigurationError("no"),
    *(kind("no", status=400) for kind in (ApiError, BadRequestError, NotFoundError, AuthenticationError)),
]
errors = st.sampled_from(list(AGAIN.values()))


def decided(policy: RetryPolicy, error: IngramError = PASSING["lost"], **given: Any) -> float | None:
    facts: dict[str, Any] = {"failures": 1, "left": None, "random": lambda: 0.5, **given}
    return again_after(RetryBudget(policy), error, **facts)


@pytest.mark.parametrize("error", [*AGAIN.values(), throttled(7.0)], ids=repr)
def test_one_attempt_is_none_again(error: IngramError) -> None:
    assert decided(RetryPolicy(attempts=1), error) is None


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_what_will_not_pass_or_may_have_acted_is_not_sent_again(error: IngramError) -> None:
    assert decided(RetryPolicy(), error) is None


@pytest.mark.parametrize("name", AGAIN)
def test_waits_double_and_a_quota_has_a_base_of_its_own(name: str) -> None:
    waits = [2.5, 5.0, 10.0, None] if name == "throttled" else [0.25, 0.5, 1.0, None]
    assert [decided(RetryPolicy(), AGAIN[name], failures=count) for count in (1, 2, 3, 4)] == waits


@given(policies, st.integers(1, 10_000), st.booleans(), chances)
def test_no_wait_is_longer_than_the_cap(policy: RetryPolicy, failures: int, throttled: bool, chance: float) -> None:
    assert 0 <= policy.wait(failures, throttled=throttled, random=lambda: chance) <= policy.cap


@given(policies, errors, st.none() | seconds, st.lists(chances, min_size=30, max_size=30))
def test_a_request_is_sent_no_more_often_than_its_attempts(
    policy: RetryPolicy, error: IngramError, left: float | None, draws: list[float]
) -> None:
    budget, sent, draw = RetryBudget(policy), 1, iter(draws)
    while again_after(budget, error, failures=sent, left=left, random=lambda: next(draw)) is not None:
        sent += 1
    assert sent <= policy.attempts


@given(policies, errors | seconds.map(throttled), st.integers(1, 20), seconds, chances)
@example(RetryPolicy(base=1.0), throttled(5.0), 1, 5.5, 0.99)
def test_a_wait_fits_the_deadline_or_is_not_begun(
    policy: RetryPolicy, error: IngramError, failures: int, left: float, chance: float
) -> None:
    wait = decided(policy, error, failures=failures, left=left, random=lambda: chance)
    assert wait is None or 0 <= wait < left


@given(policies.filter(lambda it: it.attempts > 1), hints, seconds, chances)
@example(RetryPolicy(base=1.0), 5.0, 5.5, 0.99)
def test_a_hint_that_fits_the_deadline_is_kept_to(policy: RetryPolicy, hint: float, left: float, chance: float) -> None:
    wait = decided(policy, throttled(hint), failures=1000, left=left, random=lambda: chance)
    assert (wait is None) == (hint >= left)
    assert wait is None or wait >= hint


@given(policies.filter(lambda it: it.attempts > 1), hints, st.integers(1, 10_000), chances)
def test_a_hint_is_kept_to_whatever_was_tried_and_costs_nothing(
    policy: RetryPolicy, hint: float, failures: int, chance: float
) -> None:
    budget = RetryBudget(policy)
    for _ in range(50):
        wait = again_after(budget, throttled(hint), failures=failures, left=None, random=lambda: chance)
        assert wait is not None
        assert hint <= wait <= hint + policy.base
    assert budget == RetryBudget(policy)


@given(policies, st.integers(0, 200), st.lists(st.booleans(), max_size=300))
def test_a_dead_server_meets_few_more_than_the_requests_there_are(
    policy: RetryPolicy, requests: int, order: list[bool]
) -> None:
    """However requests and their retries are mixed."""
    budget, retries, sent = RetryBudget(policy), 0, 0
    for is_first in [*order, *[False] * requests]:
        if is_first:
            sent += 1
            budget.requests += 1
        elif budget.spend():
            retries += 1
    assert retries <= policy.reserve + policy.budget * sent + 1e-6


def test_a_hint_to_come_back_at_once_is_none() -> None:
    """Or the API would be asked without end, and without a wait."""
    assert decided(RetryPolicy(), throttled(0.0)) == 2.5
    assert decided(RetryPolicy(), throttled(0.0), failures=4) is None


def test_waiting_for_another_token_costs_an_attempt_and_no_budget() -> None:
    """The API was not even asked; and before the time that is told, no other token would be."""
    error = ConnectionFailedError("no token")
    error.retry_after = 3.0
    budget = RetryBudget(RetryPolicy(reserve=0))
    facts: dict[str, Any] = {"left": None, "random": lambda: 0.5}
    assert [again_after(budget, error, failures=it, **facts) for it in (1, 4)] == [3.25, None]
    assert again_after(budget, error, failures=1, left=3.2, random=lambda: 0.5) is None


def test_a_wait_that_does_not_fit_costs_no_budget() -> None:
    budget = RetryBudget(RetryPolicy(reserve=1))
    facts: dict[str, Any] = {"failures": 1, "random": lambda: 0.5}
    assert again_after(budget, PASSING["lost"], left=0.1, **facts) is None
    assert again_after(budget, PASSING["lost"], left=None, **facts) == 0.25
    assert again_after(budget, PASSING["lost"], left=None, **facts) is None  # that was the only one


def test_a_budget_is_earned_and_saved_up_to_its_reserve() -> None:
    budget = RetryBudget(RetryPolicy(budget=0.5, reserve=2))
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(2):
        budget.requests += 1
    assert [budget.spend(), budget.spend()] == [True, False]
    for _ in range(100):
        budget.requests += 1
    assert [budget.spend() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0}, {"attempts": 2.0}, {"attempts": True}, {"reserve": -1}, {"base": -1}, {"base": "1"},
        {"cap": float("nan")}, {"cap": float("inf")}, {"budget": True}, {"throttled_base": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_a_policy_is_refused_by_name(wrong: dict[str, Any]) -> None:
    [name] = wrong
    with pytest.raises(ConfigurationError, match=f"{name} must be"):
        RetryPolicy(**wrong)
