"""The UI message stream of Vercel's AI SDK, version 1 of its protocol: what `useChat` reads.

    start ─ start-step ─ text-start ─ text-delta × n ─ text-end ─ finish-step ─ start-step … finish ─ [DONE]

One run is one message of the client, named after the run. The client gives up on a chunk of a type it does not know,
so only types of version 5 are sent unless a newer one is named; what the protocol has no word for is a `data-<name>`
part. The end of a step ends all text and reasoning that the client holds open: a border is drawn only where nothing is
open, before the first thing that belongs to the next step. Source: ai@5.0.277, ai@6.0.326, ai@7.0.173
(ui-message-chunks, process-ui-message-stream), read 2026-11-21; agents.md C.1.
"""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import msgspec

from sluice.runs.events import (
    Artifact,
    Attachment,
    Data,
    Event,
    File,
    InterruptRequested,
    MessageFinished,
    MessageStarted,
    ModelUsage,
    Progress,
    ReasoningDelta,
    ReasoningFinished,
    ReasoningStarted,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStats,
    Source,
    StatePatch,
    StateSnapshot,
    StepFinished,
    StepStarted,
    TextDelta,
    TextFinished,
    TextStarted,
    TokenUsage,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolOutputDelta,
    ToolStarted,
)
from sluice.runs.projection import Frame

APPROVALS = 6
"""The first version that knows tool approvals."""
REASONS = {"stop": "stop", "length": "length", "content_filter": "content-filter", "tool_calls": "tool-calls"}
Chunk = dict[str, Any]


