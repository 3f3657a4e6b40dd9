"""
The operations of the Orders API, declared: method, path, parameters, answer.

Source: openapispec of 2025-11 and 2024-06; setters are the Go SDK's, in snake_case.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ingram_orders import models
from ingram_orders.builder import (
    A,
    Body,
    DayText,
    Flag,
    Header,
    Path,
    PlainText,
    Query,
    Range,
    Request,
    Response,
    Several,
    Text,
    Whole,
)
from ingram_orders.errors import InvalidRequestError, brief
from ingram_orders.models.details import OrderDetailB2B
from ingram_orders.models.search import OrderSearchResponse

if TYPE_CHECKING:
    from ingram_orders.paginator import Paginator

MOST_ON_A_PAGE: Final = 100
"""Orders; the API takes no larger page."""


class Answer:
    """The model of an operation's answer, loaded when it is first asked for."""

    def __init__(self, model: Callable[[], Any]) -> None:
        self._model = model

    def __get__(self, request: object, operation: type) -> Any:
        return self._model()


class OrdersRequest(Request[A]):
    """What every operation has: who asks, for which country."""

    __slots__ = ()

    answer: ClassVar[Any]
    """The model of the answer; `None` where the body is not looked at, `tuple[M, ...]` where it is an array."""

    @property
    def whose(self) -> str:
        """For whom it asks: customer number and country, its own or the client's."""
        values = self.values_over(self.sends.defaults)
        return f"{values.get('im_customer_number')} {values.get('im_country_code')}"

    @classmethod
    def empty_answer(cls, status: int) -> A | None:  # noqa: ARG003  # what says so differs by operation
        """Give the answer that an empty body (or `null`) is; `None` where it cannot be one."""
        return None

    im_customer_number = Header("IM-CustomerNumber", PlainText(shortest=1, longest=10), required=True)
    """Your customer number with Ingram: `20-222222` in the US, without a dash or alphanumeric elsewhere."""
    im_country_code = Header("IM-CountryCode", PlainText(shortest=2, longest=2), required=True)
    """Two letters (ISO 3166)."""
    im_correlation_id = Header("IM-CorrelationID", PlainText(shortest=1, longest=32), required=True)
    """Names this call in the API's own logs; made anew for each call that sets none."""
    im_sender_id = Header("IM-SenderID", PlainText(shortest=1, longest=32))
    """Names the sender; the client's default unless set."""


