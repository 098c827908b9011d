"""AgentgatewayPolicy: what it applies to, who wins, and what it reports."""

import pytest

from sluice.policies.deadlines import Deadlines, OwnClocks

from .loading import BACKEND, backend, condition, entries, gateway, plan, policy, refusal, route, target

GW = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw%s}]"
RT = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r%s}]"
BE = "targetRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]"
RULE = "{name: a, backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]%s}"
LISTENERS = ("{name: one, port: 1, protocol: HTTP}", "{name: two, port: 2, protocol: HTTP}")


def timeouts(target_: str, values: str, name: str = "p", created: str = "2026-01-01T00:00:00Z") -> str:
    return policy(f"{{{target_}, traffic: {{timeouts: {values}}}}}", name, created)


def clocks(*policies: str, rule: str = "") -> list[Deadlines]:
    texts = BACKEND + route(RULE % rule) + gateway(*LISTENERS) + "".join(policies)
    return [entry.rule.deadlines for entry in entries(plan(texts))]


def test_all_five_clocks() -> None:
    values = "{connect: 1s, responseHeaders: 2s, firstToken: 3s, responseIdle: 4s, request: 5s}"
    expected = Deadlines(connect_s=1, headers_s=2, first_token_s=3, idle_s=4, total_s=5)
    assert clocks(timeouts(RT % "", values)) == [expected, expected]


def test_zero_turns_a_clock_off() -> None:
    assert clocks(timeouts(RT % "", "{responseIdle: 0s}"))[0].idle_s == 0


def test_rule_over_route_over_listener_over_gateway_clock_by_clock() -> None:
    found = clocks(
        timeouts(GW % "", "{connect: 1s, responseHeaders: 1s, firstToken: 1s, responseIdle: 1s, request: 1s}", "g"),
        timeouts(
            GW % ", sectionName: two", "{responseHeaders: 2s, firstToken: 2s, responseIdle: 2s, request: 2s}", "l"
        ),
        timeouts(RT % "", "{firstToken: 3s, responseIdle: 3s, request: 3s}", "r"),
        timeouts(RT % ", sectionName: a", "{responseIdle: 4s, request: 4s}", "s"),
        rule=", timeouts: {request: 5s}",
    )
    assert found == [
        Deadlines(connect_s=1, headers_s=1, first_token_s=3, idle_s=4, total_s=5),
        Deadlines(connect_s=1, headers_s=2, first_token_s=3, idle_s=4, total_s=5),
    ]


def test_backend_request_is_the_clock_of_the_response_headers() -> None:
    assert clocks(rule=", timeouts: {backendRequest: 7s}")[0] == Deadlines(headers_s=7)


def test_between_policies_of_one_target_the_older_wins_then_the_name() -> None:
    young = timeouts(RT % "", "{request: 1s}", "a", "2026-01-02T00:00:00Z")
    old = timeouts(RT % "", "{request: 2s}", "z", "2026-01-01T00:00:00Z")
    twin = timeouts(RT % "", "{request: 3s}", "y", "2026-01-01T00:00:00Z")
    assert clocks(young, old)[0].total_s == 2
    assert clocks(old, twin)[0].total_s == 3


def test_a_policy_of_another_object_does_not_apply() -> None:
    assert clocks(timeouts(RT % "x", "{request: 1s}"))[0].total_s == 0
    assert clocks(timeouts(RT % ", sectionName: b", "{request: 1s}"))[0].total_s == 0


def test_a_gateway_that_only_a_route_names_can_be_targeted() -> None:
    loaded = plan(BACKEND + route() + timeouts(GW % "", "{request: 6s}"))
    assert entries(loaded)[0].rule.deadlines.total_s == 6
    assert condition(loaded, "AgentgatewayPolicy", "default/p", "Attached").status


def test_selectors_take_the_objects_with_the_labels_of_the_own_namespace() -> None:
    text = (BACKEND + route(name="r") + route(name="q")).replace("{name: r,", "{name: r, labels: {team: a, x: y},")
    selector = "targetSelectors: [{group: gateway.networking.k8s.io, kind: HTTPRoute, matchLabels: {team: a}}]"
    loaded = plan(text + timeouts(selector, "{request: 1s}"))
    assert {entry.route: entry.rule.deadlines.total_s for entry in entries(loaded)} == {"default/q": 0, "default/r": 1}
    assert plan(text + timeouts(selector.replace("HTTPRoute", "Gateway"), "{request: 1s}"))


def test_policies_of_a_backend() -> None:
    found = target(
        plan(BACKEND + route() + policy(f"{{{BE}, backend: {{auth: {{key: k}}, tcp: {{connectTimeout: 1s}}}}}}"))
    )
    assert (found.credential is not None, found.clocks) == (True, OwnClocks(connect_s=1.0))


def test_accepted_and_attached() -> None:
    loaded = plan(BACKEND + route() + timeouts(RT % "", "{request: 1s}"))
    accepted = condition(loaded, "AgentgatewayPolicy", "default/p", "Accepted")
    attached = condition(loaded, "AgentgatewayPolicy", "default/p", "Attached")
    assert (accepted.status, accepted.reason, accepted.message) == (True, "Valid", "Policy accepted")
    assert (attached.status, attached.reason, attached.message) == (True, "Attached", "Attached to all targets")


