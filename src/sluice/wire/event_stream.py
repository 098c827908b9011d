"""The binary event stream `application/vnd.amazon.eventstream`: messages of headers and a payload, bytes to frames.

Never imports asyncio, never blocks, never logs. Knows nothing of LLMs: what an event is called and what its payload
means is a dialect's business.
Obeys: Smithy's "Amazon Event Stream Specification" (smithy.io/2.0/aws/amazon-eventstream.html, read 2026-11-21):

     4 bytes   4 bytes   4 bytes                                      4 bytes
    ┌────────┬─────────┬─────────┬─────────────┬─────────────────────┬─────────┐
    │ length │ headers │ CRC32   │ the headers │ the payload         │ CRC32   │    all big-endian; length counts the
    │        │ length  │ of both │             │                     │ of all  │    whole message, both CRCs included
    └────────┴─────────┴─────────┴─────────────┴─────────────────────┴─────────┘

A length is believed only after its CRC: a flipped bit can neither make us wait for ever nor ask for memory.
"""

import struct
import zlib

import msgspec

from sluice.errors import FrameTooLarge, ProtocolError
from sluice.wire.sse import MAX_EVENT_BYTES, Frame

CONTENT_TYPE = b"application/vnd.amazon.eventstream"
EXCEPTION = "exception:"
"""Begins the name of a frame that reports a failure; what follows is the type of the exception, or the error's code."""

HeaderValue = bool | int | bytes | str
"""Integers of all widths and timestamps (milliseconds since 1970) are int, a UUID is its 16 bytes."""

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_OVERHEAD = _PRELUDE.size + _CRC.size
_NUMBERS = {kind: struct.Struct(form) for kind, form in ((2, ">b"), (3, ">h"), (4, ">i"), (5, ">q"), (8, ">q"))}
_BYTES, _STRING, _UUID = 6, 7, 9

MAX_KNOWN = 64
"""Blocks of headers whose name is remembered: a stream repeats a handful of them."""
MAX_KNOWN_BYTES = 512
"""The longest block of headers that is remembered."""


class EventStreamDecoder:
    """Turn body bytes, cut anywhere, into whole frames. See `wire.frames.FrameDecoder`.

    A frame's `raw` are the message's bytes, `data` its payload, `event` its `:event-type`, or `exception:` and the type
    of what went wrong. Guarantee: neither frames nor `fault` depend on how the bytes were cut. Cost: O(n) in the bytes
    fed. Memory: at most `max_event_bytes` plus one chunk.
    """

    __slots__ = ("_held", "_known", "_max", "_need", "fault")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._held = bytearray()
        """The message that is not complete yet, from its first byte."""
        self._need = _PRELUDE.size
        """How many bytes have to be held before it is worth looking again."""
        self._known: dict[bytes, str] = {}
        """Headers, as bytes, of ordinary events -> the event's name."""
        self.fault: ProtocolError | None = None
        """Set when no further frame can be read: too large, a checksum that does not match, headers that are none."""

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes and return the frames they complete, oldest first. Look at `fault` after each call."""
        if self.fault is not None:
            return []
        if self._held:
            self._held += chunk
            if len(self._held) < self._need:
                return []
            chunk = bytes(self._held)
        frames: list[Frame] = []
        at = 0
        try:
            while (end := self._end(chunk, at)) <= len(chunk):
                frames.append(self._frame(chunk[at:end]))
                at = end
        except ProtocolError as error:
            self.fault = error
            self._held.clear()
            return frames
        self._need = end - at
        self._held = bytearray(chunk[at:])
        return frames

    def finish(self) -> list[Frame]:
        """Say that no byte will follow. Nothing waits for that here: an unfinished message is dropped, and whether the
        answer was complete without it is the dialect's to say."""
        return []

    @property
    def pending(self) -> bool:
        """After `finish`: the body ended inside a message."""
        return bool(self._held)

    def _end(self, data: bytes, at: int) -> int:
        """Where the message at `at` ends, or where the lengths that say so end, if they are not here yet."""
        if len(data) - at < _PRELUDE.size:
            return at + _PRELUDE.size
        length, headers, checksum = _PRELUDE.unpack_from(data, at)
        if zlib.crc32(data[at : at + 8]) != checksum:
            raise ProtocolError("the provider's event stream is damaged: the checksum of a message's lengths is wrong")
        if headers + _OVERHEAD > length:
            raise ProtocolError("the provider's event stream is damaged: a message is shorter than its headers")
        if length > self._max:
            raise FrameTooLarge(f"an event of the provider exceeds {self._max} bytes")
        return at + int(length)

    def _frame(self, raw: bytes) -> Frame:
        if zlib.crc32(raw[:-4]) != _CRC.unpack_from(raw, len(raw) - 4)[0]:
            raise ProtocolError("the provider's event stream is damaged: the checksum of a message is wrong")
        body = _PRELUDE.size + int.from_bytes(raw[4:8], "big")
        block, payload = raw[_PRELUDE.size : body], raw[body:-4]
        name = self._known.get(block)
        if name is not None:
            return Frame(raw, payload, name)
        headers = read_headers(block)
        kind = _text(headers, ":message-type")
        if kind == "exception":
            return Frame(raw, payload, EXCEPTION + _text(headers, ":exception-type"))
        if kind == "error":  # its words stand in a header, and its payload is empty
            words = {"message": _text(headers, ":error-message")}
            return Frame(raw, payload or msgspec.json.encode(words), EXCEPTION + _text(headers, ":error-code"))
        name = _text(headers, ":event-type")
        if len(self._known) < MAX_KNOWN and len(block) <= MAX_KNOWN_BYTES:
            self._known[block] = name
        return Frame(raw, payload, name)


