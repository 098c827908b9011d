"""wire/sse.py against the WHATWG rules, one by one and cut anywhere."""

import pytest

from sluice.testing.cuts import every_single_cut, every_way, every_way_around, one_byte_at_a_time
from sluice.wire.sse import Frame, SseDecoder, events
from tests.wire.sse_cases import decode, seen
from tests.wire.whatwg import dispatched

BOM = b"\xef\xbb\xbf"


def one(stream: bytes) -> Frame:
    """The only frame of this stream, cut into bytes or not."""
    (frame,) = decode([stream])
    assert [frame] == decode(one_byte_at_a_time(stream))
    assert frame.raw == stream
    return frame


# -- lines -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eol", [b"\n", b"\r\n", b"\r"])
def test_each_line_end_ends_a_line_and_a_blank_line_an_event(eol: bytes) -> None:
    assert one(b"event: add" + eol + b"data: 1" + eol + eol) == Frame(
        b"event: add" + eol + b"data: 1" + eol + eol, b"1", "add"
    )


def test_line_ends_may_be_mixed_in_one_event() -> None:
    assert one(b"data: 1\r\ndata: 2\rdata: 3\n\n").data == b"1\n2\n3"
    assert one(b"data: 1\rdata: 2\r\n\r\n").data == b"1\n2"


def test_cr_lf_is_one_line_end_even_when_cut_between_the_two() -> None:
    for pieces in every_way_around(b"data: 1\r\n\r\ndata: 2\r\n\r\n", at=9, width=12):
        assert [frame.raw for frame in decode(pieces)] == [b"data: 1\r\n\r\n", b"data: 2\r\n\r\n"]


def test_an_event_with_cr_line_ends_is_not_held_until_the_next_byte() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: 1\r") == []
    assert [frame.data for frame in decoder.feed(b"\r")] == [b"1"]
    assert [frame.raw for frame in decoder.feed(b"data: 2\r\r")] == [b"data: 2\r\r"]


def test_an_event_with_crlf_line_ends_keeps_its_last_lf() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: 1\r\n\r") == []
    assert [frame.raw for frame in decoder.feed(b"\n")] == [b"data: 1\r\n\r\n"]


def test_a_last_cr_is_a_line_end_when_the_stream_ends_after_it() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: 1\r\n\r") == []
    assert [frame.data for frame in decoder.finish()] == [b"1"]


@pytest.mark.parametrize("tail", [b"data: 2", b"data: 2\n", b"data: 2\r", b"data: 2\r\n", b"\xef\xbb"])
def test_an_unfinished_event_is_dropped_at_the_end(tail: bytes) -> None:
    assert [frame.raw for frame in decode([b"data: 1\n\n" + tail])] == [b"data: 1\n\n"]


@pytest.mark.parametrize(
    "text", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\u2029x\u2028"]
)
def test_only_cr_and_lf_end_lines(text: str) -> None:
    data = f'{{"content":"a{text}b"}}'.encode()
    assert one(b"data: " + data + b"\n\n").data == data
    assert one(b"event: x\ndata: " + data + b"\ndata: y\n\n").data == data + b"\ny"


# -- byte order mark ---------------------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_skipped_at_the_start_however_it_is_cut() -> None:
    stream = BOM + b"data: 1\n\n"
    for pieces in every_way_around(stream, at=3, width=10):
        assert decode(pieces) == [Frame(stream, b"1")]


@pytest.mark.parametrize("stream", [b"data: 1\n\n" + BOM + b"data: 2\n\n", BOM + BOM + b"data: 2\n\n"])
def test_a_byte_order_mark_anywhere_else_is_part_of_the_line(stream: bytes) -> None:
    for pieces in [[stream], one_byte_at_a_time(stream)]:
        assert b"2" not in [frame.data for frame in decode(pieces)]


def test_the_first_bytes_of_a_mark_without_its_rest_are_text() -> None:
    assert decode([b"\xef", b"\xbb", b"data: 1\n\ndata: 2\n\n"])[-1] == Frame(b"data: 2\n\n", b"2")
    assert [frame.data for frame in decode([b"\xef", b"\xbb\n\n"])] == [None]


