"""The head of a provider's answer: what it says about the body, and whether the connection outlives it.

Owns no socket. Obeys: RFC 9112, section 6 (read 2026-11-21): a framing that could be read in two ways is refused.
"""

from sluice.errors import ProtocolError
from sluice.gateway.ports import UpstreamHead
from sluice.wire.chunked import BodyDecoder, ChunkedBody, SizedBody, UntilClose
from sluice.wire.http1 import connection_options, parse_response_head

_NO_BODY = frozenset({204, 304})


def parse_head(head: bytes, *, expects_body: bool) -> tuple[UpstreamHead, BodyDecoder, bool]:
    """Parse a whole head. Return it, the decoder for its body, and whether the connection can be used again after it.

    Raises:
        ProtocolError: it is not a head, or its framing could be read in two ways (RFC 9112, 6.3).
    """
    keeps, status, headers = parse_response_head(head)
    lengths: set[bytes] = set()
    codings: list[bytes] = []
    for name, value in headers:
        if name == b"content-length":
            lengths.add(value)
        elif name == b"transfer-encoding":
            codings.append(value.strip().lower())
        elif name == b"connection":
            keeps = keeps and b"close" not in connection_options(headers)
    expects_body = expects_body and status >= 200 and status not in _NO_BODY
    length, body = _framing(lengths, codings, expects_body=expects_body)
    return UpstreamHead(status, headers, length), body, keeps and not isinstance(body, UntilClose)


def _framing(lengths: set[bytes], codings: list[bytes], *, expects_body: bool) -> tuple[int | None, BodyDecoder]:
    """The length of a body, if it is said, and what decodes it (RFC 9112, 6.3)."""
    ambiguous = len(lengths) > 1 or (lengths and codings) or codings not in ([], [b"chunked"])
    if ambiguous or not all(length.isdigit() and len(length) < 19 for length in lengths):
        raise ProtocolError("the framing of the provider's answer is ambiguous")
    length = int(lengths.pop()) if lengths else None
    if not expects_body:
        return length or 0, SizedBody(0)
    if codings:
        return None, ChunkedBody()
    return (None, UntilClose()) if length is None else (length, SizedBody(length))
