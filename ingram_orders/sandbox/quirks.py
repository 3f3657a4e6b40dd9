"""
Bends an answer as the API is seen to bend it: objects for lists, text for numbers, nulls, absent and unknown keys,
joined carriers, dates in every form, status words in every spelling.

What is bent is chosen by chance, the same for the same seed and answer; what the answer says is not changed by it, and
what the caller has said himself is left as it is.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from typing import Any, Final

from ingram_orders.sandbox.kept import Json

Rule = Callable[[Any, Random], Any]
"""Gives a value bent, or as it is."""

OFFSETS: Final = ("-07:00", "+05:30", "+00:00")
"""From UTC, as recorded; each sandbox is in one of these places."""
NEW_KEYS: Final = {"globalSkuId": "USA01@24@1AB001", "vendorNumber": "N2", "lineNumber": "1", "lineType": "P"}
"""Keys that no schema has, and lines of answers do."""
EMPTY: Final = {"partDescription": "serviceContractInfo", "purchaseOrderTotal": "resellerInfo"}
"""Objects that come empty where they are not there, by a key that stands beside them."""
SPELLINGS: Final = {
    "PROCESSING": ("Processing", "In Progress", "im::processing"),
    "ON HOLD": ("On Hold", "IM::SALES_HOLD", "im::hold"),
    "CANCELLED": ("CANCELED", "Cancelled", "IM::CANCELED"),
    "BACKORDERED": ("Backordered", "im::backordered"),
    "PARTIALLY SHIPPED": ("Partially Shipped", "IM::PARTIALLY_SHIPPED"),
    "SHIPPED": ("Shipped", "im::shipped"),
    "DELIVERED": ("Delivered", "im::delivered"),
    "INVOICED": ("Invoiced", "IM::INVOICED"),
}


def bend(answer: Any, pick: Random) -> Any:
    """Give the answer bent; the one given stays as it is."""
    return _bent(answer, pick, RULES)


def _bent(value: Any, pick: Random, rules: Mapping[str, Rule]) -> Any:
    if isinstance(value, list):
        return [_bent(item, pick, rules) for item in value]
    if not isinstance(value, dict):
        return value
    if "subOrders" in value:  # an order found, in which alone the total is seen to be text
        rules = {**rules, "orderTotal": rules["subOrderTotal"]}
    bent = {}
    for key, item in value.items():
        if key in NULL_OR_ABSENT and not item and pick.random() < 0.2:
            continue
        item = rules[key](item, pick) if key in rules else item
        item = _bent(item, pick, rules)
        bent[key] = None if item == [] and pick.random() < 0.5 else item
    if "lineStatus" in value and pick.random() < 0.3:
        name = pick.choice(sorted(NEW_KEYS))
        bent.setdefault(name, NEW_KEYS[name])
    for beside, name in EMPTY.items():
        if beside in value and pick.random() < 0.3:
            bent.setdefault(name, {})
    return bent


# ── Rules ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _sometimes(change: Callable[[Any], Any]) -> Rule:
    return lambda value, pick: change(value) if pick.random() < 0.5 else value


def _alone(items: Any) -> Any:
    return items[0] if isinstance(items, list) and len(items) == 1 else items


def _counted(text: str) -> int | str:
    """Give the number; zeros in front would be lost."""
    return int(text) if _is_short_number(text) and not text.startswith("0") else text


def _numbered(text: str) -> int | str:
    """Give a line's number, without the zeros in front, as in published answers."""
    return int(text) if _is_short_number(text) else text


def _is_short_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16


def _written(number: float | None) -> str | None:
    return number if number is None else f"{number:.2f}" if isinstance(number, float) else str(number)


def _respelt(status: str, pick: Random) -> str:
    return pick.choice((status, *SPELLINGS.get(status, ())))


def _nothing(value: Any, pick: Random) -> Any:
    return pick.choice(("", None)) if value == "" else value


def _carriers(carriers: list[Json], pick: Random) -> Json | list[Json]:
    """Tell what several carriers brought as if it were one: names and numbers joined. C."""
    if len({it["deliveredDate"] for it in carriers}) == 1 < len(carriers) and pick.random() < 0.5:
        between = pick.choice((",", ", "))
        packages = [package for carrier in carriers for package in carrier["trackingDetails"]]
        joined = {
            **packages[0],
            "trackingNumber": between.join(it["trackingNumber"] for it in packages),
            "packageWeight": f"{sum(float(it['packageWeight']) for it in packages):.1f}",
            "quantityInBox": str(sum(int(it["quantityInBox"]) for it in packages)),
            "serialNumbers": [number for it in packages for number in it["serialNumbers"]],
        }
        names = {key: between.join(it[key] for it in carriers) for key in ("carrierCode", "carrierName")}
        quantity = sum(it["quantity"] for it in carriers)
        carriers = [{**carriers[0], **names, "quantity": quantity, "trackingDetails": [joined]}]
    return _alone(carriers) if pick.random() < 0.5 else carriers


def _moment(text: str, pick: Random) -> str:
    """Write a moment in one of the forms for it: with a fraction or without, and by `Z` where the place is at UTC."""
    if "T" not in text:
        return text
    told = datetime.fromisoformat(text)
    digits = told.replace(tzinfo=None).isoformat(timespec="milliseconds")
    offset = "" if told.tzinfo is None else text[-6:]
    fraction = pick.choice((digits[19:], digits[19:22], "" if digits.endswith(".000") else digits[19:]))
    return digits[:19] + fraction + (pick.choice((offset, "Z")) if offset == "+00:00" else offset)


def _rules(rule: Rule, keys: str) -> dict[str, Rule]:
    return dict.fromkeys(keys.split(), rule)


NULL_OR_ABSENT: Final = frozenset(
    {"vendorSalesOrderNumber", "endCustomerOrderNumber", "webOrderId", "ingramPurchaseOrderNumber", "addressLine2",
     "addressLine3", "phoneNumber", "email", "notes", "lineNotes", "specialBidNumber", "promisedDeliveryDate",
     "requestedDeliverydate", "backOrderETADate", "trackingUrl", "upcCode", "additionalAttributes", "nextPage",
     "previousPage", "miscellaneousCharges"}
)  # fmt: skip
RULES: Final[Mapping[str, Rule]] = {
    # An object where the schema has a list, for one entry. R, C.
    **_rules(_sometimes(_alone), "shipmentDetails links"),
    "carrierDetails": _carriers,
    # Numbers as text: the published search example.
    **_rules(_sometimes(_written), "recordsFound pageSize pageNumber subOrderTotal"),
    # Text as numbers: published examples.
    **_rules(_sometimes(_counted), "postalCode confirmationNumber"),
    **_rules(_sometimes(_numbered), "ingramLineNumber"),
    **_rules(_moment, "ingramOrderDate orderModifiedDate"),
    **_rules(_respelt, "orderStatus lineStatus subOrderStatus"),
    **dict.fromkeys(NULL_OR_ABSENT, _nothing),
}
