"""`OrdersClient`, the door: one method an operation, settings, and views for other customers."""

from __future__ import annotations

import asyncio
import copy
import inspect
import os
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import timedelta
from ssl import SSLContext
from types import EllipsisType, MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypedDict, Unpack

from ingram_orders import models, wire
from ingram_orders.builder import A, BeforeSend, Request, Response, check_whole
from ingram_orders.crowd import Crowd
from ingram_orders.errors import ConfigurationError, InvalidRequestError, OutcomeUnknownError, brief
from ingram_orders.limiter import Limiter, RateLimit
from ingram_orders.models.shared import FINAL, OrderStatus
from ingram_orders.oauth import TokenSource
from ingram_orders.operations import (
    CancelOrder,
    CreateOrder,
    CreateOrderV7,
    GetOrderDetails,
    GetVendorRequiredInfo,
    ModifyOrder,
    SearchOrders,
)
from ingram_orders.retry import RetryPolicy
from ingram_orders.session import Session
from ingram_orders.settings import (
    INGRAM_PRODUCTION,
    MAX_BODY,
    Credentials,
    Endpoint,
    Proxy,
    Timeouts,
    checked_seconds,
    checked_span,
)

# What is built from single calls is imported in the method that needs it: a third of the package, and sqlite3, for
# which who only asks for orders need not wait.
if TYPE_CHECKING:
    from aiohttp import ClientSession, Fingerprint

    from ingram_orders.awaiting import Until
    from ingram_orders.confirming import Confirmation
    from ingram_orders.fanout import FanOut
    from ingram_orders.inbox import WebhookInbox
    from ingram_orders.journal import OpenPlacement, OrderJournal
    from ingram_orders.placing import Settings as PlacingSettings
    from ingram_orders.placing_v6 import PlacedOrder
    from ingram_orders.placing_v7 import PlacedOrderV7
    from ingram_orders.polling import StatusChanges
    from ingram_orders.resolving import Resolution
    from ingram_orders.status_store import StatusStore
    from ingram_orders.webhooks import WebhookEvent

SETTLE: Final = timedelta(minutes=10)
"""How long an order is looked for that may have been placed."""

VARIABLES: Final[Mapping[str, str]] = {
    "client_id": "INGRAM_CLIENT_ID",
    "client_secret": "INGRAM_CLIENT_SECRET",
    "customer_number": "INGRAM_CUSTOMER_NUMBER",
    "country_code": "INGRAM_COUNTRY_CODE",
    "sender_id": "INGRAM_SENDER_ID",
    "base_url": "INGRAM_BASE_URL",
}
"""The environment variable of each setting that has one."""


class Settings(TypedDict, total=False):
    """The keyword arguments of `OrdersClient`."""

    customer_number: str | None
    country_code: str | None
    sender_id: str | None
    base_url: str
    token_url: str | None
    token_source: TokenSource | None
    session: ClientSession | None
    timeouts: Timeouts
    retry: RetryPolicy
    limiter: Limiter | EllipsisType | None
    max_in_flight: int
    max_body: int
    proxy: str | None
    ssl: SSLContext | Fingerprint | bool
    allow_http: bool
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]


