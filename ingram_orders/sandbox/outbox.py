"""
The events that have happened and that nobody has taken yet, in SQLite.

Each is there as soon as what it tells is, and has an id that no other has, of this run or of another.
"""

import json
import sqlite3
import string
from typing import Final

from ingram_orders.sandbox.kept import Json
from ingram_orders.sandbox.orders import Orders

TABLE: Final = "CREATE TABLE outbox (number INTEGER PRIMARY KEY, event TEXT NOT NULL)"

_LETTERS: Final = string.ascii_uppercase + string.digits


def put(orders: Orders) -> bool:
    """Put what has happened into it; tell whether anything has."""
    if not orders.events:
        return False
    [last] = orders.connection.execute(
        "INSERT INTO facts VALUES ('events', ?)"
        " ON CONFLICT DO UPDATE SET value = value + excluded.value RETURNING value",
        (len(orders.events),),
    ).fetchone()
    for number, event in enumerate(orders.events, int(last) - len(orders.events) + 1):
        # By the time too: a database that is made anew counts from 1 again, and who was posted the old ids remembers.
        pick = orders.pick("event", number, orders.now)
        event["eventId"] = f"N{''.join(pick.choices(_LETTERS, k=17))}"
        text = json.dumps(event, default=float)
        orders.connection.execute("INSERT INTO outbox VALUES (?, ?)", (number, text))
    orders.events.clear()
    return True


def take(connection: sqlite3.Connection) -> tuple[int, Json] | None:
    """Take the first one out; `None` where there is none."""
    taken = connection.execute(
        "DELETE FROM outbox WHERE number = (SELECT min(number) FROM outbox) RETURNING number, event"
    ).fetchone()
    return None if taken is None else (taken[0], json.loads(taken[1]))
