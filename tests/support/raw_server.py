"""A server that answers byte for byte what a test tells it to: what the sandbox, which behaves, will not do."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Self

import trustme
from attrs import field, frozen

TOKEN = b'{"access_token": "token-%d", "token_type": "Bearer", "expires_in": "86399"}'


@frozen
class Heard:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


Answer = bytes | Callable[[Heard], bytes] | None
"""What to send before the connection is closed; `None` closes it without a word."""


def http(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    """Write an answer; *length* lies about the body's."""
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Length: {len(body) if length is None else length}",
        *(headers or ("Content-Type: application/json",)),
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


class RawServer:
    """
    Listens on a port of this machine, 0 for a free one, and on the same when it is entered again; each request takes
    the next of *answers*, the last one for ever.

    Tokens are answered by themselves, numbered, unless *token_answers* are given. With a *certificate* it speaks TLS.
    """

    def __init__(
        self,
        *answers: Answer,
        token_answers: tuple[Answer, ...] = (),
        keep_alive: bool = False,
        certificate: trustme.LeafCert | None = None,
        port: int = 0,
    ) -> None:
        self.heard: list[Heard] = []
        self.tokens: list[Heard] = []
        self.connections = 0
        self.hung = asyncio.Event()
        """Set when a request is left without an answer by `hang`."""
        self._answers: list[Answer] = list(answers) or [http(200, b"{}")]
        self._token_answers: list[Answer] = list(token_answers)
        self._keep_alive = keep_alive
        self._certificate = certificate
        self._port = port
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        context = None
        if self._certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._certificate.configure_cert(context)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, ssl=context)
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self._port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    def answer(self, *answers: Answer) -> None:
        """Say what the next requests get; for answers that need the server itself, as `hang` does."""
        self._answers = list(answers)

    def answer_tokens(self, *answers: Answer) -> None:
        """Say what the next requests for a token get."""
        self._token_answers = list(answers)

    def reset(self, heard: Heard) -> bytes:
        """Break the connection off, so that the client meets a reset and not an end: an answer to give as it is."""
        for writer in self._writers:
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        return b""

    async def all_closed(self) -> None:
        """Wait until every client has closed its connections; a test that waits for ever has found one left open."""
        while self._writers:  # noqa: ASYNC110  # one turn of the loop at a time, no time passes
            await asyncio.sleep(0)

    def hang(self, heard: Heard) -> bytes:
        """Say nothing, and keep the connection open: an answer to give as it is."""
        self.hung.set()
        return b""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        hangs = False
        try:
            while heard := await _read(reader):
                answer = self._next(heard)
                if callable(answer):
                    hangs = True
                    answer = answer(heard)
                if answer:
                    if not self._keep_alive:
                        answer = answer.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
                    writer.write(answer)
                    await writer.drain()
                if not self._keep_alive or answer is None:
                    break
            if hangs:
                await reader.read()  # until the client goes
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _next(self, heard: Heard) -> Answer:
        if heard.target.startswith("/oauth"):
            self.tokens.append(heard)
            if self._token_answers:
                return self._token_answers.pop(0) if len(self._token_answers) > 1 else self._token_answers[0]
            return http(200, TOKEN % len(self.tokens))
        self.heard.append(heard)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def _read(reader: asyncio.StreamReader) -> Heard | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    headers = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("Content-Length", 0)))
    method, target, _ = first.split(" ")
    return Heard(method, target, headers, body)
