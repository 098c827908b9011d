"""policies.guard_json: values are found in decoded strings, names and numbers; all the rest passes byte for byte."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.policies.guard_json import MAX_GAP, MAX_WORD
from sluice.policies.guard_scan import OVERFLOW, Hit
from sluice.policies.guard_text import Channel, Passed, TextGuards
from sluice.policies.guards import TextRules
from sluice.policies.personal import MASKS

RULE = TextRules(builtins=tuple(MASKS), patterns=("secret-[^ ]+", "k{3}"), mask='"\\<é>')
GUARDS = TextGuards([RULE])


def through(source: str, *cuts: int) -> str:
    channel = GUARDS.json_channel()
    at = [0, *cuts, len(source)]
    passed = [channel.feed(source[start:end]).text for start, end in pairwise(at)]
    return "".join(passed) + channel.finish().text


def everywhere(source: str) -> set[str]:
    """Return what becomes of a source: whole, cut once at each place, and in pieces of one character."""
    once = {through(source, cut) for cut in range(len(source) + 1)}
    return once | {through(source, *range(len(source))), GUARDS.whole_json(source).text}


@pytest.mark.parametrize(
    "source",
    [
        "{}",
        " [ ] ",
        '{"a":1,"b":[true,false,null],"c":{"d":"e"}}',
        '{ "a" :\n\t-1.50e+3 , "\\u0062" : "\\/\\u00e9\\ud83d\\ude00é" }',
        '"just a string"',
        "42",
        "",
        "[1732195800123, 3.141592653589793, 4111111111111112]",
        '{"a": [[[[[[[[["deep"]]]]]]]]]}',
        '{"a": NaN, "b": -Infinity}',
    ],
)
def test_what_holds_no_value_passes_byte_for_byte(source: str) -> None:
    assert everywhere(source) == {source}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{"ssn": "123-45-6789"}', '{"ssn": "<SSN>"}'),
        ('{"123-45-6789": 1}', '{"<SSN>": 1}'),
        ('["\\n123-45-6789\\n"]', '["\\n<SSN>\\n"]'),
        ('["\\"123-45-6789\\""]', '["\\"<SSN>\\""]'),
        ('["a\\\\n123-45-6789"]', '["a\\\\n<SSN>"]'),  # source code in a string
        ('["j\\u006fhn\\u0040example.com."]', '["<EMAIL_ADDRESS>."]'),
        ('["\\u0031\\u0032\\u0033-45-678\\u0039"]', '["<SSN>"]'),
        ('["\\ud83d\\ude00123-45-6789\\uD83D\\uDE00"]', '["\\ud83d\\ude00<SSN>\\uD83D\\uDE00"]'),
        ('["é123-45-6789/\\/"]', '["é<SSN>/\\/"]'),
        ('{"card": 4111111111111111}', '{"card": "<CREDIT_CARD>"}'),
        ('{"card": -4111111111111111 }', '{"card": "-<CREDIT_CARD>" }'),
        ("[123456789,1,4111111111111111]", '["<SSN>",1,"<CREDIT_CARD>"]'),
        ("4111111111111111", '"<CREDIT_CARD>"'),
        ("[1,22, 333,4111111111111111,5,\n6, 7 ,8]", '[1,22, 333,"<CREDIT_CARD>",5,\n6, 7 ,8]'),
        (" 4111111111111111 ", ' "<CREDIT_CARD>" '),
        ('["secret-x"]', '["\\"\\\\<é>"]'),  # a word is written as JSON wants it
        ('["secret-\\"\\n\\u0041 b"]', '["\\"\\\\<é> b"]'),
        ('["kk","k"]', '["kk","k"]'),  # each string is a text of its own
        ('{"kk":"k"}', '{"kk":"k"}'),
    ],
)
def test_a_value_is_masked_and_the_rest_stays_as_it_was_written(source: str, expected: str) -> None:
    assert everywhere(source) == {expected}
    json.loads(expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('call 415-555-2671, "or" 4111 1111 1111 1111', 'call <PHONE_NUMBER>, "or" <CREDIT_CARD>'),
        ('{"a": 4111 1111 1111 1111}', '{"a": <CREDIT_CARD>}'),
        ('{"a": 4111-1111-1111-1111}', '{"a": "<CREDIT_CARD>"}'),
        ("{'a': '123-45-6789'}", "{'a': '<SSN>'}"),
        ("{a: 123-45-6789}", "{a: <SSN>}"),
        ("true 123-45-6789", "true <SSN>"),
        ("tru, 123-45-6789", "tru, <SSN>"),
        ("nothing, 123-45-6789", "nothing, <SSN>"),
        ('"abc" 123-45-6789', '"abc" <SSN>'),
        ('"abc" "123-45-6789"', '"abc" "<SSN>"'),
        ("{} 123-45-6789", '{} "<SSN>"'),
        ("[123 45 6789]", "[<SSN>]"),
        ("+1 (415) 555-2671", "<PHONE_NUMBER>"),
        ('{"a": "123-45-6789', '{"a": "<SSN>'),
        ('{"a": "123-45-6789\\', '{"a": "<SSN>\\'),
        ('{"a": "x\\u00', '{"a": "x\\u00'),
        ('{"a": tru', '{"a": tru'),
        ('{"a": 123456789', '{"a": "<SSN>"'),
        ('["123\\-45\\-6789"]', '["<SSN>"]'),
        ('["123-45-6789\n"]', '["<SSN>\n"]'),
        ('}}]] "123-45-6789" :::', '}}]] "<SSN>" :::'),
    ],
)
def test_what_is_no_json_leaks_nothing_either(source: str, expected: str) -> None:
    assert everywhere(source) == {expected}


SOURCES = st.lists(
    st.sampled_from(
        [
            *(
                '"',
                "\\",
                "\\u00",
                "31",
                "\\n",
                "{",
                "}",
                "[",
                "]",
                ",",
                ":",
                " ",
                "\n",
                "tr",
                "ue",
                "null",
                "-",
                "e",
                "k",
            ),
            *(
                "123-45-6789",
                "4111111111111111",
                "1",
                "(",
                "kkk",
                "secret-",
                "é",
                "\ud83d",
                "\\ud83d",
                "\\ude00",
                "x" * 9,
            ),
        ]
    ),
    max_size=24,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(source=SOURCES, cuts=st.lists(st.integers(0, 100), max_size=6))
def test_any_text_gives_the_same_however_it_is_cut(source: str, cuts: list[int]) -> None:
    whole = GUARDS.whole_json(source).text
    assert through(source, *sorted(min(cut, len(source)) for cut in cuts)) == whole
    assert through(source, *range(len(source))) == whole


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@given(value=JSON, indent=st.sampled_from([None, 1]), ascii_only=st.booleans())
def test_json_stays_json(value: object, indent: int | None, ascii_only: bool) -> None:
    source = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    passed = GUARDS.whole_json(source)
    json.loads(passed.text)
    if not passed.hits:
        assert passed.text == source


# -- what waits -------------------------------------------------------------------------------------------------------


def waits(channel: Channel, *pieces: str) -> list[tuple[int, int]]:
    seen = []
    for piece in pieces:
        channel.feed(piece)
        seen.append((channel.held, channel.waits_from))
    return seen


def test_a_number_waits_for_what_follows_it_and_a_string_only_for_a_value() -> None:
    channel = GUARDS.json_channel()
    pieces = ['{"a": ', "12", " ", ', "漢', "clean, ", "secret-", "é", "\\u00", '41"', "} tru", "e"]
    assert waits(channel, *pieces) == [
        (0, 6),
        (2, 6),
        (3, 6),
        (0, 13),
        (0, 20),
        (7, 20),
        (9, 20),
        (13, 20),
        (0, 35),
        (3, 37),
        (4, 37),
    ]
    assert channel.finish().text == "true"
    assert channel.held == 0


def test_what_waits_is_known_when_it_is_no_json_any_more() -> None:
    assert waits(GUARDS.json_channel(), "{} ok: secret-", "x", " ") == [(7, 7), (8, 7), (0, 16)]


def test_white_space_and_digits_without_end_do_not_wait_without_end() -> None:
    channel = GUARDS.json_channel()
    assert channel.feed("[4111111111111111" + " " * (MAX_GAP + 1)).text.startswith('["<CREDIT_CARD>" ')
    assert channel.held == 0
    channel = GUARDS.json_channel()
    channel.feed("[" + "1" * (MAX_WORD + 1))
    assert channel.held < 100


def test_every_byte_is_counted() -> None:
    source = '{"é": "secret-漢 x", "n": 4111111111111111}'
    channel = GUARDS.json_channel()
    steps = [*(channel.feed(letter) for letter in source), channel.finish()]
    assert sum(step.scanned for step in steps) == len(source.encode())
    assert [(hit.what, hit.action) for step in steps for hit in step.hits] == [
        ("pattern", "mask"),
        ("credit_card", "mask"),
    ]


# -- rejected, and too long -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "passes"),
    [
        ('{"a": "x secret-y z"}', '{"a": "x '),
        ('{"a": "b", "secret-x": 1}', '{"a": "b", "'),
        ('{"a": "x\\u0020sec\\u0072et-y"}', '{"a": "x\\u0020'),
        ('{"a": 123456789, "b": 1}', '{"a": '),
        ("hello secret-x", "hello "),
    ],
)
def test_nothing_passes_from_what_is_rejected_on(source: str, passes: str) -> None:
    rule = TextRules(action="reject", builtins=("ssn",), patterns=("secret-[a-z]+",))
    guards = TextGuards([rule])
    for pieces in ([source], list(source)):
        channel = guards.json_channel()
        steps = [*(channel.feed(piece) for piece in pieces), channel.finish()]
        assert "".join(step.text for step in steps) == passes
        assert steps[-1].rejected == rule
        assert channel.feed('"more"') == channel.overflow(float) == Passed("", (), rule)
        assert channel.held == 0


def test_a_string_that_waits_too_long_overflows_and_a_number_does_not() -> None:
    rule = TextRules(patterns=("a[^z]*z",), max_hold_bytes=8, on_overflow="release")
    channel = TextGuards([rule]).json_channel()
    channel.feed("[12")
    assert channel.overflow(lambda _: 2.0) == Passed("")
    assert channel.feed(', "\\u0061bb').text == '12, "'
    assert channel.overflow(lambda count: 1.9 if count == len("\\u0061bb") else 2.0) == Passed("")
    assert channel.overflow(lambda _: 2.0) == Passed("\\u0061bb", (Hit(rule, OVERFLOW, "release"),))
    assert channel.feed("\\tbbbbbbbb").hits == (Hit(rule, OVERFLOW, "release"),)
    assert channel.feed('c\\u007a"]').text == '<masked>"]'
