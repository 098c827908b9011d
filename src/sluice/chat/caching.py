"""How much of a prompt is worth keeping at a provider, in no vendor's words: the wish, and how a prompt is measured.

Who reads it: `policies.prompt_caching` for conversations, a dialect for a client's own body.
"""

from typing import Final

import msgspec

MAX_MARKS: Final = 4
"""Of one request; the providers that take any refuse a fifth."""
TOKENS_PER_WORD: Final = 1.3


class PromptCaching(msgspec.Struct, frozen=True, kw_only=True):
    """Where to set marks. A prompt is tools, system messages, messages, in this order; a mark covers all before it."""

    system: bool = True
    """At the end of the system messages."""
    messages: bool = True
    """At the end of the history: the last message before the newest one."""
    tools: bool = False
    """At the last tool."""
    min_tokens: int = 1024
    """A mark is set if the prompt up to it has at least so many tokens, counted as words x 1.3: providers ignore a
    shorter one."""
    message_offset: int = 0
    """So many messages earlier is the history marked."""

    def worth(self, words: int) -> bool:
        """Return whether a prompt of so many words is long enough."""
        return words * TOKENS_PER_WORD >= self.min_tokens

    def place(self, messages: int) -> int | None:
        """Return which of so many messages is marked, the system's not counted; None = there is no history yet."""
        return max(0, messages - 2 - self.message_offset) if self.messages and messages > 1 else None
