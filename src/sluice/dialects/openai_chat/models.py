"""What families of models want said differently in one and the same API. By the name alone: it is all a request has.

A name may carry a vendor before it (`openai/gpt-5`, `accounts/fireworks/models/kimi-k2`) and is compared without case.
Sources: developers.openai.com/api/docs/guides/reasoning (`max_tokens` is refused; which words for effort),
api-docs.deepseek.com/guides/thinking_mode (`reasoning_content` must come back with tool calls),
openrouter.ai/docs/features/prompt-caching; read 2026-11-21.
"""

import re

_OWN = re.compile(r"(o[1-9]|gpt-(?!oss)|chatgpt-|codex-|computer-use-)")
_REASONING = re.compile(r"(o[1-9]|gpt-([5-9]|[1-9][0-9])|codex-)")
_LEAST_EFFORT = (
    (re.compile(r"gpt-.*(?:codex|chat|pro)|codex-|o1-(?:mini|preview)|o3-pro"), ""),
    (re.compile(r"gpt-(?:5\.[1-9]|[6-9]|[1-9][0-9])"), "none"),
    (re.compile(r"gpt-5(?:-|$)"), "minimal"),
    (re.compile(r"o[1-9]"), "low"),
)
"""The first row that fits. Models of the first take few words or none, and differ in which."""
_WANTS_REASONING = ("deepseek", "glm", "kimi", "minimax", "qwen", "qwq")


def _bare(model: str) -> str:
    return model.lower().rpartition("/")[2]


def is_openai(model: str) -> bool:
    """Whether it is one of OpenAI's own, served by its API: `gpt-oss` is not."""
    return _OWN.match(_bare(model)) is not None


def bounds_completion(model: str) -> bool:
    """Whether it takes `max_completion_tokens` and refuses `max_tokens`: o1, o3, o4, gpt-5 and later."""
    return _REASONING.match(_bare(model)) is not None


def least_effort(model: str) -> str:
    """The word that comes nearest to no reasoning; empty = none that the model is known to take."""
    return next((word for name, word in _LEAST_EFFORT if name.match(_bare(model))), "")


def wants_reasoning(model: str) -> bool:
    """Whether it wants its `reasoning_content` back. Others refuse that member, or ignore it."""
    return any(family in _bare(model) for family in _WANTS_REASONING)


def takes_cache_marks(model: str) -> bool:
    return "claude" in model.lower()
