"""A proxy through which somebody stands still: from certain words of theirs on, nothing of them arrives any more, and
their connection stays open. So does one whose process was stopped, or whose cable was pulled."""

import asyncio


class HaltingProxy:
    """In front of a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()
        self._words: bytes | None = None
        self.halted = asyncio.Event()
        """Somebody stands still."""

    def halt_at(self, words: bytes) -> None:
        """Whoever says this next is not heard, nor is what they say after it. Others are."""
        self._words = words

    async def __aenter__(self) -> "HaltingProxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
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
            while data := await there.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            asking.cancel()
            for end in (writer, here):
                end.transport.abort()
            await asyncio.gather(asking, return_exceptions=True)

    async def _ask(self, reader: asyncio.StreamReader, here: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._words and self._words in data:
                self._words = None
                self.halted.set()
                await asyncio.Event().wait()
            here.write(data)
        here.transport.abort()
