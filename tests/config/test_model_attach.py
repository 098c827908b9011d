"""AgentgatewayModel: where models are served, and what their conditions say."""

from sluice.config.plan import Plan

from .loading import BACKEND, answering, gateway, policy, route
from .model_texts import GATEWAY, LISTENER, condition, model, plan, refusal

ADDRESSES = {("/v1/models", "model_list"), ("/v1beta/models", "model_list")}
ADDRESSES |= {("/v1", "by_model"), ("/v1beta", "by_model"), ("/v2", "by_model")}


def addresses(loaded: Plan) -> dict[str, set[tuple[str, str]]]:
    return {item.name: {(entry.match.path.value, entry.answer) for entry in item.entries} for item in loaded.listeners}


def test_the_unified_addresses_are_on_every_listener_of_the_parent_once() -> None:
    listeners = gateway(LISTENER % "", "{name: other, port: 9000, protocol: HTTP, hostname: x.org}")
    loaded = plan(listeners, model("provider: OpenAI", "a"), model("provider: OpenAI", "b"))
    assert addresses(loaded) == {"llm": ADDRESSES, "other": ADDRESSES}
    assert [len(item.entries) for item in loaded.listeners] == [5, 5]
    assert {entry.hostname for entry in loaded.listeners[1].entries} == {"x.org"}
    assert not any("no HTTPRoute" in note for note in loaded.notes)


def test_a_section_or_a_port_of_the_parent_narrows_it_down() -> None:
    listeners = gateway(LISTENER % "", "{name: other, port: 9000, protocol: HTTP}")
    for parent in ("{name: gw, sectionName: other}", "{name: gw, port: 9000}"):
        loaded = plan(listeners, model("provider: OpenAI", parents=parent))
        assert addresses(loaded) == {"llm": set(), "other": ADDRESSES}


def test_a_parent_that_nobody_defines_is_served_on_a_default_listener() -> None:
    loaded = plan(model("provider: OpenAI"))
    assert [(item.gateway, item.port) for item in loaded.listeners] == [("default/gw", 8080)]
    assert addresses(loaded) == {"http": ADDRESSES}
    assert "Gateway default/gw is not defined: its routes are served on a default listener." in loaded.notes
    assert condition(loaded, "m", "Accepted").status


def test_routes_and_models_share_a_listener() -> None:
    loaded = plan(GATEWAY, "---", BACKEND, route(), model("provider: OpenAI"))
    assert {entry.answer for entry in loaded.listeners[0].entries} == {"backends", "by_model", "model_list"}
    (status,) = (item for item in loaded.statuses if item.kind == "Gateway")
    assert status.attached_routes == {"llm": 2}


def test_policies_of_the_gateway_hold_for_its_models() -> None:
    ref = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw%s}]"
    texts = (
        policy(f"{{{ref % ''}, traffic: {{timeouts: {{request: 9s}}}}}}", "t"),
        policy(f"{{{ref % ', sectionName: llm'}, backend: {{ai: {{modelAliases: {{a: b}}}}}}}}", "a"),
    )
    loaded = plan(GATEWAY, model("provider: OpenAI"), *texts)
    rules = [entry.rule for entry in loaded.listeners[0].entries if entry.answer == "by_model"]
    assert [(rule.deadlines.total_s, rule.gateway_ai.aliases) for rule in rules] == [(9, (("a", "b"),))] * 3


def test_a_listener_that_lists_kinds_has_to_list_models() -> None:
    def kinds(kind: str, group: str) -> str:
        return gateway(LISTENER % f", allowedRoutes: {{kinds: [{{kind: {kind}, group: {group}}}]}}")

    loaded = plan(kinds("HTTPRoute", "gateway.networking.k8s.io"), model("provider: OpenAI"))
    refused = condition(loaded, "m", "Accepted")
    assert (refused.status, refused.reason) == (False, "NotAllowedByListeners")
    assert loaded.models == ()
    assert addresses(loaded) == {"llm": set()}
    loaded = plan(kinds("AgentgatewayModel", "agentgateway.dev"), model("provider: OpenAI"))
    assert condition(loaded, "m", "Accepted").status
    assert addresses(loaded) == {"llm": ADDRESSES}


def test_a_listener_of_another_namespace_has_to_allow_it() -> None:
    other = gateway(LISTENER % "", namespace="infra")
    loaded = plan(other, model("provider: OpenAI", parents="{name: gw, namespace: infra}"))
    assert condition(loaded, "m", "Accepted", "infra/gw").reason == "NotAllowedByListeners"
    other = gateway(LISTENER % ", allowedRoutes: {namespaces: {from: All}}", namespace="infra")
    loaded = plan(other, model("provider: OpenAI", parents="{name: gw, namespace: infra}"))
    assert condition(loaded, "m", "Accepted", "infra/gw").status


def test_a_section_that_the_parent_does_not_have() -> None:
    loaded = plan(GATEWAY, model("provider: OpenAI", parents="{name: gw, sectionName: x}"))
    refused = condition(loaded, "m", "Accepted", "default/gw/x")
    assert (refused.status, refused.reason, loaded.models) == (False, "NoMatchingParent", ())
    assert any("AgentgatewayModel default/m is not served: Gateway default/gw has no" in note for note in loaded.notes)


def test_of_two_models_with_one_name_the_older_is_served() -> None:
    young = model("provider: OpenAI, match: {model: x}", "a", created="2026-01-02T00:00:00Z")
    old = model("provider: Anthropic, match: {model: x}", "b")
    loaded = plan(GATEWAY, young, old)
    assert [answering(item).name for item in loaded.models] == ["default/b"]
    lost = condition(loaded, "a", "Accepted")
    assert (lost.status, lost.reason) == (False, "Conflicted")
    assert lost.message == "AgentgatewayModel default/b answers for the same name"
    assert condition(loaded, "b", "Accepted").status


def test_models_of_different_listeners_are_refused_rather_than_served_on_all() -> None:
    listeners = gateway(LISTENER % "", "{name: other, port: 9000, protocol: HTTP}")
    texts = (
        model("provider: OpenAI", "a", parents="{name: gw, sectionName: llm}"),
        model("provider: OpenAI", "b", parents="{name: gw, sectionName: other}"),
    )
    assert all("models with different listeners as their parents" in line for line in refusal(listeners, *texts))
