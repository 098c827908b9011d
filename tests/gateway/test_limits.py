"""Admission: all limits of all layers hold together, and who is refused took nothing."""

import asyncio

import pytest

from sluice.errors import PolicyUnavailable, RateLimited
from sluice.gateway.limits_hold import NO_HOLD
from sluice.policies.limiting import NO_LIMITS, Bounds, Choice, Described, Limiting, LimitSet, Node, Part
from tests.gateway.limiting import World, at_once, bounds, ended, limiting, rate, scene, shown


async def test_without_limits_nothing_is_held() -> None:
    assert await World().reserve(NO_LIMITS) is NO_HOLD


async def test_a_request_too_many_is_told_when_to_come_back() -> None:
    world, limits = World(), limiting(rate(5))
    for left in range(4, -1, -1):
        hold = await world.reserve(limits)
        assert shown(hold) == {
            "x-ratelimit-limit": "5",
            "x-ratelimit-remaining": str(left),
            "x-ratelimit-reset": "60",
        }
    world.now += 17.5
    with pytest.raises(RateLimited, match=r"^rate limit exceeded$") as refused:
        await world.reserve(limits)
    assert refused.value.status == 429
    assert refused.value.retry_after_s == 43
    assert dict(refused.value.headers)[b"x-ratelimit-reset"] == b"43"
    assert dict(refused.value.headers)[b"x-ratelimit-remaining"] == b"0"
    assert world.refused == ["r"]
    world.now += 43
    await world.reserve(limits)


async def test_a_gateways_ceiling_and_a_routes_limit_both_hold() -> None:
    world = World()
    gateway = rate(3, name="gateway")
    one, two = limiting(gateway, rate(2, name="one")), limiting(gateway, rate(2, name="two"))
    await world.reserve(one)
    await world.reserve(one)
    with pytest.raises(RateLimited):
        await world.reserve(one)
    await world.reserve(two)
    with pytest.raises(RateLimited):
        await world.reserve(two)
    assert world.refused == ["one", "gateway"]


async def test_each_value_of_a_key_has_its_bucket_and_those_without_one_share_one() -> None:
    world, limits = World(), limiting(rate(1, key='request.headers["x-user"]'))
    await world.reserve(limits, scene(x_user="a"))
    await world.reserve(limits, scene(x_user="b"))
    await world.reserve(limits, scene())
    for seen in (scene(x_user="a"), scene(x_user="b"), scene(), scene(x_other="c")):
        with pytest.raises(RateLimited):
            await world.reserve(limits, seen)


async def test_a_limit_that_two_layers_name_is_counted_once() -> None:
    world, limits = World(), limiting(rate(2), rate(2))
    await world.reserve(limits)
    await world.reserve(limits)
    with pytest.raises(RateLimited):
        await world.reserve(limits)


async def test_of_conditional_limits_the_first_that_holds_counts() -> None:
    gold = Choice(
        condition='request.headers["x-plan"] == "gold"', limits=LimitSet(machine=bounds(rate(2, name="gold")))
    )
    others = Choice(limits=LimitSet(machine=bounds(rate(1, name="others"))))
    world, limits = World(), Limiting(groups=((gold, others),))
    for seen in (scene(x_plan="gold"), scene(x_plan="gold"), scene(x_plan="tin")):
        await world.reserve(limits, seen)
    for seen in (scene(x_plan="gold"), scene()):
        with pytest.raises(RateLimited):
            await world.reserve(limits, seen)
    assert world.refused == ["gold", "others"]


async def test_a_descriptor_counts_each_combination_of_its_values() -> None:
    parts = tuple(Part(name, f'request.headers["x-{name}"]') for name in ("user", "tenant"))
    tree = (Node(key="user", nodes=(Node(key="tenant", rate=rate(1, name="pair")),)),)
    world = World()
    limits = limiting(LimitSet(everywhere=Bounds(described=(Described(parts=parts, nodes=tree),))))
    await world.reserve(limits, scene(x_user="u", x_tenant="a"))
    await world.reserve(limits, scene(x_user="u", x_tenant="b"))
    await world.reserve(limits, scene(x_user="ub", x_tenant=""))
    with pytest.raises(RateLimited):
        await world.reserve(limits, scene(x_user="u", x_tenant="a"))
    for _ in range(3):  # of these there is no such descriptor
        assert not (await world.reserve(limits, scene(x_user="u"))).headers