@pytest.mark.parametrize(
    ("ref", "missing"),
    [
        (RT % "x", "HTTPRoute default/rx"),
        (RT % ", sectionName: b", "HTTPRoute default/r"),
        (GW % "x", "Gateway default/gwx"),
    ],
)
def test_a_target_that_is_missing_is_reported(ref: str, missing: str) -> None:
    loaded = plan(BACKEND + route(RULE % "") + timeouts(ref, "{request: 1s}"))
    attached = condition(loaded, "AgentgatewayPolicy", "default/p", "Attached")
    assert (attached.status, attached.reason, attached.message) == (False, "Pending", f"not found: {missing}")


def test_the_route_type_of_the_documentation_is_accepted_and_noted() -> None:
    for word in ("CHAT", "CHAT_STREAMING"):
        loaded = plan(policy(f"{{{RT % ''}, ai: {{routeType: {word}}}}}"))
        assert any("`spec.ai.routeType` is deprecated and not needed" in note for note in loaded.notes)
    (line,) = refusal(policy(f"{{{RT % ''}, ai: {{routeType: CHAT_STREAMIN}}}}"))
    assert line.endswith("spec.ai.routeType: unknown value `CHAT_STREAMIN` (did you mean `CHAT_STREAMING`?)")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            "targetRefs: [{group: x, kind: HTTPRout, name: r}], traffic: {csrf: {}}",
            "unknown kind of target `HTTPRout` (did you mean `HTTPRoute`?)",
        ),
        (
            "targetRefs: [{group: x, kind: GRPCRoute, name: r}], traffic: {csrf: {}}",
            "a target of kind GRPCRoute is not implemented",
        ),
        (
            "targetRefs: [{group: x, kind: HTTPRoute, name: r}], traffic: {csrf: {}}",
            "unknown group of a HTTPRoute (expected `gateway.networking.k8s.io`)",
        ),
        (f"{BE}, traffic: {{timeouts: {{}}}}", "`traffic` on a target of kind AgentgatewayBackend is not implemented"),
        (
            f"{RT % ''}, backend: {{auth: {{key: k}}}}",
            "`backend.auth` on a target of kind HTTPRoute is not implemented",
        ),
        (f"{GW % ''}, frontend: {{http: {{}}}}", "`http` is not implemented"),
        (f"{RT % ''}, strategy: {{inheritance: Override}}, backend: {{auth: {{key: k}}}}", "is about `traffic`"),
        (
            f"{GW % ''}, traffic: {{phase: PreRouting, csrf: {{}}}}",
            "`csrf` cannot be looked at before a route is chosen",
        ),
        (f"{RT % ''}, traffic: {{phase: PreRouting, cors: {{}}}}", "cannot be of a target of kind HTTPRoute"),
        (
            f"{RT % ''}, backend: {{transformation: {{request: {{remove: [a]}}}}}}",
            "`backend.transformation` on a target",
        ),
    ],
)
def test_what_is_not_served_is_refused(spec: str, words: str) -> None:
    (line,) = refusal(policy(f"{{{spec}}}"))
    assert words in line


@pytest.mark.parametrize(
    ("spec", "path", "hint"),
    [
        ("traffic: {csrf: , delay: {duration: 1s}}", "spec.traffic.csrf", " (leave it out, or write `{}`)"),
        ("traffic: {apiKeyAuthentication: ~}", "spec.traffic.apiKeyAuthentication", " (leave it out, or write `{}`)"),
        ("traffic: {rateLimit: {local: null}}", "spec.traffic.rateLimit.local", " (leave it out)"),
        ("backend: {ai: {promptGuard: {request: }}}", "spec.backend.ai.promptGuard.request", " (leave it out)"),
        ("backend: {ai: {promptGuard: }}", "spec.backend.ai.promptGuard", " (leave it out, or write `{}`)"),
    ],
)
def test_a_policy_that_is_null_is_not_left_out_without_a_word(spec: str, path: str, hint: str) -> None:
    (line,) = [line for line in refusal(policy(f"{{{RT % ''}, {spec}}}")) if path in line]
    assert line.endswith(f" {path}: nothing stands here{hint}")


def test_null_is_refused_in_the_short_form_and_in_a_backend_too() -> None:
    short = "llm: {models: [{name: m, provider: fake}], policies: {csrf: }}\n"
    (line,) = refusal(short)
    assert "llm.policies.csrf: nothing stands here" in line
    older = policy(f"{{{RT % ''}, rbac: , cors: {{}}}}").replace("agentgateway.dev", "gateway.kgateway.dev", 1)
    (line,) = refusal(older.replace("kind: AgentgatewayPolicy", "kind: TrafficPolicy"))
    assert "spec.rbac: nothing stands here" in line
    (line,) = refusal("llm: {models: [{name: m, provider: fake, guardrails: }]}\n")
    assert "llm.models[0].guardrails: nothing stands here" in line
    (line,) = refusal(backend("{ai: {provider: {fake: {}}}, policies: {ai: }}"))
    assert "spec.policies.ai: nothing stands here" in line


def test_null_is_a_value_where_json_stands_and_nothing_elsewhere() -> None:
    text = f"{{{RT % ''}, backend: {{ai: {{defaults: [{{field: stop, value: null}}]}}}}}}"
    plan(policy(text).replace("metadata: {", "metadata: {annotations: , "))


@pytest.mark.parametrize("spec", ["traffic: {}", "traffic: {phase: PreRouting}", "traffic: {}, backend: {}"])
def test_a_policy_that_says_nothing_is_refused(spec: str) -> None:
    (line,) = refusal(policy(f"{{{GW % ''}, {spec}}}"))
    assert line.endswith("spec: this policy says nothing: its sections are empty")
