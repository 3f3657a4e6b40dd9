"""
Requests as one types them: parameters declared once, read as fluent typed setters.

Knows how a value becomes text and whether it can be right; knows nothing of the operations, of bodies' insides, or of
how anything is sent.
"""

import functools
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from hashlib import sha256
from types import MappingProxyType, MethodType
from typing import Any, ClassVar, Final, Generic, Protocol, Self, TypeVar, final, overload

from attrs import field, frozen

from ingram_orders.errors import InvalidRequestError, brief
from ingram_orders.models.shared import RequestModel, has_half_character

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
_is_plain: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?").fullmatch
"""Printable ASCII, without a space at its ends: what nearly all texts are, and right wherever their length is."""


# ── Forms: how a value becomes text, and when it cannot be right ────────────────────────────────────────────────────


class Form(Protocol[T_contra]):
    """How a value is written, and what can be wrong with it; the kinds below are all there are."""

    def texts(self, value: T_contra, wrong: list[str], /) -> tuple[str, ...]:
        """
        Give the texts to send of a value, `()` for nothing.

        Everything that is wrong with the value, whatever it is, is told in *wrong*; then what this gives is not to be
        sent.
        """
        ...


@frozen
class Text:
    """Text, sent as it is; *shortest* and *longest* count characters."""

    longest: int | None = None
    shortest: int = 0

    def texts(self, value: str, wrong: list[str], /) -> tuple[str, ...]:
        if type(value) is str and value.isascii() and self.shortest <= len(value) <= (self.longest or len(value)):
            return (value,)  # as nearly always
        if not isinstance(value, str):
            wrong.append(f"{brief(value)} is not text")
            return ()
        if self.longest is not None and not self.shortest <= len(value) <= self.longest:
            bounds = {self.shortest, self.longest} - {0}
            allowed = " to ".join(map(str, sorted(bounds))) if self.shortest else f"at most {self.longest}"
            counted = "1 character" if len(value) == 1 else f"{len(value)} characters"
            wrong.append(f"{brief(value)} is {counted} long, {allowed} are allowed")
        if not value.isascii() and has_half_character(value):
            wrong.append(f"{brief(value)} holds half a character (a lone surrogate)")
        return (str.__str__(value),)  # of an enum of texts, the text


@frozen
class PlainText(Text):
    """Text for a header or a path: not blank, no control characters, no space at its ends."""

    in_path: bool = False
    """Whether it stands in a path, where `.` and `..` would name another one."""

    def texts(self, value: str, wrong: list[str], /) -> tuple[str, ...]:
        if self.in_path and value in (".", ".."):
            wrong.append(f"{brief(value)} is not an order number")
            return ()
        if type(value) is str and self.shortest <= len(value) <= (self.longest or len(value)) and _is_plain(value):
            return (value,)
        before = len(wrong)
        texts = super().texts(value, wrong)
        if not texts:
            return ()
        stripped = value.strip()
        if not stripped:
            if len(wrong) == before:
                wrong.append("must not be blank")
            return ()
        if not value.isprintable() and _CONTROL.search(value):
            wrong.append(f"{brief(value)} holds a control character")
        if value != stripped:
            wrong.append(f"{brief(value)} starts or ends with a space")
        return texts


@frozen
class Whole:
    """A whole number, within bounds."""

    at_least: int
    at_most: int

    def texts(self, value: int, wrong: list[str], /) -> tuple[str, ...]:
        if type(value) is not int:
            wrong.append(f"{brief(value)} is not a whole number")
        elif not self.at_least <= value <= self.at_most:
            wrong.append(f"{brief(value)} is out of range, {self.at_least} to {self.at_most} is allowed")
        else:
            return (str(value),)
        return ()


@frozen
class Flag:
    """True or false."""

    def texts(self, value: bool, wrong: list[str], /) -> tuple[str, ...]:
        if not isinstance(value, bool):
            wrong.append(f"{brief(value)} is not True or False")
            return ()  # what it is may not even be asked
        return ("true" if value else "false",)


