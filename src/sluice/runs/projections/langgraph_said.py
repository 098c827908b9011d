"""LangGraph's stream modes that follow what is said: `messages-tuple`, `messages`, `events`, `tools`. agents.md C.4."""

from io import StringIO
from typing import Any

import msgspec

from sluice.runs.events import (
    Event,
    MessageFinished,
    MessageStarted,
    ReasoningDelta,
    RunFinished,
    RunStarted,
    TextDelta,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolOutputDelta,
    ToolStarted,
)
from sluice.runs.projections.langgraph_messages import tool_result, written
from sluice.runs.projections.langgraph_view import View

Said = list[tuple[str, Any]]
"""Names of events and their data."""


def chunk(message: str, content: Any = "", **more: Any) -> dict[str, Any]:
    """Return a piece of a message."""
    return {
        "content": content,
        "additional_kwargs": {},
        "response_metadata": {},
        "type": "AIMessageChunk",
        "name": None,
        "id": message,
        "tool_calls": [],
        "invalid_tool_calls": [],
        "tool_call_chunks": [],
        "usage_metadata": None,
        **more,
    }


class Chunks:
    """The pieces of messages: what both `messages-tuple` and `events` carry."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        """The place of each tool call in its message."""
        self._streamed: set[str] = set()
        """Tool calls whose arguments came in pieces."""

    def of(self, event: Event, view: View) -> dict[str, Any] | None:
        """Return the piece that an event is, if it is one."""
        match event:
            case TextDelta():
                return chunk(view.message_of.get(event.id, ""), event.text)
            case ReasoningDelta():
                block = {"type": "reasoning", "reasoning": event.text, "index": 0}
                return chunk(view.message_of.get(event.id, ""), [block])
            case ToolStarted():
                message = event.message_id
                self._places[event.id] = sum(view.message_of.get(call) == message for call in self._places)
                return self._call(event.id, view, name=event.name, call=event.id, args="")
            case ToolInputDelta():
                self._streamed.add(event.id)
                return self._call(event.id, view, args=event.text)
            case ToolInput() if event.id not in self._streamed:
                return self._call(event.id, view, args=msgspec.json.encode(event.input).decode())
            case MessageFinished():
                ended = {"finish_reason": event.finish_reason} if event.finish_reason else {}
                return chunk(event.id, response_metadata=ended, chunk_position="last")
        return None

    def _call(
        self, of: str, view: View, *, args: str, name: str | None = None, call: str | None = None
    ) -> dict[str, Any]:
        piece = {"name": name, "args": args, "id": call, "index": self._places.get(of, 0), "type": "tool_call_chunk"}
        return chunk(view.message_of.get(of, ""), tool_call_chunks=[piece])


def result(event: ToolOutput | ToolFailed, view: View) -> dict[str, Any]:
    """Return the message of a tool."""
    output, error = (event.output, "") if isinstance(event, ToolOutput) else (None, event.error)
    return {
        "additional_kwargs": {},
        "response_metadata": {},
        "type": "tool",
        "id": f"{event.id}-result",
        **tool_result(event.id, output, error, view.tools.get(event.id, "")),
    }


class MessageTuples:
    """`messages-tuple`: each piece with where it comes from, `messages [chunk, metadata]`."""

    def __init__(self) -> None:
        self._chunks = Chunks()

    def step(self, event: Event, view: View) -> Said:
        if isinstance(event, ToolOutput | ToolFailed):
            return [("messages", [result(event, view), view.metadata(view.node(event))])]
        piece = self._chunks.of(event, view)
        if piece is None:
            return []
        return [("messages", [piece, view.metadata(view.nodes.get(piece["id"], view.agent))])]


class Messages:
    """`messages`: each message as it stands, at every piece of it, and once more when it is whole."""

    def __init__(self) -> None:
        self._texts: dict[str, StringIO] = {}

    def step(self, event: Event, view: View) -> Said:
        match event:
            case MessageStarted():
                self._texts[event.id] = StringIO()
                return [("messages/metadata", {event.id: {"metadata": view.metadata(view.agent)}})]
            case TextDelta():
                message = view.message_of.get(event.id, "")
                text = self._texts.setdefault(message, StringIO())
                text.write(event.text)
                return [("messages/partial", [{**chunk(message, text.getvalue()), "type": "ai"}])]
            case MessageFinished():
                whole = [message for message in view.said() if message.id == event.id]
                return [("messages/complete", [written(message) for message in whole])] if whole else []
            case ToolOutput() | ToolFailed():
                return [("messages/complete", [result(event, view)])]
        return []


class Events:
    """`events`: LangChain's event stream, of the run as a chain, of its model and of its tools."""

    def __init__(self) -> None:
        self._chunks = Chunks()
        self._inputs: dict[str, Any] = {}

    def step(self, event: Event, view: View) -> Said:
        made = self._of(event, view)
        if made is None:
            return []
        kind, name, run_id, data = made
        about = view.metadata(view.node(event))
        body = {"event": kind, "name": name, "run_id": run_id, "tags": [], "metadata": about, "data": data}
        return [("events", {**body, "parent_ids": [] if run_id == view.run_id else [view.run_id]})]

    def _of(self, event: Event, view: View) -> tuple[str, str, str, dict[str, Any]] | None:
        match event:
            case RunStarted():
                return "on_chain_start", view.agent, view.run_id, {"input": view.values()}
            case RunFinished():
                return "on_chain_end", view.agent, view.run_id, {"output": view.values()}
            case MessageStarted():
                return "on_chat_model_start", view.agent, event.id, {}
            case MessageFinished():
                whole = [written(message) for message in view.said() if message.id == event.id]
                return "on_chat_model_end", view.agent, event.id, {"output": whole[0] if whole else None}
            case ToolInput():
                self._inputs[event.id] = event.input
                return "on_tool_start", event.name, event.id, {"input": event.input}
            case ToolOutput():
                data = {"input": self._inputs.get(event.id), "output": event.output}
                return "on_tool_end", view.tools.get(event.id, ""), event.id, data
            case ToolFailed():
                data = {"input": self._inputs.get(event.id), "error": event.error}
                return "on_tool_error", view.tools.get(event.id, ""), event.id, data
        piece = self._chunks.of(event, view)
        return None if piece is None else ("on_chat_model_stream", view.agent, piece["id"], {"chunk": piece})


class Tools:
    """`tools`: what tools are asked, say and answer."""

    def step(self, event: Event, view: View) -> Said:
        match event:
            case ToolInput():
                return [("tools", self._told("on_tool_start", event.id, view, input=event.input))]
            case ToolOutputDelta():
                return [("tools", self._told("on_tool_event", event.id, view, data=event.output))]
            case ToolOutput():
                return [("tools", self._told("on_tool_end", event.id, view, output=event.output))]
            case ToolFailed():
                return [("tools", self._told("on_tool_error", event.id, view, error=event.error))]
        return []

    @staticmethod
    def _told(kind: str, call: str, view: View, **more: Any) -> dict[str, Any]:
        return {"event": kind, "toolCallId": call, "tool_call_id": call, "name": view.tools.get(call, ""), **more}
