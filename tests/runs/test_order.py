"""The legal order of events."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from sluice.runs.events import (
    TERMINAL,
    Event,
    MessageFinished,
    MessageStarted,
    RunFinished,
    RunStarted,
    TextDelta,
    TextStarted,
    ToolInput,
    ToolOutput,
    ToolStarted,
)
from sluice.runs.order import Brackets, OrderError
from tests.runs.laws import random_logs

Said = tuple[type, dict[str, Any]]
BASE: dict[str, Any] = {"run_id": "r", "thread_id": "t", "ts": 1}


def log(*events: Said) -> list[Event]:
    return [kind(seq=seq, **BASE, **fields) for seq, (kind, fields) in enumerate(events, 1)]


def take(events: list[Event]) -> Brackets:
    brackets = Brackets()
    for event in events:
        brackets.step(event)
    return brackets


STARTED: Said = (RunStarted, {"agent": "a"})
MESSAGE: Said = (MessageStarted, {"id": "m"})
TEXT: Said = (TextStarted, {"id": "b", "message_id": "m"})
CALL: Said = (ToolStarted, {"id": "c", "name": "add", "message_id": "m"})
WHOLE: Said = (ToolInput, {"id": "c", "name": "add", "input": {}})


@given(random_logs())
def test_whatever_a_handler_does_the_log_is_legal_gapless_and_ends_once(events: list[Event]) -> None:
    brackets = take(events)
    assert brackets.ended
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [type(event) in TERMINAL for event in events] == [False] * (len(events) - 1) + [True]


@settings(max_examples=40)
@given(random_logs())
def test_every_cut_of_a_log_can_be_closed_in_the_order_that_closing_says(events: list[Event]) -> None:
    for cut in range(1, len(events)):
        brackets = take(events[:cut])
        kinds = [bracket.kind for bracket in brackets.closing()]
        assert len(set(brackets.closing())) == len(kinds)
        assert kinds == sorted(kinds, key=lambda kind: {"message": 1, "step": 2}.get(kind, 0))


@pytest.mark.parametrize(
    ("events", "what"),
    [
        ([MESSAGE], "message.started as number 1"),
        ([STARTED, STARTED], "run.started as number 2"),
        ([STARTED, (TextDelta, {"id": "b", "text": "x"})], "'b', which is not open"),
        ([STARTED, TEXT], "in the message 'm', which is not open"),
        ([STARTED, MESSAGE, MESSAGE], "'m', which is already open"),
        ([STARTED, MESSAGE, TEXT, (MessageFinished, {"id": "m"})], "while something in it stands open"),
        ([STARTED, MESSAGE, (RunFinished, {"outcome": "success"})], "while message 'm' stands open"),
        ([STARTED, MESSAGE, CALL, (ToolOutput, {"id": "c", "output": 1})], "before its arguments are whole"),
        ([STARTED, MESSAGE, CALL, WHOLE, WHOLE], "whose arguments are not awaited"),
        ([STARTED, (RunFinished, {"outcome": "success"}), MESSAGE], "message.started as number 3"),
    ],
)
def test_what_may_not_stand_there_is_refused_by_name(events: list[Said], what: str) -> None:
    *legal, wrong = log(*events)
    brackets = take(legal)
    with pytest.raises(OrderError, match=what):
        brackets.step(wrong)


def test_a_number_left_out_is_refused() -> None:
    first, second = log(STARTED, MESSAGE)
    brackets = take([first])
    with pytest.raises(OrderError, match="as number 3 after 1"):
        brackets.step(msgspec.structs.replace(second, seq=3))


def test_a_refused_event_changes_nothing() -> None:
    brackets = take(log(STARTED, MESSAGE, TEXT))
    before = brackets.closing()
    wrongs: list[Said] = [MESSAGE, TEXT, (MessageFinished, {"id": "m"}), (RunFinished, {"outcome": "success"})]
    for wrong in wrongs:
        with pytest.raises(OrderError):
            brackets.step(wrong[0](seq=4, **BASE, **wrong[1]))
    assert brackets.closing() == before


def test_a_call_may_wait_for_its_result_over_an_interrupt_and_over_nothing_else() -> None:
    waiting: list[Said] = [STARTED, MESSAGE, CALL, WHOLE, (MessageFinished, {"id": "m"})]
    assert take(log(*waiting, (RunFinished, {"outcome": "interrupt"}))).ended
    with pytest.raises(OrderError, match="while tool 'c' stands open"):
        take(log(*waiting, (RunFinished, {"outcome": "success"})))
