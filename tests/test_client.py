"""Settings, the environment, addresses, views; and calls where only the answer matters."""

import copy
import pickle
import traceback
from decimal import Decimal
from typing import Any, Unpack

import aiohttp
import pytest
from aioresponses import aioresponses
from support.clients import ONCE

from ingram_orders import (
    INGRAM_PRODUCTION,
    INGRAM_SANDBOX,
    ApiError,
    BadRequestError,
    ConfigurationError,
    IngramError,
    InvalidRequestError,
    NotFoundError,
    NotOnHoldError,
    OrderCreateRequest,
    OrdersClient,
    OrderStatus,
    OutcomeUnknownError,
    PermissionDeniedError,
    RateLimitedError,
    Settings,
    Timeouts,
)
from ingram_orders.sandbox import Sandbox

TOKEN_URL = f"{INGRAM_PRODUCTION}/oauth/oauth20/token"
ENVIRONMENT = {
    "INGRAM_CLIENT_ID": "id",
    "INGRAM_CLIENT_SECRET": "very-secret",
    "INGRAM_CUSTOMER_NUMBER": "20-222222",
    "INGRAM_COUNTRY_CODE": "US",
}


def endpoint(**settings: Unpack[Settings]) -> tuple[str, str]:
    its = OrdersClient("i", "s", **settings)._session.endpoint
    return its.base_url, its.token_url


# ── Addresses ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("base_url", "expected", "token_url"),
    [
        (INGRAM_PRODUCTION, INGRAM_PRODUCTION, f"{INGRAM_PRODUCTION}/oauth/oauth20/token"),
        (INGRAM_SANDBOX, INGRAM_SANDBOX, f"{INGRAM_PRODUCTION}/oauth/oauth20/token"),
        (f"{INGRAM_SANDBOX}/sandbox", INGRAM_SANDBOX, f"{INGRAM_PRODUCTION}/oauth/oauth20/token"),
        (f"{INGRAM_SANDBOX}//", INGRAM_SANDBOX, f"{INGRAM_PRODUCTION}/oauth/oauth20/token"),
        ("https://gate.example/ingram/", "https://gate.example/ingram", "https://gate.example/ingram/oauth/oauth20/token"),
        ("http://localhost:80", "http://localhost:80", "http://localhost:80/oauth/oauth20/token"),
        ("http://127.0.0.9:8080", "http://127.0.0.9:8080", "http://127.0.0.9:8080/oauth/oauth20/token"),
        ("http://[::1]:8080", "http://[::1]:8080", "http://[::1]:8080/oauth/oauth20/token"),
    ],
)  # fmt: skip
def test_the_token_is_never_fetched_below_sandbox_and_slashes_are_mended(
    base_url: str, expected: str, token_url: str
) -> None:
    assert endpoint(base_url=base_url) == (expected, token_url)


