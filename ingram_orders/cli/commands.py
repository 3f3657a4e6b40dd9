"""The commands."""

import asyncio
from typing import IO, Any

import click
from click.shell_completion import get_completion_class

from ingram_orders._version import __version__
from ingram_orders.cli.calls import WRONG, ask, carry_out, document_in, fail, for_the_api
from ingram_orders.cli.demo import working_day
from ingram_orders.cli.options import filled_in, options_of
from ingram_orders.cli.output import (
    console,
    created_table,
    detail_tables,
    modified_tables,
    orders_table,
    plain,
    print_csv,
    progress,
    show,
)
from ingram_orders.cli.serving import serve
from ingram_orders.client import OrdersClient
from ingram_orders.models import AsyncOrderCreateDTO, FoundOrder, OrderCreateRequest, OrderModifyRequest
from ingram_orders.operations import CancelOrder, CreateOrder, GetOrderDetails, ModifyOrder, SearchOrders

yes = click.option("--yes", is_flag=True, help="Do not ask.")
as_json = click.option("--json", "json_", is_flag=True, help="JSON, as it is when the output goes to a pipe.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ingram-orders")
def ingram_orders() -> None:
    """
    Ingram Micro's reseller Orders API from the command line.

    Settings come from options or from the environment (INGRAM_CLIENT_ID and so on). Try it without an account:
    `ingram-orders demo`, or `ingram-orders sandbox` in one terminal and, with what it prints, any command in another.

    Exit codes: 1 the API refused or could not be reached, 2 the request cannot be right and was not sent, 3 a write
    was sent and its outcome is not known, 130 interrupted.
    """


# ── Without an account ──────────────────────────────────────────────────────────────────────────────────────────────


@ingram_orders.command()
@click.option("--seed", default=1, show_default=True, help="What the sandbox's orders are made from.")
@click.option("--orders", default=60, show_default=True, type=click.IntRange(0, 10_000), help="How many there are.")
def demo(seed: int, orders: int) -> None:
    """
    Show a working day against a sandbox on this machine.

    Starts a server that behaves like the Orders API, and does with it what a reseller does: searches, reads, places,
    changes, releases and cancels orders. Nothing leaves this machine, and no account is needed.
    """
    asyncio.run(working_day(console(), seed=seed, orders=orders))


@ingram_orders.command()
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--orders", default=500, show_default=True, type=click.IntRange(0, 1_000_000), help="How many there are.")
@click.option("--seed", default=1, show_default=True, help="What the orders are made from.")
@click.option("--database", default=":memory:", show_default=True, metavar="FILE", help="What keeps the orders.")
@click.option("--market", default="US", show_default=True, type=click.Choice(["US", "SAP"]), help="Numbers, money.")
@click.option("--quirks", is_flag=True, help="Bend answers as the API is seen to bend them.")
@click.option("--quota", type=click.IntRange(1), metavar="CALLS", help="GETs of a route in a minute.  [default: any]")
def sandbox(**settings: Any) -> None:
    """
    Run a server that behaves like the Orders API.

    It listens on this machine only, prints the settings to paste into another terminal, and runs until it is
    interrupted.
    """
    serve(**settings)


@ingram_orders.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """
    Print what makes SHELL complete these commands.

    Add to its start-up file: `eval "$(ingram-orders completion bash)"`, the same for zsh, or for fish
    `ingram-orders completion fish | source`.
    """
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101  # click has all three
    click.echo(made(ingram_orders, {}, "ingram-orders", "_INGRAM_ORDERS_COMPLETE").source())


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@ingram_orders.command()
@options_of(SearchOrders)
@click.option("--all", "all_", is_flag=True, help="Every page, not only one.")
@as_json
@click.option("--csv", "csv_", is_flag=True, help="CSV, with a line of headings.")
@for_the_api
def search(settings: dict[str, Any], all_: bool, json_: bool, csv_: bool, **given: Any) -> None:
    """
    Search orders; without any filter, those of the last 20 days.

    A page holds 25 orders unless --page-size says otherwise; --all asks for 100 at a time.
    """

    if csv_ and json_:
        fail("--csv and --json exclude each other", WRONG)
    if all_ and given.get("page_number"):
        fail("--all and --page-number exclude each other", WRONG)

    async def work(orders: OrdersClient) -> None:
        request = filled_in(orders.search(), given)
        if all_:
            found = await _every_page(request if given.get("page_size") else request.page_size(100))
            total = len(found)
        else:
            page = await request.execute()
            found, total = list(page.orders), page.records_found or len(page.orders)
        if csv_:
            print_csv(found)
        else:
            show(found, orders_table(found, f"{len(found)} of {total} orders"), as_json=json_)

    carry_out(work, settings)


