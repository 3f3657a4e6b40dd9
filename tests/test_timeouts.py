"""What cuts a call, and what stays true when it is cut."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
import pytest
from aiohttp import web
from support.calls import (
    FOUND,
    SHORT,
    UNAUTHORIZED,
    WRITES,
    Build,
    Later,
    MyTokens,
    each,
    each_read,
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
    Response,
    RetryPolicy,
    Timeouts,
    wire,
)
from ingram_orders.exact_json import LONG_BODY
from ingram_orders.watches import Silence


@each
async def test_silence_is_cut_by_the_read_timeout(build: Build) -> None:
    async with RawServer() as server:
        server.answer(server.hang)
        async with client_for(server, timeouts=SHORT, token_source=MyTokens()) as orders:
            with pytest.raises(OutcomeUnknownError if build(orders).writes else ConnectionLostError):
                await build(orders).execute()
            assert len(server.heard) == 1


@each_read
async def test_an_answer_whose_end_aiohttp_does_not_hear_is_cut(build: Build) -> None:
    """It reads no more while much of a body waits for us, and so misses that the rest is no chunk, and the end."""
    chunks = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + 50 * chunks + b"no chunk\r\n"
    async with RawServer(answer) as server, client_for(server, timeouts=SHORT, token_source=MyTokens()) as orders:
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionLostError, match=r"the answer \(200\) broke off"):
                await build(orders).execute()


async def test_each_call_has_its_own_silence(later: Later) -> None:
    """One timer is for all of them, and cuts nobody for another's sake."""
    async with RawServer() as server:
        server.answer(server.hang)
        async with client_for(server, timeouts=Timeouts(read=60), token_source=MyTokens()) as orders:
            first = asyncio.create_task(orders.details("1").execute())
            await server.hung.wait()
            server.hung.clear()
            later(40)
            second = asyncio.create_task(orders.details("2").execute())
            await server.hung.wait()
            later(25)
            with pytest.raises(ConnectionLostError, match="nothing more, within 60 s"):
                await first
            assert not second.done()
            later(40)
            with pytest.raises(ConnectionLostError, match="nothing more, within 60 s"):
                await second
            assert orders._session._transport._silence._waiting == {}


async def test_an_answer_that_comes_slowly_is_read_for_as_long_as_it_comes(later: Later) -> None:
    pieces = [b'{"ingramOrder', b'Number": "20', b"-RD3QV", b'"}']

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % sum(map(len, pieces)))
        for piece in pieces:
            for _ in range(10):
                await asyncio.sleep(0)  # until it was read
            later(40)
            writer.write(piece)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with (
        server,
        OrdersClient(
            token_source=MyTokens(), base_url=url, customer_number="1", country_code="US", timeouts=Timeouts(read=60)
        ) as orders,
    ):
        assert (await orders.details("1").execute()).ingram_order_number == "20-RD3QV"


@pytest.mark.parametrize("lent", [False, True])
async def test_no_timer_is_left_behind(lent: bool) -> None:
    async with RawServer(FOUND) as server, aiohttp.ClientSession() as session:
        async with client_for(server, session=session if lent else None, token_source=MyTokens()) as orders:
            await orders.details("1").execute()
        assert orders._session._transport._silence._timer is None


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
        timeouts=Timeouts(connect=0.05), retry=RetryPolicy(attempts=1),
    ) as orders:  # fmt: skip
        with pytest.raises(ConnectionFailedError, match="nothing was sent"):
            await build(orders).execute()


class Stalling:
    """A server that takes a head, answers at once or not at all, and reads no further, so that the socket fills up."""

    def __init__(self, answer: bytes = b"") -> None:
        self._answer = answer
        self.stalls = asyncio.Event()
        """Set once it has a connection."""
        self._gone = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        self._server.close()
        await self._server.wait_closed()

    def client(self, timeouts: Timeouts, session: aiohttp.ClientSession | None = None) -> OrdersClient:
        return OrdersClient(
            token_source=MyTokens(), base_url=self.url, customer_number="1", country_code="US", timeouts=timeouts,
            session=session,
        )  # fmt: skip

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(self._answer)
        self.stalls.set()
        await self._gone.wait()
        writer.transport.abort()


