"""AWS event streams for the fake provider: messages with two CRCs. Pure, and independent of `sluice.wire`.

Source: smithy.io/2.0/aws/amazon-eventstream.html, read 2026-11-21. Headers are strings: Bedrock sends no others.
"""

import struct
import zlib

import msgspec

_STRING = 7
"""The type of a header whose value is a string."""
_PRELUDE = 12
_AROUND = 16
"""Bytes of a message besides its headers and its payload."""
_PADDING = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Message(msgspec.Struct, frozen=True):
    headers: dict[str, str]
    payload: bytes


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """Return one message: lengths and their CRC, headers, payload, CRC of all of it."""
    block = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", _STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack(">II", _AROUND + len(block) + len(payload), len(block))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + block + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event(kind: str, members: dict[str, object]) -> bytes:
    """Return an event. Like the vendor, it hides how long a token is, by a member `p`."""
    payload = msgspec.json.encode(members)
    padding = _PADDING[: zlib.crc32(payload) % len(_PADDING)]
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, msgspec.json.encode(members | {"p": padding}))


def exception(kind: str, message: str) -> bytes:
    """Return the exception that ends a stream."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, msgspec.json.encode({"message": message}))


def parted(data: bytes) -> list[bytes]:
    """Return the messages of a stream, each as it is. What is left over at the end belongs to none.

    Raises:
        ValueError: a CRC or a length is wrong.
    """
    found, at = [], 0
    while len(data) - at >= _PRELUDE:
        total, _, crc = struct.unpack_from(">III", data, at)
        if crc != zlib.crc32(data[at : at + 8]) or total < _AROUND:
            raise ValueError("the lengths of a message are wrong")
        if at + total > len(data):
            break
        message = data[at : at + total]
        if struct.unpack(">I", message[-4:])[0] != zlib.crc32(message[:-4]):
            raise ValueError("the CRC of a message is wrong")
        found.append(message)
        at += total
    return found


def read(message: bytes) -> Message:
    """Return the content of one whole message.

    Raises:
        ValueError: it is shorter than it says, or a header is no string, or not whole.
    """
    if len(message) < _AROUND or len(message) < int.from_bytes(message[:4], "big"):
        raise ValueError("a message is not whole")
    total, size = struct.unpack_from(">II", message)
    headers, at, end = {}, _PRELUDE, _PRELUDE + size
    try:
        while at < end:
            length = message[at]
            name = message[at + 1 : at + 1 + length].decode()
            kind, width = struct.unpack_from(">BH", message, at + 1 + length)
            start = at + 4 + length
            if kind != _STRING:
                raise ValueError("a header of a message is no string")
            headers[name] = message[start : start + width].decode()
            at = start + width
    except (struct.error, IndexError, UnicodeDecodeError):
        raise ValueError("a header of a message is not whole") from None
    return Message(headers, message[end : total - 4])
