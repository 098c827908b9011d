"""What an answer said, word by word, for an operator who wants to see it in logs or traces.

Guarantee: only what the client was given, after the guards had changed it; reasoning is not kept. MAX_CHARS of text and
calls at most, `…` where something was cut off. An answer that nobody wants to see has no transcript, and costs nothing.

Cost, measured on one core: 0.35 microseconds for a token.
"""

from collections.abc import Sequence
from io import StringIO

import msgspec

from sluice.chat.events import Event, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.errors import SluiceError
from sluice.relay.sinks import Sink
from sluice.wire.sse import Frame

MAX_CHARS = 64 << 10
"""Of all choices and calls of an answer together."""
MAX_PARTS = 256
"""Choices and calls that are kept of one answer."""
CUT = "…"
"""Stands where something was left out."""


class _Call:
    """A tool call that grows."""

    __slots__ = ("arguments", "id", "name")

    def __init__(self, id: str, name: str) -> None:  # noqa: A002 - the vocabulary's field
        self.id, self.name, self.arguments = id, name, StringIO()


class Transcript:
    """Of one answer. Texts grow in buffers: a list of their pieces would take ten times the memory."""

    __slots__ = ("_calls", "_left", "_texts", "given")

    def __init__(self) -> None:
        self._texts: dict[int, StringIO] = {}
        self._calls: dict[tuple[int, int], _Call] = {}
        self._left = MAX_CHARS
        self.given = False
        """The client was sent some of it: what was only held counts as not said."""

    def add(self, events: Sequence[Event]) -> None:
        """Take the next events of a legal answer."""
        if self._left < 0:
            return
        for event in events:
            kind = type(event)  # its classes have no subclasses, and this is asked for each event
            if kind is TextDelta:
                if event.channel != "reasoning" and event.text:  # type: ignore[union-attr]  # see above
                    self._say(event.choice, event.text)  # type: ignore[union-attr]  # its kind was asked for
            elif kind is ToolCallDelta:
                self._argue(event.choice, event.index, event.arguments)  # type: ignore[union-attr]  # its kind was asked for
            elif kind is ToolCallStarted and self._has_room():
                place = event.choice, event.index  # type: ignore[union-attr]  # its kind was asked for
                self._calls[place] = _Call(event.id[:MAX_CHARS], event.name[:MAX_CHARS])  # type: ignore[union-attr]  # its kind was asked for
                self._left = max(0, self._left - len(event.id) - len(event.name))  # type: ignore[union-attr]  # its kind was asked for

    def _has_room(self) -> bool:
        return len(self._texts) + len(self._calls) < MAX_PARTS

    def _say(self, choice: int, text: str) -> None:
        buffer = self._texts.get(choice)
        if buffer is None:
            if not self._has_room():
                return
            buffer = self._texts[choice] = StringIO(newline="")
        self._write(buffer, text)

    def _argue(self, choice: int, index: int, text: str) -> None:
        call = self._calls.get((choice, index))
        if call is None:
            if not self._has_room():
                return
            call = self._calls[choice, index] = _Call("", "")
        self._write(call.arguments, text)

    def _write(self, buffer: StringIO, text: str) -> None:
        left = self._left
        if left < 0:
            return
        self._left = left - len(text)
        buffer.write(text if self._left >= 0 else text[:left] + CUT)

    def completion(self) -> list[str]:
        """Return the text of each choice, a refusal's words among it; empty where it said none.

        Raises:
            LookupError: there is no text at all.
        """
        if not self.given or not self._texts:
            raise LookupError("the answer has no text")
        choices = sorted({*self._texts, *(choice for choice, _ in self._calls)})
        return [self._texts[choice].getvalue() if choice in self._texts else "" for choice in choices]

    def tool_calls(self) -> list[dict[str, object]]:
        """Return `id`, `name` and `arguments` of each call, the arguments decoded; as text if they are no JSON.

        Raises:
            LookupError: there is none.
        """
        if not self.given or not self._calls:
            raise LookupError("the answer calls no tool")
        calls = [self._calls[place] for place in sorted(self._calls)]
        return [{"id": call.id, "name": call.name, "arguments": _decoded(call.arguments.getvalue())} for call in calls]


def _decoded(arguments: str) -> object:
    try:
        return msgspec.json.decode(arguments.encode("utf-8", "replace") or b"{}")
    except (msgspec.DecodeError, RecursionError):
        return arguments


class Noted:
    """A sink whose frames are noted in a transcript on their way."""

    __slots__ = ("_sink", "_transcript", "mirrors", "streams")

    def __init__(self, sink: Sink, transcript: Transcript) -> None:
        self._sink, self._transcript = sink, transcript
        self.mirrors, self.streams = sink.mirrors, sink.streams

    def take(self, frame: Frame, events: Sequence[Event]) -> bytes:
        """See `Sink`."""
        data = self._sink.take(frame, events)
        if events:
            self._transcript.add(events)
        if data:
            self._transcript.given = True
        return data

    def fail(self, error: SluiceError) -> bytes:
        """See `Sink`."""
        return self._sink.fail(error)
