"""chat/fold.py: many events, one answer."""

import msgspec
import pytest

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.fold import Answer, Choice, Fold, ToolCall
from sluice.chat.usage import Usage
from sluice.errors import InBandFailure

RAW = msgspec.Raw(b'{"a":1}')


def fold(*events: Event) -> Answer:
    machine = Fold()
    for event in events:
        machine.add(event)
    return machine.answer()


def test_nothing_is_an_empty_answer() -> None:
    assert fold() == Answer()
    assert fold(Ended()) == Answer()
    assert fold(Failed(InBandFailure("x"))) == Answer()


def test_a_channel_that_was_opened_empty_differs_from_one_that_was_not() -> None:
    (choice,) = fold(TextDelta(0, "text", "")).choices
    assert (choice.text, choice.reasoning, choice.refusal) == ("", None, None)


@pytest.mark.parametrize("channel", ["text", "reasoning", "refusal"])
def test_each_channel_is_joined_by_itself(channel: str) -> None:
    events = [TextDelta(0, name, f"{name}{n} ") for n in (1, 2) for name in ("text", "reasoning", "refusal")]
    assert getattr(fold(*events).choices[0], channel) == f"{channel}1 {channel}2 "


def test_choices_and_calls_are_sorted_by_index_whatever_their_order() -> None:
    answer = fold(
        TextDelta(2, "text", "c"),
        ToolCallStarted(0, 1, "t1", "g"),
        ToolCallStarted(0, 0, "t0", "f"),
        ToolCallDelta(0, 1, "{"),
        ToolCallDelta(0, 0, "[]"),
        ToolCallDelta(0, 1, "}"),
        ChoiceFinished(0, "tool_calls", "tool_calls"),
    )
    assert [choice.index for choice in answer.choices] == [0, 2]
    assert answer.choices[0].tool_calls == (ToolCall("t0", "f", "[]"), ToolCall("t1", "g", "{}"))
    assert (answer.choices[0].finish, answer.choices[1].finish) == ("tool_calls", None)


def test_arguments_without_a_start_are_kept() -> None:
    assert fold(ToolCallDelta(0, 0, "{}")).choices[0].tool_calls == (ToolCall("", "", "{}"),)


def test_later_names_complete_and_do_not_erase_earlier_ones() -> None:
    answer = fold(Started("", "", 0), Started("c1", "", 7), Started("", "m", 0))
    assert (answer.id, answer.model, answer.created) == ("c1", "m", 7)
    assert fold(Started("a", "m"), Started("b", "n")).id == "b"


def test_usage_is_absolute() -> None:
    answer = fold(Reported(Usage(input_tokens=1)), Reported(Usage(output_tokens=2)))
    assert answer.usage == Usage(output_tokens=2)
    assert Usage(input_tokens=3, output_tokens=4).total_tokens == 7


def test_leftovers_and_logprobs_go_where_they_belong() -> None:
    answer = fold(
        Leftover("", 0, {"top": RAW}),
        Leftover("choice", 1, {"beside": RAW}),
        Leftover("delta", 1, {"inside": RAW}),
        Leftover("delta", 1, {"again": RAW}),
        TextDelta(1, "text", "a", RAW),
        TextDelta(1, "text", "b"),
    )
    assert answer.extra == {"top": RAW}
    assert answer.choices == (
        Choice(index=1, text="ab", logprobs=(RAW,), extra={"beside": RAW}, message_extra={"inside": RAW, "again": RAW}),
    )


def test_two_folds_share_nothing() -> None:
    first, second = Fold(), Fold()
    first.add(Leftover("choice", 0, {"a": RAW}))
    assert second.answer() == Answer()
    assert fold(TextDelta(0, "text", "")).choices[0].extra == {}
