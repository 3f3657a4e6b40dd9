"""
Requests as one types them: parameters declared once, read as fluent typed setters.

Knows how a value becomes text and whether it can be right; knows nothing of the operations, of bodies' insides, or of
how anything is sent.
"""

import functools
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from datetime import date, datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, Protocol, Self, TypeVar, overload

from attrs import field, frozen

from ingram_orders.errors import InvalidRequestError, brief
from ingram_orders.models import RequestModel
from ingram_orders.models.shared import has_half_character

A = TypeVar("A")
"""The model that answers a request."""
A_co = TypeVar("A_co", covariant=True)
T = TypeVar("T")
"""What a setter takes."""
T_contra = TypeVar("T_contra", contravariant=True)
R = TypeVar("R", bound="Request[Any]")
B = TypeVar("B", bound=RequestModel)

TwoDays = list[date | str] | list[date] | list[str] | tuple[date | str, date | str]
"""The first and the last day: dates, or text as `yyyy-MM-dd`; one of each goes in a tuple, for mypy's sake."""


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


# ── Forms: how a value becomes text, and when it cannot be right ────────────────────────────────────────────────────


class Form(Protocol[T_contra]):
    """How a value is written, and what can be wrong with it; the kinds below are all there are."""

    def problems(self, value: T_contra, /) -> Iterator[str]:
        """Tell everything that is wrong with a value, whatever it is."""
        ...

    def texts(self, value: T_contra, /) -> tuple[str, ...]:
        """Give the texts to send of a value that has no problems, `()` for nothing."""
        ...


@frozen
class Text:
    """Text, sent as it is; *shortest* and *longest* count characters."""

    longest: int | None = None
    shortest: int = 0

    def problems(self, value: str, /) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{brief(value)} is not text"
            return
        if self.longest is not None and not self.shortest <= len(value) <= self.longest:
            bounds = {self.shortest, self.longest} - {0}
            allowed = " to ".join(map(str, sorted(bounds))) if self.shortest else f"at most {self.longest}"
            counted = "1 character" if len(value) == 1 else f"{len(value)} characters"
            yield f"{brief(value)} is {counted} long, {allowed} are allowed"
        if has_half_character(value):
            yield f"{brief(value)} holds half a character (a lone surrogate)"

    def texts(self, value: str, /) -> tuple[str, ...]:
        return (str.__str__(value),)  # of an enum of texts, the text


@frozen
class PlainText(Text):
    """Text for a header or a path: not blank, no control characters, no space at its ends."""

    def problems(self, value: str, /) -> Iterator[str]:
        wrong = tuple(super().problems(value))
        yield from wrong
        if not isinstance(value, str):
            return
        if not value.strip():
            if not wrong:
                yield "must not be blank"
            return
        if _CONTROL.search(value):
            yield f"{brief(value)} holds a control character"
        if value != value.strip():
            yield f"{brief(value)} starts or ends with a space"


@frozen
class PathText(PlainText):
    """Text for a path: `.` and `..` would name another one."""

    def problems(self, value: str, /) -> Iterator[str]:
        yield from super().problems(value)
        if value in (".", ".."):
            yield f"{brief(value)} is not an order number"


@frozen
class Whole:
    """A whole number, within bounds."""

    at_least: int
    at_most: int

    def problems(self, value: int, /) -> Iterator[str]:
        if type(value) is not int:
            yield f"{brief(value)} is not a whole number"
        elif not self.at_least <= value <= self.at_most:
            yield f"{brief(value)} is out of range, {self.at_least} to {self.at_most} is allowed"

    def texts(self, value: int, /) -> tuple[str, ...]:
        return (str(value),)


@frozen
class Flag:
    """True or false."""

    def problems(self, value: bool, /) -> Iterator[str]:
        if not isinstance(value, bool):
            yield f"{brief(value)} is not True or False"

    def texts(self, value: bool, /) -> tuple[str, ...]:
        return ("true" if value else "false",)


@frozen
class DayText:
    """A day as `yyyy-MM-dd`."""

    def problems(self, value: date | str, /) -> Iterator[str]:
        if isinstance(value, datetime):
            yield f"{brief(value)} has a time, a date is wanted: use .date()"
        elif not isinstance(value, date) and not _is_day(value):
            yield f"{brief(value)} is not a date as yyyy-MM-dd"

    def texts(self, value: date | str, /) -> tuple[str, ...]:
        return (value.isoformat() if isinstance(value, date) else str.__str__(value),)


