"""`health`: what it compiles to, in every place that has it, who wins, and what is refused."""

from collections.abc import Callable

import pytest

from sluice.config.plan import AiBackend, Plan, Target
from sluice.policies.health import Health

from .loading import BACKEND, answering, backend, entries, plan, policy, refusal, route

BE = "targetRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]"
FAILED = "response.code >= 500 || response.code == 429"
WHOLE = (
    f'{{unhealthyCondition: "{FAILED}", eviction: {{duration: 60s, consecutiveFailures: 1, '
    "healthThreshold: 55, restoreHealth: 100}}"
)
EXPECTED = Health(
    unhealthy=FAILED, duration_s=60, consecutive_failures=1, health_threshold=0.55, restore_health=1.0
)  # fmt: skip

CASES = [
    ("{}", Health()),
    (f"{{unhealthyCondition: '{FAILED}'}}", Health(unhealthy=FAILED)),
    ("{eviction: {}}", Health()),
    ("{eviction: {duration: 1s}}", Health(duration_s=1)),
    ("{eviction: {duration: 2h}}", Health(duration_s=7200)),
    ("{eviction: {consecutiveFailures: 0}}", Health(consecutive_failures=0)),
    ("{eviction: {consecutiveFailures: 3}}", Health(consecutive_failures=3)),
    ("{eviction: {healthThreshold: 0}}", Health(health_threshold=0.0)),
    ("{eviction: {healthThreshold: 1}}", Health(health_threshold=0.01)),
    ("{eviction: {healthThreshold: 100}}", Health(health_threshold=1.0)),
    ("{eviction: {restoreHealth: 50}}", Health(restore_health=0.5)),
    (WHOLE, EXPECTED),
]


def targets(loaded: Plan) -> list[list[Target]]:
    """Those of the first backend, group by group."""
    found = entries(loaded)[0].rule.backends[0].backend
    assert isinstance(found, AiBackend)
    return [list(group) for group in found.groups]


def inline(text: str) -> Health:
    spec = f"{{ai: {{provider: {{openai: {{}}}}}}, policies: {{health: {text}}}}}"
    return targets(plan(backend(spec) + route()))[0][0].health


def of_provider(text: str) -> Health:
    provider = f"{{name: p, openai: {{}}, policies: {{health: {text}}}}}"
    spec = f"{{ai: {{groups: [{{providers: [{provider}]}}]}}}}"
    return targets(plan(backend(spec) + route()))[0][0].health


def of_policy(text: str) -> Health:
    return targets(plan(BACKEND + route() + policy(f"{{{BE}, backend: {{health: {text}}}}}")))[0][0].health


def model(text: str) -> str:
    return f"""---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayModel
metadata: {{name: m}}
spec: {{parentRefs: [{{name: gw}}], provider: OpenAI, policies: {{health: {text}}}}}
"""


def of_model(text: str) -> Health:
    return answering(plan(model(text)).models[0]).groups[0][0].health


def short(health: str = "", shared: str = "") -> Health:
    """Of a model that refers to a provider."""
    own, common = (f", health: {health}" if health else ""), (f"{{health: {shared}}}" if shared else "{}")
    loaded = plan(
        f"llm:\n  providers: [{{name: p, provider: openAI, params: {{apiKey: k}}, defaults: {common}}}]\n"
        f"  models: [{{name: m, provider: {{reference: p}}{own}}}]\n"
    )
    return answering(loaded.models[0]).groups[0][0].health


def of_shared(text: str) -> Health:
    return short(shared=text)


@pytest.mark.parametrize("place", [inline, of_provider, of_policy, of_model, short, of_shared])
@pytest.mark.parametrize(("text", "expected"), CASES)
def test_every_key_in_every_place(place: Callable[[str], Health], text: str, expected: Health) -> None:
    assert place(text) == expected


def test_the_short_form_knows_the_expression_by_its_other_name_too() -> None:
    assert short(f"{{unhealthyExpression: '{FAILED}'}}") == Health(unhealthy=FAILED)


