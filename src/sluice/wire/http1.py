"""HTTP/1.1 heads and chunks, values to bytes, and the head of an answer back.

Never imports asyncio, never blocks, never logs. Obeys: RFC 9110, RFC 9112 (read 2026-11-21).
Names are lower case: they are compared that way everywhere and HTTP/1.1 does not care.
"""

import re
from collections.abc import Iterable
from http import HTTPStatus

from sluice.errors import ProtocolError

Header = tuple[bytes, bytes]

LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Fields that belong to one connection (RFC 9110, 7.6.1). Those that a Connection field names belong to it too."""

_REASONS = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request", 529: "Overloaded"}


def status_line(status: int) -> bytes:
    return b"HTTP/1.1 %d %b\r\n" % (status, _REASONS.get(status, "").encode())


def fields(headers: Iterable[Header]) -> bytes:
    """Write header fields, each with its CRLF, without the empty line that ends a head.

    Raises:
        ValueError: a value holds CR, LF or NUL, which would let its author write headers of their own.
    """
    pieces = [piece for name, value in headers for piece in (name, b": ", value, b"\r\n")]
    out = b"".join(pieces)
    lines = len(pieces) // 4
    if out.count(b"\n") != lines or out.count(b"\r") != lines or b"\0" in out:
        raise ValueError("a header cannot hold CR, LF or NUL")
    return out


def chunk(payload: bytes) -> bytes:
    """Frame a payload as one chunk. An empty one would end the body: it becomes nothing."""
    return b"%x\r\n%b\r\n" % (len(payload), payload) if payload else b""


def connection_options(headers: Iterable[Header]) -> frozenset[bytes]:
    """The lower-case tokens of all Connection fields."""
    return frozenset(
        token.strip().lower() for name, value in headers if name == b"connection" for token in value.split(b",")
    )


def end_to_end(headers: Iterable[Header]) -> list[Header]:
    """The fields that are meant for the other end: without hop-by-hop fields and those that Connection names."""
    headers = list(headers)
    named = connection_options(headers)
    return [field for field in headers if field[0] not in HOP_BY_HOP and field[0] not in named]


_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE = rb"[\t\x20-\x7e\x80-\xff]*"
_RESPONSE_HEAD = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: %b)?\r\n((?:%b:%b\r\n)*)\r\n" % (_VALUE, _TOKEN, _VALUE)
)
_FIELD = re.compile(rb"(%b):[ \t]*(%b)\r\n" % (_TOKEN, _VALUE))


def parse_response_head(head: bytes) -> tuple[bool, int, tuple[Header, ...]]:
    """Read the whole head of an answer, its empty line included: whether it is HTTP/1.1 (else 1.0), status and fields.

    One pass of a regular expression without alternatives to come back to: O(n). Refused: folded lines, bare CR or LF,
    control characters, a space before the colon; nothing in a head can be read in two ways.

    Raises:
        ProtocolError: it is not the head of an HTTP/1 answer.
    """
    match = _RESPONSE_HEAD.fullmatch(head)
    if match is None:
        raise ProtocolError("the provider's answer does not begin with a valid HTTP/1.1 head")
    pairs = _FIELD.findall(match[3])
    return match[1] == b"1", int(match[2]), tuple([(name.lower(), value.rstrip(b" \t")) for name, value in pairs])
