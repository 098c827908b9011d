"""openai_chat/messages_read.py: the messages of a client's request, in the vocabulary."""

from typing import Any

import pytest

from sluice.chat.content import CacheMark, Citation, Media, Message, Part, Refusal, Text, ToolResult, ToolUse
from sluice.chat.seal import Reasoning, Seal, join_id
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import BadRequest
from tests.dialects.asked import USER, parts_of, read, refusal_of


def test_roles_and_names() -> None:
    messages = [
        {"role": "developer", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": "b"}], "name": "Ann"},
        {"role": "system", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]},
        {"role": "assistant", "content": "e"},
    ]
    assert read(*messages).messages == (
        Message(role="system", parts=(Text(text="a"),)),
        Message(role="user", parts=(Text(text="b"),), name="Ann"),
        Message(role="system", parts=(Text(text="c"), Text(text="d"))),
        Message(role="assistant", parts=(Text(text="e"),)),
    )


def test_a_tools_round_trip() -> None:
    calls = [{"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]
    messages = [
        USER,
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "t", "content": "42"},
        {"role": "tool", "tool_call_id": "u", "content": [{"type": "text", "text": "43"}]},
    ]
    assert read(*messages).messages[1:] == (
        Message(role="assistant", parts=(ToolUse(id="t", name="f", arguments='{"a":1}'),)),
        Message(role="user", parts=(ToolResult(call_id="t", name="f", parts=(Text(text="42"),)),)),
        Message(role="user", parts=(ToolResult(call_id="u", parts=(Text(text="43"),)),)),
    )


PNG = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("part", "want"),
    [
        (
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
            Media(kind="image", media_type="image/png", data="iVBORw0KGgo=", detail="low"),
        ),
        ({"type": "image_url", "image_url": "https://a/b.png"}, Media(kind="image", url="https://a/b.png")),
        ({"type": "image_url", "image_url": {"url": "data:;base64,AAAA"}}, Media(kind="image", data="AAAA")),
        (
            {"type": "image_url", "image_url": {"url": "DATA:Image/PNG;charset=x;BASE64,AAAA"}},
            Media(kind="image", media_type="image/png", data="AAAA"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            Media(kind="audio", media_type="audio/mp3", data="AAAA"),
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
            Media(kind="file", media_type="application/pdf", data="AAAA", name="a.pdf"),
        ),
        ({"type": "file", "file": {"file_id": "f1"}}, Media(kind="file", file_id="f1")),
        ({"type": "file", "file": {"file_data": "https://a/b"}}, Media(kind="file", url="https://a/b")),
        (
            {"type": "file", "file": {"file_data": "AAAA"}},
            Media(kind="file", media_type="application/pdf", data="AAAA"),
        ),
        ({"type": "video_url", "video_url": {"url": "https://a/b"}}, Media(kind="video", url="https://a/b")),
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, Text(text="a", cache=CacheMark())),
        ({"type": "text", "text": "a", "cache_control": {"ttl": "5m"}}, Text(text="a", cache=CacheMark(ttl="5m"))),
        (
            {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
            Text(text="a", cache=CacheMark(ttl="1h")),
        ),
    ],
)
def test_parts(part: object, want: Part) -> None:
    assert parts_of({"role": "user", "content": [part]}) == (want,)
    result = {"role": "tool", "tool_call_id": "t", "content": [part]}
    assert parts_of(result) == (ToolResult(call_id="t", parts=(want,)),)  # type: ignore[arg-type]


def test_the_place_of_the_first_part_of_a_kind_is_the_clients_word_for_it() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a"}}
    words = read(USER, {"role": "user", "content": [{"type": "text", "text": "x"}, image, image]}).words
    assert words["image_url"] == "messages[1].content[1]"


def test_a_mark_on_a_message_is_one_on_its_last_part() -> None:
    message = {"role": "system", "content": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert parts_of(message) == (Text(text="x", cache=CacheMark(ttl="1h")),)


def test_an_answer_that_is_echoed_as_it_came() -> None:
    at = {"url": "https://a", "title": "A", "start_index": 0, "end_index": 1}
    message = {
        "role": "assistant",
        "content": "x",
        "refusal": None,
        "audio": None,
        "function_call": None,
        "tool_calls": None,
        "reasoning_content": "hm",
        "provider_specific_fields": {"a": 1},
        "annotations": [{"type": "url_citation", "url_citation": at}, {"type": "other"}],
    }
    assert parts_of(message) == (
        Reasoning("hm"),
        Text(text="x", citations=(Citation(url="https://a", title="A", start=0, end=1),)),
    )


@pytest.mark.parametrize(
    "member",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "h"}, {"type": "reasoning.summary", "summary": "m"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}, {"type": "reasoning.text", "text": "hm"}]},
    ],
)
def test_reasoning_under_each_of_its_names(member: dict[str, object]) -> None:
    assert parts_of({"role": "assistant", "content": None, **member}) == (Reasoning("hm"),)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": "x", "refusal": "no"},
        {"role": "assistant", "content": [{"type": "text", "text": "x"}, {"type": "refusal", "refusal": "no"}]},
    ],
)
def test_refusals(message: object) -> None:
    assert parts_of(message) == (Text(text="x"), Refusal(text="no"))


