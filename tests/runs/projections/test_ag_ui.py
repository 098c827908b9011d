"""What AG-UI's clients are told of a run: each frame is one of its models, each log passes its verifier."""

from typing import Any, ClassVar

import msgspec
import pytest
from ag_ui.core import Event as AgUiEvent
from hypothesis import given, settings
from pydantic import TypeAdapter

from sluice.runs.events import (
    Event,
    InterruptRequested,
    MessageFinished,
    MessageStarted,
    ModelUsage,
    RunFailed,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    TextDelta,
    TextFinished,
    TextStarted,
    TokenUsage,
    ToolFailed,
    ToolInput,
    ToolOutput,
    ToolStarted,
)
from sluice.runs.projections.ag_ui import AgUi
from tests.runs.laws import check_resume, random_logs

MODELS: TypeAdapter[Any] = TypeAdapter(AgUiEvent)
Said = dict[str, Any]


def told(log: list[Event], **options: Any) -> list[Said]:
    """All events of a log, each checked against the protocol's model: no field that it does not have."""
    projection = AgUi(**options)
    said = [msgspec.json.decode(frame.data) for event in log for frame in projection.step(event)]
    for one in said:
        model = MODELS.validate_python(one)
        assert model.model_dump(by_alias=True, mode="json").keys() == one.keys()
        assert not model.model_extra
    return said


class Verifier:
    """The rules of the client's verifier, as its errors name them."""

    OPENS: ClassVar = {"TEXT_MESSAGE": "messageId", "TOOL_CALL": "toolCallId", "REASONING_MESSAGE": "messageId"}

    def __init__(self) -> None:
        self.open: set[tuple[str, str]] = set()
        self.started = self.ended = False

    def take(self, event: Said) -> None:
        kind: str = event["type"]
        assert not self.ended, f"{kind} behind the end"
        assert self.started == (kind != "RUN_STARTED"), kind
        self.started = True
        if kind in ("RUN_FINISHED", "RUN_ERROR"):
            self.ended = True
            assert kind == "RUN_ERROR" or not self.open, self.open
        elif kind in ("STEP_STARTED", "STEP_FINISHED"):
            self._bracket(kind == "STEP_STARTED", ("STEP", event["stepName"]))
        elif kind in ("REASONING_START", "REASONING_END"):
            self._bracket(kind == "REASONING_START", ("REASONING", event["messageId"]))
        else:
            self._streamed(kind, event)

    def _streamed(self, kind: str, event: Said) -> None:
        entity, _, verb = kind.rpartition("_")
        if entity in self.OPENS and verb != "RESULT":
            name = (entity, event[self.OPENS[entity]])
            if verb in ("START", "END"):
                self._bracket(verb == "START", name)
            else:
                assert name in self.open, kind

    def _bracket(self, opens: bool, name: tuple[str, str]) -> None:
        assert (name in self.open) != opens, name
        self.open.add(name) if opens else self.open.remove(name)


@settings(max_examples=40)
@given(log=random_logs(15))
def test_every_log_passes_the_verifier(log: list[Event]) -> None:
    verifier = Verifier()
    for event in told(log):
        verifier.take(event)
    assert verifier.ended
    assert not verifier.open


@settings(max_examples=25)
@given(log=random_logs(10))
def test_resuming_gives_what_the_reader_lacks(log: list[Event]) -> None:
    check_resume(AgUi, log)


@settings(max_examples=40)
@given(log=random_logs(15))
def test_the_pieces_of_a_call_keep_its_id_and_make_up_its_arguments(log: list[Event]) -> None:
    said = told(log)
    for event in log:
        if isinstance(event, ToolStarted):
            pieces = [one["delta"] for one in said if one["type"] == "TOOL_CALL_ARGS" and one["toolCallId"] == event.id]
            sent = [e.text for e in log if type(e).__name__ == "ToolInputDelta" and e.id == event.id]  # type: ignore[union-attr]
            whole = [e.input for e in log if isinstance(e, ToolInput) and e.id == event.id]
            assert pieces == sent or [msgspec.json.decode(piece) for piece in pieces] == whole


def log_of(*said: tuple[Any, dict[str, Any]]) -> list[Event]:
    whole = ((RunStarted, {"agent": "a"}), *said)
    return [kind(seq=n, run_id="run", thread_id="t", ts=7, **fields) for n, (kind, fields) in enumerate(whole, 1)]


MESSAGE = (MessageStarted, {"id": "m1"})
OVER = (MessageFinished, {"id": "m1"})
CALL = (ToolStarted, {"id": "c1", "name": "buy", "message_id": "m1"})
ARGUMENTS = (ToolInput, {"id": "c1", "name": "buy", "input": {"item": "pen"}})
DONE = (RunFinished, {"outcome": "success"})


