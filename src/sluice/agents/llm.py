"""`ctx.llm`: models, by the gateway's own road."""

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec

from sluice.agents.model import Chunk, Completion, ModelRequest
from sluice.agents.ports import Models
from sluice.agents.writer import Writer
from sluice.runs.events import TokenUsage
from sluice.runs.messages import Message, said
from sluice.runs.records import Run

if TYPE_CHECKING:
    from sluice.agents.agent import Agent


class Llm:
    """The model of one run."""

    def __init__(self, models: Models, agent: "Agent", run: Run, writer: Writer) -> None:
        self._models, self._agent, self._run, self._writer = models, agent, run, writer

    def request(self, messages: "str | Message | Iterable[Message]", **options: Any) -> ModelRequest:
        """Return what is asked of the model: the agent's instructions come first, its settings where none are given.

        Raises:
            TypeError: an option that there is not.
        """
        if isinstance(messages, str):
            messages = (said(messages),)
        elif isinstance(messages, Message):
            messages = (messages,)
        talk = tuple(messages)
        if self._agent.instructions and not any(message.role == "system" for message in talk):
            talk = (said(self._agent.instructions, "system"), *talk)
        labels = {"agent": self._agent.name, "run": self._run.id, "thread": self._run.thread_id}
        base = ModelRequest(
            model=self._agent.model,
            messages=talk,
            temperature=self._agent.temperature,
            max_tokens=self._agent.max_tokens,
            metadata={**labels, "user": self._run.owner},
        )
        return msgspec.structs.replace(base, **options) if options else base

    async def stream(self, messages: "str | Message | Iterable[Message] | ModelRequest", **options: Any) -> AsyncIterator[Chunk]:
        """Ask, and give what the model says as it comes.

        Raises:
            SluiceError: the refusal of the gateway or of the provider.
        """
        request = messages if isinstance(messages, ModelRequest) else self.request(messages, **options)
        async with aclosing(self._models.stream(request)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                if chunk.usage is not None:
                    self._writer.spent(chunk.model or request.model, chunk.usage)
                yield chunk

    async def complete(self, messages: "str | Message | Iterable[Message] | ModelRequest", **options: Any) -> Completion:
        """Ask, and return the whole answer.

        Raises:
            SluiceError: the refusal of the gateway or of the provider.
        """
        text, reasoning, finish, model = "", "", "", ""
        usage = TokenUsage()
        async for chunk in self.stream(messages, **options):
            text += chunk.text
            reasoning += chunk.reasoning
            finish = chunk.finish_reason or finish
            model = chunk.model or model
            usage = chunk.usage or usage
        return Completion(text=text, reasoning=reasoning, finish_reason=finish, usage=usage, model=model)