class OrdersClient:
    """
    The Orders API: `async with OrdersClient(...) as orders: detail = await orders.details("20-RD3QV").execute()`.

    Belongs to the event loop in which it is first used. Any number of tasks may share it.
    """

    def __init__(
        self,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        customer_number: str | None = None,
        country_code: str | None = None,
        sender_id: str | None = "ingram-orders",
        base_url: str = INGRAM_PRODUCTION,
        token_url: str | None = None,
        token_source: TokenSource | None = None,
        session: ClientSession | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008  # frozen
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008  # frozen
        limiter: Limiter | EllipsisType | None = ...,
        max_in_flight: int = 100,
        max_body: int = MAX_BODY,
        proxy: str | None = None,
        ssl: SSLContext | Fingerprint | bool = True,
        allow_http: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        """
        Set up; nothing is opened or sent yet.

        Args:
            client_id: The app's id, from the developer portal.
            client_secret: The app's secret. Never shown in any message, `repr` or log line.
            customer_number: `IM-CustomerNumber` of requests that set none.
            country_code: `IM-CountryCode` of requests that set none.
            sender_id: `IM-SenderID` of requests that set none; `None` sends no such header.
            base_url: `INGRAM_PRODUCTION`, `INGRAM_SANDBOX`, or another.
            token_url: Where tokens are fetched; `None` is `/oauth/oauth20/token` of the base URL's host.
            token_source: Where tokens come from instead; then no id and secret are needed.
            session: An aiohttp session to use, which stays yours to close; `None` opens our own.
            timeouts: In seconds.
            retry: How often, and how long after, what cannot take effect twice is sent again.
            limiter: Bounds how often routes are called; not given, it is a `RateLimit()` of this client's own, which
                lets 60 GETs of a route go in a minute, as the API does; `None` bounds nothing. Clients of one app in
                one event loop should share one.
            max_in_flight: How many requests are on their way at once, 1 or more; the others wait for a turn, which
                costs none of the time to connect or to read.
            max_body: Bytes of an answer, decompressed, that are read at most; 64 MiB. One of more than a million values
                cannot be read, whatever is set.
            proxy: `http[s]://[user:password@]host[:port]`. Its password is never shown.
            ssl: As aiohttp takes it.
            allow_http: Allow `http://` beyond this machine, which shows secrets and orders to everyone on the way.
            clock: A reading in seconds, by which all waiting goes; another is for tests, as the next two are.
            sleep: Waits so many seconds.
            random: Gives a number from 0 to just below 1, from which waits get their jitter.

        Raises:
            ConfigurationError: Settings are missing or contradictory; it names each and its variable.
        """
        tokens = (
            _credentials(client_id=client_id, client_secret=client_secret) if token_source is None else token_source
        )
        if type(max_body) is not int or max_body < 1:
            raise ConfigurationError(f"max_body must be a whole number of bytes, 1 or more, not {brief(max_body)}")
        if token_source is not None and inspect.iscoroutinefunction(getattr(token_source, "drop", None)):
            raise ConfigurationError("token_source.drop must be a plain function: nobody waits for it")
        if token_source is not None and not all(callable(getattr(token_source, it, None)) for it in ("token", "drop")):
            raise ConfigurationError(
                f"token_source must have token() and drop(), and a {type(token_source).__name__} has not"
            )
        if type(max_in_flight) is not int or max_in_flight < 1:
            raise ConfigurationError(f"max_in_flight must be a whole number, 1 or more, not {brief(max_in_flight)}")
        if limiter is ...:
            limiter = RateLimit(clock=clock, sleep=sleep)
        if limiter is not None and not callable(getattr(limiter, "slot", None)):
            raise ConfigurationError(f"limiter must have slot(route), and a {type(limiter).__name__} has not")
        if not isinstance(timeouts, Timeouts):
            raise ConfigurationError(f"timeouts must be Timeouts(...), not {brief(timeouts)}")
        if not isinstance(retry, RetryPolicy):
            raise ConfigurationError(f"retry must be RetryPolicy(...), not {brief(retry)}")
        self._session = Session(
            Endpoint.of(base_url, token_url, allow_http=allow_http),
            tokens=tokens,
            borrowed=session,
            timeouts=timeouts,
            retry=retry,
            limiter=limiter,
            max_in_flight=max_in_flight,
            max_body=max_body,
            proxy=None if proxy is None else Proxy.of(proxy),
            ssl=ssl,
            clock=clock,
            sleep=sleep,
            random=random,
        )
        self._waiting_v7 = Crowd(self._quota())
        self._is_view = False
        self._defaults = wire.Defaults(
            _given(im_customer_number=customer_number, im_country_code=country_code, im_sender_id=sender_id)
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **settings: Unpack[Settings]) -> Self:
        """
        Take settings from the environment: `INGRAM_CLIENT_ID`, `INGRAM_CLIENT_SECRET`, `INGRAM_CUSTOMER_NUMBER`,
        `INGRAM_COUNTRY_CODE`, `INGRAM_SENDER_ID` and `INGRAM_BASE_URL`.

        Args:
            environ: In the place of `os.environ`; an empty value counts as not set.
            settings: Those of `OrdersClient`; they go before the environment.

        Raises:
            ConfigurationError: Id, secret, customer number or country code is missing; it names the variables.
        """
        environ = os.environ if environ is None else environ
        found: dict[str, Any] = {
            name: environ[variable].strip() for name, variable in VARIABLES.items() if environ.get(variable, "").strip()
        }
        found.update(settings)
        needed = {"customer_number", "country_code"}
        if found.get("token_source") is None:
            needed |= {"client_id", "client_secret"}
        _require({name: None for name in VARIABLES if name in needed and not found.get(name)})
        return cls(**found)

    def with_defaults(
        self, *, customer_number: str | None = None, country_code: str | None = None, sender_id: str | None = None
    ) -> Self:
        """
        Give a view of this client with other defaults, e.g. for another customer; `None` leaves one as it is.

        It shares connections, token and limits, and closes nothing: that stays with this client.
        """
        view = copy.copy(self)
        view._is_view = True
        given = _given(im_customer_number=customer_number, im_country_code=country_code, im_sender_id=sender_id)
        view._defaults = wire.Defaults({**self._defaults.values, **given})
        return view

    def __deepcopy__(self, memo: object) -> Self:
        return self  # connections cannot be copied; the copy of a request goes out over the same ones

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections that are our own. Closing twice is fine; a view, or a lent session, stays open."""
        if not self._is_view:
            await self._session.close()

    async def send(
        self, request: Request[A], *, timeout: float | None = None, before_send: BeforeSend | None = None
    ) -> Response[A]:
        """
        Send a request that was built elsewhere; `request.execute()` does so by itself. See there.

        Args:
            request: Any of the operations.
            timeout: Seconds for all of it; `None` is the client's `Timeouts.total`.
            before_send: Awaited each time just before it goes out, with the time by the API's clock; what it raises is
                raised, and nothing goes out.
        """
        return await self._session.send(self._encoded(request), timeout=timeout, before_send=before_send)

    def check(self, request: Request[Any]) -> None:
        """
        See that a request can be sent, as `execute()` does before it sends one; nothing is sent.

        Raises:
            InvalidRequestError: All problems of the request.
        """
        self._encoded(request)

    def _encoded(self, request: Request[Any]) -> wire.Outgoing:
        return wire.encode(request, self._defaults, _correlation_id())

    @property
    def defaults(self) -> Mapping[str, str]:
        """What requests are sent with that set nothing else, by the setters' names: for whom, and by whom."""
        return MappingProxyType(self._defaults.values)

    # ── What came of it ─────────────────────────────────────────────────────────────────────────────────────────

    async def place(
        self,
        create: CreateOrder | models.OrderCreateRequest,
        journal: OrderJournal | None = None,
        settle: timedelta = SETTLE,
    ) -> PlacedOrder:
        """
        Place an order, v6, exactly once, and find out what became of it where its answer is lost.

        It is sent again only where nothing was sent before, where it was turned away for its token or for the quota, or
        where no order had its number before and none came to have it in the time it was looked for, and the API would
        refuse it were there one all the same. Each placement costs a search before, or more: two for a number of over
        18 characters, and one more for each page of orders found.

        Args:
            create: `create()` with all that is to be sent, which goes through the client or view that it was begun on;
                or just the body, and then this one's defaults count.
            journal: Where it is kept, so that a crash neither forgets nor doubles it: the same call after a restart
                finishes it. Two at once under one key (API, customer, country and number) become one: the second waits
                for the first. `None` is for no longer than this call.
            settle: How long an order is looked for that may have been placed; 0 for once.

        Raises:
            OutcomeUnknownError: It was sent, and cannot be told; `orders` are those that it may be. With a journal,
                calling this again goes on looking.
            DuplicateOrderError: The number was used before; `orders` are those found.
            OrderRefusedError: Every line was rejected.
            InvalidRequestError: All problems of the request; or another body is in the journal under its key.
            ConfigurationError: Of the journal, too: it cannot be opened or written; then nothing was sent.
            IngramError: Nothing was placed; see `ingram_orders.errors`.
        """
        from ingram_orders.placing_v6 import Placement

        if isinstance(create, models.OrderCreateRequest):
            create = self.create().order_create_request(create)
        if not isinstance(create, CreateOrder):
            raise TypeError(f"create() or an OrderCreateRequest is to be placed, not {brief(create)}")
        client = create.sends if isinstance(create.sends, OrdersClient) else self  # a view has defaults of its own
        placement = Placement(
            client,
            create,
            client._encoded(create),
            at_most=client._session.policy.attempts,
            **client._placing(journal, settle),
        )
        return await placement.run()

    async def place_v7(
        self,
        create: CreateOrderV7 | models.AsyncOrderCreateDTO,
        events: WebhookInbox | None = None,
        journal: OrderJournal | None = None,
        timeout: float | None = None,
        *,
        settle: timedelta = SETTLE,
        every: timedelta = timedelta(minutes=1),
    ) -> PlacedOrderV7:
        """
        Place an order, v7, at most once, and wait for what becomes of it.

        What it becomes is told by an event, or found by a search for its number, whichever comes first; and then it is
        read back, since the body of an event is not signed. An event that says that it was refused counts once searches
        have found no such order for as long as *settle*; without one, nothing says that it was. It is sent once: no
        refusal of duplicates is documented for v7. Each placement costs a search before, and one after 16 seconds, or
        after two without *events*, each further one after twice as long, up to *every*; where many wait at a time, so
        seldom that all of them take about half of the API's quota.

        Args:
            create: `create_v7()` with all that is to be sent, which goes through the client or view that it was begun
                on; or just the body, and then this one's defaults count. It must have a purchase order number.
            events: The inbox into which your handler puts events, in this process or in another, of this customer only;
                `None` is for searching only, and then a refusal stays unknown.
            journal: Where it is kept, so that a crash neither forgets nor doubles it: the same call after a restart
                goes on waiting. Two at once under one key (API, customer, country and number) become one. `None` is for
                no longer than this call.
            timeout: Seconds for all of it; `None` is for however long it takes, which may be a night.
            settle: How long an order is looked for that an event says was refused; longer than v7 may queue an order
                that is not, since an event may lie.
            every: How long there is between two searches at most.

        Raises:
            OutcomeUnknownError: It was sent, and the time was up, or it cannot be looked for, or `orders` may be it, or
                not. With a journal, calling this again goes on waiting.
            OrderRefusedError: An event said so, and no search found it; `errors` are the reasons. With a journal, the
                same call raises it again, and another body may be sent; for the same, see `placement` there.
            DuplicateOrderError: The number was used before; `orders` are those found. Nothing was sent.
            InvalidRequestError: All problems of the request; or another body is in the journal under its key.
            ConfigurationError: Of the journal and the inbox, too: one cannot be opened or used; by this call, nothing
                was sent.
            IngramError: Nothing was placed; see `ingram_orders.errors`.
        """
        from ingram_orders.inbox import WebhookInbox
        from ingram_orders.placing_v7 import PlacementV7

        if isinstance(create, models.AsyncOrderCreateDTO):
            create = self.create_v7().async_order_create_dto(create)
        if not isinstance(create, CreateOrderV7):
            raise TypeError(f"create_v7() or an AsyncOrderCreateDTO is to be placed, not {brief(create)}")
        if events is not None and not isinstance(events, WebhookInbox):
            raise ConfigurationError(f"events must be WebhookInbox(...), not {brief(events)}")
        seconds = checked_span(every, "every")
        client = create.sends if isinstance(create.sends, OrdersClient) else self  # a view has defaults of its own
        out = client._encoded(create)
        number = out.customer_order_number or ""
        if not number or number != number.strip():  # which the API may cut, and it could not be told from others then
            why = "must be there, and have no blanks at its ends: by it alone its outcome is told"
            raise InvalidRequestError([f"async_order_create_dto.customer_order_number {why}"])
        placement = PlacementV7(
            client,
            create,
            out,
            events=events,
            timeout=None if timeout is None else checked_seconds(timeout, "timeout"),
            total=client._session.timeouts.total,
            every=seconds,
            crowd=client._waiting_v7,
            **client._placing(journal, settle),
        )
        return await placement.run()

    def _placing(self, journal: OrderJournal | None, settle: timedelta) -> PlacingSettings:
        """Check what a placement goes by."""
        from ingram_orders.journal import NoJournal, OrderJournal

        if not (isinstance(settle, timedelta) and settle >= timedelta(0)):
            raise ConfigurationError(f"settle must be a timedelta of 0 or more, not {brief(settle)}")
        if journal is not None and not isinstance(journal, OrderJournal):
            raise ConfigurationError(f"journal must be OrderJournal(...), not {brief(journal)}")
        session = self._session
        return {
            "base_url": session.endpoint.base_url,
            "journal": NoJournal() if journal is None else journal,
            "settle": settle,
            "clock": session.clock,
            "sleep": session.sleep,
        }

    async def recover(self, journal: OrderJournal) -> tuple[OpenPlacement, ...]:
        """
        Look for the orders in a journal of which it is not known what became, and give those that stay open.

        Never sends an order: `place` with the same request does, on its terms. One that was never sent stays open. For
        one of v7, `place_v7` with the same request goes on waiting.

        Raises:
            ConfigurationError: The journal cannot be opened or used.
        """
        from ingram_orders.recovering import recover

        return await recover(self, self._session.endpoint.base_url, journal)

    async def resolve(self, error: OutcomeUnknownError) -> Resolution:
        """
        Find out what became of a write: reads back, and changes nothing.

        Raises:
            IngramError: Of the reading back.
        """
        from ingram_orders.resolving import resolve

        return await resolve(self, error)

    async def confirm(self, event: WebhookEvent, *, at_most: int = 100) -> Confirmation:
        """
        Find out what is true of what an event says: reads the orders that it names back.

        The signature of an event covers its id, not its body. Who has seen one can say in another whatever he likes, of
        any order; so act on what this gives, and not on the event.

        Args:
            event: As `webhooks.read` gave it. One of another customer is confirmed through the view for that customer.
            at_most: Orders that are read back, each for one call, or a search's hundred: an event that names more is
                refused, since whoever can post one could otherwise spend your quota.

        Raises:
            InvalidRequestError: It is no event, names more orders, or one by what can be no number; nothing was sent.
            IngramError: Of the reading back. That an order is not there is no error, see `Confirmation.missing`.
        """
        from ingram_orders.confirming import confirm

        check_whole(at_most, "at_most", 0)
        return await confirm(self, event, at_most=at_most)

    # ── Many at a time ──────────────────────────────────────────────────────────────────────────────────────────

    def fan_out(
        self, searches: Iterable[SearchOrders], at_once: int = 8, *, unique: bool = False, thorough: bool = False
    ) -> FanOut:
        """
        Do many searches, all their pages, some at a time.

            async with orders.fan_out(for_each(orders.search(), "serial_number", numbers)) as results:
                async for result in results:
                    print(result.search.values["serial_number"], len(result.orders), result.error)

        A search that fails is a result with its error, and does not end the others. A reader who is slow holds them
        back; who leaves the block ends them all.

        Args:
            searches: Taken one after the other as they are begun, so that they may be made on the way, and any number.
                Each goes through the client or view that it was begun on.
            at_once: How many go on at a time, or are done and wait to be read, 1 or more.
            unique: Whether an order of one customer is given once only, where several searches find it, those too that
                fail. Some 100 bytes of each order are kept for it.
            thorough: As of `SearchOrders.paginate`.

        Raises:
            InvalidRequestError: *at_once* is less than 1, or *searches* are not several; nothing was sent. Where one of
                them is no search, reading the results raises it.
        """
        from ingram_orders.fanout import FanOut

        return FanOut(searches, at_once=at_once, unique=unique, thorough=thorough)

    def poll(
        self,
        numbers_or_search: Iterable[str] | SearchOrders,
        every: timedelta = timedelta(minutes=5),
        store: StatusStore | None = None,
        *,
        final: Iterable[OrderStatus] = FINAL,
        slowest: timedelta | None = None,
        initial: bool = False,
        at_once: int = 4,
    ) -> StatusChanges:
        """
        Watch the status of many orders, and give each change.

            async with orders.poll(numbers, store=StatusStore("status.db")) as changes:
                async for change in changes:
                    ...

        It gives a `StatusChange` for each, of orders and of sub-orders, and a `PollProblem` for what failed and is
        tried again. Each round takes the cheapest mix of searches, which show up to 100 orders for a call, and of
        details. What is due and no search shows is asked for by its details, and so is a step back that a search shows,
        since searches may lag. With a store, no change is lost, and none forgotten before one comes back for the next:
        after a crash, those that were not settled come first, and in order; so a change may come twice.

        Args:
            numbers_or_search: The numbers of the orders; or a search, and then whatever it finds, each round anew, is
                watched from then on.
            every: How long after the beginning of a round the next begins, at least.
            store: What keeps all of it; `None` is for no longer than the block.
            final: Where an order is watched no more.
            slowest: How long an order is left alone that has not moved for ten times as long; `None` is for an hour, or
                for *every*, whichever is longer.
            initial: Whether the status in which an order is seen first counts as a change, with `before` as `None`. Of
                orders that a search finds later than in the first round it always does.
            at_once: How many details are asked for at a time.

        Raises:
            InvalidRequestError: A number cannot be right, or the search, or *at_once*; nothing was sent.
            ConfigurationError: A setting cannot be right. On entering the block: the store cannot be used, or *every*
                is more often than the quota can serve; it tells what can be served.
            AuthenticationError: While one waits for a change: the credentials are refused.
        """
        from ingram_orders.polling import StatusChanges

        client = self
        if isinstance(numbers_or_search, SearchOrders):
            if isinstance(numbers_or_search.sends, OrdersClient):
                client = numbers_or_search.sends  # a view has defaults of its own
            client.check(numbers_or_search)
        session = client._session
        return StatusChanges(
            self,
            numbers_or_search,
            api=session.endpoint.base_url,
            store=store,
            every=every,
            slowest=slowest,
            final=final,
            initial=initial,
            at_once=at_once,
            quota=client._quota(),
            sleep=session.sleep,
        )

    def _quota(self) -> tuple[int, float] | None:
        """Give how many reads of a route the limiter lets go in how many seconds; `None` where that is not known."""
        limiter = self._session.pace.limiter
        if isinstance(limiter, RateLimit) and GetOrderDetails.method in limiter.methods:
            return limiter.calls, limiter.seconds
        return None

    async def wait_for(
        self,
        number: str,
        until: Until = OrderStatus.SHIPPED,
        timeout: float | None = None,
        *,
        every: timedelta = timedelta(minutes=1),
        final: Collection[OrderStatus] = FINAL,
    ) -> models.OrderDetailB2B:
        """
        Wait until an order is shipped, or as far as is said, and give its details. For many orders, `poll` is cheaper.

        It looks at once, after two seconds, and then less and less often. What may soon be over, as a dropped
        connection or the quota, is waited out.

        Args:
            number: Of the order.
            until: A status, or any of several: one that is further along an order's way satisfies it too, but for
                cancelled and rejected, which are on nobody's way. Or a function of the status.
            timeout: Seconds for all of it; `None` is for however long it takes.
            every: How long there is between two looks at most.
            final: After which statuses no other is to be waited for. By itself that is delivered, too, which an invoice
                may follow: give fewer to wait for that.

        Raises:
            OrderEndedError: It came to one of *final* that was not waited for; `status` is which.
            DeadlineExceededError: The time was up.
            NotFoundError: There is no such order.
            IngramError: It could not be looked at.
        """
        from ingram_orders.awaiting import wait_for

        checked_span(every, "every")
        session = self._session
        return await wait_for(
            self.details(number),
            until,
            timeout=None if timeout is None else checked_seconds(timeout, "timeout"),
            every=every,
            final=final,
            clock=session.clock,
            sleep=session.sleep,
        )

    # ── The operations ──────────────────────────────────────────────────────────────────────────────────────────

    def search(self) -> SearchOrders:
        """Search orders; without any filter the API searches the last 20 days only."""
        return SearchOrders(self)

    def details(self, order_number: str) -> GetOrderDetails:
        """Read the details of an order (`20-RD3QV`) or a sub-order (`20-RD3QV-11`)."""
        return GetOrderDetails(self, order_number=order_number)

    def create(self) -> CreateOrder:
        """Place an order, v6."""
        return CreateOrder(self)

    def create_v7(self) -> CreateOrderV7:
        """Place an order, v7: the answer confirms that it was taken in; the outcome is told by webhook."""
        return CreateOrderV7(self)

    def modify(self, order_number: str) -> ModifyOrder:
        """Change an order on customer hold, within 24 hours, or release it."""
        return ModifyOrder(self, order_number=order_number)

    def cancel(self, order_number: str) -> CancelOrder:
        """Cancel an order on customer hold."""
        return CancelOrder(self, order_number=order_number)

    def vendor_required_info(self) -> GetVendorRequiredInfo:
        """Ask what vendors must be told before a v7 order."""
        return GetVendorRequiredInfo(self)

    # The same, under the Go SDK's names.
    get_resellers_v6_ordersearch = search
    get_orderdetails_v61 = details
    post_createorder_v6 = create
    post_createorder_v7 = create_v7
    put_ordermodify = modify
    delete_ordercancel = cancel

    def __repr__(self) -> str:
        customer = self._defaults.values.get("im_customer_number")
        return f"{type(self).__name__}({self._session.endpoint.base_url!r}, customer_number={customer!r})"


_ids: Final = random.Random()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_ids.seed)


def _correlation_id() -> str:
    """
    Make what names a call: 32 hexadecimal digits.

    It is no secret, so the system's randomness, which is a system call each time, need not make it. The first half is
    the time in nanoseconds, by which copies of a machine differ, too, that go on from one state.
    """
    return (time.time_ns() << 64 | _ids.getrandbits(64)).to_bytes(16).hex()


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _credentials(**given: str | None) -> Credentials:
    for name, value in given.items():
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"{name} ({VARIABLES[name]}) must be text, not {type(value).__name__}")
    _require({name: value for name, value in given.items() if not (value and value.strip())})
    for name, value in given.items():
        if value is None or not value.isprintable():  # a line's end from a file, as a rule
            raise ConfigurationError(f"{name} ({VARIABLES[name]}) holds a character that cannot be part of it")
    return Credentials(**{name: value for name, value in given.items() if value is not None})


def _require(missing: Mapping[str, object]) -> None:
    if missing:
        names = ", ".join(f"{name} ({VARIABLES[name]})" for name in missing)
        raise ConfigurationError(f"missing: {names}; give it as an argument, or set the variable and use from_env()")
