"""Chunks of a Gemini stream to events; whole answers are read by the same machine, as a stream of one chunk.

A stream of events has no terminator: the end of the body is one if each candidate has finished. An array has: its
closing bracket.
"""

from datetime import datetime

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
from sluice.dialects.dialect import PING
from sluice.dialects.gemini import citations, errors, leftovers, logprobs
from sluice.dialects.gemini.schema import FINISH_READ, MODULE_ID, Candidate, FunctionCall, Part, Response, read_usage
from sluice.dialects.reading import ABSENT, NULL, PINGS, UNREADABLE, is_ping, legible, member
from sluice.errors import ProtocolError, SluiceError
from sluice.wire import json_array, sse
from sluice.wire.sse import Frame

_read = msgspec.json.Decoder(Response).decode
_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_NOT_YET = frozenset(["", "FINISH_REASON_UNSPECIFIED"])
"""Older versions say the latter in every chunk but the last."""


class _Open:
    """What is known of one candidate."""

    __slots__ = ("calls", "cited", "closed", "finished", "text")

    def __init__(self) -> None:
        self.calls = 0
        self.finished = False
        self.text: list[str] = []
        """The text that is open, for the positions of citations."""
        self.closed = True
        """No text is open: the next one begins anew."""
        self.cited: set[bytes] = set()

    def say(self, text: str) -> None:
        if self.closed:
            self.closed = False
            self.text.clear()
        self.text.append(text)


class GeminiStreamDecoder:
    """One stream's frames to events. See `StreamDecoder`."""

    __slots__ = ("_array", "_choices", "_framed", "_id", "_keep", "_named", "_started")

    def __init__(self, *, keep_leftovers: bool = False) -> None:
        self._keep = keep_leftovers
        self._started = self._named = False
        self._framed = False
        """A chunk came, so that the framing is known."""
        self._array = False
        self._id = ""
        self._choices: dict[int, _Open] = {}

    def decode(self, frame: Frame) -> list[Event]:
        data = frame.data
        if data is None:
            return [Ended()] if _closes_array(frame.raw) else []
        if not self._framed:
            self._framed = True
            self._array = frame.raw.lstrip()[:1] in (b"[", b",")
        try:
            events = self.read(data)
            return events if events or not (is_ping(data, frame.event) or leftovers.nothing(data)) else PING
        except ProtocolError as error:
            if frame.event in PINGS:
                return PING
            said = member(legible(data), "error")
            if said != ABSENT and (told := errors.in_band(said)) is not None:
                return [Failed(told)]
            if _finishes(data):
                return self._last(data, error)
            raise

    def _last(self, data: bytes, failure: ProtocolError) -> list[Event]:
        """A chunk with a finish reason, which a client takes for the end: without its counts, if it is only they that
        cannot be read."""
        try:
            members = _read_members(data)
            if members.pop("usageMetadata", None) is None:
                return [Failed(failure)]
            return [Unrecognised("chunk:usageMetadata"), *self.read(msgspec.json.encode(members))]
        except (ProtocolError, *UNREADABLE):
            return [Failed(failure)]

    def read(self, data: bytes) -> list[Event]:
        """Return the events of one `GenerateContentResponse`.

        Raises:
            ProtocolError: it is none.
        """
        try:
            chunk = _read(data)
            extra = leftovers.read(data) if self._keep else None
        except UNREADABLE as error:
            raise ProtocolError(f"an event of the provider is not a GenerateContentResponse: {error}") from None
        if chunk.error is not ABSENT and (failure := errors.in_band(chunk.error)) is not None:
            return [Failed(failure)]
        events: list[Event] = []
        if not self._named:
            self._start(chunk, events)
        if extra:
            events += extra  # before the deltas: an encoder writes them in the chunk that comes next
        for position, candidate in enumerate(chunk.candidates or ()):
            try:
                if self._candidate(candidate, position, data, events):
                    _unknown_parts(candidate, position, data, events)
            except UNREADABLE as error:
                raise ProtocolError(f"a function call of the provider is not readable: {error}") from None
            if candidate.finish_reason is not None and not self._end(candidate, events):
                return events
        if chunk.prompt_feedback is not None:
            self._blocked(chunk.prompt_feedback.block_reason or "", events)
        if chunk.usage_metadata is not None:
            events.append(Reported(read_usage(chunk.usage_metadata)))
        return events

    def finish(self) -> list[Event]:
        return [] if self._array or not self.finished else [Ended()]

    @property
    def finished(self) -> bool:
        """There was a candidate, and each has finished."""
        return bool(self._choices) and all(choice.finished for choice in self._choices.values())

    @property
    def unfinished(self) -> list[tuple[int, bool]]:
        """The candidates that have not finished, and whether each called a function."""
        return [(index, choice.calls > 0) for index, choice in self._choices.items() if not choice.finished]

    def only_usage(self, frame: Frame) -> bool:
        return False  # usage is never asked for: it comes by itself, and every client expects it

    def failure(self, error: SluiceError) -> bytes:
        body = errors.write(error)
        if not self._array:
            return sse.encode(body)
        return json_array.encode(body, first=False) + json_array.CLOSE

    def _start(self, chunk: Response, events: list[Event]) -> None:
        known = self._started or not (chunk.candidates or chunk.response_id or chunk.prompt_feedback)
        if known and not chunk.model_version:
            return
        self._started, self._named = True, bool(chunk.model_version)
        self._id = chunk.response_id or self._id
        events.append(Started(chunk.response_id or "", chunk.model_version or "", _seconds(chunk.create_time)))

    def _blocked(self, reason: str, events: list[Event]) -> None:
        """A prompt that was blocked is never answered: there are no candidates."""
        if reason not in ("", "BLOCKED_REASON_UNSPECIFIED") and not self._choices:
            self._choices[0] = choice = _Open()
            choice.finished = True
            events.append(ChoiceFinished(0, "content_filter", reason))

    def _candidate(self, candidate: Candidate, position: int, data: bytes, events: list[Event]) -> bool:
        """Return whether there were parts that nothing was read from."""
        index, strange = candidate.index, False
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Open()
        tokens = None
        if candidate.logprobs_result is not ABSENT and candidate.logprobs_result != NULL:
            tokens = logprobs.read(candidate.logprobs_result)
        if candidate.content is not None:
            for number, part in enumerate(candidate.content.parts or ()):
                if self._keep and part.text is None and part.function_call is None:
                    kinds, raw = leftovers.part(data, position, number)
                    if kinds:
                        choice.closed = True
                        events.append(Unrecognised(f"part:{kinds[0]}", index, raw))
                        continue
                if part.text and not part.thought:
                    choice.say(part.text)
                    events.append(TextDelta(index, "text", part.text, tokens))
                    tokens = None
                if part.thought or part.thought_signature or part.text is None:
                    strange |= self._part(index, choice, part, events)
        if tokens is not None:
            events.append(TextDelta(index, "text", "", tokens))
        if candidate.grounding_metadata is not None or candidate.citation_metadata is not None:
            _cite(index, choice, candidate, events)
        return strange

    def _part(self, index: int, choice: _Open, part: Part, events: list[Event]) -> bool:
        """What is not plain text of a part; return whether there is nothing of it."""
        kind: SealKind = "call" if part.function_call else "reasoning" if part.thought else "text"
        if part.thought and part.text:
            events.append(TextDelta(index, "reasoning", part.text))
        if part.thought_signature:
            events.append(Sealed(index, Seal(MODULE_ID, kind, part.thought_signature)))
        if part.function_call is not None:
            self._call(index, choice, part.function_call, events)
        nothing = part.text is None and part.function_call is None and part.thought_signature is None
        choice.closed |= not nothing
        return nothing

    def _end(self, candidate: Candidate, events: list[Event]) -> bool:
        """Return whether more may follow: not if the finish reason is a failure."""
        choice, native = self._choices[candidate.index], candidate.finish_reason or ""
        if native in _NOT_YET or choice.finished:
            return True
        reason = FINISH_READ.get(native, "stop")
        if reason == "error":
            events.append(Failed(errors.unusable(native, candidate.finish_message)))
            return False
        choice.finished = True
        called = reason == "stop" and choice.calls > 0
        events.append(ChoiceFinished(candidate.index, "tool_calls" if called else reason, native))
        return True

    def _call(self, index: int, choice: _Open, call: FunctionCall, events: list[Event]) -> None:
        if call.partial_args is not ABSENT:
            events.append(Unrecognised("part:functionCall.partialArgs"))
        if not call.name:
            return  # the end of a call that came in pieces
        number = choice.calls
        choice.calls += 1
        events.append(ToolCallStarted(index, number, call.id or self._call_id(index, number), call.name))
        if call.args is not ABSENT and call.args != NULL:
            arguments = msgspec.json.format(bytes(call.args), indent=-1)  # an array's elements are pretty-printed
            events.append(ToolCallDelta(index, number, arguments.decode()))
        elif not call.will_continue:
            events.append(ToolCallDelta(index, number, "{}"))

    def _call_id(self, index: int, number: int) -> str:
        """The id of a call that has none: the same for the same answer, another for another answer."""
        choice = f"{index}_" if index else ""
        return f"call_{self._id}_{choice}{number}" if self._id else f"call_{choice}{number}"


