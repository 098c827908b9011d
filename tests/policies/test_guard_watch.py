"""policies.guard_watch: what is looked for, once however often it is asked for, and what is refused."""

import pytest

from sluice.policies.guard_watch import Watch
from sluice.policies.guards import TextRules


def test_what_two_rules_look_for_is_looked_for_once_and_both_know() -> None:
    first = TextRules(name="first", builtins=("email", "ssn"), patterns=("a+",))
    second = TextRules(name="second", builtins=("ssn", "email"), patterns=("b", "a+"))
    watch = Watch([(0, first), (1, second)])
    assert [[(claim.rule.name, claim.what) for claim in claims] for claims in watch.claims] == [
        [("first", "pattern"), ("second", "pattern")],
        [("second", "pattern")],
        [("first", "ssn"), ("second", "ssn")],
        [("first", "email"), ("second", "email")],
    ]


@pytest.mark.parametrize(
    ("rule", "searches"),
    [
        (TextRules(patterns=("a",)), 1),
        (TextRules(builtins=("email",)), 1),
        (TextRules(builtins=("ssn",)), 1),
        (TextRules(builtins=("ssn", "phone_number")), 1),
        (TextRules(builtins=("ssn", "email")), 1),
        (TextRules(builtins=("ssn", "email"), patterns=("a", "b")), 2),
    ],
)
def test_nothing_is_begun_that_nobody_needs(rule: TextRules, searches: int) -> None:
    assert len(Watch([(0, rule)]).begin()) == searches


@pytest.mark.parametrize("pattern", ["a(", "(?=a)b", r"(a)\1", "(?<!a)b", "a{1000}{1000}", "a" * 1025])
def test_a_pattern_that_cannot_be_looked_for_is_refused_by_rule_and_pattern(pattern: str) -> None:
    fine = TextRules(name="fine", patterns=("a", "b"), builtins=("email",))
    wrong = TextRules(name="secrets", patterns=("a", pattern))
    with pytest.raises(ValueError, match=r"^secrets: the pattern '") as refused:
        Watch([(0, fine), (1, wrong)])
    assert pattern[:20].replace("\\", "\\\\") in str(refused.value)
    assert str(refused.value).count(": ") >= 2


def test_the_rule_for_which_text_waits_is_known() -> None:
    names = ("first", "second", "third")
    rules = [TextRules(name=name, patterns=(f"{name}.*!",)) for name in names]
    watch = Watch(list(enumerate(rules)))
    assert [watch.holder(f"{name} ...").name for name in names] == list(names)
    numbers = TextRules(name="numbers", builtins=("ssn",))
    assert Watch([(0, numbers), (1, rules[0])]).holder("123-45").name == "numbers"


def test_a_text_is_clean_if_no_kind_can_be_in_it() -> None:
    everything = TextRules(builtins=("ssn", "email", "phone_number", "credit_card", "ca_sin"), patterns=("x-[a-z]{4}",))
    watch = Watch([(0, everything)])
    for text in ("name", "seven 1234567"[6:], "", "x-ray", "a longer text without what they are made of"):
        assert watch.is_clean(text), text
    for text in ("a@b.io", "123-45-6789", "+1234567", "in x-rays"):
        assert not watch.is_clean(text), text
    assert Watch([(0, TextRules(builtins=("email",)))]).is_clean("123-45-6789")
