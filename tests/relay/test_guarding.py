"""relay/guarding.py: which guards look at an answer, and how patient they are."""

import msgspec
import pytest

from sluice.policies.guards import TextRules
from sluice.relay.guarding import guarding
from sluice.relay.outcome import COMPLETED
from tests.relay.guarded import BANNED, SECRET, TONE, WORDS, folded, stream, whole
from tests.relay.relays import DONE, STOP, chunk, run, text
from tests.relay.test_guarded_whole import body


def test_guards_of_a_layer_that_is_open_for_streams_pass_over_streams_alone() -> None:
    rule, judge = (msgspec.structs.replace(guard, open_layer=True) for guard in (SECRET, WORDS))
    assert guarding([rule, judge], streams=True) is None
    assert guarding([], streams=False) is None
    found = guarding([rule, judge, BANNED, TONE], streams=True)
    assert found is not None
    assert found.judges == (TONE,)
    asked = guarding([rule, judge, TONE], streams=False)
    assert asked is not None
    assert asked.judges == (judge, TONE)
    alone = guarding([TONE], streams=True)
    assert alone is not None
    assert alone.texts is None


def test_rules_are_compiled_once() -> None:
    first, second = (guarding([TextRules(patterns=("once",))], streams=True) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.texts is second.texts


def test_a_pattern_that_cannot_be_used_is_named() -> None:
    with pytest.raises(ValueError, match=r"\(\?=a\)b"):
        guarding([TextRules(patterns=("(?=a)b",))], streams=True)


def test_of_an_answer_that_is_sent_as_a_whole_nothing_waits_too_long() -> None:
    for rule in (
        TextRules(patterns=("a{3,50}b",), max_hold_bytes=8, max_hold_s=0.001),
        TextRules(patterns=("a{3,50}b",), mode="buffer"),
    ):
        pieces = [text("a" * 20), text("c"), STOP, DONE]
        got, outcome = run(folded(rule), pieces)
        assert outcome == COMPLETED
        assert b"a" * 20 in got
        got, outcome = run(whole(rule), [body("a" * 20 + "c")])
        assert outcome == COMPLETED
    _, outcome = run(
        stream(TextRules(patterns=("a{3,50}b",), max_hold_bytes=8)), [text("a" * 20), chunk(finish="stop")]
    )
    assert outcome is not None
    assert outcome.kind == "blocked"
