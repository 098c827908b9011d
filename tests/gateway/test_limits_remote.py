"""Rate-limit services: what they are asked, what they are told at the end, and what becomes of their answer."""

import pytest

from sluice.chat.usage import Usage
from sluice.errors import PolicyUnavailable, RateLimited
from sluice.gateway.limits_ports import Hits, RemoteVerdict
from sluice.policies.charge import Answered, CostFacts
from sluice.policies.cost import Cost
from sluice.policies.limiting import Limiting, LimitSet, Part, Remote, RemoteDescriptor
from sluice.policies.server import Server
from tests.gateway.limiting import World, at_once, bounds, ended, limiting, rate, scene, shown

USER = RemoteDescriptor(parts=(Part("user", 'request.headers["x-user"]'),))
SPENT = RemoteDescriptor(parts=(Part("all", '"one"'),), measure="tokens")


def remote(*descriptors: RemoteDescriptor, opens: bool = False) -> Limiting:
    service = Remote(name="svc", server=Server(host="h", port=1), domain="d", descriptors=descriptors, fails_open=opens)
    return limiting(LimitSet(machine=bounds(at_once(1), rate(3)), remotes=(service,)))


async def test_requests_are_counted_at_once_and_tokens_when_they_are_known() -> None:
    world = World()
    hold = await world.reserve(remote(USER, SPENT), scene(x_user="u"))
    assert world.services.asked == [[Hits((("user", "u"),), 1), Hits((("all", "one"),), 0)]]
    hold.settle(ended(usage=39))
    assert world.services.reported == [[Hits((("all", "one"),), 39)]]


async def test_what_used_nothing_is_not_reported() -> None:
    world = World()
    (await world.reserve(remote(SPENT))).settle(ended("upstream_error"))
    assert not world.services.reported


async def test_a_descriptor_that_cannot_be_told_is_left_out_and_without_any_nobody_is_asked() -> None:
    world = World()
    (await world.reserve(remote(USER, SPENT), prompt=None)).settle(ended())
    assert not world.services.asked


@pytest.mark.parametrize(
    ("cost", "count"),
    [
        ("llm.totalTokens * 2", 2 * 130),
        ("llm.inputTokens - llm.cachedInputTokens + llm.outputTokens", 110),
        ("int(llm.cost.total * 1000000.0)", 1700),
        ('llm.provider == "p" && llm.responseModel == "m-1" && llm.requestModel == "m" && llm.streaming ? 7 : 8', 7),
        ("llm.countTokens", 130),
    ],
)
async def test_what_is_told_at_the_end_may_be_reckoned_from_all_that_is_known_then(cost: str, count: int) -> None:
    world = World()
    hold = await world.reserve(remote(RemoteDescriptor(parts=SPENT.parts, measure="tokens", cost=cost)))
    usage = Usage(input_tokens=100, output_tokens=30, cache_read_tokens=20)
    answered = Answered(
        outcome="completed", asked=True, usage=usage, streaming=True, provider="p", model="m-1", asked_model="m"
    )
    hold.settle(answered, CostFacts(cost=Cost(status="Exact", input=10**9, output=7 * 10**8)))
    assert [hits.count for hits in world.services.reported[0]] == [count]


async def test_costs_and_overrides_are_what_expressions_say_and_a_wrong_one_makes_nothing_free() -> None:
    world = World()
    cost = RemoteDescriptor(parts=SPENT.parts, cost='int(request.headers["x-cost"])')
    override = RemoteDescriptor(parts=SPENT.parts, limit_override='{"requests_per_unit": 7, "unit": "minute"}')
    nonsense = RemoteDescriptor(parts=SPENT.parts, limit_override='{"requests_per_unit": "many", "unit": 99}')
    hold = await world.reserve(remote(cost, override, nonsense), scene(x_cost="5"))
    assert [(hits.count, hits.override) for hits in world.services.asked[0]] == [
        (5, None),
        (1, (7, 2)),
        (1, None),
    ]
    hold.settle(ended(usage=20))
    await world.reserve(remote(cost), scene(x_cost="-3"))
    assert world.services.asked[1][0].count == 1


async def test_a_service_that_refuses_is_heard_and_what_was_taken_is_put_back() -> None:
    world = World()
    own = ((b"x-ratelimit-limit", b"5, 5;w=60"), (b"x-envoy-ratelimited", b"true"))
    world.services.verdict = RemoteVerdict(False, ((5, 0, 42), (9, 3, 80)), own, (), "slow down")
    for _ in range(5):
        with pytest.raises(RateLimited, match=r"^slow down$") as refused:
            await world.reserve(remote(USER), scene(x_user="u"))
        assert refused.value.retry_after_s == 42
        assert refused.value.headers == (*own, (b"x-ratelimit-remaining", b"0"), (b"x-ratelimit-reset", b"42"))
    assert set(world.refused) == {"svc"}
    world.services.verdict = RemoteVerdict(True)
    hold = await world.reserve(remote(USER), scene(x_user="u"))
    assert shown(hold)["x-ratelimit-remaining"] == "2"


async def test_a_service_says_headers_for_both_sides() -> None:
    world = World()
    world.services.verdict = RemoteVerdict(True, ((5, 4, 42),), ((b"x-a", b"1"),), ((b"x-b", b"2"),))
    hold = await world.reserve(remote(USER), scene(x_user="u"))
    assert hold.headers[0] == (b"x-a", b"1")
    assert hold.request_headers == ((b"x-b", b"2"),)
    assert shown(hold)["x-ratelimit-limit"] == "3"  # 2 of 3 left is nearer to the end than 4 of 5


@pytest.mark.parametrize("opens", [True, False])
async def test_a_service_that_is_gone_fails_as_the_limit_says(opens: bool) -> None:
    world = World()
    world.services.verdict = None
    limits = remote(USER, SPENT, opens=opens)
    if not opens:
        for _ in range(5):
            with pytest.raises(PolicyUnavailable) as failed:
                await world.reserve(limits, scene(x_user="u"))
            assert failed.value.status == 500
        return
    hold = await world.reserve(limits, scene(x_user="u"))
    assert hold.failed_open == ("svc",)
    hold.settle(ended(usage=39))  # it may be there again, and the tokens were used
    assert [hits.count for hits in world.services.reported[0]] == [39]
