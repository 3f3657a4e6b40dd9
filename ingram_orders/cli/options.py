"""
Options made of what is declared, so that no second list can be wrong: an operation's parameters, and the sentences
behind them.
"""

import ast
import inspect
import itertools
import textwrap
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar

import click

from ingram_orders.builder import DayText, Flag, Header, Query, Range, Request, Several, Whole
from ingram_orders.operations import OrdersRequest

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R", bound=Request[Any])


OF_THE_CLIENT: Final = frozenset({"im_customer_number", "im_country_code", "im_sender_id"})
"""Headers that are settings of the client already."""


def options_of(operation: type[OrdersRequest[Any]], *, but: Collection[str] = ()) -> Callable[[F], F]:
    """Decorate a command with an option for each query parameter and header of an operation, *but* for some."""
    explained = explanations(operation)
    params = [
        it for it in operation.params() if isinstance(it, Query | Header) and it.name not in {*but, *OF_THE_CLIENT}
    ]

    def decorate(command: F) -> F:
        for param in reversed(params):
            option = click.option(
                f"--{param.name.replace('_', '-')}", help=explained.get(param.name), **_given_as(param.form)
            )
            command = option(command)
        return command

    return decorate


def _given_as(form: object) -> dict[str, Any]:
    if isinstance(form, Several):
        return {"multiple": True, "metavar": "TEXT"}
    if isinstance(form, Range):
        return {"nargs": 2, "metavar": "FIRST LAST"}
    if isinstance(form, DayText):
        return {"metavar": "YYYY-MM-DD"}
    if isinstance(form, Whole):
        return {"type": click.IntRange(form.at_least, form.at_most), "metavar": "NUMBER"}
    if isinstance(form, Flag):
        return {"is_flag": True, "default": None}
    return {"metavar": "TEXT"}


def explanations(class_: type) -> dict[str, str]:
    """
    Give the sentence behind each declaration of a class and of those that it is made of, where their source is at hand:
    Python keeps none of them.
    """
    found: dict[str, str] = {}
    for each in reversed(class_.__mro__):
        found |= _own_explanations(each)
    return found


def _own_explanations(class_: type) -> dict[str, str]:
    try:
        [tree] = ast.parse(textwrap.dedent(inspect.getsource(class_))).body
    except (OSError, TypeError, SyntaxError):
        return {}
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    return {
        target.id: " ".join(behind.value.value.split())
        for declared, behind in itertools.pairwise(body)
        if isinstance(declared, ast.Assign)
        and isinstance(behind, ast.Expr)
        and isinstance(behind.value, ast.Constant)
        and isinstance(behind.value.value, str)
        for target in declared.targets
        if isinstance(target, ast.Name)
    }


def filled_in(request: R, given: Mapping[str, Any]) -> R:
    """Set on a request what was given on the command line."""
    for name, value in given.items():
        if value not in (None, ()):
            request = getattr(request, name)(value)
    return request
