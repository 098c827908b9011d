"""openai_chat/conversation_write.py: a request of any dialect, written for a provider of chat completions."""

import json
from typing import Any

import msgspec
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import TypeAdapter

from sluice.chat.content import CacheMark, Citation, Media, Message, Part, Role, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, OutputFormat, Thinking, Tool, ToolChoice
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import BadRequest
from tests.dialects.asked import read

HI = Message(role="user", parts=(Text(text="hi"),))
RAW = msgspec.Raw(b'{"type" : "object"}')
MESSAGES: TypeAdapter[list[ChatCompletionMessageParam]] = TypeAdapter(list[ChatCompletionMessageParam])
TOOLS: TypeAdapter[list[ChatCompletionToolParam]] = TypeAdapter(list[ChatCompletionToolParam])


def write(*messages: Message, model: str = "m", **members: Any) -> dict[str, Any]:
    """The body, which the official client's types have accepted."""
    stream, ask_usage = members.pop("stream", False), members.pop("ask_usage", True)
    conversation = msgspec.structs.replace(Conversation(messages=messages or (HI,)), **members)
    raw = OPENAI_CHAT.write_conversation(conversation, model=model, stream=stream, ask_usage=ask_usage)
    body: dict[str, Any] = json.loads(raw)
    MESSAGES.validate_python(body["messages"])
    TOOLS.validate_python(body.get("tools", []))
    return body


def said(role: Role, *parts: Part, model: str = "m") -> list[dict[str, Any]]:
    """The messages that one message becomes."""
    rows: list[dict[str, Any]] = write(Message(role=role, parts=parts), model=model)["messages"]
    return rows


# -- members of the body -----------------------------------------------------------------------------------------------


def test_a_plain_request_says_nothing_that_was_not_asked() -> None:
    assert write() == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    ("members", "want"),
    [
        ({"temperature": 0.0, "top_p": 0.5, "seed": 0}, {"temperature": 0.0, "top_p": 0.5, "seed": 0}),
        ({"choices": 2, "stop": ("x", "y")}, {"n": 2, "stop": ["x", "y"]}),
        ({"frequency_penalty": 0.0, "presence_penalty": 1.0}, {"frequency_penalty": 0.0, "presence_penalty": 1.0}),
        ({"logit_bias": {"1": -100.0, "2": 0.5}}, {"logit_bias": {"1": -100, "2": 0.5}}),
        ({"logprobs": True, "top_logprobs": 0}, {"logprobs": True, "top_logprobs": 0}),
        ({"verbosity": "low", "user": "u"}, {"verbosity": "low", "user": "u"}),
        ({"thinking": Thinking(effort="high")}, {"reasoning_effort": "high"}),
        ({"thinking": Thinking(effort="none")}, {}),
        ({"thinking": Thinking(budget_tokens=2048)}, {"reasoning_effort": "medium"}),
        ({"thinking": Thinking(budget_tokens=0)}, {}),
        ({"thinking": Thinking(adaptive=True)}, {}),
        ({"output": OutputFormat()}, {"response_format": {"type": "json_object"}}),
        (
            {"output": OutputFormat(schema=RAW, strict=True, description="d")},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "answer",
                        "schema": {"type": "object"},
                        "description": "d",
                        "strict": True,
                    },
                }
            },
        ),
        ({"cache": CacheMark()}, {}),
        ({"tool_choice": ToolChoice(mode="required"), "parallel_tool_calls": False}, {}),
    ],
)
def test_members(members: dict[str, Any], want: dict[str, object]) -> None:
    body = write(**members)
    del body["model"], body["messages"]
    assert body == want


