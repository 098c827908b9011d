"""policies.guard_scan: what is done where rules meet, whatever the cuts, and with text that waits for too long."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.policies.guard_channel import Passed, PlainText
from sluice.policies.guard_scan import OVERFLOW, Hit, Scan, size
from sluice.policies.guard_watch import Watch
from sluice.policies.guards import Action, TextRules

Given = tuple[Action, str]


def rules(*given: Given) -> list[TextRules]:
    """Return a rule for each action and pattern. The word that stands for a match is the rule's place: <0>, <1> ..."""
    return [
        TextRules(name=f"rule {place}", action=action, patterns=(pattern,), mask=f"<{place}>")
        for place, (action, pattern) in enumerate(given)
    ]


def channel(given: list[TextRules]) -> PlainText:
    """Return a channel in which each rule looks for itself, with the bounds of its own."""
    return PlainText(Scan([Watch([(place, rule)]) for place, rule in enumerate(given)]))


def run(through: PlainText, *pieces: str) -> tuple[str, list[Hit], TextRules | None]:
    """Return all that passed, what was found, and who rejected."""
    steps: list[Passed] = [*(through.feed(piece) for piece in pieces), through.finish()]
    hits = [hit for step in steps for hit in step.hits]
    return "".join(step.text for step in steps), hits, steps[-1].rejected


@pytest.mark.parametrize(
    ("given", "text", "expected"),
    [
        ([("mask", "bc")], "abcd", "a<0>d"),
        ([("mask", "bc")], "bcbc", "<0><0>"),  # beside each other is not over each other
        ([("mask", "bc"), ("mask", "cd")], "abcde", "a<0>e"),
        ([("mask", "cd"), ("mask", "bc")], "abcde", "a<1>e"),  # the one that begins first
        ([("mask", "bcd"), ("mask", "bc")], "abcde", "a<0>e"),  # the earlier rule
        ([("mask", "bc"), ("mask", "bcd")], "abcde", "a<0>e"),
        ([("mask", "bcdef"), ("mask", "cd")], "abcdefg", "a<0>g"),
        ([("mask", "bc"), ("mask", "cd"), ("mask", "de")], "abcdef", "a<0>f"),  # a chain is one stretch
        ([("mask", "x*")], "abc", "abc"),  # a match of nothing is none
        ([("mask", "(?s).+")], "abc\nd", "<0>"),
        ([("mask", "^a|e$")], "aea e", "<0>ea <0>"),
    ],
)
def test_matches_that_overlap_are_one_stretch_with_one_word(given: list[Given], text: str, expected: str) -> None:
    assert run(channel(rules(*given)), text)[0] == expected
    assert run(channel(rules(*given)), *text)[0] == expected


@pytest.mark.parametrize(
    ("given", "text", "passes", "rejecting"),
    [
        ([("reject", "bc")], "abcd", "a", 0),
        ([("reject", "bc")], "bcd", "", 0),
        ([("mask", "a"), ("reject", "cd")], "abcd", "<0>b", 1),
        ([("mask", "bc"), ("reject", "cd")], "abcde", "a", 1),  # over a mask that begins before it
        ([("mask", "bcde"), ("reject", "cd")], "abcdef", "a", 1),  # inside of one
        ([("reject", "bcde"), ("mask", "cd")], "abcdef", "a", 0),  # around one
        ([("mask", "bc"), ("mask", "cd"), ("reject", "de")], "abcdef", "a", 2),  # at the end of a chain
        ([("mask", "cd"), ("reject", "bc")], "abcde", "a", 1),
        ([("reject", "d"), ("reject", "b")], "abcd", "a", 1),  # the one that begins first
        ([("reject", "bcd"), ("reject", "bc")], "abcd", "a", 0),  # the earlier rule
        ([("mask", "bc"), ("reject", "d")], "abcd", "a<0>", 1),  # behind a mask
        ([("mask", "bcdef"), ("reject", "ef"), ("reject", "de.*x")], "abcdefgx", "a", 2),  # known last, begins first
    ],
)
def test_rejecting_wins_over_masking(given: list[Given], text: str, passes: str, rejecting: int) -> None:
    among = rules(*given)
    for pieces in ([text], list(text)):
        passed, hits, rejected = run(channel(among), *pieces)
        assert passed == passes
        assert rejected == among[rejecting]
        assert hits[-1] == Hit(among[rejecting], "pattern", "reject")
        assert [hit.action for hit in hits[:-1]] == ["mask"] * passes.count("<")


