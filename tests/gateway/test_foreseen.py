"""What a request reserves: what it may come to as it is sent, whoever of those who may be asked is asked."""

import msgspec
import pytest

from sluice.config.plan import AiBackend
from sluice.policies.ai import AiPolicy
from sluice.policies.limiting import Bounds, Choice, Limiting, LimitSet, Rate
from tests.support.events import completion
from tests.support.http_answer import Answer
from tests.support.plans import ai, plan, route
from tests.support.raw_client import request
from tests.support.raw_upstream import sized
from tests.support.serving import Serving
from tests.support.world import World

FULL = 100_000
TOKENS = Rate(id="t", name="t", measure="tokens", capacity=FULL, fill=1, interval_us=3_600_000_000)
PATH = "/openai/v1/chat/completions"


def sets(**members: object) -> tuple[tuple[str, msgspec.Raw], ...]:
    return tuple((name, msgspec.Raw(msgspec.json.encode(value))) for name, value in members.items())


def body(**members: object) -> bytes:
    return msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "hi"}], **members})


async def gateway(world: World, *policies: AiPolicy, key: str = "") -> Serving:
    """A backend with a target for each of the policies, which fail over to each other, under a limit of tokens."""
    upstream = await world.upstream(sized(completion()))
    backends = [ai(upstream.port, f"t{number}") for number in range(len(policies))]
    targets = [
        msgspec.structs.replace(backend.groups[0][0], ai=policy)
        for backend, policy in zip(backends, policies, strict=True)
    ]
    backend = AiBackend(name="test/all", groups=tuple((target,) for target in targets))
    entry = route("/openai", backend)
    limits = Limiting(
        groups=((Choice(limits=LimitSet(machine=Bounds(rates=(msgspec.structs.replace(TOKENS, key=key),)))),),)
    )
    rule = msgspec.structs.replace(entry.rule, limits=limits)
    return await world.gateway(plan(msgspec.structs.replace(entry, rule=rule)))


async def ask(world: World, serving: Serving, asked: bytes) -> Answer:
    client = await world.client(serving)
    return await client.ask(request(asked, path=PATH))


async def reserved(world: World, serving: Serving, asked: bytes) -> int:
    answer = await ask(world, serving, asked)
    assert answer.status == 200, answer.body
    return FULL - int(answer.header("x-ratelimit-remaining"))


NOTHING = AiPolicy()
BOUNDED = {"max_tokens": 100}


@pytest.mark.parametrize(
    ("policies", "members", "bound"),
    [
        ([NOTHING], BOUNDED, 100),
        ([NOTHING], BOUNDED | {"n": 3}, 300),
        ([AiPolicy(overrides=sets(max_tokens=4000))], BOUNDED, 4000),
        ([AiPolicy(overrides=sets(max_tokens=50))], BOUNDED, 50),
        ([AiPolicy(overrides=sets(n=5))], BOUNDED, 500),
        ([AiPolicy(defaults=sets(max_tokens=300))], BOUNDED, 100),
        ([AiPolicy(defaults=sets(max_tokens=300))], {}, 300),
        ([AiPolicy(transformations=(("max_tokens", "llmRequest.max_tokens * 3"),))], BOUNDED, 300),
        ([NOTHING, AiPolicy(overrides=sets(max_tokens=4000))], BOUNDED, 4000),
        ([AiPolicy(overrides=sets(max_tokens=700)), AiPolicy(overrides=sets(max_tokens=6))], BOUNDED, 700),
        ([NOTHING, AiPolicy(overrides=sets(max_tokens="many"))], BOUNDED, 100),
    ],
)
async def test_the_bound_is_that_of_the_request_as_it_is_sent(
    world: World, policies: list[AiPolicy], members: dict[str, object], bound: int
) -> None:
    prompt = await reserved(world, await gateway(world, NOTHING), body(max_tokens=1)) - 1
    assert await reserved(world, await gateway(world, *policies), body(**members)) == prompt + bound


async def test_what_the_operator_says_beside_the_client_is_part_of_the_prompt(world: World) -> None:
    alone = await reserved(world, await gateway(world, NOTHING), body(max_tokens=1))
    said = AiPolicy(prepend=(("system", "word " * 1000),))
    assert await reserved(world, await gateway(world, NOTHING, said), body(max_tokens=1)) >= alone + 1000


async def test_who_counts_sees_what_the_client_asked_for_and_not_what_is_made_of_it(world: World) -> None:
    policy = AiPolicy(overrides=sets(user="all"), transformations=(("max_tokens", "50"),))
    serving = await gateway(world, policy, key="llmRequest.user")
    first, second = [await reserved(world, serving, body(user=user)) for user in ("ann", "bob")]
    assert first == second  # each from a bucket of their own


async def test_a_policy_that_breaks_a_request_breaks_it_where_it_is_asked_and_uses_nothing(world: World) -> None:
    serving = await gateway(world, AiPolicy(overrides=sets(max_tokens=-1)))
    answer = await ask(world, serving, body(max_tokens=100))
    assert answer.status == 400
    assert (await serving.record()).outcome == "rejected"
