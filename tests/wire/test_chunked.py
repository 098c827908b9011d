"""wire/chunked.py against RFC 9112, sections 6 and 7, cut anywhere, and its strictness."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.errors import ProtocolError
from sluice.testing.cuts import every_single_cut, every_size, one_byte_at_a_time, random_cuts
from sluice.wire.chunked import MAX_LINE_BYTES, MAX_TRAILER_BYTES, BodyDecoder, ChunkedBody, SizedBody, UntilClose
from sluice.wire.http1 import LAST_CHUNK, chunk


def read(pieces: list[bytes], body: BodyDecoder | None = None) -> tuple[bytes, bool, bytes]:
    """Payload, whether it is complete, what came after it."""
    body = body or ChunkedBody()
    payload = b"".join([body.feed(piece) for piece in pieces])
    return payload, body.done, body.rest


def everywhere(data: bytes) -> list[list[bytes]]:
    return [*every_single_cut(data), one_byte_at_a_time(data), *every_size(data, largest=5), *random_cuts(data, 7, 20)]


BODIES = {
    "one chunk": (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    "several": (b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc"),
    "nothing": (b"0\r\n\r\n", b""),
    "several zeros": (b"000\r\n\r\n", b""),
    "hex of both cases, leading zeros": (b"000a\r\n0123456789\r\n0A\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2),
    "extensions": (b'5;a=1;b="x y"\r\nhello\r\n0;last\r\n\r\n', b"hello"),
    "space around an extension": (b"5 ; a\r\nhello\r\n0\r\n\r\n", b"hello"),
    "trailers": (b"5\r\nhello\r\n0\r\nx-sum: 1\r\ny: 2\r\n\r\n", b"hello"),
    "line ends in the payload": (b"8\r\n\r\n0\r\n\r\n\r\r\n0\r\n\r\n", b"\r\n0\r\n\r\n\r"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_cut_anywhere(name: str) -> None:
    data, payload = BODIES[name]
    for pieces in everywhere(data):
        assert read(pieces) == (payload, True, b"")


@pytest.mark.parametrize("name", BODIES)
def test_what_follows_the_body_is_kept_for_the_next_answer(name: str) -> None:
    data, payload = BODIES[name]
    for pieces in everywhere(data + b"HTTP/1.1 200"):
        assert read(pieces) == (payload, True, b"HTTP/1.1 200")


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_not_done_before_its_last_byte(name: str) -> None:
    data, _ = BODIES[name]
    for end in range(len(data)):
        body = ChunkedBody()
        body.feed(data[:end])
        assert not body.done
        with pytest.raises(ProtocolError, match="inside a chunked body"):
            body.finish()
    body.feed(data[-1:])
    body.finish()


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"\n",
        b"g\r\n",
        b"+5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5_0\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"\t5\r\nhello\r\n",
        b"5 5\r\nhello\r\n",
        b"5,\r\nhello\r\n",
        b";a\r\nhello\r\n",
        b"\xd9\xa5\r\nhello\r\n",
        b"1000000000000000\r\n",
        b"0000000000000005\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5\rhello\r\n",
        b"5;a\nb\r\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"5\r\nhello",
        b"5\r\nhello\n",
        b"5\r\nhellox\r\n",
        b"5\r\nhello\r\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"0\r\n\n",
        b"0\r\nx: 1\n\r\n",
        b"0\n\n",
    ],
)
def test_framing_that_is_not_what_it_should_be_is_refused_however_it_is_cut(data: bytes) -> None:
    data += b"0\r\n\r\n" + b"\r\n" * 3
    for pieces in everywhere(data):
        with pytest.raises(ProtocolError):
            read(pieces)


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_a_size_line_is_bounded(size: int) -> None:
    def fed(line: bytes) -> tuple[bytes, bool, bytes]:
        data = line + b"a\r\n0\r\n\r\n"
        return read([data[at : at + size] for at in range(0, len(data), size)])

    assert fed(b"1;" + b"x" * (MAX_LINE_BYTES - 4) + b"\r\n") == (b"a", True, b"")
    with pytest.raises(ProtocolError, match="too long"):
        fed(b"1;" + b"x" * (MAX_LINE_BYTES - 3) + b"\r\n")
    with pytest.raises(ProtocolError, match="too long"):
        fed(b"0" * (2 * MAX_LINE_BYTES))


@pytest.mark.parametrize("size", [7, 1 << 20])
def test_trailers_are_bounded_together(size: int) -> None:
    line = b"x: " + b"y" * 123 + b"\r\n"

    def fed(count: int) -> tuple[bytes, bool, bytes]:
        data = b"0\r\n" + line * count + b"\r\n"
        return read([data[at : at + size] for at in range(0, len(data), size)])

    most = (MAX_TRAILER_BYTES - 2) // len(line)
    assert fed(most) == (b"", True, b"")
    with pytest.raises(ProtocolError, match="too long"):
        fed(most + 1)


def test_one_read_that_is_one_chunk_gives_its_payload_and_leaves_the_state_clean() -> None:
    body = ChunkedBody()
    for payload in (b"data: 1\n\n", b"\r\n", b"x" * 70_000):
        assert body.feed(chunk(payload)) == payload
    assert body.feed(b"2\r\nab\r\n3\r\nc\r\n") == b"abc\r\n"  # ends like one chunk, and is not
    assert body.feed(b"\r\n" + LAST_CHUNK) == b""
    assert body.done


def test_bytes_after_the_end_are_collected() -> None:
    body = ChunkedBody()
    assert body.feed(LAST_CHUNK + b"a") == b""
    assert body.feed(b"b") == b""
    assert body.rest == b"ab"


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.integers(0, 1 << 30))
@example([b"\r\n0\r\n\r\n"], 0)
def test_what_was_written_is_read_however_it_is_cut(payloads: list[bytes], seed: int) -> None:
    data = b"".join([chunk(payload) for payload in payloads]) + LAST_CHUNK
    for pieces in random_cuts(data, seed, 3):
        assert read(pieces) == (b"".join(payloads), True, b"")


@given(st.binary(max_size=40), st.lists(st.integers(0, 40), max_size=4))
@example(b"1;\nb\r\nX\r\n", [])
@example(b"1;\rb\r\nX\r\n", [3])
def test_garbage_gives_the_same_however_it_is_cut_and_never_another_error(data: bytes, cuts: list[int]) -> None:
    def attempt(pieces: list[bytes]) -> object:
        try:
            return read(pieces)
        except ProtocolError:
            return ProtocolError

    offsets = sorted(cuts)
    pieces = [data[a:b] for a, b in zip([0, *offsets], [*offsets, len(data)], strict=True)]
    assert attempt(pieces) == attempt([data]) == attempt(one_byte_at_a_time(data))


def test_a_sized_body_ends_at_its_size() -> None:
    for pieces in every_single_cut(b"helloHTTP/1.1"):
        assert read(pieces, SizedBody(5)) == (b"hello", True, b"HTTP/1.1")
    body = SizedBody(5)
    assert body.feed(b"hell") == b"hell"
    assert not body.done
    with pytest.raises(ProtocolError, match="1 bytes before"):
        body.finish()
    assert body.feed(b"o") == b"o"
    body.finish()


def test_a_sized_body_of_nothing_is_done_at_once() -> None:
    body = SizedBody(0)
    assert body.done
    body.finish()
    assert (body.feed(b"next"), body.rest) == (b"", b"next")


def test_a_body_until_close_is_done_when_the_connection_is() -> None:
    body = UntilClose()
    assert read([b"a", b"", b"b"], body) == (b"ab", False, b"")
    body.finish()
    assert body.done
