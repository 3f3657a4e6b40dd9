"""What `ingram_orders` lists is public, and all else may move."""

import inspect
from pathlib import Path
from typing import Final

import ingram_orders
from ingram_orders import errors, models

PUBLIC: Final[list[str]] = vars(ingram_orders)["__all__"]  # which type checkers do not know of


def test_all_lists_each_name_once_and_nothing_private() -> None:
    assert sorted(set(PUBLIC)) == PUBLIC
    assert [it for it in PUBLIC if it.startswith("_")] == ["__version__"]


def test_every_error_and_every_model_is_public() -> None:
    classes = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert {name for name in classes if getattr(errors, name).__module__ == errors.__name__} <= set(PUBLIC)
    assert set(vars(models)["__all__"]) <= set(PUBLIC)


def test_every_error_is_drawn_in_the_tree() -> None:
    for name, value in vars(errors).items():
        if inspect.isclass(value) and issubclass(value, errors.IngramError):
            assert f" {name} " in f"{errors.__doc__} ".replace("\n", " ")


def test_everything_public_is_explained() -> None:
    for name in PUBLIC:
        value = getattr(ingram_orders, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name


def test_the_package_ships_its_types() -> None:
    assert Path(ingram_orders.__file__).with_name("py.typed").is_file()


def test_settings_are_the_clients_keyword_arguments() -> None:
    parameters = inspect.signature(ingram_orders.OrdersClient).parameters.values()
    assert set(ingram_orders.Settings.__annotations__) == {it.name for it in parameters if it.kind is it.KEYWORD_ONLY}
