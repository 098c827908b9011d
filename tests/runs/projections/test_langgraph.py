"""LangGraph's reading of a log: whatever the run did, whatever modes are read, wherever a reader comes back."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import BadRequest
from sluice.runs.events import Event, RunFailed, RunFinished, TextDelta
from sluice.runs.messages import FilePart, Message, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, said
from sluice.runs.projection import project
from sluice.runs.projections.langgraph import MODES, LangGraph, modes_of
from sluice.runs.projections.langgraph_messages import all_written, read, read_all
from tests.runs.laws import check_resume, random_logs

EXAMPLES = settings(max_examples=40)
some_modes = st.lists(st.sampled_from(sorted(MODES)), unique=True)


@EXAMPLES
@given(random_logs(), some_modes)
def test_resuming_gives_what_the_reader_lacks(log: list[Event], modes: list[str]) -> None:
    check_resume(lambda: LangGraph(modes, (said("before", id="m-0"),)), log)


@EXAMPLES
@given(random_logs())
def test_it_begins_with_metadata_and_ends_with_one_end_or_error(log: list[Event]) -> None:
    frames = project(LangGraph(list(MODES)), log)
    names = [frame.event for frame in frames]
    assert names[0] == "metadata"
    assert [name for name in names if name in ("end", "error")] == [names[-1]]
    failed = isinstance(log[-1], RunFailed) or (isinstance(log[-1], RunFinished) and log[-1].outcome == "timeout")
    assert names[-1] == ("error" if failed else "end")


@EXAMPLES
@given(random_logs())
def test_only_the_last_frame_of_an_event_has_its_number(log: list[Event]) -> None:
    projection = LangGraph(list(MODES))
    for event in log:
        frames = projection.step(event)
        assert [frame.id for frame in frames] == [""] * (len(frames) - 1) + [str(event.seq)] * bool(frames)


@EXAMPLES
@given(random_logs())
def test_pieces_joined_are_what_was_said(log: list[Event]) -> None:
    frames = project(LangGraph(["messages-tuple"]), log)
    pieces = [msgspec.json.decode(frame.data)[0] for frame in frames if frame.event == "messages"]
    joined = "".join(
        piece["content"] for piece in pieces if piece["type"] != "tool" and isinstance(piece["content"], str)
    )
    assert joined == "".join(event.text for event in log if isinstance(event, TextDelta))


def test_modes_are_a_text_or_a_list_and_known() -> None:
    assert modes_of(None) == ()
    assert modes_of(["values", "values", "updates"]) == ("values", "updates")
    with pytest.raises(BadRequest, match="telex"):
        modes_of("telex")


TALK = (
    Message(role="user", parts=(TextPart(text="look"), FilePart(url="data:image/png;base64,AA", media_type="image/*"))),
    Message(
        role="assistant",
        id="m-1",
        parts=(ReasoningPart(text="hm"), TextPart(text="I look"), ToolCallPart(id="c", name="see", input={"a": 1})),
    ),
    Message(role="tool", id="m-2", parts=(ToolResultPart(id="c", output="a cat"),)),
    Message(role="tool", id="m-3", parts=(ToolResultPart(id="d", error="blind"),)),
)


def test_messages_come_back_as_they_went() -> None:
    theirs = all_written(TALK)
    assert [one["type"] for one in theirs] == ["human", "ai", "tool", "tool"]
    assert theirs[1]["tool_calls"] == [{"name": "see", "args": {"a": 1}, "id": "c", "type": "tool_call"}]
    assert theirs[2]["name"] == "see"
    assert theirs[3]["status"] == "error"
    assert [message.parts for message in read_all(theirs, "messages")] == [message.parts for message in TALK]


@pytest.mark.parametrize(
    ("theirs", "text"),
    [
        ("hi", "hi"),
        (["user", "hi"], "hi"),
        ({"role": "user", "content": "hi"}, "hi"),
        ({"type": "human", "content": [{"type": "text", "text": "h"}, "i"]}, "hi"),
        ({"type": "human", "data": {"content": "hi"}}, "hi"),
        ({"role": "user", "parts": [{"type": "text", "text": "hi"}]}, "hi"),
    ],
)
def test_a_message_may_be_written_in_many_ways(theirs: object, text: str) -> None:
    assert (read(theirs, "m").role, read(theirs, "m").text) == ("user", text)


@pytest.mark.parametrize(
    ("theirs", "place"),
    [
        (1, "m"),
        ({"content": "x"}, "m.role"),
        ({"role": ["user"], "content": "x"}, "m.role"),
        ({"role": "user", "content": 1}, "m.content"),
        ({"role": "user", "content": [1]}, "m.content[0]"),
        ({"role": "user", "parts": [{"type": "?"}]}, "m.parts"),
        ({"role": "assistant", "content": "", "tool_calls": ["x"]}, "m.tool_calls"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place(theirs: object, place: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(theirs, "m")
    assert refused.value.param == place
