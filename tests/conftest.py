"""What many tests need: a sandbox with a client, and the suite's way with warnings and leftovers."""

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest
from hypothesis import HealthCheck, settings
from support.calls import Later

from ingram_orders import OrdersClient
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


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(orders=30) as running:
        yield running


@pytest.fixture
async def orders(sandbox: Sandbox) -> AsyncIterator[OrdersClient]:
    async with sandbox.client() as client:
        yield client


class _Response(aiohttp.ClientResponse):
    """Takes what aiohttp from 3.14 on requires and aioresponses does not give."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
            kwargs.setdefault("stream_writer", Mock())
        super().__init__(*args, **kwargs)


@pytest.fixture
def mocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[aioresponses.aioresponses]:
    """Answers in the place of the network; for where only the answer matters."""
    monkeypatch.setattr(aioresponses.core, "ClientResponse", _Response)
    with aioresponses.aioresponses() as mock:
        yield mock


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Move the running loop's clock, so that a minute is over at once."""

    def move(seconds: float) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + seconds)

    return move
