"""gemini/conversation_read.py and what it is made of: a Gemini client's request in the vocabulary."""

import json

import msgspec
import pytest

from sluice.chat.carry import FEATURES
from sluice.chat.content import Message, Text
from sluice.chat.conversation import Conversation, OutputFormat, Thinking, Tool, ToolChoice
from sluice.errors import BadRequest
from tests.dialects.gemini import conversation


def test_every_generation_parameter() -> None:
    config = {
        "temperature": 0,
        "topP": 0.9,
        "topK": 40.0,
        "maxOutputTokens": 100,
        "stopSequences": ["a", "b"],
        "candidateCount": 2,
        "seed": 3,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 4,
        "responseModalities": ["TEXT"],
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    }
    got = conversation(generationConfig=config, safetySettings=[{"category": "x"}], labels={"a": "b"})
    assert msgspec.structs.replace(got, words={}) == Conversation(
        messages=(Message(role="user", parts=(Text(text="hi"),)),),
        temperature=0.0,
        top_p=0.9,
        top_k=40,
        max_tokens=100,
        stop=("a", "b"),
        choices=2,
        seed=3,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        logprobs=True,
        top_logprobs=4,
    )


def test_nothing_is_asked_that_was_not_said() -> None:
    got = conversation(generationConfig=None, tools=[], toolConfig={})
    assert not [name for name, feature in FEATURES.items() if feature.asked(got)]


@pytest.mark.parametrize(
    ("config", "thinking"),
    [
        ({"thinkingBudget": 512, "includeThoughts": True}, Thinking(budget_tokens=512, show=True)),
        ({"thinkingBudget": 0}, Thinking(budget_tokens=0)),
        ({"thinkingBudget": -1}, Thinking(adaptive=True)),
        ({"thinkingLevel": "LOW"}, Thinking(effort="low")),
        ({"thinking_level": "high", "include_thoughts": False}, Thinking(effort="high", show=False)),
    ],
)
def test_thinking(config: object, thinking: Thinking) -> None:
    assert conversation(generation_config={"thinking_config": config}).thinking == thinking


def test_json_output_by_either_schema() -> None:
    def output(**config: object) -> OutputFormat | None:
        return conversation(generationConfig=config).output

    schema = {"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": True}}}
    converted = b'{"type":"object","properties":{"type":{"type":["string","null"]}}}'
    assert output(responseMimeType="text/plain") is None
    assert output(responseMimeType="application/json") == OutputFormat()
    assert output(responseMimeType="application/json", responseSchema=schema) == OutputFormat(
        schema=msgspec.Raw(converted)
    )
    assert output(responseJsonSchema={"type": "x"}) == OutputFormat(schema=msgspec.Raw(b'{"type": "x"}'))


def test_an_openapi_schema_becomes_a_json_schema() -> None:
    schema = {
        "type": "OBJECT",
        "property_ordering": ["a", "snake_name"],
        "properties": {
            "a": {"type": "ARRAY", "items": {"type": "INTEGER", "format": "int32"}, "min_items": "1", "maxItems": 3},
            "snake_name": {"type": "STRING", "format": "enum", "enum": ["x", "y"], "nullable": True},
            "either": {"anyOf": [{"type": "NUMBER"}, {"ref": "#/defs/P"}], "nullable": True},
            "open": {"type": "OBJECT", "additionalProperties": {"type": "BOOLEAN"}, "example": {"type": "STRING"}},
            "closed": {"type": "OBJECT", "additionalProperties": False, "nullable": False},
            "nothing": {"type": "TYPE_UNSPECIFIED", "description": None},
        },
        "defs": {"P": {"type": "NULL"}},
        "required": ["a"],
    }
    (tool,) = conversation(tools=[{"functionDeclarations": [{"name": "f", "parameters": schema}]}]).tools
    assert tool.parameters is not None
    assert json.loads(bytes(tool.parameters)) == {
        "type": "object",
        "propertyOrdering": ["a", "snake_name"],
        "properties": {
            "a": {"type": "array", "items": {"type": "integer", "format": "int32"}, "minItems": 1, "maxItems": 3},
            "snake_name": {"type": ["string", "null"], "enum": ["x", "y", None]},
            "either": {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/P"}, {"type": "null"}]},
            "open": {
                "type": "object",
                "additionalProperties": {"type": "boolean"},
                "examples": [{"type": "STRING"}],
            },
            "closed": {"type": "object", "additionalProperties": False},
            "nothing": {},
        },
        "$defs": {"P": {"type": "null"}},
        "required": ["a"],
    }


def test_tools_and_the_ones_that_google_runs() -> None:
    got = conversation(
        tools=[
            {"googleSearch": {}, "code_execution": {}},
            {"function_declarations": {"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}}},
            {"functionDeclarations": [{"name": "g", "behavior": "BLOCKING", "response": {"type": "STRING"}}]},
        ]
    )
    assert got.tools == (
        Tool(name="f", description="d", parameters=msgspec.Raw(b'{"type": "object"}')),
        Tool(name="g"),
    )
    assert got.tool_choice is None


@pytest.mark.parametrize(
    ("calling", "choice", "names"),
    [
        ({}, ToolChoice(mode="auto"), "fgh"),
        ({"mode": "AUTO"}, ToolChoice(mode="auto"), "fgh"),
        ({"mode": "NONE"}, ToolChoice(mode="none"), "fgh"),
        ({"mode": "any"}, ToolChoice(mode="required"), "fgh"),
        ({"mode": "ANY", "allowedFunctionNames": ["g"]}, ToolChoice(mode="named", name="g"), "g"),
        ({"mode": "ANY", "allowed_function_names": ["g", "h"]}, ToolChoice(mode="required"), "gh"),
        ({"mode": "VALIDATED"}, ToolChoice(mode="auto"), "fgh"),
    ],
)
def test_the_choice_of_a_tool(calling: object, choice: ToolChoice, names: str) -> None:
    tools = [{"functionDeclarations": [{"name": name} for name in "fgh"]}]
    got = conversation(tools=tools, toolConfig={"functionCallingConfig": calling})
    assert got.tool_choice == choice
    assert "".join(tool.name for tool in got.tools) == names


def test_a_choice_without_a_function() -> None:
    any_tool = {"functionCallingConfig": {"mode": "ANY"}}
    with pytest.raises(BadRequest, match="no function"):
        conversation(tools=[{"googleSearch": {}}], toolConfig=any_tool)
    none = {"functionCallingConfig": {"mode": "NONE"}}
    assert conversation(tools=[{"googleSearch": {}}], toolConfig=none).tool_choice is None
