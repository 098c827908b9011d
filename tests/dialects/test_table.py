"""dialects/table.py: a member that is not carried is refused by its place, however deep it stands."""

import json

import msgspec
import pytest

from sluice.chat import carry
from sluice.chat.conversation import Conversation
from sluice.dialects.dialect import Dialect, Field
from sluice.dialects.table import Table
from sluice.errors import BadRequest
from sluice.standard import STANDARD

ROWS = {
    "rows": Field("read"),
    "rows[role=model].*": Field("dropped", "an echo"),
    "rows[].type=run_*": Field("dropped", "runs there"),
    "rows[].type": Field("read"),
    "rows[].role": Field("read"),
    "rows[].inner": Field("read"),
    "rows[].inner.a": Field("read"),
    "rows[].label": Field("dropped", "a label"),
    "rows[].rows": Field("read"),
    "state": Field("refused", "it is elsewhere"),
}
TABLE = Table(ROWS, same={"rows[].rows": "rows"})


def judged(text: str) -> str | None:
    """The place that is refused; None = all of it may pass."""
    try:
        TABLE.judge(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
    except BadRequest as error:
        return error.param if f"'{error.param}'" in str(error) else str(error)
    return None


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"rows": [{"inner": {"a": {"x": 1}}, "label": {"x": 1}}]}', None),
        ('{"x": 1}', "x"),
        ('{"rows[].inner": 1}', "rows[].inner"),
        ('{"rows.inner": 1}', "rows.inner"),
        ('{"rows": [{}, {"x": 1}]}', "rows[1].x"),
        ('{"rows": {"x": 1}}', None),
        ('{"rows": [7, "x", [{"x": 1}]]}', None),
        ('{"rows": [{"inner": {"b": 0}}]}', "rows[0].inner.b"),
        ('{"rows": [{"x": null, "y": [], "z": { }, "w": ""}]}', None),
        ('{"rows": [{"x": false}]}', "rows[0].x"),
        ('{"rows": [{"role": "model", "x": 1, "inner": {"b": 0}}]}', None),
        ('{"rows": [{"role": "model*", "x": 1}]}', "rows[0].x"),
        ('{"rows": [{"type": "run_it", "x": 1}]}', None),
        ('{"rows": [{"type": "runs", "x": 1}]}', "rows[0].x"),
        ('{"rows": [{"type": 7, "x": 1}]}', "rows[0].x"),
        ('{"rows": [{"rows": [{"rows": [{"x": 1}]}]}]}', "rows[0].rows[0].rows[0].x"),
        ('{"state": "s"}', "state"),
        ('{"state": false}', None),
        ('{"state": null}', None),
    ],
)
def test_what_has_no_row_is_refused_by_its_place(body: str, place: str | None) -> None:
    assert judged(body) == place


def test_what_cannot_be_read_is_left_to_those_who_read_it() -> None:
    TABLE.judge({"rows": msgspec.Raw(b'[{"\\ud800": 1}]')})
    TABLE.judge({"rows": msgspec.Raw(b"[}")})


# -- the dialects -----------------------------------------------------------------------------------------------------


def read(dialect: str, body: object) -> Conversation:
    found = STANDARD.get(f"dialect.{dialect}", Dialect)  # type: ignore[type-abstract]
    return found.read_conversation(found.read_request(json.dumps(body).encode(), model="m"))


def place_of(dialect: str, body: object, provider: str = "") -> str | None:
    """What the request is refused for, when it is read or when it is fitted to a provider."""
    try:
        found = read(dialect, body)
        facts = STANDARD.get(f"dialect.{provider or dialect}", Dialect).facts  # type: ignore[type-abstract]
        carry.fit(found, facts.carries, facts.title)
    except BadRequest as error:
        return error.param
    return None


def chat(*parts: object, **more: object) -> object:
    return {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, *parts]}], **more}


def messages(*parts: object, **more: object) -> object:
    return chat(*parts, **{"max_tokens": 5, **more})


def responses(*parts: object, **more: object) -> object:
    content = [{"type": "input_text", "text": "x"}, *parts]
    return {"model": "m", "input": [{"role": "user", "content": content}], **more}


