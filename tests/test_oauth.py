"""When a token is fetched and when not, by a clock that tests move."""

import asyncio
import itertools

import pytest

from ingram_orders import AuthenticationError, ConnectionFailedError, IngramError
from ingram_orders.oauth import FIRST_PAUSE, LONGEST_PAUSE, Token, TokenKeeper


class Fetches:
    """Counts fetches and answers them, or fails while `failure` is set."""

    def __init__(self, lifetime: float = 1000.0) -> None:
        self.count = 0
        self.failure: IngramError | None = None
        self.lifetime = lifetime
        self.now = 0.0
        self.keeper = TokenKeeper(self.fetch, clock=lambda: self.now, rand=lambda: 0.0)

    async def fetch(self) -> Token:
        self.count += 1
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return Token(f"token-{self.count}", self.lifetime)


async def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    fetches = Fetches(lifetime=1000)
    for now, expected in [(0, 1), (500, 1), (899, 1), (901, 2), (1700, 2), (1802, 3)]:
        fetches.now = now
        assert await fetches.keeper.token() == f"token-{expected}"


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
    assert await fetches.keeper.token() == "token-1"
    fetches.now = refreshed_at + 0.1
    assert await fetches.keeper.token() == "token-2"


async def test_a_tokens_life_counts_from_when_it_was_asked_for() -> None:
    """It began when the server issued it, which was before the answer came."""
    fetches = Fetches(lifetime=1000)

    async def slowly() -> Token:
        fetches.now += 100
        return await fetches.fetch()

    fetches.keeper = TokenKeeper(slowly, clock=lambda: fetches.now, rand=lambda: 0.0)
    await fetches.keeper.token()
    fetches.now = 899
    assert await fetches.keeper.token() == "token-1"
    fetches.now = 901
    assert await fetches.keeper.token() == "token-2"


async def test_a_token_refused_right_after_it_replaced_another_is_kept_for_a_while() -> None:
    """Or else an API that refuses them all would be asked for one by every call."""
    fetches = Fetches()
    fetches.keeper.drop(await fetches.keeper.token())
    fetches.keeper.drop(await fetches.keeper.token())
    assert await fetches.keeper.token() == "token-2"
    fetches.now += FIRST_PAUSE
    fetches.keeper.drop("token-2")
    assert await fetches.keeper.token() == "token-3"


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
    assert await fetches.keeper.token() == "token-1"
    assert await fetches.keeper.token() == "token-1"  # within the pause
    assert fetches.count == 2
    fetches.now = 1001
    with pytest.raises(ConnectionFailedError):
        await fetches.keeper.token()


def test_a_token_is_not_shown() -> None:
    assert "secret" not in repr(Token("secret", 1.0))
