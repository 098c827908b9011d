"""Who waits for the next run of a thread: readers who follow a whole conversation."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_Place = tuple[str, str]


class Arrivals:
    """Tells followers of a thread that a run of it began in this process. Plain calls."""

    def __init__(self) -> None:
        self._followers: dict[_Place, set[asyncio.Event]] = {}

    def began(self, owner: str, thread_id: str) -> None:
        """Tell those who follow this thread."""
        for news in self._followers.get((owner, thread_id), ()):
            news.set()

    @contextmanager
    def followed(self, owner: str, thread_id: str) -> Iterator[asyncio.Event]:
        """Follow a thread; what this gives is set at each run that begins, and cleared by the follower."""
        news = asyncio.Event()
        place = (owner, thread_id)
        self._followers.setdefault(place, set()).add(news)
        try:
            yield news
        finally:
            self._followers[place].discard(news)
            if not self._followers[place]:
                del self._followers[place]