F = {"name": "f"}


@pytest.mark.parametrize(
    ("dialect", "body", "place"),
    [
        ("openai_chat", chat({"type": "text", "text": "a", "foo": 1}), "messages[0].content[1].foo"),
        ("openai_chat", {"model": "m", "messages": [{"role": "user", "content": "x", "foo": 1}]}, "messages[0].foo"),
        ("openai_chat", chat(tools=[{"type": "function", "function": F | {"foo": 1}}]), "tools[0].function.foo"),
        ("openai_chat", chat(tools=[{"type": "function", "function": F, "foo": 1}]), "tools[0].foo"),
        ("openai_chat", chat(functions=[F | {"foo": 1}]), "functions[0].foo"),
        ("openai_chat", chat(response_format={"type": "json_object", "foo": 1}), "response_format.foo"),
        ("openai_chat", chat(stream_options={"foo": 1}), "stream_options.foo"),
        ("openai_chat", chat(**{"messages[].role": 1}), "messages[].role"),
        ("anthropic_messages", messages({"type": "text", "text": "a", "foo": 1}), "messages[0].content[1].foo"),
        ("anthropic_messages", messages(tools=[F | {"foo": 1}]), "tools[0].foo"),
        ("anthropic_messages", messages(thinking={"type": "disabled", "foo": 1}), "thinking.foo"),
        ("anthropic_messages", messages(output_config={"foo": 1}), "output_config.foo"),
        ("anthropic_messages", messages(metadata={"foo": 1}), "metadata.foo"),
        ("anthropic_messages", messages(system=[{"type": "text", "text": "s", "foo": 1}]), "system[0].foo"),
        (
            "anthropic_messages",
            messages({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "r", "foo": 1}]}),
            "messages[0].content[1].content[0].foo",
        ),
        ("openai_responses", responses({"type": "input_text", "text": "a", "foo": 1}), "input[0].content[1].foo"),
        ("openai_responses", {"model": "m", "input": [{"role": "user", "content": "x", "foo": 1}]}, "input[0].foo"),
        ("openai_responses", responses(text={"foo": 1}), "text.foo"),
        ("openai_responses", responses(reasoning={"foo": 1}), "reasoning.foo"),
        ("openai_responses", responses(tools=[F | {"type": "function", "foo": 1}]), "tools[0].foo"),
        (
            "openai_responses",
            responses(tools=[{"type": "namespace", "name": "n", "tools": [F | {"type": "function", "foo": 1}]}]),
            "tools[0].tools[0].foo",
        ),
        (
            "openai_responses",
            {
                "model": "m",
                "input": [
                    {
                        "type": "function_call_output",
                        "call_id": "t",
                        "output": [{"type": "input_text", "text": "r", "foo": 1}],
                    }
                ],
            },
            "input[0].output[0].foo",
        ),
        ("gemini", {"contents": [{"parts": [{"text": "x"}]}], "toolConfig": {"a.b": 1}}, "toolConfig.a.b"),
        (
            "gemini",
            {"contents": [{"parts": [{"text": "x"}]}], "toolConfig": {"functionCallingConfig.mode": "ANY"}},
            "toolConfig.functionCallingConfig.mode",
        ),
        (
            "gemini",
            {"contents": [{"parts": [{"text": "x", "inlineData.displayName": 1}]}]},
            "contents[0].parts[0].inlineData.displayName",
        ),
    ],
)
def test_an_unknown_member_of_a_member_is_refused(dialect: str, body: object, place: str) -> None:
    assert place_of(dialect, body) == place


