"""The spans of a record: names and attributes, held against OpenTelemetry's own constants."""

import msgspec
import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.semconv.attributes import (
    client_attributes,
    error_attributes,
    http_attributes,
    network_attributes,
    server_attributes,
    url_attributes,
)

from sluice.policies.charge import NO_COST_FACTS
from sluice.policies.cost import USD, Cost
from sluice.policies.observing import Observed, Tracing
from sluice.relay.record import ExchangeRecord, SpanFacts, TraceFacts
from sluice.telemetry.span_values import attribute, size
from sluice.telemetry.spans import Span, spans
from tests.telemetry.records import NOT_FOUND, plain, stream

TRACING = Tracing(endpoint="http://c")
ATTEMPT = SpanFacts(
    kind="attempt",
    name="first",
    span_id="1" * 16,
    began_s=0.01,
    ended_s=2.2,
    endpoint="api.openai.com:443",
    status=200,
    result="completed",
    facts=(("gen_ai.provider.name", "openai"), ("gen_ai.request.model", "gpt-4o")),
)
NO_MORE_FIELDS = {
    *("request.id", "gateway", "listener", "route", "endpoint", "src.addr", "http.method", "http.host", "http.path"),
    *("http.version", "http.status", "trace.id", "span.id", "protocol", "duration", "url.scheme"),
    *("network.protocol.version", "llm.provider", "llm.request.model", "llm.request.tokens", "llm.response.model"),
    *("llm.response.tokens", "gen_ai.operation.name", "gen_ai.system"),
}
"""What people look for in the collector's output of a compatible gateway (labs 5.4, compat-agentgateway 4.4)."""


def traced(
    record: ExchangeRecord, *steps: SpanFacts, tracing: Tracing = TRACING, template: str = "/openai"
) -> list[Span]:
    return spans(record, TraceFacts(tracing=tracing, template=template, spans=steps))


def test_the_servers_span_has_what_people_look_for() -> None:
    server, _ = traced(stream(), ATTEMPT)
    assert set(server.attributes) >= NO_MORE_FIELDS
    assert (server.name, server.attributes["http.status"], server.attributes["duration"]) == (
        "POST /openai",
        200,
        "2242ms",
    )
    assert (server.attributes["llm.request.tokens"], server.attributes["llm.response.tokens"]) == (68, 298)


def test_names_are_those_of_the_released_conventions() -> None:
    server, attempt = traced(stream(), ATTEMPT)
    of_all = vars(gen_ai) | vars(http_attributes) | vars(server_attributes) | vars(client_attributes)
    of_all |= vars(url_attributes) | vars(network_attributes) | vars(error_attributes)
    released = {value for name, value in of_all.items() if name.isupper() and isinstance(value, str)}
    spoken = ("gen_ai.", "http.request.", "http.response.", "server.", "client.", "url.", "network.", "error.")
    ours = {name for name in attempt.attributes if name.startswith(spoken)}
    assert ours <= released
    assert ours >= {
        *(gen_ai.GEN_AI_OPERATION_NAME, gen_ai.GEN_AI_PROVIDER_NAME, gen_ai.GEN_AI_SYSTEM),
        *(gen_ai.GEN_AI_REQUEST_MODEL, gen_ai.GEN_AI_RESPONSE_MODEL, gen_ai.GEN_AI_REQUEST_STREAM),
        *(gen_ai.GEN_AI_USAGE_INPUT_TOKENS, gen_ai.GEN_AI_USAGE_OUTPUT_TOKENS),
        *(gen_ai.GEN_AI_RESPONSE_FINISH_REASONS, gen_ai.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK),
        *(server_attributes.SERVER_ADDRESS, server_attributes.SERVER_PORT),
        http_attributes.HTTP_RESPONSE_STATUS_CODE,
    }
    own = {"gen_ai.response.finish_reason"}  # the log's word for the first choice's
    of_server = {name for name in server.attributes if name.startswith(spoken)} - own
    assert of_server <= released
    assert {url_attributes.URL_PATH, client_attributes.CLIENT_PORT} <= of_server
    assert server.attributes[http_attributes.HTTP_ROUTE] == "/openai"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("azure", "azure.ai.openai"), ("mistral", "mistral_ai"), ("xai", "x_ai"), ("aws.bedrock", "aws.bedrock")],
)
def test_providers_have_the_conventions_names(ours: str, theirs: str) -> None:
    facts = (("gen_ai.provider.name", ours), ("gen_ai.request.model", "m"))
    found = traced(stream(provider=ours), msgspec.structs.replace(ATTEMPT, facts=facts))
    assert {span.attributes["gen_ai.provider.name"] for span in found} == {theirs}
    assert {span.attributes["gen_ai.system"] for span in found} == {ours}
    assert theirs in {member.value for member in gen_ai.GenAiProviderNameValues}


