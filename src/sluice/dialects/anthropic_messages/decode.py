"""Events of a Messages stream to events of the vocabulary. The hot path: every line of `decode` is paid per token."""

from collections.abc import Callable

import msgspec

from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.seal import Seal
from sluice.dialects.anthropic_messages import citations, errors
from sluice.dialects.anthropic_messages.opaque import OpaqueBlock
from sluice.dialects.anthropic_messages.schema import (
    FINISH_READ,
    KNOWN_MESSAGE,
    KNOWN_MESSAGE_DELTA,
    MODULE_ID,
    Block,
    Counts,
    Delta,
    Message,
    StreamEvent,
)
from sluice.dialects.dialect import PING
from sluice.dialects.reading import ABSENT, NULL, PINGS, UNREADABLE, kind_of, legible, leniently, member
from sluice.errors import ProtocolError, SluiceError
from sluice.wire.sse import Frame

_read_event = msgspec.json.Decoder(StreamEvent).decode
_read_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_LAST = frozenset(["error", "message_delta", "message_stop"])
_NO_INPUT = frozenset([b"", b"null", b"{}"])


class _Open:
    """A block that is open, and what of it is not said before its end."""

    __slots__ = ("arguments", "call", "cited", "kind", "opaque", "signature", "start")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.opaque: OpaqueBlock | None = None
        """It is of a kind that this dialect does not know, and is kept."""
        self.call = -1
        """Which call of the answer this is, counted from 0."""
        self.arguments: str | None = None
        """What the start of the call said of them; None once a delta took their place."""
        self.signature = ""
        self.start = 0
        """Where in the text that is open this block begins, in characters."""
        self.cited: list[msgspec.Raw] = []


class Blocks:
    """The content blocks of one answer, in the order in which they open."""

    __slots__ = ("_calls", "_empty", "_open", "written")

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._calls = 0
        self._empty = -1
        """The last call, if it ended without arguments: what follows tells whether it has none or was cut off."""
        self.written = 0
        """Characters of the text that is open; blocks of text that follow each other are one."""

    def open(self, index: int, block: Block, events: list[Event], raw: msgspec.Raw | None = None) -> None:
        """Take a block as it begins, or a whole one. `raw`: the same, to be kept if it is of an unknown kind."""
        if index in self._open:
            raise ProtocolError(f"the provider opened block {index} twice")
        self._settle(events)
        self._open[index] = opened = _Open(block.type)
        match block.type:
            case "text":
                opened.start, opened.cited = self.written, list(block.citations or ())
                self.written += len(block.text or "")
                events.append(TextDelta(0, "text", block.text or ""))
            case "tool_use":
                self.written = 0
                given = bytes(block.input)
                opened.call, opened.arguments = self._calls, "" if given in _NO_INPUT else given.decode()
                events.append(ToolCallStarted(0, self._calls, block.id or "", block.name or ""))
                self._calls += 1
            case "thinking":
                opened.signature = block.signature or ""
                self._think(block.thinking, events)
            case "redacted_thinking":
                self.written = 0
                events.append(Sealed(0, Seal(MODULE_ID, "redacted", block.data or "")))
            case kind if raw is not None:
                self.written = 0
                opened.opaque = OpaqueBlock(kind, raw)
            case kind:
                events.append(Unrecognised(f"block:{kind}"))

    def delta(self, index: int, delta: Delta, events: list[Event], raw: Callable[[], msgspec.Raw]) -> None:
        """Take more of a block. What an unknown block that is not kept goes on to say is not told again."""
        block = self._open.get(index)
        if block is None:
            raise ProtocolError(f"the provider sent a delta of block {index}, which is not open")
        if block.opaque is not None:
            block.opaque.grow(raw())
            return
        match block.kind, delta.type:
            case "tool_use", "input_json_delta":
                if delta.partial_json:
                    block.arguments = None
                    events.append(ToolCallDelta(0, block.call, delta.partial_json))
            case "thinking", "thinking_delta":
                self._think(delta.thinking, events)
            case "thinking", "signature_delta":
                block.signature += delta.signature or ""
            case "text", "citations_delta":
                block.cited.append(delta.citation)
            case "text", "text_delta":
                pass  # empty: the others never come here
            case (("text" | "tool_use" | "thinking" | "redacted_thinking"), kind):
                events.append(Unrecognised(f"delta:{kind}"))

    def close(self, index: int, events: list[Event]) -> None:
        """Take the end of a block."""
        block = self._open.pop(index, None)
        if block is None:
            raise ProtocolError(f"the provider closed block {index}, which is not open")
        if block.opaque is not None:
            events.append(block.opaque.event())
        elif block.kind == "tool_use":
            if block.arguments:
                events.append(ToolCallDelta(0, block.call, block.arguments))
            elif block.arguments is not None:
                self._empty = block.call
        elif block.signature:
            self.written = 0
            events.append(Sealed(0, Seal(MODULE_ID, "reasoning", block.signature)))
        for raw in block.cited:
            citation = citations.read(raw, block.start, self.written)
            if citation is not None:
                events.append(Cited(0, citation))

    def finish(self, said: Delta | Message, events: list[Event]) -> None:
        """Take the reason for the end. Blocks that a careless provider left open end here."""
        for index in list(self._open):
            self.close(index, events)
        native = said.stop_reason or ""
        reason = FINISH_READ.get(native, "stop")
        if reason == "length":
            self._empty = -1
        self._settle(events)
        if said.stop_details is not None and said.stop_details.explanation:
            events.append(TextDelta(0, "refusal", said.stop_details.explanation))
        events.append(ChoiceFinished(0, reason, native, said.stop_sequence))

    def _think(self, text: str | None, events: list[Event]) -> None:
        if text:
            self.written = 0
            events.append(TextDelta(0, "reasoning", text))

    def _settle(self, events: list[Event]) -> None:
        """A call without arguments that is followed by anything but the bound on the output is complete."""
        if self._empty >= 0:
            events.append(ToolCallDelta(0, self._empty, "{}"))
            self._empty = -1


