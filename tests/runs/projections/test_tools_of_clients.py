"""A run that waits for a tool of its client: every protocol can be resumed in it at any place and names the tool."""

from functools import partial

import pytest

from sluice.runs.events import Event, InterruptRequested, InterruptResolved, ToolInput, ToolOutput, ToolStarted
from sluice.runs.projection import project
from sluice.runs.projections.ag_ui import AgUi
from sluice.runs.projections.table import PROJECTIONS
from tests.runs.laws import Script, check_resume

QUESTION = {"message": "paint is carried out by the client", "tool": "paint", "input": {"colour": "red"}}


def waiting() -> list[Event]:
    """Return the log of the run that called."""
    script = Script()
    pen = script.writer
    pen.text("Let me see.")
    pen.close_block()
    pen.put(ToolStarted, id="p", name="paint", message_id=pen.message())
    pen.put(ToolInput, id="p", name="paint", input={"colour": "red"})
    pen.close_message("tool_calls")
    pen.put(InterruptRequested, id="int-run-1-client-p-1", question=QUESTION, reason="tool", tool_id="p")
    pen.finish("interrupt")
    return script.log()


def going_on() -> list[Event]:
    """Return the log of the run that has what came of it."""
    script = Script()
    pen = script.writer
    pen.put(InterruptResolved, id="int-run-1-client-p-1", status="resolved", value="painted")
    pen.put(ToolStarted, id="p", name="paint", message_id=pen.message())
    pen.put(ToolInput, id="p", name="paint", input={"colour": "red"})
    pen.close_message("tool_calls")
    pen.put(ToolOutput, id="p", output="painted")
    pen.text("Done.")
    pen.finish("success")
    return script.log()


@pytest.mark.parametrize("name", PROJECTIONS)
@pytest.mark.parametrize("log", [waiting(), going_on()], ids=["waiting", "going on"])
def test_resuming_gives_what_the_reader_lacks(name: str, log: list[Event]) -> None:
    check_resume(PROJECTIONS[name], log)
    if log[-1] == waiting()[-1]:
        frames = [frame.data for frame in project(PROJECTIONS[name](), log)]
        assert any(b"paint" in data for data in frames) or name in ("flutch-widget", "text"), name


def test_a_page_that_carried_it_out_is_told_neither_the_call_nor_its_result_again() -> None:
    make = partial(AgUi, known=["p"], done=["p"])
    told = [frame.data for frame in project(make(), going_on())]
    assert not any(b"TOOL_CALL" in data for data in told)
    check_resume(make, going_on())
