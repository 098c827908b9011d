"""gemini/conversation_write.py: messages for Gemini, judged by the official client's types."""

import json
from typing import Any

import pytest

from sluice.chat.content import Media, Message, Part, Refusal, Text, ToolResult, ToolUse
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.gemini import GEMINI
from sluice.errors import BadRequest
from tests.dialects.gemini import ASKED, write

CALL = ToolUse(id="x", name="f", arguments='{"a": 1.50}')


SIG = Seal("dialect.gemini", "call", "own+/w==")


def contents(*messages: Message, model: str = "gemini-2.5-flash") -> Any:
    return write(*messages, model=model)["contents"]


def said(*parts: Any) -> Message:
    return Message(role="assistant", parts=parts)


def test_system_messages_are_the_instruction() -> None:
    system = [Message(role="system", parts=(Text(text=text),)) for text in "ab"]
    body = write(system[0], ASKED, system[1])
    assert body["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert body["contents"] == [{"role": "user", "parts": [{"text": "hi"}]}]
    alone = write(system[0])
    assert alone == {"contents": [{"role": "user", "parts": [{"text": "a"}]}]}


def test_roles_and_neighbours() -> None:
    assert contents(ASKED, ASKED, said(Text(text="a")), said(Refusal(text="no"), Text(text="")), ASKED) == [
        {"role": "user", "parts": [{"text": "hi"}, {"text": "hi"}]},
        {"role": "model", "parts": [{"text": "a"}, {"text": "no"}]},
        {"role": "user", "parts": [{"text": "hi"}]},
    ]


def test_a_tool_loop() -> None:
    results = [
        Message(role="user", parts=(ToolResult(call_id="x", parts=(Text(text="a"), Text(text="b"))),)),
        Message(role="user", parts=(ToolResult(call_id="y", parts=(Text(text=' {"n": 1.50} '),)), Text(text="go on"))),
    ]
    assert contents(ASKED, said(CALL, ToolUse(id="y", name="g", arguments="")), *results)[1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "x", "name": "f", "args": {"a": 1.5}}},
                {"functionCall": {"id": "y", "name": "g", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "x", "name": "f", "response": {"result": "a\nb"}}},
                {"functionResponse": {"id": "y", "name": "g", "response": {"n": 1.5}}},
            ],
        },
        {"role": "user", "parts": [{"text": "go on"}]},
    ]


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("bad", {"error": "bad"}),
        ('{"error": "x"}', {"error": "x"}),
        ('{"a": 1}', {"error": {"a": 1}}),
        ('{"a": ', {"error": '{"a": '}),
    ],
)
def test_a_result_that_is_an_error(text: str, response: object) -> None:
    result = ToolResult(call_id="x", parts=(Text(text=text),), is_error=True)
    row = contents(said(CALL), Message(role="user", parts=(result,)))[1]
    assert row["parts"][0]["functionResponse"]["response"] == response


def test_a_result_of_no_call_is_refused() -> None:
    with pytest.raises(BadRequest, match="'q' answers no tool call"):
        write(Message(role="user", parts=(ToolResult(call_id="q"),)))


def test_pictures_of_a_result_beside_it_or_within() -> None:
    picture = Media(kind="image", media_type="image/png", data="AAAA")
    result = Message(role="user", parts=(ToolResult(call_id="x", parts=(Text(text="r"), picture)),))
    inline = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    answer = {"id": "x", "name": "f", "response": {"result": "r"}}
    assert contents(said(CALL), result)[1:] == [
        {"role": "user", "parts": [{"functionResponse": answer}]},
        {"role": "user", "parts": [inline]},
    ]
    assert contents(said(CALL), result, model="gemini-3-pro")[1:] == [
        {"role": "user", "parts": [{"functionResponse": answer | {"parts": [inline]}}]},
    ]


@pytest.mark.parametrize(
    ("media", "part"),
    [
        (Media(kind="image", data="AAAA"), {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}),
        (
            Media(kind="image", url="https://a.test/x.jpg"),
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://a.test/x.jpg"}},
        ),
        (Media(kind="image", url="https://a.test/x"), {"fileData": {"fileUri": "https://a.test/x"}}),
        (
            Media(kind="file", media_type="a/b", file_id="gs://b/c"),
            {"fileData": {"mimeType": "a/b", "fileUri": "gs://b/c"}},
        ),
        (Media(kind="file", file_id="files/abc"), {"fileData": {"fileUri": "files/abc"}}),
    ],
)
def test_media(media: Media, part: object) -> None:
    assert contents(Message(role="user", parts=(media,)))[0]["parts"] == [part]