class MessagesDecoder:
    """One stream's frames to events. See `StreamDecoder`."""

    __slots__ = ("_blocks", "_counts", "_finished", "_keep")

    def __init__(self, *, keep_leftovers: bool = False) -> None:
        self._keep = keep_leftovers
        self._blocks = Blocks()
        self._counts = Counts()
        self._finished = False

    def decode(self, frame: Frame) -> list[Event]:
        data = frame.data
        if data is None:
            return []
        try:
            event = _read_event(data)
            delta = event.delta
            if delta is not None and delta.type == "text_delta" and delta.text:
                self._blocks.written += len(delta.text)
                return [TextDelta(0, "text", delta.text)]
            return self._other(event, frame, data)
        except UNREADABLE as error:
            return self._unreadable(frame, data, error)

    def finish(self) -> tuple[Event, ...]:
        return ()

    def only_usage(self, frame: Frame) -> bool:
        return False  # usage is never asked for: it comes by itself, and every client expects it

    def failure(self, error: SluiceError) -> bytes:
        return errors.write_event(error)

    def _other(self, event: StreamEvent, frame: Frame, data: bytes) -> list[Event]:
        if event.error is not ABSENT and event.error != NULL:
            return [Failed(errors.in_band(bytes(event.error)))]
        kind = event.type or frame.event
        events: list[Event] = []
        match kind:
            case "content_block_delta" if event.delta is not None:
                self._blocks.delta(event.index, event.delta, events, lambda: _read_raw(data)["delta"])
            case "content_block_start" if event.content_block is not None:
                raw = _read_raw(data)["content_block"] if self._keep else None
                self._blocks.open(event.index, event.content_block, events, raw)
            case "content_block_stop":
                self._blocks.close(event.index, events)
            case "message_start" if event.message is not None:
                self._start(event.message, data, events)
            case "message_delta":
                self._finish(event, data, events)
            case "message_stop":
                events.append(Ended())
            case "error":
                events.append(Failed(errors.in_band(data)))
            case "content_block_delta" | "content_block_start" | "message_start":
                raise ProtocolError(f"the provider's {kind} is empty")
            case _ if kind in PINGS:
                return PING
            case _:
                events.append(Unrecognised(f"event:{kind}"))
        return events

    def _unreadable(self, frame: Frame, data: bytes, error: Exception) -> list[Event]:
        """What an event is that is no JSON object of this API: an error in words, a marker of another API, a ping, the
        end, or garbage."""
        read = legible(data)
        kind, said = kind_of(read, ""), member(read, "error")
        if said not in (ABSENT, NULL) and kind != "content_block_delta":
            return [Failed(errors.in_band(bytes(said)))]
        if "error" in (frame.event, kind):
            return [Failed(errors.in_band(data))]
        if data.strip() == b"[DONE]":
            return [Unrecognised("event:[DONE]")]
        kind = kind_of(data, frame.event)
        if kind in PINGS:
            return PING
        failure = ProtocolError(f"an event of the provider is not one of a message's stream: {error}")
        if kind in _LAST:
            return self._last(kind, frame, data, failure)
        raise failure from None

    def _last(self, kind: str, frame: Frame, data: bytes, failure: ProtocolError) -> list[Event]:
        """An event that ends an answer, read as far as it can be: counts that cannot are as if they were not told, and
        that the message stops is said by the event itself."""
        try:
            event, spoilt = leniently(_read_event, data)
            if kind == "message_delta" and "delta" in spoilt:
                raise failure
            event.type = kind
            return [*(Unrecognised(f"{kind}:{name}") for name in spoilt), *self._other(event, frame, data)]
        except UNREADABLE:
            if kind == "message_delta":  # of which a client takes none for the end
                raise failure from None
            return [Failed(failure)]

    def _start(self, message: Message, data: bytes, events: list[Event]) -> None:
        events.append(Started(message.id or "", message.model or ""))
        if self._keep:
            leftovers(_read_raw(data)["message"], KNOWN_MESSAGE, events)
        if message.usage is not None:
            events.append(Reported(self._counts.take(message.usage)))
        for index, block in enumerate(message.content or ()):  # what was there before the stream began
            self._blocks.open(index, block, events)
            self._blocks.close(index, events)

    def _finish(self, event: StreamEvent, data: bytes, events: list[Event]) -> None:
        delta = event.delta
        if delta is not None and self._keep:
            leftovers(_read_raw(data)["delta"], KNOWN_MESSAGE_DELTA, events)
        if delta is not None and delta.stop_reason and not self._finished:
            self._finished = True
            self._blocks.finish(delta, events)
        if event.usage is not None:
            events.append(Reported(self._counts.take(event.usage)))


def leftovers(message: bytes | msgspec.Raw, known: frozenset[str], events: list[Event]) -> None:
    """Keep the members of a message, or of its delta, that the schema does not name, raw."""
    fields = {name: raw.copy() for name, raw in _read_raw(message).items() if name not in known and raw != NULL}
    if fields:
        events.append(Leftover("", 0, fields))
