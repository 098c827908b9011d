"""Messages of a ConverseStream to events. The hot path of the gateway: every line here is paid once per token.

    messageStart, for each block [contentBlockStart] contentBlockDelta* contentBlockStop, then messageStop, metadata

Habits that this decoder bears, each with a test: a block of text has no start; a call without arguments has no delta,
or an empty one; a signature and redacted reasoning come in pieces; some models say `end_turn` after a tool call.
"""

import base64
import binascii
from collections.abc import Callable

import msgspec

from sluice.chat.events import (
    ChoiceFinished,
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
from sluice.chat.seal import Seal, SealKind
from sluice.dialects.bedrock_converse import errors
from sluice.dialects.bedrock_converse.facts import FINISH_READ
from sluice.dialects.bedrock_converse.schema import (
    MODULE_ID,
    BlockDelta,
    BlockStart,
    BlockStop,
    Delta,
    MessageStart,
    MessageStop,
    Metadata,
    RawBlockDelta,
    ReasoningDelta,
    ToolUse,
    read_citation,
    read_usage,
)
from sluice.dialects.reading import UNREADABLE
from sluice.errors import InBandFailure, ProtocolError, SluiceError
from sluice.wire.event_stream import EXCEPTION
from sluice.wire.sse import Frame

SERVER_TOOL = "server_tool_use"

_read_delta = msgspec.json.Decoder(BlockDelta).decode
_read_raw_delta = msgspec.json.Decoder(RawBlockDelta).decode
_read_start = msgspec.json.Decoder(BlockStart).decode
_read_stop = msgspec.json.Decoder(BlockStop).decode
_read_tool = msgspec.json.Decoder(ToolUse).decode
_read_begin = msgspec.json.Decoder(MessageStart).decode
_read_end = msgspec.json.Decoder(MessageStop).decode
_read_metadata = msgspec.json.Decoder(Metadata).decode


class ConverseStreamDecoder:
    """One stream's frames to events. See `StreamDecoder`."""

    __slots__ = ("_calls", "_empty", "_ended", "_finished", "_foreign", "_sealing")

    def __init__(self) -> None:
        self._calls: dict[int, _Call] = {}
        """The tool calls, by the index of their block."""
        self._empty: _Call | None = None
        """A call whose block was closed without arguments. That it takes none is known only when the model goes on:
        the bound on the output may have cut it off."""
        self._sealing: _Sealing | None = None
        self._foreign: set[int] = set()
        """Blocks of a kind that was reported as unrecognised, so that their deltas need not be."""
        self._finished = False
        self._ended = False

    def decode(self, frame: Frame) -> list[Event]:
        data = frame.data
        if data is None:
            return []
        name = frame.event
        events: list[Event] = []
        try:
            if name == "contentBlockDelta":
                block = _read_delta(data)
                delta = block.delta
                if delta is not None and delta.text and self._empty is None and self._sealing is None:
                    return [TextDelta(0, "text", delta.text)]
                self._delta(block.content_block_index, delta or Delta(), data, events)
            elif step := _STEPS.get(name):
                step(self, data, events)
            elif name.startswith(EXCEPTION):
                events.append(Failed(errors.in_band(name.removeprefix(EXCEPTION), data)))
            else:
                events.append(Unrecognised(f"event:{name}"))
        except UNREADABLE as error:
            raise ProtocolError(f"an event of the provider is not one of ConverseStream: {error}") from None
        return events

    def finish(self) -> list[Event]:
        return []  # `metadata` ends every stream: without it, the answer was cut

    def only_usage(self, frame: Frame) -> bool:
        return False  # usage is never asked for: it comes by itself, and every client expects it

    def failure(self, error: SluiceError) -> bytes:
        return errors.write_event(error)

    # -- the message ---------------------------------------------------------------------------------------------------

    def _begin(self, data: bytes, events: list[Event]) -> None:
        _read_begin(data)
        events.append(Started("", ""))  # who answers stands in the request's address and in headers

    def _finish(self, data: bytes, events: list[Event]) -> None:
        self._seal(events)
        end = finished(_read_end(data), calls=bool(self._calls))
        if isinstance(end, ChoiceFinished):
            self._finished = True
            if end.reason != "length":
                self._go_on(events)
        events.append(end)

    def _metadata(self, data: bytes, events: list[Event]) -> None:
        usage = _read_metadata(data).usage
        if usage is not None:
            events.append(Reported(read_usage(usage)))
        if self._finished:
            events += self._end()

    def _end(self) -> list[Event]:
        if self._ended:
            return []
        self._ended = True
        return [Ended()]

    # -- its blocks ----------------------------------------------------------------------------------------------------

    def _start(self, data: bytes, events: list[Event]) -> None:
        block = _read_start(data)
        self._go_on(events)
        index = block.content_block_index
        for kind, raw in (block.start or {}).items():
            tool = _read_tool(raw) if kind == "toolUse" else None
            if tool is None or tool.type == SERVER_TOOL:
                self._foreign.add(index)
                events.append(Unrecognised(f"block:{SERVER_TOOL if tool else kind}"))
            else:
                self._calls[index] = _Call(len(self._calls))
                events.append(ToolCallStarted(0, self._calls[index].index, tool.tool_use_id or "", tool.name or ""))

    def _delta(self, index: int, delta: Delta, data: bytes, events: list[Event]) -> None:
        reasoning = delta.reasoning_content
        if reasoning is None or self._sealing is None or self._sealing.block != index:
            self._go_on(events)
        if delta.text is not None:
            if delta.text:
                events.append(TextDelta(0, "text", delta.text))
        elif delta.tool_use is not None:
            self._arguments(index, delta.tool_use.input or "", events)
        elif reasoning is not None:
            self._reasoning(index, reasoning, events)
        elif delta.citation is not None:
            events.append(Cited(0, read_citation(delta.citation)))
        elif index not in self._foreign:
            events += [Unrecognised(f"delta:{kind}") for kind in _read_raw_delta(data).delta or ()]

    def _arguments(self, index: int, text: str, events: list[Event]) -> None:
        if index in self._foreign or not text:
            return
        if index not in self._calls:
            raise ProtocolError(f"arguments of a tool call came for block {index}, which is none")
        call = self._calls[index]
        call.said = True
        events.append(ToolCallDelta(0, call.index, text))

    def _reasoning(self, index: int, delta: ReasoningDelta, events: list[Event]) -> None:
        if delta.text:
            self._seal(events)
            events.append(TextDelta(0, "reasoning", delta.text))
        if delta.signature:
            self._collect("reasoning", index, delta.signature, events)
        if delta.redacted_content:
            self._collect("redacted", index, delta.redacted_content, events)

    def _collect(self, kind: SealKind, index: int, piece: str, events: list[Event]) -> None:
        if self._sealing is None or self._sealing.kind != kind:
            self._seal(events)
            self._sealing = _Sealing(kind, index)
        self._sealing.pieces.append(piece)

    def _stop(self, data: bytes, events: list[Event]) -> None:
        index = _read_stop(data).content_block_index
        self._go_on(events)
        call = self._calls.get(index)
        if call is not None and not call.said:
            self._empty = call

    def _go_on(self, events: list[Event]) -> None:
        """The block before is over, and the model went on."""
        self._seal(events)
        if self._empty is not None:
            call, self._empty = self._empty, None
            call.said = True
            events.append(ToolCallDelta(0, call.index, "{}"))

    def _seal(self, events: list[Event]) -> None:
        if self._sealing is not None:
            sealing, self._sealing = self._sealing, None
            events.append(Sealed(0, Seal(MODULE_ID, sealing.kind, sealing.joined())))


class _Call:
    __slots__ = ("index", "said")

    def __init__(self, index: int) -> None:
        self.index = index
        self.said = False
        """It has arguments."""


class _Sealing:
    """A proof whose pieces are still coming."""

    __slots__ = ("block", "kind", "pieces")

    def __init__(self, kind: SealKind, block: int) -> None:
        self.kind = kind
        self.block = block
        self.pieces: list[str] = []

    def joined(self) -> str:
        """A signature is text. Redacted reasoning is bytes: each piece is base64 of its own."""
        if self.kind != "redacted" or len(self.pieces) == 1:
            return "".join(self.pieces)
        try:
            return base64.b64encode(b"".join(base64.b64decode(piece) for piece in self.pieces)).decode("ascii")
        except (binascii.Error, ValueError):
            return "".join(self.pieces)


def finished(stop: MessageStop, *, calls: bool) -> ChoiceFinished | Failed:
    """How an answer ended: an answer that the model spoilt has failed."""
    native = stop.stop_reason or ""
    reason = FINISH_READ.get(native, "stop")
    if reason == "error":
        words = f"the model's answer could not be used ({native})"
        return Failed(InBandFailure(words, code=native))
    if reason == "stop" and calls and native != "stop_sequence":
        reason = "tool_calls"
    fields = stop.additional_model_response_fields
    return ChoiceFinished(0, reason, native, fields.stop_sequence if fields else None)


_STEPS: dict[str, Callable[[ConverseStreamDecoder, bytes, list[Event]], None]] = {
    "messageStart": ConverseStreamDecoder._begin,
    "contentBlockStart": ConverseStreamDecoder._start,
    "contentBlockStop": ConverseStreamDecoder._stop,
    "messageStop": ConverseStreamDecoder._finish,
    "metadata": ConverseStreamDecoder._metadata,
}
"""Functions, not bound methods: a decoder that held those would hold itself."""
