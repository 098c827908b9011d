"""Tokens: reserved at admission, settled at the end, and a stream that ends when its bucket is empty."""

from math import inf

import pytest

from sluice.errors import RateLimited
from sluice.gateway.limits_hold import Hold
from sluice.policies.limiting import LimitSet
from sluice.policies.rate_limit import SLICE
from sluice.relay.outcome import OutcomeKind
from tests.gateway.limiting import World, bounds, ended, limiting, rate, scene, shown


def remaining(hold: Hold) -> int:
    return int(shown(hold)["x-ratelimit-remaining"])


async def left(world: World) -> int:
    """What a bucket of 100 holds."""
    return remaining(await world.reserve(limiting(rate(100, "tokens")), prompt=0))


async def test_without_a_bound_a_request_is_admitted_while_any_token_is_left() -> None:
    """The documented lab: 100 tokens a minute, 39 for each answer: three pass, the fourth does not."""
    world, limits = World(), limiting(rate(100, "tokens"))
    for _ in range(3):
        (await world.reserve(limits, prompt=14)).settle(ended(usage=39))
    with pytest.raises(RateLimited) as refused:
        await world.reserve(limits, prompt=14)
    assert refused.value.retry_after_s == 60
    assert (b"x-ratelimit-remaining", b"0") in refused.value.headers
    world.now += 60
    (await world.reserve(limits, prompt=14)).settle(ended(usage=39))


async def test_a_bucket_smaller_than_one_request_lets_the_first_pass_and_refuses_the_second() -> None:
    world, limits = World(), limiting(rate(5, "tokens"))
    (await world.reserve(limits, prompt=12)).settle(ended(usage=212))
    with pytest.raises(RateLimited) as refused:
        await world.reserve(limits, prompt=12)
    assert refused.value.retry_after_s == 42 * 60  # 207 are owed, 5 come each minute


async def test_with_a_bound_it_is_reserved_for_every_choice() -> None:
    world, limits = World(), limiting(rate(1000, "tokens"))
    hold = await world.reserve(limits, prompt=100, bound=200, n=3)
    assert remaining(hold) == 300
    with pytest.raises(RateLimited):
        await world.reserve(limits, prompt=101, bound=200)
    await world.reserve(limits, prompt=100, bound=200)


async def test_a_bound_beyond_the_whole_bucket_is_admitted_when_that_is_full_and_only_then() -> None:
    world, limits = World(), limiting(rate(100, "tokens"))
    hold = await world.reserve(limits, prompt=10, bound=32_000)
    with pytest.raises(RateLimited):
        await world.reserve(limits, prompt=1, bound=1)
    hold.settle(ended(usage=30))
    with pytest.raises(RateLimited):
        await world.reserve(limits, prompt=10, bound=32_000)
    await world.reserve(limits, prompt=10, bound=60)


@pytest.mark.parametrize(
    ("outcome", "usage", "streamed", "asked", "charged"),
    [
        ("completed", 39, 20, True, 39),
        ("client_gone", None, 20, True, 30),
        ("client_gone", None, 0, False, 0),
        ("upstream_error", None, 0, True, 0),
        ("upstream_truncated", None, 5, True, 15),
        ("blocked", None, 0, False, 0),
        ("internal", None, 0, False, 0),
    ],
)
async def test_an_exchange_is_charged_what_it_used_however_it_ended(
    outcome: OutcomeKind, usage: int | None, streamed: int, asked: bool, charged: int
) -> None:
    world = World()
    hold = await world.reserve(limiting(rate(100, "tokens")), prompt=10, bound=50)
    hold.settle(ended(outcome, usage, streamed=streamed, asked=asked))
    assert await left(world) == 100 - charged


async def test_a_rejection_by_a_guard_uses_a_request_and_no_tokens() -> None:
    world, limits = World(), limiting(rate(1, name="q"), rate(100, "tokens"))
    (await world.reserve(limits)).settle(ended("blocked", asked=False))
    assert await left(world) == 100
    with pytest.raises(RateLimited):
        await world.reserve(limits)
    assert world.refused == ["q"]


