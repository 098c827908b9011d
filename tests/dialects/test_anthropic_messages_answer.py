"""anthropic_messages/answer.py: whole answers, read and written, are the same as streams of them."""

import json

import pytest

from sluice.chat.events import ChoiceFinished, Ended, Event, Failed, Leftover, Reported, Started, TextDelta
from sluice.chat.request import ChatRequest
from sluice.chat.usage import Usage
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.errors import ProtocolError
from tests.dialects.messages_events import REQUEST, STREAMS, OfficialClient, content_of, decode, fold, plain

CLIENT = OfficialClient()


def whole_of(stream: bytes) -> dict[str, object]:
    """The whole answer that this stream is, as the official client accumulates it."""
    whole = plain(CLIENT.stream(stream))
    whole["usage"] = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0} | dict(whole["usage"])  # type: ignore[call-overload]
    for block in content_of(whole):
        if block["type"] == "thinking":
            block["signature"] = "EqQB/+="  # the client keeps only the last piece of it
    return whole


@pytest.mark.parametrize("name", STREAMS)
def test_a_whole_answer_is_the_fold_of_its_stream(name: str) -> None:
    whole = json.dumps(whole_of(STREAMS[name])).encode()
    from_whole = fold(ANTHROPIC_MESSAGES.read_answer(whole))
    from_stream = fold(decode(STREAMS[name]))
    # as JSON: the same input may be spelt with other spaces
    assert json.loads(ANTHROPIC_MESSAGES.write_answer(from_whole, REQUEST)) == json.loads(
        ANTHROPIC_MESSAGES.write_answer(from_stream, REQUEST)
    )
    assert from_whole.usage == from_stream.usage
    assert from_whole.choices[0].finish == from_stream.choices[0].finish


@pytest.mark.parametrize("name", ["text", "thinking"])
def test_what_is_read_is_written_again(name: str) -> None:
    """But for what no other dialect has a place for."""
    whole = whole_of(STREAMS[name])
    events = ANTHROPIC_MESSAGES.read_answer(json.dumps(whole).encode())
    assert plain(CLIENT.create(ANTHROPIC_MESSAGES.write_answer(fold(events), REQUEST))) == whole


def test_an_answer_of_nothing_is_an_answer() -> None:
    events = ANTHROPIC_MESSAGES.read_answer(b'{"type":"message","content":[]}')
    assert events == [Started("", ""), ChoiceFinished(0, "stop", ""), Ended()]
    body = json.loads(ANTHROPIC_MESSAGES.write_answer(fold(events), ChatRequest(model="asked")))
    assert (body["id"], body["model"], body["content"]) == ("msg_", "asked", [])
    assert body["usage"]["output_tokens"] == 0


def test_leftovers_are_kept_only_when_asked_for_and_come_back() -> None:
    body = (
        b'{"type":"message","role":"assistant","content":[],"container":{"id":"c"},'
        b'"context_management":{"applied_edits":[]},"usage":{"input_tokens":1,"output_tokens":2}}'
    )
    events = ANTHROPIC_MESSAGES.read_answer(body, keep_leftovers=True)
    (kept,) = [event for event in events if isinstance(event, Leftover)]
    assert set(kept.fields) == {"container", "context_management"}
    written = json.loads(ANTHROPIC_MESSAGES.write_answer(fold(events), REQUEST))
    assert (written["container"], written["context_management"]) == ({"id": "c"}, {"applied_edits": []})
    assert Reported(Usage(input_tokens=1, output_tokens=2)) in events
    assert not any(isinstance(event, Leftover) for event in ANTHROPIC_MESSAGES.read_answer(body))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}', 529),
        (b'{"error":{"message":"m"}}', 502),
    ],
)
def test_an_error_under_a_status_of_200_is_a_failure_alone(body: bytes, status: int) -> None:
    (failed,) = ANTHROPIC_MESSAGES.read_answer(body)
    assert isinstance(failed, Failed)
    assert (failed.error.status, str(failed.error)) == (status, "m")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"<html>",
        b'{"content":"a"}',
        b'{"content":[{"type":7}]}',
        b'{"content":[{"type":"text","text":"\xff"}]}',
        b'{"content":[{"type":"tool_use","input":{"a":"\xff"}}]}',
        b'{"content":' + b"[" * 100_000,
        b'{"choices":[]}',
    ],
)
def test_what_is_no_message_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="not a message"):
        ANTHROPIC_MESSAGES.read_answer(body, keep_leftovers=True)


def test_the_first_choice_is_the_answer() -> None:
    events: list[Event] = [
        Started("c", "m"),
        TextDelta(1, "text", "b"),
        TextDelta(0, "text", "a"),
        ChoiceFinished(0, "stop", "stop"),
        ChoiceFinished(1, "stop", "stop"),
        Ended(),
    ]
    body = json.loads(ANTHROPIC_MESSAGES.write_answer(fold(events), REQUEST))
    assert body["content"] == [{"type": "text", "text": "a"}]