class SearchOrders(OrdersRequest[OrderSearchResponse]):
    """Search orders. Without any filter the API searches the last 20 days only."""

    __slots__ = ()

    operation, method, path = "search", "GET", "/resellers/v6/orders/search"
    answer = OrderSearchResponse

    ingram_order_number = Query("ingramOrderNumber", Text(longest=11))
    """Ingram's number of the order."""
    order_status = Query("orderStatus", Text())
    """SHIPPED, PROCESSING, ON HOLD, BACKORDERED or CANCELLED; other words are sent too."""
    order_status_in = Query("orderStatus-in", Several())
    """Any of these."""
    ingram_order_date = Query("ingramOrderDate", DayText())
    """The day of the order."""
    ingram_order_date_bt = Query("ingramOrderDate-bt", Range())
    """The first and the last day of the order; whether the ends count is not documented."""
    customer_order_number = Query("customerOrderNumber", Text(longest=35))
    """Your own number of the order (PO). The search is not exact: look at what comes."""
    page_size = Query("pageSize", Whole(1, MOST_ON_A_PAGE))
    """Orders per page, at most 100; the API assumes 25."""
    page_number = Query("pageNumber", Whole(1, 2**31 - 1))
    """From 1, which the API assumes."""
    end_customer_order_number = Query("endCustomerOrderNumber", Text(longest=35))
    """The end customer's number of the order."""
    invoice_date_bt = Query("invoiceDate_bt", Range())
    """The first and the last day of the invoice."""
    ship_date_bt = Query("shipDate_bt", Range())
    """The first and the last day of shipping."""
    delivery_date_bt = Query("deliveryDate_bt", Range())
    """The first and the last day of delivery."""
    ingram_part_number = Query("ingramPartNumber", Text(longest=35))
    """Orders with this product (Ingram's SKU)."""
    vendor_part_number = Query("vendorPartNumber", Text(longest=35))
    """Orders with this product (the vendor's number)."""
    serial_number = Query("serialNumber", Text(longest=35))
    """Orders with this device."""
    tracking_number = Query("trackingNumber", Text(longest=35))
    """Orders with this parcel."""
    vendor_name = Query("vendorName", Text(longest=35))
    """Orders with this vendor's products."""
    special_bid_number = Query("specialBidNumber", Text(longest=35))
    """Orders with this bid."""

    def paginate(
        self, at_once: int = 1, page_size: int | None = None, start: str | None = None, thorough: bool = False
    ) -> Paginator:
        """
        Give all orders of all pages, each once by its number: `async for order in search.paginate()`.

        It ends on an empty page, on one without a new order, and on a short one by which just as many were given as
        `recordsFound` said all along. Where `recordsFound` changes, orders came or went meanwhile: those that moved up
        are looked for on the pages before, so that, where none came, none is missed that was there throughout.
        Of a removal and an insertion that cancel out nothing can be seen from outside, and one order may be missed by
        it; `drift` tells what was seen. An order that came after the walk had passed its place is not seen. Where
        `recordsFound` contradicts itself it is not used any more, and `drift.is_told` is false. It costs orders in one
        case only: too low, and by chance just what was given by a page that came half full; be `thorough` then.
        A search that says its `page_number` is walked from that page on.

        Args:
            at_once: Pages asked for at a time, 1 or more; as many at most are held in memory, and none is being asked
                for while an order is given out.
            page_size: Orders on a page, 1 to 100; `None` is as the search says, and 100 where it does not. More calls
                for fewer orders is all that less brings.
            start: The `cursor` of another iteration of this search, from which to go on.
            thorough: Whether a short page never ends it, whatever `recordsFound` says: at one call more.

        Raises:
            InvalidRequestError: An argument cannot be right, or *start* is of a different search; nothing was sent.
                What is wrong with the search itself is told by the first page.
        """
        from ingram_orders.paginator import Paginator

        size: Any = self.values.get("page_size", MOST_ON_A_PAGE) if page_size is None else page_size
        first: Any = self.values.get("page_number", 1)
        if wrong := [*SearchOrders.page_size.problems(size), *SearchOrders.page_number.problems(first)]:
            raise InvalidRequestError(wrong)
        search = self.page_size(size)

        def ask(page: int) -> Awaitable[Response[OrderSearchResponse]]:
            return search.page_number(page).execute_with_response()

        return Paginator(
            ask,
            search=lambda: self.fingerprint(but={"page_size", "page_number", "im_correlation_id", "im_sender_id"}),
            page_size=size,
            first_page=first,
            at_once=at_once,
            start=start,
            thorough=thorough,
        )

    @classmethod
    def empty_answer(cls, status: int) -> OrderSearchResponse | None:
        """204 says that nothing was found; an empty 200 says nothing."""
        return OrderSearchResponse(records_found=0) if status == HTTPStatus.NO_CONTENT else None


class GetOrderDetails(OrdersRequest[OrderDetailB2B]):
    """Read the details of an order or of a sub-order."""

    __slots__ = ()

    operation, method, path = "details", "GET", "/resellers/v6.1/orders/{ordernumber}"
    answer = OrderDetailB2B

    order_number = Path("ordernumber", PlainText(shortest=1, longest=12, in_path=True), required=True)
    """`20-RD3QV`, a sub-order as `20-RD3QV-11`; ten digits in SAP countries."""
    ingram_order_date = Query("ingramOrderDate", DayText())
    """The day of the order, where its number alone is not enough."""
    vendor_number = Query("vendorNumber", Text())
    """Only this vendor's lines."""
    simulate_status = Query("simulateStatus", Text())
    """For Ingram's sandbox only: IM::SHIPPED, IM::PARTIALLY_SHIPPED, IM::HOLD or IM::INVOICED."""
    is_iml = Query("isIml", Flag())
    """For Ingram Micro Lifecycle customers only."""
    region_code = Query("regionCode", Text())
    """For Ingram's sandbox only."""


