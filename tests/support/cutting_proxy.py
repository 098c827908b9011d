"""A proxy that cuts: each connection is closed hard once so many bytes of the answer have passed."""

import asyncio
import contextlib


class CuttingProxy:
    """`cuts`: bytes after which the first, the second … stream is cut; those after are left alone."""

    def __init__(self, port: int, cuts: list[int]) -> None:
        self._port, self._cuts = port, list(cuts)
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self.cut = 0
        """Connections that were cut."""
        self.heads: list[bytes] = []
        """The heads of the requests that came."""

    async def __aenter__(self) -> "CuttingProxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        link.add_done_callback(self._links.discard)
        there, here = await asyncio.open_connection("127.0.0.1", self._port)
        asking = asyncio.create_task(self._ask(reader, here), name="proxy, upwards")
        try:
            await self._answer(there, writer)
        finally:
            asking.cancel()
            for end in (writer, here):
                end.transport.abort()
            await asyncio.gather(asking, return_exceptions=True)

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
