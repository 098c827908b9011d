"""wire/sse.py against a literal reading of the standard, on random and recorded streams, cut in all ways."""

from pathlib import Path

import pytest
from hypothesis import example, given

from sluice.testing.cuts import every_single_cut, every_size, every_way, one_byte_at_a_time
from tests.wire.sse_cases import cut_streams, decode, seen, streams
from tests.wire.whatwg import dispatched

STREAMS = sorted((Path(__file__).parents[1] / "streams").glob("*.sse"))
BOM = b"\xef\xbb\xbf"


@given(streams)
@example(b"data: 1\r\r\ndata: 2\n\r\n")
@example(BOM)
def test_it_dispatches_what_the_standard_says(stream: bytes) -> None:
    assert seen(decode([stream])) == dispatched(stream)


@given(cut_streams())
@example((b"data: 1\r\r\n", [b"data: 1\r\r", b"\n"]))
@example((b"data: 1\r\n\r\n", [b"data: 1\r\n\r", b"\n"]))
def test_no_cut_changes_the_events_or_loses_a_byte(case: tuple[bytes, list[bytes]]) -> None:
    stream, pieces = case
    whole, cut = decode([stream]), decode(pieces)
    assert seen(cut) == seen(whole)
    assert [f.retry for f in cut if f.retry is not None] == [f.retry for f in whole if f.retry is not None]
    raw = b"".join(frame.raw for frame in cut)
    assert raw == b"".join(frame.raw for frame in whole)
    assert stream.startswith(raw)
    assert dispatched(stream[len(raw) :]) == []  # what is missing is an event without its blank line


@pytest.mark.parametrize("eol", [b"\n", b"\r\n", b"\r"])
def test_every_way_to_cut_a_short_stream(eol: bytes) -> None:
    stream = eol.join([b"data:1", b"", b":", b"", b""])
    want = dispatched(stream)
    assert want == [("message", b"1", "")]
    for pieces in every_way(stream[:14]):
        assert seen(decode([*pieces, stream[14:]])) == want


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.name)
def test_every_single_cut_of_a_recorded_stream(path: Path) -> None:
    stream = path.read_bytes()
    whole = decode([stream])
    assert seen(whole) == dispatched(stream)
    assert b"".join(frame.raw for frame in whole) == stream
    for pieces in [*every_single_cut(stream), one_byte_at_a_time(stream), *every_size(stream)]:
        assert decode(pieces) == whole


def test_there_are_recorded_streams() -> None:
    assert STREAMS
