"""What `useChat` is told of a run: its own rules, kept for random logs, and each event's words."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from sluice.runs.events import (
    Artifact,
    Data,
    Event,
    InterruptRequested,
    MessageFinished,
    MessageStarted,
    ReasoningDelta,
    ReasoningFinished,
    ReasoningStarted,
    RunFailed,
    RunFinished,
    RunStarted,
    Source,
    StepFinished,
    StepStarted,
    TextDelta,
    TextFinished,
    TextStarted,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolOutputDelta,
    ToolStarted,
)
from sluice.runs.projections.ai_sdk import AiSdk
from tests.runs.laws import check_resume, random_logs

V5 = {
    *("start", "start-step", "finish-step", "finish", "abort", "error", "message-metadata"),
    *("text-start", "text-delta", "text-end", "reasoning-start", "reasoning-delta", "reasoning-end"),
    *("tool-input-start", "tool-input-delta", "tool-input-available", "tool-input-error"),
    *("tool-output-available", "tool-output-error", "source-url", "source-document", "file"),
}
V6 = V5 | {"tool-approval-request", "tool-output-denied"}
Chunk = dict[str, Any]


def told(log: list[Event], **options: Any) -> list[Chunk]:
    """All chunks of a log."""
    projection = AiSdk(**options)
    return [msgspec.json.decode(frame.data) for event in log for frame in projection.step(event)]


class Client:
    """The rules that the client's reader enforces."""

    def __init__(self, types: set[str]) -> None:
        self.types = types
        self.open: set[tuple[str, str]] = set()
        self.calls: set[str] = set()
        self.streaming: set[str] = set()

    def read(self, chunk: Chunk) -> None:
        kind = chunk["type"]
        assert kind in self.types or kind.startswith("data-"), kind
        head, _, tail = kind.rpartition("-")
        if head in ("text", "reasoning"):
            block = (head, chunk["id"])
            assert (block in self.open) == (tail != "start"), kind
            self.open.add(block) if tail != "end" else self.open.discard(block)
        elif kind == "tool-input-start":
            self.calls.add(chunk["toolCallId"])
            self.streaming.add(chunk["toolCallId"])
        elif kind == "tool-input-delta":
            assert chunk["toolCallId"] in self.streaming
        elif kind.startswith("tool-"):
            assert chunk["toolCallId"] in self.calls, kind
            if kind == "tool-input-available":
                self.streaming.discard(chunk["toolCallId"])
        elif kind in ("start-step", "finish-step"):
            assert not self.open, "a step's end forgets open blocks"


@pytest.mark.parametrize(("sdk", "types"), [(5, V5), (6, V6), (7, V6)])
@settings(max_examples=40)
@given(log=random_logs(15))
def test_every_log_keeps_the_rules_of_the_client(sdk: int, types: set[str], log: list[Event]) -> None:
    chunks = told(log, sdk=sdk)
    client = Client(types)
    for chunk in chunks:
        client.read(chunk)
    assert [chunk["type"] for chunk in chunks].count("start") == 1
    assert chunks[0]["type"] == "start"
    assert chunks[-1]["type"] in ("finish", "abort", "error")
    assert not client.open
    steps = [chunk["type"] for chunk in chunks if chunk["type"] in ("start-step", "finish-step")]
    assert steps == ["start-step", "finish-step"] * (len(steps) // 2)


@settings(max_examples=25)
@given(log=random_logs(10))
def test_resuming_gives_what_the_reader_lacks(log: list[Event]) -> None:
    check_resume(AiSdk, log)
    check_resume(lambda: AiSdk(sdk=7, message_id="m", known=("call-1",)), log)


@settings(max_examples=40)
@given(log=random_logs(15))
def test_the_text_is_that_of_the_channel_text_and_the_rest_is_thought(log: list[Event]) -> None:
    chunks = told(log)
    answer = "".join(event.text for event in log if isinstance(event, TextDelta) and event.channel == "text")
    assert "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta") == answer


def log_of(*said: tuple[Any, dict[str, Any]]) -> list[Event]:
    whole = ((RunStarted, {"agent": "a"}), *said)
    return [kind(seq=n, run_id="run", thread_id="t", ts=1, **fields) for n, (kind, fields) in enumerate(whole, 1)]


MESSAGE = (MessageStarted, {"id": "m1"})
OVER = (MessageFinished, {"id": "m1", "finish_reason": "tool_calls"})
CALL = (ToolStarted, {"id": "c1", "name": "buy", "message_id": "m1"})
ARGUMENTS = (ToolInput, {"id": "c1", "name": "buy", "input": {"item": "pen"}})
DONE = (RunFinished, {"outcome": "success"})
QUESTION = (InterruptRequested, {"id": "int-1", "question": "May it?", "reason": "approval", "tool_id": "c1"})
NOT_YET = (ToolFailed, {"id": "c1", "error": "interrupt"})
WAITS = (RunFinished, {"outcome": "interrupt"})


def types(chunks: list[Chunk]) -> list[str]:
    return [chunk["type"] for chunk in chunks]


