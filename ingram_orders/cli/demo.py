"""A working day's round through the public API, told in tables."""

from decimal import Decimal

from rich.console import Console

from ingram_orders.cli.tables import amount_text, created_tables, detail_tables, orders_table, status_text
from ingram_orders.client import OrdersClient
from ingram_orders.errors import NotOnHoldError
from ingram_orders.models import (
    AsyncLine,
    AsyncOrderCreateDTO,
    Attribute,
    CreateLine,
    ModifyLine,
    OrderCreateRequest,
    OrderModifyRequest,
    ShipTo,
)
from ingram_orders.sandbox import Sandbox

OPEN = ["PROCESSING", "ON HOLD", "BACKORDERED"]
ON_HOLD = Attribute(attribute_name="allowOrderOnCustomerHold", attribute_value="true")


async def working_day(console: Console, *, seed: int, orders: int) -> None:
    """Do the round, and print what comes."""
    async with Sandbox(seed=seed, orders=orders) as sandbox, sandbox.client() as client:
        console.print(f"A sandbox with {orders} orders behaves like the Orders API at [bold]{sandbox.url}[/]")
        await _look_around(console, client)
        number = await _place(console, client, "DEMO-1", rejected=True)
        await _change_and_release(console, client, number)
        await _cancel(console, client, await _place(console, client, "DEMO-2", rejected=False))
        await _place_v7(console, client)
        console.print(f"\n[bold green]Done:[/] {len(sandbox.ledger)} requests, none of which left this machine.")


async def _look_around(console: Console, client: OrdersClient) -> None:
    console.rule("[bold]What is open?")
    search = client.search().order_status_in(OPEN)
    page = await search.page_size(8).execute()
    console.print(orders_table(page.orders, f"The newest {len(page.orders)} of {page.records_found or 0} open orders"))

    console.rule("[bold]One of them in detail")
    if not page.orders:
        console.print("There is none: ask for more with --orders.")
        return
    console.print(*detail_tables(await client.details(page.orders[0].ingram_order_number or "").execute()), sep="\n")


async def _place(console: Console, client: OrdersClient, po_number: str, *, rejected: bool) -> str:
    console.rule(f"[bold]Place {po_number}" + (", with a product that does not exist" if rejected else ""))
    lines = [
        CreateLine(customer_line_number="001", ingram_part_number="2CD101", quantity=5, unit_price=Decimal("1439.90")),
        CreateLine(customer_line_number="002", ingram_part_number="2CD102", quantity=5),
    ]
    if rejected:
        lines.append(CreateLine(customer_line_number="003", ingram_part_number="9ZZ999", quantity=1))
    order = OrderCreateRequest(
        customer_order_number=po_number,
        notes="Call before delivery",
        ship_to_info=ShipTo(company_name="COPPER HILL SCHOOLS", city="AMHERST", state="MA", postal_code="01002"),
        lines=lines,
        additional_attributes=[ON_HOLD],
    )
    answer = await client.create().order_create_request(order).execute_with_response()
    meaning = "some lines were rejected, the rest is ordered" if answer.status == 207 else "all of it is ordered"
    console.print(f"Status [bold]{answer.status}[/]: {meaning}")
    console.print(*created_tables(answer.model), sep="\n")
    [placed] = answer.model.orders
    return placed.ingram_order_number or ""


async def _change_and_release(console: Console, client: OrdersClient, number: str) -> None:
    console.rule(f"[bold]Change {number} while it is on hold, and release it")
    change = OrderModifyRequest(
        notes="Deliver to the back door",
        lines=[
            ModifyLine(ingram_line_number="001", add_update_delete_line="UPDATE", quantity=6),
            ModifyLine(ingram_line_number="002", add_update_delete_line="UPDATE", quantity=6),
            ModifyLine(ingram_part_number="2CD103", add_update_delete_line="ADD", quantity=6),
        ],
    )
    changed = await client.modify(number).order_modify_request(change).execute()
    console.print(f"Six of each, and monitors: {amount_text(changed.order_total)} USD now, notes: {changed.notes}")
    await client.modify(number).action_code("release").execute()
    detail = await client.details(number).execute()
    console.print("Released; it is", status_text(detail.status))
    console.print(*detail_tables(detail), sep="\n")


async def _cancel(console: Console, client: OrdersClient, number: str) -> None:
    console.rule(f"[bold]Cancel {number}")
    await client.cancel(number).execute()
    console.print("It is", status_text((await client.details(number).execute()).status))
    try:
        await client.cancel(number).execute()
    except NotOnHoldError as refused:
        console.print(f"A second time the API refuses: [yellow]{type(refused).__name__}[/] ({refused.status})")


async def _place_v7(console: Console, client: OrdersClient) -> None:
    console.rule("[bold]Place DEMO-7 by v7, whose answer is a confirmation")
    order = AsyncOrderCreateDTO(
        customer_order_number="DEMO-7", lines=[AsyncLine(ingram_part_number="4GH301", quantity=25)]
    )
    confirmation = await client.create_v7().async_order_create_dto(order).execute()
    console.print(f"Confirmation {confirmation.confirmation_number}: {confirmation.message}")
    page = await client.search().customer_order_number("DEMO-7").execute()
    console.print(orders_table(page.orders, "Found by its purchase order number"))
