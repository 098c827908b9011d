"""What follows an answer that is complete by its dialect's evidence: nothing but the end of its framing."""

from sluice.errors import UpstreamError


class Tail:
    """Implements `gateway.ports.BodyReceiver` for an answer whose own has gone."""

    def body(self, data: bytes) -> None:
        """Bytes after the dialect's terminator are ignored (stream-life 10.1)."""

    def eof(self) -> None: ...

    def broke(self, error: UpstreamError) -> None: ...


TAIL = Tail()
