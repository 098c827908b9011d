"""Answers with a fault, of each kind of stream, without a socket."""

from collections.abc import Iterator

import msgspec
from botocore.eventstream import EventStreamBuffer, EventStreamMessage  # type: ignore[import-untyped]  # ships no types

from sluice.testing.fake_desk import Desk, Options
from sluice.testing.fake_fault import Fault
from sluice.testing.fake_script import Item, Mark, Pause, Script
from sluice.wire.sse import SseDecoder
from tests.testing.spoken import PLAIN, SPOKEN, Json, obj, request, rows

STREAMS = ("chat", "messages", "responses", "gemini", "array", "converse")
"""Dialects as they are streamed; `array` is Gemini's without `alt=sse`."""
SSE = ("chat", "messages", "responses", "gemini")
SAID = "Grüße 😀, one two"


def answer(
    name: str, fault: Json | None = None, *, said: str = SAID, stream: bool = True, options: Options = PLAIN
) -> Script:
    """What the fake answers to a request that prescribes a text, with this fault: the same request for every fault."""
    spoken = SPOKEN["gemini" if name == "array" else name]
    body = spoken.ask("hi") | {"fake": {"content": said}}
    path = spoken.path
    if stream and spoken.stream_path:
        path = spoken.stream_path.removesuffix("?alt=sse") if name == "array" else spoken.stream_path
    elif stream:
        body |= {"stream": True} | ({"stream_options": {"include_usage": True}} if name == "chat" else {})
    asked = request(path, msgspec.json.encode(body), spoken.headers)
    return Desk(options, lambda: 1_744_306_752.0).serve(asked, msgspec.convert(fault or {}, Fault)).script


def sent(script: Script) -> bytes:
    return b"".join(item for item in script.chunks if isinstance(item, bytes))


def parts(script: Script) -> list[Item]:
    """The items, bytes that nothing parts joined."""
    joined: list[Item] = []
    for item in script.chunks:
        if isinstance(item, bytes) and joined and isinstance(joined[-1], bytes):
            joined[-1] += item
        else:
            joined.append(item)
    return joined


def events(script: Script) -> list[bytes]:
    """The bytes up to each mark."""
    found, held = [], b""
    for item in script.chunks:
        if isinstance(item, bytes):
            held += item
        elif isinstance(item, Mark):
            found.append(held)
            held = b""
    return [*found, held] if held else found


def pauses(script: Script) -> list[float]:
    return [item.seconds for item in script.chunks if isinstance(item, Pause)]


def undamaged(name: str) -> list[bytes]:
    """The events of the usual answer."""
    return [chunk for chunk in answer(name).chunks if isinstance(chunk, bytes)]


def read(name: str, body: bytes) -> Iterator[Json]:
    """The JSON of a stream's events; what is no event any more is left out."""
    match name:
        case "converse":
            for message in messages(body):
                yield {"kind": message.headers[":event-type"]} | msgspec.json.decode(message.payload, type=Json)
        case "array":
            yield from msgspec.json.decode(body, type=list[Json])
        case _:
            decoder = SseDecoder()
            for frame in [*decoder.feed(body), *decoder.finish()]:
                if frame.data is not None and frame.data != b"[DONE]":
                    yield msgspec.json.decode(frame.data, type=Json)


def messages(body: bytes) -> list[EventStreamMessage]:
    """The frames, read by Amazon's own client, which raises if a checksum does not match."""
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return list(buffer)


def said(name: str, body: bytes) -> str:
    """The text that a stream adds up to."""
    return "".join(text(name, found) for found in read(name, body))


def text(name: str, found: Json) -> str:
    """The text that an event adds."""
    match name:
        case "chat":
            return "".join(str(obj(row["delta"]).get("content") or "") for row in rows(found["choices"]))
        case "responses":
            return str(found["delta"]) if found["type"] == "response.output_text.delta" else ""
        case "messages" | "converse":
            return str(obj(found.get("delta") or {}).get("text") or "")
    contents = [obj(row["content"]) for row in rows(found["candidates"])]
    return "".join(str(part["text"]) for content in contents for part in rows(content.get("parts") or []))
