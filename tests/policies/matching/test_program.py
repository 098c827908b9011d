"""policies.matching.program: what would be too much is refused before it is made."""

import time

import pytest

from sluice.policies.matching import Finder, Pattern, Unsupported
from sluice.policies.matching.program import MAX_INSTRUCTIONS, Program


@pytest.mark.timed
@pytest.mark.parametrize(
    "pattern",
    [
        "a{1000}{1000}",
        "(?:a{1000}){1000}",
        "(?:a{60000}){60000}",
        "(?:(?:){60000}){60000}",
        r"(?:(?:\b|){60000}){60000}",
        "(?:a{0}){60000}",
        "a{3000}",
        "((a{9}){9}){99}",
    ],
)
def test_a_repeat_that_cannot_be_written_out_is_refused_at_once(pattern: str) -> None:
    began = time.process_time()
    with pytest.raises(Unsupported, match=r"count its repeats less far|multiple repeat"):
        Finder([Pattern(text=pattern)])
    assert time.process_time() - began < 2


def test_repeats_within_the_bound_are_written_out() -> None:
    program = Program()
    program.add("a{1,1000}")
    assert len(program.code) < MAX_INSTRUCTIONS
    assert Finder([Pattern(text="(?:ab){500}")]).find("ab" * 500)[0].end == 1000


def test_the_bound_is_one_patterns_own() -> None:
    assert len(Finder([Pattern(text="a{2000}|b")] * 5).find("b")) == 5


def test_repeats_of_what_may_be_empty_may_not_be_nested_without_end() -> None:
    assert Finder([Pattern(text="(?:(?:(?:(?:a?)*)*)*)*b")]).find("aab")[0].end == 3
    with pytest.raises(Unsupported, match="may be empty"):
        Finder([Pattern(text="(?:" * 9 + "a" + ")*" * 9)])


def test_patterns_share_instructions_of_classes_and_no_others() -> None:
    program = Program()
    first, second = program.add("[ab]")[0], program.add("[ab]")[0]
    assert first != second
    assert program.alphabet.bit("[\\U00000061\\U00000062]", 0) == program.alphabet.bit("[\\U00000061\\U00000062]", 0)
