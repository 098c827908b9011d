"""anthropic_messages/thinking.py and conversation_write.py: reasoning, tools, output, and what forbids what."""

import json

import msgspec
import pytest

from sluice.chat.content import (
    CacheMark,
)
from sluice.chat.conversation import OutputFormat, Thinking, Tool, ToolChoice
from tests.dialects.messages_asked import CALL, FOREIGN, HI, OWN, RESULT, TOOL, Json, said, text, write


@pytest.mark.parametrize(
    ("thinking", "config", "max_tokens"),
    [
        (Thinking(effort="none"), {"type": "disabled"}, 4096),
        (Thinking(budget_tokens=0), {"type": "disabled"}, 4096),
        (Thinking(effort="minimal"), {"type": "enabled", "budget_tokens": 1024}, 5120),
        (Thinking(effort="low"), {"type": "enabled", "budget_tokens": 1024}, 5120),
        (Thinking(effort="medium"), {"type": "enabled", "budget_tokens": 2048}, 6144),
        (Thinking(effort="high"), {"type": "enabled", "budget_tokens": 4096}, 8192),
        (Thinking(budget_tokens=10), {"type": "enabled", "budget_tokens": 1024}, 5120),
        (Thinking(adaptive=True), {"type": "enabled", "budget_tokens": 2048}, 6144),
        (
            Thinking(budget_tokens=3000, show=False),
            {"type": "enabled", "budget_tokens": 3000, "display": "omitted"},
            7096,
        ),
        (Thinking(show=True), None, 4096),
    ],
)
def test_budgets(thinking: Thinking, config: object, max_tokens: int) -> None:
    body = write(thinking=thinking)
    assert (body.get("thinking"), body["max_tokens"]) == (config, max_tokens)
    assert "output_config" not in body


@pytest.mark.parametrize(
    ("model", "adaptive"),
    [
        ("claude-opus-4-7", True),
        ("claude-opus-4-8@20260601", True),
        ("us.anthropic.claude-sonnet-5-v1:0", True),
        ("anthropic/claude-opus-4.7", True),
        ("claude-haiku-5-5", True),
        ("claude-opus-4-6", False),
        ("claude-sonnet-4-5-20250929", False),
        ("claude-opus-4-20250514", False),
        ("claude-3-7-sonnet-latest", False),
        ("deepseek-chat", False),
    ],
)
def test_models_that_know_no_budget_are_told_an_effort(model: str, adaptive: bool) -> None:
    body = write(model=model, thinking=Thinking(effort="medium"))
    if adaptive:
        assert body["thinking"] == {"type": "adaptive"}
        assert body["output_config"] == {"effort": "medium"}
    else:
        assert body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert body["max_tokens"] == 6144


def test_adaptive_reasoning_is_asked_of_models_that_know_it() -> None:
    assert write(model="claude-opus-4-6", thinking=Thinking(adaptive=True))["thinking"] == {"type": "adaptive"}


@pytest.mark.parametrize(
    ("max_tokens", "budget"), [(5000, 4096), (4096, 2048), (2000, 1024), (1025, 1024), (1024, None), (1, None)]
)
def test_a_budget_is_less_than_the_bound_on_the_output(max_tokens: int, budget: int | None) -> None:
    body = write(thinking=Thinking(effort="high"), max_tokens=max_tokens)
    config = None if budget is None else {"type": "enabled", "budget_tokens": budget}
    assert (body["max_tokens"], body.get("thinking")) == (max_tokens, config)


def test_what_reasoning_forbids_beside_it_is_left_out() -> None:
    body = write(thinking=Thinking(effort="low"), temperature=0.5, top_p=0.9, top_k=5)
    assert not {"temperature", "top_p", "top_k"} & body.keys()
    assert write(thinking=Thinking(effort="low"), top_p=0.95)["top_p"] == 0.95
    assert write(thinking=Thinking(effort="none"), temperature=0.5)["temperature"] == 0.5


@pytest.mark.parametrize("choice", [ToolChoice(mode="required"), ToolChoice(mode="named", name="f")])
def test_a_forced_tool_goes_before_reasoning(choice: ToolChoice) -> None:
    body = write(tools=(TOOL,), tool_choice=choice, thinking=Thinking(effort="low"), temperature=0.5)
    assert "thinking" not in body
    assert body["temperature"] == 0.5


def test_reasoning_does_not_begin_in_the_middle_of_a_loop() -> None:
    asked: Json = {"tools": (TOOL,), "thinking": Thinking(effort="low")}
    assert "thinking" not in write(HI, said("assistant", CALL), said("user", RESULT), **asked)
    assert "thinking" not in write(HI, said("assistant", FOREIGN, CALL), said("user", RESULT), **asked)
    assert "thinking" in write(HI, said("assistant", OWN, CALL), said("user", RESULT), **asked)
    assert "thinking" in write(HI, said("assistant", "a", OWN, CALL), said("user", RESULT), **asked)
    assert "thinking" in write(HI, said("assistant", CALL), said("user", RESULT), said("user", "new"), **asked)
    later = (said("assistant", CALL), said("user", RESULT))  # a second call of one loop brings no new reasoning
    assert "thinking" in write(HI, said("assistant", OWN, CALL), said("user", RESULT), *later, **asked)


# -- tools and output ------------------------------------------------------------------------------------------------


def test_tools() -> None:
    marked = Tool(name="g", description="d", strict=True, cache=CacheMark())
    assert write(tools=(TOOL, marked))["tools"] == [
        {"name": "f", "input_schema": {"type": "object"}},
        {
            "name": "g",
            "description": "d",
            "input_schema": {"type": "object"},
            "strict": True,
            "cache_control": {"type": "ephemeral"},
        },
    ]


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="auto"), True, {"type": "auto"}),
        (ToolChoice(mode="none"), False, {"type": "none"}),
        (ToolChoice(mode="required"), None, {"type": "any"}),
        (
            ToolChoice(mode="named", name="f"),
            False,
            {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_tool_choice(choice: ToolChoice | None, parallel: bool | None, expected: object) -> None:
    assert write(tools=(TOOL,), tool_choice=choice, parallel_tool_calls=parallel).get("tool_choice") == expected


def test_a_history_with_calls_names_its_tools_though_none_is_offered() -> None:
    body = write(HI, said("assistant", CALL), said("user", RESULT), tool_choice=ToolChoice(mode="auto"))
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}
    assert not {"tools", "tool_choice"} & write(tool_choice=ToolChoice(mode="auto")).keys()


def test_output() -> None:
    schema = msgspec.Raw(b'{"type":"object","additionalProperties":false}')
    body = write(output=OutputFormat(schema=schema, name="n", strict=True))
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": json.loads(bytes(schema))}}
    loose = write(said("system", "s"), HI, output=OutputFormat())
    assert isinstance(loose["system"], list)
    assert loose["system"][0] == text("s")
    assert "JSON" in loose["system"][1]["text"]
    assert "output_config" not in loose
