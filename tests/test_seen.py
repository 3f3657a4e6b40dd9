"""What was delivered before: known for its time and no longer, in memory and in a file that many processes use."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.waiting import Waits

from ingram_orders import ConfigurationError, DuplicateEventError, SeenEvents, SeenInFile, SeenInMemory, WebhookInbox

Make = Callable[..., SeenEvents]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "seen.db"


@pytest.fixture(params=["memory", "file"])
def make(request: pytest.FixtureRequest, path: Path) -> Make:
    """Make one of either kind, by the same arguments."""
    return SeenInMemory if request.param == "memory" else lambda *args, **settings: SeenInFile(path, *args, **settings)


async def is_new(seen: SeenEvents, event_id: str) -> bool:
    try:
        await seen.add(event_id)
    except DuplicateEventError as known:
        return known.event_id != event_id
    return True


# ── Of both kinds ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_event_is_new_once(make: Make) -> None:
    seen = make()
    assert [await is_new(seen, it) for it in ("a", "b", "a", "A", "a ", "", "ä", "a\x00b", "b")] == [
        True, True, False, True, True, True, True, True, False,
    ]  # fmt: skip


async def test_one_that_is_known_is_told_by_its_id(make: Make) -> None:
    seen = make()
    await seen.add("N01")
    with pytest.raises(DuplicateEventError, match="the event 'N01' was delivered before") as told:
        await seen.add("N01")
    assert told.value.status == 200


async def test_it_is_known_for_its_time_and_no_longer(make: Make) -> None:
    """From when it was first delivered: what comes again does not make it known for longer."""
    waits = Waits()
    seen = make(timedelta(seconds=10), clock=waits)
    told = []
    for _ in range(6):
        told.append(await is_new(seen, "a"))
        waits.now += 4
    assert told == [True, False, False, True, False, False]


async def test_of_many_at_once_one_is_new(make: Make) -> None:
    seen = make()
    assert sum(await asyncio.gather(*(is_new(seen, "a") for _ in range(20)))) == 1


@pytest.mark.parametrize("keep", [timedelta(0), timedelta(-1), 30, None, "30 days"])
def test_a_time_that_is_none_is_told(make: Make, keep: Any) -> None:
    with pytest.raises(ConfigurationError, match="keep must be a timedelta above 0"):
        make(keep)


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 6)), max_size=30))
def test_both_kinds_know_the_same(moves: list[tuple[str, int]]) -> None:
    async def all_told(seen: SeenEvents, waits: Waits) -> list[bool]:
        told = []
        for event_id, seconds in moves:
            waits.now += seconds
            told.append(await is_new(seen, event_id))
        return told

    async def both() -> None:
        keep, one, other = timedelta(seconds=5), Waits(), Waits()
        in_file = SeenInFile("ignored", keep, clock=other)
        in_file._storage = type(in_file._storage)(":memory:", in_file._storage._kind)
        async with in_file:
            assert await all_told(SeenInMemory(keep, clock=one), one) == await all_told(in_file, other)

    asyncio.run(both())


# ── In memory ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_no_more_are_kept_than_may_be_and_the_oldest_goes_first() -> None:
    seen = SeenInMemory(at_most=3)
    for event_id in "abcd":
        await seen.add(event_id)
    assert [await is_new(seen, it) for it in "bcd"] == [False] * 3
    assert await is_new(seen, "a")
    for number in range(1000):
        await seen.add(str(number))
    assert len(seen._seen) == 3


@pytest.mark.parametrize("at_most", [0, -1, 1.5, True, None, "3"])
def test_a_number_that_is_none_is_told(at_most: Any) -> None:
    with pytest.raises(ConfigurationError, match="at_most must be a whole number, 1 or more"):
        SeenInMemory(at_most=at_most)


async def test_what_its_time_is_over_is_no_longer_in_memory() -> None:
    waits = Waits()
    seen = SeenInMemory(timedelta(seconds=10), clock=waits)
    for number in range(100):
        await seen.add(str(number))
        waits.now += 1
    assert len(seen._seen) == 10


# ── In a file ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_open", [True, False])
async def test_a_file_knows_after_a_restart_and_what_others_have_seen(path: Path, is_open: bool) -> None:
    one, other = SeenInFile(path), SeenInFile(str(path))
    if is_open:
        async with one, one, other:
            assert [await is_new(it, event_id) for event_id in "ab" for it in (one, other, one)] == [
                True, False, False, True, False, False,
            ]  # fmt: skip
    else:
        assert [await is_new(it, "a") for it in (one, other)] == [True, False]
    assert not await is_new(SeenInFile(path), "a")


def test_a_file_is_used_in_several_loops_one_after_the_other(path: Path) -> None:
    seen = SeenInFile(path)
    assert [asyncio.run(is_new(seen, "a")) for _ in range(3)] == [True, False, False]


def test_of_several_processes_one_sees_an_event_first(path: Path) -> None:
    code = """if True:
        import asyncio, sys
        from ingram_orders import DuplicateEventError, SeenInFile
        async def main():
            async with SeenInFile(sys.argv[1]) as seen:
                for number in range(100):
                    try:
                        await seen.add(str(number))
                        print(number)
                    except DuplicateEventError:
                        pass
        asyncio.run(main())"""
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    seen = [it for process in running for it in process.communicate(timeout=120)[0].split()]
    assert all(process.returncode == 0 for process in running)
    assert sorted(seen, key=int) == [str(number) for number in range(100)]


async def test_a_file_forgets_on_the_disk_too(path: Path) -> None:
    waits = Waits()
    async with SeenInFile(path, timedelta(seconds=10), clock=waits) as seen:
        for number in range(100):
            await seen.add(str(number))
            waits.now += 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM seen").fetchone() == (10,)


async def test_a_clock_that_goes_back_makes_nothing_new(path: Path) -> None:
    waits = Waits()
    seen = SeenInFile(path, timedelta(seconds=10), clock=waits)
    await seen.add("a")
    waits.now -= 500
    assert not await is_new(seen, "a")


def test_a_file_is_nobody_elses_to_read(path: Path) -> None:
    asyncio.run(SeenInFile(path).add("a"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("path", ["", ":memory:", None, 5, b"seen.db"])
def test_what_is_no_file_is_told(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="what was seen is kept in a file"):
        SeenInFile(path)


def test_a_file_of_another_kind_is_refused_and_left_as_it_is(path: Path) -> None:
    asyncio.run(WebhookInbox(path).waiting())
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="not of the kind file of seen events"):
        asyncio.run(SeenInFile(path).add("a"))
    assert path.read_bytes() == before


async def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        await SeenInFile(tmp_path).add("a")


@pytest.mark.parametrize("is_another_there", [True, False])
async def test_a_file_that_was_taken_away_keeps_nothing_and_says_so(tmp_path: Path, is_another_there: bool) -> None:
    path = tmp_path / "seen.db"
    async with SeenInFile(path) as seen:
        await seen.add("a")
        for end in ("", "-wal", "-shm"):
            (tmp_path / f"seen.db{end}").unlink()
        if is_another_there:
            await SeenInFile(path).add("b")
        with pytest.raises(ConfigurationError, match="was taken away"):
            await seen.add("c")


async def test_half_a_character_is_no_id_and_told(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used: UnicodeEncodeError"):
        await SeenInFile(path).add("\ud800")


async def test_it_shows_its_path(path: Path) -> None:
    assert repr(SeenInFile(path)) == f"SeenInFile({str(path)!r})"
