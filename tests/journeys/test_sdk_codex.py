"""Codex's requests to every provider: Responses with instructions, a history of items that it keeps itself, function
and custom tools, a hosted one, encrypted reasoning, everything streamed and nothing stored.

What comes back is read by a replica of that client's rules, stricter than the original (`codex` in
tests/dialects/test_openai_responses_kit.py): it needs `response.output_item.done` for every item, and
`response.completed` with an id and usage.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.dialects.test_openai_responses_kit import codex, events_of
from tests.journeys.matrix import PROVIDERS, Matrix, running

Json = dict[str, Any]

SHELL: Json = {
    "type": "object",
    "properties": {
        "command": {"type": "array", "items": {"type": "string"}},
        "workdir": {"type": "string"},
        "timeout_ms": {"type": "number"},
    },
    "required": ["command"],
    "additionalProperties": False,
}
PLAN: Json = {
    "type": "object",
    "properties": {
        "plan": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"step": {"type": "string"}, "status": {"type": "string"}},
                "required": ["step", "status"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["plan"],
    "additionalProperties": False,
}
GRAMMAR = 'start: "*** Begin Patch" LF hunk+ "*** End Patch" LF?\nhunk: /.+/ LF\n%import common.LF'
TOOLS: list[Json] = [
    {"type": "function", "name": "shell", "description": "Runs a command.", "strict": False, "parameters": SHELL},
    {"type": "function", "name": "update_plan", "description": "The plan.", "strict": False, "parameters": PLAN},
    {
        "type": "custom",
        "name": "apply_patch",
        "description": "Edits files. FREEFORM: do not wrap the patch in JSON.",
        "format": {"type": "grammar", "syntax": "lark", "definition": GRAMMAR},
    },
]
HOSTED: Json = {"type": "web_search", "external_web_access": False}
PATCH = "*** Begin Patch\n*** Update File: a.py\n@@\n-bug\n+fix “it”\n*** End Patch\n"
PLOT = [
    {"reasoning": "I look.", "calls": [{"name": "shell", "arguments": '{"command": ["cat", "a.py"]}'}]},
    {"reasoning": "I edit.", "calls": [{"name": "apply_patch", "arguments": json.dumps({"input": PATCH})}]},
    {"content": "Done."},
]
HEADERS = {
    "authorization": "Bearer unused",
    "originator": "codex_cli_rs",
    "user-agent": "codex_cli_rs/0.60.0",
    "session_id": "0199a213-81c0-7800-8aa1-bbab2a035a53",
    "accept": "text/event-stream",
}


@pytest.fixture
async def matrix() -> AsyncIterator[Matrix]:
    async with running() as one:
        yield one


def asked(items: list[Json]) -> Json:
    """A request as the client writes it."""
    return {
        "model": "gpt-5-codex",
        "instructions": "You are Codex, based on GPT-5.",
        "input": items,
        "tools": TOOLS,
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199a213-81c0-7800-8aa1-bbab2a035a53",
        "text": {"verbosity": "medium"},
    }


def beginning() -> list[Json]:
    def message(role: str, text: str) -> Json:
        return {"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}

    return [
        message("developer", "<permissions instructions>read-only</permissions instructions>"),
        message("user", "<environment_context>\n  <cwd>/src</cwd>\n</environment_context>"),
        message("user", f"Fix the bug. [[fake {json.dumps(PLOT)}]]"),
    ]


async def say(matrix: Matrix, provider: str, items: list[Json], tools: list[Json] = TOOLS) -> Json:
    """One request of the session; returns the completed response."""
    async with httpx2.AsyncClient(timeout=10) as http:
        body = asked(items) | {"tools": tools}
        answer = await http.post(f"{matrix.url(provider)}/v1/responses", json=body, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    response = codex(answer.content)
    assert events_of(answer.content)[-1]["type"] == "response.completed"
    assert response["usage"] is not None
    return response


def kept(response: Json) -> list[Json]:
    """The items as the client sends them back: without ids and states, which a server that stores nothing would not
    know."""
    return [{k: v for k, v in item.items() if k not in ("id", "status")} for item in response["output"]]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_session(matrix: Matrix, provider: str) -> None:
    items = beginning()
    one = await say(matrix, provider, items)
    *thoughts, call = one["output"]
    assert (call["type"], call["name"], json.loads(call["arguments"])) == (
        "function_call",
        "shell",
        {"command": ["cat", "a.py"]},
    )
    if provider != "chat":
        (thought,) = thoughts
        assert (thought["type"], thought["summary"][0]["text"]) == ("reasoning", "I look.")
        assert thought["encrypted_content"]
    items += [*kept(one), {"type": "function_call_output", "call_id": call["call_id"], "output": "bug\n"}]

    two = await say(matrix, provider, items)
    call = two["output"][-1]
    assert call["name"] == "apply_patch"
    if provider == "responses":  # its own dialect, passed on as it came: the fake calls functions only
        assert json.loads(call["arguments"]) == {"input": PATCH}
    else:
        assert (call["type"], call["input"]) == ("custom_tool_call", PATCH)
    items += [*kept(two), {"type": f"{call['type']}_output", "call_id": call["call_id"], "output": "Success."}]

    three = await say(matrix, provider, items)
    (text,) = [part["text"] for item in three["output"] if item["type"] == "message" for part in item["content"]]
    assert text == "Done."
    if provider != "chat":
        assert len(set(matrix.seals())) == 2, "a proof was lost on the way"
    await matrix.record(3)
    assert [record.outcome for record in matrix.serving.records] == ["completed"] * 3
    assert [record.finish_reason for record in matrix.serving.records] == ["tool_calls", "tool_calls", "stop"]
    assert {record.client_dialect for record in matrix.serving.records} == {"dialect.openai_responses"}


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_hosted_tool_is_no_reason_to_refuse_the_session(matrix: Matrix, provider: str) -> None:
    """No other API has OpenAI's own search: the model is not told of it, and all the rest works."""
    items = [*beginning()[:2], {"type": "message", "role": "user", "content": "Hello?"}]
    response = await say(matrix, provider, items, [*TOOLS, HOSTED])
    assert response["status"] == "completed"
    assert ("web_search" in matrix.fake.requests[-1].body.decode()) == (provider == "responses")
