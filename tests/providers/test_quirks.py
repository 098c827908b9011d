"""providers/quirks: bodies and names that a vendor wants otherwise."""

import msgspec
import pytest

from sluice.providers.quirks import MODEL_NAMES, QUIRKS

BODY = {"model": msgspec.Raw(b'"claude-x"'), "stream": msgspec.Raw(b"true"), "max_tokens": msgspec.Raw(b"1")}


def test_claude_on_vertex_has_its_version_in_the_body_and_its_model_elsewhere() -> None:
    found = QUIRKS["vertex_messages"](BODY, {"model": "claude-x"})
    assert msgspec.json.encode(found) == b'{"anthropic_version":"vertex-2023-10-16","stream":true,"max_tokens":1}'
    assert "model" in BODY


def test_a_version_that_a_client_of_vertex_sent_stays() -> None:
    own = msgspec.Raw(b'"vertex-2030-01-01"')
    assert QUIRKS["vertex_messages"]({"anthropic_version": own}, {}) == {"anthropic_version": own}


def test_the_operators_guardrail_replaces_the_clients() -> None:
    client = {"guardrailConfig": msgspec.Raw(b'{"guardrailIdentifier":"lax"}'), "messages": msgspec.Raw(b"[]")}
    found = QUIRKS["bedrock_guardrail"](client, {"guardrail": 'g"1', "guardrail_version": "DRAFT", "model": "m"})
    assert msgspec.json.decode(msgspec.json.encode(found)) == {
        "guardrailConfig": {"guardrailIdentifier": 'g"1', "guardrailVersion": "DRAFT"},
        "messages": [],
    }
    assert client["guardrailConfig"] == msgspec.Raw(b'{"guardrailIdentifier":"lax"}')


def test_without_a_guardrail_nothing_changes() -> None:
    assert QUIRKS["bedrock_guardrail"](BODY, {"model": "m"}) is BODY


@pytest.mark.parametrize(
    ("rule", "model", "expected"),
    [
        ("google", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google", "publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google", "gemini-2.5-pro", "gemini-2.5-pro"),
        ("tuned", "tunedModels/mine", "mine"),
        ("vertex_anthropic", "claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet-v2@20241022"),
        ("vertex_anthropic", "publishers/anthropic/models/claude-opus-4-20250514", "claude-opus-4@20250514"),
        ("vertex_anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("vertex_anthropic", "claude-x-123456789", "claude-x-123456789"),
    ],
)
def test_names_in_paths(rule: str, model: str, expected: str) -> None:
    assert MODEL_NAMES[rule](model) == expected