# -- fields ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "data"),
    [
        (b"data:x", b"x"),
        (b"data: x", b"x"),
        (b"data:  x", b" x"),
        (b"data:\tx", b"\tx"),
        (b"data: x ", b"x "),
        (b"data: a: b: c", b"a: b: c"),
        (b"data", b""),
        (b"data:", b""),
        (b"data: ", b""),
        (b"data::", b":"),
        (b"Data: x", None),
        (b" data: x", None),
        (b"data : x", None),
        (b"datax: x", None),
        (b"unknown", None),
        (b"event: add", None),
    ],
)
def test_a_field_is_split_at_its_first_colon_and_loses_one_space(line: bytes, data: bytes | None) -> None:
    assert one(line + b"\n\n").data == data


def test_data_lines_are_joined_by_lf() -> None:
    assert one(b"data: 1\ndata\ndata: 3\n\n").data == b"1\n\n3"
    assert one(b"data\ndata\n\n").data == b"\n"


def test_an_event_without_data_is_not_dispatched_and_its_name_is_forgotten() -> None:
    frames = decode([b"event: add\n\ndata: 1\n\n"])
    assert [(frame.event, frame.data) for frame in frames] == [("add", None), ("", b"1")]
    assert events(frames) == [("message", b"1")]


def test_the_last_event_field_names_the_event() -> None:
    assert one(b"event: a\nevent: b\ndata: 1\n\n").event == "b"
    assert one(b"event: a\nevent\ndata: 1\n\n").event == ""
    assert events([one(b"event: tool: x\ndata: 1\n\n")]) == [("tool: x", b"1")]


def test_an_id_is_kept_unless_it_holds_nul() -> None:
    assert one(b"id: 7\ndata: 1\n\n").id == "7"
    assert one(b"id\ndata: 1\n\n").id == ""
    assert one(b"data: 1\n\n").id is None
    assert one(b"id: 7\nid: a\0b\ndata: 1\n\n").id == "7"


@pytest.mark.parametrize(
    ("value", "retry"),
    [(b"3000", 3000), (b"0", 0), (b"", None), (b"-1", None), (b"1.5", None), (b"1e3", None), (b"+3", None)],
)
def test_retry_is_ascii_digits_or_nothing(value: bytes, retry: int | None) -> None:
    assert one(b"retry: " + value + b"\n\n").retry == retry


def test_retry_refuses_other_scripts_and_numbers_that_no_clock_has() -> None:
    assert one("retry: ٣\n\n".encode()).retry is None
    assert one(b"retry: 999999999\n\n").retry == 999_999_999
    assert one(b"retry: 1" + b"0" * 9 + b"\n\n").retry is None


def test_a_comment_between_events_is_a_frame_at_once() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b": OPENROUTER PROCESSING\n") == [Frame(b": OPENROUTER PROCESSING\n", None)]
    assert decoder.feed(b"\ndata: 1\n\n") == [Frame(b"\n", None), Frame(b"data: 1\n\n", b"1")]


def test_a_comment_inside_an_event_belongs_to_it() -> None:
    assert one(b"data: 1\n: ping\ndata: 2\n\n").data == b"1\n2"


# -- bytes -------------------------------------------------------------------------------------------------------------


def test_split_utf8_is_put_together_again() -> None:
    text = "naïve 🙂 漢字".encode()
    for pieces in every_single_cut(b"data: " + text + b"\n\n"):
        assert [frame.data for frame in decode(pieces)] == [text]


def test_invalid_utf8_in_data_is_kept_and_in_names_replaced() -> None:
    frame = one(b"event: a\xff\nid: b\xff\ndata: \xff\xf0\x9f\n\n")
    assert (frame.data, frame.event, frame.id) == (b"\xff\xf0\x9f", "a\ufffd", "b\ufffd")
    assert decode([b"data: 0\n\n", b"event: a\xff\ndata: 1\n\n"])[1].event == "a\ufffd"


def test_no_bytes_are_no_frames() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"") == []
    assert decoder.feed(b"data: 1\n\n") == [Frame(b"data: 1\n\n", b"1")]
    assert decoder.feed(b"") == []
    assert decoder.finish() == []