@pytest.mark.parametrize(
    ("model", "bound", "top_k"),
    [
        ("gpt-4o", "max_tokens", False),
        ("o1", "max_completion_tokens", False),
        ("o3-mini-2025-01-31", "max_completion_tokens", False),
        ("openai/o4-mini", "max_completion_tokens", False),
        ("gpt-5", "max_completion_tokens", False),
        ("GPT-5.1-codex", "max_completion_tokens", False),
        ("gpt-6-astra", "max_completion_tokens", False),
        ("gpt-10", "max_completion_tokens", False),
        ("openai/gpt-oss-120b", "max_tokens", True),
        ("accounts/x/models/llama-v3", "max_tokens", True),
        ("olmo-2", "max_tokens", True),
        ("", "max_tokens", True),
    ],
)
def test_what_depends_on_the_family_of_the_model(model: str, bound: str, top_k: bool) -> None:
    body = write(model=model, max_tokens=5, top_k=4)
    assert {name for name in ("max_tokens", "max_completion_tokens") if name in body} == {bound}
    assert body[bound] == 5
    assert ("top_k" in body) is top_k


@pytest.mark.parametrize(
    ("model", "want"),
    [
        ("gpt-4o", None),
        ("llama-3.3-70b", None),
        ("openai/gpt-oss-120b", None),
        ("qwen3-32b", None),
        ("gpt-5.1", "none"),
        ("openai/gpt-5.2", "none"),
        ("GPT-5.4-mini", "none"),
        ("gpt-6-astra", "none"),
        ("gpt-10", "none"),
        ("gpt-5", "minimal"),
        ("gpt-5-nano-2025-08-07", "minimal"),
        ("o1", "low"),
        ("o4-mini", "low"),
        ("o1-mini", None),
        ("o3-pro", None),
        ("gpt-5-pro", None),
        ("gpt-5-chat-latest", None),
        ("gpt-5.1-chat-latest", None),
        ("gpt-5.1-codex", None),
        ("codex-mini-latest", None),
        ("", None),
    ],
)
def test_a_wish_for_no_reasoning_is_told_to_models_that_take_it(model: str, want: str | None) -> None:
    for off in (Thinking(effort="none"), Thinking(budget_tokens=0)):
        assert write(model=model, thinking=off).get("reasoning_effort") == want
    assert write(model=model, thinking=Thinking(effort="low"))["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("stream", "ask", "want"),
    [
        (True, True, {"stream": True, "stream_options": {"include_usage": True}}),
        (True, False, {"stream": True}),
        (False, True, {}),
    ],
)
def test_the_wish_to_stream_and_for_usage(stream: bool, ask: bool, want: dict[str, object]) -> None:
    body = write(stream=stream, ask_usage=ask)
    assert {name: body[name] for name in ("stream", "stream_options") if name in body} == want


def test_tools_and_what_goes_with_them() -> None:
    tools = (Tool(name="f", description="d", parameters=RAW, strict=False), Tool(name="g", cache=CacheMark()))
    body = write(tools=tools, tool_choice=ToolChoice(mode="named", name="g"), parallel_tool_calls=False)
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": False},
        },
        {"type": "function", "function": {"name": "g"}},
    ]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "g"}}
    assert body["parallel_tool_calls"] is False
    for mode in ("auto", "none", "required"):
        assert write(tools=tools, tool_choice=ToolChoice(mode=mode))["tool_choice"] == mode


def test_a_long_name_of_the_end_user_becomes_one_that_is_accepted_and_stays_the_same() -> None:
    users = [write(user="u" * n)["user"] for n in (64, 65, 66, 65)]
    assert [len(user) for user in users] == [64] * 4
    assert users[0] == "u" * 64
    assert users[1] == users[3] != users[2]


def test_a_schema_stays_byte_for_byte() -> None:
    conversation = Conversation(messages=(HI,), tools=(Tool(name="f", parameters=RAW),))
    assert bytes(RAW) in OPENAI_CHAT.write_conversation(conversation, model="m", stream=False, ask_usage=False)


def test_lone_surrogates_are_replaced() -> None:
    conversation = Conversation(messages=(Message(role="user", parts=(Text(text="a\ud800b"),)),), user="\udc00" * 99)
    raw = OPENAI_CHAT.write_conversation(conversation, model="m\ud800", stream=False, ask_usage=False)
    assert json.loads(raw)["messages"][0]["content"] == "a\ufffdb"


