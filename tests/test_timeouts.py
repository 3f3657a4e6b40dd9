"""What cuts a call, and what stays true when it is cut."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

import aiohttp
import pytest
from aiohttp import web
from support.calls import (
    SHORT,
    UNAUTHORIZED,
    WRITES,
    Build,
    Later,
    MyTokens,
    each,
    each_write,
)
from support.clients import client_for
from support.raw_server import RawServer, http

from ingram_orders import (
    BadRequestError,
    ConnectionFailedError,
    ConnectionLostError,
    DeadlineExceededError,
    IngramError,
    OrderCreateRequest,
    OrdersClient,
    OutcomeUnknownError,
    RateLimitedError,
    Timeouts,
    wire,
)
from ingram_orders.exact_json import LONG_BODY


@each
async def test_silence_is_cut_by_the_read_timeout(build: Build) -> None:
    async with RawServer() as server:
        server.answer(server.hang)
        async with client_for(server, timeouts=SHORT, token_source=MyTokens()) as orders:
            with pytest.raises(OutcomeUnknownError if build(orders).writes else ConnectionLostError):
                await build(orders).execute()
            assert len(server.heard) == 1


@each
async def test_the_body_is_read_inside_the_timeout(build: Build) -> None:
    """Headers are not an answer: a body that stops is cut, too; but a cancel's is not waited for."""
    async with RawServer() as server:
        server.answer(lambda heard: server.hang(heard) + http(200, b'{"a": ', length=100))
        async with client_for(server, timeouts=SHORT, token_source=MyTokens()) as orders:
            request = build(orders)
            if request.operation == "cancel":
                await request.execute()
                return
            with pytest.raises(OutcomeUnknownError if request.writes else ConnectionLostError) as cut:
                await request.execute()
            if isinstance(cut.value, OutcomeUnknownError):
                assert (cut.value.status, cut.value.body) == (200, b'{"a": ')


@each
@pytest.mark.parametrize("per_call", [False, True], ids=["all calls", "one call"])
async def test_the_total_cuts_everything(build: Build, per_call: bool, later: Later) -> None:
    async with RawServer() as server:
        server.answer(server.hang)
        async with client_for(server, timeouts=Timeouts(total=None if per_call else 60)) as orders:
            request = build(orders)
            call = asyncio.create_task(request.execute(timeout=60 if per_call else None))
            await server.hung.wait()
            later(61)
            with pytest.raises(OutcomeUnknownError if request.writes else DeadlineExceededError, match="time was up"):
                await call


async def test_a_timeout_counts_for_a_call_with_response_too(later: Later) -> None:
    async with RawServer() as server:
        server.answer(server.hang)
        async with client_for(server) as orders:
            call = asyncio.create_task(orders.details("1").execute_with_response(timeout=60))
            await server.hung.wait()
            later(61)
            with pytest.raises(DeadlineExceededError):
                await call


@each
async def test_a_total_that_ends_before_anything_was_sent_says_so(build: Build, later: Later) -> None:
    """Waiting for a token is not sending: a write that never left has no outcome to wonder about."""
    async with RawServer() as server:
        server.answer_tokens(server.hang)
        async with client_for(server) as orders:
            call = asyncio.create_task(build(orders).execute(timeout=60))
            await server.hung.wait()
            later(61)
            with pytest.raises(DeadlineExceededError):
                await call
        assert not server.heard


@each_write
async def test_a_total_that_ends_while_a_second_token_is_fetched_leaves_nothing_unknown(
    build: Build, later: Later
) -> None:
    """The first send was turned away with 401, and there was no second."""
    async with RawServer(UNAUTHORIZED) as server:
        server.answer_tokens(http(200, b'{"access_token": "token-1"}'), server.hang)
        async with client_for(server) as orders:
            call = asyncio.create_task(build(orders).execute(timeout=60))
            await server.hung.wait()
            later(61)
            with pytest.raises(DeadlineExceededError):
                await call
        assert len(server.heard) == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(201, OutcomeUnknownError), (400, BadRequestError), (503, OutcomeUnknownError)]
)
async def test_a_total_that_ends_in_the_body_tells_the_status_that_had_come(
    status: int, kind: type[IngramError], later: Later
) -> None:
    async with RawServer() as server:
        server.answer(lambda heard: server.hang(heard) + http(status, b'{"a": ', length=100))
        async with client_for(server) as orders:
            call = asyncio.create_task(WRITES[0](orders).execute(timeout=60))
            await server.hung.wait()
            for _ in range(100):  # until the head has crossed the socket
                await asyncio.sleep(0)
            later(61)
            with pytest.raises(kind) as late:
                await call
    assert getattr(late.value, "status", None) == status


