"""Rules of a file: which request gets which fault."""

import pytest

from sluice.testing.fake_fault import Fault
from sluice.testing.fake_rules import Match, Rule, Rules, read

CHAT = ("chat", "/v1/chat/completions", "gpt-4o")


def tags(rules: Rules, *requests: tuple[str, str, str]) -> list[str]:
    found = [rules.pick(*each, free=True) for each in requests]
    return ["" if fault is None else fault.tag for fault in found]


def test_the_first_rule_that_matches_is_taken_as_often_as_it_says() -> None:
    rules = Rules([Rule(fault=Fault(tag="a"), times=2), Rule(fault=Fault(tag="b"))])
    assert tags(rules, CHAT, CHAT, CHAT, CHAT) == ["a", "a", "b", "b"]
    rules.reset()
    assert tags(rules, CHAT) == ["a"]


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        (Match(), True),
        (Match(dialect="chat"), True),
        (Match(dialect="messages"), False),
        (Match(path="/v1/chat/completions"), True),
        (Match(path="/v1/chat"), False),
        (Match(path="/v1/*"), True),
        (Match(model="gpt-*"), True),
        (Match(model="GPT-*"), False),
        (Match(dialect="chat", path="*/completions", model="gpt-4o"), True),
        (Match(dialect="chat", model="gpt-5"), False),
    ],
)
def test_everything_that_a_match_names_has_to_fit(match: Match, hit: bool) -> None:
    rules = Rules([Rule(fault=Fault(tag="x"), match=match)])
    assert tags(rules, CHAT) == ["x" if hit else ""]


def test_the_nth_is_counted_among_those_that_match_otherwise() -> None:
    rules = Rules([Rule(fault=Fault(tag="x"), match=Match(model="m", nth=2))])
    other = ("chat", "/", "n")
    assert tags(rules, ("chat", "/", "m"), other, other, ("chat", "/", "m"), ("chat", "/", "m")) == [
        "",
        "",
        "",
        "x",
        "",
    ]


def test_a_request_with_a_fault_of_its_own_is_counted_and_takes_nothing() -> None:
    rules = Rules([Rule(fault=Fault(tag="once"), times=1), Rule(fault=Fault(tag="second"), match=Match(nth=2))])
    assert rules.pick(*CHAT, free=False) is None
    assert tags(rules, CHAT, CHAT) == ["once", ""]


def test_yaml_and_json_say_the_same() -> None:
    yaml = "- match: {dialect: chat, nth: 3}\n  fault:\n    at: {event: 4}\n    end: rst\n  times: 1\n"
    yaml += "- fault: {status: 503}\n"
    json = (
        '[{"match": {"dialect": "chat", "nth": 3}, "fault": {"at": {"event": 4}, "end": "rst"}, "times": 1},'
        ' {"fault": {"status": 503}}]'
    )
    assert read(yaml) == read(json)
    assert len(read(yaml)) == 2
    assert read("") == read("[]") == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fault: {}", "Expected `array`, got `object`"),
        ("- match: {}", "missing required field `fault` - at `$[0]`"),
        ("- {fault: {status: 503, end: fin}}", "instead of the answer, which `end` is about - at `$[0].fault`"),
        ("- {fault: {headers: {retry-after: 2}}}", "Expected `str`, got `int` - at `$[0].fault.headers[...]`"),
        ("- {fault: {}, match: {dialect: openai}}", "Invalid enum value 'openai' - at `$[0].match.dialect`"),
        ("- {fault: {}, times: 0}", ">= 1"),
        ("- {fault: {}\n- x", "it is no YAML: "),
        ("- !!python/object:x {}", "it is no YAML: "),
        ("[" * 100_000, "it is no YAML: "),
    ],
)
def test_what_is_no_list_of_rules_is_refused_and_the_place_named(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read(text)
    assert sentence in str(caught.value)
