"""One request over aiohttp, and what has come of its answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import aiohttp
from aiohttp import ClientResponse
from attrs import define, field
from multidict import CIMultiDict, CIMultiDictProxy

from ingram_orders.errors import describe
from ingram_orders.refusals import is_granted

T = TypeVar("T")

_NO_HEADERS: Final[Mapping[str, str]] = CIMultiDictProxy(CIMultiDict())


@define(eq=False)
class Exchange:
    """A request, and what has come of its answer."""

    what: str
    """What it is called in the log: method and path, without anything of the caller's."""
    method: str
    url: str
    """Percent-encoded."""
    headers: Mapping[str, str] = field(repr=False)
    data: bytes | None = field(repr=False)
    writes: bool
    """Whether sending it twice is not the same as once; nothing of it passes after a part of it may have left."""
    most: int
    """Bytes of the body to read, where the status is one of success."""
    most_else: int
    """The same, where it is not."""

    attempt: int = 0
    """Which one of a call's, from 1; 0 where it belongs to none, as that for a token."""
    correlation_id: str = ""
    """That of the call."""
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    """By which it is told when the answer came."""

    sent: bool = False
    """Whether anything of the request may have left."""
    was_stale: bool = False
    """Whether it went out on a connection that had been kept, and that broke before a byte of the answer."""
    status: int | None = None
    """Of the answer, once its head has come."""
    answer_headers: Mapping[str, str] = field(default=_NO_HEADERS, repr=False)
    """Looked up without regard to case."""
    answered_at: float = 0.0
    """When the answer's head came."""
    is_cut: bool = False
    """Whether there was more of a body than was to be read."""
    body: bytes = field(default=b"", repr=False)
    """What has come of the answer's body, whole or not."""

    async def take_in(self, response: ClientResponse, waits: Callable[[], None]) -> None:
        """Read an answer: its head, and its body up to the cap; tell *waits* each time that none of it is here yet."""
        self.take_in_head(response)
        left = self.most if is_granted(response.status) else self.most_else
        if not left:
            return
        content = response.content
        if content.at_eof():  # somebody around us has read it; aiohttp keeps what it was
            # As text, since it gives that as bytes only until somebody lets the answer go.
            chunk = (await despite_the_past(lambda: response.text("latin-1"))).encode("latin-1")
            self.body, self.is_cut = chunk[:left], len(chunk) > left
            return
        chunks = []
        try:
            while True:
                chunk = content.read_nowait()  # all that has come, which is nearly always all
                if not chunk:
                    waits()
                    chunk = await content.readany()
                chunks.append(chunk[:left])
                left -= len(chunk)
                if left < 0:
                    self.is_cut = True
                    return
                # At its end it need not be asked once more, unless for the error that it ended with.
                if content.at_eof() and content.exception() is None:
                    return
        finally:
            self.body = b"".join(chunks)

    def take_in_head(self, response: ClientResponse) -> None:
        """Learn of an answer that its head has come."""
        self.sent = True
        self.answered_at = self.clock()
        self.status = response.status
        self.answer_headers = CIMultiDict(response.headers)


async def despite_the_past(wait: Callable[[], Awaitable[T]]) -> T:
    """
    Await what aiohttp has to say of an answer whose request was still going out.

    It cancels what sends the rest, and takes that for a cancellation of the task that asks, where that one was
    cancelled before and goes on all the same; then it is asked again.
    """
    task = asyncio.current_task()
    cancellations = 0 if task is None else task.cancelling()
    try:
        return await wait()
    except asyncio.CancelledError:
        if task is None or task.cancelling() > cancellations:
            raise
    return await wait()


async def let_go(response: ClientResponse) -> None:
    """Give back, or end, the connection of an answer that was not read to its end, or whose request still goes out."""
    if (connection := response.connection) is not None:
        line = connection.transport
        response.release()
        await despite_the_past(response.wait_for_close)
        hang_up(line)


def hang_up(line: asyncio.Transport | None) -> None:
    """
    Close at once what is about to be closed.

    aiohttp lets all leave first that was written, which is never where nobody takes it. A connection that is not about
    to be closed may be somebody else's by now.
    """
    if line is not None and line.is_closing():
        line.abort()


class Broken:
    """That no whole answer came, and why; `Exchange` holds what did."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        """What aiohttp, or somebody around it, said."""
        first = (cause.__cause__ if isinstance(cause, Dropped) else None) or cause
        self.why = describe(first)
        self.kind = type(first).__name__
        """All that is to be told of it where what came may be a secret: a parser's error quotes that."""
        self.is_about_settings = not isinstance(cause, aiohttp.ClientError | OSError)
        """It came of how things were set up, and not of the connection."""
        self.is_certificate = isinstance(
            cause, aiohttp.ClientConnectorCertificateError | aiohttp.ServerFingerprintMismatch
        )
        """It was the server's certificate, which is not to be trusted."""


class Dropped(aiohttp.ClientError):
    """The connection broke after it was made; of a type for which aiohttp does not send again."""
