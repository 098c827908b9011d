"""openai_responses/conversation_read.py, history_read.py, content_read.py: a client's request in no vendor's words."""

import json

import msgspec
import pytest

from sluice.chat.carry import FEATURES
from sluice.chat.content import CacheMark, Media, Message, Refusal, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, OutputFormat, Thinking
from sluice.chat.seal import Reasoning, Seal, join_id, wrap
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.errors import BadRequest

OWN = "dialect.openai_responses"


def read(body: dict[str, object]) -> Conversation:
    request = OPENAI_RESPONSES.read_request(json.dumps({"model": "m", "input": "hi"} | body).encode())
    return OPENAI_RESPONSES.read_conversation(request)


def refused(body: dict[str, object]) -> str | None:
    with pytest.raises(BadRequest) as raised:
        read(body)
    assert raised.value.param is not None
    assert raised.value.param in str(raised.value)
    return raised.value.param


def history(*items: object) -> tuple[Message, ...]:
    return read({"input": list(items)}).messages


def test_a_text_alone() -> None:
    assert read({}) == Conversation(messages=(Message(role="user", parts=(Text(text="hi"),)),), words=read({}).words)


def test_instructions_are_the_first_system_message_and_a_developer_speaks_as_one() -> None:
    got = read(
        {"instructions": "be kind", "input": [{"role": "developer", "content": "x"}, {"role": "user", "content": "y"}]}
    )
    assert got.messages == (
        Message(role="system", parts=(Text(text="be kind"),)),
        Message(role="system", parts=(Text(text="x"),)),
        Message(role="user", parts=(Text(text="y"),)),
    )


def test_content_parts_of_each_type() -> None:
    parts = [
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "input_image", "image_url": "https://e.com/a.png", "detail": "low"},
        {"type": "input_image", "image_url": "data:image/PNG;base64,QUJD"},
        {"type": "input_image", "file_id": "file-1", "image_url": None},
        {"type": "input_file", "file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"},
        {"type": "input_file", "file_data": "QUJD", "filename": "a.PDF"},
        {"type": "input_file", "file_url": "https://e.com/a.pdf"},
        {"type": "input_file", "file_id": "file-2"},
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
    ]
    (message,) = history({"type": "message", "role": "user", "content": parts})
    assert message.parts == (
        Text(text="a", cache=CacheMark()),
        Media(kind="image", url="https://e.com/a.png", detail="low"),
        Media(kind="image", media_type="image/png", data="QUJD"),
        Media(kind="image", file_id="file-1"),
        Media(kind="file", media_type="application/pdf", data="QUJD", name="a.pdf"),
        Media(kind="file", media_type="application/pdf", data="QUJD", name="a.PDF"),
        Media(kind="file", url="https://e.com/a.pdf"),
        Media(kind="file", file_id="file-2"),
        Media(kind="audio", media_type="audio/mpeg", data="QUJD"),
    )


def test_one_turn_of_the_model_is_one_message_and_so_are_its_results() -> None:
    got = history(
        {"role": "user", "content": "q"},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "gA=",
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": []}]},
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "t1",
            "name": "f",
            "arguments": '{"a": 1}',
            "status": "completed",
        },
        {"type": "custom_tool_call", "call_id": "t2", "name": "patch", "input": 'x"\n'},
        {"type": "function_call_output", "call_id": "t1", "output": "ok"},
        {"type": "custom_tool_call_output", "call_id": "t2", "output": [{"type": "input_text", "text": "done"}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "user", "content": "r"},
        {"role": "user", "content": "s"},
    )
    assert got == (
        Message(role="user", parts=(Text(text="q"),)),
        Message(
            role="assistant",
            parts=(
                Reasoning("hm", Seal(OWN, "reasoning", "gA=", "rs_1")),
                Text(text="a"),
                ToolUse(id="t1", name="f", arguments='{"a": 1}'),
                ToolUse(id="t2", name="patch", arguments='{"input":"x\\"\\n"}'),
            ),
        ),
        Message(
            role="user",
            parts=(
                ToolResult(call_id="t1", name="f", parts=(Text(text="ok"),)),
                ToolResult(call_id="t2", name="patch", parts=(Text(text="done"),)),
            ),
        ),
        Message(role="assistant", parts=(Refusal(text="no"),)),
        Message(role="user", parts=(Text(text="r"),)),
        Message(role="user", parts=(Text(text="s"),)),
    )


def test_seals_of_other_providers_come_back_as_they_were() -> None:
    seal = Seal("dialect.other", "redacted", "c2ln\n==")
    in_id = Reasoning("deep", Seal("dialect.third", "call", "s"))
    got = history(
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": wrap(seal, OWN)},
        {"type": "function_call", "call_id": join_id("t", [in_id]), "name": "f", "arguments": ""},
        {"type": "function_call_output", "call_id": join_id("t", [in_id]), "output": ""},
    )
    assert got[0].parts == (Reasoning("", seal), in_id, ToolUse(id="t", name="f", arguments=""))
    assert got[1].parts == (ToolResult(call_id="t", name="f", parts=(Text(text=""),)),)


def test_reasoning_without_a_seal_is_text_and_without_either_nothing() -> None:
    content = [{"type": "reasoning_text", "text": "a"}, {"type": "reasoning_text", "text": "b"}]
    got = history({"type": "reasoning", "summary": [], "content": content}, {"type": "reasoning", "summary": []})
    assert got == (Message(role="assistant", parts=(Reasoning("a\n\nb"),)),)