ECHOES: dict[str, object] = {
    "openai_chat": {
        "model": "m",
        "messages": [
            {"role": "user", "content": "x", "name": None, "tool_calls": None},
            {
                "role": "assistant",
                "content": "y",
                "audio": None,
                "annotations": [],
                "refusal": None,
                "function_call": None,
                "tool_calls": [
                    {"id": "t", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{}"}}
                ],
                "provider_specific_fields": {"a": 1},
            },
            {"role": "tool", "tool_call_id": "t", "content": "r"},
        ],
    },
    "anthropic_messages": {
        "model": "m",
        "max_tokens": 5,
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "scope": "global"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x", "citations": None}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "y", "citations": None, "parsed_output": {"a": 1}},
                    {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "r"}]},
        ],
    },
    "openai_responses": {
        "model": "m",
        "input": [
            {"type": "message", "id": "msg_0", "status": "completed", "role": "user", "content": "x"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "status": None, "foo": 1},
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "y", "annotations": [], "logprobs": [{"token": "y"}]}],
            },
            {"type": "function_call", "id": "fc", "call_id": "t", "name": "f", "arguments": "{}", "parsed": {"a": 1}},
            {"type": "function_call_output", "id": "o", "call_id": "t", "output": '{"foo": 1}', "status": "completed"},
        ],
    },
}


@pytest.mark.parametrize("dialect", ECHOES)
def test_echoes_of_answers_and_members_that_are_not_set_pass(dialect: str) -> None:
    spoken = [message.role for message in read(dialect, ECHOES[dialect]).messages if message.role != "system"]
    assert spoken == ["user", "assistant", "user"]


IMAGE = {"type": "url", "url": "https://a/b.png"}


@pytest.mark.parametrize(
    ("dialect", "body", "place"),
    [
        ("anthropic_messages", messages({"type": "image", "source": IMAGE}), "messages[0].content[1].source"),
        (
            "anthropic_messages",
            messages({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": IMAGE}]}),
            "messages[0].content[1].content[0].source",
        ),
        (
            "gemini",
            {"contents": [{"parts": [{"text": "x"}, {"fileData": {"fileUri": "https://a/b.png"}}]}]},
            "contents[0].parts[1].fileData",
        ),
        ("openai_responses", responses({"type": "input_image", "file_id": "f"}), "input[0].content[1].file_id"),
        (
            "openai_responses",
            responses(
                {"type": "input_image", "image_url": "https://a"}, {"type": "input_image", "image_url": "https://b"}
            ),
            "input[0].content[1].image_url",
        ),
        ("openai_chat", chat({"type": "image_url", "image_url": {"url": "https://a"}}), "messages[0].content[1]"),
    ],
)
def test_media_that_a_provider_refuses_are_named_by_their_place(dialect: str, body: object, place: str) -> None:
    assert place_of(dialect, body, "bedrock_converse") == place


@pytest.mark.parametrize(
    ("block", "place"),
    [
        ({"type": "image", "source": {"type": "base64", "data": 7}}, "messages[0].content[1].source.data"),
        ({"type": "tool_use", "id": "t", "name": "f", "input": "x"}, "messages[0].content[1].input"),
        ({"type": "text", "text": "x", "citations": 7}, "messages[0].content[1].citations"),
    ],
)
def test_a_wrong_type_within_a_block_is_named_by_its_place(block: object, place: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read("anthropic_messages", messages(block))
    assert caught.value.param == place
    assert str(caught.value).startswith(f"Invalid value for '{place}': expected")


@pytest.mark.parametrize("asked", ["", [], [{"role": "user", "content": ""}]])
def test_an_input_that_says_nothing_is_refused(asked: object) -> None:
    assert place_of("openai_responses", {"model": "m", "input": asked}) == "input"


@pytest.mark.parametrize(
    ("dialect", "body", "word"),
    [
        ("anthropic_messages", messages(stop_sequences=list("abcde")), "stop_sequences"),
        (
            "gemini",
            {"contents": [{"parts": [{"text": "x"}]}], "generationConfig": {"stopSequences": list("abcde")}},
            "generationConfig.stopSequences",
        ),
    ],
)
def test_too_many_stop_sequences_are_named_in_the_clients_word(dialect: str, body: object, word: str) -> None:
    provider = STANDARD.get("dialect.openai_chat", Dialect)  # type: ignore[type-abstract]
    found = read(dialect, body)
    with pytest.raises(BadRequest, match=f"'{word}'") as caught:
        provider.write_conversation(found, model="gpt-4o", stream=False, ask_usage=False)
    assert caught.value.param == word
    assert b'"stop"' in provider.write_conversation(found, model="llama-3", stream=False, ask_usage=False)
