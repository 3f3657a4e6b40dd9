"""Looks for the orders of a journal of which nobody knows what became; sends none."""

from uuid import uuid4

from ingram_orders.builder import Sends
from ingram_orders.converters import unstructure
from ingram_orders.errors import IngramError
from ingram_orders.finding import find
from ingram_orders.journal import OpenPlacement, OrderJournal, PlacementKey, Record
from ingram_orders.models import FoundOrder
from ingram_orders.placing import keep_outcome, ours


async def recover(sends: Sends, base_url: str, journal: OrderJournal) -> tuple[OpenPlacement, ...]:
    """Look for the orders of a journal of which nobody knows what became; give those that stay open. Sends none."""
    async with journal:
        looked_at = [await _look_at(sends, journal, *each) for each in await journal.open_ones(base_url)]
    return tuple(it for it in looked_at if it is not None)


async def _look_at(sends: Sends, journal: OrderJournal, key: PlacementKey, record: Record) -> OpenPlacement | None:
    number, owner = key.customer_order_number, uuid4().hex
    found: tuple[FoundOrder, ...] = ()
    failure: IngramError | None = None
    if record.sends:
        claimed = await journal.claim(key, owner, None)
        if claimed is None:  # somebody is on it, or it is gone by now
            is_there = any(it == key for it, _ in await journal.open_ones(key.base_url))
            return _open(key, record) if is_there else None
        if claimed.outcome is not None:
            return None
        record = claimed
        async with journal.held(key, owner):
            who = {"im_customer_number": key.customer_number, "im_country_code": key.country_code}
            try:
                found = await find(sends, number, who)
            except IngramError as exc:
                failure = exc
            if its := ours(found, number, record):
                facts = {"answer": None, "orders": [unstructure(it) for it in its], "attempts": record.attempts}
                await keep_outcome(journal, key, facts)
                return None
    return _open(key, record, found, failure)


def _open(
    key: PlacementKey, record: Record, found: tuple[FoundOrder, ...] = (), failure: IngramError | None = None
) -> OpenPlacement:
    return OpenPlacement(key=key, attempts=record.attempts, sent_at=record.sent_at, orders=found, error=failure)
