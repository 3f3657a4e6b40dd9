"""
The events that the API posts to you: whether one is signed as it should be, and what it says; no server.

The signature covers an event's id and not its body. Who has seen one event can post another body under its id, so what
an event says is a hint: read the order back before you act on it, as `OrdersClient.confirm` does.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from attrs import field, frozen

from ingram_orders.converters import respelt, structure
from ingram_orders.errors import (
    ConfigurationError,
    ErrorDetail,
    EventTooLargeError,
    SignatureError,
    UnreadableEventError,
    brief,
    describe,
)
from ingram_orders.exact_json import read_json
from ingram_orders.models import AsyncOrderOutcome, EventResource, OrderCreateV7Response
from ingram_orders.refusals import errors_in

SIGNATURE: Final = "x-hub-signature"
"""The header that holds the signature."""

LARGEST: Final = 2**20
"""Bytes of a body that are read, unless another size is given."""

_SYNONYMS: Final = {"customerponumber": "customerOrderNumber"}

_CREATED: Final = "async_order_create"
"""The type of the event that tells the outcome of a v7 create."""


@frozen(kw_only=True)
class WebhookEvent:
    """What every event has."""

    event_id: str
    """By which one is known that comes again."""
    topic: str | None
    """As the API says it, like *event*: `resellers/orders`."""
    event: str | None
    """`im::updated`, say."""
    event_time: date | datetime | None
    """When it happened; `None` where that is not told, or cannot be read."""
    data: Mapping[str, Any] = field(repr=False)
    """All of it, as it came, read as JSON with exact numbers; of a key that is there twice, the last."""


@frozen(kw_only=True)
class OrderStatusEvent(WebhookEvent):
    """The status of orders changed."""

    orders: tuple[EventResource, ...]
    """At least one."""


@frozen(kw_only=True)
class OrderCreatedEvent(WebhookEvent):
    """A v7 create became an order, or several."""

    outcome: AsyncOrderOutcome
    """What was created: the body of a v6 create answer. At least one order in it has a number."""


@frozen(kw_only=True)
class OrderFailedEvent(WebhookEvent):
    """A v7 create became none."""

    outcome: AsyncOrderOutcome
    """What is told of it; `customer_order_number` says of which."""
    reasons: tuple[ErrorDetail, ...]
    """Why, at least one: errors that are told, a hundred at most, and lines that were rejected."""


@frozen(kw_only=True)
class UnknownEvent(WebhookEvent):
    """Anything else that is signed: *data* holds it."""


def verify(event_id: str, signature: str | bytes | None, secrets: str | Iterable[str]) -> None:
    """
    Check that an event is of the API: that its id is signed with one of your secrets.

    The signature is the Base64 of the HMAC-SHA512 of the id, by facts that the developer portal states. The time that
    this takes does not tell how much of a signature is right, nor with which secret.

    Args:
        event_id: The event's `eventId`.
        signature: The header `x-hub-signature`; `None` where there is none.
        secrets: That with which the webhook was registered, or several: an old one stays good until it is left out.

    Raises:
        SignatureError: It is not.
        ConfigurationError: There is no secret, or an empty one.
    """
    keys = [it.encode(errors="surrogatepass") for it in several_of(secrets)]
    try:
        message = event_id.encode()
    except (UnicodeEncodeError, AttributeError):  # half a character, which nobody can have signed
        raise SignatureError("the event's id is no text that can be signed") from None
    if not isinstance(signature, str | bytes):
        raise SignatureError("the event is not signed")
    given = (signature.encode(errors="surrogatepass") if isinstance(signature, str) else signature).strip()
    is_good = False
    for key in keys:  # all of them, so that the time is the same for each
        is_good |= hmac.compare_digest(given, base64.b64encode(hmac.digest(key, message, hashlib.sha512)))
    if not is_good:
        raise SignatureError("the event is not signed with a secret that is known")


def read(
    body: bytes | bytearray | memoryview | str,
    signature: str | bytes | None,
    secrets: str | Iterable[str],
    *,
    largest: int = LARGEST,
) -> WebhookEvent:
    """
    Check an event, and read it.

    Of the names and codes that occur, all spellings are read as one, whatever their case; what is no field is in the
    `extra` of its model, and all of it in `data`. An event that is of no known kind is an `UnknownEvent`. An event is a
    few kB; one of a MiB that is made to be slow takes more than a second, so read what is long in a thread.

    Args:
        body: As it was posted.
        signature: The header `x-hub-signature`; `None` where there is none.
        secrets: See `verify`.
        largest: Bytes of a body that are read.

    Raises:
        SignatureError: It is not signed with one of your secrets.
        UnreadableEventError: It is not JSON, no event, or has no id; `EventTooLargeError`: it is larger than *largest*.
        ConfigurationError: There is no secret, or an empty one.
    """
    envelope = _envelope(body, largest)
    header = _header(envelope)
    if not header.event_id:
        raise UnreadableEventError("the event has no eventId")
    verify(header.event_id, signature, secrets)
    return _event(envelope, header)


def check_size(size: int, largest: int) -> None:
    """
    See that an event is not too large.

    Raises:
        EventTooLargeError: It is.
    """
    if size > largest:
        raise EventTooLargeError(f"the event has more than {largest:,} bytes")


def restored(data: Mapping[str, Any]) -> WebhookEvent:
    """Give an event again of which this is the `data`: it was checked when it came."""
    return _event(data, _header(data))


def _header(envelope: Mapping[str, Any]) -> OrderCreateV7Response:
    header = {key: value for key, value in envelope.items() if key.casefold() != "resource"}
    return structure(respelt(header, OrderCreateV7Response, {}), OrderCreateV7Response)


def _event(envelope: Mapping[str, Any], header: OrderCreateV7Response) -> WebhookEvent:
    facts: dict[str, Any] = {
        "event_id": header.event_id, "topic": header.topic, "event": header.event,
        "event_time": header.event_time_stamp, "data": envelope,
    }  # fmt: skip
    resources = _resources(envelope)
    spelt = [respelt(it, EventResource, _SYNONYMS) for it in resources]
    if _CREATED in {_folded(header.event_type), *(_folded(it.get("eventType")) for it in spelt)}:
        return _of_create(resources, header.extra, facts)
    orders = tuple(structure(it, EventResource) for it in spelt)
    if any(it.order_number for it in orders):
        return OrderStatusEvent(orders=orders, **facts)
    return UnknownEvent(**facts)


def several_of(secrets: str | Iterable[str]) -> tuple[str, ...]:
    """
    Give one or several secrets as several.

    Raises:
        ConfigurationError: There is no secret, or an empty one.
    """
    several = (secrets,) if isinstance(secrets, str) or not isinstance(secrets, Iterable) else tuple(secrets)
    if not several or not all(isinstance(it, str) and it for it in several):  # none is shown
        raise ConfigurationError("the secrets of a webhook must be texts, at least one, and none of them empty")
    return several


def _envelope(body: object, largest: int) -> Mapping[str, Any]:
    if not isinstance(body, bytes | bytearray | memoryview | str):
        raise UnreadableEventError(f"the event is no bytes and no text, but {brief(body)}")
    raw = body.encode(errors="surrogatepass") if isinstance(body, str) else bytes(body)
    check_size(len(raw), largest)
    try:
        data = read_json(raw)
    except (ValueError, ArithmeticError, RecursionError) as exc:
        raise UnreadableEventError(f"the event is not JSON: {describe(exc)}") from None
    if isinstance(data, list) and len(data) == 1:  # as the outcome of a create comes
        [data] = data
    if not isinstance(data, dict):
        raise UnreadableEventError(f"the event is no JSON object, nor a list of one, but {brief(data)}")
    return data


def _resources(envelope: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give what an event is about: one object, or a list of them."""
    found = [value for key, value in envelope.items() if key.casefold() == "resource"]
    several = [it for value in found for it in (value if isinstance(value, list) else [value])]
    return [it for it in several if isinstance(it, dict)]


