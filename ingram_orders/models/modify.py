"""Modifying an order: what is sent, and what comes back."""

from collections.abc import Sequence
from decimal import Decimal

from attrs import define, frozen

from ingram_orders.models.shared import (
    Address,
    AddressRequest,
    AnswerModel,
    Attribute,
    AttributeAnswer,
    OrderStatus,
    RequestModel,
    When,
)


@frozen(kw_only=True, repr=False)
class ModifyShipTo(AddressRequest):
    """Where the goods are to go instead."""

    address_id: str | None = None
    name1: str | None = None
    name2: str | None = None


@frozen(kw_only=True, repr=False)
class ModifyLine(RequestModel):
    """A line to add, change or delete."""

    ingram_part_number: str | None = None
    ingram_line_number: str | None = None
    customer_line_number: str | None = None
    add_update_delete_line: str | None = None
    """`ADD`, `UPDATE` or `DELETE`."""
    quantity: int | None = None
    notes: str | None = None


@frozen(kw_only=True, repr=False)
class OrderModifyRequest(RequestModel):
    """
    A change to an order on customer hold, within 24 hours.

    Source: `OrderModifyRequest`, openapispec of 2025-11.
    """

    notes: str | None = None
    """`""` deletes the notes; `None` leaves them."""
    ship_to_info: ModifyShipTo | None = None
    lines: Sequence[ModifyLine] | None = None
    additional_attributes: Sequence[Attribute] | None = None


@define(kw_only=True, repr=False)
class ModifiedShipTo(Address):
    """Where the goods go now."""

    address_id: str | None = None


@define(kw_only=True, repr=False)
class ModifiedShipment(AnswerModel):
    """How a line travels; one object here, a list in create answers."""

    carrier_code: str | None = None
    carrier_name: str | None = None
    freight_account_number: str | None = None


@define(kw_only=True, repr=False)
class ModifiedLine(AnswerModel):
    """A line after the change."""

    sub_order_number: str | None = None
    ingram_line_number: str | None = None
    customer_line_number: str | None = None
    ingram_part_number: str | None = None
    vendor_part_number: str | None = None
    quantity_ordered: int | None = None
    quantity_confirmed: int | None = None
    quantity_back_ordered: int | None = None
    shipment_details: ModifiedShipment | None = None
    additional_attributes: tuple[AttributeAnswer, ...] = ()
    notes: str | None = None
    line_number: str | None = None
    """In published examples only, in the place of `ingram_line_number`."""


@define(kw_only=True, repr=False)
class RejectedModification(AnswerModel):
    """A change to a line that was not taken."""

    ingram_line_number: str | None = None
    customer_line_number: str | None = None
    ingram_part_number: str | None = None
    vendor_part_number: str | None = None
    quantity_ordered: int | None = None
    reject_code: str | None = None
    reject_reason: str | None = None


@define(kw_only=True, repr=False)
class OrderModifyResponse(AnswerModel):
    """
    The order after the change; status 200, 201, or 207 when some changes were rejected. Empty after a release.

    Source: `OrderModifyResponse`, openapispec of 2025-11.
    """

    ingram_order_number: str | None = None
    change_description: str | None = None
    order_modified_date: When | None = None
    customer_order_number: str | None = None
    end_customer_order_number: str | None = None
    order_total: Decimal | None = None
    notes: str | None = None
    order_sub_total: Decimal | None = None
    freight_charges: Decimal | None = None
    total_tax: Decimal | None = None
    order_status: str | None = None
    """The API's own word; `status` folds it."""
    bill_to_address_id: str | None = None
    ship_to_info: ModifiedShipTo | None = None
    lines: tuple[ModifiedLine, ...] = ()
    rejected_line_items: tuple[RejectedModification, ...] = ()
    additional_attributes: tuple[AttributeAnswer, ...] = ()
    order_number: str | None = None
    """In a published example only, in the place of `ingram_order_number`."""

    @property
    def status(self) -> OrderStatus:
        """`order_status`, folded."""
        return OrderStatus.of(self.order_status)
