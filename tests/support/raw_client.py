"""A client that sends exactly the bytes it is told to, and reads what comes back, strictly or not at all."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Self, cast

from tests.support.http_answer import Answer, Head, read_answer, read_head
from tests.support.waiting import PATIENCE_S

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, on, 0 seconds: closing sends RST (socket(7))."""
CHAT = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
STREAM = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}'
STREAM_WITH_USAGE = STREAM[:-1] + b',"stream_options":{"include_usage":true}}'


def request(
    body: bytes = CHAT,
    *,
    method: str = "POST",
    path: str = "/openai",
    headers: Sequence[str] = (),
    host: str = "gateway.test",
    version: str = "1.1",
) -> bytes:
    """Render a request with the usual head. A body has a length; `headers` are whole lines."""
    lines = [f"{method} {path} HTTP/{version}"]
    lines += [f"Host: {host}"] if host else []
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


def get(path: str, *headers: str) -> bytes:
    return request(b"", method="GET", path=path, headers=headers)


class RawClient:
    """One connection. Every wait ends within PATIENCE_S."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(
        cls, port: int, *, receive_buffer: int = 0, tls: ssl.SSLContext | None = None, name: str | None = None
    ) -> Self:
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except BaseException:
            sock.close()
            raise
        reader, writer = await asyncio.open_connection(sock=sock, limit=1 << 20, ssl=tls, server_hostname=name)
        return cls(reader, writer)

    @property
    def source(self) -> str:
        """`address:port` of this end."""
        host, port = self.writer.get_extra_info("sockname")
        return f"{host}:{port}"

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def flush(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.writer.drain()

    async def answer(self, method: str = "POST") -> Answer:
        """Read a whole answer; see `read_answer`."""
        async with asyncio.timeout(PATIENCE_S):
            return await read_answer(self.reader, method)

    async def ask(self, data: bytes, method: str = "POST") -> Answer:
        self.send(data)
        return await self.answer(method)

    async def head(self) -> Head:
        async with asyncio.timeout(PATIENCE_S):
            return await read_head(self.reader)

    async def read_until(self, marker: bytes) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readuntil(marker)

    async def rest(self, within_s: float = PATIENCE_S) -> bytes:
        """Read until the gateway closes; a reset is a close."""
        parts: list[bytes] = []
        async with asyncio.timeout(within_s):
            try:
                while data := await self.reader.read(1 << 16):
                    parts.append(data)
            except ConnectionError:
                pass
        return b"".join(parts)

    def stop_reading(self) -> None:
        """Let the socket's buffers fill."""
        cast(asyncio.Transport, self.writer.transport).pause_reading()

    def read_on(self) -> None:
        cast(asyncio.Transport, self.writer.transport).resume_reading()

    def fin(self) -> None:
        """Say that nothing more will be sent."""
        self.writer.write_eof()

    def reset(self) -> None:
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()
