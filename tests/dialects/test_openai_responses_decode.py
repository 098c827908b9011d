"""openai_responses/decode.py and output_read.py: texts, calls, reasoning, in pieces and whole."""

import json

import pytest

from sluice.chat.events import (
    ChoiceFinished,
    Ended,
    Reported,
    Sealed,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.seal import Seal
from tests.dialects.test_openai_responses_kit import (
    Row,
    decode,
)
from tests.dialects.test_openai_responses_said import (
    COUNTED,
    HEAD,
    OWN,
    STARTED,
    STOP,
    added,
    call,
    completed,
    created,
    done,
    ev,
    message,
    reasoning,
    summary,
    text_delta,
)


def test_a_text_is_told_once_though_the_stream_says_it_five_times() -> None:
    part = {"type": "output_text", "text": "ab", "annotations": []}
    got = decode(
        created(),
        ev("in_progress", response=HEAD),
        added(0, type="message", id="msg_1", content=[], role="assistant", status="in_progress"),
        ev("content_part.added", output_index=0, content_index=0, part={"type": "output_text", "text": ""}),
        text_delta("a"),
        text_delta(""),
        text_delta("b"),
        ev("output_text.done", output_index=0, content_index=0, text="ab", logprobs=[]),
        ev("content_part.done", output_index=0, content_index=0, part=part),
        done(0, **message("ab")),
        completed(message("ab")),
    )
    assert got == [STARTED, TextDelta(0, "text", "a"), TextDelta(0, "text", "b"), *STOP]


@pytest.mark.parametrize(
    "only",
    [
        [ev("output_text.done", output_index=0, content_index=0, text="ab")],
        [ev("content_part.done", output_index=0, content_index=0, part={"type": "output_text", "text": "ab"})],
        [done(0, **message("ab"))],
        [ev("output_text.done", output_index=0, content_index=0, text="ab"), done(0, **message("ab"))],
        [],
    ],
)
def test_a_text_that_never_came_in_pieces_is_told_from_the_first_place_that_has_it(only: list[Row]) -> None:
    assert decode(created(), *only, completed(message("ab"))) == [STARTED, TextDelta(0, "text", "ab"), *STOP]


def test_a_call_in_pieces_and_a_call_whose_arguments_come_only_at_its_end() -> None:
    got = decode(
        created(),
        added(0, **call("", status="in_progress")),
        ev("function_call_arguments.delta", output_index=0, item_id="fc_1", delta='{"a"'),
        ev("function_call_arguments.delta", output_index=0, item_id="fc_1", delta=":1}"),
        ev("function_call_arguments.done", output_index=0, item_id="fc_1", arguments='{"a":1}'),
        done(0, **call('{"a":1}')),
        added(1, **call("", call_id="t2", name="g")),
        ev("function_call_arguments.done", output_index=1, item_id="fc_2", arguments="[]"),
        done(1, **call("[]", call_id="t2", name="g")),
        done(2, **call("{}", call_id="t3", name="h")),
        completed(),
    )
    assert got == [
        STARTED,
        ToolCallStarted(0, 0, "t", "f"),
        ToolCallDelta(0, 0, '{"a"'),
        ToolCallDelta(0, 0, ":1}"),
        ToolCallStarted(0, 1, "t2", "g"),
        ToolCallDelta(0, 1, "[]"),
        ToolCallStarted(0, 2, "t3", "h"),
        ToolCallDelta(0, 2, "{}"),
        ChoiceFinished(0, "tool_calls", "completed"),
        Reported(COUNTED),
        Ended(),
    ]


def test_empty_arguments_of_a_whole_call_are_an_empty_object_but_not_of_a_cut_one() -> None:
    assert decode(done(0, **call("")))[1:] == [ToolCallDelta(0, 0, "{}")]
    assert decode(done(0, **call("", status="incomplete")))[1:] == []


def test_a_custom_tool_s_free_text_is_a_json_object_with_one_member() -> None:
    custom = {"type": "custom_tool_call", "id": "ctc", "call_id": "t", "name": "patch"}
    pieces = ['*** "Begin"', "\n\\é\u2028", "\x00"]
    deltas = [ev("custom_tool_call_input.delta", output_index=0, item_id="ctc", delta=piece) for piece in pieces]
    whole = "".join(pieces)
    streamed = decode(
        added(0, **custom, input=""),
        *deltas,
        ev("custom_tool_call_input.done", output_index=0, input=whole),
        done(0, **custom, input=whole),
    )
    at_once = decode(done(0, **custom, input=whole))
    for got in (streamed, at_once):
        assert got[0] == ToolCallStarted(0, 0, "t", "patch")
        arguments = "".join(event.arguments for event in got if isinstance(event, ToolCallDelta))
        assert json.loads(arguments) == {"input": whole}
    (_, empty) = decode(done(0, **custom, input=""))
    assert empty == ToolCallDelta(0, 0, '{"input":""}')


def test_a_call_of_a_namespace_is_named_after_both() -> None:
    assert decode(done(0, **call("{}", namespace="mcp__fs__")))[0] == ToolCallStarted(0, 0, "t", "mcp__fs__f")
    assert decode(done(0, **call("{}", namespace="fs")))[0] == ToolCallStarted(0, 0, "t", "fs__f")


# -- reasoning ---------------------------------------------------------------------------------------------------------


def test_parts_of_a_summary_are_set_off_by_a_blank_line_and_sealed_at_the_item_s_end() -> None:
    part = {"type": "summary_text", "text": ""}
    got = decode(
        added(0, type="reasoning", id="rs_1", summary=[]),
        ev("reasoning_summary_part.added", output_index=0, summary_index=0, part=part),
        summary("a", 0),
        summary("b", 0),
        ev("reasoning_summary_text.done", output_index=0, summary_index=0, text="ab"),
        ev("reasoning_summary_part.done", output_index=0, summary_index=0, part=part | {"text": "ab"}),
        ev("reasoning_summary_part.added", output_index=0, summary_index=1, part=part),
        summary("c", 1),
        done(0, **reasoning("ab", "c", encrypted_content="gAA=\n")),
        text_delta("x", index=1),
    )
    assert got == [
        TextDelta(0, "reasoning", "a"),
        TextDelta(0, "reasoning", "b"),
        TextDelta(0, "reasoning", "\n\nc"),
        Sealed(0, Seal(OWN, "reasoning", "gAA=\n", "rs_1")),
        TextDelta(0, "text", "x"),
    ]


@pytest.mark.parametrize(
    "events",
    [
        [done(0, **reasoning("a", "b", encrypted_content="s"))],
        [ev("reasoning_summary_text.done", output_index=0, summary_index=0, text="a"), done(0, **reasoning("a", "b"))],
        [done(0, **reasoning(content=[{"type": "reasoning_text", "text": t} for t in "ab"]))],
        [
            ev("reasoning_text.delta", output_index=0, content_index=0, delta="a"),
            ev("reasoning_text.done", output_index=0, content_index=1, text="b"),
        ],
        [done(0, **reasoning("a")), done(1, **reasoning("b"))],
    ],
)
def test_reasoning_in_each_place(events: list[Row]) -> None:
    got = [event.text for event in decode(*events) if isinstance(event, TextDelta)]
    assert got == ["a", "\n\nb"]


def test_reasoning_that_shows_nothing_is_a_seal_alone() -> None:
    assert decode(done(0, **reasoning(encrypted_content="s"))) == [Sealed(0, Seal(OWN, "reasoning", "s", "rs_1"))]
    assert decode(done(0, **reasoning(encrypted_content=None))) == []


def test_reasoning_after_a_text_begins_without_a_blank_line() -> None:
    got = decode(summary("a", 0, 0), added(1, type="message"), text_delta("x", 1), summary("b", 0, 2))
    assert got[-1] == TextDelta(0, "reasoning", "b")
