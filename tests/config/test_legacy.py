"""The route type of the streaming page, in every kind of policy that was ever printed with it."""

import pytest
from msgspec import Raw

from sluice.policies.guards import HeaderChange, TextRules
from tests.support.tokens import jwk, jwk_set, rsa_key

from .loading import BACKEND, condition, entries, gateway, plan, policy, refusal, route, source

TARGET = "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r%s}"
RULES = (
    "{name: a, backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]}, "
    "{name: b, backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]}"
)
KINDS = {
    "AgentgatewayPolicy": ("agentgateway.dev/v1alpha1", "spec: {targetRefs: [%s], ai: %s}"),
    "TrafficPolicy": ("gateway.kgateway.dev/v1alpha1", "spec: {targetRefs: [%s], ai: %s}"),
    "GlooTrafficPolicy": ("gloo.solo.io/v1alpha1", "spec: {targetRefs: [%s], ai: %s}"),
    "RouteOption": ("gateway.solo.io/v1", "spec: {targetRefs: [%s], options: {ai: %s}}"),
}


def legacy(kind: str, ai: str, section: str = "", name: str = "p", created: str = "2026-01-01T00:00:00Z") -> str:
    version, spec = KINDS[kind]
    meta = f"metadata: {{name: {name}, creationTimestamp: {created}}}"
    target = TARGET % (f", sectionName: {section}" if section else "")
    return f"---\napiVersion: {version}\nkind: {kind}\n{meta}\n{spec % (target, ai)}\n"


def streams(*policies: str) -> list[bool]:
    loaded = plan(BACKEND + route(RULES) + "".join(policies))
    return [entry.rule.streams for entry in entries(loaded)]


STREAMING = "{routeType: CHAT_STREAMING}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_route_streams_unless_a_request_says_otherwise(kind: str) -> None:
    assert streams() == [False, False]
    assert streams(legacy(kind, STREAMING)) == [True, True]
    assert streams(legacy(kind, "{routeType: CHAT}")) == [False, False]


@pytest.mark.parametrize("kind", KINDS)
def test_one_rule_of_a_route_streams(kind: str) -> None:
    assert streams(legacy(kind, STREAMING, "b")) == [False, True]
    assert streams(legacy(kind, STREAMING), legacy(kind, "{routeType: CHAT}", "b", "q")) == [True, False]


@pytest.mark.parametrize("kind", KINDS)
def test_an_operator_is_told_that_it_is_not_needed(kind: str) -> None:
    loaded = plan(BACKEND + route(RULES) + legacy(kind, STREAMING))
    where = "spec.options.ai" if kind == "RouteOption" else "spec.ai"
    (note,) = [note for note in loaded.notes if "routeType" in note]
    assert note.startswith(f"{kind} default/p: `{where}.routeType` is deprecated and not needed")
    assert condition(loaded, kind, "default/p", "Accepted").status
    assert condition(loaded, kind, "default/p", "Attached").reason == "Attached"
    missing = plan(BACKEND + legacy(kind, STREAMING))
    assert condition(missing, kind, "default/p", "Attached").message == "not found: HTTPRoute default/r"


def test_the_page_of_the_documentation_loads() -> None:
    loaded = plan(source("seed-001-gemini-policy.yaml").text)
    assert any("is deprecated and not needed" in note for note in loaded.notes)


def test_between_two_policies_of_a_route_the_older_wins() -> None:
    chat = legacy("AgentgatewayPolicy", "{routeType: CHAT}", name="z")
    young = legacy("AgentgatewayPolicy", STREAMING, name="a", created="2026-01-02T00:00:00Z")
    assert streams(young, chat) == [False, False]


@pytest.mark.parametrize("kind", KINDS)
def test_what_else_the_old_settings_say_holds_too(kind: str) -> None:
    regex = "regex: {action: REJECT, matches: [{pattern: secret}]}"
    guard = f"promptGuard: {{request: {{{regex}, customResponse: {{message: stop}}}}}}"
    prompt = "promptEnrichment: {prepend: [{role: SYSTEM, content: be brief}]}"
    values = "defaults: [{field: temperature, value: 0.5}, {field: user, value: u, override: true}]"
    loaded = plan(BACKEND + route() + legacy(kind, f"{{{guard}, {prompt}, {values}}}"))
    found = entries(loaded)[0].rule.ai
    (rules,) = found.guards.request
    assert isinstance(rules, TextRules)
    assert (rules.action, rules.patterns, rules.rejection.message) == ("reject", ("secret",), "stop")
    assert found.prepend == (("system", "be brief"),)
    assert (found.defaults, found.overrides) == ((("temperature", Raw(b"0.5")),), (("user", Raw(b'"u"')),))
    assert not [note for note in loaded.notes if "deprecated" in note]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", ["rag", "semanticCache"])
