"""Frames of a chat completion stream, decoded, encoded and folded: shared by the tests of the dialect."""

import json
from collections.abc import Iterable

from sluice.chat.events import Event
from sluice.chat.fold import Answer, Fold
from sluice.chat.grammar import Grammar
from sluice.chat.request import ChatRequest
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.wire.sse import Frame, SseDecoder


def data(value: object) -> Frame:
    """A frame that holds this JSON."""
    raw = json.dumps(value).encode()
    return Frame(b"data: " + raw + b"\n\n", raw)


def chunk(delta: object = None, *, finish: str | None = None, index: int = 0, **more: object) -> Frame:
    """A chunk with one choice; `more` are further members of the choice."""
    row = {"index": index, "delta": delta, "finish_reason": finish} | more
    return data({"id": "c1", "created": 7, "model": "m", "choices": [row]})


def decode(*frames: Frame, keep: bool = False) -> list[Event]:
    """The events of a stream that begins with these frames."""
    decoder = OPENAI_CHAT.decoder(keep_leftovers=keep)
    return [event for frame in frames for event in decoder.decode(frame)]


def encode(events: Iterable[Event], *, usage: bool = True, choices: int = 1) -> bytes:
    """The stream that a client gets."""
    encoder = OPENAI_CHAT.encoder(ChatRequest(stream=True, wants_usage=usage, choices=choices))
    return b"".join([encoder.encode(event) for event in events])


def frames_of(stream: bytes) -> list[Frame]:
    decoder = SseDecoder()
    frames = decoder.feed(stream)
    assert b"".join(frame.raw for frame in frames) == stream
    return frames


def chunks_of(stream: bytes) -> list[dict[str, object]]:
    """The JSON of each event but the terminator."""
    return [json.loads(frame.data or b"") for frame in frames_of(stream) if frame.data != b"[DONE]"]


def deltas_of(stream: bytes) -> list[dict[str, object]]:
    """The delta of each chunk that has a choice."""
    return [row["choices"][0]["delta"] for row in chunks_of(stream) if row.get("choices")]  # type: ignore[index]


def fold(events: Iterable[Event]) -> Answer:
    """The answer of a legal stream."""
    machine, grammar = Fold(), Grammar()
    for event in events:
        grammar.advance(event)
        machine.add(event)
    return machine.answer()
