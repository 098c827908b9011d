"""LangGraph's stream modes that follow the state: `values`, `updates`, `custom`, `tasks`, `checkpoints`, `debug`.

agents.md C.4; payloads as the types of `langgraph-sdk` 0.4.14 (MIT) have them.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from sluice.runs.events import (
    Artifact,
    Attachment,
    Data,
    Event,
    File,
    MessageFinished,
    Progress,
    RunFailed,
    RunFinished,
    RunStarted,
    Source,
    StatePatch,
    StateSnapshot,
    StepFinished,
    StepStarted,
    ToolFailed,
    ToolOutput,
)
from sluice.runs.projections.langgraph_messages import rewritten, written
from sluice.runs.projections.langgraph_said import Said, result
from sluice.runs.projections.langgraph_view import View


class Values:
    """`values`: the whole state, at the beginning and whenever it has changed."""

    def __init__(self) -> None:
        self._changed = False

    def step(self, event: Event, view: View) -> Said:
        match event:
            case RunStarted() | StateSnapshot():
                self._changed = False
                return [("values", view.values())]
            case MessageFinished() | ToolOutput() | ToolFailed():
                self._changed = True
                if view.own_messages:
                    return []
                self._changed = False
                return [("values", view.values())]
            case RunFinished(outcome="interrupt"):
                return [("values", {**view.values(), "__interrupt__": view.asked()})]
            case RunFinished() if self._changed:
                return [("values", view.values())]
        return []


class Updates:
    """`updates`: what each node has changed, `{node: update}`."""

    def step(self, event: Event, view: View) -> Said:
        match event:
            case StatePatch() if event.update is not None:
                return [
                    (
                        "updates",
                        {view.node(event): rewritten(event.update) if isinstance(event.update, dict) else event.update},
                    )
                ]
            case MessageFinished() if not view.own_messages:
                node = view.nodes.get(event.id, view.agent)
                whole = [written(message) for message in view.said() if message.id == event.id]
                return [("updates", {node: {"messages": whole}})] if whole else []
            case ToolOutput() | ToolFailed() if not view.own_messages:
                return [("updates", {"tools": {"messages": [result(event, view)]}})]
            case RunFinished(outcome="interrupt"):
                return [("updates", {"__interrupt__": view.asked()})]
        return []


class Custom:
    """`custom`: what an agent sends of its own. A value named `custom` is sent as it is: LangGraph's own have no
    names."""

    def step(self, event: Event, view: View) -> Said:
        match event:
            case Data(name="custom"):
                return [("custom", event.value)]
            case Data():
                named = {"name": event.name, "value": event.value}
                return [("custom", {**named, "id": event.id} if event.id else named)]
            case Progress() | Source() | File() | Artifact() | Attachment():
                fields = msgspec.to_builtins(event)
                for name in ("seq", "run_id", "thread_id", "ts", "path", "channel"):
                    fields.pop(name, None)
                return [("custom", fields)]
        return []


class Tasks:
    """`tasks`: each node as it begins and as it ends; of an agent without steps the run itself."""

    def step(self, event: Event, view: View) -> Said:
        return [("tasks", data) for _, data in self.tasks(event, view)]

    def tasks(self, event: Event, view: View) -> Said:
        """Return the beginnings (`task`) and the ends (`task_result`) that an event is."""
        match event:
            case RunStarted():
                return [("task", _task(view.run_id, view.agent, view.values()))]
            case StepStarted():
                return [("task", _task(event.id, event.name, view.values()))]
            case StepFinished():
                return [("task_result", _result(event.id, event.name, {}, None, []))]
            case RunFinished():
                return [("task_result", _result(view.run_id, view.agent, view.values(), None, view.asked()))]
            case RunFailed():
                return [("task_result", _result(view.run_id, view.agent, {}, event.message, []))]
        return []


def _task(name: str, node: str, given: Any) -> dict[str, Any]:
    return {"id": name, "name": node, "input": given, "triggers": []}


def _result(
    name: str, node: str, result: dict[str, Any], error: str | None, asked: list[dict[str, Any]]
) -> dict[str, Any]:
    return {"id": name, "name": node, "error": error, "interrupts": asked, "result": result}


class Checkpoints:
    """`checkpoints`: the state where a run could begin again."""

    def step(self, event: Event, view: View) -> Said:
        return [("checkpoints", data) for data in self.checkpoints(event, view)]

    def checkpoints(self, event: Event, view: View) -> list[dict[str, Any]]:
        """Return the checkpoint that an event is, if it is one."""
        match event:
            case RunStarted():
                return [_checkpoint(view, [view.agent], "input")]
            case StateSnapshot():
                return [_checkpoint(view, [], "loop")]
            case RunFinished():
                waiting = [view.agent] if event.outcome == "interrupt" else []
                return [_checkpoint(view, waiting, "loop")]
        return []


def _checkpoint(view: View, following: list[str], source: str) -> dict[str, Any]:
    tasks = [{"id": view.run_id, "name": name, "interrupts": view.asked(), "state": None} for name in following]
    step = view.step_number if source == "loop" else -1
    metadata = {"source": source, "step": step, "run_id": view.run_id, "thread_id": view.thread_id}
    return {
        "config": view.config(),
        "metadata": metadata,
        "values": view.values(),
        "next": following,
        "parent_config": None if source == "input" else view.config(),
        "tasks": tasks,
    }


class Debug:
    """`debug`: tasks and checkpoints, each with its step and time."""

    def __init__(self) -> None:
        self._tasks, self._checkpoints = Tasks(), Checkpoints()

    def step(self, event: Event, view: View) -> Said:
        told = [("checkpoint", data) for data in self._checkpoints.checkpoints(event, view)]
        told += self._tasks.tasks(event, view)
        at = datetime.fromtimestamp(event.ts / 1000, UTC).isoformat()
        return [
            ("debug", {"step": view.step_number, "timestamp": at, "type": kind, "payload": data}) for kind, data in told
        ]
