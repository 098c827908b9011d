"""`/api/live`: what is seen now, once or every second, and only while somebody looks.

However many look, the house is asked once a second: what one was shown is fresh enough for the others.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sluice.admin.callers import of_a_page
from sluice.admin.house import House
from sluice.admin.live import View, since, view
from sluice.admin.places import Places, Seated

EVERY_S = 1.0
FRESH_S = 0.5
"""How long what was seen is shown to others, too."""
MAX_VIEWERS = 32
"""Who look at the same time."""
NOBODY = {"error": "no worker answers"}


class Watch:
    """One per house. `live` answers a request."""

    def __init__(self, house: House, clock: Callable[[], float]) -> None:
        """`clock`: monotonic seconds."""
        self._house = house
        self._clock = clock
        self._seen: View | None = None
        self._seen_at = -FRESH_S
        self._looking = asyncio.Lock()
        self._over = asyncio.Event()
        self.viewers = Places(MAX_VIEWERS)

    async def now(self) -> View | None:
        """Return what is seen now; None = nobody can tell."""
        async with self._looking:
            if self._clock() - self._seen_at >= FRESH_S:
                parts = await self._house.live()
                self._seen = view(parts, self._house.workers) if parts else None
                self._seen_at = self._clock()
            return self._seen

    def end(self) -> None:
        """The process ends, and with it every look."""
        self._over.set()

    async def live(self, request: Request) -> Response:
        """One snapshot as JSON, or one each second as server-sent events for who accepts those."""
        if of_a_page(request):
            return JSONResponse({"error": "other pages may not ask this"}, status_code=403)
        if "text/event-stream" in request.headers.get("accept", ""):
            if self.viewers.full:
                return JSONResponse({"error": f"{MAX_VIEWERS} look already"}, status_code=503)
            return Seated(self.viewers, self._stream(), "text/event-stream")
        seen = await self.now()
        if seen is None:
            return JSONResponse(NOBODY, status_code=503)
        return Response(msgspec.json.encode(seen), media_type="application/json")

    async def _stream(self) -> AsyncIterator[bytes]:
        """The history once, and from then on what is new of it."""
        last = 0
        while not self._over.is_set():
            due = self._clock() + EVERY_S
            seen = await self.now()
            if seen is None:
                yield b"event: nobody\ndata: {}\n\n"
            else:
                yield b"event: live\ndata: " + msgspec.json.encode(since(seen, last)) + b"\n\n"
                last = seen.points[-1].at if seen.points else last
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - self._clock())):
                    await self._over.wait()
