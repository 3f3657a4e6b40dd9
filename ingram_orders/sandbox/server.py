"""The sandbox's HTTP side: tokens, headers, quotas, routes, error bodies, and the ledger of what came."""

import asyncio
import json
import math
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, Literal, Self, Unpack

from aiohttp import web
from attrs import evolve

from ingram_orders.client import OrdersClient, Settings  # here, and not when the loop runs: it takes a while
from ingram_orders.sandbox import bodies
from ingram_orders.sandbox.book import OrderBook
from ingram_orders.sandbox.catalogue import MARKETS, PRODUCTS, Product, by_sku
from ingram_orders.sandbox.documents import vendor_required_info
from ingram_orders.sandbox.faults import CLOCK, ENDING, EXPIRE, REFUSE, REVOKE, Fault
from ingram_orders.sandbox.kept import Json
from ingram_orders.sandbox.ledger import Ledger, Received, Written
from ingram_orders.sandbox.orders import Manners, Outcome
from ingram_orders.sandbox.posting import Poster, Webhook
from ingram_orders.sandbox.quirks import OFFSETS, bend
from ingram_orders.sandbox.quotas import Quota, Window
from ingram_orders.sandbox.refusals import (
    QUOTA_EXCEEDED,
    UNAUTHORIZED,
    Refused,
    gateway_fault,
    odd_refusal,
    refusal,
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TOKEN_LIFETIME: Final = timedelta(seconds=86_399)
"""As recorded."""

MAX_BODY: Final = 16 * 2**20


class Sandbox:
    """
    The Orders API, on a free port of this machine.

        async with Sandbox(orders=100) as sandbox, sandbox.client() as orders:
            page = await orders.search().execute()

    The same seed and clock give the same orders. They live by the clock: what is processing will be shipped,
    delivered and invoiced. What was changed stays for as long as it runs, and in a database file for longer.
    """

    client_id = "sandbox"
    client_secret = "sandbox-secret"  # noqa: S105  # of no use anywhere else
    customer_number = "20-222222"

    def __init__(
        self,
        *,
        seed: int = 1,
        orders: int = 40,
        days: int = 30,
        port: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        database: str | Path = ":memory:",
        market: Literal["US", "SAP"] = "US",
        products: Iterable[Product] | None = None,
        quirks: bool = False,
        quota: Quota | None = None,
        manners: Manners | None = None,
        token_lifetime: timedelta | None = None,
        one_token: bool = False,
        webhook: Webhook | None = None,
    ) -> None:
        """
        Set up; nothing listens yet.

        Args:
            seed: What the orders, and the quirks, are made from.
            orders: How many there are to begin with.
            days: How far back they were placed; what is older than 20 days, a search without filters does not show.
            port: Of 127.0.0.1; 0 takes a free one.
            clock: The time that counts for all of it; one without a zone counts as UTC.
            database: A file that keeps the orders; a file that is there already keeps those that it has.
            market: How orders are numbered and paid for: as in the US, or as in SAP countries. A file keeps to its own.
            products: What can be ordered; `None` is for ten of the sandbox's own. A quote is about the last.
            quirks: Whether answers are bent as the API is seen to bend them.
            quota: How many calls of a route are answered in a time; `None` is for any number.
            manners: How the orders behave, where that can be chosen; may be changed at any time.
            token_lifetime: How long a token is good, by the *clock*; `None` is for a day less a second by the machine's
                own clock, so that who moves the other need not wait for new tokens.
            one_token: Whether a token ends when another is issued, as is seen of the API.
            webhook: Where events are posted to: each change of an order's status that the API tells, and what became of
                each v7 create. It may be changed at any time.

        Raises:
            ValueError: *orders* is less than 0, or *days* less than 1; there is no such *market*, or no product.
        """
        if orders < 0:
            raise ValueError(f"orders must be 0 or more, not {orders}")
        if days < 1:
            raise ValueError(f"days must be 1 or more, not {days}")
        if market not in MARKETS:
            raise ValueError(f"market must be one of {', '.join(MARKETS)}, not {market!r}")
        known = PRODUCTS if products is None else by_sku(*products)
        if not known:
            raise ValueError("products must be one at least")
        self.ledger = Ledger()
        """
        Every request as it came, the tokens' too; `ledger.writes`, every write that acted, and `ledger.posted`, every
        event that was posted.
        """
        self.quota = quota
        self.quirks = quirks
        self.records_found: Callable[[int], int | None] = lambda count: count
        """What a search says was found, of what was; for lies."""
        self._unauthorized = next(iter(UNAUTHORIZED))
        self.fault: Fault | None = None
        """Stands around every request: may answer in its place, before or after it has acted, or not at all."""
        place = MARKETS[market]
        if quirks:
            place = evolve(place, offset=Random(f"{seed} place").choice(OFFSETS))
        self.country_code = place.country
        self._seed = seed
        self._port = port
        self._clock: Callable[[], datetime] = lambda: _aware(clock())
        self._lifetime = TOKEN_LIFETIME if token_lifetime is None else token_lifetime
        self._token_clock = self._clock if token_lifetime is not None else lambda: datetime.now(UTC)
        self._one_token = one_token
        self._window = Window()
        self._tokens: dict[str, datetime] = {}
        self._handling: set[asyncio.Task[Any]] = set()
        self._book = OrderBook(
            database,
            seed=seed,
            orders=orders,
            days=days,
            market=place,
            products=known,
            manners=manners or Manners(),
            clock=self._clock,
        )
        self._webhook = webhook
        self._poster: Poster | None = None
        self._posting: asyncio.Task[None] | None = None
        self._running: AsyncExitStack | None = None
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None
        self._refusals = 0
        self._switching = asyncio.Lock()
        self._url: str | None = None

    @property
    def manners(self) -> Manners:
        """How the orders behave; it, or what is in it, may be changed at any time."""
        return self._book.manners

    @manners.setter
    def manners(self, manners: Manners) -> None:
        self._book.manners = manners

    @property
    def webhook(self) -> Webhook | None:
        """Where events are posted to; may be changed at any time. What happens while it is `None` is never posted."""
        return self._webhook

    @webhook.setter
    def webhook(self, webhook: Webhook | None) -> None:
        self._webhook = webhook
        if self._poster is not None:
            self._post_to(webhook, self._poster)

    def _post_to(self, webhook: Webhook | None, poster: Poster) -> None:
        poster.webhook = webhook
        self._book.on_event = None if webhook is None else poster.look
        if webhook is not None and (self._posting is None or self._posting.done()):
            self._posting = self._tracked(poster.run())
        poster.look()

    async def all_posted(self) -> None:
        """
        Let time pass, and return when every event that is due by the sandbox's clock has been posted, whatever was
        answered.

        Raises:
            RuntimeError: It does not run.
        """
        await self._done(self._its_poster().post_all())

    async def post(self, event: Json | list[Json], *, fault: str | None = None) -> None:
        """
        Post one event to the webhook, just as it is, and note it as all others are.

        Args:
            event: As JSON, with an `eventId`, which is signed.
            fault: What goes wrong with it: `late`, `twice`, `out-of-order`, `lost`, `wrong-signature`, `forged` or
                `replayed`. Nothing does by chance.

        Raises:
            RuntimeError: It does not run, or there is no webhook.
            ValueError: There is no such fault.
        """
        await self._done(self._its_poster().post(event, fault))

    def _its_poster(self) -> Poster:
        _ = self.url  # it runs
        assert self._poster is not None  # noqa: S101
        return self._poster

    async def _done(self, work: Coroutine[Any, Any, None]) -> None:
        # Shielded: what has been taken to be posted would be lost if who waits for it were cancelled.
        await asyncio.shield(self._tracked(work))

    @property
    def unauthorized(self) -> str:
        """In which shape a token is refused: `fault`, `flat fault`, `oauth`, `message`, or `no product`."""
        return self._unauthorized

    @unauthorized.setter
    def unauthorized(self, shape: str) -> None:
        if shape not in UNAUTHORIZED:
            raise ValueError(f"unauthorized must be one of {', '.join(UNAUTHORIZED)}, not {shape!r}")
        self._unauthorized = shape

    @property
    def url(self) -> str:
        """The base URL, while it runs."""
        if self._url is None:
            raise RuntimeError("the sandbox does not run; use `async with Sandbox() as sandbox:`")
        return self._url

    def client(self, **settings: "Unpack[Settings]") -> "OrdersClient":
        """
        Give a client for this sandbox; *settings* are those of `OrdersClient`.

        Its calls are not limited, unless a limiter is given: nor are the sandbox's, unless it has a quota.
        """
        settings.setdefault("limiter", None)
        settings.setdefault("base_url", self.url)
        settings.setdefault("customer_number", self.customer_number)
        settings.setdefault("country_code", self.country_code)
        return OrdersClient(self.client_id, self.client_secret, **settings)

    def revoke_tokens(self) -> None:
        """End all tokens, as the API does when another is issued for the same client."""
        self._tokens.clear()

    def _expire(self, token: str) -> None:
        self._tokens.pop(token, None)

    async def __aenter__(self) -> Self:
        """
        Make the orders, and listen.

        Raises:
            ConfigurationError: The database cannot be opened, is none of a sandbox, or of another market.
            OSError: The port is taken.
        """
        if self._running is not None:
            raise RuntimeError("this sandbox already runs")
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._book)
            poster = Poster(seed=self._seed, clock=self._clock, ledger=self.ledger, take=self._book.take_event)
            await stack.enter_async_context(poster)
            stack.push_async_callback(self._end_handling)
            runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            self._runner = runner
            self._url = f"http://127.0.0.1:{await self._listen(self._port)}"
            self._poster = poster
            self._post_to(self._webhook, poster)
            self._running = stack.pop_all()
        return self

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[None]:
        """
        Refuse all new connections inside this block, as a server does that is down; those there are stay open.

        Raises:
            RuntimeError: It does not run.
        """
        port = int(self.url.rpartition(":")[2])
        self._refusals += 1
        try:
            async with self._switching:
                await self._stop_listening()
            yield
        finally:
            self._refusals -= 1
            # Shielded: who is cancelled again in here must not leave it deaf.
            await asyncio.shield(self._tracked(self._listen_again(port)))

    async def _listen_again(self, port: int) -> None:
        async with self._switching:
            if self._refusals == 0 and self._runner is not None and self._site is None:
                await self._listen(port)

    def _tracked(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that ends with the sandbox."""
        task = asyncio.create_task(work)
        self._handling.add(task)
        task.add_done_callback(self._handling.discard)
        return task

    async def _listen(self, port: int) -> int:
        assert self._runner is not None  # noqa: S101  # it runs
        self._listener = socket.create_server(("127.0.0.1", port))
        self._site = web.SockSite(self._runner, self._listener)
        await self._site.start()
        return int(self._listener.getsockname()[1])

    async def _stop_listening(self) -> None:
        site, self._site = self._site, None
        if site is not None:
            # What was accepted and has not begun when its server closes is never closed (Python 3.13): let it begin.
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            try:
                for _ in range(3):
                    await asyncio.sleep(0)
            finally:
                await site.stop()

    async def _refuse_for(self, seconds: float) -> None:
        begun = asyncio.Event()

        async def refuse() -> None:
            async with self.refusing():
                begun.set()
                await asyncio.sleep(seconds)

        self._tracked(refuse())
        await begun.wait()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        running, self._running, self._runner, self._url, self._poster = self._running, None, None, None, None
        if running is not None:
            await running.aclose()

    async def _end_handling(self) -> None:
        """End what still handles a request whose connection has gone, of which aiohttp knows no more."""
        left = [*self._handling]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # in which the tasks that waited for those end as well

    def __repr__(self) -> str:
        return f"Sandbox({self._url or 'does not run'!r})"

    def _application(self) -> web.Application:
        app = web.Application(
            middlewares=[
                self._round_off, self._note, self._check_token, self._check_headers, self._count,
                self._answer_refusals, self._rest_at_night,
            ],
            client_max_size=MAX_BODY,
        )  # fmt: skip
        app[REVOKE], app[EXPIRE], app[REFUSE] = self.revoke_tokens, self._expire, self._refuse_for
        app[CLOCK], app[ENDING] = self._clock, asyncio.Event()
        app.on_shutdown.append(_end)
        for version in ("oauth20", "oauth30"):
            app.router.add_post(f"/oauth/{version}/token", self._token)
        app.router.add_get("/resellers/v6/orders/search", self._search)
        app.router.add_get("/resellers/v6.1/orders/{number}", self._details)
        app.router.add_post("/resellers/v6/orders", self._create)
        app.router.add_post("/resellers/v7/orders", self._create_v7)
        app.router.add_put("/resellers/v6/orders/{number}", self._modify)
        app.router.add_delete("/resellers/v6/orders/{number}", self._cancel)
        app.router.add_post("/resellers/v7/vendorrequiredinfo", self._vendor_required_info)
        app.router.add_get("/_sandbox/ledger", self._figures)
        return app

    # ── What every request goes through, in this order ──────────────────────────────────────────────────────────

    @web.middleware
    async def _round_off(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response: web.StreamResponse
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # for the type checker: we are in one
        self._handling.add(task)
        try:
            response = await handler(request)
        except web.HTTPException as gateway:  # no such route, or not with this method
            response = _json(gateway_fault(gateway.reason), request, status=gateway.status)
        finally:
            self._handling.discard(task)
        response.headers.setdefault("Date", format_datetime(self._clock().astimezone(UTC), usegmt=True))
        return response

    def _refuse(self, refused: Refused, request: web.Request) -> web.Response:
        pick = Random(f"{self._seed} {request.raw_path} {len(self.ledger)}")
        if self.quirks and pick.random() < 0.5:
            return web.Response(text=odd_refusal(refused, pick), status=refused.status, headers=_echoed(request))
        body = refusal(refused, v7=request.path == "/resellers/v7/orders")
        return _json(body, request, status=refused.status)

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_sandbox/"):
            return await handler(request)
        received = Received(
            method=request.method,
            path=request.raw_path.partition("?")[0],
            query=tuple(request.query.items()),
            headers=request.headers,
            at=self._clock(),
        )
        self.ledger.append(received)

        async def proceed() -> web.StreamResponse:
            try:
                received.body = await request.read()
            except web.RequestPayloadError:  # not compressed as it says
                return self._refuse(Refused(400, "Request cannot be read"), request)
            return await handler(request)

        if self.fault is None:
            return await proceed()
        response = await self.fault(request, proceed)
        with suppress(Exception):  # of what a fault has broken, there may be nothing left to read
            received.body = await request.read()
        return response

    @web.middleware
    async def _check_token(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if _is_ours(request) and (
            kind != "Bearer" or token not in self._tokens or self._tokens[token] <= self._token_clock()
        ):
            return _json(UNAUTHORIZED[self.unauthorized], request, status=401)
        return await handler(request)

    @web.middleware
    async def _check_headers(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_ours(request):
            wrong = [
                (name, request.headers.get(name), f"{name} is not valid")
                for name, shortest, longest in (
                    ("IM-CustomerNumber", 1, 10),
                    ("IM-CountryCode", 2, 2),
                    ("IM-CorrelationID", 1, 32),
                    ("IM-SenderID", 1, 32),
                )
                if not shortest <= len(request.headers.get(name, "").strip()) <= longest
                and not (name == "IM-SenderID" and name not in request.headers)
            ]
            if wrong:
                return self._refuse(Refused(400, "Validation failed", *wrong), request)
        return await handler(request)

    @web.middleware
    async def _count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        quota, resource = self.quota, request.match_info.route.resource
        if quota is None or resource is None or not _is_ours(request) or request.method not in quota.methods:
            return await handler(request)
        verdict = self._window.take(f"{request.method} {resource.canonical}", quota, self._clock())
        response: web.StreamResponse
        if verdict.granted:
            response = await handler(request)
        else:
            status, body = QUOTA_EXCEEDED[len(self.ledger) % len(QUOTA_EXCEEDED) if self.quirks else 0]
            response = _json(body, request, status=status)
        response.headers["X-RateLimit-Limit"] = str(quota.calls)
        response.headers["X-RateLimit-Remaining"] = str(verdict.remaining)
        response.headers["X-RateLimit-Reset"] = str(int(verdict.reset.timestamp()) + 1)
        return response

    @web.middleware
    async def _answer_refusals(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            return self._refuse(refused, request)

    @web.middleware
    async def _rest_at_night(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.manners.maintenance and request.path.startswith("/resellers/v6"):
            raise Refused(500, "Internal Server Error", kind="internal-server-error")
        return await handler(request)

    # ── Routes ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _token(self, request: web.Request) -> web.Response:
        try:
            form = await request.post()
        except (ValueError, LookupError):  # a charset or a boundary that is none
            return web.json_response({"message": "The form cannot be read"}, status=400)
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            message = {"error": "invalid_client", "error_description": "Client credentials are not valid"}
            return web.json_response(message, status=401)
        if form.get("grant_type") != "client_credentials":
            return web.json_response({"message": "grant_type is not valid"}, status=400)
        token = secrets.token_urlsafe(24)
        if self._one_token:
            self._tokens.clear()
        self._tokens[token] = self._token_clock() + self._lifetime
        seconds = math.ceil(self._lifetime.total_seconds())
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": str(seconds)})

    async def _search(self, request: web.Request) -> web.Response:
        page = await self._book.search({key: request.query.getall(key) for key in request.query})
        if page is None:
            return _empty(request, 204)
        page["recordsFound"] = self.records_found(page["recordsFound"])
        return self._answer(page, request)

    async def _details(self, request: web.Request) -> web.Response:
        return self._answer(await self._book.details(request.match_info["number"], request.query), request)

    async def _create(self, request: web.Request) -> web.Response:
        return self._written("create", request, await self._book.create(await _body(request)))

    async def _create_v7(self, request: web.Request) -> web.Response:
        return self._written("create_v7", request, await self._book.create_v7(await _body(request)))

    async def _modify(self, request: web.Request) -> web.Response:
        action, body = request.query.get("actionCode"), await _body(request)
        outcome = await self._book.modify(request.match_info["number"], body, action=action)
        return self._written(action or "modify", request, outcome)

    async def _cancel(self, request: web.Request) -> web.Response:
        outcome = await self._book.cancel(request.match_info["number"])
        self._written("cancel", request, outcome)
        return _empty(request, outcome.status)

    def _written(self, operation: str, request: web.Request, outcome: Outcome) -> web.Response:
        """Note what a write did, and answer it."""
        if outcome.acted:
            self.ledger.writes.append(
                Written(
                    operation=operation,
                    order_numbers=outcome.order_numbers,
                    customer_order_number=outcome.po_number,
                    correlation_id=request.headers["IM-CorrelationID"],
                    at=self._clock(),
                )
            )
        return self._answer(outcome.answer, request, status=outcome.status)

    async def _vendor_required_info(self, request: web.Request) -> web.Response:
        return self._answer(vendor_required_info(await _body(request)), request)

    async def _figures(self, _: web.Request) -> web.Response:
        return web.json_response(self.ledger.figures())

    def _answer(self, answer: Any, request: web.Request, *, status: int = 200) -> web.Response:
        if self.quirks:
            answer = bend(answer, Random(f"{self._seed} {json.dumps(answer)}"))
        return _json(answer, request, status=status)


async def _end(app: web.Application) -> None:
    app[ENDING].set()


def _is_ours(request: web.Request) -> bool:
    """Whether it goes to the API itself, and not for a token, or to the sandbox."""
    return not request.path.startswith(("/oauth/", "/_sandbox/"))


async def _body(request: web.Request) -> Json:
    content = await request.read()
    return {} if not content and request.method == "PUT" else bodies.read(content)  # a release may have none


def _aware(now: datetime) -> datetime:
    return now if now.tzinfo is not None else now.replace(tzinfo=UTC)


def _json(answer: Any, request: web.Request, *, status: int = 200) -> web.Response:
    text = json.dumps(answer, allow_nan=False)
    return web.Response(text=text, status=status, headers=_echoed(request), content_type="application/json")


def _empty(request: web.Request, status: int) -> web.Response:
    return web.Response(status=status, headers=_echoed(request))


def _echoed(request: web.Request) -> dict[str, str]:
    return {name: request.headers[name] for name in ("IM-CorrelationID", "IM-SenderID") if name in request.headers}
