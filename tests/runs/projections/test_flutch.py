"""Seed 004's projections, for random logs: one end, resumable anywhere, and the pieces are the whole."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.agents.merging import merged
from sluice.runs.events import Event, ToolInput, ToolInputDelta, ToolOutput, ToolStarted
from sluice.runs.fold import Fold
from sluice.runs.projection import Frame, project
from sluice.runs.projections.flutch import Flutch, FlutchSdk
from sluice.runs.projections.flutch_answer import MAX_TOOL_OUTPUT
from sluice.runs.projections.flutch_widget import FlutchWidget
from sluice.runs.projections.table import projection
from tests.runs.laws import Script, check_resume, end, random_logs

PROJECTIONS: tuple[type[Flutch | FlutchSdk | FlutchWidget], ...] = (Flutch, FlutchSdk, FlutchWidget)


def data(frame: Frame) -> Any:
    return msgspec.json.decode(frame.data)


@pytest.mark.parametrize("made", PROJECTIONS)
def test_they_stand_in_the_table(made: type[Flutch]) -> None:
    assert isinstance(projection(made.name), made)


@given(random_logs())
def test_resuming_gives_what_the_reader_lacks(log: list[Event]) -> None:
    for made in PROJECTIONS:
        check_resume(made, log)


@given(random_logs())
def test_there_is_one_end_it_is_the_last_and_a_slow_reader_is_told_the_same(log: list[Event]) -> None:
    slow = merged(log)
    for made in PROJECTIONS:
        frames = project(made(), log)
        ends = [frame.event for frame in frames if frame.event in ("final", "error")]
        assert ends == [frames[-1].event]
        assert {frame.event for frame in frames[:-1]} <= {"stream_event", "partial"}
        assert [int(frame.id) for frame in frames] == sorted({int(frame.id) for frame in frames})
        assert project(made(), slow)[-1] == frames[-1]


@given(random_logs())
def test_the_chunks_of_the_seed_are_the_text_and_nothing_else_is(log: list[Event]) -> None:
    fold = Fold()
    for event in log:
        fold.step(event)
    *frames, last = project(Flutch(), log)
    pieces = [data(frame) for frame in frames]
    chunks = "".join(piece["content"] for piece in pieces if piece["type"] == "chunk")
    assert chunks == fold.text
    if last.event == "final":
        assert data(last)["text"] == chunks


@given(random_logs())
def test_who_puts_the_deltas_of_the_sdk_together_has_the_chains_of_the_final(log: list[Event]) -> None:
    chains: dict[str, list[dict[str, Any]]] = {}
    *frames, last = project(FlutchSdk(), log)
    steps: dict[str, dict[str, Any]] = {}
    texts: dict[str, str] = {}
    for frame in frames:
        piece = data(frame)
        channel, delta = piece["channel"], piece["delta"]
        if delta["type"] == "text_chunk":
            texts[channel] = texts.get(channel, "") + delta["text"]
        elif delta["type"] == "step_started":
            steps[delta["step"]["id"]] = dict(delta["step"])
            chains.setdefault(channel, []).append(steps[delta["step"]["id"]])
        else:
            side = "input" if delta["type"] == "tool_input_chunk" else "output"
            steps[delta["stepId"]][side] += delta["chunk"]
    if last.event == "final":
        told = {chain["channel"]: chain["steps"] for chain in data(last)["contentChains"]}
        tools = {name: [one for one in chain if one["type"] == "tool_use"] for name, chain in told.items()}
        assert {name: chain for name, chain in tools.items() if chain} == chains
        said = {name: "".join(one["text"] for one in chain if one["type"] == "text") for name, chain in told.items()}
        assert {name: text for name, text in said.items() if text} == texts
        assert all([one["index"] for one in chain] == list(range(len(chain))) for chain in told.values())


@given(random_logs())
def test_every_attachment_is_told_when_it_is_made_and_at_the_end(log: list[Event]) -> None:
    *frames, last = project(Flutch(), log)
    made = [data(frame)["attachment"] for frame in frames if data(frame)["type"] == "attachment"]
    if last.event == "final":
        assert data(last)["attachments"] == made


@given(st.permutations([0, 1, 2] * 4))
def test_parallel_tool_calls_whose_pieces_come_mixed_keep_their_own(order: list[int]) -> None:
    """Each call is spoken of four times: its beginning, two pieces of its arguments, the whole of them."""
    script = Script()
    writer = script.writer
    message = writer.message()
    told = [0, 0, 0]
    for call in order:
        name = f"call-{call}"
        match told[call]:
            case 0:
                writer.put(ToolStarted, id=name, name=f"tool-{call}", message_id=message)
            case 1 | 2:
                writer.put(ToolInputDelta, id=name, text=('{"n":', f"{call}}}")[told[call] - 1])
            case _:
                writer.put(ToolInput, id=name, name=f"tool-{call}", input={"n": call})
        told[call] += 1
    for call in reversed(range(3)):
        writer.put(ToolOutput, id=f"call-{call}", output={"was": call})
    end(script, "success")
    (chain,) = data(project(FlutchSdk(), script.log())[-1])["contentChains"]
    tools = {step["id"]: (step["name"], step["input"], step["output"]) for step in chain["steps"]}
    assert tools == {f"call-{call}": (f"tool-{call}", f'{{"n":{call}}}', f'{{"was":{call}}}') for call in range(3)}


def test_a_tools_output_is_cut_to_what_is_shown() -> None:
    script = Script()
    script.writer.put(ToolStarted, id="c", name="t", message_id=script.writer.message())
    script.writer.put(ToolInput, id="c", name="t", input={})
    script.writer.put(ToolOutput, id="c", output="x" * (MAX_TOOL_OUTPUT + 1))
    end(script, "success")
    pieces = [data(frame) for frame in project(Flutch(), script.log())]
    (output,) = [piece["chunk"] for piece in pieces if piece.get("type") == "tool_output_chunk"]
    assert len(output) == MAX_TOOL_OUTPUT


def test_arguments_that_came_whole_are_told_once() -> None:
    script = Script()
    script.writer.put(ToolStarted, id="c", name="t", message_id=script.writer.message())
    script.writer.put(ToolInput, id="c", name="t", input={"a": 1})
    end(script, "cancelled")
    *frames, last = project(FlutchSdk(), script.log())
    inputs = [data(frame)["delta"]["chunk"] for frame in frames if data(frame)["delta"]["type"] == "tool_input_chunk"]
    assert inputs == ['{"a":1}']
    assert data(last)["metadata"] == {"cancelled": True}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("error", {"message": "it failed", "code": "error"}),
        ("timeout", {"message": "streaming timeout after 30s", "code": "timeout"}),
    ],
)
def test_a_run_that_failed_or_ran_out_of_time_ends_with_error(how: str, said: dict[str, str]) -> None:
    script = Script()
    script.writer.text("half")
    end(script, how)
    frames = project(Flutch(), script.log())
    assert [frame.event for frame in frames] == ["stream_event", "error"]
    assert data(frames[-1]) == said


def test_a_widget_reads_the_answer_and_nothing_of_how_it_came_about() -> None:
    script = Script()
    script.writer.think("hm")
    script.writer.text("aside", "processing")
    script.writer.text("Hello")
    end(script, "success")
    frames = project(FlutchWidget(), script.log())
    assert [(frame.event, data(frame)["text"]) for frame in frames] == [("partial", "Hello"), ("final", "Hello")]
    assert data(frames[-1])["messageId"].startswith("msg-")
