"""The session manager over real sockets: whose the connections are, tokens, what is sent twice and what never."""

import asyncio
import contextlib
import copy
import json
import logging
import pickle
import ssl
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
import pytest
import trustme
from aiohttp import web
from support.clients import SECRET, client_for
from support.raw_server import RawServer, http

from ingram_orders import (
    ApiError,
    AsyncOrderCreateDTO,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    DeadlineExceededError,
    IngramError,
    OrderCreateRequest,
    OrderModifyRequest,
    OrdersClient,
    OutcomeUnknownError,
    RateLimitedError,
    Timeouts,
    VendorRequiredInfoRequest,
    wire,
)
from ingram_orders.builder import Request
from ingram_orders.exact_json import LONG_BODY
from ingram_orders.sandbox import Sandbox

READS: list[Callable[[OrdersClient], Request[Any]]] = [
    lambda orders: orders.search(),
    lambda orders: orders.details("20-RD3QV"),
    lambda orders: orders.vendor_required_info().vendor_required_info_request(VendorRequiredInfoRequest()),
]
WRITES: list[Callable[[OrdersClient], Request[Any]]] = [
    lambda orders: orders.create().order_create_request(OrderCreateRequest(customer_order_number="PO-1")),
    lambda orders: orders.create_v7().async_order_create_dto(AsyncOrderCreateDTO(customer_order_number="PO-1")),
    lambda orders: orders.modify("20-RD3QV").order_modify_request(OrderModifyRequest(notes="")),
    lambda orders: orders.cancel("20-RD3QV"),
]
NAMES = ["search", "details", "vendor_required_info", "create", "create_v7", "modify", "cancel"]
each_read = pytest.mark.parametrize("build", READS, ids=NAMES[:3])
each_write = pytest.mark.parametrize("build", WRITES, ids=NAMES[3:])
each = pytest.mark.parametrize("build", READS + WRITES, ids=NAMES)
Build = Callable[[OrdersClient], Request[Any]]

UNAUTHORIZED = http(401, b'{"fault": {"faultstring": "Access Token expired", "detail": {"errorcode": "x"}}}')
FOUND = http(200, b'{"ingramOrderNumber": "20-RD3QV"}')


class MyTokens:
    """A token source that needs no server."""

    async def token(self) -> str:
        return "mine"

    def drop(self, token: str) -> None: ...


# ── Whose the session is ────────────────────────────────────────────────────────────────────────────────────────────


async def test_nothing_is_opened_before_the_first_call() -> None:
    async with RawServer() as server:
        async with client_for(server):
            pass
        assert server.connections == 0


async def test_a_borrowed_session_is_used_and_never_closed() -> None:
    async with RawServer(FOUND) as server, aiohttp.ClientSession(headers={"X-Theirs": "1"}) as session:
        async with client_for(server, session=session) as orders:
            await orders.details("20-RD3QV").execute()
        assert not session.closed
        assert server.heard[0].headers["X-Theirs"] == "1"


async def test_a_borrowed_session_that_is_closed_is_told_clearly() -> None:
    async with RawServer() as server, aiohttp.ClientSession() as session:
        orders = client_for(server, session=session)
        await session.close()
        with pytest.raises(ConfigurationError, match="lent to this client is closed"):
            await orders.search().execute()


async def test_a_borrowed_session_of_another_loop_is_told_clearly() -> None:
    async with RawServer() as server, aiohttp.ClientSession() as session:

        async def elsewhere() -> None:
            with pytest.raises(ConfigurationError, match="lent to this client belongs to another event loop"):
                await client_for(server, session=session, token_source=MyTokens()).search().execute()

        await asyncio.to_thread(asyncio.run, elsewhere())
        assert not server.heard


async def test_a_borrowed_session_keeps_its_raise_for_status_to_itself() -> None:
    """`raise_for_status` would lose the body, and let an aiohttp error out."""
    refusal = http(404, b'{"errors": [{"message": "Order not found."}]}')
    async with RawServer(refusal) as server, aiohttp.ClientSession(raise_for_status=True) as session:
        with pytest.raises(ApiError, match="Order not found") as refused:
            await client_for(server, session=session).details("1").execute()
        assert refused.value.errors[0].message == "Order not found."


