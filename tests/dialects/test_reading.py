"""dialects.reading: what is quoted of a body that nobody can read, and what is read of an object that is spoilt."""

import time

import msgspec
import pytest

from sluice.dialects.reading import MAX_TEXT, UNREADABLE, is_ping, kind_of, legible, leniently, member, text_of


@pytest.mark.parametrize("lead", [0, 10, 4 * MAX_TEXT - 4, 1 << 20])
def test_white_space_takes_nothing_from_what_is_quoted(lead: int) -> None:
    """A text that is shorter than MAX_TEXT is all of it: guards of errors count on that."""
    assert text_of(b" \n" * (lead // 2) + "card 4111 é".encode() + b"\n") == "card 4111 é"


def test_so_much_of_it_is_quoted_and_no_more() -> None:
    assert text_of(b"x" * (5 * MAX_TEXT)) == "x" * MAX_TEXT
    assert text_of("é".encode() * (5 * MAX_TEXT)) == "é" * MAX_TEXT
    assert text_of("𝄞".encode() * (5 * MAX_TEXT)) == "𝄞" * MAX_TEXT


class _Known(msgspec.Struct):
    type: str = ""
    count: int = 0
    rows: list[int] | None = None


_read = msgspec.json.Decoder(_Known).decode


@pytest.mark.parametrize(
    ("data", "known", "spoilt"),
    [
        (b'{"type":"a","count":3,"x":[]}', _Known("a", 3), []),
        (b'{"type":"a","count":"3","rows":[1],"x":[]}', _Known("a", 0, [1]), ["count"]),
        (b'{"rows":[1,"2"],"type":5,"count":3}', _Known("", 3), ["rows", "type"]),
        (b"{}", _Known(), []),
    ],
)
def test_what_can_be_read_of_an_object_is(data: bytes, known: _Known, spoilt: list[str]) -> None:
    assert leniently(_read, data) == (known, spoilt)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"5", b"null", b"{", b'{"count":"3","\xff":1}', b'{"x":' + b"[" * 100_000]
)
def test_what_is_no_object_is_not_read(data: bytes) -> None:
    with pytest.raises(UNREADABLE):
        leniently(_read, data)


@pytest.mark.parametrize(
    ("data", "name", "kind"),
    [
        (b'{"type":"a"}', "b", "a"),
        (b'{"type":"a","count":"x"}', "", "a"),
        (b'{"type":""}', "b", "b"),
        (b'{"type":5}', "b", "b"),
        (b"[", "b", "b"),
        (b"[" * 100_000, "", ""),
    ],
)
def test_what_an_event_is(data: bytes, name: str, kind: str) -> None:
    assert kind_of(data, name) == kind


@pytest.mark.parametrize(
    ("data", "name", "ping"),
    [
        (b"", "ping", True),
        (b"{", "keep-alive", True),
        (b'{"type":"ping"}', "", True),
        (b'{"type":"heartbeat"}', "message", True),
        (b'{"type":"ping"}', "response.created", False),
        (b'{"type":"pinged"}', "", False),
        (b"{}", "", False),
    ],
)
def test_a_ping_says_so(data: bytes, name: str, ping: bool) -> None:
    assert is_ping(data, name) is ping


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (rb'{"a":"x\ud83d"}', rb'{"a":"x\ufffd"}'),
        (rb'{"a":"\uDE00x"}', rb'{"a":"\ufffdx"}'),
        (rb'{"a":"\ud83d\ud83d\ude00\ude00"}', rb'{"a":"\ufffd\ud83d\ude00\ufffd"}'),
        (rb'{"a":"\ud83d\ude00\ud83d\ude00 \ud83d\n"}', rb'{"a":"\ud83d\ude00\ud83d\ude00 \ufffd\n"}'),
        (rb'{"a":"\\ud83d"}', rb'{"a":"\\ud83d"}'),
        (rb'{"a":"\\ud83d\ude00"}', rb'{"a":"\\ud83d\ufffd"}'),
        (rb'{"a":"\\\ud83d"}', rb'{"a":"\\\ufffd"}'),
        (b'{"a":"x\xf0\x9f"}', '{"a":"x\ufffd"}'.encode()),
        ('{"a":"😀\\u00e9"}'.encode(), '{"a":"😀\\u00e9"}'.encode()),
        (b'{"a', b'{"a'),
    ],
)
def test_half_a_character_is_a_sign_that_says_so(data: bytes, read: bytes) -> None:
    assert legible(data) == read
    assert data == b'{"a' or msgspec.json.decode(read)


def test_to_read_halves_takes_no_longer_than_the_data_is_long() -> None:
    for text in (rb"\ud83d", rb"\ud83d\ude00", b"\\\\", rb"\ude00x"):
        began = time.process_time()
        legible(b'{"a":"' + text * ((4 << 20) // len(text)))
        assert time.process_time() - began < 2.0


def test_a_member_of_what_nobody_reads_is_none() -> None:
    assert bytes(member(b'{"error": 5, "x"', "error")) == b""
    assert bytes(member(b'{"error": 5, "x": {}}', "error")) == b"5"
    assert bytes(member(b"[5]", "error")) == b""
