"""A whole conversation, followed: the runs of a thread in their order, those to come too."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from sluice.agents.service import Service
from sluice.agents.watching import LOOK_S
from sluice.runs.events import TERMINAL, Event
from sluice.runs.records import LIVE, Run

PAGE = 100
"""Runs that are listed at once."""


class Heard(msgspec.Struct, frozen=True, gc=False):
    """Events of one run of a conversation."""

    run: Run | None
    """None = nothing has happened for a while."""
    before: int = 0
    """How many events the conversation had before this run: with an event's own number the event's place in it."""
    events: list[Event] = []


async def follow(
    service: Service, owner: str, thread_id: str, after: int, *, beat_s: float
) -> AsyncGenerator[Heard, None]:
    """Give the events of all runs of a thread, from behind place `after` on. Runs whose events are not kept any more
    are passed over: `Service.messages` has what was said. Ends only when the server shuts down."""
    before = 0
    known: set[str] = set()
    with service.arrivals.followed(owner, thread_id) as news:
        while not service.draining:
            news.clear()
            new = [run for run in await _runs(service, owner, thread_id) if run.id not in known]
            for run in new:
                known.add(run.id)
                last = run.last_seq
                async with aclosing(_hear(service, run, max(0, after - before), beat_s=beat_s)) as batches:
                    async for events in batches:
                        last = events[-1].seq if events else last
                        yield Heard(run, before, events) if events else Heard(None)
                before += last
            if new or await _more(service, owner, thread_id, known, news, beat_s):
                continue
            yield Heard(None)


async def _hear(service: Service, run: Run, skip: int, *, beat_s: float) -> AsyncGenerator[list[Event], None]:
    """Give the events of one run from behind `skip` on, if there are any."""
    if run.status not in LIVE and (skip >= run.last_seq or not await service.past(run, skip, 1)):
        return
    async with aclosing(service.watch(run, skip, beat_s=beat_s)) as batches:
        async for events in batches:
            yield events
            if events and isinstance(events[-1], TERMINAL):
                return


async def _runs(service: Service, owner: str, thread_id: str) -> list[Run]:
    """Return the runs of a thread in their order."""
    found: list[Run] = []
    while page := await service.store.list_runs(owner, thread_id, limit=PAGE, offset=len(found)):
        found += page
        if len(page) < PAGE:
            break
    return found[::-1]


async def _more(
    service: Service, owner: str, thread_id: str, known: set[str], news: asyncio.Event, within_s: float
) -> bool:
    """Wait until the thread has a run that is not known, at most so long; return whether it has. Those of this process
    are told of at once, for those of others the store is asked now and then."""
    due = service.clock() + within_s
    while service.clock() < due and not service.draining:
        newest = await service.store.list_runs(owner, thread_id, limit=1)
        if newest and newest[0].id not in known:
            return True
        try:
            async with asyncio.timeout(LOOK_S):
                await news.wait()
        except TimeoutError:
            continue
        return True
    return False
