"""What an operator's expressions say of exchanges, through a whole gateway: fields, labels, and no credential."""

import json
from collections.abc import Mapping

import msgspec
import pytest

from sluice.config import Source, load
from sluice.config.plan import Plan
from sluice.gateway.observing import observers_of
from sluice.policies.direct_response import DirectResponse
from sluice.policies.observing import UNOBSERVED, Logging, Observing
from sluice.policies.shaping import Shaping
from sluice.relay.record import ExchangeRecord
from sluice.standard import STANDARD
from tests.labs.guard_lab import Lab, lab
from tests.support.plans import plan, route, static
from tests.support.raw_client import get, request
from tests.support.world import World

FORM = """
config: {%s}
llm:
  models: [{name: gpt-4o-mini, provider: openai, params: {baseUrl: "http://127.0.0.1:%%d", apiKey: sk-canary-operator}}]
  policies: {%s}
"""
KEYS = "apiKey: {keys: [{key: sk-client-canary-1, metadata: {user_id: u-7, team: {name: red, size: 3}}}]}"
BEARER = "Authorization: Bearer sk-client-canary-1"


def fields(**expressions: str) -> str:
    """`config.logging` that adds these; `__` stands for a dot."""
    return f"logging: {{fields: {{add: {json.dumps({k.replace('__', '.'): v for k, v in expressions.items()})}}}}}"


async def observed(
    world: World,
    config: str,
    *headers: str,
    policies: str = "",
    path: str = "/v1/chat/completions",
    stream: bool = False,
) -> tuple[ExchangeRecord, Mapping[str, object]]:
    """Ask a gateway with this `config` once; return the record, and the log line."""
    found = await served(world, config, policies)
    await found.ask("hello", *headers, path=path, stream=stream)
    record = await found.serving.record()
    (line,) = found.serving.log_lines() or [{}]
    return record, line


async def served(world: World, config: str, policies: str = "") -> Lab:
    return await lab(world, short=FORM % (config, policies))


async def test_a_plan_that_wants_nothing_has_no_observers_and_its_records_share_one_value(world: World) -> None:
    found = await served(world, "")
    assert found.serving.gateway.active.observers is None
    await found.ask("hello", path="/v1/chat/completions")
    record = await found.serving.record()
    assert record.observed is UNOBSERVED


async def test_values_keep_their_types_and_their_nesting(world: World) -> None:
    _, line = await observed(
        world,
        fields(
            text="request.method",
            number="response.code",
            half="1.5",
            yes="llm.streaming == false",
            list='["a", 1, [true]]',
            map='{"a": {"b": [1, 2]}}',
            body="json(request.body)",
            raw='b"abc"',
            instant='timestamp("2026-11-21T10:00:00Z")',
            while_='duration("90s")',
        ),
    )
    assert {key: line[key] for key in ("text", "number", "half", "yes", "list", "map", "raw", "instant", "while_")} == {
        "text": "POST",
        "number": 200,
        "half": 1.5,
        "yes": True,
        "list": ["a", 1, [True]],
        "map": {"a": {"b": [1, 2]}},
        "raw": "abc",
        "instant": "2026-11-21T10:00:00Z",
        "while_": "90s",
    }
    assert line["body"] == {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}


async def test_what_fails_or_comes_to_nothing_is_left_out_and_nothing_else_is_lost(world: World) -> None:
    record, line = await observed(
        world,
        fields(
            missing='request.headers["x-none"]',
            nobody="jwt",
            claim="jwt.sub",
            null="null",
            division="1 / (response.code - 200)",
            not_json="json(request.path)",
            endless='double("inf")',
            there="request.path",
        ),
    )
    assert record.observed.fields == (("there", "/v1/chat/completions"),)
    assert line["http.status"] == 200


async def test_who_asked_is_known_at_the_end(world: World) -> None:
    config = f"{fields(key='apiKey', user='apiKey.user_id', flat='flatten(apiKey.team)')}"
    _, line = await observed(world, config, BEARER, policies=KEYS)
    assert line["user"] == "u-7"
    assert (line["flat.name"], line["flat.size"]) == ("red", 3)
    assert isinstance(line["key"], dict)
    assert line["key"]["team"] == {"name": "red", "size": 3}


async def test_a_request_that_is_refused_is_seen_too(world: World) -> None:
    config = fields(
        path="request.path", code="response.code", outcome="exchange.outcome", foo='request.headers["x-foo"]'
    )
    record, line = await observed(world, config, "x-foo: bar", policies=KEYS)
    assert record.status == 401
    assert [line[key] for key in ("path", "code", "outcome", "foo")] == [
        "/v1/chat/completions",
        401,
        "rejected",
        "bar",
    ]


