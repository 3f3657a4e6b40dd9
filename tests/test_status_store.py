"""What is known of orders, in one file: kept in whole pieces, given until it is settled, and nobody else's touched."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingram_orders import ConfigurationError, FoundOrder, OrderDetailB2B, OrderStatus, StatusStore
from ingram_orders.converters import structure
from ingram_orders.models.shared import FINAL
from ingram_orders.sightings import Sighting, sighting
from ingram_orders.watched import Terms

TERMS = Terms(every=300.0, slowest=3600.0, final=FINAL)
NOON = datetime(2026, 6, 30, 12, tzinfo=UTC).timestamp()
NUMBERS = ("20-A", "20-B", "20-C")


class Time:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.db"


@pytest.fixture
async def store(path: Path, time: Time) -> AsyncIterator[StatusStore]:
    store = StatusStore(path, clock=time)
    await store.open("us", NUMBERS)
    yield store
    await store.close()


def found(number: str, word: str | None, *, part: str | None = None, day: str = "2026-06-30") -> Sighting:
    order: dict[str, Any] = {"ingramOrderNumber": number, "orderStatus": word, "ingramOrderDate": day}
    if part is not None:
        order["subOrders"] = [{"subOrderNumber": f"{number}-11", "subOrderStatus": part}]
    it = sighting(structure(order, FoundOrder))
    assert it is not None
    return it


def detailed(number: str, word: str | None, **part: str) -> Sighting:
    lines = [{"subOrderNumber": f"{number}-11", "lineStatus": it} for it in part.values()]
    it = sighting(structure({"orderStatus": word, "lines": lines}, OrderDetailB2B), number)
    assert it is not None
    return it


async def note(store: StatusStore, *seen: Sighting, tells_first: bool = False, **settings: Any) -> Any:
    return await store.note(seen, TERMS, since=store.clock(), tells_first=tells_first, **{"adopts": False, **settings})


async def due(store: StatusStore) -> list[str]:
    return [it.number for it in await store.due(TERMS)]


async def told(store: StatusStore) -> list[tuple[str, str | None, OrderStatus | None, OrderStatus]]:
    return [(it.order_number, it.sub_order_number, it.before, it.after) for _, it in await store.unsettled(0, 100)]


# ── Orders ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_all_is_due_until_it_was_seen_and_again_in_its_time(store: StatusStore, time: Time) -> None:
    assert await due(store) == [*NUMBERS]
    outlook = await store.outlook(TERMS)
    assert (outlook.watched, outlook.due, outlook.busy) == (3, 3, 3)
    noted = await note(store, found("20-A", "PROCESSING"), found("20-X", "PROCESSING"))
    assert noted.seen == {"20-A"}
    assert await due(store) == ["20-B", "20-C"]
    time.now += 3600
    assert await due(store) == ["20-B", "20-C", "20-A"]


async def test_a_sighting_that_repeats_the_one_before_puts_it_off_as_any_does(store: StatusStore, time: Time) -> None:
    for _ in range(3):
        noted = await note(store, found("20-A", "PROCESSING", part="ON HOLD"))
        assert (noted.seen, noted.changes, noted.to_confirm) == ({"20-A"}, 0, [])
        assert await due(store) == ["20-B", "20-C"]
        time.now += 3600
        assert "20-A" in await due(store)


async def test_what_has_not_moved_for_long_rests_however_often_it_is_seen(store: StatusStore, time: Time) -> None:
    for _ in range(3):
        await note(store, *(found(it, "PROCESSING", day="2026-05-01") for it in NUMBERS))
        next_due = (await store.outlook(TERMS)).next_due
        assert next_due is not None
        assert 1800 <= next_due - time.now <= 3600
        time.now = next_due


async def test_what_was_never_seen_is_asked_for_as_often_as_can_be_unless_it_fails(
    store: StatusStore, time: Time
) -> None:
    time.now += 86_400
    assert (await store.outlook(TERMS)).busy == 3
    await note(store, failed=["20-A"])
    assert (await store.outlook(TERMS)).busy == 2


async def test_changes_are_of_orders_and_of_parts_in_order_and_stay_until_settled(store: StatusStore) -> None:
    await note(store, found("20-A", "PROCESSING", part="PROCESSING"))
    assert await told(store) == []
    noted = await note(store, found("20-A", "SHIPPED", part="SHIPPED"), found("20-B", "ON HOLD"))
    assert noted.changes == 2
    open_, sent = OrderStatus.PROCESSING, OrderStatus.SHIPPED
    assert await told(store) == [("20-A", None, open_, sent), ("20-A", "20-A-11", open_, sent)]
    [(first, _), (second, _)] = await store.unsettled(0, 100)
    assert await store.unsettled(first, 100) == [(second, (await store.unsettled(0, 100))[1][1])]
    await store.settle(first)
    await store.settle(first)
    assert [id_ for id_, _ in await store.unsettled(0, 100)] == [second]


async def test_what_is_seen_first_is_a_change_where_that_is_wanted(store: StatusStore) -> None:
    await note(store, found("20-A", "SHIPPED"), tells_first=True)
    await note(store, found("20-N", "ON HOLD", part="ON HOLD"), tells_first=True, adopts=True)
    hold = OrderStatus.ON_HOLD
    assert await told(store) == [
        ("20-A", None, None, OrderStatus.SHIPPED), ("20-N", None, None, hold), ("20-N", "20-N-11", None, hold),
    ]  # fmt: skip


async def test_a_change_is_read_as_it_was_written(store: StatusStore) -> None:
    seen = [found("20-A", "SHIPPED", part="X"), detailed("20-B", "im::Hold", line="X")]
    await note(store, *seen, tells_first=True)
    changes = [it for _, it in await store.unsettled(0, 100)]
    assert [it.order for it in changes if it.sub_order_number is None] == [it.order for it in seen]
    assert {it.seen_at for it in changes} == {datetime.fromtimestamp(NOON, UTC)}


async def test_a_doubt_stays_until_the_details_have_spoken_also_over_a_restart(
    store: StatusStore, path: Path, time: Time
) -> None:
    await note(store, detailed("20-A", "SHIPPED"))
    for _ in range(2):  # the second is what is noted again after a cancellation
        assert (await note(store, found("20-A", "IN PICK"))).to_confirm == ["20-A"]
    await store.close()
    await store.open("us", ["20-A"])
    [it] = await store.due(TERMS)
    assert (it.number, it.day) == ("20-A", None)  # no search will do
    noted = await note(store, detailed("20-A", "IN PICK"))
    assert (noted.changes, await due(store)) == (1, [])


async def test_a_doubt_of_details_that_fail_is_not_pressed(store: StatusStore, time: Time) -> None:
    await note(store, detailed("20-A", "SHIPPED"))
    await note(store, found("20-A", "PROCESSING"))
    await note(store, failed=["20-A"])
    time.now += 10
    assert (await note(store, found("20-A", "PROCESSING"))).to_confirm == []
    time.now += 300
    assert (await note(store, found("20-A", "PROCESSING"))).to_confirm == ["20-A"]


async def test_a_doubt_stays_where_a_search_takes_back_what_it_said(store: StatusStore) -> None:
    await note(store, detailed("20-A", "SHIPPED"))
    await note(store, found("20-A", "PROCESSING"))
    for _ in range(2):
        await note(store, found("20-A", "SHIPPED"))
        assert "20-A" in await due(store)


async def test_a_part_of_which_details_say_nothing_is_as_the_search_says(store: StatusStore) -> None:
    await note(store, found("20-A", "SHIPPED", part="SHIPPED"))
    noted = await note(store, found("20-A", "SHIPPED", part="PARTIALLY SHIPPED"))
    assert noted.to_confirm == ["20-A"]
    await note(store, detailed("20-A", "SHIPPED", one="SHIPPED", other="ON HOLD"))
    assert await told(store) == [("20-A", "20-A-11", OrderStatus.SHIPPED, OrderStatus.PARTIALLY_SHIPPED)]


async def test_parts_of_an_order_that_has_no_status_are_watched(store: StatusStore) -> None:
    await note(store, detailed("20-A", None, line="ON HOLD"))
    await note(store, detailed("20-A", None, line="SHIPPED"))
    assert await told(store) == [("20-A", "20-A-11", OrderStatus.ON_HOLD, OrderStatus.SHIPPED)]


async def test_failures_put_an_order_off_twice_as_long_each_time(store: StatusStore, time: Time) -> None:
    waits = []
    for _ in range(6):
        await note(store, failed=["20-A"])
        begun = time.now
        while "20-A" not in await due(store):
            time.now += 300
        waits.append(time.now - begun)
    assert waits == [300, 600, 1200, 2400, 3600, 3600]


async def test_what_no_search_showed_is_not_searched_for_a_while(store: StatusStore, time: Time) -> None:
    await note(store, found("20-A", "PROCESSING"))
    await note(store, found("20-A", "SHIPPED"))
    await store.note_missing(["20-A"], TERMS)
    time.now += 590
    assert {it.number: it.day for it in await store.due(TERMS)}["20-A"] is None
    time.now += 3600
    assert {it.number: it.day for it in await store.due(TERMS)}["20-A"] == date(2026, 6, 30)


async def test_what_a_search_shows_again_is_searched_for_at_once(store: StatusStore, time: Time) -> None:
    for _ in range(2):
        await note(store, found("20-A", "PROCESSING"))
        await store.note_missing(["20-A"], TERMS)
    await note(store, found("20-A", "PROCESSING"))
    time.now += 300
    assert {it.number: it.day for it in await store.due(TERMS)}["20-A"] == date(2026, 6, 30)


async def test_what_is_final_has_left_and_what_is_not_listed_is_not_watched(store: StatusStore, time: Time) -> None:
    await note(store, found("20-A", "DELIVERED"), found("20-B", "PROCESSING"))
    time.now += 86_400
    assert await due(store) == ["20-C", "20-B"]
    assert (await note(store, found("20-A", "DELIVERED"))).refreshed == set()
    noted = await note(store, found("20-A", "INVOICED"))
    assert (noted.seen, noted.refreshed, noted.changes) == ({"20-A"}, set(), 0)
    await store.close()
    await store.open("us", ["20-C"])
    assert await due(store) == ["20-C"]
    assert (await note(store, found("20-B", "SHIPPED"))).seen == set()
    await store.close()
    await store.open("us", None)
    assert sorted(await due(store)) == ["20-B", "20-C"]


async def test_a_clock_that_goes_back_puts_nothing_off(store: StatusStore, time: Time) -> None:
    await note(store, *(found(it, "PROCESSING") for it in NUMBERS))
    time.now -= 86_400
    assert sorted(await due(store)) == [*NUMBERS]
    assert (await store.outlook(TERMS)).next_due == time.now


async def test_a_clock_that_goes_back_hides_nothing_from_searches(store: StatusStore, time: Time) -> None:
    await note(store, found("20-A", "PROCESSING"))
    await store.note_missing(["20-A"], TERMS)
    time.now -= 2 * 86_400
    assert {it.number: it.day for it in await store.due(TERMS)}["20-A"] == date(2026, 6, 30)


async def test_a_clock_that_goes_back_leaves_no_doubt_unconfirmed(store: StatusStore, time: Time) -> None:
    await note(store, detailed("20-A", "SHIPPED"))
    await note(store, found("20-A", "PROCESSING"))
    await note(store, detailed("20-A", "SHIPPED"))
    time.now -= 2 * 86_400
    assert (await note(store, found("20-A", "PROCESSING"))).to_confirm == ["20-A"]


@pytest.mark.parametrize("back", [0, 72 * 3600])
async def test_a_clock_that_goes_back_withholds_no_change(store: StatusStore, time: Time, back: int) -> None:
    await note(store, found("20-A", "PROCESSING", part="PROCESSING"))
    await note(store, found("20-A", "PROCESSING", part="SHIPPED"))
    time.now -= back
    for _ in range(3):  # the details are ahead of the search, which may be so for an hour
        await note(store, detailed("20-A", "PROCESSING", line="ON HOLD"))
        time.now += 3600
    assert (await told(store))[1:] == [("20-A", "20-A-11", OrderStatus.SHIPPED, OrderStatus.ON_HOLD)]


async def test_counts_are_kept_by_day(store: StatusStore) -> None:
    await store.keep_counts({date(2026, 6, 30): 5, date(2026, 6, 29): 7})
    await store.keep_counts({date(2026, 6, 30): 6})
    assert await store.counts() == {date(2026, 6, 30): 6, date(2026, 6, 29): 7}


# ── What is remembered ──────────────────────────────────────────────────────────────────────────────────────────────

_WORDS = st.sampled_from(["PROCESSING", "SHIPPED"]) | st.sampled_from(["DELIVERED", "ODD", "ODDER", None])
_NUMBER = st.sampled_from(["20-A", "20-X"])
_DAY = st.sampled_from(["2026-06-30", "2026-05-01"])
_STEP = st.one_of(
    st.tuples(st.just("search"), st.tuples(_NUMBER, _WORDS, st.none() | _WORDS, _DAY)),
    st.tuples(st.just("search again"), st.none()),
    st.tuples(st.just("details"), st.tuples(_NUMBER, _WORDS, st.none() | _WORDS)),
    st.tuples(st.sampled_from(["failed", "missing"]), _NUMBER),
    st.tuples(st.just("look"), st.none()),
)
_STEPS = st.lists(
    st.tuples(st.sampled_from([0, 299, 300, 3600, 86_400, -7200]), st.booleans(), _STEP), min_size=3, max_size=12
)


async def results_of(steps: list[Any], path: str, *, reopens: bool) -> list[Any]:
    """Do some steps, and open the store anew after some of them or not; give all that can be seen of it."""
    time, results = Time(), list[Any]()
    store = StatusStore(path, clock=time)
    await store.open("us", None)
    seen = found("20-A", "PROCESSING")
    for later, is_reopened, (kind, what) in steps:
        time.now += later
        if kind == "search":
            number, word, part, day = what
            seen = found(number, word, part=part, day=day)
        if kind in ("search", "search again"):
            results.append(await note(store, seen, adopts=True))
        elif kind == "details":
            number, word, part = what
            results.append(await note(store, detailed(number, word, **({} if part is None else {"line": part}))))
        elif kind == "failed":
            results.append(await note(store, failed=[what]))
        elif kind == "missing":
            await store.note_missing([what], TERMS)
        else:
            results.append((await store.due(TERMS), await store.outlook(TERMS)))
        if is_reopened and reopens:
            await store.close()
            await store.open("us", None)
    results.append((await store.due(TERMS), await store.outlook(TERMS), await told(store)))
    await store.close()
    return results


def _search(word: str | None, day: str = "2026-06-30") -> tuple[str, Any]:
    return "search", ("20-A", word, None, day)


_AGAIN, _LOOK = ("search again", None), ("look", None)


@given(_STEPS)
@example(
    [(0, False, _search("ODD", "2026-05-01")), (0, True, _search("ODD")), (0, False, _AGAIN), (3600, False, _LOOK)]
)
@example([(0, False, _search("ODD")), (0, False, ("missing", "20-A")), (0, True, _AGAIN), (300, False, _LOOK)])
@example([(0, False, _search("ODD", "2026-05-01")), (3600, True, _AGAIN), (0, False, _LOOK)])
@example([(0, False, _search("ODD")), (0, True, ("details", ("20-A", "SHIPPED", None))), (299, False, _AGAIN)])
@example([(0, False, _search(None)), (300, True, _AGAIN), (10_000, False, _AGAIN)])
@example([(0, False, _search("ODD")), (0, True, _search("SHIPPED")), (-7200, False, _AGAIN), (10_800, False, _AGAIN)])
def test_what_is_remembered_is_what_is_written(steps: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        one, other = (str(Path(folder) / it) for it in ("one", "other"))
        remembered = asyncio.run(results_of(steps, one, reopens=False))
        assert remembered == asyncio.run(results_of(steps, other, reopens=True))


async def test_what_came_while_it_was_closed_is_not_remembered(store: StatusStore, path: Path) -> None:
    noting = asyncio.ensure_future(note(store, found("20-A", "PROCESSING")))
    await asyncio.sleep(0)
    await store.close()
    await noting
    other = StatusStore(path, clock=store.clock)
    await other.open("us", NUMBERS)
    await note(other, found("20-A", "SHIPPED"))
    await other.close()
    await store.open("us", NUMBERS)
    assert (await note(store, found("20-A", "PROCESSING"))).to_confirm == ["20-A"]


async def test_what_could_not_be_kept_is_not_remembered(store: StatusStore, path: Path) -> None:
    await note(store, *(found(it, "PROCESSING") for it in NUMBERS))
    await store.close()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON orders WHEN NEW.number = '20-B' AND NEW.status = 'SHIPPED'"
            " BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    await store.open("us", NUMBERS)
    with pytest.raises(ConfigurationError, match="the disk is full"):
        await note(store, found("20-A", "SHIPPED"), found("20-B", "SHIPPED"))
    assert await told(store) == []
    await note(store, found("20-A", "SHIPPED"))
    assert await told(store) == [("20-A", None, OrderStatus.PROCESSING, OrderStatus.SHIPPED)]


# ── The file ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def fill(path: Path) -> None:
    store = StatusStore(path, clock=lambda: NOON)
    await store.open("us", [f"20-{it}" for it in range(500)])
    await note(store, *(found(f"20-{it}", "PROCESSING", part="X") for it in range(500)), tells_first=True)
    await store.close()


def folder(path: Path) -> dict[str, bytes]:
    """Give what is in the files there are beside it, its own among them."""
    return {it.name: it.read_bytes() for it in path.parent.iterdir()}


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE others (x)")


def no_database(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def corrupt(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = b"\x5a" * (len(content) - len(content) // 2)
    path.write_bytes(content)


def of_another_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("PRAGMA user_version = 99")


def of_somebody_else(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE facts SET value = 'them'")


@pytest.mark.parametrize("trouble", [foreign, no_database, truncated, corrupt, of_another_version, of_somebody_else])
async def test_a_file_that_cannot_be_used_is_told_and_left_as_it_is(
    path: Path, trouble: Callable[[Path], None]
) -> None:
    await fill(path)
    trouble(path)
    before = folder(path)
    with pytest.raises(ConfigurationError, match=r"status\.db"):
        await StatusStore(path).open("us", ["20-1"])
    assert folder(path) == before
    assert [*before] == ["status.db"]


@pytest.mark.parametrize(
    ("spoilt", "read"),
    [
        ("UPDATE orders SET day = 'soon'", lambda it: it.due(TERMS)),
        ("UPDATE orders SET seen = '[]'", lambda it: note(it, found("20-1", "SHIPPED"))),
        ("UPDATE orders SET seen = '{\"\": 5}'", lambda it: note(it, found("20-1", "SHIPPED"))),
        ("UPDATE orders SET seen = 'x'", lambda it: note(it, found("20-1", "SHIPPED"))),
        ("UPDATE orders SET moved_at = 'x'", lambda it: note(it, found("20-1", "PROCESSING", part="X"))),
        ("UPDATE orders SET failures = 'x'", lambda it: note(it, failed=["20-1"])),
        ("UPDATE counts SET day = 'x'", lambda it: it.counts()),
        ("UPDATE changes SET change = '5'", lambda it: it.unsettled(0, 9)),
        ("UPDATE changes SET change = '{}'", lambda it: it.unsettled(0, 9)),
        ("UPDATE changes SET change = replace(change, 'PROCESSING', 'LOST')", lambda it: it.unsettled(0, 9)),
        ('UPDATE changes SET change = \'{"as_seen": 5, "is_found": 1}\'', lambda it: it.unsettled(0, 9)),
        ("DROP TABLE changes", lambda it: it.unsettled(0, 9)),
    ],
    ids=range(12),
)
async def test_a_row_that_somebody_else_wrote_is_told(
    path: Path, spoilt: str, read: Callable[[StatusStore], Any]
) -> None:
    await fill(path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO counts VALUES ('2026-06-30', 5)")
        other.execute(spoilt)
    store = StatusStore(path, clock=lambda: NOON + 86_400)
    await store.open("us", None)
    try:
        with pytest.raises(ConfigurationError, match="cannot be used"):
            await read(store)
    finally:
        await store.close()


@pytest.mark.parametrize("path", ["", None, 5, b"x"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be a file"):
        StatusStore(path)


async def test_a_store_is_one_watchers_at_a_time(store: StatusStore, path: Path) -> None:
    with pytest.raises(ConfigurationError, match="in use"):
        await store.open("us", None)
    with pytest.raises(ConfigurationError, match="another has it open"):
        await StatusStore(path).open("us", None)
    await store.close()
    await store.close()
    with pytest.raises(ConfigurationError, match="not open"):
        await store.counts()


async def test_a_store_that_is_opened_twice_at_once_is_opened_once() -> None:
    store = StatusStore(":memory:")
    results = await asyncio.gather(*(store.open("us", None) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(it, ConfigurationError) for it in results) == 2
    await store.close()


def test_a_store_is_nobody_elses_to_read(path: Path) -> None:
    asyncio.run(fill(path))
    assert path.stat().st_mode & 0o077 == 0