def test_the_rest_of_the_old_settings_is_refused(kind: str, field: str) -> None:
    (line,) = refusal(legacy(kind, f"{{routeType: CHAT_STREAMING, {field}: {{x: 1}}}}"))
    assert f"ai.{field}: `{field}` is not implemented by this version" in line


def test_traffic_of_the_old_kinds_holds_too() -> None:
    said = "rateLimit: {local: {tokenBucket: {maxTokens: 2, fillInterval: 30s}}}, timeouts: {request: 9s}, "
    said += "rbac: {action: Deny, policy: {matchExpressions: ['request.path == \"/x\"']}}, "
    said += "headerModifiers: {response: {set: [{name: a, value: b}]}}, ai:"
    rule = entries(plan(BACKEND + route() + legacy("TrafficPolicy", STREAMING).replace("ai:", said)))[0].rule
    assert rule.deadlines.total_s == 9
    assert rule.access.authorization.deny == ('request.path == "/x"',)
    assert rule.shaping.response_headers == HeaderChange(set=(("a", "b"),))
    (rate,) = rule.limits.groups[0][0].limits.machine.rates
    assert (rate.capacity, rate.fill, rate.interval_us) == (2, 1, 30_000_000)


def test_tokens_and_the_timeout_of_a_route_option() -> None:
    jwt = "jwt: {providers: {own: {issuer: solo.io, jwks: {local: {key: '" + jwk_set(jwk(rsa_key(), "k")) + "'}}}}}, "
    text = legacy("RouteOption", STREAMING).replace("ai:", f"{jwt}timeout: '0', ai:")
    rule = entries(plan(BACKEND + route() + text))[0].rule
    assert rule.deadlines.total_s == 0
    assert rule.access.jwt is not None
    assert (rule.access.jwt.mode, rule.access.jwt.issuers[0].issuer) == ("strict", "solo.io")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrong_is_told(kind: str) -> None:
    (line,) = refusal(legacy(kind, "{routeType: CHAT_STREAMIN}"))
    assert line.endswith("ai.routeType: unknown value `CHAT_STREAMIN` (did you mean `CHAT_STREAMING`?)")
    (line,) = refusal(legacy(kind, "{}"))
    assert "ai: the field `routeType` is missing" in line
    (line,) = refusal(legacy(kind, "{routetype: CHAT}"))
    assert "unknown field (did you mean `routeType`?)" in line


def test_other_parts_of_the_old_kinds_are_refused() -> None:
    text = legacy("TrafficPolicy", STREAMING).replace("ai:", "extAuth: {}, ai:")
    assert "`extAuth` is not implemented" in refusal(text)[0]
    text = legacy("GlooTrafficPolicy", STREAMING).replace("ai:", "glooJWT: {}, ai:")
    assert "`glooJWT` is not implemented" in refusal(text)[0]
    text = legacy("RouteOption", STREAMING).replace("ai:", "timeout: soon, ai:")
    assert "expected a duration" in refusal(text)[0]


def test_a_gateway_has_no_route_type() -> None:
    ref = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw}]"
    text = gateway("{name: l, port: 1, protocol: HTTP}") + policy(f"{{{ref}, ai: {STREAMING}}}")
    (line,) = refusal(text)
    assert "spec.ai.routeType: `ai.routeType` on a target of kind Gateway is not implemented" in line
    assert line.endswith("(it may target an HTTPRoute)")


def test_the_version_of_an_old_kind_is_its_own() -> None:
    text = legacy("TrafficPolicy", STREAMING).replace("gateway.kgateway.dev", "agentgateway.dev")
    assert "unknown apiVersion `agentgateway.dev/v1alpha1` for TrafficPolicy" in refusal(text)[0]
