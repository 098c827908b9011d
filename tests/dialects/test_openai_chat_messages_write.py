"""openai_chat/messages_write.py: messages of the vocabulary as those of chat completions."""

import json

from sluice.chat.content import Media, Message, Refusal, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation
from sluice.dialects.openai_chat import OPENAI_CHAT
from tests.dialects.test_openai_chat_conversation_write import said, write

IMAGE = Media(kind="image", media_type="image/png", data="AAAA")
URL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def test_texts_of_a_system_message_are_one_and_the_message_stays_in_its_place() -> None:
    system = Message(role="system", parts=(Text(text="a"), Text(text="b")))
    user = Message(role="user", parts=(Text(text="x"),), name="Ann")
    assert write(system, user, system)["messages"] == [
        {"role": "system", "content": "a\n\nb"},
        {"role": "user", "content": "x", "name": "Ann"},
        {"role": "system", "content": "a\n\nb"},
    ]


def test_media_in_each_form() -> None:
    parts = (
        Text(text="x"),
        IMAGE,
        Media(kind="image", url="https://a", detail="high"),
        Media(kind="image", data="BBBB"),
        Media(kind="file", media_type="application/pdf", data="AAAA", name="a.pdf"),
        Media(kind="file", media_type="text/plain", data="AAAA"),
        Media(kind="file", file_id="f"),
        Media(kind="audio", media_type="audio/x-wav", data="AAAA"),
    )
    body = write(Message(role="user", parts=parts))
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "x"},
        URL,
        {"type": "image_url", "image_url": {"url": "https://a", "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,BBBB"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        {"type": "file", "file": {"filename": "file", "file_data": "data:text/plain;base64,AAAA"}},
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]


def test_video_is_written_as_vendors_read_it() -> None:
    message = Message(role="user", parts=(Media(kind="video", url="https://v"), Media(kind="video", data="AAAA")))
    raw = OPENAI_CHAT.write_conversation(Conversation(messages=(message,)), model="m", stream=False, ask_usage=False)
    assert [part["video_url"]["url"] for part in json.loads(raw)["messages"][0]["content"]] == [
        "https://v",
        "data:video/mp4;base64,AAAA",
    ]


def test_an_answer_is_text_refusal_and_calls() -> None:
    call = ToolUse(id="t", name="f", arguments="")
    row = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert said("assistant", Text(text="a"), call, Text(text="b")) == [
        {"role": "assistant", "content": "ab", "tool_calls": [row]}
    ]
    assert said("assistant", call) == [{"role": "assistant", "content": None, "tool_calls": [row]}]
    assert said("assistant", Refusal(text="no")) == [{"role": "assistant", "content": None, "refusal": "no"}]


def test_results_come_first_each_in_its_own_message() -> None:
    results = (ToolResult(call_id="t", parts=(Text(text="1"), Text(text="2"))), ToolResult(call_id="u"))
    assert said("user", Text(text="x"), *results) == [
        {"role": "tool", "tool_call_id": "t", "content": "1\n2"},
        {"role": "tool", "tool_call_id": "u", "content": ""},
        {"role": "user", "content": "x"},
    ]


def test_media_of_results_follow_when_all_results_are_said() -> None:
    first = Message(role="user", parts=(ToolResult(call_id="t", parts=(Text(text="1"), IMAGE)),))
    second = Message(role="user", parts=(ToolResult(call_id="u", parts=(IMAGE,)),))
    about = [{"type": "text", "text": f"Attached to the result of the tool call {name}:"} for name in "tu"]
    tools = [
        {"role": "tool", "tool_call_id": "t", "content": "1"},
        {"role": "tool", "tool_call_id": "u", "content": "The result is attached to the next message."},
    ]
    attached = [about[0], URL, about[1], URL]
    assert write(first, second)["messages"] == [*tools, {"role": "user", "content": attached}]
    answer = Message(role="assistant", parts=(Text(text="ok"),))
    assert write(first, second, answer)["messages"] == [
        *tools,
        {"role": "user", "content": attached},
        {"role": "assistant", "content": "ok"},
    ]
    more = Message(role="user", parts=(Text(text="look"),))
    assert write(first, second, more)["messages"] == [
        *tools,
        {"role": "user", "content": [*attached, {"type": "text", "text": "look"}]},
    ]


def test_ids_that_are_too_long_are_shortened_alike_in_call_and_result() -> None:
    for call_id, kept in (("t" * 40, True), ("t" * 41, False), ("u" * 41, False)):
        call = Message(role="assistant", parts=(ToolUse(id=call_id, name="f", arguments="{}"),))
        result = Message(role="user", parts=(ToolResult(call_id=call_id),))
        rows = write(call, result)["messages"]
        written = rows[0]["tool_calls"][0]["id"]
        assert written == rows[1]["tool_call_id"]
        assert len(written) <= 40
        assert (written == call_id) is kept
    assert len({said("user", ToolResult(call_id=name * 41))[0]["tool_call_id"] for name in "tu"}) == 2
