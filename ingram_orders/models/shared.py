"""What the API's documents have in common: the two kinds of model, shapes used everywhere, the order status."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field, fields, frozen

NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
"""A number as JSON writes it; `1_000`, `NaN` and `02139` are none."""

Day = date | str
"""A day that one sends: a `date` goes out as `yyyy-MM-dd`; text, `""` too, goes out as given."""

When = date | datetime
"""
A point in time as answered: a `date` exactly when the text had no time, a naive `datetime` when it had no offset, an
aware one when it had. The API mixes the three, so look before comparing: Python refuses to order them.
"""


def has_half_character(text: str) -> bool:
    """Whether it holds a lone surrogate, which no server could read: half of a character, as a rule cut by mistake."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def exact(value: Decimal | float | str | None) -> Decimal | None:
    """
    Take an amount exactly: an int as it is, a float by its `repr`, text in JSON's number grammar.

    What is none of these is given back untouched, so that the check of the whole request can name it beside all
    other problems. A bool is never a number.
    """
    if isinstance(value, float):
        return Decimal(float.__repr__(value))  # a subclass may show itself otherwise: numpy's does
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and NUMBER.fullmatch(value):
        with suppress(ArithmeticError):  # an exponent of twenty digits
            return Decimal(value)
    return value  # type: ignore[return-value]  # see above: the request's check refuses it


def _shown(model: Any, *, unsaid: tuple[object, ...]) -> str:
    values = ((each.name, getattr(model, each.name)) for each in fields(type(model)))
    said = ", ".join(f"{name}={value!r}" for name, value in values if value not in unsaid)
    return f"{type(model).__name__}({said})"


@frozen(kw_only=True, repr=False)
class RequestModel:
    """
    A document, or a part of one, that a caller fills in. Immutable; a changed copy comes from `attrs.evolve`.

    A field left at `None` is not sent; `""`, `()` and an empty object are. Lists are kept as tuples.
    """

    extra: Mapping[str, Any] = field(factory=dict, hash=False)
    """Fields this version does not know, by their names on the wire; sent as they are, after the known ones."""

    def __repr__(self) -> str:
        return _shown(self, unsaid=(None, {}))

    def __attrs_post_init__(self) -> None:
        # What could be changed from outside is copied: a request that is shared stays as it is.
        for attribute in fields(type(self)):
            value = getattr(self, attribute.name)
            if isinstance(value, list | dict):
                object.__setattr__(self, attribute.name, tuple(value) if isinstance(value, list) else dict(value))


@define(kw_only=True, repr=False)
class AnswerModel:
    """
    A document, or a part of one, as the API gave it.

    Every field is optional: `None` means absent, null or unreadable as its type, `()` the same of a list.
    """

    extra: dict[str, Any] = field(factory=dict)
    """
    What no other field could take, under its name on the wire: unknown keys, and values that are not of their field's
    type. Nothing that the API says is lost; `unstructure` gives all of it back.
    """

    if not TYPE_CHECKING:  # or checkers would think that it has any attribute

        def __getattr__(self, name: str) -> Any:
            # Most that is answered has no `extra`, and a reader makes none: thousands of empty ones would be held.
            if name != "extra":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            self.extra = {}
            return self.extra

    def __repr__(self) -> str:
        return _shown(self, unsaid=(None, (), {}))


@frozen(kw_only=True, repr=False)
class Attribute(RequestModel):
    """A name and a value; orders, lines and vendors use them for what has no field of its own."""

    attribute_name: str | None = None
    attribute_value: str | None = None
    attribute_description: str | None = None
    """Shown by the published v7 example only."""


@frozen(kw_only=True, repr=False)
class AddressRequest(RequestModel):
    """What every address that one sends has."""

    contact: str | None = None
    company_name: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    address_line3: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    phone_number: str | None = None
    """Text, for its leading zeros; the published schemas say integer or number in places, their examples text."""
    email: str | None = None


@frozen(kw_only=True, repr=False)
class Shipment(RequestModel):
    """How the goods are to travel."""

    carrier_code: str | None = None
    freight_account_number: str | None = None
    ship_complete: str | None = None
    """One letter."""
    requested_delivery_date: Day | None = None
    signature_required: bool | None = None
    shipping_instructions: str | None = None


