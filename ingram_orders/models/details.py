"""The details of an order, v6.1: what comes back."""

from decimal import Decimal

from attrs import define

from ingram_orders.models.shared import (
    Address,
    AnswerModel,
    AttributeAnswer,
    Link,
    MiscellaneousCharge,
    OrderStatus,
    When,
)


@define(kw_only=True, repr=False)
class SerialNumber(AnswerModel):
    """The serial number of one device."""

    serial_number: str | None = None


@define(kw_only=True, repr=False)
class Package(AnswerModel):
    """`trackingDetails`: a parcel on its way."""

    tracking_number: str | None = None
    """May hold several numbers."""
    tracking_url: str | None = None
    package_weight: str | None = None
    """Text, as the schema has it: the unit is not told."""
    carton_number: str | None = None
    quantity_in_box: str | None = None
    serial_numbers: tuple[SerialNumber, ...] = ()


@define(kw_only=True, repr=False)
class Carrier(AnswerModel):
    """Who carries a shipment, and its parcels."""

    carrier_code: str | None = None
    carrier_name: str | None = None
    """Several may be joined by a comma."""
    quantity: int | None = None
    shipped_date: When | None = None
    estimated_delivery_date: When | None = None
    delivered_date: When | None = None
    carrier_pickup_date: When | None = None
    tracking_details: tuple[Package, ...] = ()


@define(kw_only=True, repr=False)
class DetailShipment(AnswerModel):
    """What was, or will be, sent of a line at one time."""

    quantity: int | None = None
    delivery_number: str | None = None
    estimated_ship_date: When | None = None
    shipped_date: When | None = None
    estimated_delivery_date: When | None = None
    ship_from_warehouse_id: str | None = None
    ship_from_location: str | None = None
    invoice_number: str | None = None
    invoice_date: When | None = None
    carrier_details: tuple[Carrier, ...] = ()
    """A list; an object, as v6 answers it, is read as a list of one."""


@define(kw_only=True, repr=False)
class Contract(AnswerModel):
    """A service contract."""

    contract_description: str | None = None
    contract_number: str | None = None
    contract_status: str | None = None
    contract_start_date: When | None = None
    contract_end_date: When | None = None
    contract_duration: str | None = None


@define(kw_only=True, repr=False)
class Subscription(AnswerModel):
    """A subscription; its dates are `subcription…` on the wire."""

    subscription_id: str | None = None
    subscription_term: str | None = None
    renewal_term: str | None = None
    billing_model: str | None = None
    subscription_start_date: When | None = None
    subscription_end_date: When | None = None


@define(kw_only=True, repr=False)
class License(AnswerModel):
    """The licenses that a line is."""

    license_number: tuple[str, ...] = ()
    license_start_date: When | None = None
    license_end_date: When | None = None
    description: str | None = None
    quantity: str | None = None


@define(kw_only=True, repr=False)
class ServiceContract(AnswerModel):
    """What a line is where it is a service, a subscription or a license."""

    contract_info: Contract | None = None
    subscriptions: Subscription | None = None
    license_info: License | None = None


@define(kw_only=True, repr=False)
class DateRange(AnswerModel):
    """From a day to a day."""

    start_date: When | None = None
    end_date: When | None = None


@define(kw_only=True, repr=False)
class EstimatedShip(AnswerModel):
    """When a line is thought to ship."""

    ship_date_type: str | None = None
    ship_date_range: DateRange | None = None
    ship_source: str | None = None
    ship_description: str | None = None
    ship_date: When | None = None


@define(kw_only=True, repr=False)
class EstimatedDelivery(AnswerModel):
    """When a line is thought to arrive."""

    delivery_date_type: str | None = None
    delivery_date_range: DateRange | None = None
    delivery_source: str | None = None
    delivery_description: str | None = None
    delivery_date: When | None = None


@define(kw_only=True, repr=False)
class EstimatedDates(AnswerModel):
    """When a line is thought to ship or to arrive; the answers fill one of the two."""

    ship: EstimatedShip | None = None
    delivery: EstimatedDelivery | None = None


