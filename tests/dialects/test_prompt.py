"""dialects.prompt: what a request says, message by message, in every dialect that clients speak."""

import msgspec
import pytest

from sluice.dialects.prompt import prompt_of
from sluice.errors import BadRequest

SAID = [("system", "Be brief."), ("user", "What is this?"), ("assistant", "A cat."), ("user", "Sure?")]


def prompt(dialect: str, **members: object) -> list[tuple[str, str]]:
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in members.items()}
    return prompt_of(f"dialect.{dialect}", fields)


def test_chat_completions() -> None:
    parts = [{"type": "text", "text": "What is "}, {"type": "text", "text": "this?"}]
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": "Sure?"},
    ]
    tools = [{"type": "function", "function": {"name": "look", "description": "Looks."}}]
    assert prompt("openai_chat", model="m", messages=messages, tools=tools, user="u", unknown="x") == SAID


def test_responses() -> None:
    asked: list[object] = [
        {"role": "user", "content": [{"type": "input_text", "text": "What is this?"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A cat."}]},
        {"role": "user", "content": "Sure?"},
    ]
    assert prompt("openai_responses", instructions="Be brief.", input=asked, tools=[{"type": "x", "a": "b"}]) == SAID
    assert prompt("openai_responses", input="hi") == [("user", "hi")]


def test_messages() -> None:
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}]},
        {"role": "assistant", "content": "A cat."},
        {"role": "user", "content": "Sure?"},
    ]
    assert prompt("anthropic_messages", system="Be brief.", messages=messages, metadata={"user_id": "u"}) == SAID


@pytest.mark.parametrize("member", ["systemInstruction", "system_instruction"])
def test_gemini(member: str) -> None:
    contents = [
        {"role": "user", "parts": [{"text": "What is "}, {"text": "this?"}]},
        {"role": "model", "parts": [{"text": "A cat."}]},
        {"role": "user", "parts": [{"text": "Sure?"}]},
    ]
    assert prompt("gemini", **{member: {"parts": [{"text": "Be brief."}]}, "contents": contents}) == SAID


def test_a_call_and_its_result_are_told_too() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
    messages = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "found"},
    ]
    said = prompt("openai_chat", messages=messages)
    assert ("assistant", '{"at": 1}') in said
    assert said[-1] == ("tool", "found")


def test_two_messages_of_one_role_stay_two() -> None:
    messages = [{"role": "user", "content": text} for text in ("a", "b")]
    assert prompt("openai_chat", messages=messages) == [("user", "a"), ("user", "b")]


def test_a_dialect_without_clients_has_no_prompt() -> None:
    with pytest.raises(LookupError):
        prompt("bedrock_converse", messages=[])


def test_a_body_that_can_be_read_in_two_ways_is_not_read() -> None:
    with pytest.raises(BadRequest):
        prompt_of("dialect.openai_chat", {"messages": msgspec.Raw(b'[{"role":"user","content":"a","content":"b"}]')})