def _folded(code: object) -> str:
    return code.casefold().strip().removeprefix("im::") if isinstance(code, str) else ""


def _of_create(
    resources: list[Mapping[str, Any]], others: Mapping[str, Any], facts: dict[str, Any]
) -> OrderCreatedEvent | OrderFailedEvent | UnknownEvent:
    if len(resources) != 1:  # of which of several, nobody could tell
        return UnknownEvent(**facts)
    outcome = structure(respelt(resources[0], AsyncOrderOutcome, _SYNONYMS), AsyncOrderOutcome)
    if any(order.ingram_order_number for order in outcome.orders):
        return OrderCreatedEvent(outcome=outcome, **facts)
    reasons = [*_errors(outcome.extra), *_errors(others)]
    for order in outcome.orders:
        rejected = order.rejected_line_items
        reasons += [ErrorDetail(type=it.reject_code, message=it.reject_reason) for it in rejected]
        if order.number_of_lines_with_error and not rejected:
            reasons.append(ErrorDetail(message=f"{order.number_of_lines_with_error} lines with errors"))
    return OrderFailedEvent(outcome=outcome, reasons=tuple(reasons), **facts) if reasons else UnknownEvent(**facts)


def _errors(extra: Mapping[str, Any]) -> Iterator[ErrorDetail]:
    """Give the errors that are told as such: of what else is said, as a message, nobody knows whether it is one."""
    for key, value in _folded_keys(extra).items():
        if key in ("errors", "fault") and value:
            told = [it for it in errors_in({key: value}) if it.type or it.message or it.fields]
            yield from told or [ErrorDetail(message=brief(value))]


def _folded_keys(value: Any, levels: int = 6) -> Any:
    """Fold the case of the keys of JSON, down to where the fields of an error are."""
    if isinstance(value, dict) and levels:
        return {key.casefold(): _folded_keys(item, levels - 1) for key, item in value.items()}
    return [_folded_keys(it, levels - 1) for it in value] if isinstance(value, list) and levels else value