def test_the_token_url_is_a_setting() -> None:
    url = "https://api.ingrammicro.com/oauth/oauth30/token"
    assert endpoint(token_url=url) == (INGRAM_PRODUCTION, url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://api.ingrammicro.com", "http://"),
        ("http://localhost.evil.example", "http://"),
        ("http://127.evil.example", "http://"),
        ("ftp://api.ingrammicro.com", "must be https://"),
        ("api.ingrammicro.com", "must be https://"),
        ("", "must be https://"),
        ("https://", "must be https://"),
        ("https://user:pw@api.ingrammicro.com", "no user, query or fragment"),
        ("https://api.ingrammicro.com/?a=b", "no user, query or fragment"),
        ("https://api.ingrammicro.com/#a", "no user, query or fragment"),
        ("https://api.ingrammicro.com:port", "is not an address"),
        ("https://[::1", "is not an address"),
    ],
)
@pytest.mark.parametrize("setting", ["base_url", "token_url"])
def test_an_address_one_cannot_send_secrets_to_is_refused(setting: str, url: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as refused:
        OrdersClient("i", "s", **{setting: url})  # type: ignore[arg-type]
    assert setting in str(refused.value)
    assert "pw" not in str(refused.value)


def test_http_beyond_this_machine_needs_a_word() -> None:
    assert endpoint(base_url="http://gate.internal", allow_http=True)[0] == "http://gate.internal"


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_settings_come_from_the_environment_and_arguments_go_before_it() -> None:
    orders = OrdersClient.from_env({**ENVIRONMENT, "INGRAM_BASE_URL": INGRAM_SANDBOX}, country_code="CA")
    assert orders.defaults == {
        "im_customer_number": "20-222222",
        "im_country_code": "CA",
        "im_sender_id": "ingram-orders",
    }
    assert orders._session.endpoint.base_url == INGRAM_SANDBOX


def test_the_environment_is_the_process_own_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("INGRAM_SENDER_ID", "shop")
    assert OrdersClient.from_env().defaults["im_sender_id"] == "shop"


@pytest.mark.parametrize("missing", ENVIRONMENT)
@pytest.mark.parametrize("left", [None, "", "  "])
def test_a_missing_variable_is_named(missing: str, left: str | None) -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != missing}
    if left is not None:
        environment[missing] = left
    with pytest.raises(ConfigurationError, match=missing) as refused:
        OrdersClient.from_env(environment)
    assert missing.removeprefix("INGRAM_").lower() in str(refused.value)
    assert "very-secret" not in str(refused.value)


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        OrdersClient.from_env({})
    for name in ENVIRONMENT:
        assert name in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "INGRAM_CLIENT_ID.*INGRAM_CLIENT_SECRET"),
        (("id",), "INGRAM_CLIENT_SECRET"),
        (("id", ""), "INGRAM_CLIENT_SECRET"),
        (("id", "very-secret\n"), "INGRAM_CLIENT_SECRET"),
        (("id\ud800", "very-secret"), "INGRAM_CLIENT_ID"),
    ],
)
def test_credentials_that_cannot_be_are_named(arguments: tuple[str, ...], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as refused:
        OrdersClient(*arguments)
    assert "very-secret" not in str(refused.value)


@pytest.mark.parametrize("max_body", [0, -1, 1e3, True, "64"])
def test_a_cap_that_is_no_number_of_bytes_is_refused(max_body: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_body"):
        OrdersClient("i", "s", max_body=max_body)


@pytest.mark.parametrize("name", ["connect", "read", "total"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), "60", True, 10**400, [1]], ids=lambda it: repr(it)[:9])
def test_a_timeout_is_a_length_of_time(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"Timeouts.{name}"):
        Timeouts(**{name: value})


@pytest.mark.parametrize("name", ["session", "proxy"])
def test_what_aiohttp_would_stumble_over_later_is_refused_at_once(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        OrdersClient("i", "s", **{name: 5})  # type: ignore[arg-type]


PROXIES = {
    "no scheme": "user:hidden-pw@proxy.example:8080",
    "a port that is none": "http://user:hidden-pw@proxy.example:x",
    "a bracket": "http://user:hidden-pw@[proxy",
    "another protocol": "socks5://user:hidden-pw@proxy.example",
    "no host": "http://user:hidden-pw@",
    "a blank": "http://user:hidden-pw@proxy .example",
    "a path": "http://user:hidden-pw@proxy.example/path",
    "a query": "http://user:hidden-pw@proxy.example?x=1",
}


@pytest.mark.parametrize("proxy", PROXIES.values(), ids=PROXIES)
def test_a_proxy_that_is_none_is_refused_at_once_and_not_shown(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="proxy") as refused:
        OrdersClient("i", "s", proxy=proxy)
    assert "hidden-pw" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("source", [object(), "token", len], ids=["an object", "text", "a function"])
def test_a_token_source_that_is_none_is_refused_at_once(source: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"token_source must have token\(\) and drop\(\)"):
        OrdersClient(token_source=source)


def test_a_token_source_whose_drop_would_have_to_be_waited_for_is_refused() -> None:
    class Tokens:
        async def token(self) -> str:
            return "t"

        async def drop(self, token: str) -> None: ...

    source: Any = Tokens()
    with pytest.raises(ConfigurationError, match="nobody waits for it"):
        OrdersClient(token_source=source)


@pytest.mark.parametrize(("client_id", "client_secret"), [(1, "s"), ("i", 2), (b"i", "s"), ("i", b"hidden-pw")])
def test_credentials_that_are_no_text_are_refused_and_not_shown(client_id: Any, client_secret: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"client_(id|secret) .* must be text") as refused:
        OrdersClient(client_id, client_secret)
    assert "hidden-pw" not in str(refused.value)


@pytest.mark.parametrize("name", ["connect", "read", "total"])
def test_infinitely_long_is_no_limit(name: str) -> None:
    assert Timeouts(**{name: float("inf")}) == Timeouts(**{name: None})


def test_timeouts_are_given_as_such() -> None:
    with pytest.raises(ConfigurationError, match=r"Timeouts\(\.\.\.\)"):
        OrdersClient("i", "s", timeouts=30)  # type: ignore[arg-type]


def test_a_token_source_needs_no_credentials() -> None:
    class Tokens:
        async def token(self) -> str:
            return "mine"

        def drop(self, token: str) -> None: ...

    OrdersClient(token_source=Tokens())
    OrdersClient.from_env(
        {"INGRAM_CUSTOMER_NUMBER": "1", "INGRAM_COUNTRY_CODE": "US"}, token_source=Tokens()
    )  # fmt: skip


def test_blanks_around_a_variables_value_do_not_count() -> None:
    orders = OrdersClient.from_env({**ENVIRONMENT, "INGRAM_CUSTOMER_NUMBER": " 20-222222\n"})
    assert orders.defaults["im_customer_number"] == "20-222222"


def test_a_copy_of_a_client_is_the_client() -> None:
    orders = OrdersClient.from_env(ENVIRONMENT)
    assert copy.deepcopy(orders) is orders


def test_a_client_shows_where_it_asks_and_no_secret() -> None:
    orders = OrdersClient.from_env(ENVIRONMENT, proxy="http://user:pw@proxy.example")
    assert repr(orders) == f"OrdersClient({INGRAM_PRODUCTION!r}, customer_number='20-222222')"
    assert "very-secret" not in repr(vars(orders))
    assert "very-secret" not in repr(vars(orders._session))


def test_timeouts_have_sensible_defaults() -> None:
    assert Timeouts() == Timeouts(connect=10, read=60, total=None)
    assert pickle.loads(pickle.dumps(Timeouts(total=5))) == Timeouts(total=5)


def test_a_view_has_defaults_of_its_own() -> None:
    orders = OrdersClient.from_env(ENVIRONMENT)
    view = orders.with_defaults(customer_number="30-333333")
    assert view.defaults["im_customer_number"] == "30-333333"
    assert view.defaults["im_country_code"] == "US"
    assert orders.defaults["im_customer_number"] == "20-222222"
    assert view._session is orders._session


# ── Where only the answer matters ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def orders() -> OrdersClient:
    return OrdersClient("i", "s", customer_number="20-222222", country_code="US", retry=ONCE)


def test_a_request_is_checked_without_being_sent(orders: OrdersClient) -> None:
    orders.check(orders.search().page_size(5))
    with pytest.raises(InvalidRequestError) as wrong:
        orders.check(orders.search().page_size(500))
    assert wrong.value.problems == ("page_size: 500 is out of range, 1 to 100 is allowed",)


async def test_a_service_can_be_tested_with_mocked_answers(orders: OrdersClient, ingram_answers: aioresponses) -> None:
    ingram_answers.post(TOKEN_URL, payload={"access_token": "t", "expires_in": "86399"})
    ingram_answers.get(
        f"{INGRAM_PRODUCTION}/resellers/v6/orders/search?orderStatus=SHIPPED",
        payload={"recordsFound": "1", "orders": {"ingramOrderNumber": "20-A", "orderStatus": "im::shipped"}},
    )
    ingram_answers.get(
        f"{INGRAM_PRODUCTION}/resellers/v6.1/orders/20-B", status=404, payload={"message": "Order not found."}
    )
    async with orders:
        page = await orders.search().order_status("SHIPPED").execute()
        with pytest.raises(NotFoundError, match="Order not found"):
            await orders.details("20-B").execute()
    assert page.records_found == 1
    [order] = page.orders
    assert order.status is OrderStatus.SHIPPED


async def test_a_sandbox_is_reached_beside_mocked_answers(sandbox: Sandbox, ingram_answers: aioresponses) -> None:
    ingram_answers.get("https://elsewhere.example/", payload={"mocked": True})
    async with sandbox.client() as orders, aiohttp.ClientSession() as session:
        assert (await orders.search().execute()).orders
        async with session.get("https://elsewhere.example/") as answer:
            assert await answer.json() == {"mocked": True}


@pytest.mark.parametrize("status", [200, 201, 202, 207])
async def test_any_2xx_is_a_success(orders: OrdersClient, ingram_answers: aioresponses, status: int) -> None:
    """201 and 207 are documented for creates; plain 200 has been seen."""
    ingram_answers.post(TOKEN_URL, payload={"access_token": "t"})
    ingram_answers.post(
        f"{INGRAM_PRODUCTION}/resellers/v6/orders", status=status, payload={"orders": [{"orderTotal": 7}]}
    )
    async with orders:
        request = orders.create().order_create_request(OrderCreateRequest(customer_order_number="PO-1"))
        answer = await request.execute_with_response()
    assert answer.status == status
    assert answer.model.orders[0].order_total == Decimal(7)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, BadRequestError), (403, PermissionDeniedError), (404, NotFoundError), (405, NotOnHoldError),
     (409, ApiError), (429, RateLimitedError), (500, OutcomeUnknownError), (302, OutcomeUnknownError)],
)  # fmt: skip
async def test_a_refused_cancel_is_told_by_its_status(
    orders: OrdersClient, ingram_answers: aioresponses, status: int, kind: type[IngramError]
) -> None:
    ingram_answers.post(TOKEN_URL, payload={"access_token": "t"})
    ingram_answers.delete(
        f"{INGRAM_PRODUCTION}/resellers/v6/orders/20-A", status=status, payload={"message": "because"}
    )
    async with orders:
        with pytest.raises(kind, match="because") as refused:
            await orders.cancel("20-A").execute()
    assert type(refused.value) is kind


async def test_what_goes_wrong_before_us_is_of_our_tree(orders: OrdersClient, ingram_answers: aioresponses) -> None:
    """An error that comes from nowhere near the connection counts as sent: nobody knows better."""
    ingram_answers.post(TOKEN_URL, payload={"access_token": "t"})
    ingram_answers.delete(f"{INGRAM_PRODUCTION}/resellers/v6/orders/20-A", exception=aiohttp.ServerDisconnectedError())
    async with orders:
        with pytest.raises(OutcomeUnknownError):
            await orders.cancel("20-A").execute()
