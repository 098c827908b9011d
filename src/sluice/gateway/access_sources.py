"""Texts that policies read from elsewhere, kept and renewed: key sets, password files.

Guarantee: however many requests need a text, it is fetched once at a time. What was read stays until something newer
can be read, but no longer than a day; who has nothing yet waits, and hears of a failure.
"""

import asyncio
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
        self._error = "it was not read yet"
        self._read_at = self._tried_at = float("-inf")
        self._max_age_s = FILE_S if source.path else source.cache_s
        self._fetching: asyncio.Task[None] | None = None
        self._fixed = source.inline is not None or bool(source.missing)
        if source.inline is not None:
            self._value = read(source.inline.value)
        elif source.missing:
            self._error = source.missing

    async def current(self) -> T:
        """Return what the text says. One that is old is renewed meanwhile.

        Raises:
            LookupError: nothing can be had; the message says why, and no content.
        """
        now = self._clock()
        if self._fixed:
            return self._last()
        if self._value is None or now - self._read_at >= MAX_STALE_S:
            await self._renew(FIRST_S)
        elif now - self._read_at >= self._max_age_s:
            self._begin(min(RENEW_S, self._max_age_s))
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
        if self._value is None:
            raise LookupError(self._error)
        return self._value

    async def _renew(self, every_s: float) -> None:
        self._begin(every_s)
        if self._fetching is not None:
            await asyncio.shield(self._fetching)  # who waits may leave; the others wait on

    def _begin(self, every_s: float) -> None:
        if self._fetching is None and self._clock() - self._tried_at >= every_s:
            self._tried_at = self._clock()
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())

    async def _fetch(self) -> None:
        try:
            self._value = self._read(await self._texts.fetch(self.source))
            self._read_at = self._clock()
            if not self._value:
                self._failed(f"{_where(self.source)}: there is nothing in it that can be used")
        except (UpstreamError, ValueError) as error:
            self._error = str(error)
            if self._clock() - self._read_at >= MAX_STALE_S:
                self._value = None
            self._failed(self._error)
        finally:
            self._fetching = None


def _where(source: Source) -> str:
    """What a sentence of the process log calls a text: a query may hold a secret."""
    place = source.path if source.server is None else f"{source.server.host}{source.target.partition('?')[0]}"
    return f"what was read of {place}"