def _is_day(text: object) -> bool:
    try:
        # `fromisoformat` alone takes 20260102 and 2026-W01-5 as well, which the API does not.
        return isinstance(text, str) and text.isascii() and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@frozen
class Several:
    """Texts, each sent under the same name."""

    def problems(self, value: list[str] | tuple[str, ...], /) -> Iterator[str]:
        yield from _problems_of_each(value, Text())

    def texts(self, value: list[str] | tuple[str, ...], /) -> tuple[str, ...]:
        return tuple(text for item in value for text in Text().texts(item))


@frozen
class Range:
    """The first and the last day, each sent under the same name; an empty list sends nothing."""

    def problems(self, value: TwoDays, /) -> Iterator[str]:
        wrong = tuple(_problems_of_each(value, DayText()))
        yield from wrong
        if isinstance(value, list | tuple) and len(value) not in (0, 2):
            yield f"{len(value)} given, a range is two dates: the first and the last"
        elif value and not wrong:
            first, last = self.texts(value)
            if first > last:
                yield f"the first date, {first}, is after the last, {last}"

    def texts(self, value: TwoDays, /) -> tuple[str, ...]:
        return tuple(text for item in value for text in DayText().texts(item))


def _problems_of_each(value: object, form: Form[Any]) -> Iterator[str]:
    if not isinstance(value, list | tuple):
        yield f"{brief(value)} is not a list"
        return
    for item in value:
        yield from form.problems(item)


def check_whole(value: object, name: str, at_least: int) -> None:
    """
    See that an argument is a whole number, and large enough.

    Raises:
        InvalidRequestError: It is not; the message names it.
    """
    if type(value) is not int or value < at_least:
        raise InvalidRequestError([f"{name} must be a whole number, {at_least} or more, not {brief(value)}"])


# ── Parameters: one line each in an operation ───────────────────────────────────────────────────────────────────────


class Parameter(Generic[T]):
    """Something a request can say. Read from a request it is the setter, from a class it is this declaration."""

    name: str
    """The setter's name."""

    def __init__(self, wire_name: str, *, required: bool = False) -> None:
        self.wire_name = wire_name
        self.required = required

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, request: None, owner: type) -> Self: ...
    @overload
    def __get__(self, request: R, owner: type[R]) -> Callable[[T], R]: ...
    def __get__(self, request: Any, owner: type) -> Any:
        if request is None:
            return self
        return functools.partial(request._with, self.name)  # a request's own, as this class is

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.wire_name!r})"

    def problems(self, value: object) -> Iterator[str]:
        """Tell what is wrong with a value that was set."""
        raise NotImplementedError

    def shown(self, value: object) -> str:
        """Show a value that has no problems, the same for all that is sent the same."""
        return repr(value)


class TextParameter(Parameter[T]):
    """A parameter that is sent as text."""

    def __init__(self, wire_name: str, form: Form[T], *, required: bool = False) -> None:
        super().__init__(wire_name, required=required)
        self.form = form

    def problems(self, value: Any) -> Iterator[str]:
        for problem in self.form.problems(value):
            yield f"{self.name}: {problem}"

    def shown(self, value: Any) -> str:
        return repr(self.texts(value))

    def texts(self, value: Any) -> tuple[str, ...]:
        """Give the texts to send of a value that has no problems."""
        return self.form.texts(value)


class Query(TextParameter[T]):
    """A parameter in the query; several texts repeat the key."""


class Header(TextParameter[T]):
    """A parameter in the headers."""


class Path(TextParameter[T]):
    """A parameter in the path; every request has it from its start."""


class Body(Parameter[B]):
    """The body, a model."""

    def __init__(self, wire_name: str, model: type[B], *, required: bool = True) -> None:
        super().__init__(wire_name, required=required)
        self.model = model

    def problems(self, value: object) -> Iterator[str]:
        """See `Parameter`; what is inside a body, `converters.problems` tells."""
        if not isinstance(value, self.model):
            yield f"{self.name}: {self.model.__name__} is wanted, not {type(value).__name__}"


