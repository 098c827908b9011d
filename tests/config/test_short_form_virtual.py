"""The short form: virtual models, what models and `llm.policies.ai` do to bodies, and the unified addresses."""

import pytest
from msgspec import Raw

from sluice.config.plan import Alternative, ModelRoute, Plan
from sluice.config.routing import model_route
from sluice.policies.ai import AiPolicy
from sluice.policies.authorization import Rules
from sluice.policies.scene import Scene

from .loading import plan, refusal

HEAD = """llm:
  models:
  - {name: fast, provider: fake, params: {model: fake-small}, visibility: internal}
  - {name: best, provider: openAI, params: {apiKey: k}}
  - {name: any-*, provider: fake}
  - {name: fix-*, provider: fake, params: {model: fixed}}
"""


def virtual(routing: str, name: str = "smart") -> Plan:
    return plan(f"{HEAD}  virtualModels:\n  - name: {name}\n    routing: {routing}\n")


def wrong(routing: str, name: str = "smart") -> str:
    (line,) = refusal(f"{HEAD}  virtualModels:\n  - name: {name}\n    routing: {routing}\n")
    return line


def smart(routing: str) -> ModelRoute:
    found = model_route(virtual(routing), "smart")
    assert found is not None
    assert found.pattern == "smart"
    assert found.public
    return found


def models(alternative: Alternative) -> list[str]:
    return [target.model for group in alternative.backend.groups for target in group]


# -- the three kinds --------------------------------------------------------------------------------------------------


def test_weighted() -> None:
    route = smart("{weighted: {targets: [{model: fast, weight: 80}, {model: best}, {model: any-x, weight: 0}]}}")
    assert route.backend is None
    found = [(item.backend.name, item.weight, item.when, models(item)) for item in route.alternatives]
    assert found == [
        ("default/fast", 80, "", ["fake-small"]),
        ("default/best", 1, "", ["best"]),
        ("default/any-*", 0, "", ["any-x"]),
    ]


def test_failover_is_one_backend_with_groups_in_order_of_priority() -> None:
    targets = "{model: best, priority: 5}, {model: fast, priority: 0}, {model: any-a, priority: 5}"
    route = smart(f"{{failover: {{targets: [{targets}]}}}}")
    assert route.alternatives == ()
    assert route.backend is not None
    assert route.backend.name == "default/smart"
    groups = [[(target.name, target.model) for target in group] for group in route.backend.groups]
    assert groups == [[("fast", "fake-small")], [("best", "best"), ("any-*", "any-a")]]


def test_conditional() -> None:
    premium = 'request.headers["x-model-tier"] == "premium"'
    route = smart(f"{{conditional: {{targets: [{{model: best, when: '{premium}'}}, {{model: fast}}]}}}}")
    found = [(item.backend.name, item.when) for item in route.alternatives]
    assert found == [("default/best", premium), ("default/fast", "")]


# -- names ------------------------------------------------------------------------------------------------------------


def test_a_target_asks_for_the_name_that_it_says_unless_its_entry_knows_better() -> None:
    route = smart("{weighted: {targets: [{model: any-b}, {model: fix-b}, {model: fix-*}]}}")
    assert [models(item) for item in route.alternatives] == [["any-b"], ["fixed"], ["fixed"]]
    own = next(item for item in virtual("{weighted: {targets: [{model: best}]}}").models if item.pattern == "any-*")
    assert own.backend is not None
    assert own.backend.groups[0][0].model == ""  # the entry itself still asks for what the client names


def test_the_fake_provider_is_started_for_virtual_models_too() -> None:
    assert virtual("{weighted: {targets: [{model: fast}]}}").needs_fake
    text = "llm: {models: [{name: m, provider: openAI, params: {apiKey: k}}], virtualModels: [{name: v, routing: "
    assert not plan(text + "{weighted: {targets: [{model: m}]}}}]}\n").needs_fake


