"""What is sent again, how long after, and what is told in the end: each cell of the README's table, on real sockets."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web
from support.calls import FOUND, READS, UNAUTHORIZED, WRITES, Build, Later, MyTokens, each, each_read, each_write
from support.clients import client_for
from support.raw_server import RawServer, http
from support.waiting import Waits

from ingram_orders import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    DeadlineExceededError,
    IngramError,
    NotFoundError,
    NotOnHoldError,
    OrdersClient,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimit,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    UnreadableAnswerError,
)
from ingram_orders.sandbox import Sandbox, faults

FOUR = RetryPolicy()
QUOTA = b'{"errors": [{"message": "The quota limit exceeds for calls on your API app."}]}'


@pytest.fixture
def waits() -> Waits:
    return Waits()


def bare(server: RawServer, waits: Waits, **settings: Any) -> OrdersClient:
    given: Any = {"token_source": MyTokens(), "retry": FOUR, **waits.settings, **settings}
    return client_for(server, **given)


@contextlib.asynccontextmanager
async def client(
    server: RawServer, waits: Waits, *, lent: bool = False, **settings: Any
) -> AsyncIterator[OrdersClient]:
    """Give a client that tries again, if so on a session that is lent to it."""
    async with contextlib.AsyncExitStack() as stack:
        if lent:
            settings["session"] = await stack.enter_async_context(aiohttp.ClientSession())
        yield await stack.enter_async_context(bare(server, waits, **settings))


either = pytest.mark.parametrize("lent", [False, True], ids=["own", "borrowed"])

# ── Sent, and what came was no good: a read goes again, a write never ───────────────────────────────────────────────

CUT, RIDDLE = http(200, b'{"a": 1}', length=100), http(200, b"<html>")
ONLY_READS: dict[str, tuple[Any, type[IngramError]]] = {
    "dropped": (None, ConnectionLostError),
    "no HTTP": (b"\x00\x01", ConnectionLostError),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", ConnectionLostError),
    "a body cut": (CUT, ConnectionLostError),
    **{str(status): (http(status), ServerError) for status in (408, 500, 502, 503, 504, 599)},
    "503 in HTML": (http(503, b"<html>"), ServerError),
    "a 2xx that cannot be read": (RIDDLE, UnreadableAnswerError),
}
only_reads = pytest.mark.parametrize(("answer", "kind"), ONLY_READS.values(), ids=ONLY_READS)


@either
@each_read
@only_reads
async def test_a_read_goes_again_until_it_is_answered(
    build: Build, answer: Any, kind: type[IngramError], waits: Waits, lent: bool
) -> None:
    async with RawServer(answer, answer, answer, FOUND) as server, client(server, waits, lent=lent) as orders:
        response = await build(orders).execute_with_response()
        assert (response.attempts, len(server.heard)) == (4, 4)
        assert len({it.headers["IM-CorrelationID"] for it in server.heard}) == 1
    assert waits.slept == [0.25, 0.5, 1.0]


@either
@each_read
@only_reads
async def test_a_read_that_fails_as_often_as_it_may_is_told_so(
    build: Build, answer: Any, kind: type[IngramError], waits: Waits, lent: bool
) -> None:
    async with RawServer(answer) as server, client(server, waits, lent=lent) as orders:
        with pytest.raises(kind):
            await build(orders).execute()
        assert len(server.heard) == 4


@either
@each_write
@only_reads
async def test_a_write_goes_once_and_its_outcome_is_unknown(
    build: Build, answer: Any, kind: type[IngramError], waits: Waits, lent: bool
) -> None:
    async with RawServer(answer, FOUND) as server, client(server, waits, lent=lent) as orders:
        if build is WRITES[-1] and answer in (CUT, RIDDLE):  # of a cancel's 2xx the body is not looked at
            await build(orders).execute()
            return
        with pytest.raises(OutcomeUnknownError) as unknown:
            await build(orders).execute()
        assert len(server.heard) == 1
        assert unknown.value.correlation_id == server.heard[0].headers["IM-CorrelationID"]
    assert waits.slept == []
    assert unknown.value.sent_at is not None
    assert abs((datetime.now(UTC) - unknown.value.sent_at).total_seconds()) < 60
    assert unknown.value.values["im_country_code"] == "US"


@either
@each
async def test_a_redirect_is_told_and_never_followed(build: Build, waits: Waits, lent: bool) -> None:
    async with (
        RawServer(http(307, b"", "Location: /elsewhere"), FOUND) as server,
        client(server, waits, lent=lent) as orders,
    ):
        with pytest.raises(OutcomeUnknownError if build in WRITES else ApiError) as told:
            await build(orders).execute()
        assert len(server.heard) == 1
    assert getattr(told.value, "status", None) == 307


REFUSALS: dict[int, type[ApiError]] = {
    400: BadRequestError, 403: PermissionDeniedError, 404: NotFoundError, 405: NotOnHoldError, 409: ApiError,
    422: ApiError,
}  # fmt: skip


@either
@each
@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refusal_is_told_at_once(build: Build, status: int, waits: Waits, lent: bool) -> None:
    async with RawServer(http(status), FOUND) as server, client(server, waits, lent=lent) as orders:
        with pytest.raises(REFUSALS[status]) as refused:
            await build(orders).execute()
        assert len(server.heard) == 1
    assert type(refused.value) is REFUSALS[status]


# ── Nothing was sent: everything goes again ─────────────────────────────────────────────────────────────────────────


@either
@each
async def test_what_met_no_server_goes_again_a_write_too(build: Build, waits: Waits, lent: bool) -> None:
    server = RawServer(FOUND)
    async with server:
        pass
    async with contextlib.AsyncExitStack() as stack, client(server, waits, lent=lent) as orders:

        async def come_up() -> None:
            await stack.enter_async_context(server)

        waits.then = come_up
        response = await build(orders).execute_with_response()
        assert (response.attempts, len(server.heard)) == (2, 1)
    assert waits.slept == [0.25]


@either
@each
async def test_what_meets_no_server_as_often_as_it_may_is_told_so(build: Build, waits: Waits, lent: bool) -> None:
    server = RawServer()
    async with server:
        pass
    async with client(server, waits, lent=lent) as orders:
        with pytest.raises(ConnectionFailedError, match="nothing was sent"):
            await build(orders).execute()
    assert waits.slept == [0.25, 0.5, 1.0]


@either
@each
async def test_tls_that_breaks_off_is_tried_again_and_a_certificate_is_not(
    build: Build, waits: Waits, lent: bool
) -> None:
    shaken = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal shaken
        shaken += 1
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server, RawServer() as other:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with client(other, waits, lent=lent, base_url=url) as orders:
            with pytest.raises(ConnectionFailedError) as failed:
                await build(orders).execute()
    assert (shaken, failed.value.is_certificate) == (4, False)

    async with (
        RawServer(FOUND, certificate=trustme.CA().issue_cert("127.0.0.1")) as secured,
        client(secured, waits, lent=lent) as orders,
    ):
        with pytest.raises(ConnectionFailedError, match="nothing was sent") as failed:
            await build(orders).execute()
    assert failed.value.is_certificate
    assert waits.slept == [0.25, 0.5, 1.0]  # all of it for the other


async def test_one_hiccup_of_the_token_endpoint_fails_none_of_a_hundred_calls(waits: Waits) -> None:
    async with RawServer(FOUND, token_answers=(http(503), http(200, b'{"access_token": "t"}'))) as server:
        async with client_for(server, retry=FOUR, **waits.settings) as orders:
            await asyncio.gather(*(orders.details("1").execute() for _ in range(100)))
        assert len(server.tokens) == 2


async def test_a_token_endpoint_that_says_when_to_come_back_is_left_alone_so_long(waits: Waits) -> None:
    answers = (http(429, b"", "Retry-After: 40"), http(200, b'{"access_token": "t"}'))
    async with RawServer(FOUND, token_answers=answers) as server:
        async with client_for(server, retry=FOUR, **waits.settings) as orders:
            await orders.details("1").execute()
        assert len(server.tokens) == 2
    assert waits.slept == [40.25]


async def test_refused_credentials_are_told_at_once(waits: Waits) -> None:
    async with RawServer(FOUND, token_answers=(http(401),)) as server:
        async with client_for(server, retry=FOUR, **waits.settings) as orders:
            with pytest.raises(AuthenticationError):
                await orders.details("1").execute()
        assert len(server.tokens) == 1
    assert waits.slept == []


async def test_a_token_endpoint_with_a_certificate_that_is_not_trusted_is_asked_once(waits: Waits) -> None:
    async with (
        RawServer(certificate=trustme.CA().issue_cert("127.0.0.1")) as secured,
        RawServer(FOUND) as server,
        client_for(server, token_url=f"{secured.url}/token", retry=FOUR, **waits.settings) as orders,
    ):
        with pytest.raises(ConnectionFailedError) as failed:
            await orders.details("1").execute()
    assert (failed.value.is_certificate, waits.slept) == (True, [])


class Failing(MyTokens):
    """A token source that is not there at first."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def token(self) -> str:
        self.times -= 1
        if self.times >= 0:
            raise OSError("no vault")
        return await super().token()


