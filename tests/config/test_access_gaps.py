"""Rules about somebody whom nobody asks who they are are noted when a configuration is loaded."""

import pytest

from sluice.config.access_gaps import asks_for_keys, unproven
from sluice.config.plan import Plan
from tests.config.loading import plan


def short(policies: str, model: str = "{name: m, provider: openAI}") -> Plan:
    return plan(f"llm:\n  policies: {policies}\n  models:\n  - {model}", env={"OPENAI_API_KEY": "sk-1"})


def rule(text: str) -> str:
    return f"authorization: {{rules: ['{text}']}}"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('jwt.team == "a"', "jwt"),
        ('basicAuth.username == "a"', "basicAuth"),
        ('apiKey.key_id == "a"', "apiKey"),
        ('extauthz.x == "a"', "extauthz"),
    ],
)
def test_a_rule_about_what_no_policy_finds_out_is_noted(text: str, name: str) -> None:
    for found in (short(f"{{{rule(text)}}}"), short("{}", f"{{name: m, provider: openAI, {rule(text)}}}")):
        notes = unproven(found)
        assert notes
        assert all(f"look at `{name}`, and no" in note for note in notes)
    keys = f"{{apiKey: {{keys: [{{key: sk-a}}]}}, {rule(text)}}}"
    assert bool(unproven(short(keys))) is (name != "apiKey")


@pytest.mark.parametrize("limit", ["requests: 5, unit: Hours", "concurrency: 5"])
def test_a_limit_for_each_of_those_whom_nobody_asks_who_they_are_is_noted(limit: str) -> None:
    """All of them share one bucket; with a policy that asks, each has its own."""
    limits = f"localRateLimit: [{{{limit}, key: apiKey.key_id}}]"
    assert any(
        "are kept by `apiKey`, and nothing asks for an API key" in note for note in unproven(short(f"{{{limits}}}"))
    )
    assert unproven(short(f"{{apiKey: {{keys: [{{key: sk-a}}]}}, {limits}}}")) == ()


def test_a_word_in_a_text_is_no_rule_about_somebody() -> None:
    assert unproven(short(f'{{{rule("""request.headers["x"] == "jwt" && request.path != "apiKey.x" """)}}}')) == ()


def test_whether_a_route_asks_for_keys_is_known() -> None:
    assert asks_for_keys(short("{apiKey: {keys: []}}"))
    assert not asks_for_keys(short("{}"))
