"""gateway.end_facts: what expressions see of an exchange that is over, through a real gateway."""

import json
from collections.abc import Mapping

import msgspec
import pytest

from sluice.config.plan import Plan
from sluice.gateway.end_facts import MAX_BODY_BYTES, MAX_VALUES
from sluice.gateway.reply_facts import counted_tokens, service_tier
from sluice.policies.ai import AiPolicy
from sluice.policies.cost import Price, Prices, Rates, Tier, cost, rate
from sluice.policies.guards import Guards, TextRules
from sluice.policies.observing import Logging, Observing, Tracing
from sluice.relay.transcript import CUT, MAX_CHARS
from tests.support.events import DONE, HELLO, ROLE, STOP, USAGE, WHOLE_STREAM, WORLD, completion, delta, event
from tests.support.plans import KEY, ai, plan, route, static, to_provider
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.raw_upstream import Play, sized, streamed, then_close
from tests.support.serving import Serving
from tests.support.world import World

LAB_LOG = {
    "jwt": "jwt",
    "request.body": "json(request.body)",
    "response.body": "json(response.body)",
    "x-foo": 'request.headers["x-foo"]',
    "request.body.modelId": "json(request.body).modelId",
}
"""Of labs A001, word by word; the next ones too."""
LAB_TRACE = {
    "gen_ai.operation.name": '"chat"',
    "gen_ai.system": "llm.provider",
    "gen_ai.prompt": "llm.prompt",
    "gen_ai.completion": 'llm.completion.map(c, {"role":"assistant","content": c})',
    "gen_ai.request.model": "llm.requestModel",
    "gen_ai.response.model": "llm.responseModel",
    "gen_ai.usage.completion_tokens": "llm.outputTokens",
    "gen_ai.usage.prompt_tokens": "llm.inputTokens",
    "gen_ai.request": "flatten(llm.params)",
    "jwt": "jwt",
    "response.body": "json(response.body)",
    "x-foo": 'request.headers["x-foo"]',
}
LAB_LABELS = {
    "user_org": 'default(jwt.org, default(request.headers["x-org"], "public-tier"))',
    "user_id": 'default(apiKey.user_id, "")',
}
LAB_LATER = {
    "llm.streaming": "llm.streaming",
    "llm.cached_tokens": "llm.cachedInputTokens",
    "llm.reasoning_tokens": "llm.reasoningTokens",
    "llm.prompt": "llm.prompt",
    "llm.completion": "llm.completion[0]",
    "jwt.all": "jwt.all",
}
ASKED = {"role": "user", "content": "hi"}
SECOND = {"target": "second", "result": "200"}


def seeing(whole: Plan, fields: Mapping[str, str]) -> Plan:
    """The plan whose log has these fields besides."""
    return msgspec.structs.replace(whole, observing=Observing(logging=Logging(add=tuple(fields.items()))))


async def told(
    world: World, play: Play | bytes, fields: Mapping[str, str], raw: bytes = b"", *guards: TextRules
) -> dict[str, object]:
    """What the fields of the one exchange come to."""
    upstream = await world.upstream(play)
    whole = to_provider(upstream.port, ai=AiPolicy(guards=Guards(request=guards, response=guards)))
    serving = await world.gateway(seeing(whole, fields))
    await (await world.client(serving)).ask(raw or request())
    return await fields_of(serving)


async def fields_of(serving: Serving) -> dict[str, object]:
    return dict((await serving.record()).observed.fields)


async def test_the_fields_of_the_lab_say_what_the_lab_shows(world: World) -> None:
    body = b'{"model":"m","modelId":"x","temperature":0.5,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'
    found = await told(world, sized(completion()), LAB_LOG | LAB_TRACE, request(body, headers=["x-foo: bar"]))
    assert found == {
        "request.body": json.loads(body),
        "response.body": json.loads(completion()),
        "x-foo": "bar",
        "request.body.modelId": "x",
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "openai",
        "gen_ai.prompt": [ASKED],
        "gen_ai.completion": [{"role": "assistant", "content": "Hello world"}],
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "m-1",
        "gen_ai.usage.completion_tokens": 2,
        "gen_ai.usage.prompt_tokens": 3,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
    }


