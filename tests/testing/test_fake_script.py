"""Scripts as values: twists, pacing."""

from collections.abc import Iterable

import pytest

from sluice.testing.fake_script import Pause, Script, cut, instead, paced, whole


def sent(script: Script) -> bytes:
    return b"".join(chunk for chunk in script.chunks if isinstance(chunk, bytes))


@pytest.mark.parametrize("at", range(8))
def test_a_cut_leaves_exactly_that_many_bytes(at: int) -> None:
    script = cut(at, "rst")(Script(chunks=[b"ab", Pause(1.0), b"", b"cdef"]))
    assert sent(script) == b"abcdef"[:at]
    assert script.end == "rst"


def test_a_cut_before_the_first_byte_sends_the_head() -> None:
    assert list(cut(0, "fin")(Script(chunks=[Pause(9.0), b"a"])).chunks) == [b""]


def test_a_cut_keeps_the_promised_length() -> None:
    assert cut(2, "fin")(whole(b"abcdef")).length == 6


def test_a_cut_cannot_be_negative() -> None:
    with pytest.raises(ValueError, match="first byte"):
        cut(-1, "fin")


def test_a_cut_takes_no_more_of_an_endless_answer_than_it_needs() -> None:
    def endless() -> Iterable[bytes]:
        while True:
            yield b"abc"

    assert sent(cut(7, "fin")(Script(chunks=endless()))) == b"abcabca"


def test_instead_forgets_the_usual_answer() -> None:
    script = Script(chunks=[b"x"], status=503)
    assert instead(script)(Script()) is script


@pytest.mark.parametrize(
    ("first_s", "gap_s", "together", "items"),
    [
        (0.0, 0.0, 1, [b"a", b"b", b"c"]),
        (1.0, 0.0, 1, [Pause(1.0), b"a", b"b", b"c"]),
        (0.0, 2.0, 1, [b"a", Pause(2.0), b"b", Pause(2.0), b"c"]),
        (1.0, 2.0, 2, [Pause(1.0), b"a", b"b", Pause(2.0), b"c"]),
    ],
)
def test_pauses_stand_where_they_were_asked_for(
    first_s: float, gap_s: float, together: int, items: list[bytes | Pause]
) -> None:
    assert list(paced([b"a", b"b", b"c"], first_s, gap_s, together)) == items


def test_a_whole_answer_says_its_length_and_kind() -> None:
    script = whole(b"body", status=429, headers=[(b"retry-after", b"1")], content_type="text/plain")
    assert (script.status, script.length, sent(script)) == (429, 4, b"body")
    assert list(script.headers) == [(b"content-type", b"text/plain"), (b"retry-after", b"1")]
    assert list(whole(b"", content_type="").headers) == []
