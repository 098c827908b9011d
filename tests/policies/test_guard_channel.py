"""policies.guard_channel: what waits and since which character; a channel that holds everything until the end."""

import pytest

from sluice.policies import guard_channel
from sluice.policies.guard_channel import Buffered, Passed, PlainText, both
from sluice.policies.guard_scan import OVERFLOW, Hit, Scan
from sluice.policies.guard_watch import Watch
from sluice.policies.guards import TextRules

RULE = TextRules(patterns=("ab+c",), mode="buffer", max_hold_bytes=4)
WATCH = Watch([(0, RULE)])


def plain() -> PlainText:
    return PlainText(Scan([WATCH]))


def buffered(rule: TextRules = RULE) -> Buffered:
    return Buffered(PlainText(Scan([WATCH], bounded=False)), rule)


def test_a_clean_piece_passes_as_the_same_object() -> None:
    piece = "a clean piece, long enough to be no constant"
    assert plain().feed(piece).text is piece


def test_each_piece_says_how_many_bytes_were_looked_at() -> None:
    through = plain()
    assert [through.feed(piece).scanned for piece in ("x", "é", "漢", "🙂", "ab", "")] == [1, 2, 3, 4, 2, 0]
    assert through.finish().scanned == 0


def test_it_is_known_what_waits_and_since_which_character() -> None:
    through = plain()
    seen = []
    for piece in ("xé", "a", "b", "b", "y", "ab", "c", ""):
        through.feed(piece)
        seen.append((through.held, through.waits_from))
    assert seen == [(0, 2), (1, 2), (2, 2), (3, 2), (0, 6), (2, 6), (0, 9), (0, 9)]


def test_what_waits_at_the_end_passes() -> None:
    through = plain()
    assert through.feed("xab") == Passed("x", (), None, 3)
    assert through.finish() == Passed("ab")
    assert through.held == 0


def test_two_calls_can_be_read_as_one() -> None:
    hit = Hit(RULE, "pattern", "mask")
    assert both(Passed("a", (hit,), None, 3), Passed("b", (), RULE, 4)) == Passed("ab", (hit,), RULE, 7)


def test_a_buffer_holds_everything_until_its_text_is_complete() -> None:
    through = buffered()
    assert [through.feed(piece) for piece in ("clean ", "ab", "bbbbbbbbc é")] == [Passed("")] * 3
    assert (through.held, through.waits_from) == (20, 0)
    assert through.overflow(lambda _: 1e9) == Passed("")  # it waits for no clock
    assert through.finish() == Passed("clean <masked> é", (Hit(RULE, "pattern", "mask"),), None, 20)
    assert through.held == 0


def test_a_buffer_says_that_its_text_was_rejected() -> None:
    rule = TextRules(action="reject", patterns=("c",), mode="buffer")
    through = Buffered(PlainText(Scan([Watch([(0, rule)])], bounded=False)), rule)
    through.feed("abcd")
    assert through.finish() == Passed("ab", (Hit(rule, "pattern", "reject"),), rule, 4)
    assert through.feed("x") == through.finish() == through.overflow(float) == Passed("", (), rule)


@pytest.fixture
def _small_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_channel, "MAX_BUFFER_BYTES", 8)


@pytest.mark.usefixtures("_small_buffer")
def test_a_text_that_no_buffer_holds_is_blocked() -> None:
    through = buffered()
    assert through.feed("12345678") == Passed("")
    assert through.feed("9") == Passed("", (Hit(RULE, OVERFLOW, "reject"),), RULE)
    assert through.feed("x") == through.finish() == Passed("", (), RULE)
    assert through.held == 0


@pytest.mark.usefixtures("_small_buffer")
def test_or_looked_at_as_it_comes_if_the_rule_says_so() -> None:
    rule = TextRules(patterns=("ab+c",), mode="buffer", on_overflow="release")
    through = buffered(rule)
    assert through.feed("1234567ab") == Passed("1234567", (Hit(rule, OVERFLOW, "release"),), None, 9)
    assert through.feed("bc!") == Passed("<masked>!", (Hit(RULE, "pattern", "mask"),), None, 3)
    assert through.finish() == Passed("")
