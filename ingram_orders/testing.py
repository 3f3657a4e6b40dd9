"""
Fixtures for tests with pytest: `pytest_plugins = ["ingram_orders.testing"]` in the topmost `conftest.py`.

- `ingram_sandbox`: a `Sandbox` that runs for one test; `ingram_sandbox_settings` says with what, and may be overridden.
- `orders`: an `OrdersClient` for it.
- `ingram_answers`: an `aioresponses` mock, for tests in which only the answer matters.

Needs the extra `testing`.
"""

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import aiohttp
import pytest
import pytest_asyncio

from ingram_orders.client import OrdersClient
from ingram_orders.sandbox import Sandbox

if TYPE_CHECKING:
    from aioresponses import aioresponses


@pytest.fixture
def ingram_sandbox_settings() -> dict[str, Any]:
    """The arguments of the sandbox; override it for others than 100 orders made from seed 1."""
    return {"orders": 100}


@pytest_asyncio.fixture
async def ingram_sandbox(ingram_sandbox_settings: dict[str, Any]) -> AsyncIterator[Sandbox]:
    """A sandbox that runs for one test."""
    async with Sandbox(**ingram_sandbox_settings) as sandbox:
        yield sandbox


@pytest_asyncio.fixture
async def orders(ingram_sandbox: Sandbox) -> AsyncIterator[OrdersClient]:
    """A client for the sandbox."""
    async with ingram_sandbox.client() as client:
        yield client


class _Response(aiohttp.ClientResponse):
    """Takes what aiohttp from 3.14 on requires and aioresponses 0.7.9 does not give."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters:
            kwargs.setdefault("stream_writer", Mock())
        super().__init__(*args, **kwargs)


@pytest.fixture
def ingram_answers(monkeypatch: pytest.MonkeyPatch) -> "Iterator[aioresponses]":
    """
    Answers in the place of the network, by aioresponses, made to work with the newest aiohttp.

    A sandbox of the same test is still reached: what goes to this machine passes.
    """
    from aioresponses import aioresponses, core

    monkeypatch.setattr(core, "ClientResponse", _Response)
    with aioresponses(passthrough=["http://127.0.0.1"]) as answers:
        yield answers