# ── The request ─────────────────────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class Response(Generic[A_co]):
    """An answer, with what surrounded it."""

    model: A_co
    status: int
    headers: Mapping[str, str]
    """Looked up without regard to case."""
    correlation_id: str
    """The one that was sent; the API echoes it."""
    attempts: int
    """How many attempts it took, 1 or more; one that found no connection, or no token, counts too."""
    body: bytes = field(repr=lambda body: f"<{len(body)} bytes>")
    """The body as it came."""


BeforeSend = Callable[[datetime], Awaitable[None]]
"""Awaited just before a request goes out, with the time by the API's clock."""


class Sends(Protocol):
    """Something that can send a request: the client, or what stands in its place."""

    @property
    def defaults(self) -> Mapping[str, str]:
        """What requests are sent with that set nothing else, by the setters' names."""
        ...

    async def send(self, request: "Request[A]", *, timeout: float | None) -> Response[A]:
        """Send a request and read its answer; *timeout* is the total, in seconds."""
        ...


class Request(Generic[A]):
    """
    A request being built. A setter gives back a new one and leaves this one as it is, so a half-filled request can be
    shared between tasks. Nothing is checked before `execute`, which then tells all problems at once.
    """

    __slots__ = ("_sends", "_values")

    operation: ClassVar[str]
    """What one calls on the client, e.g. `search`."""
    method: ClassVar[str]
    path: ClassVar[str]
    """Below the base URL, with the path's parameter in braces; this is the operation's route."""
    writes: ClassVar[bool] = False
    """Whether it changes something, so that sending it twice is not the same as once."""

    _params: ClassVar[tuple[Parameter[Any], ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # Gone through once, not with every call.
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Parameter)}
        cls._params = tuple(({param.name: param for param in cls._params} | own).values())

    def __init__(self, sends: Sends, **values: object) -> None:
        self._sends = sends
        self._values = values

    @classmethod
    def params(cls) -> tuple[Parameter[Any], ...]:
        """List the declared parameters, in the order they are sent."""
        return cls._params

    @property
    def values(self) -> Mapping[str, object]:
        """What was set, by the setters' names."""
        return MappingProxyType(self._values)

    @property
    def sends(self) -> Sends:
        """What it is sent through: the client, or the view of one, on which it was begun."""
        return self._sends

    def problems(self, values: Mapping[str, object]) -> Iterator[str]:
        """Tell what is wrong with *values*: those set, and the client's defaults for those that were not."""
        for param in self.params():
            if param.name in values:
                yield from param.problems(values[param.name])
            elif param.required:
                yield f"{param.name} is required"

    def fingerprint(self, *, but: Collection[str] = ()) -> str:
        """
        Give a short text that says what is asked and for whom: the same for the same, in every process.

        Args:
            but: Setters that make no difference.
        """
        values = {**self._sends.defaults, **self._values}
        said = [
            # What cannot be right cannot be written either.
            (param.name, repr(value) if [*param.problems(value)] else param.shown(value))
            for param in self.params()
            if param.name not in but and (value := values.get(param.name)) is not None
        ]
        return sha256(repr((self.operation, said)).encode(errors="backslashreplace")).hexdigest()[:16]

    async def execute(self, *, timeout: float | None = None) -> A:
        """
        Send the request and give the answer's model.

        Args:
            timeout: Seconds from here to the return, waiting and repeating included; `None` is the client's
                `Timeouts.total`.

        Raises:
            InvalidRequestError: All problems of the request; nothing was sent.
            IngramError: See `ingram_orders.errors`, which draws the tree.
        """
        response = await self._sends.send(self, timeout=timeout)
        return response.model

    async def execute_with_response(self, *, timeout: float | None = None) -> Response[A]:
        """Do as `execute` does, and give the answer with its status, headers, body and attempts."""
        return await self._sends.send(self, timeout=timeout)

    def _with(self, name: str, value: object) -> Self:
        other = object.__new__(type(self))
        other._sends = self._sends
        # A list could be changed behind the request's back.
        other._values = {**self._values, name: tuple(value) if isinstance(value, list) else value}
        return other

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={brief(value)}" for name, value in self._values.items())
        return f"{self.operation}({said})"
