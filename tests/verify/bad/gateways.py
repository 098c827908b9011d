"""Gateways that are wrong in one thing each, as gateways in the field are."""

import asyncio
import json

import msgspec

from sluice.wire import http1
from sluice.wire.sse import Frame
from tests.verify.bad.gateway import DONE, HonestGateway, Provider


class Launderer(HonestGateway):
    """Makes every end look like success."""

    def ending(self, why: str, left: bytes) -> bytes:
        return DONE


class Gluer(HonestGateway):
    """Passes half an event on, and glues its error to it."""

    def ending(self, why: str, left: bytes) -> bytes:
        return left + super().ending(why, left)


class Mute(HonestGateway):
    """Ends the body as if all were well, and says nothing."""

    def ending(self, why: str, left: bytes) -> bytes:
        return b""


class Splitter(HonestGateway):
    """Decodes what it reads piece by piece."""

    def received(self, data: bytes) -> bytes:
        return data.decode("utf-8", "replace").encode()


class Deaf(HonestGateway):
    """Reads on after its client has left."""

    watches = False

    async def say(self, writer: asyncio.StreamWriter, data: bytes, *, last: bool) -> None:
        if not writer.is_closing():
            writer.write(http1.chunk(data))


class Bufferer(HonestGateway):
    """Collects all, then sends."""

    def __init__(self, provider_port: int) -> None:
        super().__init__(provider_port)
        self._held: dict[asyncio.StreamWriter, bytes] = {}

    async def say(self, writer: asyncio.StreamWriter, data: bytes, *, last: bool) -> None:
        self._held[writer] = self._held.get(writer, b"") + data
        if last:
            await super().say(writer, self.whole(self._held.pop(writer)), last=True)

    def whole(self, held: bytes) -> bytes:
        """What is sent of all that was collected."""
        return held


class Melter(Bufferer):
    """Collects all, then sends the text as one token: a stream by its looks."""

    def whole(self, held: bytes) -> bytes:
        events = [event.removeprefix(b"data: ") for event in held.split(b"\n\n") if event]
        chunks = [json.loads(event) for event in events if event.startswith(b"{")]
        deltas = [choice["delta"] for chunk in chunks for choice in chunk.get("choices", ())]
        text = "".join(delta.pop("content", "") for delta in deltas)
        if deltas:
            deltas[0]["content"] = text
        written = [json.dumps(chunk).encode() for chunk in chunks]
        return b"".join(b"data: %b\n\n" % event for event in [*written, *events[len(chunks) :]])


class Dropper(HonestGateway):
    """Hangs up on its client as soon as a slow provider is asked."""

    async def _answer(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        if b"_ms" in body:
            asyncio.get_running_loop().call_later(0.02, writer.transport.abort)
        await super()._answer(body, writer)


class Swallower(HonestGateway):
    """Takes all that the provider gives, whether its client reads or not."""

    async def say(self, writer: asyncio.StreamWriter, data: bytes, *, last: bool) -> None:
        writer.write(http1.chunk(data))


class Leaker(HonestGateway):
    """Asks for usage, and shows it to those who did not."""

    def asked(self, body: bytes) -> bytes:
        asked = msgspec.json.decode(body, type=dict[str, object])
        if asked.get("stream"):
            asked["stream_options"] = {"include_usage": True}
        return msgspec.json.encode(asked)


class Hider(HonestGateway):
    """Never shows usage."""

    def passed(self, frame: Frame) -> bytes:
        return b"" if frame.data is not None and b'"choices":[]' in frame.data else frame.raw


class Masker(HonestGateway):
    """Has one status for every failure, and forgets when to come back."""

    def refusal(self, provider: Provider, body: bytes) -> tuple[int, list[http1.Header], bytes]:
        status, headers, body = super().refusal(provider, body)
        if status == 200:
            return status, headers, body
        return 500, [(name, value) for name, value in headers if name != b"retry-after"], body


class Foreigner(HonestGateway):
    """Answers in words that no client of the dialect knows."""

    def refusal(self, provider: Provider, body: bytes) -> tuple[int, list[http1.Header], bytes]:
        status, headers, body = super().refusal(provider, body)
        return (status, headers, body) if status == 200 else (status, headers, b'{"detail":"upstream error"}')


class Babbler(HonestGateway):
    """Keeps its client alive in `beat`, every tenth of a second."""

    beat = b": keep-alive\n\n"

    def __init__(self, provider_port: int) -> None:
        super().__init__(provider_port)
        self._beating: dict[asyncio.StreamWriter, asyncio.TimerHandle] = {}

    async def say(self, writer: asyncio.StreamWriter, data: bytes, *, last: bool) -> None:
        if (timer := self._beating.pop(writer, None)) is not None:
            timer.cancel()
        await super().say(writer, data, last=last)
        if not last:
            self._beat_later(writer)

    def _beat_later(self, writer: asyncio.StreamWriter) -> None:
        self._beating[writer] = asyncio.get_running_loop().call_later(0.1, self._beat, writer)

    def _beat(self, writer: asyncio.StreamWriter) -> None:
        if not writer.is_closing():
            writer.write(http1.chunk(self.beat))
            self._beat_later(writer)


class TokenBabbler(Babbler):
    """Keeps its client alive with tokens that nobody said."""

    beat = (
        b"data: %b\n\n"
        % json.dumps(
            {
                "id": "chatcmpl-beat",
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": {"content": "."}, "finish_reason": None}],
            }
        ).encode()
    )
