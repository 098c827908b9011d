"""A whole conversation as one stream: `GET /threads/{t}/stream`, in any protocol.

The `id` of a frame is its event's place in the conversation, counted over all its runs: for the first run the event's
own number. Each run has a projection of its own, so that protocols which end see several complete runs.
"""

from contextlib import aclosing
from urllib.parse import quote

from starlette.requests import Request

from sluice.agent_server.event_stream import NO_BUFFERING, OF_PROTOCOL, Batches, Pace, Viewer, fold, in_header, told
from sluice.agent_server.run_streams import reading
from sluice.agent_server.server import Server
from sluice.agents.following import Heard, follow
from sluice.agents.merging import merged
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
    pace = Pace()
    return Viewer(
        _frames(server, thread, request, after, first, pace),
        pace,
        name=thread.id,
        content_type=first.content_type,
        headers={
            **NO_BUFFERING,
            **OF_PROTOCOL.get(first.name, {}),
            "location": f"/threads/{quote(thread.id, safe='')}/stream",
            "content-location": f"/threads/{quote(thread.id, safe='')}",
            "x-thread-id": in_header(thread.id),
        },
    )


async def _frames(
    server: Server, thread: Thread, request: Request, after: int, first: Projection, pace: Pace
) -> Batches:
    service, spoken, projection = server.service, "", first
    everything = follow(service, thread.owner, thread.id, after, beat_s=first.heartbeat_s)
    async with aclosing(everything) as batches:
        async for heard in batches:
            if heard.run is None:
                yield []
                continue
            if heard.run.id != spoken:
                spoken = heard.run.id
                projection = await reading(service, heard.run, request, "native")
                if projection.folds:
                    await fold(service, heard.run, projection, heard.events[0].seq - 1)
            frames = _placed(projection, heard, pace)
            if frames:
                yield frames


def _placed(projection: Projection, heard: Heard, pace: Pace) -> list[Frame]:
    """Return frames whose ids are places in the conversation."""
    events = heard.events
    if pace.catches_up(len(events)) and projection.merges:
        events = merged(events)
    frames: list[Frame] = []
    for event in events:
        place = str(heard.before + event.seq)
        said = told(projection, [event], None)
        frames += [Frame(frame.data, frame.event, place if frame.id else "") for frame in said]
    return frames
