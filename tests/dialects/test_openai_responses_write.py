"""openai_responses/conversation_write.py and history_write.py: a request of another dialect for this API."""

import json

import msgspec
import pytest

from sluice.chat.carry import FEATURES
from sluice.chat.content import CacheMark, Citation, Media, Message, Part, Refusal, Role, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, OutputFormat, Thinking, Tool, ToolChoice
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.errors import BadRequest
from tests.dialects.test_openai_responses_kit import obj, rows

OWN = "dialect.openai_responses"


def said(role: Role, *parts: Part | str) -> Message:
    return Message(role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


HI = said("user", "hi")


def write(conversation: Conversation, model: str = "gpt-4o", *, stream: bool = False) -> dict[str, object]:
    body = OPENAI_RESPONSES.write_conversation(conversation, model=model, stream=stream, ask_usage=True)
    return obj(json.loads(body))


def asked(model: str = "gpt-4o", **members: object) -> dict[str, object]:
    return write(msgspec.structs.replace(Conversation(messages=(HI,)), **members), model)


def history(*messages: Message) -> list[dict[str, object]]:
    return rows(write(Conversation(messages=messages))["input"])


def item(role: str, *content: dict[str, object]) -> dict[str, object]:
    return {"type": "message", "role": role, "content": list(content)}


def given(text: str) -> dict[str, object]:
    return {"type": "input_text", "text": text}


def test_the_least_there_is() -> None:
    assert asked() == {"model": "gpt-4o", "input": [item("user", given("hi"))], "store": False}
    assert write(Conversation(messages=(HI,)), stream=True)["stream"] is True


def test_leading_system_messages_are_the_instructions_and_later_ones_stay_where_they_are() -> None:
    got = write(Conversation(messages=(said("system", "a", "b"), said("system", "c"), HI, said("system", "d"))))
    assert got["instructions"] == "a\n\nb\n\nc"
    assert got["input"] == [item("user", given("hi")), item("developer", given("d"))]
    alone = write(Conversation(messages=(said("system", "a"),)))
    assert alone["input"] == [item("developer", given("a"))]
    assert "instructions" not in alone


def test_a_turn_with_reasoning_calls_and_results_keeps_its_order() -> None:
    own = Reasoning("hm", Seal(OWN, "reasoning", "gA=\n", "rs_1"))
    nameless = Reasoning("", Seal(OWN, "reasoning", "gB="))
    foreign = Reasoning("secret", Seal("dialect.other", "reasoning", "sig"))
    long_id = "x" * 65
    got = history(
        HI,
        said(
            "assistant",
            own,
            foreign,
            Reasoning("open"),
            "a",
            Refusal(text="no"),
            nameless,
            ToolUse(id="t", name="f", arguments=""),
            ToolUse(id=long_id, name="g", arguments='{"a": 1}'),
            "b",
        ),
        said("user", ToolResult(call_id="t", parts=(Text(text="ok"),)), ToolResult(call_id=long_id), "next"),
    )
    short = str(got[5]["call_id"])
    assert got == [
        item("user", given("hi")),
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "gA=\n",
        },
        item("assistant", {"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "no"}),
        {"type": "reasoning", "summary": [], "encrypted_content": "gB="},
        {"type": "function_call", "call_id": "t", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": short, "name": "g", "arguments": '{"a": 1}'},
        item("assistant", {"type": "output_text", "text": "b"}),
        {"type": "function_call_output", "call_id": "t", "output": "ok"},
        {"type": "function_call_output", "call_id": short, "output": ""},
        item("user", given("next")),
    ]
    assert len(short) <= 64


def test_images_and_files() -> None:
    parts: list[Part] = [
        Media(kind="image", media_type="image/png", data="QUJD", detail="high"),
        Media(kind="image", url="https://e.com/a.png"),
        Media(kind="image", file_id="f1"),
        Media(kind="file", media_type="application/pdf", data="QUJD"),
        Media(kind="file", media_type="application/pdf", data="QUJD", name="a.pdf"),
        Media(kind="file", url="https://e.com/a.pdf", media_type="application/pdf"),
        Media(kind="file", file_id="f2"),
    ]
    data = "data:application/pdf;base64,QUJD"
    expected: list[dict[str, object]] = [
        {"type": "input_image", "image_url": "data:image/png;base64,QUJD", "detail": "high"},
        {"type": "input_image", "image_url": "https://e.com/a.png", "detail": "auto"},
        {"type": "input_image", "file_id": "f1", "detail": "auto"},
        {"type": "input_file", "filename": "file.pdf", "file_data": data},
        {"type": "input_file", "filename": "a.pdf", "file_data": data},
        {"type": "input_file", "file_url": "https://e.com/a.pdf"},
        {"type": "input_file", "file_id": "f2"},
    ]
    assert history(said("user", *parts)) == [item("user", *expected)]
    media = tuple(part for part in parts if isinstance(part, Media))
    (result,) = history(said("user", ToolResult(call_id="t", parts=(Text(text="see"), *media))))
    assert result["output"] == [given("see"), *expected]
    with pytest.raises(BadRequest, match="cannot hold an image"):
        history(HI, said("assistant", media[0]))


def test_tools_say_strict_because_here_it_is_true_if_nobody_does() -> None:
    tools = (Tool(name="f"), Tool(name="g", description="d", parameters=msgspec.Raw(b'{"type":"object"}'), strict=True))
    got = asked(tools=tools, tool_choice=ToolChoice(mode="named", name="f"), parallel_tool_calls=False)
    assert got["tools"] == [
        {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False},
        {"type": "function", "name": "g", "description": "d", "parameters": {"type": "object"}, "strict": True},
    ]
    assert (got["tool_choice"], got["parallel_tool_calls"]) == ({"type": "function", "name": "f"}, False)
    for mode in ("auto", "none", "required"):
        assert asked(tools=tools, tool_choice=ToolChoice(mode=mode))["tool_choice"] == mode


def test_parameters() -> None:
    got = asked(
        temperature=0.0,
        top_p=0.5,
        max_tokens=9,
        logprobs=True,
        top_logprobs=2,
        verbosity="low",
        user="u",
        output=OutputFormat(schema=msgspec.Raw(b'{"a":1}'), name="my answer!", description="d", strict=True),
    )
    assert (got["temperature"], got["top_p"], got["max_output_tokens"], got["user"]) == (0, 0.5, 9, "u")
    assert (got["top_logprobs"], got["include"]) == (2, ["message.output_text.logprobs"])
    form = {"type": "json_schema", "name": "my_answer_", "schema": {"a": 1}, "description": "d", "strict": True}
    assert got["text"] == {"verbosity": "low", "format": form}
    assert asked(output=OutputFormat())["text"] == {"format": {"type": "json_object"}}
    bare = obj(asked(output=OutputFormat(schema=msgspec.Raw(b"{}")))["text"])
    assert bare["format"] == {"type": "json_schema", "name": "answer", "schema": {}}


@pytest.mark.parametrize(
    ("thinking", "model", "reasoning"),
    [
        (Thinking(effort="high", show=True), "gpt-4o", {"effort": "high", "summary": "auto"}),
        (Thinking(budget_tokens=2000), "m", {"effort": "medium"}),
        (Thinking(adaptive=True), "m", None),
        (Thinking(adaptive=True, show=True), "m", {"summary": "auto"}),
        (Thinking(effort="none", show=True), "m", None),
        (Thinking(budget_tokens=0), "gpt-4o", None),
        (Thinking(budget_tokens=0), "gpt-5-mini", {"effort": "minimal"}),
        (Thinking(budget_tokens=0), "openai/gpt-5.1", {"effort": "none"}),
        (Thinking(effort="none"), "o3", {"effort": "low"}),
        (None, "gpt-5", None),
    ],
)
def test_reasoning(thinking: Thinking | None, model: str, reasoning: object) -> None:
    assert asked(model, thinking=thinking).get("reasoning") == reasoning


@pytest.mark.parametrize(
    ("thinking", "model", "included"),
    [
        (None, "gpt-4o", False),
        (None, "gpt-5-chat-latest", False),
        (None, "gpt-5", True),
        (None, "openai/o3-mini", True),
        (None, "gpt-6-codex", True),
        (Thinking(effort="low"), "whatever", True),
        (Thinking(effort="none"), "whatever", False),
    ],
)
def test_encrypted_reasoning_is_asked_for_when_the_model_reasons(
    thinking: Thinking | None, model: str, included: bool
) -> None:
    got = asked(model, thinking=thinking)
    assert got.get("include") == (["reasoning.encrypted_content"] if included else None)
    assert got["store"] is False


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"choices": 2}, "choices"),
        ({"stop": ("x",), "words": {"stop": "stop_sequences"}}, "stop_sequences"),
        ({"logit_bias": {"1": 1.0}}, "logit_bias"),
        ({"messages": (said("user", Media(kind="audio", data="QUJD")),)}, "audio"),
        ({"messages": (said("user", Media(kind="video", url="https://e.com/v")),)}, "video"),
    ],
)
def test_what_cannot_be_said_is_refused_by_the_client_s_own_name(members: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest, match="OpenAI Responses") as raised:
        asked("gpt-4o", **members)
    assert raised.value.param == param


