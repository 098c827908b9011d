"""openai_responses/tools_read.py, tool_names.py, calls_write.py: the client's tools, there and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.conversation import Conversation, Tool, ToolChoice
from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    FinishReason,
    Started,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.request import ChatRequest
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.dialects.openai_responses.custom_input import CustomInput
from sluice.errors import BadRequest
from tests.dialects.test_openai_responses_kit import accumulated, answers, codex, encode, events_of, fold, rows

FUNCTION = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": False}
CUSTOM = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edit files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"},
}
SPACE = {"type": "namespace", "name": "mcp__fs__", "description": "", "tools": [FUNCTION, CUSTOM]}


def asked(**body: object) -> ChatRequest:
    return OPENAI_RESPONSES.read_request(json.dumps({"model": "m", "input": "hi"} | body).encode())


def read(**body: object) -> Conversation:
    return OPENAI_RESPONSES.read_conversation(asked(**body))


def test_functions_custom_tools_and_namespaces() -> None:
    function, custom, first, second = read(tools=[FUNCTION, CUSTOM, SPACE]).tools
    assert function.parameters is not None
    assert (function.name, function.description, function.strict) == ("f", "d", False)
    assert json.loads(bytes(function.parameters)) == {"type": "object"}
    assert custom.parameters is not None
    assert json.loads(bytes(custom.parameters))["required"] == ["input"]
    assert custom.description == "Edit files.\n\nThe input has to match this lark grammar:\nstart: /x/"
    assert (first.name, second.name) == ("mcp__fs__f", "mcp__fs__apply_patch")
    assert read(tools=[{"type": "function", "name": "f"}]).tools == (Tool(name="f"),)


@pytest.mark.parametrize(
    "kind", ["web_search", "web_search_preview_2025_03_11", "file_search", "mcp", "code_interpreter", "local_shell"]
)
def test_what_the_provider_runs_is_left_out_unless_it_is_demanded(kind: str) -> None:
    got = read(tools=[{"type": kind, "any": {"thing": [1]}}], tool_choice="auto", parallel_tool_calls=True)
    assert (got.tools, got.tool_choice, got.parallel_tool_calls) == ((), None, None)
    for choice in ({"type": kind}, "required"):
        with pytest.raises(BadRequest) as raised:
            read(tools=[{"type": kind}], tool_choice=choice)
        assert raised.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", ToolChoice(mode="auto")),
        ("none", ToolChoice(mode="none")),
        ("required", ToolChoice(mode="required")),
        ({"type": "function", "name": "f"}, ToolChoice(mode="named", name="f")),
        ({"type": "custom", "name": "apply_patch"}, ToolChoice(mode="named", name="apply_patch")),
        (None, None),
    ],
)
def test_the_choice(choice: object, expected: ToolChoice | None) -> None:
    got = read(tools=[FUNCTION, CUSTOM], tool_choice=choice, parallel_tool_calls=False)
    assert (got.tool_choice, got.parallel_tool_calls) == (expected, False)


def test_allowed_tools_leave_the_others_out() -> None:
    allowed = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "f"}, {"type": "mcp"}],
    }
    got = read(tools=[FUNCTION, CUSTOM], tool_choice=allowed)
    assert ([tool.name for tool in got.tools], got.tool_choice) == (["f"], ToolChoice(mode="required"))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [FUNCTION, {"type": "hologram"}]}, "tools[1]"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": 5}]}, "tools[0].name"),
        ({"tools": [SPACE | {"tools": [{"type": "function"}]}]}, "tools[0].tools[0].name"),
        ({"tools": 5}, "tools"),
        ({"tool_choice": "some"}, "tool_choice"),
        ({"tool_choice": {"type": "hologram"}}, "tool_choice"),
        (
            {"tool_choice": {"type": "allowed_tools", "mode": "required", "tools": []}, "tools": [FUNCTION]},
            "tool_choice",
        ),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as raised:
        read(**body)
    assert raised.value.param == param


# -- what comes back ---------------------------------------------------------------------------------------------------


def stream(name: str, *pieces: str, finish: FinishReason = "tool_calls") -> bytes:
    deltas: list[Event] = [ToolCallDelta(0, 0, piece) for piece in pieces]
    started: list[Event] = [Started("r", "m", 1), ToolCallStarted(0, 0, "t", name)]
    return encode(
        [*started, *deltas, ChoiceFinished(0, finish, finish), Ended()], asked(tools=[FUNCTION, CUSTOM, SPACE])
    )


def test_a_custom_tool_is_answered_with_its_free_text_as_it_comes() -> None:
    written = stream("apply_patch", '{"inp', 'ut": "a', "\\", "n\\ud83d", "\\ude00 b", '"', "}")
    types = [str(row["type"]).removeprefix("response.") for row in events_of(written)]
    assert types[2:] == [
        "output_item.added",
        *["custom_tool_call_input.delta"] * 3,
        "custom_tool_call_input.done",
        "output_item.done",
        "completed",
    ]
    (item,) = rows(codex(written)["output"])
    assert (item["type"], item["name"], item["call_id"], item["input"]) == (
        "custom_tool_call",
        "apply_patch",
        "t",
        "a\n\U0001f600 b",
    )
    assert accumulated(written).output[0].type == "custom_tool_call"


def test_a_tool_of_a_namespace_is_answered_by_the_client_s_name_for_it() -> None:
    (item,) = rows(codex(stream("mcp__fs__f", "{}"))["output"])
    assert (item["type"], item["name"], item["namespace"]) == ("function_call", "f", "mcp__fs__")
    (item,) = rows(codex(stream("mcp__fs__apply_patch", '{"input":"x"}'))["output"])
    assert (item["type"], item["name"], item["namespace"]) == ("custom_tool_call", "apply_patch", "mcp__fs__")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"input": ""}', ""),
        ("", ""),
        ("{}", ""),
        ('{"patch": "x"}', "x"),
        ('{"a": "x", "b": 1}', '{"a": "x", "b": 1}'),
        ('{"a": "x", "input": "y"}', "y"),
        ('{"input": "x", "more": 1}', "x"),
        ('{"input": 5}', '{"input": 5}'),
        ("*** Begin", "*** Begin"),
        ('{"input": "a\nb"}', "a\nb"),
        ('{"input": "\\ud83d"}', "\ufffd"),
        ('{"input": "abc', "abc"),
        ('{"input": "abc\\u00', "abc"),
        ("{" * 5000, "{" * 5000),
    ],
)
def test_input_that_is_not_as_it_should_be(arguments: str, expected: str) -> None:
    (item,) = rows(codex(stream("apply_patch", *arguments))["output"])
    assert item["input"] == expected


@given(st.text(st.characters(codec="utf-8")), st.booleans(), st.data())
def test_any_text_in_any_pieces(text: str, ascii_only: bool, data: st.DataObject) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=ascii_only)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arguments)), max_size=6)))
    reader = CustomInput()
    told = [reader.feed(arguments[start:end]) for start, end in zip([0, *cuts], [*cuts, len(arguments)], strict=True)]
    assert "".join([*told, reader.close()]) == reader.text == text


@given(answers(tool_names=("f", "apply_patch", "mcp__fs__apply_patch", "unknown")))
def test_any_answer_with_such_tools_is_legal_and_equals_the_whole_one(events: list[Event]) -> None:
    request = asked(tools=[FUNCTION, CUSTOM, SPACE])
    last = codex(encode(events, request))
    assert last == json.loads(OPENAI_RESPONSES.write_answer(fold(events), request))
