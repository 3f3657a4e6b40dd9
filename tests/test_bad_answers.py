"""Whatever a server answers, a call gives a model or an error of our tree, with status and body kept, at once."""

import gzip
import threading
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from support.clients import client_for
from support.raw_server import RawServer, http

from ingram_orders import (
    ApiError,
    BadRequestError,
    IngramError,
    OrderCreateRequest,
    OrderDetailB2B,
    OrderModifyRequest,
    OrderModifyResponse,
    OrdersClient,
    OrderSearchResponse,
    OutcomeUnknownError,
    UnreadableAnswerError,
    VendorRequiredInfoRequest,
    wire,
)
from ingram_orders.builder import Request
from ingram_orders.refusals import error_details

Build = Callable[[OrdersClient], Request[Any]]

OPERATIONS: dict[str, Build] = {
    "search": lambda orders: orders.search(),
    "details": lambda orders: orders.details("20-RD3QV"),
    "create": lambda orders: orders.create().order_create_request(OrderCreateRequest(customer_order_number="PO-1")),
    "modify": lambda orders: orders.modify("20-RD3QV").order_modify_request(OrderModifyRequest()),
    "vendor_required_info": lambda orders: orders.vendor_required_info().vendor_required_info_request(
        VendorRequiredInfoRequest()
    ),
}
each = pytest.mark.parametrize("name", OPERATIONS)

# 2xx bodies that no operation can read.
UNREADABLE = {
    "truncated JSON": b'{"orders": [{"ingramOrderNumber": "20-',
    "HTML": b"<!DOCTYPE html><html><body>Service temporarily unavailable</body></html>",
    "plain text": b"OK",
    "a number": b"17",
    "a string": b'"OK"',
    "true": b"true",
    "an array of numbers": b"[1, 2]",
    "an array of many objects and a number": b"[{}, {}, 3]",
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "5,000 digits": b'{"orderTotal": ' + b"9" * 5000 + b"}",
    "an exponent of thirty digits": b'{"orderTotal": 1e' + b"9" * 30 + b"}",
    "a million lists deep": b"[" * 10**6,
    "a million objects deep": b'{"a":' * 10**6,
    "two documents": b"{} {}",
    "only a byte order mark": b"\xef\xbb\xbf",
}


@each
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_unreadable_answer_is_an_error_that_keeps_it(name: str, body: bytes) -> None:
    async with RawServer(http(200, body)) as server, client_for(server) as orders:
        request = OPERATIONS[name](orders)
        kind = OutcomeUnknownError if request.writes else UnreadableAnswerError
        with pytest.raises(kind) as unreadable:
            await request.execute()
        assert len(server.heard) == 1
    assert isinstance(unreadable.value, UnreadableAnswerError | OutcomeUnknownError)
    assert (unreadable.value.status, unreadable.value.body) == (200, body)
    assert unreadable.value.correlation_id == server.heard[0].headers["IM-CorrelationID"]
    assert len(str(unreadable.value)) < 600


# 2xx bodies that are odd, and are read all the same: what a details answer says then.
READABLE: dict[str, tuple[bytes, tuple[str, ...], dict[str, Any]]] = {
    "byte order mark": (b'\xef\xbb\xbf{"notes": "x"}', (), {"notes": "x"}),
    "UTF-16": ('{"notes": "é"}'.encode("utf-16"), (), {"notes": "é"}),
    "wrong content type": (b'{"notes": "x"}', ("Content-Type: text/html",), {"notes": "x"}),
    "no content type": (b'{"notes": "x"}', ("X-Other: 1",), {"notes": "x"}),
    "an impossible charset": (b'{"notes": "x"}', ("Content-Type: application/json; charset=klingon",), {"notes": "x"}),
    "duplicate keys": (b'{"notes": "first", "notes": "last"}', (), {"notes": "last"}),
    "NaN": (b'{"orderTotal": NaN, "notes": "x"}', (), {"notes": "x", "extra": {"orderTotal": "NaN"}}),
    "Infinity": (b'{"totalTax": -Infinity}', (), {"extra": {"totalTax": "-Infinity"}}),
    "a giant exponent for a count": (
        b'{"lines": {"quantityOrdered": 1e999999}, "notes": "x"}',
        (),
        {"notes": "x"},
    ),
    "a lone surrogate": (b'{"notes": "\\ud800"}', (), {"notes": "\ud800"}),
    "an empty object": (b"{}", (), {}),
    "an array of the one object": (b'[{"notes": "x"}]', (), {"notes": "x"}),
    "white space around": (b'\r\n {"notes": "x"} \n', (), {"notes": "x"}),
    "objects for everything": (b'{"notes": {}, "orderTotal": {}}', (), {"extra": {"notes": {}, "orderTotal": {}}}),
    "compressed": (gzip.compress(b'{"notes": "x"}'), ("Content-Encoding: gzip",), {"notes": "x"}),
    "deflated": (zlib.compress(b'{"notes": "x"}'), ("Content-Encoding: deflate",), {"notes": "x"}),
}


