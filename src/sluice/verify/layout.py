"""Where what stands in the fake provider's stream: which event brings which text, the finish reason, the usage and the
terminator. Made by the fake's own writers from the request that reached it, so that a cut can be placed exactly.

Pure.
"""

import msgspec

from sluice.testing import fake_frames
from sluice.testing.fake_chunks import CHAT
from sluice.testing.fake_converse import CONVERSE
from sluice.testing.fake_doors import Door
from sluice.testing.fake_gemini import GEMINI
from sluice.testing.fake_messages import MESSAGES
from sluice.testing.fake_reply import reply
from sluice.testing.fake_responses import RESPONSES
from sluice.testing.fake_voice import Told, Voice
from sluice.verify.facts import Provider
from sluice.verify.told import Json, Usage

_VOICES: dict[str, Voice] = {
    "openai": CHAT,
    "responses": RESPONSES,
    "messages": MESSAGES,
    "gemini": GEMINI,
    "converse": CONVERSE,
}
_PROVIDERS: dict[str, Provider] = {
    "openai": "chat",
    "responses": "responses",
    "messages": "messages",
    "gemini": "gemini",
    "converse": "converse",
}


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of the fake."""

    provider: Provider
    events: tuple[bytes, ...]
    """Of the stream; one whole body if no stream was asked for."""
    texts: tuple[str, ...]
    """What each event brings; empty = no text."""
    finish: int
    """The event with the finish reason."""
    stream: bool
    usage: Usage

    @property
    def first_token(self) -> int:
        return next(index for index, text in enumerate(self.texts) if text)

    @property
    def tokens(self) -> list[int]:
        """The events that bring text."""
        return [index for index, text in enumerate(self.texts) if text]

    @property
    def terminator(self) -> int | None:
        """The event that ends the stream, where that is not the one with the finish reason."""
        last = len(self.events) - 1
        return last if last > self.finish else None

    @property
    def body_bytes(self) -> int:
        return sum(map(len, self.events))

    def said_before(self, event: int) -> str:
        """The text of all events before this one."""
        return "".join(self.texts[:event])

    def unfinished(self, event: int) -> int:
        """How many bytes of an event are all of it but what completes it: its empty line, or its checksum."""
        data = self.events[event]
        if self.provider == "converse":
            return len(data) - 4
        return len(data) - (2 if data.endswith(b"\r\n\r\n") else 1)


def layout(door: Door, body: bytes) -> Layout:
    """Return the answer to a request that came to this door, without its fault."""
    voice = _VOICES[door.vendor]
    asked = voice.read(body, door.model)
    said = reply(asked)
    writer = voice.speak(asked, said, Told(model=asked.model, created=1_790_000_000, form=door.form))
    provider = _PROVIDERS[door.vendor]
    usage = Usage(said.prompt_tokens, said.completion_tokens)
    stream = asked.stream if door.stream is None else door.stream
    if not stream:
        whole = (writer.whole(),)
        return Layout(provider=provider, events=whole, texts=("",), finish=0, stream=False, usage=usage)
    events = tuple(writer.stream())
    members = [_members(provider, event) for event in events]
    return Layout(
        provider=provider,
        events=events,
        texts=tuple(_text(provider, *found) for found in members),
        finish=next(index for index, found in enumerate(members) if _finishes(provider, *found)),
        stream=True,
        usage=usage,
    )


def _members(provider: Provider, event: bytes) -> tuple[str, Json]:
    """An event's name and its JSON; `[DONE]` has none."""
    if provider == "converse":
        message = fake_frames.read(event)
        return message.headers[":event-type"], Json(msgspec.json.decode(message.payload))
    data = event.partition(b"data: ")[2].strip()
    found = Json(None if data == b"[DONE]" else msgspec.json.decode(data))
    return found["type"].text, found


def _text(provider: Provider, name: str, found: Json) -> str:
    match provider:
        case "chat":
            return found["choices"][0]["delta"]["content"].text
        case "responses":
            return found["delta"].text if name == "response.output_text.delta" else ""
        case "messages" | "converse":
            return found["delta"]["text"].text
    return found["candidates"][0]["content"]["parts"][0]["text"].text


def _finishes(provider: Provider, name: str, found: Json) -> bool:
    match provider:
        case "chat":
            return found["choices"][0]["finish_reason"].given
        case "responses":
            return name == "response.completed"
        case "messages":
            return name == "message_delta"
        case "converse":
            return name == "messageStop"
    return found["candidates"][0]["finishReason"].given
