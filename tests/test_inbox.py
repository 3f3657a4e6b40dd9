"""The inbox: what was put in is dealt with at least once and comes back just as it was, whatever ends or fails."""

import asyncio
import contextvars
import functools
import json
import logging
import random
import signal
import sqlite3
import stat
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import inbox_worker
from support.events import SECRET, Dealt, body, event, outcome, signed
from support.waiting import Moved

from ingram_orders import (
    ConfigurationError,
    DuplicateEventError,
    InboxFullError,
    InvalidRequestError,
    OrderCreatedEvent,
    OrderStatusEvent,
    SeenInFile,
    UnreadableEventError,
    WebhookEvent,
    WebhookInbox,
)
from ingram_orders.delivering import LOOK
from ingram_orders.exact_json import LONG_BODY, read_json
from ingram_orders.webhooks import read, restored


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.db"


@pytest.fixture
async def clock() -> Moved:
    return Moved()


@pytest.fixture
async def inbox(path: Path, clock: Moved) -> AsyncIterator[WebhookInbox]:
    async with WebhookInbox(path, clock=clock, sleep=clock.sleep) as opened:
        yield opened


async def until_settled(inbox: WebhookInbox) -> None:
    async with asyncio.timeout(60):
        while await inbox.waiting():
            pass


async def until_noted(path: Path) -> None:
    """Wait until nobody deals with an event."""
    async with asyncio.timeout(60):
        while set(rows(path, "owner")) != {None}:  # noqa: ASYNC110  # what another thread does
            await asyncio.sleep(0)


def rows(path: Path, columns: str = "event_id") -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(f"SELECT {columns} FROM events ORDER BY id").fetchall()
    return [it[0] if len(it) == 1 else it for it in found]


# ── Putting in ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_open", [True, False])
async def test_an_event_is_kept_once_also_for_others_and_after_a_restart(path: Path, is_open: bool) -> None:
    one, other = WebhookInbox(path), WebhookInbox(str(path))

    async def both() -> None:
        for inbox in (one, other):
            await inbox.put(event(f"N0{inbox is other:d}"))
            for again in (one, other):
                with pytest.raises(DuplicateEventError, match="was delivered before") as told:
                    await again.put(event(f"N0{inbox is other:d}", says="something else"))
                assert told.value.event_id == f"N0{inbox is other:d}"

    if is_open:
        async with one, one, other:
            await both()
    else:
        await both()
    assert await WebhookInbox(path).waiting() == 2
    assert rows(path) == ["N00", "N01"]


async def test_of_many_at_once_one_is_kept(inbox: WebhookInbox) -> None:
    results = await asyncio.gather(*(inbox.put(event("N01")) for _ in range(20)), return_exceptions=True)
    assert Counter(type(it) for it in results) == {type(None): 1, DuplicateEventError: 19}
    assert await inbox.waiting() == 1


async def test_a_full_inbox_says_so_and_takes_events_again_when_one_is_dealt_with(path: Path) -> None:
    inbox = WebhookInbox(path, at_most=2)
    async with inbox:
        await inbox.put(event("a"))
        await inbox.put(event("b"))
        with pytest.raises(InboxFullError, match="2 events wait to be dealt with") as told:
            await inbox.put(event("c"))
        assert told.value.status == 503
        with pytest.raises(DuplicateEventError):  # which needs no place
            await inbox.put(event("a"))
        await inbox.put(event("d"), deliver=False)  # nor does what is only kept
        assert await inbox.settle("a")
        await inbox.put(event("c"))
        assert await inbox.waiting() == 2


async def test_what_was_dealt_with_is_known_for_its_time_and_then_forgotten(path: Path, clock: Moved) -> None:
    async with WebhookInbox(path, keep=timedelta(seconds=10), clock=clock) as inbox:
        for event_id in ("a", "waits"):
            await inbox.put(event(event_id))
        await inbox.settle("a")
        clock.move(9)
        with pytest.raises(DuplicateEventError):
            await inbox.put(event("a"))
        clock.move(1)
        await inbox.put(event("a"))
        clock.move(1000)
        with pytest.raises(DuplicateEventError):  # of what was not, it knows for ever
            await inbox.put(event("waits"))
        assert rows(path) == ["waits", "a"]


async def test_what_is_only_kept_is_nobodys_to_deal_with(inbox: WebhookInbox, clock: Moved) -> None:
    dealt = Dealt()
    async with inbox.delivering(dealt):
        await inbox.put(event("a"), deliver=False)
        await inbox.put(event("b"))
        assert await dealt.until(1) == ["b"]
    assert await inbox.waiting() == 0
    assert not await inbox.settle("a")


