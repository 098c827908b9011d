"""Requests that hold all that a dialect knows, each text marked with the scope in which a guard must find it.

`S(...)`, `M(...)`, `I(...)`, `O(...)` mark texts of the scopes system, messages, tool_input and tool_output; `N(...)`
marks what no model reads. Each occurrence becomes a text of its own.
"""

import base64
from collections.abc import Callable, Iterator

import msgspec

from sluice.dialects.text_walk import Scope


class Mark(msgspec.Struct, frozen=True):
    """A place for a canary; `form` makes the value that stands there of it."""

    scope: Scope | None
    form: Callable[[str], object] = str


def S(form: Callable[[str], object] = str) -> Mark:
    return Mark("system", form)


def M(form: Callable[[str], object] = str) -> Mark:
    return Mark("messages", form)


def I(form: Callable[[str], object] = str) -> Mark:  # noqa: E743 - the letter of its scope
    return Mark("tool_input", form)


def O(form: Callable[[str], object] = str) -> Mark:  # noqa: E743 - the letter of its scope
    return Mark("tool_output", form)


N = Mark(None)


def as_json(canary: str) -> str:
    return msgspec.json.encode({"deep": [{"within": canary}], "number": 1}).decode()


def as_base64(canary: str) -> str:
    return base64.b64encode(f"one {canary} two".encode()).decode()


def as_data_url(canary: str) -> str:
    return f"data:text/plain;base64,{as_base64(canary)}"


