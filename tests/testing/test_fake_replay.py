"""Recordings in each dialect: played byte for byte, and whole as what they add up to."""

from pathlib import Path

import msgspec
import pytest

from sluice.testing import fake_replay
from sluice.testing.fake_desk import Options
from tests.testing.spoken import DIALECTS, SPOKEN, Json, obj, rows, script, sent, whole

RECORDED = (Path(__file__).parents[1] / "streams" / "openai-chat-gpt-3.5-turbo.sse").read_bytes()
WISH: Json = {"fake": {"content": "x y z", "reasoning": "a b", "calls": [{"name": "f", "arguments": '{"a": [1, 2]}'}]}}
ARRAY = "/v1beta/models/gemini-3-pro:streamGenerateContent"


def recorded(name: str) -> bytes:
    """A stream of the fake's own."""
    spoken = SPOKEN[name]
    body = spoken.ask("Record this.") | WISH | {"stream": True}
    return sent(script(spoken.stream_path or spoken.path, body, spoken.headers))


@pytest.mark.parametrize("name", DIALECTS)
def test_a_recording_is_played_to_requests_of_its_dialect(name: str) -> None:
    spoken, options = SPOKEN[name], Options(replay=recorded(name))
    body = spoken.ask("Something else.")
    live = script(spoken.stream_path or spoken.path, body | {"stream": True}, spoken.headers, options)
    chunks = [chunk for chunk in live.chunks if isinstance(chunk, bytes)]
    assert b"".join(chunks) == recorded(name)
    assert len(chunks) > 6
    at_once = msgspec.json.decode(sent(script(spoken.path, body, spoken.headers, options)), type=Json)
    assert spoken.read(at_once) == spoken.read(whole(name, spoken.ask("Record this.") | WISH))


def test_other_dialects_answer_as_usual_and_each_may_have_its_recording() -> None:
    both = Options(replay=(recorded("chat"), recorded("messages")))
    for name in DIALECTS:
        spoken = SPOKEN[name]
        answer = msgspec.json.decode(sent(script(spoken.path, spoken.ask("hi"), spoken.headers, both)), type=Json)
        assert ("x y z" in spoken.read(answer).text) == (name in ("chat", "messages"))


def test_an_array_is_played_where_an_array_is_asked_for() -> None:
    body = SPOKEN["gemini"].ask("Record this.")
    array = sent(script(ARRAY, body | WISH))
    options = Options(replay=array)
    live = script(ARRAY, body, (), options)
    chunks = [chunk for chunk in live.chunks if isinstance(chunk, bytes)]
    assert b"".join(chunks) == array
    assert len(chunks) == len(msgspec.json.decode(array)) + 1
    events = sent(script(SPOKEN["gemini"].stream_path, body, (), options))
    assert events.startswith(b"data: ")
    assert b"x y z" not in events


@pytest.mark.parametrize("name", DIALECTS)
def test_a_recording_that_breaks_off_is_played_as_far_as_it_goes(name: str) -> None:
    data = recorded(name)
    for size in range(len(data) // 2, len(data), 97):
        one = fake_replay.read(data[:size])
        assert b"".join(one.events) == data[:size]
        msgspec.json.decode(one.whole)


def test_the_recorded_stream_adds_up() -> None:
    found = msgspec.json.decode(fake_replay.read(RECORDED).whole, type=Json)
    choice = rows(found["choices"])[0]
    said = 'You can call it something simple and descriptive like "my-first-repo" or "hello-world".'
    assert (obj(choice["message"])["content"], choice["finish_reason"]) == (said, "stop")
    assert (found["model"], found["object"]) == ("gpt-3.5-turbo-0125", "chat.completion")


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"hello",
        b"[]",
        b"[1",
        b"\0" * 40,
        b"data: 1\n\n",
        b"data: {}\n\n",
        b'data: {"type": "ping"}\n\n',
        b'data: {"type": "message_start"}\n\n',
        b'data: {"type": "response.x"}\n\n',
        b'data: {"choices": 1}\n\n',
        b'data: {"choices": [{"index": "x"}]}\n\n',
        b'data: {"choices": [{"delta": {"tool_calls": [{"index": -1}]}}]}\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
        b'[{"candidates": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_recording_is_refused(junk: bytes) -> None:
    with pytest.raises(ValueError, match="the recording is not a stream"):
        fake_replay.read(junk)


def test_two_of_one_dialect_are_refused() -> None:
    with pytest.raises(ValueError, match="two recordings are of one dialect"):
        fake_replay.recordings([RECORDED, recorded("chat")])
