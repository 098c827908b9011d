"""One request on a connection of its own, over a socket: sends, stamps what comes, leaves when it is told to.

A new connection for each request, so that nothing of one cell reaches another. Obeys: RFC 9112.
"""

import asyncio
import socket
import ssl
import struct
import time
from typing import Literal, cast

import msgspec

from sluice.verify.http_answer import AnswerReader

How = Literal["whole", "closed", "reset", "broken", "waiting", "left", "refused"]
"""How an answer ended: whole; the connection closed or reset before it was; HTTP broken; still open when the wait was
over; left by this client; no connection at all."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, on, 0 seconds: closing sends RST (socket(7))."""
CONNECT_S = 5.0


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, as far as it came. Seconds are those of time.monotonic."""

    answer: AnswerReader
    how: How
    asked_s: float
    """When the request was written."""
    ended_s: float


class Asking(asyncio.Protocol):
    """One request and what is heard of its answer. Call `close` or `leave` in any case."""

    def __init__(self) -> None:
        self.answer = AnswerReader()
        self.asked_s = 0.0
        self._over: asyncio.Future[How] = asyncio.get_running_loop().create_future()
        self._ended_s = 0.0
        self._transport: asyncio.Transport | None = None

    @property
    def over(self) -> bool:
        return self._over.done()

    # -- orders -------------------------------------------------------------------------------------------------------

    def send(self, data: bytes, *, reads: bool) -> None:
        """Send the request. With `reads=False` nothing is read before `read_on`; not to be said from inside
        `connection_made`, after which uvloop begins to read in any case."""
        assert self._transport is not None
        if not reads:
            self._transport.pause_reading()
        self.asked_s = time.monotonic()
        self._transport.write(data)

    async def wait(self, within_s: float) -> Heard:
        """Wait until the answer is over, and close. What was not over by then is `waiting`."""
        await asyncio.wait([self._over], timeout=within_s)
        self._end("waiting")
        self.close()
        return Heard(answer=self.answer, how=self._over.result(), asked_s=self.asked_s, ended_s=self._ended_s)

    def leave(self, *, reset: bool) -> float:
        """Close the connection, or reset it; return when. One that is closed already stays as it is."""
        transport = self._transport
        if reset and transport is not None and not transport.is_closing():
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        now = time.monotonic()
        self._end("left")
        if transport is not None:
            transport.abort() if reset else transport.close()
        return now

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def read_on(self) -> None:
        """Begin to read."""
        if self._transport is not None:
            self._transport.resume_reading()

    # -- the connection -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        answer = self.answer
        answer.feed(data, time.monotonic())
        if answer.fault:
            self._end("broken")
        elif answer.whole:
            self._end("whole")

    def connection_lost(self, error: Exception | None) -> None:
        self.answer.closed()
        self._end("whole" if self.answer.whole else "reset" if isinstance(error, ConnectionError) else "closed")

    def _end(self, how: How) -> None:
        if not self._over.done():
            self._ended_s = time.monotonic()
            self._over.set_result(how)


async def connect(
    host: str, port: int, data: bytes, *, tls: bool = False, reads: bool = True, receive_buffer: int = 0
) -> Asking:
    """Connect and send a request. With `reads=False` nothing is read until `read_on`.

    Raises:
        OSError: there is no connection within CONNECT_S seconds.
    """
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context() if tls else None
    async with asyncio.timeout(CONNECT_S):
        if receive_buffer:
            sock = await _small(host, port, receive_buffer)
            name = host if tls else None
            _, asking = await loop.create_connection(Asking, sock=sock, ssl=context, server_hostname=name)
        else:
            _, asking = await loop.create_connection(Asking, host, port, ssl=context)
    asking.send(data, reads=reads)
    return asking


async def _small(host: str, port: int, receive_buffer: int) -> socket.socket:
    """Connect a socket that takes few bytes ahead of who reads it."""
    loop = asyncio.get_running_loop()
    family, kind, _, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