def text(block: str, piece: str) -> tuple[tuple[Any, dict[str, Any]], ...]:
    return (
        (TextStarted, {"id": block, "message_id": "m1"}),
        (TextDelta, {"id": block, "text": piece}),
        (TextFinished, {"id": block}),
    )


def test_the_client_finds_its_own_name_for_the_run_and_the_thread_s_for_messages() -> None:
    said = told(
        log_of(MESSAGE, *text("b1", "Hi"), CALL, ARGUMENTS, OVER, (ToolOutput, {"id": "c1", "output": 5}), DONE),
        run_id="r1",
    )
    assert said[0] == {"type": "RUN_STARTED", "threadId": "t", "runId": "r1", "protocolVersion": "1.0", "timestamp": 7}
    assert {one["messageId"] for one in said if one["type"].startswith("TEXT")} == {"m1"}
    result = next(one for one in said if one["type"] == "TOOL_CALL_RESULT")
    assert (result["messageId"], result["content"]) == ("c1-result", "5")


def test_two_texts_at_once_are_two_messages_and_one_after_the_other_are_one() -> None:
    (open1, delta1, close1), (open2, delta2, close2) = text("b1", "x"), text("b2", "y")
    at_once = told(log_of(MESSAGE, open1, open2, delta2, delta1, close1, close2, OVER, DONE))
    assert [one["messageId"] for one in at_once if one["type"] == "TEXT_MESSAGE_START"] == ["m1", "b2"]
    in_turn = told(log_of(MESSAGE, *text("b1", "x"), *text("b2", "y"), OVER, DONE))
    assert [one["messageId"] for one in in_turn if one["type"] == "TEXT_MESSAGE_START"] == ["m1", "m1"]


def test_a_step_that_runs_twice_at_a_time_is_told_once() -> None:
    said = told(
        log_of(
            (StepStarted, {"id": "s1", "name": "search"}),
            (StepStarted, {"id": "s2", "name": "search"}),
            (StepFinished, {"id": "s1", "name": "search"}),
            (StepFinished, {"id": "s2", "name": "search"}),
            DONE,
        )
    )
    assert [one["type"] for one in said] == ["RUN_STARTED", "STEP_STARTED", "STEP_FINISHED", "RUN_FINISHED"]


def test_a_question_ends_the_run_with_what_the_client_needs_to_answer() -> None:
    question = {"message": "May it?", "tool": "buy"}
    said = told(
        log_of(
            MESSAGE,
            CALL,
            ARGUMENTS,
            OVER,
            (
                InterruptRequested,
                {
                    "id": "i1",
                    "question": question,
                    "reason": "approval",
                    "tool_id": "c1",
                    "schema": {"type": "boolean"},
                    "expires_at": 0,
                },
            ),
            (ToolFailed, {"id": "c1", "error": "interrupt"}),
            (RunFinished, {"outcome": "interrupt"}),
        )
    )
    assert "TOOL_CALL_RESULT" not in [one["type"] for one in said]
    (asked,) = said[-1]["outcome"]["interrupts"]
    assert asked == {
        "id": "i1",
        "reason": "approval",
        "message": "May it?",
        "metadata": {"question": question},
        "toolCallId": "c1",
        "responseSchema": {"type": "boolean"},
        "expiresAt": "1970-01-01T00:00:00+00:00",
    }


def test_a_call_that_the_client_has_is_not_told_again_but_its_result_is() -> None:
    log = log_of(MESSAGE, CALL, ARGUMENTS, OVER, (ToolOutput, {"id": "c1", "output": "bought"}), DONE)
    assert [one["type"] for one in told(log, known=("c1",))] == ["RUN_STARTED", "TOOL_CALL_RESULT", "RUN_FINISHED"]


@pytest.mark.parametrize(
    ("end", "last"),
    [
        (
            (RunFailed, {"code": "error", "message": "it failed"}),
            {"type": "RUN_ERROR", "message": "it failed", "code": "error"},
        ),
        (
            (RunFinished, {"outcome": "timeout", "message": "late"}),
            {"type": "RUN_ERROR", "message": "late", "code": "timeout"},
        ),
        (
            (RunFinished, {"outcome": "cancelled"}),
            {"type": "RUN_FINISHED", "outcome": {"type": "cancelled"}, "threadId": "t", "runId": "run"},
        ),
    ],
)
def test_an_end_that_is_no_success_says_which(end: tuple[Any, dict[str, Any]], last: Said) -> None:
    assert told(log_of(end))[-1] == {**last, "timestamp": 7}


def test_usage_is_told_for_each_model() -> None:
    spent = [
        (ModelUsage, {"model": name, "usage": TokenUsage(input_tokens=2, output_tokens=1)}) for name in ("a", "b", "a")
    ]
    usage = told(log_of(*spent, DONE))[-1]["usage"]
    assert [(one["model"], one["totalTokens"]) for one in usage] == [("a", 6), ("b", 3)]
