"""Tools, calls and results as Bedrock wants them: conversation_write.py and blocks.py of bedrock_converse."""

import json
import re

import msgspec
import pytest

from sluice.chat.content import CacheMark, Media, Text, ToolResult, ToolUse
from sluice.chat.conversation import Tool, ToolChoice
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE
from tests.dialects.converse import CALL, CLAUDE, DATA, SCHEMA, WEATHER, Json, refused, said, talk, written

HISTORY = (
    said("user", "hi"),
    said("assistant", CALL),
    said("user", ToolResult(call_id="t1", parts=(Text(text="sun"),))),
)


def test_tools() -> None:
    strict = Tool(name="g", parameters=msgspec.Raw(b'{"properties": {}}'), strict=True)
    body = written(talk(tools=(WEATHER, Tool(name="f", strict=False), strict)))
    assert body["toolConfig"] == {
        "tools": [
            {
                "toolSpec": {
                    "name": "weather",
                    "description": "Tells it.",
                    "inputSchema": {"json": json.loads(SCHEMA)},
                }
            },
            {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {}}}}},
            {"toolSpec": {"name": "g", "inputSchema": {"json": {"type": "object", "properties": {}}}, "strict": True}},
        ]
    }


def test_a_schema_is_sent_byte_for_byte() -> None:
    raw = BEDROCK_CONVERSE.write_conversation(talk(tools=(WEATHER,)), model=CLAUDE, stream=True, ask_usage=True)
    assert SCHEMA in raw


def test_a_schema_that_is_none_is_refused() -> None:
    assert refused(talk(tools=(Tool(name="f", parameters=msgspec.Raw(b"[]")),))).param == "tools"


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (ToolChoice(mode="auto"), {"auto": {}}),
        (ToolChoice(mode="required"), {"any": {}}),
        (ToolChoice(mode="named", name="weather"), {"tool": {"name": "weather"}}),
    ],
)
def test_the_choice_of_a_tool(choice: ToolChoice, wanted: Json) -> None:
    assert written(talk(tools=(WEATHER,), tool_choice=choice))["toolConfig"]["toolChoice"] == wanted


def test_the_choice_of_none() -> None:
    none = ToolChoice(mode="none")
    assert "toolConfig" not in written(talk(tools=(WEATHER,), tool_choice=none))
    config = written(talk(*HISTORY, tools=(WEATHER,), tool_choice=none))["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in config.pop("tools")] == ["weather"]
    assert config == {}


def test_the_tools_of_a_history_are_defined_if_the_request_does_not() -> None:
    past = (*HISTORY, said("user", ToolResult(call_id="lost", parts=(Text(text="?"),))))
    config = written(talk(*past, tool_choice=ToolChoice(mode="required")))["toolConfig"]
    empty = {"json": {"type": "object", "properties": {}}}
    assert config == {
        "tools": [
            {"toolSpec": {"name": "weather", "inputSchema": empty}},
            {"toolSpec": {"name": "tool", "inputSchema": empty}},
        ]
    }


def test_calls_and_results() -> None:
    image = Media(kind="image", media_type="image/png", data=DATA)
    body = written(
        talk(
            said("user", "hi"),
            said("assistant", "Look:", CALL, ToolUse(id="t2", name="weather", arguments="")),
            said("user", ToolResult(call_id="t1", parts=(Text(text="sun"), image))),
            said("user", ToolResult(call_id="t2", parts=(Text(text=""),), is_error=True), "and?"),
        )
    )
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"text": "Look:"},
                {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"a": 1}}},
                {"toolUse": {"toolUseId": "t2", "name": "weather", "input": {}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": "t1",
                        "content": [{"text": "sun"}, {"image": {"format": "png", "source": {"bytes": DATA}}}],
                    }
                },
                {"toolResult": {"toolUseId": "t2", "content": [], "status": "error"}},
                {"text": "and?"},
            ],
        },
    ]


@pytest.mark.parametrize("arguments", ['{"a": 1', "[]", "7", "{" * 100_000])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    error = refused(talk(said("user", "hi"), said("assistant", ToolUse(id="t1", name="f", arguments=arguments))))
    assert "'t1' ('f')" in str(error)
    assert error.param == "messages[1].tool_calls[0]"


def test_results_stand_first_with_their_marks() -> None:
    result = ToolResult(call_id="t1", parts=(Text(text="sun"),), cache=CacheMark())
    body = written(talk(*HISTORY[:2], said("user", Text(text="so?", cache=CacheMark())), said("user", result, "now")))
    kinds = [next(iter(block)) for block in body["messages"][2]["content"]]
    assert kinds == ["toolResult", "cachePoint", "text", "cachePoint", "text"]
    assert body["messages"][2]["content"][2] == {"text": "so?"}


@pytest.mark.parametrize("foreign", ["call/1", "é", "", "x" * 65, "tool:" + "y" * 100, "\ud800"])
def test_ids_that_the_api_does_not_take_are_replaced_alike(foreign: str) -> None:
    messages = written(
        talk(
            said("user", "hi"),
            said("assistant", ToolUse(id=foreign, name="f", arguments="")),
            said("user", ToolResult(call_id=foreign)),
        )
    )["messages"]
    call, result = messages[1]["content"][0]["toolUse"], messages[2]["content"][0]["toolResult"]
    assert call["toolUseId"] == result["toolUseId"]
    assert re.fullmatch(r"[a-zA-Z0-9_.:-]{1,64}", call["toolUseId"])


def test_foreign_ids_stay_distinct() -> None:
    calls = [ToolUse(id="x" * 70 + end, name="f", arguments="") for end in "ab"]
    blocks = written(talk(said("user", "hi"), said("assistant", *calls)))["messages"][1]["content"]
    assert blocks[0]["toolUse"]["toolUseId"] != blocks[1]["toolUse"]["toolUseId"]
