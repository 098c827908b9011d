"""A fake provider in a thread of its own, for clients that block."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from sluice.testing.fake_provider import FakeProvider, Options


class FakeThread:
    """`with FakeThread() as thread: thread.fake.url`."""

    def __init__(self, options: Options = Options(), tls: ssl.SSLContext | None = None) -> None:  # noqa: B008 - frozen
        self.fake = FakeProvider(options)
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.fake.start(tls=self._tls), self._loop).result(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self.fake.close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def until(self, holds: Callable[[], bool], *, within_s: float = 5.0) -> None:
        """See `FakeProvider.until`."""
        asyncio.run_coroutine_threadsafe(self.fake.until(holds, within_s=within_s), self._loop).result(within_s + 1)
