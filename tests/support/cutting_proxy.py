"""A proxy that cuts: each connection is closed hard once so many bytes of the answer have passed."""

import asyncio
import contextlib

from tests.support.proxy import Proxy


class CuttingProxy(Proxy):
    """`cuts`: bytes after which the first, the second … stream is cut; those after are left alone."""

    def __init__(self, port: int, cuts: list[int]) -> None:
        super().__init__(port)
        self._cuts = list(cuts)
        self.cut = 0
        """Connections that were cut."""
        self.heads: list[bytes] = []
        """The heads of the requests that came."""

    async def _ask(self, reader: asyncio.StreamReader, here: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if b" HTTP/1.1\r\n" in data:
                self.heads.append(data.partition(b"\r\n\r\n")[0])
            here.write(data)
        with contextlib.suppress(OSError):
            here.write_eof()

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed, left = 0, None
        while data := await there.read(65536):
            if left is None and b"text/event-stream" in data and self._cuts:
                left = self._cuts.pop(0)
            if left is not None and passed + len(data) > left:
                writer.write(data[: left - passed])
                await writer.drain()
                self.cut += 1
                return
            passed += len(data)
            writer.write(data)
            await writer.drain()
