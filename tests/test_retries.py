"""What is sent again, how long after, and what is told in the end: each cell of the README's table, on real sockets."""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
import trustme
from support.calls import FOUND, READS, UNAUTHORIZED, WRITES, Build, Later, MyTokens, each, each_read, each_write
from support.clients import client_for
from support.raw_server import RawServer, http
from support.waiting import Waits

from ingram_orders import (
    ApiError,
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
    RateLimitedError,
    RetryPolicy,
    ServerError,
    UnreadableAnswerError,
)

FOUR = RetryPolicy()
QUOTA = b'{"errors": [{"message": "The quota limit exceeds for calls on your API app."}]}'


@pytest.fixture
def waits() -> Waits:
    return Waits()


def client(server: RawServer, waits: Waits, **settings: Any) -> OrdersClient:
    given: Any = {"token_source": MyTokens(), "retry": FOUR, **waits.settings, **settings}
    return client_for(server, **given)


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


@each_read
@only_reads
async def test_a_read_goes_again_until_it_is_answered(
    build: Build, answer: Any, kind: type[IngramError], waits: Waits
) -> None:
    async with RawServer(answer, answer, answer, FOUND) as server, client(server, waits) as orders:
        response = await build(orders).execute_with_response()
        assert (response.attempts, len(server.heard)) == (4, 4)
        assert len({it.headers["IM-CorrelationID"] for it in server.heard}) == 1
    assert waits.slept == [0.25, 0.5, 1.0]


@each_read
@only_reads
async def test_a_read_that_fails_as_often_as_it_may_is_told_so(
    build: Build, answer: Any, kind: type[IngramError], waits: Waits
) -> None:
    async with RawServer(answer) as server, client(server, waits) as orders:
        with pytest.raises(kind):
            await build(orders).execute()
        assert len(server.heard) == 4


@each_write
@only_reads
async def test_a_write_goes_once_and_its_outcome_is_unknown(
    build: Build, answer: Any, kind: type[IngramError], waits: Waits
) -> None:
    async with RawServer(answer, FOUND) as server, client(server, waits) as orders:
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


@each
async def test_a_redirect_is_told_and_never_followed(build: Build, waits: Waits) -> None:
    async with RawServer(http(307, b"", "Location: /elsewhere"), FOUND) as server, client(server, waits) as orders:
        with pytest.raises(OutcomeUnknownError if build in WRITES else ApiError) as told:
            await build(orders).execute()
        assert len(server.heard) == 1
    assert getattr(told.value, "status", None) == 307


REFUSALS: dict[int, type[ApiError]] = {
    400: BadRequestError, 403: PermissionDeniedError, 404: NotFoundError, 405: NotOnHoldError, 409: ApiError,
    422: ApiError,
}  # fmt: skip


@each
@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refusal_is_told_at_once(build: Build, status: int, waits: Waits) -> None:
    async with RawServer(http(status), FOUND) as server, client(server, waits) as orders:
        with pytest.raises(REFUSALS[status]) as refused:
            await build(orders).execute()
        assert len(server.heard) == 1
    assert type(refused.value) is REFUSALS[status]


# ── Nothing was sent: everything goes again ─────────────────────────────────────────────────────────────────────────


@each
async def test_what_met_no_server_goes_again_a_write_too(build: Build, waits: Waits) -> None:
    server = RawServer(FOUND)
    async with server:
        pass
    async with contextlib.AsyncExitStack() as stack, client(server, waits) as orders:

        async def come_up() -> None:
            await stack.enter_async_context(server)

        waits.then = come_up
        response = await build(orders).execute_with_response()
        assert (response.attempts, len(server.heard)) == (2, 1)
    assert waits.slept == [0.25]


@each
async def test_what_meets_no_server_as_often_as_it_may_is_told_so(build: Build, waits: Waits) -> None:
    server = RawServer()
    async with server:
        pass
    async with client(server, waits) as orders:
        with pytest.raises(ConnectionFailedError, match="nothing was sent"):
            await build(orders).execute()
    assert waits.slept == [0.25, 0.5, 1.0]


@each
async def test_tls_that_breaks_off_is_tried_again_and_a_certificate_is_not(build: Build, waits: Waits) -> None:
    shaken = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal shaken
        shaken += 1
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server, RawServer() as other:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with client(other, waits, base_url=url) as orders:
            with pytest.raises(ConnectionFailedError) as failed:
                await build(orders).execute()
    assert (shaken, failed.value.is_certificate) == (4, False)

    async with (
        RawServer(FOUND, certificate=trustme.CA().issue_cert("127.0.0.1")) as secured,
        client(secured, waits) as orders,
    ):
        with pytest.raises(ConnectionFailedError, match="nothing was sent") as failed:
            await build(orders).execute()
    assert failed.value.is_certificate
    assert waits.slept == [0.25, 0.5, 1.0]  # all of it for the other


class Failing(MyTokens):
    """A token source that is not there at first."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def token(self) -> str:
        self.times -= 1
        if self.times >= 0:
            raise OSError("no vault")
        return await super().token()


@each
async def test_no_token_is_a_reason_to_try_again(build: Build, waits: Waits) -> None:
    async with RawServer(FOUND) as server, client(server, waits, token_source=Failing(3)) as orders:
        response = await build(orders).execute_with_response()
        assert (response.attempts, len(server.heard)) == (4, 1)
    async with RawServer(FOUND) as server, client(server, waits, token_source=Failing(4)) as orders:
        with pytest.raises(ConnectionFailedError, match="no vault"):
            await build(orders).execute()
        assert server.heard == []


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


@each
@hinted
async def test_a_quota_that_says_when_to_come_back_costs_no_attempt(build: Build, answer: bytes, waits: Waits) -> None:
    async with RawServer(*[answer] * 9, FOUND) as server, client(server, waits) as orders:
        response = await build(orders).execute_with_response()
        assert (response.attempts, len(server.heard)) == (10, 10)
    assert waits.slept == [7.25] * 9


@each
async def test_a_quota_that_says_nothing_has_waits_of_its_own(build: Build, waits: Waits) -> None:
    async with RawServer(http(429)) as server, client(server, waits) as orders:
        with pytest.raises(RateLimitedError) as throttled:
            await build(orders).execute()
        assert len(server.heard) == 4
    assert waits.slept == [2.5, 5.0, 10.0]
    assert throttled.value.retry_after is None


@each
@hinted
async def test_a_wait_that_does_not_fit_the_deadline_is_not_begun(build: Build, answer: bytes, waits: Waits) -> None:
    async with RawServer(answer) as server, client(server, waits) as orders:
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
    settings = {**waits.settings, "clock": lambda: 1000.0}
    async with (
        RawServer(http(429, b"", "Retry-After: 7"), FOUND) as server,
        client(server, waits, **settings) as orders,
    ):
        await READS[0](orders).execute()
        assert len(server.heard) == 2


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
    async with RawServer(http(503)) as server, client(server, waits) as orders:
        for _ in range(100):
            with pytest.raises(ServerError):
                await READS[0](orders).execute()
        assert 110 <= len(server.heard) <= 100 + 10 + 20


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
        orders = client(server, waits)
        waits.then = orders.close
        with pytest.raises(ConfigurationError, match="closed"):
            await build(orders).execute()
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