async def _every_page(request: SearchOrders) -> list[FoundOrder]:
    found: list[FoundOrder] = []
    with progress("searching") as told:
        for number in range(1, 2**31):
            page = await request.page_number(number).execute()
            if not page.orders:  # only an empty page ends them for sure
                break
            found += page.orders
            told(f"{len(found)} orders")
    return found


@ingram_orders.command()
@click.argument("number")
@options_of(GetOrderDetails)
@as_json
@for_the_api
def details(settings: dict[str, Any], number: str, json_: bool, **given: Any) -> None:
    """Read order NUMBER, or the sub-order of that number."""

    async def work(orders: OrdersClient) -> None:
        detail = await filled_in(orders.details(number), given).execute()
        show(detail, *detail_tables(detail), as_json=json_)

    carry_out(work, settings)


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@ingram_orders.command()
@click.argument("file", type=click.File("rb"))
@click.option("--v7", is_flag=True, help="By v7, whose answer is a confirmation.")
@options_of(CreateOrder)
@yes
@as_json
@for_the_api
def create(settings: dict[str, Any], file: IO[bytes], v7: bool, yes: bool, json_: bool, **given: Any) -> None:
    """
    Place the order that is in FILE.

    FILE is JSON by the API's own names, as its documentation shows them; `-` is standard input. It may be as small as:

    \b
        {"customerOrderNumber": "PO-1", "lines": [{"ingramPartNumber": "2CD101", "quantity": 2}]}
    """
    order = document_in(file, AsyncOrderCreateDTO) if v7 else document_in(file, OrderCreateRequest)
    ask(f"Place {order.customer_order_number} ({len(order.lines or ())} in `lines`)?", yes=yes)

    async def work(orders: OrdersClient) -> None:
        if isinstance(order, AsyncOrderCreateDTO):
            taken_in = await filled_in(orders.create_v7(), given).async_order_create_dto(order).execute()
            told = plain(f"Confirmation {taken_in.confirmation_number}: {taken_in.message}")
            show(taken_in, told, as_json=json_)
        else:
            created = await filled_in(orders.create(), given).order_create_request(order).execute()
            show(created, created_table(created), as_json=json_)

    carry_out(work, settings, writing=f"order {order.customer_order_number}")


@ingram_orders.command()
@click.argument("number")
@click.argument("file", type=click.File("rb"))
@options_of(ModifyOrder, but="action_code")
@yes
@as_json
@for_the_api
def modify(settings: dict[str, Any], number: str, file: IO[bytes], yes: bool, json_: bool, **given: Any) -> None:
    """
    Change order NUMBER, which is on hold.

    FILE says what changes, as JSON by the API's own names; `-` is standard input. It may be as small as:

    \b
        {"notes": "Ring twice"}
    """
    change = document_in(file, OrderModifyRequest)
    ask(f"Change {number}?", yes=yes)

    async def work(orders: OrdersClient) -> None:
        modified = await filled_in(orders.modify(number), given).order_modify_request(change).execute()
        show(modified, *modified_tables(modified), as_json=json_)

    carry_out(work, settings, writing=f"the change of {number}")


@ingram_orders.command()
@click.argument("number")
@options_of(ModifyOrder, but="action_code")
@yes
@as_json
@for_the_api
def release(settings: dict[str, Any], number: str, yes: bool, json_: bool, **given: Any) -> None:
    """
    Release order NUMBER, which is on hold.

    A pipe is given `null`, which is what the API answers.
    """
    ask(f"Release {number}?", yes=yes)

    async def work(orders: OrdersClient) -> None:
        await filled_in(orders.modify(number), given).action_code("release").execute()
        show(None, plain(f"{number} is released"), as_json=json_)

    carry_out(work, settings, writing=f"the release of {number}")


@ingram_orders.command()
@click.argument("number")
@options_of(CancelOrder)
@yes
@as_json
@for_the_api
def cancel(settings: dict[str, Any], number: str, yes: bool, json_: bool, **given: Any) -> None:
    """
    Cancel order NUMBER, which is on hold.

    A pipe is given `null`, since the API answers nothing.
    """
    ask(f"Cancel {number}?", yes=yes)

    async def work(orders: OrdersClient) -> None:
        await filled_in(orders.cancel(number), given).execute()
        show(None, plain(f"{number} is cancelled"), as_json=json_)

    carry_out(work, settings, writing=f"the cancellation of {number}")
