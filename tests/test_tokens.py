"""Tokens over real sockets: when one is asked for, by whom, and what is done when it is refused."""

import asyncio
import time
import traceback
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
)
from support.clients import SECRET, client_for
from support.raw_server import RawServer, http

from ingram_orders import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    IngramError,
    OrderCreateRequest,
    OrdersClient,
    OutcomeUnknownError,
)
from ingram_orders.sandbox import Sandbox


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


UNFRAMED = {
    "longer than it says": b"Connection: close\r\nContent-Length: 1\r\n\r\n",
    "longer than it says, and kept": b"Content-Length: 1\r\n\r\n",
    "not in chunks": b"Transfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("head", UNFRAMED.values(), ids=UNFRAMED)
async def test_a_token_in_an_answer_that_cannot_be_read_is_not_shown(head: bytes) -> None:
    """aiohttp's parser quotes what it does not understand."""
    answer = b"HTTP/1.1 200 OK\r\n" + head + b'{"access_token": "not-to-be-seen", "expires_in": 60}'
    async with RawServer(token_answers=(answer,)) as server, client_for(server) as orders:
        with pytest.raises(ConnectionFailedError, match="no token was to be had: ClientResponseError") as failed:
            await orders.details("1").execute()
    assert "not-to-be-seen" not in "".join(traceback.format_exception(failed.value))


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


@pytest.mark.parametrize(
    "failure",
    [ConnectionLostError("of another call"), OutcomeUnknownError("x", operation="create", correlation_id="c")],
    ids=lambda it: type(it).__name__,
)
@each
async def test_a_token_sources_word_on_another_call_is_none_on_this_one(build: Build, failure: IngramError) -> None:
    class Broken(MyTokens):
        async def token(self) -> str:
            raise failure

    async with RawServer(FOUND) as server, client_for(server, token_source=Broken()) as orders:
        with pytest.raises(ConnectionFailedError, match="no token was to be had"):
            await build(orders).execute()
        assert not server.heard


async def test_closing_a_client_ends_the_refresh_of_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    brief = http(200, b'{"access_token": "first", "expires_in": 100}')
    async with RawServer(FOUND) as server:
        server.answer_tokens(brief, server.hang)
        async with client_for(server) as orders:
            await orders.details("1").execute()
            now = time.monotonic() + 95
            monkeypatch.setattr(orders._session._keeper, "_clock", lambda: now)
            await orders.details("1").execute()  # which does not wait for it
            await server.hung.wait()
            assert len(server.tokens) == 2
        assert not [it for it in asyncio.all_tasks() if "TokenKeeper._refresh" in repr(it)]
        assert orders._session._keeper is not None
        assert orders._session._keeper._is_closed  # so none begins in a call that is still under way
        await server.all_closed()


async def test_a_token_source_that_fails_to_drop_fails_in_our_tree() -> None:
    class Broken(MyTokens):
        def drop(self, token: str) -> None:
            raise KeyError(token)

    async with RawServer(UNAUTHORIZED) as server, client_for(server, token_source=Broken()) as orders:
        with pytest.raises(ConnectionFailedError, match="no new token was to be had: KeyError"):
            await WRITES[0](orders).execute()
        assert len(server.heard) == 1
