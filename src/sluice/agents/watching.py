"""Reading a run by cursor: one that lives here, one that lives elsewhere, one that is over.

A cursor that the log does not reach, or events that are not kept any more, are no silence: the reader is told of the
gap (a `data` event named `resume_gap`, numbered 0) and gets the run from its beginning, as far as it is known.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing

import msgspec

from sluice.agents.household import Household
from sluice.agents.merging import merged
from sluice.agents.running import Running
from sluice.runs.events import TERMINAL, Codec, Data, Event
from sluice.runs.records import LIVE, Run
from sluice.runs.retold import retold

BATCH = 256
"""Events that a viewer takes from the log at once."""
MOST = 1 << 53
"""Nobody counts further: a cursor beyond it is as good as this, and databases have a place for it."""
LOOK_S = 0.5
"""How often a viewer of another worker's run looks whether that worker still lives."""

Batches = AsyncGenerator[list[Event], None]


async def watch(house: Household, run: Run, after: int, *, merge: bool, beat_s: float) -> Batches:
    """See `Service.watch`."""
    after = min(after, MOST)
    while True:
        running = house.running.get(run.id)
        source = _live(running, after, beat_s) if running is not None else _stored(house, run, after, beat_s)
        async with aclosing(source) as batches:
            async for events in batches:
                yield merged(events) if merge and len(events) > 1 else events
                if events:
                    after = events[-1].seq
                    if isinstance(events[-1], TERMINAL):
                        return
        if running is not None and running.disowned:
            await asyncio.shield(running.over)
            yield [_gap(run, after, 0)]  # what was said here behind the other's back does not hold
            after = 0
        elif running is not None or run.id not in house.running:  # it was left to another, or there is nothing more
            return


async def past(house: Household, run: Run, after: int, limit: int) -> list[Event]:
    """Return up to `limit` events beyond `after` that are there now, and no more than BATCH."""
    after, limit = min(after, MOST), min(limit, BATCH)
    running = house.running.get(run.id)
    if running is not None:
        return await running.log.read(after, limit)
    return [Codec.decode(data) for data in await house.store.read(run.id, after, limit)]


async def _live(running: Running, after: int, beat_s: float) -> Batches:
    if after > running.log.last:
        yield [_gap(running.run, after, running.log.last)]
        after = 0
    log = running.log
    with running.audience.viewer(after) as has_read, closing(log.ear(beat_s)) as ear:
        while True:
            events = await log.read(after, BATCH)
            if events:
                after = events[-1].seq
                yield events
                has_read(after)
                if isinstance(events[-1], TERMINAL):
                    return
            elif log.ended:
                return
            elif not await ear.grown(after):
                yield []


async def _stored(house: Household, run: Run, after: int, beat_s: float) -> Batches:
    heard = house.clock()
    while True:
        events = await past(house, run, after, BATCH)
        if events:
            after = events[-1].seq
            yield events
            heard = house.clock()
            if isinstance(events[-1], TERMINAL):
                return
            continue
        record = await house.store.get_run(run.id)
        if record is None or (record.status in LIVE and run.id in house.running):
            return
        if record.status in LIVE:
            if record.on_disconnect == "cancel":
                await house.store.tell("viewer", run.id.encode())
            await house.store.grown(run.id, after, LOOK_S)
            if house.clock() - heard >= beat_s:
                heard = house.clock()
                yield []
        elif not await past(house, run, after, 1):
            for batch in await _missing(house, record, after):
                yield batch
            return


async def _missing(house: Household, run: Run, after: int) -> list[list[Event]]:
    """Return what a reader gets of a run that is over whose log has nothing beyond its cursor."""
    if after == run.last_seq:
        return []
    if after == run.last_seq - 1:
        if await house.store.grown(run.id, after, LOOK_S):
            return [await past(house, run, after, BATCH)]
        # Its worker died between keeping the record and writing the end.
        return [[msgspec.structs.replace(retold(run)[-1], seq=run.last_seq)]]
    gap = [_gap(run, after, run.last_seq)]
    if after < run.last_seq or not await past(house, run, 0, 1):
        return [gap, retold(run)]
    kept: list[Event] = []
    while events := await past(house, run, kept[-1].seq if kept else 0, BATCH):
        kept += events
    return [gap, kept]


def _gap(run: Run, after: int, last: int) -> Event:
    """Return what a reader is told whose cursor the log does not reach, before it gets everything."""
    value = {"after": after, "last": last}
    return Data(
        seq=0, run_id=run.id, thread_id=run.thread_id, ts=run.created, name="resume_gap", value=value, transient=True
    )
