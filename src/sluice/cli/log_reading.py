"""The lines of a log: of a file, of one that grows and is replaced, or of standard input, whatever is in it.

Guarantee: no line is lost when a file is replaced; of one longer than MAX_LINE_BYTES there is the beginning, so that no
file takes more memory than that.
"""

import json
import os
import stat
import sys
import time
from collections.abc import Generator, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Final, cast

import msgspec

from sluice.cli.log_picking import Line

STDIN: Final = Path("-")
LOOK_S: Final = 0.2
"""How often a file that is followed is looked at."""
READ_BYTES: Final = 1 << 16
MAX_LINE_BYTES: Final = 1 << 20
"""A gateway's own are 64 KiB at most; tracebacks may be longer."""


def lines_of(path: Path, *, follow: bool) -> Generator[bytes, None, None]:
    """Yield lines without their ends, the last one too if nothing ends it.

    Raises:
        OSError: the file cannot be read.
    """
    lines = _Lines()
    if path == STDIN:
        stdin = cast(BufferedReader, sys.stdin.buffer)
        while data := stdin.read1(READ_BYTES):
            yield from lines.feed(data)
        yield from lines.end()
        return
    file = path.open("rb")
    try:
        seen = 0
        while True:
            while data := file.read1(READ_BYTES):
                seen += len(data)
                yield from lines.feed(data)
            if not follow:
                break
            other = _other(file, path, seen)
            if other is None:
                time.sleep(LOOK_S)
                continue
            while data := file.read1(READ_BYTES):  # written before it was replaced
                yield from lines.feed(data)
            yield from lines.end()
            file.close()
            file, seen = other, 0
        yield from lines.end()
    finally:
        file.close()


def read_line(data: bytes) -> Line | None:
    """Return the fields of a line; None if it is no object of JSON."""
    try:
        return msgspec.json.decode(data, type=dict[str, object])
    except RecursionError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _lenient(data) if b"\\ud" in data.lower() else None


def _lenient(data: bytes) -> Line | None:
    """Half of a surrogate pair, which a client may have sent, is no JSON for strict readers."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class _Lines:
    """Bytes to lines. Cost: O(n) in the bytes fed."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        *ends, rest = data.split(b"\n")
        for end in ends:
            self._keep(end)
            yield bytes(self._rest.removesuffix(b"\r"))
            self._rest.clear()
        self._keep(rest)

    def end(self) -> Iterator[bytes]:
        """Yield what no line's end follows."""
        if self._rest:
            yield bytes(self._rest)
            self._rest.clear()

    def _keep(self, data: bytes) -> None:
        self._rest += data[: MAX_LINE_BYTES - len(self._rest)]


def _other(file: BufferedReader, path: Path, seen: int) -> BufferedReader | None:
    """Return the file that the name leads to by now, if it is another one or has less than was `seen`."""
    try:
        now, before = path.stat(), os.fstat(file.fileno())
        same = (now.st_dev, now.st_ino) == (before.st_dev, before.st_ino)
        if same and not (stat.S_ISREG(now.st_mode) and now.st_size < seen):
            return None
        return path.open("rb")
    except OSError:
        return None  # between two files
