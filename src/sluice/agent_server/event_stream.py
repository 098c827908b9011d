"""A run as server-sent events: one viewer, one response.

Lines end in LF only (AG-UI's rule; the WHATWG allows all three), and nothing waits behind the head: proxies are told
not to buffer. A silence is broken by a comment. A viewer whose socket takes nothing for SEND_S is dropped and can
resume; it holds up neither the run nor the other viewers.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sluice.agents.service import Service
from sluice.runs.events import TERMINAL
from sluice.runs.projection import Frame, Projection
from sluice.runs.records import Run

SEND_S = 5.0
"""How long one write may wait for a viewer."""
HEARTBEAT = b": keep-alive\n\n"


def as_sse(frames: list[Frame]) -> bytes:
    """Return frames as server-sent events."""
    out = bytearray()
    for frame in frames:
        if frame.id:
            out += b"id: " + frame.id.encode() + b"\n"
        if frame.event:
            out += b"event: " + frame.event.encode() + b"\n"
        out += b"data: " + frame.data + b"\n\n"
    return bytes(out)


class EventStream(Response):
    """The answer to one viewer. `after`: the number of the last event that the viewer has."""

    def __init__(
        self,
        service: Service,
        run: Run,
        projection: Projection,
        *,
        after: int = 0,
        headers: Mapping[str, str] | None = None,
        status_code: int = 200,
    ) -> None:
        self._service, self._run, self._projection, self._after = service, run, projection, after
        super().__init__(status_code=status_code, headers=stream_headers(run, headers), media_type=None)
        del self.headers["content-length"]
        self.headers["content-type"] = projection.content_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b"", "more_body": True})  # the head leaves now
        told = asyncio.create_task(self._tell(send), name=f"viewer of {self._run.id}")
        gone = asyncio.create_task(_gone(receive), name=f"client of {self._run.id}")
        try:
            await asyncio.wait({told, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (told, gone):
                task.cancel()
            await asyncio.wait({told, gone})
        if not told.cancelled() and (error := told.exception()) is not None and not isinstance(error, TimeoutError):
            raise error

    async def _tell(self, send: Send) -> None:
        async with aclosing(frames_of(self._service, self._run, self._projection, self._after)) as batches:
            async for frames in batches:
                async with asyncio.timeout(SEND_S):
                    await send({"type": "http.response.body", "body": as_sse(frames) or HEARTBEAT, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def frames_of(service: Service, run: Run, projection: Projection, after: int = 0) -> AsyncIterator[list[Frame]]:
    """Give a viewer's frames as they come, those up to `after` folded silently; an empty list is a heartbeat."""
    if after and projection.folds:
        after = await _fold(service, run, projection, after)
    beat = projection.heartbeat_s
    async with aclosing(service.watch(run, after, merge=projection.merges, beat_s=beat)) as batches:
        async for events in batches:
            frames: list[Frame] = []
            for event in events:
                frames += projection.step(event)
                if isinstance(event, TERMINAL):
                    frames += projection.end()
            if frames or not events:
                yield frames


async def _fold(service: Service, run: Run, projection: Projection, after: int) -> int:
    """Fold what the reader has; return how far that went: not beyond what there is."""
    last = 0
    while last < after and (events := await service.past(run, last, after - last)):
        for event in events:
            projection.step(event)
        last = events[-1].seq
    return last


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def stream_headers(run: Run, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what every stream says of its run."""
    place = f"/threads/{run.thread_id}/runs/{run.id}"
    return {
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
        "location": f"{place}/stream",
        "content-location": place,
        "x-run-id": run.id,
        "x-thread-id": run.thread_id,
        **(more or {}),
    }
