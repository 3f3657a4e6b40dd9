"""The sandbox's HTTP side: tokens, headers, routes, error bodies, and the ledger of what came."""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from aiohttp import web
from attrs import field, frozen

from ingram_orders.sandbox.book import OrderBook
from ingram_orders.sandbox.filters import Json
from ingram_orders.sandbox.refusals import Refused, check_shape

if TYPE_CHECKING:
    from typing import Unpack

    from ingram_orders.client import OrdersClient, Settings

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN_LIFETIME: Final = 86_399
"""Seconds, as recorded."""

MAX_BODY: Final = 16 * 2**20


@frozen(kw_only=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    """As it was on the wire, percent-encoded, without the query."""
    query: tuple[tuple[str, str], ...]
    """Decoded, in the order it came."""
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Sandbox:
    """
    The Orders API, on a free port of this machine.

        async with Sandbox(orders=100) as sandbox, sandbox.client() as orders:
            page = await orders.search().execute()

    The same seed and clock give the same orders. What was changed stays so for as long as the object is there.
    """

    client_id = "sandbox"
    client_secret = "sandbox-secret"  # noqa: S105  # of no use anywhere else
    customer_number = "20-222222"
    country_code = "US"

    def __init__(
        self,
        *,
        seed: int = 1,
        orders: int = 40,
        port: int = 0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """
        Make the orders; nothing listens yet.

        Args:
            seed: What the orders are made from.
            orders: How many there are to begin with.
            port: Of 127.0.0.1; 0 takes a free one.
            clock: The time that counts for all of it.

        Raises:
            ValueError: *orders* is less than 0.
        """
        if orders < 0:
            raise ValueError(f"orders must be 0 or more, not {orders}")
        self.ledger: list[Received] = []
        """Every request as it came, tokens' too."""
        self._port = port
        self._clock = clock
        self._book = OrderBook(seed=seed, orders=orders, clock=clock)
        self._tokens: dict[str, datetime] = {}
        self._confirmations = 0
        self._runner: web.AppRunner | None = None
        self._url: str | None = None

    @property
    def url(self) -> str:
        """The base URL, while it runs."""
        if self._url is None:
            raise RuntimeError("the sandbox does not run; use `async with Sandbox() as sandbox:`")
        return self._url

    def client(self, **settings: "Unpack[Settings]") -> "OrdersClient":
        """Give a client for this sandbox; *settings* are those of `OrdersClient`."""
        from ingram_orders.client import OrdersClient

        settings.setdefault("base_url", self.url)
        settings.setdefault("customer_number", self.customer_number)
        settings.setdefault("country_code", self.country_code)
        return OrdersClient(self.client_id, self.client_secret, **settings)

    def revoke_tokens(self) -> None:
        """End all tokens, as the API does when another is issued for the same client."""
        self._tokens.clear()

    async def __aenter__(self) -> Self:
        if self._runner is not None:
            raise RuntimeError("this sandbox already runs")
        app = web.Application(
            middlewares=[self._answer_refusals, self._note, self._check_token, self._check_headers],
            client_max_size=MAX_BODY,
        )
        app.router.add_post("/oauth/oauth20/token", self._token)
        app.router.add_get("/resellers/v6/orders/search", self._search)
        app.router.add_get("/resellers/v6.1/orders/{number}", self._details)
        app.router.add_post("/resellers/v6/orders", self._create)
        app.router.add_post("/resellers/v7/orders", self._create_v7)
        app.router.add_put("/resellers/v6/orders/{number}", self._modify)
        app.router.add_delete("/resellers/v6/orders/{number}", self._cancel)
        app.router.add_post("/resellers/v7/vendorrequiredinfo", self._vendor_required_info)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        except BaseException:
            await self._stop()
            raise
        host, port = self._runner.addresses[0][:2]
        self._url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        runner, self._runner, self._url = self._runner, None, None
        if runner is not None:
            await runner.cleanup()

    def __repr__(self) -> str:
        return f"Sandbox({self._url or 'does not run'!r})"

    # ── What every request goes through ─────────────────────────────────────────────────────────────────────────

    @web.middleware
    async def _note(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.ledger.append(
            Received(
                method=request.method,
                path=request.raw_path.partition("?")[0],
                query=tuple(request.query.items()),
                headers=request.headers,
                body=await request.read(),
            )
        )
        return await handler(request)

    @web.middleware
    async def _answer_refusals(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            error: Json = {"id": secrets.token_hex(8), "type": refused.kind, "message": refused.message}
            if refused.fields:
                error["fields"] = refused.fields
            return _json({"errors": [error]}, request, status=refused.status)
        except web.HTTPException as gateway:  # no such route, or not with this method
            fault = {"faultstring": gateway.reason, "detail": {"errorcode": "messaging.adaptors.http.flow.NoRoute"}}
            return _json({"fault": fault}, request, status=gateway.status)

    @web.middleware
    async def _check_token(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if not request.path.startswith("/oauth/") and (
            kind != "Bearer" or token not in self._tokens or self._tokens[token] <= self._clock()
        ):
            fault = {"faultstring": "Invalid Access Token", "detail": {"errorcode": "keymanagement.service.invalid"}}
            return _json({"fault": fault}, request, status=401)
        return await handler(request)

    @web.middleware
    async def _check_headers(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/oauth/"):
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
                raise Refused(400, "Validation failed", *wrong)
        return await handler(request)

    # ── Routes ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            message = {"error": "invalid_client", "error_description": "Client credentials are not valid"}
            return web.json_response(message, status=401)
        if form.get("grant_type") != "client_credentials":
            return web.json_response({"message": "grant_type is not valid"}, status=400)
        token = secrets.token_urlsafe(24)
        self._tokens[token] = self._clock() + timedelta(seconds=TOKEN_LIFETIME)
        return web.json_response(
            {"access_token": token, "token_type": "Bearer", "expires_in": str(TOKEN_LIFETIME)}
        )  # fmt: skip

    async def _search(self, request: web.Request) -> web.Response:
        page = self._book.search({key: request.query.getall(key) for key in request.query})
        return _json(page, request) if page is not None else _empty(request, 204)

    async def _details(self, request: web.Request) -> web.Response:
        return _json(self._book.details(request.match_info["number"]), request)

    async def _create(self, request: web.Request) -> web.Response:
        status, answer = self._book.create(await _body(request))
        return _json(answer, request, status=status)

    async def _create_v7(self, request: web.Request) -> web.Response:
        body = await _body(request)
        self._book.create(body, longest_number=18)
        self._confirmations += 1
        answer = {
            "quoteNumber": body.get("quoteNumber"),
            "confirmationNumber": 1_600_000_000 + self._confirmations,
            "message": "Your order is being processed.",
        }
        return _json(answer, request)

    async def _modify(self, request: web.Request) -> web.Response:
        status, answer = self._book.modify(
            request.match_info["number"], await _body(request), action=request.query.get("actionCode")
        )
        return _json(answer, request, status=status)

    async def _cancel(self, request: web.Request) -> web.Response:
        self._book.cancel(request.match_info["number"])
        return _empty(request, 200)

    async def _vendor_required_info(self, request: web.Request) -> web.Response:
        asked = await _body(request)
        products: list[Json] = asked.get("products") or [{}]
        answer = [
            {
                "quoteNumber": asked.get("quoteNumber") or "",
                "ingramPartNumber": product.get("ingramPartNumber") or "",
                "vendorPartNumber": product.get("vendorPartNumber") or "",
                "planId": product.get("planID") or "",
                "planName": "",
                "responseMessages": [],
                "vmfAdditionalAttributes": [],
                "vriAdditionalAttributes": [
                    {
                        "vendorName": "LARKSPUR SOFTWARE",
                        "productId": "LS",
                        "additionalAttributes": [
                            {
                                "attributeName": "tenant",
                                "attributeValue": "new,existing",
                                "attributeDescription": "Which tenant the licenses go to",
                                "choices": [
                                    {"attributeValue": "existing", "choices": [{"attributeName": "tenant_id"}]},
                                    {"attributeValue": "new", "choices": []},
                                ],
                            }
                        ],
                    }
                ],
            }
            for product in products
        ]
        return _json(answer, request)


async def _body(request: web.Request) -> Json:
    content = await request.read()
    if not content and request.method == "PUT":  # a release has none
        return {}
    try:
        body = json.loads(content, parse_float=Decimal, parse_constant=_no_json)
    except (ValueError, ArithmeticError, RecursionError):
        raise Refused(400, "Request is not JSON") from None
    if not isinstance(body, dict):
        raise Refused(400, "Request is not an object")
    check_shape(body)
    return body


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _json(answer: Any, request: web.Request, *, status: int = 200) -> web.Response:
    return web.json_response(answer, status=status, headers=_echoed(request))


def _empty(request: web.Request, status: int) -> web.Response:
    return web.Response(status=status, headers=_echoed(request))


def _echoed(request: web.Request) -> dict[str, str]:
    return {name: request.headers[name] for name in ("IM-CorrelationID", "IM-SenderID") if name in request.headers}