@pytest.mark.parametrize(("text", "expected"), [("0.5", 0.5), ("0.0", 0.0), ("1.0", 1.0), ("1", 0.01), ("50", 0.5)])
def test_in_the_short_form_a_number_with_a_point_is_a_share(text: str, expected: float) -> None:
    assert short(f"{{eviction: {{healthThreshold: {text}}}}}") == Health(health_threshold=expected)
    assert short(f"{{eviction: {{restoreHealth: {text}}}}}") == Health(restore_health=expected)


# -- who wins ---------------------------------------------------------------------------------------------------------

THREE = "{eviction: {consecutiveFailures: 3}}"
OTHER = "{eviction: {duration: 9s}}"


def test_provider_over_backend_over_policy_and_whole() -> None:
    a = f"{{name: a, openai: {{}}, policies: {{health: {THREE}}}}}"
    groups = f"groups: [{{providers: [{a}, {{name: b, openai: {{}}}}]}}]"
    above = policy(f"{{{BE}, backend: {{health: {{eviction: {{duration: 7s}}}}}}}}")
    own = backend(f"{{ai: {{{groups}}}, policies: {{health: {OTHER}}}}}")
    found = targets(plan(own + route() + above))[0]
    assert [target.health for target in found] == [Health(consecutive_failures=3), Health(duration_s=9)]
    without = backend(f"{{ai: {{{groups}}}}}")
    found = targets(plan(without + route() + above))[0]
    assert [target.health for target in found] == [Health(consecutive_failures=3), Health(duration_s=7)]


def test_between_policies_of_one_backend_the_older_wins_whole() -> None:
    old = policy(f"{{{BE}, backend: {{health: {THREE}}}}}", "z", "2026-01-01T00:00:00Z")
    young = policy(f"{{{BE}, backend: {{health: {OTHER}}}}}", "a", "2026-01-02T00:00:00Z")
    assert targets(plan(BACKEND + route() + young + old))[0][0].health == Health(consecutive_failures=3)


def test_a_model_of_the_short_form_wins_over_the_provider_that_it_refers_to() -> None:
    assert short(THREE, OTHER) == Health(consecutive_failures=3)
    assert short("{}", OTHER) == Health()


def test_the_targets_of_a_fail_over_keep_their_own_health() -> None:
    loaded = plan(
        f"""llm:
  models:
    - {{name: a, provider: fake, health: {THREE}}}
    - {{name: b, provider: fake, health: {OTHER}}}
  virtualModels:
    - {{name: v, routing: {{failover: {{targets: [{{model: a, priority: 0}}, {{model: b, priority: 1}}]}}}}}}
"""
    )
    groups = answering(loaded.models[2]).groups
    assert [[target.health for target in group] for group in groups] == [
        [Health(consecutive_failures=3)],
        [Health(duration_s=9)],
    ]


# -- what is refused --------------------------------------------------------------------------------------------------

WRONG = [
    ("{eviction: {duration: 999ms}}", "eviction: `duration` is 1s at least"),
    ("{eviction: {duration: 3}}", "eviction.duration: expected a duration such as"),
    ("{eviction: {consecutiveFailures: -1}}", "eviction.consecutiveFailures: expected a whole number >= 0"),
    ("{eviction: {maxEjectionTime: 5s}}", "eviction.maxEjectionTime: unknown field"),
    ("{unhealthyCondition: 'response.code >'}", "unhealthyCondition: not a CEL expression"),
    ("{unhealthyCondition: request.path == '/'}", "unhealthyCondition: "),
    ("{unhealthyCondition: ''}", "unhealthyCondition: expected a string of length >= 1"),
]
LONG = [
    ("{eviction: {healthThreshold: 101}}", "eviction.healthThreshold: expected a whole number <= 100"),
    ("{eviction: {restoreHealth: -1}}", "eviction.restoreHealth: expected a whole number >= 0"),
    ("{eviction: {healthThreshold: 0.5}}", "eviction.healthThreshold: expected a whole number, not a number"),
    ("{unhealthyExpression: 'true'}", "unhealthyExpression: unknown field (did you mean `unhealthyCondition`?)"),
]
SHORT = [
    ("{eviction: {healthThreshold: 101}}", "eviction: `healthThreshold` is a percentage, 0 to 100, or a share"),
    ("{eviction: {restoreHealth: -1}}", "eviction: `restoreHealth` is a percentage, 0 to 100, or a share"),
    ("{eviction: {restoreHealth: 1.5}}", "eviction: `restoreHealth` is a percentage, 0 to 100, or a share"),
    ("{eviction: {restoreHealth: .nan}}", "eviction: `restoreHealth` is a percentage, 0 to 100, or a share"),
    ("{eviction: {healthThreshold: true}}", "eviction.healthThreshold: expected a whole number or a number, not"),
    ("{unhealthyExpression: 'response.code >'}", "unhealthyExpression: not a CEL expression"),
    ("{unhealthyExpression: 'true', unhealthyCondition: 'true'}", "`unhealthyCondition` and `unhealthyExpression` are"),
]


