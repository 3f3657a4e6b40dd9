"""Walking the pages of a search: each order once, none missed that need not be, and never for ever."""

import asyncio
import base64
import itertools
import json
import pickle
import tracemalloc
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from support.clients import client_for
from support.pages import Pages, numbers_of
from support.placing import HOLD, order, placed
from support.raw_server import RawServer, http
from support.world import World

from ingram_orders import (
    ConfigurationError,
    ConnectionFailedError,
    FoundOrder,
    InvalidRequestError,
    Paginator,
    ServerError,
    UnreadableAnswerError,
)
from ingram_orders.sandbox import faults

# ── Lists that change while one walks ───────────────────────────────────────────────────────────────────────────────

sizes = st.integers(1, 5) | st.sampled_from([7, 10, 100])
waves = st.integers(1, 4)
turns = st.lists(st.integers(0, 3), min_size=1, max_size=12).map(itertools.cycle)
places = st.integers(0, 39) | st.sampled_from([0, -1])
removals = st.lists(st.lists(places, max_size=10), max_size=25)
"""Before each page that is read, where orders are removed."""
inserting = st.lists(st.lists(st.tuples(st.booleans(), places), max_size=6), max_size=25)
"""Before each page that is read, where orders are removed, or inserted."""


def numbered(count: int) -> list[str]:
    return [f"20-{number}" for number in range(count)]


@settings(max_examples=400)
@given(count=st.integers(0, 40), size=sizes, at_once=waves, removed=removals, turns=turns, thorough=st.booleans())
def test_where_orders_are_only_removed_none_is_missed_that_was_there_throughout(
    count: int, size: int, at_once: int, removed: list[list[int]], turns: Iterator[int], thorough: bool
) -> None:
    """Whatever goes between two pages, and in whatever order those of a wave are read."""
    pages = Pages(numbered(count), size, turns=turns)
    pages.before = removing(pages.numbers, iter(removed))
    walk = pages.walk(at_once=at_once, thorough=thorough)
    found = asyncio.run(numbers_of(walk))
    assert len(found) == len({*found})
    assert {*pages.numbers} <= {*found} <= {*numbered(count)}
    assert walk.drift.is_told
    assert not walk.drift.inserted


def removing(numbers: list[str], removed: Iterator[list[int]]) -> Callable[[], None]:
    def remove() -> None:
        for place in next(removed, ()):
            if numbers:
                numbers.pop(place if place < 0 else place % len(numbers))

    return remove


@settings(max_examples=400)
@given(
    count=st.integers(0, 40), size=sizes, at_once=waves, removed=removals, turns=turns,
    stops=st.lists(st.integers(0, 20), max_size=4), meanwhile=removals,
)  # fmt: skip
def test_gone_on_with_elsewhere_it_misses_none_that_was_there_throughout(
    count: int, size: int, at_once: int, removed: list[list[int]], turns: Iterator[int],
    stops: list[int], meanwhile: list[list[int]],
) -> None:  # fmt: skip
    """From the cursor behind any order, by a paginator that knows nothing else, after more were removed."""
    pages = Pages(numbered(count), size, turns=turns)
    pages.before = removing(pages.numbers, iter(removed))
    remove = removing(pages.numbers, iter(meanwhile))

    async def walk() -> set[str]:
        found, start = set[str](), None
        for stop in stops:
            part = pages.walk(at_once=at_once, start=start)
            here = await taken(aiter(part), stop)
            assert len(here) == len({*here})
            found |= {*here}
            start = part.cursor
            remove()
        return found | {*await numbers_of(pages.walk(at_once=at_once, start=start))}

    found = asyncio.run(walk())
    assert {*pages.numbers} <= found


async def taken(orders: AsyncIterator[FoundOrder], count: int) -> list[str]:
    """Give the numbers of so many orders, or of all there are."""
    numbers: list[str] = []
    while len(numbers) < count and (found := await anext(orders, None)) is not None:
        numbers.append(found.ingram_order_number or "")
    return numbers


@settings(max_examples=300)
@given(count=st.integers(0, 40), size=sizes, at_once=waves, changes=inserting, turns=turns)
def test_where_orders_come_and_go_each_is_given_once_and_it_ends(
    count: int, size: int, at_once: int, changes: list[list[tuple[bool, int]]], turns: Iterator[int]
) -> None:
    """Of those that were there throughout some may be missed, since a coming and a going cancel out."""
    pages = Pages(numbered(count), size, turns=turns)
    left, new = iter(changes), itertools.count(count)

    def change() -> None:
        for inserts, place in next(left, ()):
            if inserts:
                pages.numbers.insert(place % (len(pages.numbers) + 1), f"20-{next(new)}")
            elif pages.numbers:
                pages.numbers.pop(place if place < 0 else place % len(pages.numbers))

    pages.before = change
    found = asyncio.run(numbers_of(pages.walk(at_once=at_once)))
    assert len(found) == len({*found})


