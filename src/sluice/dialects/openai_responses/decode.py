"""Events of a Responses stream to events of the vocabulary. The common delta costs one decode and one event."""

from collections.abc import Callable

import msgspec

from sluice.chat.events import Ended, Event, Failed, Leftover, Reported, Started, Unrecognised
from sluice.dialects.dialect import PING
from sluice.dialects.openai_responses import errors
from sluice.dialects.openai_responses.output_read import OutputReader
from sluice.dialects.openai_responses.response import failed_event
from sluice.dialects.openai_responses.schema import (
    WRITTEN_MEMBERS,
    ContentPart,
    EventHead,
    OutputItem,
    StreamEvent,
    WireResponse,
    read_annotation,
    read_item,
    read_part,
    read_usage,
)
from sluice.dialects.reading import ABSENT, NULL, PINGS, UNREADABLE, kind_of, legible, leniently, member
from sluice.errors import ProtocolError, SluiceError
from sluice.wire.sse import Frame

_read_event = msgspec.json.Decoder(StreamEvent).decode
_read_head = msgspec.json.Decoder(EventHead).decode
_read_response = msgspec.json.Decoder(WireResponse).decode
_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_ENDS = frozenset(["response.completed", "response.incomplete", "response.failed", "response.cancelled", "error"])
"""Whoever reads one of these reads no further."""


