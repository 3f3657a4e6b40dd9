"""What a word of a search or of the details is beside those before it: no news, a change, or one to be confirmed."""

import itertools
from datetime import date, datetime

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ingram_orders import FoundOrder, OrderDetailB2B, OrderStatus
from ingram_orders.converters import structure
from ingram_orders.models.shared import folded_status
from ingram_orders.sightings import Seen, Source, Verdict, day_of, judge, sighting

WAY = ["PROCESSING", "ON HOLD", "BACKORDERED", "PARTIALLY SHIPPED", "SHIPPED", "DELIVERED", "INVOICED"]
SPELT = {"PROCESSING": "im::In Progress", "SHIPPED": "Shipped", "ON HOLD": "IM::SALES_HOLD"}

sources = st.sampled_from(Source)
words = st.sampled_from([*WAY, *SPELT.values(), "CANCELED", "VOIDED", "IN PICK", "in-pick", "PACKED"])
said = st.lists(st.tuples(sources, words), min_size=1, max_size=30)


def kind(word: str) -> OrderStatus | str:
    status = OrderStatus.of(word)
    return folded_status(word) if status is OrderStatus.UNKNOWN else status


def told(sayings: list[tuple[Source, str]], *, is_part: bool = False) -> list[str]:
    """Give the words that were changes, the first of all among them; what is to be confirmed stays open."""
    [(source, word), *rest] = sayings
    seen, given = Seen.first(word, source), [word]
    for source, word in rest:
        verdict, seen = judge(seen, word, source, is_part=is_part)
        if verdict is Verdict.CHANGED:
            given.append(word)
    return given


@given(said, st.booleans())
def test_a_change_is_told_only_where_status_or_folded_word_differs(
    sayings: list[tuple[Source, str]], is_part: bool
) -> None:
    given = told(sayings, is_part=is_part)
    assert all(kind(one) != kind(other) for one, other in itertools.pairwise(given))


@given(said, st.booleans(), st.booleans())
def test_what_counts_changes_with_a_change_and_only_then(
    sayings: list[tuple[Source, str]], is_part: bool, has_rested: bool
) -> None:
    seen = Seen.first(sayings[0][1], sayings[0][0])
    for source, word in sayings:
        verdict, after = judge(seen, word, source, is_part=is_part, has_rested=has_rested)
        assert (verdict is Verdict.CHANGED) == (after.word != seen.word)
        assert after.word == (folded_status(word) if verdict is Verdict.CHANGED else seen.word)
        assert (after.search if source is Source.SEARCH else after.details) == folded_status(word)
        assert verdict is not Verdict.CONFIRM or source is Source.SEARCH
        seen = after


@given(said, st.tuples(sources, words), st.integers(2, 6))
def test_who_only_repeats_his_word_never_makes_a_change_twice(
    sayings: list[tuple[Source, str]], last: tuple[Source, str], times: int
) -> None:
    assert len(told([*sayings, *[last] * times])) == len(told([*sayings, last]))


@given(words, words, st.integers(1, 8))
def test_two_who_repeat_different_words_for_ever_make_two_changes_at_most(one: str, other: str, times: int) -> None:
    pair = [(Source.SEARCH, one), (Source.DETAILS, other)]
    assert len(told(pair * times)) <= 2
    assert len(told(pair[::-1] * times)) <= 2


@given(st.lists(st.sampled_from(range(len(WAY))), min_size=1, unique=True).map(sorted), sources)
def test_steps_forward_by_one_source_are_just_these_changes(steps: list[int], source: Source) -> None:
    run = [WAY[it] for it in steps]
    assert told([(source, word) for word in run for _ in range(2)]) == run


@given(st.lists(words, min_size=1, max_size=20))
def test_whatever_the_details_alone_say_is_told(run: list[str]) -> None:
    expected = [word for at, word in enumerate(run) if at == 0 or kind(word) != kind(run[at - 1])]
    assert told([(Source.DETAILS, word) for word in run]) == expected


@given(st.lists(st.tuples(st.integers(0, 1), sources), min_size=1, max_size=40), st.integers(0, 6))
def test_where_one_lags_steps_forward_are_each_told_once(moves: list[tuple[int, Source]], lag: int) -> None:
    """A search that lags: whatever is told is in order, none twice, and in the end it is what is."""
    truth, sayings = [0], []
    for step, source in moves:
        truth.append(min(truth[-1] + step, len(WAY) - 1))
        sayings.append((source, WAY[truth[max(len(truth) - 1 - lag, 0)] if source is Source.SEARCH else truth[-1]]))
    given = [WAY.index(it) for it in told([*sayings, (Source.DETAILS, WAY[truth[-1]])])]
    assert given == sorted(set(given))
    assert given[-1] == truth[-1]


