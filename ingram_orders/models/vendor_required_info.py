"""What a vendor must be told before a v7 order: the question, and the answer."""

from collections.abc import Sequence

from attrs import define, frozen

from ingram_orders.models.shared import AnswerModel, RequestModel


@frozen(kw_only=True, repr=False)
class VendorRequiredProduct(RequestModel):
    """A product that one means to order."""

    ingram_part_number: str | None = None
    vendor_part_number: str | None = None
    plan_id: str | None = None
    """`planID` on the wire; `planId` in the answer, `planid` in an order's line."""


@frozen(kw_only=True, repr=False)
class VendorRequiredInfoRequest(RequestModel):
    """
    The quote, or the products, to ask about.

    Source: `VendorRequiredInfoRequest`, openapispec of 2025-11.
    """

    quote_number: str | None = None
    products: Sequence[VendorRequiredProduct] | None = None


@define(kw_only=True, repr=False)
class ResponseMessage(AnswerModel):
    """What the API has to say about one product."""

    id: str | None = None
    trace_id: str | None = None
    type: str | None = None
    message: str | None = None


@define(kw_only=True, repr=False)
class VendorAttribute(AnswerModel):
    """An attribute that a vendor requires; a choice may require further ones, to any depth."""

    attribute_name: str | None = None
    attribute_value: str | None = None
    """A default, or the values to choose from, joined by a comma."""
    attribute_description: str | None = None
    attribute_hint: str | None = None
    attribute_required: str | None = None
    choices: "tuple[VendorAttribute, ...]" = ()


@define(kw_only=True, repr=False)
class VendorAttributes(AnswerModel):
    """The attributes that one vendor requires."""

    vendor_name: str | None = None
    product_id: str | None = None
    additional_attributes: tuple[VendorAttribute, ...] = ()


@define(kw_only=True, repr=False)
class VendorRequiredInfo(AnswerModel):
    """
    What vendors must be told about one product; the whole answer is a list of these.

    Source: `VendorRequiredInforesponse`, openapispec of 2025-11.
    """

    quote_number: str | None = None
    ingram_part_number: str | None = None
    vendor_part_number: str | None = None
    plan_id: str | None = None
    plan_name: str | None = None
    response_messages: tuple[ResponseMessage, ...] = ()
    vmf_additional_attributes: tuple[VendorAttributes, ...] = ()
    vri_additional_attributes: tuple[VendorAttributes, ...] = ()
