"""A scripted model: `Models` for tests and demonstrations. It streams, waits, fails and calls tools as it is told.

    MockModels("mock:Once| upon| a time")            one answer in three pieces, given to every call
    MockModels([[Call("add", {"a": 1})], "done"])    an answer to each call, in order; the last one again and again
    MockModels([["Hi", Wait(0.5), Refused("gone")]])

It opens nothing and draws no lots.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from sluice.agents.model import Chunk, ModelRequest, ToolCallDelta
from sluice.runs.events import TokenUsage

PREFIX = "mock:"


class Wait(msgspec.Struct, frozen=True):
    """So many seconds of silence."""

    seconds: float


class Think(msgspec.Struct, frozen=True):
    """A piece of reasoning."""

    text: str


class Call(msgspec.Struct, frozen=True):
    """A call of a tool. The arguments go out in two pieces, as models send them; a text goes out as it is."""

    name: str
    arguments: Mapping[str, Any] | str = {}
    id: str = ""


Piece = str | Wait | Think | Call | Chunk | Exception
"""A text is cut at each `|`; an exception is raised where it stands."""
Script = str | Sequence[str | Sequence[Piece]]
"""One answer for every call, or one for each."""


class MockModels:
    """Gives what its script says. `asked` keeps every request, the newest last."""

    def __init__(self, script: Script = "") -> None:
        answers = [script.removeprefix(PREFIX)] if isinstance(script, str) else list(script)
        self._answers: list[Sequence[Piece]] = [[one] if isinstance(one, str) else one for one in answers or [""]]
        self._calls = 0
        self.asked: list[ModelRequest] = []
        self.open = 0
        """Answers under way: 0 when every reader has read to the end or closed."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        """Give the next answer of the script; the last chunk carries the finish reason and the usage."""
        answer = self._answers[min(len(self.asked), len(self._answers) - 1)]
        self.asked.append(request)
        self.open += 1
        try:
            pieces, calls = 0, 0
            for piece in answer:
                if isinstance(piece, Wait):
                    await asyncio.sleep(piece.seconds)
                elif isinstance(piece, Exception):
                    raise piece
                else:
                    for chunk in self._chunks(piece, calls):
                        pieces += 1
                        yield chunk
                    calls += isinstance(piece, Call)
            heard = sum(len(message.text.split()) for message in request.messages)
            usage = TokenUsage(input_tokens=heard, output_tokens=pieces)
            yield Chunk(finish_reason="tool_calls" if calls else "stop", usage=usage, model=request.model)
        finally:
            self.open -= 1

    def _chunks(self, piece: str | Think | Call | Chunk, index: int) -> list[Chunk]:
        if isinstance(piece, str):
            return [Chunk(text=text) for text in piece.split("|") if text]
        if isinstance(piece, Think):
            return [Chunk(reasoning=piece.text)]
        if isinstance(piece, Chunk):
            return [piece]
        self._calls += 1
        sent = piece.arguments
        text = sent if isinstance(sent, str) else msgspec.json.encode(sent).decode()
        half = len(text) // 2
        first = ToolCallDelta(index=index, id=piece.id or f"call-{self._calls}", name=piece.name, arguments=text[:half])
        return [Chunk(tool_calls=(first,)), Chunk(tool_calls=(ToolCallDelta(index=index, arguments=text[half:]),))]
