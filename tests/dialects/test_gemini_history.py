"""gemini/history.py, media.py and results.py: a Gemini client's `contents` as messages."""

import pytest

from sluice.chat.content import Media, Message, Text, ToolResult, ToolUse
from sluice.chat.seal import Reasoning, Seal
from tests.dialects.gemini import HI, conversation, messages, model

SIG = Seal("dialect.gemini", "call", "c2ln+/==")


def test_the_system_instruction_comes_first() -> None:
    for name in ("systemInstruction", "system_instruction"):
        got = conversation(**{name: {"parts": [{"text": "a"}, {"text": "b"}, {"text": ""}]}})
        assert got.messages[0] == Message(role="system", parts=(Text(text="a"), Text(text="b")))
    assert conversation(systemInstruction={"parts": {"text": "a"}}).messages[0].parts == (Text(text="a"),)


def test_a_history_that_came_as_chunks_is_one_message() -> None:
    chunks = [{"role": "model", "parts": [part]} for part in ({"text": "a"}, {"text": "b"}, {"text": ""})]
    assert messages({"parts": {"text": "hi"}}, *chunks, HI) == (
        Message(role="user", parts=(Text(text="hi"),)),
        Message(role="assistant", parts=(Text(text="ab"),)),
        Message(role="user", parts=(Text(text="hi"),)),
    )


def test_texts_of_a_user_stay_apart() -> None:
    assert messages({"parts": [{"text": "a"}, {"text": "b"}]})[0].parts == (Text(text="a"), Text(text="b"))


@pytest.mark.parametrize(
    ("part", "media"),
    [
        (
            {"inlineData": {"mimeType": "image/png", "data": "-_8"}},
            Media(kind="image", media_type="image/png", data="+/8="),
        ),
        (
            {"inline_data": {"mime_type": "application/pdf", "data": "AAAA", "display_name": "n.pdf"}},
            Media(kind="file", media_type="application/pdf", data="AAAA", name="n.pdf"),
        ),
        (
            {"inlineData": {"mimeType": "audio/wav", "data": "AA=="}},
            Media(kind="audio", media_type="audio/wav", data="AA=="),
        ),
        (
            {"fileData": {"fileUri": "https://a.test/x.PNG?y"}},
            Media(kind="image", media_type="image/png", url="https://a.test/x.PNG?y"),
        ),
        (
            {"fileData": {"fileUri": "gs://b/v", "mimeType": "video/mp4"}},
            Media(kind="video", media_type="video/mp4", file_id="gs://b/v"),
        ),
        (
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}},
            Media(kind="file", file_id="https://generativelanguage.googleapis.com/v1beta/files/x"),
        ),
        ({"fileData": {"fileUri": "https://youtu.be/x"}}, Media(kind="video", url="https://youtu.be/x")),
        ({"fileData": {"fileUri": "https://[x"}}, Media(kind="file", url="https://[x")),
    ],
)
def test_media(part: object, media: Media) -> None:
    assert messages({"parts": [part]})[0].parts == (media,)


def test_calls_without_ids_are_matched_by_name_in_order() -> None:
    calls = [{"functionCall": {"name": name, "args": {"a": 1.50}}} for name in ("f", "g.h", "f")]
    answers = [{"functionResponse": {"name": name, "response": {"result": name}}} for name in ("f", "f", "g.h")]
    _, asked, told = messages(HI, {"role": "model", "parts": calls}, {"role": "function", "parts": answers})
    assert asked.parts == (
        ToolUse(id="call_0_f", name="f", arguments='{"a":1.5}'),
        ToolUse(id="call_1_g_h", name="g.h", arguments='{"a":1.5}'),
        ToolUse(id="call_2_f", name="f", arguments='{"a":1.5}'),
    )
    assert [(part.call_id, part.name) for part in told.parts if isinstance(part, ToolResult)] == [
        ("call_0_f", "f"),
        ("call_2_f", "f"),
        ("call_1_g_h", "g.h"),
    ]


def test_ids_win_over_order() -> None:
    calls = [{"functionCall": {"id": name, "name": "f"}} for name in ("x", "y")]
    answers = [
        {"functionResponse": {"id": "y", "name": "f", "response": {}}},
        {"functionResponse": {"id": "unknown", "name": "f", "response": {}}},
        {"functionResponse": {"id": "z", "name": "g", "response": {}}},
    ]
    told = messages({"role": "model", "parts": calls}, {"role": "user", "parts": answers})[1]
    assert [part.call_id for part in told.parts if isinstance(part, ToolResult)] == ["y", "x", "z"]


@pytest.mark.parametrize(
    ("response", "text", "is_error"),
    [
        ({"result": "plain"}, "plain", False),
        ({"output": {"a": 1}}, '{"a": 1}', False),
        ({"error": "bad"}, "bad", True),
        ({"error": None}, "null", True),
        ({"a": 1, "error": 2}, '{"a": 1, "error": 2}', False),
        ({}, "{}", False),
    ],
)
def test_what_a_function_gave(response: object, text: str, is_error: bool) -> None:
    call = {"role": "model", "parts": [{"functionCall": {"name": "f"}}]}
    told = messages(call, {"parts": [{"functionResponse": {"name": "f", "response": response}}]})[1]
    assert told.parts == (ToolResult(call_id="call_0_f", name="f", parts=(Text(text=text),), is_error=is_error),)


def test_a_result_with_pictures() -> None:
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    part = {"functionResponse": {"id": "x", "name": "f", "parts": [picture]}}
    (result,) = messages({"parts": [part]})[0].parts
    assert isinstance(result, ToolResult)
    assert result.parts == (Media(kind="image", media_type="image/png", data="AAAA"),)


def test_what_googles_tools_did_is_left_out() -> None:
    code = {"executableCode": {"code": "1", "language": "PYTHON"}}
    assert model({"text": "a"}, code, {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}) == (Text(text="a"),)


def test_own_signatures_are_seals_in_their_places() -> None:
    thought = Seal("dialect.gemini", "reasoning", "aa==")
    text = Seal("dialect.gemini", "text", "bb==")
    assert model(
        {"text": "r", "thought": True},
        {"text": "s", "thought": True, "thoughtSignature": "aa=="},
        {"text": "t", "thoughtSignature": "bb=="},
        {"text": "q", "thought": True},
        {"functionCall": {"id": "x", "name": "f"}, "thoughtSignature": SIG.data},
        {"functionCall": {"id": "y", "name": "f"}},
    ) == (
        Reasoning("rs", thought),
        Text(text="t"),
        Reasoning("", text),
        Reasoning("q", SIG),
        ToolUse(id="x", name="f", arguments="{}"),
        ToolUse(id="y", name="f", arguments="{}"),
    )
