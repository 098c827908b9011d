"""gemini/conversation_write.py: other clients' requests for Gemini, judged by the official client's types."""

import json
from typing import Any

import msgspec
import pytest

from sluice.chat.carry import FEATURES
from sluice.chat.content import CacheMark, Citation, Message, Text
from sluice.chat.conversation import OutputFormat, Thinking, Tool, ToolChoice
from sluice.dialects.gemini import GEMINI
from sluice.errors import BadRequest
from tests.dialects.gemini import write


def test_the_table_names_every_feature() -> None:
    assert set(GEMINI.facts.carries) == set(FEATURES)
    assert all(field.why for field in GEMINI.facts.fields.values() if field.how != "read")


def test_nothing_is_sent_that_was_not_asked() -> None:
    assert write() == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_every_parameter() -> None:
    body = write(
        temperature=0.0,
        top_p=0.5,
        top_k=40,
        max_tokens=10,
        stop=("a",),
        choices=2,
        seed=0,
        presence_penalty=0.0,
        frequency_penalty=-1.0,
        logprobs=True,
        top_logprobs=3,
    )
    assert body["generationConfig"] == {
        "temperature": 0.0,
        "topP": 0.5,
        "topK": 40,
        "maxOutputTokens": 10,
        "stopSequences": ["a"],
        "candidateCount": 2,
        "seed": 0,
        "presencePenalty": 0.0,
        "frequencyPenalty": -1.0,
        "responseLogprobs": True,
        "logprobs": 3,
    }


@pytest.mark.parametrize(
    ("thinking", "model", "config"),
    [
        (Thinking(effort="high"), "gemini-2.5-pro", {"thinkingBudget": 4096, "includeThoughts": True}),
        (Thinking(effort="none"), "gemini-2.5-flash", {"thinkingBudget": 0}),
        (Thinking(budget_tokens=9000, show=True), "gemini-2.5-pro", {"thinkingBudget": 9000, "includeThoughts": True}),
        (Thinking(adaptive=True), "gemini-2.5-pro", {"thinkingBudget": -1, "includeThoughts": True}),
        (Thinking(effort="high"), "gemini-3-pro-preview", {"thinkingLevel": "high", "includeThoughts": True}),
        (Thinking(effort="minimal"), "models/gemini-3-flash", {"thinkingLevel": "low", "includeThoughts": True}),
        (Thinking(budget_tokens=9000), "gemini-3.5-pro", {"thinkingLevel": "high", "includeThoughts": True}),
        (Thinking(adaptive=True, show=False), "gemini-3-pro", {"includeThoughts": False}),
        (Thinking(adaptive=True), "gemini-3-pro", {"includeThoughts": True}),
    ],
)
def test_thinking_in_the_models_currency(thinking: Thinking, model: str, config: object) -> None:
    assert write(model=model, thinking=thinking).get("generationConfig", {}).get("thinkingConfig") == config


def test_json_output() -> None:
    schema = msgspec.Raw(b'{"type":"object","$defs":{"x":{"const":1.50}}}')
    assert write(output=OutputFormat())["generationConfig"] == {"responseMimeType": "application/json"}
    assert write(output=OutputFormat(schema=schema, name="n", strict=True))["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "$defs": {"x": {"const": 1.5}}},
    }


def test_tools_and_their_schemas_as_they_are() -> None:
    schema = msgspec.Raw(b'{"type":"object","properties":{"a":{"type":["string","null"]}}}')
    tools = (Tool(name="f", description="d", parameters=schema, strict=True, cache=CacheMark()), Tool(name="g"))
    assert write(tools=tools)["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "d", "parametersJsonSchema": json.loads(bytes(schema))},
                {"name": "g"},
            ]
        }
    ]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(mode="auto"), {"mode": "AUTO"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="named", name="f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_the_choice_of_a_tool(choice: ToolChoice, config: object) -> None:
    assert write(tools=(Tool(name="f"),), tool_choice=choice)["toolConfig"] == {"functionCallingConfig": config}


def test_what_gemini_does_not_know_is_dropped_by_the_table() -> None:
    body = write(
        Message(role="user", name="ann", parts=(Text(text="a", cache=CacheMark(), citations=(Citation(url="u"),)),)),
        user="u",
        verbosity="low",
        parallel_tool_calls=False,
        cache=CacheMark(),
    )
    assert body == {"contents": [{"role": "user", "parts": [{"text": "a"}]}]}


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"logit_bias": {"1": 2.0}, "words": {"logit_bias": "logit_bias"}}, "logit_bias"),
        ({"stop": tuple("abcdef"), "words": {"stop": "stop_sequences"}}, "stop_sequences"),
    ],
)
def test_what_cannot_be_said_is_refused_in_the_clients_words(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        write(**asked)
    assert caught.value.param == param
