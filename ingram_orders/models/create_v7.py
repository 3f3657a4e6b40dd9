"""Creating an order, v7: what is sent, the confirmation, and the event that tells the outcome."""

from collections.abc import Sequence
from decimal import Decimal

from attrs import define, field, frozen

from ingram_orders.models.create import OrderCreateResponse
from ingram_orders.models.shared import (
    AddressRequest,
    AnswerModel,
    Attribute,
    Day,
    RequestModel,
    Shipment,
    When,
    exact,
)


@frozen(kw_only=True, repr=False)
class AsyncReseller(AddressRequest):
    """The reseller who orders."""

    reseller_id: str | None = None
    address_line4: str | None = None
    """2024 only, like `address_line3`."""


@frozen(kw_only=True, repr=False)
class AsyncEndUser(AddressRequest):
    """For whom the order is."""

    end_user_id: str | None = None
    end_user_type: str | None = None
    """2024 only, like `name1` to `name3` and address lines 3 and 4."""
    name1: str | None = None
    name2: str | None = None
    name3: str | None = None
    address_line4: str | None = None


@frozen(kw_only=True, repr=False)
class AsyncShipTo(AddressRequest):
    """Where the goods go."""

    address_id: str | None = None
    shipping_notes: str | None = None
    name1: str | None = None
    """2024 only, like `name2` and address lines 3 and 4."""
    name2: str | None = None
    address_line4: str | None = None


@frozen(kw_only=True, repr=False)
class AsyncLineEndUser(AddressRequest):
    """For whom one line is."""

    end_user_id: str | None = None
    end_user_type: str | None = None
    name1: str | None = None
    """2024 only, like `name2`, `contact_id` and address lines 3 and 4."""
    name2: str | None = None
    contact_id: str | None = None
    address_line4: str | None = None


@frozen(kw_only=True, repr=False)
class AsyncWarrantySerial(RequestModel):
    """A device under warranty."""

    date_of_purchase: Day | None = None
    """`dateOfPurchase` on the wire, in v7; the 2025 schema allows eight characters, so give text if yours must be."""
    ship_date: Day | None = None
    primary_serial_number: str | None = None
    secondary_serial_number: str | None = None


@frozen(kw_only=True, repr=False)
class AsyncWarranty(RequestModel):
    """Which hardware a warranty covers: a list on the order in 2024, one object on a line in 2025."""

    hardware_line_link: str | None = None
    warranty_line_link: str | None = None
    direct_line_link: str | None = None
    serial_info: Sequence[AsyncWarrantySerial] | None = None
    vmf_additional_attributes_lines: Sequence[Attribute] | None = None
    """2024 only; in 2025 it is the line's."""


@frozen(kw_only=True, repr=False)
class ChosenAttribute(RequestModel):
    """An attribute that a choice asks for."""

    attribute_name: str | None = None
    """`attributename` on the wire, here and nowhere else."""
    attribute_value: str | None = None


@frozen(kw_only=True, repr=False)
class AttributeChoice(RequestModel):
    """The choice taken for a vendor's attribute."""

    attribute_value: str | None = None
    attribute_description: str | None = None
    choices: Sequence[ChosenAttribute] | None = None


@frozen(kw_only=True, repr=False)
class VendorAttributeRequest(RequestModel):
    """An attribute that a vendor requires, filled in."""

    attribute_name: str | None = None
    attribute_value: str | None = None
    attribute_description: str | None = None
    attribute_hint: str | None = None
    choices: Sequence[AttributeChoice] | None = None


@frozen(kw_only=True, repr=False)
class VendorAttributesRequest(RequestModel):
    """The attributes that one vendor requires, filled in; the questions come from `vendor_required_info()`."""

    vendor_name: str | None = None
    product_id: str | None = None
    additional_attributes: Sequence[VendorAttributeRequest] | None = None


@frozen(kw_only=True, repr=False)
class SubscriptionPeriod(RequestModel):
    """How long a subscription runs."""

    type: str | None = None
    duration: int | None = None
    start_date: Day | None = None
    end_date_alignment_type: str | None = None
    subscription_id: str | None = None


@frozen(kw_only=True, repr=False)
class BillingPeriod(RequestModel):
    """How often a subscription is billed."""

    type: str | None = None
    duration: int | None = None


