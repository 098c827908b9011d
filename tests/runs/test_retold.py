"""A log made up again from a run's record."""

import msgspec
import pytest
from hypothesis import given, settings

from sluice.runs.events import Event, RunFailed, RunFinished, RunStarted
from sluice.runs.fold import Fold
from sluice.runs.order import Brackets
from sluice.runs.records import RunError, RunStatus
from sluice.runs.retold import retold
from tests.runs.laws import RUN, random_logs

STATUSES: dict[str, RunStatus] = {
    "success": "success",
    "interrupt": "interrupted",
    "cancelled": "cancelled",
    "timeout": "timeout",
}


def folded(log: list[Event]) -> Fold:
    fold = Fold()
    for event in log:
        fold.step(event)
    return fold


@settings(max_examples=40)
@given(log=random_logs())
def test_it_is_in_order_and_says_the_same_messages_and_the_same_end(log: list[Event]) -> None:
    end = log[-1]
    output = folded(log).messages()
    if isinstance(end, RunFinished):
        run = msgspec.structs.replace(RUN, status=STATUSES[end.outcome], output=output, finished=5)
    else:
        assert isinstance(end, RunFailed)
        error = RunError(code=end.code, message=end.message, status=end.status)
        run = msgspec.structs.replace(RUN, status="error", error=error, output=output, finished=5)
    again, brackets = retold(run), Brackets()
    for event in again:
        brackets.step(event)
    assert brackets.ended
    last = again[-1]
    assert type(last) is type(end)
    assert (getattr(last, "outcome", ""), getattr(last, "code", "")) == (
        getattr(end, "outcome", ""),
        getattr(end, "code", ""),
    )
    said = [message.text for message in folded(again).messages() if message.role == "assistant"]
    assert said == [message.text for message in output if message.role == "assistant"]


@pytest.mark.parametrize("status", ["pending", "running"])
def test_a_run_that_lives_was_only_asked(status: RunStatus) -> None:
    (only,) = retold(msgspec.structs.replace(RUN, status=status))
    assert isinstance(only, RunStarted)
    assert only.input == RUN.input


def test_a_run_that_failed_without_an_error_has_failed() -> None:
    assert isinstance(retold(msgspec.structs.replace(RUN, status="error"))[-1], RunFailed)
