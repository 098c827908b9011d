"""The JSON of the fake's chat completions: the members of the recorded stream, one reply streamed and whole."""

from pathlib import Path

import msgspec
import pytest

from sluice.testing import fake_fold
from sluice.testing.fake_chunks import Writer
from sluice.testing.fake_refusal import Refusal
from sluice.testing.fake_reply import reply
from sluice.testing.fake_request import read
from sluice.testing.fake_voice import Form, Told
from sluice.wire.sse import SseDecoder

RECORDED = Path(__file__).parents[1] / "streams" / "openai-chat-gpt-3.5-turbo.sse"
TOOLS = [{"type": "function", "function": {"name": "look_up"}}]


def writer(form: Form = "", /, **members: object) -> Writer:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | members
    asked = read(msgspec.json.encode(body))
    return Writer(asked, reply(asked), Told(model="m-1", created=1_744_306_752, form=form))


def chunks(stream: bytes) -> list[dict[str, object]]:
    frames = SseDecoder().feed(stream)
    assert frames[-1].data == b"[DONE]"
    return [msgspec.json.decode(frame.data or b"", type=dict[str, object]) for frame in frames[:-1]]


def shape(value: object) -> object:
    """Names in their order, without the values."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else None


def test_chunks_have_the_members_of_the_recorded_ones_in_their_order() -> None:
    recorded, ours = chunks(RECORDED.read_bytes()), chunks(b"".join(writer().stream()))
    for position in (0, 1, -1):
        assert repr(shape(ours[position])) == repr(shape(recorded[position]))
    assert ours[0]["choices"] == recorded[0]["choices"]
    assert {type(chunk["system_fingerprint"]) for chunk in ours} == {str}


def test_usage_comes_once_last_and_only_if_asked_for() -> None:
    assert not any("usage" in chunk for chunk in chunks(b"".join(writer().stream())))
    asked = chunks(b"".join(writer(stream_options={"include_usage": True}).stream()))
    assert [chunk["usage"] for chunk in asked[:-1]] == [None] * (len(asked) - 1)
    assert asked[-1]["choices"] == []
    usage = msgspec.convert(asked[-1]["usage"], dict[str, int | dict[str, int]])
    assert usage["completion_tokens"] == len(asked) - 3  # the role, the finish reason and this one are none
    whole = msgspec.json.decode(writer().whole(), type=dict[str, object])
    assert whole["usage"] == usage


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"n": 3},
        {"max_tokens": 2},
        {"tools": TOOLS, "tool_choice": "required", "n": 2},
        {"fake": {"content": "c c", "reasoning": "r r"}},
        {"fake": {"refusal": "no no"}},
        {"fake": {"content": ""}},
        {"logprobs": True, "top_logprobs": 3},
    ],
)
def test_stream_and_whole_answer_say_the_same(members: dict[str, object]) -> None:
    members = {"stream_options": {"include_usage": True}} | members
    whole = msgspec.json.decode(writer(**members).whole())
    live = fake_fold.chat(chunks(b"".join(writer(**members).stream())))
    assert said(live) == said(whole)


def said(completion: object) -> object:
    """A completion without the members that a stream has no place for; no text and an empty one are the same."""
    found = msgspec.convert(completion, dict[str, object])
    choices = msgspec.convert(found.pop("choices"), list[dict[str, object]])
    for choice in choices:
        message = msgspec.convert(choice["message"], dict[str, object])
        message.pop("annotations", None)
        choice["message"] = message | {"content": message["content"] or ""}
    return choices, found


def test_choices_take_turns() -> None:
    rows = [msgspec.convert(c["choices"], list[dict[str, object]])[0] for c in chunks(b"".join(writer(n=2).stream()))]
    assert [row["index"] for row in rows[:6]] == [0, 1, 0, 1, 0, 1]


def test_a_calls_id_and_name_come_once_and_its_arguments_in_pieces() -> None:
    deltas = [
        msgspec.convert(chunk["choices"], list[dict[str, object]])[0]["delta"]
        for chunk in chunks(b"".join(writer(tools=TOOLS, tool_choice="required").stream()))
    ]
    assert deltas[0] == {"role": "assistant", "content": None, "refusal": None}
    opened = msgspec.convert(deltas[1], dict[str, list[dict[str, object]]])["tool_calls"][0]
    assert list(opened) == ["index", "id", "type", "function"]
    assert opened["function"] == {"name": "look_up", "arguments": ""}
    assert deltas[2] == {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}


def test_logprobs_spell_the_tokens() -> None:
    body = msgspec.json.decode(writer(logprobs=True, top_logprobs=12).whole(), type=dict[str, object])
    choice = msgspec.convert(body["choices"], list[dict[str, object]])[0]
    logprobs = msgspec.convert(choice["logprobs"], dict[str, list[dict[str, object]] | None])
    message = msgspec.convert(choice["message"], dict[str, object])
    rows = logprobs["content"] or []
    assert "".join(str(row["token"]) for row in rows) == message["content"]
    for row in rows:
        top = msgspec.convert(row["top_logprobs"], list[dict[str, object]])
        assert bytes(msgspec.convert(row["bytes"], list[int])).decode() == row["token"]
        assert len(top) == 12
        assert len({str(each["token"]) for each in top}) == 12
        assert top[0]["token"] == row["token"]
    assert msgspec.json.decode(writer().whole())["choices"][0]["logprobs"] is None


def test_azures_stream_begins_with_a_chunk_without_choices() -> None:
    first, role, token = chunks(b"".join(writer("azure").stream()))[:3]
    assert (first["choices"], first["id"], first["model"], first["object"]) == ([], "", "", "")
    assert "prompt_filter_results" in first
    assert [msgspec.convert(c["choices"], list[dict[str, object]])[0]["index"] for c in (role, token)] == [0, 0]
    row = msgspec.convert(token["choices"], list[dict[str, dict[str, object] | int | None]])[0]
    assert isinstance(row["content_filter_results"], dict)
    assert set(row["content_filter_results"]) == {"hate", "self_harm", "sexual", "violence"}


def test_a_failure_inside_a_stream_is_one_event() -> None:
    frame = SseDecoder().feed(writer().failure(Refusal(429, "slow down")))[0]
    error = msgspec.json.decode(frame.data or b"", type=dict[str, dict[str, object]])["error"]
    assert error == {"message": "slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