# -- cache marks -------------------------------------------------------------------------------------------------------


def test_cache_marks_are_for_claude_only() -> None:
    marked = (
        Message(role="system", parts=(Text(text="s", cache=CacheMark(ttl="1h")),)),
        Message(role="user", parts=(Text(text="x", cache=CacheMark()),)),
    )
    tools = (Tool(name="f", cache=CacheMark()),)
    plain = write(*marked, tools=tools, cache=CacheMark(), model="gpt-4o")
    assert "cache_control" not in json.dumps(plain)
    assert [row["content"] for row in plain["messages"]] == ["s", "x"]
    body = write(*marked, tools=tools, cache=CacheMark(), model="anthropic/claude-sonnet-4")
    assert [row["content"][0]["cache_control"] for row in body["messages"]] == [
        {"type": "ephemeral", "ttl": "1h"},
        {"type": "ephemeral"},
    ]
    assert body["tools"][0]["cache_control"] == body["cache_control"] == {"type": "ephemeral"}


# -- what a client of this dialect said comes out as it said it --------------------------------------------------------


def test_what_was_read_is_written_as_it_was() -> None:
    calls = [{"id": "t", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}], "name": "Ann"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "t", "content": "42"},
        {"role": "assistant", "content": "z", "refusal": "no"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a", "detail": "low"}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}]},
    ]
    members = {"tools": [{"type": "function", "function": {"name": "f"}}], "temperature": 0, "n": 2, "max_tokens": 5}
    body = OPENAI_CHAT.write_conversation(read(*messages, **members), model="m", stream=False, ask_usage=False)
    assert json.loads(body) == {"model": "m", "messages": messages, **members}


# -- what this API cannot say ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part",
    [
        Media(kind="image", file_id="f"),
        Media(kind="file", url="https://a"),
        Media(kind="audio", media_type="audio/ogg", data="AAAA"),
        Media(kind="audio", media_type="audio/wav", url="https://a"),
    ],
)
def test_media_that_have_no_form_here_are_refused(part: Media) -> None:
    with pytest.raises(BadRequest, match="cannot be sent to OpenAI chat completions"):
        said("user", part)


def test_citations_and_marks_of_errors_are_left_out_as_the_table_says() -> None:
    cited = Text(text="x", citations=(Citation(url="https://a"),))
    failed = ToolResult(call_id="t", parts=(Text(text="boom"),), is_error=True)
    assert said("assistant", cited) == [{"role": "assistant", "content": "x"}]
    assert said("user", failed) == [{"role": "tool", "tool_call_id": "t", "content": "boom"}]
    assert {OPENAI_CHAT.facts.carries[name].how for name in ("citations", "tool_error")} == {"dropped"}


SEAL = Seal("dialect.x", "reasoning", "proof")


@pytest.mark.parametrize(
    ("model", "want"), [("gpt-5", None), ("llama-4", None), ("deepseek-chat", "hm!"), ("moonshotai/Kimi-K2", "hm!")]
)
def test_reasoning_goes_back_to_models_that_want_it(model: str, want: str | None) -> None:
    parts = (Reasoning("hm", SEAL), Reasoning("", SEAL), Reasoning("!"), Text(text="x"))
    (row,) = said("assistant", *parts, model=model)
    assert row.get("reasoning_content") == want
    assert b"proof" not in json.dumps(row).encode()


def test_a_call_without_reasoning_has_an_empty_one_where_it_may_not_be_missing() -> None:
    call = ToolUse(id="t", name="f", arguments="")
    assert said("assistant", call, model="deepseek-v4")[0]["reasoning_content"] == ""
    assert "reasoning_content" not in said("assistant", call, model="gpt-5")[0]
    assert "reasoning_content" not in said("assistant", Text(text="x"), model="deepseek-v4")[0]


def test_a_message_of_which_nothing_is_left_is_none() -> None:
    assert said("assistant", Reasoning("hm")) == []
    assert said("assistant", Text(text="")) == [{"role": "assistant", "content": ""}]
