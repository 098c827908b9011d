"""Rules and backendRefs: what they become, and what an unresolved one reports."""

import pytest

from sluice.config.plan import Endpoint, HttpBackend, Match, PathMatch, ValueMatch

from .loading import BACKEND, condition, entries, plan, route

SERVICE = "---\napiVersion: v1\nkind: Service\nmetadata: {name: svc%s}\nspec: {%s}\n"


def resolved(text: str) -> tuple[bool, str]:
    found = condition(plan(text), "HTTPRoute", "default/r", "ResolvedRefs", "default/gw")
    return found.status, found.reason


def test_a_rule_without_matches_matches_everything() -> None:
    (entry,) = entries(plan(BACKEND + route()))
    assert (entry.match, entry.hostname, entry.route, entry.rule.name) == (Match(), "", "default/r", "0")


def test_all_conditions_of_a_match() -> None:
    spec = """{matches: [{path: {type: Exact, value: /a}, method: POST,
      headers: [{name: X-A, value: b}, {name: x-a, value: ignored}, {name: c, type: RegularExpression, value: "d+"}],
      queryParams: [{name: e, value: f}, {name: e, value: ignored}, {name: g, type: RegularExpression, value: h}]}]}"""
    (entry,) = entries(plan(route(spec)))
    assert entry.match == Match(
        path=PathMatch(kind="Exact", value="/a"),
        method="POST",
        headers=(ValueMatch(name="x-a", value="b"), ValueMatch(name="c", value="d+", regex=True)),
        query=(ValueMatch(name="e", value="f"), ValueMatch(name="g", value="h", regex=True)),
    )


@pytest.mark.parametrize(
    ("name", "spec", "expected"),
    [
        ("", "type: ExternalName, externalName: api.example.com", Endpoint(host="api.example.com", port=80)),
        ("", "ports: [{port: 80}], selector: {a: b}, clusterIP: None", Endpoint(host="svc", port=80)),
        (", namespace: default", "type: ClusterIP", Endpoint(host="svc", port=80)),
    ],
)
def test_services(name: str, spec: str, expected: Endpoint) -> None:
    (entry,) = entries(plan(SERVICE % (name, spec) + route("{backendRefs: [{name: svc, port: 80}]}")))
    assert entry.rule.backends[0].backend == HttpBackend(name="default/svc", endpoint=expected)


def test_a_service_of_another_namespace_is_named_with_it() -> None:
    text = SERVICE % (", namespace: team", "ports: []") + route(
        "{backendRefs: [{name: svc, port: 443}]}", namespace="team"
    )
    backend = entries(plan(text))[0].rule.backends[0].backend
    assert isinstance(backend, HttpBackend)
    assert (backend.endpoint.host, backend.endpoint.tls is not None) == ("svc.team", True)


@pytest.mark.parametrize(
    ("ref", "reason", "message"),
    [
        ("{name: nope, port: 1}", "BackendNotFound", "Service default/nope not found"),
        ("{name: svc, port: 81}", "BackendNotFound", "Service default/svc has no port 81"),
        (
            "{name: nope, group: agentgateway.dev, kind: AgentgatewayBackend}",
            "BackendNotFound",
            "AgentgatewayBackend default/nope not found",
        ),
        ("{name: x, kind: Pod}", "InvalidKind", "a backend of kind Pod (group core) is not served"),
        (
            "{name: x, group: inference.networking.k8s.io, kind: InferencePool}",
            "InvalidKind",
            "a backend of kind InferencePool (group inference.networking.k8s.io) is not served",
        ),
    ],
)
def test_a_reference_that_does_not_resolve_is_no_load_error(ref: str, reason: str, message: str) -> None:
    good = "{name: svc, port: 80, weight: 3}"
    text = SERVICE % ("", "ports: [{port: 80}]") + route(f"{{backendRefs: [{good}, {ref}]}}")
    assert resolved(text) == (False, reason)
    first, second = entries(plan(text))[0].rule.backends
    assert (first.weight, first.error, first.backend is not None) == (3, "", True)
    assert (second.weight, second.error, second.backend) == (1, message, None)


def test_a_route_that_resolves_says_so_even_if_its_backend_is_not_accepted() -> None:
    assert resolved(BACKEND + route()) == (True, "ResolvedRefs")


def test_weights_may_be_zero() -> None:
    spec = "{backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm, weight: 0}]}"
    assert entries(plan(BACKEND + route(spec)))[0].rule.backends[0].weight == 0


def test_a_rule_without_backends_is_kept() -> None:
    assert entries(plan(route("{name: none}")))[0].rule.backends == ()


def test_entries_stand_in_order_of_precedence_then_age_then_name_then_rules() -> None:
    def rule(name: str, path: str = "/x") -> str:
        return f"{{name: {name}, matches: [{{path: {{value: {path}}}}}]}}"

    text = route(f"{rule('late')}, {rule('later')}", name="b", created="2026-01-02T00:00:00Z")
    text += route(rule("timeless"), name="a") + route(rule("old"), name="z", created="2026-01-01T00:00:00Z")
    text += route(f"{rule('short', '/')}, {rule('long', '/x/y')}", name="c")
    assert [entry.rule.name for entry in entries(plan(text))] == ["long", "old", "late", "later", "timeless", "short"]
