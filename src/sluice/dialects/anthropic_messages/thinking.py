"""How much to reason, in this API's currencies, and what it forbids beside reasoning.

Sources: platform.claude.com/docs/en/build-with-claude/extended-thinking and /adaptive-thinking and the official
client's `types/thinking_config_*_param.py`, read 2026-11-21. Budgets for words: labs C4.
"""

import re

import msgspec

from sluice.chat.content import Message, ToolResult, ToolUse
from sluice.chat.conversation import BUDGETS, Conversation, Thinking, budget_of, effort_of
from sluice.chat.seal import Reasoning
from sluice.dialects.anthropic_messages.schema import MODULE_ID

MIN_BUDGET = 1024
"""Tokens: the API refuses less."""
_VERSION = re.compile(r"claude-(?:opus|sonnet|haiku|fable|mythos)-(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")
_ADAPTIVE_KNOWN = (4, 6)
"""From this generation on models know `adaptive`."""
_ADAPTIVE_ONLY = (4, 7)
"""From this generation on they know nothing else: a budget is a 400."""


class Plan(msgspec.Struct, frozen=True):
    """What is sent. `config` None = `thinking` is not sent at all."""

    config: dict[str, object] | None = None
    effort: str | None = None
    budget_tokens: int = 0
    """What reasoning may take of the output."""

    @property
    def on(self) -> bool:
        return self.config is not None and self.config["type"] != "disabled"


def plan(asked: Conversation, model: str) -> Plan:
    """Decide what this model is told. Pure; the rules stand in `facts.CARRIES`."""
    thinking = asked.thinking
    if thinking is None:
        return Plan()
    if thinking.off:
        return Plan({"type": "disabled"})
    if asked.tool_choice is not None and asked.tool_choice.mode in ("required", "named") and asked.tools:
        return Plan()
    generation = _generation(model)
    told = thinking.adaptive or effort_of(thinking) is not None
    if not told:
        return Plan()
    if generation >= _ADAPTIVE_ONLY or (thinking.adaptive and generation >= _ADAPTIVE_KNOWN):
        word = effort_of(thinking)
        budget = budget_of(thinking) or BUDGETS["medium"]  # a share of the output's bound, where we give that
        return Plan({"type": "adaptive"} | _display(thinking), _EFFORT.get(word or ""), budget)
    return _budgeted(asked, thinking)


_EFFORT = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh"}


def _generation(model: str) -> tuple[int, int]:
    """The generation of a model by its name; an unknown name is an old one, which knows budgets: all the API's
    imitators do."""
    match = _VERSION.search(model)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


def _display(thinking: Thinking) -> dict[str, object]:
    return {} if thinking.show is None else {"display": "summarized" if thinking.show else "omitted"}


def _budgeted(asked: Conversation, thinking: Thinking) -> Plan:
    if _loop_without_reasoning(asked.messages):
        return Plan()
    budget = max(MIN_BUDGET, budget_of(thinking) or BUDGETS["medium"])
    if asked.max_tokens is not None and budget >= asked.max_tokens:
        if asked.max_tokens <= MIN_BUDGET:
            return Plan()
        budget = max(MIN_BUDGET, asked.max_tokens // 2)  # the other half is for the answer
    config: dict[str, object] = {"type": "enabled", "budget_tokens": budget}
    return Plan(config | _display(thinking), None, budget)


def _loop_without_reasoning(messages: tuple[Message, ...]) -> bool:
    """Whether the history ends within a tool loop that did not begin with reasoning of Anthropic's own: with a budget
    the API refuses to go on with it."""
    loop: list[Message] = []
    for message in reversed(messages):
        if message.role == "assistant":
            loop.append(message)
        elif message.role == "user" and any(not isinstance(part, ToolResult) for part in message.parts):
            break
    called = any(isinstance(part, ToolUse) for message in loop for part in message.parts)
    return called and not any(isinstance(part, Reasoning) and _own(part) for part in loop[-1].parts)


def _own(part: Reasoning) -> bool:
    return part.seal is not None and part.seal.origin == MODULE_ID
