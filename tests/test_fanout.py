"""Many searches at a time: results as they are done, what fails, who holds back whom, and the ways to make many."""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from support.requests import SEARCH

from ingram_orders import (
    ConfigurationError,
    FanOut,
    FoundOrder,
    IngramError,
    InvalidRequestError,
    OrdersClient,
    OrderSearchResponse,
    Response,
    RetryPolicy,
    SearchOrders,
    SearchResult,
    ServerError,
    for_each,
    for_each_customer,
    split_by_date,
)
from ingram_orders.sandbox import Sandbox, faults

EVER = [date(2000, 1, 1), date(2100, 1, 1)]


def by_number(orders: OrdersClient, count: int) -> Iterator[SearchOrders]:
    return for_each(orders.search(), "customer_order_number", (f"PO-{1000 + it}" for it in range(count)))


def searches_in(sandbox: Sandbox) -> list[dict[str, str]]:
    return [dict(it.query) for it in sandbox.ledger if it.path.endswith("/search")]


def ours() -> list[object]:
    return [it for it in asyncio.all_tasks() if "FanOut" in repr(it)]


async def turns(count: int = 20) -> None:
    """Let the others go on."""
    for _ in range(count):
        await asyncio.sleep(0)


class Answers:
    """Stands where the client does: pages of two orders, which are the same ones for every search."""

    def __init__(self, *, pages: int = 0, hangs: bool = False, raises: BaseException | None = None) -> None:
        self.pages = pages
        self.hangs = hangs
        self.raises = raises
        self.asked = 0

    @property
    def defaults(self) -> dict[str, str]:
        return {"im_customer_number": "20-222222", "im_country_code": "US"}

    async def send(self, request: Any, *, timeout: float | None) -> Any:
        self.asked += 1
        await asyncio.sleep(0)
        if self.raises is not None:
            raise self.raises
        if self.hangs:
            await asyncio.Event().wait()
        page = request.values["page_number"]
        orders = [FoundOrder(ingram_order_number=f"20-{page}{it}") for it in "AB"] if page <= self.pages else []
        model = OrderSearchResponse(records_found=2 * self.pages, orders=tuple(orders))
        return Response(model=model, status=200, headers={}, correlation_id="", attempts=1, body=b'{"orders": []}')

    def fan_out(self, searches: int, *, at_once: int = 8, unique: bool = False) -> FanOut:
        made = for_each(SearchOrders(self).page_size(2), "serial_number", (f"S{it}" for it in range(searches)))
        return FanOut(made, at_once=at_once, unique=unique)


async def test_every_search_has_its_result(orders: OrdersClient) -> None:
    found: dict[object, list[str | None]] = {}
    async with orders.fan_out(by_number(orders, 30), at_once=4) as results:
        async for result in results:
            assert result.error is None
            numbers = [it.customer_order_number for it in result.orders]
            found[result.search.values["customer_order_number"]] = numbers
    assert found == {f"PO-{number}": [f"PO-{number}"] for number in range(1000, 1030)}


