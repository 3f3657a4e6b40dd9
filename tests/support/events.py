"""Events as the API posts them, and their signatures."""

import base64
import hashlib
import hmac
import itertools
from datetime import UTC, datetime
from typing import Any

from ingram_orders import webhooks
from ingram_orders.exact_json import write_json
from ingram_orders.webhooks import WebhookEvent

SECRET = "secret"
_numbers = itertools.count(1)


def signed(event_id: str, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), event_id.encode(), hashlib.sha512).digest()).decode()


def read(event_id: str, body: Any) -> WebhookEvent:
    return webhooks.read(write_json(body), signed(event_id), SECRET)


def _outcome(po_number: str | None, at: datetime | None, **rest: Any) -> WebhookEvent:
    event_id = f"OUTCOME{next(_numbers):011}"
    resource = {"eventType": "IM::async_order_create", "customerOrderNumber": po_number, **rest}
    envelope = {"topic": "resellers/orders", "event": "IM::created", "eventId": event_id, "resource": resource}
    when = {} if at is None else {"eventTimeStamp": at.astimezone(UTC).isoformat()}
    return read(event_id, [{**envelope, **when}])


def outcome_event(po_number: str | None, *numbers: str | None, at: datetime | None = None) -> Any:
    """Say that a v7 create became these orders."""
    return _outcome(po_number, at, orders=[{"ingramOrderNumber": it} for it in numbers])


def failed_event(po_number: str | None, *reasons: str, at: datetime | None = None) -> Any:
    """Say that a v7 create became none."""
    return _outcome(po_number, at, errors=[{"message": it} for it in reasons])
