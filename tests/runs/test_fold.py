"""A log folded into messages."""

from itertools import pairwise
from typing import Any

from hypothesis import given, settings

from sluice.agents.merging import merged
from sluice.runs.events import Event, RunFailed, RunFinished, TextDelta
from sluice.runs.fold import STREAM_INTERRUPTED, Fold
from sluice.runs.messages import Message, TextPart, ToolCallPart, ToolResultPart
from sluice.runs.records import Run, RunError
from sluice.runs.retold import retold
from tests.runs.laws import RUN, Player, Script, Verb, end, random_logs


def folded(log: list[Event]) -> Fold:
    fold = Fold()
    for event in log:
        fold.step(event)
    return fold


@given(random_logs())
def test_what_is_merged_folds_to_the_same(log: list[Event]) -> None:
    joined = merged(log)
    assert folded(joined).messages() == folded(log).messages()
    assert folded(joined).text == folded(log).text
    assert [event.seq for event in joined] == sorted({event.seq for event in joined})


@given(random_logs())
def test_no_two_neighbours_of_one_block_are_left_when_merged(log: list[Event]) -> None:
    joined = merged(log)
    texts = [(a, b) for a, b in pairwise(joined) if isinstance(a, TextDelta)]
    assert not any(isinstance(b, TextDelta) and a.id == b.id for a, b in texts)
    assert merged(joined) == joined


@given(random_logs())
def test_every_result_answers_a_call_before_it_once(log: list[Event]) -> None:
    called: set[str] = set()
    for message in folded(log).messages():
        for part in message.parts:
            if isinstance(part, ToolCallPart):
                called.add(part.id)
            elif isinstance(part, ToolResultPart):
                called.remove(part.id)


@given(random_logs())
def test_the_text_is_that_of_the_channel_and_the_notice_stands_behind_broken_ones_only(log: list[Event]) -> None:
    fold, last = folded(log), log[-1]
    assert fold.text == "".join(event.text for event in log if isinstance(event, TextDelta) and event.channel == "text")
    answers = [message for message in fold.messages() if message.role == "assistant"]
    noticed = [TextPart(text=STREAM_INTERRUPTED) in message.parts for message in answers]
    broken = isinstance(last, RunFailed) or (isinstance(last, RunFinished) and last.outcome == "timeout")
    assert noticed == [False] * (len(answers) - 1) + [broken] * bool(answers)


@settings(max_examples=40)
@given(random_logs())
def test_every_cut_folds_without_an_error(log: list[Event]) -> None:
    fold = Fold()
    for event in log:
        fold.step(event)
        assert all(isinstance(message, Message) for message in fold.messages())


@settings(max_examples=40)
@given(random_logs())
def test_a_record_told_again_folds_to_its_output(log: list[Event]) -> None:
    output, last = folded(log).messages(), log[-1]
    if isinstance(last, RunFailed):
        run = Run(**record(output), status="error", error=RunError(code=last.code, message=last.message))
    else:
        assert isinstance(last, RunFinished)
        statuses: dict[str, Any] = {"interrupt": "interrupted"}
        run = Run(**record(output), status=statuses.get(last.outcome, last.outcome))
    told = retold(run)
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    assert folded(told).messages() == output


def record(output: tuple[Message, ...]) -> dict[str, Any]:
    return {
        "id": "r",
        "thread_id": "t",
        "owner": "me",
        "agent": "a",
        "created": 1,
        "output": output,
        "input": RUN.input,
    }


def test_results_stand_behind_the_message_that_called_even_when_they_come_before_its_end() -> None:
    script = Script()
    player = Player(script)
    for name in ("text", "tool", "call", "output", "text", "end_message"):
        player.do(Verb(name, text="x", json={"n": 1}))
    end(script, "success")
    answer, result = folded(script.log()).messages()
    assert [type(part) for part in answer.parts] == [TextPart, ToolCallPart, TextPart]
    assert result.parts == (ToolResultPart(id="call-1", output={"n": 1}),)
