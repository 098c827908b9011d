"""What llhttp lets through of a request's head, but must not be served.

Obeys: RFC 9112 (read 2026-11-21), strictly: what could be read in two ways is refused.
"""

import re
from collections.abc import Iterable

import msgspec

from sluice.config.plan import Limits
from sluice.errors import BadHttp, BodyTooLarge, HeadTooLarge
from sluice.net.host import is_valid_host
from sluice.wire.http1 import Header
from sluice.wire.target import OTHER_METHODS, has_dots

ABSOLUTE = re.compile(r"^https?://([^/?#]*)", re.IGNORECASE)
"""The part of an absolute-form target that names the host (RFC 9112, 3.2.2): accepted, but it must agree with Host."""

_VERSIONS = frozenset({"1.0", "1.1"})
_OTHER_METHODS = frozenset(method.encode() for method in OTHER_METHODS)

_LOOKED_AT = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})


class Announced(msgspec.Struct, frozen=True):
    """What a head says of itself and of the body that follows it."""

    host: bytes
    body_bytes: int | None
    """0 = there is none, None = as long as its chunks."""
    expects_continue: bool
    """The client waits for a 100 Continue before it sends the body."""


def check_head(
    method: bytes, version: str, target: bytes, headers: Iterable[Header], limits: Limits, good_host: bytes
) -> Announced:
    """Read a head that llhttp has accepted; header names are lower case. `good_host`: a Host that was found valid.

    Raises:
        BadHttp, HeadTooLarge, BodyTooLarge: it must not be served.
    """
    _check_line(method, version, target)
    absolute = None if target[:1] == b"/" else ABSOLUTE.match(target.decode("latin-1"))
    host, body_bytes, expects = b"", 0, False
    size, hosts, chunked = len(target), 0, False
    for name, value in headers:
        size += len(name) + len(value) + 4
        if name not in _LOOKED_AT:
            continue
        match name:
            case b"host":
                hosts += 1
                if value != good_host or absolute is not None:
                    _check_host(value, absolute)
                host = value
            case b"content-length":
                body_bytes = int(value) if value.isdigit() else 0
            case b"transfer-encoding":
                if version != "1.1" or value.strip().lower() != b"chunked":
                    raise BadHttp("Of all transfer codings, only chunked in HTTP/1.1 is accepted.")
                chunked = True
            case b"expect":  # of HTTP/1.0 it must be ignored (RFC 9110, 10.1.1)
                expects = version == "1.1" and value.strip().lower() == b"100-continue"
    if hosts > 1 or (hosts == 0 and version == "1.1"):
        raise BadHttp("The request must have exactly one Host header.")
    if size > limits.max_head_bytes:
        raise head_too_large(limits)
    if body_bytes > limits.max_body_bytes:
        raise body_too_large(limits)
    return Announced(host, None if chunked else body_bytes, expects)


def _check_line(method: bytes, version: str, target: bytes) -> None:
    """Refuse what llhttp reads but is not HTTP/1 for an origin server."""
    if (b"." in target or b"%" in target) and has_dots(target.partition(b"?")[0].decode("latin-1")):
        raise BadHttp("The path must not hold dot segments.")
    if b"\\" in target and b"\\" in target.partition(b"?")[0]:  # a slash to browsers and some servers
        raise BadHttp("The path must not hold a backslash.")
    if version not in _VERSIONS:
        raise BadHttp("Only HTTP/1.0 and HTTP/1.1 are spoken here.")
    if method in _OTHER_METHODS:
        raise BadHttp("This method is not served here.")


def _check_host(host: bytes, absolute: re.Match[str] | None) -> None:
    if not is_valid_host(host):
        raise BadHttp("The Host header is not valid.")
    if absolute is not None and absolute[1].encode("latin-1").lower() != host.strip().lower():
        raise BadHttp("The request's target and its Host header name different hosts.")


def head_too_large(limits: Limits) -> HeadTooLarge:
    return HeadTooLarge(f"The request's head exceeds {limits.max_head_bytes} bytes.")


def body_too_large(limits: Limits) -> BodyTooLarge:
    return BodyTooLarge(f"The request's body exceeds {limits.max_body_bytes} bytes.")