def at(path: str, words: str) -> str:
    return f"{path}.{words}" if words[0] != "`" else f"{path}: {words}"


PLACES = {
    "spec.policies.health": lambda text: backend(
        f"{{ai: {{provider: {{openai: {{}}}}}}, policies: {{health: {text}}}}}"
    ),
    "spec.ai.groups[0].providers[0].policies.health": lambda text: backend(
        f"{{ai: {{groups: [{{providers: [{{name: p, openai: {{}}, policies: {{health: {text}}}}}]}}]}}}}"
    ),
    "spec.backend.health": lambda text: policy(f"{{{BE}, backend: {{health: {text}}}}}"),
    "spec.policies.health (model)": lambda text: model(text),
}


@pytest.mark.parametrize(("text", "words"), [*WRONG, *LONG])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_wrong_in_manifests_is_told_with_its_place(place: str, text: str, words: str) -> None:
    (line,) = refusal(PLACES[place](text))
    assert line.startswith("a.yaml:5: " + at(place.partition(" ")[0], words))


@pytest.mark.parametrize(("text", "words"), [*WRONG, *SHORT])
def test_what_is_wrong_in_the_short_form_is_told_with_its_place(text: str, words: str) -> None:
    (line,) = refusal(
        f"llm:\n  models:\n  - {{name: m, provider: fake}}\n  - {{name: n, provider: fake, health: {text}}}\n"
    )
    assert line.startswith("a.yaml:4: " + at("llm.models[1].health", words))
    models = "models: [{name: m, provider: fake}]"
    (line,) = refusal(
        f"llm:\n  {models}\n  providers:\n  - {{name: p, provider: fake, defaults: {{health: {text}}}}}\n"
    )
    assert line.startswith("a.yaml:4: " + at("llm.providers[0].defaults.health", words))


@pytest.mark.parametrize(("kind", "name"), [("HTTPRoute", "r"), ("Gateway", "gw")])
def test_health_is_a_backends_and_no_routes(kind: str, name: str) -> None:
    refs = f"targetRefs: [{{group: gateway.networking.k8s.io, kind: {kind}, name: {name}}}]"
    (line,) = refusal(BACKEND + route() + policy(f"{{{refs}, backend: {{health: {{}}}}}}"))
    assert f"spec.backend.health: `backend.health` on a target of kind {kind} is not implemented" in line
    assert line.endswith("(it may target an AgentgatewayBackend)")


def test_a_static_backend_has_no_health() -> None:
    static = backend("{static: {host: h, port: 1}, policies: {health: {}}}")
    (line,) = refusal(static + route())
    assert "spec.policies.health: `health on a static backend` is not implemented" in line


def test_a_policy_without_a_backend_is_checked_too() -> None:
    (line,) = refusal(policy(f"{{{BE}, backend: {{health: {{unhealthyCondition: 'x +'}}}}}}"))
    assert "spec.backend.health.unhealthyCondition: not a CEL expression" in line
