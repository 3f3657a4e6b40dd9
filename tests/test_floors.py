"""Imports point down, so that any file can be read with only the floors below it in mind."""

import ast
from pathlib import Path

import pytest

import ingram_orders

PACKAGE = Path(ingram_orders.__file__).parent

# A file imports from floors below its own; files of one folder may import each other.
FLOORS = {
    "lazy": -1,  # how `models` and the package itself load their files
    "_version": 0,
    "crowd": 0,
    "errors": 0,
    "models": 0,
    "fields": 1,
    "scalars": 1,
    "shapes": 2,
    "generated": 3,
    "converters": 4,
    "checking": 5,
    "exact_json": 1,
    "limiter": 1,
    "logs": 0,
    "builder": 1,
    "oauth": 1,
    "paginator": 2,
    "planning": 1,
    "retry": 1,
    "settings": 1,
    "sightings": 1,
    "storage": 1,
    "status_store": 5,
    "watched": 2,
    "vendor_info": 5,
    "webhooks": 5,
    "journal": 2,
    "operations": 4,
    "refusals": 2,
    "fanout": 6,
    "finding": 6,
    "wire": 6,
    "pacing": 7,
    "confirming": 7,
    "seen": 2,
    "delivering": 6,
    "inbox": 7,
    "receiving": 8,
    "polling": 7,
    "awaiting": 7,
    "placing": 7,
    "placing_v6": 8,
    "placing_v7": 8,
    "recovering": 8,
    "resolving": 7,
    "exchange": 3,
    "watches": 4,
    "transport": 7,
    "session": 8,
    "client": 9,
    "sandbox": 10,
    "cli": 11,
    "testing": 11,
    "__main__": 12,
    "__init__": 12,
}
# Who may know of the libraries that we stand on.
LIBRARIES = {
    "aiohttp": {"exchange", "watches", "transport", "receiving", "sandbox", "cli", "testing"},
    "pytest": {"testing"},
    "pytest_asyncio": {"testing"},
    "aioresponses": {"testing"},
    "yarl": {"transport"},
    "multidict": {"exchange", "transport"},
    "cattrs": {"converters", "generated"},
    "msgspec": {"exact_json", "shapes"},
    "uvloop": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "json": {"errors", "exact_json", "journal", "paginator", "sandbox", "status_store"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def part_of(file: Path) -> str:
    """Name the floor's entry that a file belongs to."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(file: Path) -> set[str]:
    """Give the full names of the modules that a file imports when it runs, wherever and whenever."""
    found: set[str] = set()
    tree = ast.parse(file.read_text("utf-8"))
    for_types = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    unseen = {id(inner) for node in for_types for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            # The package itself is the floor above all others.
            found |= {"ingram_orders.__init__" if it.name == "ingram_orders" else it.name for it in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "lazy_names":
            package = ".".join(file.parent.relative_to(PACKAGE.parent).parts)
            homes = node.args[1]
            assert isinstance(homes, ast.Dict)
            found |= {f"{package}.{ast.literal_eval(home)}" for home in homes.keys if home}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            assert node.module is not None
            # `from ingram_orders import wire` imports a module, not a name.
            whole = node.module == "ingram_orders"
            found |= {f"{node.module}.{alias.name}" if whole else node.module for alias in node.names}
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda it: str(it.relative_to(PACKAGE)))
def test_a_file_imports_only_from_floors_below_its_own(file: Path) -> None:
    own = part_of(file)
    for module in imports_of(file):
        if module.startswith("ingram_orders."):
            other = module.split(".")[1]
            assert other == own or FLOORS[other] < FLOORS[own], f"{own} imports {module}"


@pytest.mark.parametrize("file", FILES, ids=lambda it: str(it.relative_to(PACKAGE)))
def test_a_library_is_known_only_where_it_belongs(file: Path) -> None:
    for module in imports_of(file):
        allowed = LIBRARIES.get(module.split(".")[0])
        assert allowed is None or part_of(file) in allowed, f"{file.name} imports {module}"


def test_every_file_has_a_floor() -> None:
    assert {part_of(file) for file in FILES} == set(FLOORS)


def test_the_sandbox_shares_no_code_with_the_client() -> None:
    """It may hand out a client, and keeps its state as others do; two wrongs must not agree on the API."""
    for file in (PACKAGE / "sandbox").glob("*.py"):
        ours = {it for it in imports_of(file) if it.startswith("ingram_orders.") and ".sandbox" not in it}
        assert ours <= {"ingram_orders.client", "ingram_orders.errors", "ingram_orders.storage"}, file.name
