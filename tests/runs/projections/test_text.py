"""What a plain-text client is told of a run."""

from hypothesis import given, settings

from sluice.runs.events import Event, TextDelta
from sluice.runs.projection import project
from sluice.runs.projections.text import PlainText
from tests.runs.laws import Script, check_resume, end, random_logs

NOTICE = "\n[Error: Stream interrupted]"


def spoken(log: list[Event]) -> list[str]:
    return [PlainText.spoken(frame) for frame in project(PlainText(), log)]


@settings(max_examples=40)
@given(log=random_logs(15))
def test_each_chunk_of_the_answer_is_a_message_as_it_is_and_done_is_the_last(log: list[Event]) -> None:
    said = spoken(log)
    pieces = [event.text for event in log if isinstance(event, TextDelta) and event.channel == "text"]
    assert said[: len(pieces)] == pieces
    assert said[-1] == "[DONE]"
    assert len(said) <= len(pieces) + 2


@settings(max_examples=25)
@given(log=random_logs(10))
def test_resuming_gives_what_the_reader_lacks(log: list[Event]) -> None:
    check_resume(PlainText, log)


def test_what_was_cut_short_says_so_and_a_question_is_said() -> None:
    for how, last in (("error", NOTICE), ("timeout", NOTICE), ("interrupt", "Go on?"), ("cancelled", "so\nfar")):
        script = Script()
        script.writer.text("so\nfar")
        end(script, how)
        assert spoken(script.log())[-2:] == [last, "[DONE]"], how
