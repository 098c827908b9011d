"""wire/coding.py: what providers compress although nobody asked."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import ProtocolError
from sluice.testing.cuts import every_single_cut, one_byte_at_a_time
from sluice.wire.coding import MAX_PIECE_BYTES, Inflate, decoder


def unpack(pieces: list[bytes]) -> bytes:
    inflate = Inflate()
    return b"".join(piece for data in pieces for piece in inflate.feed(data))


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
@given(data=st.binary(max_size=200))
def test_what_was_packed_comes_out_however_it_is_cut(pack: type[bytes], data: bytes) -> None:
    packed = pack(data)
    assert unpack([packed]) == unpack(one_byte_at_a_time(packed)) == data


def test_an_event_that_was_flushed_comes_out_at_once() -> None:
    packer = zlib.compressobj(wbits=31)
    inflate = Inflate()
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        packed = packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)
        assert b"".join(inflate.feed(packed)) == event


def test_members_that_follow_each_other_and_padding() -> None:
    packed = gzip.compress(b"one ", mtime=0) + gzip.compress(b"two") + b"\0\0"
    for pieces in every_single_cut(packed):
        assert unpack(pieces) == b"one two"


@pytest.mark.parametrize("size", [MAX_PIECE_BYTES - 1, MAX_PIECE_BYTES, MAX_PIECE_BYTES + 1, 3 * MAX_PIECE_BYTES + 7])
def test_a_bomb_comes_in_bounded_pieces(size: int) -> None:
    pieces = list(Inflate().feed(gzip.compress(b"x" * size, mtime=0)))
    assert sum(map(len, pieces)) == size
    assert max(map(len, pieces)) <= MAX_PIECE_BYTES


def test_nothing_that_can_be_unpacked_waits_for_the_next_bytes() -> None:
    packed = gzip.compress(b"x" * (MAX_PIECE_BYTES + 50))
    for end in range(len(packed) - 20, len(packed)):
        assert unpack([packed[:end]]) == zlib.decompressobj(wbits=31).decompress(packed[:end])


@pytest.mark.parametrize("data", [b"not packed", gzip.compress(b"x", mtime=0)[:-8] + b"\1" * 8])
def test_what_is_not_packed_or_fails_its_checksum_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="cannot be unpacked"):
        unpack([data])


@pytest.mark.parametrize("name", [b"", b"identity", b" Identity "])
def test_identity_needs_no_decoder(name: bytes) -> None:
    assert decoder(name) is None


@pytest.mark.parametrize("name", [b"gzip", b"GZIP", b"x-gzip", b"deflate"])
def test_what_can_be_undone(name: bytes) -> None:
    assert isinstance(decoder(name), Inflate)


@pytest.mark.parametrize("name", [b"br", b"zstd", b"gzip, gzip", b"\xff"])
def test_other_codings_are_refused(name: bytes) -> None:
    with pytest.raises(ProtocolError, match="not asked for"):
        decoder(name)


def test_data_that_is_cut_off_is_not_complete() -> None:
    packed = gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0)
    for at in range(len(packed) + 1):
        inflate = Inflate()
        assert b"onetwo".startswith(b"".join(inflate.feed(packed[:at])))
        assert inflate.complete is (at in (0, len(packed) // 2, len(packed)))