async def test_a_result_comes_when_it_is_done_and_not_in_its_turn(
    orders: OrdersClient, ingram_sandbox: Sandbox
) -> None:
    go_on = asyncio.Event()

    async def fault(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        if request.query.get("customerOrderNumber") == "PO-1000":
            await go_on.wait()
        return await proceed()

    ingram_sandbox.fault = fault
    async with orders.fan_out(by_number(orders, 3), at_once=2) as results:
        came = []
        async for result in results:
            came.append(result.search.values["customer_order_number"])
            if len(came) == 2:
                go_on.set()
    assert came == ["PO-1001", "PO-1002", "PO-1000"]


async def test_orders_come_with_their_searches(orders: OrdersClient) -> None:
    statuses = ["SHIPPED", "INVOICED", "NO SUCH"]
    counted: Counter[object] = Counter()
    searches = [orders.search().ingram_order_date_bt(EVER).order_status(it) for it in statuses]
    async with orders.fan_out(searches) as results:
        async for search, order in results.orders():
            assert isinstance(order, FoundOrder)
            assert order.order_status == search.values["order_status"]
            counted[order.order_status] += 1
    for search in searches:
        assert counted[search.values["order_status"]] == len(await search.paginate().collect())


async def test_orders_come_before_their_search_is_done(ingram_sandbox: Sandbox, orders: OrdersClient) -> None:
    async def fault(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        return await (faults.hang(request, proceed) if request.query.get("pageNumber") == "2" else proceed())

    ingram_sandbox.fault = fault
    async with orders.fan_out([orders.search().ingram_order_date_bt(EVER).page_size(5)]) as results:
        reading = results.orders()
        assert len([await anext(reading) for _ in range(5)]) == 5


# ── What fails ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_search_that_fails_is_a_value_and_ends_no_other(ingram_sandbox: Sandbox) -> None:
    async def fault(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        is_it = request.query.get("orderStatus") == "SHIPPED" and request.query.get("pageNumber") == "2"
        return web.Response(status=502) if is_it else await proceed()

    ingram_sandbox.fault = fault
    async with ingram_sandbox.client(retry=RetryPolicy(attempts=1)) as orders:
        all_of_them = orders.search().ingram_order_date_bt(EVER).page_size(5)
        searches = [*for_each(all_of_them, "order_status", ["SHIPPED", "INVOICED"]), all_of_them.page_size(500)]
        async with orders.fan_out(searches, at_once=1) as results:
            shipped, invoiced, impossible = [it async for it in results]
        assert isinstance(shipped.error, ServerError)
        assert len(shipped.orders) == 5
        assert invoiced.error is None
        assert len(invoiced.orders) > 5
        assert isinstance(impossible.error, InvalidRequestError)

        async with orders.fan_out(searches, at_once=1) as results:
            found = [it async for it in results.orders()]
        errors = [(search, it) for search, it in found if isinstance(it, IngramError)]
        assert [type(it) for _, it in errors] == [ServerError, InvalidRequestError]
        assert [search for search, _ in errors] == [searches[0], searches[2]]
        assert len(found) - len(errors) == 5 + len(invoiced.orders)

        ingram_sandbox.fault = None
        rest = await shipped.search.paginate(start=shipped.error.cursor).collect()
        all_shipped = await shipped.search.paginate().collect()
        assert [*shipped.orders, *rest] == all_shipped


async def test_what_raises_while_searches_are_made_reaches_the_reader(orders: OrdersClient) -> None:
    def searches() -> Iterator[Any]:
        yield orders.search()
        raise ZeroDivisionError("of the caller's own")

    async with orders.fan_out(searches(), at_once=1) as results:
        assert (await anext(aiter(results))).error is None
        with pytest.raises(ZeroDivisionError):
            await anext(aiter(results))
        with pytest.raises(StopAsyncIteration):
            await anext(aiter(results))


async def test_what_is_no_search_is_told(orders: OrdersClient) -> None:
    nonsense: Any = [orders.details("20-RD3QV")]
    async with orders.fan_out(nonsense) as results:
        with pytest.raises(InvalidRequestError, match="is no search"):
            await anext(aiter(results))


async def test_an_error_in_the_block_goes_out_as_it_is(orders: OrdersClient) -> None:
    async def work() -> None:
        async with orders.fan_out(by_number(orders, 30)) as results:
            async for _ in results:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()


# ── Who holds back whom ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("way", ["results", "orders"])
async def test_ten_thousand_searches_are_a_few_tasks_and_no_further_than_they_are_read(
    orders: OrdersClient, ingram_sandbox: Sandbox, way: str
) -> None:
    made = 0

    def searches() -> Iterator[SearchOrders]:
        nonlocal made
        for search in by_number(orders, 10_000):
            made += 1
            yield search

    async with orders.fan_out(searches(), at_once=8) as results:
        reading: Any = results.orders() if way == "orders" else aiter(results)
        for read in range(1, 60):
            await anext(reading)
            for _ in range(20):
                await asyncio.sleep(0)
            assert made <= read + 8  # eight go on, or wait to be read
            assert len(ours()) == 8
    assert ours() == []


async def test_leaving_the_block_ends_what_goes_on(orders: OrdersClient, ingram_sandbox: Sandbox) -> None:
    async def fault(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        is_other = request.query.get("customerOrderNumber", "PO-1000") != "PO-1000"
        return await (faults.hang(request, proceed) if is_other else proceed())

    ingram_sandbox.fault = fault
    async with orders.fan_out(by_number(orders, 100), at_once=5) as results:
        async for _ in results:
            break
    assert len(searches_in(ingram_sandbox)) <= 5  # and the suite sees to it that no task is left


async def test_who_leaves_at_the_first_result_has_paid_for_no_other() -> None:
    answers = Answers()
    async with answers.fan_out(100, at_once=1) as results:
        async for _ in results:
            break
    assert answers.asked == 1


async def test_no_page_is_asked_for_before_the_last_order_of_the_one_before_is_taken() -> None:
    answers = Answers(pages=3)
    async with answers.fan_out(1) as results:
        reading = results.orders()
        for read in range(6):
            assert answers.asked == read // 2 + (read % 2)
            await anext(reading)
            assert answers.asked == read // 2 + 1
            if read % 2 == 0:
                await turns()


async def test_turns_are_taken_in_turn() -> None:
    """A search with much to give does not keep another from giving."""
    answers = Answers(pages=10)
    async with answers.fan_out(2, at_once=2) as results:
        given = [search.values["serial_number"] async for search, _ in results.orders()]
    assert abs(given[:20].count("S0") - given[:20].count("S1")) <= 2


async def test_a_generator_of_searches_is_let_go_and_one_that_is_lent_stays_open() -> None:
    closed: list[str] = []

    def searches(name: str) -> Iterator[SearchOrders]:
        try:
            while True:
                yield SearchOrders(Answers())
        finally:
            closed.append(name)

    lent = searches("lent")
    async with FanOut(searches("given")) as results, FanOut(lent) as others:
        async for _ in results:
            break
        async for _ in others:
            break
    gc.collect()  # where nothing is counted
    assert closed == ["given"]
    assert next(lent)


@pytest.mark.parametrize("is_waiting", [True, False])
async def test_who_reads_once_the_block_is_left_is_told(is_waiting: bool) -> None:
    answers = Answers(hangs=is_waiting)
    async with answers.fan_out(30) as results:
        reading = aiter(results)
        elsewhere = asyncio.ensure_future(anext(reading))
        await turns()
    for _ in range(2):
        if not is_waiting:
            assert (await elsewhere).error is None
        with pytest.raises(ConfigurationError, match="inside `async with`"):
            await (elsewhere if is_waiting else anext(reading))
    with pytest.raises(ConfigurationError, match="inside `async with`"):
        aiter(results)


async def test_what_was_read_to_its_end_stays_so() -> None:
    async with Answers().fan_out(3) as results:
        reading = aiter(results)
        assert len([it async for it in reading]) == 3
    assert [it async for it in reading] == []


async def test_several_who_read_share_and_all_of_them_come_to_the_end() -> None:
    async with Answers().fan_out(50) as results:

        async def read() -> list[object]:
            return [it.search.values["serial_number"] async for it in results]

        found = await asyncio.gather(read(), read(), read())
    assert sorted(str(it) for its in found for it in its) == sorted(f"S{it}" for it in range(50))


async def test_a_search_that_was_cancelled_under_us_is_not_passed_over() -> None:
    """A token source may wait for a task that somebody cancels."""

    async def work() -> None:
        async with Answers(raises=asyncio.CancelledError()).fan_out(3, at_once=1) as results:
            async for _ in results:
                pass

    with pytest.raises(asyncio.CancelledError):
        await work()
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_what_is_not_foreseen_is_raised_and_ends_no_other_search() -> None:
    broken = SearchOrders(Answers(raises=ZeroDivisionError()))
    async with FanOut([broken, *(SearchOrders(Answers()) for _ in range(5))], at_once=1) as results:
        with pytest.raises(ZeroDivisionError):
            await anext(aiter(results))
        assert len([it async for it in results]) == 5


async def test_what_would_end_the_program_is_not_kept_from_it() -> None:
    class End(BaseException):
        pass

    def searches() -> Iterator[SearchOrders]:
        yield SearchOrders(Answers())
        raise End

    async def work() -> None:
        async with FanOut(searches(), at_once=2) as results:
            async for _ in results:
                pass

    with pytest.raises(BaseExceptionGroup) as raised:
        await work()
    assert raised.group_contains(End)


async def test_a_fan_out_in_the_block_of_another() -> None:
    found = 0
    async with Answers(pages=1).fan_out(5, at_once=2) as results:
        async for _ in results.orders():
            async with Answers().fan_out(3) as others:
                found += len([it async for it in others])
    assert found == 5 * 2 * 3


@pytest.mark.parametrize("after", range(12))
async def test_wherever_it_is_cancelled_nothing_is_left(after: int) -> None:
    answers = Answers(pages=2)

    async def work() -> None:
        async with answers.fan_out(10_000, at_once=2) as results:
            async for _ in results.orders():
                await turns(1)

    working = asyncio.ensure_future(work())
    await turns(after)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert ours() == []


async def test_no_searches_are_no_results() -> None:
    async with Answers().fan_out(0) as results:
        assert [it async for it in results] == []
    async with Answers().fan_out(3):
        pass  # nor is there anything to end where nobody reads


async def test_who_is_cancelled_while_he_reads_loses_nothing(orders: OrdersClient) -> None:
    found: list[SearchResult] = []
    async with orders.fan_out(by_number(orders, 20), at_once=3) as results:
        while len(found) < 20:
            reading = asyncio.ensure_future(anext(aiter(results)))
            await asyncio.sleep(0)
            reading.cancel()
            try:
                found.append(await reading)
            except asyncio.CancelledError:
                found.append(await anext(aiter(results)))
    assert len({it.search.values["customer_order_number"] for it in found}) == 20


async def test_cancelling_goes_through_and_leaves_nothing(orders: OrdersClient, ingram_sandbox: Sandbox) -> None:
    there = asyncio.Event()

    async def fault(request: web.Request, proceed: faults.Proceed) -> web.StreamResponse:
        there.set()
        return await faults.hang(request, proceed)

    async def work() -> None:
        async with orders.fan_out(by_number(orders, 100)) as results:
            async for _ in results:
                pass

    ingram_sandbox.fault = fault
    working = asyncio.create_task(work())
    await there.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


# ── Once ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_overlapping_results_are_given_once_if_so_wished(orders: OrdersClient) -> None:
    today = date.today()
    searches = [*split_by_date(orders.search(), today - timedelta(days=40), today + timedelta(days=1))]
    expected = sorted(
        str(it.ingram_order_number) for it in await searches[0].ingram_order_date_bt(EVER).paginate().collect()
    )
    for unique in (True, False):
        async with orders.fan_out(searches, unique=unique) as results:
            whole = [str(it.ingram_order_number) async for result in results for it in result.orders]
        async with orders.fan_out(searches, unique=unique) as results:
            each = [str(it.ingram_order_number) async for _, it in results.orders() if isinstance(it, FoundOrder)]
        for found in (whole, each):
            assert sorted(found if unique else {*found}) == expected
            assert unique or len(found) > len(expected)


@pytest.mark.parametrize("way", ["results", "orders"])
async def test_orders_that_a_search_found_before_it_failed_are_given_once_too(way: str) -> None:
    error = ServerError("of page 2", status=502)

    class Fails(Answers):
        async def send(self, request: Any, *, timeout: float | None) -> Any:
            if request.values["page_number"] == 2:
                raise error
            return await super().send(request, timeout=timeout)

    searches = [SearchOrders(it(pages=2)).page_size(2) for it in (Fails, Answers)]
    async with FanOut(searches, at_once=1, unique=True) as results:
        if way == "orders":
            given = [it async for _, it in results.orders()]
        else:
            given = [it async for result in results for it in (*result.orders, result.error) if it]
    numbers = [it.ingram_order_number for it in given if isinstance(it, FoundOrder)]
    assert numbers == ["20-1A", "20-1B", "20-2A", "20-2B"]
    assert given[2] is error


async def test_orders_of_views_for_two_customers_are_not_one(orders: OrdersClient) -> None:
    views = [orders.with_defaults(customer_number=it) for it in ("A", "B", "A")]
    searches = [it.search().ingram_order_date_bt(EVER) for it in views]
    async with orders.fan_out(searches, unique=True) as results:
        found = Counter([search.whose async for search, _ in results.orders()])
    assert set(found) == {"A US", "B US"}
    assert found["A US"] == found["B US"] > 0


async def test_orders_of_two_customers_are_not_one(orders: OrdersClient) -> None:
    searches = for_each_customer(orders.search().ingram_order_date_bt(EVER), [("A", "US"), ("B", "US"), ("A", "US")])
    async with orders.fan_out(searches, unique=True) as results:
        found = Counter([str(it.search.values["im_customer_number"]) async for it in results for _ in it.orders])
    assert found["A"] == found["B"] > 0


# ── The ways to make many ───────────────────────────────────────────────────────────────────────────────────────────


@given(st.dates(), st.integers(0, 500), st.integers(1, 40))
def test_ranges_find_what_one_would_whether_or_not_their_ends_count(first: date, length: int, days: int) -> None:
    last = min(first.toordinal() + length, date.max.toordinal())
    made = [it.values["ingram_order_date_bt"] for it in split_by_date(SEARCH, first, date.fromordinal(last), days)]
    ranges = [(begins.toordinal(), ends.toordinal()) for begins, ends in made]  # type: ignore[misc,has-type]
    counts: list[Callable[[int, int, int], bool]] = [
        lambda begins, day, ends: begins <= day <= ends,
        lambda begins, day, ends: begins < day <= ends,
        lambda begins, day, ends: begins <= day < ends,
        lambda begins, day, ends: begins < day < ends,
    ]
    for is_within in counts:
        found = {day for begins, ends in ranges for day in range(begins, ends + 1) if is_within(begins, day, ends)}
        assert found == {day for day in range(first.toordinal(), last + 1) if is_within(first.toordinal(), day, last)}
    assert all(ends - begins <= days + 1 for begins, ends in ranges)
    assert ranges == sorted(ranges, reverse=True)


def test_a_search_for_each_value() -> None:
    made = [*for_each(SEARCH.order_status("SHIPPED"), "serial_number", iter(["S1", "S2"]))]
    assert [dict(it.values) for it in made] == [
        {"order_status": "SHIPPED", "serial_number": "S1"},
        {"order_status": "SHIPPED", "serial_number": "S2"},
    ]


def test_a_search_for_each_customer() -> None:
    [made] = for_each_customer(SEARCH, [("20-1", "DE")])
    assert dict(made.values) == {"im_customer_number": "20-1", "im_country_code": "DE"}


def test_days_may_be_text_and_reach_to_the_ends_of_the_calendar() -> None:
    as_text = [it.values for it in split_by_date(SEARCH, "2026-01-01", "2026-01-31")]
    assert as_text == [it.values for it in split_by_date(SEARCH, date(2026, 1, 1), date(2026, 1, 31))]
    for days in (10**6, date.max.toordinal(), 10**30):
        made = [*split_by_date(SEARCH, date.min, date.max, days)]
        assert made[0].values["ingram_order_date_bt"][1] == date.max  # type: ignore[index]
        assert made[-1].values["ingram_order_date_bt"][0] == date.min  # type: ignore[index]


def test_a_customer_who_is_no_pair_is_told() -> None:
    nonsense: Any = {"20-1": "DE"}
    with pytest.raises(InvalidRequestError, match="'20-1' is no pair of customer number and country code"):
        next(for_each_customer(SEARCH, nonsense))


DAY = date(2026, 1, 31)
WRONG: dict[str, tuple[Callable[[OrdersClient], object], str]] = {
    "no setter": (lambda _: for_each(SEARCH, "serial", ["S1"]), "a search has no 'serial'"),
    "one text": (lambda _: for_each(SEARCH, "serial_number", "S1"), "values must be several"),
    "back in time": (lambda _: split_by_date(SEARCH, DAY, date(2026, 1, 1)), "is after the last"),
    "a time": (lambda _: split_by_date(SEARCH, datetime(2026, 1, 1), DAY), "first: .* has a time, a date is wanted"),
    "no day": (lambda _: split_by_date(SEARCH, DAY, "2026-02-30"), "last: '2026-02-30' is not a date"),
    "no search to split": (lambda it: split_by_date(it, DAY, DAY), "a search.. is wanted"),  # type: ignore[arg-type]
    "no search": (lambda it: for_each(it, "serial_number", ["S1"]), "a search.. is wanted"),  # type: ignore[arg-type]
    "no search for": (lambda it: for_each_customer(it, []), "a search.. is wanted"),  # type: ignore[arg-type]
    "one number": (lambda _: for_each(SEARCH, "page_size", 3), "values must be several, not 3"),  # type: ignore[arg-type]
    "one customer": (lambda _: for_each_customer(SEARCH, "20-1"), "customers must be"),  # type: ignore[arg-type]
    "no days": (lambda _: split_by_date(SEARCH, DAY, DAY, days=0), "days must be"),
    "a day set": (lambda _: split_by_date(SEARCH.ingram_order_date(DAY), DAY, DAY), "of one day already"),
    "none at once": (lambda orders: orders.fan_out([], at_once=0), "at_once must be"),
    "no searches": (lambda orders: orders.fan_out(3), "searches must be several"),  # type: ignore[arg-type]
    "text": (lambda orders: orders.fan_out("abc"), "searches must be several"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("make", "told"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_right_is_told_at_once(make: Callable[[OrdersClient], object], told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        make(OrdersClient("id", "secret"))


async def test_a_fan_out_is_gone_through_once_in_one_way_inside_its_block(orders: OrdersClient) -> None:
    results = orders.fan_out([orders.search()])
    with pytest.raises(ConfigurationError, match="inside `async with`"):
        aiter(results)
    async with results:
        aiter(results)
        with pytest.raises(ConfigurationError, match="by its results"):
            results.orders()
    with pytest.raises(ConfigurationError, match="entered already"):
        await results.__aenter__()
