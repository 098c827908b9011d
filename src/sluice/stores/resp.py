"""Redis' protocol, as far as a client needs it that sends commands and hears replies: RESP2.

Obeys: redis.io/docs/latest/develop/reference/protocol-spec (read 2026-11-21). A reply may come in any cuts.
Our own, because what counts limits must hear a reply even when nobody waits for it any more, to put back what it took;
and it costs 10 microseconds a command where redis-py (8.1, asyncio) costs 41 and 10 MB of memory.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

MAX_REPLY_BYTES = 1 << 20
"""Of what was not understood yet. What limits and ledgers ask for has some hundred bytes; who asks for more says so."""


class RedisError(Exception):
    """Redis has refused a command."""


class Lost(Exception):
    """The connection ended before the reply came. Whether the command was carried out is not known."""


Reply = int | bytes | None | RedisError | list["Reply"]
Then = Callable[[Reply | Lost], None]


def command(*words: bytes | str | int) -> bytes:
    """Return a command as it is sent."""
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n%b" % (len(parts), b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))


class _Incomplete(Exception):
    pass


class RespDecoder:
    """Bytes, cut anywhere, to replies."""

    def __init__(self, max_reply_bytes: int = MAX_REPLY_BYTES) -> None:
        self._max_bytes = max_reply_bytes
        self._buffer = bytearray()
        self._at = 0

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that these bytes complete.

        Raises:
            ValueError: they are not Redis' protocol; the decoder is then unusable.
        """
        self._buffer += data
        replies: list[Reply] = []
        done = 0
        while done < len(self._buffer):
            self._at = done
            try:
                replies.append(self._reply())
            except _Incomplete:
                break
            done = self._at
        del self._buffer[:done]
        if len(self._buffer) > self._max_bytes:
            raise ValueError("a reply is too long")
        return replies

    def _reply(self) -> Reply:
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return bytes(rest)
        if kind == b"-":
            return RedisError(rest.decode("utf-8", "replace"))
        size = int(rest)
        if kind == b":":
            return size
        if kind == b"$":
            return None if size < 0 else self._bulk(size)
        if kind == b"*":
            return None if size < 0 else [self._reply() for _ in range(size)]
        raise ValueError("not Redis' protocol")

    def _line(self) -> bytes:
        end = self._buffer.find(b"\r\n", self._at)
        if end < 0:
            raise _Incomplete
        line = bytes(self._buffer[self._at : end])
        self._at = end + 2
        return line

    def _bulk(self, size: int) -> bytes:
        end = self._at + size
        if len(self._buffer) < end + 2:
            raise _Incomplete
        body = bytes(self._buffer[self._at : end])
        self._at = end + 2
        return body


class RespConnection(asyncio.Protocol):
    """One connection. Commands are answered in order; `heard` is called with each reply that comes, `lost` once.
    `pushed`: this one subscribes, and hands over each message."""

    def __init__(
        self,
        heard: Callable[[], None],
        lost: Callable[["RespConnection"], None],
        *,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        pushed: Callable[[bytes], None] | None = None,
    ) -> None:
        self._heard, self._lost, self._pushed = heard, lost, pushed
        self._decoder = RespDecoder(max_reply_bytes)
        self._waiting: deque[Then] = deque()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            replies = self._decoder.feed(data)
        except (ValueError, RecursionError):
            self.close()
            return
        self._heard()
        for reply in replies:
            if self._pushed is not None and isinstance(reply, list) and reply[0] == b"message":
                self._pushed(cast(bytes, reply[2]))
            elif self._waiting:
                self._waiting.popleft()(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        waiting, self._waiting = self._waiting, deque()
        for then in waiting:
            then(Lost("the connection to Redis ended"))
        self._lost(self)

    def ask(self, sent: bytes, then: Then) -> None:
        """Send a command; `then` is called exactly once, with its reply or `Lost`, never before this returns."""
        if self._transport is None or self._transport.is_closing():
            asyncio.get_running_loop().call_soon(then, Lost("there is no connection to Redis"))
            return
        self._waiting.append(then)
        self._transport.write(sent)

    async def call(self, *words: bytes | str | int) -> Reply:
        """Send a command and return its reply.

        Raises:
            RedisError: it is refused.
            Lost: there is none.
        """
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def then(reply: Reply | Lost) -> None:
            if future.done():
                return
            if isinstance(reply, Lost | RedisError):
                future.set_exception(reply)
            else:
                future.set_result(reply)

        self.ask(command(*words), then)
        return await future

    def close(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()
