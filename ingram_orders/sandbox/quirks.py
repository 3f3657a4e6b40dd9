"""
Bends an answer as the API is seen to bend it: objects for lists, text for numbers, nulls, absent and unknown keys,
dates in every form, status words in every spelling.

What is bent is chosen by chance, the same for the same seed and answer; what the answer says is not changed by it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any, Final

from ingram_orders.sandbox.life import Json

OBJECT_FOR_LIST: Final = frozenset({"carrierDetails", "shipmentDetails", "links"})
"""Lists that come as an object where they have one entry. R, C."""
TEXT_FOR_NUMBER: Final = frozenset(
    {"recordsFound", "pageSize", "pageNumber", "orderTotal", "subOrderTotal", "unitPrice", "extendedPrice",
     "quantityOrdered", "quantity"}
)  # fmt: skip
NUMBER_FOR_TEXT: Final = frozenset({"confirmationNumber", "cartonNumber", "postalCode"})
LINE_NUMBERS: Final = frozenset({"ingramLineNumber", "customerLineNumber"})
"""Text that comes as a number, too, and then without the zeros in front."""
NULL_OR_ABSENT: Final = frozenset(
    {"vendorSalesOrderNumber", "endCustomerOrderNumber", "webOrderId", "ingramPurchaseOrderNumber", "addressLine2",
     "addressLine3", "phoneNumber", "email", "notes", "lineNotes", "specialBidNumber", "promisedDeliveryDate",
     "requestedDeliverydate", "backOrderETADate", "trackingUrl", "upcCode", "additionalAttributes", "nextPage",
     "previousPage", "miscellaneousCharges"}
)  # fmt: skip
EMPTY: Final = {"partDescription": "serviceContractInfo", "purchaseOrderTotal": "resellerInfo"}
"""Objects that come empty where they are not there, by a key that stands beside them."""
UNKNOWN: Final = {"globalSkuId": "USA01@24@1AB001", "vendorNumber": "N2", "lineNumber": "1", "lineType": "P"}
"""Keys that no schema has, and answers do."""
OFFSETS: Final = (timedelta(hours=-7), timedelta(hours=5, minutes=30))
"""As recorded."""
STATUSES: Final = frozenset({"orderStatus", "lineStatus", "subOrderStatus"})
SPELLINGS: Final = {
    "PROCESSING": ("Processing", "In Progress", "im::processing"),
    "ON HOLD": ("On Hold", "IM::SALES_HOLD", "im::hold"),
    "CANCELLED": ("CANCELED", "Cancelled", "IM::CANCELED"),
    "BACKORDERED": ("Backordered", "im::backordered"),
    "PARTIALLY SHIPPED": ("Partially Shipped", "IM::PARTIALLY_SHIPPED"),
    "SHIPPED": ("Shipped", "im::shipped"),
    "DELIVERED": ("Delivered", "E-DELIVERED"),
    "INVOICED": ("Invoiced", "IM::INVOICED"),
}


def bend(answer: Any, pick: Random) -> Any:
    """Give the answer bent; the one given stays as it is."""
    return _bent("", answer, pick)


def _bent(key: str, value: Any, pick: Random) -> Any:
    if isinstance(value, dict):
        bent = {
            name: _bent(name, item, pick)
            for name, item in value.items()
            if not (name in NULL_OR_ABSENT and not item and pick.random() < 0.2)
        }
        if "ingramPartNumber" in value and pick.random() < 0.3:
            name = pick.choice(sorted(UNKNOWN))
            bent.setdefault(name, UNKNOWN[name])
        for beside, name in EMPTY.items():
            if beside in value and pick.random() < 0.3:
                bent.setdefault(name, {})
        return bent
    if isinstance(value, list):
        if (
            key == "carrierDetails"
            and len({it["deliveredDate"] for it in value}) == 1 < len(value)
            and pick.random() < 0.5
        ):
            value = [_joined(value, pick.choice((",", ", ")))]
        bent_items = [_bent("", item, pick) for item in value]
        if key in OBJECT_FOR_LIST and len(bent_items) == 1 and pick.random() < 0.5:
            return bent_items[0]
        return bent_items if value or pick.random() < 0.5 else None
    if key in NULL_OR_ABSENT and value == "":
        return pick.choice(("", None))
    for keys, kind, form in _SCALARS:
        if key in keys and isinstance(value, kind) and not isinstance(value, bool) and pick.random() < 0.5:
            return form(value, pick)
    if isinstance(value, str) and len(value) >= 19 and value[4:5] == value[7:8] == "-" and value[10:11] == "T":
        return _moment(value, pick)
    return value


def _joined(carriers: list[Json], between: str) -> Json:
    """Tell what several carriers brought as if it were one: names and numbers joined. C."""
    packages = [package for carrier in carriers for package in carrier["trackingDetails"]]
    return {
        **carriers[0],
        **{key: between.join(it[key] for it in carriers) for key in ("carrierCode", "carrierName")},
        "quantity": sum(it["quantity"] for it in carriers),
        "trackingDetails": [
            {
                **packages[0],
                "trackingNumber": between.join(it["trackingNumber"] for it in packages),
                "quantityInBox": str(sum(int(it["quantityInBox"]) for it in packages)),
                "serialNumbers": [number for it in packages for number in it["serialNumbers"]],
            }
        ],
    }


def _respelt(status: str, pick: Random) -> str:
    return pick.choice(SPELLINGS.get(status, (status,)))


def _written(number: float, pick: Random) -> str:  # noqa: ARG001  # as all forms
    return f"{number:.2f}" if isinstance(number, float) else str(number)


def _counted(text: str, pick: Random) -> int | str:  # noqa: ARG001
    return int(text) if text.isdecimal() and not text.startswith("0") else text


def _numbered(text: str, pick: Random) -> int | str:  # noqa: ARG001
    return int(text) if text.isdecimal() else text


_SCALARS: Final[tuple[tuple[frozenset[str], type | tuple[type, ...], Callable[[Any, Random], Any]], ...]] = (
    (STATUSES, str, _respelt),
    (TEXT_FOR_NUMBER, (int, float), _written),
    (NUMBER_FOR_TEXT, str, _counted),
    (LINE_NUMBERS, str, _numbered),
)


def _moment(text: str, pick: Random) -> str:
    """Write the same moment in another form; one without an offset gets none, for nobody knows it."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return pick.choice((text, f"{text}.00", f"{text}.000")) if "." not in text else text
    elsewhere = moment.astimezone(timezone(pick.choice(OFFSETS))).isoformat(timespec="seconds")
    bare = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    return pick.choice((text, elsewhere, f"{bare}Z", f"{bare}.00Z", f"{bare}.000Z"))