@pytest.fixture
async def is_hung_up(monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Give what tells whether each connection that was made since is closed, and not only about to be."""
    loop, made = asyncio.get_running_loop(), list[asyncio.Transport]()
    connect = loop.create_connection

    async def noted(*args: Any, **settings: Any) -> Any:
        transport, protocol = await connect(*args, **settings)
        made.append(transport)
        return transport, protocol

    monkeypatch.setattr(loop, "create_connection", noted)
    return lambda: bool(made) and all(it.get_extra_info("socket").fileno() == -1 for it in made)


def upload(orders: OrdersClient) -> Awaitable[Response[Any]]:
    """Send an order of which the sockets hold some, and aiohttp the rest."""
    large = OrderCreateRequest(customer_order_number="PO-1", notes="x" * 2**25)
    return orders.create().order_create_request(large).execute_with_response()


@pytest.mark.parametrize("answer", [b"", http(201, b'{"orders": [', length=100)], ids=["no answer", "half of one"])
@pytest.mark.parametrize("how", ["silence", "deadline", "cancel", "close"])
async def test_an_upload_that_stalls_ends_with_its_call(
    how: str, answer: bytes, is_hung_up: Callable[[], bool]
) -> None:
    """aiohttp closes a connection only once all has left that was written, which may be never, or an order later."""
    async with Stalling(answer) as server:
        orders = server.client(SHORT if how == "silence" else Timeouts(total=0.1) if how == "deadline" else Timeouts())
        call = asyncio.ensure_future(upload(orders))
        await server.stalls.wait()
        await turns(500)  # until the sockets hold no more
        if how == "cancel":
            call.cancel()
        async with asyncio.timeout(10):
            if how == "close":
                await orders.close()
            with pytest.raises(asyncio.CancelledError if how == "cancel" else OutcomeUnknownError):
                await call
        await turns()
        assert is_hung_up()
        await orders.close()


@pytest.mark.parametrize("lent", [False, True])
@pytest.mark.parametrize("answer", [http(201, b"{}"), http(204)], ids=["whole", "empty"])
async def test_an_answer_that_comes_before_the_upload_has_ended_is_heard_and_ends_it(
    lent: bool, answer: bytes, is_hung_up: Callable[[], bool]
) -> None:
    """Also in a task that was cancelled before, and goes on: of that aiohttp makes a new cancellation."""
    told: list[object] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            try:
                told.append((await upload(orders)).status)
            except OutcomeUnknownError as empty:
                told.append(empty.status)

    async with (
        Stalling(answer) as server,
        aiohttp.ClientSession() as session,
        server.client(SHORT, session if lent else None) as orders,
    ):
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await turns()
        assert is_hung_up()
    assert told == [201 if answer == http(201, b"{}") else 204]


@pytest.mark.parametrize("read", [60.0, None])
async def test_a_client_that_is_closed_ends_an_upload_that_stalls(read: float | None) -> None:
    """A connection whose last bytes nobody takes does not close by itself, and its call would wait for ever."""
    async with Stalling() as server:
        orders = server.client(Timeouts(read=read))
        call = asyncio.ensure_future(upload(orders))
        await server.stalls.wait()
        async with asyncio.timeout(10):
            await orders.close()
            with pytest.raises(OutcomeUnknownError, match="the client was closed"):
                await call


async def turns(number: int = 5) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_who_waits_too_long_is_cut(later: Later) -> None:
    silence, limit = Silence(60), asyncio.timeout(None)

    async def wait() -> None:
        async with limit:
            silence.waits(limit)
            later(61)
            silence._look()
            await turns()

    with pytest.raises(TimeoutError):
        await wait()
    silence.over(limit)
    assert (silence._waiting, silence._cut) == ({}, set())


@pytest.mark.parametrize("heard", ["all", "a piece"])
async def test_what_a_loop_that_was_held_up_hears_late_is_heard(heard: str, later: Later) -> None:
    """The timer of such a loop fires before it looks at what has come meanwhile."""
    silence = Silence(60)
    async with asyncio.timeout(None) as limit:
        silence.waits(limit)
        later(61)
        silence._look()
        (silence.heard if heard == "all" else silence.waits)(limit)
        await turns()
    silence.over(limit)
    await silence.end(cut=True)
    assert (silence._waiting, silence._cut, silence._timer) == ({}, set(), None)


async def test_a_call_that_goes_on_after_its_client_was_closed_leaves_no_timer() -> None:
    """On a session that is lent; what the client closes is its own."""
    async with RawServer() as server, aiohttp.ClientSession() as session:
        server.answer(server.hang)
        orders = client_for(server, session=session, token_source=MyTokens())
        call = asyncio.create_task(orders.details("1").execute())
        await server.hung.wait()
        silence = orders._session._transport._silence
        async with asyncio.timeout(None) as limit:
            silence.waits(limit)
            await orders.close()
        assert silence._timer is not None
        silence.over(limit)
        assert silence._timer is None
        call.cancel()
        await asyncio.wait([call])


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