async def test_of_a_stream_they_say_the_same_but_for_a_body_that_is_no_json(world: World) -> None:
    found = await told(world, streamed(ROLE, HELLO, WORLD, STOP, USAGE, DONE), LAB_TRACE | LAB_LATER, request(STREAM))
    assert found["gen_ai.completion"] == [{"role": "assistant", "content": "Hello world"}]
    assert found["llm.completion"] == "Hello world"
    assert (found["gen_ai.usage.prompt_tokens"], found["gen_ai.usage.completion_tokens"]) == (3, 2)
    assert (found["llm.streaming"], found["llm.cached_tokens"], found["llm.prompt"]) == (True, 0, [ASKED])
    assert found.keys().isdisjoint(["jwt", "jwt.all", "response.body", "x-foo"])


async def test_the_labels_of_the_lab_have_their_defaults(world: World) -> None:
    found = await told(world, sized(completion()), LAB_LABELS, request(headers=["x-org: acme"]))
    assert found == {"user_org": "acme", "user_id": ""}


async def test_a_masked_answer_is_seen_masked_wherever_somebody_looks(world: World) -> None:
    secret = TextRules(name="secrets", patterns=("SECRET-[0-9]{4}",))
    pieces = [delta(content=text) for text in ("say SEC", "RET-1234", " aloud")]
    names = {name: name for name in ("llm.completion", "llm.prompt", "response.body")}
    body = b'{"model":"m","messages":[{"role":"user","content":"not SECRET-9999"}],"stream":true}'
    found = await told(world, streamed(ROLE, *pieces, STOP, DONE), names, request(body), secret)
    assert found["llm.completion"] == ["say <masked> aloud"]
    assert found["llm.prompt"] == [{"role": "user", "content": "not <masked>"}]
    assert "<masked>" in str(found["response.body"])
    assert "SECRET" not in repr(found)


async def test_a_prompt_that_a_guard_rejects_was_put_to_nobody(world: World) -> None:
    stops = TextRules(name="stop", action="reject", patterns=("SECRET",))
    names = {"prompt": "llm.prompt", "code": "response.code", "body": "response.body"}
    names |= {"by": 'exchange.outcome + " " + exchange.blockedBy'}
    body = b'{"model":"m","messages":[{"role":"user","content":"SECRET"}]}'
    found = await told(world, sized(completion()), names, request(body), stops)
    assert (found["code"], found["by"]) == (403, "blocked stop")
    assert "prompt" not in found
    assert found["body"]


async def test_a_stream_that_broke_off_says_what_was_sent_and_how_it_ended(world: World) -> None:
    names = {
        "said": "llm.completion",
        "how": 'exchange.outcome + " " + exchange.errorCode',
        "chunks": "exchange.chunks + exchange.stalls",
        "body": "response.body",
        "took": "exchange.durationSeconds > 0.0 && llm.timeToFirstToken > 0.0",
    }
    cut = streamed(ROLE, HELLO)[: -len(b"0\r\n\r\n")]
    found = await told(world, then_close(cut), names, request(STREAM))
    assert found["said"] == ["Hello"]
    assert found["how"] == "upstream_truncated upstream_truncated"
    assert (found["chunks"], found["took"]) == (2, True)
    assert '"error"' in str(found["body"])


async def test_a_tool_call_is_seen_with_its_arguments_decoded(world: World) -> None:
    begun = {"index": 0, "id": "call_abc123", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
    pieces = [delta(tool_calls=[begun])]
    pieces += [
        delta(tool_calls=[{"index": 0, "function": {"arguments": part}}]) for part in ('{"location": ', '"Paris"}')
    ]
    names = {"calls": "llm.toolCalls", "said": "llm.completion"}
    found = await told(world, streamed(ROLE, *pieces, delta("tool_calls"), DONE), names, request(STREAM))
    assert found == {"calls": [{"id": "call_abc123", "name": "get_weather", "arguments": {"location": "Paris"}}]}


async def test_what_there_is_not_is_left_out(world: World) -> None:
    names = {name: name for name in ("llm.toolCalls", "llm.timeToFirstToken", "llm.timePerOutputToken", "llm.cost")}
    names |= {name: name for name in ("llm.inputAudioTokens", "llm.serviceTier", "llm.costRates", "llm.countTokens")}
    assert await told(world, sized(completion()), names) == {}


async def test_ten_mebibytes_leave_the_bounds_and_a_mark(world: World) -> None:
    names = {
        "said": "llm.completion[0]",
        "body": "response.body",
        "prefix": "request.bodyPrefix",
        "asked": "llm.prompt",
    }
    names |= {"whole": "request.body"}
    text = "é" * (5 << 20)
    body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "x" * MAX_BODY_BYTES}]})
    found = await told(world, sized(completion(text)), names, request(body))
    assert found["said"] == "é" * MAX_CHARS + CUT
    assert found["asked"] == [{"role": "user", "content": "x" * MAX_CHARS + CUT}]
    assert len(str(found["body"]).encode()) <= (64 << 10) + len(CUT.encode())
    assert str(found["prefix"]).endswith("x" + CUT)
    assert "whole" not in found


