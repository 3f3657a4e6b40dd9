"""So many calls of a route in a sliding window, as the API's gateway counts them."""

from collections import defaultdict, deque
from datetime import datetime, timedelta

from attrs import field, frozen


@frozen
class Quota:
    """How many calls of one method and route are answered in a time. The API: 60 GETs a minute (portal)."""

    calls: int = 60
    seconds: float = 60.0
    methods: frozenset[str] = frozenset({"GET"})
    """The others are not counted; no figure is published for them."""


@frozen
class Verdict:
    """What the gateway says of one call."""

    granted: bool
    remaining: int
    reset: datetime
    """When the window holds a call fewer."""


@frozen
class Window:
    """Counts the calls that were answered; one that was refused does not count."""

    _calls: defaultdict[str, deque[datetime]] = field(factory=lambda: defaultdict(deque))

    def take(self, route: str, quota: Quota, now: datetime) -> Verdict:
        """Count a call, if there is room for it."""
        length = timedelta(seconds=quota.seconds)
        calls = self._calls[route]
        while calls and not now - length < calls[0] <= now:  # over, or of a time to which the clock went back
            calls.popleft()
        granted = len(calls) < quota.calls
        if granted:
            calls.append(now)
        return Verdict(granted, max(quota.calls - len(calls), 0), calls[0] + length if calls else now + length)
