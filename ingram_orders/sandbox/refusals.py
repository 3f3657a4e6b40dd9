"""How the sandbox says no, and what makes it say so before it looks at an order."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final


class Refused(Exception):  # noqa: N818  # an answer of the API, not a fault of ours
    """The API refuses: status and errors as it answers them."""

    def __init__(
        self, status: int, message: str, *fields: tuple[str, object, str], kind: str = "validation-failed"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = f"/errors/{kind}"
        self.message = message
        self.fields = [{"field": field, "value": value, "message": text} for field, value, text in fields]


_LISTS: Final = ("lines", "additionalAttributes", "products")
_OBJECTS: Final = ("shipToInfo", "endUserInfo", "resellerInfo", "shipmentDetails")
_PRICES: Final = ("unitPrice", "endUserPrice")
_TEXTS: Final = (
    "customerOrderNumber", "endCustomerOrderNumber", "billToAddressId", "specialBidNumber", "notes", "quoteNumber",
    "ingramPartNumber", "customerLineNumber", "attributeName", "attributeValue",
)  # fmt: skip


def check_shape(document: Mapping[str, Any]) -> None:
    """Refuse a body, or a part of one, in which something is not of its kind."""
    for key in _LISTS:
        items = document.get(key)
        if items is not None and not (isinstance(items, list) and all(isinstance(item, dict) for item in items)):
            raise Refused(400, "Validation failed", (key, None, "must be a list of objects"))
        for item in items or ():
            check_shape(item)
    for key in _OBJECTS:
        if not isinstance(document.get(key), dict | None):
            raise Refused(400, "Validation failed", (key, None, "must be an object"))
    for key in _TEXTS:
        if not isinstance(document.get(key), str | None):
            raise Refused(400, "Validation failed", (key, None, "must be text"))
    for key in _PRICES:
        if document.get(key) is not None and not _is_price(document[key]):
            raise Refused(
                400,
                "Validation failed",
                (
                    key,
                    str(document[key])[:40],
                    "must be an amount of at most nine digits before the point and two behind it",
                ),
            )


def _is_price(value: object) -> bool:
    """Whether the sandbox can answer it exactly, times any quantity: at most eleven digits, two of them cents."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return False
    try:
        amount = Decimal(value)
    except ArithmeticError:
        return False
    exponent = amount.normalize().as_tuple().exponent if amount.is_finite() else "not finite"
    return isinstance(exponent, int) and exponent >= -2 and amount >= 0 and amount.adjusted() < 9
