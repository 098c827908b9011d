"""A compiled LangGraph graph as an agent: what it streams becomes events of a run.

    messages ──► text, reasoning, tool calls, tool results        tasks ───► steps
    updates ───► state.patch, interrupts                          values ──► state.snapshot        custom ──► data

Nothing of LangGraph is imported before there is a graph of it. The thread's history is LangGraph's own where the graph
has a checkpointer; without one each run gets the whole conversation, and LangGraph itself refuses interrupts.
Source: LangGraph 1.2, `CompiledStateGraph.astream` with `subgraphs=True`, tried 2026-11-21.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from sluice.agents.checkpoints import pointer
from sluice.agents.graph_input import graph_input
from sluice.agents.interrupts import InterruptCancelled, Interrupted
from sluice.agents.langgraph_messages import Talk, as_dicts
from sluice.runs.events import Data, StatePatch, StateSnapshot
from sluice.runs.messages import Message

if TYPE_CHECKING:
    from sluice.agents.context import Context

MODES = ["messages", "updates", "custom", "values", "tasks"]
_INTERRUPT = "__interrupt__"
_Path = tuple[str, ...]


class LangGraphAgent:
    """What `Agent(graph=...)` takes. `compiled` is any Runnable with LangGraph's `astream`."""

    def __init__(self, compiled: Any, *, config: Mapping[str, Any] | None = None) -> None:
        self._compiled = compiled
        self._config = dict(config or {})

    def check(self) -> None:
        """LangGraph has checked it when it was compiled."""

    def run(self, ctx: "Context") -> AsyncIterator[None]:
        """Run it for a message, or go on where it asked a person.

        Raises:
            Interrupted: it asks a person; the questions are written.
            InterruptCancelled: a question is answered by nobody.
        """
        return _Run(self._compiled, self._config, ctx).pieces()


class _Run:
    def __init__(self, compiled: Any, config: Mapping[str, Any], ctx: "Context") -> None:
        self._compiled, self._ctx = compiled, ctx
        place = {"thread_id": f"{ctx.run.owner}:{ctx.run.thread_id}", **ctx.run.settings}
        given = config.get("configurable", {})
        self._config = {**config, "configurable": {**given, **place}}
        self._talk = Talk(ctx)
        self._steps: dict[str, tuple[str, _Path]] = {}
        """Our steps and their paths by LangGraph's tasks."""
        self._asked: dict[str, Any] = {}
        """Questions by their id, in the order in which they were asked."""

    async def pieces(self) -> AsyncIterator[None]:
        stream = self._compiled.astream(self._input(), self._config, stream_mode=MODES, subgraphs=True)
        async with aclosing(stream) as parts:
            async for namespace, mode, data in parts:
                self._part(tuple(name.partition(":")[0] for name in namespace), mode, data)
                yield None
        self._talk.finish()
        self._ask()

    def _input(self) -> Any:
        answers = self._answers()
        if answers:
            return import_module("langgraph.types").Command(resume=answers)
        remembers = getattr(self._compiled, "checkpointer", None) is not None
        run = self._ctx.run
        messages: Iterable[Message] = run.input if remembers and not run.replace_history else self._ctx.messages
        given = graph_input(run, None)
        return {**given, "messages": as_dicts(messages)}

    def _answers(self) -> dict[str, Any]:
        """What people answered to the questions of the run that this one resumes, by LangGraph's own ids."""
        answers: dict[str, Any] = {}
        for name in self._ctx.run.answered:
            answer = self._ctx.interrupts.answer_to(name)
            self._ctx.interrupts.passed(name)
            if answer is None or answer.status == "cancelled":
                raise InterruptCancelled(f"the question {name!r} was not answered")
            answers[name] = answer.value
        return answers

    # -- what it streams ----------------------------------------------------------------------------------------------

    def _part(self, path: _Path, mode: str, data: Any) -> None:
        match mode:
            case "messages":
                message, metadata = data
                self._talk.hear(message, (*path, str(metadata.get("langgraph_node", ""))))
            case "tasks":
                self._task(path, data)
            case "updates":
                self._update(path, data)
            case "values" if not path:
                state = {name: value for name, value in plain(data).items() if name != _INTERRUPT}
                self._ctx.writer.put(StateSnapshot, state=state)
            case "custom":
                self._ctx.writer.put(Data, name="custom", value=plain(data), path=path)

    def _task(self, path: _Path, task: Mapping[str, Any]) -> None:
        writer, name = self._ctx.writer, str(task["id"])
        if "triggers" in task:
            place = (*path, str(task["name"]))
            self._steps[name] = (writer.start_step(str(task["name"]), place), place)
        elif name in self._steps:
            self._talk.finish()
            step, place = self._steps.pop(name)
            writer.end_step(step, place)

    def _update(self, path: _Path, update: Mapping[str, Any]) -> None:
        for node, written in update.items():
            if node == _INTERRUPT:
                self._asked |= {str(question.id): question.value for question in written}
            elif isinstance(written, Mapping):
                told = plain(written)
                patch = tuple({"op": "add", "path": pointer(name), "value": value} for name, value in told.items())
                self._ctx.writer.put(StatePatch, patch=patch, update=told, path=(*path, node))

    def _ask(self) -> None:
        """Write all open questions, and end the run if there is any."""
        waiting: Interrupted | None = None
        for name, question in self._asked.items():
            try:
                self._ctx.interrupts.ask(name, plain(question))
            except Interrupted as interrupted:
                waiting = interrupted
        if waiting is not None:
            raise waiting


def plain(value: Any) -> Any:
    """Return a value as JSON has it: messages and other pydantic models by their own word, the rest as text."""
    return msgspec.to_builtins(value, enc_hook=_dumped, str_keys=True)


def _dumped(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return str(value) if dump is None else dump(mode="json")
