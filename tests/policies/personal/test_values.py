"""policies.personal by example: what is found, where, and what is passed over."""

import re

import pytest

from sluice.policies.guard_text import TextGuards
from sluice.policies.guards import Builtin, TextRules
from sluice.policies.personal import MASKS
from tests.policies.personal.found import FOUND
from tests.policies.personal.passed_over import PASSED_OVER

ALONE = {kind: TextGuards((TextRules(builtins=(kind,)),)) for kind in MASKS}
ALL = TextGuards((TextRules(builtins=tuple(MASKS)),))


def marked(kind: Builtin) -> list[tuple[Builtin, str]]:
    return [(kind, text) for text in FOUND[kind]]


@pytest.mark.parametrize(("kind", "text"), [pair for kind in MASKS for pair in marked(kind)])
def test_a_value_is_masked_and_nothing_beside_it(kind: Builtin, text: str) -> None:
    expected = re.sub("⟦.*?⟧", MASKS[kind], text)
    source = text.replace("⟦", "").replace("⟧", "")
    assert ALONE[kind].whole(source).text == expected
    channel = ALONE[kind].channel()
    assert "".join([channel.feed(letter).text for letter in source]) + channel.finish().text == expected


@pytest.mark.parametrize("text", PASSED_OVER)
def test_what_only_looks_like_a_value_passes(text: str) -> None:
    for around in ("{}", "It is {}.", "({})", "[{}]", "「{}」", "x: {}\n", "{}, {}"):
        source = around.replace("{}", text)
        assert ALL.whole(source).text == source


def test_there_are_enough_examples() -> None:
    assert sum(map(len, FOUND.values())) >= 100
    assert len(PASSED_OVER) >= 100
    assert len(set(PASSED_OVER)) == len(PASSED_OVER)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("046454286", "<CA_SIN>"),  # a social security number too
        ("046 454 286", "<CA_SIN>"),
        ("123456789", "<SSN>"),
        ("4155552671@example.com", "<EMAIL_ADDRESS>"),
    ],
)
def test_where_two_kinds_find_the_same_the_surer_one_names_it(text: str, expected: str) -> None:
    assert ALL.whole(text).text == expected
