"""openai_chat/answer.py and errors.py: whole answers and whole errors, read and written."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.content import Refusal, Text, ToolUse
from sluice.chat.events import ChoiceFinished, Ended, Failed, Leftover, Reported, Started, TextDelta, Unrecognised
from sluice.chat.fold import Answer, Choice
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Reasoning
from sluice.chat.usage import Usage
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import BadRequest, Internal, ProtocolError, SluiceError, TimedOut
from tests.dialects.chunks import fold, frames_of


def body(*choices: object, **more: object) -> bytes:
    return json.dumps({"id": "c1", "created": 7, "model": "m", "choices": choices} | more).encode()


PLAIN = ChatRequest()
TEXT = {"index": 0, "message": {"role": "assistant", "content": "Hi", "refusal": None}, "finish_reason": "stop"}


def test_an_answer_is_read_as_the_events_of_a_stream() -> None:
    assert OPENAI_CHAT.read_answer(body(TEXT, usage={"prompt_tokens": 1, "completion_tokens": 2})) == [
        Started("c1", "m", 7),
        TextDelta(0, "text", "Hi"),
        ChoiceFinished(0, "stop", "stop"),
        Reported(Usage(input_tokens=1, output_tokens=2)),
        Ended(),
    ]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("usage", "known"),
    [
        ([], None),
        ({"prompt_tokens": "1"}, None),
        (
            {"prompt_tokens": 1, "completion_tokens": 2, "prompt_tokens_details": []},
            Usage(input_tokens=1, output_tokens=2),
        ),
    ],
)
def test_usage_that_cannot_be_read_spoils_no_answer(usage: object, known: Usage | None, keep: bool) -> None:
    events = OPENAI_CHAT.read_answer(body(TEXT, usage=usage, more=1), keep_leftovers=keep)
    assert Unrecognised("answer:usage") in events
    assert (fold(events).choices[0].text, fold(events).usage) == ("Hi", known)
    failed = OPENAI_CHAT.read_answer(b'{"error": {"message": "x"}, "usage": []}', keep_leftovers=keep)
    assert [type(event) for event in failed] == [Failed]
    with pytest.raises(ProtocolError):
        OPENAI_CHAT.read_answer(body(TEXT | {"index": "x"}, usage=usage), keep_leftovers=keep)


def test_every_channel_of_a_whole_answer_is_read() -> None:
    message = {
        "content": None,
        "refusal": "no",
        "reasoning_content": "hm",
        "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}, {}],
    }
    logprobs = {"content": None, "refusal": [{"token": "no"}]}
    (choice,) = fold(OPENAI_CHAT.read_answer(body({"message": message, "logprobs": logprobs}))).choices
    assert (choice.text, choice.refusal, choice.reasoning) == (None, "no", "hm")
    assert choice.tool_calls == (
        ToolUse(id="t", name="f", arguments="{}"),
        ToolUse(id="call_c1_0_1", name="", arguments=""),
    )
    assert (choice.finish, choice.native_finish, len(choice.logprobs)) == ("refusal", "", 1)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"[]", b'{"choices": null}', b'{"choices": 5}', b"[" * 100_000, b'{"model": "\xff"}', b'{"id": 1}'],
)
def test_what_is_no_answer_is_a_protocol_error(raw: bytes) -> None:
    with pytest.raises(ProtocolError, match="not a chat completion"):
        OPENAI_CHAT.read_answer(raw)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"error": {"message": "x", "type": "rate_limit_error"}}', 429),
        (b'{"error": "x", "choices": []}', 502),
        (body(TEXT | {"finish_reason": "error"}), 502),
        (body(TEXT, {"index": 1, "finish_reason": "error"}), 502),
    ],
)
def test_a_failure_under_a_status_of_200_is_a_failure(raw: bytes, status: int) -> None:
    for events in (OPENAI_CHAT.read_answer(raw), OPENAI_CHAT.read_answer(raw, keep_leftovers=True)):
        assert len(events) == 1
        assert isinstance(events[0], Failed)
        assert events[0].error.status == status


def test_leftovers_of_a_whole_answer_survive() -> None:
    raw = body(TEXT | {"seed": 1, "message": {"content": "a", "x": []}}, system_fingerprint="fp", error=None)
    events = OPENAI_CHAT.read_answer(raw, keep_leftovers=True)
    assert Leftover("choice", 0, {"seed": msgspec.Raw(b"1")}) in events
    written = json.loads(OPENAI_CHAT.write_answer(fold(events), PLAIN))
    assert written["system_fingerprint"] == "fp"
    assert (written["choices"][0]["seed"], written["choices"][0]["message"]["x"]) == (1, [])


def test_what_is_written_is_exactly_this() -> None:
    answer = Answer(
        id="c1",
        model="m",
        created=7,
        choices=(
            Choice(index=0, parts=(Text(text=""), Refusal(text="no")), finish="refusal"),
            Choice(index=1, parts=(Text(text=""), ToolUse(id="t", name="f", arguments="{}")), finish="tool_calls"),
            Choice(index=2, parts=(Text(text=""), Reasoning("hm"))),
        ),
    )
    assert json.loads(OPENAI_CHAT.write_answer(answer, PLAIN)) == {
        "id": "c1",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": None, "refusal": "no"},
                "logprobs": None,
                "finish_reason": "stop",
            },
            {
                "index": 1,
                "message": {
                    "role": "assistant",
                    "content": None,
                    "refusal": None,
                    "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            },
            {
                "index": 2,
                "message": {"role": "assistant", "content": "", "refusal": None, "reasoning_content": "hm"},
                "logprobs": None,
                "finish_reason": None,
            },
        ],
    }


def test_logprobs_of_many_chunks_become_one_list() -> None:
    pieces = [b'{"content":[1],"refusal":null}', b'{"content":[2,3]}', b'"odd"', b'{"content":5}', b"null"]
    answer = Answer(choices=(Choice(index=0, parts=(Text(text="a"),), logprobs=tuple(map(msgspec.Raw, pieces))),))
    (choice,) = json.loads(OPENAI_CHAT.write_answer(answer, PLAIN))["choices"]
    assert choice["logprobs"] == {"content": [1, 2, 3], "refusal": None}


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "raw", "message", "code"),
    [
        (429, b'{"error": {"message": "slow", "type": "t", "code": "c", "param": ["x"]}}', "slow", "c"),
        (429, b'{"error": {"message": "slow", "code": 7}}', "slow", "7"),
        (500, b'{"error": "boom"}', "boom", "upstream_refused"),
        (400, b'[{"error": {"message": "bad", "code": 400, "status": "INVALID_ARGUMENT"}}]', "bad", "400"),
        (400, b"[]", "the provider answered with status 400", "upstream_refused"),
        (400, b'{"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}', "bad", "400"),
        (400, b'{"object": "error", "message": "bad"}', "bad", "upstream_refused"),
        (422, b'{"detail": "bad"}', "bad", "upstream_refused"),
        (422, b'{"detail": [{"loc": []}]}', '{"detail": [{"loc": []}]}', "upstream_refused"),
        (404, b"{}", "the provider answered with status 404", "upstream_refused"),
        (502, b"<html>Bad Gateway</html>", "<html>Bad Gateway</html>", "upstream_refused"),
        (502, b"x" * 5000, "x" * 1024, "upstream_refused"),
        (502, b" ", "the provider answered with status 502 and no body", "upstream_refused"),
        (502, b'{"message": "no \xff"}', "no \ufffd", "upstream_refused"),
        (502, b"[" * 100_000, "[" * 1024, "upstream_refused"),
    ],
)
def test_a_refusal_is_read_whatever_its_shape(status: int, raw: bytes, message: str, code: str) -> None:
    refused = OPENAI_CHAT.read_error(status, raw)
    assert (refused.status, str(refused), refused.code) == (status, message, code)
    assert refused.retryable is (status in (408, 429) or status >= 500)


@given(st.integers(300, 599), st.binary(max_size=60))
def test_reading_a_refusal_never_raises_and_it_can_be_written_again(status: int, raw: bytes) -> None:
    refused = OPENAI_CHAT.read_error(status, raw)
    assert json.loads(OPENAI_CHAT.write_error(refused))["error"]["message"] == str(refused)


@pytest.mark.parametrize("error", [BadRequest("a\r\nb", param="messages[0]"), TimedOut("idle"), Internal("x")])
def test_an_error_is_one_object_and_in_a_stream_one_event(error: SluiceError) -> None:
    want = {"message": str(error), "type": error.type, "param": error.param, "code": error.code}
    assert json.loads(OPENAI_CHAT.write_error(error)) == {"error": want}
    (frame,) = frames_of(OPENAI_CHAT.decoder(keep_leftovers=False).failure(error))
    assert json.loads(frame.data or b"") == {"error": want}


def test_the_list_of_models() -> None:
    assert json.loads(OPENAI_CHAT.write_models([("m", "openai")])) == {
        "object": "list",
        "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "openai"}],
    }