async def test_an_added_name_takes_the_place_of_the_field_and_dots_do_not_nest(world: World) -> None:
    _, line = await observed(world, fields(http__path='"hidden"', a__b="1", a__b__c="2"))
    assert list(line).index("http.path") == list(line).index("http.host") + 1
    assert (line["http.path"], line["a.b"], line["a.b.c"]) == ("hidden", 1, 2)
    assert list(line)[-2:] == ["a.b", "a.b.c"]


async def test_removed_names_are_not_in_the_line_and_stay_in_the_metrics(world: World) -> None:
    found = await served(world, "logging: {fields: {remove: [http.path, gen_ai.request.model, nonsense]}}")
    await found.ask("hello", path="/v1/chat/completions")
    (line,) = found.serving.log_lines()
    assert not line.keys() & {"http.path", "gen_ai.request.model"}
    assert line["http.method"] == "POST"
    assert found.serving.metric("requests_total") == 1


@pytest.mark.parametrize(
    ("condition", "logged"),
    [
        ("response.code >= 400", False),
        ("response.code == 200", True),
        ('request.headers["x-none"] == "a"', False),
        ('exchange.outcome == "completed" && llm.requestModel.startsWith("gpt")', True),
    ],
)
async def test_only_what_the_filter_holds_for_gets_a_line_and_all_of_it_is_counted(
    world: World, condition: str, logged: bool
) -> None:
    found = await served(world, f"logging: {{filter: {json.dumps(condition)}}}")
    await found.ask("hello", path="/v1/chat/completions")
    assert len(found.serving.log_lines()) == logged
    assert found.serving.metric("requests_total") == 1


async def test_of_a_sample_only_what_completed_goes_without_a_line(world: World) -> None:
    found = await served(world, "logging: {sample: 0.0}", KEYS)
    for header in (BEARER, "x-none: 1", BEARER):
        await found.ask("hello", header, path="/v1/chat/completions")
    assert [line["http.status"] for line in found.serving.log_lines()] == [401]


@pytest.mark.parametrize(
    ("status", "outcome", "logged"), [(200, "completed", 0), (404, "upstream_error", 1), (503, "upstream_error", 1)]
)
async def test_a_failure_that_crosses_unread_is_not_sampled_away_for_having_come_whole(
    world: World, status: int, outcome: str, logged: int
) -> None:
    upstream = await world.upstream(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % status)
    seen = Observing(logging=Logging(sample=0.0))
    found = await world.gateway(msgspec.structs.replace(plan(route("/web", static(upstream.port))), observing=seen))
    client = await world.client(found)
    assert (await client.ask(get("/web"))).status == status
    assert (await found.record()).outcome == outcome
    assert len(found.log_lines()) == logged


async def test_a_refusal_that_the_operator_wrote_is_not_sampled_away_either(world: World) -> None:
    refuses = Shaping(direct=(DirectResponse(status=503, body="closed for today"),))
    seen = Observing(logging=Logging(sample=0.0))
    found = await world.gateway(msgspec.structs.replace(plan(route("/", shaping=refuses)), observing=seen))
    client = await world.client(found)
    assert (await client.ask(get("/any"))).status == 503
    assert (await found.record()).outcome == "completed"
    assert [line["http.status"] for line in found.log_lines()] == [503]


async def test_a_sample_is_about_as_large_as_it_says(world: World) -> None:
    found = await served(world, "logging: {sample: 0.5}")
    for _ in range(60):
        await found.ask("hello", path="/v1/chat/completions")
    assert 10 <= len(found.serving.log_lines()) <= 50  # less likely than 1 in 10^7 to fail by chance


async def test_labels_are_texts_and_unknown_where_an_expression_fails(world: World) -> None:
    add = {
        "user_org": 'default(jwt.org, default(request.headers["x-org"], "public-tier"))',
        "user_id": 'default(apiKey.user_id, "")',
        "code": "response.code",
        "ok": "response.code == 200",
        "gone": "jwt.sub",
        "map": "request.headers",
    }
    config = f"metrics: {{fields: {{add: {json.dumps(add)}}}}}"
    record, _ = await observed(world, config, "x-org: red")
    assert record.observed.labels == ("red", "unknown", "200", "true", "unknown", "unknown")


# -- credentials ------------------------------------------------------------------------------------------------------

EVERYTHING = {
    "headers": "request.headers",
    "flat": "flatten(request.headers)",
    "one": 'request.headers["authorization"]',
    "cookie": 'request.headers["cookie"]',
    "google": 'request.headers["x-goog-api-key"]',
    "own": 'request.headers["x-company"]',
    "query": "request.query",
    "uri": "request.uri",
    "target": "request.pathAndQuery",
    "body": "request.body",
    "answer": "response.body",
    "response_headers": "response.headers",
    "jwt": "jwt",
    "key": "apiKey",
    "prompt": "llm.prompt",
    "exchange": "exchange",
}
CANARIES = ("canary", "c2VjcmV0")


