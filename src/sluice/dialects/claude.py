"""What a Claude model takes of reasoning and of sampling, whichever API it stands behind: Messages and Converse.

The vendor answers 400 to many combinations, and which ones depends on the model, known by its name alone; so what is
forbidden is left out here, once. Sources, read 2026-11-21: platform.claude.com/docs/en/build-with-claude/
extended-thinking and /adaptive-thinking, and the migration guides under /docs/en/models (opus-4-7: no sampling and no
budgets; opus-5-5, sonnet-5-5, fable: reasoning cannot be switched off). Budgets for words: labs C4.
"""

import re
from collections.abc import Sequence

import msgspec

from sluice.chat.content import Message, Part, ToolResult, ToolUse
from sluice.chat.conversation import BUDGETS, Conversation, Thinking, budget_of, effort_of
from sluice.chat.seal import Reasoning

Generation = tuple[int, int]

MIN_BUDGET = 1024
"""Tokens: the API refuses less."""
MIN_TOP_P = 0.95
"""Least `top_p` that the API allows beside reasoning."""
ADAPTIVE_KNOWN: Generation = (4, 6)
"""From this generation on models know `adaptive`."""

_VERSION = re.compile(r"claude-(?:[a-z]+-)?v?(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")
_NEWEST = re.compile(r"claude-(?:mythos|fable)")
_ALWAYS_ON = re.compile(r"claude-(?:mythos|fable|(?:opus|sonnet)-5[-.]5)")
"""Models that reason whatever they are told: `disabled` is a 400."""
_THINKS: Generation = (3, 7)
_ONE_SAMPLER: Generation = (4, 0)
"""From this generation on `temperature` and `top_p` are not to be sent together."""
_NO_SAMPLER: Generation = (4, 7)
"""From this generation on any of `temperature`, `top_p` and `top_k` is a 400."""
_ADAPTIVE_ONLY: Generation = (4, 7)
"""From this generation on a budget is a 400."""
_XHIGH: Generation = (4, 7)
_EFFORT = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh"}


class Api(msgspec.Struct, frozen=True):
    """How one API speaks to the models behind it."""

    origin: str
    """Whose seals it takes back: those of another are no proof here, though the same model signed them."""
    words_from: Generation
    """From this generation on an effort is said as a word; before, as a budget."""
    unknown: Generation
    """What a model is taken for whose name does not say."""


class Plan(msgspec.Struct, frozen=True):
    """What is sent. `config` None = `thinking` is not sent at all."""

    config: dict[str, object] | None = None
    effort: str | None = None
    budget_tokens: int = 0
    """What reasoning may take of the output."""

    @property
    def on(self) -> bool:
        return self.config is not None and self.config["type"] != "disabled"


class Sampling(msgspec.Struct, frozen=True):
    """What is sent of it; None = not sent."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None


def generation(model: str) -> Generation | None:
    """Return (4, 6) for `us.anthropic.claude-opus-4-6-v1`; None = the name does not say."""
    match = _VERSION.search(model)
    if match is not None:
        return int(match[1]), int(match[2] or 0)
    return (5, 0) if _NEWEST.search(model) else None


def plan(asked: Conversation, model: str, api: Api) -> Plan:
    """Decide what the model is told of reasoning: always something that this model and this history allow."""
    thinking, known = asked.thinking, generation(model)
    if thinking is None or (known is not None and known < _THINKS):
        return Plan()
    if thinking.off:
        return Plan(effort="low") if _ALWAYS_ON.search(model) else Plan({"type": "disabled"})
    if asked.tool_choice is not None and asked.tool_choice.mode in ("required", "named") and asked.tools:
        return Plan()
    if not thinking.adaptive and effort_of(thinking) is None:
        return Plan()
    if _adaptive(thinking, known, api):
        word = _EFFORT.get(effort_of(thinking) or "")
        if word == "xhigh" and (known or api.unknown) < _XHIGH:
            word = "high"
        budget = budget_of(thinking) or BUDGETS["medium"]  # a share of the output's bound, where we give that
        return Plan({"type": "adaptive"}, word, budget)
    return _budgeted(asked, thinking, api)


def _adaptive(thinking: Thinking, known: Generation | None, api: Api) -> bool:
    """Whether the model decides how much, by an effort at most."""
    if known is not None and known >= _ADAPTIVE_ONLY:
        return True
    if thinking.adaptive:
        return (known or api.unknown) >= ADAPTIVE_KNOWN
    return known is not None and known >= api.words_from and thinking.budget_tokens is None


def _budgeted(asked: Conversation, thinking: Thinking, api: Api) -> Plan:
    if _loop_without_reasoning(asked.messages, api.origin):
        return Plan()
    budget = max(MIN_BUDGET, budget_of(thinking) or BUDGETS["medium"])
    if asked.max_tokens is not None and budget >= asked.max_tokens:
        if asked.max_tokens <= MIN_BUDGET:
            return Plan()
        budget = max(MIN_BUDGET, asked.max_tokens // 2)  # the other half is for the answer
    return Plan({"type": "enabled", "budget_tokens": budget}, None, budget)


def _loop_without_reasoning(messages: tuple[Message, ...], origin: str) -> bool:
    """Whether the history ends within a tool loop that did not begin with reasoning of this API's own: with a budget
    it refuses to go on with it ("Expected `thinking`"). So a loop that fails over from one API to another reasons
    again from its next question on."""
    loop: list[Message] = []
    for message in reversed(messages):
        if message.role == "assistant":
            loop.append(message)
        elif message.role == "user" and any(not isinstance(part, ToolResult) for part in message.parts):
            break
    called = any(isinstance(part, ToolUse) for message in loop for part in message.parts)
    return called and not any(is_proof(part) and _from(part, origin) for part in loop[-1].parts)


def _from(part: Part, origin: str) -> bool:
    return isinstance(part, Reasoning) and part.seal is not None and part.seal.origin == origin


def is_proof(part: Part) -> bool:
    """Whether it becomes a block of reasoning, if it is the API's own."""
    return isinstance(part, Reasoning) and part.seal is not None and part.seal.kind in ("reasoning", "redacted")


def reasoning_first(parts: Sequence[Part]) -> list[Part]:
    """Let a turn begin with its reasoning, as the model wrote it. A client of a dialect that keeps the proof in a tool
    call's id gives it back behind the text."""
    at = next((i for i, part in enumerate(parts) if is_proof(part)), 0)
    end = at
    while end < len(parts) and is_proof(parts[end]):
        end += 1
    return [*parts[at:end], *parts[:at], *parts[end:]]


def sampling(asked: Conversation, model: str, thinking: Plan) -> Sampling:
    """Decide which of the client's numbers are sent. `temperature` goes before `top_p`."""
    known = generation(model)
    if known is not None and known >= _NO_SAMPLER:
        return Sampling()
    if thinking.on:
        return Sampling(top_p=asked.top_p if asked.top_p is not None and asked.top_p >= MIN_TOP_P else None)
    temperature = None if asked.temperature is None else min(asked.temperature, 1.0)
    alone = temperature is not None and known is not None and known >= _ONE_SAMPLER
    return Sampling(temperature, None if alone else asked.top_p, asked.top_k)