@frozen
class DayText:
    """A day as `yyyy-MM-dd`."""

    def texts(self, value: date | str, wrong: list[str], /) -> tuple[str, ...]:
        if isinstance(value, datetime):
            wrong.append(f"{brief(value)} has a time, a date is wanted: use .date()")
        elif isinstance(value, date):
            return (value.isoformat(),)
        elif _is_day(value):
            return (str.__str__(value),)
        else:
            wrong.append(f"{brief(value)} is not a date as yyyy-MM-dd")
        return ()


def _is_day(text: object) -> bool:
    try:
        # `fromisoformat` alone takes 20260102 and 2026-W01-5 as well, which the API does not.
        return isinstance(text, str) and text.isascii() and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@frozen
class Several:
    """Texts, each sent under the same name."""

    def texts(self, value: list[str] | tuple[str, ...], wrong: list[str], /) -> tuple[str, ...]:
        return _texts_of_each(value, _TEXT, wrong)


@frozen
class Range:
    """The first and the last day, each sent under the same name; an empty list sends nothing."""

    def texts(self, value: TwoDays, wrong: list[str], /) -> tuple[str, ...]:
        if type(value) is tuple and len(value) == 2:
            first, last = value
            if type(first) is date and type(last) is date and first <= last:  # as nearly always
                return (_written_day(first), _written_day(last))
        texts = _texts_of_each(value, _DAY, wrong)
        if isinstance(value, _LISTS) and len(value) not in (0, 2):
            wrong.append(f"{len(value)} given, a range is two dates: the first and the last")
        elif len(texts) == 2 and texts[0] > texts[1]:
            wrong.append(f"the first date, {texts[0]}, is after the last, {texts[1]}")
        return texts


_written_day: Final = functools.lru_cache(maxsize=1000)(date.isoformat)
"""The same few days are asked for again and again, and Python takes as long to write one as all else here."""

_LISTS: Final = (list, tuple)  # to make `list | tuple` with each call takes longer than the rest of a check
_TEXT: Final = Text()
_DAY: Final = DayText()


def _texts_of_each(value: object, form: Form[Any], wrong: list[str]) -> tuple[str, ...]:
    if not isinstance(value, _LISTS):
        wrong.append(f"{brief(value)} is not a list")
        return ()
    texts = form.texts
    return tuple([text for item in value for text in texts(item, wrong)])


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
        self._setter = _setter(owner, name)

    @overload
    def __get__(self, request: None, owner: type) -> Self: ...
    @overload
    def __get__(self, request: R, owner: type[R]) -> Callable[[T], R]: ...
    def __get__(self, request: Any, owner: type) -> Any:
        if request is None:
            return self
        return MethodType(self._setter, request)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.wire_name!r})"

    def problems(self, value: object) -> list[str]:
        """Tell what is wrong with a value that was set."""
        raise NotImplementedError

    def shown(self, value: object) -> str:
        """Show a value that has no problems, the same for all that is sent the same."""
        return repr(value)


_new: Final = object.__new__


def _setter(owner: type, name: str) -> Callable[[R, object], R]:
    def setter(request: R, value: object) -> R:
        other = _new(type(request))
        other._sends = request._sends
        other._values = values = request._values.copy()
        values[name] = tuple(value) if isinstance(value, list) else value  # a list could be changed behind its back
        return other

    setter.__module__, setter.__name__ = owner.__module__, name
    setter.__qualname__ = f"{owner.__qualname__}.{name}"
    return setter


class TextParameter(Parameter[T]):
    """A parameter that is sent as text."""

    def __init__(self, wire_name: str, form: Form[T], *, required: bool = False) -> None:
        super().__init__(wire_name, required=required)
        self.form = form

    @final
    def problems(self, value: Any) -> list[str]:
        """See `Parameter`; it is its form that tells."""
        wrong: list[str] = []
        self.form.texts(value, wrong)
        return [f"{self.name}: {it}" for it in wrong]

    def shown(self, value: Any) -> str:
        return repr(self.form.texts(value, []))


class Query(TextParameter[T]):
    """A parameter in the query; several texts repeat the key."""


class Header(TextParameter[T]):
    """A parameter in the headers."""


class Path(TextParameter[T]):
    """A parameter in the path; every request has it from its start."""


