"""The commands."""

from datetime import timedelta
from typing import IO, Any

import click
from click.shell_completion import get_completion_class

from ingram_orders._version import __version__
from ingram_orders.builder import Response
from ingram_orders.cli import running
from ingram_orders.cli.calls import check, for_the_api, read, run, write
from ingram_orders.cli.ending import UNKNOWN, WRONG, fail
from ingram_orders.cli.events import verify as verify_event
from ingram_orders.cli.events import with_secrets
from ingram_orders.cli.files import document_in
from ingram_orders.cli.options import filled_in, options_of
from ingram_orders.cli.output import Progress, console, document_of, show, show_csv
from ingram_orders.cli.tables import (
    confirmation_text,
    created_tables,
    detail_tables,
    modified_tables,
    orders_table,
    plain,
)
from ingram_orders.cli.watching import duration, numbers_of
from ingram_orders.cli.watching import watch as watch_orders
from ingram_orders.client import OrdersClient
from ingram_orders.converters import unstructure
from ingram_orders.errors import IngramError
from ingram_orders.exact_json import write_json
from ingram_orders.models import (
    AsyncOrderCreateDTO,
    FoundOrder,
    OrderCreateRequest,
    OrderModifyRequest,
    OrderSearchResponse,
    OrderStatus,
)
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

    \b
    Exit codes:
      1    the API refused or could not be reached, a signature is not good, or you said no
      2    the request cannot be right, and was not sent
      3    a write was sent, and its outcome is not known or could not be told: look before doing it again
      130  interrupted
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
    from ingram_orders.cli.demo import working_day  # a server, which no other command has to load

    running.run(working_day(console(), seed=seed, orders=orders))


@ingram_orders.command()
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--orders", default=500, show_default=True, type=click.IntRange(0, 1_000_000), help="How many there are.")
@click.option("--seed", default=1, show_default=True, help="What the orders are made from.")
@click.option(
    "--database", default=":memory:", show_default=True, metavar="FILE",
    help="What keeps the orders; one that is there already keeps its own.",
)  # fmt: skip
@click.option("--market", default="US", show_default=True, type=click.Choice(["US", "SAP"]), help="Numbers, money.")
@click.option("--quirks", is_flag=True, help="Bend answers as the API is seen to bend them.")
@click.option("--quota", type=click.IntRange(1), metavar="CALLS", help="GETs of a route in a minute.  [default: any]")
@click.option("--faults", default="", metavar="RATES", help="What goes wrong, as drop-after-acting=0.1,hang=0.01")
@click.option("--webhook", metavar="URL", help="Where events are posted to.")
@click.option(
    "--secret", envvar="INGRAM_WEBHOOK_SECRET", metavar="TEXT",
    help="What they are signed with; rather than here, in INGRAM_WEBHOOK_SECRET.",
)  # fmt: skip
@click.option(
    "--webhook-faults", default="", metavar="RATES",
    help="What goes wrong with them, as late=0.1,lost=0.05: "
    "late, twice, out-of-order, lost, wrong-signature, forged, replayed.",
)  # fmt: skip
def sandbox(**settings: Any) -> None:
    """
    Run a server that behaves like the Orders API.

    It listens on this machine only, prints the settings to paste into another terminal, and runs until it is
    interrupted.
    """
    from ingram_orders.cli.serving import serve  # as above

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
@click.option("--all", "all_", is_flag=True, help="Every page, from --page-number on.")
@as_json
@click.option("--csv", "csv_", is_flag=True, help="CSV, with a line of headings.")
@for_the_api
def search(client: OrdersClient, all_: bool, json_: bool, csv_: bool, **given: Any) -> None:
    """
    Search orders; without any filter, those of the last 20 days.

    A page holds 25 orders unless --page-size says otherwise; --all asks for 100 at a time. JSON is the list of the
    orders, each as it came.

    \b
    Examples:
      ingram-orders search --order-status-in SHIPPED --order-status-in "ON HOLD"
      ingram-orders search --ship-date-bt 2026-01-01 2026-01-31 --all --csv > january.csv
    """
    if csv_ and json_:
        fail("--csv and --json exclude each other", WRONG)
    request = filled_in(client.search(), given)
    if all_:
        check(client, request)
        documents, found = run(client, lambda told: _all_orders(request, told))
        total = len(found)
    else:
        answer = read(client, request)
        documents, found = _orders_in(answer), [*answer.model.orders]
        total = answer.model.records_found or len(found)
    if csv_:
        show_csv(found)
        return
    show(documents, orders_table(found, f"{len(found)} of {total} orders"), as_json=json_)