@define(kw_only=True, repr=False)
class AttributeAnswer(AnswerModel):
    """A name and a value, as answered."""

    attribute_name: str | None = None
    attribute_value: str | None = None


@define(kw_only=True, repr=False)
class Address(AnswerModel):
    """What every address that is answered has."""

    contact: str | None = None
    company_name: str | None = None
    address_line1: str | None = None
    address_line2: str | None = None
    address_line3: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    phone_number: str | None = None
    email: str | None = None


@define(kw_only=True, repr=False)
class Link(AnswerModel):
    """Where more about the thing can be read."""

    topic: str | None = None
    href: str | None = None
    type: str | None = None
    """The HTTP method, as a rule `GET`."""


@define(kw_only=True, repr=False)
class MiscellaneousCharge(AnswerModel):
    """A charge that belongs to no line."""

    sub_order_number: str | None = None
    charge_line_reference: str | None = None
    charge_description: str | None = None
    charge_amount: Decimal | None = None
    """In the order's currency; on the wire a string in details, a number in create answers."""


class OrderStatus(Enum):
    """
    Where an order is in its life; the members are in that order.

    The API's own words are an open set in mixed case and several spellings; `of` folds them. A word that is not
    known gives `UNKNOWN`: the word itself is always in the model's own field. These are no words for a search filter,
    which takes the API's own (`ON HOLD`).
    """

    OPEN = "OPEN"
    PROCESSING = "PROCESSING"
    ON_HOLD = "ON_HOLD"
    BACKORDERED = "BACKORDERED"
    PARTIALLY_SHIPPED = "PARTIALLY_SHIPPED"
    SHIPPED = "SHIPPED"
    PARTIALLY_DELIVERED = "PARTIALLY_DELIVERED"
    DELIVERED = "DELIVERED"
    INVOICED = "INVOICED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def of(cls, word: str | None) -> "OrderStatus":
        """Fold a status word of the API: case, an `IM::` in front, spelling and synonyms. `None` is `UNKNOWN`."""
        return cls.UNKNOWN if word is None else _SYNONYMS.get(folded_status(word), cls.UNKNOWN)

    @property
    def is_final(self) -> bool:
        """Whether nothing is expected to follow: delivered, closed, cancelled or rejected."""
        return self in FINAL


def folded_status(word: str) -> str:
    """Fold case, an `IM::` in front, spaces, dashes and underscores of a status word; folding again changes nothing."""
    return re.sub(r"[\s_-]+", "", word.casefold().strip().removeprefix("im::"))


FINAL: Final = frozenset({OrderStatus.DELIVERED, OrderStatus.CLOSED, OrderStatus.CANCELLED, OrderStatus.REJECTED})
"""After which nothing is expected to follow."""

# Without separators, so that "E-DELIVERED", "e delivered" and "EDELIVERED" are one word. `order…` are webhook events.
_SYNONYMS: Final = {member.value.replace("_", "").lower(): member for member in OrderStatus} | {
    "ordernotprinted": OrderStatus.OPEN,  # taken, but not yet handed to a warehouse
    "inprogress": OrderStatus.PROCESSING,
    "inprocess": OrderStatus.PROCESSING,
    "hold": OrderStatus.ON_HOLD,
    "saleshold": OrderStatus.ON_HOLD,
    "customerhold": OrderStatus.ON_HOLD,
    "credithold": OrderStatus.ON_HOLD,
    "orderhold": OrderStatus.ON_HOLD,
    "backorder": OrderStatus.BACKORDERED,
    "orderbackordered": OrderStatus.BACKORDERED,
    "partialshipped": OrderStatus.PARTIALLY_SHIPPED,
    "ordershipped": OrderStatus.SHIPPED,
    "partialdelivered": OrderStatus.PARTIALLY_DELIVERED,
    "edelivered": OrderStatus.DELIVERED,
    "orderinvoiced": OrderStatus.INVOICED,
    "canceled": OrderStatus.CANCELLED,
    "voided": OrderStatus.CANCELLED,
    "ordervoided": OrderStatus.CANCELLED,
}
