"""anthropic_messages/conversation_read.py and blocks_read.py: a client's request for a provider of another dialect."""

import json

import pytest

from sluice.chat.content import CacheMark, Media, Message, Part, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, Thinking, ToolChoice
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.errors import BadRequest
from tests.dialects.messages_bodies import CLAUDE_CODE, HI, TOOL, request

ORIGIN = "dialect.anthropic_messages"
FOREIGN = Seal("dialect.gemini", "call", "Ab+/=")


def read(**members: object) -> Conversation:
    return ANTHROPIC_MESSAGES.read_conversation(request(**members))


def refused(**members: object) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        read(**members)
    return caught.value


def parts(*blocks: object, role: str = "user") -> tuple[Part, ...]:
    (message,) = read(messages=[{"role": role, "content": list(blocks)}]).messages
    assert message.role == role
    return message.parts


def test_claude_codes_request_is_read_whole() -> None:
    got = read(**CLAUDE_CODE)
    system, user, assistant, results = got.messages
    assert system == Message(
        role="system",
        parts=(
            Text(text="You are Claude Code.", cache=CacheMark()),
            Text(text="Be brief.", cache=CacheMark(ttl="1h")),
        ),
    )
    assert user.parts == (Text(text="Fix it", cache=CacheMark()),)
    assert assistant.parts == (
        Reasoning("I must read", Seal(ORIGIN, "reasoning", "EqQB/+=")),
        Reasoning("", Seal(ORIGIN, "redacted", "opaque=")),
        Text(text="Reading."),
        ToolUse(id="toolu_1", name="Read", arguments='{"path": "a.py"}'),
        ToolUse(id="toolu_2", name="Read", arguments="{}"),
    )
    picture = Media(kind="image", media_type="image/png", data="iVBO")
    assert results.parts == (
        ToolResult(call_id="toolu_1", parts=(Text(text="x = 1"),)),
        ToolResult(call_id="toolu_2", parts=(Text(text="a picture"), picture), is_error=True),
        Text(text="go on", cache=CacheMark()),
    )
    first, second = got.tools
    assert (first.name, first.description, first.cache) == ("Read", "Reads a file", None)
    assert first.parameters is not None
    assert json.loads(bytes(first.parameters)) == TOOL["input_schema"]
    assert (second.name, second.cache) == ("Edit", CacheMark())
    assert got.tool_choice == ToolChoice(mode="auto")
    assert got.parallel_tool_calls is False
    assert got.thinking == Thinking(budget_tokens=10000)
    assert (got.max_tokens, got.stop, got.user) == (32000, ("\n\nHuman:",), "user_ab_account__session_cd")
    assert got.words["stop"] == "stop_sequences"


def test_only_what_was_said_is_read() -> None:
    got = read()
    assert got == Conversation(
        messages=(Message(role="user", parts=(Text(text="hi"),)),), max_tokens=100, words=got.words
    )
    assert read(temperature=0, top_p=1, top_k=0).temperature == 0


def test_system_is_text_wherever_it_stands() -> None:
    assert [m.role for m in read(system="s", messages=[*HI, {"role": "system", "content": "t"}]).messages] == [
        "system",
        "user",
        "system",
    ]
    assert read(system="").messages[0].role == "user"
    assert refused(system=[{"type": "image", "source": {"type": "url", "url": "u"}}]).param == "system"


# -- members ---------------------------------------------------------------------------------------------------------


def test_a_member_without_a_row_is_refused_by_its_name() -> None:
    error = refused(novelty=1)
    assert (error.param, str(error)) == ("novelty", "Unsupported parameter for a translated request: 'novelty'.")
    assert refused(**{"tools[].strict": 1}).param == "tools[].strict"
    assert refused(**{"output_config.effort": "low"}).param == "output_config.effort"


@pytest.mark.parametrize("name", ["container", "mcp_servers", "thread", "inference_geo"])
def test_what_changes_the_meaning_is_refused_unless_it_says_nothing(name: str) -> None:
    error = refused(**{name: ["x"]})
    assert error.param == name
    assert str(error).startswith(f"'{name}' cannot be translated: ")
    nothings: list[object] = [None, [], {}, ""]
    for nothing in nothings:
        read(**{name: nothing})


