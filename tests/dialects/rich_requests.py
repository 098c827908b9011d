"""Requests that hold all that a dialect knows, each text marked with the scope in which a guard must find it."""

from tests.dialects.marks import I, M, N, O, S, as_base64, as_data_url, as_json

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
            "audio": {"id": N, "transcript": M()},
        },
        {"role": "assistant", "content": None, "function_call": {"name": I(), "arguments": I(as_json)}},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": M()}], "novelty": {"x": M()}},
        {"role": "tool", "tool_call_id": N, "content": O()},
        {"role": "tool", "tool_call_id": N, "content": [{"type": "text", "text": O()}]},
        {"role": "function", "name": O(), "content": O(as_json)},
        {"role": M(), "content": M()},
    ],
    "thinking": {"type": "enabled", "budget_tokens": 10, "novelty": M()},
    "reasoning": {"effort": "low", "novelty": M()},
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
                {"type": "input_file", "filename": "a.txt", "file_data": M(as_base64), "file_url": M(as_data_url)},
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
    "reasoning": {"effort": N, "novelty": M()},
    "context_management": [{"type": "compaction", "compact_threshold": 10, "instructions": S()}],
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
                {"type": "document", "source": {"type": "url", "url": M(as_data_url)}},
                {"type": "image", "source": {"type": "base64", "media_type": "text/plain", "data": M(as_base64)}},
                {"type": "search_result", "title": M(), "source": M(), "content": [{"type": "text", "text": M()}]},
                {"type": "container_upload", "file_id": N},
                {"type": "novelty", "inside": [M()]},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": M()},
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
    "context_management": {
        "edits": [{"type": "compact_20260112", "trigger": {"type": "input_tokens", "value": 9}, "instructions": S()}]
    },
    "thinking": {"type": "enabled", "budget_tokens": 10, "novelty": M()},
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
                {"text": M(), "thought": True},
                {"functionCall": {"id": N, "name": I(), "args": {"x": [I()]}}, "thoughtSignature": N},
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
                {"fileData": {"fileUri": M(as_data_url)}},
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
