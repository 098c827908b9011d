"""gemini/decode.py: where a stream ends, in either framing, however its bytes are cut."""

import json

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
)
from sluice.dialects.gemini import GEMINI
from sluice.errors import SluiceError, Truncated
from sluice.testing.cuts import every_single_cut, every_size
from sluice.wire.sse import Frame
from tests.dialects.gemini import chunk, decode_bytes, event, frame


def test_the_end_of_the_body_ends_the_answer_if_every_candidate_finished() -> None:
    decoder = GEMINI.decoder(keep_leftovers=False)
    decoder.decode(frame(chunk({"text": "a"}, finish="STOP")))
    assert decoder.finish() == [Ended()]
    decoder.decode(frame(chunk({"text": "a"}, index=1)))
    assert decoder.finish() == []
    decoder.decode(frame(chunk(finish="STOP", index=1)))
    assert decoder.finish() == [Ended()]


def test_comments_are_nothing() -> None:
    assert GEMINI.decoder(keep_leftovers=False).decode(Frame(b": ]\n", None)) == []


STREAM = [
    chunk({"text": "hm 🤔", "thought": True}) | {"usageMetadata": {"promptTokenCount": 3}},
    chunk({"text": "né"}),
    chunk({"functionCall": {"name": "f", "args": {"a": ']}"'}}, "thoughtSignature": "AA=="}, finish="STOP"),
]


BODY = b"".join(map(event, STREAM))


ARRAY = json.dumps(STREAM, indent=2, ensure_ascii=False).encode() + b"\n"


def test_an_array_says_what_an_event_stream_says() -> None:
    assert decode_bytes([ARRAY], "json_array") == decode_bytes([BODY])
    assert decode_bytes([BODY])[-2:] == [ChoiceFinished(0, "tool_calls", "STOP"), Ended()]


def test_no_cut_of_the_bytes_changes_the_events() -> None:
    for cut in [*every_single_cut(BODY), *every_size(BODY)]:
        assert decode_bytes(cut) == decode_bytes([BODY])
    for cut in [*every_single_cut(ARRAY), *every_size(ARRAY)]:
        assert decode_bytes(cut, "json_array") == decode_bytes([ARRAY], "json_array")


def test_an_array_that_was_not_closed_has_not_ended() -> None:
    end = ARRAY.rindex(b"]")
    assert Ended() not in decode_bytes([ARRAY[:end]], "json_array")


def test_the_close_of_an_array_is_its_terminator_whatever_came_before() -> None:
    events: list[Event] = decode_bytes([b"[ ]"], "json_array")
    assert events == [Ended()]


def test_a_failure_continues_the_framing_that_was_seen() -> None:
    error: SluiceError = Truncated("cut")
    shape = {"error": {"code": 502, "message": "cut", "status": "UNAVAILABLE"}}
    decoder = GEMINI.decoder(keep_leftovers=False)
    assert decoder.failure(error) == b"data: " + json.dumps(shape, separators=(",", ":")).encode() + b"\n\n"
    decoder.decode(frame(STREAM[0]))
    assert json.loads(decoder.failure(error)[6:]) == shape
    array = GEMINI.decoder(keep_leftovers=False)
    element = json.dumps(STREAM[0]).encode()
    array.decode(Frame(b"[\n" + element, element))
    assert json.loads(b"[" + element + array.failure(error)) == [STREAM[0], shape]
