"""The handler: what is posted is answered at once, by the right status, and nothing that was answered 200 is lost."""

import asyncio
import gc
import gzip
import io
import re
import sqlite3
import threading
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, nullcontext
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from support.events import SECRET, Dealt, body, event, signed

from ingram_orders import (
    ConfigurationError,
    ConnectionLostError,
    DuplicateEventError,
    IngramError,
    InvalidRequestError,
    SeenInFile,
    SeenInMemory,
    WebhookEvent,
    WebhookHandler,
    WebhookInbox,
    webhook_handler,
)
from ingram_orders.exact_json import LONG_BODY
from ingram_orders.receiving import _KEEPERS, WAITING
from ingram_orders.webhooks import read

PATH = "/ingram"


@asynccontextmanager
async def serving(
    handler: WebhookHandler, *, method: str = "POST", runs: bool = True, **settings: Any
) -> AsyncIterator[str]:
    """Serve it on a free port of this machine, and give where."""
    app = web.Application()
    app.router.add_route(method, PATH, handler)
    if runs:
        app.cleanup_ctx.append(handler.running)
    runner = web.AppRunner(app, shutdown_timeout=0.1, **settings)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
    finally:
        await runner.cleanup()


async def post(url: str, data: Any, signature: str | None = None, **more: Any) -> tuple[int, str, dict[str, str]]:
    if isinstance(data, bytes) and len(data) > 2**20:
        data = io.BytesIO(data)
    headers = {**({} if signature is None else {"x-hub-signature": signature}), **more.pop("headers", {})}
    async with (
        aiohttp.ClientSession() as session,
        session.request(more.pop("method", "POST"), url, data=data, headers=headers, **more) as answer,
    ):
        return answer.status, await answer.text(), {**answer.headers}


async def post_event(url: str, event_id: str, **more: Any) -> int:
    status, _, _ = await post(url, body(event_id, **more), signed(event_id))
    return status


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect, to say what no client would."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(re.findall(r":(\d+)/", url)[0]))
    try:
        yield reader, writer
    finally:
        writer.close()


def head(event_id: str, *headers: str) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "Host: x", f"X-Hub-Signature: {signed(event_id)}", *headers, "", ""]
    return "\r\n".join(lines).encode()


async def status_of(reader: asyncio.StreamReader) -> int:
    async with asyncio.timeout(60):
        return int((await reader.readline()).split()[1])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # what the server does meanwhile
            await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def nothing_goes_wrong_in_the_server(caplog: pytest.LogCaptureFixture) -> Any:
    """No request ends in a traceback of the server's, and no line shows the secret or a signature."""
    yield
    for record in caplog.get_records("call"):
        if record.name == "aiohttp.server":  # which reads what is left, and tells what it finds there
            assert record.exc_info is not None
            assert isinstance(record.exc_info[1], web.RequestPayloadError), record.getMessage()
        assert SECRET not in record.getMessage()
        assert signed("N01") not in record.getMessage()


# ── What it answers ─────────────────────────────────────────────────────────────────────────────────────────────────

GOOD = body("N01")
HALF = "\\ud800"
A_BOMB = gzip.compress(b" " * 2**26)
ANSWERS: dict[str, tuple[Any, str | None, dict[str, Any], int]] = {
    "an event": (GOOD, signed("N01"), {}, 200),
    "an event of an old secret": (GOOD, signed("N01", "old"), {}, 200),
    "unknown, but signed": (b'[{"eventId": "N01"}]', signed("N01"), {}, 200),
    "in UTF-16": (GOOD.decode().encode("utf-16"), signed("N01"), {}, 200),
    "half a character": (f'{{"eventId": "N01", "{HALF}": "{HALF}"}}'.encode(), signed("N01"), {}, 200),
    "compressed": (gzip.compress(GOOD), signed("N01"), {"headers": {"Content-Encoding": "gzip"}}, 200),
    "deflated": (zlib.compress(GOOD), signed("N01"), {"headers": {"Content-Encoding": "deflate"}}, 200),
    "long": (body("N01", padding="x" * LONG_BODY), signed("N01"), {}, 200),
    "as large as may be": (body("N01").ljust(2**18), signed("N01"), {}, 200),
    "not signed": (GOOD, None, {}, 401),
    "signed with nothing": (GOOD, "", {}, 401),
    "of another id": (GOOD, signed("N02"), {}, 401),
    "of another secret": (GOOD, signed("N01", "guessed"), {}, 401),
    "an id that nobody can sign": (f'{{"eventId": "{HALF}"}}'.encode(), signed("N01"), {}, 401),
    "nothing": (b"", signed("N01"), {}, 400),
    "no JSON": (b"<html>", signed("N01"), {}, 400),
    "no event": (b"[]", signed("N01"), {}, 400),
    "without an id": (b"{}", signed("N01"), {}, 400),
    "nested deep": (b"[" * 10**5, signed("N01"), {}, 400),
    "not compressed as it says": (GOOD, signed("N01"), {"headers": {"Content-Encoding": "gzip"}}, 400),
    "compressed and cut off": (
        gzip.compress(GOOD)[:-20],
        signed("N01"),
        {"headers": {"Content-Encoding": "gzip"}},
        400,
    ),
    "too large": (b"x" * (2**18 + 1), signed("N01"), {}, 413),
    "far too large": (b"x" * 2**23, signed("N01"), {}, 413),
    "a bomb": (A_BOMB, signed("N01"), {"headers": {"Content-Encoding": "gzip"}}, 413),
    "asked for": (None, signed("N01"), {"method": "GET"}, 405),
    "put": (GOOD, signed("N01"), {"method": "PUT"}, 405),
    "asked for what is allowed": (None, None, {"method": "OPTIONS"}, 405),
}


