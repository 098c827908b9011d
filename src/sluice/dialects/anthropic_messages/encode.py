"""Events to the events of a Messages stream.

A machine that cannot write an illegal order: `message_start` once and first, blocks opened and closed one after the
other with dense indices, the reason for the end and the usage in one `message_delta`, `message_stop` only for `Ended`.

Two things wait. A tool call is written whole, once its arguments are complete, because a call that was cut off must
not be seen (dialects.md, decision 8); what began after it waits behind it, so that the order stays the answer's own.
And `message_delta` waits for `Ended`: usage may come after the reason for the end.
"""

from collections import deque

import msgspec

from sluice.chat.events import (
    Channel,
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
from sluice.chat.request import ChatRequest
from sluice.chat.seal import wrap
from sluice.chat.usage import Usage
from sluice.dialects.anthropic_messages import citations, errors, parts
from sluice.dialects.anthropic_messages.arguments import Arguments
from sluice.dialects.anthropic_messages.schema import MODULE_ID, write_usage
from sluice.dialects.writing import quote, to_json
from sluice.wire import sse

_BEGINNING: dict[Channel, dict[str, object]] = {
    "text": {"type": "text", "text": ""},
    "refusal": {"type": "text", "text": ""},
    "reasoning": {"type": "thinking", "thinking": "", "signature": ""},
}
_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":'
_TEXT_MEMBER: dict[Channel, bytes] = {
    "text": b'"text_delta","text":',
    "refusal": b'"text_delta","text":',
    "reasoning": b'"thinking_delta","thinking":',
}
_END_OF_DELTA = b"}}\n\n"
_Content = TextDelta | Sealed | Cited | Unrecognised


class _Call:
    """A tool call that is not written yet."""

    __slots__ = ("arguments", "id", "name", "position")

    def __init__(self, event: ToolCallStarted, position: int) -> None:
        self.id, self.name, self.position = event.id, event.name, position
        self.arguments = Arguments()


class MessagesEncoder:
    """One stream to one client. See `StreamEncoder`."""

    __slots__ = (
        "_called",
        "_calls",
        "_channel",
        "_counted",
        "_done",
        "_extra",
        "_finish",
        "_head",
        "_index",
        "_live",
        "_model",
        "_opened",
        "_refused",
        "_started",
        "_usage",
        "_waiting",
    )

    def __init__(self, request: ChatRequest) -> None:
        self._model = request.model
        self._started = Started("", "")
        self._opened = False
        """`message_start` is written."""
        self._done = False
        self._extra: dict[str, msgspec.Raw] = {}
        self._usage: Usage | None = None
        self._index = -1
        """Of the last block that was opened."""
        self._channel: Channel | None = None
        """The text that is open; its block is opened with its first character."""
        self._live = False
        """A block is open: the channel's."""
        self._head = b""
        """What stands before each text of the open block."""
        self._calls: dict[int, _Call] = {}
        self._counted = 0
        """Calls that began."""
        self._called = False
        """A call is written."""
        self._refused = False
        self._waiting: deque[_Call | _Content] = deque()
        """What is not written yet, in order; the first of it is a call that is not complete."""
        self._finish: ChoiceFinished | None = None

    def encode(self, event: Event) -> bytes:
        if self._live and type(event) is TextDelta and event.channel == self._channel and event.choice == 0:
            return self._head + quote(event.text) + _END_OF_DELTA if event.text else b""
        if self._done or getattr(event, "choice", 0) != 0:
            return b""  # this API knows one choice
        match event:
            case TextDelta() | Sealed() | Cited():
                return self._content(event)
            case Unrecognised():
                return b"" if event.part is None else self._content(event)
            case ToolCallStarted() | ToolCallDelta():
                return self._tool(event)
            case ChoiceFinished():
                return self._finished(event)
            case Ended():
                return self._end()
            case Failed():
                self._done, self._live = True, False
                return errors.write_event(event.error)
        self._note(event)
        return b""

    def _note(self, event: Event) -> None:
        """What is written later, or nowhere: for what this dialect does not recognise no other has a place."""
        match event:
            case Started():
                known = self._started
                self._started = Started(event.id or known.id, event.model or known.model)
            case Reported():
                self._usage = event.usage
            case Leftover():
                self._extra |= event.fields

    # -- the message --------------------------------------------------------------------------------------------------

    def _begin(self) -> bytes:
        if self._opened:
            return b""
        self._opened = True
        message: dict[str, object] = {
            "id": parts.message_id(self._started.id),
            "type": "message",
            "role": "assistant",
            "model": self._started.model or self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage, final=False),
        }
        message |= self._extra
        self._extra = {}
        return _event("message_start", message=message)

    def _finished(self, event: ChoiceFinished) -> bytes:
        self._finish = event
        out = self._begin() + self._close()
        while self._waiting:
            out += self._write_waiting(self._waiting.popleft())
        return out + self._close()

    def _end(self) -> bytes:
        out = b"" if self._finish else self._finished(ChoiceFinished(0, "stop", ""))
        self._done = True
        end = self._finish or ChoiceFinished(0, "stop", "")
        delta = parts.stop(end.reason, end.native, end.stop_sequence, called=self._called, refused=self._refused)
        out += _event("message_delta", delta=delta | self._extra, usage=write_usage(self._usage))
        return out + _event("message_stop")

    # -- its content --------------------------------------------------------------------------------------------------

    def _content(self, event: _Content) -> bytes:
        out = self._begin()
        if self._waiting:
            self._waiting.append(event)
            return out
        return out + self._write(event)

    def _write(self, event: _Content) -> bytes:
        match event:
            case TextDelta():
                out = self._switch(event.channel)
                self._refused |= event.channel == "refusal"
                return out + self._open() + self._head + quote(event.text) + _END_OF_DELTA if event.text else out
            case Cited():
                out = self._switch("text") + self._open()
                return out + self._delta({"type": "citations_delta", "citation": citations.write(event.citation)})
            case Sealed():
                return self._seal(event)
            case Unrecognised():
                return self._close() + self._opaque(event)

    def _opaque(self, event: Unrecognised) -> bytes:
        """A block of the provider's own. What goes into a tool comes as a delta, as it does from Anthropic."""
        assert event.part is not None
        block: dict[str, object] = dict(msgspec.json.decode(event.part, type=dict[str, msgspec.Raw]))
        given = block.get("input")
        if not isinstance(given, msgspec.Raw):
            return self._start_block(block) + self._stop_block()
        delta: dict[str, object] = {"type": "input_json_delta", "partial_json": bytes(given).decode()}
        return self._start_block(block | {"input": {}}) + self._delta(delta) + self._stop_block()

    def _switch(self, channel: Channel) -> bytes:
        out = b"" if channel == self._channel else self._close()
        self._channel = channel
        return out

    def _open(self) -> bytes:
        if self._live or self._channel is None:
            return b""
        self._live = True
        out = self._start_block(_BEGINNING[self._channel])
        self._head = _DELTA % self._index + _TEXT_MEMBER[self._channel]
        return out

    def _close(self) -> bytes:
        live, channel = self._live, self._channel
        self._live, self._channel = False, None
        if not live:
            return b""
        unsigned = self._delta({"type": "signature_delta", "signature": parts.UNSIGNED})
        return (unsigned if channel == "reasoning" else b"") + self._stop_block()

    def _seal(self, event: Sealed) -> bytes:
        seal = event.seal
        alone = seal.kind in ("redacted", "text")
        out = self._close() if alone else self._switch("reasoning")
        if seal.origin == MODULE_ID and seal.kind == "redacted":
            return out + self._start_block(parts.sealed_block("", seal)) + self._stop_block()
        self._channel = "reasoning"
        out += self._open() + self._delta({"type": "signature_delta", "signature": wrap(seal, MODULE_ID)})
        self._live, self._channel = False, None
        return out + self._stop_block()

    # -- its tool calls -----------------------------------------------------------------------------------------------

    def _tool(self, event: ToolCallStarted | ToolCallDelta) -> bytes:
        out = self._begin()
        if isinstance(event, ToolCallStarted):
            return out + self._call(event.index, event)
        if event.index not in self._calls:
            out += self._call(event.index, ToolCallStarted(0, event.index, "", ""))
        self._calls[event.index].arguments.add(event.arguments)
        while self._waiting and not _incomplete(self._waiting[0]):
            out += self._write_waiting(self._waiting.popleft())
        return out + self._close() if self._waiting else out  # the call that waits began after what was written

    def _call(self, index: int, event: ToolCallStarted) -> bytes:
        out = self._close()
        self._calls[index] = call = _Call(event, self._counted)
        self._counted += 1
        self._waiting.append(call)
        return out

    def _write_waiting(self, item: _Call | _Content) -> bytes:
        if not isinstance(item, _Call):
            return self._write(item)
        arguments = parts.finished_arguments(item.arguments, self._finish.reason if self._finish else None)
        out = self._close()
        if arguments is None:
            return out
        self._called = True
        name = parts.call_id(item.id, self._started.id, item.position)
        out += self._start_block({"type": "tool_use", "id": name, "name": item.name, "input": {}})
        return out + self._delta({"type": "input_json_delta", "partial_json": arguments}) + self._stop_block()

    # -- frames -------------------------------------------------------------------------------------------------------

    def _start_block(self, block: dict[str, object]) -> bytes:
        self._index += 1
        return _event("content_block_start", index=self._index, content_block=block)

    def _delta(self, delta: dict[str, object]) -> bytes:
        return _event("content_block_delta", index=self._index, delta=delta)

    def _stop_block(self) -> bytes:
        return _event("content_block_stop", index=self._index)


def _incomplete(item: _Call | _Content) -> bool:
    return isinstance(item, _Call) and not item.arguments.closed


def _event(name: str, **members: object) -> bytes:
    return sse.encode(to_json({"type": name} | members), name)
