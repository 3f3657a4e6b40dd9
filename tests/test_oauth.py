"""When a token is fetched and when not, by a clock that tests move."""

import asyncio
import itertools

import pytest

from ingram_orders import AuthenticationError, ConnectionFailedError, IngramError
from ingram_orders.oauth import FIRST_PAUSE, LONGEST_PAUSE, LONGEST_REFRESH, Token, TokenKeeper


class Fetches:
    """Counts fetches and answers them, or fails while `failure` is set."""

    def __init__(self, lifetime: float = 1000.0) -> None:
        self.count = 0
        self.failure: IngramError | None = None
        self.lifetime = lifetime
        self.now = 0.0
        self.slept: list[float] = []
        self.keeper = TokenKeeper(self.fetch, clock=lambda: self.now, sleep=self.sleep, rand=lambda: 0.0)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)
        self.now += seconds

    async def fetch(self) -> Token:
        self.count += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return Token(f"token-{self.count}", self.lifetime)


async def settled(keeper: TokenKeeper) -> str:
    """Give the token that there is once a refresh that the asking may have begun is over."""
    await keeper.token()
    for _ in range(10):
        await asyncio.sleep(0)
    return await keeper.token()


async def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    fetches = Fetches(lifetime=1000)
    for now, expected in [(0, 1), (500, 1), (899, 1), (901, 2), (1700, 2), (1802, 3)]:
        fetches.now = now
        assert await settled(fetches.keeper) == f"token-{expected}"


@pytest.mark.parametrize(
    ("lifetime", "chance", "refreshed_at"),
    [(1000, 0.0, 900), (1000, 1.0, 800), (86_399, 0.0, 86_099), (86_399, 0.5, 85_949), (10, 0.0, 9)],
)
async def test_the_margin_is_a_tenth_of_the_life_or_five_minutes_and_up_to_double(
    lifetime: float, chance: float, refreshed_at: float
) -> None:
    """Chance spreads the refreshes of many processes."""
    fetches = Fetches(lifetime)
    fetches.keeper = TokenKeeper(fetches.fetch, clock=lambda: fetches.now, rand=lambda: chance)
    await fetches.keeper.token()
    fetches.now = refreshed_at - 0.1
    assert await settled(fetches.keeper) == "token-1"
    fetches.now = refreshed_at + 0.1
    assert await settled(fetches.keeper) == "token-2"


async def test_a_tokens_life_counts_from_when_it_was_asked_for() -> None:
    """It began when the server issued it, which was before the answer came."""
    fetches = Fetches(lifetime=1000)

    async def slowly() -> Token:
        fetches.now += 100
        return await fetches.fetch()

    fetches.keeper = TokenKeeper(slowly, clock=lambda: fetches.now, rand=lambda: 0.0)
    await fetches.keeper.token()
    fetches.now = 899
    assert await settled(fetches.keeper) == "token-1"
    fetches.now = 901
    assert await settled(fetches.keeper) == "token-2"


async def test_a_refused_token_is_never_given_again_and_its_successors_come_a_second_apart_at_least() -> None:
    """Or else an API that refuses them all would be asked for one by every call."""
    fetches = Fetches()
    for number, waited in [(1, 0), (2, 0), (3, 1), (4, 1)]:
        fetches.slept.clear()
        token = await fetches.keeper.token()
        assert (token, sum(fetches.slept)) == (f"token-{number}", waited)
        fetches.keeper.drop(token)
    fetches.now += FIRST_PAUSE
    fetches.slept.clear()
    assert await fetches.keeper.token() == "token-5"
    assert not fetches.slept


async def test_callers_that_wait_out_the_second_share_one_fetch_and_one_that_is_cancelled_harms_none() -> None:
    fetches = Fetches()
    for _ in range(2):
        fetches.keeper.drop(await fetches.keeper.token())
    first, *rest = (asyncio.ensure_future(fetches.keeper.token()) for _ in range(20))
    await asyncio.sleep(0)
    first.cancel()
    assert set(await asyncio.gather(*rest)) == {"token-3"}
    assert fetches.count == 3


async def test_nobody_waits_for_a_token_while_the_old_one_lasts() -> None:
    fetches = Fetches(lifetime=1000)
    await fetches.keeper.token()
    fetches.now = 950
    assert [await fetches.keeper.token() for _ in range(3)] == ["token-1"] * 3
    assert await settled(fetches.keeper) == "token-2"
    assert fetches.count == 2


