"""The command line's demo, as a stranger runs it."""

import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from ingram_orders import __version__
from ingram_orders.cli.commands import ingram_orders


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    result = CliRunner(env=environment).invoke(ingram_orders, arguments, catch_exceptions=False)
    return result.exit_code, result.output


def test_the_demo_does_a_working_days_round() -> None:
    code, printed = run("demo")
    assert code == 0
    for told in (
        "The newest 8 of ",
        "Status 207: some lines were rejected",
        "rejected: SKU-NOTFOUND",
        "and release it",
        "Released; it is processing",
        "Status 201: all of it is ordered",
        "It is cancelled",
        "NotOnHoldError (405)",
        "Confirmation 1600000001",
        "none of which left this machine",
    ):
        assert told in printed
    assert "…" not in printed  # at 80 columns nothing is cut


@pytest.mark.parametrize("orders", ["0", "1", "500"])
def test_the_demo_copes_with_few_orders_and_many(orders: str) -> None:
    code, printed = run("demo", "--orders", orders, "--seed", "7")
    assert code == 0
    assert "Done:" in printed


def test_a_narrow_terminal_cuts_no_amount() -> None:
    _, wide = run("demo")
    _, narrow = run("demo", COLUMNS="40")
    assert set(re.findall(r"[\d,]+\.\d\d", wide)) <= set(re.findall(r"[\d,]+\.\d\d", narrow))


def test_the_version_is_told() -> None:
    assert run("--version") == (0, f"ingram-orders, version {__version__}\n")


def test_the_module_runs_as_the_command_does() -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-m", "ingram_orders", "demo", "--orders", "3"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Done:" in ran.stdout


def test_without_its_extra_the_command_says_what_it_needs() -> None:
    """As if click were not installed: its import is made to fail."""
    script = "import sys; sys.modules['click'] = None\nfrom ingram_orders.cli import main\nmain()"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert ran.stderr == "the command line needs click: pip install 'ingram-orders[cli]'\n"


def test_importing_the_library_brings_nothing_of_the_sandbox_or_the_command_line() -> None:
    script = (
        "import sys, ingram_orders\n"
        "for name in ('click', 'rich', 'aiohttp.web_runner', 'ingram_orders.sandbox', 'ingram_orders.cli'):\n"
        "    print(name, name in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    loaded = {line.split()[0] for line in ran.stdout.splitlines() if line.endswith("True")}
    assert loaded <= {"aiohttp.web_runner"}  # aiohttp imports its own server with its client
