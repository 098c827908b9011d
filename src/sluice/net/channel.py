"""The line between the supervisor and one worker: questions and answers, both ways, over one socket pair.

Neither side ever waits for the other but with a deadline. A message is 4 bytes of length, big-endian, and MessagePack.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Self

import msgspec

from sluice.errors import ConfigError

MAX_MESSAGE_BYTES = 256 << 20
"""A length beyond it is no message of ours. Expositions have a megabyte or two."""


class Gone(ConnectionError):
    """The other side has ended."""


class _Said(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """`number` 0 = no answer is wanted."""

    number: int
    verb: str
    text: str = ""


class _Answered(msgspec.Struct, frozen=True, tag=True, array_like=True):
    number: int
    body: bytes = b""
    refused: str = ""
    errno: int = 0
    """Of the system's refusal behind it: whoever asked may ask again once that has passed."""


Answer = bytes | Coroutine[None, None, bytes]
"""A long one is made while the event loop goes on."""

_decode = msgspec.msgpack.Decoder(_Said | _Answered).decode
_encode = msgspec.msgpack.Encoder().encode


class Channel:
    """One end. `listens` answers what the other side says, at once; a ConfigError of its is the answer too."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listens: Callable[[str, str], Answer]
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._listens = listens
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._gone = False

    @classmethod
    async def over(cls, sock: socket.socket, listens: Callable[[str, str], Answer]) -> Self:
        """Take over one end of a socket pair. The caller owes `serve`, and at last `close`."""
        sock.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=sock)
        return cls(reader, writer, listens)

    async def serve(self) -> None:
        """Listen until the other side has ended."""
        async with asyncio.TaskGroup() as answering:
            try:
                while True:
                    size = int.from_bytes(await self._reader.readexactly(4), "big")
                    if size > MAX_MESSAGE_BYTES:
                        return
                    self._hear(_decode(await self._reader.readexactly(size)), answering)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            finally:
                self._gone = True
                for answer in self._asked.values():
                    if not answer.done():
                        answer.set_exception(Gone("the other side has ended"))

    async def ask(self, verb: str, text: str = "", *, within_s: float) -> bytes:
        """Say something and return the answer.

        Raises:
            Gone: the other side has ended, or does so before it answers.
            TimeoutError: it does not answer in time.
            ConfigError: it refuses.
        """
        if self._gone:
            raise Gone("the other side has ended")
        number = next(self._numbers)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            self._send(_Said(number, verb, text))
            async with asyncio.timeout(within_s):
                return await answer
        finally:
            del self._asked[number]

    def tell(self, verb: str, text: str = "") -> None:
        """Say something that needs no answer. If the other side has ended, nothing happens."""
        self._send(_Said(0, verb, text))

    async def close(self) -> None:
        """Send what was said, and end."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def _hear(self, message: _Said | _Answered, answering: asyncio.TaskGroup) -> None:
        if isinstance(message, _Said):
            try:
                said = self._listens(message.verb, message.text)
            except ConfigError as error:
                behind = error.__cause__
                errno = behind.errno if isinstance(behind, OSError) else None
                self._answer(message.number, refused=str(error), errno=errno or 0)
                return
            if isinstance(said, bytes):
                self._answer(message.number, said)
            else:
                answering.create_task(self._answer_later(message.number, said), name=f"answer to {message.verb}")
            return
        waiting = self._asked.get(message.number)
        if waiting is None or waiting.done():
            return  # asked too long ago
        if message.refused:
            refusal = ConfigError(message.refused)
            refusal.__cause__ = OSError(message.errno, message.refused) if message.errno else None
            waiting.set_exception(refusal)
        else:
            waiting.set_result(message.body)

    async def _answer_later(self, number: int, said: Coroutine[None, None, bytes]) -> None:
        self._answer(number, await said)

    def _answer(self, number: int, body: bytes = b"", refused: str = "", errno: int = 0) -> None:
        if number:
            self._send(_Answered(number, body, refused, errno))

    def _send(self, message: _Said | _Answered) -> None:
        if not self._gone:
            data = _encode(message)
            self._writer.write(len(data).to_bytes(4, "big") + data)
