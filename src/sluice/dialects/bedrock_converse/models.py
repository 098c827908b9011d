"""What the models behind Bedrock want to be told each in its own way. Told by name alone: the API does not say.

Sources, read 2026-11-21: docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html and
claude-messages-adaptive-thinking.html; docs.aws.amazon.com/nova/latest/nova2-userguide/core-inference.html;
docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html.
"""

import re
from typing import Literal

from sluice.chat.conversation import BUDGETS, Conversation, Effort, Thinking, budget_of, effort_of

Family = Literal["claude", "nova", "nova2", "gpt-oss", "hidden", "other"]
"""`hidden`: an ARN of the operator's own that does not say what is behind it; it is taken for a Claude."""

LEAST_BUDGET = 1024
"""Tokens; Claude refuses to think with less."""

_OWN_ARN = re.compile(
    r"^arn:[^/]*:(?:application-inference-profile|provisioned-model|custom-model(?:-deployment)?|imported-model|prompt"
    r"|prompt-router|default-prompt-router|endpoint)/"
)
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?!\d)(?:-(\d{1,2})(?!\d))?")
_ALWAYS_ADAPTIVE = re.compile(r"claude-(?:mythos|fable)")
_FIRST_THINKING, _BOTH_WAYS = (3, 7), (4, 6)
"""Claude thinks since 3.7. Of 4.6 one may ask adaptive thinking and a budget, before only the one, later the other."""

_NOVA_EFFORT: dict[Effort, str] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}
_CLAUDE_EFFORT: dict[Effort, str] = {**_NOVA_EFFORT, "xhigh": "xhigh"}


def family(model: str) -> Family:
    if "claude" in model:
        return "claude"
    if "nova-2" in model:
        return "nova2"
    if "amazon.nova" in model:
        return "nova"
    if "gpt-oss" in model:
        return "gpt-oss"
    return "hidden" if _OWN_ARN.match(model) else "other"


def _version(model: str) -> tuple[int, int] | None:
    """Of a Claude: (4, 6) for `anthropic.claude-opus-4-6-v1`. None = its name does not say."""
    if _ALWAYS_ADAPTIVE.search(model):
        return (5, 0)
    match = _VERSION.search(model)
    return (int(match[1]), int(match[2] or 0)) if match else None


def extras(conversation: Conversation, model: str) -> tuple[dict[str, object], str]:
    """Return `additionalModelRequestFields`, and the effort for `outputConfig` (empty = not said)."""
    kind = family(model)
    fields: dict[str, object] = {}
    if conversation.top_k is not None:
        if kind in ("claude", "hidden"):
            fields["top_k"] = conversation.top_k
        elif kind in ("nova", "nova2"):
            fields["inferenceConfig"] = {"topK": conversation.top_k}
    thinking = conversation.thinking
    effort = ""
    if thinking is not None and not thinking.off:
        if kind in ("claude", "hidden"):
            wish, effort = _claude(thinking, _version(model), conversation.max_tokens)
            if wish:
                fields["thinking"] = wish
        elif kind == "nova2":
            word = _NOVA_EFFORT.get(effort_of(thinking) or "medium", "low")
            fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": word}
        elif kind == "gpt-oss" and (asked := effort_of(thinking)) is not None:
            fields["reasoning_effort"] = _NOVA_EFFORT.get(asked, "low")
    return fields, effort


def _claude(
    thinking: Thinking, version: tuple[int, int] | None, max_tokens: int | None
) -> tuple[dict[str, object], str]:
    """The member `thinking`, empty if the model cannot, and the effort. An unknown version is asked as the client
    asks."""
    if version is not None and version < _FIRST_THINKING:
        return {}, ""
    by_budget = thinking.budget_tokens is not None and not thinking.adaptive
    newer = version is not None and version >= _BOTH_WAYS
    shown: dict[str, object] = {"display": "summarized"} if thinking.show and newer else {}
    if (version or _BOTH_WAYS) > _BOTH_WAYS or (newer and not by_budget) or (version is None and thinking.adaptive):
        asked = effort_of(thinking)
        return {"type": "adaptive"} | shown, _CLAUDE_EFFORT.get(asked, "low") if asked else ""
    if by_budget:
        return {"type": "enabled", "budget_tokens": thinking.budget_tokens} | shown, ""
    budget = budget_of(thinking) or BUDGETS["medium"]
    if max_tokens is not None:
        budget = min(budget, max_tokens - 1)  # a budget that we chose must leave room for an answer
    return ({"type": "enabled", "budget_tokens": budget}, "") if budget >= LEAST_BUDGET else ({}, "")


def caches(model: str, *, tools: bool = False) -> bool:
    """Whether the model takes cache marks, among its tools if `tools`."""
    kind = family(model)
    return kind in ("claude", "hidden") or (kind in ("nova", "nova2") and not tools)
