"""A provider that answers with exactly the bytes it is told to, when it is told to.

One coroutine, the play, is run for each connection; it reads requests and writes whatever it likes.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

import msgspec

from sluice.net.listener import BACKLOG
from tests.support.raw_client import RESET
from tests.support.waiting import PATIENCE_S


class Asked(msgspec.Struct, frozen=True):
    """A request as the provider got it; names are lower case."""

    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    raw: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> dict[str, object]:
        return msgspec.json.decode(self.body, type=dict[str, object])


class Call:
    """One connection from the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: list[Asked]) -> None:
        self.reader = reader
        self.writer = writer
        self._asked = asked
        self._waiting = asyncio.Lock()

    async def request(self) -> Asked:
        """Read the next request: head and sized body.

        Raises:
            EOFError: the gateway closed the connection.
        """
        try:
            raw = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = raw[:-4].decode("latin-1").split("\r\n")
            pairs = [line.split(": ", 1) for line in lines]
            headers = tuple((name.lower(), value) for name, value in pairs)
            size = sum(int(value) for name, value in headers if name == "content-length")
            body = await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise EOFError from None
        asked = Asked(first, headers, body, raw + body)
        self._asked.append(asked)
        return asked

    def send(self, *data: bytes) -> None:
        """Write now; whether the gateway reads it in one piece is the loop's business."""
        self.writer.writelines(data)

    async def send_apart(self, pieces: Sequence[bytes]) -> None:
        """Write each piece so that it is read by itself: the loop polls its sockets before the next is written."""
        for piece in pieces:
            self.writer.write(piece)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    def fin(self) -> None:
        """Close, after what was written."""
        self.writer.close()

    def reset(self) -> None:
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()

    async def gone(self, within_s: float = PATIENCE_S) -> float:
        """Return the monotonic second at which the gateway closed; what it says before is thrown away."""
        async with asyncio.timeout(within_s), self._waiting:  # play and test may both wait for it
            with contextlib.suppress(ConnectionError):
                while await self.reader.read(1 << 16):
                    pass
        return asyncio.get_running_loop().time()


Play = Callable[[Call], Awaitable[None]]


class RawUpstream:
    """Listens on 127.0.0.1. What went wrong in a play is raised by `close`."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.port = 0
        self.asked: list[Asked] = []
        self.calls: list[Call] = []
        self._closing = False
        self._open: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []

    async def start(self, *, tls: ssl.SSLContext | None = None) -> Self:
        serve = self._serve
        self._server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls, limit=1 << 20, backlog=BACKLOG)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def open_connections(self) -> int:
        """Connections whose play is not over."""
        return len(self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        call = Call(reader, writer, self.asked)
        self.calls.append(call)
        try:
            await self.play(call)
        except (EOFError, ConnectionError):
            pass
        except asyncio.CancelledError:
            assert self._closing, "only `close` ends a play"
        except Exception as error:
            self._errors.append(error)
        finally:
            self._open.discard(task)
            writer.close()

    async def close(self) -> None:
        self._closing = True
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        for call in self.calls:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await call.writer.wait_closed()
        await self._server.wait_closed()
        if self._errors:
            raise self._errors[0]

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


# -- plays and answers -------------------------------------------------------------------------------------------------


def answering(*answers: bytes) -> Play:
    """Answer the requests of all connections with these bytes, one each, the last again and again."""
    left = list(answers)

    async def play(call: Call) -> None:
        while True:
            await call.request()
            call.send(left.pop(0) if len(left) > 1 else left[0])

    return play


def then_close(answer: bytes, *, reset: bool = False) -> Play:
    """Answer the first request of each connection with these bytes and close it."""

    async def play(call: Call) -> None:
        await call.request()
        call.send(answer)
        if reset:
            await asyncio.sleep(0)
            call.reset()
        else:
            call.fin()

    return play


async def silent(call: Call) -> None:
    """Take a request and never answer."""
    await call.request()
    await call.gone(60.0)


def sized(
    body: bytes, *headers: str, status: str = "200 OK", content_type: str = "application/json", version: str = "1.1"
) -> bytes:
    """Render an answer with a length."""
    lines = [f"HTTP/{version} {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked_head(*headers: str, content_type: str = "text/event-stream", status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", "Transfer-Encoding: chunked", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST = b"0\r\n\r\n"


def streamed(*pieces: bytes, headers: Sequence[str] = ()) -> bytes:
    """Render a whole chunked event stream, one HTTP chunk per piece."""
    return chunked_head(*headers) + b"".join(map(chunk, pieces)) + LAST
