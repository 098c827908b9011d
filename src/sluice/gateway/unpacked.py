"""A provider's answer that came compressed, unpacked no faster than its client takes it.

One read may unpack to a thousand times its size. So it is handed over a little in each turn of the event loop, as much
as one read of an answer that is not packed brings; what is left of it waits, mostly packed, while the client does not
read or a judge is asked. The provider is read on when all has been handed over, and its end comes behind it.

Plain calls only. No chunk of an answer that is not packed passes here.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from sluice.errors import ProtocolError, Truncated, UpstreamError
from sluice.gateway.ports import BodyReceiver, UpstreamStream
from sluice.wire.coding import Inflate

TURN_BYTES = 64 << 10
"""Most that one turn of the event loop hands over: some milliseconds' work, if all of it is small events."""


class Unpacked:
    """The `UpstreamStream` that a packed one becomes; the `BodyReceiver` of that."""

    __slots__ = (
        *("_end", "_inflate", "_packed", "_paused", "_pieces", "_receiver", "_turn", "_upstream"),
        *("connect_s", "head"),
    )

    def __init__(self, upstream: UpstreamStream, inflate: Inflate) -> None:
        self.head = upstream.head
        self.connect_s = upstream.connect_s
        self._upstream = upstream
        self._inflate = inflate
        self._receiver: BodyReceiver | None = None
        """None = nobody yet, or nobody any more."""
        self._packed: deque[bytes] = deque()
        """Reads that nothing was taken of."""
        self._pieces: Iterator[bytes] | None = None
        """Of the reads under way; None = all was handed over."""
        self._end: Callable[[], None] | None = None
        """How the body ended: told when all was handed over."""
        self._paused = False
        self._turn: asyncio.Handle | None = None

    # -- UpstreamStream -----------------------------------------------------------------------------------------------

    def attach(self, receiver: BodyReceiver) -> None:
        self._receiver = receiver
        self._upstream.attach(self)

    @property
    def in_line(self) -> bool:
        return self._turn is not None or self._upstream.in_line

    def pause(self) -> None:
        self._paused = True
        self._upstream.pause()

    def resume(self) -> None:
        self._paused = False
        if self._pieces is None:
            self._upstream.resume()
        else:
            self._later()  # not now: it may be the client's transport that calls, and an end would close that

    def close(self, *, complete: bool) -> None:
        self._receiver = self._pieces = self._end = None
        self._packed.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._upstream.close(complete=complete)

    # -- BodyReceiver -------------------------------------------------------------------------------------------------

    def body(self, data: bytes) -> None:
        if self._receiver is None:
            return
        self._packed.append(data)
        if self._pieces is None:
            self._pieces = self._unpack()
            self._hand_over()

    def eof(self) -> None:
        if self._pieces is not None:
            self._end = self.eof
        elif not self._inflate.complete:
            self.broke(Truncated("the provider's compressed answer was cut off"))
        elif self._receiver is not None:
            self._receiver.eof()

    def broke(self, error: UpstreamError) -> None:
        if self._pieces is not None:
            self._end = partial(self.broke, error)
        elif self._receiver is not None:
            self._receiver.broke(error)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _unpack(self) -> Iterator[bytes]:
        while self._packed:
            for piece in self._inflate.feed(self._packed.popleft()):
                for at in range(0, len(piece), TURN_BYTES):
                    yield piece[at : at + TURN_BYTES]

    def _hand_over(self) -> None:
        """A turn's worth of what is here, unless the receiver wants no more before that."""
        left = TURN_BYTES
        while self._receiver is not None and self._pieces is not None and not self._paused:
            if left <= 0:
                self._upstream.pause()
                self._later()
                return
            try:
                piece = next(self._pieces, b"")
            except ProtocolError as error:
                receiver, self._receiver = self._receiver, None
                receiver.broke(error)
                return
            if piece:
                left -= len(piece)
                self._receiver.body(piece)
            else:
                self._pieces = None

    def _later(self) -> None:
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._turn = None
        self._hand_over()
        if self._receiver is None or self._pieces is not None:
            return
        end, self._end = self._end, None
        if end is not None:
            end()
        elif not self._paused:
            self._upstream.resume()
