"""Turns of the event loop: how long what connections say may keep it, before timers and everybody else have theirs.

A loop hands over all that has come to all of its connections in one turn. Of hundreds of streams that is tens of
milliseconds, in which no clock is looked at and no client is seen to leave. So bytes that come when a turn has read for
TURN_S are put off: they wait in line, in order, and each turn reads for that long, or for less where turns are long:
what is read makes work, and often ten times as much. It is time that counts and not connections: a machine may be slow,
and so may a request. The clocks of heads and of bodies that run out over bytes that wait look again once they were
read. What comes with the end of its connection is read at once.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from weakref import WeakKeyDictionary

TURN_S = 0.002
LEAST_S = 0.0005
LONG_S = 0.005
"""Of all else that is done in a turn: the line is read for half as long in the next one."""
MORE_S = 0.0002
"""And for so much longer after each that is shorter."""
GAP_S = 0.001
"""Nothing was read for so long: another turn has begun. asyncio tells nobody when."""
PUT_OFF_BYTES = 64 << 10
"""Of one connection. More than that is read at once."""


class Turns:
    """The turns of one event loop. See `turns`."""

    def __init__(self) -> None:
        self._began = 0.0
        """When the turn began, or the first read of it."""
        self._last = 0.0
        """When the last read was over."""
        self._line: deque[Callable[[], None]] = deque()
        self._armed = False
        self._share = TURN_S
        """Seconds for which the line may be read in a turn."""

    def over(self) -> bool:
        """Whoever comes now has to wait: for those in line, or for another turn. The hot path: once per read."""
        if self._line:
            return True
        now = monotonic()
        if now - self._last > GAP_S:
            self._began = now
        return now - self._began > TURN_S

    def have_read(self) -> None:
        """Something, just now."""
        self._last = monotonic()

    def put_off(self, read: Callable[[], None]) -> None:
        """Call it in one of the next turns."""
        self._line.append(read)
        self._arm()

    def _arm(self) -> None:
        if not self._armed:
            self._armed = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """Another turn: at least one is read."""
        self._armed, line = False, self._line
        now = monotonic()
        if now - self._last > LONG_S:
            self._share = max(LEAST_S, self._share / 2)
        else:
            self._share = min(TURN_S, self._share + MORE_S)
        self._began = self._last = now
        until = now + self._share
        try:
            while line:
                line.popleft()()
                self._last = monotonic()
                if self._last > until:
                    break
        finally:
            if line:
                self._arm()


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns() -> Turns:
    """Return those of the loop that runs."""
    loop = asyncio.get_running_loop()
    return _TURNS.get(loop) or _TURNS.setdefault(loop, Turns())


class Patient(asyncio.Protocol):
    """A connection whose bytes come to `_read`, in order, mostly at once."""

    transport: asyncio.Transport
    _put_off: bytes | bytearray = b""

    def __init__(self) -> None:
        self._turns = turns()

    def data_received(self, data: bytes, /) -> None:
        if self._put_off or self._turns.over():
            self._wait(data)
        else:
            self._read(data)
            self._turns.have_read()

    def _read(self, data: bytes) -> None:
        raise NotImplementedError

    def _read_all(self) -> None:
        """Now, whatever the turn."""
        data, self._put_off = bytes(self._put_off), b""
        if data:
            self._read(data)
            self._turns.have_read()

    def _wait(self, data: bytes) -> None:
        if not self._put_off:
            self._turns.put_off(self._read_on)
            self._put_off = bytearray()
        self._put_off += data
        if len(self._put_off) > PUT_OFF_BYTES:
            self._read_all()

    def _read_on(self) -> None:
        """In its turn. Nobody but this would close a connection whose bytes could not be read."""
        try:
            self._read_all()
        except BaseException:
            self.transport.abort()
            raise
