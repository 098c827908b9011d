"""The messages of Envoy's rate-limit protocol, v3, as bytes: those fields that are asked and read here.

Obeys: protobuf.dev/programming-guides/encoding; envoy/service/ratelimit/v3/rls.proto and
envoy/extensions/common/ratelimit/v3/ratelimit.proto (read 2026-11-21). Two messages do not need the protobuf runtime
(3 MB, and generated code); the tests compare with it.
"""

from collections.abc import Iterator, Sequence

from sluice.gateway.limits_ports import Hits, RemoteVerdict
from sluice.wire.http1 import Header

METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_OK = 1

_Value = int | bytes


def request(domain: str, hits: Sequence[Hits]) -> bytes:
    """Return a RateLimitRequest. Each descriptor has its own `hits_addend`, for only there 0 means 0."""
    return _text(1, domain) + b"".join(_field(2, _descriptor(each)) for each in hits)


def read_response(message: bytes) -> RemoteVerdict:
    """Read a RateLimitResponse.

    Raises:
        ValueError: it is none.
    """
    code, body = 0, b""
    limits: list[tuple[int, int, int]] = []
    headers: list[Header] = []
    request_headers: list[Header] = []
    for number, value in _fields(message):
        match number, value:
            case 1, int():
                code = value
            case 2, bytes():
                limits += _limit(value)
            case 3, bytes():
                headers += _header(value)
            case 4, bytes():
                request_headers += _header(value)
            case 5, bytes():
                body = value
    return RemoteVerdict(
        code == _OK, tuple(limits), tuple(headers), tuple(request_headers), body.decode("utf-8", "replace")
    )


def _descriptor(hits: Hits) -> bytes:
    entries = b"".join(_field(1, _text(1, key) + _text(2, value)) for key, value in hits.entries)
    limit = b""
    if hits.override is not None:
        count, unit = hits.override
        limit = _field(2, _number(1, count) + _number(2, unit))
    return entries + limit + _field(3, _number(1, hits.count))


def _limit(status: bytes) -> Iterator[tuple[int, int, int]]:
    """The numbers of a DescriptorStatus that names its limit."""
    limit, remaining, reset_s = None, 0, 0
    for number, value in _fields(status):
        match number, value:
            case 2, bytes():
                limit = next((each for n, each in _fields(value) if n == 1 and isinstance(each, int)), 0)
            case 3, int():
                remaining = value
            case 4, bytes():
                found = dict(_fields(value))
                whole, nanos = found.get(1, 0), found.get(2, 0)
                reset_s = (whole if isinstance(whole, int) else 0) + bool(nanos)
    if limit is not None:
        yield limit, remaining, reset_s


def _header(message: bytes) -> Iterator[Header]:
    found = {number: value for number, value in _fields(message) if isinstance(value, bytes)}
    name, value = found.get(1, b"").lower(), found.get(3) or found.get(2, b"")
    if name and not any(byte in b"\r\n\0" for byte in name + value):
        yield name, value


# -- protobuf ---------------------------------------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value) if value else b""


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _text(number: int, value: str) -> bytes:
    return _field(number, value.encode("utf-8", "replace")) if value else b""


def _fields(message: bytes) -> Iterator[tuple[int, _Value]]:
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _read_varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _read_varint(message, at)
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError("not a protobuf message")
        if at + size > len(message):
            raise ValueError("a protobuf message is cut off")
        yield number, message[at : at + size]
        at += size


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a protobuf message is cut off")
