"""What is imported when: counted, since times wander; `benchmarks` has the times."""

import ast
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

import ingram_orders
from ingram_orders import models

PACKAGES: Final = [ingram_orders, models]
CLIENT: Final = """
from ingram_orders import OrdersClient
OrdersClient("id", "secret", customer_number="1", country_code="US").details("20-RD3QV")
"""
REPORT: Final = """
import gc, json, sys
ours = [it for it in sys.modules if it.partition(".")[0] == "ingram_orders"]
shapes = {
    f"{it.__module__}.{it.__qualname__}"
    for it in gc.get_objects()
    if isinstance(it, type) and "__attrs_attrs__" in vars(it) and it.__module__.partition(".")[0] == "ingram_orders"
}
print(json.dumps({"modules": sorted(sys.modules), "ours": sorted(ours), "shapes": sorted(shapes)}))
"""
NOT_FOR_ORDERS: Final = {
    "ingram_orders.cli",
    "ingram_orders.sandbox",
    "ingram_orders.testing",
    "ingram_orders.inbox",
    "ingram_orders.journal",
    "ingram_orders.models.create",
    "ingram_orders.models.create_v7",
    "ingram_orders.polling",
    "click",
    "msgspec",
    "pytest",
    "rich",
    "sqlite3",
    "uvloop",
}


def fresh(code: str) -> Any:
    """Run code in a process of its own, and give what it prints, as JSON."""
    # Not measured by coverage, which loads modules of its own accord, and ours with them.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, timeout=60, check=False, env=environment,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def names_of(package: ModuleType) -> list[str]:
    """Give a package's `__all__`, which type checkers do not know of."""
    names: list[str] = vars(package)["__all__"]
    return names


def for_type_checkers(package: ModuleType) -> dict[str, str]:
    """Give the names that a package imports for type checkers only, and from where; a star is one name."""
    assert package.__file__ is not None
    tree = ast.parse(Path(package.__file__).read_text("utf-8"))
    [block] = [it for it in tree.body if isinstance(it, ast.If)]
    return {
        alias.name: statement.module or ""
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
        if alias.asname == alias.name or alias.name == "*"
    }


def test_the_package_by_itself_loads_next_to_nothing() -> None:
    """So the command line, too, is in charge before the long part of importing begins."""
    report = fresh(f"import ingram_orders.cli{REPORT}")
    assert report["shapes"] == []
    assert len(report["ours"]) <= 5, report["ours"]
    assert not {"aiohttp", "attr", "cattrs"} & set(report["modules"])


def test_a_client_that_reads_orders_loads_what_reading_needs() -> None:
    report = fresh(f"{CLIENT}{REPORT}")
    assert not NOT_FOR_ORDERS & set(report["modules"])
    assert len(report["ours"]) <= 31, report["ours"]
    assert len(report["shapes"]) <= 55, report["shapes"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda it: it.__name__)
def test_type_checkers_see_just_the_names_that_are_loaded_when_named(package: ModuleType) -> None:
    seen = for_type_checkers(package)
    if seen.pop("*", None) == models.__name__:
        seen |= dict.fromkeys(names_of(models), models.__name__)
    assert set(seen) == set(names_of(package)) - {"__version__"}  # which needs no loading
    for name, module in seen.items():
        assert getattr(package, name) is getattr(sys.modules[module], name)


def test_every_name_can_be_the_first_that_is_named() -> None:
    """Whatever the order, so that no module waits for another that waits for it."""
    names = [*names_of(ingram_orders)]
    for _ in range(3):
        random.shuffle(names)
        code = f"import json, ingram_orders\nprint(json.dumps([getattr(ingram_orders, it) is None for it in {names}]))"
        assert fresh(code) == [False] * len(names), names


@pytest.mark.parametrize(
    "statement",
    [
        "from ingram_orders import *; OrdersClient, OrderDetailB2B, structure, __version__",
        "import ingram_orders; ingram_orders.errors.NotFoundError, ingram_orders.webhooks.read",
        "from ingram_orders import webhooks; webhooks.read",
        "from ingram_orders.models import *; OrderDetailB2B",
        "from ingram_orders.models import AsyncOrderCreateDTO",
        "import ingram_orders.models.create_v7",
        "from ingram_orders import StatusChange",
        "from ingram_orders import webhook_handler",
        "from ingram_orders import PlacedOrderV7",
        "from ingram_orders import structure, OrderCreateRequest; structure({}, OrderCreateRequest)",
        "import pickle; pickle.loads(b'cingram_orders.models.details\\nOrderDetailB2B\\n.')",
    ],
)
def test_every_way_of_importing_works_by_itself(statement: str) -> None:
    assert fresh(f"{statement}\nprint(1)") == 1


@pytest.mark.parametrize("package", PACKAGES, ids=lambda it: it.__name__)
def test_what_is_not_there_is_an_attribute_error(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'OrderClient'"):
        _ = package.OrderClient
    with pytest.raises(ImportError, match="cannot import name 'OrderClient'"):
        exec(f"from {package.__name__} import OrderClient")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda it: it.__name__)
def test_dir_lists_what_was_not_named_yet(package: ModuleType) -> None:
    listed = fresh(f"import json, {package.__name__} as it\nprint(json.dumps(dir(it)))")
    assert set(names_of(package)) <= set(listed)
    assert {"__doc__", "__file__"} <= set(listed)
    assert listed == sorted(set(listed))


def test_who_interrupts_the_command_line_while_it_is_being_imported_sees_no_traceback() -> None:
    script = """
import runpy, sys

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "aiohttp":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
sys.argv[1:] = ["search"]
runpy.run_module("ingram_orders", run_name="__main__")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


def test_what_reads_an_answer_is_there_before_an_order_is_sent() -> None:
    """Else an order might be placed, and its answer lost to an import that fails."""
    script = """
import json, sys
from ingram_orders import OrdersClient
orders = OrdersClient("id", "secret", customer_number="1", country_code="US")
orders.check(orders.modify("20-RD3QV").action_code("release"))
from ingram_orders import OrderModifyResponse, converters
made = converters._reader.cache_info()
converters._reader(OrderModifyResponse)
print(json.dumps([made.misses, converters._reader.cache_info().misses, "cattrs" in sys.modules]))
"""
    assert fresh(script) == [1, 1, True]
