"""What is shown beside an agent's answer."""

import io
from typing import Any

import pytest

from sluice.cli.chat_screen import Screen
from sluice.cli.chat_teller import SHOWN, Button, Teller, aside
from sluice.runs.events import (
    Artifact,
    Attachment,
    Event,
    InterruptRequested,
    Progress,
    StepStarted,
    TextDelta,
    ToolInput,
    ToolInputDelta,
    ToolStarted,
)
from sluice.runs.messages import TextPart

PLACE: dict[str, Any] = {"seq": 1, "run_id": "r", "thread_id": "t", "ts": 0}


def told(*events: Event, asks: bool = False, buttons: int = 0) -> tuple[str, Teller]:
    out = io.StringIO()
    teller = Teller(Screen(out), asks=asks, buttons=buttons)
    for event in events:
        teller.tell(event)
    return out.getvalue(), teller


def test_the_answer_is_on_the_screen_and_the_rest_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    shown, _ = told(
        StepStarted(id="s", name="look", **PLACE),
        Progress(value=0.25, note="a quarter", **PLACE),
        TextDelta(id="x", text="Once", **PLACE),
        Artifact(id="a", name="report", parts=(TextPart(text="x"),), description="of tea", **PLACE),
        Attachment(kind="chart", value={"bars": 2}, **PLACE),
    )
    assert shown == "Once\n"
    assert capsys.readouterr().err == '… look\n… 25% a quarter\n+ report of tea\n+ chart {"bars":2}\n'


def test_arguments_that_came_in_pieces_are_not_shown_twice() -> None:
    shown, _ = told(
        ToolStarted(id="c", name="add", message_id="m", **PLACE),
        ToolInputDelta(id="c", text='{"a":', **PLACE),
        ToolInputDelta(id="c", text="1}", **PLACE),
        ToolInput(id="c", name="add", input={"a": 1}, **PLACE),
    )
    assert shown == '→ add({"a":1}'


def test_buttons_are_numbered_on_from_those_before(capsys: pytest.CaptureFixture[str]) -> None:
    press = Attachment(kind="button", value={"label": "Pay", "token": "cb::x"}, **PLACE)
    _, teller = told(press, press, buttons=2)
    assert teller.buttons == [Button("Pay", "cb::x")] * 2
    assert capsys.readouterr().err == "[3] Pay\n[4] Pay\n"


@pytest.mark.parametrize(("asks", "hint"), [(True, ""), (False, "answer with: sluice chat --resume r …\n")])
def test_a_question_is_whole_and_says_how_it_is_answered_where_nobody_can_be_asked(
    asks: bool, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    question = "Why? " + "y" * 2 * SHOWN
    _, teller = told(InterruptRequested(id="q", question=question, **PLACE), asks=asks)
    assert [question.id for question in teller.questions] == ["q"]
    assert capsys.readouterr().err == f"? {question}\n{hint}"


def test_a_line_beside_the_answer_is_one_line_and_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    aside("a\x1b[2J\nb " + "x" * 500)
    said = capsys.readouterr().err
    assert said.startswith("a[2J b xxx")
    assert (said.count("\n"), len(said)) == (1, SHOWN)
