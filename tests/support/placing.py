"""Orders to place, and the sandbox's time, moved by a test."""

from datetime import UTC, datetime, timedelta

from ingram_orders import Attribute, CreateLine, OrderCreateRequest, OrdersClient

ALL_TIME = ["2000-01-01", "2100-01-01"]
HOLD = Attribute(attribute_name="allowOrderOnCustomerHold", attribute_value="true")
DUPLICATE = Attribute(attribute_name="allowDuplicateCustomerOrderNumber", attribute_value="true")
PARTIAL = Attribute(attribute_name="allowPartialOrder", attribute_value="true")


class Clock:
    """The sandbox's time, moved by the test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 30, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


def order(
    number: str, *attributes: Attribute, skus: tuple[str, ...] = ("2CD101",), quantity: int = 2
) -> OrderCreateRequest:
    lines = [CreateLine(ingram_part_number=sku, quantity=quantity) for sku in skus]
    return OrderCreateRequest(customer_order_number=number, lines=lines, additional_attributes=attributes)


async def placed(orders: OrdersClient, body: OrderCreateRequest) -> str:
    """Place an order, and give its number."""
    created = await orders.create().order_create_request(body).execute()
    return created.orders[0].ingram_order_number or ""