@pytest.mark.parametrize(("filler", "there"), [("[]", False), ("1", False), ("x" * 100, True)])
async def test_a_body_of_too_many_values_to_decode_at_once_is_not_there(world: World, filler: str, there: bool) -> None:
    count = MAX_VALUES // 50 if there else MAX_VALUES
    value = json.dumps(filler) if there else filler
    body = CHAT[:-1] + f',"x":[{",".join([value] * count)}]}}'.encode()
    names = {
        "decoded": "json(request.body)",
        "body": "request.body",
        "asked": "llmRequest",
        "start": "request.bodyPrefix",
    }
    found = await told(world, sized(completion("hi")), names, request(body))
    assert ({"decoded", "body", "asked"} <= found.keys()) is there
    assert "start" in found


async def test_no_credential_is_there_to_be_seen(world: World) -> None:
    names = {name: name for name in ("request.headers", "request.uri", "request.query", "response.headers")}
    names |= {"auth": 'request.headers["authorization"].split(" ")[1]'}
    upstream = await world.upstream(sized(b"{}", "Set-Cookie: session=canary-3", "X-Ok: fine"))
    serving = await world.gateway(seeing(plan(route("/p", static(upstream.port))), names))
    headers = ["Authorization: Bearer canary-1", "X-Api-Key: canary-2", "X-Foo: bar"]
    client = await world.client(serving)
    await client.ask(request(path="/p/x?key=canary-4&a=1", headers=headers))
    found = await fields_of(serving)
    assert "canary" not in repr(found)
    assert KEY not in repr(found)
    assert isinstance(found["request.headers"], dict)
    assert isinstance(found["response.headers"], dict)
    assert (found["request.headers"]["x-foo"], found["response.headers"]["x-ok"]) == ("bar", "fine")
    assert found["request.query"] == {"key": "<redacted>", "a": "1"}


async def test_plain_http_has_a_body_a_place_and_a_backend(world: World) -> None:
    names = {
        "body": "response.body",
        "place": "[proxy.bind, proxy.gateway.namespace, proxy.gateway.name, proxy.listener.name, proxy.route.name]",
        "backend": "[backend.name, backend.type, backend.protocol]",
        "took": 'duration(proxy.upstreamDuration) >= duration("0s")',
        "order": "timestamp(request.startTime) < timestamp(request.endTime)",
        "id": "exchange.id",
    }
    upstream = await world.upstream(sized(b"plain words", content_type="text/plain"))
    serving = await world.gateway(seeing(plan(route("/p", static(upstream.port))), names))
    await (await world.client(serving)).ask(request(path="/p"))
    found, record = await fields_of(serving), await serving.record()
    assert found == {
        "body": "plain words",
        "place": [record.route.bind, "test", "gateway", "http", record.route.route],
        "backend": ["test/static", "http", "http"],
        "took": True,
        "order": True,
        "id": record.request_id,
    }


async def test_a_body_that_is_no_text_is_not_there(world: World) -> None:
    upstream = await world.upstream(sized(b"\xff\xfe\x00", content_type="image/png"))
    names = {"body": "response.body", "code": "response.code"}
    serving = await world.gateway(seeing(plan(route("/p", static(upstream.port))), names))
    await (await world.client(serving)).ask(request(path="/p"))
    assert await fields_of(serving) == {"code": 200}


async def test_a_fail_over_tells_only_what_the_last_one_said(world: World) -> None:
    bad = await world.upstream(then_close(streamed(ROLE)[: -len(b"0\r\n\r\n")]))
    good = await world.upstream(streamed(*WHOLE_STREAM))
    first, second = ai(bad.port, "first"), ai(good.port, "second")
    both = msgspec.structs.replace(first, groups=(*first.groups, *second.groups))
    names = {"said": "llm.completion", "tried": "exchange.tried", "to": "exchange.endpoint", "n": "exchange.attempts"}
    serving = await world.gateway(seeing(plan(route("/openai", both)), names))
    await (await world.client(serving)).ask(request(STREAM))
    found = await fields_of(serving)
    assert found["said"] == ["Hello world"]
    assert found["n"] == 2
    assert found["tried"] == [{"target": "first", "result": "upstream_truncated"}, SECOND]
    assert found["to"] == f"127.0.0.1:{good.port}"