@either
@each
async def test_no_token_is_a_reason_to_try_again(build: Build, waits: Waits, lent: bool) -> None:
    async with RawServer(FOUND) as server, client(server, waits, lent=lent, token_source=Failing(3)) as orders:
        response = await build(orders).execute_with_response()
        assert (response.attempts, len(server.heard)) == (4, 1)
    async with RawServer(FOUND) as server, client(server, waits, lent=lent, token_source=Failing(4)) as orders:
        with pytest.raises(ConnectionFailedError, match="no vault"):
            await build(orders).execute()
        assert server.heard == []


# ── A connection that had been kept ─────────────────────────────────────────────────────────────────────────────────


async def test_a_read_on_a_stale_connection_goes_again_at_once_and_costs_no_budget(waits: Waits) -> None:
    """Once: the server's every second answer is none."""
    policy = RetryPolicy(budget=0, reserve=0)
    answers = [FOUND, *[None, FOUND] * 20]
    async with RawServer(*answers, keep_alive=True) as server, client(server, waits, retry=policy) as orders:
        await orders.details("1").execute()
        for _ in range(20):
            assert (await orders.details("1").execute_with_response()).attempts == 2
        server.answer(FOUND, None)
        await orders.details("1").execute()
        with pytest.raises(ConnectionLostError):
            await orders.details("1").execute()
    assert waits.slept == []


