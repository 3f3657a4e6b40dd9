"""Every Python block of the README runs, and prints what the text block behind it says; those that are tests pass."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")
# A block of Python, and the block of text that follows it with nothing between.
BLOCKS = re.findall(r"^```python(?: (\w+))?\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", README, re.MULTILINE | re.DOTALL)
RUN = [(code, expected) for kind, code, expected in BLOCKS if not kind]
TESTS = [code for kind, code, _ in BLOCKS if kind == "pytest"]


def test_the_blocks_are_found() -> None:
    assert len(RUN) == README.count("\n```python\n") >= 6
    assert len(TESTS) == README.count("\n```python pytest\n") == 1
    assert sum(bool(expected) for _, expected in RUN) == README.count("\n```text\n")


@pytest.mark.parametrize(("code", "expected"), RUN, ids=[f"block-{number}" for number in range(1, len(RUN) + 1)])
def test_a_block_runs_and_prints_what_it_says(code: str, expected: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stderr == ""
    assert ran.returncode == 0
    if expected:
        assert ran.stdout == expected


@pytest.mark.parametrize("code", TESTS)
def test_a_service_is_tested_as_the_readme_shows(tmp_path: Path, code: str) -> None:
    [line] = re.findall(r"`(pytest_plugins = .*?)`", README)
    tmp_path.joinpath("conftest.py").write_text(line, "utf-8")
    tmp_path.joinpath("test_service.py").write_text(code, "utf-8")
    tmp_path.joinpath("pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n", "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error"], capture_output=True, text=True, timeout=120, check=False,
        cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout
    assert "1 passed" in ran.stdout


@pytest.mark.slow
def test_the_blocks_are_typed_as_strictly_as_the_package(tmp_path: Path) -> None:
    for number, code in enumerate([*(code for code, _ in RUN), *TESTS]):
        tmp_path.joinpath(f"block_{number}.py").write_text(code, "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", *map(str, sorted(tmp_path.glob("*.py")))],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stdout


def test_its_first_screen_holds_the_two_commands() -> None:
    commands = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
    assert all(command.count("\n") == 1 for command in commands)
    assert README.index(commands[1]) < 1500
