"""Events are read as WHATWG says, each stamped when its empty line came; what no event stream holds is said."""

import random

import pytest

from sluice.verify.sse_reader import SseEvent, read

BODY = "event: a\ndata: grün\n\n: c\n\ndata:1\ndata: 2\nid: x\n\n".encode()


def events(body: bytes) -> list[tuple[str, bytes]]:
    return [(event.name, event.data) for event in read([(0.0, body)]).events]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_every_end_of_line_is_one(newline: bytes) -> None:
    assert events(BODY.replace(b"\n", newline)) == [("a", "grün".encode()), ("", b"1\n2")]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert events(b"\xef\xbb\xbfdata: 1\n\n") == [("", b"1")]


def test_where_the_bytes_were_cut_does_not_matter() -> None:
    whole = read([(0.0, BODY)])
    dice = random.Random(1)
    for _ in range(50):
        marks = sorted(dice.sample(range(len(BODY)), 4))
        pieces = [BODY[a:b] for a, b in zip([0, *marks], [*marks, len(BODY)], strict=True)]
        assert read([(0.0, piece) for piece in pieces if piece]) == whole


def test_an_event_has_the_second_of_its_empty_line() -> None:
    found = read([(1.0, b"data: 1\n"), (2.0, b"\n: x\n"), (3.0, b"data: 2\n\n")])
    assert found.events == (SseEvent(at=2.0, name="", data=b"1"), SseEvent(at=3.0, name="", data=b"2"))
    assert [beat.at for beat in found.beats] == [2.0]


def test_what_says_nothing_is_kept_apart_and_its_place_is_known() -> None:
    found = read([(0.0, b": a\n\ndata: 1\n: b\n\n\n")])
    assert [(beat.text, beat.inside) for beat in found.beats] == [
        (b": a", False),
        (b"", False),
        (b": b", True),
        (b"", False),
    ]


@pytest.mark.parametrize("end", [b"data: 2", b"data: 2\n", b"event: x\ndata: 2\n: c\n", b"da", b": comm"])
def test_what_became_no_event_is_left_over(end: bytes) -> None:
    found = read([(0.0, b"data: 1\n\n" + end)])
    assert len(found.events) == 1
    assert found.dangling == end


def test_nothing_is_left_over_of_a_whole_body() -> None:
    assert read([(0.0, BODY)]).dangling == b""
    assert read([(0.0, BODY + b": last\n")]).dangling == b""


@pytest.mark.parametrize("line", [b"hello", b'{"error": 1}', b"Data: 1", b" data: 1"])
def test_a_line_that_is_no_field_is_said(line: bytes) -> None:
    assert "no field" in read([(0.0, line + b"\n\n")]).faults[0]


def test_bytes_that_are_no_utf8_are_said() -> None:
    assert "not UTF-8" in read([(0.0, b"data: \xff\n\n")]).faults[0]


def test_an_event_without_data_is_none() -> None:
    assert events(b"event: a\n\ndata: 1\n\n") == [("", b"1")]


def test_no_body_has_nothing() -> None:
    found = read([])
    assert (found.events, found.beats, found.dangling, found.faults) == ((), (), b"", ())