@pytest.mark.parametrize(
    "name", ["service_tier", "speed", "context_management", "betas", "diagnostics", "workspace_id", "anthropic_version"]
)
def test_hints_to_anthropic_alone_are_dropped(name: str) -> None:
    assert read(**{name: "x"}) == read()


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"top_k": "3"}, "top_k"),
        ({"stop_sequences": "a"}, "stop_sequences"),
        ({"metadata": {"user_id": 7}}, "metadata.user_id"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tools": [TOOL, {"name": 7}]}, "tools[1].name"),
        ({"tools": [{"description": "x"}]}, "tools[0].name"),
        ({"tools": [{"type": "novelty", "name": "x"}]}, "tools[0].type"),
        ({"output_config": {"effort": "some"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1023}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "some"}}, "thinking.type"),
        ({"messages": [*HI, {"role": "tool", "content": "x"}]}, "messages[1].role"),
        ({"messages": [*HI, {"role": "user"}]}, "messages[1].content"),
        ({"messages": [*HI, {"role": "user", "content": 7}]}, "messages[1].content"),
    ],
)
def test_what_is_wrong_is_named(members: dict[str, object], param: str) -> None:
    error = refused(**members)
    assert error.param == param
    assert param in str(error)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, Thinking(budget_tokens=2048)),
        ({"thinking": {"type": "adaptive"}}, Thinking(adaptive=True)),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, Thinking(adaptive=True, show=True)),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Thinking(adaptive=True, show=False)),
        ({"thinking": {"type": "disabled"}}, Thinking(effort="none")),
        ({"thinking": {"type": "between_tools"}}, Thinking(effort="none")),
        ({"output_config": {"effort": "max"}}, Thinking(effort="xhigh")),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            Thinking(adaptive=True, effort="low"),
        ),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}, Thinking(effort="none")),
        ({"thinking": None, "output_config": None}, None),
    ],
)
def test_reasoning(members: dict[str, object], expected: Thinking | None) -> None:
    assert read(**members).thinking == expected


@pytest.mark.parametrize("wrapped", [lambda f: {"output_config": {"format": f}}, lambda f: {"output_format": f}])
def test_output_by_a_schema(wrapped: object) -> None:
    assert callable(wrapped)
    output = read(**wrapped({"type": "json_schema", "schema": {"type": "object"}})).output
    assert output is not None
    assert output.schema is not None
    assert json.loads(bytes(output.schema)) == {"type": "object"}


# -- tools -----------------------------------------------------------------------------------------------------------

SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, ToolChoice(mode="auto")),
        ({"type": "any"}, ToolChoice(mode="required")),
        ({"type": "none"}, ToolChoice(mode="none")),
        ({"type": "tool", "name": "Read"}, ToolChoice(mode="named", name="Read")),
        (None, None),
    ],
)
def test_tool_choice(choice: object, expected: ToolChoice | None) -> None:
    got = read(tools=[TOOL | {"type": "custom", "strict": True}], tool_choice=choice)
    assert got.tool_choice == expected
    assert got.parallel_tool_calls is None
    assert got.tools[0].strict is True


@pytest.mark.parametrize(
    "kind",
    [
        "web_search_20260318",
        "web_fetch_20250910",
        "code_execution_20250825",
        "bash_20250124",
        "text_editor_20250728",
        "computer_20250124",
        "computer_toolset_20260801",
        "browser_toolset_20260801",
        "memory_20250818",
        "tool_search_tool_bm25_20251119",
        "mcp_toolset",
    ],
)
def test_tools_of_anthropics_own_are_dropped(kind: str) -> None:
    got = read(tools=[{"type": kind, "name": "x"}, TOOL], tool_choice={"type": "any"})
    assert [tool.name for tool in got.tools] == ["Read"]
    assert got.tool_choice == ToolChoice(mode="required")


def test_unless_the_answer_has_to_use_one() -> None:
    assert refused(tools=[SEARCH, TOOL], tool_choice={"type": "tool", "name": "web_search"}).param == "tool_choice"
    assert refused(tools=[SEARCH], tool_choice={"type": "any"}).param == "tool_choice"
    assert read(tools=[SEARCH], tool_choice={"type": "auto"}).tool_choice is None