@given(st.lists(st.tuples(words, sources), min_size=1, max_size=30), st.integers(0, 5))
def test_however_an_order_goes_what_is_known_in_the_end_is_what_is(moves: list[tuple[str, Source]], lag: int) -> None:
    """A search that lags, and whose doubts are settled by the details: each of these tells what is then."""
    truth, seen = [moves[0][0]], None
    for word, source in moves:
        truth.append(word)
        shown = truth[max(len(truth) - 1 - lag, 0)] if source is Source.SEARCH else word
        if seen is None:
            seen = Seen.first(shown, source)
            continue
        verdict, seen = judge(seen, shown, source)
        if verdict is Verdict.CONFIRM or source is Source.DETAILS:
            _, seen = judge(seen, word, Source.DETAILS, has_rested=True)
            assert kind(seen.word) == kind(word)
    assert seen is not None
    while True:  # all is quiet
        verdict, seen = judge(seen, truth[-1], Source.SEARCH)
        if verdict is Verdict.CONFIRM:
            _, seen = judge(seen, truth[-1], Source.DETAILS)
        if verdict is Verdict.SAME:
            break
    assert kind(seen.word) == kind(truth[-1])


CASES = [
    ("a step back of a search is confirmed", ("shipped", "shipped", None), Source.SEARCH, "PROCESSING", "confirm"),
    ("and also where it only lags", ("shipped", "processing", "shipped"), Source.SEARCH, "PROCESSING", "confirm"),
    ("by the details", ("shipped", "processing", "shipped"), Source.DETAILS, "PROCESSING", "changed"),
    ("or denied", ("shipped", "processing", "shipped"), Source.DETAILS, "SHIPPED", "same"),
    ("details may lag too", ("shipped", "shipped", "processing"), Source.DETAILS, "PROCESSING", "same"),
    ("a new word of a search in step", ("processing", "processing", None), Source.SEARCH, "IN PICK", "changed"),
    ("and of one that may lag", ("processing", None, "processing"), Source.SEARCH, "IN PICK", "confirm"),
    ("another spelling", ("onhold", "onhold", None), Source.SEARCH, "IM::SALES_HOLD", "same"),
    ("another unknown word", ("inpick", "inpick", "inpick"), Source.DETAILS, "PACKED", "changed"),
    ("the unknown word that a lagging search stays with", ("packed", "inpick", "packed"), Source.DETAILS, "IN PICK",
     "changed"),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "source", "word", "verdict"), [it[1:] for it in CASES], ids=[it[0] for it in CASES])
def test_one_by_one(seen: tuple[str, str | None, str | None], source: Source, word: str, verdict: str) -> None:
    assert judge(Seen(*seen), word, source)[0] is Verdict(verdict)


def test_details_that_still_differ_after_long_are_believed() -> None:
    seen = Seen("shipped", "shipped", "processing")
    assert judge(seen, "PROCESSING", Source.DETAILS, has_rested=True) == (
        Verdict.CHANGED, Seen("processing", "shipped", "processing"),
    )  # fmt: skip


def test_what_details_say_nothing_of_is_as_the_search_said() -> None:
    assert judge(Seen("shipped", "onhold"), None, Source.DETAILS) == (Verdict.CHANGED, Seen("onhold", "onhold"))
    for seen in (Seen("shipped", "shipped"), Seen("shipped", None, "shipped")):
        assert judge(seen, None, Source.DETAILS) == (Verdict.SAME, seen)


def test_lines_of_a_part_that_are_behind_are_no_step_back() -> None:
    seen = Seen("partiallydelivered", "partiallydelivered")
    verdict, after = judge(seen, "SHIPPED", Source.DETAILS, is_part=True)
    assert (verdict, after) == (Verdict.SAME, evolve(seen, details="shipped"))


# ── What an answer says ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_found_order_says_of_its_sub_orders_what_it_says() -> None:
    order = structure(
        {
            "ingramOrderNumber": "20-A", "orderStatus": "SHIPPED", "ingramOrderDate": "2026-06-30T01:00:00-07:00",
            "subOrders": [
                {"subOrderNumber": "20-A-11", "subOrderStatus": "X"}, {"subOrderNumber": "20-A-12"},
                {"subOrderStatus": "Y"},
            ],
        },
        FoundOrder,
    )  # fmt: skip
    it = sighting(order)
    assert it is not None
    assert (it.number, it.source, it.word, it.parts) == ("20-A", Source.SEARCH, "SHIPPED", {"20-A-11": "X"})
    assert day_of(order) == date(2026, 6, 30)
    assert sighting(FoundOrder(order_status="SHIPPED")) is None


def test_details_say_of_a_sub_order_what_all_its_lines_say() -> None:
    lines = [
        {"subOrderNumber": part, "lineStatus": word}
        for part, word in [("11", "Shipped"), ("11", "im::shipped"), ("12", "SHIPPED"), ("12", "ON HOLD"), ("13", "")]
    ]
    order = structure({"ingramOrderNumber": "20-A", "orderStatus": "", "lines": lines}, OrderDetailB2B)
    it = sighting(order, "20-a")
    assert it is not None
    assert (it.number, it.source, it.word) == ("20-a", Source.DETAILS, None)
    assert [*it.parts] == ["11"]


def test_the_day_of_an_order_is_as_it_tells_it() -> None:
    assert day_of(FoundOrder()) is None
    assert day_of(FoundOrder(ingram_order_date=datetime(2026, 6, 30, 23))) == date(2026, 6, 30)
