"""A model request as the body of a chat completion, and the history that providers accept."""

import json
from typing import Any

import pytest

from sluice.agents.asking import body, reasons
from sluice.agents.history import NEVER_RAN, whole
from sluice.agents.model import ModelRequest, ToolSpec
from sluice.runs.messages import (
    DataPart,
    FilePart,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    said,
)


def sent(model: str = "gpt-4o", **request: Any) -> dict[str, Any]:
    request.setdefault("messages", (said("hi"),))
    read: dict[str, Any] = json.loads(body(ModelRequest(model=model, **request), model))
    return read


def test_what_was_not_said_is_not_sent_and_zero_is() -> None:
    assert set(sent()) == {"model", "messages", "stream", "stream_options"}
    said_zero = sent(temperature=0.0, max_tokens=1, top_p=0.0, stop=("x",))
    assert (said_zero["temperature"], said_zero["top_p"], said_zero["max_tokens"], said_zero["stop"]) == (
        0,
        0,
        1,
        ["x"],
    )


@pytest.mark.parametrize("model", ["o1", "openai/o3-mini", "gpt-5", "gpt-5-mini"])
def test_a_reasoning_model_gets_temperature_one_and_its_own_bound(model: str) -> None:
    read = sent(model, temperature=0.2, top_p=0.5, max_tokens=9)
    assert (read["temperature"], read["max_completion_tokens"]) == (1, 9)
    assert not {"top_p", "max_tokens"} & set(read)
    assert "temperature" not in sent(model)


def test_a_chat_model_of_a_reasoning_family_does_not_reason() -> None:
    assert not reasons("gpt-5-chat-latest")
    assert sent("gpt-5-chat-latest", temperature=0.2)["temperature"] == 0.2


def test_tools_and_their_choice_are_sent_as_the_api_has_them() -> None:
    tools = (ToolSpec(name="add", description="Add.", parameters={"type": "object"}), ToolSpec(name="bare"))
    read = sent(tools=tools, tool_choice="required")
    assert read["tools"][0] == {
        "type": "function",
        "function": {"name": "add", "description": "Add.", "parameters": {"type": "object"}},
    }
    assert read["tools"][1]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert read["tool_choice"] == "required"
    assert sent(tools=tools, tool_choice="add")["tool_choice"] == {"type": "function", "function": {"name": "add"}}
    assert "tool_choice" not in sent(tools=tools)


def test_files_sounds_and_data_become_parts() -> None:
    parts = (
        TextPart(text="look"),
        FilePart(url="https://x/y.png", media_type="image/png"),
        FilePart(url="data:audio/wav;base64,AAAA"),
        FilePart(url="data:application/pdf;base64,BBBB", name="a.pdf"),
        FilePart(url="https://x/y.pdf", media_type="application/pdf", name="y.pdf"),
        DataPart(data={"a": 1}),
    )
    content = sent(messages=(Message(role="user", parts=parts),))["messages"][0]["content"]
    assert content == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,BBBB", "filename": "a.pdf"}},
        {"type": "text", "text": "y.pdf: https://x/y.pdf"},
        {"type": "text", "text": '{"a":1}'},
    ]


def test_a_long_call_id_goes_back_as_it_came() -> None:
    name = "call__c2x1aWNlLzEu" + "A" * 200
    talk = (
        Message(role="assistant", parts=(ToolCallPart(id=name, name="f", input={}),)),
        Message(role="tool", parts=(ToolResultPart(id=name, error="no"),)),
    )
    rows = sent(messages=talk)["messages"]
    assert rows[0]["tool_calls"][0]["id"] == rows[1]["tool_call_id"] == name
    assert rows[1]["content"] == "Error: no"


def test_reasoning_goes_back_only_to_models_that_want_it() -> None:
    parts = (ReasoningPart(text="hm"), ToolCallPart(id="1", name="f"))
    talk = (Message(role="assistant", parts=parts), Message(role="tool", parts=(ToolResultPart(id="1", output=1),)))
    assert "reasoning_content" not in sent(messages=talk)["messages"][0]
    assert sent("deepseek-reasoner", messages=talk)["messages"][0]["reasoning_content"] == "hm"


def test_each_call_stands_once_with_one_result_right_behind_it() -> None:
    call, again = ToolCallPart(id="1", name="f"), ToolCallPart(id="2", name="g")
    failed, done = ToolResultPart(id="1", error="waits"), ToolResultPart(id="1", output="ok")
    talk = [
        said("go"),
        Message(role="assistant", parts=(TextPart(text="So"), call, again)),
        Message(role="tool", parts=(failed,)),
        Message(role="assistant", parts=(call,)),
        Message(role="tool", parts=(done,)),
        Message(role="tool", parts=(ToolResultPart(id="ghost", output=1),)),
        said("and?"),
    ]
    kept = whole(talk)
    assert [message.role for message in kept] == ["user", "assistant", "tool", "tool", "user"]
    assert kept[2].parts == (done,)
    assert kept[3].parts == (ToolResultPart(id="2", error=NEVER_RAN),)
    assert whole(kept) == kept
