"""Reading in sips: a bound on what one read of a provider's connection hands over, and so on what a stream holds and
on how long it keeps the event loop.

uvloop hands a Protocol up to 250 KiB per read, and of a client that does not read the last one stays in memory whole.
Besides, as long as there is more it reads up to 32 times before anybody else has a turn: megabytes of small events,
tens of milliseconds. A BufferedProtocol says itself how much it takes but costs a quarter of a microsecond more per
read. So a connection is read in sips, one in each turn of the loop, from the time on when it says much at once, which a
stream of tokens never does.
"""

import asyncio
from typing import Protocol

GULP_BYTES = 64 << 10
"""After a read of more than that a connection is read in sips."""
SIP_BYTES = 16 << 10
"""Most that one read hands over then: about a millisecond's work, if all of it is small events."""

_SIP = memoryview(bytearray(SIP_BYTES))
"""Shared by all connections: what is read into it is copied out before anything else is read."""


class Drinker(Protocol):
    """The events of a connection, as `asyncio.Protocol` has them."""

    def data_received(self, data: bytes, /) -> None: ...

    def sipped(self) -> None:
        """There is more: read on in another turn of the loop."""
        ...

    def eof_received(self) -> bool | None: ...

    def connection_lost(self, exc: Exception | None, /) -> None: ...


class Sips(asyncio.BufferedProtocol):
    """Pass the events of a transport on to its connection, bytes in sips. Give it to `transport.set_protocol`."""

    def __init__(self, drinker: Drinker) -> None:
        self._drinker = drinker

    def get_buffer(self, sizehint: int) -> memoryview:
        return _SIP

    def buffer_updated(self, nbytes: int) -> None:
        self._drinker.data_received(_SIP[:nbytes].tobytes())
        if nbytes == SIP_BYTES:
            self._drinker.sipped()

    def eof_received(self) -> bool | None:
        return self._drinker.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        drinker = self._drinker
        del self._drinker  # over TLS uvloop holds on to this object, and so would it to all of the connection
        drinker.connection_lost(exc)
