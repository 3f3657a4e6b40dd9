"""A search without a server: a list of order numbers, given page by page, that may change before each page is read."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

from attrs import define, field

from ingram_orders import FoundOrder
from ingram_orders.builder import Response
from ingram_orders.models import OrderSearchResponse
from ingram_orders.paginator import Paginator


def page_of(*numbers: str, said: int | None = None, body: bytes = b"") -> Response[OrderSearchResponse]:
    """Give a page as a search does; one without orders is a 204."""
    orders = tuple(FoundOrder(ingram_order_number=it) for it in numbers)
    return Response(
        model=OrderSearchResponse(records_found=said if orders else 0, orders=orders),
        status=200 if orders else 204,
        headers={},
        correlation_id="id",
        attempts=1,
        body=body,
    )


@define
class Pages:
    """Asks for pages of *numbers*, as `Paginator` wants it."""

    numbers: list[str]
    size: int
    """Orders on a full page."""
    said: Callable[[int], int | None] = lambda found: found
    """What it says is found, of what is."""
    shown: Callable[[int], int] = lambda page: page
    """Which page it shows where one is asked for."""
    given: int | None = None
    """Orders on a page that it gives; `None` is for *size*."""
    before: Callable[[], None] = lambda: None
    """Done before each page is read."""
    turns: Iterable[int] = repeat(0)
    """How many turns of the loop each page takes until it is read: so those of a wave are read in any order."""
    asked: list[int] = field(factory=list)
    _turns: Iterator[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._turns = iter(self.turns)

    async def __call__(self, page: int) -> Response[OrderSearchResponse]:
        self.asked.append(page)
        for _ in range(next(self._turns)):
            await asyncio.sleep(0)
        self.before()
        size = self.size if self.given is None else self.given
        first = (self.shown(page) - 1) * size
        return page_of(*self.numbers[first : first + size], said=self.said(len(self.numbers)))

    def walk(self, *, at_once: int = 1, start: str | None = None, thorough: bool = False) -> Paginator:
        """Give a paginator of it."""
        return Paginator(
            self, search=lambda: "these", page_size=self.size, at_once=at_once, start=start, thorough=thorough
        )


async def numbers_of(walk: Paginator, limit: int | None = None) -> list[str]:
    """Collect the orders' numbers."""
    return [it.ingram_order_number or "" for it in await walk.collect(limit)]
