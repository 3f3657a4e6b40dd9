"""Creating an order, v6: what is sent, and what comes back."""

from collections.abc import Sequence
from decimal import Decimal

from attrs import define, field, frozen

from ingram_orders.models.shared import (
    Address,
    AddressRequest,
    AnswerModel,
    Attribute,
    AttributeAnswer,
    Day,
    Link,
    MiscellaneousCharge,
    OrderStatus,
    RequestModel,
    Shipment,
    When,
    exact,
)


@frozen(kw_only=True, repr=False)
class Reseller(AddressRequest):
    """The reseller who orders."""

    reseller_id: str | None = None


@frozen(kw_only=True, repr=False)
class VendorAuthorization(RequestModel):
    """`vmf`: the vendor's authorization."""

    vend_auth_number: str | None = None


@frozen(kw_only=True, repr=False)
class ShipTo(AddressRequest):
    """Where the goods go; a known address needs only its `address_id`."""

    address_id: str | None = None
    name1: str | None = None
    name2: str | None = None
    address_line4: str | None = None


@frozen(kw_only=True, repr=False)
class EndUser(AddressRequest):
    """For whom the order is."""

    end_user_id: str | None = None
    name1: str | None = None
    name2: str | None = None
    address_line4: str | None = None


@frozen(kw_only=True, repr=False)
class LineEndUser(AddressRequest):
    """For whom one line is."""

    end_user_type: str | None = None
    end_user_id: str | None = None
    name1: str | None = None
    name2: str | None = None
    address_line4: str | None = None
    address_sequence_number: str | None = None
    """In published examples only, like `contact_id`."""
    contact_id: str | None = None


@frozen(kw_only=True, repr=False)
class WarrantySerial(RequestModel):
    """A device under warranty."""

    date_of_purchase: Day | None = None
    """`dateofPurchase` on the wire, in v6."""
    ship_date: Day | None = None
    primary_serial_number: str | None = None
    secondary_serial_number: str | None = None


@frozen(kw_only=True, repr=False)
class Warranty(RequestModel):
    """Which hardware a warranty line covers."""

    direct_line_link: str | None = None
    warranty_line_link: str | None = None
    hardware_line_link: str | None = None
    serial_info: Sequence[WarrantySerial] | None = None


@frozen(kw_only=True, repr=False)
class CreateLine(RequestModel):
    """One product to order."""

    customer_line_number: str | None = None
    ingram_part_number: str | None = None
    quantity: int | None = None
    special_bid_number: str | None = None
    notes: str | None = None
    unit_price: Decimal | None = field(default=None, converter=exact)
    """In the order's currency, exactly: the JSON number that is sent says just this value."""
    end_user_price: Decimal | None = field(default=None, converter=exact)
    additional_attributes: Sequence[Attribute] | None = None
    warranty_info: Sequence[Warranty] | None = None
    end_user_info: Sequence[LineEndUser] | None = None
    customer_part_number: str | None = None
    """In a published example only."""


@frozen(kw_only=True, repr=False)
class OrderCreateRequest(RequestModel):
    """
    An order to place, v6.

    The API refuses a repeated `customer_order_number` unless `additional_attributes` holds
    `allowDuplicateCustomerOrderNumber` = `true`; `allowPartialOrder` and `allowOrderOnCustomerHold` are others of its
    kind.

    Source: `OrderCreateRequest`, openapispec of 2025-11.
    """

    customer_order_number: str | None = None
    """Your own number of the order (PO), required, at most 35 characters."""
    end_customer_order_number: str | None = None
    bill_to_address_id: str | None = None
    special_bid_number: str | None = None
    notes: str | None = None
    accept_back_order: bool | None = None
    reseller_info: Reseller | None = None
    vmf: VendorAuthorization | None = None
    ship_to_info: ShipTo | None = None
    end_user_info: EndUser | None = None
    lines: Sequence[CreateLine] | None = None
    shipment_details: Shipment | None = None
    additional_attributes: Sequence[Attribute] | None = None


@define(kw_only=True, repr=False)
class CreatedShipTo(Address):
    """Where the goods go."""

    address_id: str | None = None
    name1: str | None = None
    name2: str | None = None
    address_line4: str | None = None


