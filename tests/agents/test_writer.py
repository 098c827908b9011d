"""The pen of a run: what is held, what is silent, what is bound, and what it opens and closes by itself."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.agents.bounds import Bounds
from sluice.errors import RunLimit
from sluice.runs.events import Data, Event, RunFinished, StepStarted, TextDelta, type_of
from sluice.runs.order import Brackets
from tests.runs.laws import ENDS, Player, Script, Verb, end, random_verbs


def kinds(events: list[Event]) -> list[str]:
    return [type_of(event) for event in events]


class Later:
    """Timers that the test lets run out."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def __call__(self, delay_s: float, call: Callable[[], None]) -> "Later":
        self.calls.append(call)
        return self

    def cancel(self) -> None:
        self.calls.clear()

    def run_out(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


def texts(script: Script) -> list[str]:
    return [event.text for event in script.log() if isinstance(event, TextDelta)]


def test_text_opens_its_message_and_block_and_the_end_closes_them() -> None:
    script = Script()
    script.writer.text("a")
    script.writer.think("b")
    script.writer.text("c", "processing", ("node",))
    script.writer.finish("success")
    assert kinds(script.log()) == [
        "run.started",
        "message.started",
        *("text.started", "text.delta", "text.finished"),
        *("reasoning.started", "reasoning.delta", "reasoning.finished"),
        *("text.started", "text.delta", "text.finished"),
        "message.finished",
        "run.finished",
    ]


def test_nothing_is_written_behind_the_end() -> None:
    script = Script()
    script.writer.finish("success")
    script.writer.text("x")
    script.writer.put(Data, name="x", value=1)
    script.writer.finish("cancelled")
    script.writer.fail("error", "x")
    assert kinds(script.log()) == ["run.started", "run.finished"]


def test_the_first_piece_goes_at_once_the_others_together_when_the_time_is_up() -> None:
    later = Later()
    script = Script(interval_s=0.1, later=later)
    for text in "abc":
        script.writer.text(text)
    assert texts(script) == ["a"]
    later.run_out()
    assert texts(script) == ["a", "bc"]
    script.writer.text("d")
    assert texts(script) == ["a", "bc"]
    later.run_out()
    later.run_out()  # a silence: the next piece goes at once again
    script.writer.text("e")
    assert texts(script) == ["a", "bc", "d", "e"]


@pytest.mark.parametrize("what", ["event", "block", "end"])
def test_held_text_goes_before_whatever_stands_behind_it(what: str) -> None:
    script = Script(interval_s=0.1, later=Later())
    script.writer.text("a")
    script.writer.text("b")
    if what == "event":
        script.writer.put(Data, name="x", value=1)
    elif what == "block":
        script.writer.think("x")
    else:
        script.writer.finish("success")
    assert texts(script) == ["a", "b"]
    assert type_of(script.log()[-1]) != "text.delta"


@settings(max_examples=40)
@given(random_verbs(), st.sampled_from(ENDS))
def test_holding_changes_the_number_of_pieces_and_nothing_that_is_said(verbs: list[Verb], how: str) -> None:
    plain, holding = Script(), Script(interval_s=0.1, later=Later())
    for script in (plain, holding):
        player = Player(script)
        for verb in verbs:
            player.do(verb)
        end(script, how)
    assert plain.writer.folded.messages() == holding.writer.folded.messages()
    spoken = {"text.delta", "reasoning.delta"}
    assert [kind for kind in kinds(plain.log()) if kind not in spoken] == [
        kind for kind in kinds(holding.log()) if kind not in spoken
    ]


@settings(max_examples=40)
@given(random_verbs(), random_verbs(), st.sampled_from(ENDS))
def test_a_silent_part_leaves_a_legal_log_in_which_only_what_is_open_is_said(
    silent: list[Verb], loud: list[Verb], how: str
) -> None:
    script = Script()
    player = Player(script)
    script.writer.mute()
    for verb in silent:
        player.do(verb)
    assert kinds(script.log()) == ["run.started"]
    script.writer.unmute()
    assert not {"text.delta", "reasoning.delta", "data", "usage"} & set(kinds(script.log()))
    for verb in loud:
        player.do(verb)
    end(script, how)
    brackets = Brackets()
    for event in script.log():
        brackets.step(event)
    assert brackets.ended


def test_words_are_counted_once_however_they_are_cut() -> None:
    script = Script()
    for piece in ("Once", " up", "on a", " ", "time"):
        script.writer.text(piece)
    assert script.writer.words == 4


def test_the_stopwatch_says_when_the_first_piece_came() -> None:
    script = Script()
    script.seconds = 0.25
    script.writer.text("abc")
    script.seconds = 1.0
    script.writer.finish("success")
    stats = script.log()[-1]
    assert isinstance(stats, RunFinished)
    assert (stats.stats.first_chunk_ms, stats.stats.chunks, stats.stats.characters) == (250, 1, 3)
    assert stats.stats.duration_ms == 1000


def test_a_full_log_takes_no_more_but_what_closes_it() -> None:
    script = Script(bounds=Bounds(events=5))
    script.writer.start_step("one")
    script.writer.text("a")
    with pytest.raises(RunLimit, match="the run has 5 events"):
        script.writer.text("b")
    script.writer.fail("too_large", "too much")
    log = script.log()
    assert kinds(log)[-4:] == ["text.finished", "message.finished", "step.finished", "run.failed"]
    assert any(isinstance(event, StepStarted) for event in log)