async def test_places_are_held_until_the_exchange_is_over() -> None:
    world, limits = World(), limiting(at_once(2))
    first, _ = await world.reserve(limits), await world.reserve(limits)
    with pytest.raises(RateLimited) as refused:
        await world.reserve(limits)
    assert refused.value.retry_after_s == 1
    assert (b"x-ratelimit-limit", b"2") in refused.value.headers
    world.now += 3600
    with pytest.raises(RateLimited):
        await world.reserve(limits)
    first.settle(ended("client_gone"))
    await world.reserve(limits)
    first.settle(ended())  # a second time changes nothing
    with pytest.raises(RateLimited):
        await world.reserve(limits)


async def test_the_tightest_limit_is_shown() -> None:
    world = World()
    hold = await world.reserve(limiting(rate(1000, "tokens", name="t"), rate(10, name="q")), prompt=500)
    assert shown(hold)["x-ratelimit-limit"] == "1000"
    hold = await world.reserve(limiting(rate(2, name="small"), rate(10**6, "tokens", name="big")))
    assert shown(hold)["x-ratelimit-limit"] == "2"


async def test_what_this_machine_gave_is_put_back_if_the_shared_store_refuses() -> None:
    world = World(shared=True)
    limits = limiting(
        LimitSet(machine=bounds(rate(5, name="here"), at_once(1)), everywhere=bounds(rate(1, name="there")))
    )
    (await world.reserve(limits)).settle(ended())
    for _ in range(10):
        with pytest.raises(RateLimited):
            await world.reserve(limits)
    assert set(world.refused) == {"there"}
    hold = await world.reserve(limiting(rate(5, name="here"), at_once(1)))
    assert shown(hold)["x-ratelimit-remaining"] == "3"


async def test_without_a_shared_store_its_limits_are_counted_here() -> None:
    world, limits = World(shared=False), limiting(LimitSet(everywhere=bounds(rate(1))))
    await world.reserve(limits)
    with pytest.raises(RateLimited):
        await world.reserve(limits)


@pytest.mark.parametrize("opens", [True, False])
async def test_a_shared_store_that_is_gone_fails_as_the_limit_says(opens: bool) -> None:
    world = World(shared=True)
    limits = limiting(LimitSet(machine=bounds(at_once(1)), everywhere=bounds(rate(1, name="there")), fails_open=opens))
    world.shared.gone = True
    if opens:
        hold = await world.reserve(limits)
        assert hold.failed_open == ("there",)
        assert world.opened == ["there"]
        return
    for _ in range(3):  # the place of this machine is put back each time
        with pytest.raises(PolicyUnavailable) as failed:
            await world.reserve(limits)
        assert (failed.value.status, failed.value.reason) == (500, "RateLimit")


async def test_a_layer_that_fails_closed_is_not_opened_by_another() -> None:
    world = World(shared=True)
    world.shared.gone = True
    closed = LimitSet(everywhere=bounds(rate(1, name="closed")))
    opened = LimitSet(everywhere=bounds(rate(1, name="open")), fails_open=True)
    with pytest.raises(PolicyUnavailable):
        await world.reserve(limiting(closed, opened))


async def test_who_leaves_while_the_shared_store_is_asked_holds_nothing() -> None:
    world = World(shared=True)
    asked = asyncio.Event()

    async def never(*_: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    world.shared.take = never  # type: ignore[method-assign, assignment]
    limits = limiting(LimitSet(machine=bounds(at_once(1), rate(1)), everywhere=bounds(rate(9, name="there"))))
    task = asyncio.create_task(world.reserve(limits))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await world.reserve(limiting(LimitSet(machine=bounds(at_once(1), rate(1)))))


async def test_500_at_once_with_random_ends_never_exceed_what_may_be() -> None:
    """Reserved, aborted and settled in any order: places never more than there are, tokens to the last one."""
    world = World()
    limits = limiting(rate(100_000, "tokens"), at_once(40))
    inside = most = spent = 0

    async def exchange(number: int) -> None:
        nonlocal inside, most, spent
        for _ in range(200):
            try:
                hold = await world.reserve(limits, prompt=number % 7, bound=number % 40)
                break
            except RateLimited:
                await asyncio.sleep(0)
        else:
            return
        inside += 1
        most = max(most, inside)
        for _ in range(number % 5):
            await asyncio.sleep(0)
        inside -= 1
        over = ended("client_gone", streamed=number % 11) if number % 3 else ended(usage=number % 90)
        spent += (number % 7 + number % 11) if number % 3 else number % 90
        hold.settle(over)

    await asyncio.gather(*(exchange(number) for number in range(500)))
    assert most == 40
    hold = await world.reserve(limits, prompt=0, bound=0)
    assert shown(hold)["x-ratelimit-remaining"] == str(100_000 - spent)