@pytest.mark.parametrize(("body", "headers", "says"), READABLE.values(), ids=READABLE)
async def test_an_odd_answer_is_read(body: bytes, headers: tuple[str, ...], says: dict[str, Any]) -> None:
    async with RawServer(http(200, body, *headers)) as server, client_for(server) as orders:
        detail = await orders.details("1").execute()
    assert isinstance(detail, OrderDetailB2B)
    for name, value in says.items():
        assert getattr(detail, name) == value


EMPTY_OR_NULL = [(200, b""), (200, b"null"), (200, b"  \r\n"), (204, b"")]


@pytest.mark.parametrize(("status", "body"), EMPTY_OR_NULL, ids=str)
@pytest.mark.parametrize("name", ["details", "create", "vendor_required_info"])
async def test_an_empty_answer_is_none_for_these(name: str, status: int, body: bytes) -> None:
    async with RawServer(http(status, body)) as server, client_for(server) as orders:
        request = OPERATIONS[name](orders)
        with pytest.raises(
            OutcomeUnknownError if request.writes else UnreadableAnswerError, match=r"it is (empty|null)"
        ):
            await request.execute()


@pytest.mark.parametrize(("status", "body"), EMPTY_OR_NULL, ids=str)
async def test_an_empty_answer_to_a_modification_is_an_empty_model(status: int, body: bytes) -> None:
    async with RawServer(http(status, body)) as server, client_for(server) as orders:
        assert await orders.modify("1").action_code("release").execute() == OrderModifyResponse()


async def test_a_204_to_a_search_says_that_nothing_was_found() -> None:
    async with RawServer(http(204)) as server, client_for(server) as orders:
        assert await orders.search().execute() == OrderSearchResponse(records_found=0)


@pytest.mark.parametrize("body", [b"", b"null"])
async def test_an_empty_200_to_a_search_says_nothing(body: bytes) -> None:
    """Taken for "no orders", it would lose some."""
    async with RawServer(http(200, body)) as server, client_for(server) as orders:
        with pytest.raises(UnreadableAnswerError):
            await orders.search().execute()


@each
@pytest.mark.parametrize("status", [200, 400, 404, 503])
async def test_a_body_over_the_cap_is_cut_and_told(name: str, status: int) -> None:
    body = b'{"message": "' + b"a" * 5000 + b'"}'
    async with RawServer(http(status, body)) as server, client_for(server, max_body=1000) as orders:
        with pytest.raises(IngramError) as raised:
            await OPERATIONS[name](orders).execute()
    assert getattr(raised.value, "status", None) == status
    assert getattr(raised.value, "body", None) == body[:1000]
    assert ("larger than 1000 bytes" in str(raised.value)) == (status == 200)


async def test_a_refusal_over_the_cap_is_not_waited_for() -> None:
    """It says a gigabyte will come, and stops: what has come is enough."""
    async with RawServer() as server:
        server.answer(lambda heard: server.hang(heard) + http(400, b"x" * 5000, length=10**9))
        async with client_for(server, max_body=1000) as orders:
            with pytest.raises(ApiError) as refused:
                await orders.details("1").execute()
    assert refused.value.body == b"x" * 1000


async def test_the_cap_counts_what_was_unpacked() -> None:
    """A megabyte of zeros is a kilobyte on the wire."""
    packed = http(200, gzip.compress(b'"' + b"0" * 10**6 + b'"'), "Content-Encoding: gzip")
    async with RawServer(packed) as server, client_for(server, max_body=10_000) as orders:
        with pytest.raises(UnreadableAnswerError, match="larger than 10000 bytes") as cut:
            await orders.details("1").execute()
    assert len(cut.value.body) == 10_000


async def test_a_body_of_just_the_cap_is_read() -> None:
    body = b'{"notes": "xx"}'
    async with RawServer(http(200, body)) as server, client_for(server, max_body=len(body)) as orders:
        assert (await orders.details("1").execute()).notes == "xx"


