"""A proxy through which somebody stands still: from certain words of theirs on, nothing of them arrives any more, and
their connection stays open. So does one whose process was stopped, or whose cable was pulled."""

import asyncio

from tests.support.proxy import Proxy


class HaltingProxy(Proxy):
    """See `halt_at`."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._words: bytes | None = None
        self.halted = asyncio.Event()
        """Somebody stands still."""

    def halt_at(self, words: bytes) -> None:
        """Whoever says this next is not heard, nor is what they say after it. Others are."""
        self._words = words

    async def _ask(self, reader: asyncio.StreamReader, here: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self._words and self._words in data:
                self._words = None
                self.halted.set()
                await asyncio.Event().wait()
            here.write(data)
        here.transport.abort()
