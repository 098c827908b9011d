"""One line, whatever is in it."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.telemetry.line import UNPRINTABLE, Fields, encoder, json_line, text_line, timestamp

ANY_TEXT = st.text(alphabet=st.characters(), max_size=60)
"""Lone surrogates included."""

HOSTILE = [
    "a\nlevel=error time=now scope=request\r\nhttp.status=200",
    "\x1b[2J\x1b]0;title\x07",
    "a\u2028b\u2029c\u0085d",
    "\x9b31m\x7f\x00",
    "\x7f",
    "\u202egnp.exe\u2066",
    "lone \ud800 surrogate",
    'quote " backslash \\ equals = space',
    "",
]


def read_text(line: bytes) -> dict[str, str]:
    """Read `time level scope key=value ...` back, as a log shipper would."""
    pairs = re.findall(r' ([^\s=]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?= |\n)', line.decode())
    return {key: json.loads(value) if value.startswith('"') else value for key, value in pairs}


def of(value: str) -> Fields:
    return {"level": "info", "time": "T", "scope": "request", "http.path": value, "http.status": 200}


@pytest.mark.parametrize(
    ("wall_s", "text"),
    [
        (1765576562.809082, "2025-12-12T21:56:02.809082Z"),
        (0.0, "1970-01-01T00:00:00.000000Z"),
        (1765576562.9999999, "2025-12-12T21:56:03.000000Z"),
        (951782400.5, "2000-02-29T00:00:00.500000Z"),
    ],
)
def test_times_are_rfc_3339_with_microseconds(wall_s: float, text: str) -> None:
    assert timestamp(wall_s) == text


def test_values_keep_their_types_in_json() -> None:
    fields: Fields = {"level": "info", "a": 1, "b": True, "c": 0.5, "d": "ü 模"}
    assert json_line(fields) == '{"level":"info","a":1,"b":true,"c":0.5,"d":"ü 模"}\n'.encode()


def test_an_integer_beyond_64_bits_does_not_lose_the_line() -> None:
    assert json_line({"seed": 1 << 70}) == b'{"seed":1180591620717411303424}\n'


def test_text_shows_bare_values_and_quotes_the_others() -> None:
    fields: Fields = {"level": "warn", "time": "T", "scope": "s", "message": "it is so", "a": "x/y:1", "b": "x y"}
    fields |= {"c": "x=y", "d": 'x"y', "e": "", "f": True, "g": 3, "h": 0.25, "i": "é", "j": "x\ny"}
    assert text_line(fields).decode() == (
        'T warn s it is so a=x/y:1 b="x y" c="x=y" d="x\\"y" e="" f=true g=3 h=0.25 i="é" j="x\\ny"\n'
    )


def test_text_without_anything_to_quote_reads_the_same() -> None:
    fields: Fields = {"level": "info", "time": "T", "scope": "s", "a": "x/y:1", "f": False, "g": 1, "h": 2.5}
    assert text_line(fields) == b"T info s a=x/y:1 f=false g=1 h=2.5\n"


def test_an_empty_value_is_seen_to_be_empty() -> None:
    assert text_line({"level": "info", "time": "T", "scope": "s", "a": "", "b": 1}) == b'T info s a="" b=1\n'


def test_a_message_cannot_break_the_line() -> None:
    fields: Fields = {"level": "info", "time": "T", "scope": "a\nb", "message": "one\ntwo\u2028\x1b[0m\ud800"}
    assert text_line(fields) == b"T info a\\u000ab one\\u000atwo\\u2028\\u001b[0m\\ud800\n"


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_stay_inside_their_line_and_come_back_whole(form: str, value: str) -> None:
    check(form, value)


@given(st.sampled_from(["json", "text"]), ANY_TEXT)
@example("json", "\x7f\u00fc")
@example("text", "\u00a0\u200b")
def test_any_value_stays_inside_its_line_and_comes_back_whole(form: str, value: str) -> None:
    check(form, value)


def check(form: str, value: str) -> None:
    line = encoder("json" if form == "json" else "text")(of(value))
    text = line.decode()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert UNPRINTABLE.search(text[:-1]) is None
    back = json.loads(line) if form == "json" else read_text(line)
    assert back["http.path"] == value
    assert str(back["http.status"]) == "200"
    assert set(back) - {"level", "time", "scope"} == {"http.path", "http.status"}