class Body(Parameter[B]):
    """The body, a model."""

    def __init__(self, wire_name: str, model: Callable[[], type[B]], *, required: bool = True) -> None:
        super().__init__(wire_name, required=required)
        self._model = model

    @property
    def model(self) -> type[B]:
        """What it is one of, loaded when it is first asked for."""
        return self._model()

    def problems(self, value: object) -> list[str]:
        """See `Parameter`; what is inside a body, `checking.problems` tells."""
        if isinstance(value, self.model):
            return []
        return [f"{self.name}: {self.model.__name__} is wanted, not {type(value).__name__}"]


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


_Texts = tuple[tuple[str, str, Callable[[Any, list[str]], tuple[str, ...]]], ...]
"""Parameters: the setter's name, that on the wire, and what writes a value; see `Form`."""


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

    route: ClassVar[str]
    """Method and path, without anything of the caller's: for logs, messages and limiters."""

    _params: ClassVar[Mapping[str, Parameter[Any]]] = {}
    _texts: ClassVar[tuple[_Texts, _Texts, _Texts]] = ((), (), ())
    """Of the path, the query and the headers."""
    _required: ClassVar[frozenset[str]] = frozenset()
    body: ClassVar[tuple[Body[Any], ...]] = ()
    """The parameter that is the body, or none; by itself, it would be read as its setter."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # Gone through once, not with every call.
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Parameter)}
        cls._params = {**cls._params, **own}
        path, query, headers = (
            tuple((name, it.wire_name, it.form.texts) for name, it in cls._params.items() if isinstance(it, kind))
            for kind in (Path, Query, Header)
        )
        cls._texts = path, query, headers
        cls._required = frozenset(name for name, param in cls._params.items() if param.required)
        cls.body = tuple(param for param in cls.params() if isinstance(param, Body))
        if hasattr(cls, "path"):
            cls.route = f"{cls.method} {cls.path}"

    def __init__(self, sends: Sends, **values: object) -> None:
        self._sends = sends
        self._values = values

    @classmethod
    def params(cls) -> tuple[Parameter[Any], ...]:
        """List the declared parameters, in the order they are sent."""
        return tuple(cls._params.values())

    @property
    def values(self) -> Mapping[str, object]:
        """What was set, by the setters' names."""
        return MappingProxyType(self._values)

    def written(self, given: frozenset[str], wrong: list[str]) -> list[list[tuple[str, str]]]:
        """
        Write what was set, all but the body, in the order in which it is declared.

        Args:
            given: What need not be set, by the setters' names.
            wrong: Where it is told that something is wrong; then what this gives is not to be sent.

        Returns:
            The texts in the path, in the query and in the headers, not quoted yet, each behind its name on the wire.
        """
        values = self._values
        written = [
            [
                (wire_name, text)
                for name, wire_name, texts in parameters
                if name in values
                for text in texts(values[name], wrong)
            ]
            for parameters in self._texts
        ]
        if not self._required <= given and not self._required - given <= values.keys():
            wrong.append("something is required")
        return written

    def values_over(self, defaults: Mapping[str, object]) -> dict[str, Any]:
        """Give what was set, and the *defaults* where nothing was."""
        return {**defaults, **self._values}

    @property
    def sends(self) -> Sends:
        """What it is sent through: the client, or the view of one, on which it was begun."""
        return self._sends

    def problems(self, values: Mapping[str, object]) -> Iterator[str]:
        """Tell what is wrong with *values*, by the setters' names: those set, and defaults of those that were not."""
        for name, param in self._params.items():
            if name in values:
                yield from param.problems(values[name])
            elif param.required:
                yield f"{name} is required"
        yield from self.contradictions()

    def contradictions(self) -> Iterable[str]:
        """Tell what is wrong with a request that has a body, although each of its values may be right by itself."""
        return ()

    def fingerprint(self, *, but: Collection[str] = ()) -> str:
        """
        Give a short text that says what is asked and for whom: the same for the same, in every process.

        Args:
            but: Setters that make no difference.
        """
        values = self.values_over(self._sends.defaults)
        said = [
            # What cannot be right cannot be written either.
            (param.name, repr(value) if param.problems(value) else param.shown(value))
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

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={brief(value)}" for name, value in self._values.items())
        return f"{self.operation}({said})"