def _finishes(data: bytes) -> bool:
    """Whether a chunk that cannot be read has a finish reason, as far as a client could see one."""
    try:
        chunk = msgspec.json.decode(data)
    except UNREADABLE:
        return False  # no client reads it either
    candidates = chunk.get("candidates") if isinstance(chunk, dict) else None
    rows = candidates if isinstance(candidates, list) else []
    return any(isinstance(row, dict) and row.get("finishReason", "") not in (None, *_NOT_YET) for row in rows)


def _closes_array(raw: bytes) -> bool:
    """Whether a frame without data is the end of an array; an event stream has comments there."""
    end = raw.strip()
    return end in (b"]", b"[]") or (end[:1] == b"[" and end[1:].strip() == b"]")


def _seconds(create_time: str | None) -> int:
    try:
        return int(datetime.fromisoformat(create_time or "").timestamp()) if create_time else 0
    except (ValueError, OverflowError):
        return 0


def _cite(index: int, choice: _Open, candidate: Candidate, events: list[Event]) -> None:
    # The seal of a text often comes with its sources: they belong to the text, before the seal closes it.
    last = events[-1] if events else None
    sealed = isinstance(last, Sealed) and last.choice == index and last.seal.kind == "text"
    if choice.finished or not choice.text or (choice.closed and not sealed):
        # Nothing is open that it could belong to: queries without an answer, or a late repetition.
        events.append(Unrecognised("candidate:groundingMetadata"))
        return
    found = citations.distinct(citations.read(candidate, "".join(choice.text)), choice.cited)
    at = len(events) - sealed
    events[at:at] = [Cited(index, citation) for citation in found]


def _unknown_parts(candidate: Candidate, position: int, data: bytes, events: list[Event]) -> None:
    """Name the parts that nothing was read from: what Google's own tools did, images that the model drew."""
    parts = candidate.content.parts if candidate.content is not None else None
    for number, part in enumerate(parts or ()):
        if part.text is None and part.function_call is None and part.thought_signature is None:
            events += [Unrecognised(f"part:{kind}") for kind in leftovers.kinds_of_part(data, position, number)]
