"""What came to the sandbox, and what of it had an effect: for tests to look at."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import define, field, frozen


@define(kw_only=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    """As it was on the wire, percent-encoded, without the query."""
    query: tuple[tuple[str, str], ...]
    """Decoded, in the order it came."""
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    """`b""` where a fault did not let it be read."""
    at: datetime
    """By the sandbox's clock."""


@frozen(kw_only=True)
class Written:
    """A write that acted."""

    operation: str
    """`create`, `create_v7`, `modify`, `release` or `cancel`."""
    order_numbers: tuple[str, ...]
    """The orders that it made or changed; `()` for v7, which makes them later."""
    customer_order_number: str
    correlation_id: str
    at: datetime


@frozen(kw_only=True)
class Posted:
    """An event as it was posted to the webhook, or was to be and was lost."""

    event_id: str
    body: bytes = field(repr=False)
    signature: str
    fault: str | None
    """What went wrong with it, one of `posting.FAULTS`; of an event that came twice, it is with the second."""
    status: int | None
    """What was answered; `None` where nobody did in time."""
    at: datetime
    """By the sandbox's clock."""


class Ledger(list[Received]):
    """
    Every request as it came, the tokens' too; `writes` holds every write that acted, and `posted` every event that was
    posted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[Written] = []
        self.posted: list[Posted] = []

    def clear(self) -> None:
        """Forget all of it."""
        super().clear()
        self.writes.clear()
        self.posted.clear()

    def figures(self) -> dict[str, Any]:
        """Tell it in JSON, for programs elsewhere."""
        return {
            "requests": len(self),
            "byMethodAndPath": dict(Counter(f"{it.method} {it.path}" for it in self)),
            "writes": [
                {
                    "operation": it.operation,
                    "orderNumbers": list(it.order_numbers),
                    "customerOrderNumber": it.customer_order_number,
                    "correlationId": it.correlation_id,
                    "at": it.at.isoformat(),
                }
                for it in self.writes
            ],
            "posted": len(self.posted),
        }