def test_nothing_leaves_after_a_rejection() -> None:
    (rule,) = rules(("reject", "b"))
    through = channel([rule])
    assert through.feed("ab").rejected == rule
    assert through.feed("aaa") == through.finish() == through.overflow(float) == Passed("", (), rule)
    assert through.held == 0


def test_a_rule_is_counted_once_for_each_stretch() -> None:
    first, second = rules(("mask", "ab|bc"), ("mask", "[a-d]+"))
    both = TextRules(name="both", patterns=("xy", "yz", "x"))
    _, hits, _ = run(channel([first, second, both]), "abcd xyz ab")
    assert [(hit.rule.name, hit.what, hit.action) for hit in hits] == [
        ("rule 0", "pattern", "mask"),
        ("rule 1", "pattern", "mask"),
        ("both", "pattern", "mask"),
        ("rule 0", "pattern", "mask"),
        ("rule 1", "pattern", "mask"),
    ]


PATTERNS = [
    "a",
    "ab",
    "b+",
    "[ab]c",
    "a.*?c",
    "(?:ab|a)(?:c|bcd)?",
    "c{2,3}",
    r"\bd",
    "d$",
    "^a",
    "a[^d]{0,3}d",
    "[bd]+a",
]


def expected(given: list[TextRules], text: str) -> tuple[str, TextRules | None]:
    """Return what passes and who rejects, by `re` and the whole text."""
    found = sorted(
        (match.start(), place, match.end())
        for place, rule in enumerate(given)
        for match in re.finditer(rule.patterns[0], text)
        if match[0]
    )
    passes, at = "", 0
    while found:
        stretch, end = [found[0]], found[0][2]
        while len(stretch) < len(found) and found[len(stretch)][0] < end:
            end = max(end, found[len(stretch)][2])
            stretch.append(found[len(stretch)])
        passes += text[at : stretch[0][0]]
        rejecting = [given[place] for _, place, _ in stretch if given[place].action == "reject"]
        if rejecting:
            return passes, rejecting[0]
        passes, at, found = passes + given[stretch[0][1]].mask, end, found[len(stretch) :]
    return passes + text[at:], None


@settings(max_examples=600, deadline=None)
@given(
    given=st.lists(
        st.tuples(st.sampled_from(["mask", "mask", "reject"]), st.sampled_from(PATTERNS)), min_size=1, max_size=4
    ),
    text=st.text("abcd \n", max_size=24),
    cuts=st.lists(st.integers(0, 24), max_size=5),
    together=st.booleans(),
)
def test_the_result_is_that_of_the_whole_text(given: list[Given], text: str, cuts: list[int], together: bool) -> None:
    among = rules(*given)
    begin = (lambda: PlainText(Scan([Watch(list(enumerate(among)))]))) if together else (lambda: channel(among))
    at = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for pieces in ([text], [text[start:end] for start, end in pairwise(at)], list(text)):
        passed, _, rejected = run(begin(), *pieces)
        assert (passed, rejected) == expected(among, text)


# -- waiting too long -------------------------------------------------------------------------------------------------


def patient(pattern: str = "a[^z]*z", *, holds: int = 8, **more: object) -> TextRules:
    return TextRules(patterns=(pattern,), max_hold_bytes=holds, **more)  # type: ignore[arg-type]