@define(kw_only=True, repr=False)
class CreatedEndUser(Address):
    """For whom the order, or the line, is."""

    end_user_id: str | None = None
    name1: str | None = None
    name2: str | None = None
    address_line4: str | None = None
    address_sequence_number: str | None = None
    """In a published v7 example only, like `contact_id`."""
    contact_id: str | None = None


@define(kw_only=True, repr=False)
class CreatedShipment(AnswerModel):
    """How a line travels."""

    carrier_code: str | None = None
    carrier_name: str | None = None
    ship_from_warehouse_id: str | None = None
    ship_from_location: str | None = None
    freight_account_number: str | None = None
    signature_required: bool | None = None
    """A word (`"true"`) in the published examples and schema."""
    shipping_instructions: str | None = None


@define(kw_only=True, repr=False)
class CreatedWarranty(AnswerModel):
    """Which hardware a warranty line covers; in a published v7 example only."""

    direct_line_link: str | None = None


@define(kw_only=True, repr=False)
class CreatedLine(AnswerModel):
    """A line that was taken."""

    sub_order_number: str | None = None
    ingram_line_number: str | None = None
    customer_line_number: str | None = None
    line_status: str | None = None
    ingram_part_number: str | None = None
    vendor_part_number: str | None = None
    unit_price: Decimal | None = None
    extended_unit_price: Decimal | None = None
    quantity_ordered: int | None = None
    quantity_confirmed: int | None = None
    quantity_back_ordered: int | None = None
    special_bid_number: str | None = None
    notes: str | None = None
    shipment_details: tuple[CreatedShipment, ...] = ()
    """A list in the schema; the API answers one object, which is read as a list of one."""
    additional_attributes: tuple[AttributeAnswer, ...] = ()
    global_sku_id: str | None = None
    """In answers and examples, not in the schema; so are the fields below."""
    vendor_number: str | None = None
    line_type: str | None = None
    end_user_info: tuple[CreatedEndUser, ...] = ()
    warranty_info: tuple[CreatedWarranty, ...] = ()

    @property
    def status(self) -> OrderStatus:
        """`line_status`, folded."""
        return OrderStatus.of(self.line_status)


@define(kw_only=True, repr=False)
class RejectedLine(AnswerModel):
    """A line that was not taken; the rest of the order stands."""

    customer_line_number: str | None = None
    ingram_part_number: str | None = None
    vendor_part_number: str | None = None
    quantity_ordered: int | None = None
    reject_code: str | None = None
    reject_reason: str | None = None


@define(kw_only=True, repr=False)
class CreatedOrder(AnswerModel):
    """One of the orders that a purchase order became."""

    number_of_lines_with_success: int | None = None
    number_of_lines_with_error: int | None = None
    number_of_lines_with_warning: int | None = None
    ingram_order_number: str | None = None
    ingram_order_date: When | None = None
    notes: str | None = None
    order_type: str | None = None
    order_total: Decimal | None = None
    freight_charges: Decimal | None = None
    total_tax: Decimal | None = None
    currency_code: str | None = None
    lines: tuple[CreatedLine, ...] = ()
    miscellaneous_charges: tuple[MiscellaneousCharge, ...] = ()
    links: tuple[Link, ...] = ()
    rejected_line_items: tuple[RejectedLine, ...] = ()
    additional_attributes: tuple[AttributeAnswer, ...] = ()


@define(kw_only=True, repr=False)
class OrderCreateResponse(AnswerModel):
    """
    What became of an order, v6: status 201, or 207 when some lines were rejected, which is a success too.

    One purchase order may become several `orders` (`order_split`).

    Source: `OrderCreateResponse`, openapispec of 2025-11.
    """

    customer_order_number: str | None = None
    end_customer_order_number: str | None = None
    bill_to_address_id: str | None = None
    special_bid_number: str | None = None
    order_split: bool | None = None
    processed_partially: bool | None = None
    purchase_order_total: Decimal | None = None
    ship_to_info: CreatedShipTo | None = None
    end_user_info: CreatedEndUser | None = None
    orders: tuple[CreatedOrder, ...] = ()
    reseller_info: Address | None = None
    """In answers and examples, not in the schema."""
