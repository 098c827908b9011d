"""A run as server-sent events: one viewer, one response.

Lines end in LF only (AG-UI's rule; the WHATWG allows all three), and nothing waits behind the head: proxies are told
not to buffer. A silence is broken by a comment. A viewer whose socket takes nothing for SEND_S is dropped and can
resume; it holds up neither the run nor the other viewers.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import TypeVar
from urllib.parse import quote

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sluice.agent_server.run_history import history_of
from sluice.agents.merging import merged
from sluice.agents.service import Service
from sluice.agents.watching import BATCH
from sluice.runs.events import TERMINAL, Event
from sluice.runs.projection import Frame, Projection, Recalling
from sluice.runs.records import Run

SEND_S = 5.0
"""How long one write may wait for a viewer."""
SLOW_S = 0.05
"""A viewer is slow, and gets adjacent deltas as one, when a write waits longer than this for it."""
HEARTBEAT = b": keep-alive\n\n"
T = TypeVar("T")
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
        out.append(b"data: %b\n\n" % frame.data)
    return b"".join(out)


class Pace:
    """How fast one viewer takes what it is sent."""

    __slots__ = ("_behind", "_clock", "_last_s", "since")

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._last_s = 0.0
        self._behind = False
        self.since: float | None = None
        """When the write under way began."""

    def catches_up(self, count: int) -> bool:
        """Return whether the viewer, for whom there are so many events now, is behind: from a write that had to wait
        until there are no more events than it takes at once."""
        behind = self._behind or self._last_s > SLOW_S
        self._behind = behind and count >= BATCH
        return behind

    def begin(self) -> None:
        """A write begins."""
        self.since = self._clock()

    def end(self) -> None:
        """It is done."""
        if self.since is not None:
            self._last_s, self.since = self._clock() - self.since, None


class Viewer(Response):
    """The answer to one viewer. `pace` is shared with whoever makes the batches; `left` is awaited if the viewer goes,
    or is dropped, before the end."""

    def __init__(
        self,
        batches: Batches,
        pace: Pace,
        *,
        name: str,
        content_type: str = "text/event-stream",
        headers: Mapping[str, str] | None = None,
        status_code: int = 200,
        left: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._batches, self._pace, self._name, self._left = batches, pace, name, left
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
        try:
            await until_gone(receive, self._tell(receive, send), f"viewer of {self._name}")
        except ClientDisconnect:
            if self._left is not None:
                await self._left()

    async def _tell(self, receive: Receive, send: Send) -> None:
        pace = self._pace
        watch = _Stall(pace, receive)
        try:
            async with aclosing(self._batches) as batches:
                async for frames in batches:
                    pace.begin()
                    await send({"type": "http.response.body", "body": as_sse(frames) or HEARTBEAT, "more_body": True})
                    pace.end()
        finally:
            watch.stop()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Stall:
    """Drops a viewer whose socket takes nothing. One timer per viewer, none per write."""

    def __init__(self, pace: Pace, receive: Receive) -> None:
        self._pace, self._receive = pace, receive
        self._telling = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(SEND_S, self._look)

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        now, since = self._loop.time(), self._pace.since
        due = (now if since is None else since) + SEND_S
        if due > now:
            self._timer = self._loop.call_at(due, self._look)
        elif not _abort(self._receive) and self._telling is not None:
            self._telling.cancel()


def _abort(receive: Receive) -> bool:
    """Close the socket with what waits for it, and return whether that could be done. ASGI has no word for it, and
    uvicorn's `close` would first wait for a reader who reads nothing."""
    abort = getattr(getattr(getattr(receive, "__self__", None), "transport", None), "abort", None)
    if abort is None:
        return False
    abort()
    return True


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
        pace = Pace()
        super().__init__(
            frames_of(service, run, projection, after, pace),
            pace,
            name=run.id,
            content_type=projection.content_type,
            headers=stream_headers(run, headers, protocol=projection.name),
            status_code=status_code,
            left=(lambda: service.cancel(run.owner, run.id, "its viewer left")) if cancels else None,
        )


async def frames_of(
    service: Service, run: Run, projection: Projection, after: int = 0, pace: Pace | None = None
) -> Batches:
    """Give a viewer's frames as they come, those up to `after` folded silently; an empty list is a heartbeat."""
    if after and projection.folds:
        after = await fold(service, run, projection, after)
    recalled = after > 0
    async with aclosing(service.watch(run, after, beat_s=projection.heartbeat_s)) as batches:
        async for events in batches:
            if events and not recalled:
                recalled = True
                await recall(service, run, projection)
            frames = told(projection, events, pace)
            if frames or not events:
                yield frames


def told(projection: Projection, events: list[Event], pace: Pace | None) -> list[Frame]:
    """Return what a protocol says of these events to a viewer of this pace."""
    if pace is not None and pace.catches_up(len(events)) and projection.merges:
        events = merged(events)
    frames: list[Frame] = []
    for event in events:
        frames += projection.step(event)
        if isinstance(event, TERMINAL):
            frames += projection.end()
    return frames


async def fold(service: Service, run: Run, projection: Projection, after: int) -> int:
    """Fold what the reader has, silently; return how far that went: not beyond what there is."""
    await recall(service, run, projection)
    last = 0
    while last < after and (events := await service.past(run, last, after - last)):
        for event in events:
            projection.step(event)
        last = events[-1].seq
    return last


async def recall(service: Service, run: Run, projection: Projection) -> None:
    """Tell a projection what was said before a run that has begun, if it wants to know."""
    if isinstance(projection, Recalling):
        projection.recall(await history_of(service, run))


async def until_gone(receive: Receive, work: Coroutine[object, object, T], name: str) -> T:
    """Return what some work comes to that is done for a client.

    Raises:
        ClientDisconnect: the client went, or was dropped, before that; the work was cancelled.
    """
    doing = asyncio.create_task(work, name=name)
    gone = asyncio.create_task(_gone(receive), name=f"client, {name}")
    try:
        await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (doing, gone):
            task.cancel()
        await asyncio.wait({doing, gone})
    if doing.cancelled():
        raise ClientDisconnect
    return doing.result()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def stream_headers(run: Run, more: Mapping[str, str] | None = None, *, protocol: str = "langgraph") -> dict[str, str]:
    """Return what every stream says of its run: `Location` is where the same protocol reads on."""
    place = f"/threads/{quote(run.thread_id, safe='')}/runs/{run.id}"
    again = f"/runs/{run.id}/stream"
    if protocol == "langgraph":
        again = f"{place}/stream"
    elif protocol != "native":
        again += f"?protocol={protocol}"
    return {
        **NO_BUFFERING,
        **OF_PROTOCOL.get(protocol, {}),
        "location": again,
        "content-location": place,
        "x-run-id": run.id,
        "x-thread-id": in_header(run.thread_id),
        **(more or {}),
    }


def in_header(name: str) -> str:
    """Return a client's identifier fit for a header: as it is, or percent-encoded."""
    return name if name.isascii() and name.isprintable() else quote(name, safe="")


NO_BUFFERING = {"cache-control": "no-cache", "x-accel-buffering": "no"}
OF_PROTOCOL: Mapping[str, Mapping[str, str]] = {"ui": {"x-vercel-ai-ui-message-stream": "v1"}}
"""By which a protocol's clients know its streams."""


def _move(response: Response, prefix: str) -> None:
    """Make the places that headers name true where the application is mounted under a prefix."""
    for name in ("location", "content-location") if prefix else ():
        place = response.headers.get(name, "")
        if place.startswith("/"):
            response.headers[name] = prefix + place
