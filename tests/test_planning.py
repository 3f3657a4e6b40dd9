"""The plan of a round: all that is due is covered, no mix of calls is cheaper, and what is not known costs little."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingram_orders.planning import Exploration, Plan, Window, least_calls, least_every, next_look, pages, plan_round

TODAY = date(2026, 6, 30)
DAY = timedelta(days=1)
CALENDAR = [TODAY + it * DAY for it in range(6)]
"""So few days that all plans for them can be tried."""

dues = st.lists(st.sampled_from(CALENDAR) | st.none(), max_size=30).map(
    lambda them: {f"20-{it}": day for it, day in enumerate(them)}
)
counts = st.dictionaries(st.integers(-2, 7).map(lambda it: TODAY + it * DAY), st.integers(0, 12))
page_sizes = st.integers(1, 9)


def ago(count: int) -> date:
    return TODAY - count * DAY


def orders_on(due: Mapping[str, date | None], counts: Mapping[date, int]) -> Counter[date]:
    """How many orders there are on a day: as many as were counted, and no fewer than are due."""
    return Counter(counts) | Counter(day for day in due.values() if day is not None)


def cost(window: Window, orders: Mapping[date, int], page_size: int) -> int:
    return pages(sum(count for day, count in orders.items() if window.first <= day <= window.last), page_size)


def fewest_calls(due: Mapping[str, date | None], counts: Mapping[date, int], page_size: int) -> int:
    """Try everything: with each day no window begins, or one that ends with any day since, over others or not."""
    orders, due_on = orders_on(due, counts), Counter(due.values())
    free = (0, frozenset[date]())
    choices = [
        [free, *((cost(it, orders, page_size), frozenset(filter(it.covers, CALENDAR))) for it in windows)]
        for windows in ([Window(first - DAY, last + DAY) for last in CALENDAR if last >= first] for first in CALENDAR)
    ]
    return min(
        sum(calls for calls, _ in chosen)
        + sum(count for day, count in due_on.items() if not any(day in covered for _, covered in chosen))
        for chosen in itertools.product(*choices)
    )


@given(dues, counts, page_sizes)
def test_every_order_that_is_due_is_covered_once(
    due: dict[str, date | None], counts: dict[date, int], page_size: int
) -> None:
    plan = plan_round(due, counts, page_size=page_size)
    for number, day in due.items():
        windows = sum(day is not None and it.covers(day) for it in plan.windows)
        assert windows + plan.details.count(number) == 1
    assert set(plan.details) <= set(due)


@given(dues, counts, page_sizes)
def test_windows_are_in_order_and_no_wider_than_what_is_due(
    due: dict[str, date | None], counts: dict[date, int], page_size: int
) -> None:
    plan = plan_round(due, counts, page_size=page_size)
    for window in plan.windows:
        assert {window.first + DAY, window.last - DAY} <= set(due.values())
    for one, next_one in itertools.pairwise(plan.windows):
        assert one.last - DAY < next_one.first + DAY


@given(dues, counts, page_sizes)
def test_the_calls_are_what_the_plan_costs_and_never_more_than_one_by_one(
    due: dict[str, date | None], counts: dict[date, int], page_size: int
) -> None:
    plan, orders = plan_round(due, counts, page_size=page_size), orders_on(due, counts)
    assert plan.calls == sum(cost(it, orders, page_size) for it in plan.windows) + len(plan.details)
    assert plan.calls <= len(due)


@given(dues, counts, page_sizes)
@example({f"20-{it}": CALENDAR[it % 6] for it in range(30)}, {}, 5)
def test_no_other_plan_costs_less(due: dict[str, date | None], counts: dict[date, int], page_size: int) -> None:
    assert plan_round(due, counts, page_size=page_size).calls == fewest_calls(due, counts, page_size)


@given(dues, counts)
def test_no_plan_costs_less_than_the_least_calls(due: dict[str, date | None], counts: dict[date, int]) -> None:
    assert plan_round(due, counts).calls >= least_calls(len(due))


@given(dues, counts, page_sizes)
def test_the_order_in_which_things_are_told_changes_nothing_but_that_of_the_details(
    due: dict[str, date | None], counts: dict[date, int], page_size: int
) -> None:
    plan = plan_round(due, counts, page_size=page_size)
    turned = plan_round(dict(reversed(due.items())), dict(sorted(counts.items(), reverse=True)), page_size=page_size)
    assert turned == Plan(windows=plan.windows, details=plan.details[::-1], calls=plan.calls)


def due_on(*days: date | None) -> dict[str, date | None]:
    return {f"20-{it}": day for it, day in enumerate(days)}


def test_nothing_due_costs_nothing() -> None:
    assert plan_round({}, {TODAY: 5_000}) == Plan(windows=(), details=(), calls=0)


def test_a_busy_day_is_searched() -> None:
    plan = plan_round(due_on(*[TODAY] * 250), {TODAY: 250})
    assert plan == Plan(windows=(Window(date(2026, 6, 29), date(2026, 7, 1)),), details=(), calls=3)


def test_one_in_a_crowd_is_asked_for_alone() -> None:
    assert plan_round(due_on(TODAY), {TODAY: 5_000}) == Plan(windows=(), details=("20-0",), calls=1)


def test_sixty_days_of_which_all_is_due_are_one_search() -> None:
    """20,000 orders, 201 calls."""
    due = due_on(*(ago(it % 60) for it in range(20_000)))
    assert plan_round(due, {}) == Plan(windows=(Window(ago(60), ago(-1)),), details=(), calls=201)


def test_a_crowd_between_two_searches_is_left_out() -> None:
    due = due_on(*[ago(20)] * 50, ago(10), *[TODAY] * 50)
    plan = plan_round(due, {ago(10): 900})
    assert plan == Plan(windows=(Window(ago(21), ago(19)), Window(ago(1), ago(-1))), details=("20-50",), calls=3)


@pytest.mark.parametrize("crowded", [ago(1), ago(-1)], ids=str)
def test_the_days_of_the_ends_may_count_and_so_are_paid_for(crowded: date) -> None:
    due = due_on(*[TODAY] * 9)
    assert plan_round(due, {crowded: 799}).calls == 9  # 808 orders are 9 pages, which show others too
    assert plan_round(due, {crowded: 799}).windows
    assert plan_round(due, {crowded: 900}) == Plan(windows=(), details=tuple(due), calls=9)


def test_on_equal_cost_a_day_is_searched_where_that_shows_others_too() -> None:
    assert plan_round(due_on(TODAY), {TODAY: 99}).windows == (Window(ago(1), ago(-1)),)
    assert plan_round(due_on(TODAY), {TODAY: 1}).details == ("20-0",)
    assert plan_round(due_on(TODAY), {}).details == ("20-0",)


def test_of_equally_cheap_searches_the_one_with_more_room_is_taken_and_then_the_one_that_shows_more() -> None:
    due = due_on(ago(9), *[TODAY] * 40)
    starts = [plan_round(due, {ago(9): crowd}).windows[0].first for crowd in (90, 100, 110)]
    assert starts == [ago(10), ago(10), ago(1)]
    assert [plan_round(due, {ago(9): crowd}).calls for crowd in (90, 100, 110)] == [2, 2, 2]


def test_more_due_than_were_counted_are_counted() -> None:
    assert plan_round(due_on(*[TODAY] * 100), {TODAY: 7}).calls == 2


@pytest.mark.parametrize("day", [None, date.min, date.max], ids=str)
def test_details_are_asked_for_of_days_that_cannot_be_searched(day: date | None) -> None:
    """`0001-01-01` is what some systems write for no day."""
    due = due_on(day, day, *[TODAY] * 5)
    plan = plan_round(due, {date.min: 9, date.max: 9})
    assert (plan.windows, plan.details, plan.calls) == ((Window(ago(1), ago(-1)),), ("20-0", "20-1"), 3)


@pytest.mark.parametrize("day", [date.min + DAY, date.max - DAY], ids=str)
def test_the_first_and_the_last_days_that_a_window_can_cover_are_covered(day: date) -> None:
    [window] = plan_round(due_on(day, day), {}).windows
    assert window.covers(day)


def test_a_window_covers_what_is_strictly_inside() -> None:
    window = Window(ago(3), TODAY)
    assert [window.covers(ago(it)) for it in range(-1, 5)] == [False, False, True, True, False, False]


@pytest.mark.parametrize(("orders", "calls"), [(0, 1), (1, 1), (99, 1), (100, 2), (199, 2), (200, 3)])
def test_a_last_page_that_is_full_costs_one_more(orders: int, calls: int) -> None:
    assert pages(orders) == calls


# ── Days that are not known ─────────────────────────────────────────────────────────────────────────────────────────


def explored(exploration: Exploration, shown: Iterator[int], *, pages_each: int = 1) -> tuple[list[Window], int]:
    """Drive it as a client does, with what each page shows; give the windows, and how many pages were read."""
    windows, read = [], 0
    for window in exploration.windows():
        windows.append(window)
        for _ in range(pages_each):
            exploration.note_page(min(next(shown), exploration.unknown))
            read += 1
            if not exploration.pays:
                break
    return windows, read


@given(st.integers(0, 3_000), st.lists(st.integers(0, 100), max_size=200), st.integers(1, 20))
def test_an_exploration_never_costs_more_than_it_found_and_a_tenth(
    unknown: int, shown: list[int], pages_each: int
) -> None:
    exploration = Exploration(unknown=unknown, today=TODAY)
    _, read = explored(exploration, itertools.chain(shown, itertools.repeat(0)), pages_each=pages_each)
    assert read <= unknown - exploration.unknown + unknown // 10
    assert read + exploration.unknown <= unknown * 1.1


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2200, 1, 1)))
def test_an_exploration_covers_two_years_from_today_back_without_gaps(today: date) -> None:
    windows, _ = explored(Exploration(unknown=10_000, today=today), itertools.repeat(1))
    covered = [any(it.covers(today - age * DAY) for it in windows) for age in range(-1, 732)]
    assert covered == [False, *[True] * 730, False, False]
    assert windows == sorted(windows, key=lambda it: it.last, reverse=True)
    assert windows[0] == Window(today - 30 * DAY, today + DAY)


def test_an_exploration_ends_when_all_are_found() -> None:
    windows, read = explored(Exploration(unknown=250, today=TODAY), iter([100, 100, 50]), pages_each=9)
    assert (len(windows), read) == (1, 3)


def test_an_exploration_ends_in_the_midst_of_a_window_when_its_credit_is_gone() -> None:
    windows, read = explored(Exploration(unknown=50, today=TODAY), iter([2, 0, 0, 0, 0, 0, 0]), pages_each=4)
    assert (len(windows), read) == (2, 6)


@pytest.mark.parametrize(("unknown", "pays"), [(0, False), (9, False), (10, True)])
def test_fewer_than_ten_are_not_worth_exploring_for(unknown: int, pays: bool) -> None:
    exploration = Exploration(unknown=unknown, today=TODAY)
    assert exploration.pays == pays
    assert bool([*itertools.islice(exploration.windows(), 1)]) == pays


# ── When, and how often ─────────────────────────────────────────────────────────────────────────────────────────────

moments = st.floats(0, 4e9)


@given(moments, moments, st.floats(0.001, 1e6), st.floats(0, 1e6))
def test_the_next_look_is_neither_too_soon_nor_too_late(now: float, moved_at: float, every: float, more: float) -> None:
    slowest = every + more
    assert now + every <= next_look(now, moved_at, every=every, slowest=slowest) <= now + slowest


@pytest.mark.parametrize(
    ("moved_at", "after"),
    [(100_000.0, 60.0), (99_400.0, 60.0), (98_200.0, 80.0), (10_000.0, 1_760.0), (200_000.0, 60.0)],
)
def test_what_has_not_moved_for_long_is_looked_at_less_often(moved_at: float, after: float) -> None:
    assert next_look(100_000.0, moved_at, every=60.0, slowest=3_600.0) == 100_000.0 + after


@given(st.floats(0, 5e4), st.floats(0, 5e4))
def test_orders_that_rest_are_due_at_the_same_moments(one: float, other: float) -> None:
    """However little they were looked at together: so one search shows both."""
    times = {next_look(now, 0.0, every=60.0, slowest=3_600.0) for now in (1e6 + one, 1e6 + other)}
    assert all(it % 1920 == 0 for it in times)  # the most that is a power of two of a minute and fits an hour


@pytest.mark.parametrize(("orders", "calls"), [(0, 0), (1, 1), (100, 1), (101, 2), (20_000, 200)])
def test_a_call_shows_a_hundred_orders_at_best(orders: int, calls: int) -> None:
    assert least_calls(orders) == calls


def test_a_quota_of_sixty_a_minute_lets_two_hundred_calls_go_in_two_hundred_seconds() -> None:
    assert least_every(200, 60, 60.0) == 200.0
    assert least_every(200, 30, 60.0) == 400.0
