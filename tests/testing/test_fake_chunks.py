"""The JSON of the fake: the members of the recorded stream, one reply streamed and whole."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from sluice.chat.events import Event
from sluice.chat.fold import Answer, Fold
from sluice.chat.grammar import Grammar
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.testing.fake_chunks import Writer
from sluice.testing.fake_reply import reply
from sluice.testing.fake_request import read
from sluice.wire.sse import SseDecoder

RECORDED = Path(__file__).parents[1] / "streams" / "openai-chat-gpt-3.5-turbo.sse"
TOOLS = [{"type": "function", "function": {"name": "look_up"}}]


def writer(**members: object) -> Writer:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | members
    asked, seed = read(msgspec.json.encode(body))
    return Writer(asked, reply(asked, seed), model="m-1", created=1_744_306_752)


def chunks(stream: bytes) -> list[dict[str, object]]:
    frames = SseDecoder().feed(stream)
    assert frames[-1].data == b"[DONE]"
    return [msgspec.json.decode(frame.data or b"", type=dict[str, object]) for frame in frames[:-1]]


def shape(value: object) -> object:
    """Names in their order, without the values."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else None


def streamed(stream: bytes) -> Answer:
    decoder = OPENAI_CHAT.decoder(keep_leftovers=True)
    return folded([event for frame in SseDecoder().feed(stream) for event in decoder.decode(frame)])


def folded(events: Sequence[Event]) -> Answer:
    fold, grammar = Fold(), Grammar()
    for event in events:
        grammar.advance(event)
        fold.add(event)
    assert grammar.complete
    return fold.answer()


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
    one, two = writer(**members), writer(**members)
    live = streamed(b"".join(one.stream()))
    whole = folded(OPENAI_CHAT.read_answer(two.whole()))
    assert (live.id, live.model, live.created, live.usage) == (whole.id, whole.model, whole.created, whole.usage)
    for a, b in zip(live.choices, whole.choices, strict=True):
        assert (a.text or "", a.reasoning, a.refusal) == (b.text or "", b.reasoning, b.refusal)
        assert (a.tool_calls, a.finish, a.index) == (b.tool_calls, b.finish, b.index)


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
