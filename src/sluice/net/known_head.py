"""The head that a client says again: all but the length of its body, byte for byte as it was read and checked before.

Clients keep a connection for many requests and say the same of each. Reading such a head once more can find nothing
new, and to be sure of that two comparisons of bytes are enough: 9 of some 100 microseconds of a plain request.

    POST /v1/chat/completions HTTP/1.1 ... content-length: │ 211 │ ... \\r\\n\\r\\n │ body
    └──────────────────── before ─────────────────────────┘       └─── after ───┘

Only what is here whole is read so, with no byte more or less than its length says; everything else is llhttp's.
"""

import re

import msgspec

from sluice.gateway.ports import Request
from sluice.wire.http1 import Header

MAX_DIGITS = 9
"""Of a length. Longer ones are llhttp's to read."""
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})\r\n", re.IGNORECASE)
_NAME = b"content-length"
_NOT_KNOWN = frozenset({b"expect", b"upgrade", b"transfer-encoding", b"connection"})
"""Fields that say something of this one request or of the connection."""


class KnownHead(msgspec.Struct, frozen=True):
    """A head that was served."""

    before: bytes
    after: bytes
    request: Request
    earlier: tuple[Header, ...]
    """The fields before the length, and those after it."""
    later: tuple[Header, ...]

    def read(self, data: bytes, received_at: float) -> Request | None:
        """Return the request that `data` is, if this is its head and its body is here whole, no byte more or less."""
        if not data.startswith(self.before):
            return None
        begin = len(self.before)
        end = data.find(b"\r", begin, begin + MAX_DIGITS + 1)
        digits = data[begin:end]
        if end < 0 or not digits.isdigit() or not data.startswith(self.after, end):
            return None
        body = data[end + len(self.after) :]
        if len(body) != int(digits):
            return None
        known = self.request
        return Request(
            method=known.method,
            path=known.path,
            query=known.query,
            headers=(*self.earlier, (_NAME, digits), *self.later),
            body=body,
            http_version=known.http_version,
            peer=known.peer,
            port=known.port,
            received_at=received_at,
        )


def known_head(data: bytes, request: Request) -> KnownHead | None:
    """Return what to compare further requests of a connection with, after `data` was read as this one and nothing else;
    None = a head of its kind has to be read each time."""
    end = len(data) - len(request.body)
    lengths = _LENGTH.findall(data, 0, end)
    names = [name for name, _ in request.headers]
    if len(lengths) != 1 or names.count(_NAME) != 1 or request.http_version != "HTTP/1.1" or data[:1] == b"\r":
        return None
    found = _LENGTH.search(data, 0, end)
    if found is None or int(lengths[0]) != len(request.body) or not _NOT_KNOWN.isdisjoint(names):
        return None
    at = names.index(_NAME)
    return KnownHead(
        before=data[: found.start(1)],
        after=data[found.end(1) : end],
        request=msgspec.structs.replace(request, body=b""),
        earlier=request.headers[:at],
        later=request.headers[at + 1 :],
    )