async def test_never_again_is_never_also_on_a_stale_connection(waits: Waits) -> None:
    once = RetryPolicy(attempts=1)
    async with (
        RawServer(FOUND, None, FOUND, keep_alive=True) as server,
        client(server, waits, retry=once) as orders,
    ):
        await orders.details("1").execute()
        with pytest.raises(ConnectionLostError):
            await orders.details("1").execute()


async def test_only_one_stale_connection_is_free(waits: Waits) -> None:
    """Two connections are kept, and both turn out to be dead."""
    policy = RetryPolicy(budget=0, reserve=0)
    both = asyncio.Event()
    async with Sandbox(orders=0) as sandbox, sandbox.client(retry=policy, **waits.settings) as orders:
        arrived = 0

        async def together(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
            nonlocal arrived
            arrived += 1
            if arrived == 2:
                both.set()
            await both.wait()
            return await proceed()

        await orders.search().execute()
        sandbox.fault = together
        await asyncio.gather(*(orders.search().execute() for _ in range(2)))
        sandbox.fault = faults.drop
        before = len(sandbox.ledger)
        with pytest.raises(ConnectionLostError):
            await orders.search().execute()
        assert len(sandbox.ledger) == before + 2


# ── Turned away: everything goes again, when it is let ──────────────────────────────────────────────────────────────

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
DATE = f"Date: {format_datetime(NOW, usegmt=True)}"
IN_SEVEN = int(NOW.timestamp()) + 7
HINTED = {
    "Retry-After in seconds": http(429, b"", "Retry-After: 7"),
    "Retry-After as a date": http(429, b"", DATE, "Retry-After: Tue, 30 Jun 2026 12:00:07 GMT"),
    "reset in seconds": http(429, b"", DATE, f"X-RateLimit-Reset: {IN_SEVEN}"),
    "reset in milliseconds": http(429, b"", DATE, f"X-RateLimit-Reset: {IN_SEVEN}000"),
    **{f"{status} that names the quota": http(status, QUOTA, "Retry-After: 7") for status in (400, 403, 429)},
}
hinted = pytest.mark.parametrize("answer", HINTED.values(), ids=HINTED)


@either
@each
@hinted
async def test_a_quota_that_says_when_to_come_back_costs_no_attempt(
    build: Build, answer: bytes, waits: Waits, lent: bool
) -> None:
    async with RawServer(*[answer] * 9, FOUND) as server, client(server, waits, lent=lent) as orders:
        response = await build(orders).execute_with_response()
        assert (response.attempts, len(server.heard)) == (10, 10)
    assert waits.slept == [7.25] * 9


@either
@each
async def test_a_quota_that_says_nothing_has_waits_of_its_own(build: Build, waits: Waits, lent: bool) -> None:
    async with RawServer(http(429)) as server, client(server, waits, lent=lent) as orders:
        with pytest.raises(RateLimitedError) as throttled:
            await build(orders).execute()
        assert len(server.heard) == 4
    assert waits.slept == [2.5, 5.0, 10.0]
    assert throttled.value.retry_after is None


@either
@each
@hinted
async def test_a_wait_that_does_not_fit_the_deadline_is_not_begun(
    build: Build, answer: bytes, waits: Waits, lent: bool
) -> None:
    async with RawServer(answer) as server, client(server, waits, lent=lent) as orders:
        with pytest.raises(DeadlineExceededError) as late:
            await build(orders).execute(timeout=6)
        assert len(server.heard) == 1
        assert late.value.retry_after == 7.0
        assert isinstance(late.value.__cause__, RateLimitedError)
        with pytest.raises(DeadlineExceededError) as late:  # it rests for all
            await build(orders).execute(timeout=6)
        assert len(server.heard) == 1
        assert late.value.retry_after == 7.0
    assert waits.slept == []


async def test_a_wait_between_attempts_is_none_that_the_deadline_does_not_allow(waits: Waits) -> None:
    async with RawServer(http(503)) as server, client(server, waits) as orders:
        with pytest.raises(ServerError):
            await READS[0](orders).execute(timeout=0.7)
        assert len(server.heard) == 2
    assert waits.slept == [0.25]


@each
async def test_a_quota_that_is_used_up_lets_its_route_rest_and_no_other(build: Build, waits: Waits) -> None:
    """Also where nothing is sent again."""
    async with (
        RawServer(http(429, b"", "Retry-After: 7"), FOUND) as server,
        client(server, waits, retry=RetryPolicy(attempts=1)) as orders,
    ):
        with pytest.raises(RateLimitedError):
            await build(orders).execute()
        for other in READS + WRITES:
            if other(orders).path != build(orders).path or other(orders).method != build(orders).method:
                await other(orders).execute()
        assert waits.slept == []
        await build(orders).execute()
    assert waits.slept == [7.25]


@each
async def test_who_waits_for_his_turn_meanwhile_does_not_go_either(build: Build, waits: Waits) -> None:
    async with (
        RawServer(http(429, b"", "Retry-After: 7"), FOUND) as server,
        client(server, waits, max_in_flight=1) as orders,
    ):
        await asyncio.gather(*(build(orders).execute() for _ in range(10)))
        assert len(server.heard) == 11


async def test_a_rest_is_over_also_by_a_clock_that_stands_still(waits: Waits) -> None:
    """Whoever has waited for it goes on, so that no clock can hold a call for ever."""
    still: Any = {"clock": lambda: 1000.0}
    async with (
        RawServer(http(429, b"", "Retry-After: 7"), FOUND) as server,
        client(server, waits, **still) as orders,
    ):
        await READS[0](orders).execute()
        assert len(server.heard) == 2


@each
@pytest.mark.parametrize("then", [http(429, b"", "Retry-After: 7"), http(429), http(503), None], ids=range(4))
async def test_after_a_new_token_all_is_as_before(build: Build, then: Any, waits: Waits) -> None:
    """It is the token that was refused which is not to be tried again, and no other."""
    if build in WRITES and then in (None, http(503)):
        return
    async with RawServer(UNAUTHORIZED, then, FOUND) as server, client_for(
        server, retry=FOUR, **waits.settings
    ) as orders:  # fmt: skip
        response = await build(orders).execute_with_response()
        assert (response.attempts, len(server.heard), len(server.tokens)) == (3, 3, 2)


@each
async def test_hints_and_failures_are_counted_apart(build: Build, waits: Waits) -> None:
    hint = http(429, b"", "Retry-After: 7")
    answers = [hint, http(429), hint, hint, http(429), hint, http(429), hint, FOUND]
    async with RawServer(*answers) as server, client(server, waits) as orders:
        assert (await build(orders).execute_with_response()).attempts == 9


@each
@pytest.mark.parametrize("hint", ["Retry-After: 0", "Retry-After: -5", "X-RateLimit-Reset: 7"])
async def test_who_is_told_to_come_back_at_once_does_not_for_ever(build: Build, hint: str, waits: Waits) -> None:
    async with RawServer(http(429, b"", hint)) as server, client(server, waits) as orders:
        with pytest.raises(RateLimitedError):
            await build(orders).execute()
        assert len(server.heard) == 4
    assert waits.slept == [2.5, 5.0, 10.0]


async def test_a_route_rests_also_where_the_api_does_not_say_how_long_and_no_shorter_for_a_later_word(
    waits: Waits,
) -> None:
    once = RetryPolicy(attempts=1)
    async with RawServer(http(429), FOUND) as server, client(server, waits, retry=once) as orders:
        with pytest.raises(RateLimitedError):
            await READS[0](orders).execute()
        await READS[0](orders).execute()
    assert waits.slept == [2.75]
    both = asyncio.Event()

    def second(heard: Any) -> bytes:
        both.set()
        return http(429, b"", "Retry-After: 1")

    waits.slept.clear()
    async with RawServer() as server, client(server, waits, retry=once) as orders:
        server.answer(http(429, b"", "Retry-After: 9"), second, FOUND)
        results = await asyncio.gather(*(READS[0](orders).execute() for _ in range(2)), return_exceptions=True)
        assert [type(it) for it in results] == [RateLimitedError] * 2
        await READS[0](orders).execute()
    assert waits.slept == [9.25]


async def test_a_rest_is_kept_to_that_grew_while_one_waited_for_it(waits: Waits) -> None:
    async with RawServer(http(429, b"", "Retry-After: 5"), FOUND) as server, client(server, waits) as orders:
        route = "GET /resellers/v6/orders/search"

        async def longer() -> None:
            orders._session.pace._rests[route] = waits.now + 20

        waits.then = longer
        await orders.search().execute()
    assert waits.slept == [5.25, 20.25]


async def test_a_rests_jitter_fits_the_deadline(waits: Waits) -> None:
    settings: Any = {"random": lambda: 0.99}
    async with (
        RawServer(http(429, b"", "Retry-After: 7"), FOUND) as server,
        client(server, waits, **settings) as orders,
    ):
        with pytest.raises(DeadlineExceededError):
            await READS[0](orders).execute(timeout=5)
        await READS[0](orders).execute(timeout=7.2)
    assert waits.slept == [pytest.approx(7.099)]


@each
async def test_one_new_token_costs_no_attempt_and_no_wait(build: Build, waits: Waits) -> None:
    async with (
        RawServer(UNAUTHORIZED, FOUND) as server,
        client_for(server, retry=RetryPolicy(attempts=1), **waits.settings) as orders,
    ):
        response = await build(orders).execute_with_response()
        assert (response.attempts, len(server.heard), len(server.tokens)) == (2, 2, 2)


# ── Of all requests together ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_dead_server_is_asked_little_more_often_than_there_are_calls(waits: Waits) -> None:
    policy = RetryPolicy(budget=0.2, reserve=10)
    async with RawServer(http(503)) as server, client(server, waits, retry=policy) as orders:
        for _ in range(100):
            with pytest.raises(ServerError):
                await READS[0](orders).execute()
        assert 100 + 10 + 15 <= len(server.heard) <= 100 + 10 + 20


async def test_views_share_the_budget_and_the_rest(waits: Waits) -> None:
    policy = RetryPolicy(budget=0, reserve=3)
    async with RawServer(http(503)) as server, client(server, waits, retry=policy) as orders:
        for each_one in (orders, orders.with_defaults(customer_number="20-333333")):
            with pytest.raises(ServerError):
                await READS[0](each_one).execute()
        assert len(server.heard) == 5


async def test_the_log_tells_each_attempt_and_why_there_is_another(
    waits: Waits, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="ingram_orders")
    async with RawServer(http(503), None, FOUND) as server, client(server, waits) as orders:
        await orders.details("20-RD3QV").im_correlation_id("call-7").execute()
    route = "GET /resellers/v6.1/orders/{ordernumber}"
    assert [it.getMessage() for it in caplog.records] == [
        f"{route}: again in 0.2 s, after ServerError (attempt 1, correlation id call-7)",
        f"{route}: again in 0.5 s, after ConnectionLostError (attempt 2, correlation id call-7)",
    ]


# ── Cut, cancelled, closed ──────────────────────────────────────────────────────────────────────────────────────────


@each
async def test_who_is_cancelled_while_he_waits_sends_nothing_more(build: Build) -> None:
    waiting = asyncio.Event()

    async def wait(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async with (
        RawServer(http(429, b"", "Retry-After: 7"), FOUND) as server,
        client(server, Waits(), sleep=wait) as orders,
    ):
        call = asyncio.create_task(build(orders).execute())
        await waiting.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert len(server.heard) == 1


@each
async def test_a_client_closed_while_a_call_waits_sends_nothing_more(build: Build, waits: Waits) -> None:
    async with RawServer(http(429, b"", "Retry-After: 7"), FOUND) as server:
        orders = bare(server, waits)
        waits.then = orders.close
        with pytest.raises(ConfigurationError, match="closed"):
            await build(orders).execute()
        assert len(server.heard) == 1
    assert waits.slept == [7.25]


@each
async def test_a_deadline_that_is_over_sends_nothing(build: Build, waits: Waits) -> None:
    """Also on a connection that is there already, on which nothing is waited for before the head is out."""

    class Slow(MyTokens):
        async def token(self) -> str:
            waits.now += 5
            return await super().token()

    async with (
        RawServer(FOUND, keep_alive=True) as server,
        aiohttp.ClientSession() as session,
        client(server, waits, session=session, token_source=Slow()) as orders,
    ):
        await READS[0](orders).execute()
        with pytest.raises(DeadlineExceededError, match="before it was sent"):
            await build(orders).execute(timeout=4)
        assert len(server.heard) == 1


@each
@pytest.mark.parametrize("kind", [ConnectionFailedError, RateLimitedError, TimeoutError, KeyError, AuthenticationError])
async def test_what_is_raised_before_a_send_is_raised_as_it_is_and_nothing_goes(
    build: Build, kind: type[Exception], waits: Waits
) -> None:
    error = kind("mine", status=429) if issubclass(kind, ApiError) else kind("mine")

    async def veto(at: datetime) -> None:
        raise error

    async with RawServer(http(429, b"", "Retry-After: 7"), FOUND) as server, client(server, waits) as orders:
        with pytest.raises(kind) as raised:
            await orders.send(build(orders), before_send=veto)
        assert raised.value is error
        assert server.heard == []
        turned_away = 0

        async def second(at: datetime) -> None:
            nonlocal turned_away
            turned_away += 1
            if turned_away == 2:
                raise error

        with pytest.raises(kind) as raised:
            await orders.send(build(orders), before_send=second)
        assert raised.value is error
        assert len(server.heard) == 1
    assert waits.slept == [7.25]


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "yesterday", ""])
async def test_an_odd_date_breaks_nothing(date: str, waits: Waits) -> None:
    async with RawServer(http(200, b"{}", f"Date: {date}"), FOUND) as server, client(server, waits) as orders:
        await READS[0](orders).execute()
        waits.now += 100
        for build in READS + WRITES:
            await build(orders).execute()


