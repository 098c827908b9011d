"""The tool loop: ask the model, carry out what it calls, tell it what came of it, and again, until it only speaks.

    ask ── text, reasoning ──► yielded
     │  └─ calls, interleaved ► tool.started, tool.input.delta × n, tool.input ── message.finished
     │                             └── approvals ── all at once ── tool.output | tool.failed
     └────────────── their results, said to the model ◄──────────────┘

A call that waits for a person, or for the client whose tool it is, ends the run with its question; the run that resumes
has the call's result without asking the model again: what it said stands in the thread. agents.md A8, B19, D.2.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any, Protocol

import msgspec

from sluice.agents.approval import APPROVAL, Approved, approved
from sluice.agents.asked import Answer
from sluice.agents.definition import Definition
from sluice.agents.interrupts import InterruptCancelled, Interrupted, Interrupts
from sluice.agents.llm import Llm
from sluice.agents.model import Chunk, ToolCallDelta
from sluice.agents.tool_calls import read_arguments
from sluice.agents.tools import ToolError, why
from sluice.agents.writer import Writer
from sluice.errors import RunLimit
from sluice.runs.events import (
    Channel,
    MessageFinished,
    MessageStarted,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolOutputDelta,
    ToolStarted,
)
from sluice.runs.messages import Message, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from sluice.runs.records import Run, ToolSpec

REFUSED = "a person did not allow it"
UNDONE = "the client did not carry it out"


class Conversing(Protocol):
    """What the loop needs of a run's context."""

    agent: Definition
    run: Run
    messages: tuple[Message, ...]

    @property
    def tools(self) -> tuple[ToolSpec, ...]: ...

    said: tuple[Message, ...]
    channel: Channel
    path: tuple[str, ...]
    writer: Writer
    llm: Llm
    interrupts: Interrupts