def test_costs_stand_in_dollars_by_part() -> None:
    money = msgspec.structs.replace(NO_COST_FACTS, cost=Cost(status="Exact", input=USD // 4, output=USD // 2))
    server, _ = traced(stream(money=money), ATTEMPT)
    said = {name: value for name, value in server.attributes.items() if name.startswith("agw.ai.usage.cost.")}
    assert said == {
        "agw.ai.usage.cost.total": 0.75,
        "agw.ai.usage.cost.input": 0.25,
        "agw.ai.usage.cost.output": 0.5,
    }


@pytest.mark.parametrize(
    ("outcome", "status", "failed"),
    [
        ("completed", 200, False),
        ("client_gone", 499, False),
        ("slow_reader", 499, False),
        ("limited", 429, False),
        ("blocked", 403, False),
        ("blocked", 503, True),
        ("rejected", 400, False),
        ("upstream_error", 400, True),
        ("upstream_truncated", 200, True),
        ("timeout", 504, True),
        ("shed", 503, True),
        ("drained", 503, True),
        ("internal", 500, True),
    ],
)
def test_a_span_is_an_error_if_the_server_failed(outcome: str, status: int, failed: bool) -> None:
    (server,) = traced(stream(outcome=outcome, status=status, error_code="a_code"))
    assert (server.failed, server.why) == (failed, "a_code")
    assert server.attributes["stream.outcome"] == outcome
    assert server.attributes["error.type"] == "a_code"


def test_only_the_last_attempt_has_what_the_client_was_answered() -> None:
    first = msgspec.structs.replace(ATTEMPT, status=500, result="upstream_error", error_code="500")
    _, failed, answered = traced(stream(), first, ATTEMPT)
    assert failed.failed
    assert "gen_ai.usage.output_tokens" not in failed.attributes
    assert answered.attributes["http.request.resend_count"] == 1
    assert "http.request.resend_count" not in failed.attributes


def test_what_was_nothing_of_a_stream_has_no_time_to_a_first_chunk() -> None:
    _, attempt = traced(plain(), ATTEMPT)
    assert "gen_ai.response.time_to_first_chunk" not in attempt.attributes
    assert "gen_ai.request.stream" not in attempt.attributes


def test_what_led_nowhere_has_no_route_and_no_model() -> None:
    (server,) = traced(NOT_FOUND, template="")
    assert server.name == "GET"
    assert not [name for name in server.attributes if name.startswith(("gen_ai", "llm.", "http.route"))]


def test_any_path_is_shown_as_such() -> None:
    assert traced(stream(), template="/")[0].name == "POST /*"


def test_an_operator_takes_away_what_is_told_and_adds_what_they_like() -> None:
    observed = Observed(attributes=(("http.host", "mine"), ("messages", [{"role": "user"}]), ("n", 3)))
    tracing = msgspec.structs.replace(TRACING, remove=("http.host", "src.addr", "not.there"))
    server, _ = traced(stream(observed=observed), ATTEMPT, tracing=tracing)
    assert "src.addr" not in server.attributes
    assert (server.attributes["http.host"], server.attributes["n"]) == ("mine", 3)
    assert server.attributes["messages"] == '[{"role":"user"}]'


def test_fields_that_were_added_to_the_log_are_in_no_span() -> None:
    (server,) = traced(stream(observed=Observed(fields=(("request.body", "secret"),))))
    assert "secret" not in repr(server)


def test_policies_that_asked_nobody_are_internal() -> None:
    inside = SpanFacts(kind="limit", name="budget", span_id="2" * 16, began_s=0, ended_s=0.1, result="Allow")
    outside = msgspec.structs.replace(inside, kind="guard", name="j", span_id="3" * 16, endpoint="[::1]:80")
    nested = msgspec.structs.replace(outside, parent_id="2" * 16, result="Failed", error_code="judge_failed")
    server, budget, judge, failed = traced(stream(), inside, outside, nested)
    assert [(span.name, span.kind) for span in (budget, judge)] == [("limit budget", "internal"), ("guard j", "client")]
    assert (judge.attributes["server.address"], judge.attributes["server.port"]) == ("::1", 80)
    assert judge.attributes["agentgateway.outbound.subtype"] == "Guardrail"
    assert (budget.parent_id, failed.parent_id) == (server.span_id, budget.span_id)
    assert (budget.failed, failed.failed) == (False, True)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", "a"),
        (True, True),
        (1.5, 1.5),
        (1 << 70, str(1 << 70)),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [1, 2]),
        ([1, "a"], '[1,"a"]'),
        ([True, 1], "[true,1]"),
        ([], "[]"),
        ([1 << 70], f"[{1 << 70}]"),
        ({"a": [1]}, '{"a":[1]}'),
        pytest.param("é\ud800", "é?", id="half a pair"),
        pytest.param({"a": "\ud800"}, '{"a":"\\ud800"}', id="half a pair inside"),
    ],
)
def test_values_of_json_become_attributes(value: object, shown: object) -> None:
    assert attribute(value) == shown
    assert type(attribute(value)) is type(shown)


def test_an_answer_that_is_a_servers_error_says_so_also_where_nothing_else_went_wrong() -> None:
    (server,) = traced(plain(outcome="completed", status=502, error_code="", error=""))
    assert (server.failed, server.why, server.attributes["error.type"]) == (True, "502", "502")
    (server,) = traced(plain(outcome="completed", status=404, error_code="", error=""))
    assert (server.failed, "error.type" in server.attributes) == (False, False)


@pytest.mark.parametrize(
    ("method", "name"), [("POST", "POST /openai"), ("PURGE", "HTTP /openai"), ("", "HTTP /openai")]
)
def test_a_method_that_nobody_knows_makes_no_name(method: str, name: str) -> None:
    (server,) = traced(plain(method=method))
    assert server.name == name
    known = method == "POST"
    assert server.attributes["http.request.method"] == (method if known else "_OTHER")
    assert server.attributes.get("http.request.method_original") == (None if known or not method else method)


@pytest.mark.parametrize("host", ["a:\xb2", f"a:{'1' * 5000}", "a:", ":", "[::1]", "a:b:c"])
def test_whatever_a_client_calls_its_host_there_is_a_span(host: str) -> None:
    (server,) = traced(plain(host=host))
    assert "server.port" not in server.attributes
    assert server.attributes["server.address"] == host.strip("[]")


def test_the_room_of_attributes_is_that_of_their_texts() -> None:
    assert size({"a": "four", "b": ["two", "x"], "c": 7, "d": 1.5, "e": [1, 2]}) == 8
