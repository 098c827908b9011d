"""dialects.openai_chat.repeated: a chunk is read in part only where all of it would have said the same."""

import json
from itertools import product
from random import Random

import pytest

from sluice.chat.events import Event
from sluice.dialects.openai_chat.decode import ChatStreamDecoder
from sluice.dialects.openai_chat.repeated import LESSONS
from sluice.errors import ProtocolError
from sluice.wire.sse import Frame
from tests.dialects.chunks import chunk, data

_TEXTS = ("", "Hello", ' "quoted" \\ and\nmore', "漢字 🙂", '{"content":"x"}', "\ud800")
_CALL = {"index": 0, "id": "t1", "function": {"name": "f", "arguments": "{}"}}


def _odd_frames() -> list[Frame]:
    frames = [chunk({"content": text}) for text in _TEXTS]
    frames += [chunk({"content": text}, index=1) for text in _TEXTS]
    frames += [chunk({"role": "assistant", "content": text}, logprobs=None) for text in _TEXTS]
    frames += [
        chunk({"content": "a", "tool_calls": [_CALL]}),
        chunk({"content": "a", "reasoning_content": "b"}),
        chunk({"content": "a"}, logprobs={"content": []}),
        chunk({"content": "a"}, content_filter_results={"hate": {"filtered": False}}),
        chunk({"content": "a"}, finish="stop"),
        chunk({"content": [{"type": "text", "text": "part"}]}),
        data({"id": "c1", "choices": [{"delta": {"content": "a"}}, {"index": 1, "delta": {"content": "a"}}]}),
        data({"id": "c1", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}),
        data({"id": "c1", "x": "new", "choices": [{"delta": {"content": "a"}}]}),
    ]
    raw = [
        rb'{"choices":[{"delta":{"content":"a","c\u006fntent":"b"}}]}',
        rb'{"choices":[{"delta":{"content":"c","c\u006fntent":"b"}}]}',
        rb'{"choices":[{"delta":{"content":"b","c\u006fntent":"b"}}]}',
        b'{"choices":[{"delta":{"content":"a"},"x":{"content":"a"}}]}',
        b'{"choices":[{"x":{"content":"a"},"delta":{}}]}',
        b'{"id":"c1","created":7,"model":"m","choices":[{"delta":{"content" : "spaced"}}]}',
        b'{"id":"c1","created":7,"model":"m","choices":[{"delta":{"content" : "a","x":"b"}}]}',
        b'{"id":"c1","created":7,"model":"m","choices":[{"delta":{"content" : null}}]}',
        b'{"id":"c1","created":7,"model":"m","choices":[{"delta":{"content" : "\xff"}}]}',
        b'{"id":"c1","created":7,"model":"m","choices":[{"delta":{"content" : 7}}]}',
        b'{"id":"c1","created":7,"model":"m","choices":[{"delta":{"content" : "}}]}',
    ]
    return frames + [Frame(b"data: " + each + b"\n\n", each) for each in raw]


def _said(decoder: ChatStreamDecoder, frame: Frame) -> list[Event] | type[Exception]:
    try:
        return decoder.decode(frame)
    except ProtocolError as error:
        return type(error)


def _forgetful(keep: bool) -> ChatStreamDecoder:
    decoder = ChatStreamDecoder(keep_leftovers=keep)
    decoder._lessons = 0
    return decoder


@pytest.mark.parametrize("keep", [False, True])
def test_what_follows_a_chunk_is_read_as_if_nothing_were_known_of_it(keep: bool) -> None:
    for first, second in product(_odd_frames(), repeat=2):
        quick, forgetful = ChatStreamDecoder(keep_leftovers=keep), _forgetful(keep)
        for frame in (first, first, second, first):
            assert _said(quick, frame) == _said(forgetful, frame), (first.data, second.data)


@pytest.mark.parametrize("keep", [False, True])
def test_a_long_stream_of_anything_is_read_the_same(keep: bool) -> None:
    rng, frames = Random(5), _odd_frames()
    quick, forgetful = ChatStreamDecoder(keep_leftovers=keep), _forgetful(keep)
    for _ in range(3000):
        frame = rng.choice(frames)
        quick._lessons = LESSONS
        assert _said(quick, frame) == _said(forgetful, frame)


def test_only_the_text_of_a_repeated_chunk_is_read() -> None:
    decoder = ChatStreamDecoder(keep_leftovers=True)
    for text in ("a", "b"):
        decoder.decode(chunk({"content": text}))
    learnt = decoder._around
    assert learnt is not None
    assert [event.text for event in decoder.decode(chunk({"content": "c"}))] == ["c"]  # type: ignore[union-attr]
    assert decoder._around is learnt


def test_a_provider_who_varies_every_chunk_is_not_learnt_from_for_ever() -> None:
    decoder = ChatStreamDecoder()
    for number in range(3 * LESSONS):
        row = {"index": 0, "delta": {"content": "a"}}
        decoder.decode(Frame(b"", json.dumps({"id": "c", "model": "m", "created": number, "choices": [row]}).encode()))
    assert decoder._around is None
