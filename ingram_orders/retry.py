"""
May this be sent again, and when: decisions, without any waiting or sending.

What an error says decides: those below say by themselves that nothing took effect that a second send could double.
"""

from collections.abc import Callable
from typing import Final

from attrs import define, field, frozen

from ingram_orders.errors import (
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    IngramError,
    RateLimitedError,
    ServerError,
    UnreadableAnswerError,
    brief,
)

PASSING: Final = (ConnectionFailedError, ConnectionLostError, ServerError, UnreadableAnswerError)
"""What may soon be over: nothing was sent, or it was a read, and met no whole answer, a 408, a 5xx, or a riddle."""

_LONGEST: Final = 86_400.0
"""Seconds; a longer wait is a mistake."""


@frozen(kw_only=True)
class RetryPolicy:
    """How often something is sent again, and how long after."""

    attempts: int = 4
    """How often one request is sent at most, the first time included; 1 for never again."""
    base: float = 0.5
    """Seconds that the first wait is shorter than; each further one may be twice as long."""
    throttled_base: float = 5.0
    """The same where the quota was used up and the API does not say when to come back."""
    cap: float = 30.0
    """Seconds that no wait is longer than, but for one that the API asks for."""
    budget: float = 0.2
    """Retries for each request in the long run, of all requests together, so that a dead server is not multiplied."""
    reserve: int = 100
    """Retries that may be made before any were earned, and that are saved up at most."""

    def __attrs_post_init__(self) -> None:
        """
        Check what was set.

        Raises:
            ConfigurationError: It cannot be right.
        """
        for name, least in (("attempts", 1), ("reserve", 0)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ConfigurationError(f"{name} must be a whole number, {least} or more, not {brief(value)}")
        for name in ("base", "throttled_base", "cap", "budget"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST:
                raise ConfigurationError(f"{name} must be a number from 0 to {_LONGEST:.0f}, not {brief(value)}")

    def wait(self, failures: int, *, throttled: bool, random: Callable[[], float]) -> float:
        """
        Give the seconds to wait after so many failures: anything up to a bound that doubles ("full jitter").

        Args:
            failures: 1 or more.
            throttled: Whether the quota was used up.
            random: Gives a number from 0 to just below 1.
        """
        base = self.throttled_base if throttled else self.base
        return random() * min(self.cap, base * 2.0 ** min(failures - 1, 60))


@define
class RetryBudget:
    """Retries that all requests of a client have together: each request earns a part of one, each retry costs one."""

    policy: RetryPolicy
    requests: int = 0
    """How many were sent for the first time since a retry was last asked for."""
    _left: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._left = float(self.policy.reserve)

    def spend(self) -> bool:
        """Take a retry, where there is one."""
        self._left = min(self._left + self.requests * self.policy.budget, float(self.policy.reserve))
        self.requests = 0
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def again_after(
    budget: RetryBudget,
    error: IngramError,
    *,
    failures: int,
    left: float | None,
    random: Callable[[], float],
) -> float | None:
    """
    Decide whether to send again after an error, and give the seconds to wait before; `None` where it is not to be.

    A hint of when to come back costs neither an attempt nor budget: only the deadline bounds it. It is kept to, and a
    little more, so that not all who wait for it come at once. Waiting for another token costs no budget either.

    Args:
        budget: Of which a retry is taken, where it is sent again.
        error: What became of the last attempt.
        failures: How many attempts that count failed, this one included; those with a hint do not count.
        left: Seconds to the deadline; `None` where there is none. A wait that does not fit is not begun.
        random: Gives a number from 0 to just below 1.
    """
    policy = budget.policy
    throttled = isinstance(error, RateLimitedError)
    if policy.attempts == 1 or not (throttled or isinstance(error, PASSING)):
        return None
    if (hint := hint_of(error)) is not None:
        if left is not None and hint >= left:
            return None
        return hint + random() * (policy.base if left is None else min(policy.base, (left - hint) / 2))
    if failures >= policy.attempts:
        return None
    seconds, is_free = policy.wait(failures, throttled=throttled, random=random), False
    if isinstance(error, ConnectionFailedError):
        if error.is_certificate:
            return None
        if error.retry_after is not None:  # no token: the API was not even asked
            seconds, is_free = max(seconds, error.retry_after + random() * policy.base), True
    if left is not None and seconds >= left:
        return None
    return seconds if is_free or budget.spend() else None


def hint_of(error: IngramError) -> float | None:
    """Give the seconds after which the API says to come back; `None` where it does not, or says at once: no help."""
    return (error.retry_after or None) if isinstance(error, RateLimitedError) else None
