"""Patterns that may run on strangers' text: what is allowed, and that what is allowed ends soon."""

import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sluice.config.pattern import MAX_PATTERN, MAX_SUBJECT, compile_pattern, matches


@pytest.mark.parametrize(
    "text",
    [
        "/openai/.*",
        "/v[0-9]+/models/[^/]+/.*",
        "/(chat|text)/completions",
        "^/a$",
        "/colou?r",
        r"/\d{1,3}(?:\.\d{1,3}){3}",
        "/(?P<name>[a-z]+)/x",
        r"/a\.b[\]x]*",
        "(?:ab)*",
        "/[a-z]*?/x",
        "/a++/b",
        "[]a]+",
        "",
    ],
)
def test_ordinary_patterns_are_allowed(text: str) -> None:
    assert compile_pattern(text).pattern == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(a+)+b", "inside a repeated group"),
        ("(a|a)*b", "inside a repeated group"),
        ("((ab)*)*", "inside a repeated group"),
        ("(.*){3}x", "could take too long"),
        (".*.*.*x", "could take too long"),
        ("[a-z]*[a-z]*[a-z]*1", "could take too long"),
        ("a?" * 30 + "a" * 30, "could take too long"),
        ("([a-z]+0?){50}", "could take too long"),
        ("[[a]", "not a regular expression"),
        ("(a|a)" * 30 + "b", "could take too long"),
        ("[ab]{0,50}" * 5 + "c", "could take too long"),
        ("a{1000}", "repetition count above 100"),
        (r"(a)\1", "back-references"),
        ("(?P<x>a)(?P=x)", "look-around and options"),
        ("(?=a)b", "look-around and options"),
        ("(?i)a", "look-around and options"),
        ("(?<!a)b", "look-around and options"),
        ("(a", "not a regular expression"),
        ("a**", "not a regular expression"),
        ("a" * (MAX_PATTERN + 1), "longer than 1024"),
    ],
)
def test_patterns_that_could_run_away_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        compile_pattern(text)


@pytest.mark.timed
@settings(max_examples=400, deadline=None)
@given(
    st.text(alphabet=list("aab.[]()|*+?{}0,5^\\d:-"), max_size=24),
    st.sampled_from(["a", "ab", "5", "aab"]),
    st.sampled_from(["", "!", "b"]),
)
def test_whatever_is_allowed_ends_soon(text: str, unit: str, tail: str) -> None:
    try:
        pattern = compile_pattern(text)
    except ValueError:
        assume(False)
    subject = (unit * MAX_SUBJECT)[: MAX_SUBJECT - len(tail)] + tail
    began = time.process_time()
    matches(pattern, subject)
    assert time.process_time() - began < 1.5


@pytest.mark.timed
def test_the_worst_allowed_shape_ends_soon() -> None:
    pattern = compile_pattern("[a-z]*a[a-z]*b")
    began = time.process_time()
    assert not matches(pattern, "a" * MAX_SUBJECT)
    assert time.process_time() - began < 1.0


def test_a_text_that_is_too_long_does_not_match() -> None:
    pattern = compile_pattern("a*")
    assert matches(pattern, "a" * MAX_SUBJECT)
    assert not matches(pattern, "a" * (MAX_SUBJECT + 1))


def test_the_whole_text_must_match() -> None:
    pattern = compile_pattern("/a|/b")
    assert matches(pattern, "/a")
    assert matches(pattern, "/b")
    assert not matches(pattern, "/ab")
    assert not matches(pattern, "x/a")
    assert not matches(pattern, "/a\n")