async def test_a_send_is_dated_by_the_apis_clock_as_it_was_told_and_goes_on(waits: Waits) -> None:
    dated = http(200, b"{}", DATE)
    token = http(200, b'{"access_token": "t"}', "Date: Tue, 30 Jun 2020 12:00:00 GMT")
    async with (
        RawServer(dated, FOUND, None, token_answers=(token,)) as server,
        client_for(server, **waits.settings) as orders,
    ):
        for _ in range(2):
            await READS[0](orders).execute()
            waits.now += 90
        with pytest.raises(OutcomeUnknownError) as unknown:
            await WRITES[0](orders).execute()
    assert unknown.value.sent_at is not None
    assert 180 <= (unknown.value.sent_at - NOW).total_seconds() < 181


async def test_the_apis_clock_is_read_when_an_answer_begins(waits: Waits) -> None:
    """And not when it has ended, however long that takes; nor is what the other says of itself its cause."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(f"HTTP/1.1 200 OK\r\n{DATE}\r\nContent-Length: 2\r\n\r\n".encode())
            begun.set()
            await go_on.wait()
            writer.write(b"{}")

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, RawServer() as other:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        orders = bare(other, waits, base_url=url, clock=asyncio.get_running_loop().time)
        call = asyncio.create_task(orders.details("1").execute())
        await begun.wait()
        await asyncio.sleep(0.2)  # real time, since it is real time that is read
        go_on.set()
        await call
        assert 0.2 <= (orders._session._time_there() - NOW).total_seconds() < 60
        await orders.close()


async def test_a_rest_that_does_not_fit_is_told_before_a_place_is_waited_for(waits: Waits) -> None:
    limiter = RateLimit(calls=1, clock=waits, sleep=waits.sleep)
    async with (
        RawServer(http(429, b"", "Retry-After: 500"), FOUND) as server,
        client(server, waits, limiter=limiter, retry=RetryPolicy(attempts=1)) as orders,
    ):
        with pytest.raises(RateLimitedError):
            await READS[0](orders).execute()
        with pytest.raises(DeadlineExceededError) as late:
            await READS[0](orders).execute(timeout=100)
    assert (late.value.retry_after, waits.slept) == (500.0, [])


async def test_what_was_behind_a_veto_stays_behind_it(waits: Waits) -> None:
    async def veto(_: datetime) -> None:
        raise LookupError("mine") from OSError("behind it")

    async with RawServer(FOUND) as server, client(server, waits) as orders:
        with pytest.raises(LookupError) as raised:
            await orders.send(WRITES[0](orders), before_send=veto)
    assert isinstance(raised.value.__cause__, OSError)


async def test_an_answer_that_is_too_long_is_not_asked_for_again(waits: Waits) -> None:
    async with RawServer(http(200, b'"' + b"a" * 5000 + b'"')) as server, client(server, waits, max_body=999) as orders:
        with pytest.raises(UnreadableAnswerError, match="larger than 999"):
            await READS[0](orders).execute()
        assert len(server.heard) == 1


@pytest.mark.parametrize("reads", [True, False])
async def test_the_deadline_counts_attempts_and_waits_together(reads: bool, later: Later) -> None:
    """It is cut in the second attempt, by what is left of it then."""
    waits = Waits()
    async with RawServer() as server:
        server.answer(http(429, b"", "Retry-After: 7"), server.hang)
        async with client(server, waits) as orders:
            call = asyncio.create_task((READS if reads else WRITES)[0](orders).execute(timeout=10))
            await server.hung.wait()
            later(2.7)
            await asyncio.sleep(0)
            assert not call.done()
            later(0.1)
            with pytest.raises(DeadlineExceededError if reads else OutcomeUnknownError):
                await call