@define(kw_only=True, repr=False)
class ScheduleLine(AnswerModel):
    """A part of a line, by the day it is confirmed for (SAP countries)."""

    line_number: str | None = None
    schedule_line_date: When | None = None
    requested_quantity: str | None = None
    confirmed_quantity: str | None = None
    goods_issue_date: When | None = None


@define(kw_only=True, repr=False)
class PlannedShipment(AnswerModel):
    """`multipleShipments`: one of several shipments that a line is planned for."""

    line_number: str | None = None
    requested_quantity: int | None = None
    confirmed_quantity: int | None = None
    date_type: str | None = None
    date_range: DateRange | None = None
    source: str | None = None
    description: str | None = None
    date: When | None = None
    delivery_date: When | None = None


@define(kw_only=True, repr=False)
class DetailLine(AnswerModel):
    """One product of the order, and all that is known of it."""

    sub_order_number: str | None = None
    ingram_order_line_number: str | None = None
    vendor_sales_order_line_number: str | None = None
    customer_line_number: str | None = None
    line_status: str | None = None
    """The API's own word; `status` folds it."""
    ingram_part_number: str | None = None
    vendor_part_number: str | None = None
    vendor_name: str | None = None
    part_description: str | None = None
    unit_weight: Decimal | None = None
    weight_uom: str | None = None
    unit_price: Decimal | None = None
    upc_code: str | None = None
    extended_price: Decimal | None = None
    tax_amount: Decimal | None = None
    currency_code: str | None = None
    quantity_ordered: int | None = None
    quantity_confirmed: int | None = None
    quantity_back_ordered: int | None = None
    special_bid_number: str | None = None
    requested_delivery_date: When | None = None
    promised_delivery_date: When | None = None
    back_order_eta_date: When | None = None
    line_notes: str | None = None
    shipment_details: tuple[DetailShipment, ...] = ()
    service_contract_info: ServiceContract | None = None
    additional_attributes: tuple[AttributeAnswer, ...] = ()
    links: tuple[Link, ...] = ()
    estimated_dates: tuple[EstimatedDates, ...] = ()
    schedule_lines: tuple[ScheduleLine, ...] = ()
    multiple_shipments: tuple[PlannedShipment, ...] = ()
    default_carrier_name: str | None = None

    @property
    def status(self) -> OrderStatus:
        """`line_status`, folded."""
        return OrderStatus.of(self.line_status)


@define(kw_only=True, repr=False)
class OrderDetailB2B(AnswerModel):
    """
    An order, and all that is known of it.

    Source: `OrderDetailB2B`, openapispec of 2025-11.
    """

    ingram_order_number: str | None = None
    ingram_order_date: When | None = None
    order_type: str | None = None
    customer_order_number: str | None = None
    end_customer_order_number: str | None = None
    web_order_id: str | None = None
    vendor_sales_order_number: str | None = None
    ingram_purchase_order_number: str | None = None
    order_status: str | None = None
    """The API's own word; `status` folds it."""
    order_total: Decimal | None = None
    order_sub_total: Decimal | None = None
    freight_charges: Decimal | None = None
    currency_code: str | None = None
    total_weight: Decimal | None = None
    """Pounds in North America, kilograms elsewhere, says the spec; passed on as is."""
    total_tax: Decimal | None = None
    total_fees: Decimal | None = None
    payment_terms: str | None = None
    notes: str | None = None
    bill_to_info: Address | None = None
    ship_to_info: Address | None = None
    end_user_info: Address | None = None
    lines: tuple[DetailLine, ...] = ()
    miscellaneous_charges: tuple[MiscellaneousCharge, ...] = ()
    additional_attributes: tuple[AttributeAnswer, ...] = ()

    @property
    def status(self) -> OrderStatus:
        """`order_status`, folded."""
        return OrderStatus.of(self.order_status)
