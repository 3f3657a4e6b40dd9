"""
What checking and reading an event costs, beside a floor measured in the same run.

    python -m benchmarks.webhooks

The floor is what nobody can leave out: one HMAC-SHA512, and the body read as JSON with exact numbers.
"""

import base64
import hashlib
import hmac
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ingram_orders import webhooks

SECRET = "a secret of thirty-two characters"  # noqa: S105  # of nobody
ROUNDS = 7
EVENTS = 2_000


def status_event(lines: int) -> dict[str, Any]:
    """Make an event of a shipped order."""
    line = {
        "subOrderNumber": "20-A1B2C-11", "lineStatus": "IM::shipped", "ingramPartNumber": "5CX895",
        "vendorPartNumber": "TC57HO", "requestedQuantity": 3, "shippedQuantity": "2", "backOrderedQuantity": 1,
        "shipmentDetails": [
            {"shipmentDate": "2026-01-31", "carrierCode": "4M", "packageDetails": [{"trackingNumber": "1Z999"}]}
        ],
        "serialNumberDetails": [{"serialNumber": "S123"}],
    }  # fmt: skip
    order = {
        "eventType": "im::order_shipped", "orderNumber": "20-A1B2C", "customerOrderNumber": "PO-1",
        "orderEntryTimeStamp": "2026-01-30T08:54:39-07:00",
        "lines": [{"ingramLineNumber": f"{it:03}", **line} for it in range(1, lines + 1)],
    }  # fmt: skip
    return {
        "topic": "resellers/orders", "event": "im::updated", "eventTimeStamp": "2026-01-31T13:02:06.369Z",
        "eventId": "N01CIB9VVFYKR9J6ZW", "resource": [order],
    }  # fmt: skip


def seconds(work: Callable[[], object]) -> float:
    """Give the processor seconds of one time, of the round that was disturbed least."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(EVENTS):
            work()
        best = min(best, time.process_time() - began)
    return best / EVENTS


def main() -> None:
    """Measure, and print the table."""
    print(f"Python {sys.version.split()[0]}, {platform.machine()} {sys.platform}, {os.cpu_count()} cores")
    key, event_id = SECRET.encode(), b"N01CIB9VVFYKR9J6ZW"
    signature = base64.b64encode(hmac.digest(key, event_id, hashlib.sha512)).decode()
    for lines in (1, 20):
        body = json.dumps(status_event(lines)).encode()

        def floor(body: bytes = body) -> None:
            hmac.compare_digest(signature.encode(), base64.b64encode(hmac.digest(key, event_id, hashlib.sha512)))
            json.loads(body, parse_float=Decimal)

        def read(body: bytes = body) -> None:
            webhooks.read(body, signature, SECRET)

        least, took = seconds(floor), seconds(read)
        what = f"read an event of {lines} line{'s' if lines > 1 else ''}, {len(body):,} bytes"
        print(f"{what:44}{1 / took:10,.0f} a second and core, {took / least:.1f} x the floor", flush=True)


if __name__ == "__main__":
    main()