def test_tools_of_the_client_that_only_this_api_has_are_calls_all_the_same() -> None:
    action = {"type": "exec", "command": ["ls"]}
    outcome = [{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]
    shot = {"type": "computer_screenshot", "image_url": "https://e.com/s.png"}
    got = history(
        {"type": "local_shell_call", "id": "ls", "call_id": "t", "action": action, "status": "completed"},
        {"type": "local_shell_call_output", "id": "t", "output": "files"},
        {"type": "shell_call", "call_id": "u", "action": action},
        {"type": "shell_call_output", "call_id": "u", "output": outcome},
        {"type": "apply_patch_call", "call_id": "v", "operation": {"type": "delete_file", "path": "x"}},
        {"type": "apply_patch_call_output", "call_id": "v", "status": "failed"},
        {"type": "computer_call", "call_id": "w", "action": {"type": "click"}},
        {"type": "computer_call_output", "call_id": "w", "output": shot},
    )
    uses = [part for message in got for part in message.parts if isinstance(part, ToolUse)]
    results = [part for message in got for part in message.parts if isinstance(part, ToolResult)]
    assert [use.name for use in uses] == ["local_shell", "shell", "apply_patch", "computer"]
    assert json.loads(uses[0].arguments) == action
    assert json.loads(uses[2].arguments) == {"type": "delete_file", "path": "x"}
    assert results[0] == ToolResult(call_id="t", name="local_shell", parts=(Text(text="files"),))
    assert isinstance(results[1].parts[0], Text)
    assert json.loads(results[1].parts[0].text) == outcome
    assert results[2] == ToolResult(call_id="v", name="apply_patch", is_error=True)
    assert results[3].parts == (Media(kind="image", url="https://e.com/s.png"),)


def test_parameters() -> None:
    schema = {"type": "object"}
    got = read(
        {
            "max_output_tokens": 5,
            "temperature": 0,
            "top_p": 0.5,
            "top_logprobs": 2,
            "reasoning": {"effort": "max", "summary": "auto"},
            "text": {
                "verbosity": "low",
                "format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True},
            },
            "safety_identifier": "u",
            "include": ["reasoning.encrypted_content", "web_search_call.results"],
            "store": False,
            "metadata": {"a": "b"},
            "prompt_cache_key": "k",
            "service_tier": "flex",
            "truncation": "auto",
            "previous_response_id": None,
            "background": False,
        }
    )
    assert (got.max_tokens, got.temperature, got.top_p, got.logprobs, got.top_logprobs) == (5, 0, 0.5, True, 2)
    assert got.thinking == Thinking(effort="xhigh", show=True)
    assert got.output is not None
    assert got.output.schema is not None
    assert json.loads(bytes(got.output.schema)) == schema
    assert (got.output.name, got.output.strict, got.verbosity, got.user) == ("n", True, "low", "u")
    assert (got.words["user"], got.words["max_tokens"]) == ("safety_identifier", "max_output_tokens")
    assert set(got.words) <= set(FEATURES)


def test_what_nobody_asked_for_is_not_there() -> None:
    got = read(
        {"temperature": None, "reasoning": {}, "text": {"format": {"type": "text"}}, "tools": [], "top_logprobs": 0}
    )
    assert got == msgspec.structs.replace(read({}), words=got.words)
    assert read({"text": {"format": {"type": "json_object"}}}).output == OutputFormat()
    assert read({"include": ["message.output_text.logprobs"]}).logprobs
    assert read({"reasoning": {"effort": "none"}}).thinking == Thinking(effort="none")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"future": 1}, "future"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "c"}}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning": 5}, "reasoning"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"instructions": ["x"]}, "instructions"),
        ({"input": [5]}, "input[0]"),
        ({"input": [{"role": "user", "content": "x"}, {"type": "hologram"}]}, "input[1]"),
        ({"input": [{"id": "msg_1"}]}, "input[0]"),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "input[0]"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": 5}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "hologram"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "user", "content": [{"type": "input_text", "text": 5}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].image_url"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png,x"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0].file_data"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "t", "arguments": {}}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        (
            {"input": [{"type": "function_call_output", "call_id": "t", "output": [{"type": "hologram"}]}]},
            "input[0].output[0]",
        ),
    ],
)
def test_what_cannot_be_translated_is_named(body: dict[str, object], param: str) -> None:
    assert refused(body) == param


def test_what_ran_at_the_provider_is_left_out() -> None:
    got = history(
        {"role": "user", "content": "q"},
        {"type": "web_search_call", "id": "ws", "status": "completed"},
        {"type": "mcp_list_tools", "id": "l", "tools": []},
        {"type": "image_generation_call", "id": "i", "result": "QUJD"},
    )
    assert got == (Message(role="user", parts=(Text(text="q"),)),)


def test_text_that_is_not_utf8_is_named() -> None:
    request = OPENAI_RESPONSES.read_request(b'{"input": [{"role": "user", "content": "\xff"}]}')
    with pytest.raises(BadRequest) as raised:
        OPENAI_RESPONSES.read_conversation(request)
    assert raised.value.param == "input[0].content"
