"""A chat request, in no vendor's words.

What policies, routing and the record need is typed; the rest stays as the client wrote it, member by member, so that a
request to a provider of the same dialect loses nothing (`fields`).
"""

from typing import Literal

import msgspec

Framing = Literal["sse", "json_array"]
MAX_CHOICES = 128
"""Answers that one request may ask for, as many as OpenAI gives: each is held in memory where an answer is folded."""


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the client asked for.

    `fields` are the body's top-level members in their order, each value byte for byte as it came. Of members that
    were written twice the last counts, and only that one is sent on: what was judged is what is sent.
    """

    model: str = ""
    stream: bool = False
    wants_usage: bool = False
    """The client asked for a usage event at the end of its stream."""
    framing: Framing = "sse"
    """How the client wants its stream framed."""
    choices: int = 1
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    fields: dict[str, msgspec.Raw] = {}