def test_text_that_waits_for_too_many_bytes_is_blocked() -> None:
    rule = patient()
    through = channel([rule])
    assert through.feed("x abbbbbbb") == Passed("x ", (), None, 10)
    assert through.held == 8
    assert through.feed("b") == Passed("", (Hit(rule, OVERFLOW, "reject"),), rule, 1)
    assert through.held == 0


def test_bytes_are_counted_not_characters() -> None:
    through = channel([patient()])
    assert through.feed("a漢漢").rejected is None
    assert through.held == size("a漢漢") == 7
    assert through.feed("漢").rejected is not None


def test_a_match_may_be_longer_than_that_if_it_comes_at_once() -> None:
    assert run(channel([patient()]), "x abbbbbbbbbbbbbbbbz y")[0] == "x <masked> y"


def test_text_that_was_released_has_left_and_what_follows_of_a_match_is_masked() -> None:
    rule = patient(on_overflow="release")
    through = channel([rule])
    assert through.feed("x abbbbbbbb") == Passed("x abbbbbbbb", (Hit(rule, OVERFLOW, "release"),), None, 11)
    assert through.held == 0
    assert through.feed("cc") == Passed("", (), None, 2)
    assert through.feed("cz y") == Passed("<masked> y", (Hit(rule, "pattern", "mask"),), None, 4)


def test_text_that_goes_on_is_released_again_and_again() -> None:
    through = channel([patient(on_overflow="release")])
    steps = [through.feed(letter) for letter in "a" + "b" * 99]
    assert "".join(step.text for step in steps) + through.finish().text == "a" + "b" * 99
    assert sum(len(step.hits) for step in steps) == 11


def test_a_match_that_ended_in_text_that_was_released_still_rejects() -> None:
    rule = patient("ab.*", action="reject", on_overflow="release")
    through = channel([rule])
    assert through.feed("x abcccccccc").rejected is None
    assert through.feed("\ny") == Passed("", (Hit(rule, "pattern", "reject"),), rule, 2)


def test_the_rule_that_waits_decides_and_no_other_is_hurried() -> None:
    blocks, releases = patient("a[^z]*z"), patient("k[^z]*z", on_overflow="release")
    through = channel([blocks, releases])
    assert through.feed("kaaaaaaaaa").rejected == blocks
    through = channel([blocks, releases])
    assert through.feed("kbbbbbbbbb").text == "kbbbbbbbbb"
    slow = patient("b[^z]*z", holds=99)
    through = channel([slow, releases])
    assert through.feed("k" + "b" * 20).text == "k"  # from here on it waits for the other one
    assert through.feed("bz").text == "<masked>"


def test_of_rules_that_wait_alike_the_one_that_waits_is_named() -> None:
    first, second = patient("k[^z]*z", name="first"), patient("a[^z]*z", name="second")
    through = PlainText(Scan([Watch([(0, first), (1, second)])]))
    assert through.feed("abbbbbbbbb").rejected == second


def test_each_rule_has_a_clock_for_the_text_that_waits_for_it() -> None:
    quick = patient("k[^z]*z", max_hold_s=0.1, on_overflow="release")
    slow = patient("a[^z]*z", max_hold_s=9.0)
    through = channel([quick, slow])
    assert through.overflow(lambda _: 9.0) == Passed("")  # nothing waits
    through.feed("a")
    through.feed("k")
    assert through.overflow(lambda count: 8.9 if count == 2 else 0.09) == Passed("")
    released = Passed("", (Hit(quick, OVERFLOW, "release"),))  # it waits for the slow one still
    assert through.overflow(lambda count: 8.9 if count == 2 else 0.1) == released
    assert through.overflow(lambda count: 9.0 if count == 2 else 0.0) == Passed(
        "", (Hit(slow, OVERFLOW, "reject"),), slow
    )
    for_ever = channel([patient("a[^z]*z", max_hold_s=0.0)])
    for_ever.feed("a")
    assert for_ever.overflow(lambda _: 1e9) == Passed("")
