"""The names of an exchange: request id and W3C trace context.

Source: W3C Trace Context Level 1 (read 2026-11-21), section 3.2.
"""

import random
import re

import msgspec

from sluice.gateway.ports import Request

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NOT_ZERO = (1 << 128) | 1
"""Neither id may be zero (section 3.2.2.3 and 3.2.2.4)."""
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


class Identity(msgspec.Struct, frozen=True):
    """Ids of one exchange. They tell exchanges apart; they are no secrets and need no cryptographic chance."""

    request_id: str
    trace_id: str
    span_id: str
    flags: str
    parent_id: str = ""
    """Span id of the client's; empty = it sent no trace that is well-formed."""

    @property
    def traceparent(self) -> bytes:
        """The header for the provider: our span is its parent."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}".encode()


def identify(request: Request) -> Identity:
    """Name an exchange: a client's request id and trace are kept if they are well-formed, invented otherwise."""
    chance = f"{random.getrandbits(192) | _NOT_ZERO:048x}"
    span = chance[:16]
    given = wanted = None
    for name, value in reversed(request.headers):  # of several request ids the first counts; of several parents none
        if name == b"traceparent":
            given = value.decode("latin-1") if given is None else ""
        elif name == b"x-request-id":
            wanted = value.decode("latin-1")
    match = _TRACEPARENT.fullmatch(given) if given else None
    if match and _may_be(match[1], match[5]) and match[2].strip("0") and match[3].strip("0"):
        trace, parent = match[2], match[3]
        flags = "01" if int(match[4], 16) & 1 else "00"  # what the other bits say is not known: they do not go on
    else:
        trace, flags, parent = chance[16:], "00", ""
    if wanted is None or not is_request_id(wanted):
        wanted = f"req_{chance[16:]}"
    return Identity(wanted, trace, span, flags, parent)


def _may_be(version: str, more: str | None) -> bool:
    """Whether there may be a header of this version with more in it than the first one has."""
    return version != "ff" and (version != "00" or more is None)


def span_id() -> str:
    """Return the id of a new span: 16 hexadecimal digits, never all zero."""
    return f"{random.getrandbits(64) | 1:016x}"


def is_request_id(text: str) -> bool:
    """Whether a request id from outside can be shown: 1 to 128 printable ASCII characters, no spaces."""
    return _REQUEST_ID.fullmatch(text) is not None
