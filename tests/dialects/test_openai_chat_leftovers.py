"""openai_chat/leftovers.py: what no word here stands for is kept once, and padding never."""

import json

import msgspec

from sluice.chat.events import Leftover
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.wire.sse import SseDecoder


def kept(*chunks: dict[str, object]) -> list[Leftover]:
    """The leftovers of a stream of these chunks."""
    decoder = OPENAI_CHAT.decoder(keep_leftovers=True)
    row = {"index": 0, "delta": {"content": "a"}}
    body = b"".join(b"data: %b\n\n" % json.dumps({"id": "c", "choices": [row]} | chunk).encode() for chunk in chunks)
    events = [event for frame in SseDecoder().feed(body) for event in decoder.decode(frame)]
    return [event for event in events if isinstance(event, Leftover)]


def top(**fields: bytes) -> Leftover:
    return Leftover("", 0, {name: msgspec.Raw(raw) for name, raw in fields.items()})


def test_members_that_every_chunk_repeats_are_kept_once_and_again_when_they_change() -> None:
    same: dict[str, object] = {"service_tier": "default", "system_fingerprint": "fp"}
    assert kept(same, same, same | {"service_tier": "flex"}, same) == [
        top(service_tier=b'"default"', system_fingerprint=b'"fp"'),
        top(service_tier=b'"flex"'),
        top(service_tier=b'"default"'),
    ]


def test_padding_is_not_kept() -> None:
    assert kept({"obfuscation": "x1"}, {"obfuscation": "x2"}) == []
    whole = {"obfuscation": "x", "choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}
    events = OPENAI_CHAT.read_answer(json.dumps(whole).encode(), keep_leftovers=True)
    assert [event for event in events if isinstance(event, Leftover)] == []


def test_members_of_a_choice_are_kept_each_time() -> None:
    row: dict[str, object] = {"choices": [{"index": 0, "delta": {"content": "a"}, "filter": "safe"}]}
    assert [event.place for event in kept(row, row)] == ["choice", "choice"]
