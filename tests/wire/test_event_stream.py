"""wire/event_stream.py: what a service may send, whole, cut and damaged; botocore's own reader is the judge."""

import struct
import zlib

import pytest
from botocore.eventstream import EventStreamBuffer, EventStreamMessage  # type: ignore[import-untyped]  # ships no types
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import FrameTooLarge, ProtocolError
from sluice.testing.cuts import every_single_cut, every_size, one_byte_at_a_time
from sluice.wire import event_stream
from sluice.wire.event_stream import EventStreamDecoder, encode, encode_message, read_headers
from sluice.wire.sse import Frame

STREAM = (
    encode("messageStart", b'{"role":"assistant"}')
    + encode("contentBlockDelta", '{"delta":{"text":"né"}}'.encode())
    + encode("contentBlockDelta", b"")
    + encode("throttlingException", b'{"message":"slow down"}', "exception")
)


def decode(pieces: list[bytes], *, at_most: int = 1 << 20) -> tuple[list[Frame], ProtocolError | None]:
    decoder = EventStreamDecoder(at_most)
    frames = [frame for piece in pieces for frame in decoder.feed(piece)]
    return frames + decoder.finish(), decoder.fault


def damaged(at: int, stream: bytes = STREAM) -> bytes:
    return stream[:at] + bytes([stream[at] ^ 0x40]) + stream[at + 1 :]


def message(block: bytes, payload: bytes = b"") -> bytes:
    """A message with right checksums around any headers."""
    lengths = struct.pack(">II", len(block) + len(payload) + 16, len(block))
    whole = lengths + struct.pack(">I", zlib.crc32(lengths)) + block + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def test_frames_are_named_by_their_type_and_keep_their_bytes() -> None:
    frames, fault = decode([STREAM])
    assert [(frame.event, frame.data) for frame in frames] == [
        ("messageStart", b'{"role":"assistant"}'),
        ("contentBlockDelta", '{"delta":{"text":"né"}}'.encode()),
        ("contentBlockDelta", b""),
        ("exception:throttlingException", b'{"message":"slow down"}'),
    ]
    assert b"".join(frame.raw for frame in frames) == STREAM
    assert fault is None


def test_no_cut_changes_anything() -> None:
    whole = decode([STREAM])
    for pieces in [*every_single_cut(STREAM), one_byte_at_a_time(STREAM), *every_size(STREAM)]:
        assert decode(pieces) == whole


def test_an_error_has_its_words_in_a_header() -> None:
    frames, _ = decode([encode("InternalError", "né".encode(), "error")])
    assert [(frame.event, frame.data) for frame in frames] == [
        ("exception:InternalError", '{"message":"né"}'.encode()),
    ]


def test_a_message_without_a_type_is_an_event() -> None:
    frames, fault = decode([encode_message({":event-type": "a"}, b"1"), encode_message({}, b"2")])
    assert [(frame.event, frame.data) for frame in frames] == [("a", b"1"), ("", b"2")]
    assert fault is None


def test_headers_of_every_type() -> None:
    block = b"".join(
        bytes([len(name)]) + name + kind
        for name, kind in [
            (b"yes", b"\x00"),
            (b"no", b"\x01"),
            (b"byte", b"\x02\xff"),
            (b"short", b"\x03\xff\xfe"),
            (b"int", b"\x04\xff\xff\xff\xfd"),
            (b"long", b"\x05" + struct.pack(">q", -(1 << 40))),
            (b"bytes", b"\x06\x00\x02\x00\xff"),
            (b"string", b"\x07\x00\x03" + "né".encode()),
            (b"time", b"\x08" + struct.pack(">q", 1_800_000_000_000)),
            (b"uuid", b"\x09" + bytes(range(16))),
            (b":event-type", b"\x07\x00\x01e"),
        ]
    )
    assert read_headers(block) == {
        "yes": True,
        "no": False,
        "byte": -1,
        "short": -2,
        "int": -3,
        "long": -(1 << 40),
        "bytes": b"\x00\xff",
        "string": "né",
        "time": 1_800_000_000_000,
        "uuid": bytes(range(16)),
        ":event-type": "e",
    }
    assert read_headers(block) == _official(message(block))[0].headers
    assert decode([message(block, b"p")])[0][0].event == "e"


