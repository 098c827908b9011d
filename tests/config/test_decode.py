"""Hints, and the decoder's words."""

import re
from typing import Literal

import pytest

from sluice.config.core_api import Schema
from sluice.config.decode import MAX_TRIES, closest, decode
from sluice.config.faults import Faults
from sluice.config.source import Source, read
from sluice.config.units import Size
from sluice.config.unserved import Ignored, Later, refuse_unserved
from sluice.errors import ConfigError

from .loading import LATER


class Inner(Schema):
    word: Literal["red", "green"] = "red"
    size: Size | None = None
    later: Later = None
    ignored: Ignored = None


class Outer(Schema):
    items: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] | None = None
    number: int | None = None
    either: str | Inner = ""


def complaints(text: str) -> list[str]:
    faults = Faults()
    (document,) = read(Source("f", text), faults)
    value = decode(document, Outer, faults)
    if value is not None:
        refuse_unserved(document, value, faults)
    with pytest.raises(ConfigError) as caught:
        faults.check()
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("items: [{word: gren}]", "f:1: items[0].word: unknown value `gren` (did you mean `green`?)"),
        ("items: [{wrd: red}]", "f:1: items[0].wrd: unknown field (did you mean `word`?)"),
        ("items: [{size: big}]", "f:1: items[0].size: expected a number of bytes such as `16777216`, `256Ki` or `1Mi`"),
        ("byName: {a: {word: 5}}", "f:1: byName.a.word: expected a string, not a whole number"),
        ("byName: {a: {wrd: 5}}", "f:1: byName.a.wrd: unknown field (did you mean `word`?)"),
        ("byName: {a: {}, b: {word: 5}, c: {}}", "f:1: byName.b.word: expected a string, not a whole number"),
        ("number: x", "f:1: number: expected a whole number, not a string"),
        ("number: 1.5", "f:1: number: expected a whole number, not a number"),
        ("either: [1]", "f:1: either: expected a string or a mapping, not a list"),
        ("by_name: {}", "f:1: by_name: unknown field (did you mean `byName`?)"),
        (
            "items: [{later: 0}]",
            "f:1: items[0].later: `later`" + LATER,
        ),
        (
            "byName: {k: {later: {}}}",
            "f:1: byName.k.later: `later`" + LATER,
        ),
    ],
)
def test_complaints(text: str, expected: str) -> None:
    assert complaints(text) == [expected]


def test_what_is_not_set_is_not_refused() -> None:
    faults = Faults()
    (document,) = read(Source("f", "items: [{later: null, ignored: {any: [thing]}}, {later: []}]"), faults)
    value = decode(document, Outer, faults)
    refuse_unserved(document, value, faults)
    assert not faults


def test_the_number_of_complaints_of_a_document_is_bounded() -> None:
    text = "\n".join(f"unknown{i}: 1" for i in range(MAX_TRIES + 10))
    assert len(complaints(text)) == MAX_TRIES


@pytest.mark.parametrize(
    ("word", "words", "hint"),
    [
        ("provder", ["provider", "providers", "x"], "did you mean `provider`?"),
        ("OPENAI", ["openAI", "gemini"], "did you mean `openAI`?"),
        ("zzz", ["b", "a"], "expected one of: a, b"),
        ("zzz", [str(i) for i in range(20)], ""),
        ("zzz", [], ""),
    ],
)
def test_the_closest_word(word: str, words: list[str], hint: str) -> None:
    assert closest(word, words) == hint


class Named(Schema):
    name: str


class Either(Schema):
    values: tuple[Named, ...] | dict[str, str]


@pytest.mark.parametrize(
    ("text", "path"),
    [("values: {a: b, c: 1}", "values.c"), ("values: [{name: a}, {name: 1}]", "values[1].name")],
)
def test_of_two_forms_the_one_that_is_written_is_told_about(text: str, path: str) -> None:
    faults = Faults()
    (document,) = read(Source("f.yaml", text), faults)
    assert decode(document, Either, faults) is None
    with pytest.raises(ConfigError, match=f"^f.yaml:1: {re.escape(path)}: expected a string, not a whole number"):
        faults.check()


class Typed(Schema):
    number: int
    text: str
    either: int | str
    anything: Ignored = None
    numbers: tuple[int, ...] = ()


def test_what_came_from_a_variable_is_a_text_or_a_number_as_the_schema_wants_it() -> None:
    text = "{number: '$N', text: $N, either: $N, anything: '$N', numbers: ['$N', $N]}"
    (document,) = read(Source("f", text), Faults(), lambda _: lambda _: ("12", {"N": "12"}))
    found = decode(document, Typed, Faults())
    assert found == Typed(number=12, text="12", either=12, anything="12", numbers=(12, 12))


def test_what_came_from_a_variable_and_is_neither_is_told_once() -> None:
    faults = Faults()
    (document,) = read(
        Source("f", "{number: '$N', text: t, either: e}"),
        faults,
        lambda _: lambda s: (s[:1] == "$" and ("1.5", {"N": "1.5"})) or (s, {}),
    )
    assert decode(document, Typed, faults) is None
    with pytest.raises(ConfigError, match=r"^f:1: number: expected a whole number, not"):
        faults.check()