def test_files_of_other_providers_are_refused() -> None:
    with pytest.raises(BadRequest, match=r"file-abc.*no file of Google's"):
        write(Message(role="user", parts=(Media(kind="file", file_id="file-abc"),)))


def test_own_seals_stand_where_gemini_put_them() -> None:
    thought, text = Seal("dialect.gemini", "reasoning", "AA=="), Seal("dialect.gemini", "text", "BA==")
    message = said(
        Reasoning("r", thought),
        Text(text="t"),
        Reasoning("", text),
        Reasoning("", text),
        Reasoning("q", SIG),
        CALL,
        ToolUse(id="y", name="g", arguments="{}"),
    )
    assert contents(message, model="gemini-3-pro")[0]["parts"] == [
        {"text": "r", "thought": True, "thoughtSignature": "AA=="},
        {"text": "t", "thoughtSignature": "BA=="},
        {"text": "", "thoughtSignature": "BA=="},
        {"text": "q", "thought": True},
        {"functionCall": {"id": "x", "name": "f", "args": {"a": 1.5}}, "thoughtSignature": SIG.data},
        {"functionCall": {"id": "y", "name": "g", "args": {}}},
    ]


def test_foreign_seals_and_unsealed_reasoning_stay_away() -> None:
    foreign = Seal("dialect.anthropic_messages", "reasoning", "zz")
    message = said(Reasoning("r", foreign), Reasoning("s"), CALL)
    call = {"functionCall": {"id": "x", "name": "f", "args": {"a": 1.5}}}
    assert contents(message)[0]["parts"] == [call]
    marked = call | {"thoughtSignature": "skip_thought_signature_validator"}
    assert contents(message, model="gemini-3-pro")[0]["parts"] == [marked]


@pytest.mark.parametrize("arguments", ["[1]", '{"a":', "x", '"\ud800'])
def test_arguments_that_are_no_object_are_refused_by_their_place(arguments: str) -> None:
    call = ToolUse(id="", name="f", arguments=arguments)
    with pytest.raises(BadRequest) as caught:
        contents(said(Text(text="I look."), CALL, call))
    assert caught.value.param == "messages[0].tool_calls[1]"


@pytest.mark.parametrize("parts", [(), (Text(text=""),), (Text(text=""), Text(text=""))])
def test_a_request_that_says_nothing_is_refused(parts: tuple[Part, ...]) -> None:
    with pytest.raises(BadRequest) as caught:
        contents(Message(role="user", parts=parts))
    assert caught.value.param == "messages"


def test_half_a_surrogate_pair_anywhere() -> None:
    result = Message(role="user", parts=(ToolResult(call_id="x", parts=(Text(text="\udc00"),)), Text(text="a\ud800")))
    rows = contents(said(CALL), result)
    assert rows[1]["parts"][0]["functionResponse"]["response"] == {"result": "\ufffd"}
    assert rows[2]["parts"] == [{"text": "a\ufffd"}]


def test_a_request_of_its_own_clients_comes_out_as_it_went_in() -> None:
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
            {
                "role": "model",
                "parts": [
                    {"text": "t"},
                    {"functionCall": {"id": "x", "name": "f", "args": {"a": 1.5}}, "thoughtSignature": "s+/="},
                ],
            },
            {"role": "user", "parts": [{"functionResponse": {"id": "x", "name": "f", "response": {"a": 1, "b": 2}}}]},
        ],
        "systemInstruction": {"parts": [{"text": "s"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {
            "temperature": 0.0,
            "topK": 4,
            "stopSequences": ["x"],
            "responseMimeType": "application/json",
            "responseJsonSchema": {"type": "object"},
            "thinkingConfig": {"thinkingBudget": 100, "includeThoughts": True},
        },
    }
    request = GEMINI.read_request(json.dumps(body).encode(), model="gemini-2.5-pro", stream=False)
    conversation = GEMINI.read_conversation(request)
    again = GEMINI.write_conversation(conversation, model="gemini-2.5-pro", stream=False, ask_usage=False)
    assert json.loads(again) == body