class AiSdk:
    """`sdk`: the major version of the client. `message_id`: the message that the run goes on with; empty = one of its
    own. `before`: what the client is told of that message before this run's part of it, if it has forgotten it.
    `known`: calls in that message that wait for their results; `denied`: those of them that a person denied."""

    name: ClassVar[str] = "ui"
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 15.0
    merges: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def __init__(
        self,
        *,
        sdk: int = 5,
        message_id: str = "",
        before: Sequence[Chunk] = (),
        known: Collection[str] = (),
        denied: Collection[str] = (),
    ) -> None:
        self._sdk = sdk
        self._message_id = message_id
        self._before = before
        self._known, self._denied = known, denied
        self._step = False
        self._border = False
        """Whether what comes next begins a step."""
        self._blocks: dict[str, str] = {}
        """Open text and reasoning: the kind it is told as."""
        self._names: dict[str, str] = {}
        """Open tool calls."""
        self._inputs: dict[str, str] = {}
        """The arguments so far of calls whose arguments are not whole."""
        self._waiting: set[str] = set()
        """Calls that wait for an approval: they have not failed when the run ends."""
        self._interrupt = ""
        self._reason = ""
        self._usage = TokenUsage()

    def step(self, event: Event) -> list[Frame]:
        chunks = self.chunks(event)
        if not chunks:
            return []
        frames = [Frame(msgspec.json.encode(chunk)) for chunk in chunks]
        return [*frames[:-1], Frame(frames[-1].data, id=str(event.seq))]

    def end(self) -> list[Frame]:
        return [Frame(b"[DONE]")]

    def chunks(self, event: Event) -> list[Chunk]:
        """Return what the protocol says at this event."""
        match event:
            case TextDelta() | ReasoningDelta():
                return [{"type": f"{self._blocks[event.id]}-delta", "id": event.id, "delta": event.text}]
            case TextStarted() | ReasoningStarted():
                answer = isinstance(event, TextStarted) and event.channel == "text"
                border = self._bordered()
                kind = self._blocks[event.id] = "text" if answer else "reasoning"
                return [*border, {"type": f"{kind}-start", "id": event.id}]
            case TextFinished() | ReasoningFinished():
                return [{"type": f"{self._blocks.pop(event.id)}-end", "id": event.id}]
            case ToolStarted() | ToolInputDelta() | ToolInput() | ToolOutputDelta() | ToolOutput() | ToolFailed():
                return self._tool(event)
            case RunStarted() | RunFinished() | RunFailed() | InterruptRequested():
                return self._run(event)
            case MessageStarted() | MessageFinished() | StepStarted() | StepFinished():
                return self._part(event)
            case _:
                return self._extra(event)

    # -- steps --------------------------------------------------------------------------------------------------------

    def _part(self, event: Event) -> list[Chunk]:
        self._border = True
        match event:
            case MessageFinished():
                self._reason = event.finish_reason or self._reason
            case StepStarted() | StepFinished():
                status = "started" if isinstance(event, StepStarted) else "finished"
                return [_data("step", {"name": event.name, "status": status}, event.id)]
        return []

    def _bordered(self) -> list[Chunk]:
        """Return the border of a step, if one is due and nothing stands open."""
        if self._step and (not self._border or self._blocks or self._inputs):
            return []
        chunks: list[Chunk] = [{"type": "finish-step"}] if self._step else []
        self._step, self._border = True, False
        return [*chunks, {"type": "start-step"}]

    # -- tools --------------------------------------------------------------------------------------------------------

    def _tool(self, event: Event) -> list[Chunk]:
        match event:
            case ToolStarted():
                border = [] if event.id in self._known else self._bordered()
                self._names[event.id], self._inputs[event.id] = event.name, ""
                begun = {"type": "tool-input-start", "toolCallId": event.id, "toolName": event.name}
                return [] if event.id in self._known else [*border, begun]
            case ToolInputDelta():
                self._inputs[event.id] += event.text
                return [{"type": "tool-input-delta", "toolCallId": event.id, "inputTextDelta": event.text}]
            case ToolInput():
                del self._inputs[event.id]
                if event.id in self._known:
                    return []
                call = {"toolCallId": event.id, "toolName": event.name}
                return [{"type": "tool-input-available", **call, "input": event.input}]
            case ToolOutputDelta():
                return [_output(event.id, event.output) | {"preliminary": True}]
            case ToolOutput():
                self._names.pop(event.id, None)
                return [_output(event.id, event.output)]
            case ToolFailed():
                return self._failed(event)
        return []

    def _failed(self, event: ToolFailed) -> list[Chunk]:
        name, partial = self._names.pop(event.id, ""), self._inputs.pop(event.id, None)
        if event.id in self._waiting:
            return []
        if event.id in self._denied and self._sdk >= APPROVALS:
            return [{"type": "tool-output-denied", "toolCallId": event.id}]
        if partial is None:
            return [{"type": "tool-output-error", "toolCallId": event.id, "errorText": event.error}]
        call = {"toolCallId": event.id, "toolName": name, "input": partial, "errorText": event.error}
        return [{"type": "tool-input-error", **call}]

    # -- the run ------------------------------------------------------------------------------------------------------

    def _run(self, event: Event) -> list[Chunk]:
        match event:
            case RunStarted():
                if self._before:
                    return list(self._before)
                begun = {"runId": event.run_id, "threadId": event.thread_id, "agent": event.agent}
                return [{"type": "start", "messageId": self._message_id or event.run_id, "messageMetadata": begun}]
            case InterruptRequested():
                return [self._asked(event)]
            case RunFinished(outcome="cancelled"):
                return [*self._closed(), {"type": "abort", "reason": event.reason or "cancelled"}]
            case RunFinished(outcome="timeout"):
                return [*self._closed(), {"type": "error", "errorText": event.message or "timeout"}]
            case RunFailed():
                return [*self._closed(), {"type": "error", "errorText": event.message}]
            case RunFinished():
                about: Chunk = {"outcome": event.outcome, "usage": _usage(event.usage), "stats": _stats(event.stats)}
                return [*self._closed(), {"type": "finish", "finishReason": self._why(), "messageMetadata": about}]
        return []

    def _asked(self, event: InterruptRequested) -> Chunk:
        self._interrupt = event.reason
        if event.reason == "approval" and event.tool_id in self._names:
            self._waiting.add(event.tool_id)
            if self._sdk >= APPROVALS:
                return {"type": "tool-approval-request", "approvalId": event.id, "toolCallId": event.tool_id}
        about: Chunk = {"question": event.question, "reason": event.reason}
        if event.schema is not None:
            about["schema"] = event.schema
        if event.expires_at is not None:
            about["expiresAt"] = event.expires_at
        if event.tool_id:
            about["toolCallId"] = event.tool_id
        return _data("interrupt", about, event.id)

    def _closed(self) -> list[Chunk]:
        return [{"type": "finish-step"}] if self._step else []

    def _why(self) -> str:
        if self._interrupt:
            return "tool-calls" if self._interrupt == "approval" else "other"
        return REASONS.get(self._reason, "stop" if not self._reason else "other")

    # -- the rest -----------------------------------------------------------------------------------------------------

    def _extra(self, event: Event) -> list[Chunk]:
        match event:
            case Data():
                return [_data(event.name, event.value, event.id, transient=event.transient)]
            case Progress():
                return [_data("progress", {"value": event.value, "note": event.note}, "progress", transient=True)]
            case StateSnapshot():
                return [_data("state", event.state, "state")]
            case StatePatch():
                return [_data("state-patch", {"patch": list(event.patch), "update": event.update}, transient=True)]
            case Source():
                return [_source(event)]
            case File():
                name = {"filename": event.name} if event.name else {}
                return [{"type": "file", "url": event.url, "mediaType": event.media_type, **name}]
            case Artifact():
                about = {"name": event.name, "description": event.description, "parts": list(event.parts)}
                return [_data("artifact", about, event.id)]
            case Attachment():
                return [_data("attachment", {"type": event.kind, "value": event.value, "metadata": event.metadata})]
            case ModelUsage():
                self._usage = self._usage.plus(event.usage)
                return [{"type": "message-metadata", "messageMetadata": {"usage": _usage(self._usage)}}]
        return []


def _data(name: str, value: Any, id: str = "", *, transient: bool = False) -> Chunk:  # noqa: A002  # the field's name
    chunk: Chunk = {"type": f"data-{name}", "data": value}
    if id:
        chunk["id"] = id
    if transient:
        chunk["transient"] = True
    return chunk


def _output(call: str, output: Any) -> Chunk:
    return {"type": "tool-output-available", "toolCallId": call, "output": output}


def _source(event: Source) -> Chunk:
    if event.media_type or not event.url:
        title = event.title or event.url or event.id
        kind = {"mediaType": event.media_type or "application/octet-stream", "title": title}
        return {"type": "source-document", "sourceId": event.id, **kind}
    chunk = {"type": "source-url", "sourceId": event.id, "url": event.url}
    return chunk | ({"title": event.title} if event.title else {})


def _usage(usage: TokenUsage) -> dict[str, int]:
    """As the SDK's LanguageModelUsage names it."""
    return {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.total_tokens,
        "reasoningTokens": usage.reasoning_tokens,
        "cachedInputTokens": usage.cache_read_tokens,
    }


def _stats(stats: RunStats) -> Chunk:
    return {
        "firstChunkMs": stats.first_chunk_ms,
        "chunks": stats.chunks,
        "characters": stats.characters,
        "durationMs": stats.duration_ms,
    }