async def test_a_borrowed_sessions_middlewares_stay_around_ours() -> None:
    seen: list[str] = []

    async def theirs(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        seen.append(request.method)
        return await handler(request)

    async with RawServer(FOUND) as server, aiohttp.ClientSession(middlewares=(theirs,)) as session:
        await client_for(server, session=session).details("1").execute()
    assert seen == ["POST", "GET"]  # the token, the call


@each_write
async def test_a_borrowed_sessions_retrying_middleware_cannot_send_a_write_twice(build: Build) -> None:
    async def again(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        response = await handler(request)
        return await handler(request) if response.status == 503 else response

    async with RawServer(http(503)) as server, aiohttp.ClientSession(middlewares=(again,)) as session:
        with pytest.raises(OutcomeUnknownError):
            await build(client_for(server, session=session)).execute()
        assert len(server.heard) == 1


async def test_a_borrowed_sessions_middleware_may_retry_where_nothing_was_sent() -> None:
    tries: list[str] = []

    async def again(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        for _ in range(2):
            tries.append(request.method)
            with contextlib.suppress(aiohttp.ClientConnectorError):
                return await handler(request)
        tries.append(request.method)
        return await handler(request)

    async with RawServer() as server:
        pass
    async with aiohttp.ClientSession(middlewares=(again,)) as session:
        with pytest.raises(ConnectionFailedError, match="nothing was sent"):
            await WRITES[0](client_for(server, session=session, token_source=MyTokens())).execute()
    assert tries == ["POST"] * 3


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_borrowed_session_with_auth_of_its_own_is_told_clearly() -> None:
    """aiohttp refuses to mix the two; that is a setting to mend, and nothing was sent."""
    async with RawServer() as server, aiohttp.ClientSession(auth=aiohttp.BasicAuth("a", "b")) as session:
        with pytest.raises(ConfigurationError):
            await client_for(server, session=session, token_source=MyTokens()).search().execute()
        assert not server.heard


async def test_a_closed_client_says_so_and_closes_twice() -> None:
    async with RawServer(FOUND) as server:
        orders = client_for(server)
        await orders.details("1").execute()
        await orders.close()
        await orders.close()
        with pytest.raises(ConfigurationError, match="closed"):
            await orders.details("1").execute()


async def test_a_client_used_from_another_loop_says_so() -> None:
    async with RawServer(FOUND) as server, client_for(server) as orders:
        await orders.details("1").execute()

        async def elsewhere(use: Callable[[], Awaitable[object]]) -> None:
            with pytest.raises(ConfigurationError, match="another event loop"):
                await use()

        for use in (orders.details("1").execute, orders.close):
            await asyncio.to_thread(asyncio.run, elsewhere(use))
        await orders.details("1").execute()


async def test_a_view_closes_nothing() -> None:
    async with RawServer(FOUND) as server, client_for(server) as orders:
        async with orders.with_defaults(customer_number="20-333333") as view:
            await view.details("1").execute()
        await orders.details("1").execute()
        assert [it.headers["IM-CustomerNumber"] for it in server.heard] == ["20-333333", "20-222222"]
        assert len(server.tokens) == 1


async def test_closing_leaves_no_connection_open() -> None:
    async with RawServer(FOUND, keep_alive=True) as server:
        async with client_for(server) as orders:
            await asyncio.gather(*(orders.details("1").execute() for _ in range(5)))
            await WRITES[0](orders).execute()
        await server.all_closed()


# ── What is sent ────────────────────────────────────────────────────────────────────────────────────────────────────


@each
async def test_every_call_carries_who_asks(build: Build) -> None:
    async with RawServer(http(200, b"[]")) as server, client_for(server) as orders:
        with contextlib.suppress(IngramError):  # `[]` is no answer for most; what was sent is looked at
            await build(orders).execute()
        [sent] = server.heard
        assert sent.headers["IM-CustomerNumber"] == "20-222222"
        assert sent.headers["IM-CountryCode"] == "US"
        assert sent.headers["IM-SenderID"] == "ingram-orders"
        assert len(sent.headers["IM-CorrelationID"]) == 32
        assert sent.headers["Authorization"] == "Bearer token-1"
        assert sent.headers["User-Agent"].startswith("ingram-orders/")
        assert "Cookie" not in sent.headers


async def test_a_correlation_id_is_made_per_call_and_stays_over_its_attempts() -> None:
    async with RawServer(UNAUTHORIZED, FOUND, FOUND) as server, client_for(server) as orders:
        answer = await orders.details("1").execute_with_response()
        await orders.details("1").execute()
        first, second, third = (it.headers["IM-CorrelationID"] for it in server.heard)
        assert first == second == answer.correlation_id
        assert third != first
        assert answer.attempts == 2


async def test_no_cookie_is_kept() -> None:
    """By name: aiohttp's own jar keeps none of an address."""
    biscuit = http(200, b"{}", "Content-Type: application/json", "Set-Cookie: a=b")
    async with (
        RawServer(biscuit) as server,
        client_for(server, base_url=server.url.replace("127.0.0.1", "localhost")) as orders,
    ):
        await orders.details("1").execute()
        await orders.details("1").execute()
        assert "Cookie" not in server.heard[1].headers


async def test_a_response_tells_what_surrounded_the_model() -> None:
    async with RawServer(http(200, b'{"a": 1}', "X-Thing: yes")) as server, client_for(server) as orders:
        answer = await orders.details("1").execute_with_response()
    assert (answer.status, answer.body, answer.attempts) == (200, b'{"a": 1}', 1)
    assert answer.headers["x-thing"] == "yes"
    assert answer.model.extra == {"a": 1}
    assert pickle.loads(pickle.dumps(answer)) == answer


async def test_writes_go_out_on_a_fresh_connection_each_and_reads_share_one() -> None:
    """A stale kept-alive connection would make a false unknown of a write."""
    async with RawServer(FOUND, keep_alive=True) as server, client_for(server) as orders:
        await orders.details("1").execute()
        after_token_and_read = server.connections
        for _ in range(3):
            await orders.details("1").execute()
        assert server.connections == after_token_and_read
        for _ in range(3):
            await WRITES[0](orders).execute()
        assert server.connections == after_token_and_read + 3


# ── What goes wrong on the way ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lent", [False, True], ids=["own", "borrowed"])
@each_write
async def test_a_write_that_is_dropped_is_sent_once_and_its_outcome_unknown(build: Build, lent: bool) -> None:
    """aiohttp sends PUT and DELETE again by itself, on a connection that it had kept; not through us."""
    async with RawServer(FOUND, None, keep_alive=True) as server, aiohttp.ClientSession() as session:
        async with client_for(server, session=session if lent else None) as orders:
            await orders.details("1").execute()
            with pytest.raises(OutcomeUnknownError) as unknown:
                await build(orders).execute()
        assert len(server.heard) == 2
    error = unknown.value
    assert error.correlation_id == server.heard[1].headers["IM-CorrelationID"]
    assert error.correlation_id in str(error)
    creates = error.operation in {"create", "create_v7"}
    assert error.customer_order_number == ("PO-1" if creates else None)
    assert error.order_number == (None if creates else "20-RD3QV")
    assert error.status is None
    assert isinstance(pickle.loads(pickle.dumps(error)), OutcomeUnknownError)


@each_write
async def test_a_write_whose_connection_is_reset_is_sent_once(build: Build) -> None:
    """aiohttp has two errors after which it sends again: an end where an answer was due, and a reset."""
    async with RawServer() as server:
        server.answer(server.reset)
        async with client_for(server, token_source=MyTokens()) as orders:
            with pytest.raises(OutcomeUnknownError, match="reset"):
                await build(orders).execute()
        assert len(server.heard) == 1


async def test_bare_aiohttp_would_have_sent_the_put_twice() -> None:
    """The trap that the test above is about is real: should aiohttp mend it, this tells."""
    async with RawServer(FOUND, None, keep_alive=True) as server, aiohttp.ClientSession() as session:
        async with session.put(server.url) as response:
            await response.read()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.put(server.url)
        assert len(server.heard) == 3


@pytest.mark.parametrize(
    "failure",
    [aiohttp.ServerDisconnectedError(), aiohttp.ClientOSError(), aiohttp.ClientConnectionResetError()],
    ids=repr,
)
@each_read
async def test_a_connection_that_broke_in_any_of_aiohttps_words_is_tried_once_more(
    build: Build, failure: Exception
) -> None:
    async def breaks(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        tries.append(request.method)
        raise failure

    tries: list[str] = []
    async with RawServer() as server, aiohttp.ClientSession(middlewares=(breaks,)) as session:
        with pytest.raises(ConnectionLostError):
            await build(client_for(server, session=session, token_source=MyTokens())).execute()
    assert len(tries) == 2


@each_read
async def test_a_read_that_is_dropped_goes_once_more_and_is_then_told_so(build: Build) -> None:
    async with RawServer(None) as server, client_for(server) as orders:
        with pytest.raises(ConnectionLostError):
            await build(orders).execute()
        assert len(server.heard) == 2


async def test_a_read_on_a_stale_connection_succeeds_and_tells_its_attempts() -> None:
    async with RawServer(FOUND, None, FOUND, keep_alive=True) as server, client_for(server) as orders:
        await orders.details("1").execute()
        answer = await orders.details("1").execute_with_response()
        assert answer.attempts == 2
        assert len(server.heard) == 3


@each
async def test_nothing_was_sent_where_nobody_listens(build: Build) -> None:
    async with RawServer() as server:
        orders = client_for(server, token_source=MyTokens())
    async with orders:
        with pytest.raises(ConnectionFailedError, match="nothing was sent") as failed:
            await build(orders).execute()
    assert isinstance(failed.value.__cause__, aiohttp.ClientConnectorError)


@each_write
@pytest.mark.parametrize("status", [301, 302, 307, 308, 408, 500, 502, 503, 504, 599])
async def test_a_write_answered_so_has_an_unknown_outcome(build: Build, status: int) -> None:
    answer = http(status, b'{"message": "who knows"}', "Location: /elsewhere")
    async with RawServer(answer) as server, client_for(server) as orders:
        with pytest.raises(OutcomeUnknownError) as unknown:
            await build(orders).execute()
        assert len(server.heard) == 1
    assert (unknown.value.status, unknown.value.body) == (status, b'{"message": "who knows"}')


@each_read
async def test_redirects_are_not_followed(build: Build) -> None:
    async with RawServer(http(302, b"", "Location: /elsewhere")) as server, client_for(server) as orders:
        with pytest.raises(ApiError) as refused:
            await build(orders).execute()
        assert refused.value.status == 302
        assert len(server.heard) == 1


async def test_a_cancels_body_is_not_looked_at() -> None:
    async with RawServer(http(200, b"<html>", length=10_000)) as server, client_for(server) as orders:
        answer = await orders.cancel("20-RD3QV").execute_with_response()
    assert (answer.model, answer.status, answer.body) == (None, 200, b"")


# ── Timeouts and cancellation ───────────────────────────────────────────────────────────────────────────────────────

SHORT = Timeouts(read=0.3)
"""Real time, since it is aiohttp that cuts; the token comes from elsewhere, so that nothing else runs against it."""

Later = Callable[[float], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Move the running loop's clock, so that a minute is over at once."""

    def move(seconds: float) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + seconds)

    return move


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
        OrdersClient(token_source=MyTokens(), base_url=gate.url, customer_number="1", country_code="US") as orders,
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


# ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_token_is_asked_for_by_form_with_no_secret_in_the_address() -> None:
    async with RawServer(FOUND) as server, client_for(server) as orders:
        await orders.details("1").execute()
        [asked] = server.tokens
    assert (asked.method, asked.target) == ("POST", "/oauth/oauth20/token")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert asked.body == f"grant_type=client_credentials&client_id=client-id&client_secret={SECRET}".encode()


async def test_many_callers_at_once_fetch_one_token() -> None:
    async with RawServer(FOUND) as server, client_for(server) as orders:
        await asyncio.gather(*(orders.details("1").execute() for _ in range(50)))
        assert len(server.tokens) == 1


async def test_a_hundred_refusals_at_once_cost_one_new_token() -> None:
    async with Sandbox(orders=5) as sandbox, sandbox.client() as orders:
        [order, *_] = (await orders.search().ingram_order_date_bt(["2000-01-01", "2100-01-01"]).execute()).orders
        sandbox.revoke_tokens()
        sandbox.ledger.clear()
        number = order.ingram_order_number or ""
        await asyncio.gather(*(orders.details(number).execute() for _ in range(100)))
        assert sum(it.path.startswith("/oauth") for it in sandbox.ledger) == 1


@each
async def test_a_refused_token_is_replaced_once(build: Build) -> None:
    """401 is answered at the door: a write may go again, too, but no call goes a third time."""
    async with RawServer(UNAUTHORIZED) as server, client_for(server) as orders:
        with pytest.raises(AuthenticationError) as refused:
            await build(orders).execute()
        assert [it.headers["Authorization"] for it in server.heard] == ["Bearer token-1", "Bearer token-2"]
    assert refused.value.status == 401


async def test_an_app_without_access_gets_no_second_token() -> None:
    no_access = http(401, b'{"fault": {"faultstring": "Invalid API call as no apiproduct match found"}}')
    async with RawServer(no_access) as server, client_for(server) as orders:
        with pytest.raises(AuthenticationError, match="no apiproduct match"):
            await orders.search().execute()
        assert (len(server.tokens), len(server.heard)) == (1, 1)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_refused_credentials_are_told_as_such(status: int) -> None:
    said = http(status, b'{"error": "invalid_client", "error_description": "Client is unknown"}')
    async with RawServer(token_answers=(said,)) as server, client_for(server) as orders:
        with pytest.raises(AuthenticationError, match="Client is unknown") as refused:
            await orders.search().execute()
        assert refused.value.status == status
        assert not server.heard


BAD_TOKEN_ANSWERS = {
    "500": http(500, b"oops"),
    "redirect": http(302, b"", "Location: /elsewhere"),
    "html": http(200, b"<html>"),
    "empty": http(200),
    "null": http(200, b"null"),
    "list": http(200, b"[]"),
    "no token": http(200, b"{}"),
    "a number": http(200, b'{"access_token": 1}'),
    "a token that is no header": http(200, b'{"access_token": "a\\r\\nX: y"}'),
    "dropped": None,
    "cut": http(200, b'{"access', length=100),
    "not http": b"\x00\x01\x02",
    "too large": http(200, b'{"access_token": "t", "padding": "' + b"a" * 2**21 + b'"}'),
}


@pytest.mark.parametrize("answer", BAD_TOKEN_ANSWERS.values(), ids=BAD_TOKEN_ANSWERS)
async def test_without_a_token_nothing_is_sent(answer: bytes | None) -> None:
    async with RawServer(token_answers=(answer,)) as server, client_for(server) as orders:
        with pytest.raises(ConnectionFailedError, match="no token was to be had"):
            await orders.create().order_create_request(OrderCreateRequest(customer_order_number="1")).execute()
        assert not server.heard


async def test_a_failing_token_endpoint_is_not_stormed() -> None:
    async with RawServer(token_answers=(http(500),)) as server, client_for(server) as orders:
        results = await asyncio.gather(*(orders.search().execute() for _ in range(50)), return_exceptions=True)
        assert {type(it) for it in results} == {ConnectionFailedError}
        assert len(server.tokens) == 1


async def test_a_cancelled_caller_harms_no_other_that_waits_for_the_token() -> None:
    async with RawServer(FOUND) as server:
        server.answer_tokens(server.hang, http(200, b'{"access_token": "second"}'))
        async with client_for(server) as orders:
            first = asyncio.create_task(orders.details("1").execute())
            await server.hung.wait()
            rest = [asyncio.create_task(orders.details("1").execute()) for _ in range(5)]
            await asyncio.sleep(0)
            first.cancel()
            assert len(await asyncio.gather(*rest)) == 5
        assert {it.headers["Authorization"] for it in server.heard} == {"Bearer second"}


async def test_a_token_source_of_ones_own_is_asked_and_told() -> None:
    class Tokens:
        dropped: list[str] = []  # noqa: RUF012

        async def token(self) -> str:
            return f"mine-{len(self.dropped)}"

        def drop(self, token: str) -> None:
            self.dropped.append(token)

    tokens = Tokens()
    async with RawServer(UNAUTHORIZED, FOUND) as server:
        async with OrdersClient(
            token_source=tokens, base_url=server.url, customer_number="1", country_code="US"
        ) as orders:
            await orders.details("1").execute()
        assert [it.headers["Authorization"] for it in server.heard] == ["Bearer mine-0", "Bearer mine-1"]
        assert tokens.dropped == ["mine-0"]
        assert not server.tokens


# ── Logs, and what must not be in them ──────────────────────────────────────────────────────────────────────────────


async def test_each_attempt_is_one_line_at_debug_without_anything_of_the_callers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="ingram_orders")
    async with RawServer(UNAUTHORIZED, FOUND) as server, client_for(server) as orders:
        await orders.details("20-RD3QV").vendor_number("V-9").im_correlation_id("call-7").execute()
    lines = [it.getMessage() for it in caplog.records if it.name.startswith("ingram_orders")]
    calls = [line for line in lines if "token" not in line]
    assert len(calls) == 2
    route = "GET /resellers/v6.1/orders/{ordernumber}"
    assert calls[0].startswith(f"{route} -> 401 in ")
    assert calls[0].endswith(" ms (attempt 1, correlation id call-7)")
    assert calls[1].startswith(f"{route} -> 200 in ")
    assert calls[1].endswith(" ms (attempt 2, correlation id call-7)")
    assert "20-RD3QV" not in "".join(lines)
    assert "V-9" not in "".join(lines)


ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in "token-1").encode()

# What a token or secret could be echoed by, or hang on.
LEAKS: dict[str, tuple[bytes | None, tuple[bytes | None, ...]]] = {
    "401 that echoes the token": (http(401, b'{"message": "bad token token-1 token-2"}'), ()),
    "400 that echoes the token": (http(400, b"Authorization: Bearer token-1"), ()),
    "500 that echoes the token": (http(500, b'{"message": "Bearer token-1"}'), ()),
    "401 that echoes the token escaped": (http(401, b'{"message": "' + ESCAPED + b'"}'), ()),
    "200 that echoes the token": (http(200, b'["token-1", 2]'), ()),
    "HTML that echoes the token": (http(200, b"<html>Bearer token-1"), ()),
    "a broken header with the token": (b"HTTP/1.1 200 OK\r\nX-Ec\x00ho: token-1\r\n\r\n", ()),
    "a broken status with the token": (b"HTTP/1.1 abc token-1\r\n\r\n", ()),
    "not http": (b"\x00\x01garbage\r\n\r\n", ()),
    "token endpoint echoes the form": (FOUND, (http(400, b"cannot parse client_secret=never-shown-secret&x=y"),)),
    "token endpoint echoes in a header": (FOUND, (b"HTTP/1.1 200 OK\r\nX-Ec\x00ho: never-shown-secret\r\n\r\n",)),
    "dropped": (None, ()),
    "token endpoint echoes the secret": (FOUND, (http(401, b'{"message": "wrong: ' + SECRET.encode() + b'"}'),)),
    "token endpoint answers a broken token": (FOUND, (http(200, b'{"access_token": "token-1'),)),
    "token endpoint is not http": (FOUND, (b"garbage\r\n\r\n",)),
}


@pytest.mark.parametrize(("answer", "token_answers"), LEAKS.values(), ids=LEAKS)
@pytest.mark.parametrize("build", [READS[1], WRITES[0]], ids=["read", "write"])
async def test_no_secret_shows(
    build: Build,
    answer: bytes | None,
    token_answers: tuple[bytes | None, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not in messages, reprs, tracebacks, logs, nor in the causes that an error carries."""
    caplog.set_level(logging.DEBUG)
    async with RawServer(answer, token_answers=token_answers) as server, client_for(server) as orders:
        with pytest.raises(IngramError) as raised:
            await build(orders).execute()
        shown = [repr(orders), repr(build(orders)), *traceback.format_exception(raised.value)]
        shown += [record.getMessage() for record in caplog.records]
    error: BaseException | None = raised.value
    while error is not None:
        shown += [repr(error), str(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    for text in shown:
        assert SECRET not in text
        assert "token-1" not in text
        assert "token-2" not in text


SOURCES: dict[str, Exception | str | bytes | None] = {
    "an aiohttp error": aiohttp.ServerDisconnectedError(),
    "a timeout": TimeoutError("vault"),
    "a bug": KeyError("x"),
    "nothing": None,
    "an empty text": "",
    "a second header": "a\r\nX: y",
    "bytes": b"x",
}


@each
@pytest.mark.parametrize("given", SOURCES.values(), ids=SOURCES)
async def test_a_token_source_that_fails_fails_in_our_tree(build: Build, given: Any) -> None:
    class Broken(MyTokens):
        async def token(self) -> str:
            if isinstance(given, Exception):
                raise given
            careless: str = given
            return careless

    async with RawServer(FOUND) as server, client_for(server, token_source=Broken()) as orders:
        with pytest.raises(ConnectionFailedError if isinstance(given, Exception) else ConfigurationError):
            await build(orders).execute()
        assert not server.heard


async def test_an_api_that_refuses_every_token_does_not_make_us_storm_for_more() -> None:
    async with RawServer(FOUND, UNAUTHORIZED) as server, client_for(server) as orders:
        await orders.details("1").execute()
        results = await asyncio.gather(*(orders.details("1").execute() for _ in range(100)), return_exceptions=True)
        assert {type(it) for it in results} == {AuthenticationError}
        assert len(server.tokens) == 2
        assert len(server.heard) == 1 + 100 + 100


@each
async def test_a_source_that_has_no_other_token_does_not_make_us_send_again(build: Build) -> None:
    async with RawServer(UNAUTHORIZED) as server, client_for(server, token_source=MyTokens()) as orders:
        with pytest.raises(AuthenticationError):
            await build(orders).execute()
        assert len(server.heard) == 1


async def test_a_token_source_that_fails_to_drop_fails_in_our_tree() -> None:
    class Broken(MyTokens):
        def drop(self, token: str) -> None:
            raise KeyError(token)

    async with RawServer(UNAUTHORIZED) as server, client_for(server, token_source=Broken()) as orders:
        with pytest.raises(ConnectionFailedError, match="no new token was to be had: KeyError"):
            await WRITES[0](orders).execute()
        assert len(server.heard) == 1


# ── TLS, proxies, and what cannot be copied ─────────────────────────────────────────────────────────────────────────


@each
async def test_a_dead_proxy_or_a_handshake_that_nobody_answers_has_sent_nothing(build: Build) -> None:
    async with RawServer() as dead:
        pass
    async with RawServer() as plain, client_for(plain, proxy=dead.url, token_source=MyTokens()) as orders:
        with pytest.raises(ConnectionFailedError, match="nothing was sent"):
            await build(orders).execute()
        assert not plain.heard
    async with (
        RawServer() as plain,  # waits for a request, and knows no TLS
        client_for(
            plain,
            base_url=plain.url.replace("http:", "https:"),
            token_source=MyTokens(),
            timeouts=Timeouts(connect=0.05),
        ) as orders,
    ):
        with pytest.raises(ConnectionFailedError, match="nothing was sent"):
            await build(orders).execute()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs certificates that nobody trusts but who is given it."""
    return trustme.CA()


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.mark.parametrize("lent", [False, True], ids=["own", "borrowed"])
@each
async def test_a_certificate_is_checked_before_anything_is_sent(
    build: Build, lent: bool, authority: trustme.CA
) -> None:
    wrong_name = trustme.CA()
    cases: list[tuple[trustme.LeafCert, Any]] = [
        (authority.issue_cert("127.0.0.1"), True),  # signed by nobody that is known
        (authority.issue_cert("other.example"), trusting(authority)),
        (wrong_name.issue_cert("127.0.0.1"), trusting(authority)),
        (authority.issue_cert("127.0.0.1"), aiohttp.Fingerprint(b"x" * 32)),
    ]
    for certificate, given in cases:
        async with RawServer(FOUND, certificate=certificate) as server, aiohttp.ClientSession() as session:
            orders = client_for(server, ssl=given, token_source=MyTokens(), session=session if lent else None)
            async with orders:
                with pytest.raises(ConnectionFailedError, match="nothing was sent"):
                    await build(orders).execute()
            assert not server.heard


async def test_a_certificate_that_is_trusted_lets_the_call_through(authority: trustme.CA) -> None:
    certificate = authority.issue_cert("127.0.0.1")
    async with RawServer(FOUND, certificate=certificate) as server:
        assert server.url.startswith("https://")
        async with client_for(server, ssl=trusting(authority)) as orders:
            assert (await orders.details("1").execute()).ingram_order_number == "20-RD3QV"


async def test_a_borrowed_sessions_own_proxy_that_is_none_has_sent_nothing_and_is_not_shown() -> None:
    async with (
        RawServer() as server,
        aiohttp.ClientSession(proxy="http://user:proxy-password@host:x") as session,
    ):
        with pytest.raises(ConnectionFailedError, match="nothing was sent") as failed:
            await WRITES[0](client_for(server, session=session, token_source=MyTokens())).execute()
        assert not server.heard
    assert "proxy-password" not in "".join(traceback.format_exception(failed.value)) + repr(failed.value.__cause__)


async def test_a_proxy_is_asked_and_ssl_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context()
    seen: list[tuple[Any, ...]] = []
    real = aiohttp.ClientSession.request

    def watched(session: aiohttp.ClientSession, method: str, url: Any, **given: Any) -> Any:
        limits = given["timeout"]
        seen.append((given["ssl"], limits.total, limits.connect, limits.sock_connect, limits.sock_read))
        return real(session, method, url, **given)

    monkeypatch.setattr(aiohttp.ClientSession, "request", watched)
    async with RawServer(FOUND) as proxy, aiohttp.ClientSession() as session:
        for lent in (None, session):
            async with OrdersClient(
                token_source=MyTokens(), base_url="http://orders.example", allow_http=True, customer_number="1",
                country_code="US", proxy=proxy.url, ssl=context, timeouts=Timeouts(connect=3, read=7), session=lent,
            ) as orders:  # fmt: skip
                await orders.details("20-A").execute()
        assert [it.target for it in proxy.heard] == ["http://orders.example/resellers/v6.1/orders/20-A"] * 2
    # On a session that is lent, `connect` would count the wait for a pool that is not ours.
    assert seen == [(context, None, 3, None, 7), (context, None, None, 3, 7)]


@pytest.mark.parametrize("tokens", [MyTokens(), None], ids=["call", "token"])
async def test_a_proxys_password_is_not_shown(tokens: MyTokens | None) -> None:
    """The proxy refuses the tunnel: aiohttp's own error names it, with its user and password."""
    async with RawServer(http(407)) as proxy:
        url = proxy.url.replace("//", "//user:proxy-password@")
        async with client_for(proxy, base_url="https://orders.example", proxy=url, token_source=tokens) as orders:
            with pytest.raises(ConnectionFailedError, match="407") as failed:
                await WRITES[0](orders).execute()
    error: BaseException | None = failed.value
    while error is not None:
        assert "proxy-password" not in repr(error) + str(error)
        error = error.__cause__


async def test_an_answer_is_read_also_when_the_loops_threads_are_gone() -> None:
    body = b'{"orders": [' + b",".join([b'{"notes": "x"}'] * 10_000) + b"]}"
    async with RawServer(http(201, body)) as server, client_for(server) as orders:
        await asyncio.get_running_loop().shutdown_default_executor()
        assert len((await WRITES[0](orders).execute()).orders) == 10_000


async def test_a_client_is_not_pickled_and_a_copied_request_goes_out_over_the_same_one() -> None:
    async with RawServer(FOUND) as server, client_for(server) as orders:
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(orders)
        await copy.deepcopy(orders.details("1")).execute()
    assert len(server.heard) == 1


# ── What others do around us ────────────────────────────────────────────────────────────────────────────────────────

AFTERWARDS: dict[str, Exception] = {
    "a connector's error": aiohttp.InvalidURL("of another call"),
    "an error of its own": KeyError("x-request-id"),
    "a wrong value": ValueError("wrong"),
}


@each
@pytest.mark.parametrize("failure", AFTERWARDS.values(), ids=AFTERWARDS)
async def test_a_middleware_that_fails_after_the_answer_does_not_make_it_unsent(
    build: Build, failure: Exception
) -> None:
    async def theirs(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        (await handler(request)).close()
        raise failure

    async with RawServer(FOUND) as server, aiohttp.ClientSession(middlewares=(theirs,)) as session:
        request = build(client_for(server, session=session, token_source=MyTokens()))
        with pytest.raises(OutcomeUnknownError if request.writes else ConnectionLostError) as raised:
            await request.execute()
        assert len(server.heard) == 1
    assert raised.value.__cause__ is failure


@each
@pytest.mark.parametrize(
    "failure",
    [KeyError("vault"), aiohttp.ServerDisconnectedError(), TimeoutError(), aiohttp.ConnectionTimeoutError()],
    ids=repr,
)
async def test_a_middleware_that_sends_by_itself_counts_as_having_sent(build: Build, failure: Exception) -> None:
    """To a standby, say, where ours was refused: what became of that, nobody here knows."""

    async def failover(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        with contextlib.suppress(aiohttp.ClientConnectorError):
            return await handler(request)
        sent.append(request.method)
        raise failure

    async with RawServer() as dead:
        pass
    sent: list[str] = []
    async with aiohttp.ClientSession(middlewares=(failover,)) as session:
        request = build(client_for(dead, session=session, token_source=MyTokens()))
        with pytest.raises(OutcomeUnknownError if request.writes else ConnectionLostError) as raised:
            await request.execute()
    cause = raised.value.__cause__
    assert failure in (cause, cause and cause.__cause__)
    assert len(sent) == 1 or not request.writes


@each_write
async def test_a_deadline_while_a_middleware_sends_by_itself_leaves_the_outcome_unknown(
    build: Build, later: Later
) -> None:
    entered = asyncio.Event()

    async def elsewhere(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with RawServer() as server, aiohttp.ClientSession(middlewares=(elsewhere,)) as session:
        orders = client_for(server, session=session, token_source=MyTokens())
        call = asyncio.create_task(build(orders).execute(timeout=60))
        await entered.wait()
        later(61)
        with pytest.raises(OutcomeUnknownError):
            await call


async def test_a_middleware_that_fails_with_the_very_error_of_no_connection_has_sent_nothing() -> None:
    async def theirs(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        return await handler(request)

    async with RawServer() as dead:
        pass
    async with aiohttp.ClientSession(middlewares=(theirs,)) as session:
        with pytest.raises(ConnectionFailedError, match="nothing was sent"):
            await WRITES[0](client_for(dead, session=session, token_source=MyTokens())).execute()


async def test_a_borrowed_sessions_traces_see_nothing_of_ours() -> None:
    contexts: list[object] = []

    async def ended(session: aiohttp.ClientSession, context: Any, params: object) -> None:
        contexts.append(context.trace_request_ctx)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(ended)
    async with RawServer(FOUND) as server, aiohttp.ClientSession(trace_configs=[trace]) as session:
        await client_for(server, session=session).details("1").execute()
    assert contexts == [None, None]


# ── Closing while something is under way ────────────────────────────────────────────────────────────────────────────


@each
async def test_closing_under_a_call_ends_it_and_opens_nothing_again(build: Build) -> None:
    async with RawServer() as server:
        server.answer(server.hang)
        orders = client_for(server)
        request = build(orders)
        call = asyncio.create_task(request.execute())
        await server.hung.wait()
        await orders.close()
        with pytest.raises(OutcomeUnknownError if request.writes else ConnectionLostError):
            await call
        assert not orders._session._transport._own


def test_a_client_whose_loop_has_ended_can_still_be_closed() -> None:
    """Nothing of it is left to close; in a process of its own, since aiohttp rightly complains of the leak."""
    script = (
        "import asyncio\n"
        "from ingram_orders.sandbox import Sandbox\n"
        "async def use():\n"
        "    async with Sandbox() as sandbox:\n"
        "        client = sandbox.client()\n"
        "        await client.search().execute()\n"
        "        return client\n"
        "client = asyncio.run(use())\n"
        "asyncio.run(client.close())\n"
        "print('closed')\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (0, "closed\n")


@each
async def test_closing_while_a_call_waits_for_its_token_sends_nothing(build: Build) -> None:
    asked, given = asyncio.Event(), asyncio.Event()

    class Slow(MyTokens):
        async def token(self) -> str:
            asked.set()
            await given.wait()
            return "late"

    async with RawServer(FOUND) as server:
        orders = client_for(server, token_source=Slow())
        call = asyncio.create_task(build(orders).execute())
        await asked.wait()
        await orders.close()
        given.set()
        with pytest.raises(ConfigurationError, match="closed"):
            await call
        assert not server.heard
        assert not orders._session._transport._own


@pytest.mark.parametrize("timeout", [0, -1, 0.0])
@pytest.mark.parametrize("lent", [False, True], ids=["own", "borrowed"])
async def test_no_time_at_all_sends_nothing(timeout: float, lent: bool) -> None:
    async with (
        RawServer(FOUND, keep_alive=True) as server,
        aiohttp.ClientSession() as session,
        client_for(server, session=session if lent else None, token_source=MyTokens()) as orders,
    ):
        with pytest.raises(DeadlineExceededError):
            await WRITES[0](orders).execute(timeout=timeout)
        assert not server.heard


@pytest.mark.parametrize("timeout", ["5", float("nan"), True, [1]])
async def test_a_timeout_that_is_no_length_of_time_is_refused(timeout: Any) -> None:
    async with RawServer(FOUND) as server, client_for(server) as orders:
        with pytest.raises(ConfigurationError, match="timeout must be a number of seconds"):
            await WRITES[0](orders).execute(timeout=timeout)
        assert not server.heard
