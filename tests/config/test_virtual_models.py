"""AgentgatewayModel: models that stand for others."""

import pytest

from sluice.config.routing import model_route

from .loading import answering
from .model_texts import CONCRETE, GATEWAY, condition, found, model, models, plan, virtual


def test_weighted() -> None:
    targets = "{modelRef: {name: oai}, model: openai/a, weight: 60}, {modelRef: {name: ant}}"
    loaded = plan(*CONCRETE, virtual(f"{{weighted: {{targets: [{targets}]}}}}", "fast"))
    answer = found(loaded, "fast")
    assert answer.public
    parts = [(item.backend.name, item.weight, models(item.backend)) for item in answer.alternatives]
    assert parts == [("default/oai", 60, [["openai/a"]]), ("default/ant", 1, [["claude"]])]
    assert condition(loaded, "fast", "ResolvedRefs").status


def test_failover() -> None:
    targets = ", ".join(
        f"{{modelRef: {{name: {name}}}, model: {asked}, priority: {priority}}}"
        for name, asked, priority in [("ant", "claude", 1), ("oai", "openai/a", 0), ("oai", "openai/b", 1)]
    )
    answer = found(plan(*CONCRETE, virtual(f"{{failover: {{targets: [{targets}]}}}}")), "v")
    assert answer.alternatives == ()
    assert models(answer.backend) == [["openai/a"], ["claude", "openai/b"]]
    assert answering(answer).name == "default/v"


def test_conditional() -> None:
    when = 'request.headers["x-tier"] == "premium"'
    targets = f"{{modelRef: {{name: ant}}, when: '{when}'}}, {{modelRef: {{name: oai}}, model: openai/a}}"
    answer = found(plan(*CONCRETE, virtual(f"{{conditional: {{targets: [{targets}]}}}}")), "v")
    assert [(item.backend.name, item.when) for item in answer.alternatives] == [
        ("default/ant", when),
        ("default/oai", ""),
    ]


@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("nope", "BackendNotFound", "AgentgatewayModel default/nope not found"),
        ("v", "InvalidKind", "AgentgatewayModel default/v is virtual itself"),
        ("broken", "BackendNotFound", "AgentgatewayModel default/broken cannot be used"),
    ],
)
def test_a_target_that_is_missing_is_left_out_and_reported(name: str, reason: str, message: str) -> None:
    broken = model("provider: OpenAI, policies: {auth: {secretRef: {name: nope}}}", "broken")
    targets = f"{{modelRef: {{name: {name}}}, priority: 0}}, {{modelRef: {{name: ant}}, priority: 1}}"
    loaded = plan(*CONCRETE, broken, virtual(f"{{failover: {{targets: [{targets}]}}}}"))
    assert models(found(loaded, "v").backend) == [["claude"]]
    unresolved = condition(loaded, "v", "ResolvedRefs")
    assert (unresolved.status, unresolved.reason, unresolved.message) == (False, reason, message)
    alone = plan(*CONCRETE, broken, virtual(f"{{weighted: {{targets: [{{modelRef: {{name: {name}}}}}]}}}}"))
    assert model_route(alone, "v") is None
    assert any(f"AgentgatewayModel default/v is not served: {message}" in note for note in alone.notes)


def test_a_secret_that_is_missing_is_reported_and_the_model_is_not_served() -> None:
    loaded = plan(GATEWAY, model("provider: OpenAI, policies: {auth: {secretRef: {name: nope}}}"))
    assert loaded.models == ()
    unresolved = condition(loaded, "m", "ResolvedRefs")
    assert (unresolved.status, unresolved.reason) == (False, "SecretNotFound")
    assert condition(loaded, "m", "Accepted").status


def test_the_fake_provider_is_started_for_models_too() -> None:
    assert plan(GATEWAY, model("provider: Fake")).needs_fake
    assert not plan(GATEWAY, model("provider: OpenAI")).needs_fake
