"""
What placing an order exactly once takes, by v6 or v7: who is on it, what there was before, and a note of each send.

What becomes of it then, `placing_v6` and `placing_v7` find out.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypedDict, TypeVar
from uuid import uuid4

from attrs import evolve

from ingram_orders.builder import A, BeforeSend, Request, Response, Sends
from ingram_orders.errors import (
    ConfigurationError,
    DuplicateOrderError,
    IngramError,
    InvalidRequestError,
    OutcomeUnknownError,
    describe,
)
from ingram_orders.exact_json import read_json, write_json
from ingram_orders.finding import find, for_whom, is_certainly
from ingram_orders.journal import NoJournal, OrderJournal, PlacementKey, Record, Sent
from ingram_orders.logs import tell
from ingram_orders.models import FoundOrder, OrderCreateRequest
from ingram_orders.operations import OrdersRequest
from ingram_orders.wire import Outgoing

if TYPE_CHECKING:
    from ingram_orders.models import AsyncOrderCreateDTO

P = TypeVar("P")
B = TypeVar("B")

FIRST_LOOK: Final = 2.0
"""Seconds after a first look at once; each further one comes twice as long after the one before."""

_ALLOWS: Final = "allowduplicatecustomerordernumber"
_log = logging.getLogger(__name__)


class SendsNoted(Sends, Protocol):
    """What sends requests, and says so just before: the client."""

    async def send(
        self, request: Request[A], *, timeout: float | None = None, before_send: BeforeSend | None = None
    ) -> Response[A]:
        """Send a request and read its answer."""
        ...


# ── Decisions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def looks(settle: float) -> Iterator[float]:
    """Give after how many seconds to look: at once, ever more seldom, and at the end."""
    after, step = 0.0, first_step(settle)
    while after < settle:
        yield after
        after += step
        step *= 2
    yield settle


def first_step(settle: float) -> float:
    """Give the seconds after which to look for the second time."""
    return min(FIRST_LOOK, settle / 16)


def allows_duplicates(body: "OrderCreateRequest | AsyncOrderCreateDTO", written: bytes) -> bool:
    """
    Whether the API may place the order also where there is one with its number.

    So it is wherever the attribute's name stands in what is sent, unless plainly with "false" or nothing.
    """
    plain = [it for it in body.additional_attributes or () if (it.attribute_name or "").strip().casefold() == _ALLOWS]
    not_wished = [it for it in plain if (it.attribute_value or "").strip().casefold() in {"", "false"} and not it.extra]
    return written.decode("utf-8", "replace").casefold().count(_ALLOWS) > len(not_wished)


def hash_of(body: bytes) -> str:
    """Give a hash that bodies have alike that say the same, whatever the order of keys, and however a number is put."""
    return f"1:{hashlib.sha256(repr(_plain(read_json(body))).encode()).hexdigest()}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return "object", *sorted((key, _plain(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        return "number", str(number.normalize(_EXACT)) if number else "0"
    return value


_EXACT: Final = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)


def ours(found: tuple[FoundOrder, ...], number: str, record: Record) -> tuple[FoundOrder, ...]:
    """Give those of the orders found that are certainly this one: of just this number, and made after it was sent."""
    sent_at, before = record.sent_at, record.before or ()
    if sent_at is None:
        return ()
    return tuple(it for it in found if is_certainly(it, number, sent_at) and it.ingram_order_number not in before)


# ── Placing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Taken(Exception):  # noqa: N818  # no error: it is done elsewhere
    """Another is on this placement now; or it is done."""


class Settings(TypedDict):
    """What a placement goes by."""

    base_url: str
    journal: OrderJournal | NoJournal
    settle: timedelta
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]


class Placing(Generic[P]):
    """One order, on its way to be placed: what v6 and v7 have in common."""

    def __init__(
        self,
        sends: SendsNoted,
        out: Outgoing,
        body: "OrderCreateRequest | AsyncOrderCreateDTO",
        *,
        base_url: str,
        journal: OrderJournal | NoJournal,
        settle: timedelta,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """
        Set up.

        Args:
            sends: The client.
            out: The request, checked and written.
            body: The order in it.
            base_url: Of the API that it goes to.
            journal: What is known of it, on disk.
            settle: How long it is looked for where it may have been placed.
            clock: A reading in seconds.
            sleep: Waits so many seconds.
        """
        self._sends = sends
        self._out = out
        self._number = body.customer_order_number or ""
        self._duplicates = allows_duplicates(body, out.body or b"")
        self._journal = journal
        self._settle = settle.total_seconds()
        self._clock = clock
        self._sleep = sleep
        self._who = for_whom(out.values)
        self._key = PlacementKey(
            base_url, str(out.values["im_customer_number"]), str(out.values["im_country_code"]), self._number
        )
        self._hash = hash_of(out.body or b"")
        self._owner = uuid4().hex
        self._record = Record()

    async def run(self) -> P:
        """Place it, or wait for who does."""
        async with self._journal:
            said = False
            while True:
                try:
                    record = await self._journal.claim(self._key, self._owner, self._hash)
                except asyncio.CancelledError:
                    await self._journal.release(self._key, self._owner)  # it is claimed, though who asked has gone
                    raise
                if record is None:
                    if not said:
                        tell(_log, logging.INFO, "order %s: another is on it, and is waited for", self._number)
                        said = True
                    await self._wait_for_other()
                    continue
                self._record = record
                if record.outcome is not None:
                    return self._read_outcome(record.outcome)
                async with self._journal.held(self._key, self._owner):
                    with suppress(Taken):
                        return await self._place()

    async def _wait_for_other(self) -> None:
        await self._journal.wait()

    async def _place(self) -> P:
        """Place it, now that nobody else is on it."""
        raise NotImplementedError

    def _read_outcome(self, outcome: str) -> P:
        """Read what the journal holds of one that was placed."""
        raise NotImplementedError

    async def _begin(self, send: Callable[[], Awaitable[B]]) -> B:
        """
        Send it for the first time.

        Raises:
            IngramError: It was not placed, and will not be.
        """
        try:
            await self._look_before()
            return await send()
        except IngramError as error:
            if isinstance(error, DuplicateOrderError) and not error.orders:
                with suppress(IngramError):
                    error.orders = await self._find()
            await self._forget(error)
            raise

    async def _forget(self, error: IngramError) -> None:
        if not await self._journal.forget(self._key, self._owner):
            raise Taken from error  # who was refused since another had placed it gets what that one got

    async def _look_before(self) -> None:
        """Learn which orders there are, before this one can be among them."""
        found = await self._find()
        await self._keep(evolve(self._record, before=tuple(it.ingram_order_number or "" for it in found)))
        same = tuple(it for it in found if it.customer_order_number == self._number)
        if same and not self._duplicates:
            why = f"nothing was sent: the number {self._number} was used before, for {listed(same)}"
            error = DuplicateOrderError(f"{self._out.route}: {why}", status=400)
            error.orders = same
            raise error

    async def _send_noted(self, create: OrdersRequest[A]) -> Response[A] | OutcomeUnknownError:
        """
        Send it, and note that; where what came of it is not known, give that as a value.

        Raises:
            IngramError: It was not placed by this: nothing was sent, or it was refused.
        """
        before, correlation_id = self._record, str(create.values.get("im_correlation_id") or uuid4().hex)

        async def note(at: datetime) -> None:
            attempts = self._record.attempts + 1
            await self._keep(evolve(before, sends=(*before.sends, Sent(at, correlation_id)), attempts=attempts))

        try:
            return await self._sends.send(create.im_correlation_id(correlation_id), before_send=note)
        except OutcomeUnknownError as unknown:
            return unknown
        except IngramError:
            self._take_back(before)
            raise

    def _take_back(self, before: Record) -> None:
        """Count the last sends as such that cannot have placed it."""
        self._record = evolve(self._record, sends=before.sends)

    async def _and_others(self, its: tuple[FoundOrder, ...]) -> tuple[FoundOrder, ...]:
        """Look once more, a moment later: one order may become several, which need not be seen all at once."""
        await self._sleep(first_step(self._settle))
        with suppress(IngramError):
            again = {it.ingram_order_number: it for it in ours(await self._find(), self._number, self._record)}
            its = tuple(({it.ingram_order_number: it for it in its} | again).values())
        return its

    async def _find(self) -> tuple[FoundOrder, ...]:
        return await find(self._sends, self._number, self._who)

    async def _keep(self, record: Record) -> None:
        if not await self._journal.keep(self._key, self._owner, record):
            raise Taken
        self._record = record

    def _unknown(self, why: str, *, status: int | None = None, body: bytes = b"") -> OutcomeUnknownError:
        last = self._record.sends[-1]
        out = evolve(self._out, correlation_id=last.correlation_id)
        error = out.outcome_unknown(why, status=status, body=body)
        error.sent_at = last.at
        return error


def listed(orders: tuple[FoundOrder, ...]) -> str:
    """Name orders in a message."""
    return ", ".join(str(it.ingram_order_number) for it in orders)


def because(unknown: OutcomeUnknownError, why: str) -> OutcomeUnknownError:
    """Give an error with a further reason."""
    unknown.args = (f"{unknown}; {why}",)
    return unknown


async def keep_outcome(journal: OrderJournal | NoJournal, key: PlacementKey, facts: Mapping[str, Any]) -> None:
    """Keep what became of an order, in JSON."""
    try:
        written = write_json(facts).decode()
    except (ValueError, RecursionError) as exc:  # read, and yet too deep to be written: it can be found again
        text = "order %s: what came of it cannot be written: %s"
        tell(_log, logging.WARNING, text, key.customer_order_number, describe(exc))
    else:
        await journal.finish(key, written)


def kept_outcome(number: str, outcome: str, read: Callable[[Any], P]) -> P:
    """
    Read what `keep_outcome` wrote.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        return read(read_json(outcome.encode()))
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, InvalidRequestError) as exc:
        raise ConfigurationError(f"what the journal holds of order {number} cannot be read: {describe(exc)}") from exc