AIOHTTP = tuple(int(it) for it in re.findall(r"\d+", aiohttp.__version__)[:3])
OF_A_BOMB = (413, 400) if (3, 13, 3) <= AIOHTTP < (3, 14) else (413,)
"""In 3.13, aiohttp itself says of a body that it is a bomb, and that is all that it says."""


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
@pytest.mark.parametrize(("data", "signature", "more", "expected"), ANSWERS.values(), ids=ANSWERS)
async def test_each_is_answered_by_its_status(
    tmp_path: Path, data: Any, signature: str | None, more: dict[str, Any], expected: int, chunked: bool
) -> None:
    inbox = WebhookInbox(tmp_path / "inbox.db")
    handler = webhook_handler([SECRET, "old"], seen=inbox, largest=2**18)

    async def in_chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), max(1, len(data) // 3)):
            yield data[start : start + max(1, len(data) // 3)]

    async with serving(handler, method="*") as url:
        given = in_chunks() if chunked and data else data
        try:
            status, text, headers = await post(url, given, signature, **more)
        except aiohttp.ClientConnectionError:  # it answered, and closed, before all was sent
            assert expected in (401, 413)
            return
        assert status in (OF_A_BOMB if data is A_BOMB else (expected,))
        if status == 405:
            assert headers["Allow"] == "POST"
        assert SECRET not in text
        assert str(tmp_path) not in text
    with closing(sqlite3.connect(tmp_path / "inbox.db")) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (status == 200,)


async def test_a_route_for_posts_alone_turns_away_all_else_by_itself() -> None:
    async with serving(webhook_handler(SECRET, on_event=Dealt())) as url:
        assert (await post(url, None, method="GET"))[0] == 405


@pytest.mark.skipif(AIOHTTP < (3, 13, 3), reason="aiohttp unpacks a piece of it whole before anybody is asked")
async def test_a_bomb_takes_no_more_memory_than_its_size_allows() -> None:
    bomb = gzip.compress(b" " * 2**28)
    async with serving(webhook_handler(SECRET, on_event=Dealt(), largest=2**18)) as url:
        tracemalloc.start()
        try:
            headers = {"Content-Encoding": "gzip"}
            status, _, _ = await post(url, bomb, signed("N01"), headers=headers)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert status in OF_A_BOMB
    assert most < 2**27


async def test_one_that_comes_again_is_answered_200_and_dealt_with_once(caplog: pytest.LogCaptureFixture) -> None:
    dealt = Dealt()
    async with serving(webhook_handler(SECRET, on_event=dealt)) as url:
        assert [await post_event(url, it) for it in ("a", "a", "b", "a", "b")] == [200] * 5
        await dealt.until(2)
    assert sorted(dealt.ids) == ["a", "b"]
    assert caplog.records == []


async def test_one_that_is_turned_away_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(webhook_handler(SECRET, on_event=Dealt())) as url:
        await post(url, GOOD, "wrong")
        await post(url, b"<html>", "wrong")
        await post(url, GOOD, signed("N01"), headers={"Content-Encoding": "gzip"})
    assert ours(caplog) == [
        "an event was turned away with 401",
        "an event was turned away with 400",
        "an event was turned away with 400",
    ]
    assert "with 400: RequestPayloadError: " in caplog.text


def ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give how our lines in the log begin; none is of more than one line, nor worse than a warning."""
    lines = [it for it in caplog.records if it.name != "aiohttp.server"]
    assert {it.levelname for it in lines} <= {"WARNING"}
    assert not any(it.exc_info or "\n" in it.getMessage() for it in lines)
    return [it.getMessage().split(":")[0] for it in lines]


@pytest.mark.parametrize("is_begun", [True, False], ids=["in the middle", "before it began"])
async def test_a_body_that_comes_too_slowly_is_answered_408(is_begun: bool, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        serving(webhook_handler(SECRET, on_event=Dealt(), timeout=0.05)) as url,
        connected(url) as (reader, writer),
    ):
        writer.write(head("N01", "Content-Length: 500") + (GOOD[:20] if is_begun else b""))
        assert await status_of(reader) == 408
    assert ours(caplog) == ["an event was turned away with 408"]
    assert "its body took more than 0.05 s" in caplog.text


async def test_a_body_that_comes_by_and_by_is_cut_off_too() -> None:
    """The time is for all of it, however often something comes."""
    async with (
        serving(webhook_handler(SECRET, on_event=Dealt(), timeout=0.2)) as url,
        connected(url) as (reader, writer),
    ):
        writer.write(head("N01", "Transfer-Encoding: chunked"))
        answer = asyncio.ensure_future(status_of(reader))
        while not answer.done():
            writer.write(b"1\r\n \r\n")
            await asyncio.wait([answer], timeout=0.02)
        assert answer.result() == 408


@pytest.mark.parametrize("headers", ["Content-Length: 500", "Transfer-Encoding: chunked"])
async def test_a_connection_that_is_dropped_is_nobodys_trouble(caplog: pytest.LogCaptureFixture, headers: str) -> None:
    dealt = Dealt()
    handler = webhook_handler(SECRET, on_event=dealt, requests=1)
    async with serving(handler) as url:
        for _ in range(3):
            async with connected(url) as (_, writer):
                writer.write(head("N01", headers) + b"5\r\n12345\r\n")
                await writer.drain()
                await until(lambda: in_hand(handler) == 1)
            await until(lambda: in_hand(handler) == 0)
        assert await post_event(url, "N01") == 200
        assert await dealt.until(1) == ["N01"]
    assert ours(caplog) == ["an event was turned away with 400"] * 3


def in_hand(handler: Any) -> int:
    return int(handler.running.__self__._now_answered)


# ── After the answer ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_plain", [False, True], ids=["async", "plain"])
@pytest.mark.parametrize("is_long", [False, True], ids=["short", "long"])
@pytest.mark.parametrize("in_file", [False, True], ids=["memory", "inbox"])
async def test_slow_work_delays_no_answer(tmp_path: Path, is_plain: bool, is_long: bool, in_file: bool) -> None:
    """Nothing ends before all is answered, and all is answered; a plain function may even hold its thread."""
    go_on, begun = threading.Event(), list[str]()

    def plain(event: WebhookEvent) -> None:
        begun.append(event.event_id)
        go_on.wait(60)

    async def slow(event: WebhookEvent) -> None:
        begun.append(event.event_id)
        await asyncio.to_thread(go_on.wait, 60)

    seen = WebhookInbox(tmp_path / "inbox.db") if in_file else None
    async with serving(webhook_handler(SECRET, seen=seen, on_event=plain if is_plain else slow, at_once=2)) as url:
        more = {"padding": "x" * LONG_BODY} if is_long else {}
        try:
            assert [await post_event(url, str(it), **more) for it in range(30)] == [200] * 30
            await until(lambda: len(begun) == 2)
        finally:
            go_on.set()
        await until(lambda: len(begun) == 30)


async def test_what_fails_was_answered_all_the_same_and_comes_again(tmp_path: Path) -> None:
    dealt = Dealt(ValueError("no"))
    inbox = WebhookInbox(tmp_path / "inbox.db")
    async with serving(webhook_handler(SECRET, seen=inbox, on_event=dealt)) as url:
        assert await post_event(url, "a") == 200
        await dealt.until(1)
        assert await inbox.waiting() == 1
    with closing(sqlite3.connect(inbox.path)) as connection, connection:
        connection.execute("UPDATE events SET due_at = 0")
    async with serving(webhook_handler(SECRET, seen=inbox, on_event=dealt)) as url:
        assert await dealt.until(2) == ["a", "a"]
        assert await post_event(url, "a") == 200
        async with asyncio.timeout(60):
            while await inbox.waiting():
                pass
    assert dealt.ids == ["a", "a"]


async def test_the_work_may_be_somebody_elses(tmp_path: Path) -> None:
    dealt, path = Dealt(), tmp_path / "inbox.db"
    async with serving(webhook_handler(SECRET, seen=WebhookInbox(path), deliver=True)) as url:
        assert await post_event(url, "a") == 200
        async with WebhookInbox(path).delivering(dealt):
            assert await dealt.until(1) == ["a"]


async def test_without_work_events_are_only_kept(tmp_path: Path) -> None:
    inbox = WebhookInbox(tmp_path / "inbox.db")
    async with serving(webhook_handler(SECRET, seen=inbox)) as url:
        assert [await post_event(url, "a") for _ in range(2)] == [200, 200]
    assert await inbox.waiting() == 0


# ── What keeps each once ────────────────────────────────────────────────────────────────────────────────────────────


class Own:
    """What a user may write."""

    def __init__(self, fails: BaseException | None = None) -> None:
        self.ids = set[str]()
        self.fails = fails
        self.hangs: asyncio.Event | None = None
        self.has_begun = asyncio.Event()
        self.entered = 0

    async def __aenter__(self) -> None:
        self.entered += 1

    async def __aexit__(self, *_: object) -> None:
        self.entered += 100

    async def add(self, event_id: str) -> None:
        if self.fails is not None:
            raise self.fails
        if event_id in self.ids:
            raise DuplicateEventError("again", event_id=event_id)
        self.ids.add(event_id)
        self.has_begun.set()
        if self.hangs is not None:
            await self.hangs.wait()


class Synchronous:
    """What keeps an id, and then gives nothing that could be awaited."""

    def add(self, event_id: str) -> None:
        """Nobody gets here."""


class Called:
    """An `add` that is no function."""

    def __init__(self) -> None:
        self.add = AddsTo(set())


class AddsTo:
    def __init__(self, ids: set[str]) -> None:
        self.ids = ids

    async def __call__(self, event_id: str) -> None:
        if event_id in self.ids:
            raise DuplicateEventError("again", event_id=event_id)
        self.ids.add(event_id)


@pytest.mark.parametrize("kind", ["memory", "file", "own", "object that is called"])
async def test_each_is_dealt_with_once_whatever_keeps_it(tmp_path: Path, kind: str) -> None:
    kinds: dict[str, Callable[[], Any]] = {
        "memory": SeenInMemory, "file": lambda: SeenInFile(tmp_path / "seen.db"), "own": Own,
        "object that is called": Called,
    }  # fmt: skip
    seen = kinds[kind]()
    dealt = Dealt()
    for _ in range(2):  # one app after the other, with the same
        async with serving(webhook_handler(SECRET, seen=seen, on_event=dealt)) as url:
            statuses = await asyncio.gather(*(post_event(url, str(it % 5)) for it in range(20)))
            assert statuses == [200] * 20
            await dealt.until(5)
    assert sorted(dealt.ids) == ["0", "1", "2", "3", "4"]


async def test_what_was_lent_is_not_opened_nor_closed() -> None:
    own = Own()
    async with serving(webhook_handler(SECRET, seen=own, on_event=Dealt())) as url:
        assert await post_event(url, "a") == 200
    assert own.entered == 0


@pytest.mark.parametrize(
    "error",
    [
        ValueError("down"), TimeoutError(), ConfigurationError("x"), ConnectionError(), ConnectionLostError("x"),
        asyncio.CancelledError(), BaseExceptionGroup("x", [asyncio.CancelledError()]),
    ],
)  # fmt: skip
async def test_what_cannot_be_kept_is_answered_503_and_dealt_with_when_it_comes_again(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    own, dealt = Own(error), Dealt()
    async with serving(webhook_handler(SECRET, seen=own, on_event=dealt)) as url:
        status, text, headers = await post(url, GOOD, signed("N01"))
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "down" not in text
        assert "an event cannot be kept: " in caplog.text
        own.fails = None
        assert await post_event(url, "N01") == 200
        assert await dealt.until(1) == ["N01"]


async def test_an_add_that_hangs_keeps_its_place_for_no_longer_than_may_be(caplog: pytest.LogCaptureFixture) -> None:
    own, dealt = Own(), Dealt()
    own.hangs = asyncio.Event()
    handler = webhook_handler(SECRET, seen=own, on_event=dealt, requests=1, timeout=0.05)
    async with serving(handler) as url:
        assert await post_event(url, "a") == 503
        assert "an event cannot be kept: Own.add failed: TimeoutError: it took too long" in caplog.text
        own.hangs = None
        assert await post_event(url, "b") == 200
        assert await dealt.until(1) == ["b"]


async def test_a_request_that_is_cancelled_loses_nothing_that_is_known() -> None:
    """One whose id was kept is dealt with: when it comes again, it would be a duplicate."""
    own, dealt = Own(), Dealt()
    own.hangs = asyncio.Event()
    handler = webhook_handler(SECRET, seen=own, on_event=dealt)
    async with serving(handler, handler_cancellation=True) as url:
        async with connected(url) as (_, writer):
            writer.write(head("N01", f"Content-Length: {len(GOOD)}") + GOOD)
            await own.has_begun.wait()
            writer.transport.abort()
            for _ in range(100):
                await asyncio.sleep(0)
        own.hangs.set()
        assert await dealt.until(1) == ["N01"]
        assert await post_event(url, "N01") == 200
    assert dealt.ids == ["N01"]


async def test_a_file_that_fails_is_answered_503_until_it_is_there_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "inbox.db"
    async with serving(webhook_handler(SECRET, seen=WebhookInbox(path))) as url:
        path.rename(tmp_path / "away.db")
        status, text, _ = await post(url, GOOD, signed("N01"))
        assert (status, str(tmp_path) in text) == (503, False)
        assert "an event cannot be kept: the file of the webhook inbox" in caplog.text
        (tmp_path / "away.db").rename(path)
        assert await post_event(url, "N01") == 200


@pytest.mark.parametrize("runs", [True, False])
def test_when_all_delivery_has_ended_no_event_is_taken(
    tmp_path: Path, runs: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = WebhookInbox(tmp_path / "inbox.db")

    async def broken(*_: object) -> None:
        raise KeyError("unforeseen")

    monkeypatch.setattr(inbox, "claim", broken)
    handler = webhook_handler(SECRET, seen=inbox, on_event=Dealt())

    async def main() -> None:
        async with serving(handler, runs=runs) as url:
            await post_event(url, "a")
            await until(lambda: "events are dealt with no more" in caplog.text)
            waiting = await inbox.waiting()
            assert await post_event(url, "b") == 503
            assert "an event cannot be kept: events are dealt with no more" in caplog.text
            assert await inbox.waiting() == waiting

    with pytest.raises(ExceptionGroup) if runs else nullcontext():
        asyncio.run(main())
    assert ("dealing with events has ended: ExceptionGroup" in caplog.text) is not runs


# ── Back-pressure ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_full_inbox_is_answered_503(tmp_path: Path) -> None:
    inbox = WebhookInbox(tmp_path / "inbox.db", at_most=3)
    async with serving(webhook_handler(SECRET, seen=inbox, deliver=True)) as url:
        assert [await post_event(url, str(it)) for it in range(5)] == [200, 200, 200, 503, 503]
        status, text, headers = await post(url, body("9"), signed("9"))
        assert (status, headers["Retry-After"], str(tmp_path) in text) == (503, "1", False)
        assert await post_event(url, "0") == 200
        await inbox.settle("0")
        assert await post_event(url, "4") == 200


async def test_no_more_wait_in_memory_than_may_and_none_of_those_turned_away_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingram_orders.receiving.WAITING", 5)
    go_on, dealt, own = asyncio.Event(), Dealt(), Own()

    async def slow(event: WebhookEvent) -> None:
        await go_on.wait()
        await dealt(event)

    handler = webhook_handler(SECRET, seen=own, on_event=slow, at_once=2, requests=10)
    async with serving(handler) as url:
        statuses = await asyncio.gather(*(post_event(url, str(it)) for it in range(10)))
        statuses += [await post_event(url, str(it)) for it in range(10, 30)]
        taken = {str(at) for at, status in enumerate(statuses) if status == 200}
        assert 5 <= len(taken) <= 5 + 10
        assert own.ids == taken
        assert set(statuses) == {200, 503}
        go_on.set()
        await dealt.until(len(taken))
        assert [await post_event(url, str(it)) for it in range(30) if str(it) not in taken] != []
        await dealt.until(30)
    assert sorted(dealt.ids, key=int) == [str(it) for it in range(30)]


async def test_of_more_requests_than_may_be_the_others_are_turned_away_at_once() -> None:
    handler = webhook_handler(SECRET, on_event=Dealt(), requests=2)
    async with serving(handler) as url, connected(url) as (one, to_one), connected(url) as (other, to_other):
        for writer, event_id in ((to_one, "a"), (to_other, "b")):
            writer.write(head(event_id, f"Content-Length: {len(body(event_id))}"))
        await until(lambda: in_hand(handler) == 2)
        assert await post_event(url, "c") == 503
        to_one.write(body("a"))
        assert await status_of(one) == 200
        assert await post_event(url, "c") == 200
        to_other.write(body("b"))
        assert await status_of(other) == 200


async def test_of_long_bodies_one_is_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made to be slow takes a second and fifty times its size, whether it is signed or not."""
    now, most = 0, 0

    def counted(*arguments: Any, **settings: Any) -> Any:
        nonlocal now, most
        now += 1
        most = max(most, now)
        try:
            time.sleep(0.01)
            return read(*arguments, **settings)
        finally:
            now -= 1

    monkeypatch.setattr("ingram_orders.receiving.read", counted)
    async with serving(webhook_handler(SECRET, on_event=Dealt())) as url:
        padding = "x" * LONG_BODY
        assert await asyncio.gather(*(post_event(url, str(it), padding=padding) for it in range(8))) == [200] * 8
    assert most == 1


# ── Beginning and ending ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("runs", [True, False])
def test_one_handler_serves_several_apps_and_loops_one_after_the_other(tmp_path: Path, runs: bool) -> None:
    inbox, given = WebhookInbox(tmp_path / "inbox.db"), list[str]()

    async def on_event(event: WebhookEvent) -> None:
        given.append(event.event_id)

    handler = webhook_handler(SECRET, seen=inbox, on_event=on_event)

    async def main(event_id: str) -> None:
        async with serving(handler, runs=runs) as url:
            padding = "x" * LONG_BODY
            statuses = await asyncio.gather(*(post_event(url, f"{event_id}{it}", padding=padding) for it in range(5)))
            assert statuses == [200] * 5
            await until(lambda: f"{event_id}4" in given)

    for event_id in "abc":
        asyncio.run(main(event_id))
    assert sorted(given) == [f"{it}{number}" for it in "abc" for number in range(5)]


def test_a_handler_that_runs_in_another_loop_says_so_and_goes_on_there(caplog: pytest.LogCaptureFixture) -> None:
    dealt = Dealt()
    handler = webhook_handler(SECRET, on_event=dealt)

    async def elsewhere() -> int:
        async with serving(handler, runs=False) as url:
            return await post_event(url, "b")

    async def main() -> None:
        async with serving(handler, runs=False) as url:
            assert await post_event(url, "a") == 200
            assert await asyncio.to_thread(asyncio.run, elsewhere()) == 503
            assert await post_event(url, "c") == 200
            await dealt.until(2)

    asyncio.run(main())
    assert "is open in another event loop; make one for each" in caplog.text
    assert sorted(dealt.ids) == ["a", "c"]


async def test_two_apps_may_share_one_handler(tmp_path: Path) -> None:
    dealt = Dealt()
    handler = webhook_handler(SECRET, seen=WebhookInbox(tmp_path / "inbox.db"), on_event=dealt)
    async with serving(handler) as one:
        async with serving(handler) as other:
            assert [await post_event(url, "a") for url in (one, other)] == [200, 200]
        assert await post_event(one, "b") == 200
        await dealt.until(2)
    assert sorted(dealt.ids) == ["a", "b"]


def test_what_is_under_way_is_done_though_the_app_is_dropped_while_its_loop_lives_on(tmp_path: Path) -> None:
    """Where nothing says when the app ends, the loop's end is that of the work."""

    async def main() -> list[str]:
        begun, go_on, dealt = asyncio.Event(), asyncio.Event(), Dealt()

        async def slow(event: WebhookEvent) -> None:
            begun.set()
            await go_on.wait()
            await dealt(event)

        async with serving(webhook_handler(SECRET, on_event=slow), runs=False) as url:
            assert await post_event(url, "a") == 200
            await begun.wait()
        for _ in range(3):
            gc.collect()
            await asyncio.sleep(0)
        go_on.set()
        return await dealt.until(1)

    assert asyncio.run(main()) == ["a"]
    assert set() == _KEEPERS


def test_what_a_crash_left_is_dealt_with_when_an_app_starts(tmp_path: Path) -> None:
    inbox = WebhookInbox(tmp_path / "inbox.db")
    asyncio.run(inbox.put(event("left")))

    async def main() -> list[str]:
        dealt = Dealt()
        async with serving(webhook_handler(SECRET, seen=inbox, on_event=dealt)):
            return await dealt.until(1)

    assert asyncio.run(main()) == ["left"]


@pytest.mark.parametrize("runs", [True, False])
def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path, runs: bool, caplog: pytest.LogCaptureFixture) -> None:
    """At the start, where the app starts with it; and otherwise at each request, until it can."""
    folder = tmp_path / "folder"
    handler = webhook_handler(SECRET, seen=WebhookInbox(folder / "inbox.db"), on_event=Dealt())

    async def main() -> list[int]:
        async with serving(handler, runs=runs) as url:
            statuses = [await post_event(url, "a"), *await asyncio.gather(*(post_event(url, it) for it in "bcd"))]
            await asyncio.to_thread(folder.mkdir)
            return [*statuses, await post_event(url, "a")]

    if runs:
        with pytest.raises(ConfigurationError, match="cannot be opened"):
            asyncio.run(main())
    else:
        assert asyncio.run(main()) == [503, 503, 503, 503, 200]
        assert "an event cannot be kept: the webhook inbox database" in caplog.text


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"secrets": ""}, "secrets of a webhook"), ({"secrets": []}, "secrets of a webhook"),
        ({"secrets": ["good-secret", ""]}, "secrets of a webhook"), ({"secrets": None}, "secrets of a webhook"),
        ({"secrets": 5}, "secrets of a webhook"), ({"secrets": b"good-secret"}, "secrets of a webhook"),
        ({"on_event": "print"}, "on_event must be a function, not 'print'"),
        ({"on_event": None}, "events would go nowhere"), ({"deliver": False}, "events would go nowhere"),
        ({"on_event": None, "seen": SeenInMemory()}, "events would go nowhere"),
        ({"seen": object()}, r"seen must have add\(event_id\), and a object has not"),
        ({"seen": "inbox.db"}, r"seen must have add\(event_id\), and a str has not"),
        ({"seen": SeenInMemory}, "seen must be an object, and SeenInMemory is a class"),
        ({"seen": WebhookInbox}, "seen must be an object, and WebhookInbox is a class"),
        ({"seen": Synchronous()}, r"Synchronous.add\(event_id\) must be an `async def`"),
        ({"at_once": 0}, "at_once"), ({"requests": 0}, "requests"), ({"largest": 0}, "largest"),
        ({"largest": 1.5}, "largest"), ({"requests": True}, "requests"),
        ({"timeout": 0}, "timeout must be more than 0"), ({"timeout": -1}, "timeout must be more than 0"),
        ({"timeout": None}, "timeout must be a number"), ({"timeout": "5"}, "timeout must be a number"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_right_is_told(settings: dict[str, Any], why: str) -> None:
    given: dict[str, Any] = {"secrets": SECRET, "on_event": print, **settings}
    with pytest.raises(IngramError, match=why) as told:
        webhook_handler(given.pop("secrets"), **given)
    assert isinstance(told.value, ConfigurationError | InvalidRequestError)
    assert "good-secret" not in str(told.value)


async def test_secrets_may_be_given_once_only_and_are_shown_nowhere() -> None:
    handler = webhook_handler((it for it in (SECRET, "old")), on_event=Dealt())
    async with serving(handler) as url:
        assert [await post(url, body(it), signed(it, secret)) for it, secret in (("a", SECRET), ("b", "old"))]
        assert [await post_event(url, it) for it in "cd"] == [200, 200]
    assert SECRET not in f"{handler!r} {handler.running!r} {vars(handler)!r}"


async def test_no_limit_of_time_is_infinity() -> None:
    async with serving(webhook_handler(SECRET, on_event=Dealt(), timeout=float("inf"))) as url:
        assert await post_event(url, "a") == 200


def test_so_many_wait_in_memory_as_the_readme_says() -> None:
    assert WAITING == 1_000
