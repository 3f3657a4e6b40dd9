"""Events on the command line: how one is shown, and how one that was saved is checked."""

import re
from collections.abc import Callable, Sequence
from typing import IO, Any, Final, TypeVar

import attrs
import click

from ingram_orders.cli.ending import REFUSED, WRONG, fail
from ingram_orders.cli.output import show
from ingram_orders.cli.tables import event_texts
from ingram_orders.errors import ConfigurationError, SignatureError, WebhookError
from ingram_orders.webhooks import (
    SIGNATURE,
    OrderCreatedEvent,
    OrderFailedEvent,
    OrderStatusEvent,
    WebhookEvent,
    read,
)

F = TypeVar("F", bound=Callable[..., Any])

VARIABLE: Final = "INGRAM_WEBHOOK_SECRET"

_HEAD: Final = re.compile(rb"[A-Z]+ \S+ HTTP/|[\w!#$%&'*+.^`|~-]+[ \t]*:")
"""How a request begins that was saved whole, or without its first line; no JSON does."""


class _Secret(click.types.StringParamType):
    """Text; all that the variable holds is one, whatever blanks are in it."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        return [rv]


def with_secrets(command: F) -> F:
    """Decorate a command with the secrets of a webhook; it is given them as `secrets`, which may be none."""
    return click.option(
        "--secret", "secrets", type=_Secret(), multiple=True, envvar=VARIABLE, show_envvar=True,
        help="With which the webhook was registered; several for the time in which you change it. Better in the "
        "environment, since others can see options.",
    )(command)  # fmt: skip


def check_secrets(secrets: Sequence[str]) -> None:
    """See that there are secrets, or end."""
    if not secrets:
        fail(f"missing: --secret ({VARIABLE}); give it as an option, or in its environment variable", WRONG)
    if not all(secrets):
        fail("--secret is empty", WRONG)


def verify(file: IO[bytes], signature: str | None, secrets: Sequence[str], *, as_json: bool) -> None:
    """Check the event that is in a file, and show it, or end with what is wrong with it."""
    check_secrets(secrets)
    body, in_file = posted_in(file.read())
    given = in_file if signature is None else signature
    if not given:
        fail(f"no signature: give --signature, or the header {SIGNATURE} in front of the body", WRONG)
    try:
        event = read(body, given, secrets)
    except SignatureError as refused:
        fail(f"{file.name}: {refused}", REFUSED)
    except (WebhookError, ConfigurationError) as wrong:
        fail(f"{file.name}: {wrong}", WRONG)
    try:
        show_event(event, as_json=as_json)
    except (ValueError, RecursionError):
        fail(f"{file.name}: the event is nested too deep to be shown as JSON", WRONG)


def posted_in(saved: bytes) -> tuple[bytes, bytes | None]:
    """Give the body of a request that was saved, and its signature; what does not begin with headers is a body."""
    request = saved.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not _HEAD.match(request):
        return saved, None
    head, *rest = re.split(rb"\r?\n\r?\n", request, maxsplit=1)
    fields = [line.partition(b":") for line in head.splitlines()]
    found = (value.strip() for name, _, value in fields if name.strip().lower() == SIGNATURE.encode())
    return b"".join(rest), next(found, None)


def show_event(event: WebhookEvent, *, as_json: bool) -> None:
    """
    Show an event, as `show` does.

    Raises:
        ValueError, RecursionError: It is nested too deep for JSON.
    """
    show(document_of_event(event), *event_texts(event), as_json=as_json)


def document_of_event(event: WebhookEvent) -> dict[str, Any]:
    """Give what an event says under the same keys for every kind of event, and all of it as it came."""
    orders: list[dict[str, Any]] = []
    its: dict[str, Any] = {}
    kind = "unknown"
    if isinstance(event, OrderStatusEvent):
        kind = "orderStatus"
        orders = [
            {"orderNumber": it.order_number, "customerOrderNumber": it.customer_order_number,
             "status": it.status.value, "word": it.event_type}
            for it in event.orders
        ]  # fmt: skip
    elif isinstance(event, OrderCreatedEvent):
        kind = "orderCreated"
        number = event.outcome.customer_order_number
        orders = [{"orderNumber": it.ingram_order_number, "customerOrderNumber": number} for it in event.outcome.orders]
    elif isinstance(event, OrderFailedEvent):
        kind = "orderFailed"
        its = {
            "customerOrderNumber": event.outcome.customer_order_number,
            "reasons": [attrs.asdict(it, filter=lambda _, value: value not in (None, ())) for it in event.reasons],
        }
    time = event.event_time
    return {
        "kind": kind, "eventId": event.event_id, "topic": event.topic, "event": event.event,
        "eventTime": None if time is None else time.isoformat(), "orders": orders, **its, "data": event.data,
    }  # fmt: skip
