"""Logs for the tests of OpenAI's two projections."""

from typing import Any

from sluice.runs.events import (
    Event,
    File,
    InterruptRequested,
    MessageFinished,
    MessageStarted,
    ReasoningDelta,
    ReasoningFinished,
    ReasoningStarted,
    RunFinished,
    RunStarted,
    Source,
    TextDelta,
    TextFinished,
    TextStarted,
    TokenUsage,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolStarted,
)

USAGE = TokenUsage(input_tokens=3, output_tokens=2, reasoning_tokens=1, cache_read_tokens=1)
Said = tuple[Any, dict[str, Any]]


def log_of(*said: Said) -> list[Event]:
    """Return a log: a type and its fields each, numbered from 1."""
    return [
        kind(seq=seq, run_id="run", thread_id="thread", ts=1_700_000_000_000 + seq, **fields)
        for seq, (kind, fields) in enumerate(said, 1)
    ]


def text(*pieces: str, block: str = "b1", message: str = "m1", channel: str = "text") -> list[Said]:
    """A block of text."""
    return [
        (TextStarted, {"id": block, "message_id": message, "channel": channel}),
        *((TextDelta, {"id": block, "text": piece, "channel": channel}) for piece in pieces),
        (TextFinished, {"id": block, "channel": channel}),
    ]


def run(*said: Said, end: Said = (RunFinished, {"outcome": "success", "usage": USAGE})) -> list[Event]:
    """A whole run."""
    return log_of((RunStarted, {"agent": "storyteller"}), *said, end)


def message(*said: Said, id: str = "m1", finish_reason: str = "stop") -> list[Said]:  # noqa: A002 - the field's name
    """A message around what is said."""
    return [(MessageStarted, {"id": id}), *said, (MessageFinished, {"id": id, "finish_reason": finish_reason})]


EVERYTHING = run(
    (Source, {"id": "s1", "url": "https://example.com/a", "title": "A"}),
    *message(
        (ReasoningStarted, {"id": "b0", "message_id": "m1"}),
        (ReasoningDelta, {"id": "b0", "text": "Let me "}),
        (ReasoningDelta, {"id": "b0", "text": "see."}),
        (ReasoningFinished, {"id": "b0"}),
        *text("One", " moment.")[:2],
        (Source, {"id": "s2", "url": "https://example.com/b", "title": "B"}),
        *text("One", " moment.")[2:],
        (ToolStarted, {"id": "c1", "name": "add", "message_id": "m1"}),
        (ToolStarted, {"id": "c2", "name": "add", "message_id": "m1"}),
        (ToolInputDelta, {"id": "c1", "text": '{"a":'}),
        (ToolInput, {"id": "c2", "name": "add", "input": {"b": 2}}),
        (ToolInputDelta, {"id": "c1", "text": "1}"}),
        (ToolInput, {"id": "c1", "name": "add", "input": {"a": 1}}),
        finish_reason="tool_calls",
    ),
    (ToolOutput, {"id": "c2", "output": {"sum": 2}}),
    (ToolFailed, {"id": "c1", "error": "no such number"}),
    *message(
        (ToolStarted, {"id": "c1", "name": "add", "message_id": "m2"}),
        (ToolFailed, {"id": "c1", "error": "cut short"}),
        *text("an aside", block="b2", message="m2", channel="processing"),
        *text("It is 3.", block="b3", message="m2"),
        id="m2",
    ),
    (File, {"id": "f1", "url": "data:image/png;base64,AAAA", "media_type": "image/png", "name": "a.png"}),
    (InterruptRequested, {"id": "i1", "question": "Go on?", "schema": {"type": "boolean"}}),
    end=(RunFinished, {"outcome": "interrupt", "usage": USAGE}),
)
"""Each kind of event that one of the two has a word for; two calls interleaved, one call's id given twice."""
