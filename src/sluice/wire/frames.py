"""What cuts a body into frames: server-sent events, a JSON array, an AWS event stream. One shape for all of them."""

from typing import Protocol

from sluice.errors import ProtocolError
from sluice.wire.sse import Frame


class FrameDecoder(Protocol):
    """Bytes, cut anywhere, to whole frames. Neither the frames nor their joined `raw` depend on the cuts."""

    fault: ProtocolError | None
    """Set when no further frame can be read: too large, or broken. The caller ends the stream with it."""

    @property
    def pending(self) -> bool:
        """After `finish`: the body ended inside a frame."""
        ...

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes and return the frames they complete, oldest first. Look at `fault` after each call."""
        ...

    def finish(self) -> list[Frame]:
        """Say that no byte will follow, and return the frames that only waited for that."""
        ...
