"""A client of the gateway in the gateway's own process: what it is told waits in memory until somebody reads.

Implements `gateway.ports.ClientStream`. Back-pressure is a client's: beyond MARK the gateway stops reading its
provider, and reads on when what waits was taken.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from sluice.errors import Truncated
from sluice.gateway.ports import ClientObserver
from sluice.wire.http1 import Header

MARK = 64 * 1024
"""Bytes of an answer that wait before its provider does."""


class Ear:
    """One answer. Read it to its end, and call `leave` whatever happened."""

    def __init__(self) -> None:
        self.observer: ClientObserver | None = None
        self._loop = asyncio.get_running_loop()
        self._headers: Sequence[Header] = ()
        self._status = 0
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._paused = False
        """The gateway was told, or is about to be told, that nobody reads."""
        self._complete = False
        self._cut = False
        self._left = False
        self._waiter: asyncio.Future[None] | None = None

    # -- ClientStream -------------------------------------------------------------------------------------------------

    def start(self, status: int, headers: Sequence[Header], length: int | None) -> None:
        self._status, self._headers = status, headers
        self._wake()

    def write(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self._held += len(data)
            if self._held > MARK and not self._paused:
                self._paused = True
                self._loop.call_soon(self._tell_paused)
        self._wake()

    def finish(self, data: bytes = b"") -> bool:
        if data:
            self._pieces.append(data)
            self._held += len(data)
        self._complete = True
        self._paused = self._held > MARK
        self._wake()
        return not self._paused

    def unread(self) -> int:
        return self._held

    def abort(self) -> None:
        self.observer = None
        self._cut = True
        self._wake()

    # -- the agent's side ---------------------------------------------------------------------------------------------

    async def status(self) -> int:
        """Return the status once there is one.

        Raises:
            Truncated: there never will be.
        """
        while not self._status:
            await self._more()
        return self._status

    def header(self, name: bytes) -> str:
        """Return a header of the answer, or empty."""
        return next((value.decode("latin-1") for key, value in self._headers if key == name), "")

    async def read(self) -> bytes:
        """Return all that is here, once there is something; empty = that was all.

        Raises:
            Truncated: the gateway cut the answer.
        """
        while not self._pieces and not self._complete:
            await self._more()
        data = self._pieces.popleft() if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        if self._paused:
            self._paused = False
            if self.observer is not None:
                self.observer.client_resumed()
        return data

    async def rest(self) -> bytes:
        """Return what is left of the answer, whole."""
        data = b""
        while more := await self.read():
            data += more
        return data

    def leave(self) -> None:
        """Read no more. Before the answer's end this is a client that leaves: its provider's connection is closed."""
        if self._left:
            return
        self._left = True
        over = self._cut or (self._complete and not self._paused)
        if self.observer is not None and not over:
            self.observer.client_gone()

    # -- inside -------------------------------------------------------------------------------------------------------

    async def _more(self) -> None:
        """Return when something has happened."""
        if self._cut:
            raise Truncated("the answer of the model was cut off")
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _tell_paused(self) -> None:
        if self._paused and not self._complete and self.observer is not None:
            self.observer.client_paused()
