"""
Names of a package, each loaded when it is first named (PEP 562): who reads an order need not wait for what places one.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module


def lazy_names(
    package: str, homes: Mapping[str, Iterable[str]]
) -> tuple[list[str], Callable[[str], object], Callable[[], list[str]]]:
    """
    Give a package's `__all__`, `__getattr__` and `__dir__`.

    Args:
        package: Its name.
        homes: Its modules, each with the names in it that are public.
    """
    home_of = {name: home for home, names in homes.items() for name in names}
    namespace = vars(sys.modules[package])

    def load(name: str) -> object:
        if name in home_of:
            value = getattr(import_module(f"{package}.{home_of[name]}"), name)
            namespace[name] = value  # from now on it is found without us
            return value
        if name in homes:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return sorted(home_of), load, lambda: sorted({*namespace, *homes, *home_of})