async def test_limits_of_tokens_do_not_hold_for_what_asks_no_model() -> None:
    world, limits = World(), limiting(rate(1, "tokens"))
    (await world.reserve(limits, prompt=5)).settle(ended(usage=50))
    await world.reserve(limits, prompt=None)


async def test_the_prompt_is_estimated_only_if_a_limit_asks_for_it() -> None:
    world = World()
    asked: list[int] = []

    def estimate() -> int:
        asked.append(1)
        return 7

    await world.limiter.reserve(limiting(rate(5)), scene(), None, estimate)
    assert not asked
    both = limiting(rate(50, "tokens"), rate(70, "tokens", name="other"))
    hold = await world.limiter.reserve(both, scene(), None, estimate)
    assert (asked, hold.prompt) == ([1], 7)


# -- cutStream --------------------------------------------------------------------------------------------------------


def stream(hold: Hold, tokens: int) -> int:
    """Stream as a relay does; return the tokens that were streamed."""
    for token in range(1, tokens + 1):
        if token >= hold.check_at and not hold.check(token):
            return token
    return tokens


async def test_a_stream_without_such_a_limit_is_never_asked_about() -> None:
    hold = await World().reserve(limiting(rate(5, "tokens")))
    assert hold.check_at == inf


async def test_a_stream_is_cut_when_its_bucket_is_empty() -> None:
    world, limits = World(), limiting(rate(1000, "tokens", cut=True))
    hold = await world.reserve(limits, prompt=100)
    assert stream(hold, 5000) == 900
    hold.settle(ended("limited", streamed=900))
    with pytest.raises(RateLimited):
        await world.reserve(limits, prompt=100)
    world.now += 60
    await world.reserve(limits, prompt=100)


async def test_streams_that_run_side_by_side_share_what_is_there() -> None:
    world, limits = World(), limiting(rate(1000, "tokens", cut=True))
    holds = [await world.reserve(limits, prompt=10) for _ in range(3)]
    streamed = [stream(hold, 5000) for hold in holds]
    assert sum(streamed) + 30 == 1000
    assert world.refused == ["r", "r", "r"]
    for hold, tokens in zip(holds, streamed, strict=True):
        hold.settle(ended("limited", streamed=tokens))
    world.now += 60
    fresh = await world.reserve(limits, prompt=0)
    assert remaining(fresh) == 1000 - SLICE


async def test_a_stream_that_ends_before_gives_its_slice_back() -> None:
    world, limits = World(), limiting(rate(1000, "tokens", cut=True))
    hold = await world.reserve(limits, prompt=10)
    assert stream(hold, 700) == 700
    hold.settle(ended(usage=710))
    fresh = await world.reserve(limits, prompt=0, bound=0)
    assert remaining(fresh) == 290


async def test_a_stream_of_the_shared_store_asks_early_and_is_cut_when_that_is_empty() -> None:
    world = World(shared=True)
    limits = limiting(LimitSet(everywhere=bounds(rate(1000, "tokens", cut=True))))
    hold = await world.reserve(limits, prompt=100)
    token = 0
    while True:
        token += 1
        if token >= hold.check_at and not hold.check(token):
            break
        if token % 40 == 0:  # answers come some time later
            for answer in world.shared.later:
                answer()
            world.shared.later.clear()
    assert token == 900


@pytest.mark.parametrize(("opens", "tokens"), [(True, 5000), (False, SLICE)])
async def test_a_stream_whose_store_is_silent_goes_on_or_ends_as_the_limit_fails(opens: bool, tokens: int) -> None:
    world = World(shared=True)
    limits = limiting(LimitSet(everywhere=bounds(rate(1000, "tokens", cut=True)), fails_open=opens))
    hold = await world.reserve(limits, prompt=0)
    assert stream(hold, 5000) == tokens
    hold.settle(ended("limited", streamed=tokens))
    for answer in world.shared.later:  # they come after all, when the stream is over
        answer()
    again = limiting(LimitSet(everywhere=bounds(rate(1000, "tokens"))))
    if opens:  # what it had beyond the store's word is owed
        with pytest.raises(RateLimited):
            await world.reserve(again, prompt=0)
    else:
        assert remaining(await world.reserve(again, prompt=0)) == 1000 - SLICE