class _Heard:
    """A call of which the model is still speaking."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self, id: str, name: str) -> None:  # noqa: A002  # the call's own
        self.id, self.name = id, name
        self.arguments: list[str] = []


async def converse(ctx: Conversing, messages: Iterable[Message] | None = None, **options: Any) -> AsyncIterator[Chunk]:
    """Answer with the model and the agent's tools; give text and reasoning as they come, write the calls to the run.

    `messages`: the conversation, if it is not the run's own. `options`: fields of `ModelRequest` for each call.

    Raises:
        SluiceError: the refusal of the gateway or of the provider.
        RunLimit: `recursion`: the model called tools in more than `max_steps` answers.
        Interrupted: a call waits for a person. It must reach the run.
    """
    loop = _Loop(ctx, (*(ctx.messages if messages is None else messages), *ctx.said), options)
    waiting = loop.waiting()
    if waiting:
        await loop.carry_out(waiting)
    for _ in range(ctx.agent.max_steps):
        async for chunk in loop.ask():
            yield chunk
        if not loop.calls:
            return
        await loop.carry_out(loop.calls)
    raise RunLimit(f"the model called tools in {ctx.agent.max_steps} answers in a row", code="recursion")


class _Loop:
    """One conversation with a model."""

    def __init__(self, ctx: Conversing, messages: Iterable[Message], options: dict[str, Any]) -> None:
        self._ctx, self._writer, self._tools = ctx, ctx.writer, ctx.agent.tools
        self._theirs = {tool.name for tool in ctx.tools if tool.name not in ctx.agent.tools}
        """Tools that the client carries out."""
        self._options = options
        self._messages = list(messages)
        self._used = {part.id for message in self._messages for part in message.parts if isinstance(part, ToolCallPart)}
        """Ids of calls that there were; some servers count from 0 in each answer."""
        self.calls: list[ToolCallPart] = []
        """Those of the last answer."""

    # -- the model ----------------------------------------------------------------------------------------------------

    async def ask(self) -> AsyncIterator[Chunk]:
        """Put the conversation to the model, and give what it says but for its calls."""
        heard: dict[int, _Heard] = {}
        async with self._ctx.llm.stream(self._messages, **{"tools": self._ctx.tools, **self._options}) as stream:
            async for chunk in stream:
                if chunk.text or chunk.reasoning:
                    yield chunk
                for delta in chunk.tool_calls:
                    self._hear(delta, heard)
            said = stream.completion()
        self.calls = [self._whole(call) for _, call in sorted(heard.items())]
        self._writer.close_message(said.finish_reason)
        parts: list[Part] = [ReasoningPart(text=said.reasoning)] if said.reasoning else []
        parts += [TextPart(text=said.text)] if said.text else []
        self._messages.append(Message(role="assistant", parts=(*parts, *self.calls)))

    def _hear(self, delta: ToolCallDelta, heard: dict[int, _Heard]) -> None:
        call = heard.get(delta.index)
        if call is None:
            call = heard[delta.index] = _Heard(self._fresh(delta.id), delta.name)
            self._writer.close_block()
            self._put(ToolStarted, id=call.id, name=call.name, message_id=self._writer.message())
        call.name = call.name or delta.name
        if delta.arguments:
            call.arguments.append(delta.arguments)
            self._put(ToolInputDelta, id=call.id, text=delta.arguments)

    def _fresh(self, wanted: str) -> str:
        """Return an id that no call of this conversation has."""
        name = wanted or self._writer.name("call")
        count = 1
        while name in self._used:
            count += 1
            name = f"{wanted}-{count}"
        self._used.add(name)
        return name

    def _whole(self, heard: _Heard) -> ToolCallPart:
        arguments = read_arguments("".join(heard.arguments))
        self._put(ToolInput, id=heard.id, name=heard.name, input=arguments)
        return ToolCallPart(id=heard.id, name=heard.name, input=arguments)

    def _put(self, kind: Any, **fields: Any) -> None:
        self._writer.put(kind, channel=self._ctx.channel, path=self._ctx.path, **fields)

    # -- what a resumed run finds -------------------------------------------------------------------------------------

    def waiting(self) -> list[ToolCallPart]:
        """Return the calls that the interrupted run left without a result, said again to this run's log, which is mute
        until the answer is reached. None if this run resumes none."""
        if not self._ctx.run.resumes:
            return []
        results = {part.id for each in self._messages for part in each.parts if isinstance(part, ToolResultPart)}
        for place in range(len(self._messages) - 1, -1, -1):
            message = self._messages[place]
            left = [part for part in message.parts if isinstance(part, ToolCallPart) and part.id not in results]
            if left:
                self._pass(self._messages[:place], results)
                self._pass([message], results)
                self._say_again(message, left)
                return left
        return []

    def _pass(self, messages: Iterable[Message], results: set[str]) -> None:
        """Pass the approvals of calls that are over, so that the questions behind them are counted as before."""
        for call in (part for message in messages for part in message.parts if isinstance(part, ToolCallPart)):
            if call.id in results and (call.name in self._theirs or self._needs_approval(call)):
                name = self._question(call)
                if self._ctx.interrupts.answer_to(name) is not None:
                    self._ctx.interrupts.passed(name)

    def _say_again(self, message: Message, calls: list[ToolCallPart]) -> None:
        name = message.id or self._writer.name("msg")
        self._put(MessageStarted, id=name)
        for call in calls:
            self._put(ToolStarted, id=call.id, name=call.name, message_id=name)
            self._put(ToolInput, id=call.id, name=call.name, input=call.input)
        self._put(MessageFinished, id=name, finish_reason="tool_calls")

    # -- the tools ----------------------------------------------------------------------------------------------------

    async def carry_out(self, calls: list[ToolCallPart]) -> None:
        """Carry out calls, all at once, and keep their results for the model.

        Raises:
            Interrupted: some of them wait for a person; the others have their results.
        """
        allowed: list[tuple[ToolCallPart, Approved | Answer]] = []
        waits: list[BaseException] = []
        for call in calls:
            try:
                answer = self._answer(call)
            except Interrupted as waiting:
                waits.append(waiting)
                continue
            allowed.append((call, answer))
        async with asyncio.TaskGroup() as tasks:
            for call, answer in allowed:
                tasks.create_task(self._carry_out(call, answer, waits), name=f"tool {call.name} {call.id}")
        if waits:
            raise waits[0]

    def _needs_approval(self, call: ToolCallPart) -> bool:
        tool = self._tools.get(call.name)
        return tool is not None and tool.approve

    def _question(self, call: ToolCallPart) -> str:
        kind = "client" if call.name in self._theirs else "approve"
        return self._ctx.interrupts.next_id((*self._ctx.path, kind, call.id))

    def _answer(self, call: ToolCallPart) -> Approved | Answer:
        """Return whether a call may be carried out, or what the client says came of it.

        Raises:
            Interrupted: nobody has said so yet.
        """
        if call.name in self._theirs:
            return self._outcome(call)
        return self._approval(call) if self._needs_approval(call) else Approved(True)

    def _outcome(self, call: ToolCallPart) -> Answer:
        question = {"message": f"{call.name} is carried out by the client", "tool": call.name, "input": call.input}
        name, path = self._question(call), self._ctx.path
        try:
            said = self._ctx.interrupts.ask(name, question, reason="tool", tool_id=call.id, path=path)
        except InterruptCancelled:
            return Answer(status="cancelled")
        return Answer(value=said)

    def _approval(self, call: ToolCallPart) -> Approved:
        question = {"message": f"May {call.name} be called?", "tool": call.name, "input": call.input}
        try:
            answer = self._ctx.interrupts.ask(
                self._question(call),
                question,
                schema=APPROVAL,
                reason="approval",
                tool_id=call.id,
                path=self._ctx.path,
            )
        except InterruptCancelled:
            return Approved(False)
        return approved(answer)

    async def _carry_out(self, call: ToolCallPart, answer: Approved | Answer, waits: list[BaseException]) -> None:
        try:
            output = await self._output(call, answer)
        except Interrupted as waiting:
            waits.append(waiting)
            return
        except RunLimit:
            raise
        except Exception as error:
            result = ToolResultPart(id=call.id, error=why(error))
            self._put(ToolFailed, id=call.id, error=result.error)
        else:
            result = ToolResultPart(id=call.id, output=output)
            self._put(ToolOutput, id=call.id, output=output)
        self._messages.append(Message(role="tool", parts=(result,)))

    async def _output(self, call: ToolCallPart, answer: Approved | Answer) -> Any:
        if isinstance(answer, Answer):
            if answer.status == "cancelled":
                raise ToolError(UNDONE)
            return answer.value
        if not answer.allowed:
            raise ToolError(answer.note or REFUSED)
        return await self._called(call, call.input if answer.input is None else answer.input)

    async def _called(self, call: ToolCallPart, arguments: Any) -> Any:
        tool = self._tools.get(call.name)
        if tool is None:
            raise ToolError(f"there is no tool {call.name!r}; there are {', '.join(self._tools) or 'none'}")
        output: Any = None
        values = tool.call(arguments, self._ctx)
        try:
            async for value in values:
                output = plain(value)
                if tool.yields:
                    self._put(ToolOutputDelta, id=call.id, output=output)
        finally:
            await values.aclose()  # type: ignore[attr-defined]  # it is a generator
        return output


def plain(value: Any) -> Any:
    """Return a value as JSON has it; what JSON has no word for as its text."""
    return msgspec.to_builtins(value, enc_hook=str, str_keys=True)
