"""What an operator changes in a chat request before it is sent, over sockets: `policies.ai`."""

import msgspec
import pytest

from sluice.config.plan import AiBackend, Target
from sluice.policies.ai import AiPolicy
from sluice.providers.openai import OPENAI
from sluice.providers.provider import Served
from tests.support.events import WHOLE_STREAM, completion
from tests.support.http_answer import Answer
from tests.support.plans import here, to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import RawUpstream, sized, streamed
from tests.support.world import World


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


async def asked(
    world: World, policy: AiPolicy, body: bytes = CHAT, *, model: str = "", streams: bool = False
) -> tuple[RawUpstream, Answer]:
    upstream = await world.upstream(streamed(*WHOLE_STREAM) if streams else sized(completion()))
    target = Target(name="t", provider=OPENAI, endpoint=here(upstream.port), model=model, ai=policy)
    plan = to_provider(0, backend=AiBackend(name="test/t", groups=((target,),)))
    serving = await world.gateway(plan)
    return upstream, await (await world.client(serving)).ask(request(body))


async def test_overrides_win_over_the_client_and_defaults_do_not(world: World) -> None:
    policy = AiPolicy(
        overrides=(("max_tokens", raw(3)), ("metadata.team", raw("a"))),
        defaults=(("temperature", raw(0)), ("user", raw("somebody"))),
    )
    upstream, _ = await asked(world, policy, CHAT[:-1] + b',"max_tokens":100,"user":"me"}')
    sent = upstream.asked[0].json()
    assert (sent["max_tokens"], sent["temperature"], sent["user"]) == (3, 0, "me")
    assert sent["metadata"] == {"team": "a"}


@pytest.mark.parametrize("own", ["", "of-the-target"])
async def test_an_overridden_model_is_the_model(world: World, own: str) -> None:
    upstream, _ = await asked(world, AiPolicy(overrides=(("model", raw("forced")),)), model=own)
    assert upstream.asked[0].json()["model"] == "forced"


async def test_an_alias_is_looked_up_before_the_provider_is_asked(world: World) -> None:
    upstream, _ = await asked(world, AiPolicy(aliases=(("m*", "wide"), ("m", "exact"))))
    assert upstream.asked[0].json()["model"] == "exact"


async def test_an_operator_may_decide_whether_it_streams(world: World) -> None:
    upstream, answer = await asked(world, AiPolicy(overrides=(("stream", raw(True)),)), CHAT, streams=True)
    assert upstream.asked[0].json()["stream"] is True
    assert answer.header("content-type").startswith("text/event-stream")
    upstream, answer = await asked(world, AiPolicy(overrides=(("stream", raw(False)),)), STREAM)
    assert upstream.asked[0].json()["stream"] is False
    assert answer.body == completion()


@pytest.mark.parametrize(("body", "streams"), [(CHAT, True), (CHAT[:-1] + b',"stream":false}', False)])
async def test_a_route_may_stream_for_those_who_do_not_say(world: World, body: bytes, streams: bool) -> None:
    upstream = await world.upstream(streamed(*WHOLE_STREAM) if streams else sized(completion()))
    plan = to_provider(upstream.port)
    listener = plan.listeners[0]
    entries = tuple(
        msgspec.structs.replace(entry, rule=msgspec.structs.replace(entry.rule, streams=True))
        for entry in listener.entries
    )
    serving = await world.gateway(
        msgspec.structs.replace(plan, listeners=(msgspec.structs.replace(listener, entries=entries),))
    )
    answer = await (await world.client(serving)).ask(request(body))
    assert (upstream.asked[0].json().get("stream") is True) is streams
    assert (answer.body == b"".join(WHOLE_STREAM)) is streams


async def test_messages_are_put_around_the_clients(world: World) -> None:
    policy = AiPolicy(prepend=(("system", "Answer in JSON."),), append=(("user", "Be brief."),))
    upstream, _ = await asked(world, policy)
    assert upstream.asked[0].json()["messages"] == [
        {"role": "system", "content": "Answer in JSON."},
        {"role": "user", "content": "hi"},
        {"role": "user", "content": "Be brief."},
    ]


async def test_messages_are_put_around_a_translated_request_too(world: World) -> None:
    upstream = await world.upstream(sized(b'{"type":"error","error":{"type":"api_error","message":"x"}}'))
    serves = (Served(dialect="dialect.anthropic_messages", path="/messages"),)
    policy = AiPolicy(prepend=(("system", "Answer in JSON."),))
    target = Target(name="t", provider=OPENAI, endpoint=here(upstream.port), serves=serves, ai=policy)
    serving = await world.gateway(to_provider(0, backend=AiBackend(name="test/t", groups=((target,),))))
    await (await world.client(serving)).ask(request(CHAT))
    assert "Answer in JSON." in str(upstream.asked[0].json()["system"])
