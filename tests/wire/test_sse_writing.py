"""wire/sse.py, the writer: what is written reads as the same text, and nobody writes lines of their own."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.wire.sse import comment, encode, events
from tests.wire.sse_cases import decode
from tests.wire.whatwg import dispatched

names = st.text(max_size=8).filter(lambda text: not set(text) & set("\r\n\0"))


@given(st.text(), names)
@example("a\rb\r\nc\nd\n", "")
@example("", "")
@example(" leading", "add")
def test_reading_what_was_written_gives_the_same_text(text: str, name: str) -> None:
    written = encode(text.encode(), name)
    frames = decode([written])
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert [(frame.event, frame.data) for frame in frames] == [(name, lines.encode())]
    assert dispatched(written) == [(name or "message", lines.encode(), "")]
    assert b"\r" not in written


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\0b", "\n", "a\r\ndata: injected"])
def test_a_name_that_could_write_lines_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        encode(b"x", name)


def test_what_is_written_is_exactly_this() -> None:
    assert encode(b"[DONE]") == b"data: [DONE]\n\n"
    assert encode(b"{}", "add") == b"event: add\ndata: {}\n\n"
    assert encode(b"1\n2\r3\r\n") == b"data: 1\ndata: 2\ndata: 3\ndata: \n\n"


@given(st.text())
def test_a_comment_dispatches_nothing_whatever_it_says(text: str) -> None:
    frames = decode([comment(text), encode(b"1")])
    assert events(frames) == [("message", b"1")]


def test_an_empty_comment_is_still_one() -> None:
    assert comment() == b": \n\n"
    assert comment("a\r\nb") == b": a b\n\n"
