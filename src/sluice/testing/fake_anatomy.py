"""What the events of each dialect are made of, and how one is changed: what ends a stream, finish, usage, bad JSON.

Pure. Works on bytes, so that a recorded stream can be damaged as one that the fake writes. An event that cannot be read
stays as it is.
"""

import re
from collections.abc import Callable

import msgspec

from sluice.testing import fake_frames
from sluice.testing.fake_doors import Vendor
from sluice.testing.fake_fault import Kind

_Json = dict[str, object]
_Edit = Callable[[_Json], _Json | None]
_read = msgspec.json.Decoder(_Json).decode
_encode = msgspec.json.Encoder().encode

_SSE = re.compile(rb"((?:[^\r\n]*[\r\n]+)*?data: ?)([^\r\n]*)([\r\n]+)")
_ELEMENT = re.compile(rb"([\s\[,]*)(\{.*\})(.*)", re.DOTALL)
_PARTS = {"sse": _SSE, "array": _ELEMENT}
_RESPONSE_ENDS = ("response.completed", "response.incomplete", "response.failed")
_STOPS = ("message_delta", "message_stop")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a stream, or a whole answer, taken apart."""

    vendor: Vendor
    kind: Kind
    raw: bytes
    data: bytes
    """JSON, mostly."""
    json: _Json
    """Empty = it is none."""
    name: str = ""
    """Frames: the event's type."""

    @property
    def ends(self) -> bool:
        """Whether it ends the stream: what `terminator: false` leaves out."""
        match self.vendor:
            case "openai":
                return self.data == b"[DONE]"
            case "messages":
                return self.json.get("type") == "message_stop"
            case "responses":
                return self.json.get("type") in _RESPONSE_ENDS
            case "converse":
                return self.name == "metadata"
        return self.raw.strip() == b"]" if self.kind == "array" else _finishes(self.json)

    def without_finish(self) -> bytes | None:
        """Return it without a finish reason, or None if there is nothing else in it."""
        if self.kind == "whole":
            return self._edited(_unfinished)
        drops = {
            "messages": self.json.get("type") in _STOPS,
            "responses": self.json.get("type") == "response.output_item.done",
            "converse": self.name == "messageStop",
        }
        if drops.get(self.vendor) or (self.ends and not (self.vendor == "gemini" and self.kind == "sse")):
            return None
        return self._edited(_unfinished)

    def without_usage(self) -> bytes | None:
        """Return it without usage, or None if there is nothing else in it."""
        return self._edited(_unmetered)

    def malformed(self) -> bytes:
        """Return it with half its data: framed as it should be, and no JSON."""
        half = self.data[: len(self.data) // 2].decode("utf-8", "ignore").encode()
        if self.kind == "array" and not self.json:
            return self.raw.replace(b"]", b"}")
        if self.kind == "frames" and not self.data:
            return self.raw
        return self._around(half or b"{")

    def _edited(self, edit: _Edit) -> bytes | None:
        if not self.json:
            return self.raw
        found = edit(self.json)
        if found is None:
            return None
        if found == self.json:
            return self.raw
        data = _encode(found)
        return self._around(msgspec.json.format(data, indent=2) if b"\n" in self.data else data)

    def _around(self, data: bytes) -> bytes:
        """Other data in the event's frame."""
        if self.kind == "frames":
            return fake_frames.frame(fake_frames.read(self.raw).headers, data)
        parts = _PARTS[self.kind].fullmatch(self.raw) if self.kind in _PARTS else None
        return data if parts is None else parts[1] + data + parts[3]


def opened(raw: bytes, vendor: Vendor, kind: Kind) -> Event:
    """Take an event apart."""
    data, name = raw, ""
    if kind == "frames":
        try:
            message = fake_frames.read(raw)
        except ValueError:
            return Event(vendor=vendor, kind=kind, raw=raw, data=b"", json={})
        data, name = message.payload, message.headers.get(":event-type", "")
    elif kind in _PARTS:
        parts = _PARTS[kind].fullmatch(raw)
        data = b"" if parts is None else parts[2]
    try:
        found = _read(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = {}
    return Event(vendor=vendor, kind=kind, raw=raw, data=data, json=found, name=name)


def with_wrong_checksum(frame: bytes) -> bytes:
    """Return a binary frame whose last checksum does not match."""
    return frame[:-1] + bytes([frame[-1] ^ 0xFF])


# -- members ----------------------------------------------------------------------------------------------------------


def _rows(found: _Json, name: str) -> list[_Json]:
    rows = found.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _finishes(found: _Json) -> bool:
    return any("finishReason" in row for row in _rows(found, "candidates"))


def _unfinished(found: _Json) -> _Json:
    """Without the finish reasons of any dialect."""
    if choices := _rows(found, "choices"):
        return found | {"choices": [row | {"finish_reason": None} for row in choices]}
    if candidates := _rows(found, "candidates"):
        return found | {"candidates": [_less(row, "finishReason") for row in candidates]}
    if found.get("object") == "response":
        return found | {"status": "in_progress"}
    if "stop_reason" in found:
        return found | {"stop_reason": None}
    return _less(found, "stopReason")


def _unmetered(found: _Json) -> _Json | None:
    """Without the usage of any dialect."""
    left = _less(found, "usage", "usageMetadata")
    if left.get("choices") == [] and "usage" in found:
        return None  # the chunk that is there for the usage alone
    for name, empty in (("message", {}), ("response", {"usage": None})):
        inner = left.get(name)
        if isinstance(inner, dict) and "usage" in inner:
            left[name] = _less(inner, "usage") | empty
    return left | ({"usage": None} if found.get("object") == "response" else {})


def _less(found: _Json, *names: str) -> _Json:
    return {name: value for name, value in found.items() if name not in names}
