"""policies.guard_text: rules compiled once, for any number of texts."""

import time

import pytest

from sluice.policies.guard_text import Passed, TextGuards
from sluice.policies.guards import TextRules
from sluice.policies.personal import MASKS

ALL = TextRules(builtins=tuple(MASKS), patterns=("sk-[a-z]{4,}",))


def test_no_rule_finds_nothing() -> None:
    for rules in ([], [TextRules()]):
        guards = TextGuards(rules)
        assert guards.whole("123-45-6789") == Passed("123-45-6789", (), None, 11)
        assert guards.channel().feed("4111111111111111").text == "4111111111111111"


def test_a_refused_pattern_is_refused_here() -> None:
    with pytest.raises(ValueError, match="secrets"):
        TextGuards([TextRules(name="secrets", patterns=("(?=x)",))])


@pytest.mark.parametrize("mode", ["incremental", "buffer"])
def test_all_four_ways_give_the_same(mode: str) -> None:
    guards = TextGuards([TextRules(builtins=ALL.builtins, patterns=ALL.patterns, mode=mode)])  # type: ignore[arg-type]
    text = '{"to": "john@example.com.", "ssn": "123-45-6789"}'
    expected = '{"to": "<EMAIL_ADDRESS>.", "ssn": "<SSN>"}'
    assert guards.whole(text).text == guards.whole_json(text).text == expected
    for channel in (guards.channel(), guards.json_channel()):
        assert "".join([channel.feed(letter).text for letter in text]) + channel.finish().text == expected


def test_one_rule_that_buffers_holds_the_text_for_all() -> None:
    guards = TextGuards([ALL, TextRules(patterns=("x",), mode="buffer")])
    assert guards.buffers
    assert not TextGuards([ALL]).buffers
    for channel in (guards.channel(), guards.json_channel()):
        assert channel.feed("[1]") == Passed("")
        assert channel.held == 3
        assert channel.finish().text == "[1]"


def test_a_whole_text_waits_for_nothing_and_is_never_too_long() -> None:
    guards = TextGuards([TextRules(patterns=("(?s)BEGIN.*?END",), max_hold_bytes=10)])
    text = f"BEGIN{'x' * 10_000}END BEGIN{'y' * 10_000}"
    assert guards.whole(text).text == f"<masked> BEGIN{'y' * 10_000}"
    assert guards.whole_json(f'"{text}"').text == f'"<masked> BEGIN{"y" * 10_000}"'
    assert guards.channel().feed(text).rejected is not None


def test_the_least_patient_rule_says_how_long_text_may_wait() -> None:
    waits = [TextRules(patterns=("a",), max_hold_s=seconds) for seconds in (0.0, 3.0, 1.5)]
    assert TextGuards([TextRules(max_hold_s=1.0), *waits]).max_hold_s == 1.5  # the first looks for nothing
    assert TextGuards(waits[:1]).max_hold_s == TextGuards([]).max_hold_s == 0.0  # for ever


def test_rules_with_other_bounds_look_at_the_same_original_text() -> None:
    guards = TextGuards(
        [
            TextRules(patterns=("secret",), mask="***", max_hold_bytes=100),
            TextRules(patterns=("cret agent",), mask="---", max_hold_bytes=200),
        ]
    )
    assert guards.whole("a secret agent").text == "a ***"


def test_many_texts_are_looked_at_at_once() -> None:
    guards = TextGuards([ALL])
    channels = [guards.channel() for _ in range(3)]
    out = ["", "", ""]
    for letters in zip("to a@b.io, ok", "123-45-6789, ", "sk-abcdefgh, ", strict=True):
        for place, letter in enumerate(letters):
            out[place] += channels[place].feed(letter).text
    assert [text + channel.finish().text for text, channel in zip(out, channels, strict=True)] == [
        "to <EMAIL_ADDRESS>, ok",
        "<SSN>, ",
        "<masked>, ",
    ]


@pytest.mark.timed
@pytest.mark.parametrize(
    "text", ["a@b.io " * 20_000, "123-45-6789," * 12_000, "sk-abcde " * 15_000, "x\\n\\u0061@b.io " * 10_000]
)
def test_a_text_full_of_values_takes_linear_time(text: str) -> None:
    guards = TextGuards([ALL])
    for source in (text, f'"{text}"'):
        began = time.process_time()
        passed = guards.whole_json(source)
        assert time.process_time() - began < len(text) * 100e-6  # some 3 microseconds; quadratic would be a minute
        assert len(passed.hits) >= 10_000
