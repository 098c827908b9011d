"""Texts that policies read from elsewhere, kept and renewed: key sets, password files.

Guarantee: however many requests need a text, it is fetched once at a time. Who is taken out of a file is out a second
later, however long nobody asked: who needs a file that was read longer ago waits until it was read anew. So does who
needs what a server said when nobody asked for long; else that is renewed meanwhile. What was read stays until something
newer can be read, but no longer than a day; who has nothing yet waits, and hears of a failure. Nobody waits for a text
that takes more than a few seconds.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from sluice.errors import UpstreamError
from sluice.policies.server import Source

T = TypeVar("T")

RENEW_S = 10.0
"""A text that lacks something, or could not be read anew, is asked for again at most this often."""
FIRST_S = 1.0
"""The same while there is none at all."""
FILE_S = 1.0
"""How old what was read of a file may be."""
MAX_STALE_S = 24 * 3600.0
"""How long what was read last serves while nothing newer can be read."""
WAIT_S = 6.0
"""How long a fetch is waited for, counted from its begin: a bit more than a server is given. A file hangs for hours on
a mount whose server is gone: then the first who need it wait this long, and what was read last serves all others."""
HANGS_S = 30.0
"""After how long a file is read once more beside a read that hangs; each time after twice as long. One whose mount was
taken away never ends, even if the file is there again."""
SILENCE = 2
"""What a server said is waited for once it is as old as so many times what it may be."""

Clock = Callable[[], float]


class Texts(Protocol):
    """The way to files and servers."""

    async def fetch(self, source: Source) -> bytes:
        """Return what is there now; of a few seconds at most.

        Raises:
            UpstreamError: nothing that could be read; the message names the place and no content.
        """
        ...


class Kept(Generic[T]):
    """One text and what was made of it. The caller says when it needs it; this says when it is fetched."""

    def __init__(
        self,
        source: Source,
        read: Callable[[bytes], T],
        texts: Texts,
        clock: Clock,
        *,
        failed: Callable[[str], None],
    ) -> None:
        self.source = source
        self._read = read
        self._texts = texts
        self._clock = clock
        self._failed = failed
        self._value: T | None = None
        self._digest = b""
        self._error = "it was not read yet"
        self._read_at = self._tried_at = float("-inf")
        self._is_file = bool(source.path)
        self._max_age_s = FILE_S if self._is_file else source.cache_s
        self._fetching: asyncio.Task[None] | None = None
        self._awaited = False
        self._hangs_s = HANGS_S
        self._fixed = source.inline is not None or bool(source.missing)
        if source.inline is not None:
            self._value, self._read_at = read(source.inline.value), float("inf")
        elif source.missing:
            self._error = source.missing

    async def current(self) -> T:
        """Return what the text says: the same object for as long as it says the same.

        Raises:
            LookupError: nothing can be had; the message says why, and no content.
        """
        now = self._clock()
        age_s, silence_s = now - self._read_at, now - self._tried_at
        if self._fixed or age_s < min(self._max_age_s, MAX_STALE_S):
            return self._last()
        if self._value is None or age_s >= MAX_STALE_S:
            await self._renew(FIRST_S)
            return self._last()
        # A server that is down is asked again and again: only the first who come after a silence wait for that.
        long_ago = age_s >= SILENCE * self._max_age_s and silence_s >= self._max_age_s
        self._begin(min(RENEW_S, self._max_age_s), awaited=self._is_file or long_ago)
        if self._awaited:
            await self._ended()
        return self._last()

    async def renewed(self) -> T:
        """Return what the text says after one more look, if the last one was not just now.

        Raises:
            LookupError: nothing can be had.
        """
        if not self._fixed:
            await self._renew(min(RENEW_S, self._max_age_s))
        return self._last()

    def close(self) -> None:
        """Give up what is being fetched."""
        if self._fetching is not None:
            self._fetching.cancel()

    def _last(self) -> T:
        if self._value is None or self._clock() - self._read_at >= MAX_STALE_S:
            raise LookupError(self._error)
        return self._value

    async def _renew(self, every_s: float) -> None:
        self._begin(every_s, awaited=self._is_file)
        await self._ended()

    def _begin(self, every_s: float, *, awaited: bool) -> None:
        if self._fetching is not None and self._is_file and self._clock() - self._tried_at >= self._hangs_s:
            self._hangs_s *= 2
            self._fetching.cancel()
            self._fetching, awaited = None, False
        if self._fetching is None and self._clock() - self._tried_at >= every_s:
            self._tried_at = self._clock()
            self._awaited = awaited
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())

    async def _ended(self) -> None:
        """Wait until nothing is being fetched, or that takes too long. Who waits may leave; the others wait on."""
        fetching, left_s = self._fetching, self._tried_at + WAIT_S - self._clock()
        if fetching is None or left_s <= 0:
            return
        await asyncio.wait([fetching], timeout=left_s)
        if fetching.cancelled():
            raise asyncio.CancelledError

    async def _fetch(self) -> None:
        late = asyncio.get_running_loop().call_later(WAIT_S, self._late)
        try:
            text = await self._texts.fetch(self.source)
            digest = hashlib.sha256(text).digest()
            if self._value is None or digest != self._digest:
                self._value, self._digest = self._read(text), digest
                if not self._value:
                    self._failed(f"{_where(self.source)}: there is nothing in it that can be used")
            self._read_at, self._hangs_s = self._tried_at, HANGS_S  # it may have changed since
        except (UpstreamError, ValueError) as error:
            self._error = str(error)
            self._failed(self._error)
        finally:
            late.cancel()
            if self._fetching is asyncio.current_task():
                self._fetching = None

    def _late(self) -> None:
        self._error = f"{_where(self.source)}: it takes longer than {WAIT_S:g} s"
        self._failed(self._error)


def _where(source: Source) -> str:
    """What a sentence of the process log calls a text: a query may hold a secret."""
    place = source.path if source.server is None else f"{source.server.host}{source.target.partition('?')[0]}"
    return f"what was read of {place}"
