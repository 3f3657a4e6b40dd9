"""The event that the API posts when an order's status changes."""

from attrs import define

from ingram_orders.models.shared import AnswerModel, Link, OrderStatus, When


@define(kw_only=True, repr=False)
class EventPackage(AnswerModel):
    """A parcel on its way."""

    carton_number: str | None = None
    quantity_inbox: str | None = None
    tracking_number: str | None = None


@define(kw_only=True, repr=False)
class EventShipment(AnswerModel):
    """What was sent of a line."""

    shipment_date: When | None = None
    ship_from_warehouse_id: str | None = None
    warehouse_name: str | None = None
    carrier_code: str | None = None
    carrier_name: str | None = None
    package_details: tuple[EventPackage, ...] = ()


@define(kw_only=True, repr=False)
class EventSerialNumber(AnswerModel):
    """The serial number of one device."""

    serial_number: str | None = None


@define(kw_only=True, repr=False)
class EventLine(AnswerModel):
    """A line that the event is about. Schema and example differ in two names; both are here."""

    line_number: str | None = None
    """`LineNumber` on the wire, in the schema."""
    ingram_line_number: str | None = None
    """In the example, in the place of `line_number`."""
    sub_order_number: str | None = None
    line_status: str | None = None
    ingram_part_number: str | None = None
    vendor_part_number: str | None = None
    requested_quantity: int | None = None
    """Text in the schema, a number in the example, as all quantities here."""
    shipped_quantity: int | None = None
    backordered_quantity: int | None = None
    """In the schema."""
    back_ordered_quantity: int | None = None
    """In the example, in the place of `backordered_quantity`."""
    shipment_details: tuple[EventShipment, ...] = ()
    serial_number_details: tuple[EventSerialNumber, ...] = ()

    @property
    def number(self) -> str | None:
        """`ingram_line_number` or `line_number`, whichever is there."""
        return self.ingram_line_number or self.line_number

    @property
    def backordered(self) -> int | None:
        """`back_ordered_quantity` or `backordered_quantity`, whichever is there."""
        return self.backordered_quantity if self.back_ordered_quantity is None else self.back_ordered_quantity

    @property
    def status(self) -> OrderStatus:
        """`line_status`, folded."""
        return OrderStatus.of(self.line_status)


@define(kw_only=True, repr=False)
class EventResource(AnswerModel):
    """The order that the event is about."""

    event_type: str | None = None
    order_number: str | None = None
    customer_order_number: str | None = None
    order_entry_time_stamp: When | None = None
    lines: tuple[EventLine, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def status(self) -> OrderStatus:
        """`event_type`, folded: `im::order_shipped` is `SHIPPED`."""
        return OrderStatus.of(self.event_type)


@define(kw_only=True, repr=False)
class OrderStatusAsyncNotificationRequest(AnswerModel):
    """
    An order changed its status. The API sends this to you; its body is not signed, so take it as a hint.

    Source: `OrderStatusAsyncNotificationRequest`, openapispec of 2025-11.
    """

    topic: str | None = None
    event: str | None = None
    event_time_stamp: When | None = None
    event_id: str | None = None
    resource: tuple[EventResource, ...] = ()
