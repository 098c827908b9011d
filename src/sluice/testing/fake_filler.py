"""Text without end that takes no memory: what giant and flooding answers of the fake provider are made of.

Pure. A writer gets a placeholder of a few characters and writes its events as always; `expanded` puts the text in its
place while the bytes are being sent, 64 KiB at a time. The text is ASCII without quotes: it is the same in JSON.
"""

import re
import struct
import zlib
from collections.abc import Iterator

PATTERN = "the quick brown fox jumps over the lazy dog and comes back soon "
"""What the text repeats: 64 bytes."""
PIECE = PATTERN * 16
"""The text of one event of a flood."""
BLOCK_BYTES = 64 << 10
"""How much of the text is made at a time."""

_BLOCK = (PATTERN * (BLOCK_BYTES // len(PATTERN))).encode()
_MARK = re.compile(rb"\xee\x80\x80sluice-filler:(\d{1,13})\xee\x80\x81")
"""U+E000 and U+E001 around it: characters of private use, which no text of the fake's own has."""
_LENGTHS = struct.Struct(">II")
_CRC = struct.Struct(">I")


def text(size: int) -> str:
    """Return the text of so many characters, whole: for a judge of what arrived."""
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def placeholder(size: int) -> str:
    """Return what stands for a text of so many characters."""
    return f"\ue000sluice-filler:{size}\ue001"


def length(data: bytes) -> int:
    """Return how long data is once its texts are in it."""
    return len(data) + sum(int(found[1]) - len(found[0]) for found in _MARK.finditer(data))


def expanded(data: bytes) -> Iterator[bytes]:
    """Yield data with its texts in it."""
    at = 0
    for found in _MARK.finditer(data):
        if found.start() > at:
            yield data[at : found.start()]
        yield from _text(int(found[1]))
        at = found.end()
    if at < len(data):
        yield data[at:] if at else data


def expanded_frame(frame: bytes) -> Iterator[bytes]:
    """Yield a binary frame with its texts in it, its lengths and checksums made right (see `fake_frames`)."""
    if _MARK.search(frame) is None:
        yield frame
        return
    _, headers = _LENGTHS.unpack_from(frame)
    lengths = _LENGTHS.pack(length(frame), headers)
    prelude = lengths + _CRC.pack(zlib.crc32(lengths))
    crc = zlib.crc32(prelude)
    yield prelude
    for piece in expanded(frame[len(prelude) : -_CRC.size]):
        crc = zlib.crc32(piece, crc)
        yield piece
    yield _CRC.pack(crc)


def _text(size: int) -> Iterator[bytes]:
    for _ in range(size // BLOCK_BYTES):
        yield _BLOCK
    if rest := size % BLOCK_BYTES:
        yield _BLOCK[:rest]


class Flood:
    """Texts for event after event, until an answer has so many bytes. Tell it of every event: `wrote`.

    `echoes`: how often the dialect says the whole text again at the end; what that will cost is counted in.
    """

    def __init__(self, body_bytes: int, echoes: int = 0) -> None:
        self._left = body_bytes
        self._echoes = echoes
        self.count = 0
        """Texts that were given out."""
        self.flows = False
        """The text that was given out last is one of it."""

    def wrote(self, size: int) -> None:
        """Take note of an event of so many bytes."""
        self._left -= size

    def pieces(self) -> Iterator[str]:
        """Yield the texts, one for each event."""
        while self._left > 0:
            self.flows = True
            self.count += 1
            self._left -= self._echoes * len(PIECE)
            yield PIECE
        self.flows = False

    @property
    def said(self) -> str:
        """What stands for all texts so far, as one."""
        return placeholder(self.count * len(PIECE)) if self.count else ""
