"""openai_chat/decode.py: what few providers send, and what none of it may break."""

from sluice.chat.content import Citation
from sluice.chat.events import ChoiceFinished, Cited, Started, TextDelta, Unrecognised
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.wire.sse import Frame
from tests.dialects.chunks import chunk, decode


def test_content_as_a_list_of_parts_is_text_and_reasoning() -> None:
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]}]
    parts = [{"type": "thinking", "thinking": "!"}, {"type": "text", "text": "Hi"}, {"type": "reference", "ids": [1]}]
    assert decode(chunk({"content": thinking}), chunk({"content": parts}))[1:] == [
        TextDelta(0, "reasoning", "hm"),
        TextDelta(0, "reasoning", "!"),
        TextDelta(0, "text", "Hi"),
        Unrecognised("part:reference"),
    ]


def test_citations_are_read_and_what_is_none_is_named() -> None:
    at = {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}
    rows = [{"type": "url_citation", "url_citation": at}, {"type": "file_citation", "file_id": "f"}]
    assert decode(chunk({"content": "Hi", "annotations": rows}), chunk({"annotations": 5}))[1:] == [
        TextDelta(0, "text", "Hi"),
        Cited(0, Citation(url="https://a.example", title="A", start=0, end=2)),
        Unrecognised("annotation:file_citation"),
        Unrecognised("annotations"),
    ]
    assert decode(chunk({"annotations": None}))[1:] == []


def test_sound_is_unrecognised_once_for_each_piece() -> None:
    assert decode(chunk({"audio": {"data": "AA=="}}), chunk({"audio": None}))[1:] == [Unrecognised("delta:audio")]


def test_an_event_by_another_name_is_unrecognised() -> None:
    raw = b'{"x": 1}'
    assert decode(Frame(b"", raw, "ping"), Frame(b"", raw, "message"))[0] == Unrecognised("event:ping")
    assert decode(Frame(b"", raw, "message")) == [Started("", "")]


def test_a_refusal_that_stops_is_a_refusal() -> None:
    assert decode(chunk({"refusal": "no"}), chunk({}, finish="stop"))[-1] == ChoiceFinished(0, "refusal", "stop")
    assert decode(chunk({"refusal": "no"}), chunk({}, finish="length"))[-1] == ChoiceFinished(0, "length", "length")
    assert decode(chunk({"refusal": "no"}), chunk({}, index=1, finish="stop"))[-1] == ChoiceFinished(1, "stop", "stop")


def test_the_end_of_the_body_is_no_evidence() -> None:
    decoder = OPENAI_CHAT.decoder(keep_leftovers=False)
    decoder.decode(chunk({"content": "a"}, finish="stop"))
    assert list(decoder.finish()) == []
