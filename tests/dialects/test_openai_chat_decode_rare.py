"""openai_chat/decode.py: what few providers send, and what none of it may break."""

import pytest

from sluice.chat.content import Citation
from sluice.chat.events import ChoiceFinished, Cited, Started, TextDelta, Unrecognised
from sluice.dialects.dialect import PING
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.wire.sse import Frame
from tests.dialects.chunks import chunk, data, decode


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
    assert decode(Frame(b"", raw, "queue"), Frame(b"", raw, "message"))[0] == Unrecognised("event:queue")
    assert decode(Frame(b"", raw, "message")) == [Started("", "")]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"{}", ""),
        (b'{"choices":[]}', ""),
        (b'{"choices": null, "usage": null}', ""),
        (b'{"id":"c1","object":"chat.completion.chunk","created":7,"model":"","choices":[ ]}', ""),
        (b'{"type":"ping"}', ""),
        (b'{"type":"keepalive"}', "message"),
        (b'{"x":1}', "ping"),
        (b'{"id":"c1","model":"m","choices":[]}', "keepalive"),
        (b"2026-11-21T00:00:00Z", "ping"),
        (b"", "heartbeat"),
    ],
)
def test_what_says_nothing_is_a_ping_at_any_place(raw: bytes, name: str, keep: bool) -> None:
    decoder = OPENAI_CHAT.decoder(keep_leftovers=keep)
    assert decoder.decode(Frame(b"", raw, name)) is PING
    assert list(decoder.decode(chunk({"content": "a"}))) == [Started("c1", "m", 7), TextDelta(0, "text", "a")]
    assert decoder.decode(Frame(b"", raw, name)) is PING
    assert PING == []


def test_a_chunk_that_names_the_answer_is_none_until_it_was_named() -> None:
    named, decoder = data({"id": "c1", "model": "m", "choices": []}), OPENAI_CHAT.decoder(keep_leftovers=False)
    assert decoder.decode(named) == [Started("c1", "m")]
    assert decoder.decode(named) is PING


@pytest.mark.parametrize(
    "frame",
    [
        chunk({"executed_tools": [{"output": "more"}]}),
        chunk({}),
        data({"choices": [], "queue_position": 3}),
        Frame(b"", b'{"choices": [], "\xff": 1}'),
    ],
)
def test_what_says_something_that_has_no_word_here_is_no_ping(frame: Frame) -> None:
    decoder = OPENAI_CHAT.decoder(keep_leftovers=False)
    decoder.decode(chunk({"content": "a"}))
    assert (events := decoder.decode(frame)) == []
    assert events is not PING


def test_usage_beside_a_name_that_is_not_utf8_is_not_alone() -> None:
    decoder = OPENAI_CHAT.decoder(keep_leftovers=False)
    assert not decoder.only_usage(Frame(b"", b'{"choices": [], "usage": {}, "\xff": 1}'))
    assert not decoder.only_usage(Frame(b"", b'{"choices": [{"delta": {"\xff": 1}}], "usage": {}}'))


def test_a_refusal_that_stops_is_a_refusal() -> None:
    assert decode(chunk({"refusal": "no"}), chunk({}, finish="stop"))[-1] == ChoiceFinished(0, "refusal", "stop")
    assert decode(chunk({"refusal": "no"}), chunk({}, finish="length"))[-1] == ChoiceFinished(0, "length", "length")
    assert decode(chunk({"refusal": "no"}), chunk({}, index=1, finish="stop"))[-1] == ChoiceFinished(1, "stop", "stop")


def test_the_end_of_the_body_is_no_evidence() -> None:
    decoder = OPENAI_CHAT.decoder(keep_leftovers=False)
    decoder.decode(chunk({"content": "a"}, finish="stop"))
    assert list(decoder.finish()) == []
