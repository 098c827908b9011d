"""wire/http1.py: heads and chunks as bytes."""

import pytest

from sluice.wire.http1 import (
    CONTINUE,
    HOP_BY_HOP,
    LAST_CHUNK,
    Header,
    chunk,
    connection_options,
    end_to_end,
    fields,
    status_line,
)


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, b"HTTP/1.1 200 OK\r\n"),
        (404, b"HTTP/1.1 404 Not Found\r\n"),
        (499, b"HTTP/1.1 499 Client Closed Request\r\n"),
        (529, b"HTTP/1.1 529 Overloaded\r\n"),
        (799, b"HTTP/1.1 799 \r\n"),  # RFC 9112, 4: the space stays when the phrase is empty
    ],
)
def test_a_status_line(status: int, line: bytes) -> None:
    assert status_line(status) == line


def test_fields_are_one_line_each() -> None:
    assert fields([(b"content-type", b"text/plain"), (b"x", b"")]) == b"content-type: text/plain\r\nx: \r\n"
    assert fields([]) == b""


@pytest.mark.parametrize("bad", [b"a\r\nevil: 1", b"a\nevil: 1", b"a\rb", b"a\0b", b"\n", b"\r"])
def test_a_field_that_could_write_more_fields_is_refused(bad: bytes) -> None:
    for header in [(b"x", bad), (bad, b"x")]:
        with pytest.raises(ValueError, match="cannot hold"):
            fields([(b"ok", b"ok"), header])


def test_a_chunk_says_its_size_in_hex_and_an_empty_one_is_nothing() -> None:
    assert chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert chunk(b"") == b""
    assert LAST_CHUNK == b"0\r\n\r\n"
    assert CONTINUE.endswith(b"\r\n\r\n")


def test_hop_by_hop_fields_stay_here_and_so_do_those_that_connection_names() -> None:
    kept: list[Header] = [(b"content-type", b"text/plain"), (b"x-keep", b"1"), (b"x-keep", b"2")]
    hops: list[Header] = [(name, b"x") for name in sorted(HOP_BY_HOP - {b"connection"})]
    named: list[Header] = [(b"connection", b"close, X-Drop"), (b"x-drop", b"1"), (b"connection", b"y"), (b"y", b"2")]
    assert end_to_end([*hops, *kept, *named]) == kept
    assert end_to_end(iter(kept)) == kept
    assert connection_options(named) == {b"close", b"x-drop", b"y"}
