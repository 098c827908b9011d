"""A small and honest gateway for chat completions: the ground from which the bad ones differ in one thing each.

It reads a request, asks the provider, passes on whole events, and says an error where the provider did not end well.
"""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

import msgspec

from sluice.errors import ProtocolError
from sluice.net.listener import BACKLOG
from sluice.wire import coding, http1
from sluice.wire.chunked import BodyDecoder, ChunkedBody, SizedBody
from sluice.wire.sse import Frame, SseDecoder

IDLE_S = 1.0
DONE = b"data: [DONE]\n\n"
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"


class Broke(Exception):
    """The provider did not answer as HTTP and its dialect ask."""


class Provider:
    """One request to the provider, and its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.status = 0
        self.headers: dict[bytes, bytes] = {}

    async def head(self) -> None:
        try:
            async with asyncio.timeout(IDLE_S):
                data = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, OSError, TimeoutError):
            raise Broke("the provider gave no head") from None
        _, self.status, headers = http1.parse_response_head(data)
        self.headers = dict(headers)

    async def piece(self) -> bytes:
        """The next bytes of the body."""
        try:
            async with asyncio.timeout(IDLE_S):
                data = await self._reader.read(1 << 16)
        except (OSError, TimeoutError):
            raise Broke("the provider went silent, or away") from None
        if not data:
            raise Broke("the provider closed the connection inside its answer")
        return data

    def framing(self) -> BodyDecoder:
        length = self.headers.get(b"content-length")
        return ChunkedBody() if length is None else SizedBody(int(length))


class HonestGateway:
    """`async with HonestGateway(provider_port) as gateway`; it listens at `gateway.port`."""

    watches = True
    """A client that leaves is heard of."""

    def __init__(self, provider_port: int) -> None:
        self._provider_port = provider_port
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._group = await asyncio.TaskGroup().__aenter__()
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0, limit=1 << 20, backlog=BACKLOG)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(None, None, None)
        await self._server.wait_closed()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._group.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- what the bad ones change -------------------------------------------------------------------------------------

    def asked(self, body: bytes) -> bytes:
        """What the provider is asked."""
        return body

    def received(self, data: bytes) -> bytes:
        """What was read of the provider's body."""
        return data

    def passed(self, frame: Frame) -> bytes:
        """What becomes of a whole event."""
        return frame.raw

    def ending(self, why: str, left: bytes) -> bytes:
        """What follows when the provider did not end well; `left` is the part of an event that came."""
        return b'data: {"error":{"message":"%b","type":"upstream_error","code":null,"param":null}}\n\n' % why.encode()

    async def say(self, writer: asyncio.StreamWriter, data: bytes, *, last: bool) -> None:
        """Send a piece of the stream."""
        writer.write(http1.chunk(data))
        await writer.drain()

    def refusal(self, provider: Provider, body: bytes) -> tuple[int, list[http1.Header], bytes]:
        """What becomes of a provider's error."""
        kept = [(n, v) for n, v in provider.headers.items() if n in (b"content-type", b"retry-after")]
        return provider.status, kept, body

    # -- a request ----------------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = self.asked(await reader.readexactly(length))
            async with asyncio.TaskGroup() as group:
                answering = group.create_task(self._answer(body, writer))
                watching = group.create_task(self._watch(reader, answering))
                await asyncio.wait([answering])
                watching.cancel()
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _watch(self, reader: asyncio.StreamReader, answering: asyncio.Task[None]) -> None:
        with contextlib.suppress(OSError):
            await reader.read(1)
        if self.watches:
            answering.cancel()

    async def _answer(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection("127.0.0.1", self._provider_port, limit=1 << 20)
        provider = Provider(*upstream)
        try:
            head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: provider\r\ncontent-type: application/json\r\n"
            provider.writer.write(b"%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (head, len(body), body))
            await provider.head()
            if provider.status == 200 and provider.headers.get(b"content-type", b"").startswith(b"text/event-stream"):
                await self._stream(provider, writer)
            else:
                whole = await self._whole(provider)
                _respond(writer, *self.refusal(provider, whole))
        except (Broke, ProtocolError) as error:
            message = {"error": {"message": str(error), "type": "upstream_error", "code": None, "param": None}}
            _respond(writer, 502, [(b"content-type", b"application/json")], msgspec.json.encode(message))
        finally:
            provider.writer.close()

    async def _whole(self, provider: Provider) -> bytes:
        framing, parts = provider.framing(), list[bytes]()
        while not framing.done:
            parts.append(framing.feed(await provider.piece()))
        body = b"".join(parts)
        if provider.status == 200:
            _ends(body)
        return body

    # -- a stream -----------------------------------------------------------------------------------------------------

    async def _stream(self, provider: Provider, writer: asyncio.StreamWriter) -> None:
        framing, events = provider.framing(), SseDecoder(16 << 20)
        unpacks = coding.decoder(provider.headers.get(b"content-encoding", b""))
        begun = done = False
        left = b""
        try:
            while not done:
                if framing.done:
                    raise Broke("the provider's stream ended before its answer did")
                payload = framing.feed(await provider.piece())
                plain = self.received(payload if unpacks is None else b"".join(unpacks.feed(payload)))
                left += plain
                for frame in events.feed(plain):
                    left = left[len(frame.raw) :]
                    done = frame.data is not None and _ends(frame.data)
                    if not begun:
                        writer.write(_HEAD)
                        begun = True
                    await self.say(writer, self.passed(frame), last=done)
        except (Broke, ProtocolError) as error:
            if not begun:
                raise
            await self.say(writer, self.ending(str(error), left), last=True)
        if not writer.is_closing():
            writer.write(http1.LAST_CHUNK)
            await writer.drain()


def _ends(data: bytes) -> bool:
    """Return whether an event is the last one: the terminator, or an error."""
    if data == b"[DONE]":
        return True
    try:
        return "error" in msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        raise Broke("the provider sent what is no JSON") from None


def _respond(writer: asyncio.StreamWriter, status: int, headers: list[http1.Header], body: bytes) -> None:
    if writer.is_closing():
        return
    own = [*headers, (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    writer.write(http1.status_line(status) + http1.fields(own) + b"\r\n" + body)
