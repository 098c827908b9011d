"""AG-UI 1.0: what CopilotKit and the clients of `@ag-ui/client` read.

    RUN_STARTED ─ TEXT_MESSAGE_START ─ CONTENT × n ─ END ─ TOOL_CALL_START … RESULT ─ … ─ RUN_FINISHED | RUN_ERROR

The client's verifier ends a run that breaks a rule: nothing before RUN_STARTED or after the end, everything that was
opened is closed before RUN_FINISHED, no step of one name twice at a time. Optional fields are left out, never null.
Lines end in LF, there is no `[DONE]`. A message carries one text: a second text that is open at the same time has a
message of its own. Source: ag-ui-protocol 1.0.0 (models), @ag-ui/client 1.0.0 (verify), read 2026-11-21; agents.md C.2.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from sluice.runs.events import (
    Artifact,
    Attachment,
    Data,
    Event,
    File,
    InterruptRequested,
    ModelUsage,
    Progress,
    ReasoningDelta,
    ReasoningFinished,
    ReasoningStarted,
    RunFailed,
    RunFinished,
    RunStarted,
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
    type_of,
)
from sluice.runs.projection import Frame

PROTOCOL = "1.0"
Said = dict[str, Any]


class AgUi:
    """`run_id`: the client's own name for the run; empty = ours. `known`: calls that wait for their results and that
    the client has from an earlier run: told again, their arguments would stand there twice. `done`: calls that the
    client has carried out: it has what came of them."""

    name: ClassVar[str] = "ag-ui"
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 15.0
    merges: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def __init__(self, *, run_id: str = "", known: Collection[str] = (), done: Collection[str] = ()) -> None:
        self._run_id, self._known, self._done = run_id, known, done
        self._texts: dict[str, str] = {}
        """Open texts of the answer: the message that each is told in."""
        self._steps: dict[str, int] = {}
        """Open steps by name: how many there are."""
        self._inputs: dict[str, bool] = {}
        """Calls whose arguments are not whole: whether any of them were told."""
        self._waiting: set[str] = set()
        """Calls that wait for an approval: they have not failed when the run ends."""
        self._interrupts: list[Said] = []
        self._usage: dict[str, TokenUsage] = {}

    def step(self, event: Event) -> list[Frame]:
        said = self._say(event)
        if not said:
            return []
        for one in said:
            one["timestamp"] = event.ts
        frames = [Frame(msgspec.json.encode(one)) for one in said[:-1]]
        return [*frames, Frame(msgspec.json.encode(said[-1]), id=str(event.seq))]

    def end(self) -> list[Frame]:
        return []

    def _say(self, event: Event) -> list[Said]:
        match event:
            case TextDelta() | TextStarted() | TextFinished():
                return self._text(event)
            case ReasoningDelta():
                return [_of("REASONING_MESSAGE_CONTENT", event.id) | {"delta": event.text}]
            case ReasoningStarted():
                return _thinks(event.id)
            case ReasoningFinished():
                return _thought(event.id)
            case ToolStarted() | ToolInputDelta() | ToolInput() | ToolOutputDelta() | ToolOutput() | ToolFailed():
                return self._tool(event)
            case StepStarted() | StepFinished():
                return self._named_step(event)
            case RunStarted() | RunFinished() | RunFailed():
                return self._run(event)
            case InterruptRequested():
                self._asked(event)
                return []
            case ModelUsage():
                self._usage[event.model] = self._usage.get(event.model, TokenUsage()).plus(event.usage)
                return []
            case _:
                return _extra(event)

    # -- text ---------------------------------------------------------------------------------------------------------

    def _text(self, event: TextDelta | TextStarted | TextFinished) -> list[Said]:
        if isinstance(event, TextStarted) and event.channel == "text":
            taken = event.message_id in self._texts.values()
            message = self._texts[event.id] = event.id if taken else event.message_id
            return [_of("TEXT_MESSAGE_START", message) | {"role": "assistant"}]
        message = self._texts.get(event.id, "")
        match event:
            case TextDelta() if message:
                return [_of("TEXT_MESSAGE_CONTENT", message) | {"delta": event.text}]
            case TextDelta():
                return [_of("REASONING_MESSAGE_CONTENT", event.id) | {"delta": event.text}]
            case TextFinished() if message:
                del self._texts[event.id]
                return [_of("TEXT_MESSAGE_END", message)]
            case TextFinished():
                return _thought(event.id)
            case _:
                return _thinks(event.id)

    # -- tools and steps ----------------------------------------------------------------------------------------------

    def _tool(self, event: Event) -> list[Said]:
        match event:
            case ToolStarted() | ToolInputDelta() | ToolInput() if event.id in self._known:
                return []
            case ToolStarted():
                self._inputs[event.id] = False
                call = {"toolCallId": event.id, "toolCallName": event.name}
                return [{"type": "TOOL_CALL_START", **call, "parentMessageId": event.message_id}]
            case ToolInputDelta():
                self._inputs[event.id] = True
                return [_arguments(event.id, event.text)]
            case ToolInput():
                told = self._inputs.pop(event.id)
                text = msgspec.json.encode({} if event.input is None else event.input).decode()
                return [*([] if told else [_arguments(event.id, text)]), _call_end(event.id)]
            case ToolOutputDelta():
                return [_custom("tool.output.delta", {"toolCallId": event.id, "output": event.output})]
            case ToolOutput() | ToolFailed() if event.id in self._done:
                return []
            case ToolOutput():
                return [_result(event.id, event.output)]
            case ToolFailed():
                ended = [_call_end(event.id)] if self._inputs.pop(event.id, None) is not None else []
                if event.id in self._waiting:
                    return ended
                return [*ended, _result(event.id, event.error) | {"metadata": {"error": True}}]
        return []

    def _named_step(self, event: StepStarted | StepFinished) -> list[Said]:
        """A name that is open already is told once."""
        count = self._steps.get(event.name, 0) + (1 if isinstance(event, StepStarted) else -1)
        self._steps[event.name] = count
        if isinstance(event, StepStarted):
            return [{"type": "STEP_STARTED", "stepName": event.name}] if count == 1 else []
        return [{"type": "STEP_FINISHED", "stepName": event.name}] if count == 0 else []

    # -- the run ------------------------------------------------------------------------------------------------------

    def _run(self, event: RunStarted | RunFinished | RunFailed) -> list[Said]:
        if isinstance(event, RunStarted):
            self._run_id = self._run_id or event.run_id
            parent = {"parentRunId": event.resumes} if event.resumes else {}
            return [{"type": "RUN_STARTED", **self._ids(event), "protocolVersion": PROTOCOL, **parent}]
        usage = {"usage": used} if (used := self._used(event.usage)) else {}
        if isinstance(event, RunFailed):
            return [{"type": "RUN_ERROR", "message": event.message, "code": event.code, **usage}]
        if event.outcome == "timeout":
            return [{"type": "RUN_ERROR", "message": event.message or "timeout", "code": "timeout", **usage}]
        outcome: Said = {"type": event.outcome}
        if event.outcome == "interrupt" and not self._interrupts:
            outcome["type"] = "success"  # the client carries out what was called, and comes back with what came of it
        elif event.outcome == "interrupt":
            outcome["interrupts"] = self._interrupts
        return [{"type": "RUN_FINISHED", **self._ids(event), "outcome": outcome, **usage}]

    def _ids(self, event: Event) -> Said:
        return {"threadId": event.thread_id, "runId": self._run_id}

    def _used(self, total: TokenUsage) -> list[Said]:
        if self._usage:
            return [{"model": model, **_tokens(usage)} for model, usage in self._usage.items()]
        return [_tokens(total)] if total.total_tokens else []

    def _asked(self, event: InterruptRequested) -> None:
        if event.reason == "tool":
            self._waiting.add(event.tool_id)
            return
        asked: Said = {"id": event.id, "reason": event.reason}
        question = event.question
        message = question.get("message") if isinstance(question, dict) else question
        if isinstance(message, str):
            asked["message"] = message
        if not isinstance(question, str):
            asked["metadata"] = {"question": question}
        if event.tool_id:
            self._waiting.add(event.tool_id)
            asked["toolCallId"] = event.tool_id
        if isinstance(event.schema, dict):
            asked["responseSchema"] = event.schema
        if event.expires_at is not None:
            asked["expiresAt"] = datetime.fromtimestamp(event.expires_at / 1000, UTC).isoformat()
        self._interrupts.append(asked)


def _extra(event: Event) -> list[Said]:
    match event:
        case StateSnapshot():
            return [{"type": "STATE_SNAPSHOT", "snapshot": event.state}]
        case StatePatch():
            return [{"type": "STATE_DELTA", "delta": list(event.patch)}] if event.patch else []
        case Progress():
            content = {"note": event.note} | ({} if event.value is None else {"value": event.value})
            snapshot = _of("ACTIVITY_SNAPSHOT", f"progress-{event.run_id}")
            return [snapshot | {"activityType": "PROGRESS", "content": content}]
        case Data():
            meta = ({"id": event.id} if event.id else {}) | ({"transient": True} if event.transient else {})
            return [_custom(event.name, event.value) | ({"metadata": meta} if meta else {})]
        case Source():
            value = {"id": event.id, "url": event.url, "title": event.title, "mediaType": event.media_type}
            return [_custom("source", value)]
        case File():
            value = {"id": event.id, "url": event.url, "mediaType": event.media_type, "name": event.name}
            return [_custom("file", value)]
        case Artifact():
            about = {"id": event.id, "name": event.name, "description": event.description}
            return [_custom("artifact", about | {"parts": event.parts})]
        case Attachment():
            return [_custom(type_of(event), {"type": event.kind, "value": event.value, "metadata": event.metadata})]
    return []


def _of(kind: str, message: str) -> Said:
    return {"type": kind, "messageId": message}


def _thinks(span: str) -> list[Said]:
    return [_of("REASONING_START", span), _of("REASONING_MESSAGE_START", span) | {"role": "reasoning"}]


def _thought(span: str) -> list[Said]:
    return [_of("REASONING_MESSAGE_END", span), _of("REASONING_END", span)]


def _arguments(call: str, text: str) -> Said:
    return {"type": "TOOL_CALL_ARGS", "toolCallId": call, "delta": text}


def _call_end(call: str) -> Said:
    return {"type": "TOOL_CALL_END", "toolCallId": call}


def _result(call: str, output: Any) -> Said:
    """The message has the name that the thread's own has (runs.fold)."""
    content = output if isinstance(output, str) else msgspec.json.encode(output).decode()
    return _of("TOOL_CALL_RESULT", f"{call}-result") | {"toolCallId": call, "role": "tool", "content": content}


def _custom(name: str, value: Any) -> Said:
    return {"type": "CUSTOM", "name": name, "value": value}


def _tokens(usage: TokenUsage) -> Said:
    return {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.total_tokens,
        "reasoningTokens": usage.reasoning_tokens,
        "cachedInputTokens": usage.cache_read_tokens,
        "cacheWriteInputTokens": usage.cache_write_tokens,
    }
