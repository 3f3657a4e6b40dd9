"""What many tests need: a sandbox with a client, and the suite's way with warnings and leftovers."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings
from support import leftovers
from support.calls import Later

from ingram_orders.sandbox import Sandbox

# HYPOTHESIS_PROFILE=ci tries the same cases every time, so that it fails for changes only.
for profile, derandomized in {"default": False, "ci": True}.items():
    settings.register_profile(
        profile,
        deadline=None,  # a loaded machine is no failure
        derandomize=derandomized,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

pytest_plugins = ["ingram_orders.testing"]

leftovers.watch()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """After every test: no thread, connection, file, turn or place. Begun before the loop, and so ended after it."""
    handles = leftovers.Handles()
    yield
    assert [*leftovers.held()] == []
    assert handles.left() == set()


@pytest.fixture(autouse=True)
async def no_task_is_left(nothing_is_left: None) -> AsyncIterator[None]:
    """Nor a task of its loop; those that were about to end may do so."""
    yield
    for _ in range(3):
        await asyncio.sleep(0)
    assert leftovers.tasks() == set()


@pytest.fixture
def sandbox(ingram_sandbox: Sandbox) -> Sandbox:
    return ingram_sandbox


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Move the running loop's clock, so that a minute is over at once."""

    def move(seconds: float) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + seconds)

    return move
