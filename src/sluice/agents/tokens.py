"""How many tokens a text is, about, and what fits into a model. Estimates: the provider's own count comes as usage.

Two estimators, and the larger of them counts: words x 1.3 fits prose, characters / 4 fits code and text without spaces.
Limits by the longest prefix of the model's name; a model that is not known has DEFAULT_LIMIT. agents.md A9. Sources of
the limits: the vendors' model pages, read 2026-11-21.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from sluice.runs.messages import FilePart, Message, ReasoningPart, TextPart, ToolCallPart, ToolResultPart

WORDS = 1.3
"""Tokens of a word."""
CHARACTERS = 4
"""Characters of a token."""
PER_MESSAGE = 4
"""Tokens around each message: role and separators."""
PER_FILE = 1000
"""Tokens of an image or a file: their size says little about it."""
DEFAULT_LIMIT = 4096
LIMITS: Mapping[str, int] = {
    "gpt-3.5-turbo": 16_385,
    "gpt-3.5-turbo-instruct": 4_096,
    "gpt-4": 8_192,
    "gpt-4-32k": 32_768,
    "gpt-4-turbo": 128_000,
    "gpt-4o": 128_000,
    "gpt-4.1": 1_047_576,
    "gpt-5": 400_000,
    "o1": 200_000,
    "o3": 200_000,
    "o4-mini": 200_000,
    "claude-": 200_000,
    "claude-2": 100_000,
    "gemini-": 1_048_576,
    "gemini-pro": 32_760,
    "gemini-1.0": 32_760,
    "mistral-": 128_000,
    "deepseek-": 128_000,
    "llama-3": 128_000,
}
"""Prefix of a model's name -> tokens of prompt and answer together."""
Count = Callable[[str], int]


def count_tokens(text: str) -> int:
    """Return about how many tokens a text is; 0 for none."""
    if not text:
        return 0
    return max(math.ceil(len(text.split()) * WORDS), math.ceil(len(text) / CHARACTERS))


def count_messages(messages: Iterable[Message], count: Count = count_tokens) -> int:
    """Return about how many tokens messages are. `count`: a tokenizer's, if there is one."""
    return sum(_count(message, count) for message in messages)


def token_limit(model: str) -> int:
    """Return how many tokens a model takes, prompt and answer together. A vendor before the name is left out."""
    name = model.lower().rpartition("/")[2]
    fits = [prefix for prefix in LIMITS if name.startswith(prefix)]
    return LIMITS[max(fits, key=len)] if fits else DEFAULT_LIMIT


def truncate(messages: Sequence[Message], max_tokens: int, count: Count = count_tokens) -> list[Message]:
    """Return the messages that fit: every system message, and of the others the newest, in their order. A tool's result
    is never kept without the message that called the tool."""
    left = max_tokens - sum(_count(message, count) for message in messages if message.role == "system")
    kept: set[int] = set()
    place = len(messages)
    while place > 0:
        begin = _group(messages, place)
        if messages[begin].role != "system":
            left -= sum(_count(messages[each], count) for each in range(begin, place))
            if left < 0:
                break
            kept.update(range(begin, place))
        place = begin
    return [one for place, one in enumerate(messages) if one.role == "system" or place in kept]


def _group(messages: Sequence[Message], end: int) -> int:
    """Return where the group ends before `end` begins: results and the message that called them stand together."""
    begin = end - 1
    while begin > 0 and messages[begin].role == "tool":
        begin -= 1
    return begin


def _count(message: Message, count: Count) -> int:
    tokens = PER_MESSAGE
    for part in message.parts:
        match part:
            case TextPart() | ReasoningPart():
                tokens += count(part.text)
            case FilePart():
                tokens += PER_FILE
            case ToolCallPart():
                tokens += count(part.name) + count(_json(part.input))
            case ToolResultPart():
                tokens += count(part.error or _json(part.output))
            case _:
                tokens += count(_json(part.data))
    return tokens


def _json(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


class TokenBudget:
    """So many tokens, and what is left of them. One owner; not for several tasks at once.

    Raises:
        ValueError: less than 0.
    """

    def __init__(self, tokens: int, *, reserved: int = 0) -> None:
        """`reserved`: kept for the answer."""
        if tokens < 0 or reserved < 0:
            raise ValueError("a budget is not below 0")
        self.tokens = tokens
        self.reserved = reserved
        self.used = 0

    @classmethod
    def of(cls, model: str, *, reserved: int = 0) -> "TokenBudget":
        """Return the budget of a model."""
        return cls(token_limit(model), reserved=reserved)

    @property
    def left(self) -> int:
        return max(0, self.tokens - self.reserved - self.used)

    def fits(self, text: str) -> bool:
        """Whether a text still fits."""
        return count_tokens(text) <= self.left

    def spend(self, what: str | int) -> bool:
        """Take a text's tokens, or so many; return False, and take nothing, if they are not there."""
        tokens = count_tokens(what) if isinstance(what, str) else what
        if tokens > self.left:
            return False
        self.used += tokens
        return True
