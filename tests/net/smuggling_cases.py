"""Requests that two servers could read in two ways. Each is one answer and at most one request for the provider.

Sources: RFC 9112 (sections 2.2, 3, 5, 6, 7, 11) and the published collections of request smuggling variants.
"""

from typing import NamedTuple

BODY = b'{"x":"0123456789abcdef012"}'
SIZE = b"Content-Length: %d\r\n" % len(BODY)
HOST = b"Host: gateway.test\r\n"
LINE = b"POST /a HTTP/1.1\r\n"
HIDDEN = b"POST /hidden HTTP/1.1\r\n" + HOST + SIZE + b"\r\n" + BODY
"""What an attacker appends. Where the bytes before it are refused, nobody may ever see it."""
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"1b\r\n" + BODY + b"\r\n0\r\n\r\n"


class Case(NamedTuple):
    name: str
    data: bytes


def _sized(name: str, *fields: bytes, line: bytes = LINE) -> Case:
    """A request with a length and these fields."""
    return Case(name, line + HOST + b"".join(fields) + SIZE + b"\r\n" + BODY)


def _length(value: bytes) -> Case:
    return Case(f"Content-Length {value!r}", LINE + HOST + b"Content-Length: " + value + b"\r\n\r\n" + BODY)


def _coding(value: bytes) -> Case:
    field = b"Transfer-Encoding: " + value + b"\r\n"
    return Case(f"Transfer-Encoding {value!r}", LINE + HOST + field + b"\r\n" + CHUNKS)


def _chunks(name: str, chunks: bytes) -> Case:
    return Case(f"chunks: {name}", LINE + HOST + CHUNKED + b"\r\n" + chunks)


def _host(name: str, *fields: bytes) -> Case:
    return Case(f"Host {name}", LINE + b"".join(fields) + SIZE + b"\r\n" + BODY)


def _line(line: bytes) -> Case:
    return _sized(f"line {line!r}", line=line + b"\r\n")


