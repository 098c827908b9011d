"""A process that is started, waited for until it answers, and ended: never left behind."""

import asyncio
import contextlib
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

END_S = 5.0
"""What a process gets to end after SIGTERM."""
_LOOK_S = 0.02


class Process:
    """A command and the file that it writes to: all that it says, or, if `out` is given, its standard error alone."""

    def __init__(self, *words: str, says: Path, out: Path | None = None, env: Mapping[str, str] | None = None) -> None:
        self._words, self._says, self._out = words, says, out
        self._env = os.environ | dict(env or {})
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._says.open("wb") as says, (self._out or self._says).open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self._words,
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=says,
                start_new_session=True,  # Ctrl-C is for whoever started it, who then ends it in order
            )

    async def answers(self, url: str, *, within_s: float) -> None:
        """Wait until an address answers.

        Raises:
            RuntimeError: the process has ended, or does not answer in time; with the end of what it said.
        """
        try:
            async with asyncio.timeout(within_s):
                while not await asyncio.to_thread(is_there, url):
                    if self._process is not None and self._process.returncode is not None:
                        raise RuntimeError(f"{self._words[0]} has ended: {self._last_words()}")
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as error:
            raise RuntimeError(f"{self._words[0]} does not answer at {url}: {self._last_words()}") from error

    async def end(self) -> None:
        """SIGTERM, and SIGKILL for whoever does not listen. Once it has ended this does nothing."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(END_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _last_words(self) -> str:
        return self._says.read_text(encoding="utf-8", errors="replace")[-2000:]


def is_there(url: str) -> bool:
    """Return whether an address of this machine answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # one of this machine's own, never from outside
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """Return a port of the loopback interface that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
