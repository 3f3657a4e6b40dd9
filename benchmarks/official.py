"""The official SDK as it is used, with all its own layers: reading, writing, and calling with threads."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from xi.sdk import resellers

from benchmarks.measuring import Block
from benchmarks.payloads import NUMBER, touch_details_of_sdk
from benchmarks.peers import WHO


def api(host: str = "http://127.0.0.1", *, at_once: int = 1) -> Any:
    """Make its API, that keeps as many connections as are used at once."""
    settings = resellers.Configuration(host=host, access_token="a-token")  # noqa: S106  # of nobody
    settings.connection_pool_maxsize = at_once
    return resellers.OrdersApi(resellers.ApiClient(settings))


def reader(model: str) -> Callable[[bytes], Any]:
    """Give what it does with the bytes of an answer to have its model."""
    read = api().api_client.deserialize
    return lambda body: read(body.decode("utf-8"), model, "application/json")


def writer(body: bytes) -> Callable[[], bytes]:
    """Give what writes a create request, read from these bytes before, as its `post_createorder_v6` does."""
    model = resellers.OrderCreateRequest.from_dict(json.loads(body))
    serialize = api()._post_createorder_v6_serialize  # all of that but the sending; it has no public name

    def write() -> bytes:
        _, _, _, written, _ = serialize(*WHO, model, None, None, None, None, 0)
        return json.dumps(written).encode()

    return write


@contextmanager
def calls(port: int, at_once: int) -> Iterator[Block]:
    """Give a block that makes calls of so many threads, and touches all of each order."""
    orders = api(f"http://127.0.0.1:{port}", at_once=at_once)

    def block(times: int) -> None:
        left = iter(range(times))

        def thread() -> None:
            for _ in left:
                touch_details_of_sdk(orders.get_orderdetails_v6_1(NUMBER, *WHO))

        for done in [threads.submit(thread) for _ in range(at_once)]:
            done.result()

    with ThreadPoolExecutor(at_once) as threads:
        yield block
    orders.api_client.rest_client.pool_manager.clear()  # which it does not do by itself