async def test_an_answer_that_came_whole_in_time_is_read_however_long_that_takes(
    later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large one is read in a thread; a deadline that ends there must not throw the order's number away."""
    decode, loop = wire.decode, asyncio.get_running_loop()

    def slowly(*arguments: Any) -> Any:
        asyncio.run_coroutine_threadsafe(minute_passes(), loop).result(10)
        return decode(*arguments)

    async def minute_passes() -> None:
        later(61)
        for _ in range(3):  # turns in which a deadline would cut
            await asyncio.sleep(0)

    body = b'{"orders": [{"ingramOrderNumber": "20-RD3QV"}' + b" " * LONG_BODY + b"]}"
    async with RawServer(http(201, body)) as server, client_for(server) as orders:
        monkeypatch.setattr(wire, "decode", slowly)
        answer = await WRITES[0](orders).execute(timeout=60)
    assert answer.orders[0].ingram_order_number == "20-RD3QV"


@each
async def test_a_quota_whose_body_the_total_cuts_still_says_when_to_come_back(build: Build, later: Later) -> None:
    async with RawServer() as server:
        server.answer(lambda heard: server.hang(heard) + http(429, b'{"a": ', "Retry-After: 7", length=100))
        async with client_for(server, token_source=MyTokens()) as orders:
            request = build(orders)
            call = asyncio.create_task(request.execute(timeout=60))
            await server.hung.wait()
            for _ in range(100):  # until the head has crossed the socket
                await asyncio.sleep(0)
            later(61)
            with pytest.raises(RateLimitedError if request.writes else DeadlineExceededError) as late:
                await call
    assert getattr(late.value, "retry_after", None) == 7


@each
async def test_a_token_echoed_in_a_body_that_the_total_cuts_is_not_shown(build: Build, later: Later) -> None:
    async with RawServer() as server:
        server.answer(lambda heard: server.hang(heard) + http(400, b'"token-1', length=100))
        async with client_for(server) as orders:
            call = asyncio.create_task(build(orders).execute(timeout=60))
            await server.hung.wait()
            for _ in range(100):
                await asyncio.sleep(0)
            later(61)
            with pytest.raises(IngramError) as late:
                await call
    assert "token-1" not in repr(vars(late.value)) + str(late.value)


@each
@pytest.mark.parametrize(
    ("proxied", "lent"), [(False, False), (True, False), (False, True)], ids=["own", "by proxy", "borrowed"]
)
async def test_a_connection_that_is_not_made_in_time_has_sent_nothing(build: Build, proxied: bool, lent: bool) -> None:
    """Not only TCP: TLS, and on a session of our own a proxy that does not answer the CONNECT, too."""
    async with RawServer() as server, aiohttp.ClientSession() as session:
        server.answer(server.hang)
        async with client_for(
            server, base_url=server.url.replace("http:", "https:"), proxy=server.url if proxied else None,
            token_source=MyTokens(), timeouts=Timeouts(connect=0.05), session=session if lent else None,
        ) as orders:  # fmt: skip
            with pytest.raises(ConnectionFailedError, match="TimeoutError"):
                await build(orders).execute()
        assert [it.method for it in server.heard] == (["CONNECT"] if proxied else [])


@each
async def test_a_name_that_is_not_resolved_in_time_has_sent_nothing(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(*_: object, **__: object) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)
    monkeypatch.setattr(aiohttp.resolver.AsyncResolver, "resolve", resolve)
    async with OrdersClient(
        token_source=MyTokens(), base_url="https://orders.example", customer_number="1", country_code="US",
        timeouts=Timeouts(connect=0.05),
    ) as orders:  # fmt: skip
        with pytest.raises(ConnectionFailedError, match="nothing was sent"):
            await build(orders).execute()


async def test_an_upload_that_stalls_is_cut_by_the_read_timeout() -> None:
    """A server that takes the head and reads no further: the socket fills up, and no answer will ever come."""
    stalled = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        stalled.set()
        await gone.wait()
        writer.close()

    gone = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    large = OrderCreateRequest(customer_order_number="PO-1", notes="x" * 2**25)
    async with (
        server,
        OrdersClient(
            token_source=MyTokens(), base_url=url, customer_number="1", country_code="US", timeouts=SHORT
        ) as orders,
    ):
        with pytest.raises(OutcomeUnknownError, match="took too long"):
            await orders.create().order_create_request(large).execute()
        gone.set()


async def test_a_large_body_goes_out_whole_and_without_a_warning() -> None:
    """aiohttp warns of more than a mebibyte in one piece, and warnings are errors here."""
    large = OrderCreateRequest(customer_order_number="PO-1", notes="x" * 2**21)
    async with RawServer(http(201, b"{}")) as server, client_for(server) as orders:
        await orders.create().order_create_request(large).execute()
        [sent] = server.heard
    assert json.loads(sent.body)["notes"] == "x" * 2**21
    assert sent.headers["Content-Length"] == str(len(sent.body))


async def test_no_more_than_a_hundred_are_on_their_way_and_waiting_for_a_turn_costs_no_timeout(later: Later) -> None:
    """Neither `connect` nor `read` runs before a call's turn comes."""
    async with (
        Gate() as gate,
        OrdersClient(
            token_source=MyTokens(), base_url=gate.url, customer_number="1", country_code="US", limiter=None
        ) as orders,
    ):
        calls = [asyncio.create_task(orders.details(str(number)).execute()) for number in range(101)]
        while gate.inside < 100:  # noqa: ASYNC110  # one turn of the loop at a time, no time passes
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert gate.inside == 100
        later(59)
        gate.opened.set()
        await asyncio.gather(*calls)
        assert gate.inside == 101


class Gate:
    """A server that answers nobody before it is opened."""

    def __init__(self) -> None:
        self.inside = 0
        self.opened = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.inside += 1
        await self.opened.wait()
        return web.json_response({})


@each
async def test_cancellation_passes_through_and_leaves_nothing_behind(build: Build) -> None:
    async with RawServer() as server:
        server.answer(server.hang)
        async with client_for(server) as orders:
            call = asyncio.create_task(build(orders).execute())
            await server.hung.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert asyncio.all_tasks() - {asyncio.current_task()} <= set(server_tasks())


def server_tasks() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "RawServer" in repr(task.get_coro())]
