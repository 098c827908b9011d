"""Seed 003's streaming chatbot, and the lines it prints about each message. agents.md A.1, E.1 and E.11."""

import re
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from sluice.agents.agent import Agent, Call
from sluice.agents.model import Chunk
from sluice.errors import BadRequest
from sluice.runs.messages import said

if TYPE_CHECKING:
    from sluice.agents.context import Context

NAME = "streaming-chatbot"
GRAPH_TYPE = "streaming-chat"
"""The same agent's name among seed 004's graph types."""
PROMPT = "You are a helpful AI assistant. Provide clear, concise, and engaging responses."
TEMPERATURE = 0.7
Say = Callable[[str], None]
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What could move a terminal's cursor; line feeds and tabs may stay."""


def chatbot(model: str, name: str = NAME) -> Agent:
    """Return the agent. `model`: as the gateway is asked for it."""
    told = {"graph_type": name == GRAPH_TYPE}  # among the graph types it has one name only
    agent = Agent(name, version="1.0.0", description="A chatbot whose answers stream.", model=model, metadata=told)

    @agent.on_message
    async def handle(ctx: "Context") -> AsyncIterator[Chunk]:
        if not ctx.text.strip():
            raise BadRequest("the message has no text")
        async with ctx.llm.stream([said(PROMPT, "system"), *ctx.messages], temperature=TEMPERATURE) as stream:
            async for chunk in stream:
                yield chunk

    return agent


def echo() -> Agent:
    """Return an agent that says what it hears, a word at a time."""
    agent = Agent("echo", description="Says what it hears.")

    @agent.on_message
    async def handle(ctx: "Context") -> AsyncIterator[str]:
        for word in re.findall(r"\S+\s*|\s+", ctx.text):
            yield word

    return agent


class Console:
    """Middleware that prints the seed's lines. With `texts` they hold what was said; otherwise only how much."""

    def __init__(self, say: Say, *, texts: bool) -> None:
        self._say, self._texts = say, texts

    async def __call__(self, ctx: "Context", call: Call) -> AsyncIterator[object]:
        heard = ctx.text
        self._line("📨 Received message", heard, f"{len(heard)} characters")
        self._say("🔄 Streaming response...")
        pieces: list[str] = []
        over = "⏹ Streaming stopped"
        try:
            async for piece in call(ctx):
                text = _text(piece)
                if text and not pieces:
                    self._line("💬 First chunk received", f'"{text}"', f"{len(text)} characters")
                if text:
                    pieces.append(text)
                yield piece
            over = "✅ Streaming complete"
        except Exception as error:
            over = f"❌ Streaming failed: {type(error).__name__}"
            raise
        finally:
            full = "".join(pieces)
            self._say(f"{over} - Total chunks: {len(pieces)}, Total length: {len(full)} characters")
            if self._texts and full:
                self._line("📝 Full response", full, "")

    def _line(self, what: str, text: str, instead: str) -> None:
        self._say(f"{what}: {_CONTROLS.sub('�', text) if self._texts else instead}")


def _text(piece: object) -> str:
    if isinstance(piece, Chunk):
        return piece.text
    return piece if isinstance(piece, str) else str(getattr(piece, "text", ""))