async def test_settling_tells_whether_it_waited(inbox: WebhookInbox) -> None:
    await inbox.put(event("a"))
    assert [await inbox.settle(it) for it in ("a", "a", "b")] == [True, False, False]


async def test_a_put_that_is_cancelled_is_done_or_not_and_never_half(path: Path) -> None:
    async with WebhookInbox(path) as inbox:
        for turns in range(12):
            putting = asyncio.create_task(inbox.put(event(str(turns))))
            for _ in range(turns):
                await asyncio.sleep(0)
            putting.cancel()
            await asyncio.wait([putting])
        await inbox.waiting()  # after what was handed over before
        kept = set(rows(path))
        for turns in range(12):
            if str(turns) in kept:
                with pytest.raises(DuplicateEventError):
                    await inbox.put(event(str(turns)))
            else:
                await inbox.put(event(str(turns)))
    assert sorted(rows(path), key=int) == [str(it) for it in range(12)]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"path": ""}, "an inbox must be a file"), ({"path": None}, "an inbox must be a file"),
        ({"path": b"inbox.db"}, "an inbox must be a file"), ({"keep": timedelta(0)}, "keep must be a timedelta"),
        ({"keep": 5}, "keep must be a timedelta"), ({"at_most": 0}, "at_most must be a whole number"),
        ({"at_most": True}, "at_most must be a whole number"), ({"lease": timedelta(0)}, "lease must be a timedelta"),
        ({"lease": 30}, "lease must be a timedelta"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_right_is_told(settings: Any, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        WebhookInbox(**{"path": "inbox.db", **settings})


def test_it_is_nobody_elses_to_read_and_shows_its_path(path: Path) -> None:
    inbox = WebhookInbox(path)
    asyncio.run(inbox.put(event("a")))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert repr(inbox) == f"WebhookInbox({str(path)!r})"


def test_a_file_of_another_kind_is_refused_and_left_as_it_is(path: Path) -> None:
    asyncio.run(SeenInFile(path).add("a"))
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="not of the kind webhook inbox"):
        asyncio.run(WebhookInbox(path).put(event("a")))
    assert path.read_bytes() == before


@pytest.mark.parametrize("is_another_there", [True, False])
async def test_a_file_that_was_taken_away_keeps_nothing_and_says_so(tmp_path: Path, is_another_there: bool) -> None:
    file = tmp_path / "inbox.db"
    async with WebhookInbox(file) as inbox:
        await inbox.put(event("a"))
        for end in ("", "-wal", "-shm"):
            (tmp_path / f"inbox.db{end}").unlink()
        if is_another_there:
            await WebhookInbox(file).put(event("b"))
        for call in (lambda: inbox.put(event("c")), lambda: inbox.settle("a")):
            with pytest.raises(ConfigurationError, match="was taken away"):
                await call()


async def test_events_go_on_where_the_file_comes_back(
    tmp_path: Path, clock: Moved, caplog: pytest.LogCaptureFixture
) -> None:
    file, dealt = tmp_path / "inbox.db", Dealt()
    async with WebhookInbox(file, clock=clock, sleep=clock.sleep) as inbox:
        await inbox.put(event("a"))
        file.rename(tmp_path / "away.db")
        async with inbox.delivering(dealt):
            await clock.until_asleep(LOOK)
            assert dealt.ids == []
            assert "events cannot be dealt with: the file of the webhook inbox" in caplog.text
            (tmp_path / "away.db").rename(file)
            clock.move(LOOK)
            assert await dealt.until(1) == ["a"]


async def test_a_locked_file_is_told_and_nothing_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingram_orders.storage.PATIENCE", 0.05)
    async with WebhookInbox(path) as inbox:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(ConfigurationError, match="cannot be used: OperationalError: database is locked"):
                await inbox.put(event("a"))
        await inbox.put(event("a"))
    assert rows(path) == ["a"]


# ── What comes back ─────────────────────────────────────────────────────────────────────────────────────────────────


def strict(value: Any) -> str:
    """Tell data such that what is equal and not the same differs: 1, 1.0 and True; 100 and 1E+2."""
    return repr(value)


async def there_and_back(given: WebhookEvent) -> WebhookEvent:
    dealt = Dealt()
    async with WebhookInbox(":memory:") as inbox, inbox.delivering(dealt):
        await inbox.put(given)
        await dealt.until(1)
        await until_settled(inbox)
    return dealt.events[0]


NAMES = st.sampled_from(
    ["eventType", "EVENTTYPE", "orderNumber", "lines", "orders", "errors", "topic", "customerPoNumber", "resource"]
)
TEXTS = st.text(st.characters(exclude_categories=()), max_size=5)  # halves of characters, too
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)


