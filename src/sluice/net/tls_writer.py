"""Writing over TLS a slice at a time, so that what waits for a client stays where it can be counted and stopped.

uvloop encrypts all it is given at once and moves it on, below its own marks, to the connection below: of an answer of
10 MiB its transport reports that nothing waits. Here at most a few slices are on that way, the rest is in line, and
what waits is counted in all three places.
"""

import asyncio
from collections import deque
from typing import cast

SLICE_BYTES = 16 << 10
"""The size of a TLS record. As much may wait for encryption; more stays in line."""


class TlsWriter(asyncio.Transport):
    """A transport with TLS whose buffer is bounded by its marks. The protocol must call `pause` when its writing is
    paused and `resume` when it is resumed."""

    def __init__(self, transport: asyncio.BaseTransport, raw: asyncio.Transport) -> None:
        """`raw`: the connection below."""
        super().__init__()
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own classes do not inherit from it
        self._raw = raw
        self._transport.set_write_buffer_limits(high=SLICE_BYTES)
        self._line: deque[memoryview] = deque()
        self._line_bytes = 0
        self._paused = False
        self._closes = False
        """As soon as nobody is in line."""

    # -- the protocol's -----------------------------------------------------------------------------------------------

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> bool:
        """Write on. Return whether everything in line has been written, and writing is not paused again."""
        self._paused = False
        self._advance()
        return not self._paused

    def flush(self) -> None:
        """Hand everything over now: after the client's goodbye nothing more is taken from us."""
        line, self._line = self._line, deque()
        self._line_bytes = 0
        if not self._deaf():
            self._transport.writelines(line)

    def _advance(self) -> None:
        while self._line and not self._paused:
            if self._deaf():
                self._drop()
                break
            data = self._line.popleft()
            if len(data) > SLICE_BYTES:
                self._line.appendleft(data[SLICE_BYTES:])
                data = data[:SLICE_BYTES]
            self._line_bytes -= len(data)
            self._transport.write(data)
        if self._closes and not self._line:
            self._transport.close()

    def _drop(self) -> None:
        self._line.clear()
        self._line_bytes = 0

    def _deaf(self) -> bool:
        """Nothing more is taken from us, and uvloop would complain in the log: it closes, or the client has left
        without a goodbye."""
        return self._transport.is_closing() or self._raw.is_closing()

    # -- asyncio.Transport --------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closes or self._deaf():
            return
        if len(data) <= SLICE_BYTES and not self._paused:
            self._transport.write(data)
        else:
            self._line.append(memoryview(data))
            self._line_bytes += len(data)
            self._advance()

    def get_write_buffer_size(self) -> int:
        return self._raw.get_write_buffer_size() + self._transport.get_write_buffer_size() + self._line_bytes

    def close(self) -> None:
        """Close once all is written. `connection_lost` follows when the client has taken it and said goodbye."""
        self._closes = True
        self._advance()

    def abort(self) -> None:
        self._drop()
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._closes or self._deaf()

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._transport.get_extra_info(name, default)