REFUSED = [
    # Two framings.
    Case("CL.TE", LINE + HOST + SIZE + CHUNKED + b"\r\n0\r\n\r\n"),
    Case("TE.CL", LINE + HOST + CHUNKED + SIZE + b"\r\n" + CHUNKS),
    Case("two equal lengths", LINE + HOST + SIZE + SIZE + b"\r\n" + BODY),
    Case("two different lengths", LINE + HOST + SIZE + b"Content-Length: 5\r\n\r\n" + BODY),
    Case("TE and CL in HTTP/1.0", b"POST /a HTTP/1.0\r\n" + HOST + CHUNKED + SIZE + b"\r\n" + CHUNKS),
    Case("TE in HTTP/1.0", b"POST /a HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n" + CHUNKS),
    Case("TE twice", LINE + HOST + CHUNKED + CHUNKED + b"\r\n" + CHUNKS),
    Case("TE chunked, then identity", LINE + HOST + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n" + CHUNKS),
    Case("an empty TE beside CL", LINE + HOST + b"Transfer-Encoding:\r\n" + SIZE + b"\r\n" + BODY),
    # Lengths that are no numbers.
    *map(_length, (b"27, 27", b"+27", b"-27", b"2 7", b"0x1b", b"1b", b"2_7", b"27.0", b"", b"\x0b27")),
    _length(b"18446744073709551643"),  # 2 ** 64 + 27
    _length(b"27\0"),
    Case("Content-Length with a space before the colon", LINE + HOST + b"Content-Length : 27\r\n\r\n" + BODY),
    # Codings that are not exactly chunked.
    *map(_coding, (b"xchunked", b"chunked, identity", b"identity, chunked", b"gzip, chunked", b"identity", b"")),
    *map(_coding, (b"chunked,", b", chunked", b'"chunked"', b"chunked;a=b", b"\x0bchunked", b"chunked\x0b", b"chunke")),
    Case(
        "Transfer-Encoding with a space before the colon", LINE + HOST + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKS
    ),
    Case("Transfer-Encoding folded", LINE + HOST + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKS),
    # Chunks.
    _chunks("a negative size", b"-1b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("a size with a sign", b"+1b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("a size with 0x", b"0x1b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("a size beyond 64 bits", b"1000000000000001b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("a space before the size", b" 1b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("a space after the size", b"1b \r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("a tab after the size", b"1b\t\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("no size", b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("an underscore in the size", b"1_b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("a size line ended by LF", b"1b\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("a size line ended by CR", b"1b\r" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("LF inside an extension", b"1b;a\nb\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("CR inside an extension", b"1b;a\rb\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("no CRLF after the data", b"1b\r\n" + BODY + b"0\r\n\r\n"),
    _chunks("LF after the data", b"1b\r\n" + BODY + b"\n0\r\n\r\n"),
    _chunks("two other bytes after the data", b"1b\r\n" + BODY + b"XX0\r\n\r\n"),
    _chunks("more data than the size says", b"1a\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("a last chunk ended by LF", b"1b\r\n" + BODY + b"\r\n0\n\n"),
    _chunks("a length among the trailers", b"1b\r\n" + BODY + b"\r\n0\r\nContent-Length: 5\r\n\r\n"),
    # Lines.
    _sized("obs-fold", b"X-A: b\r\n c\r\n"),
    _sized("obs-fold with a tab", b"X-A: b\r\n\tc\r\n"),
    Case("a fold after the request line", LINE + b" X: y\r\n" + HOST + SIZE + b"\r\n" + BODY),
    Case("LF everywhere", (LINE + HOST + SIZE + b"\r\n").replace(b"\r\n", b"\n") + BODY),
    _sized("LF after one field", b"X: y\n"),
    _sized("LF after the request line", line=b"POST /a HTTP/1.1\n"),
    Case("LF as the empty line", LINE + HOST + SIZE + b"\n" + BODY),
    _sized("CR inside a value", b"X: a\rb\r\n"),
    _sized("CR after a value", b"X: a\r"),
    _sized("CR inside the target", line=b"POST /\ra HTTP/1.1\r\n"),
    _sized("NUL in a value", b"X: a\0b\r\n"),
    _sized("NUL in a name", b"X\0Y: a\r\n"),
    _sized("NUL in the target", line=b"POST /\0a HTTP/1.1\r\n"),
    _sized("a control character in a value", b"X: a\x01b\r\n"),
    _sized("DEL in a value", b"X: a\x7fb\r\n"),
    _sized("a space before the colon", b"X-A : b\r\n"),
    _sized("an empty name", b": b\r\n"),
    _sized("a field without a colon", b"justaname\r\n"),
    _sized("a name that is not ASCII", "X-ä: b\r\n".encode()),
    # Hosts.
    _host("missing"),
    _host("twice", HOST, HOST),
    _host("two", HOST, b"Host: b\r\n"),
    *(_host(repr(value), b"Host: " + value + b"\r\n") for value in (b"a b", b"a@b", b"a/b", b"a, b", b"a:b", b"a:1:2")),
    *(_host(repr(value), b"Host: " + value + b"\r\n") for value in (b"a?b", b"a#b", b"[::1", b"a\\b", b"http://a")),
    # Request lines of other protocols, and of none.
    *map(
        _line,
        (b"POST /a HTTP/1.2", b"POST /a HTTP/2.0", b"POST /a HTTP/0.9", b"POST /a http/1.1", b"POST /a HTTP/1.10"),
    ),
    *map(
        _line,
        (b"POST /a XTTP/1.1", b"POST /a b HTTP/1.1", b"POST /a HTTP/1.1 ", b"POST\t/a\tHTTP/1.1", b" POST /a HTTP/1.1"),
    ),
    *map(_line, ("PÖST /a HTTP/1.1".encode(), b"BREW /a HTTP/1.1", b"post /a HTTP/1.1", "POST /ä HTTP/1.1".encode())),
    *map(_line, (b"SOURCE /a ICE/1.0", b"DESCRIBE /a RTSP/1.0", b"POST a HTTP/1.1", b"POST evil.test:443 HTTP/1.1")),
    *map(_line, (b"CONNECT evil.test:443 HTTP/1.1", b"CONNECT /a HTTP/1.1", b"TRACE /a HTTP/1.1")),
    # Paths that lead elsewhere.
    *map(_line, (b"POST /a/../b HTTP/1.1", b"POST /a%2f..%2fb HTTP/1.1", b"POST /a%5C%2e%2E HTTP/1.1")),
    *map(_line, (b"POST /a/..;x/b HTTP/1.1", b"POST /a\\b HTTP/1.1", b"POST /./a HTTP/1.1")),
    Case("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
    Case("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)),
]
"""400, the connection closed, nothing for the provider."""

SERVED = [
    _sized("the usual request"),
    _length(b"27 "),  # white space around a value is none of it (RFC 9110, 5.5)
    _length(b"0027"),  # leading zeros are digits (RFC 9110, 8.6)
    Case("Transfer-Encoding after a tab", LINE + HOST + b"Transfer-Encoding:\tchunked\r\n\r\n" + CHUNKS),
    Case("Transfer-Encoding in capitals", LINE + HOST + b"TRANSFER-ENCODING: CHUNKED\r\n\r\n" + CHUNKS),
    _chunks("leading zeros in a size", b"00000000000000000001b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("an extension", b"1b;a=b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    _chunks("trailers, which are dropped", b"1b\r\n" + BODY + b"\r\n0\r\nHost: evil\r\nAuthorization: evil\r\n\r\n"),
    _sized("a name that only looks like a length", b"Content_Length: 5\r\n"),
    _sized("a Connection that names the length", b"Connection: content-length\r\n"),
    _sized("empty lines before the request", line=b"\r\n\r\n" + LINE),  # RFC 9112, 2.2
    _sized("two spaces in the request line", line=b"POST  /a  HTTP/1.1\r\n"),  # RFC 9112, 3: permitted; sent on as one
    _host("empty", b"Host:\r\n"),  # RFC 9112, 3.2: legal
]
"""Read in one way, which is said beside it; the connection stays, and what follows is the next request."""

ONE_AND_CLOSE = [
    _sized("Connection: close", b"Connection: close\r\n"),
    _sized("Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
    Case(
        "Upgrade: h2c, chunked", LINE + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + CHUNKED + b"\r\n" + CHUNKS
    ),
    _sized("Upgrade: websocket", b"Connection: Upgrade\r\nUpgrade: websocket\r\n", line=b"GET /a HTTP/1.1\r\n"),
    _sized("HTTP/1.0", line=b"POST /a HTTP/1.0\r\n"),
]
"""Served as HTTP/1.1 (an upgrade may be ignored: RFC 9110, 7.8); what follows on the connection is not read."""
