"""chat/fold.py: many events, one answer."""

import msgspec
import pytest

from sluice.chat.content import Citation, Refusal, Text, ToolUse
from sluice.chat.events import (
    Channel,
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.fold import Answer, Choice, Fold, Opaque
from sluice.chat.seal import Reasoning, Seal
from sluice.chat.usage import Usage
from sluice.errors import InBandFailure

RAW = msgspec.Raw(b'{"a":1}')


def fold(*events: Event) -> Answer:
    machine = Fold()
    for event in events:
        machine.add(event)
    return machine.answer()


def test_a_part_of_the_providers_own_keeps_its_place_and_ends_the_text_before_it() -> None:
    answer = fold(TextDelta(0, "text", "a"), Unrecognised("x", 0, RAW), Unrecognised("y"), TextDelta(0, "text", "b"))
    assert answer.choices[0].parts == (Text(text="a"), Opaque("x", RAW), Text(text="b"))


def test_nothing_is_an_empty_answer() -> None:
    assert fold() == Answer()
    assert fold(Ended()) == Answer()
    assert fold(Failed(InBandFailure("x"))) == Answer()


def test_a_channel_that_was_opened_empty_differs_from_one_that_was_not() -> None:
    (choice,) = fold(TextDelta(0, "text", "")).choices
    assert (choice.text, choice.reasoning, choice.refusal) == ("", None, None)


@pytest.mark.parametrize("channel", ["text", "reasoning", "refusal"])
def test_each_channel_is_joined_by_itself(channel: str) -> None:
    names: list[Channel] = ["text", "reasoning", "refusal"]
    events = [TextDelta(0, name, f"{name}{n} ") for n in (1, 2) for name in names]
    assert getattr(fold(*events).choices[0], channel) == f"{channel}1 {channel}2 "


def test_choices_are_sorted_by_index_and_calls_stand_as_they_began() -> None:
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
    assert answer.choices[0].tool_calls == (
        ToolUse(id="t1", name="g", arguments="{}"),
        ToolUse(id="t0", name="f", arguments="[]"),
    )
    assert (answer.choices[0].finish, answer.choices[1].finish) == ("tool_calls", None)


def test_arguments_without_a_start_are_kept() -> None:
    assert fold(ToolCallDelta(0, 0, "{}")).choices[0].tool_calls == (ToolUse(id="", name="", arguments="{}"),)


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
        Choice(
            index=1,
            parts=(Text(text="ab"),),
            logprobs=(RAW,),
            extra={"beside": RAW},
            message_extra={"inside": RAW, "again": RAW},
        ),
    )


def test_two_folds_share_nothing() -> None:
    first, second = Fold(), Fold()
    first.add(Leftover("choice", 0, {"a": RAW}))
    assert second.answer() == Answer()
    assert fold(TextDelta(0, "text", "")).choices[0].extra == {}


def test_parts_stand_in_the_order_in_which_they_began() -> None:
    events: list[Event] = [
        TextDelta(0, "reasoning", "h"),
        TextDelta(0, "reasoning", "m"),
        TextDelta(0, "text", "a"),
        ToolCallStarted(0, 0, "t", "f"),
        TextDelta(0, "text", "b"),
        TextDelta(0, "refusal", "no"),
        ToolCallDelta(0, 0, "{}"),
        TextDelta(0, "text", "c"),
    ]
    assert fold(*events).choices[0].parts == (
        Reasoning("hm"),
        Text(text="a"),
        ToolUse(id="t", name="f", arguments="{}"),
        Text(text="b"),
        Refusal(text="no"),
        Text(text="c"),
    )


def seal(kind: str) -> Seal:
    return Seal("dialect.x", kind, f"proof of {kind}")  # type: ignore[arg-type]


def test_a_seal_closes_the_reasoning_that_is_open_and_is_a_part_of_its_own_else() -> None:
    events: list[Event] = [
        TextDelta(0, "reasoning", "a"),
        Sealed(0, seal("reasoning")),
        TextDelta(0, "reasoning", "b"),
        Sealed(0, seal("redacted")),
        Sealed(0, seal("reasoning")),
        TextDelta(0, "text", "c"),
        Sealed(0, seal("text")),
        Sealed(0, seal("call")),
        ToolCallStarted(0, 0, "t", "f"),
    ]
    assert fold(*events).choices[0].parts == (
        Reasoning("a", seal("reasoning")),
        Reasoning("b"),
        Reasoning("", seal("redacted")),
        Reasoning("", seal("reasoning")),
        Text(text="c"),
        Reasoning("", seal("text")),
        Reasoning("", seal("call")),
        ToolUse(id="t", name="f", arguments=""),
    )
    assert fold(*events).choices[0].reasoning == "ab"


def test_citations_belong_to_the_text_so_far() -> None:
    first, second = Citation(url="https://a"), Citation(url="https://b")
    answer = fold(TextDelta(0, "text", "x"), Cited(0, first), TextDelta(0, "text", "y"), Cited(0, second))
    assert answer.choices[0].parts == (Text(text="xy", citations=(first, second)),)
    assert answer.choices[0].citations == (first, second)


def test_the_stop_sequence_is_kept() -> None:
    assert fold(ChoiceFinished(0, "stop", "stop_sequence", "END")).choices[0].stop_sequence == "END"
