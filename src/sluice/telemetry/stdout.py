"""Standard output that never holds up a stream, however slow its reader is.

A line goes out at once if the pipe has room. If not, it waits in a bounded backlog that one thread empties; beyond the
bound lines are dropped and counted. Nothing here raises: a closed stdout costs lines, not exchanges.
"""

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice

MAX_BACKLOG_BYTES = 1 << 20
"""Lines that wait for a slow reader: about 1,500. More is memory spent on a reader that has probably gone."""

_PIECE = select.PIPE_BUF
"""POSIX: a write of at most this size (Linux: 4,096 bytes) to a pipe that polls writable neither blocks nor mingles
with the lines of other worker processes."""


class StdoutWriter:
    """Write whole lines to a file descriptor, in order, from any thread.

    Either all of a line is written or, when the reader has gone or stays behind by more than the backlog, it is dropped
    and counted in `dropped`; a line is never cut by another.
    """

    def __init__(self, fd: int = 1, *, max_backlog_bytes: int = MAX_BACKLOG_BYTES) -> None:
        self.dropped = 0
        self._fd = fd
        self._max_backlog_bytes = max_backlog_bytes
        self._ready = _poll(fd)
        self._lock = threading.Lock()
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._idle = threading.Event()
        self._idle.set()

    def __call__(self, line: bytes) -> None:
        """Take one line, newline included. Never blocks, never raises for the reader's sake."""
        with self._lock:
            if not self._idle.is_set():
                self._queue(line)
                return
            rest = self._write_now(line)
            if rest:
                self._idle.clear()
                self._backlog.append(rest)  # always: its beginning may be out already
                self._backlog_bytes += len(rest)
                threading.Thread(target=self._drain, name="sluice-stdout", daemon=True).start()

    def flush(self, timeout_s: float) -> bool:
        """Wait until the backlog is out, at most `timeout_s`; blocks, so call it after the event loop has ended."""
        return self._idle.wait(timeout_s)

    def _queue(self, line: bytes) -> None:
        if self._backlog_bytes + len(line) > self._max_backlog_bytes:
            self._drop(line)
            return
        self._backlog.append(line)
        self._backlog_bytes += len(line)

    def _write_now(self, line: bytes) -> bytes:
        """Return what the reader has no room for."""
        try:
            while line and self._ready.poll(0):
                line = line[os.write(self._fd, line[:_PIECE]) :]
        except BlockingIOError:
            return line
        except OSError:
            self._drop(line)
            return b""
        return line

    def _drop(self, lines: bytes) -> None:
        self.dropped += lines.count(b"\n")

    def _drain(self) -> None:
        """Thread: empty the backlog and end."""
        ready = _poll(self._fd)
        while True:
            with self._lock:
                if not self._backlog:
                    self._idle.set()
                    return
                lines = self._next()
            piece = b"".join(lines)
            written = self._write_all(piece, ready)
            with self._lock:
                for line in lines:
                    self._backlog.popleft()
                    self._backlog_bytes -= len(line)
                if not written:
                    self._drop(piece)

    def _next(self) -> list[bytes]:
        """Return what goes out by one system call: each costs the thread a wait for the interpreter."""
        lines = [self._backlog[0]]
        size = len(lines[0])
        for line in islice(self._backlog, 1, None):
            size += len(line)
            if size > _PIECE:
                break
            lines.append(line)
        return lines

    def _write_all(self, piece: bytes, ready: select.poll) -> bool:
        """Write it, however long the reader takes: nobody else waits for this thread."""
        while piece:
            try:
                piece = piece[os.write(self._fd, piece) :]
            except BlockingIOError:
                ready.poll()
            except OSError:
                return False
        return True


class OncePerTurn:
    """Collect the lines of one turn of the event loop and write them together: under load a system call serves many.

    A line waits for nothing but the callbacks that are due already. Call `flush` when the loop has ended.
    """

    def __init__(self, write: Callable[[bytes], object], call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._write = write
        self._call_soon = call_soon
        self._lines: list[bytes] = []

    def __call__(self, line: bytes) -> None:
        """Take one line, newline included."""
        if not self._lines:
            self._call_soon(self.flush)
        self._lines.append(line)

    def flush(self) -> None:
        """Write what was collected, in pieces that hold whole lines and leave the process uncut if they can."""
        lines, self._lines = self._lines, []
        piece: list[bytes] = []
        size = 0
        for line in lines:
            if piece and size + len(line) > _PIECE:
                self._write(b"".join(piece))
                piece, size = [], 0
            piece.append(line)
            size += len(line)
        if piece:
            self._write(b"".join(piece))


def stdout_writer() -> StdoutWriter:
    """Return a writer of file descriptor 1; every log of the process shares this one."""
    return StdoutWriter(1)


def _poll(fd: int) -> select.poll:
    ready = select.poll()
    ready.register(fd, select.POLLOUT)
    return ready
