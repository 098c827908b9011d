"""A log folded into seed 004's whole answer: what `/generate` returns and `event: final` carries. agents.md B.1.

    {"requestId", "text", "attachments": [], "metadata": {}, "reasoningChains": [], "contentChains": []}

`text` is what was said on the channel `text`. A chain is what one channel did, in order: texts and tool calls;
reasoning belongs to the chain `processing` and stands in `reasoningChains` too, where older readers look for it.
"""

from io import StringIO
from typing import Any

import msgspec

from sluice.runs.events import (
    Artifact,
    Attachment,
    Data,
    Event,
    File,
    InterruptRequested,
    ReasoningDelta,
    ReasoningStarted,
    RunFinished,
    RunStarted,
    Source,
    TextDelta,
    TextStarted,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolStarted,
)

MAX_TOOL_OUTPUT = 50_000
"""Characters of a tool's output that are shown (B.3)."""
QUESTION = "ask::"
"""How the token of a question's button begins; then its run and its id."""
_KINDS = {"image": "image", "audio": "voice"}
"""The first half of a media type -> the kind of its attachment; others are `file`."""


class Step:
    """A step of a chain: a text that grows, or a tool call."""

    __slots__ = ("_head", "_input", "_output", "_text", "channel", "had_input")

    def __init__(self, channel: str, head: dict[str, Any]) -> None:
        self.channel = channel
        self.had_input = False
        self._head = head
        self._text, self._input, self._output = StringIO(), StringIO(), ""

    def say(self, text: str) -> None:
        self._text.write(text)

    def hear(self, text: str) -> None:
        """Take a piece of the arguments."""
        self.had_input = True
        self._input.write(text)

    def answer(self, output: str) -> None:
        self._output = output

    def told(self) -> dict[str, Any]:
        """Return it as the wire has it."""
        if self._head["type"] == "text":
            return {**self._head, "text": self._text.getvalue()}
        return {**self._head, "input": self._input.getvalue(), "output": self._output}


def shown(output: Any) -> str:
    """Return a tool's output as text, cut to what is shown."""
    text = output if isinstance(output, str) else msgspec.json.encode(output).decode()
    return text[:MAX_TOOL_OUTPUT]


class Answer:
    """Give it each event; `told` is right after any of them."""

    __slots__ = ("_attachments", "_cancelled", "_chains", "_interrupts", "_metadata", "_reasoning", "_request",
                 "_text", "_whole", "steps")  # fmt: skip

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        """By the id of their block or tool call."""
        self._request = ""
        self._text = StringIO()
        self._chains: dict[str, list[Step]] = {}
        self._reasoning: list[Step] = []
        self._attachments: list[dict[str, Any]] = []
        self._interrupts: list[dict[str, Any]] = []
        self._metadata: dict[str, Any] = {}
        self._cancelled = self._whole = False

    def step(self, event: Event) -> None:
        """Take the next event."""
        match event:
            case TextDelta() | ReasoningDelta():
                self.steps[event.id].say(event.text)
                if isinstance(event, TextDelta) and event.channel == "text":
                    self._text.write(event.text)
            case TextStarted():
                self._open(event.id, event.channel, {"type": "text"})
            case ReasoningStarted():
                self._reasoning.append(self._open(event.id, "processing", {"type": "text"}))
            case Data(transient=False):
                self._metadata[event.name] = event.value
            case RunStarted():
                self._request = event.request_id or event.run_id
            case RunFinished():
                self._finish(event)
            case ToolStarted() | ToolInputDelta() | ToolInput() | ToolOutput() | ToolFailed():
                self._tool(event)
            case _:
                self._attach(event)

    def _tool(self, event: ToolStarted | ToolInputDelta | ToolInput | ToolOutput | ToolFailed) -> None:
        match event:
            case ToolStarted():
                self._open(event.id, event.channel, {"type": "tool_use", "name": event.name, "id": event.id})
            case ToolInputDelta():
                self.steps[event.id].hear(event.text)
            case ToolInput():
                if not self.steps[event.id].had_input:
                    self.steps[event.id].hear(msgspec.json.encode(event.input).decode())
            case ToolOutput():
                self.steps[event.id].answer(shown(event.output))
            case ToolFailed():
                self.steps[event.id].answer(f"Error: {event.error}")

    def _attach(self, event: Event) -> None:
        attachment = attached(event)
        if attachment is not None:
            self._attachments.append(attachment)
        if isinstance(event, InterruptRequested):
            self._interrupts.append(asked(event))

    def _open(self, name: str, channel: str, head: dict[str, Any]) -> Step:
        chain = self._chains.setdefault(channel, [])
        step = self.steps[name] = Step(channel, {"index": len(chain), **head})
        chain.append(step)
        return step

    def _finish(self, event: RunFinished) -> None:
        self._cancelled = event.outcome == "cancelled"
        self._whole = event.outcome in ("success", "interrupt")
        usage = event.usage
        if usage.total_tokens:
            self._metadata["usageMetrics"] = {
                "promptTokens": usage.input_tokens,
                "completionTokens": usage.output_tokens,
                "totalTokens": usage.total_tokens,
            }

    def told(self) -> dict[str, Any]:
        """Return the answer so far."""
        metadata = dict(self._metadata)
        if self._interrupts:
            metadata["interrupts"] = self._interrupts
        if self._cancelled:
            metadata["cancelled"] = True
        return {
            "requestId": self._request,
            "text": self._text.getvalue(),
            "attachments": self._attachments,
            "metadata": metadata,
            "reasoningChains": [
                {"steps": [{**step.told(), "index": 0}], "isComplete": self._whole} for step in self._reasoning
            ],
            "contentChains": [
                {"channel": channel, "steps": [step.told() for step in chain], "isComplete": self._whole}
                for channel, chain in self._chains.items()
            ],
        }


def asked(event: InterruptRequested) -> dict[str, Any]:
    """Return what a person is asked, in the seed's spelling."""
    fields = {
        "id": event.id,
        "question": event.question,
        "reason": event.reason,
        "schema": event.schema,
        "expiresAt": event.expires_at,
    }
    return {key: value for key, value in fields.items() if value is not None}


def attached(event: Event) -> dict[str, Any] | None:
    """Return the attachment that an event is; None if it is none."""
    match event:
        case Attachment():
            return {"type": event.kind, "value": event.value, "metadata": dict(event.metadata)}
        case File():
            kind = _KINDS.get(event.media_type.partition("/")[0], "file")
            value = {"url": event.url, "mediaType": event.media_type, "name": event.name}
            return {"type": kind, "value": value, "metadata": {}}
        case Source():
            return {"type": "source", "value": {"url": event.url, "title": event.title}, "metadata": {"id": event.id}}
        case Artifact():
            value = {"title": event.name, "description": event.description, "parts": msgspec.to_builtins(event.parts)}
            return {"type": "card", "value": value, "metadata": {"id": event.id}}
        case InterruptRequested():
            label = event.question if isinstance(event.question, str) else "Answer"
            value = {"label": label, "token": f"{QUESTION}{event.run_id}::{event.id}", "interruptId": event.id}
            return {"type": "button", "value": value, "metadata": {"reason": event.reason}}
        case _:
            return None