async def _all_orders(request: SearchOrders, told: Progress) -> tuple[list[Any], list[FoundOrder]]:
    """Give the orders of all pages, each once: as they came, and as what they are."""
    documents: list[Any] = []
    found: list[FoundOrder] = []
    seen = set[object]()
    try:
        async for page in request.paginate().pages_with_response():
            its = set[object]()
            models = iter(page.model.orders)
            for document in _orders_in(page):
                is_order = isinstance(document, dict)
                model = next(models) if is_order else None
                key = (document.get("ingramOrderNumber") if is_order else None) or write_json(document)
                its.add(key)
                if key not in seen:
                    documents.append(document)
                    found += [model] if model is not None else []
            seen |= its  # of two that are alike on one page, both count
            told(f"{len(found)} orders")
    except IngramError as failed:
        failed.args = (f"after {len(found)} orders: {failed}",)
        raise
    return documents, found


def _orders_in(answer: Response[OrderSearchResponse]) -> list[Any]:
    page = document_of(answer.body) or {}
    orders = page.get("orders") if isinstance(page, dict) else page
    return orders if isinstance(orders, list) else [] if orders is None else [orders]


@ingram_orders.command()
@click.argument("number")
@options_of(GetOrderDetails)
@as_json
@for_the_api
def details(client: OrdersClient, number: str, json_: bool, **given: Any) -> None:
    """Read order NUMBER, or the sub-order of that number."""
    answer = read(client, filled_in(client.details(number), given))
    show(document_of(answer.body), *detail_tables(answer.model), as_json=json_)


@ingram_orders.command()
@click.argument("numbers", nargs=-1)
@options_of(SearchOrders, but={"page_size", "page_number"})
@click.option(
    "--every", default="5m", show_default=True, type=duration, metavar="TIME", help="How often, as 90s, 5m, 2h or 1d."
)
@click.option(
    "--slowest",
    type=duration,
    metavar="TIME",
    help="How often at least, of what has not moved for long.  [default: 1h]",
)
@click.option("--store", metavar="FILE", help="What keeps what is known, so that another run goes on.")
@click.option(
    "--final", multiple=True, type=click.Choice([it.value for it in OrderStatus], case_sensitive=False),
    help="Where an order is watched no more.  [default: delivered, closed, cancelled and rejected]",
)  # fmt: skip
@click.option("--initial", is_flag=True, help="Tell the first status of each order, too.")
@as_json
@for_the_api
def watch(
    client: OrdersClient, numbers: tuple[str, ...], json_: bool, final: tuple[str, ...], store: str | None,
    every: timedelta, slowest: timedelta | None, initial: bool, **given: Any,
) -> None:  # fmt: skip
    """
    Watch the status of orders: of those NUMBERS, or of all that a search finds.

    `-` takes numbers from standard input, one a line. It runs until all orders are final, or until it is interrupted;
    with --store another run goes on where it was, and loses no change. JSON is a line for each change.

    \b
    Examples:
      ingram-orders watch 20-RD3QV 20-7XK2P --every 1m
      ingram-orders watch --order-status PROCESSING --store status.db --json >> changes.jsonl
    """
    search = filled_in(client.search(), given)
    if numbers and search.values:
        fail("numbers and a search exclude each other", WRONG)
    if not numbers:
        check(client, search)
    terms: dict[str, Any] = {"every": every, "slowest": slowest, "initial": initial}
    if final:
        terms["final"] = [OrderStatus(it) for it in final]
    watch_orders(client, numbers_of(numbers) if numbers else search, store=store, as_json=json_, **terms)


