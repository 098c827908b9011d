"""Cache marks in a client's own Messages body: where they stand, and that nothing else changes."""

import msgspec
import pytest

from sluice.chat.caching import PromptCaching
from sluice.chat.conversation import Conversation
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE
from sluice.policies.prompt_caching import marked

ALL = PromptCaching(tools=True, min_tokens=0)
EPHEMERAL = {"type": "ephemeral"}
TALK = [
    {"role": "user", "content": "first"},
    {"role": "assistant", "content": [{"type": "text", "text": "reply"}]},
    {"role": "user", "content": "second"},
]


def cached(caching: PromptCaching = ALL, **members: object) -> dict[str, object]:
    body = msgspec.json.encode({"model": "m", "max_tokens": 1, "messages": TALK, **members})
    request = ANTHROPIC_MESSAGES.read_request(body)
    result = ANTHROPIC_MESSAGES.cached(request, caching)
    return {name: msgspec.json.decode(raw) for name, raw in result.fields.items()}


def test_the_ends_of_tools_system_and_history_are_marked() -> None:
    sent = cached(system="rules", tools=[{"name": "a", "input_schema": {}}, {"name": "b", "input_schema": {}}])
    assert sent["system"] == [{"type": "text", "text": "rules", "cache_control": EPHEMERAL}]
    assert sent["tools"] == [
        {"name": "a", "input_schema": {}},
        {"name": "b", "input_schema": {}, "cache_control": EPHEMERAL},
    ]
    assert sent["messages"] == [
        TALK[0],
        {"role": "assistant", "content": [{"type": "text", "text": "reply", "cache_control": EPHEMERAL}]},
        TALK[2],
    ]


def test_a_history_that_is_text_becomes_a_block() -> None:
    sent = cached(PromptCaching(min_tokens=0, message_offset=1))
    assert sent["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "first", "cache_control": EPHEMERAL}]},
        *TALK[1:],
    ]


def test_other_members_keep_their_bytes() -> None:
    odd = (
        b'{"model":"m","max_tokens": 1.0e1 ,"messages":[{"content":"a" , "role":"user"},{"role":"user","content":"b"}]}'
    )
    request = ANTHROPIC_MESSAGES.read_request(odd.replace(b"1.0e1", b"10"))
    result = ANTHROPIC_MESSAGES.cached(request, ALL)
    first, second = msgspec.json.decode(result.fields["messages"], type=list[msgspec.Raw])
    assert bytes(second) == b'{"role":"user","content":"b"}'
    assert (
        bytes(first) == b'{"content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}],"role":"user"}'
    )
    assert result.fields["max_tokens"] is request.fields["max_tokens"]


@pytest.mark.parametrize(
    "content",
    [
        "  ",
        [],
        [{"type": "thinking", "thinking": "t", "signature": "s"}],
        [{"type": "text", "text": " "}],
        [{"type": []}],
        None,
        3,
    ],
)
def test_what_cannot_bear_a_mark_has_none(content: object) -> None:
    messages = [{"role": "user", "content": content}, TALK[0]]
    assert cached(messages=messages)["messages"] == messages


def test_the_last_block_that_can_bear_a_mark_has_it() -> None:
    thought = {"type": "thinking", "thinking": "t", "signature": "s"}
    call = {"type": "tool_use", "id": "1", "name": "n", "input": {}}
    messages = [{"role": "assistant", "content": [thought, call, {"type": "text", "text": ""}]}, TALK[0]]
    sent = cached(messages=messages)["messages"]
    assert sent == [
        {"role": "assistant", "content": [thought, call | {"cache_control": EPHEMERAL}, {"type": "text", "text": ""}]},
        TALK[0],
    ]


def test_marks_of_the_client_stay_and_count() -> None:
    block = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "5m"}}
    four = {"system": [block, block], "messages": [{"role": "user", "content": [block, block]}, TALK[0]]}
    sent = cached(**four, tools=[{"name": "a"}])
    assert {name: sent[name] for name in four} == four
    assert sent["tools"] == [{"name": "a"}]
    three = {"system": [block], "cache_control": EPHEMERAL, "messages": [{"role": "user", "content": [block]}, TALK[0]]}
    sent = cached(**three, tools=[{"name": "a"}])
    assert {name: sent[name] for name in three} == three
    assert sent["tools"] == [{"name": "a", "cache_control": EPHEMERAL}]


def test_a_short_prompt_is_not_touched() -> None:
    body = msgspec.json.encode({"model": "m", "max_tokens": 1, "messages": TALK, "system": "w " * 786})
    request = ANTHROPIC_MESSAGES.read_request(body)
    assert ANTHROPIC_MESSAGES.cached(request, PromptCaching(messages=False)) is request
    assert ANTHROPIC_MESSAGES.cached(request, PromptCaching(system=False)) is not request  # with the talk it is enough


