"""Events as the API posts them: made, signed, and read."""

import asyncio
import base64
import hashlib
import hmac
import itertools
from datetime import UTC, datetime
from typing import Any, Final

from ingram_orders import WebhookEvent
from ingram_orders.exact_json import write_json
from ingram_orders.webhooks import read

SECRET: Final = "never-shown-secret"
_numbers = itertools.count(1)


def signed(event_id: str, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), event_id.encode(), hashlib.sha512)).decode()


def body(event_id: str, **more: Any) -> bytes:
    """Give an event as it is posted; it says that an order was shipped."""
    resource = [{"eventType": "im::order_shipped", "orderNumber": f"20-{event_id}"}]
    return write_json({"topic": "resellers/orders", "eventId": event_id, "resource": resource, **more})


def outcome(event_id: str, number: str | None, *, at: datetime | None = None, **more: Any) -> WebhookEvent:
    """Give an event that tells what became of a v7 create."""
    told = more or {"orders": [{"ingramOrderNumber": f"20-{event_id}"}]}
    resource = {"eventType": "im::async_order_create", "customerOrderNumber": number, **told}
    when = {} if at is None else {"eventTimeStamp": at.astimezone(UTC).isoformat()}
    return event(event_id, resource=resource, **when)


def event(event_id: str, **more: Any) -> WebhookEvent:
    """Give an event as it is read."""
    return read(body(event_id, **more), signed(event_id), SECRET)


def outcome_event(number: str | None, *order_numbers: str | None, at: datetime | None = None) -> WebhookEvent:
    """Give an event of a new id that says that a v7 create became these orders."""
    orders = [{"ingramOrderNumber": it} for it in order_numbers]
    return outcome(f"OUTCOME{next(_numbers):011}", number, at=at, orders=orders)


def failed_event(number: str | None, *reasons: str, at: datetime | None = None) -> WebhookEvent:
    """Give an event of a new id that says that a v7 create became none."""
    return outcome(f"OUTCOME{next(_numbers):011}", number, at=at, errors=[{"message": it} for it in reasons])


class Dealt:
    """An `on_event` that notes the ids of what it is given, and fails where it is told to."""

    def __init__(self, *fails: Exception | None) -> None:
        self.ids: list[str] = []
        self.events: list[WebhookEvent] = []
        self._fails = [*fails]
        self._came = asyncio.Condition()

    async def __call__(self, event: WebhookEvent) -> None:
        async with self._came:
            self.ids.append(event.event_id)
            self.events.append(event)
            self._came.notify_all()
        if self._fails and (error := self._fails.pop(0)) is not None:
            raise error

    async def until(self, count: int) -> list[str]:
        """Wait until it was given so many; what never comes is a test that takes too long, and fails."""
        async with asyncio.timeout(60), self._came:
            await self._came.wait_for(lambda: len(self.ids) >= count)
        return self.ids
