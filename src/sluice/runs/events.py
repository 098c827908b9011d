"""The events of a run: thirty facts, each with its place in one gapless log.

    run.started ─ message.started ─ text.started ─ text.delta × n ─ text.finished ─ message.finished ─ run.finished
                       ├─ reasoning.started ─ reasoning.delta × n ─ reasoning.finished
                       └─ tool.started ─ tool.input.delta × n ─ tool.input ─ tool.output.delta × n ─ tool.output
    step.started … step.finished around any of these; data, progress, state, usage and the like anywhere between

The legal order is one table: `runs.order`. On the wire an event is its fields as JSON, snake_case, `type` first: the
native protocol and what the stores keep. Settled in agents.md D.3 and E.7.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias

import msgspec

from sluice.runs.messages import Message, Part

Outcome = Literal["success", "interrupt", "cancelled", "timeout"]
Channel = Literal["text", "processing"]
"""`text` is the answer; `processing` is what a reader may fold away."""


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True, gc=False):
    """What every event has."""

    seq: int
    """Its place in the log: the first is 1, none is left out."""
    run_id: str
    thread_id: str
    ts: int
    """Milliseconds since 1970."""
    channel: Channel = "text"
    path: tuple[str, ...] = ()
    """The graph nodes or sub-agents that said it, outermost first."""


class RunStarted(_Event, frozen=True, kw_only=True, tag="run.started", gc=False):
    agent: str
    version: str = ""
    request_id: str = ""
    input: tuple[Message, ...] = ()
    resumes: str = ""
    """The run whose interrupt this one answers."""


class RunStats(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a stopwatch beside the run would say. Milliseconds since it began; None = it did not happen."""

    first_chunk_ms: float | None = None
    chunks: int = 0
    characters: int = 0
    duration_ms: float = 0.0


class TokenUsage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Tokens of all model calls of a run. `input_tokens` includes those read from a cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def plus(self, more: "TokenUsage") -> "TokenUsage":
        """Return both together."""
        return TokenUsage(**{name: getattr(self, name) + getattr(more, name) for name in self.__struct_fields__})


class RunFinished(_Event, frozen=True, kw_only=True, tag="run.finished", gc=False):
    """The one terminal event of a run that ended as it was meant to, was interrupted, cancelled or out of time."""

    outcome: Outcome
    usage: TokenUsage = TokenUsage()
    stats: RunStats = RunStats()
    reason: str = ""
    """Why it was cancelled, or which clock ran out: `ttft`, `idle`, `total`, `buffer`."""
    message: str = ""
    """For people: `streaming timeout after 30s`."""


class RunFailed(_Event, frozen=True, kw_only=True, tag="run.failed", gc=False):
    """The other terminal event."""

    code: str
    """`error` of the handler itself, `upstream`, `guard`, `rate_limited`, `recursion`, `too_large`, `server_restart`,
    `resume_gap`; otherwise the code of the error that ended it (errors)."""
    message: str
    retryable: bool = False
    status: int = 500
    """The HTTP status that a reader gets who waited for a whole answer."""
    usage: TokenUsage = TokenUsage()
    stats: RunStats = RunStats()


class StepStarted(_Event, frozen=True, kw_only=True, tag="step.started", gc=False):
    id: str
    name: str


class StepFinished(_Event, frozen=True, kw_only=True, tag="step.finished", gc=False):
    id: str
    name: str


class MessageStarted(_Event, frozen=True, kw_only=True, tag="message.started", gc=False):
    """A message of the agent begins: text, reasoning and tool calls until its end belong to it."""

    id: str
    role: Literal["assistant"] = "assistant"


class MessageFinished(_Event, frozen=True, kw_only=True, tag="message.finished", gc=False):
    id: str
    finish_reason: str = ""
    """As chat/events has it: `stop`, `length`, `tool_calls`, `content_filter`; empty = nobody said."""


class TextStarted(_Event, frozen=True, kw_only=True, tag="text.started", gc=False):
    id: str
    message_id: str


class TextDelta(_Event, frozen=True, kw_only=True, tag="text.delta", gc=False):
    id: str
    text: str


class TextFinished(_Event, frozen=True, kw_only=True, tag="text.finished", gc=False):
    id: str


class ReasoningStarted(_Event, frozen=True, kw_only=True, tag="reasoning.started", gc=False):
    id: str
    message_id: str


class ReasoningDelta(_Event, frozen=True, kw_only=True, tag="reasoning.delta", gc=False):
    id: str
    text: str


class ReasoningFinished(_Event, frozen=True, kw_only=True, tag="reasoning.finished", gc=False):
    id: str


