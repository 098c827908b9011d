"""Whole responses, read as the events of a stream and written from a fold of them.

What is written is what a stream of the same answer ends with: both come from one machine.
"""

from collections.abc import Iterator

import msgspec

from sluice.chat.content import Refusal, Text
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
from sluice.chat.fold import Answer, Choice, Opaque
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Reasoning
from sluice.dialects.openai_responses import errors, logprobs
from sluice.dialects.openai_responses.encode import ResponsesStreamEncoder
from sluice.dialects.openai_responses.output_read import OutputReader
from sluice.dialects.openai_responses.schema import WRITTEN_MEMBERS, WireResponse, read_item, read_usage
from sluice.dialects.reading import UNREADABLE
from sluice.errors import ProtocolError

_read = msgspec.json.Decoder(WireResponse).decode
_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

_UNFINISHED = frozenset(["queued", "in_progress"])


def read(body: bytes, *, keep_leftovers: bool = False) -> list[Event]:
    """Read a response object as the events of a legal and complete answer, or as `Failed` alone.

    Raises:
        ProtocolError: it is neither an answer nor an error.
    """
    try:
        whole = _read(body)
        items = [(read_item(raw), raw) for raw in whole.output or ()]
        leftovers = _leftovers(body) if keep_leftovers else {}
    except UNREADABLE as error:
        raise _unreadable(error) from None
    if (failure := errors.of_response(whole)) is not None:
        return [Failed(failure)]
    if whole.output is None or whole.status in _UNFINISHED:
        raise ProtocolError("the provider's answer is not a finished response of Responses")
    events: list[Event] = [Started(whole.id or "", whole.model or "", int(whole.created_at or 0))]
    if leftovers:
        events.append(Leftover("", 0, leftovers))
    reader = OutputReader(keep=keep_leftovers)
    try:
        for index, (item, raw) in enumerate(items):
            reader.done(index, item, events, raw)
    except UNREADABLE as error:
        raise _unreadable(error) from None
    reader.finished(whole, complete=whole.status != "incomplete", out=events)
    if whole.usage is not None:
        events.append(Reported(read_usage(whole.usage)))
    events.append(Ended())
    return events


def _unreadable(error: Exception) -> ProtocolError:
    return ProtocolError(f"the provider's answer is not a response of Responses: {error}")


def _leftovers(body: bytes) -> dict[str, msgspec.Raw]:
    return {name: raw for name, raw in _read_members(body).items() if name not in WRITTEN_MEMBERS}


def write(whole: Answer, request: ChatRequest) -> bytes:
    """Write a response object."""
    encoder = ResponsesStreamEncoder(request)
    for event in _events(whole):
        encoder.encode(event)
    return msgspec.json.encode(encoder.whole())


def _events(whole: Answer) -> Iterator[Event]:
    """A stream that folds to this answer."""
    yield Started(whole.id, whole.model, whole.created)
    if whole.extra:
        yield Leftover("", 0, whole.extra)
    if whole.usage is not None:
        yield Reported(whole.usage)
    for choice in whole.choices:
        yield from _parts(choice)
        yield ChoiceFinished(choice.index, choice.finish or "error", choice.native_finish, choice.stop_sequence)


def _parts(choice: Choice) -> Iterator[Event]:
    number, calls, shares = choice.index, 0, logprobs.shared(choice)
    for part in choice.parts:
        if isinstance(part, Text):
            yield TextDelta(number, "text", part.text, next(shares))
            for citation in part.citations:
                yield Cited(number, citation)
        elif isinstance(part, Opaque):
            yield Unrecognised(part.what, number, part.raw)
        elif isinstance(part, Refusal):
            yield TextDelta(number, "refusal", part.text)
        elif isinstance(part, Reasoning):
            if part.text or part.seal is None:
                yield TextDelta(number, "reasoning", part.text)
            if part.seal is not None:
                yield Sealed(number, part.seal)
        else:
            yield ToolCallStarted(number, calls, part.id, part.name)
            yield ToolCallDelta(number, calls, part.arguments)
            calls += 1
