"""Places that only so many may have at the same time."""

from collections.abc import AsyncIterator, Callable

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send


class Places:
    """`taken` counts. Who finds it `full` takes none."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0

    @property
    def full(self) -> bool:
        return self.taken >= self.most


class Seated(StreamingResponse):
    """An answer that has a place from the moment it is made until it is over, however it ends.

    Make it only to return it: an answer that is never sent keeps its place.
    """

    def __init__(
        self, places: Places, lines: AsyncIterator[bytes], kind: str, end: Callable[[], None] | None = None
    ) -> None:
        """`end` is called when it is over."""
        super().__init__(lines, media_type=kind)
        self._places = places
        self._end = end
        places.taken += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._places.taken -= 1
            if self._end is not None:
                self._end()
