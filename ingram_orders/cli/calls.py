"""How a command reaches the API: settings as options, exit codes, one line for whatever goes wrong."""

import asyncio
import functools
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import IO, Any, Final, NoReturn, TypeVar

import click

from ingram_orders.client import VARIABLES, OrdersClient
from ingram_orders.converters import structure, wire_names
from ingram_orders.errors import ConfigurationError, IngramError, InvalidRequestError, OutcomeUnknownError, one_line
from ingram_orders.exact_json import read_json
from ingram_orders.models import RequestModel

F = TypeVar("F", bound=Callable[..., Any])
Document = TypeVar("Document", bound=RequestModel)

REFUSED: Final = 1
"""The API refused, or could not be reached."""
WRONG: Final = 2
"""What was asked for cannot be right; nothing was sent. Click's own code for it."""
UNKNOWN: Final = 3
"""A write was sent, and what became of it is not known: look before doing it again."""
INTERRUPTED: Final = 130

_HELP: Final = {
    "client_id": "The app's id.",
    "client_secret": "The app's secret; better in the environment, since others can see options.",
    "customer_number": "Your customer number with Ingram.",
    "country_code": "Two letters.",
    "sender_id": "Names the sender.",
    "base_url": "The API's address; Ingram's own unless given.",
}


def for_the_api(command: F) -> F:
    """Decorate a command with the settings of a client; it takes them as `settings`."""

    @functools.wraps(command)
    def with_settings(*args: Any, **given: Any) -> Any:
        settings = {name: value for name in VARIABLES if (value := given.pop(name)) is not None}
        for name, value in settings.items():
            if not value:  # as from an unset variable; the default, say Ingram's own address, would be a surprise
                fail(f"--{name.replace('_', '-')} is empty", WRONG)
        return command(*args, settings=settings, **given)

    for name, variable in reversed([*VARIABLES.items()]):
        option = click.option(
            f"--{name.replace('_', '-')}", envvar=variable, show_envvar=True, metavar="TEXT", help=_HELP[name]
        )
        with_settings = option(with_settings)
    return with_settings  # type: ignore[return-value]  # as `command`, but for the options


def carry_out(
    work: Callable[[OrdersClient], Awaitable[None]], settings: dict[str, Any], *, writing: str | None = None
) -> None:
    """
    Do *work* with a client, and end with the exit code that fits.

    *writing* says what it changes, if it changes something: who interrupts it must be told to look.
    """

    async def main() -> None:
        async with OrdersClient.from_env({}, **settings) as orders:
            await work(orders)
        sys.stdout.flush()  # here, where a reader that has gone is noticed

    try:
        asyncio.run(main())
    except OutcomeUnknownError as unknown:
        fail(unknown, UNKNOWN)
    except (InvalidRequestError, ConfigurationError) as wrong:
        fail(wrong, WRONG)
    except IngramError as refused:
        fail(refused, REFUSED)
    except BrokenPipeError:  # whoever read our output has seen enough
        end_output()
    except KeyboardInterrupt:
        if writing is not None:
            fail(f"interrupted; {writing} may have taken effect, so look before doing it again", INTERRUPTED)
        raise


def end_output() -> None:
    """Write no more; or Python would try again at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def fail(why: object, code: int) -> NoReturn:
    """Say in one line what went wrong, and end."""
    click.echo(f"ingram-orders: {one_line(str(why), 2000)}", err=True)
    sys.exit(code)


def document_in(file: IO[bytes], model: type[Document]) -> Document:
    """Read a request's document from a JSON file; warn of keys that the API is not known to have."""
    try:
        document = structure(read_json(file.read()), model)
    except InvalidRequestError as wrong:
        fail(f"{file.name}: {wrong}", WRONG)
    except (ValueError, ArithmeticError, RecursionError) as wrong:
        fail(f"{file.name} is not JSON: {wrong}", WRONG)
    for key in unknown_keys(document):
        click.echo(f"ingram-orders: {file.name}: {one_line(key, 200)} is no field of the API; sent as it is", err=True)
    return document


def unknown_keys(model: RequestModel, where: str = "") -> Iterator[str]:
    """Give the keys in a document that are no fields of it, with where they are."""
    class_: Any = type(model)
    names = wire_names(class_)
    yield from (f"{where}{key}" for key in model.extra if key not in names.values())
    for name, wire in names.items():
        value = getattr(model, name)
        for place, part in enumerate(value if isinstance(value, tuple) else ()):
            if isinstance(part, RequestModel):
                yield from unknown_keys(part, f"{where}{wire}[{place}].")
        if isinstance(value, RequestModel):
            yield from unknown_keys(value, f"{where}{wire}.")


def ask(question: str, *, yes: bool) -> None:
    """Ask before something is done; `--yes` answers."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail("nobody can be asked here; give --yes to do it all the same", WRONG)
    if not click.confirm(question, err=True):
        fail("nothing was done", REFUSED)