def test_a_picture_is_no_word() -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "a b " * 2000}}
    sent = cached(PromptCaching(), messages=[{"role": "user", "content": [image]}, TALK[0]])
    assert sent["messages"] == [{"role": "user", "content": [image]}, TALK[0]]


@pytest.mark.parametrize("tools", [[3], ["a"], {"a": 1}, [[]], None])
def test_a_body_that_is_not_as_expected_stays(tools: object) -> None:
    assert cached(tools=tools)["tools"] == tools


def test_a_translation_writes_the_same_marks() -> None:
    """Of a client of another dialect: for Messages and for Converse."""
    body = msgspec.json.encode({"model": "m", "max_tokens": 1, "messages": TALK, "system": "rules"})
    asked: Conversation = ANTHROPIC_MESSAGES.read_conversation(ANTHROPIC_MESSAGES.read_request(body))
    conversation = marked(ALL, asked)
    sent = msgspec.json.decode(
        ANTHROPIC_MESSAGES.write_conversation(conversation, model="claude-sonnet-4", stream=False, ask_usage=False)
    )
    assert sent["system"] == [{"type": "text", "text": "rules", "cache_control": EPHEMERAL}]
    assert sent["messages"][1]["content"] == [{"type": "text", "text": "reply", "cache_control": EPHEMERAL}]
    model = "anthropic.claude-sonnet-4-20250514-v1:0"
    sent = msgspec.json.decode(
        BEDROCK_CONVERSE.write_conversation(conversation, model=model, stream=False, ask_usage=False)
    )
    point = {"cachePoint": {"type": "default"}}
    assert sent["system"] == [{"text": "rules"}, point]
    assert sent["messages"][1]["content"] == [{"text": "reply"}, point]
    other = msgspec.json.decode(
        BEDROCK_CONVERSE.write_conversation(conversation, model="meta.llama3-70b", stream=False, ask_usage=False)
    )
    assert other["system"] == [{"text": "rules"}]


LASTING = {"type": "ephemeral", "ttl": "1h"}
TOOLS = [{"name": "a", "input_schema": {}}, {"name": "b", "input_schema": {}}]


def marks(sent: dict[str, object]) -> list[str]:
    """Members with a mark of five minutes, in the order in which they are read."""
    return [name for name in ("tools", "system", "messages") if str(EPHEMERAL) in str(sent[name])]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"tools": [TOOLS[0] | {"cache_control": LASTING}, TOOLS[1]]}, ["tools", "system", "messages"]),
        ({"system": [{"type": "text", "text": "rules", "cache_control": LASTING}]}, ["messages"]),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "q", "cache_control": LASTING}]}]}, []),
        ({"cache_control": LASTING}, []),
        ({"cache_control": EPHEMERAL}, ["tools", "system", "messages"]),
    ],
)
def test_no_mark_stands_before_one_that_lasts_longer(members: dict[str, object], expected: list[str]) -> None:
    talk = members.get("messages", [])
    assert isinstance(talk, list)
    sent = cached(ALL, **{"tools": TOOLS, "system": "rules", **members, "messages": [*talk, *TALK][:3]})
    if talk:  # the mark of the history comes after it
        expected = ["messages"]
    assert marks(sent) == expected


def test_what_lasts_longer_behind_the_history_leaves_no_place() -> None:
    newest = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": []}]}
    newest["content"] = [{"type": "tool_result", "tool_use_id": "1", "cache_control": LASTING}]
    assert marks(cached(tools=TOOLS, system="rules", messages=[*TALK[:2], newest])) == []


@pytest.mark.parametrize(
    "deferred",
    [
        {"name": "d", "input_schema": {}, "defer_loading": True},
        {"type": "mcp_toolset", "mcp_server_name": "s", "default_config": {"defer_loading": True}},
        {"type": "mcp_toolset", "mcp_server_name": "s", "configs": {"x": {"defer_loading": True}}},
    ],
)
def test_a_deferred_tool_bears_no_mark_and_is_no_part_of_the_prompts_beginning(deferred: dict[str, object]) -> None:
    sent = cached(tools=[*TOOLS, deferred])
    assert sent["tools"] == [TOOLS[0], TOOLS[1] | {"cache_control": EPHEMERAL}, deferred]
    assert cached(tools=[deferred])["tools"] == [deferred]
    long = deferred | {"description": "w " * 800}
    assert cached(PromptCaching(tools=True), tools=[TOOLS[0], long])["tools"] == [TOOLS[0], long]
    spoken = TOOLS[0] | {"input_schema": {"properties": {"defer_loading": {"const": True}}}, "defer_loading": False}
    assert cached(tools=[spoken])["tools"] == [spoken | {"cache_control": EPHEMERAL}]
