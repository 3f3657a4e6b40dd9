"""How far a request got, over real sockets: what is sent once, what twice, and what counts as sent."""

import asyncio
import contextlib
import copy
import gc
import logging
import pickle
import ssl
import traceback
import warnings
from typing import Any

import aiohttp
import pytest
import trustme
from support.calls import (
    FOUND,
    READS,
    WRITES,
    Build,
    Later,
    MyTokens,
    each,
    each_read,
    each_write,
)
from support.clients import client_for
from support.raw_server import Heard, RawServer, http

from ingram_orders import (
    ApiError,
    ConnectionFailedError,
    ConnectionLostError,
    IngramError,
    OrdersClient,
    OutcomeUnknownError,
    RateLimitedError,
    Timeouts,
    wire,
)
from ingram_orders.exchange import Exchange
from ingram_orders.transport import Transport

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


@pytest.mark.parametrize("lent", [False, True], ids=["own", "borrowed"])
async def test_whoever_has_a_write_carried_again_is_refused(lent: bool) -> None:
    """Nobody does; it is the last door before an order is sent twice."""
    async with RawServer() as server, aiohttp.ClientSession() as session:
        transport = Transport(borrowed=session if lent else None, timeouts=Timeouts(), proxy=None, ssl=True)
        exchange = Exchange(
            what="PUT /", attempt=1, correlation_id="c", method="PUT", url=server.url, headers={}, data=b"{}",
            writes=True, most=100, most_else=100,
        )  # fmt: skip
        assert await transport.carry(exchange) is None
        again = await transport.carry(exchange)
        assert again is not None
        assert "wanted to send a write again" in again.why
        await transport.close()
        assert len(server.heard) == 1


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
async def test_a_connection_that_broke_in_any_of_aiohttps_words_is_not_tried_again_by_aiohttp(
    build: Build, failure: Exception
) -> None:
    async def breaks(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        tries.append(request.method)
        raise failure

    tries: list[str] = []
    async with RawServer() as server, aiohttp.ClientSession(middlewares=(breaks,)) as session:
        with pytest.raises(ConnectionLostError):
            await build(client_for(server, session=session, token_source=MyTokens())).execute()
    assert len(tries) == 1


@each
async def test_nothing_was_sent_where_nobody_listens(build: Build) -> None:
    async with RawServer() as server:
        orders = client_for(server, token_source=MyTokens())
    async with orders:
        with pytest.raises(ConnectionFailedError, match="nothing was sent") as failed:
            await build(orders).execute()
    assert isinstance(failed.value.__cause__, aiohttp.ClientConnectorError)


async def test_a_connection_that_is_kept_holds_nothing_of_the_calls_that_it_carried() -> None:
    """Nor does anything else: answers may be large, and tokens secret."""
    async with (
        RawServer(FOUND, keep_alive=True) as server,
        client_for(server, token_source=MyTokens()) as orders,
    ):
        for _ in range(2):
            # Not known by the port: one comes again, and tests of failures hold what failed.
            await orders.details("HELD-BY-NONE").execute()
        gc.collect()
        held = [it for it in gc.get_objects() if isinstance(it, Exchange) and it.url.endswith("HELD-BY-NONE")]
        assert held == []
        assert server.connections == 1


@each_write
async def test_a_write_counts_as_sent_where_aiohttp_does_not_tell_our_connector(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What tells that nothing was sent is asked by aiohttp; should a later one not ask it, nothing is sent again."""
    monkeypatch.setattr("ingram_orders.transport.Connector", aiohttp.TCPConnector)
    async with RawServer() as server:
        orders = client_for(server, token_source=MyTokens())
    async with orders:
        with pytest.raises(OutcomeUnknownError):
            await build(orders).execute()


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


async def test_a_lent_session_may_be_of_a_class_of_the_callers_own() -> None:
    """And its `request` a coroutine, where aiohttp's is a context manager, too."""
    with pytest.warns(DeprecationWarning, match="discouraged"):

        class Wrapping(aiohttp.ClientSession):
            async def request(self, *args: Any, **given: Any) -> Any:  # type: ignore[override]  # as people do
                return await super().request(*args, **given)

    async with RawServer(FOUND) as server, Wrapping() as session:
        await client_for(server, session=session, token_source=MyTokens()).details("1").execute()
        assert len(server.heard) == 1


async def test_what_a_call_held_is_free_when_it_is_over() -> None:
    """And not only once the garbage collector comes: an answer may be of many megabytes."""
    async with RawServer(FOUND, keep_alive=True) as server, client_for(server, token_source=MyTokens()) as orders:
        before = exchanges()  # of tests that failed, whose tracebacks are kept
        gc.disable()
        try:
            for _ in range(3):
                await orders.details("1").execute()
            assert not [it for it in exchanges() if not any(it is other for other in before)]
        finally:
            gc.enable()


def exchanges() -> list[Exchange]:
    return [it for it in gc.get_objects() if isinstance(it, Exchange)]


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
    # On a session that is lent, `connect` would count the wait for a pool that is not ours; and when a request goes out
    # is not known, from when on we would count the silence.
    assert seen == [(context, None, 3, None, None), (context, None, None, 3, 7)]


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


@each
async def test_a_borrowed_sessions_own_proxy_that_refuses_has_sent_nothing_and_its_password_is_not_shown(
    build: Build,
) -> None:
    async with RawServer(http(407)) as proxy:
        url = proxy.url.replace("//", "//user:proxy-password@")
        async with aiohttp.ClientSession(proxy=url) as session:
            orders = client_for(proxy, base_url="https://orders.example", session=session, token_source=MyTokens())
            with pytest.raises(ConnectionFailedError, match="407") as failed:
                await build(orders).execute()
    error: BaseException | None = failed.value
    while error is not None:
        assert "proxy-password" not in f"{error!r} {error} {error.args} {vars(error)}"
        assert "Bearer" not in f"{error!r} {error} {error.args} {vars(error)}"
        error = error.__cause__


async def test_a_proxys_password_is_not_shown_where_the_proxy_echoes_it() -> None:
    async with RawServer(http(400, b'{"message": "bad login user:proxy%2Fpassword, proxy/password"}')) as proxy:
        url = proxy.url.replace("//", "//user:proxy%2Fpassword@")
        orders = client_for(
            proxy, base_url="http://orders.example", allow_http=True, proxy=url, token_source=MyTokens()
        )
        async with orders:
            with pytest.raises(ApiError, match=r"bad login user:\*\*\*, \*\*\*") as refused:
                await orders.search().execute()
    assert refused.value.body == b'{"message": "bad login user:***, ***"}'


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


@each_write
@pytest.mark.parametrize("again", [False, True], ids=["the first error", "ours again"])
async def test_a_failover_that_waits_for_its_own_send_counts_as_having_sent(build: Build, again: bool) -> None:
    """It passes on our own error of no connection, and yet an order may be at the standby."""

    async def failover(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            with contextlib.suppress(aiohttp.ClientError):
                async with aiohttp.ClientSession() as own, own.request(request.method, standby.url) as response:
                    await response.read()
            if again:
                return await handler(request)
            raise

    async with RawServer() as dead:
        pass
    async with RawServer(None) as standby, aiohttp.ClientSession(middlewares=(failover,)) as session:
        with pytest.raises(OutcomeUnknownError):
            await build(client_for(dead, session=session, token_source=MyTokens())).execute()
        assert standby.heard


@each
async def test_a_middleware_that_reads_the_answer_leaves_it_to_us(build: Build) -> None:
    """The commonest there is: it logs what came."""

    async def reads(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        response = await handler(request)
        read.append(await response.text())
        return response

    read: list[str] = []
    body = b'[{"orderNumber": "20-RD3QV"}]'
    async with RawServer(http(201, body)) as server, aiohttp.ClientSession(middlewares=(reads,)) as session:
        answer = await build(client_for(server, session=session, token_source=MyTokens())).execute_with_response()
        assert answer.body == (b"" if answer.model is None else body)
    assert read == [body.decode()]


@each
@pytest.mark.parametrize("lets_go", ["release", "close"])
async def test_a_middleware_that_reads_the_answer_and_lets_it_go_leaves_it_to_us(build: Build, lets_go: str) -> None:
    """As `async with` does; aiohttp keeps what it has read."""

    async def reads(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        response = await handler(request)
        await response.read()
        getattr(response, lets_go)()
        return response

    body = b'[{"orderNumber": "20-RD3QV\xc3\xa9"}]'
    async with RawServer(http(201, body)) as server, aiohttp.ClientSession(middlewares=(reads,)) as session:
        answer = await build(client_for(server, session=session, token_source=MyTokens())).execute_with_response()
    assert answer.body == (b"" if answer.model is None else body)


async def test_the_cap_counts_for_what_a_middleware_has_read_too() -> None:
    async def reads(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        response = await handler(request)
        await response.read()
        return response

    async with RawServer(http(201, b'{"a": 1}')) as server, aiohttp.ClientSession(middlewares=(reads,)) as session:
        orders = client_for(server, session=session, token_source=MyTokens(), max_body=5)
        with pytest.raises(OutcomeUnknownError, match="larger than 5 bytes") as unknown:
            await WRITES[0](orders).execute()
    assert unknown.value.body == b'{"a":'


async def test_a_middleware_that_answers_by_itself_counts_as_having_sent() -> None:
    async def instead(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        return await own.request(request.method, other.url)

    cut = http(201, b'{"orders": [', length=100)
    async with (
        RawServer() as server,
        RawServer(cut) as other,
        aiohttp.ClientSession() as own,
        aiohttp.ClientSession(middlewares=(instead,)) as session,
    ):
        with pytest.raises(OutcomeUnknownError) as unknown:
            await WRITES[0](client_for(server, session=session, token_source=MyTokens())).execute()
    assert (unknown.value.status, unknown.value.body) == (201, b'{"orders": [')


@each_read
async def test_a_borrowed_sessions_middleware_may_repeat_a_read(build: Build) -> None:
    async def again(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        (await handler(request)).close()
        return await handler(request)

    async with (
        RawServer(http(503), http(200, b"[{}]")) as server,
        aiohttp.ClientSession(middlewares=(again,)) as session,
    ):
        answer = await build(client_for(server, session=session, token_source=MyTokens())).execute_with_response()
        assert answer.status == 200
        assert len(server.heard) == 2


@each_write
@pytest.mark.parametrize(("status", "kind"), [(429, RateLimitedError), (503, OutcomeUnknownError)])
async def test_a_refusal_after_which_a_middleware_wanted_to_send_a_write_again_is_told(
    build: Build, status: int, kind: type[IngramError]
) -> None:
    async def again(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        (await handler(request)).close()
        return await handler(request)

    refusal = http(status, b"{}", "Retry-After: 7")
    async with RawServer(refusal) as server, aiohttp.ClientSession(middlewares=(again,)) as session:
        with pytest.raises(kind) as refused:
            await build(client_for(server, session=session, token_source=MyTokens())).execute()
        assert len(server.heard) == 1
    assert getattr(refused.value, "status", None) == status
    assert getattr(refused.value, "retry_after", 7) == 7


async def test_the_answer_after_which_a_middleware_wanted_to_send_again_is_kept() -> None:
    async def again(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        await handler(request)
        return await handler(request)

    body = b'{"orders": [{"ingramOrderNumber": "20-RD3QV"}]}'
    async with RawServer(http(201, body)) as server, aiohttp.ClientSession(middlewares=(again,)) as session:
        with pytest.raises(OutcomeUnknownError) as unknown:
            await WRITES[0](client_for(server, session=session, token_source=MyTokens())).execute()
        assert len(server.heard) == 1
    assert (unknown.value.status, unknown.value.body) == (201, body)


@pytest.mark.parametrize("is_long", [True, False], ids=["longer than the cap", "never whole"])
async def test_the_connection_of_an_answer_after_which_a_middleware_wanted_to_send_again_is_given_back(
    is_long: bool,
) -> None:
    """Though it was not read to its end, or the time was up before it came."""

    async def again(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        await handler(request)
        return await handler(request)

    def half(_: Heard) -> bytes:
        server.hung.set()
        return http(503, b" " * 10, length=100)

    async with (
        RawServer(http(503, b" " * 10_000_000) if is_long else half) as server,
        aiohttp.ClientSession(middlewares=(again,), connector=aiohttp.TCPConnector(limit=1)) as session,
    ):
        orders = client_for(server, session=session, token_source=MyTokens(), max_body=10, timeouts=Timeouts(read=None))
        for _ in range(2):
            with pytest.raises(OutcomeUnknownError) as unknown:
                async with asyncio.timeout(10):
                    await WRITES[0](orders).execute(timeout=None if is_long else 0.1)
            assert (unknown.value.status, unknown.value.body) == (503, b" " * 10)


with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # aiohttp would rather not be inherited from

    class Deaf(aiohttp.ClientSession):
        """A session of a class that asks no middlewares, as one that caches may be."""

        async def _request(self, *arguments: Any, **given: Any) -> aiohttp.ClientResponse:
            given.pop("middlewares")
            return await super()._request(*arguments, **given)


@each_write
@pytest.mark.parametrize("answer", [b"", http(201, b'{"orders": [', length=100)], ids=["silence", "half an answer"])
async def test_a_deadline_on_a_session_that_asks_no_middlewares_leaves_the_outcome_unknown(
    build: Build, answer: bytes, later: Later
) -> None:
    async with RawServer() as server, Deaf() as session:
        server.answer(lambda heard: server.hang(heard) + answer)
        orders = client_for(server, session=session, token_source=MyTokens())
        call = asyncio.create_task(build(orders).execute(timeout=60))
        await server.hung.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        later(61)
        if answer and build(orders).operation == "cancel":
            await call
            return
        with pytest.raises(OutcomeUnknownError) as unknown:
            await call
    assert unknown.value.body == (b'{"orders": [' if answer else b"")


class Unshowable(Exception):
    def __str__(self) -> str:
        raise KeyError("no text")

    __repr__ = __str__


def with_exceptions(value: object) -> Exception:
    failure = ValueError("odd")
    failure.exceptions = value  # type: ignore[attr-defined]
    return failure


ODD: dict[str, Exception] = {
    "unshowable": Unshowable(),
    "no exceptions": with_exceptions(None),
    "texts for exceptions": with_exceptions(("a", "b")),
    "made by hand": aiohttp.ClientResponseError(None, ()),  # type: ignore[arg-type]
    "its own cause": ValueError("knot"),
}
ODD["its own cause"].__cause__ = ODD["its own cause"]


@each
@pytest.mark.parametrize("failure", ODD.values(), ids=ODD)
async def test_no_error_of_somebody_elses_hides_that_a_write_was_sent(build: Build, failure: Exception) -> None:
    async def theirs(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        (await handler(request)).close()
        raise failure

    async with RawServer(FOUND) as server, aiohttp.ClientSession(middlewares=(theirs,)) as session:
        request = build(client_for(server, session=session, token_source=MyTokens()))
        with pytest.raises(OutcomeUnknownError if request.writes else ConnectionLostError):
            await request.execute()
        assert len(server.heard) == 1


@each_write
async def test_whatever_goes_wrong_in_us_after_a_write_was_sent_is_an_unknown_outcome(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug with token-1")

    monkeypatch.setattr(wire, "decode", broken)
    async with RawServer(http(201, b'{"a": "token-1"}')) as server, client_for(server) as orders:
        request = build(orders)
        with pytest.raises(OutcomeUnknownError, match=r"KeyError: 'a bug with \*\*\*'") as unknown:
            await request.execute()
    assert unknown.value.status == 201
    assert unknown.value.body == (b"" if request.operation == "cancel" else b'{"a": "***"}')
    assert "token-1" not in "".join(traceback.format_exception(unknown.value)).replace('"a bug with token-1"', "")


async def test_a_bug_in_a_read_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(wire, "decode", broken)
    async with RawServer(FOUND) as server, client_for(server) as orders:
        with pytest.raises(KeyError, match="a bug"):
            await READS[0](orders).execute()


async def test_a_logging_filter_that_fails_costs_no_answer() -> None:
    def broken(record: logging.LogRecord) -> bool:
        raise KeyError("a filter")

    log = logging.getLogger("ingram_orders.session")
    log.setLevel(logging.DEBUG)
    log.addFilter(broken)
    try:
        async with RawServer(http(201, b"{}")) as server, client_for(server) as orders:
            assert await WRITES[0](orders).execute()
    finally:
        log.removeFilter(broken)
        log.setLevel(logging.NOTSET)


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
