"""A place among the workers, as the supervisor sees it, and the process that holds it at present."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Sequence

from sluice.net.channel import Channel
from sluice.net.log_pipes import LogPipes
from sluice.net.scrape import Life
from sluice.net.worker import Seat

STEADY_S = 10.0
"""Who lived so long did not die at once."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


class Member:
    """One process after the other in one place."""

    def __init__(
        self,
        number: int,
        of: int,
        *,
        command: Callable[[Seat], Sequence[str]],
        pipes: LogPipes,
        limits: int,
        listens: Callable[["Member", str, str], bytes],
    ) -> None:
        self.number = number
        self.serves = False
        """It has been ready, and can be asked."""
        self.ready = False
        """It takes new work."""
        self.channel: Channel | None = None
        self.pid = 0
        self.lives = 0
        self._of = of
        self._command = command
        self._pipes = pipes
        self._limits = limits
        """The file descriptor of the table in which all workers count their limits."""
        self._listens = listens
        self._process: asyncio.subprocess.Process | None = None

    @property
    def life(self) -> Life:
        return self.number, self.lives

    async def live(self, greet: Callable[["Member"], None]) -> int:
        """Start a process and return its exit status, negative for a signal, once it has ended and everything that it
        said was heard. `greet` is called as soon as it can be told something.

        Raises:
            OSError: no process, pipe or socket can be had.
        """
        ours, theirs = socket.socketpair()
        self.lives += 1
        try:
            with contextlib.closing(theirs):  # else the end of the process would not be the end of the channel
                self._process = process = await self._start(theirs.fileno())
            channel = await Channel.over(ours, self._hear)
        except BaseException:
            ours.close()
            raise
        self.pid, self.channel = process.pid, channel
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(channel.serve(), name=f"channel of worker {self.number}")
                greet(self)
                status = await process.wait()
        finally:
            self.serves = self.ready = False
            self.channel = self._process = None
            await channel.close()
        return status

    async def _start(self, fd: int) -> asyncio.subprocess.Process:
        log = self._pipes.open()
        try:
            return await asyncio.create_subprocess_exec(
                *self._command(Seat(self.number, self._of, fd, self._limits)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                pass_fds=(fd, self._limits),
                start_new_session=True,  # what a terminal sends to all of its processes is the supervisor's business
            )
        finally:
            os.close(log)

    def _hear(self, verb: str, text: str) -> bytes:
        return self._listens(self, verb, text)

    def tell(self, verb: str, text: str = "") -> None:
        """Say something, if there is a process that will hear it."""
        if self.channel is not None:
            self.channel.tell(verb, text)

    def kill(self) -> bool:
        """End the process at once; return whether there was one."""
        if self._process is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        return True


class Backoff:
    """How long a place stays empty: not at all, and longer each time that its process dies young."""

    def __init__(self) -> None:
        self._pause_s = 0.0

    def after(self, lived_s: float) -> float:
        """Return the pause after a process that lived so long."""
        if lived_s >= STEADY_S:
            self._pause_s = 0.0
        pause_s = self._pause_s
        self._pause_s = min(LONGEST_PAUSE_S, pause_s * 2 or FIRST_PAUSE_S)
        return pause_s


def ending(status: int) -> str:
    """Return how a process ended, in words: `SIGKILL`, `status 1`."""
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
