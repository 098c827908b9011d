"""A whole conversation as one stream: `GET /threads/{t}/stream`, in any protocol.

The `id` of a frame is its event's place in the conversation, counted over all its runs: for the first run the event's
own number. Each run has a projection of its own, so that protocols which end see several complete runs.
"""

from contextlib import aclosing
from urllib.parse import quote

from starlette.requests import Request

from sluice.agent_server.event_stream import NO_BUFFERING, Batches, Viewer, in_header
from sluice.agent_server.run_streams import reading
from sluice.agent_server.server import Server
from sluice.agents.following import follow
from sluice.runs.events import TERMINAL, Event
from sluice.runs.projection import Frame, Projection
from sluice.runs.records import Run, Thread


async def conversation(server: Server, thread: Thread, request: Request, after: int) -> Viewer:
    """Return the stream of a thread from behind place `after` on.

    Raises:
        BadRequest: there is no such protocol.
    """
    nobody = Run(id="", thread_id=thread.id, owner=thread.owner, agent=thread.agent, created=thread.created)
    first = await reading(server.service, nobody, request, "native")
    server.counters.stream_began(first.name, resumed=after > 0)
    return Viewer(
        _frames(server, thread, request, after, first),
        name=thread.id,
        content_type=first.content_type,
        headers={
            **NO_BUFFERING,
            "location": f"/threads/{quote(thread.id, safe='')}/stream",
            "content-location": f"/threads/{quote(thread.id, safe='')}",
            "x-thread-id": in_header(thread.id),
        },
    )


async def _frames(server: Server, thread: Thread, request: Request, after: int, first: Projection) -> Batches:
    service, spoken = server.service, ""
    told = first
    heard_all = follow(service, thread.owner, thread.id, after, merge=first.merges, beat_s=first.heartbeat_s)
    async with aclosing(heard_all) as batches:
        async for heard in batches:
            if heard.run is None:
                yield []
                continue
            if heard.run.id != spoken:
                spoken = heard.run.id
                told = await reading(service, heard.run, request, "native")
                if told.folds:
                    for event in await service.past(heard.run, 0, heard.events[0].seq - 1):
                        told.step(event)
            frames = [frame for event in heard.events for frame in _placed(told, event, heard.before)]
            if frames:
                yield frames


def _placed(told: Projection, event: Event, before: int) -> list[Frame]:
    frames = told.step(event)
    if isinstance(event, TERMINAL):
        frames = [*frames, *told.end()]
    place = str(before + event.seq)
    return [Frame(frame.data, frame.event, place if frame.id else "") for frame in frames]