class CreateOrder(OrdersRequest["models.OrderCreateResponse"]):
    """Place an order, v6."""

    __slots__ = ()

    operation, method, path, writes = "create", "POST", "/resellers/v6/orders", True
    answer = Answer(lambda: models.OrderCreateResponse)

    order_create_request = Body("orderCreateRequest", lambda: models.OrderCreateRequest)
    """The order."""

    def contradictions(self) -> Iterator[str]:
        """See `Request`: the purchase order number, by which alone a lost order can be found again."""
        body = self.values.get("order_create_request")
        if isinstance(body, models.OrderCreateRequest):
            number = body.customer_order_number
            if number is None or (isinstance(number, str) and not number.strip()):
                yield "order_create_request.customer_order_number is required"
            yield from _too_long(number, 35, "order_create_request")


class CreateOrderV7(OrdersRequest["models.AsyncOrderCreateResponse"]):
    """Place an order, v7: the answer confirms that it was taken in, its outcome is told by webhook."""

    __slots__ = ()

    operation, method, path, writes = "create_v7", "POST", "/resellers/v7/orders", True
    answer = Answer(lambda: models.AsyncOrderCreateResponse)

    async_order_create_dto = Body("asyncOrderCreateDTO", lambda: models.AsyncOrderCreateDTO)
    """The order."""

    def contradictions(self) -> Iterator[str]:
        """See `Request`: how long a purchase order number is in v7."""
        body = self.values.get("async_order_create_dto")
        if isinstance(body, models.AsyncOrderCreateDTO):
            yield from _too_long(body.customer_order_number, 18, "async_order_create_dto")


class ModifyOrder(OrdersRequest["models.OrderModifyResponse"]):
    """Change an order on customer hold, within 24 hours, or release it."""

    __slots__ = ()

    operation, method, path, writes = "modify", "PUT", "/resellers/v6/orders/{orderNumber}", True
    answer = Answer(lambda: models.OrderModifyResponse)

    order_number = Path("orderNumber", PlainText(in_path=True), required=True)
    """`20-RD3QV`; ten digits in SAP countries."""
    action_code = Query("actionCode", Text())
    """`release` lets the order go; it needs no body, and sends an empty one."""
    region_code = Query("regionCode", Text())
    """For Ingram's sandbox only."""
    order_modify_request = Body("orderModifyRequest", lambda: models.OrderModifyRequest, required=False)
    """The change; required unless the action is `release`."""

    def contradictions(self) -> Iterator[str]:
        """See `Request`: the body, which only a release may do without."""
        if "order_modify_request" not in self.values and self.values.get("action_code") != "release":
            yield 'order_modify_request is required, unless action_code("release")'

    @classmethod
    def empty_answer(cls, status: int) -> models.OrderModifyResponse | None:  # noqa: ARG003
        """A release is answered with `null`."""
        return models.OrderModifyResponse()


class CancelOrder(OrdersRequest[None]):
    """Cancel an order on customer hold."""

    __slots__ = ()

    operation, method, path, writes = "cancel", "DELETE", "/resellers/v6/orders/{OrderNumber}", True
    answer = None

    order_number = Path("OrderNumber", PlainText(in_path=True), required=True)
    """`20-RD3QV`; ten digits in SAP countries."""
    region_code = Query("regionCode", Text())
    """For Ingram's sandbox only."""


class GetVendorRequiredInfo(OrdersRequest["tuple[models.VendorRequiredInfo, ...]"]):
    """Ask what vendors must be told before a v7 order. A POST that changes nothing."""

    __slots__ = ()

    operation, method, path = "vendor_required_info", "POST", "/resellers/v7/vendorrequiredinfo"
    answer = Answer(lambda: tuple[models.VendorRequiredInfo, ...])

    vendor_required_info_request = Body("vendorRequiredInfoRequest", lambda: models.VendorRequiredInfoRequest)
    """The quote, or the products."""


OPERATIONS = (
    CancelOrder,
    GetOrderDetails,
    SearchOrders,
    CreateOrder,
    CreateOrderV7,
    ModifyOrder,
    GetVendorRequiredInfo,
)


def _too_long(number: object, longest: int, where: str) -> Iterator[str]:
    if isinstance(number, str) and len(number) > longest:
        yield f"{where}.customer_order_number: {brief(number)} is {len(number)} characters long, {longest} are allowed"