def test_sealed_reasoning_comes_back_from_the_ids_of_calls_to_where_it_stood() -> None:
    def seal(kind: Any) -> Reasoning:
        return Reasoning("hm" if kind == "reasoning" else "", Seal("dialect.x", kind, f"proof of {kind}"))

    first = (seal("reasoning"), seal("redacted"), seal("text"), seal("call"))
    ids = [join_id("t", first), join_id("u", (seal("call"),)), "v"]
    calls = [{"id": i, "type": "function", "function": {"name": "f", "arguments": ""}} for i in ids]
    message = {"role": "assistant", "content": "x", "reasoning_content": "hm", "tool_calls": calls}
    results = [{"role": "tool", "tool_call_id": i, "content": ""} for i in ids]
    conversation = read(message, *results)
    assert conversation.messages[0].parts == (
        *first[:2],
        Text(text="x"),
        *first[2:],
        ToolUse(id="t", name="f", arguments=""),
        seal("call"),
        ToolUse(id="u", name="f", arguments=""),
        ToolUse(id="v", name="f", arguments=""),
    )
    got = [part.call_id for m in conversation.messages[1:] for part in m.parts if isinstance(part, ToolResult)]
    assert got == ["t", "u", "v"]


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "robot", "content": "x"}, "messages[1].role"),
        ({"role": "user"}, "messages[1].content"),
        ({"role": "user", "content": None}, "messages[1].content"),
        ({"role": "user", "content": 5}, "messages[1].content"),
        ({"role": "user", "content": [{"type": "holo"}]}, "messages[1].content[0]"),
        ({"role": "user", "content": [{"text": "x"}]}, "messages[1].content[0]"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[1].content[0].text"),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, "messages[1].content[0].image_url"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://a"}}]},
            "messages[1].content[0].image_url.url",
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png,AAAA"}}]},
            "messages[1].content[0].image_url.url",
        ),
        ({"role": "user", "content": [{"type": "file", "file": {}}]}, "messages[1].content[0].file.file_data"),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A", "format": "a/b"}}]},
            "messages[1].content[0].input_audio",
        ),
        ({"role": "assistant", "audio": {"id": "a"}}, "messages[1].audio"),
        (
            {"role": "assistant", "tool_calls": [{"id": "t", "type": "custom", "custom": {}}]},
            "messages[1].tool_calls[0]",
        ),
        ({"role": "tool", "content": "x"}, "messages[1].tool_call_id"),
    ],
)
def test_what_is_wrong_in_a_message_is_said_with_its_place(message: object, param: str) -> None:
    assert refusal_of(USER, message).param == param


def test_no_messages_are_no_request() -> None:
    request = OPENAI_CHAT.read_request(b'{"messages":[]}')
    with pytest.raises(BadRequest) as caught:
        OPENAI_CHAT.read_conversation(request)
    assert caught.value.param == "messages"
