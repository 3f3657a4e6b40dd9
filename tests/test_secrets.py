"""Logs, messages and causes: what is in them, and what must not be."""

import logging
import traceback

import pytest
from support.calls import (
    FOUND,
    READS,
    UNAUTHORIZED,
    WRITES,
    Build,
)
from support.clients import SECRET, client_for
from support.raw_server import RawServer, http

from ingram_orders import (
    IngramError,
)


async def test_each_attempt_is_one_line_at_debug_without_anything_of_the_callers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="ingram_orders")
    async with RawServer(UNAUTHORIZED, FOUND) as server, client_for(server) as orders:
        await orders.details("20-RD3QV").vendor_number("V-9").im_correlation_id("call-7").execute()
    lines = [it.getMessage() for it in caplog.records if it.name.startswith("ingram_orders")]
    calls = [line for line in lines if " -> " in line and "token" not in line]
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
