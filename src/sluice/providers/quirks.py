"""What is special about a provider's bodies and names, each under the name that a row refers to it by.

A quirk takes the top-level members of a body, raw, and the target's variables (`model` among them), and returns the
members changed; it never changes what it was given. Sources: docs.cloud.google.com/vertex-ai/generative-ai/docs/
partner-models/claude/use-claude and docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, read
2026-11-21.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

Members = dict[str, msgspec.Raw]
Quirk = Callable[[Members, Mapping[str, str]], Members]

VERTEX_VERSION = msgspec.Raw(b'"vertex-2023-10-16"')
"""The one version of Messages that Vertex knows."""

_DATE = re.compile(r"-([0-9]{8})$")


def _vertex_messages(members: Members, variables: Mapping[str, str]) -> Members:
    """The model is in the path and refused in the body; the version is in the body and not in a header."""
    kept = {name: value for name, value in members.items() if name != "model"}
    return {"anthropic_version": VERTEX_VERSION, **kept}


def _vertex_count(members: Members, variables: Mapping[str, str]) -> Members:
    """A count names the model in the body: its path is the same for all of them."""
    model = msgspec.Raw(msgspec.json.encode(_vertex_anthropic(variables.get("model", ""))))
    return {"anthropic_version": VERTEX_VERSION, **members, "model": model}


def _bedrock_guardrail(members: Members, variables: Mapping[str, str]) -> Members:
    """The operator's guardrail replaces the client's: a client must not be able to choose a laxer one."""
    identifier, version = variables.get("guardrail", ""), variables.get("guardrail_version", "")
    if not identifier:
        return members
    config = msgspec.json.encode({"guardrailIdentifier": identifier, "guardrailVersion": version})
    return {**members, "guardrailConfig": msgspec.Raw(config)}


QUIRKS: Mapping[str, Quirk] = {
    "vertex_messages": _vertex_messages,
    "vertex_count": _vertex_count,
    "bedrock_guardrail": _bedrock_guardrail,
}


def _google(model: str) -> str:
    """Clients write `models/gemini-2.5-pro` (google-genai) and `google/gemini-2.5-pro` (Vertex's chat API)."""
    for prefix in ("publishers/google/models/", "google/", "models/"):
        model = model.removeprefix(prefix)
    return model


def _vertex_anthropic(model: str) -> str:
    """`claude-sonnet-4-5-20250929` is `claude-sonnet-4-5@20250929` there."""
    for prefix in ("publishers/anthropic/models/", "anthropic/"):
        model = model.removeprefix(prefix)
    return _DATE.sub(r"@\1", model)


def _bedrock_base(model: str) -> str:
    """`us.anthropic.claude-...`, a profile that spreads over regions, is `anthropic.claude-...` where it serves."""
    return f"anthropic.{model.partition('anthropic.')[2]}" if "anthropic." in model else model


def _tuned(model: str) -> str:
    return model.removeprefix("tunedModels/")


MODEL_NAMES: Mapping[str, Callable[[str], str]] = {
    "google": _google,
    "tuned": _tuned,
    "vertex_anthropic": _vertex_anthropic,
    "bedrock_base": _bedrock_base,
}
"""What a model is called in a path."""
