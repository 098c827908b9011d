"""Claude Code's requests to every provider: Messages with system blocks and cache marks, many tools, thinking, beta
headers and `?beta=true`, tokens counted beforehand, everything streamed.

What comes back is read twice: by the official accumulator, which that client is built on, and by a replica of its own
loop over the events, stricter than the original.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import anthropic
import msgspec
import pytest
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent

from tests.journeys.matrix import PROVIDERS, Matrix, running

Json = dict[str, Any]

BETAS = ["claude-code-20250219", "interleaved-thinking-2025-05-14", "fine-grained-tool-streaming-2025-05-14"]
EPHEMERAL: Json = {"type": "ephemeral"}
PATH: Json = {"file_path": {"type": "string", "description": "The absolute path"}}
TOOLS: dict[str, Json] = {
    "Task": {"description": {"type": "string"}, "prompt": {"type": "string"}},
    "Bash": {"command": {"type": "string"}, "timeout": {"type": "number"}},
    "Glob": {"pattern": {"type": "string"}},
    "Grep": {"pattern": {"type": "string"}, "output_mode": {"type": "string", "enum": ["content", "count"]}},
    "Read": PATH | {"offset": {"type": "number"}, "limit": {"type": "number"}},
    "Edit": PATH | {"old_string": {"type": "string"}, "replace_all": {"type": "boolean", "default": False}},
    "TodoWrite": {
        "todos": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"content": {"type": "string", "minLength": 1}},
                "required": ["content"],
                "additionalProperties": False,
            },
        }
    },
}
PLOT = """Fix the bug. [[fake [
  {"reasoning": "I read first.", "content": "Let me look.", "calls": [
    {"name": "Read", "arguments": "{\\"file_path\\": \\"/src/a.py\\"}"},
    {"name": "Grep", "arguments": "{\\"pattern\\": \\"bug\\", \\"output_mode\\": \\"content\\"}"}]},
  {"reasoning": "Now I edit.", "calls": [{"name": "Edit", "arguments": "{\\"file_path\\": \\"/src/a.py\\"}"}]},
  {"content": "Fixed."}
]]]"""


@pytest.fixture
async def matrix() -> AsyncIterator[Matrix]:
    async with running() as one:
        yield one


class Loop:
    """That client's loop over the events: blocks by index, input as text until its block stops, the reason for the end
    and the usage from `message_delta`. Stricter: nothing may be missing, repeated or out of its place."""

    def __init__(self) -> None:
        self._blocks: list[Json] = []
        self._open = False
        self._input = ""
        self._state = "waiting"

    def read(self, events: Iterable[BetaRawMessageStreamEvent]) -> list[Json]:
        """Return the blocks of a whole stream."""
        for event in events:
            if event.type == "message_start":
                assert self._state == "waiting"
                assert (event.message.role, event.message.content, event.message.id[:4]) == ("assistant", [], "msg_")
                self._state = "open"
            elif event.type == "message_delta":
                assert (self._state, self._open) == ("open", False)
                assert event.delta.stop_reason is not None
                assert event.usage.output_tokens > 0
                self._state = "finished"
            elif event.type == "message_stop":
                assert self._state == "finished"
                self._state = "stopped"
            else:
                assert self._state == "open"
                self._block(event)
        assert self._state == "stopped"
        return self._blocks

    def _block(self, event: BetaRawMessageStreamEvent) -> None:
        if event.type == "content_block_start":
            assert (self._open, event.index) == (False, len(self._blocks))
            self._open, self._input = True, ""
            self._blocks.append(event.content_block.to_dict(mode="json"))
            assert self._blocks[-1].get("input", {}) == {}
            return
        assert event.type in ("content_block_delta", "content_block_stop")
        assert self._open
        block = self._blocks[-1]
        if event.type == "content_block_stop":
            self._open = False
            if block["type"] == "tool_use":
                block["input"] = msgspec.json.decode(self._input or "{}", type=dict[str, object])
        elif event.type == "content_block_delta":
            assert event.index == len(self._blocks) - 1
            kind, member = _DELTAS[event.delta.type]
            assert block["type"] == kind
            piece = event.delta.to_dict(mode="json")[member]
            if member == "partial_json":
                self._input += str(piece)
            else:
                block[member] = f"{block[member]}{piece}"


_DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}


def asked(messages: list[Json]) -> Json:
    """A request as the client writes it, but for what `stream` and `max_tokens` say."""
    tools = [_tool(name, properties) for name, properties in TOOLS.items()]
    return {
        "model": "claude-any",
        "messages": messages,
        "system": [
            {"type": "text", "text": "You are Claude Code.", "cache_control": EPHEMERAL},
            {"type": "text", "text": "# Tone and style\nBe concise.", "cache_control": EPHEMERAL},
        ],
        "tools": tools,
        "thinking": {"type": "enabled", "budget_tokens": 4000},
        "betas": BETAS,
    }


def _tool(name: str, properties: Json) -> Json:
    schema: Json = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": properties}
    schema |= {"required": list(properties)[:1], "additionalProperties": False}
    return {"name": name, "description": f"{name}: see the manual.", "input_schema": schema}


def first_message() -> Json:
    reminder = {"type": "text", "text": "<system-reminder>\nToday is a day.\n</system-reminder>"}
    return {"role": "user", "content": [reminder, {"type": "text", "text": PLOT, "cache_control": EPHEMERAL}]}


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_session(matrix: Matrix, provider: str) -> None:
    messages = [first_message()]
    async with anthropic.AsyncAnthropic(base_url=matrix.url(provider), auth_token="t", max_retries=0) as sdk:
        counted = await sdk.beta.messages.count_tokens(**asked(messages))
        assert counted.input_tokens > 50

        one = await say(sdk, messages)
        assert [block.type for block in one.content if block.type != "thinking"] == ["text", "tool_use", "tool_use"]
        read, grep = [block for block in one.content if block.type == "tool_use"]
        assert (read.name, read.input) == ("Read", {"file_path": "/src/a.py"})
        assert (grep.name, grep.input) == ("Grep", {"pattern": "bug", "output_mode": "content"})
        assert one.stop_reason == "tool_use"
        if provider != "chat":
            assert one.content[0].type == "thinking"
            # Responses show reasoning to those only who ask for a summary: this client does not say that it wants one.
            assert one.content[0].thinking == ("" if provider == "responses" else "I read first.")
        results: list[Json] = [
            {"type": "tool_result", "tool_use_id": read.id, "content": [{"type": "text", "text": "     1→bug = 1"}]},
            {"type": "tool_result", "tool_use_id": grep.id, "content": "No such file", "is_error": True},
        ]
        messages = answered(messages, one, results)

        two = await say(sdk, messages)
        (edit,) = [block for block in two.content if block.type == "tool_use"]
        assert edit.name == "Edit"
        messages = answered(messages, two, [{"type": "tool_result", "tool_use_id": edit.id, "content": "Edited."}])

        three = await say(sdk, messages)
        assert [block.text for block in three.content if block.type == "text"] == ["Fixed."]
        assert three.stop_reason == "end_turn"
    if provider != "chat":
        assert len(set(matrix.seals())) == 2, "a proof was lost on the way"
    shown = [record for record in matrix.serving.records if record.operation == "chat"]
    assert [record.outcome for record in shown] == ["completed"] * 6
    assert [record.finish_reason for record in shown] == ["tool_calls"] * 4 + ["stop"] * 2
    assert {record.client_dialect for record in shown} == {"dialect.anthropic_messages"}


def answered(messages: list[Json], message: BetaMessage, results: list[Json]) -> list[Json]:
    """The history with the answer and the results: the marks for the cache move to the last two turns of the user."""
    blocks = [*results[:-1], results[-1] | {"cache_control": EPHEMERAL}]
    content = [block.to_dict(mode="json") for block in message.content]
    older = [
        turn | {"content": [{k: v for k, v in block.items() if k != "cache_control"} for block in turn["content"]]}
        for turn in messages[:-1]
    ]
    said = [{"role": "assistant", "content": content}, {"role": "user", "content": blocks}]
    return [*older, *messages[-1:], *said]


async def say(sdk: anthropic.AsyncAnthropic, messages: list[Json]) -> BetaMessage:
    """One request of the session, read by both readers."""
    body = asked(messages) | {"max_tokens": 32000, "metadata": {"user_id": "user_1_session_2"}}
    body["extra_body"] = {"temperature": 1}
    stream = await sdk.beta.messages.create(**body, stream=True)
    seen = Loop().read([event async for event in stream])
    async with sdk.beta.messages.stream(**body) as running:
        final = await running.get_final_message()
    assert [plain(block) for block in seen] == [plain(block.to_dict(mode="json")) for block in final.content]
    assert final.usage.output_tokens > 0
    return final


def plain(block: Json) -> Json:
    return {name: value for name, value in block.items() if value is not None}
