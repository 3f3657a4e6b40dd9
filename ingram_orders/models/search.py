"""Searching orders: what comes back."""

from decimal import Decimal

from attrs import define

from ingram_orders.models.shared import AnswerModel, Link, OrderStatus, When


@define(kw_only=True, repr=False)
class FoundSubOrder(AnswerModel):
    """A part of an order that travels, or is billed, by itself."""

    sub_order_number: str | None = None
    sub_order_total: Decimal | None = None
    sub_order_status: str | None = None
    """The API's own word; `status` folds it."""
    links: tuple[Link, ...] = ()

    @property
    def status(self) -> OrderStatus:
        """`sub_order_status`, folded."""
        return OrderStatus.of(self.sub_order_status)


@define(kw_only=True, repr=False)
class FoundOrder(AnswerModel):
    """An order, in short: it has no lines, those are in the details."""

    ingram_order_number: str | None = None
    ingram_order_date: When | None = None
    customer_order_number: str | None = None
    vendor_sales_order_number: str | None = None
    vendor_name: str | None = None
    end_user_company_name: str | None = None
    order_total: Decimal | None = None
    order_status: str | None = None
    """The API's own word; `status` folds it."""
    sub_orders: tuple[FoundSubOrder, ...] = ()
    links: tuple[Link, ...] = ()
    """An object here when recorded and in the schema, a list on a sub-order; read as a list in both."""

    @property
    def status(self) -> OrderStatus:
        """`order_status`, folded."""
        return OrderStatus.of(self.order_status)


@define(kw_only=True, repr=False)
class OrderSearchResponse(AnswerModel):
    """
    One page of the orders found.

    Source: `OrderSearch_Response`, openapispec of 2025-11.
    """

    records_found: int | None = None
    """
    How many orders all pages hold, says the API; not always true, so do not end a walk on it. 0 when the API answered
    204, which is how it says that nothing was found.
    """
    page_size: int | None = None
    page_number: int | None = None
    orders: tuple[FoundOrder, ...] = ()
    next_page: str | None = None
    """A placeholder with a wrong path: ask for `page_number` + 1 instead. `previous_page` is no better."""
    previous_page: str | None = None
