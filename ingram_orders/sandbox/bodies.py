"""What the body of a request asks for, and what is refused of it before anybody looks at an order."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from ingram_orders.sandbox.kept import Json
from ingram_orders.sandbox.refusals import Refused, invalid

_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", re.ASCII)


def read(content: bytes) -> Json:
    """Read a body, in which everything that is looked at is of its kind; refuse another."""
    try:
        body = json.loads(content, parse_float=Decimal, parse_constant=_no_json)
        json.dumps(body, ensure_ascii=False, default=float).encode()  # half a character fails here
        if not isinstance(body, dict):
            raise Refused(400, "Request is not an object")
        _check_shape(body)
    except (ValueError, ArithmeticError, RecursionError):
        raise Refused(400, "Request is not JSON") from None
    return body


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


ADDRESS: Final = (
    "contact", "companyName", "addressLine1", "addressLine2", "addressLine3", "city", "state", "postalCode",
    "countryCode", "phoneNumber", "email",
)  # fmt: skip
"""What every address has."""
_MORE: Final = ("addressId", "endUserId", "name1", "name2", "addressLine4")
"""What one that is asked for may have, too."""
_LISTS: Final = ("lines", "additionalAttributes", "products")
_OBJECTS: Final = ("shipToInfo", "endUserInfo", "resellerInfo", "shipmentDetails")
_PRICES: Final = ("unitPrice", "endUserPrice")
_TEXTS: Final = (
    "customerOrderNumber", "endCustomerOrderNumber", "billToAddressId", "specialBidNumber", "notes", "quoteNumber",
    "ingramPartNumber", "customerPartNumber", "customerLineNumber", "attributeName", "attributeValue",
)  # fmt: skip


def _check_shape(document: Mapping[str, Any], objects: tuple[str, ...] = _OBJECTS) -> None:
    """Refuse a body, or a part of one, in which something is not of its kind; *objects* are what must be one."""
    for key in _LISTS:
        items = document.get(key)
        if items is not None and not (isinstance(items, list) and all(isinstance(item, dict) for item in items)):
            raise invalid(key, None, "must be a list of objects")
        for item in items or ():
            _check_shape(item, ())  # of a line, the end user is a list in v6
    for key in objects:
        if not isinstance(document.get(key), dict | None):
            raise invalid(key, None, "must be an object")
    for key in _TEXTS:
        if not isinstance(document.get(key), str | None):
            raise invalid(key, None, "must be text")
    for key in ("shipToInfo", "endUserInfo") if objects else ():
        for name, value in (document.get(key) or {}).items():
            if name in (*ADDRESS, *_MORE) and (isinstance(value, bool) or not isinstance(value, str | int | None)):
                raise invalid(f"{key}.{name}", None, "must be text")
    for key in _PRICES:
        if document.get(key) is not None and not _is_price(document[key]):
            why = "must be an amount of at most nine digits before the point and two behind it"
            raise invalid(key, str(document[key])[:40], why)


def _is_price(value: object) -> bool:
    """Whether the sandbox can answer it exactly, times any quantity: at most eleven digits, two of them cents."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return False
    if not _NUMBER.fullmatch(str(value)):
        return False
    amount = Decimal(value)
    return amount >= 0 and amount.adjusted() < 9 and amount == round(amount, 2)


def wishes(body: Json) -> dict[str, str | None]:
    """Give what else is wished for, by name: the attributes of the order."""
    return {item.get("attributeName"): item.get("attributeValue") for item in body.get("additionalAttributes") or ()}


def address(body: Json, key: str) -> dict[str, str]:
    """Give what is told of an address, in text; one published request has its postal code as a number."""
    told = body.get(key) or {}
    return {name: str(told[name]) for name in (*ADDRESS, *_MORE) if told.get(name) is not None}


def can_be_sent_to(address: Mapping[str, str]) -> bool:
    """Whether nothing that an address needs is given as what it cannot be; what is not given stays as it was."""
    texts = [address[key].strip() for key in ("addressLine1", "city", "postalCode") if key in address]
    return all(texts) and len(address.get("countryCode", "US")) == 2


def po_number(body: Json, *, longest: int) -> str:
    """Give the purchase order number, or refuse what is none."""
    number = body.get("customerOrderNumber")
    if not isinstance(number, str) or not number.strip() or len(number) > longest:
        why = f"is required, 1 to {longest} characters"
        raise invalid("customerOrderNumber", number, why)
    return number


MOST: Final = 9_999
"""Pieces in a line; with prices of eleven digits, amounts of fifteen are the largest."""


def quantity(line: Mapping[str, Any]) -> int:
    """Give how many are wanted, 0 for what cannot be ordered."""
    wanted = told_quantity(line)
    return wanted if wanted <= MOST else 0


def told_quantity(line: Mapping[str, Any]) -> int:
    """Give the number that a line says, 0 for none; v7 of 2024 writes it as text, a published example as `1,`."""
    text = str(line.get("quantity", "")).rstrip(",")
    if not _NUMBER.fullmatch(text):
        return 0
    told = Decimal(text)
    return int(told) if 0 <= told < 10**9 and told == int(told) else 0
