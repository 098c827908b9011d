"""An operation that has a host of its own is asked for there, and the record says so."""

import msgspec

from sluice.config.plan import AiBackend
from sluice.config.targets import TargetSpec, make_target
from sluice.providers.bedrock import BEDROCK
from sluice.providers.credential import Secret
from sluice.testing.fake_desk import Options
from tests.gateway.plain_calls import asked
from tests.support.plans import KEY, here, plan, route
from tests.support.world import World

RERANK = {"model": "m", "query": "red fox", "documents": ["a blue whale", "a red fox"]}


async def test_rerank_goes_to_its_own_host_and_everything_else_does_not(world: World) -> None:
    chat, ranker = await world.fake(Options(key=KEY)), await world.fake(Options(key=KEY))
    spec = TargetSpec(name="t", provider=BEDROCK, endpoint=here(chat.port), credential=Secret(KEY))
    target = msgspec.structs.replace(make_target(spec), endpoints={"rerank": here(ranker.port)})
    whole = plan(route("/", AiBackend(name="test/t", groups=((target,),))))
    answer, serving = await asked(world, whole, "/v2/rerank", RERANK)
    assert answer.status == 200
    assert ranker.requests[-1].header(b"host") == f"127.0.0.1:{ranker.port}"
    assert (await serving.record()).endpoint == f"127.0.0.1:{ranker.port}"
    model = "amazon.titan-embed-text-v2:0"
    answer, serving = await asked(world, whole, "/v1/embeddings", {"model": model, "input": "a"})
    assert answer.status == 200
    assert (await serving.record()).endpoint == f"127.0.0.1:{chat.port}"
    assert (len(chat.requests), len(ranker.requests)) == (1, 1)


async def test_targets_that_follow_each_other_each_have_their_own(world: World) -> None:
    """The first target's host fails, the second has no host for it but its own."""
    first, second = await world.fake(), await world.fake()
    first.answer_with(status=503, body=b'{"message":"busy"}')
    elsewhere = msgspec.structs.replace(
        make_target(TargetSpec(name="a", provider=BEDROCK, endpoint=here(1), credential=Secret(KEY))),
        endpoints={"rerank": here(first.port)},
    )
    plain = make_target(TargetSpec(name="b", provider=BEDROCK, endpoint=here(second.port), credential=Secret(KEY)))
    whole = plan(route("/", AiBackend(name="test/t", groups=((elsewhere,), (plain,)))))
    answer, serving = await asked(world, whole, "/v2/rerank", RERANK)
    assert answer.status == 200
    assert answer.header("x-sluice-attempts") == "a;503, b;200"
    assert (len(first.requests), len(second.requests), (await serving.record()).attempts) == (1, 1, 2)
