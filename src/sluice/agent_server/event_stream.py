"""A run as server-sent events: one viewer, one response.

Lines end in LF only (AG-UI's rule; the WHATWG allows all three), and nothing waits behind the head: proxies are told
not to buffer. A silence is broken by a comment. A viewer whose socket takes nothing for SEND_S is dropped and can
resume; it holds up neither the run nor the other viewers.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sluice.agents.service import Service
from sluice.runs.events import TERMINAL
from sluice.runs.projection import Frame, Projection
from sluice.runs.records import Run

SEND_S = 5.0
"""How long one write may wait for a viewer."""
HEARTBEAT = b": keep-alive\n\n"
Batches = AsyncGenerator[list[Frame], None]
"""A viewer's frames as they come; an empty list is a heartbeat."""


def as_sse(frames: list[Frame]) -> bytes:
    """Return frames as server-sent events."""
    out = []
    for frame in frames:
        if frame.id:
            out.append(b"id: %b\n" % frame.id.encode())
        if frame.event:
            out.append(b"event: %b\n" % frame.event.encode())
        out.append(b"data: %b\n\n" % (_lines(frame.data) if b"\n" in frame.data or b"\r" in frame.data else frame.data))
    return b"".join(out)


def _lines(data: bytes) -> bytes:
    """Plain text may have lines of its own: each is a line of `data`, which readers join again."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")


class Viewer(Response):
    """The answer to one viewer. `left`: awaited if the viewer goes, or is dropped, before the end."""

    def __init__(
        self,
        batches: Batches,
        *,
        name: str,
        content_type: str = "text/event-stream",
        headers: Mapping[str, str] | None = None,
        status_code: int = 200,
        left: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._batches, self._name, self._left = batches, name, left
        self._sending: float | None = None
        """Since when the write under way has been."""
        super().__init__(status_code=status_code, headers=headers)
        del self.headers["content-length"]
        self.headers["content-type"] = content_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _move(self, str(scope.get("app_root_path", scope.get("root_path", ""))))
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await self._batches.aclose()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await send({"type": "http.response.body", "body": b"", "more_body": True})  # the head leaves now
        told = asyncio.create_task(self._tell(send), name=f"viewer of {self._name}")
        watch = _Stall(self, told, receive)
        try:
            await until_gone(receive, told)
        finally:
            watch.stop()
            if told.cancelled() and self._left is not None:
                await self._left()
        if not told.cancelled():
            told.result()

    async def _tell(self, send: Send) -> None:
        clock = asyncio.get_running_loop().time
        async with aclosing(self._batches) as batches:
            async for frames in batches:
                self._sending = clock()
                await send({"type": "http.response.body", "body": as_sse(frames) or HEARTBEAT, "more_body": True})
                self._sending = None
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    @property
    def sending(self) -> float | None:
        """Since when a write has been waiting; None = there is none."""
        return self._sending


class _Stall:
    """Drops a viewer whose socket takes nothing. One timer per viewer, none per write."""

    def __init__(self, viewer: Viewer, told: "asyncio.Task[None]", receive: Receive) -> None:
        self._viewer, self._told, self._receive = viewer, told, receive
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(SEND_S, self._look)

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        since = self._viewer.sending
        due = (self._loop.time() if since is None else since) + SEND_S
        if since is not None and due <= self._loop.time():
            _abort(self._receive)
            self._told.cancel()
        else:
            self._timer = self._loop.call_at(due, self._look)


def _abort(receive: Receive) -> None:
    """Close the socket with what waits for it. ASGI has no word for it, and uvicorn's `close` would first wait for a
    reader who reads nothing."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if isinstance(transport, asyncio.Transport):
        transport.abort()


class EventStream(Viewer):
    """The answer to one viewer of one run. `after`: the number of the last event that the viewer has; `cancels`: the
    run is stopped when this viewer leaves before its end."""

    def __init__(
        self,
        service: Service,
        run: Run,
        projection: Projection,
        *,
        after: int = 0,
        headers: Mapping[str, str] | None = None,
        status_code: int = 200,
        cancels: bool = False,
    ) -> None:
        super().__init__(
            frames_of(service, run, projection, after),
            name=run.id,
            content_type=projection.content_type,
            headers=stream_headers(run, headers),
            status_code=status_code,
            left=(lambda: service.cancel(run.owner, run.id, "its viewer left")) if cancels else None,
        )


async def frames_of(service: Service, run: Run, projection: Projection, after: int = 0) -> Batches:
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


async def until_gone(receive: Receive, work: "asyncio.Task[object] | asyncio.Task[None] | asyncio.Task[Run]") -> None:
    """Return when the work is done, or has been cancelled because the client is gone."""
    gone = asyncio.create_task(_gone(receive), name=f"client of {work.get_name()}")
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (work, gone):
            task.cancel()
        await asyncio.wait({work, gone})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def stream_headers(run: Run, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what every stream says of its run."""
    place = f"/threads/{quote(run.thread_id, safe='')}/runs/{run.id}"
    return {
        **NO_BUFFERING,
        "location": f"{place}/stream",
        "content-location": place,
        "x-run-id": run.id,
        "x-thread-id": in_header(run.thread_id),
        **(more or {}),
    }


def in_header(name: str) -> str:
    """Return a client's identifier fit for a header: as it is, or percent-encoded."""
    return name if name.isascii() and name.isprintable() else quote(name, safe="")


NO_BUFFERING = {"cache-control": "no-cache", "x-accel-buffering": "no"}


def _move(response: Response, prefix: str) -> None:
    """Make the places that headers name true where the application is mounted under a prefix."""
    for name in ("location", "content-location") if prefix else ():
        place = response.headers.get(name, "")
        if place.startswith("/"):
            response.headers[name] = prefix + place