def in_json(value: Any) -> str:
    """Write JSON with numbers just as they are given: texts in a tuple."""
    if isinstance(value, tuple):
        return str(value[0])
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{in_json(item)}" for key, item in value.items()) + "}"
    return "[" + ",".join(map(in_json, value)) + "]" if isinstance(value, list) else json.dumps(value)


PARTS = st.recursive(
    st.none() | st.booleans() | TEXTS | st.tuples(NUMBERS) | st.sampled_from([("NaN",), ("-Infinity",)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXTS, inner, max_size=4),
    max_leaves=15,
)
RESOURCES = st.dictionaries(NAMES | TEXTS, PARTS, max_size=5).map(
    lambda it: {"eventType": "im::async_order_create", **it}
)


@given(st.dictionaries(NAMES | TEXTS, PARTS, max_size=4), RESOURCES | PARTS, TEXTS | st.tuples(NUMBERS))
def test_an_event_comes_back_as_it_was_read(more: dict[str, Any], resource: Any, event_id: Any) -> None:
    posted = in_json({**more, "resource": resource, "eventId": event_id})
    try:
        told = read(posted, signed(str(read_json(posted.encode())["eventId"])), SECRET)
    except (ValueError, ArithmeticError, UnreadableEventError):  # an id that nobody can have signed
        return
    back = asyncio.run(there_and_back(told))
    assert strict(back) == strict(told)
    assert strict(back.data) == strict(told.data)


@pytest.mark.parametrize("told", ["1E+2", "1e31", "0.00000001", "-0.0", "12e0", "1" * 4000, "1e-400", "0E-7"])
async def test_a_number_comes_back_as_it_was_written_and_a_text_of_it_too(told: str) -> None:
    """Also where it should have been a text: the id by which an event is known must not change on the way."""
    given = read(f'{{"eventId": "a", "resource": [{{"orderNumber": {told}}}]}}', signed("a"), SECRET)
    assert isinstance(given, OrderStatusEvent)
    back = await there_and_back(given)
    assert isinstance(back, OrderStatusEvent)
    assert back.orders[0].order_number == given.orders[0].order_number
    assert strict(back.data) == strict(given.data)


async def test_what_is_large_comes_back_though_it_is_larger_when_kept() -> None:
    """Written as escapes, it holds more of them than are read of what somebody posts."""
    given = read(f'{{"eventId": "a", "says": "{"é" * 1_100_000}"}}', signed("a"), SECRET, largest=2**22)
    assert (await there_and_back(given)).data == given.data


async def test_a_long_event_is_read_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = {}

    def noted(data: Any) -> WebhookEvent:
        threads[data["eventId"]] = threading.current_thread()
        return restored(data)

    monkeypatch.setattr("ingram_orders.delivering.restored", noted)
    await there_and_back(event("short"))
    await there_and_back(event("long", padding="x" * LONG_BODY))
    assert threads["short"] is threading.main_thread()
    assert threads["long"] is not threading.main_thread()


@pytest.mark.parametrize("depth", [100, 300])
async def test_what_is_nested_comes_back(depth: int) -> None:
    given = read(f'{{"eventId": "a", "it": {"[" * depth}{"]" * depth}}}', signed("a"), SECRET)
    assert (await there_and_back(given)).data == given.data


async def test_what_is_nested_too_deep_is_told_and_not_kept(inbox: WebhookInbox) -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    given = event("a")
    with pytest.raises(UnreadableEventError, match="cannot be written: RecursionError"):
        await inbox.put(type(given)(**{**vars_of(given), "data": {"eventId": "a", "it": deep}}))
    assert await inbox.waiting() == 0


def vars_of(given: WebhookEvent) -> dict[str, Any]:
    return {it: getattr(given, it) for it in ("event_id", "topic", "event", "event_time", "orders")}


# ── Outcomes ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_outcomes_are_found_by_their_number_and_told_from_those_before_a_mark(inbox: WebhookInbox) -> None:
    await inbox.put(outcome("a", "PO-1"), deliver=False)
    await inbox.put(event("b"), deliver=False)
    mark = await inbox.mark()
    await inbox.put(outcome("c", " po-1 "), deliver=False)
    await inbox.put(outcome("d", "PO-2"), deliver=False)
    await inbox.put(outcome("e", "PO-1", errors=[{"message": "no"}]), deliver=False)
    found = await inbox.outcomes("PO-1", mark)
    assert [(it.event.event_id, it.is_after) for it in found] == [("a", False), ("c", True), ("e", True)]
    assert [it.event.event_id for it in await inbox.outcomes("PO-1", mark, found[1].id)] == ["e"]
    assert isinstance(found[0].event, OrderCreatedEvent)
    async with WebhookInbox(":memory:") as another:
        of_another = await another.mark()
    for no_mark in (None, of_another):
        assert not any(it.is_after for it in await inbox.outcomes("PO-1", no_mark))


async def test_half_a_character_in_a_number_is_kept_and_found(inbox: WebhookInbox) -> None:
    await inbox.put(outcome("a", "PO-\ud800"))
    assert [it.event.event_id for it in await inbox.outcomes("PO-\ud800", None)] == ["a"]
    assert await inbox.outcomes("PO-", None) == []


async def test_news_is_told_at_once_or_not_at_all(inbox: WebhookInbox, clock: Moved) -> None:
    told = asyncio.create_task(inbox.news(60))
    await clock.until_asleep(60)
    await inbox.put(event("a"))
    await asyncio.wait_for(told, 60)
    told = asyncio.create_task(inbox.news(60))
    await clock.until_asleep(60)
    clock.move(60)
    await asyncio.wait_for(told, 60)
    told = asyncio.create_task(inbox.news(60))
    await clock.until_asleep(60)
    told.cancel()
    with pytest.raises(asyncio.CancelledError):
        await told
    assert not inbox._told


# ── Dealing with events ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_waits_and_what_comes_is_dealt_with_once(inbox: WebhookInbox, clock: Moved) -> None:
    dealt = Dealt()
    await inbox.put(event("before"))
    async with inbox.delivering(dealt):
        await dealt.until(1)
        for number in range(50):
            await inbox.put(event(str(number)))
        await dealt.until(51)
        await until_settled(inbox)
    async with inbox.delivering(dealt):
        await clock.until_asleep(LOOK)
    assert Counter(dealt.ids) == Counter(["before", *map(str, range(50))])


async def test_what_is_put_in_while_it_looks_is_not_slept_over(
    inbox: WebhookInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It found nothing, and before it could wait for news, there were some: no time has to pass for these."""
    claim, dealt, came = inbox.claim, Dealt(), iter("a")

    async def slow(*arguments: Any) -> Any:
        claimed = await claim(*arguments)
        for event_id in came:
            await inbox.put(event(event_id))
        return claimed

    monkeypatch.setattr(inbox, "claim", slow)
    async with inbox.delivering(dealt), asyncio.timeout(10):
        assert await dealt.until(1) == ["a"]


async def test_what_another_puts_in_is_looked_for_now_and_then(inbox: WebhookInbox, path: Path, clock: Moved) -> None:
    dealt = Dealt()
    async with inbox.delivering(dealt):
        await clock.until_asleep(LOOK)
        await WebhookInbox(path, clock=clock).put(event("a"))
        assert dealt.ids == []
        clock.move(LOOK)
        assert await dealt.until(1) == ["a"]


async def test_what_fails_comes_again_later_each_time_and_is_told(
    inbox: WebhookInbox, path: Path, clock: Moved, caplog: pytest.LogCaptureFixture
) -> None:
    dealt = Dealt(*[ValueError(f"for the {it}. time") for it in range(14)])
    async with inbox.delivering(dealt):
        await inbox.put(event("a"))
        for count in range(1, 15):
            await dealt.until(count)
            await until_noted(path)
            await clock.until_asleep(LOOK)
            wait = min(2**count, 3600)
            clock.move(wait - 0.5)
            await clock.until_asleep(LOOK)
            assert len(dealt.ids) == count
            clock.move(LOOK)
        await dealt.until(15)
        await until_settled(inbox)
    lines = [it.getMessage() for it in caplog.records]
    assert lines[0] == "event a could not be dealt with, and comes again in 2 s: ValueError: for the 0. time"
    assert [line.split("again in ")[1].split(" s:")[0] for line in lines] == [
        str(min(2**it, 3600)) for it in range(1, 15)
    ]
    assert all(it.levelno == logging.ERROR and it.exc_info for it in caplog.records)


@pytest.mark.parametrize("failures", [1_022, 1_023, 10**6])
async def test_what_has_failed_for_months_stops_nobody_else(
    inbox: WebhookInbox, path: Path, clock: Moved, failures: int
) -> None:
    await inbox.put(event("poison"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET failures = ?", (failures,))
    dealt = Dealt(ValueError("again"))
    async with inbox.delivering(dealt):
        await dealt.until(1)
        await inbox.put(event("good"))
        await dealt.until(2)
        await until_noted(path)
        await clock.until_asleep(LOOK)
        clock.move(3600)
        assert (await dealt.until(3)) == ["poison", "good", "poison"]


class Rude(Exception):
    def __str__(self) -> str:
        raise ValueError("cannot be shown")


async def of_its_own() -> None:
    task = asyncio.ensure_future(asyncio.Event().wait())
    asyncio.get_running_loop().call_soon(task.cancel)
    await task


class Panic(BaseException):
    """As what is written in Rust raises."""


@pytest.mark.parametrize(
    "how", ["raise", "unshowable", "cancelled", "group", "panic", "group of the cancelled", "stop"]
)
@pytest.mark.parametrize("is_plain", [False, True], ids=["async", "plain"])
async def test_one_that_fails_stops_no_other(inbox: WebhookInbox, how: str, is_plain: bool) -> None:
    dealt = Dealt()

    async def on_event(event: WebhookEvent) -> None:
        if event.event_id == "poison":
            if how == "cancelled":
                await of_its_own()
            if how == "group":
                async with asyncio.TaskGroup() as group:
                    group.create_task(of_its_own()).cancel()
                    raise ValueError("x")
            if how == "group of the cancelled":
                raise BaseExceptionGroup("x", [asyncio.CancelledError()])
            raise {"unshowable": Rude, "panic": Panic}.get(how, KeyError)("x")
        await dealt(event)

    loop = asyncio.get_running_loop()

    def plain(event: WebhookEvent) -> None:
        if event.event_id == "poison" and how == "stop":
            raise StopIteration
        asyncio.run_coroutine_threadsafe(on_event(event), loop).result()

    async with inbox.delivering(plain if is_plain else on_event, at_once=1):
        for event_id in ("poison", "a", "b"):
            await inbox.put(event(event_id))
        assert await dealt.until(2) == ["a", "b"]
        async with asyncio.timeout(60):
            while await inbox.waiting() != 1:
                pass


async def test_what_ends_all_delivery_is_told_at_once_and_again_at_the_end(
    inbox: WebhookInbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("unforeseen")

    monkeypatch.setattr(inbox, "claim", broken)
    lines: list[logging.LogRecord] = []

    async def run() -> None:
        async with inbox.delivering(Dealt()) as delivery:
            await asyncio.wait([delivery])
            lines.extend(caplog.records)

    with pytest.raises(ExceptionGroup):
        await run()
    assert [(it.levelno, it.getMessage().split(":")[0]) for it in lines] == [
        (logging.ERROR, "events are dealt with no more")
    ]
    assert "KeyError: 'unforeseen'" in caplog.text


async def test_a_row_that_somebody_else_spoilt_stops_no_other(
    inbox: WebhookInbox, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for event_id in ("spoilt", "good"):
        await inbox.put(event(event_id))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET data = '{' WHERE event_id = 'spoilt'")
    dealt = Dealt()
    async with inbox.delivering(dealt):
        assert await dealt.until(1) == ["good"]
    assert "event spoilt could not be dealt with" in caplog.text


@pytest.mark.parametrize("at_once", [1, 3])
async def test_no_more_are_dealt_with_at_a_time_than_may_be(inbox: WebhookInbox, at_once: int) -> None:
    now, most, go_on = set[str](), 0, asyncio.Semaphore(0)
    done = asyncio.Queue[str]()

    async def on_event(event: WebhookEvent) -> None:
        nonlocal most
        now.add(event.event_id)
        most = max(most, len(now))
        if len(now) == at_once:
            go_on.release()
        await go_on.acquire()
        go_on.release()
        now.discard(event.event_id)
        done.put_nowait(event.event_id)

    for number in range(10):
        await inbox.put(event(str(number)))
    async with inbox.delivering(on_event, at_once=at_once), asyncio.timeout(60):
        assert {await done.get() for _ in range(10)} == {str(it) for it in range(10)}
    assert most == at_once


@pytest.mark.parametrize("kind", ["function", "partial", "lambda that gives a coroutine", "object"])
async def test_a_plain_function_deals_with_events_in_a_thread_of_its_own(inbox: WebhookInbox, kind: str) -> None:
    """So that what takes long there holds up neither the event loop nor others' work."""
    given = asyncio.Queue[tuple[str, str, str]]()
    loop, said = asyncio.get_running_loop(), contextvars.ContextVar("said", default="")
    said.set("hello")

    def note(event: WebhookEvent, _: object = None) -> None:
        loop.call_soon_threadsafe(given.put_nowait, (event.event_id, threading.current_thread().name, said.get()))

    async def later(event: WebhookEvent) -> None:
        note(event)

    class Notes:
        __call__ = staticmethod(note)

    kinds: dict[str, Any] = {
        "function": note, "partial": functools.partial(note, _=1), "object": Notes(),
        "lambda that gives a coroutine": lambda event: later(event),
    }  # fmt: skip
    async with inbox.delivering(kinds[kind]), asyncio.timeout(60):
        await inbox.put(event("a"))
        event_id, thread, words = await given.get()
    assert (event_id, words) == ("a", "hello")
    assert thread.startswith("MainThread" if kind.startswith("lambda") else "on_event")


@pytest.mark.parametrize("kind", ["function", "partial", "method", "object"])
async def test_an_async_function_is_called_in_the_event_loop_however_it_is_given(
    inbox: WebhookInbox, kind: str
) -> None:
    called = asyncio.Queue[threading.Thread]()

    class Notes:
        async def __call__(self, event: WebhookEvent, _: object = None) -> None:
            called.put_nowait(threading.current_thread())

    notes = Notes()

    async def function(event: WebhookEvent, _: object = None) -> None:
        await notes(event)

    kinds: dict[str, Any] = {
        "function": function, "partial": functools.partial(function, _=1), "method": notes.__call__, "object": notes,
    }  # fmt: skip
    async with inbox.delivering(kinds[kind]), asyncio.timeout(60):
        await inbox.put(event("a"))
        assert await called.get() is threading.main_thread()


async def test_a_plain_function_is_waited_for_at_the_end_of_the_block(inbox: WebhookInbox, path: Path) -> None:
    begun, go_on, dealt = threading.Event(), threading.Event(), []

    def on_event(event: WebhookEvent) -> None:
        begun.set()
        go_on.wait(60)
        dealt.append(event.event_id)

    async def after_all_is_cancelled() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        go_on.set()

    async with inbox.delivering(on_event):
        await inbox.put(event("a"))
        await asyncio.to_thread(begun.wait, 60)
        ending = asyncio.create_task(after_all_is_cancelled())
    await ending
    assert dealt == ["a"]
    assert rows(path, "owner, settled_at") == [(None, None)]


@pytest.mark.parametrize("at_once", [0, -1, 1.5, True, "2"])
async def test_a_number_that_is_none_is_told(inbox: WebhookInbox, at_once: Any) -> None:
    with pytest.raises(InvalidRequestError, match="at_once"):
        async with inbox.delivering(Dealt(), at_once=at_once):
            pass


async def test_what_cannot_be_called_is_told(inbox: WebhookInbox) -> None:
    on_event: Any = "print"
    with pytest.raises(ConfigurationError, match="on_event must be a function, not 'print'"):
        async with inbox.delivering(on_event):
            pass


async def test_an_error_of_the_block_comes_through(inbox: WebhookInbox) -> None:
    with pytest.raises(KeyError, match="of the block"):
        async with inbox.delivering(Dealt()):
            raise KeyError("of the block")


# ── Who ends, and who goes on ───────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_under_way_at_the_end_comes_again_at_once(path: Path, clock: Moved) -> None:
    under_way = asyncio.Queue[str]()

    async def never(event: WebhookEvent) -> None:
        under_way.put_nowait(event.event_id)
        await asyncio.Event().wait()

    async with WebhookInbox(path, clock=clock, sleep=clock.sleep) as inbox:
        for number in range(4):
            await inbox.put(event(str(number)))
        async with inbox.delivering(never, at_once=3), asyncio.timeout(60):
            for _ in range(3):
                await under_way.get()
    assert rows(path, "owner, settled_at, failures") == [(None, None, 0)] * 4
    dealt = Dealt()
    async with WebhookInbox(path, clock=clock, sleep=clock.sleep) as inbox, inbox.delivering(dealt):
        assert sorted(await dealt.until(4)) == ["0", "1", "2", "3"]


async def test_a_block_that_ends_at_any_moment_leaves_nothing_claimed(path: Path) -> None:
    async with WebhookInbox(path) as inbox:
        for number in range(40):
            await inbox.put(event(str(number)))
        dealt = Dealt()
        for turns in range(40):
            async with inbox.delivering(dealt, at_once=2):
                for _ in range(turns):
                    await asyncio.sleep(0)
            assert set(rows(path, "owner")) == {None}
        async with inbox.delivering(dealt):
            await until_settled(inbox)
    assert set(dealt.ids) == {str(it) for it in range(40)}


async def test_what_ends_with_an_answer_to_its_cancellation_was_dealt_with(inbox: WebhookInbox) -> None:
    under_way = asyncio.Event()

    async def finishes(event: WebhookEvent) -> None:
        under_way.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    async with inbox.delivering(finishes):
        await inbox.put(event("a"))
        await under_way.wait()
    assert await inbox.waiting() == 0


async def crash(path: Path, clock: Moved) -> None:
    """Leave the file as a process does that is killed while it deals with all that there is."""
    async with WebhookInbox(path, clock=clock, sleep=clock.sleep) as inbox:
        for _ in range(await inbox.waiting()):
            assert await inbox.claim("who was killed", set()) is not None


async def test_what_a_crash_left_is_dealt_with_when_its_lease_is_over(path: Path, clock: Moved) -> None:
    await WebhookInbox(path, clock=clock).put(event("a"))
    await crash(path, clock)
    dealt = Dealt()
    async with WebhookInbox(path, clock=clock, sleep=clock.sleep) as inbox, inbox.delivering(dealt):
        await clock.until_asleep(LOOK)
        clock.move(29)
        await clock.until_asleep(LOOK)
        assert dealt.ids == []
        clock.move(1)
        assert await dealt.until(1) == ["a"]


async def test_who_lives_keeps_what_is_his_for_however_long(path: Path, clock: Moved) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(event: WebhookEvent) -> None:
        begun.set()
        await go_on.wait()

    one, other = (WebhookInbox(path, clock=clock, sleep=clock.sleep) for _ in range(2))
    dealt = Dealt()
    async with one, other, one.delivering(slow):
        await one.put(event("a"))
        await begun.wait()
        async with other.delivering(dealt):
            for _ in range(10):
                await clock.until_asleep(10, people=2)  # who have given signs of life
                await clock.until_asleep(LOOK, people=2)  # and have looked
                clock.move(10)
            await clock.until_asleep(LOOK, people=2)
            go_on.set()
            await until_settled(one)
    assert dealt.ids == []


async def test_what_is_under_way_is_not_begun_twice_when_the_lease_ends_meanwhile(path: Path, clock: Moved) -> None:
    """As it may where something held the event loop, and no sign of life was given."""
    begun, go_on = asyncio.Queue[str](), asyncio.Event()

    async def slow(event: WebhookEvent) -> None:
        begun.put_nowait(event.event_id)
        await go_on.wait()

    async with WebhookInbox(path, clock=clock, sleep=clock.sleep) as inbox, inbox.delivering(slow):
        await inbox.put(event("a"))
        assert await begun.get() == "a"
        clock.now += 31
        await inbox.put(event("b"))
        assert await begun.get() == "b"
        await clock.until_asleep(LOOK)
        assert begun.empty()
        go_on.set()
        await until_settled(inbox)


@pytest.mark.parametrize("again_in", [None, 2.0], ids=["done", "failed"])
async def test_who_has_lost_an_event_to_another_notes_nothing_of_it(
    inbox: WebhookInbox, path: Path, clock: Moved, again_in: float | None
) -> None:
    await inbox.put(event("a"))
    lost = await inbox.claim("late", set())
    clock.move(30)
    claimed = await inbox.claim("another", set())
    assert claimed is not None
    assert lost == claimed
    before = rows(path, "owner, settled_at, due_at, failures")
    await inbox.note(claimed, "late", again_in=again_in)
    assert rows(path, "owner, settled_at, due_at, failures") == before
    await inbox.note(claimed, "another", again_in=None)
    assert await inbox.waiting() == 0


async def test_what_cannot_be_noted_comes_again(
    path: Path, clock: Moved, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It was dealt with, and the file was locked: nobody keeps it as his own then."""
    monkeypatch.setattr("ingram_orders.storage.PATIENCE", 0.0)
    dealt = Dealt()
    async with WebhookInbox(path, clock=clock, sleep=clock.sleep) as inbox:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:

            async def on_event(event: WebhookEvent) -> None:
                if not dealt.ids:
                    other.execute("BEGIN IMMEDIATE")
                await dealt(event)

            async with inbox.delivering(on_event):
                await inbox.put(event("a"))
                await dealt.until(1)
                while "cannot be noted, and it comes again" not in caplog.text:  # noqa: ASYNC110
                    await asyncio.sleep(0)
                other.execute("ROLLBACK")
                for _ in range(4):  # as long as it gives signs of life
                    await clock.until_asleep(LOOK)
                    await clock.until_asleep(10)
                    clock.move(10)
                assert await dealt.until(2) == ["a", "a"]
                await until_settled(inbox)


@pytest.mark.parametrize("back", [100, 10**6])
async def test_a_clock_that_goes_back_stops_nothing_for_long(path: Path, clock: Moved, back: float) -> None:
    clock.now = 2e6
    for event_id in ("claimed", "waits"):
        await WebhookInbox(path, clock=clock).put(event(event_id))
        if event_id == "claimed":
            await crash(path, clock)
    clock.now -= back
    dealt = Dealt()
    async with WebhookInbox(path, clock=clock, sleep=clock.sleep) as inbox, inbox.delivering(dealt):
        await clock.until_asleep(LOOK)
        if back == 100:
            clock.move(130)
        assert sorted(await dealt.until(2)) == ["claimed", "waits"]


async def test_several_who_deal_with_one_file_share_the_work(path: Path) -> None:
    dealt = Dealt()
    inboxes = [WebhookInbox(path) for _ in range(3)]
    async with inboxes[0], inboxes[1], inboxes[2]:
        for number in range(30):
            await inboxes[number % 3].put(event(str(number)))
        async with inboxes[0].delivering(dealt), inboxes[1].delivering(dealt), inboxes[2].delivering(dealt):
            await dealt.until(30)
            await until_settled(inboxes[0])
    assert sorted(dealt.ids, key=int) == [str(it) for it in range(30)]


def test_an_inbox_is_used_in_several_loops_one_after_the_other(path: Path) -> None:
    """In each it waits for events that come, and looks for them no more often than it should."""
    inbox, looks = WebhookInbox(path), 0
    claim = inbox.claim

    async def counted(*arguments: Any) -> Any:
        nonlocal looks
        looks += 1
        return await claim(*arguments)

    inbox.claim = counted  # type: ignore[method-assign, assignment]

    async def main(event_id: str) -> list[str]:
        dealt = Dealt()
        async with inbox.delivering(dealt):
            while not inbox._told:  # noqa: ASYNC110  # it waits for what comes
                await asyncio.sleep(0)
            await inbox.put(event(event_id))
            await dealt.until(1)
            await until_settled(inbox)
            for _ in range(100):
                await asyncio.sleep(0)
        return dealt.ids

    assert [asyncio.run(main(it)) for it in "abc"] == [["a"], ["b"], ["c"]]
    assert looks < 30


def test_an_inbox_that_is_open_in_another_loop_says_so(path: Path) -> None:
    inbox = WebhookInbox(path)

    async def main() -> None:
        async with inbox:
            with pytest.raises(ConfigurationError, match="is open in another event loop; make one for each"):
                await asyncio.to_thread(asyncio.run, inbox.put(event("a")))

    asyncio.run(main())


# ── Killed ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def killed_many_times(folder: Path, way: str, kills: int) -> tuple[set[str], Counter[str]]:
    """
    Post events to a process that is killed at some moment, many times, and let the last one finish. To another, all
    that were answered are posted again: it knows them.

    Returns:
        Which events were answered 200, and how many times each was dealt with.
    """
    pick, answered, posted = random.Random(), set[str](), 0
    dealt = folder / "dealt"

    async def run(kill_after: int | None = None, again: Iterable[str] = ()) -> None:
        nonlocal posted
        process = await asyncio.create_subprocess_exec(
            sys.executable, inbox_worker.__file__, str(folder), way, stdout=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.PIPE, cwd=Path.cwd(),
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        url = (await process.stdout.readline()).decode().strip()
        left = kill_after

        async def post(session: aiohttp.ClientSession) -> None:
            nonlocal posted, left
            while process.returncode is None and left is not None:
                event_id = f"N{(posted := posted + 1)}"
                try:
                    async with session.post(
                        url, data=body(event_id), headers={"x-hub-signature": signed(event_id)}
                    ) as answer:
                        status = answer.status
                except (aiohttp.ClientError, ConnectionError):
                    return
                assert status == 200
                answered.add(event_id)
                left -= 1
                if left == 0:
                    for _ in range(pick.randrange(30)):
                        await asyncio.sleep(0)
                    process.send_signal(signal.SIGKILL)

        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(post(session) for _ in range(4)))
            for event_id in again:
                headers = {"x-hub-signature": signed(event_id)}
                async with session.post(url, data=body(event_id), headers=headers) as answer:
                    assert answer.status == 200
        process.stdin.close()
        await process.wait()
        for it in threading.enumerate():  # in Python 3.11, one waits for the process, and is about to end
            if it.name.startswith("asyncio-waitpid"):
                await asyncio.to_thread(it.join)

    def all_dealt() -> Counter[str]:
        return Counter(dealt.read_text().split() if dealt.exists() else [])

    for _ in range(kills):
        await run(kill_after=pick.randrange(1, 25))
    await run()
    told = all_dealt()
    if way == "careful":
        await run(again=answered)
        assert all_dealt() == told
    return answered, told


@pytest.mark.parametrize("kills", [6, pytest.param(25, marks=pytest.mark.slow)])
async def test_what_was_answered_is_dealt_with_though_who_does_is_killed_at_any_moment(
    tmp_path: Path, kills: int
) -> None:
    answered, dealt = await killed_many_times(tmp_path, "careful", kills)
    assert len(answered) >= kills
    assert answered - set(dealt) == set()
    again = sum(dealt.values()) - len(dealt)
    assert again <= kills * inbox_worker.AT_ONCE  # only what was under way
    assert set(rows(tmp_path / "inbox.db", "settled_at IS NOT NULL")) == {1}
    assert set(dealt) == set(rows(tmp_path / "inbox.db"))


@pytest.mark.slow
@pytest.mark.parametrize("way", ["settles first", "in memory"])
async def test_who_is_careless_is_found_out_by_that(tmp_path: Path, way: str) -> None:
    answered, dealt = await killed_many_times(tmp_path, way, 6)
    assert answered - set(dealt) != set()