class ToolStarted(_Event, frozen=True, kw_only=True, tag="tool.started", gc=False):
    """A call of a tool begins; `id` is the tool call's own."""

    id: str
    name: str
    message_id: str


class ToolInputDelta(_Event, frozen=True, kw_only=True, tag="tool.input.delta", gc=False):
    id: str
    text: str
    """A piece of the arguments' JSON."""


class ToolInput(_Event, frozen=True, kw_only=True, tag="tool.input", gc=False):
    """The arguments are whole."""

    id: str
    name: str
    input: Any


class ToolOutputDelta(_Event, frozen=True, kw_only=True, tag="tool.output.delta", gc=False):
    """What a tool says before its result: its progress, replaced by the next."""

    id: str
    output: Any


class ToolOutput(_Event, frozen=True, kw_only=True, tag="tool.output", gc=False):
    id: str
    output: Any


class ToolFailed(_Event, frozen=True, kw_only=True, tag="tool.failed", gc=False):
    id: str
    error: str


class InterruptRequested(_Event, frozen=True, kw_only=True, tag="interrupt.requested", gc=False):
    """The run waits for people: it ends with the outcome `interrupt`, and a later one answers."""

    id: str
    question: Any
    """A text, or what the agent gave."""
    reason: str = "input"
    """`input`, `approval` of the tool call `tool_id`, or `tool`: the client carries that call out."""
    schema: Any = None
    """JSON schema of the answer."""
    expires_at: int | None = None
    """Milliseconds since 1970."""
    tool_id: str = ""


class InterruptResolved(_Event, frozen=True, kw_only=True, tag="interrupt.resolved", gc=False):
    """First thing of the run that resumes."""

    id: str
    status: Literal["resolved", "cancelled"]
    value: Any = None


class StateSnapshot(_Event, frozen=True, kw_only=True, tag="state.snapshot", gc=False):
    state: Any


class StatePatch(_Event, frozen=True, kw_only=True, tag="state.patch", gc=False):
    """What a step changed: for graphs `update` is the node's own update; `patch` is RFC 6902."""

    patch: tuple[Mapping[str, Any], ...]
    update: Any = None


class Data(_Event, frozen=True, kw_only=True, tag="data", gc=False):
    name: str
    value: Any
    id: str = ""
    """A later one of the same name and id replaces it; empty = each stands for itself."""
    transient: bool = False
    """Not part of the message."""


class Progress(_Event, frozen=True, kw_only=True, tag="progress", gc=False):
    value: float | None = None
    """0 to 1, if that can be told."""
    note: str = ""


class Source(_Event, frozen=True, kw_only=True, tag="source", gc=False):
    id: str
    url: str = ""
    title: str = ""
    media_type: str = ""
    """Given for documents; empty for pages."""


class File(_Event, frozen=True, kw_only=True, tag="file", gc=False):
    id: str
    url: str
    """May be a `data:` URL."""
    media_type: str
    name: str = ""


class Artifact(_Event, frozen=True, kw_only=True, tag="artifact", gc=False):
    id: str
    name: str
    parts: tuple[Part, ...]
    description: str = ""


class Attachment(_Event, frozen=True, kw_only=True, tag="attachment", gc=False):
    """`kind` is of seed 004's set: image, voice, file, button, citation, suggestion, webapp, source, card, chart."""

    kind: str
    value: Any
    metadata: Mapping[str, Any] = {}


class ModelUsage(_Event, frozen=True, kw_only=True, tag="usage", gc=False):
    """Tokens of one model call."""

    model: str
    usage: TokenUsage


_OfRun: TypeAlias = RunStarted | RunFinished | RunFailed | StepStarted | StepFinished | MessageStarted | MessageFinished
_OfText: TypeAlias = TextStarted | TextDelta | TextFinished | ReasoningStarted | ReasoningDelta | ReasoningFinished
_OfTools: TypeAlias = ToolStarted | ToolInputDelta | ToolInput | ToolOutputDelta | ToolOutput | ToolFailed
_OfAsking: TypeAlias = InterruptRequested | InterruptResolved | StateSnapshot | StatePatch
_Beside: TypeAlias = Data | Progress | Source | File | Artifact | Attachment | ModelUsage
Event: TypeAlias = _OfRun | _OfText | _OfTools | _OfAsking | _Beside
TERMINAL = (RunFinished, RunFailed)
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class Codec:
    """An event as bytes and back: the wire of the native protocol, and what stores keep."""

    encode: ClassVar = staticmethod(msgspec.json.Encoder().encode)
    decode: ClassVar = staticmethod(_DECODER.decode)
    """Raises msgspec.DecodeError: no event of this version."""


def type_of(event: Event) -> str:
    """Its name on the wire: `text.delta`."""
    return str(type(event).__struct_config__.tag)
