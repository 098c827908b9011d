"""Streams as lists of pieces that matter, and a decoder run over them: shared by the tests of wire/sse.py."""

from hypothesis import strategies as st

from sluice.wire.sse import Frame, SseDecoder
from tests.wire.whatwg import Dispatched

INTERESTING = [
    b"",
    b":",
    b": ping",
    b"data",
    b"data:",
    b"data: ",
    b"data:x",
    b"data: x",
    b"data:  x",
    b"data: a:b:c",
    b"data: {}",
    b"data: [DONE]",
    b"event: add",
    b"event:",
    b"event: add: more",
    b"id: 7",
    b"id",
    b"id: a\0b",
    b"retry: 30",
    b"retry: x",
    b"other: y",
    b"datax: y",
    b" data: y",
    b"\xef\xbb\xbfdata: y",
    "data: \u2028\u2029\u0085\x0b\x0c\x1c\x1e".encode(),
    "data: 🙂 né".encode(),
    b"data: \xff\xfe\xf0\x9f",
    b"event: \xff",
]

lines = st.one_of(st.sampled_from(INTERESTING), st.binary(max_size=12))
terminators = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r", b""])
streams = st.builds(
    lambda bom, rows, tail: bom + b"".join(line + eol for line, eol in rows) + tail,
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xef\xbb"]),
    st.lists(st.tuples(lines, terminators), max_size=14),
    lines,
)
"""Anything that a stream may hold, regular and not."""


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream and one way to cut it."""
    stream = draw(streams)
    offsets = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    return stream, [stream[a:b] for a, b in zip([0, *offsets], [*offsets, len(stream)], strict=True)]


def decode(pieces: list[bytes], *, max_event_bytes: int = 1 << 20) -> list[Frame]:
    """All frames of a stream that ends after these pieces."""
    decoder = SseDecoder(max_event_bytes)
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    return frames + decoder.finish()


def seen(frames: list[Frame]) -> list[Dispatched]:
    """What a reader of these frames sees, in the terms of the standard."""
    events: list[Dispatched] = []
    last_id = ""
    for frame in frames:
        last_id = last_id if frame.id is None else frame.id
        if frame.data is not None:
            events.append((frame.event or "message", frame.data, last_id))
    return events