class Hanging(Fetches):
    """Fetches that go on until they are let."""

    def __init__(self) -> None:
        super().__init__(lifetime=1000)
        self.let = asyncio.Event()
        self.let.set()
        self.cancelled = 0

    async def fetch(self) -> Token:
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return await super().fetch()


async def test_a_refresh_that_hangs_holds_up_nobody_before_the_token_ends_and_is_then_waited_for() -> None:
    fetches = Hanging()
    await fetches.keeper.token()
    fetches.let.clear()
    fetches.now = 950
    for _ in range(50):
        assert await fetches.keeper.token() == "token-1"
        await asyncio.sleep(0)
    fetches.now = 1001
    first, *rest = (asyncio.ensure_future(fetches.keeper.token()) for _ in range(5))
    await asyncio.sleep(0)
    first.cancel()  # which harms neither the others nor the refresh
    await asyncio.sleep(0)
    fetches.let.set()
    assert await asyncio.gather(*rest) == ["token-2"] * 4
    assert (fetches.count, fetches.cancelled) == (2, 0)


async def test_a_refresh_that_hangs_is_given_up_and_a_call_then_tries_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetches = Hanging()
    await fetches.keeper.token()
    fetches.let.clear()
    fetches.now = 950
    await fetches.keeper.token()
    await asyncio.sleep(0)
    fetches.now = 1001
    call = asyncio.ensure_future(fetches.keeper.token())
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    later = loop.time() + LONGEST_REFRESH + 1
    monkeypatch.setattr(loop, "time", lambda: later)
    while not fetches.cancelled:  # noqa: ASYNC110  # one turn of the loop at a time
        await asyncio.sleep(0)
    fetches.let.set()
    assert await call == "token-2"


async def test_a_refresh_that_never_began_does_not_stand_in_the_way_of_the_next() -> None:
    fetches = Fetches(lifetime=1000)
    await fetches.keeper.token()
    fetches.now = 950
    await fetches.keeper.token()
    assert fetches.keeper._refreshing is not None
    fetches.keeper._refreshing.cancel()  # before its first step, as a loop does that ends
    assert await settled(fetches.keeper) == "token-1"
    assert await settled(fetches.keeper) == "token-2"


async def test_closing_ends_a_refresh_and_lets_none_begin() -> None:
    fetches = Hanging()
    await fetches.keeper.token()
    fetches.let.clear()
    fetches.now = 950
    await fetches.keeper.token()
    await asyncio.sleep(0)
    await fetches.keeper.close()
    assert fetches.cancelled == 1
    assert await fetches.keeper.token() == "token-1"
    assert len(asyncio.all_tasks()) == 1


async def test_a_refresh_that_failed_keeps_no_call_from_trying_once_the_token_has_ended() -> None:
    fetches = Fetches(lifetime=1000)
    await fetches.keeper.token()
    fetches.failure = ConnectionFailedError("down")
    for fetches.now in (950, 960, 970, 980, 999):
        assert await settled(fetches.keeper) == "token-1"
    fetches.failure = None
    fetches.now = 1000
    assert await fetches.keeper.token() == f"token-{fetches.count}"


async def test_a_failure_of_any_kind_is_one_of_ours_and_makes_a_pause() -> None:
    fetches = Fetches()

    async def fails() -> Token:
        fetches.count += 1
        raise KeyError("a bug")

    fetches.keeper = TokenKeeper(fails, clock=lambda: fetches.now)
    results = await asyncio.gather(*(fetches.keeper.token() for _ in range(20)), return_exceptions=True)
    assert {type(it) for it in results} == {ConnectionFailedError}
    assert "KeyError: 'a bug'" in str(results[0])
    assert fetches.count == 1


async def test_the_pause_counts_from_when_the_fetch_had_failed() -> None:
    fetches = Fetches()

    async def fails_late() -> Token:
        fetches.count += 1
        fetches.now += 10
        raise ConnectionFailedError("no connection within 10 s")

    fetches.keeper = TokenKeeper(fails_late, clock=lambda: fetches.now)
    for _ in range(2):
        with pytest.raises(ConnectionFailedError):
            await fetches.keeper.token()
    assert fetches.count == 1


