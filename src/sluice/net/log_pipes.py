"""One standard output for several processes: each writes into a pipe of its own, and here whole lines are passed on.

Threads, not the event loop: they block where the reader of stdout is slow, which fills the pipes, and each worker then
drops and counts lines of its own, as one process does. Nothing is kept here but the beginning of an unfinished line.

Why not one pipe for all: a write of up to PIPE_BUF bytes is whole, but a traceback is longer; and between a poll that
finds room and the write another worker may take the room, so that the write blocks a worker's event loop for as long as
the reader pleases. Measured: docs/running.md.
"""

import contextlib
import fcntl
import os
import select
import threading
import time

PIPE_BYTES = 1 << 20
"""Of each pipe, where the system allows it: what a worker may write while a slow reader is waited for. Linux: 64 KiB by
default, a megabyte at most for unprivileged processes (pipe(7))."""
READ_BYTES = 1 << 16


class LogPipes:
    """Guarantee: what is written to `fd` are whole lines, each by one process, in that process's order. Lines that
    nobody can read any more, and a line that its process did not live to finish, are dropped and counted."""

    def __init__(self, fd: int = 1) -> None:
        self.dropped = 0
        self._fd = fd
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._room = select.poll()
        self._room.register(fd, select.POLLOUT)

    def open(self) -> int:
        """Return the end to write to, for one process. Its lines are passed on until every copy of it is closed."""
        source, end = os.pipe()
        with contextlib.suppress(OSError, AttributeError):  # too many pages in pipes already; another system
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        thread = threading.Thread(target=self._pass_on, args=(source,), name="sluice-log", daemon=True)
        self._threads = [*(other for other in self._threads if other.is_alive()), thread]
        thread.start()
        return end

    def close(self, timeout_s: float) -> bool:
        """Wait until all that was written is passed on, at most so long; blocks. Every end has been closed."""
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _pass_on(self, source: int) -> None:
        """Thread: one process's lines."""
        rest = b""
        while data := os.read(source, READ_BYTES):
            lines, newline, rest = (rest + data).rpartition(b"\n")
            if newline:
                self._write(lines + newline)
        os.close(source)
        if rest:
            with self._lock:
                self.dropped += 1

    def _write(self, lines: bytes) -> None:
        left = memoryview(lines)
        with self._lock:
            while left:
                try:
                    left = left[os.write(self._fd, left) :]
                except BlockingIOError:
                    self._room.poll()
                except OSError:
                    self.dropped += bytes(left).count(b"\n")
                    return
