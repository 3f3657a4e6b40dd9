"""The session manager over real sockets: whose the connections are, what is sent, and how it is closed."""

import asyncio
import contextlib
import pickle
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from support.calls import (
    FOUND,
    UNAUTHORIZED,
    WRITES,
    Build,
    MyTokens,
    each,
    each_write,
)
from support.clients import client_for
from support.raw_server import RawServer, http

from ingram_orders import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    DeadlineExceededError,
    IngramError,
    OrdersClient,
    OutcomeUnknownError,
)

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


def test_processes_that_were_one_do_not_go_on_with_the_same_ids() -> None:
    script = """
import os
from ingram_orders.client import _correlation_id
_correlation_id()
for _ in range(3):
    if os.fork() == 0:
        os.write(1, _correlation_id().encode() + b" ")
        os._exit(0)
for _ in range(3):
    os.wait()
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    ids = ran.stdout.split()
    assert [len(it) for it in ids] == [32] * 3
    assert len({it[16:] for it in ids}) == 3  # the time is in the first half


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


async def refreshing(server: RawServer) -> OrdersClient:
    """Give a client whose token is being refreshed, which the server does not answer."""
    server.answer_tokens(http(200, b'{"access_token": "first", "expires_in": 100}'), server.hang)
    orders = client_for(server)
    await orders.details("1").execute()
    assert orders._session._keeper is not None
    late = time.monotonic() + 95
    orders._session._keeper._clock = lambda: late
    await orders.details("1").execute()
    await server.hung.wait()
    return orders


async def test_a_client_that_was_closed_asks_for_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call waits out the second between two refused tokens; meanwhile the client is closed."""
    waiting, go = asyncio.Event(), asyncio.Event()

    async def wait(_: float) -> None:
        waiting.set()
        await go.wait()

    async with RawServer(FOUND, UNAUTHORIZED) as server:
        orders = client_for(server)
        await orders.details("1").execute()
        assert orders._session._keeper is not None
        monkeypatch.setattr(orders._session._keeper, "_sleep", wait)
        with pytest.raises(AuthenticationError):
            await orders.details("1").execute()
        call = asyncio.create_task(orders.details("1").execute())
        await waiting.wait()
        asked = len(server.tokens)
        await orders.close()
        go.set()
        with pytest.raises(ConfigurationError, match="closed"):
            await call
        assert len(server.tokens) == asked
        assert not orders._session._transport._own


async def test_closing_in_another_loop_is_refused_and_changes_nothing() -> None:
    """Also while a token is refreshed, which must not be cancelled from there."""
    async with RawServer(FOUND) as server:
        orders = await refreshing(server)

        async def elsewhere() -> None:
            with pytest.raises(ConfigurationError, match="another event loop"):
                await orders.close()

        await asyncio.to_thread(asyncio.run, elsewhere())
        assert not [it for it in asyncio.all_tasks() if "_refresh" in repr(it) and it.done()]
        await orders.details("1").execute()
        await orders.close()
        await server.all_closed()


async def test_a_call_that_begins_while_the_client_is_being_closed_sends_nothing() -> None:
    async with RawServer(FOUND) as server:
        orders = await refreshing(server)
        closing = asyncio.create_task(orders.close())
        await asyncio.sleep(0)
        with pytest.raises(ConfigurationError, match="closed"):
            await WRITES[0](orders).execute()
        await closing
        assert len(server.heard) == 2


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
