"""What the models behind Bedrock want to be told each in its own way. Told by name alone: the API does not say.

Sources, read 2026-11-21: docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html and
claude-messages-adaptive-thinking.html; docs.aws.amazon.com/nova/latest/nova2-userguide/core-inference.html;
docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html.
"""

import re
from typing import Literal

from sluice.chat.conversation import Conversation, Effort, effort_of
from sluice.dialects import claude
from sluice.dialects.bedrock_converse.schema import MODULE_ID

Family = Literal["claude", "nova", "nova2", "gpt-oss", "hidden", "other"]
"""`hidden`: an ARN of the operator's own that does not say what is behind it; it is taken for a Claude."""

_OWN_ARN = re.compile(
    r"^arn:[^/]*:(?:application-inference-profile|provisioned-model|custom-model(?:-deployment)?|imported-model|prompt"
    r"|prompt-router|default-prompt-router|endpoint)/"
)
_API = claude.Api(origin=MODULE_ID, words_from=(4, 6), unknown=(4, 6))
"""An unknown version is asked as the client asks."""

_NOVA_EFFORT: dict[Effort, str] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}


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


def thinking(conversation: Conversation, model: str) -> claude.Plan:
    """Return what a Claude is told; other models have `extras` of their own."""
    if family(model) not in ("claude", "hidden"):
        return claude.Plan()
    plan, known = claude.plan(conversation, model, _API), claude.generation(model)
    asked = conversation.thinking
    if plan.config is None or (not plan.on and known is None):
        return claude.Plan(effort=plan.effort)  # what is behind an ARN may not know the word `disabled`
    shown = plan.on and asked is not None and asked.show and known is not None and known >= claude.ADAPTIVE_KNOWN
    config = plan.config | ({"display": "summarized"} if shown else {})
    return claude.Plan(config, plan.effort, plan.budget_tokens)


def sampling(conversation: Conversation, model: str, plan: claude.Plan) -> claude.Sampling:
    """Return the numbers that the model takes; `temperature` ends at 1 for all of them."""
    if family(model) in ("claude", "hidden"):
        return claude.sampling(conversation, model, plan)
    temperature = None if conversation.temperature is None else min(conversation.temperature, 1.0)
    return claude.Sampling(temperature, conversation.top_p, conversation.top_k)


def extras(conversation: Conversation, model: str, plan: claude.Plan, top_k: int | None) -> dict[str, object]:
    """Return `additionalModelRequestFields`."""
    kind = family(model)
    fields: dict[str, object] = {}
    if top_k is not None:
        if kind in ("claude", "hidden"):
            fields["top_k"] = top_k
        elif kind in ("nova", "nova2"):
            fields["inferenceConfig"] = {"topK": top_k}
    if plan.config is not None:
        fields["thinking"] = plan.config
    asked = conversation.thinking
    if asked is not None and not asked.off:
        if kind == "nova2":
            word = _NOVA_EFFORT.get(effort_of(asked) or "medium", "low")
            fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": word}
        elif kind == "gpt-oss" and (effort := effort_of(asked)) is not None:
            fields["reasoning_effort"] = _NOVA_EFFORT.get(effort, "low")
    return fields


def caches(model: str, *, tools: bool = False) -> bool:
    """Whether the model takes cache marks, among its tools if `tools`."""
    kind = family(model)
    return kind in ("claude", "hidden") or (kind in ("nova", "nova2") and not tools)
