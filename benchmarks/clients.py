"""Clients that ask for the details of an order, many at once: bare aiohttp, and ours."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final

import aiohttp

from benchmarks.measuring import Block
from benchmarks.payloads import NUMBER, touch_details, touch_json
from benchmarks.peers import WHO
from ingram_orders import OrdersClient, wire

AT_ONCE: Final = 64

Call = Callable[[], Awaitable[object]]


def our_client(port: int, **settings: Any) -> OrdersClient:
    """Make a client of the minimal server's."""
    given = {"base_url": f"http://127.0.0.1:{port}", "limiter": None, **settings}
    return OrdersClient("id", "secret", customer_number=WHO[0], country_code=WHO[1], **given)


@asynccontextmanager
async def ours(port: int, **settings: Any) -> AsyncIterator[Call]:
    """Give what asks by our client, and touches all of the order."""
    async with our_client(port, **settings) as client:

        async def call() -> list[Any]:
            return touch_details(await client.details(NUMBER).execute())

        yield call


@asynccontextmanager
async def bare(port: int, touch: Callable[[Any], object] = touch_json) -> AsyncIterator[Call]:
    """Give what asks by aiohttp alone, with our client's headers, reads the JSON, and looks at the same values."""
    client = our_client(port)
    out = wire.encode(client.details(NUMBER), wire.Defaults(client.defaults), WHO[2] * 5)
    url, headers = f"http://127.0.0.1:{port}{out.target}", {**out.headers, "Authorization": "Bearer a-token"}
    async with aiohttp.ClientSession() as session:

        async def call() -> Any:
            async with session.get(url, headers=headers) as answer:
                return touch(json.loads(await answer.read()))

        yield call


@contextmanager
def in_one_loop(clients: Sequence[AbstractAsyncContextManager[Call]]) -> Iterator[list[Block]]:
    """Open clients in one event loop; give a block of each, which makes calls of 64 tasks."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        def block_of(call: Call) -> Block:
            return lambda times: runner.run(_call(call, times))

        try:
            yield [block_of(runner.run(stack.enter_async_context(it))) for it in clients]
        finally:
            runner.run(stack.aclose())


async def _call(call: Call, times: int) -> None:
    left = iter(range(times))

    async def task() -> None:
        for _ in left:
            await call()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(task())


@contextmanager
def our_block(port: int) -> Iterator[Block]:
    """Give a block of our client's, alone in its loop."""
    with in_one_loop([ours(port)]) as [block]:
        yield block
