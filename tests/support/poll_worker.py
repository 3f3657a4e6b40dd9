"""
A process that watches orders until it is killed, and says what it is given.

    python poll_worker.py URL FOLDER

`FOLDER` holds `numbers.json` and the store. It ends where it would wait for the next round.
"""

import asyncio
import json
import sys
from pathlib import Path

from ingram_orders import OrdersClient, StatusChange, StatusStore


class Over(Exception):
    """A round is."""


async def wait(seconds: float) -> None:
    raise Over


async def main(url: str, folder: str) -> None:
    numbers = json.loads((Path(folder) / "numbers.json").read_text())
    client = OrdersClient(
        "sandbox", "sandbox-secret", base_url=url, customer_number="20-222222", country_code="US", limiter=None,
        sleep=wait,
    )  # fmt: skip
    # In each run, days after the one before: all orders are due once.
    starts = Path(folder) / "starts"
    run = len(starts.read_text()) if starts.exists() else 0
    starts.write_text("." * (run + 1))
    store = StatusStore(Path(folder) / "status.db", clock=lambda: 1.8e9 + run * 1e6)
    async with client, client.poll(numbers, store=store) as it:
        try:
            async for change in it:
                assert isinstance(change, StatusChange), change
                sys.stdout.write(
                    json.dumps(
                        {
                            "given": it._given,
                            "number": change.order_number,
                            "part": change.sub_order_number,
                            "before": change.before and change.before.value,
                            "after": change.after.value,
                            "word": change.order.order_status,
                        }
                    )
                    + "\n"
                )
                sys.stdout.flush()
        except Over:
            pass


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
