"""How much to reason, and what of sampling is sent: what Claude allows, in this API's own words.

Sources: platform.claude.com/docs/en/build-with-claude/extended-thinking and /adaptive-thinking and the official
client's `types/thinking_config_*_param.py`, read 2026-11-21.
"""

from sluice.chat.conversation import Conversation
from sluice.dialects import claude
from sluice.dialects.anthropic_messages.schema import MODULE_ID
from sluice.dialects.claude import Plan

_API = claude.Api(origin=MODULE_ID, words_from=(4, 7), unknown=(3, 7))
"""An unknown name is an old model, which knows budgets: all the API's imitators do."""


def plan(asked: Conversation, model: str) -> Plan:
    """Decide what this model is told. Pure; the rules stand in `facts.CARRIES`."""
    decided = claude.plan(asked, model, _API)
    if asked.thinking is None or asked.thinking.show is None or decided.config is None or not decided.on:
        return decided
    display = "summarized" if asked.thinking.show else "omitted"
    return Plan(decided.config | {"display": display}, decided.effort, decided.budget_tokens)


def sampling(asked: Conversation, model: str, thinking: Plan) -> dict[str, object]:
    """Return the members of the body, which have the vocabulary's names."""
    decided = claude.sampling(asked, model, thinking)
    said = {"temperature": decided.temperature, "top_p": decided.top_p, "top_k": decided.top_k}
    return {name: value for name, value in said.items() if value is not None}
