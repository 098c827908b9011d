"""Text without end: what is sent in pieces is what would have been sent whole."""

import msgspec
import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]  # ships no types

from sluice.testing import fake_frames
from sluice.testing.fake_filler import (
    BLOCK_BYTES,
    PATTERN,
    PIECE,
    Flood,
    expanded,
    expanded_frame,
    length,
    placeholder,
    text,
)

SIZES = [1, 63, 64, 65, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 7]


@pytest.mark.parametrize("size", SIZES)
def test_json_with_a_placeholder_becomes_json_with_the_text(size: int) -> None:
    value = {"before": "ü", "text": placeholder(size), "twice": "x" + placeholder(3)}
    raw = msgspec.json.encode(value)
    pieces = list(expanded(raw))
    whole = b"".join(pieces)
    assert msgspec.json.decode(whole) == {"before": "ü", "text": text(size), "twice": "x" + text(3)}
    assert length(raw) == len(whole)
    assert max(map(len, pieces)) <= BLOCK_BYTES


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_with_a_placeholder_becomes_a_frame_that_aws_accepts(size: int) -> None:
    frame = fake_frames.event("contentBlockDelta", {"delta": {"text": placeholder(size)}})
    buffer = EventStreamBuffer()
    for piece in expanded_frame(frame):
        buffer.add_data(piece)
    (message,) = list(buffer)
    assert msgspec.json.decode(message.payload)["delta"] == {"text": text(size)}
    assert message.headers[":event-type"] == "contentBlockDelta"


def test_what_has_no_placeholder_stays_as_it_is() -> None:
    frame = fake_frames.event("messageStop", {"stopReason": "end_turn"})
    assert list(expanded_frame(frame)) == [frame]
    assert list(expanded("\ue000 sluice-filler".encode())) == ["\ue000 sluice-filler".encode()]


def test_the_text_is_the_same_inside_json_and_outside() -> None:
    assert len(PATTERN) == 64
    assert msgspec.json.encode(text(5000)) == b'"' + text(5000).encode() + b'"'


@pytest.mark.parametrize("echoes", [0, 4])
def test_a_flood_stops_once_the_answer_is_as_long_as_it_shall_be(echoes: int) -> None:
    flood, written = Flood(100_000, echoes), 0
    for piece in flood.pieces():
        assert flood.flows
        flood.wrote(len(piece) + 40)
        written += len(piece) + 40
    assert not flood.flows
    again = echoes * length(flood.said.encode())
    assert 100_000 <= written + again < 100_000 + (1 + echoes) * (len(PIECE) + 40)
    assert b"".join(expanded(flood.said.encode())).decode() == text(flood.count * len(PIECE)) == PIECE * flood.count


def test_a_flood_of_what_is_there_already_says_nothing() -> None:
    flood = Flood(10)
    flood.wrote(11)
    assert (list(flood.pieces()), flood.said) == ([], "")
