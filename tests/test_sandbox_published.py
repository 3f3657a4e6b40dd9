"""The sandbox beside the published documents: every answer fits its schema, and every example is taken."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
import jsonschema
import pytest
from support.published import SPEC, needs_spec

from ingram_orders.sandbox import Sandbox
from ingram_orders.sandbox.catalogue import PRODUCTS, Product

pytestmark = needs_spec

NOW: Final = datetime(2026, 6, 30, 12, tzinfo=UTC)
LATEST: Final = SPEC / "orders-2025-11.json"
DOCUMENT: Final[dict[str, Any]] = json.loads(LATEST.read_text("utf-8")) if LATEST.is_file() else {}
HEADERS: Final = {"IM-CustomerNumber": "20-222222", "IM-CountryCode": "US", "IM-CorrelationID": "c"}
HOLD: Final = [{"attributeName": "allowOrderOnCustomerHold", "attributeValue": "true"}]


def schema_of(path: str, method: str, status: int) -> dict[str, Any]:
    """Give the published schema of an answer, as JSON Schema has it."""
    content = DOCUMENT["paths"][path][method]["responses"][str(status)]["content"]["application/json"]
    return {**_plain(content["schema"]), "components": _plain(DOCUMENT["components"])}


def _plain(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema lists a type more, and `decimal` of a number is no type."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _plain(value) for key, value in node.items() if key not in {"example", "nullable"}}
    if node.get("nullable") and isinstance(node.get("type"), str):
        plain["type"] = [node["type"], "null"]
    if isinstance(node.get("properties"), dict):
        plain["additionalProperties"] = False  # a key that is not published is a quirk, and those are off
    return plain


class Api:
    """Bare HTTP: what the client makes of an answer is not what is looked at."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession, token: str) -> None:
        self.sandbox, self._session = sandbox, session
        self._headers = {**HEADERS, "Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        url = self.sandbox.url + path
        async with self._session.request(method, url, params=query, json=body, headers=self._headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Sandbox(orders=60, clock=lambda: NOW) as sandbox, aiohttp.ClientSession() as session:
        form = {"grant_type": "client_credentials", "client_id": "sandbox", "client_secret": "sandbox-secret"}
        async with session.post(f"{sandbox.url}/oauth/oauth20/token", data=form) as response:
            token = (await response.json())["access_token"]
        yield Api(sandbox, session, token)


def check(answer: Any, path: str, method: str, status: int) -> None:
    jsonschema.Draft202012Validator(schema_of(path, method, status)).validate(answer)


SEARCH, DETAILS = "/resellers/v6/orders/search", "/resellers/v6.1/orders/{ordernumber}"
CREATE, CREATE_V7 = "/resellers/v6/orders", "/resellers/v7/orders"
MODIFY, CANCEL = "/resellers/v6/orders/{orderNumber}", "/resellers/v6/orders/{OrderNumber}"


async def test_every_order_fits_its_schemas(api: Api) -> None:
    status, page = await api.call(
        "GET", SEARCH, **{"ingramOrderDate-bt": "2000-01-01", "pageSize": "100", "customerOrderNumber": "PO"}
    )
    assert status == 400  # a range is two dates
    check(page, SEARCH, "get", 400)
    status, page = await api.call("GET", SEARCH, customerOrderNumber="PO", pageSize="100")
    assert (status, page["recordsFound"]) == (200, 60)
    check(page, SEARCH, "get", 200)
    for order in page["orders"]:
        status, details = await api.call("GET", f"/resellers/v6.1/orders/{order['ingramOrderNumber']}")
        assert status == 200
        check(details, DETAILS, "get", 200)


LINE: Final = {"customerLineNumber": "001", "ingramPartNumber": "2CD101", "quantity": 2}
BODIES: Final[dict[str, tuple[dict[str, Any], int]]] = {
    "one line": ({"lines": [LINE]}, 201),
    "a line that is rejected": ({"lines": [LINE, {**LINE, "ingramPartNumber": "NOPE"}]}, 207),
    "a part on back order": ({"lines": [LINE, {**LINE, "ingramPartNumber": "3EF202"}]}, 201),
    "on hold": ({"lines": [LINE], "additionalAttributes": HOLD}, 201),
    "nothing but what is rejected": ({"lines": [{**LINE, "ingramPartNumber": "NOPE"}]}, 400),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
async def test_every_create_answer_fits_its_schema(api: Api, body: dict[str, Any], status: int) -> None:
    got, answer = await api.call("POST", CREATE, {"customerOrderNumber": "PO-1-NEW", **body})
    assert got == status
    check(answer, CREATE, "post", 201 if status == 207 else status)


async def test_every_modify_and_cancel_answer_fits_its_schema(api: Api) -> None:
    body = {"customerOrderNumber": "PO-2-NEW", "lines": [LINE, LINE], "additionalAttributes": HOLD}
    _, created = await api.call("POST", CREATE, body)
    number = created["orders"][0]["ingramOrderNumber"]
    change = {"notes": "n", "lines": [{"ingramLineNumber": "001", "addUpdateDeleteLine": "UPDATE", "quantity": 3}]}
    status, answer = await api.call("PUT", f"{CREATE}/{number}", change)
    assert status == 201
    check(answer, MODIFY, "put", 201)
    status, answer = await api.call("PUT", f"{CREATE}/{number}", {"lines": [{"ingramLineNumber": "9"}]})
    assert status == 207
    check(answer, MODIFY, "put", 200)
    assert await api.call("DELETE", f"{CREATE}/{number}") == (200, None)
    for status, unknown in ((405, number), (404, "20-NOPE")):
        got, answer = await api.call("DELETE", f"{CREATE}/{unknown}")
        assert got == status
        check(answer, CANCEL, "delete", 400)  # the schemas of 404 and 405 are not published
    status, answer = await api.call("PUT", f"{CREATE}/{number}", change)
    assert status == 400
    check(answer, MODIFY, "put", 400)


async def test_v7_and_vendors_answers_fit_their_schemas(api: Api) -> None:
    status, answer = await api.call("POST", CREATE_V7, {"customerOrderNumber": "PO-7", "lines": [LINE]})
    assert status == 200
    check(answer, CREATE_V7, "post", 200)
    path = "/resellers/v7/vendorrequiredinfo"
    status, answer = await api.call("POST", path, {"products": [{"ingramPartNumber": "2CD101"}]})
    assert status == 200
    check(answer, path, "post", 200)


async def test_a_v7_refusal_fits_its_schema(api: Api) -> None:
    status, answer = await api.call("POST", CREATE_V7, {"customerOrderNumber": "x" * 19})
    assert status == 400
    check(answer, CREATE_V7, "post", 400)


async def test_an_order_fits_its_schema_all_its_life_long() -> None:
    """Each step of the way, a day at a time."""
    now = NOW
    async with Sandbox(orders=0, clock=lambda: now) as sandbox, sandbox.client() as orders:
        del orders
        body = {"customerOrderNumber": "PO-L", "lines": [LINE, {**LINE, "ingramPartNumber": "3EF202"}]}
        _, created = await sandbox._book.create(body)
        numbers = [order["ingramOrderNumber"] for order in created["orders"]]
        assert len(numbers) == 2
        seen: dict[str, list[str]] = {number: [] for number in numbers}
        for _ in range(30):
            now += timedelta(days=1)
            for number in numbers:
                details = await sandbox._book.details(number)
                check(details, DETAILS, "get", 200)
                if details["orderStatus"] not in seen[number]:
                    seen[number].append(details["orderStatus"])
        assert seen[numbers[0]][-3:] == ["SHIPPED", "DELIVERED", "INVOICED"]
        assert seen[numbers[1]] == ["BACKORDERED", "SHIPPED", "DELIVERED", "INVOICED"]


# ── The published examples ──────────────────────────────────────────────────────────────────────────────────────────

EXAMPLES: Final[list[dict[str, Any]]] = (
    json.loads((SPEC / "examples.json").read_text("utf-8")) if (SPEC / "examples.json").is_file() else []
)
CREATES: Final = [it for it in EXAMPLES if (it["kind"], it["path"]) == ("request", CREATE)]
CHANGES: Final = [it for it in EXAMPLES if (it["kind"], it["path"]) == ("request", MODIFY)]


def named(example: dict[str, Any]) -> str:
    return f"{example['spec'][7:11]} {example['name']}"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the sandbox know the products that the examples order; `XXXXXX` is the one that nobody knows."""
    for example in CREATES + CHANGES:
        for line in example["value"].get("lines", ()):
            sku = line.get("ingramPartNumber")
            if sku and sku != "XXXXXX":
                monkeypatch.setitem(PRODUCTS, sku, Product(sku, "A VENDOR", "A-1", "A PRODUCT", 4171, 100))


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("example", CREATES, ids=named)
async def test_every_published_order_is_placed(api: Api, example: dict[str, Any]) -> None:
    body = example["value"]
    status, answer = await api.call("POST", CREATE, body)
    unknown = [line for line in body["lines"] if line.get("ingramPartNumber") == "XXXXXX"]
    assert status == (207 if unknown else 201), answer
    check(answer, CREATE, "post", 201)
    [order] = answer["orders"]
    assert (len(order["lines"]), len(order["rejectedLineItems"])) == (len(body["lines"]) - len(unknown), len(unknown))
    _, details = await api.call("GET", f"/resellers/v6.1/orders/{order['ingramOrderNumber']}")
    assert details["customerOrderNumber"] == body["customerOrderNumber"]
    assert details["notes"] == body.get("notes", "")


async def test_every_published_v7_order_is_confirmed(api: Api) -> None:
    examples = [it for it in EXAMPLES if (it["kind"], it["path"]) == ("request", CREATE_V7)]
    assert examples
    for example in examples:
        status, answer = await api.call("POST", CREATE_V7, example["value"])
        assert status == 200, answer
        check(answer, CREATE_V7, "post", 200)
        assert answer["quoteNumber"] == example["value"]["quoteNumber"]


def published_status(example: dict[str, Any]) -> set[int]:
    answers = [it for it in EXAMPLES if it["kind"] == "response" and it["path"] == MODIFY]
    return {int(it["status"]) for it in answers if it["name"] == example["name"]} or {201}


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("example", CHANGES, ids=named)
async def test_every_published_change_is_made_and_answered_as_published(api: Api, example: dict[str, Any]) -> None:
    lines = [{"ingramPartNumber": "1C6094", "quantity": 4}] * 12
    _, created = await api.call(
        "POST", CREATE, {"customerOrderNumber": "PO-CHANGE", "lines": lines, "additionalAttributes": HOLD}
    )
    number = created["orders"][0]["ingramOrderNumber"]
    status, answer = await api.call("PUT", f"{CREATE}/{number}", example["value"])
    assert {status} == published_status(example), answer
    check(answer, MODIFY, "put", status)
    asked = [line["addUpdateDeleteLine"] for line in example["value"].get("lines", ())]
    assert len(answer["lines"]) == 12 + asked.count("ADD") - asked.count("DELETE")
