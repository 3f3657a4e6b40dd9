"""How a command reaches the API: settings as options, exit codes, one line for whatever goes wrong."""

import functools
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import attrs
import click

from ingram_orders.builder import Request, Response
from ingram_orders.cli import running
from ingram_orders.cli.ending import INTERRUPTED, REFUSED, UNKNOWN, WRONG, fail
from ingram_orders.cli.output import Progress, progress
from ingram_orders.cli.tables import plain
from ingram_orders.client import VARIABLES, OrdersClient
from ingram_orders.errors import ConfigurationError, IngramError, InvalidRequestError, OutcomeUnknownError
from ingram_orders.fields import wire_names
from ingram_orders.settings import INGRAM_PRODUCTION, Timeouts

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
A = TypeVar("A")

_HELP: Final = {
    "client_id": "The app's id.",
    "client_secret": "The app's secret; better in the environment, since others can see options.",
    "customer_number": "Your customer number with Ingram.",
    "country_code": "Two letters.",
    "sender_id": "Names the sender.",
    "base_url": "The API's address; Ingram's own unless given.",
}
_NEEDED: Final = ("client_id", "client_secret", "customer_number", "country_code")


def for_the_api(command: F) -> F:
    """Decorate a command with the settings of a client; it is given the client as `client`."""

    @functools.wraps(command)
    def with_settings(*args: Any, **given: Any) -> Any:
        timeout = given.pop("timeout")
        settings = {
            name: value for name in (*VARIABLES, "token_url", "proxy") if (value := given.pop(name)) is not None
        }
        for name, value in settings.items():
            if not value:  # as from an unset variable; the default, say Ingram's own address, would be a surprise
                fail(f"{_option(name)} is empty", WRONG)
        missing = [f"{_option(name)} ({VARIABLES[name]})" for name in _NEEDED if name not in settings]
        if missing:
            fail(f"missing: {', '.join(missing)}; give each as an option, or in its environment variable", WRONG)
        try:
            client = OrdersClient(**settings, timeouts=Timeouts(total=timeout))
        except ConfigurationError as wrong:
            fail(wrong, WRONG)
        return command(*args, client=client, **given)

    options = [
        click.option(_option(name), envvar=variable, show_envvar=True, metavar="TEXT", help=_HELP[name])
        for name, variable in VARIABLES.items()
    ]
    options += [
        click.option("--token-url", metavar="TEXT", help="Where tokens are had; beside the API unless given."),
        click.option("--proxy", metavar="TEXT", help="http[s]://[user:password@]host[:port]"),
        click.option(
            "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="For each call."
        ),
    ]
    for option in reversed(options):
        with_settings = option(with_settings)
    return with_settings  # type: ignore[return-value]  # as `command`, but for the options


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def run(client: OrdersClient, work: Callable[[Progress], Awaitable[T]], *, writing: str | None = None) -> T:
    """
    Do *work* with a client and give its result, or end with the exit code that fits.

    *writing* says what it changes, if it changes something: who interrupts it must be told to look.
    """

    async def main(told: Progress) -> T:
        async with client:
            return await work(told)

    try:
        with errors_told(), progress("waiting for the API") as told:
            return running.run(main(told))
    except KeyboardInterrupt:
        if writing is not None:
            fail(f"interrupted; {writing} may have taken effect, so look before doing it again", INTERRUPTED)
        raise


@contextmanager
def errors_told() -> Iterator[None]:
    """End with the exit code that fits, whatever of ours is raised."""
    try:
        yield
    except OutcomeUnknownError as unknown:
        fail(unknown, UNKNOWN)
    except ConfigurationError as wrong:
        fail(wrong, WRONG)
    except IngramError as refused:
        fail(refused, REFUSED)


def check(client: OrdersClient, request: Request[Any]) -> None:
    """See that a request can be sent, or end with all that is wrong with it."""
    try:
        client.check(request)
    except InvalidRequestError as wrong:
        fail(_in_words_of_ours(wrong, request), WRONG)


def read(client: OrdersClient, request: Request[A]) -> Response[A]:
    """Check a read, and do it."""
    check(client, request)
    return run(client, lambda _: request.execute_with_response())


def write(client: OrdersClient, request: Request[A], question: str, *, writing: str, yes: bool) -> Response[A]:
    """Check a write, ask whether it is meant, with whom and where it goes (`yes` answers), and do it."""
    check(client, request)
    # Before the loop runs, which would keep a Ctrl-C from ending the question.
    if not yes and not sys.stdin.isatty():
        fail("nobody can be asked here; give --yes to do it all the same", WRONG)
    settings = click.get_current_context().params
    to = f"as customer {settings['customer_number']} at {settings['base_url'] or INGRAM_PRODUCTION}"
    if not yes and not click.confirm(plain(f"{question}, {to}?").plain, err=True):
        fail("nothing was done", REFUSED)
    return run(client, lambda _: request.execute_with_response(), writing=writing)


def _in_words_of_ours(wrong: InvalidRequestError, request: Request[Any]) -> str:
    """Tell problems by the options, and by the keys of a file, in the place of Python's names."""
    problems = "; ".join(_of_ours(problem, request) for problem in wrong.problems)
    return re.sub(r"Decimal\('([^']*)'\)", r"\1", problems)


def _of_ours(problem: str, request: Request[Any]) -> str:
    named = re.match(r"([a-z_0-9]+)((?:\[\d+\]|\.[a-z_0-9]+)*)(.*)", problem, re.DOTALL)
    if named is None:
        return problem
    name, path, rest = named.groups()
    if path:
        return "".join(_keys(request.values.get(name), path)).lstrip(".") + rest
    if name == "order_number":
        return f"NUMBER{rest}"
    if name in {param.name for param in request.params()}:
        name = name.removeprefix("im_") if name.removeprefix("im_") in VARIABLES else name
        return _option(name) + rest
    return problem


def _keys(part: Any, path: str) -> Iterator[str]:
    """Give a path within a document by the API's own keys."""
    for step in re.findall(r"\[\d+\]|\.[a-z_0-9]+", path):
        if step.startswith("["):
            part = part[int(step[1:-1])]
            yield step
        else:
            class_: Any = type(part)
            yield f".{wire_names(class_)[step[1:]]}" if attrs.has(class_) and step[1:] != "extra" else step
            part = getattr(part, step[1:], None)
