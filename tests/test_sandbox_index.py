"""The sandbox's search index: what SQLite says it does for a search, which is to look up, and never to read all."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

import pytest

from ingram_orders.sandbox import index
from ingram_orders.sandbox.catalogue import MARKETS, PRODUCTS
from ingram_orders.sandbox.filters import FILTERS
from ingram_orders.sandbox.making import by_chance

NOW = datetime(2026, 6, 30, 12)
DAYS = ["2026-01-01", "2026-12-31"]
QUERIES = {name: {name: DAYS if name.endswith("bt") else DAYS[:1]} for name in FILTERS}
QUERIES["no filter"] = {}
QUERIES["several"] = {
    "vendorName": ["X"],
    "customerOrderNumber": ["PO"],
    "shipDate_bt": DAYS,
    "serialNumber": ["SN0000000A"],
}


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    """An index of some orders."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript(f"{index.TABLES}; {'; '.join(index.INDEXES)}")
    orders = [
        by_chance(
            f"20-{it}", MARKETS["US"], Random(it), po_number=f"PO-{it}", placed=NOW, products=PRODUCTS, way="straight"
        )
        for it in range(50)
    ]
    index.add(made, enumerate(orders))
    yield made
    made.close()


@pytest.mark.parametrize("many", [False, True], ids=["few", "many"])
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_search_reads_no_table_from_end_to_end(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, query: dict[str, list[str]], many: bool
) -> None:
    """At most it goes through the index by date, which holds all that is asked of many."""
    monkeypatch.setattr(index, "_MANY", -1 if many else 10**9)
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    index.search(connection, NOW, query)
    connection.set_trace_callback(None)
    assert len(asked) == 2
    for statement in asked:
        plan: list[Any] = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        for *_, step in plan:
            assert not step.startswith("SCAN") or "COVERING INDEX found_by_date" in step, (statement, step)