# -- the short cut for whole events ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chunk",
    [
        b"data: 1\n\n",
        b"data: 1\n\ndata: 2\n\n",
        b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\n",
        b"data: 1\n\n\n\n",
        b"\n\n",
        b"event: a\n\n",
        b": c\n\n",
        b"data: 1\n: c\n\n",
        b"data: 1\ndata: 2\n\n",
        b"event: a\ndata: 1\ndata: 2\n\n",
        b"data: 1\nevent: a\n\n",
        b"event: a\nevent: b\ndata: 1\n\n",
        b"data:1\n\n",
        b"data\n\n",
        b"id: 1\ndata: 1\n\n",
        b"data: 1\n\ndata: 2",
        b"data: 1\r\n\r\n",
        b"data: 1\n\n\rdata: 2\n\n",
        b"data: 1\rdata: 2\n\n",
        b"event: a\rb\ndata: 1\n\n",
    ],
)
def test_a_chunk_means_the_same_after_other_events_as_by_itself(chunk: bytes) -> None:
    alone = decode([chunk])
    assert decode([b"data: 0\n\n", chunk])[1:] == alone
    assert decode([b"data: 0\n\n", *one_byte_at_a_time(chunk)])[1:] == alone
    assert seen(alone) == dispatched(chunk)


@pytest.mark.parametrize("pending", [b"data: 1\n", b"event: a\n", b"data: 1\r", b"id: 1\n", b"data: "])
def test_a_chunk_of_whole_events_after_a_pending_line_continues_its_block(pending: bytes) -> None:
    chunk = b"data: 2\n\n"
    for head in (b"", b"data: 0\n\n"):
        assert seen(decode([head, pending, chunk])) == dispatched(head + pending + chunk)


def test_a_blank_crlf_is_one_frame_however_it_is_cut() -> None:
    for pieces in every_way(b": a\r\n\r\n\r\n"):
        assert [frame.raw for frame in decode(pieces)] == [b": a\r\n", b"\r\n", b"\r\n"]


# -- the limit ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [1, 7])
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_an_event_of_exactly_the_limit_passes_and_one_byte_more_does_not(lines: int, size: int) -> None:
    event = b"data: " + b"\ndata: ".join([b"x" * 10] * lines) + b"\n\n"
    for limit, passes in [(len(event), True), (len(event) - 1, False)]:
        decoder = SseDecoder(limit)
        frames = decoder.feed(b"data: 0\n\n")
        for at in range(0, len(event), size):
            frames += decoder.feed(event[at : at + size])
        assert len(frames) == (2 if passes else 1)
        assert (decoder.fault is None) is passes


def test_the_limit_holds_for_many_short_lines_too() -> None:
    decoder = SseDecoder(100)
    for _ in range(101):
        decoder.feed(b"data\n")
    assert decoder.fault is not None
    assert decoder.fault.code == "upstream_event_too_large"


def test_the_frames_before_an_oversized_event_are_still_returned() -> None:
    for tail in [b"data: " + b"x" * 50, b"data: " + b"x" * 50 + b"\n\ndata: 3\n\n"]:
        decoder = SseDecoder(32)
        frames = decoder.feed(b"data: 1\n\ndata: 2\n\n" + tail)
        assert [frame.data for frame in frames] == [b"1", b"2"]
        assert decoder.fault is not None


def test_nothing_follows_an_oversized_event_and_nothing_more_is_held() -> None:
    decoder = SseDecoder(32)
    decoder.feed(b"data: " + b"x" * 50)
    held = len(decoder._held)
    for _ in range(10):
        assert decoder.feed(b"\n\ndata: 1\n\n") == []
    assert decoder.finish() == []
    assert len(decoder._held) == held


def test_many_small_events_in_one_chunk_larger_than_the_limit_pass() -> None:
    decoder = SseDecoder(16)
    decoder.feed(b"data: 0\n\n")
    assert len(decoder.feed(b"data: 1\n\n" * 100)) == 100
    assert decoder.fault is None


def test_the_cost_is_linear_in_the_bytes_whatever_the_cutting() -> None:
    """Counts instead of seconds: where the next search begins is never before what was already looked at, but for
    one CR, so every byte is looked at once."""
    decoder, looked_at = SseDecoder(), 0
    stream = (b"data: " + b"x" * 200 + b"\r\n") * 40 + b"\r\n"
    for piece in one_byte_at_a_time(stream):
        looked_at += len(decoder._held) + 1 - decoder._search
        decoder.feed(piece)
    assert looked_at <= len(stream) * 1.05


def test_a_large_event_in_small_reads_is_quick() -> None:
    """4 MiB in 1 KiB reads: 4,096 searches. Quadratic work would look at 8 GiB and run into the test's time-out."""
    decoder, piece = SseDecoder(), b"x" * 1024
    decoder.feed(b"data: ")
    for _ in range(4096):
        assert decoder.feed(piece) == []
    (frame,) = decoder.feed(b"\n\n")
    assert frame.data == piece * 4096
