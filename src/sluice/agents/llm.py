"""`ctx.llm`: models, by the gateway's own road."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec

from sluice.agents.definition import Definition
from sluice.agents.model import Chunk, Completion, ModelRequest
from sluice.agents.ports import Models
from sluice.agents.tokens import count_messages, count_tokens, token_limit
from sluice.agents.tool_calls import CallFold
from sluice.agents.writer import Writer
from sluice.runs.events import TokenUsage
from sluice.runs.messages import Message, said
from sluice.runs.records import Run

Talk = str | Message | Iterable[Message] | ModelRequest
"""What is put to a model: a text of the user, messages, or a request in all its parts."""


class ModelStream:
    """One answer of a model, as it comes: `async for chunk in stream`. What was heard so far stands in its attributes.

    Closing it, or the end of the run, closes the connection to the provider. `async with` closes it on every path.
    """

    def __init__(self, chunks: AsyncIterator[Chunk], request: ModelRequest, writer: Writer) -> None:
        self._chunks, self._request, self._writer = chunks, request, writer
        self._calls = CallFold()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self.chunks = 0
        """Pieces that carried text."""
        self.finish_reason = ""
        """`stop`, `length`, `tool_calls`, `content_filter`, `refusal`; empty = not over yet."""
        self.model = request.model
        self.usage = TokenUsage()

    def __aiter__(self) -> "ModelStream":
        return self

    async def __anext__(self) -> Chunk:
        chunk = await self._chunks.__anext__()
        if chunk.text:
            self._text.append(chunk.text)
            self.chunks += 1
        if chunk.reasoning:
            self._reasoning.append(chunk.reasoning)
        for delta in chunk.tool_calls:
            self._calls.step(delta)
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self.model = chunk.model or self.model
        if chunk.usage is not None:
            self.usage = chunk.usage
            self._writer.spent(self.model, chunk.usage)
        return chunk

    async def aclose(self) -> None:
        """Hear no more of it."""
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()

    async def __aenter__(self) -> "ModelStream":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._text)

    def completion(self) -> Completion:
        """Return what was heard, folded."""
        return Completion(
            text=self.text,
            reasoning="".join(self._reasoning),
            tool_calls=self._calls.parts(),
            finish_reason=self.finish_reason,
            usage=self.usage,
            model=self.model,
        )


class Llm:
    """The models of one run."""

    def __init__(self, models: Models, agent: Definition, run: Run, writer: Writer) -> None:
        self._models, self._agent, self._run, self._writer = models, agent, run, writer

    def request(self, messages: Talk, **options: Any) -> ModelRequest:
        """Return what is asked of the model: the agent's instructions come first, its settings where none are given.
        `options` are the fields of `ModelRequest`; `tools` also takes functions' `Tool`s.

        Raises:
            TypeError: an option that there is not.
        """
        if "tools" in options:
            options["tools"] = tuple(getattr(tool, "spec", tool) for tool in options["tools"])
        if isinstance(messages, ModelRequest):
            return msgspec.structs.replace(messages, **options) if options else messages
        agent, run = self._agent, self._run
        talk = _talk(messages)
        if agent.instructions:
            talk = (said(agent.instructions, "system"), *talk)
        base = ModelRequest(
            model=agent.model,
            messages=talk,
            temperature=agent.temperature,
            max_tokens=agent.max_tokens,
            metadata={"agent": agent.name, "run": run.id, "thread": run.thread_id, "user": run.owner},
        )
        return msgspec.structs.replace(base, **options) if options else base

    def stream(self, messages: Talk, **options: Any) -> ModelStream:
        """Ask, and give what the model says as it comes. Errors are raised where the stream is read.

        Raises:
            SluiceError: the refusal of the gateway or of the provider.
        """
        request = self.request(messages, **options)
        return ModelStream(self._models.stream(request), request, self._writer)

    async def complete(self, messages: Talk, **options: Any) -> Completion:
        """Ask, and return the whole answer.

        Raises:
            SluiceError: the refusal of the gateway or of the provider.
        """
        async with self.stream(messages, **options) as stream:
            async for _ in stream:
                pass
        return stream.completion()

    def count_tokens(self, talk: str | Message | Iterable[Message]) -> int:
        """Return about how many tokens a text or messages are."""
        return count_tokens(talk) if isinstance(talk, str) else count_messages(_talk(talk))

    @property
    def token_limit(self) -> int:
        """Tokens of prompt and answer together that the agent's model takes."""
        return token_limit(self._agent.model)


def _talk(messages: Talk) -> tuple[Message, ...]:
    if isinstance(messages, str):
        return (said(messages),)
    if isinstance(messages, ModelRequest):
        return messages.messages
    return (messages,) if isinstance(messages, Message) else tuple(messages)