# ── Events ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@ingram_orders.command()
@with_secrets
@click.option("--host", default="127.0.0.1", show_default=True, help="On which address; 0.0.0.0 is for others, too.")
@click.option("--port", default=8081, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--path", default="/", show_default=True, help="To which events are posted.")
@as_json
def listen(secrets: tuple[str, ...], host: str, port: int, path: str, json_: bool) -> None:
    """
    Show the events that the API posts, as they come; for trying out.

    It runs until it is interrupted. Each event is shown once by its id, and JSON is a line for each, with all that it
    says under `data`. What is turned away is told beside the output. It speaks plain HTTP: let what the API can reach,
    a proxy or a tunnel, pass on what is posted.

    An event is a hint: the signature covers its id and not what it says, so read the order back before you act on it,
    as `ingram-orders details` does.

    \b
    Example:
      INGRAM_WEBHOOK_SECRET=... ingram-orders listen --path /ingram --json >> events.jsonl
    """
    from ingram_orders.cli.listening import listen as listen_for_events  # a server, which few commands have to load

    listen_for_events(secrets, host=host, port=port, path=path, as_json=json_)


@ingram_orders.group()
def webhook() -> None:
    """Look at events that were saved."""


@webhook.command()
@click.argument("file", type=click.File("rb"))
@click.option("--signature", metavar="TEXT", help="The header x-hub-signature, where FILE does not hold it.")
@with_secrets
@as_json
def verify(file: IO[bytes], signature: str | None, secrets: tuple[str, ...], json_: bool) -> None:
    """
    Check the event in FILE, and show what it says.

    FILE is the body as it was posted, or the whole request with its header lines; `-` is standard input. That the
    signature is good says of the event's id that it is the API's, and nothing of the rest: read the order back.

    \b
    Exit codes:
      1    the signature is not good
      2    it cannot be read, or the signature or the secret is missing
    """
    verify_event(file, signature, secrets, as_json=json_)


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@ingram_orders.command()
@click.argument("file", type=click.File("rb"))
@click.option("--v7", is_flag=True, help="By v7, whose answer is a confirmation.")
@options_of(CreateOrder)
@yes
@as_json
@for_the_api
def create(client: OrdersClient, file: IO[bytes], v7: bool, yes: bool, json_: bool, **given: Any) -> None:
    """
    Place the order that is in FILE.

    FILE is JSON by the API's own names, as its documentation shows them; `-` is standard input. This is one that is
    kept on hold, so that it can be changed, released or cancelled for a day:

    \b
        {"customerOrderNumber": "PO-1",
         "lines": [{"ingramPartNumber": "2CD101", "quantity": 2}],
         "additionalAttributes": [
           {"attributeName": "allowOrderOnCustomerHold", "attributeValue": "true"}]}
    """
    if v7:
        _create_v7(client, document_in(file, AsyncOrderCreateDTO), yes=yes, as_json=json_, given=given)
        return
    order = document_in(file, OrderCreateRequest)
    question, what = _placing(order)
    request = filled_in(client.create(), given).order_create_request(order)
    answer = write(client, request, question, writing=what, yes=yes)
    numbers = [it.ingram_order_number for it in answer.model.orders if it.ingram_order_number]
    done = f"{what} is placed as {', '.join(numbers)}" if numbers else f"the API has answered {what}"
    show(document_of(answer.body), *created_tables(answer.model), as_json=json_, done=done)
    if not numbers:
        fail(f"the answer ({answer.status}) names no order: look whether {what} was placed", UNKNOWN)


def _create_v7(
    client: OrdersClient, order: AsyncOrderCreateDTO, *, yes: bool, as_json: bool, given: dict[str, Any]
) -> None:
    question, what = _placing(order)
    request = filled_in(client.create_v7(), given).async_order_create_dto(order)
    answer = write(client, request, question, writing=what, yes=yes)
    show(document_of(answer.body), confirmation_text(answer.model), as_json=as_json, done=f"{what} is taken in")
    if not answer.model.confirmation_number:
        fail(f"the answer ({answer.status}) holds no confirmation: look whether {what} was placed", UNKNOWN)


def _placing(order: OrderCreateRequest | AsyncOrderCreateDTO) -> tuple[str, str]:
    """Give the question, and what it is about."""
    lines = len(order.lines or ())
    what = f"order {order.customer_order_number}"
    return f"Place {what} of {lines} line{'' if lines == 1 else 's'}", what


@ingram_orders.command()
@click.argument("number")
@click.argument("file", type=click.File("rb"))
@options_of(ModifyOrder, but={"action_code"})
@yes
@as_json
@for_the_api
def modify(client: OrdersClient, number: str, file: IO[bytes], yes: bool, json_: bool, **given: Any) -> None:
    """
    Change order NUMBER, which is on hold.

    FILE says what changes, as JSON by the API's own names; `-` is standard input. It may be as small as:

    \b
        {"notes": "Ring twice"}
    """
    change = document_in(file, OrderModifyRequest)
    request = filled_in(client.modify(number), given).order_modify_request(change)
    changes = ", ".join(unstructure(change)) or "nothing"
    question = f"Change {number} ({changes})"
    answer = write(client, request, question, writing=f"the change of {number}", yes=yes)
    show(document_of(answer.body), *modified_tables(answer.model), as_json=json_, done=f"{number} is changed")


@ingram_orders.command()
@click.argument("number")
@options_of(ModifyOrder, but={"action_code"})
@yes
@as_json
@for_the_api
def release(client: OrdersClient, number: str, yes: bool, json_: bool, **given: Any) -> None:
    """
    Release order NUMBER, which is on hold.

    A pipe is given `null`, which is what the API answers.
    """
    request = filled_in(client.modify(number), given).action_code("release")
    answer = write(client, request, f"Release {number}", writing=f"the release of {number}", yes=yes)
    done = f"{number} is released"
    show(document_of(answer.body), plain(done), as_json=json_, done=done)


@ingram_orders.command()
@click.argument("number")
@options_of(CancelOrder)
@yes
@as_json
@for_the_api
def cancel(client: OrdersClient, number: str, yes: bool, json_: bool, **given: Any) -> None:
    """
    Cancel order NUMBER, which is on hold.

    A pipe is given `null`, since the API answers nothing.
    """
    request = filled_in(client.cancel(number), given)
    write(client, request, f"Cancel {number}", writing=f"the cancellation of {number}", yes=yes)
    done = f"{number} is cancelled"
    show(None, plain(done), as_json=json_, done=done)