@frozen(kw_only=True, repr=False)
class AsyncLine(RequestModel):
    """One product to order. With a `quote_number` on the order, SKU, quantity and price of lines are ignored."""

    customer_line_number: str | None = None
    ingram_part_number: str | None = None
    vendor_part_number: str | None = None
    quantity: int | None = None
    """A number since 2025, text in 2024; sent as a number."""
    unit_price: Decimal | None = field(default=None, converter=exact)
    """In the order's currency, exactly; a number since 2025, text in 2024; sent as a number."""
    end_user_price: Decimal | None = field(default=None, converter=exact)
    special_bid_number: str | None = None
    notes: str | None = None
    end_user_info: Sequence[AsyncLineEndUser] | None = None
    resource_id: str | None = None
    """2025, like all that follows."""
    plan_id: str | None = None
    """`planid` on the wire."""
    subscription_period: Sequence[SubscriptionPeriod] | None = None
    billing_period: Sequence[BillingPeriod] | None = None
    margin: Decimal | None = field(default=None, converter=exact)
    end_customer_price: Decimal | None = field(default=None, converter=exact)
    vri_additional_attributes: Sequence[VendorAttributesRequest] | None = None
    additional_attributes: Sequence[Attribute] | None = None
    warranty_info: AsyncWarranty | None = None
    """One object; in v6 it is a list."""
    vmf_additional_attributes_lines: Sequence[Attribute] | None = None


@frozen(kw_only=True, repr=False)
class AsyncOrderCreateDTO(RequestModel):
    """
    An order to place, v7, with a quote or with lines; holds the fields of the 2024 and of the 2025 document.

    Sources: `AsyncOrderCreateDTO`, openapispec of 2024-06; `order_create_v7_request`, openapispec of 2025-11.
    """

    quote_number: str | None = None
    """Order this quote; SKU, quantity and price of lines are then ignored."""
    customer_order_number: str | None = None
    """
    Your own number of the order (PO), at most 18 characters. It is the only thing that the outcome's event and this
    request have in common: the confirmation number does not occur there.
    """
    end_customer_order_number: str | None = None
    notes: str | None = None
    bill_to_address_id: str | None = None
    special_bid_number: str | None = None
    accept_back_order: bool | None = None
    vend_auth_number: str | None = None
    reseller_info: AsyncReseller | None = None
    end_user_info: AsyncEndUser | None = None
    ship_to_info: AsyncShipTo | None = None
    shipment_details: Shipment | None = None
    additional_attributes: Sequence[Attribute] | None = None
    lines: Sequence[AsyncLine] | None = None
    vmf_additional_attributes: Sequence[Attribute] | None = None
    """2025, like the two that follow."""
    vmf_vendor_additional_attributes: Sequence[VendorAttributesRequest] | None = None
    vri_additional_attributes: Sequence[VendorAttributesRequest] | None = None
    vmfadditional_attributes: Sequence[Attribute] | None = None
    """2024, `vmfadditionalAttributes` on the wire; `vmf_additional_attributes` is its name since 2025."""
    warranty_info: Sequence[AsyncWarranty] | None = None
    """2024; since 2025 it is the line's."""
    internal_comments: str | None = None
    """2024."""
    enduser_order_number: str | None = None
    """In a published example only."""


@define(kw_only=True, repr=False)
class AsyncOrderCreateResponse(AnswerModel):
    """
    The confirmation that a v7 order was taken in; whether it became an order is told later, by webhook.

    Sources: `AsyncOrderCreateResponse`, openapispec of 2024-06; `OrderCreateV7Response201`, of 2025-11.
    """

    quote_number: str | None = None
    confirmation_number: str | None = None
    """Text; the API answers an int or a string."""
    message: str | None = None


@define(kw_only=True, repr=False)
class AsyncOrderOutcome(OrderCreateResponse):
    """What became of a v7 order: the body of a v6 create answer, and what kind of event it is."""

    event_type: str | None = None


@define(kw_only=True, repr=False)
class OrderCreateV7Response(AnswerModel):
    """
    The event that tells the outcome of a v7 order; on the wire it comes as an array of one.

    Source: `OrderCreateV7Response`, openapispec of 2025-11, published there as a 201 answer.
    """

    topic: str | None = None
    event: str | None = None
    event_time_stamp: When | None = None
    event_id: str | None = None
    event_type: str | None = None
    """Here in the schema; in `resource` in the example."""
    resource: AsyncOrderOutcome | None = None
