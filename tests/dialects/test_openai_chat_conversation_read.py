"""openai_chat/conversation_read.py: a client's request, read whole for a provider of another dialect."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import completion_create_params

from sluice.chat.carry import FEATURES, fit, refused
from sluice.chat.content import CacheMark, ToolResult, ToolUse
from sluice.chat.conversation import OutputFormat, Thinking, ToolChoice
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import BadRequest
from tests.dialects.asked import USER, read, refusal_of

TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}


# -- members of the body -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "want"),
    [
        ({"n": 2}, {"choices": 2}),
        ({"temperature": 0}, {"temperature": 0.0}),
        ({"top_p": 0.5, "top_k": 4}, {"top_p": 0.5, "top_k": 4}),
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 6}, {"max_tokens": 6}),
        ({"stop": "x"}, {"stop": ("x",)}),
        ({"stop": ["x", "y"]}, {"stop": ("x", "y")}),
        ({"seed": 0, "frequency_penalty": 0, "presence_penalty": -1}, {"seed": 0, "presence_penalty": -1.0}),
        ({"logit_bias": {"50256": -100}}, {"logit_bias": {"50256": -100.0}}),
        ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"verbosity": "low"}, {"verbosity": "low"}),
        ({"user": "u"}, {"user": "u"}),
        ({"user": "u", "safety_identifier": "s"}, {"user": "s"}),
        ({"cache_control": {"type": "ephemeral"}}, {"cache": CacheMark()}),
        ({"modalities": ["text"]}, {}),
        ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        ({"response_format": {"type": "text"}}, {"output": None}),
        ({"response_format": {"type": "json_object"}}, {"output": OutputFormat()}),
        ({"store": True, "metadata": {}, "service_tier": "flex", "prediction": {}}, {}),
        ({"prompt_cache_key": "k", "web_search_options": {}, "stream_options": {"include_usage": True}}, {}),
        ({"temperature": None, "tools": None, "audio": None, "unheard_of": None}, {"temperature": None}),
    ],
)
def test_members(members: dict[str, object], want: dict[str, object]) -> None:
    conversation = read(**members)
    assert {name: getattr(conversation, name) for name in want} == want


@pytest.mark.parametrize(
    ("members", "want"),
    [
        ({"reasoning_effort": "minimal"}, Thinking(effort="minimal")),
        ({"reasoning_effort": "none"}, Thinking(effort="none")),
        ({"reasoning_effort": "max"}, Thinking(effort="xhigh")),
        ({"reasoning": {"effort": "high", "exclude": True}}, Thinking(effort="high", show=False)),
        ({"reasoning": {"max_tokens": 2000}}, Thinking(budget_tokens=2000)),
        ({"reasoning": {"enabled": True}}, Thinking(effort="medium")),
        ({"reasoning": {"enabled": False}}, Thinking(effort="none")),
        ({"reasoning": {}}, Thinking(adaptive=True)),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, Thinking(budget_tokens=1024)),
        ({"thinking": {"type": "enabled"}}, Thinking(adaptive=True)),
        ({"thinking": {"type": "disabled"}}, Thinking(budget_tokens=0)),
        ({"reasoning_effort": "low", "thinking": {"type": "disabled"}}, Thinking(effort="low")),
        ({}, None),
    ],
)
def test_how_much_to_reason(members: dict[str, object], want: Thinking | None) -> None:
    assert read(**members).thinking == want


def test_a_schema_for_the_output_stays_byte_for_byte() -> None:
    raw = (
        b'{"messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":'
        b'{"name":"a","description":"d","strict":true,"schema":{"type" : "object","x":1.50}}}}'
    )
    output = OPENAI_CHAT.read_conversation(OPENAI_CHAT.read_request(raw)).output
    assert output is not None
    assert bytes(output.schema or b"") == b'{"type" : "object","x":1.50}'
    assert (output.name, output.description, output.strict) == ("a", "d", True)


def test_every_member_that_the_official_client_knows_has_a_row() -> None:
    known = set(completion_create_params.CompletionCreateParamsBase.__annotations__) | {"stream"}
    assert known <= set(OPENAI_CHAT.facts.fields)
    for name, field in OPENAI_CHAT.facts.fields.items():
        assert field.how in ("read", "dropped", "refused")
        assert field.why or field.how == "read", name
        assert not field.feature or field.feature in FEATURES, name


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"unheard_of": 1}, "unheard_of"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"moderation": {"model": "x"}}, "moderation"),
        ({"reasoning_effort": "ultra"}, "reasoning_effort"),
        ({"reasoning": {"effort": "ultra"}}, "reasoning.effort"),
        ({"thinking": {"type": "x"}}, "thinking.type"),
        ({"response_format": {"type": "x"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"stop": 5}, "stop"),
        ({"top_k": "x"}, "top_k"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [TOOL, {"type": "custom", "custom": {"name": "x"}}]}, "tools[1].type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": 5}}]}, "tools[0].function.parameters"),
        ({"tools": [TOOL], "tool_choice": "x"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
        ({"functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call"),
    ],
)
def test_what_cannot_be_translated_is_named(members: dict[str, object], param: str) -> None:
    assert refusal_of(**members).param == param


def test_an_unknown_member_is_refused_in_these_words() -> None:
    assert str(refusal_of(frobnicate=1)) == "Unsupported parameter for a translated request: 'frobnicate'."


@pytest.mark.parametrize(
    ("feature", "members", "word"),
    [
        ("max_tokens", {"max_tokens": 5}, "max_tokens"),
        ("max_tokens", {"max_completion_tokens": 5}, "max_completion_tokens"),
        ("choices", {"n": 2}, "n"),
        ("user", {"user": "u"}, "user"),
        ("thinking", {"reasoning_effort": "low"}, "reasoning_effort"),
        ("thinking", {"thinking": {"type": "enabled"}}, "thinking"),
        ("output_json", {"response_format": {"type": "json_object"}}, "response_format"),
        (
            "output_schema",
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
            "response_format.json_schema",
        ),
        ("tools", {"functions": [{"name": "f"}]}, "functions"),
        ("tool_choice_required", {"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        ("tool_choice_none", {"functions": [{"name": "f"}], "function_call": "none"}, "function_call"),
        ("tool_strict", {"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]}, "tools[]"),
    ],
)
def test_a_provider_that_cannot_do_it_says_so_in_the_clients_words(
    feature: str, members: dict[str, object], word: str
) -> None:
    with pytest.raises(BadRequest, match="cannot be sent to X") as caught:
        fit(read(**members), {**OPENAI_CHAT.facts.carries, feature: refused("why")}, "X")
    assert caught.value.param is not None
    assert caught.value.param.startswith(word)


# -- tools -------------------------------------------------------------------------------------------------------------


def test_functions_are_read_and_tools_that_the_provider_runs_are_left_out() -> None:
    marked = {"type": "function", "function": {"name": "g", "strict": True}, "cache_control": {"type": "ephemeral"}}
    conversation = read(tools=[TOOL, {"type": "web_search"}, marked, {"type": "openrouter:x", "y": 1}])
    first, second = conversation.tools
    assert (first.name, first.description, json.loads(bytes(first.parameters or b""))) == ("f", "d", {"type": "object"})
    assert (second.name, second.parameters, second.strict, second.cache) == ("g", None, True, CacheMark())


@pytest.mark.parametrize(
    ("choice", "want"),
    [
        ("auto", ToolChoice(mode="auto")),
        ("none", ToolChoice(mode="none")),
        ("required", ToolChoice(mode="required")),
        ("any", ToolChoice(mode="required")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice(mode="named", name="f")),
        (None, None),
    ],
)
def test_tool_choice(choice: object, want: ToolChoice | None) -> None:
    assert read(tools=[TOOL], tool_choice=choice).tool_choice == want


def test_of_allowed_tools_only_those_are_sent_on() -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in "abc"]
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": name}} for name in "ac"]}
    conversation = read(tools=tools, tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert [tool.name for tool in conversation.tools] == ["a", "c"]
    assert conversation.tool_choice == ToolChoice(mode="required")


def test_the_deprecated_functions_are_tools() -> None:
    messages = [
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "42"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}},
        {"role": "function", "name": "f", "content": "43"},
    ]
    conversation = read(*messages, functions=[{"name": "f"}], function_call={"name": "f"})
    assert [tool.name for tool in conversation.tools] == ["f"]
    assert conversation.tool_choice == ToolChoice(mode="named", name="f")
    ids = [part.id for m in conversation.messages for part in m.parts if isinstance(part, ToolUse)]
    results = [part for m in conversation.messages for part in m.parts if isinstance(part, ToolResult)]
    assert len(set(ids)) == 2
    assert [(part.call_id, part.name) for part in results] == [(call_id, "f") for call_id in ids]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "text", "function", "tool", "https://a"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "id", "function", "name", "url", "tool_calls", "file"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
members = st.sampled_from(sorted(set(OPENAI_CHAT.facts.fields) - {"messages"}))


@given(st.lists(json_values, max_size=3), st.dictionaries(members, json_values, max_size=3))
def test_whatever_is_sent_is_read_or_refused(messages: list[object], more: dict[str, object]) -> None:
    try:
        conversation = read(*messages, **more)
    except BadRequest:
        return
    assert len(conversation.messages) == max(len(messages), 1)
