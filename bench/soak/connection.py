"""One client's connection to the gateway, kept for several requests: sends, hears, and behaves as its case says."""

import asyncio
import socket
import struct
import time
from typing import cast

from bench.soak.case import Behaviour, Deaf, Leaves, Reads, Trickles
from sluice.verify.http_answer import AnswerReader
from sluice.verify.http_client import Heard, How

PATIENCE_S = 40.0
"""For an answer; longer than any clock of the gateway."""
SMALL_BUFFER = 64 << 10
"""Of a client that reads little or nothing, in its kernel."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, on, 0 seconds: closing sends RST (socket(7))."""


class Connection(asyncio.Protocol):
    """`ask` as often as it is `reusable`; `close` in any case."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer = AnswerReader()
        self._over: asyncio.Future[How] | None = None
        self._pause_s = 0.0
        """Between two reads of a client that trickles."""
        self.reusable = False

    @property
    def _wire(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    async def ask(self, data: bytes, behaviour: Behaviour) -> Heard:
        """Send a request, behave, and return what was heard."""
        loop = asyncio.get_running_loop()
        self._answer, self._over = AnswerReader(), loop.create_future()
        self._pause_s = behaviour.every_s if isinstance(behaviour, Trickles) else 0.0
        if isinstance(behaviour, Deaf):
            self._wire.pause_reading()
        asked_s = time.monotonic()
        self._wire.write(data)
        timers = self._plan(behaviour, loop)
        await asyncio.wait([self._over], timeout=PATIENCE_S)
        for timer in timers:
            timer.cancel()
        self._end("waiting")
        how, answer = self._over.result(), self._answer
        self.reusable = how == "whole" and answer.header("connection").lower() != "close"
        self.reusable = self.reusable and not self._wire.is_closing() and isinstance(behaviour, Reads | Leaves)
        return Heard(answer=answer, how=how, asked_s=asked_s, ended_s=time.monotonic())

    def _plan(self, behaviour: Behaviour, loop: asyncio.AbstractEventLoop) -> list[asyncio.TimerHandle]:
        match behaviour:
            case Leaves(after_s=after_s, reset=reset):
                return [loop.call_later(after_s, self._leave, reset)]
            case Deaf(for_s=for_s):
                return [loop.call_later(for_s, self._listen)]
        return []

    def _leave(self, reset: bool) -> None:
        """Close; or reset, but only an answer that has begun: before that a reset may overtake the request, and nobody
        could say whether it has a record."""
        if self._over is None or self._over.done():
            return
        if reset and self._answer.status:
            self._wire.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._end("left")
            self._wire.abort()
        else:
            self._end("left")
            self._wire.close()

    def _listen(self) -> None:
        if not self._wire.is_closing():
            self._wire.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # -- the transport ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        answer.feed(data, time.monotonic())
        if answer.fault:
            self._end("broken")
        elif answer.whole:
            self._end("whole")
        elif self._pause_s:
            self._wire.pause_reading()
            asyncio.get_running_loop().call_later(self._pause_s, self._listen)

    def connection_lost(self, error: Exception | None) -> None:
        self.reusable = False
        self._answer.closed()
        self._end("whole" if self._answer.whole else "reset" if isinstance(error, ConnectionError) else "closed")

    def _end(self, how: How) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(how)


async def connect(port: int, behaviour: Behaviour) -> Connection:
    """Connect to the gateway.

    Raises:
        OSError: there is no connection.
    """
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET)
    try:
        sock.setblocking(False)
        if isinstance(behaviour, Deaf | Trickles):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        _, connection = await loop.create_connection(Connection, sock=sock)
    except BaseException:
        sock.close()
        raise
    return connection