@pytest.mark.parametrize(
    ("routing", "words"),
    [
        (
            "{weighted: {targets: [{model: fats}]}}",
            "weighted.targets[0].model: no such model is defined (did you mean `fast`?)",
        ),
        ("{failover: {targets: [{model: x, priority: 1}]}}", "failover.targets[0].model: no such model is defined"),
        ("{weighted: {targets: [{model: smart}]}}", "weighted.targets[0].model: no such model is defined"),
        ("{weighted: {targets: [{model: any-q*}]}}", "weighted.targets[0].model: no such model is defined"),
        ("{weighted: {targets: [{model: any-*}]}}", "targets[0].model: this is a pattern without `params.model`"),
        ("{weighted: {targets: []}}", "expected a list of length >= 1"),
        ("{weighted: {targets: [{model: fast, weight: 0}]}}", "at least one target needs a weight above 0"),
        ("{weighted: {targets: [{model: fast, weight: -1}]}}", "weighted.targets[0].weight"),
        ("{failover: {targets: [{model: fast}]}}", "the field `priority` is missing"),
        (
            "{conditional: {targets: [{model: fast}, {model: best, when: 'true'}]}}",
            "only the last target may have no `when`",
        ),
        ("{conditional: {targets: [{model: fast, when: 'a =='}]}}", "targets[0].when: not a CEL expression"),
        (
            "{conditional: {targets: [{model: fast, when: 'reqest.path == \"/\"'}]}}",
            "targets[0].when: there is no `reqest`",
        ),
        ("{conditional: {targets: [{model: fast, when: ''}]}}", "conditional.targets[0].when"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(routing: str, words: str) -> None:
    assert words in wrong(routing)


def test_a_virtual_model_has_an_exact_name() -> None:
    assert "llm.virtualModels[0].name" in wrong("{weighted: {targets: [{model: fast}]}}", "'v-*'")


# -- bodies -----------------------------------------------------------------------------------------------------------

BODIES = """llm:
  providers:
  - {name: p, provider: fake, defaults: {defaults: {temperature: 0, seed: 1}, overrides: {user: shared}}}
  models:
  - name: own
    provider: {reference: p}
    defaults: {"a.b": null}
  - {name: shared, provider: {reference: p}}
  - {name: none, provider: fake}
  virtualModels: [{name: v, routing: {weighted: {targets: [{model: own}]}}}]
"""


def test_a_models_own_defaults_and_overrides_win_over_its_providers_member_by_member() -> None:
    loaded = plan(BODIES)
    found = {m.pattern: m.backend.groups[0][0].ai for m in loaded.models if m.backend is not None}
    user = (("user", Raw(b'"shared"')),)
    assert found == {
        "own": AiPolicy(defaults=(("a.b", Raw(b"null")),), overrides=user),
        "shared": AiPolicy(defaults=(("temperature", Raw(b"0")), ("seed", Raw(b"1"))), overrides=user),
        "none": AiPolicy(),
    }
    behind = loaded.models[-1].alternatives[0].backend.groups[0][0]
    assert behind.ai == found["own"]


AI = """
  policies:
    ai:
      modelAliases: {fast: small}
      prompts: {prepend: [{role: system, content: Be brief.}]}
      defaults: {temperature: 0.5}
      overrides: {"g.t": [1]}
      routes: {/v1/x: completions, /v1/y: geminiCountTokens}
"""


def test_a_policy_for_all_models() -> None:
    loaded = plan("llm:\n  models: [{name: m, provider: fake}]" + AI)
    expected = AiPolicy(
        aliases=(("fast", "small"),),
        prepend=(("system", "Be brief."),),
        defaults=(("temperature", Raw(b"0.5")),),
        overrides=(("g.t", Raw(b"[1]")),),
        routes=(("/v1/x", "completions"), ("/v1/y", "content_token_count")),
    )
    found = [entry.rule.gateway_ai for entry in loaded.listeners[0].entries if entry.answer == "by_model"]
    assert found == [expected] * 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("llm: {models: [{name: m, provider: fake, defaults: {t: .inf}}]}\n", "llm.models[0]: `t`: infinity and NaN"),
        ("llm: {models: [{name: m, provider: fake, overrides: []}]}\n", "llm.models[0].overrides: expected a mapping"),
        ("llm: {models: [{name: m, provider: fake, defaults: {a..b: 1}}]}\n", "llm.models[0].defaults"),
        (
            "llm: {models: [{name: m, provider: fake}], policies: {ai: {prompt: {}}}}\n",
            "llm.policies.ai.prompt: unknown field (did you mean `prompts`?)",
        ),
        (
            "llm: {models: [{name: m, provider: fake}], policies: {ai: {promptGuard: {}}}}\n",
            "llm.policies.ai.promptGuard: expected `request` or `response`",
        ),
        (
            "llm: {models: [{name: m, provider: fake}], providers: [{name: p, provider: x, defaults: {auth: {}}}]}\n",
            "llm.providers[0].defaults.auth: expected exactly one of `key`",
        ),
    ],
)
def test_what_is_wrong_with_bodies_is_told(text: str, words: str) -> None:
    assert any(words in line for line in refusal(text))


# -- addresses --------------------------------------------------------------------------------------------------------


def test_the_unified_addresses_answer() -> None:
    loaded = plan("llm: {models: [{name: m, provider: fake}]}\n")
    found = {(e.match.path.kind, e.match.path.value): e.answer for e in loaded.listeners[0].entries}
    assert found == {
        ("Exact", "/v1/models"): "model_list",
        ("Exact", "/v1beta/models"): "model_list",
        ("PathPrefix", "/v1"): "by_model",
        ("PathPrefix", "/v1beta"): "by_model",
        ("PathPrefix", "/v2"): "by_model",
    }


def test_whoever_may_not_ask_for_one_target_may_not_ask_for_their_fail_over() -> None:
    """`allow` rules of two models would be alternatives, and the model of one key answer for the other's."""
    rules = "authorization: {rules: ['apiKey.key_id == \"%s\"']}"
    models = "".join(f"\n  - {{name: {n}, provider: openAI, params: {{apiKey: k}}, {rules % n}}}" for n in ("a", "b"))
    targets = "[{model: a, priority: 0}, {model: b, priority: 1}]"
    loaded = plan(
        f"llm:\n  models:{models}\n  virtualModels:\n  - {{name: v, routing: {{failover: {{targets: {targets}}}}}}}"
    )
    route = next(route for route in loaded.models if route.pattern == "v")
    assert route.backend is not None
    for key in ("a", "b", "c"):
        assert not Rules(route.backend.access.authorization).permit(Scene({"apiKey": {"key_id": key}}))