async def test_a_token_that_ended_by_itself_is_replaced_at_once_however_young_the_last_was() -> None:
    """Only refusals keep their successors a second apart."""
    fetches = Fetches(lifetime=0.5)
    fetches.keeper.drop(await fetches.keeper.token())
    await fetches.keeper.token()
    fetches.now += 0.6
    assert await fetches.keeper.token() == "token-3"
    assert not fetches.slept


async def test_many_callers_wait_for_one_fetch() -> None:
    fetches = Fetches()
    assert set(await asyncio.gather(*(fetches.keeper.token() for _ in range(100)))) == {"token-1"}
    assert fetches.count == 1


async def test_a_refused_token_is_dropped_once_and_only_if_it_is_the_one_in_hand() -> None:
    fetches = Fetches()
    old = await fetches.keeper.token()
    fetches.keeper.drop(old)
    new = await fetches.keeper.token()
    for _ in range(99):  # the others that were refused with the old one
        fetches.keeper.drop(old)
    assert await fetches.keeper.token() == new == "token-2"
    assert fetches.count == 2


async def test_a_cancelled_fetch_leaves_the_next_caller_to_fetch() -> None:
    fetches = Fetches()
    first, second = (asyncio.ensure_future(fetches.keeper.token()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "token-2"
    assert first.cancelled()


async def test_a_failure_is_told_to_all_who_wait_and_for_a_while_after() -> None:
    fetches = Fetches()
    fetches.failure = ConnectionFailedError("down")
    results = await asyncio.gather(*(fetches.keeper.token() for _ in range(20)), return_exceptions=True)
    assert {type(it) for it in results} == {ConnectionFailedError}
    assert len({id(it) for it in results}) == 20  # each its own: one raised by all would grow its traceback
    assert fetches.count == 1
    fetches.failure = None
    fetches.now = FIRST_PAUSE - 0.1
    with pytest.raises(ConnectionFailedError, match="down"):
        await fetches.keeper.token()
    fetches.now = FIRST_PAUSE + 0.1
    assert await fetches.keeper.token() == "token-2"


async def test_the_pause_doubles_up_to_a_limit_and_a_success_ends_it() -> None:
    fetches = Fetches()
    fetches.failure = AuthenticationError("no", status=401)
    for pause in itertools.accumulate([FIRST_PAUSE] + [2] * 8, lambda one, two: min(one * two, LONGEST_PAUSE)):
        with pytest.raises(AuthenticationError):
            await fetches.keeper.token()
        before = fetches.count
        fetches.now += pause - 0.01
        with pytest.raises(AuthenticationError):
            await fetches.keeper.token()
        assert fetches.count == before
        fetches.now += 0.02
    fetches.failure = None
    await fetches.keeper.token()
    fetches.keeper.drop(f"token-{fetches.count}")
    fetches.failure = ConnectionFailedError("again")
    with pytest.raises(ConnectionFailedError):
        await fetches.keeper.token()
    fetches.now += FIRST_PAUSE + 0.01
    before = fetches.count
    with pytest.raises(ConnectionFailedError):
        await fetches.keeper.token()
    assert fetches.count == before + 1


async def test_a_token_that_is_still_good_outlives_a_failed_refresh() -> None:
    fetches = Fetches(lifetime=1000)
    await fetches.keeper.token()
    fetches.failure = ConnectionFailedError("down")
    fetches.now = 950
    assert await settled(fetches.keeper) == "token-1"
    assert await settled(fetches.keeper) == "token-1"  # within the pause
    assert fetches.count == 2
    fetches.now = 1001
    with pytest.raises(ConnectionFailedError):
        await fetches.keeper.token()


def test_a_token_is_not_shown() -> None:
    assert "secret" not in repr(Token("secret", 1.0))


async def test_a_failure_says_how_long_no_other_token_is_asked_for() -> None:
    """First as long as the pause is, then what is left of it; longer where the endpoint itself says so."""
    fetches = Fetches()
    fetches.failure = ConnectionFailedError("down")

    async def left() -> float | None:
        with pytest.raises(ConnectionFailedError) as failed:
            await fetches.keeper.token()
        return failed.value.retry_after

    assert await left() == FIRST_PAUSE
    fetches.now += FIRST_PAUSE / 4
    assert await left() == FIRST_PAUSE * 3 / 4
    assert fetches.count == 1
    fetches.now += FIRST_PAUSE
    fetches.failure.retry_after = 40.0
    assert await left() == 40.0
    fetches.now += 39.0
    assert (await left(), fetches.count) == (1.0, 2)