def test_what_the_table_drops_is_not_written() -> None:
    cited = Text(text="a", cache=CacheMark(), citations=(Citation(url="u"),))
    message = Message(role="user", parts=(cited, ToolResult(call_id="t", is_error=True)), name="bob")
    got = asked(messages=(message,), top_k=5, seed=1, frequency_penalty=0.0, presence_penalty=1.0, cache=CacheMark())
    assert got == {
        "model": "gpt-4o",
        "input": [item("user", given("a")), {"type": "function_call_output", "call_id": "t", "output": ""}],
        "store": False,
    }


def test_the_table_names_every_feature() -> None:
    assert set(OPENAI_RESPONSES.facts.carries) == set(FEATURES)
    assert all(carry.why for carry in OPENAI_RESPONSES.facts.carries.values() if carry.how != "carried")
    fields = OPENAI_RESPONSES.facts.fields
    assert {field.how for field in fields.values()} == {"read", "dropped", "refused"}
    assert all(field.why for field in fields.values() if field.how != "read")
    assert {field.feature for field in fields.values() if field.feature} <= set(FEATURES)


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    assert history(said("user", "a\ud83d")) == [item("user", given("a\ufffd"))]


def test_a_request_of_this_api_comes_back_as_it_was() -> None:
    body: dict[str, object] = {
        "model": "gpt-5",
        "instructions": "be kind",
        "input": [
            item("user", given("hi")),
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gA="},
            {"type": "function_call", "call_id": "t", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "t", "output": "ok"},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "text": {"verbosity": "low"},
        "store": False,
        "stream": True,
    }
    request = OPENAI_RESPONSES.read_request(json.dumps(body).encode())
    assert write(OPENAI_RESPONSES.read_conversation(request), "gpt-5", stream=True) == body