async def test_a_large_answer_is_read_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[bool] = []
    decode = wire.decode

    def watched(*arguments: Any) -> Any:
        readers.append(threading.current_thread() is threading.main_thread())
        return decode(*arguments)

    monkeypatch.setattr(wire, "decode", watched)
    body = b'{"lines": [' + b",".join([b'{"quantityOrdered": 1}'] * 50_000) + b"]}"
    async with RawServer(http(200, body)) as server, client_for(server) as orders:
        assert len((await orders.details("1").execute()).lines) == 50_000
        server.answer(http(200, b"{}"))
        await orders.details("1").execute()
    assert readers == [False, True]


@each
async def test_a_refusal_with_a_million_errors_is_told_by_its_first_hundred(name: str) -> None:
    """And its body cut to a mebibyte: to go through all of it took the loop for seconds."""
    errors = b",".join([b'{"message": "no", "fields": [' + b",".join([b'{"field": "f"}'] * 200) + b"]}"] * 1000)
    async with RawServer(http(400, b"[" + errors + b"]")) as server, client_for(server) as orders:
        with pytest.raises(BadRequestError) as refused:
            await OPERATIONS[name](orders).execute()
    assert len(refused.value.body) == 2**20
    details = error_details(b"[" + errors + b"]")
    assert len(details) == 100
    assert {len(detail.fields) for detail in details} == {100}


NOT_HTTP = {
    "garbage": b"\x00\x01\x02\x03",
    "another protocol": b"220 mail ready\r\n",
    "a broken status line": b"HTTP/1.1 abc\r\n\r\n",
    "a broken header": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "a body cut short": http(200, b'{"a": 1}', length=100),
    "compressed by name only": http(200, b"not gzip", "Content-Encoding: gzip"),
    "a broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
}


@each
@pytest.mark.parametrize("answer", NOT_HTTP.values(), ids=NOT_HTTP)
async def test_what_is_no_whole_http_answer_is_an_error_of_our_tree(name: str, answer: bytes) -> None:
    async with RawServer(answer) as server, client_for(server) as orders:
        request = OPERATIONS[name](orders)
        with pytest.raises(IngramError) as raised:
            await request.execute()
        assert isinstance(raised.value, OutcomeUnknownError) == request.writes
        if request.writes:
            assert len(server.heard) == 1


ERROR_BODIES = {
    "nothing": b"",
    "null": b"null",
    "a list": b'["broken"]',
    "numbers": b"[1, 2, [3]]",
    "nested nonsense": b'{"errors": [{"fields": [1, {"field": {"a": 1}}], "message": ["x"]}, null, 7]}',
    "errors as an object": b'{"errors": {"message": "one"}}',
    "a fault that is text": b'{"fault": "text"}',
    "deep": b"[" * 10**5,
    "not UTF-8": b"\xff\xfe\xfd",
    "control characters": b'{"message": "a\\r\\nb\\u0000c"}',
    "a giant message": b'{"message": "' + b"x" * 10**5 + b'"}',
    "5,000 digits": b'{"message": ' + b"9" * 5000 + b"}",
    "an exponent of thirty digits": b'{"message": 1e' + b"9" * 30 + b"}",
}


@each
async def test_a_refusal_whose_body_is_cut_short_is_a_refusal(name: str) -> None:
    """Its status says that nothing was done; a write's outcome is known."""
    async with RawServer(http(400, b'{"message": "no', length=100)) as server, client_for(server) as orders:
        with pytest.raises(BadRequestError) as refused:
            await OPERATIONS[name](orders).execute()
    assert refused.value.body == b'{"message": "no'


async def test_a_borrowed_session_that_unpacks_nothing_is_told_to() -> None:
    packed = http(200, gzip.compress(b'{"notes": "x"}'), "Content-Encoding: gzip")
    token = http(200, b'{"access_token": "t"}')
    async with (
        RawServer(packed, token_answers=(token,)) as server,
        aiohttp.ClientSession(auto_decompress=False) as session,
        client_for(server, session=session) as orders,
    ):
        assert (await orders.details("1").execute()).notes == "x"


@each
@pytest.mark.parametrize("body", ERROR_BODIES.values(), ids=ERROR_BODIES)
async def test_a_refusal_is_told_whatever_its_body_holds(name: str, body: bytes) -> None:
    async with RawServer(http(422, body)) as server, client_for(server) as orders:
        with pytest.raises(ApiError) as refused:
            await OPERATIONS[name](orders).execute()
    assert type(refused.value) is ApiError
    assert (refused.value.status, refused.value.body) == (422, body)
    assert len(str(refused.value)) < 800
    assert "\n" not in str(refused.value)
