"""An address behind which nobody is: it listens, its backlog is full, and no connection is ever accepted.

Whoever connects waits for an answer to their SYN: on Linux a listening socket whose queue is full drops it (listen(2)).
"""

import asyncio
import socket

HANG_S = 0.1
"""A connect on this machine that takes longer waits for a place in the queue."""
MAX_FILLERS = 16


class Wall:
    """`await start()`, and `close()` at the end."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    async def start(self, host: str, port: int) -> int:
        """Listen, fill the queue, and return the port.

        Raises:
            OSError: the address cannot be listened on, or its queue cannot be filled.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=0)
        self._sockets.append(listening)
        address = listening.getsockname()
        for _ in range(MAX_FILLERS):
            if not await self._enters(family, address):
                return int(address[1])
        self.close()
        raise OSError("the queue of connections cannot be filled")

    async def _enters(self, family: int, address: tuple[str, int]) -> bool:
        """Whether one more connection finds a place; it keeps it."""
        filler = socket.socket(family)
        filler.setblocking(False)
        self._sockets.append(filler)
        try:
            async with asyncio.timeout(HANG_S):
                await asyncio.get_running_loop().sock_connect(filler, address)
        except TimeoutError:
            filler.close()
            return False
        return True

    def close(self) -> None:
        """Listen no longer. Calling it again does nothing."""
        for each in self._sockets:
            each.close()
        self._sockets.clear()
