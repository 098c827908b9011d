"""A raw HTTP client for tests: what came over the socket, and how the connection ended."""

import asyncio
import socket
from types import TracebackType
from typing import Literal, Self

import msgspec

HI: dict[str, object] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def post(body: dict[str, object] | bytes, path: str = "/v1/chat/completions", headers: bytes = b"") -> bytes:
    """Return the bytes of a chat request."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    head = b"POST %b HTTP/1.1\r\nhost: localhost\r\n%bcontent-length: %d\r\n\r\n" % (
        path.encode(),
        headers,
        len(content),
    )
    return head + content


class Socket:
    """One connection: `async with Socket(port) as s`. What was received before a reset is never lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._held = b""

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._socket = socket.create_connection(("127.0.0.1", self._port))
        self._socket.setblocking(False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def receive(self) -> bytes:
        """Return what comes next, empty at the end.

        Raises:
            ConnectionResetError: the connection was reset.
        """
        async with asyncio.timeout(5):
            return await self._loop.sock_recv(self._socket, 1 << 16)

    async def until(self, end: bytes) -> bytes:
        """Return everything up to and including `end`."""
        while (at := self._held.find(end)) < 0:
            piece = await self.receive()
            assert piece, f"the connection was closed before {end!r}"
            self._held += piece
        found, self._held = self._held[: at + len(end)], self._held[at + len(end) :]
        return found

    async def exactly(self, size: int) -> bytes:
        pieces, left = [self._held], size - len(self._held)
        while left > 0:
            pieces.append(await self.receive())
            assert pieces[-1], "the connection was closed too early"
            left -= len(pieces[-1])
        data = b"".join(pieces)
        self._held = data[size:]
        return data[:size]

    async def head(self) -> bytes:
        """Read a head."""
        return await self.until(b"\r\n\r\n")

    async def rest(self) -> tuple[bytes, Literal["fin", "rst"]]:
        """Read to the connection's end, and say how it ended."""
        pieces = [self._held]
        try:
            while piece := await self.receive():
                pieces.append(piece)
        except ConnectionResetError:
            return b"".join(pieces), "rst"
        return b"".join(pieces), "fin"


def dechunk(body: bytes) -> bytes:
    """The payload of a chunked body, complete or not."""
    payload = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        payload += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return payload


async def exchange(port: int, request: bytes) -> tuple[int, bytes, Literal["fin", "rst"]]:
    """Send one request on a connection of its own; return status (0 = none came), payload, and how it ended."""
    async with Socket(port) as s:
        await s.send(request.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
        data, how = await s.rest()
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]) if head else 0, dechunk(body) if b"chunked" in head else body, how
