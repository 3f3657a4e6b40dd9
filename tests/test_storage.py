"""One database, one thread: whole pieces of work, files that are not taken for another's, and nothing left behind."""

import asyncio
import gc
import sqlite3
import threading
from pathlib import Path

import pytest

from ingram_orders import ConfigurationError
from ingram_orders.storage import MEMORY, Kind, Storage

NOTES = Kind(name="notes", application_id=0x4E4F5445, version=3, schema="CREATE TABLE notes (text TEXT NOT NULL)")


def all_of(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY rowid")]


async def test_what_was_written_is_read_also_by_another_who_opens_the_file(tmp_path: Path) -> None:
    for text in ("one", "two"):

        def add(connection: sqlite3.Connection, text: str = text) -> None:
            connection.execute("INSERT INTO notes VALUES (?)", (text,))

        async with Storage(tmp_path / "notes.db", NOTES) as storage:
            await storage.run(add)
    async with Storage(tmp_path / "notes.db", NOTES) as storage:
        assert await storage.run(all_of) == ["one", "two"]


async def test_work_that_fails_leaves_nothing_of_itself() -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes VALUES ('half')")
        raise KeyError("the other half")

    async with Storage(MEMORY, NOTES) as storage:
        with pytest.raises(KeyError, match="the other half"):
            await storage.run(half)
        assert await storage.run(all_of) == []


async def test_work_is_done_in_the_order_it_came_and_off_the_loop() -> None:
    threads = set()

    def note(text: str) -> "asyncio.Future[None]":
        def work(connection: sqlite3.Connection) -> None:
            threads.add(threading.current_thread())
            connection.execute("INSERT INTO notes VALUES (?)", (text,))

        return asyncio.ensure_future(storage.run(work))

    async with Storage(MEMORY, NOTES) as storage:
        await asyncio.gather(*(note(str(number)) for number in range(50)))
        assert await storage.run(all_of) == [str(number) for number in range(50)]
    assert len(threads) == 1
    assert threading.main_thread() not in threads


async def test_work_goes_on_when_who_waits_for_it_is_cancelled() -> None:
    go = threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        go.wait(10)
        connection.execute("INSERT INTO notes VALUES ('slow')")

    async with Storage(MEMORY, NOTES) as storage:
        under_way = asyncio.create_task(storage.run(slow))
        queued = asyncio.create_task(
            storage.run(lambda connection: connection.execute("INSERT INTO notes VALUES ('queued')"))
        )
        await asyncio.sleep(0)
        under_way.cancel()
        queued.cancel()
        await asyncio.gather(under_way, queued, return_exceptions=True)
        go.set()
        assert await storage.run(all_of) == ["slow", "queued"]


async def test_a_file_of_another_kind_or_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    async with Storage(file, NOTES):
        pass
    before = file.read_bytes()
    for kind, why in [
        (Kind(name="letters", application_id=7, version=3, schema=NOTES.schema), "not of the kind letters"),
        (Kind(name="notes", application_id=NOTES.application_id, version=4, schema=NOTES.schema), "schema is 3, this"),
    ]:
        with pytest.raises(ConfigurationError, match=why):
            async with Storage(file, kind):
                pass
    assert file.read_bytes() == before


async def test_somebody_elses_database_is_not_written_to(tmp_path: Path) -> None:
    file = tmp_path / "theirs.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    with pytest.raises(ConfigurationError, match="not of the kind notes"):
        async with Storage(file, NOTES):
            pass


@pytest.mark.parametrize("content", [b"no database at all, but long enough to look like one" * 10, None])
async def test_what_cannot_be_opened_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "folder"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        async with Storage(file, NOTES):
            pass


async def test_a_file_is_one_owners_at_a_time(tmp_path: Path) -> None:
    async with Storage(tmp_path / "notes.db", NOTES):
        with pytest.raises(ConfigurationError, match="another has it open"):
            async with Storage(tmp_path / "notes.db", NOTES):
                pass


async def test_closing_twice_is_fine_and_leaves_no_thread() -> None:
    threads = threading.active_count()
    storage = Storage(MEMORY, NOTES)
    async with storage:
        assert threading.active_count() > threads
        await storage.close()
    await storage.close()
    assert not [it for it in threading.enumerate() if it.name.startswith("sqlite notes")]
    with pytest.raises(ConfigurationError, match="is not open"):
        await storage.run(all_of)


async def test_work_that_fails_after_its_waiter_has_gone_is_nobodys_trouble() -> None:
    begun, go_on, complaints = threading.Event(), threading.Event(), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    def work(_: sqlite3.Connection) -> None:
        begun.set()
        go_on.wait(10)
        raise ValueError("nobody waits for it")

    async with Storage(MEMORY, NOTES) as storage:
        waiting = asyncio.create_task(storage.run(work))
        await asyncio.to_thread(begun.wait, 10)
        waiting.cancel()
        await asyncio.wait([waiting])
        go_on.set()
        await storage.run(all_of)
    gc.collect()
    assert complaints == []