class ResponsesStreamDecoder:
    """One stream's frames to events. See `StreamDecoder`."""

    __slots__ = ("_ended", "_keep", "_output", "_response", "_sequence", "_started")

    def __init__(self, *, keep_leftovers: bool = False) -> None:
        self._keep = keep_leftovers
        self._output = OutputReader(keep=keep_leftovers)
        self._started: Started | None = None
        self._response = b""
        """The response object at the head of the stream: a failure of ours has to repeat it."""
        self._sequence = -1
        self._ended = False

    def decode(self, frame: Frame) -> list[Event]:
        data = frame.data
        if data is None or self._ended:
            return []
        try:
            event = _read_event(data)
        except UNREADABLE as error:
            end = _the_end(legible(data), frame.event)
            if end is None:
                return self._unread(data, frame.event, error)
            event = end
        out: list[Event] = []
        event.type = kind = event.type or frame.event
        before, number = self._sequence, event.sequence_number
        if number is None or number > before:  # some number their errors anew, and ours is beyond all that were seen
            self._sequence = before + 1 if number is None else number
        if (handle := _HANDLERS.get(kind)) is not None:
            try:
                handle(self, event, out)
            except UNREADABLE as error:
                failure = ProtocolError(f"an event of the provider is not what Responses allows: {error}")
                if kind not in _ENDS:
                    raise failure from None
                out = [Failed(failure)]
        elif _said(event.error):
            out.append(Failed(errors.in_band(bytes(event.error))))
        elif not kind:
            raise ProtocolError("an event of the provider has no type")
        elif kind in PINGS:
            return PING
        else:
            out.append(Unrecognised(f"event:{kind}"))
        if self._ended or (out and type(out[-1]) is Failed):
            self._sequence = before  # if this frame is not passed on, `failure` takes its place
        return out

    def _unread(self, data: bytes, name: str, error: Exception) -> list[Event]:
        """Of a kind that this dialect does not know, any event is welcome. `[DONE]` is a habit of peers."""
        if data.strip() == b"[DONE]":
            return []
        failure = ProtocolError(f"an event of the provider is not a Responses event: {error}")
        read = legible(data)
        kind, said = kind_of(read, name), member(read, "error")
        if kind not in _HANDLERS and said != ABSENT and said != NULL:
            return [Failed(errors.in_band(bytes(said)))]
        if kind in _ENDS:
            return [Failed(failure)]
        try:
            head = _read_head(data)
            _read_members(data)
        except UNREADABLE:
            head = EventHead()
        kind, number = head.type or name, head.sequence_number
        self._sequence = self._sequence + 1 if number is None else max(self._sequence, number)
        if not kind or kind in _HANDLERS:
            raise failure from None
        return PING if kind in PINGS else [Unrecognised(f"event:{kind}")]

    def finish(self) -> list[Event]:
        return []  # the terminator is an event

    def only_usage(self, frame: Frame) -> bool:
        return False  # usage is never asked for: it comes by itself, and every client expects it

    def failure(self, error: SluiceError) -> bytes:
        return failed_event(self._response, error, self._sequence + 1)

    # -- the response -------------------------------------------------------------------------------------------------

    def _begin(self, event: StreamEvent, out: list[Event]) -> None:
        self._response = bytes(event.response)
        self._start(_read_response(event.response), out)
        self._leftovers(event.response, out)

    def _start(self, response: WireResponse, out: list[Event]) -> None:
        started = Started(response.id or "", response.model or "", int(response.created_at or 0))
        if started != self._started and (response.id or self._started is None):
            self._started = started
            out.append(started)

    def _leftovers(self, raw: msgspec.Raw, out: list[Event]) -> None:
        if self._keep:
            fields = {name: value.copy() for name, value in _read_members(raw).items() if name not in WRITTEN_MEMBERS}
            if fields:
                out.append(Leftover("", 0, fields))

    def _end(self, event: StreamEvent, out: list[Event]) -> None:
        response, spoilt = _as_far_as_it_can_be_read(event)
        if response.status in ("failed", "cancelled"):
            self._fail(event, out)
            return
        if "output" in spoilt and not self._output.seen:
            raise msgspec.ValidationError("its output is none, and nothing of it came before")
        out += [Unrecognised(f"response:{name}") for name in spoilt]
        whole = [] if self._output.seen else [(read_item(raw), raw) for raw in response.output or ()]
        self._start(response, out)
        self._leftovers(event.response, out)
        complete = event.type != "response.incomplete" and response.status != "incomplete"
        for index, (item, raw) in enumerate(whole):
            self._output.done(index, item, out, raw)
        self._output.finished(response, complete=complete, out=out)
        if response.usage is not None:
            out.append(Reported(read_usage(response.usage)))
        out.append(Ended())
        self._ended = True

    def _fail(self, event: StreamEvent, out: list[Event]) -> None:
        response, _ = _as_far_as_it_can_be_read(event)
        if response.usage is not None:
            out.append(Reported(read_usage(response.usage)))
        out.append(Failed(errors.of_response(response) or errors.failure(None, None, None)))
        self._ended = True

    def _error(self, event: StreamEvent, out: list[Event]) -> None:
        if not _said(event.error):
            out.append(Failed(errors.failure(event.message, event.code, None)))
        else:
            out.append(Failed(errors.in_band(bytes(event.error))))
        self._ended = True

    # -- its items ----------------------------------------------------------------------------------------------------

    def _added(self, event: StreamEvent, out: list[Event]) -> None:
        if _said(event.item):
            self._output.added(event.output_index, read_item(event.item), out)

    def _done(self, event: StreamEvent, out: list[Event]) -> None:
        if _said(event.item):
            self._output.done(event.output_index, read_item(event.item), out, event.item)

    def _text(self, event: StreamEvent, out: list[Event]) -> None:
        if event.delta:
            self._output.text(event.output_index, event.content_index, event.delta, event.logprobs, out)

    def _refusal(self, event: StreamEvent, out: list[Event]) -> None:
        self._output.refusal(event.output_index, event.content_index, event.delta or "", out)

    def _summary(self, event: StreamEvent, out: list[Event]) -> None:
        self._output.reasoning(event.output_index, "summary_text", event.summary_index, event.delta or "", out)

    def _reasoning(self, event: StreamEvent, out: list[Event]) -> None:
        self._output.reasoning(event.output_index, "reasoning_text", event.content_index, event.delta or "", out)

    def _part_done(self, event: StreamEvent, out: list[Event]) -> None:
        if _said(event.part):
            part = read_part(event.part)
            number = event.summary_index if part.type == "summary_text" else event.content_index
            self._output.part(event.output_index, number, part, out)

    def _text_done(self, event: StreamEvent, out: list[Event]) -> None:
        kind, number = _PARTS[event.type], event.content_index
        if kind == "summary_text":
            number = event.summary_index
        part = ContentPart(kind, text=event.text, refusal=event.refusal, logprobs=event.logprobs)
        self._output.part(event.output_index, number, part, out)

    def _cited(self, event: StreamEvent, out: list[Event]) -> None:
        if _said(event.annotation):
            self._output.cited(event.output_index, event.content_index, read_annotation(event.annotation), out)

    def _arguments(self, event: StreamEvent, out: list[Event]) -> None:
        self._output.arguments(event.output_index, event.delta or "", OutputItem("function_call", event.item_id), out)

    def _input(self, event: StreamEvent, out: list[Event]) -> None:
        unnamed = OutputItem("custom_tool_call", event.item_id)
        self._output.arguments(event.output_index, event.delta or "", unnamed, out)

    def _arguments_done(self, event: StreamEvent, out: list[Event]) -> None:
        self._output.whole_arguments(event.output_index, event.arguments or event.input, out)

    def _nothing(self, event: StreamEvent, out: list[Event]) -> None:
        """What was said, or what follows says it again."""


