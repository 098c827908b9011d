"""An empty write gives the head and no byte of the body: an empty chunk would end a chunked one (RFC 9112, 7.1)."""

import pytest

from sluice.gateway.ports import Request
from sluice.net.answer import ServerStream


class Wire:
    """A connection that only remembers."""

    draining = False
    until_close = False

    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data

    def answered(self) -> bool:
        return True

    def unread(self) -> int:
        return 0

    def cut(self) -> None: ...


def request(version: str) -> Request:
    return Request(
        method="GET",
        path="/",
        query="",
        headers=(),
        body=b"",
        http_version=version,
        peer="",
        port=0,
        received_at=0.0,
    )


@pytest.mark.parametrize(("version", "length"), [("HTTP/1.1", None), ("HTTP/1.1", 2), ("HTTP/1.0", None)])
def test_an_empty_write_sends_the_head_and_ends_nothing(version: str, length: int | None) -> None:
    wire = Wire()
    stream = ServerStream(wire, request(version), keep_alive=True)
    stream.start(200, [], length)
    stream.write(b"")
    assert wire.sent.endswith(b"\r\n\r\n")
    assert wire.sent.count(b"\r\n\r\n") == 1
    head, wire.sent = wire.sent, b""
    stream.write(b"")
    assert wire.sent == b""
    assert stream.finish(b"ok")
    assert wire.sent == (b"2\r\nok\r\n0\r\n\r\n" if b"chunked" in head else b"ok")
