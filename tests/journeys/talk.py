"""One way to hold the same conversation with every official client: each keeps its history in its own dialect.

`talk_openai` and `talk_others` implement `Talk` with the clients themselves; nothing here knows a dialect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sluice.chat.usage import Usage

Json = dict[str, Any]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""One pixel."""
SCHEMA: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
"""What the tools take, and what an answer in JSON looks like."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked beside the messages."""

    tools: tuple[str, ...] = ()
    reasons: bool = False
    json: bool = False
    max_tokens: int = 4096
    stop: tuple[str, ...] = ()
    required: bool = False
    """A tool has to be called."""


PLAIN = Wish()
"""Nothing but the messages."""


@dataclass(frozen=True, kw_only=True)
class Call:
    id: str
    name: str
    arguments: Json


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer as the client's own objects show it."""

    text: str
    reasoning: str
    calls: tuple[Call, ...]
    finish: str
    """In the client's words."""
    usage: Usage
    """In the vocabulary's terms: what the client shows, put together again."""
    body: Json
    """The whole object that the client made."""
    turn: list[Any] = field(default_factory=list)
    """What the client's program would append to its history."""


class Talk(Protocol):
    """A conversation. `ask` sends all that was said so far."""

    finishes: dict[str, str]
    """The words for `stop`, `length`, `tool_calls`."""

    def system(self, text: str) -> None: ...

    def user(self, text: str, *, image: str = "") -> None: ...

    def results(self, *results: tuple[Call, str]) -> None:
        """The results of all calls of the last answer."""
        ...

    def keep(self, said: Said) -> None:
        """Take the answer into the history, as a program would."""
        ...

    async def ask(self, wish: Wish = PLAIN, *, stream: bool) -> Said:
        """Ask with the client's plain call, or with its stream and its accumulator."""
        ...

    async def raw(self, wish: Wish = PLAIN) -> Said:
        """Ask for the raw stream, without the accumulator where the client has both."""
        ...

    def error(self, error: BaseException) -> tuple[int, str]:
        """Status and message of an error of this client's, which has to be one."""
        ...

    def headers(self, error: BaseException) -> Mapping[str, str]:
        """The headers that came with it."""
        ...

    def forget(self) -> None:
        """Begin anew, with the same client: making one takes longer than an answer."""
        ...

    async def close(self) -> None:
        """Close the client's connections."""
        ...