def _the_end(data: bytes, name: str) -> StreamEvent | None:
    """An event that ends the answer, as far as it can be read; None if it is another, or no object."""
    kind = kind_of(data, name)
    try:
        event, _ = leniently(_read_event, data) if kind in _ENDS else (None, [])
    except UNREADABLE:
        return None
    return event


def _as_far_as_it_can_be_read(event: StreamEvent) -> tuple[WireResponse, list[str]]:
    """The response at its end, and what of it is spoilt. That it has ended is said by the event's kind: counts that
    cannot be read are as if they were not told."""
    try:
        return leniently(_read_response, event.response)
    except UNREADABLE:
        event.response = msgspec.Raw(b"{}")
        return WireResponse(), ["output"]


def _said(raw: msgspec.Raw) -> bool:
    return raw is not ABSENT and raw != NULL


_PARTS = {
    "response.output_text.done": "output_text",
    "response.refusal.done": "refusal",
    "response.reasoning_text.done": "reasoning_text",
    "response.reasoning_summary_text.done": "summary_text",
}
_Handler = Callable[[ResponsesStreamDecoder, StreamEvent, list[Event]], None]
_D = ResponsesStreamDecoder
_HANDLERS: dict[str, _Handler] = {
    "response.output_text.delta": _D._text,
    "response.function_call_arguments.delta": _D._arguments,
    "response.reasoning_summary_text.delta": _D._summary,
    "response.reasoning_text.delta": _D._reasoning,
    "response.refusal.delta": _D._refusal,
    "response.custom_tool_call_input.delta": _D._input,
    "response.created": _D._begin,
    "response.queued": _D._begin,
    "response.in_progress": _D._begin,
    "response.output_item.added": _D._added,
    "response.content_part.added": _D._nothing,
    "response.output_text.annotation.added": _D._cited,
    "response.output_text.annotation.done": _D._nothing,
    "response.output_text.done": _D._text_done,
    "response.refusal.done": _D._text_done,
    "response.reasoning_text.done": _D._text_done,
    "response.content_part.done": _D._part_done,
    "response.reasoning_summary_part.added": _D._nothing,
    "response.reasoning_summary_text.done": _D._text_done,
    "response.reasoning_summary_part.done": _D._part_done,
    "response.function_call_arguments.done": _D._arguments_done,
    "response.custom_tool_call_input.done": _D._arguments_done,
    "response.output_item.done": _D._done,
    "response.completed": _D._end,
    "response.incomplete": _D._end,
    "response.failed": _D._fail,
    "response.cancelled": _D._fail,
    "error": _D._error,
}
