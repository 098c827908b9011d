"""Whole answers of Converse, read as the events of a stream."""

import msgspec

from sluice.chat.events import (
    Cited,
    Ended,
    Event,
    Failed,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.seal import Seal
from sluice.dialects.bedrock_converse import errors
from sluice.dialects.bedrock_converse.decode import SERVER_TOOL, finished
from sluice.dialects.bedrock_converse.schema import (
    MODULE_ID,
    CitationsBlock,
    ReasoningBlock,
    ToolUse,
    Whole,
    read_citation,
    read_usage,
)
from sluice.dialects.reading import ABSENT, NULL, UNREADABLE
from sluice.errors import ProtocolError

_read = msgspec.json.Decoder(Whole).decode
_read_text = msgspec.json.Decoder(str).decode
_read_tool = msgspec.json.Decoder(ToolUse).decode
_read_reasoning = msgspec.json.Decoder(ReasoningBlock).decode
_read_citations = msgspec.json.Decoder(CitationsBlock).decode


def read(body: bytes) -> list[Event]:
    """Read the answer of `Converse` as the events of a legal and complete stream, or as `Failed` alone when it is an
    error under a status of 200.

    Raises:
        ProtocolError: it is neither.
    """
    try:
        whole = _read(body)
        message = whole.output.message if whole.output else None
        if message is None:
            if errors.is_error(body):
                return [Failed(errors.in_band("", body))]
            raise ProtocolError("the provider's answer is not one of Converse: it holds no message")
        blocks = _Blocks()
        for block in message.content:
            for kind, raw in block.items():
                blocks.take(kind, raw)
    except UNREADABLE as error:
        raise ProtocolError(f"the provider's answer is not one of Converse: {error}") from None
    end = finished(whole, calls=blocks.calls > 0)
    if isinstance(end, Failed):
        return [end]
    usage = [] if whole.usage is None else [Reported(read_usage(whole.usage))]
    return [Started("", ""), *blocks.events, end, *usage, Ended()]


class _Blocks:
    """The blocks of a message, read one by one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.calls = 0

    def take(self, kind: str, raw: msgspec.Raw) -> None:
        match kind:
            case "text":
                self._text(_read_text(raw))
            case "toolUse":
                self._tool(_read_tool(raw))
            case "reasoningContent":
                self._reasoning(_read_reasoning(raw))
            case "citationsContent":
                block = _read_citations(raw)
                self._text("".join(words.text or "" for words in block.content or ()))
                self.events += [Cited(0, read_citation(citation)) for citation in block.citations or ()]
            case _:
                self.events.append(Unrecognised(f"block:{kind}"))

    def _text(self, text: str) -> None:
        if text:
            self.events.append(TextDelta(0, "text", text))

    def _tool(self, tool: ToolUse) -> None:
        if tool.type == SERVER_TOOL:
            self.events.append(Unrecognised(f"block:{SERVER_TOOL}"))
            return
        arguments = "{}" if tool.input is ABSENT or tool.input == NULL else bytes(tool.input).decode("utf-8")
        self.events.append(ToolCallStarted(0, self.calls, tool.tool_use_id or "", tool.name or ""))
        self.events.append(ToolCallDelta(0, self.calls, arguments))
        self.calls += 1

    def _reasoning(self, block: ReasoningBlock) -> None:
        told = block.reasoning_text
        if told is not None and told.text:
            self.events.append(TextDelta(0, "reasoning", told.text))
        if told is not None and told.signature:
            self.events.append(Sealed(0, Seal(MODULE_ID, "reasoning", told.signature)))
        if block.redacted_content:
            self.events.append(Sealed(0, Seal(MODULE_ID, "redacted", block.redacted_content)))
