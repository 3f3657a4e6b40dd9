"""
Posts the sandbox's events to a URL, signed as the API signs them, and lets that go wrong, by chance or on demand.

What is on its way when the sandbox ends is lost, as is an event that was late.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from attrs import evolve, field, frozen

from ingram_orders.sandbox import events
from ingram_orders.sandbox.faults import check_rates, one_of_rates
from ingram_orders.sandbox.kept import Json
from ingram_orders.sandbox.ledger import Ledger, Posted

SIGNATURE: Final = "x-hub-signature"

FAULTS: Final[Mapping[str, str]] = {
    "late": "posted when `late_by` has passed, by the sandbox's clock",
    "twice": "posted, and then the same again",
    "out-of-order": "held back until after the next event, or until `late_by` has passed",
    "lost": "never posted",
    "wrong-signature": "posted with a signature of another secret, and not again",
    "forged": "before it, another body comes with its id and signature",
    "replayed": "after it, another body comes with its id and signature",
}
"""What can go wrong with an event: by the names that the ledger and the command line know it by."""

NO_ORDER: Final = "20-00000"
"""What a lie names where no other order was told of yet."""


def signature(event_id: str, secret: str) -> str:
    """Sign an event, of which only the id is signed. Source: developer portal."""
    key, message = secret.encode(errors="surrogatepass"), event_id.encode(errors="surrogatepass")
    return base64.b64encode(hmac.digest(key, message, hashlib.sha512)).decode()


@frozen(kw_only=True)
class Webhook:
    """Where events are posted to, in which spelling, and what goes wrong."""

    url: str
    secret: str = field(repr=False)
    variants: bool = False
    """Whether each is spelt in one of the ways in which events are seen, by chance, or all as the published ones."""
    rates: Mapping[str, float] = field(factory=dict)
    """Of each of `FAULTS` that is to happen, how often: from 0 to 1, and 1 together at most."""
    late_by: timedelta = timedelta(minutes=1)
    """By the sandbox's clock."""
    timeout: float = 5.0
    """Seconds after which an answer is no longer waited for; like all that fails, it is not tried again."""
    tick: float = 0.2
    """Seconds of the machine's own time after which one looks again at what the sandbox's clock has brought about."""

    def __attrs_post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            is_good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # its host or port is none
            is_good = False
        if not is_good:
            raise ValueError("the URL of a webhook must begin with http:// or https:// and name a host")
        if not self.secret:
            raise ValueError("the secret of a webhook must not be empty")
        check_rates(self.rates, FAULTS)


@frozen(kw_only=True)
class _Message:
    event_id: str
    body: bytes


@frozen(kw_only=True)
class _Waiting:
    """An event that is to be posted later."""

    due: datetime
    message: _Message
    fault: str


