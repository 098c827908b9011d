"""Recorded streams, to be played again byte for byte. Pure.

Which dialect a recording is in, it says itself; what it adds up to is in `fake_fold`.
"""

import json
from collections.abc import Sequence

import msgspec

from sluice.errors import ProtocolError
from sluice.testing import fake_fold, fake_frames
from sluice.testing.fake_doors import Vendor
from sluice.wire.sse import SseDecoder

_Json = dict[str, object]


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded stream: its events, each as it came, and the whole answer that they add up to."""

    vendor: Vendor
    array: bool = False
    """A stream of Gemini's without `alt=sse`."""
    events: tuple[bytes, ...]
    """What the recording breaks off in is the last of them."""
    whole: bytes


def recordings(every: Sequence[bytes]) -> dict[tuple[Vendor, bool], Recording]:
    """Return recordings by their dialects, and whether they are arrays.

    Raises:
        ValueError: one is no recorded stream, or two are of one dialect.
    """
    found: dict[tuple[Vendor, bool], Recording] = {}
    for data in every:
        one = read(data)
        if (one.vendor, one.array) in found:
            raise ValueError(f"two recordings are of one dialect ({one.vendor})")
        found[one.vendor, one.array] = one
    return found


def read(data: bytes) -> Recording:
    """Return what was recorded.

    Raises:
        ValueError: the bytes are no stream that the fake could have sent.
    """
    try:
        if data.lstrip()[:1] == b"[":
            return _array(data)
        return _frames(data) if data[:1] == b"\0" else _events(data)
    except (ProtocolError, msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"the recording is not a stream of a dialect that the fake speaks: {error}") from None


def _events(data: bytes) -> Recording:
    decoder = SseDecoder()
    frames = [*decoder.feed(data), *decoder.finish()]
    said = [frame.data for frame in frames if frame.data is not None and frame.data != b"[DONE]"]
    events = [msgspec.json.decode(each, type=_Json) for each in said]
    vendor = next((found for event in events if (found := _vendor(event)) is not None), None)
    if vendor is None:
        raise ValueError("no event of it is of any")
    whole = fake_fold.JSON_FOLDS[vendor]([event for event in events if event.get("type") != "ping"])
    return Recording(vendor=vendor, events=_complete([frame.raw for frame in frames], data), whole=_encode(whole))


def _vendor(event: _Json) -> Vendor | None:
    kind = event.get("type")
    if kind == "message_start":
        return "messages"
    if isinstance(kind, str) and kind.startswith("response."):
        return "responses"
    if "choices" in event:
        return "openai"
    return "gemini" if "candidates" in event or "promptFeedback" in event else None


def _array(data: bytes) -> Recording:
    """The elements of an array, the commas before them and the bracket at the end with them."""
    text, reader = data.decode(), json.JSONDecoder()
    events: list[_Json] = []
    raw: list[bytes] = []
    at = 0
    while (start := text.find("{", at)) >= 0:
        try:
            element, end = reader.raw_decode(text, start)
        except json.JSONDecodeError:
            break  # the recording breaks off here
        events.append(element)
        raw.append(text[at:end].encode())
        at = end
    if not any(_vendor(event) == "gemini" for event in events):
        raise ValueError("no element of it is of any")
    whole = _encode(fake_fold.gemini(events))
    return Recording(vendor="gemini", array=True, events=_complete(raw, data), whole=whole)


def _frames(data: bytes) -> Recording:
    raw = fake_frames.parted(data)
    frames = [fake_frames.read(each) for each in raw]
    if not frames or frames[0].headers.get(":event-type") != "messageStart":
        raise ValueError("its first message is no messageStart")
    return Recording(vendor="converse", events=_complete(raw, data), whole=_encode(fake_fold.converse(frames)))


def _complete(raw: list[bytes], data: bytes) -> tuple[bytes, ...]:
    rest = data[sum(map(len, raw)) :]
    return (*raw, rest) if rest else tuple(raw)


_encode = msgspec.json.encode
