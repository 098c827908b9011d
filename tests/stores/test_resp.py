"""Redis' protocol: the same replies however the bytes are cut, and an end for whoever does not speak it."""

import pytest

from sluice.stores.resp import MAX_REPLY_BYTES, RedisError, Reply, RespDecoder, command
from sluice.testing.cuts import every_single_cut, one_byte_at_a_time, random_cuts

SENT = b"+OK\r\n:-17\r\n$5\r\na\r\nbc\r\n$-1\r\n*-1\r\n*0\r\n*3\r\n:1\r\n$0\r\n\r\n*1\r\n+x\r\n-ERR no\r\n$0\r\n\r\n"
READ: list[object] = [b"OK", -17, b"a\r\nbc", None, None, [], [1, b"", [b"x"]], "ERR no", b""]


def shown(replies: list[Reply]) -> list[object]:
    return [str(reply) if isinstance(reply, RedisError) else reply for reply in replies]


def test_replies_are_the_same_however_the_bytes_are_cut() -> None:
    for pieces in [*every_single_cut(SENT), one_byte_at_a_time(SENT), *random_cuts(SENT, 7, 300)]:
        decoder = RespDecoder()
        assert shown([reply for piece in pieces for reply in decoder.feed(piece)]) == READ


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400 Bad Request\r\n", b"$x\r\n", b"*1\r\n?\r\n", b"\r\n"])
def test_who_does_not_speak_redis_is_not_listened_to(garbage: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - all that is promised
        RespDecoder().feed(garbage)


def test_a_reply_without_end_takes_no_memory_without_end() -> None:
    decoder = RespDecoder()
    decoder.feed(b"$100000000\r\n")
    decoder.feed(bytes(MAX_REPLY_BYTES - 100))
    with pytest.raises(ValueError, match="too long"):
        decoder.feed(bytes(200))


def test_a_command_is_words_with_their_lengths() -> None:
    assert command("SET", b"k\r\n", 17) == b"*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\n17\r\n"
