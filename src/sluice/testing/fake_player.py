"""Plays a script to one client: timers of the event loop and plain calls, no task, no thread.

The client's back-pressure stops it, the client's leaving ends it at once.
"""

import asyncio
import fcntl
import socket
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterator
from typing import Literal

from sluice.gateway.ports import ClientStream
from sluice.testing.fake_line import Line
from sluice.testing.fake_script import EndOf, Item, Mark, Pause, Script
from sluice.testing.fake_sight import Watch

Ending = Literal["finished", "cut", "gone"]
"""Played to its end; ended as its script said, not whole; left by the client."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER, on, 0 seconds: closing sends RST instead of FIN (socket(7))."""
LOOK_S = 0.001
"""How often a reset that waits looks whether it may; the kernel reports no event for that."""
TURN_BYTES = 256 << 10
TURN_S = 0.002
"""What one turn of the event loop may write, and how long it may take. A client that reads as fast as that must not
keep others, or the news that it has left, from being heard."""


class Player:
    """One script on its way to one client. `ended` is called exactly once; `watch` is told what leaves."""

    __slots__ = (
        *("_ahead", "_client", "_due", "_end", "_ended", "_items", "_loop", "_marked", "_paused", "_timer"),
        *("_transport", "_write", "line", "watch"),
    )

    def __init__(
        self,
        script: Script,
        client: ClientStream,
        line: Line,
        watch: Watch,
        ended: Callable[["Player", Ending], None],
    ) -> None:
        self._client = client
        self.line = line
        self._transport = line.transport
        self.watch = watch
        self._ended: Callable[[Player, Ending], None] | None = ended
        self._items: Iterator[Item] | None = iter(script.chunks)
        self._ahead: Item | None = None
        """The next item, already taken: a turn that is over looks whether there is one."""
        self._marked = script.marked
        self._end: EndOf = script.end
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time()
        """When the next chunk is due: pauses add up exactly, whatever the loop's delay."""
        self._timer: asyncio.Handle | None = None
        self._paused = False
        self._write = client.write if script.status is not None else line.transport.write
        client.observer = self
        if script.status is not None:
            client.start(script.status, script.headers, script.length)

    def play(self) -> None:
        """Send what is due, and see to it that the rest follows."""
        self._timer = None
        sent, until = 0, time.monotonic() + TURN_S
        while self._items is not None and not self._paused:
            held, self._ahead = self._ahead, None
            item = next(self._items, None) if held is None else held
            if item is None:  # also where the turn is over: a client that has it all may be gone by the next
                self._items = None
                self._finish()
            elif isinstance(item, Mark):
                self.watch.events += 1
            elif held is None and (sent >= TURN_BYTES or time.monotonic() >= until):
                self._ahead = item
                self._due = max(self._due, self._loop.time())
                self._timer = self._loop.call_soon(self.play)
                return
            elif isinstance(item, Pause):
                self._due += item.seconds
                self._timer = self._loop.call_at(self._due, self.play)
                return
            else:
                self._send(item)
                sent += len(item)

    def _send(self, data: bytes) -> None:
        watch = self.watch
        if watch.head_sent_s is None:
            watch.head_sent_s = time.monotonic()
        elif not data:
            return
        watch.body_bytes += len(data)
        watch.events += bool(data) and not self._marked
        self._write(data)

    def stop(self) -> None:
        """End at once, for the fake's own reasons: the connection is cut."""
        self._client.abort()
        self._over("cut")

    # -- the client ---------------------------------------------------------------------------------------------------

    def client_gone(self) -> None:
        self._over("gone")

    def client_paused(self) -> None:
        self._paused = True

    def client_resumed(self) -> None:
        self._paused = False
        if self._timer is None and self._items is not None:
            self._due = max(self._due, self._loop.time())
            # Not from inside the transport's call: asyncio's own breaks if it is closed there.
            self._timer = self._loop.call_soon(self.play)

    # -- the end ------------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        match self._end:
            case "finish":
                self._over("finished")
                if self.watch.head_sent_s is None:
                    self.watch.head_sent_s = time.monotonic()
                self._client.finish()
            case "fin":
                self._over("cut")
                self._transport.close()  # what is buffered leaves first
            case "rst":
                self._reset()
            case "stall":
                pass  # until `client_gone`

    def _reset(self) -> None:
        """Reset the connection once the client has received what was written: a reset destroys what is on its way."""
        sock = self._transport.get_extra_info("socket")
        if self._transport.get_write_buffer_size() or _on_its_way(sock.fileno()):
            self._timer = self._loop.call_later(LOOK_S, self._reset)
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._over("cut")
        self._transport.abort()

    def _over(self, how: Ending) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._items = self._ahead = None
        self._client.observer = None
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(self, how)


def _on_its_way(descriptor: int) -> int:
    """Bytes that the kernel holds because the other end has not acknowledged them (SIOCOUTQ, tcp(7))."""
    held = fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(held, sys.byteorder)
