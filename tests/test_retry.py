"""The decision whether to send again: what must hold of it, whatever happens."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingram_orders import ConfigurationError
from ingram_orders.retry import Fault, RetryBudget, RetryPolicy, again_after

seconds = st.floats(0, 3600)
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


def decided(policy: RetryPolicy, fault: Fault = Fault.LOST, **given: Any) -> float | None:
    facts: dict[str, Any] = {"failures": 1, "hint": None, "left": None, "random": lambda: 0.5, **given}
    return again_after(RetryBudget(policy), fault, **facts)


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("hint", [None, 7.0])
def test_one_attempt_is_none_again(fault: Fault, hint: float | None) -> None:
    assert decided(RetryPolicy(attempts=1), fault, hint=hint) is None


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        (Fault.NOT_SENT, [0.25, 0.5, 1.0, None]),
        (Fault.LOST, [0.25, 0.5, 1.0, None]),
        (Fault.FAILED, [0.25, 0.5, 1.0, None]),
        (Fault.THROTTLED, [2.5, 5.0, 10.0, None]),
    ],
)
def test_waits_double_and_a_quota_has_a_base_of_its_own(fault: Fault, waits: list[float | None]) -> None:
    assert [decided(RetryPolicy(), fault, failures=count) for count in (1, 2, 3, 4)] == waits


@given(policies, st.integers(1, 10_000), st.booleans(), chances)
def test_no_wait_is_longer_than_the_cap(policy: RetryPolicy, failures: int, throttled: bool, chance: float) -> None:
    assert 0 <= policy.wait(failures, throttled=throttled, random=lambda: chance) <= policy.cap


@given(policies, st.sampled_from(Fault), st.none() | seconds, st.lists(chances, min_size=30, max_size=30))
def test_a_request_is_sent_no_more_often_than_its_attempts(
    policy: RetryPolicy, fault: Fault, left: float | None, draws: list[float]
) -> None:
    budget, sent, draw = RetryBudget(policy), 1, iter(draws)
    while again_after(budget, fault, failures=sent, hint=None, left=left, random=lambda: next(draw)) is not None:
        sent += 1
    assert sent <= policy.attempts


@given(policies, st.sampled_from(Fault), st.integers(1, 20), st.none() | seconds, seconds, chances)
def test_a_wait_fits_the_deadline_or_is_not_begun(
    policy: RetryPolicy, fault: Fault, failures: int, hint: float | None, left: float, chance: float
) -> None:
    wait = decided(policy, fault, failures=failures, hint=hint, left=left, random=lambda: chance)
    assert wait is None or 0 <= wait < left


@given(policies.filter(lambda it: it.attempts > 1), seconds, st.integers(1, 10_000), chances)
def test_a_hint_is_kept_to_whatever_was_tried_and_costs_nothing(
    policy: RetryPolicy, hint: float, failures: int, chance: float
) -> None:
    budget = RetryBudget(policy)
    for _ in range(50):
        wait = again_after(
            budget, Fault.THROTTLED, failures=failures, hint=hint, left=None, random=lambda: chance
        )  # fmt: skip
        assert wait is not None
        assert hint <= wait <= hint + policy.base
    assert budget == RetryBudget(policy)


def test_a_hint_is_heard_of_a_quota_only() -> None:
    assert decided(RetryPolicy(), Fault.FAILED, hint=1000.0) == 0.25


@given(policies, st.integers(0, 200), st.lists(st.booleans(), max_size=300))
def test_a_dead_server_meets_few_more_than_the_requests_there_are(
    policy: RetryPolicy, requests: int, order: list[bool]
) -> None:
    """However requests and their retries are mixed."""
    budget, retries, sent = RetryBudget(policy), 0, 0
    for is_first in [*order, *[False] * requests]:
        if is_first:
            sent += 1
            budget.earn()
        elif budget.spend():
            retries += 1
    assert retries <= policy.reserve + policy.budget * sent + 1e-6


def test_a_wait_that_does_not_fit_costs_no_budget() -> None:
    budget = RetryBudget(RetryPolicy(reserve=1))
    facts: dict[str, Any] = {"failures": 1, "hint": None, "random": lambda: 0.5}
    assert again_after(budget, Fault.LOST, left=0.1, **facts) is None
    assert again_after(budget, Fault.LOST, left=None, **facts) == 0.25
    assert again_after(budget, Fault.LOST, left=None, **facts) is None  # that was the only one


def test_a_budget_is_earned_and_saved_up_to_its_reserve() -> None:
    budget = RetryBudget(RetryPolicy(budget=0.5, reserve=2))
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(2):
        budget.earn()
    assert [budget.spend(), budget.spend()] == [True, False]
    for _ in range(100):
        budget.earn()
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