async def test_money_is_told_with_the_rates_of_its_tier(world: World) -> None:
    low, high = Rates(input=rate("1"), output=rate("10")), Rates(input=rate("2"))
    price = Price(low, (Tier(2, high),))
    upstream = await world.upstream(sized(completion()))
    names = {"cost": "llm.cost", "rates": "llm.costRates", "total": "llm.cost.total"}
    prices = Prices({"openai": {"m-1": price}})
    whole = seeing(to_provider(upstream.port), names)
    serving = await world.gateway(whole)
    serving.use(whole, prices)
    await (await world.client(serving)).ask(request(CHAT))
    found = await fields_of(serving)
    assert found["rates"] == {"input": 2.0, "output": 10.0}
    used = (await serving.record()).usage
    assert used is not None
    assert found["cost"] == cost(used, price).members()
    assert found["total"] == 0.000026


async def test_an_exchange_of_a_plan_that_sees_nothing_has_no_witness(world: World) -> None:
    upstream = await world.upstream(sized(completion()))
    serving = await world.gateway(seeing(to_provider(upstream.port), {"a": "request.path", "b": "llm.inputTokens"}))
    assert not serving.gateway.active.wants_traced


@pytest.mark.parametrize(("share", "kept"), [("false", 0), ("true", 1)])
async def test_only_an_exchange_that_is_sampled_keeps_what_its_span_names(world: World, share: str, kept: int) -> None:
    upstream = await world.upstream(sized(completion()))
    tracing = Tracing(endpoint="http://127.0.0.1:1", random_sampling=share, add=(("said", "llm.completion[0]"),))
    whole = msgspec.structs.replace(to_provider(upstream.port), observing=Observing(tracing=tracing))
    serving = await world.gateway(whole)
    await (await world.client(serving)).ask(request(CHAT))
    assert (await serving.record()).observed.attributes == (("said", "Hello world"),) * kept
    assert not serving.gateway.active.wants


@pytest.mark.parametrize(
    ("body", "tier"),
    [
        ('{"service_tier": "flex"}', "flex"),
        ('{"usage": {"service_tier": "batch"}}', "batch"),
        ((ROLE + event({"service_tier": "default", "choices": []})).decode(), "default"),
        (event({"type": "message_start", "message": {"usage": {"service_tier": "standard"}}}).decode(), "standard"),
        (event({"type": "response.created", "response": {"service_tier": "auto"}}).decode(), "auto"),
    ],
)
def test_a_service_tier_is_found_wherever_an_api_names_it(body: str, tier: str) -> None:
    assert service_tier(body) == tier


@pytest.mark.parametrize("body", ["", "{", "plain", '{"choices": []}', "data: [DONE]\n\n", '{"text": "service_tier"}'])
def test_a_body_without_one_has_none(body: str) -> None:
    with pytest.raises(LookupError):
        service_tier(body)


@pytest.mark.parametrize(
    ("body", "tokens"),
    [('{"input_tokens": 5}', 5), ('{"totalTokens": 31, "x": []}', 31), ('{"object": "x", "input_tokens": 0}', 0)],
)
def test_a_count_is_read_in_every_api_that_counts(body: str, tokens: int) -> None:
    assert counted_tokens(body) == tokens


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"input_tokens": "x"}', "[" * 9000])
def test_what_counts_nothing_is_no_count(body: str) -> None:
    with pytest.raises(LookupError):
        counted_tokens(body)


async def test_a_count_of_tokens_and_an_embedding_say_what_is_theirs(world: World) -> None:
    names = {"n": "llm.countTokens", "used": "llm.inputTokens", "params": "llm.params"}
    upstream = await world.upstream(sized(b'{"object":"list","data":[],"model":"m"}'))
    serving = await world.gateway(seeing(plan(route("/openai", ai(upstream.port))), names))
    client = await world.client(serving)
    counted = await client.ask(request(CHAT, path="/openai/v1/messages/count_tokens"))
    assert (await fields_of(serving)) == {"n": counted.json()["input_tokens"], "params": {}}
    await client.ask(request(b'{"model":"m","input":"x","dimensions":3}', path="/openai/v1/embeddings"))
    assert dict((await serving.record(2)).observed.fields)["params"] == {"dimensions": 3}