def read_headers(block: bytes) -> dict[str, HeaderValue]:
    """Read a message's headers.

    Raises:
        ProtocolError: they are cut off, written twice, of an unknown type, or no UTF-8.
    """
    headers: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(block):
            end = at + 1 + block[at]
            name = str(block[at + 1 : end], "utf-8")
            if name in headers:
                raise ProtocolError("the provider's event stream is damaged: a message says a header twice")
            headers[name], at = _value(block, block[end], end + 1)
    except (IndexError, struct.error, UnicodeDecodeError):
        at = -1
    if at != len(block):
        raise ProtocolError("the provider's event stream is damaged: the headers of a message cannot be read")
    return headers


def _value(block: bytes, kind: int, at: int) -> tuple[HeaderValue, int]:
    """The value of this type that begins at `at`, and where it ends, which may be behind the block's end."""
    if kind in (0, 1):
        return kind == 0, at
    if kind in _NUMBERS:
        form = _NUMBERS[kind]
        return int(form.unpack_from(block, at)[0]), at + form.size
    if kind == _UUID:
        return block[at : at + 16], at + 16
    if kind not in (_BYTES, _STRING):
        raise ProtocolError("the provider's event stream is damaged: a message has a header of an unknown type")
    start = at + 2
    end = start + int(_LENGTH.unpack_from(block, at)[0])
    value = block[start:end]
    return (str(value, "utf-8") if kind == _STRING else value), end


def _text(headers: dict[str, HeaderValue], name: str) -> str:
    value = headers.get(name, "")
    return value if isinstance(value, str) else ""


def encode(event_type: str, payload: bytes, message_type: str = "event") -> bytes:
    """Write one message as a service does. `message_type` is `event`, `exception` (then `event_type` names the
    exception), or `error` (then it is the error's code, and the payload its words).

    Raises:
        ValueError: a header is longer than 65,535 bytes, or `message_type` is none of these.
    """
    if message_type == "error":
        return encode_message({":message-type": "error", ":error-code": event_type, ":error-message": payload.decode()})
    if message_type not in ("event", "exception"):
        raise ValueError(f"no message is of type {message_type!r}")
    headers = {
        f":{message_type}-type": event_type,
        ":content-type": "application/json",
        ":message-type": message_type,
    }
    return encode_message(headers, payload)


def encode_message(headers: dict[str, str], payload: bytes = b"") -> bytes:
    """Write one message with these headers, all of them strings.

    Raises:
        ValueError: a name is longer than 255 bytes, or a value than 65,535.
    """
    block = b"".join(_header(name.encode("utf-8"), value.encode("utf-8", "replace")) for name, value in headers.items())
    lengths = struct.pack(">II", len(block) + len(payload) + _OVERHEAD, len(block))
    message = b"%b%b%b%b" % (lengths, _CRC.pack(zlib.crc32(lengths)), block, payload)
    return message + _CRC.pack(zlib.crc32(message))


def _header(name: bytes, value: bytes) -> bytes:
    if len(name) > 0xFF or len(value) > 0xFFFF:
        raise ValueError("a header of an event stream is too long")
    return b"%c%b%c%b%b" % (len(name), name, _STRING, _LENGTH.pack(len(value)), value)