def test_a_message_is_a_step_and_the_results_of_its_tools_belong_to_it() -> None:
    text = [
        (TextStarted, {"id": "b1", "message_id": "m2"}),
        (TextDelta, {"id": "b1", "text": "Here."}),
        (TextFinished, {"id": "b1"}),
    ]
    chunks = told(
        log_of(
            MESSAGE,
            CALL,
            (ToolInputDelta, {"id": "c1", "text": '{"item":"pen"}'}),
            ARGUMENTS,
            OVER,
            (ToolOutputDelta, {"id": "c1", "output": "looking"}),
            (ToolOutput, {"id": "c1", "output": "bought"}),
            (MessageStarted, {"id": "m2"}),
            *text,
            (MessageFinished, {"id": "m2", "finish_reason": "stop"}),
            DONE,
        )
    )
    assert types(chunks) == [
        *("start", "start-step", "tool-input-start", "tool-input-delta", "tool-input-available"),
        *("tool-output-available", "tool-output-available", "finish-step"),
        *("start-step", "text-start", "text-delta", "text-end", "finish-step", "finish"),
    ]
    assert [chunk.get("preliminary") for chunk in chunks[5:7]] == [True, None]
    assert chunks[-1]["finishReason"] == "stop"


def test_a_step_does_not_end_while_another_text_is_open() -> None:
    chunks = told(
        log_of(
            (StepStarted, {"id": "s1", "name": "one"}),
            MESSAGE,
            (TextStarted, {"id": "b1", "message_id": "m1"}),
            (StepFinished, {"id": "s1", "name": "one"}),
            (ReasoningStarted, {"id": "r1", "message_id": "m1"}),
            (TextDelta, {"id": "b1", "text": "x"}),
            (ReasoningDelta, {"id": "r1", "text": "y"}),
            (TextFinished, {"id": "b1"}),
            (ReasoningFinished, {"id": "r1"}),
            OVER,
            DONE,
        )
    )
    assert types(chunks).count("start-step") == 1
    named = [chunk for chunk in chunks if chunk["type"] == "data-step"]
    assert [(chunk["id"], chunk["data"]["status"]) for chunk in named] == [("s1", "started"), ("s1", "finished")]


def test_an_approval_is_asked_in_the_words_of_version_6_and_as_data_before() -> None:
    log = log_of(MESSAGE, CALL, ARGUMENTS, OVER, QUESTION, NOT_YET, WAITS)
    newer = told(log, sdk=6)
    assert {"type": "tool-approval-request", "approvalId": "int-1", "toolCallId": "c1"} in newer
    older = told(log, sdk=5)
    asked = next(chunk for chunk in older if chunk["type"] == "data-interrupt")
    assert asked["data"] == {"question": "May it?", "reason": "approval", "toolCallId": "c1"}
    for chunks in (older, newer):
        assert "tool-output-error" not in types(chunks)
        assert chunks[-1]["finishReason"] == "tool-calls"


def test_a_run_that_goes_on_with_a_message_does_not_tell_its_calls_again() -> None:
    result = (ToolOutput, {"id": "c1", "output": "bought"})
    log = log_of(MESSAGE, CALL, ARGUMENTS, OVER, result, DONE)
    chunks = told(log, sdk=6, message_id="ui-1", known=("c1",))
    assert types(chunks) == ["start", "tool-output-available", "finish"]
    assert chunks[0]["messageId"] == "ui-1"
    no = log_of(MESSAGE, CALL, ARGUMENTS, OVER, NOT_YET, DONE)
    assert "tool-output-denied" in types(told(no, sdk=6, known=("c1",), denied=("c1",)))
    assert "tool-output-error" in types(told(no, sdk=5, known=("c1",), denied=("c1",)))


def test_a_forgotten_beginning_is_told_in_place_of_the_start() -> None:
    before = [{"type": "start", "messageId": "ui-1"}, {"type": "data-x", "data": 1}]
    assert types(told(log_of(DONE), before=before)) == ["start", "data-x", "finish"]


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ((RunFinished, {"outcome": "cancelled", "reason": "stopped"}), {"type": "abort", "reason": "stopped"}),
        ((RunFinished, {"outcome": "timeout", "message": "after 30s"}), {"type": "error", "errorText": "after 30s"}),
        ((RunFailed, {"code": "error", "message": "it failed"}), {"type": "error", "errorText": "it failed"}),
    ],
)
def test_an_end_that_is_no_success_is_never_told_as_one(end: tuple[Any, dict[str, Any]], last: Chunk) -> None:
    chunks = told(log_of(MESSAGE, CALL, NOT_YET, OVER, end))
    assert chunks[-1] == last
    assert "finish" not in types(chunks)
    failed = next(chunk for chunk in chunks if chunk["type"] == "tool-input-error")
    assert (failed["toolName"], failed["input"]) == ("buy", "")


def test_what_the_protocol_has_no_word_for_is_data() -> None:
    chunks = told(
        log_of(
            (Data, {"name": "weather", "value": 1, "id": "w", "transient": True}),
            (Source, {"id": "s1", "url": "https://x.test/a.pdf", "media_type": "application/pdf"}),
            (Artifact, {"id": "a1", "name": "report", "parts": ()}),
            DONE,
        )
    )
    assert chunks[1] == {"type": "data-weather", "data": 1, "id": "w", "transient": True}
    assert (chunks[2]["type"], chunks[2]["title"]) == ("source-document", "https://x.test/a.pdf")
    assert chunks[3]["data"]["name"] == "report"
