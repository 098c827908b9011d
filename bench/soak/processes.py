"""The processes of a soak: started, read line by line, ended by their own process ids."""

import os
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from bench import rig

START_S = 20.0
END_S = 15.0
KEPT_LINES = 50
"""Of what a process says on stderr."""
SLUICE = (sys.executable, "-m", "sluice")
_BUSY = """
import os, sys
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() == int(sys.argv[1]):
    for _ in range(10_000):
        pass
"""
"""A program that takes what nobody else wants of a processor: everybody else on it goes first, at once. Everybody else
of its session, that is: Linux shares a processor among sessions first (autogroups, sched(7)). It ends when
the process that is named to it is no longer its parent."""
_PORT = re.compile(r"http://(?:localhost|127\.0\.0\.1):(\d+)")


class SoakError(Exception):
    """The soak cannot stand: a process did not start, or ended in the middle."""


class Process:
    """One process and the threads that read what it says."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        processor: int,
        env: dict[str, str] | None = None,
        told: Callable[[bytes], None] | None = None,
    ) -> None:
        """`processor`: the only one that it may use. `told` hears each line of its stdout, in a thread of its own."""
        self.name = name
        self.said: deque[str] = deque(maxlen=KEPT_LINES)
        self._popen = subprocess.Popen(
            command,
            cwd=rig.ROOT,
            env=os.environ | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if told is None else subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.sched_setaffinity(self._popen.pid, {processor})
        self._trouble: Exception | None = None
        """Of a reader."""
        self._readers = [threading.Thread(target=self._read, args=(self._popen.stderr, self._say), daemon=True)]
        if told is not None:
            self._readers.append(threading.Thread(target=self._read, args=(self._popen.stdout, told), daemon=True))
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def port(self, after: str) -> int:
        """Wait until it says an address behind this word, and return the port.

        Raises:
            SoakError: it ended first, or START_S passed.
        """
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            found = _PORT.search("\n".join(list(self.said)).partition(after)[2])
            if found:
                return int(found[1])
            if not self.running:
                break
            time.sleep(0.01)
        raise SoakError(f"{self.name} did not start: {self.last_words()}")

    def last_words(self) -> str:
        """Return what it said last on stderr."""
        return " / ".join(list(self.said)[-5:]) or "it said nothing"

    def signal(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        self._popen.send_signal(number)

    def end(self, *, ask: bool = True) -> int:
        """Ask it to end, unless that is its own affair, wait until it has and all is read, and return its status.

        Raises:
            SoakError: something that it said could not be read.
        """
        if ask and self.running:
            self._popen.terminate()
        try:
            self._popen.wait(END_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait(END_S)
        for reader in self._readers:
            reader.join(END_S)
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            raise SoakError(f"what {self.name} said cannot be read: {trouble}") from trouble
        return self._popen.returncode

    def _read(self, stream: IO[bytes], told: Callable[[bytes], None]) -> None:
        """Read to the end, whatever one line is like: nobody is kept waiting by a full pipe."""
        with stream:
            for line in stream:
                try:
                    told(line)
                except Exception as error:
                    self._trouble = self._trouble or error

    def _say(self, line: bytes) -> None:
        self.said.append(line.decode("utf-8", "replace").rstrip())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


@contextmanager
def processors() -> Iterator[tuple[int, int]]:
    """Give the processor of the gateway, and that of everything else, which this process uses too until the end."""
    before = os.sched_getaffinity(0)
    ours, theirs = min(before), max(before)
    os.sched_setaffinity(0, {theirs})
    try:
        yield ours, theirs
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def awake() -> Iterator[list[int]]:
    """Keep every processor from sleep, by processes of these ids. The host of a virtual machine may give one that
    sleeps to others, and it waits for them when it wakes; one that is busy for a third of the time wakes often."""
    command = (sys.executable, "-c", _BUSY, str(os.getpid()))
    with ExitStack() as stack:
        yield [
            stack.enter_context(Process("what keeps it awake", command, processor=each)).pid
            for each in sorted(os.sched_getaffinity(0))
        ]


def rewrite(path: Path, text: str) -> None:
    """Replace a file at once, as editors and kubelets do."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.rename(path)