class Poster:
    """Posts one event after another, by connections of its own; open inside `async with`."""

    def __init__(
        self,
        *,
        seed: int,
        clock: Callable[[], datetime],
        ledger: Ledger,
        take: Callable[[], Awaitable[tuple[int, Json] | None]],
    ) -> None:
        """Set up; *take* lets time pass, and gives the first event that has not been taken, with its number."""
        self.webhook: Webhook | None = None
        self._seed = seed
        self._clock = clock
        self._ledger = ledger
        self._take = take
        self._waiting: list[_Waiting] = []
        self._another = NO_ORDER
        """The number of the last order that was told of, for a lie about the next."""
        self._one_at_a_time = asyncio.Lock()
        self._something_happened = asyncio.Event()

    async def __aenter__(self) -> Self:
        # A connection for each event: what is kept open may be closed by the other side just then, and nothing is
        # sent again.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.close()

    def look(self) -> None:
        """Let who runs look at once, and not only at the next tick."""
        self._something_happened.set()

    async def run(self) -> None:
        """Post what there is, at once or by the clock, for as long as there is a webhook."""
        while (webhook := self.webhook) is not None:
            self._something_happened.clear()
            await self.post_all()
            with suppress(TimeoutError):
                async with asyncio.timeout(webhook.tick):
                    await self._something_happened.wait()

    async def post_all(self) -> None:
        """Let time pass, and post all that is due."""
        async with self._one_at_a_time:
            while (webhook := self.webhook) is not None and (taken := await self._take()) is not None:
                number, event = taken
                pick = Random(f"{self._seed} webhook {number}")
                fault = one_of_rates(webhook.rates, pick)
                await self._post(webhook, event, _spelt(webhook, event, pick), fault, pick)
            if webhook is not None:
                await self._post_waiting(webhook, lambda it: it.due <= self._clock())

    async def post(self, event: Json | list[Json], fault: str | None) -> None:
        """Post one event just as it is, by hand; see `Sandbox.post`."""
        envelope = event[0] if isinstance(event, list) else event
        if self.webhook is None:
            raise RuntimeError("there is no webhook to post to; set `sandbox.webhook`")
        check_rates({} if fault is None else {fault: 1}, FAULTS)
        async with self._one_at_a_time:
            pick = Random(f"{self._seed} webhook {envelope['eventId']}")
            await self._post(self.webhook, envelope, event, fault, pick)

    async def _post(
        self, webhook: Webhook, event: Json, spelt: Json | list[Json], fault: str | None, pick: Random
    ) -> None:
        """Post an event, unless it is to wait or to be lost; what was held back follows."""
        its = _Message(event_id=str(event["eventId"]), body=events.written(spelt))
        lie = evolve(its, body=self._lie(webhook, event, pick) if fault in ("forged", "replayed") else b"")
        self._another = events.order_number(event) or self._another
        if fault == "late" or (fault == "out-of-order" and not any(it.fault == fault for it in self._waiting)):
            self._waiting.append(_Waiting(due=self._clock() + webhook.late_by, message=its, fault=fault))
            return
        if fault == "lost":
            self._note(its, signature(its.event_id, webhook.secret), fault, None, self._clock())
            return
        if fault == "forged":
            await self._send(webhook, lie, fault)
        await self._send(webhook, its, fault if fault == "wrong-signature" else None)
        if fault == "twice":
            await self._send(webhook, its, fault)
        if fault == "replayed":
            await self._send(webhook, lie, fault)
        await self._post_waiting(webhook, lambda it: it.fault == "out-of-order")

    def _lie(self, webhook: Webhook, event: Json, pick: Random) -> bytes:
        own = events.order_number(event)
        forged = events.forged(event, NO_ORDER if self._another == own else self._another, pick)
        return events.written(_spelt(webhook, forged, pick))

    async def _post_waiting(self, webhook: Webhook, is_due: Callable[[_Waiting], bool]) -> None:
        for waiting in sorted(filter(is_due, self._waiting), key=lambda it: it.due):
            self._waiting.remove(waiting)
            await self._send(webhook, waiting.message, waiting.fault)

    async def _send(self, webhook: Webhook, message: _Message, fault: str | None) -> None:
        """Post it once, and note it; whatever is answered, or is not, is no concern of the API's."""
        secret = f"not {webhook.secret}" if fault == "wrong-signature" else webhook.secret
        signed = signature(message.event_id, secret)
        at, status = self._clock(), None
        try:
            async with self._session.post(
                webhook.url,
                data=message.body,
                headers={SIGNATURE: signed, "Content-Type": "application/json"},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=webhook.timeout),
            ) as response:
                status = response.status
        except (aiohttp.ClientError, OSError, ValueError):  # nobody, not in time, or at no address that can be
            pass
        finally:
            self._note(message, signed, fault, status, at)

    def _note(self, message: _Message, signed: str, fault: str | None, status: int | None, at: datetime) -> None:
        self._ledger.posted.append(
            Posted(
                event_id=message.event_id,
                body=message.body,
                signature=signed,
                fault=fault,
                status=status,
                at=at,
            )
        )


def _spelt(webhook: Webhook, event: Json, pick: Random) -> Json | list[Json]:
    return events.respelt(event, pick) if webhook.variants else events.as_published(event)
