"""Content codings of a provider's body, undone. Sluice asks for identity; some providers compress all the same.

Never imports asyncio, never blocks, never logs. Obeys: RFC 9110, 8.4.1 (read 2026-11-21). A piece is at most
MAX_PIECE_BYTES: a small read that unpacks to gigabytes reaches its reader's own limit first.
"""

import zlib
from collections.abc import Iterator

from sluice.errors import ProtocolError

MAX_PIECE_BYTES = 1 << 20


class Inflate:
    """Undo gzip or deflate."""

    def __init__(self) -> None:
        self._zlib = _zlib()
        self._fed = False

    @property
    def complete(self) -> bool:
        """Whether the data may end here: nothing at all came, or the last member came to its end."""
        return self._zlib.eof or not self._fed

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Unpack the next bytes, piece by piece.

        Raises:
            ProtocolError: the data is not what its header says.
        """
        self._fed = self._fed or bool(data)
        while True:
            try:
                piece = self._zlib.decompress(data, MAX_PIECE_BYTES)
            except zlib.error as error:
                raise ProtocolError(f"the provider's answer cannot be unpacked: {error}") from None
            if piece:
                yield piece
            data = self._zlib.unconsumed_tail
            if self._zlib.eof and (data := self._zlib.unused_data.lstrip(b"\0")):
                self._zlib = _zlib()  # RFC 1952, 2.2: several members may follow each other
            if not data and len(piece) < MAX_PIECE_BYTES:  # a full piece: zlib may hold more without new input
                return


def _zlib() -> "zlib._Decompress":
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)


def decoder(content_encoding: bytes) -> Inflate | None:
    """Return what undoes this Content-Encoding; None for identity.

    Raises:
        ProtocolError: a coding that was not asked for and is not understood.
    """
    name = content_encoding.strip().lower()
    if name in (b"", b"identity"):
        return None
    if name in (b"gzip", b"x-gzip", b"deflate"):
        return Inflate()
    raise ProtocolError(f"the provider's answer has a content coding that was not asked for: {name.decode('latin-1')}")