@pytest.mark.parametrize(("policies", "authorization"), [("", "<redacted>"), (KEYS, None)], ids=["open", "taken off"])
async def test_no_credential_is_shown_whatever_an_expression_names(
    world: World, policies: str, authorization: str | None
) -> None:
    config = f"logging: {{fields: {{add: {json.dumps(EVERYTHING)}}}}}, sensitiveHeaders: [X-Company]"
    metrics = ", metrics: {fields: {add: {who: 'request.headers[\"authorization\"]', q: request.uri}}}"
    found = await served(world, config + metrics, policies)
    body = msgspec.json.encode(
        {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "my key is sk-client-canary-1, yours?"}]}
    )
    headers = (
        BEARER,
        "Cookie: session=canary-cookie",
        "x-goog-api-key: canary-google",
        "X-Company: c2VjcmV0",
        "x-plain: shown",
    )
    path = "/v1/chat/completions?key=canary-query&api_key=canary-2&sort=up&access_token=canary-3"
    client = await world.client(found.serving)
    await client.ask(request(body, path=path, headers=headers))
    record = await found.serving.record()
    (line,) = found.serving.log_lines()
    text = json.dumps(line) + repr(record) + found.serving.exposition()
    assert not [canary for canary in CANARIES if canary in text]
    shown = line["headers"]
    assert isinstance(shown, dict)
    assert shown["x-plain"] == "shown"
    assert (line.get("one"), line["own"], line["flat.cookie"]) == (authorization, "<redacted>", "<redacted>")
    assert line["query"] == {"key": "<redacted>", "api_key": "<redacted>", "sort": "up", "access_token": "<redacted>"}
    assert "my key is <redacted>, yours?" in str(line["body"])


async def test_what_the_operator_gave_the_provider_is_not_shown_when_it_comes_back(world: World) -> None:
    found = await lab(
        world,
        model=lambda prompt: "your key is sk-canary-operator",
        short=FORM % (fields(answer="response.body", said="llm.completion"), ""),
    )
    await found.ask("hello", path="/v1/chat/completions", stream=True)
    (line,) = found.serving.log_lines()
    assert "sk-canary" not in json.dumps(line)
    assert line["said"] == ["your key is <redacted>"]


# -- where it is said -------------------------------------------------------------------------------------------------

MANIFESTS = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  gatewayClassName: agentgateway
  listeners: [{name: http, port: 8080, protocol: HTTP}, {name: other, port: 8081, protocol: HTTP}]
---
apiVersion: enterpriseagentgateway.solo.io/v1alpha1
kind: EnterpriseAgentgatewayParameters
metadata: {name: params}
spec: {rawConfig: {config: {logging: {fields: {add: {a: request.path}}}}}}
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayPolicy
metadata: {name: log}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw, sectionName: other}]
  frontend:
    accessLog: {filter: response.code == 404, attributes: {add: [{name: b, expression: request.method}]}}
    metrics: {attributes: {add: [{name: team, expression: 'request.headers["x-team"]'}]}}
"""


def manifests() -> Plan:
    return load([Source("a.yaml", MANIFESTS)], {}, STANDARD)


async def test_a_policy_stands_over_the_process_for_its_listener_only(world: World) -> None:
    plan = manifests()
    for port, listener in ((8080, "http"), (8081, "other")):
        own = msgspec.structs.replace(plan, listeners=tuple(one for one in plan.listeners if one.port == port))
        serving = await world.gateway(own)
        client = await world.client(serving)
        await client.ask(request(path="/nowhere", headers=("x-team: red",)))
        record = await serving.record()
        assert record.route.listener == listener
        expected = (("a", "/nowhere"),) if port == 8080 else (("b", "POST"),)
        assert record.observed.fields == expected
        assert record.observed.labels == (("unknown",) if port == 8080 else ("red",))


async def test_a_fault_of_ours_costs_the_fields_and_not_the_line(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await served(world, fields(a="request.path"))
    observers = found.serving.gateway.active.observers
    assert observers is not None

    def broken(*_: object) -> object:
        raise RuntimeError("a fault")

    monkeypatch.setattr(observers, "of", broken)
    await found.ask("hello", path="/v1/chat/completions")
    assert len(found.serving.log_lines()) == 1
    assert [str(error) for error in found.serving.heard.faults] == ["a fault"]
    found.serving.heard.faults.clear()


def test_only_a_plan_that_says_something_has_observers() -> None:
    assert observers_of(load([Source("a.yaml", FORM % ("", "") % 1)], {}, STANDARD)) is None
    assert observers_of(manifests()) is not None
