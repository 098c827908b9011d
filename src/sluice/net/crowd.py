"""A connection whose bytes wait for another turn of the event loop while a crowd of requests comes: streams that are
under way have their turn in between. See `gateway.door`."""

import asyncio

from sluice.gateway.ports import Handler

PUT_OFF_BYTES = 64 << 10
"""Of one connection. More than that is read at once."""


class Patient(asyncio.Protocol):
    """What it receives comes to `_read`, in order, mostly at once."""

    transport: asyncio.Transport
    _handler: Handler
    _put_off = b""
    """What came in a crowd."""

    def data_received(self, data: bytes) -> None:
        if self._handler.crowded or self._put_off:
            self._wait(data)
        else:
            self._read(data)

    def _read(self, data: bytes) -> None:
        raise NotImplementedError

    def _read_all(self) -> None:
        """Now, crowd or not."""
        data, self._put_off = self._put_off, b""
        if data:
            self._read(data)

    def _wait(self, data: bytes) -> None:
        if not self._put_off:
            asyncio.get_running_loop().call_soon(self._read_on)
        self._put_off += data
        if len(self._put_off) > PUT_OFF_BYTES:
            self._read_all()

    def _read_on(self) -> None:
        data, self._put_off = self._put_off, b""
        if data and not self.transport.is_closing():
            self.data_received(data)