@settings(max_examples=300)
@given(
    count=st.integers(0, 40), size=sizes, at_once=waves, turns=turns,
    inserted=st.lists(st.integers(0, 30), max_size=8),
)  # fmt: skip
def test_where_orders_only_come_and_first_none_is_missed(
    count: int, size: int, at_once: int, turns: Iterator[int], inserted: list[int]
) -> None:
    """The newest come first: they push the others back, whole pages of them."""
    pages = Pages(numbered(count), size, turns=turns)
    left, new = iter(inserted), itertools.count(count)
    pages.before = lambda: pages.numbers.__setitem__(slice(0, 0), [f"20-{next(new)}" for _ in range(next(left, 0))])
    walk = pages.walk(at_once=at_once)
    found = asyncio.run(numbers_of(walk))
    assert len(found) == len({*found})
    assert {*numbered(count)} <= {*found}
    assert not walk.drift.removed


# ── Lies ────────────────────────────────────────────────────────────────────────────────────────────────────────────

lies = st.lists(st.none() | st.integers(-3, 60) | st.integers(0, 10**6), min_size=1, max_size=12)


@settings(max_examples=400)
@given(count=st.integers(0, 40), size=sizes, at_once=waves, told=lies, turns=turns, thorough=st.booleans())
def test_whatever_is_said_to_be_found_none_is_missed_and_it_ends(
    count: int, size: int, at_once: int, told: list[int | None], turns: Iterator[int], thorough: bool
) -> None:
    """At most 5 calls for each page there is, and 30, whatever is said; most of the time it is 1 each, and 1 or 2."""
    saying = itertools.cycle(told)
    pages = Pages(numbered(count), size, said=lambda _: next(saying), turns=turns)
    assert asyncio.run(numbers_of(pages.walk(at_once=at_once, thorough=thorough))) == numbered(count)
    assert len(pages.asked) <= 5 * (-(-count // size) + 1) + 30


Said = Callable[[int, int], int | None]
SAYINGS: dict[str, tuple[Said, int]] = {
    "the truth": (lambda found, call: found, 4),
    "nothing": (lambda found, call: None, 5),
    "zero": (lambda found, call: 0, 5),
    "too few": (lambda found, call: found - 2, 5),
    "one": (lambda found, call: 1, 5),
    "one too many": (lambda found, call: found + 1, 5),
    "too many": (lambda found, call: found + 1000, 6),
    "more each time": (lambda found, call: found + call, 7),
    "less each time": (lambda found, call: 1000 - call, 12),
    "what is left": (lambda found, call: max(found - 3 * call, 0), 8),
    "the page's own": (lambda found, call: 3, 5),
    "to and fro": (lambda found, call: found + call % 2, 23),
}


@pytest.mark.parametrize(("said", "calls"), SAYINGS.values(), ids=SAYINGS)
async def test_what_is_said_to_be_found_may_cost_calls_and_nothing_else(said: Said, calls: int) -> None:
    call = itertools.count()
    pages = Pages(numbered(11), 3, said=lambda found: said(found, next(call)))
    assert await numbers_of(pages.walk()) == numbered(11)
    assert len(pages.asked) == calls


async def test_a_number_that_is_far_too_high_holds_nothing_up() -> None:
    pages = Pages(numbered(11), 3, said=lambda _: 10**15)
    assert await numbers_of(pages.walk(at_once=4)) == numbered(11)
    assert pages.asked == [1, 2, 3, 4, 5, 4]


@settings(max_examples=200)
@given(count=st.integers(1, 40), size=sizes, at_once=waves, told=lies, last=st.integers(1, 4), turns=turns)
def test_a_server_that_gives_a_page_again_and_again_ends_a_walk(
    count: int, size: int, at_once: int, told: list[int | None], last: int, turns: Iterator[int]
) -> None:
    """One that has no page behind its last, and gives that; one that does not look at the number gives the first."""
    saying = itertools.cycle(told)
    pages = Pages(numbered(count), size, said=lambda _: next(saying), shown=lambda page: min(page, last), turns=turns)
    assert asyncio.run(numbers_of(pages.walk(at_once=at_once))) == numbered(count)[: last * size]
    assert len(pages.asked) <= 5 * (last + 1) + 30


@pytest.mark.parametrize("said", [lambda found: found, lambda found: None, lambda found: found + 100])
@pytest.mark.parametrize("shown", [1, 3])
async def test_a_page_without_a_new_order_ends_it(said: Callable[[int], int | None], shown: int) -> None:
    pages = Pages(numbered(9), 3, said=said, shown=lambda page: min(page, shown))
    assert await numbers_of(pages.walk()) == numbered(3 * shown)
    assert pages.asked == [*range(1, shown + 2)]


@settings(max_examples=200)
@given(count=st.integers(0, 40), size=st.integers(2, 9), at_once=waves, said=st.sampled_from(["truth", None, "more"]))
def test_pages_that_come_half_full_end_nothing(count: int, size: int, at_once: int, said: str | None) -> None:
    says = {"truth": lambda found: found, "more": lambda found: found + 100}.get(said or "", lambda found: None)
    pages = Pages(numbered(count), size, said=says, given=size // 2)
    assert asyncio.run(numbers_of(pages.walk(at_once=at_once))) == numbered(count)


async def test_what_is_said_too_low_ends_at_a_page_that_is_half_full_unless_one_is_thorough() -> None:
    """The one lie that costs orders: short by chance, and just as many as were said. `thorough` asks on."""
    half = Pages(numbered(6), 4, said=lambda _: 2, given=2)
    assert await numbers_of(half.walk()) == numbered(2)
    assert await numbers_of(half.walk(thorough=True)) == numbered(6)


# ── Endings, and what they cost ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("count", "thorough", "calls"),
    [
        (0, False, 1), (0, True, 1),
        (2, False, 1), (2, True, 2),
        (3, False, 2), (3, True, 2),
        (7, False, 3), (7, True, 4),
        (9, False, 4), (9, True, 4),
    ],
)  # fmt: skip
async def test_a_short_page_ends_it_where_all_were_seen(count: int, thorough: bool, calls: int) -> None:
    pages = Pages(numbered(count), 3)
    assert await numbers_of(pages.walk(thorough=thorough)) == numbered(count)
    assert pages.asked == [*range(1, calls + 1)]


@pytest.mark.parametrize(
    ("at_once", "asked"),
    [
        (1, [1, 2, 3, 4, 5]), (2, [1, 2, 3, 4, 5]), (4, [1, 2, 3, 4, 5]), (100, [1, 2, 3, 4, 5]),
    ],
)  # fmt: skip
async def test_a_wave_asks_for_no_page_that_there_cannot_be(at_once: int, asked: list[int]) -> None:
    pages = Pages(numbered(14), 3)
    assert await numbers_of(pages.walk(at_once=at_once)) == numbered(14)
    assert pages.asked == asked


async def test_where_nothing_is_said_waves_grow_with_what_was_read() -> None:
    pages = Pages(numbered(14), 3, said=lambda _: None)
    assert await numbers_of(pages.walk(at_once=4)) == numbered(14)
    assert pages.asked == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_orders_that_moved_up_are_looked_for_on_the_pages_before() -> None:
    """Three pages are walked, the first is emptied, and the last one's orders are now where it was."""
    pages = Pages(numbered(8), 2)
    walk = pages.walk()
    orders = aiter(walk)
    assert await taken(orders, 6) == numbered(6)
    del pages.numbers[:6]
    assert await taken(orders, 9) == ["20-6", "20-7"]
    assert pages.asked == [1, 2, 3, 4, 3, 2, 1]
    assert (walk.drift.removed, walk.drift.inserted, walk.drift.read_again) == (6, 0, 3)


@pytest.mark.parametrize(("at_once", "calls"), [(1, 59), (4, 56), (8, 52)])
@pytest.mark.parametrize("place", [0, -1])
async def test_where_orders_go_all_the_time_a_page_takes_three_calls(place: int, at_once: int, calls: int) -> None:
    """One goes before each page that is read: a wave would have nearly all of it to read again, so there are none."""
    pages = Pages(numbered(2000), 100)
    pages.before = removing(pages.numbers, itertools.repeat([place]))
    found = await numbers_of(pages.walk(at_once=at_once))
    assert {*pages.numbers} <= {*found}
    assert len(pages.asked) == calls


@pytest.mark.parametrize(("at_once", "calls"), [(1, 11), (3, 11)])
async def test_orders_that_one_takes_off_the_list_oneself_move_the_others_up(at_once: int, calls: int) -> None:
    """As who walks the orders on hold does, and releases each."""
    pages = Pages(numbered(30), 3)
    walk = pages.walk(at_once=at_once)
    async for it in walk:
        pages.numbers.remove(it.ingram_order_number or "")
    assert pages.numbers == []
    assert len(pages.asked) == calls


# ── Answers of every kind ───────────────────────────────────────────────────────────────────────────────────────────


def found(*orders: Any, said: Any = 9, **more: Any) -> bytes:
    return http(200, json.dumps({"recordsFound": said, "orders": orders, **more}).encode())


def named(*numbers: str | None) -> list[dict[str, str | None]]:
    return [{"ingramOrderNumber": it, "customerOrderNumber": f"PO-{it}"} for it in numbers]


ONE, TWO = named("1", "2")
NAMELESS = {"customerOrderNumber": "PO"}
OTHER = {"customerOrderNumber": "PO-OTHER"}
END = http(204)


@pytest.mark.parametrize(
    ("answers", "given", "calls"),
    [
        ((END,), [], 1),
        ((found(said=0),), [], 1), ((found(said=5),), [], 1), ((found(said=None),), [], 1),
        ((http(200, b'{"recordsFound": 0}'),), [], 1), ((http(200, b'{"recordsFound": 0, "orders": null}'),), [], 1),
        ((found(ONE, TWO, said=2),), ["1", "2"], 1), ((found(ONE, TWO, said="2"),), ["1", "2"], 1),
        ((found(ONE, said=2), found(TWO, said=2)), ["1", "2"], 2),
        ((found(ONE, said=2), found(TWO, said=1), END), ["1", "2"], 3),
        ((found(ONE), END), ["1"], 2), ((found(ONE), found(said=9)), ["1"], 2),
        *(
            ((found(ONE), http(200, end)), ["1"], 2)
            for end in (b"{}", b'{"orders": null}', b'{"orders": {}}', b'{"orders": ""}', b'{"recordsFound": 9}')
        ),
        ((http(200, b'{"orders": {"ingramOrderNumber": "1"}}'), END), ["1"], 2),
        ((found(ONE), found(ONE)), ["1"], 2), ((found(ONE), found(ONE, TWO), END), ["1", "2"], 3),
        ((found(ONE, ONE), END), ["1"], 2),
        # What cannot be read was seen all the same, and is no end.
        ((found(ONE, 7), found(TWO), END), ["1", "2"], 3), ((found(None, ONE), END), ["1"], 2),
        ((found(7, 8), found(ONE), END), ["1"], 3), ((found(["x"]), found(["y"]), found(TWO), END), ["2"], 4),
        ((found(7), found(7)), [], 2), ((found(ONE, 7, said=2),), ["1"], 1),
        # Two that are all alike are two, the same page again is not.
        ((found(NAMELESS, NAMELESS), found(OTHER), END), [None] * 3, 3),
        ((found(NAMELESS, NAMELESS), found(NAMELESS, NAMELESS)), [None] * 2, 2),
        ((found(ONE, {**ONE, "ingramOrderNumber": ""}), END), ["1", ""], 2),
    ],
)  # fmt: skip
async def test_it_ends_where_a_page_has_none_and_not_before(answers: Any, given: list[Any], calls: int) -> None:
    async with RawServer(*answers) as server, client_for(server) as orders:
        its = await orders.search().paginate().collect()
    assert [it.ingram_order_number for it in its] == given
    assert len(server.heard) == calls


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("answer", [b"{}", b'{"orders": null}', b'{"recordsFound": 1}', b'{"orders": {}}'])
async def test_a_first_page_that_does_not_say_which_orders_there_are_is_an_error(answer: bytes, at_once: int) -> None:
    async with RawServer(http(200, answer)) as server, client_for(server) as orders:
        with pytest.raises(UnreadableAnswerError, match="does not say which orders") as error:
            await orders.search().paginate(at_once).collect()
    assert (error.value.status, error.value.body) == (200, answer)


@pytest.mark.parametrize("answer", [b'{"orders": "oops"}', b'{"orders": 7}', b"[]", b"null", b"oops"])
async def test_orders_that_are_no_list_are_an_error_on_any_page(answer: bytes) -> None:
    async with RawServer(found(ONE), http(200, answer)) as server, client_for(server) as orders:
        walk = orders.search().paginate()
        with pytest.raises(UnreadableAnswerError) as error:
            await walk.collect()
        assert error.value.cursor == walk.cursor


# ── Waves, errors, cancellation ─────────────────────────────────────────────────────────────────────────────────────


class Stalls:
    """Lets each page wait until the test lets it go on, or fails it."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self.running: dict[int, asyncio.Future[None]] = {}

    async def __call__(self, page: int) -> Any:
        if page == 1:
            return await self.pages(page)
        self.running[page] = asyncio.get_running_loop().create_future()
        try:
            await self.running[page]
        finally:
            del self.running[page]
        return await self.pages(page)

    async def asked(self, *numbers: int) -> None:
        while {*self.running} != {*numbers}:  # noqa: ASYNC110  # one turn of the loop at a time
            await asyncio.sleep(0)

    def walk(self, **settings: Any) -> Paginator:
        return Paginator(self, search=lambda: "these", page_size=self.pages.size, **settings)


async def next_number(orders: AsyncIterator[FoundOrder]) -> str | None:
    return (await anext(orders)).ingram_order_number


async def test_an_error_in_a_wave_comes_after_what_was_before_it_and_one_can_go_on_from_it() -> None:
    pages = Pages(numbered(10), 2)
    stalls = Stalls(pages)
    walk = stalls.walk(at_once=4)
    orders = aiter(walk)
    assert await taken(orders, 2) == numbered(2)
    async with asyncio.TaskGroup() as group:
        third = group.create_task(next_number(orders))
        await stalls.asked(2, 3, 4, 5)
        stalls.running[3].set_exception(ConnectionFailedError("the third"))
        for page in (5, 4, 2):
            stalls.running[page].set_result(None)
    assert third.result() == "20-2"
    assert await next_number(orders) == "20-3"
    assert not stalls.running
    with pytest.raises(ConnectionFailedError, match="the third") as error:
        await anext(orders)
    assert error.value.cursor == walk.cursor
    assert not stalls.running
    assert pages.asked == [1, 5, 4, 2]  # the third is not asked for again by itself
    with pytest.raises(StopAsyncIteration):
        await anext(orders)
    assert await numbers_of(pages.walk(start=error.value.cursor)) == numbered(10)[4:]


async def test_an_error_behind_the_end_is_none() -> None:
    """A wave may ask for pages that there are not, and a server may not like that."""

    async def ask(page: int) -> Any:
        if page > 5:
            raise ConnectionFailedError("there is no such page")
        return await pages(page)

    for said in ((lambda _: None), (lambda _: 99)):
        pages = Pages(numbered(7), 2, said=said)
        assert await numbers_of(Paginator(ask, search=lambda: "these", page_size=2, at_once=4)) == numbered(7)


async def test_another_error_than_ours_comes_as_it_is() -> None:
    async def ask(page: int) -> Any:
        raise KeyError(page)

    with pytest.raises(KeyError):
        await Paginator(ask, search=lambda: "these", page_size=2, at_once=4).collect()


async def test_a_wave_that_is_cancelled_leaves_nothing_and_the_same_iterator_can_go_on() -> None:
    pages = Pages(numbered(10), 2)
    stalls = Stalls(pages)
    walk = stalls.walk(at_once=3)
    orders = aiter(walk)
    assert await taken(orders, 2) == numbered(2)
    cursor = walk.cursor
    waiting = asyncio.create_task(next_number(orders))
    await stalls.asked(2, 3, 4)
    stalls.running[2].set_result(None)
    await stalls.asked(3, 4)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not stalls.running
    assert walk.cursor == cursor
    async with asyncio.TaskGroup() as group:
        rest = group.create_task(taken(orders, 20))
        await stalls.asked(2, 3, 4)
        for future in [*stalls.running.values()]:
            future.set_result(None)
        await stalls.asked(5)
        stalls.running[5].set_result(None)
        await stalls.asked(6)
        stalls.running[6].set_result(None)
    assert rest.result() == numbered(10)[2:]


async def test_nothing_is_being_asked_while_an_order_is_given_out_and_after_a_break() -> None:
    stalls = Stalls(Pages(numbered(20), 2))
    seen = 0
    walking = asyncio.current_task()
    async for _ in Pages(numbered(20), 2, turns=itertools.cycle([3, 0, 2])).walk(at_once=4):
        assert asyncio.all_tasks() == {walking}
        seen += 1
        if seen == 7:
            break
    assert asyncio.all_tasks() == {walking}
    assert not stalls.running


async def test_two_iterations_at_once_raise_and_one_after_the_other_starts_anew() -> None:
    pages = Pages(numbered(5), 2)
    walk = pages.walk()
    for _ in range(2):
        async for it in walk:
            assert it.ingram_order_number == "20-0"
            for begin in (walk.pages, walk.pages_with_response, walk.__aiter__):
                with pytest.raises(ConfigurationError, match="is being iterated"):
                    begin()
            with pytest.raises(ConfigurationError, match="is being iterated"):
                await walk.collect()
            break
    with suppress(ZeroDivisionError):
        async for _ in walk:
            raise ZeroDivisionError
    assert await numbers_of(walk) == await numbers_of(walk) == numbered(5)
    assert pages.asked[:3] == [1, 1, 1]


async def test_one_iterator_is_not_for_two_tasks_at_once() -> None:
    stalls = Stalls(Pages(numbered(5), 2))
    orders = aiter(stalls.walk())
    await taken(orders, 2)
    async with asyncio.TaskGroup() as group:
        third = group.create_task(next_number(orders))
        await stalls.asked(2)
        with pytest.raises(ConfigurationError, match="by another task"):
            await anext(orders)
        stalls.running[2].set_result(None)
    assert third.result() == "20-2"


@pytest.mark.parametrize(
    ("limit", "at_once", "asked"),
    [
        (None, 1, [1, 2, 3, 4, 5]), (0, 1, []), (1, 1, [1]), (3, 1, [1]), (4, 1, [1, 2]), (99, 1, [1, 2, 3, 4, 5]),
        (3, 4, [1]), (4, 4, [1, 2]), (7, 4, [1, 2, 3]), (9, 2, [1, 2, 3]), (12, 4, [1, 2, 3, 4]),
    ],
)  # fmt: skip
async def test_a_limit_takes_no_more_calls_than_it_must(limit: int | None, at_once: int, asked: list[int]) -> None:
    pages = Pages(numbered(14), 3)
    walk = pages.walk(at_once=at_once)
    assert await numbers_of(walk, limit) == numbered(14)[:limit]
    assert pages.asked == asked
    rest = await numbers_of(pages.walk(start=walk.cursor))
    assert {*numbered(14)[:limit], *rest} == {*numbered(14)}


async def test_pages_are_given_as_they_came_but_for_empty_ones() -> None:
    pages = Pages(numbered(6), 3)
    walk = pages.walk()
    assert [[it.ingram_order_number for it in page.orders] async for page in walk.pages()] == [
        numbered(6)[:3],
        numbered(6)[3:],
    ]
    assert [page.status async for page in walk.pages_with_response()] == [200, 200]


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 4])
async def test_a_hundred_thousand_orders_take_no_memory_but_for_their_numbers(at_once: int) -> None:
    """At most 120 bytes for each that was seen, and what the pages of one wave hold."""
    walk = Pages(numbered(100_000), 100).walk(at_once=at_once)
    tracemalloc.start()
    try:
        seen = 0
        async for _ in walk:
            seen += 1
            if seen % 1000 == 0:
                assert tracemalloc.get_traced_memory()[0] <= 120 * seen + 150_000 * at_once
    finally:
        tracemalloc.stop()
    assert seen == 100_000


# ── What may be said ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "wrong",
    [
        *({"at_once": it} for it in (0, -1, True, "2", 1.0, None)),
        *({"page_size": it} for it in (0, 101, True, "2", 1.0)),
        *(
            {"start": it}
            for it in ("", "junk", "!", "ä", "\udc80", b"W10", 7, True, "W10", "e30", "bnVsbA", "W" * 9999)
        ),
    ],
    ids=repr,
)
async def test_what_cannot_be_right_is_told_at_once(wrong: Any) -> None:
    async with RawServer() as server, client_for(server) as orders:
        with pytest.raises(InvalidRequestError, match="|".join(wrong)):
            orders.search().paginate(**wrong)
        for limit in (-1, True, "2", 1.0):
            with pytest.raises(InvalidRequestError, match="limit"):
                await orders.search().paginate().collect(limit)  # type: ignore[arg-type]
        assert not server.heard


async def test_a_page_size_is_as_it_is_given_as_the_search_says_or_100() -> None:
    async with RawServer(END) as server, client_for(server) as orders:
        for walk in (
            orders.search().paginate(),
            orders.search().page_size(7).paginate(),
            orders.search().page_size(7).paginate(page_size=3),
        ):
            assert await walk.collect() == []
    assert ["pageSize=100" in it.target or it.target.partition("pageSize=")[2][:1] for it in server.heard] == [
        True, "7", "3",
    ]  # fmt: skip


async def test_a_walk_begins_at_the_page_that_the_search_says() -> None:
    async with RawServer(found(ONE, said=1), END) as server, client_for(server) as orders:
        assert len(await orders.search().page_number(5).paginate().collect()) == 1
    assert [it.target.partition("pageNumber=")[2] for it in server.heard] == ["5", "6"]


async def test_a_cursor_is_of_one_search_and_of_one_customer_and_small() -> None:
    async with RawServer(found(ONE, TWO, said=10**9), END) as server, client_for(server) as orders:
        search = orders.search().order_status("ON HOLD")
        walk = search.paginate(page_size=2)
        assert [it.ingram_order_number for it in await walk.collect(2)] == ["1", "2"]
        cursor = walk.cursor
        assert len(cursor) <= 80
        assert cursor.replace("-", "").replace("_", "").isalnum()
        for same in (search, search.page_size(50), search.page_number(3), search.im_correlation_id("other")):
            assert await same.paginate(page_size=50, at_once=3, start=cursor).collect(0) == []
        for other in (
            orders.search(),
            search.order_status("SHIPPED"),
            search.im_customer_number("20-333333"),
            orders.with_defaults(customer_number="20-333333").search().order_status("ON HOLD"),
        ):
            with pytest.raises(InvalidRequestError, match="a different search"):
                other.paginate(start=cursor)
        assert len(server.heard) == 1


async def test_a_cursor_of_the_end_gives_nothing_more() -> None:
    pages = Pages(numbered(5), 2)
    walk = pages.walk()
    await numbers_of(walk)
    pages.asked.clear()
    assert await numbers_of(pages.walk(start=walk.cursor)) == []
    assert pages.asked == []


@pytest.mark.parametrize("facts", [[2, "these", 1, 1, 1], [1, "these", -1, 1, 1], [1, "these", 1, True, 1]])
def test_a_cursor_of_another_version_or_that_cannot_be_is_told(facts: list[Any]) -> None:
    start = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode().rstrip("=")
    with pytest.raises(InvalidRequestError, match=r"start: .* of this version"):
        Pages([], 3).walk(start=start)


def test_a_paginator_shows_what_it_asks_for() -> None:
    assert repr(Pages([], 3).walk(at_once=2)) == "Paginator(page_size=3, at_once=2)"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
async def test_a_walk_goes_on_with_pages_of_another_size(size: int) -> None:
    pages = Pages(numbered(11), 3)
    walk = pages.walk()
    await numbers_of(walk, 6)
    pages.size = size
    assert {*numbered(6), *await numbers_of(pages.walk(start=walk.cursor))} == {*numbered(11)}


# ── The sandbox, where another client places and cancels orders ─────────────────────────────────────────────────────


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as running:
        yield running


def between_pages(world: World, *changes: Callable[[], Any]) -> None:
    """Do one of these before each page but the first, by another client, on the way to the API."""
    left = iter(changes)
    first = True

    async def change(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        nonlocal first
        if request.path.endswith("/search") and not first and (then := next(left, None)):
            await then()
        first = first and not request.path.endswith("/search")
        return await proceed()

    world.sandbox.fault = change


async def held(world: World, count: int) -> list[str]:
    """Place so many orders on hold, and give their numbers as a search does: the newest first."""
    numbers: list[str] = []
    for number in range(count):
        world.waits.now += 1
        numbers.insert(0, await placed(world.orders, order(f"PO-{number}", HOLD)))
    return numbers


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize("gone", [[0], [0, 1, 2], [7], [0, 4, 6], [0, 1, 2, 3, 4, 5]])
async def test_none_is_missed_where_orders_are_cancelled_between_pages(
    world: World, gone: list[int], at_once: int
) -> None:
    there = await held(world, 8)

    async def cancel() -> None:
        for place in gone:
            await other.cancel(there[place]).execute()

    async with world.client() as other:
        between_pages(world, cancel)
        walk = world.orders.search().order_status("ON HOLD").paginate(at_once, page_size=2)
        numbers = await numbers_of(walk)
    assert len(numbers) == len({*numbers})
    assert {*there} - {there[place] for place in gone} <= {*numbers} <= {*there}
    assert walk.drift.removed == len(gone)


@pytest.mark.parametrize("at_once", [1, 3])
async def test_none_comes_twice_and_none_is_missed_where_orders_are_placed_between_pages(
    world: World, at_once: int
) -> None:
    there = await held(world, 6)

    async def place() -> None:
        world.waits.now += 1
        await placed(other, order("PO-NEW", HOLD))
        await placed(other, order("PO-NEWER", HOLD))

    async with world.client() as other:
        between_pages(world, place)
        walk = world.orders.search().order_status("ON HOLD").paginate(at_once, page_size=2)
        numbers = await numbers_of(walk)
    assert len(numbers) == len({*numbers})
    assert {*there} <= {*numbers}
    assert (walk.drift.removed, walk.drift.inserted, walk.drift.is_told) == (0, 2, True)
    assert at_once > 1 or numbers == there


async def test_an_order_that_went_and_one_that_came_cancel_out_and_nothing_tells(world: World) -> None:
    """The docs say so: an order that moved up unseen is missed, and `drift` knows of nothing."""
    there = await held(world, 6)

    async def swap() -> None:
        await other.cancel(there[0]).execute()
        world.waits.now -= 86_400  # so that it comes last
        await placed(other, order("PO-NEW", HOLD))

    async with world.client() as other:
        between_pages(world, swap)
        walk = world.orders.search().order_status("ON HOLD").paginate(page_size=2)
        numbers = await numbers_of(walk)
    assert there[2] not in numbers
    assert not walk.drift


async def test_orders_come_and_go_at_once_and_each_is_given_once(world: World) -> None:
    there = await held(world, 8)

    async def shrink() -> None:
        for number in there[:2]:
            await other.cancel(number).execute()

    async def grow() -> None:
        world.waits.now += 1
        await placed(other, order(f"PO-{world.waits.now}", HOLD))

    async with world.client() as other:
        between_pages(world, shrink, grow, grow)
        walk = world.orders.search().order_status("ON HOLD").paginate(page_size=2)
        numbers = await numbers_of(walk)
    assert len(numbers) == len({*numbers})
    assert {*there[2:]} <= {*numbers}
    assert (walk.drift.removed, walk.drift.inserted) == (2, 2)


async def test_an_error_of_the_api_carries_the_cursor_and_another_client_goes_on_from_it(world: World) -> None:
    there = await held(world, 7)
    search = world.orders.search().order_status("ON HOLD")
    async with world.client() as other:
        walk = aiter(search.paginate(page_size=3))
        assert await taken(walk, 3) == there[:3]
        world.sandbox.fault = faults.only(faults.failing(503), path="search")
        with pytest.raises(ServerError) as error:
            await anext(walk)
        world.sandbox.fault = None
        kept = pickle.loads(pickle.dumps(error.value))
        await other.cancel(there[0]).execute()
        again = other.search().order_status("ON HOLD").paginate(page_size=3, start=kept.cursor)
        rest = await numbers_of(again)
    assert {*there[3:]} <= {*rest}
    assert again.drift.removed == 1


# ── Begun anew after it was cut off ─────────────────────────────────────────────────────────────────────────────────


async def cut_off(walking: Coroutine[Any, Any, object], pages: Pages, at: int) -> asyncio.CancelledError:
    """Cancel a walk once it has asked for so many pages; give the error, and by its traceback all that it held."""
    walk = asyncio.create_task(walking)
    for _ in range(1000):
        if len(pages.asked) >= at:
            break
        await asyncio.sleep(0)
    walk.cancel()
    try:
        await walk
    except asyncio.CancelledError as error:
        return error
    raise AssertionError("it was not cancelled")


@pytest.mark.parametrize("at_once", [1, 4])
async def test_what_was_cancelled_can_be_begun_anew_though_its_error_is_kept(at_once: int) -> None:
    numbers = [f"20-{it:05}" for it in range(30)]
    pages = Pages(numbers, size=3, turns=itertools.repeat(5))
    paginator = pages.walk(at_once=at_once)
    kept = [await cut_off(paginator.collect(), pages, at=2)]
    assert [it.ingram_order_number for it in await paginator.collect()] == numbers
    iterator = aiter(paginator)

    async def walk() -> None:
        async for _ in iterator:
            pass

    kept.append(await cut_off(walk(), pages, at=len(pages.asked) + 2))
    assert [it.ingram_order_number for it in await paginator.collect(limit=5)] == numbers[:5]
    with pytest.raises(ConfigurationError, match="another iteration of this paginator has begun"):
        await walk()
    assert len(kept) == 2
