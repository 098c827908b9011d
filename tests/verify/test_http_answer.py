"""An answer is read by the letter of HTTP, however its bytes are cut, and every breach is named."""

import pytest

from sluice.verify.http_answer import MAX_HEAD_BYTES, AnswerReader

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = HEAD + b"Content-Length: 5\r\n\r\n"


def read(data: bytes, piece_bytes: int = 1 << 20, *, closed: bool = False) -> AnswerReader:
    answer = AnswerReader()
    for start in range(0, len(data), piece_bytes):
        answer.feed(data[start : start + piece_bytes], float(start))
    if closed:
        answer.closed()
    return answer


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("data", "body"),
    [
        (CHUNKED + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", b"abc0123456789"),
        (CHUNKED + b"1\r\n\r\r\n2\r\n\r\n\r\n0\r\nTrailer: x\r\n\r\n", b"\r\r\n"),
        (SIZED + b"hello", b"hello"),
        (HEAD + b"content-length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED + b"hello", b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_a_whole_answer_is_read_whole(data: bytes, body: bytes, piece_bytes: int) -> None:
    answer = read(data, piece_bytes)
    assert answer.whole
    assert not answer.fault
    assert answer.body == body
    assert answer.body_bytes == len(body)


def test_fields_are_found_by_lower_case_names_and_joined() -> None:
    answer = read(b"HTTP/1.1 503 \r\nRetry-After:  2 \r\nA: 1\r\na: 2\r\nContent-Length: 0\r\n\r\n")
    assert (answer.status, answer.header("retry-after"), answer.header("a")) == (503, "2", "1, 2")


def test_without_a_length_the_body_ends_with_the_connection() -> None:
    assert not read(HEAD + b"\r\nabc").whole
    assert read(HEAD + b"\r\nabc", closed=True).whole


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_cut_body_is_never_whole(cut: int) -> None:
    data = CHUNKED + b"10\r\n0123456789abcdef\r\n0\r\n\r\n"
    answer = read(data[:-cut], closed=True)
    assert not answer.whole
    assert not answer.fault


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n", "no head of HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nA : 1\r\n\r\n", "no head of HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nA: 1\n\r\n\r\n", "no head of HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\n folded: 1\r\n\r\n", "no head of HTTP/1.1"),
        (HEAD + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n", "both"),
        (HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n", "transfer coding"),
        (HEAD + b"content-length: 5, 5\r\n\r\n", "content length"),
        (HEAD + b"content-length: -1\r\n\r\n", "content length"),
        (CHUNKED + b"x\r\n", "no number"),
        (CHUNKED + b"\r\n", "no number"),
        (CHUNKED + b"2\r\nabc\r\n", "longer than its size"),
        (CHUNKED + b"0\r\n\r\nmore", "follow the end"),
        (SIZED + b"hello!", "follow the end"),
        (CHUNKED + b"1" * 2000, "does not end"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * (MAX_HEAD_BYTES // 5), "does not end"),
    ],
)
def test_a_breach_is_named_and_nothing_is_read_after_it(data: bytes, fault: str) -> None:
    answer = read(data)
    assert fault in answer.fault
    before = answer.body
    answer.feed(b"3\r\nabc\r\n", 0.0)
    assert answer.body == before


def test_every_piece_has_the_second_in_which_it_came() -> None:
    answer = AnswerReader()
    answer.feed(CHUNKED + b"2\r\na", 1.0)
    answer.feed(b"b\r\n1\r\nc\r\n", 2.0)
    assert answer.head_at == 1.0
    assert answer.pieces == [(1.0, b"a"), (2.0, b"b"), (2.0, b"c")]
