"""relay/windows.py: questions, verdicts, and what is seen after them."""

import msgspec
import pytest

from sluice.chat.content import Citation
from sluice.chat.events import ChoiceFinished, Cited, Ended, Event, Leftover, Reported, Sealed, Started, ToolCallDelta
from sluice.chat.seal import Seal
from sluice.chat.usage import Usage
from sluice.errors import PolicyUnavailable
from sluice.policies.guards import Judge, Rejection
from sluice.policies.judges import PASS, Changed, JudgeFailed, Rejected, Verdict
from sluice.relay.actions import Ask
from sluice.relay.guard import Guard
from sluice.relay.guarding import Blocked
from tests.relay.guarded import SECRET, TONE, WORDS, answer, calls, machine, says, spoken


def judged(guard: Guard, events: list[Event], *verdicts: Verdict | JudgeFailed) -> tuple[list[Event], list[Ask]]:
    """Feed all events at once, then answer each question; the rest passes."""
    out = list(guard.take(events, 1.0))
    asked: list[Ask] = []
    left = list(verdicts)
    while (question := guard.ask()) is not None:
        asked.append(question)
        out += guard.answer(left.pop(0) if left else PASS)
    return out, asked


def test_a_whole_answer_is_one_question() -> None:
    thought = Sealed(0, Seal("o", "reasoning", "x"))
    cited = Cited(0, Citation(url="https://a", title="T", quote="Q"))
    events = answer(
        *says("One. "), *says("Two."), thought, *calls("f", '{"a":', "1}"), cited, *says("Three", choice=1), choices=2
    )
    guard = machine(WORDS, streams=False)
    out, asked = judged(guard, events)
    assert [question.texts for question in asked] == [("One. Two.", "f", '{"a":1}', "T\nQ\nhttps://a", "Three")]
    assert asked[0].choices == (0, 0, 0, 0, 1)
    assert [event for event in out if getattr(event, "choice", 0) == 0][:8] == events[:8]
    assert sorted(map(repr, out)) == sorted(map(repr, events))
    assert guard.complete


def test_what_has_no_text_is_not_asked_about_and_nothing_waits_for_it() -> None:
    guard = machine(WORDS)
    plain: list[Event] = [Started("a", "m"), Reported(Usage()), ChoiceFinished(0, "stop", "stop"), Ended()]
    assert list(guard.take(plain, 1.0)) == plain
    assert guard.ask() is None
    assert guard.complete


def test_members_that_no_judge_is_asked_about_are_left_out_unless_they_are_known_and_short() -> None:
    guard = machine(WORDS, streams=False)
    short, long = msgspec.Raw(b'"default"'), msgspec.Raw(b'"%b"' % (b"x" * 100))
    events = [
        Leftover("", 0, {"service_tier": short, "system_fingerprint": long, "foo": short}),
        Leftover("choice", 0, {"zoo": short}),
        Leftover("delta", 0, {"a": short}),
    ]
    assert list(guard.take(events, 1.0)) == [Leftover("", 0, {"service_tier": short})]


def test_each_judge_is_asked_about_what_the_one_before_it_left() -> None:
    events = answer(*says("One", choice=0), *says("Two", choice=1), choices=2)
    out, asked = judged(machine(WORDS, TONE, streams=False), events, Changed(("", "2")))
    assert [(question.judge.name, question.texts, question.choices) for question in asked] == [
        ("words", ("One", "Two"), (0, 1)),
        ("tone", ("2",), (1,)),
    ]
    assert (spoken(out), spoken(out, 1)) == ("", "2")
    out, asked = judged(machine(WORDS, TONE, streams=False), answer(*says("One")), Changed(("",)))
    assert len(asked) == 1
    assert spoken(out) == ""


def test_the_text_rules_look_first() -> None:
    _, asked = judged(machine(WORDS, SECRET), answer(*says("SECRET-", "1234.")))
    assert asked[0].texts == ("<masked>.",)


@pytest.mark.parametrize("verdict", [Rejected(Rejection(status=400, message="no")), JudgeFailed("x"), Changed(())])
def test_a_guard_says_no_or_cannot_say_yes(verdict: Verdict | JudgeFailed) -> None:
    guard = machine(WORDS)
    with pytest.raises(Blocked) as blocked:
        judged(guard, answer(*says("a.")), verdict)
    assert blocked.value.legal is isinstance(verdict, Rejected)
    assert isinstance(blocked.value.error, PolicyUnavailable) is not isinstance(verdict, Rejected)
    assert guard.facts().blocked_by == "words"


def test_one_that_fails_open_is_counted() -> None:
    guard = machine(Judge(name="w", fails_open=True))
    out, _ = judged(guard, answer(*says("a.")), JudgeFailed("x"))
    assert spoken(out) == "a."
    assert guard.facts().failed_open == 1


@pytest.mark.parametrize(
    ("pieces", "text", "passes"),
    [
        (['{"a":', '"b"}'], '{"a":"c"}', True),
        (['{"a":', '"b"}'], '{"a":', False),
        (["x" * 1024, "y"], "{}", False),
    ],
)
def test_arguments_are_changed_as_a_whole_and_to_json_or_not_at_all(pieces: list[str], text: str, passes: bool) -> None:
    guard = machine(WORDS)
    name, *arguments = calls("f", *pieces)
    guard.take([name, arguments[0]], 1.0)
    guard.ask()
    guard.answer(PASS)
    guard.take([*arguments[1:], ChoiceFinished(0, "tool_calls", "x")], 1.0)
    question = guard.ask()
    assert question is not None
    if passes:
        assert guard.answer(Changed((text,)))[0] == ToolCallDelta(0, 0, text)
        assert guard.facts().hits == (("words", "mask", 1),)
    else:
        with pytest.raises(Blocked) as blocked:
            guard.answer(Changed((text,)))
        assert blocked.value.legal
        assert guard.facts().hits == (("words", "reject", 1),)


def test_hits_tell_what_was_changed_and_by_whom() -> None:
    guard = machine(WORDS, streams=False)
    judged(guard, answer(*says("One", choice=0), *says("Two", choice=1), choices=2), Changed(("One", "2")))
    assert guard.facts().hits == (("words", "mask", 1),)
    assert guard.facts().checks == 1