@pytest.mark.parametrize(
    "block",
    [
        b"\x05abc",
        b"\x01a",
        b"\x01a\x0a",
        b"\x01a\x07\x00",
        b"\x01a\x07\x00\x05ab",
        b"\x01a\x09abc",
        b"\x01a\x04\x00",
        b"\x01\xff\x00",
        b"\x01a\x07\x00\x01\xff",
        b"\x01a\x00\x01a\x00",
    ],
)
def test_headers_that_are_none_end_the_stream(block: bytes) -> None:
    frames, fault = decode([STREAM, message(block), STREAM])
    assert len(frames) == 4
    assert isinstance(fault, ProtocolError)
    assert "damaged" in str(fault)


@pytest.mark.parametrize("at", range(len(STREAM)))
def test_no_flipped_bit_is_taken_for_the_truth(at: int) -> None:
    broken = damaged(at)
    frames, fault = decode([broken])
    assert isinstance(fault, ProtocolError)
    assert not isinstance(fault, FrameTooLarge), "a length was believed before its checksum"
    good = b"".join(frame.raw for frame in frames)
    assert STREAM.startswith(good)
    assert len(good) <= at
    pieces_fault = decode(one_byte_at_a_time(broken))
    assert pieces_fault[0] == frames
    assert str(pieces_fault[1]) == str(fault)


def test_nothing_follows_a_fault() -> None:
    decoder = EventStreamDecoder()
    assert decoder.feed(damaged(0)) == []
    assert decoder.feed(STREAM) == decoder.finish() == []


def test_a_message_beyond_the_bound_is_refused_at_its_head() -> None:
    big = encode("a", b"x" * 1000)
    assert [frame.raw for frame in decode([STREAM, big], at_most=len(big))[0]][-1] == big
    frames, fault = decode([STREAM, big[:12]], at_most=len(big) - 1)
    assert len(frames) == 4
    assert isinstance(fault, FrameTooLarge)
    assert str(len(big) - 1) in str(fault)


def test_a_message_shorter_than_its_own_headers_is_refused() -> None:
    lengths = struct.pack(">II", 20, 5)
    fault = decode([lengths + struct.pack(">I", zlib.crc32(lengths))])[1]
    assert "shorter than its headers" in str(fault)


def test_an_unfinished_message_is_dropped() -> None:
    frames, fault = decode([STREAM[:-1]])
    assert (len(frames), fault) == (3, None)


def test_headers_are_remembered_within_bounds() -> None:
    decoder = EventStreamDecoder()
    names = [f"e{number}" for number in range(event_stream.MAX_KNOWN * 2)] + ["x" * 1000]
    frames = decoder.feed(b"".join(encode(name, b"{}") for name in names) * 2)
    assert [frame.event for frame in frames] == names * 2
    assert len(decoder._known) == event_stream.MAX_KNOWN


def test_what_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="too long"):
        encode_message({"a": "x" * 0x10000})
    with pytest.raises(ValueError, match="too long"):
        encode_message({"a" * 256: ""})
    with pytest.raises(ValueError, match="no message is of type"):
        encode("a", b"", "other")


def _official(stream: bytes) -> list[EventStreamMessage]:
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return list(buffer)


names = st.text(max_size=40).filter(lambda name: "\0" not in name)


@given(st.lists(st.tuples(names, st.binary(max_size=300), st.sampled_from(["event", "exception"])), max_size=6))
def test_botocore_reads_what_is_written_here(messages: list[tuple[str, bytes, str]]) -> None:
    stream = b"".join(encode(*one) for one in messages)
    read = zip(_official(stream), messages, strict=True)
    assert [(one.headers[f":{kind}-type"], one.payload, kind) for one, (_, _, kind) in read] == messages
    frames, fault = decode([stream])
    assert fault is None
    assert [(frame.event, frame.data) for frame in frames] == [
        (("" if kind == "event" else "exception:") + name, payload) for name, payload, kind in messages
    ]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_garbage_gives_frames_or_a_fault_and_nothing_else(garbage: bytes, cuts: list[int]) -> None:
    whole, fault = decode([garbage])
    at = sorted(cuts)
    pieces = [garbage[a:b] for a, b in zip([0, *at], [*at, len(garbage)], strict=True)]
    again, again_fault = decode(pieces)
    assert again == whole
    assert str(again_fault) == str(fault)


@given(st.binary(max_size=60), st.binary(max_size=20))
def test_any_headers_give_a_frame_or_a_fault(block: bytes, payload: bytes) -> None:
    frames, fault = decode([message(block, payload)])
    assert (len(frames), fault is None) in [(1, True), (0, False)]