def planted(template: object) -> tuple[object, dict[str, Scope | None]]:
    """Return a template with a canary in each place, and the scope of each canary."""
    scopes: dict[str, Scope | None] = {}

    def plant(value: object) -> object:
        if isinstance(value, Mark):
            canary = f"canary{len(scopes):03}x"
            scopes[canary] = value.scope
            return value.form(canary)
        if isinstance(value, dict):
            return {name: plant(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [plant(inner) for inner in value]
        return value

    return plant(template), scopes


def strings(value: object) -> Iterator[str]:
    """Every text in a value, names of members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def readable(value: object) -> str:
    """All that a value says, what is base64 in it too."""
    return "\n".join(said for text in strings(value) for said in (text, _decoded(text)))


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text.rpartition(",")[2]).decode("latin-1")
    except ValueError:
        return ""


_PNG = "data:image/png;base64,iVBORw0KGgo="

OPENAI_CHAT = {
    "model": "m",
    "messages": [
        {"role": "system", "content": S(), "name": S()},
        {"role": "developer", "content": [{"type": "text", "text": S(), "cache_control": {"type": "ephemeral"}}]},
        {"content": M(), "role": "user", "name": M()},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": M()},
                {"type": "image_url", "image_url": {"url": _PNG, "detail": "low"}},
                {"type": "image_url", "image_url": {"url": N, "alt": M()}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "file", "file": {"filename": M(), "file_data": M(as_data_url), "file_id": N}},
                {"type": "novelty", "anything": {"inside": [M(), {"deeper": M()}]}},
                M(),
            ],
        },
        {
            "role": "assistant",
            "content": M(),
            "refusal": M(),
            "reasoning_content": M(),
            "reasoning_details": [{"type": "reasoning.text", "text": M()}],
            "annotations": [{"type": "url_citation", "url_citation": {"title": M()}}],
            "tool_calls": [
                {"id": N, "type": "function", "function": {"name": I(), "arguments": I(as_json)}},
                {"id": N, "type": "custom", "custom": {"name": I(), "input": I()}},
            ],
        },
        {"role": "assistant", "content": None, "function_call": {"name": I(), "arguments": I(as_json)}},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": M()}], "novelty": {"x": M()}},
        {"role": "tool", "tool_call_id": N, "content": O()},
        {"role": "tool", "tool_call_id": N, "content": [{"type": "text", "text": O()}]},
        {"role": "function", "name": O(), "content": O(as_json)},
        {"role": "novelty", "content": M()},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": S(), "description": S(), "parameters": {"properties": {"x": {"description": S()}}}},
        },
        {"type": "novelty", "says": S()},
    ],
    "functions": [{"name": "f", "description": S()}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"description": S()}}},
    "prediction": {"type": "content", "content": [{"type": "text", "text": M()}]},
    "documents": [{"title": M(), "text": M()}],
    "user": N,
    "metadata": {"label": N},
    "stop": [N],
    "temperature": 0.50,
}

OPENAI_RESPONSES = {
    "model": "m",
    "instructions": S(),
    "input": [
        {"role": "system", "content": S()},
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": S()}]},
        {"role": "user", "content": M()},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": M()},
                {"type": "input_image", "image_url": _PNG, "detail": "low"},
                {"type": "input_file", "filename": M(), "file_data": M(as_data_url), "file_id": N},
                {"type": "novelty", "words": M()},
            ],
        },
        {
            "type": "message",
            "role": "assistant",
            "id": N,
            "content": [
                {"type": "output_text", "text": M(), "annotations": [{"type": "url_citation", "title": M()}]},
                {"type": "refusal", "refusal": M()},
            ],
        },
        {"type": "reasoning", "id": N, "summary": [{"type": "summary_text", "text": M()}], "encrypted_content": N},
        {"type": "function_call", "call_id": N, "name": I(), "arguments": I(as_json)},
        {"type": "function_call_output", "call_id": N, "output": O()},
        {"type": "function_call_output", "call_id": N, "output": [{"type": "input_text", "text": O()}]},
        {"type": "custom_tool_call", "call_id": N, "name": I(), "input": I()},
        {"type": "custom_tool_call_output", "call_id": N, "output": O(as_json)},
        {"type": "local_shell_call", "call_id": N, "action": {"command": [I()]}},
        {"type": "web_search_call", "id": N, "action": {"query": I()}},
        {"type": "mcp_call", "id": N, "name": I(), "arguments": I(as_json), "output": O(), "error": None},
        {"type": "code_interpreter_call", "id": N, "code": I(), "outputs": [{"type": "logs", "logs": O()}]},
        {"type": "file_search_call", "id": N, "queries": [I()], "results": [{"text": O()}]},
        {"type": "mcp_list_tools", "id": N, "tools": [{"name": "t", "description": S()}]},
        {"type": "mcp_approval_request", "id": N, "arguments": I(as_json)},
        {"type": "mcp_approval_response", "approval_request_id": N, "reason": M()},
        {"type": "item_reference", "id": N},
        {"type": "novelty", "says": {"what": M()}},
    ],
    "tools": [{"type": "function", "name": S(), "description": S(), "parameters": {"description": S()}}],
    "text": {"verbosity": "low", "format": {"type": "json_schema", "schema": {"description": S()}}},
    "prompt": {"id": N, "variables": {"name": M()}},
    "user": N,
    "metadata": {"label": N},
    "novelty": {"says": M()},
}

ANTHROPIC_MESSAGES = {
    "model": "m",
    "max_tokens": 10,
    "system": [{"type": "text", "text": S(), "cache_control": {"type": "ephemeral"}}, {"type": "novelty", "says": S()}],
    "messages": [
        {"role": "user", "content": M()},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": M(), "citations": [{"cited_text": M()}]},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": M()}, "title": M()},
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "text/plain", "data": M(as_base64)},
                    "context": M(),
                    "citations": {"enabled": True},
                },
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": M()}]}},
                {"type": "document", "source": {"type": "url", "url": N}},
                {"type": "search_result", "title": M(), "source": M(), "content": [{"type": "text", "text": M()}]},
                {"type": "container_upload", "file_id": N},
                {"type": "novelty", "inside": [M()]},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": M(), "signature": N},
                {"type": "redacted_thinking", "data": N},
                {"type": "tool_use", "id": N, "name": I(), "input": {"x": {"y": I()}}},
                {"type": "server_tool_use", "id": N, "name": "web_search", "input": {"query": I()}},
                {"type": "web_search_tool_result", "tool_use_id": N, "content": [{"title": O(), "url": "u"}]},
                {"type": "compaction", "content": M()},
                {"type": "tool_reference", "tool_name": M()},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": N, "content": O()},
                {"type": "tool_result", "tool_use_id": N, "content": [{"type": "text", "text": O(as_json)}]},
            ],
        },
        {"role": "system", "content": S()},
    ],
    "tools": [{"name": S(), "description": S(), "input_schema": {"properties": {"x": {"description": S()}}}}],
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"description": S()}}},
    "metadata": {"user_id": N},
    "stop_sequences": [N],
    "mcp_servers": [{"url": N, "authorization_token": N}],
    "novelty": M(),
}

GEMINI = {
    "system_instruction": {"role": "user", "parts": [{"text": S()}, {"text": S()}]},
    "contents": [
        {"role": "user", "parts": [{"text": M()}, {"text": M()}]},
        {"role": "user", "parts": {"text": M()}},
        {
            "role": "model",
            "parts": [
                {"text": M(), "thought": True, "thoughtSignature": N},
                {"functionCall": {"id": N, "name": I(), "args": {"x": [I()]}}},
                {"executableCode": {"language": "PYTHON", "code": I()}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": O()}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"function_response": {"id": N, "name": O(), "response": {"result": O()}}},
                {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo=", "displayName": M()}},
                {"inline_data": {"mime_type": "text/markdown", "data": M(as_base64)}},
                {"fileData": {"fileUri": N, "mimeType": "application/pdf"}},
                {"novelty": {"says": M()}},
            ],
        },
    ],
    "tools": [{"functionDeclarations": [{"name": S(), "description": S(), "parameters": {"description": S()}}]}],
    "generationConfig": {"temperature": 0.1, "stopSequences": [N], "responseSchema": {"description": S()}},
    "labels": {"team": N},
    "cachedContent": N,
    "novelty": [M()],
}

RICH: dict[str, dict[str, object]] = {
    "dialect.openai_chat": OPENAI_CHAT,
    "dialect.openai_responses": OPENAI_RESPONSES,
    "dialect.anthropic_messages": ANTHROPIC_MESSAGES,
    "dialect.gemini": GEMINI,
}
