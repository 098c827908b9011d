"""Bodies of Messages requests as clients send them: shared by the dialect's tests."""

import json

from sluice.chat.request import ChatRequest
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES

Json = dict[str, object]
HI: list[Json] = [{"role": "user", "content": "hi"}]
TOOL: Json = {
    "name": "Read",
    "description": "Reads a file",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}


def request(**members: object) -> ChatRequest:
    """A request as it was read; with no members a small legal one."""
    return ANTHROPIC_MESSAGES.read_request(body(**members))


def body(**members: object) -> bytes:
    return json.dumps({"model": "claude-x", "max_tokens": 100, "messages": HI} | members, ensure_ascii=False).encode()


CLAUDE_CODE: Json = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 32000,
    "stream": True,
    "metadata": {"user_id": "user_ab_account__session_cd"},
    "betas": ["interleaved-thinking-2025-05-14"],
    "system": [
        {"type": "text", "text": "You are Claude Code.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ],
    "tools": [TOOL, TOOL | {"name": "Edit", "cache_control": {"type": "ephemeral"}}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 10000},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "stop_sequences": ["\n\nHuman:"],
    "messages": [
        {
            "role": "user",
            "content": [{"type": "text", "text": "Fix it", "cache_control": {"type": "ephemeral"}}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I must read", "signature": "EqQB/+="},
                {"type": "redacted_thinking", "data": "opaque="},
                {"type": "text", "text": "Reading."},
                {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a.py"}},
                {"type": "tool_use", "id": "toolu_2", "name": "Read", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x = 1"},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_2",
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "a picture"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
                    ],
                },
                {"type": "text", "text": "go on", "cache_control": {"type": "ephemeral"}},
            ],
        },
    ],
}
"""Claude Code in the middle of a tool loop."""
