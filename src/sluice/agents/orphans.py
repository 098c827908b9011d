"""The runs that a dead worker left: ended as failed, `server_restart`, or, if their agent is durable, run again. Never
in silence."""

import msgspec

from sluice.agents.agent import Agent
from sluice.agents.endings import Ending, ending_in
from sluice.agents.history import first_said
from sluice.agents.household import THREAD, Household
from sluice.errors import NotFound
from sluice.runs.events import TERMINAL, Event, InterruptRequested
from sluice.runs.messages import lasting
from sluice.runs.records import LIVE, Run, RunError

ERROR = RunError(code="server_restart", message="the server was restarted", retryable=True, status=503)


class Orphans:
    """Looks for them and takes care of each once, among all workers."""

    def __init__(self, house: Household) -> None:
        self._house = house

    async def look(self) -> None:
        """Take care of every run whose worker's lease has run out."""
        house = self._house
        for run in await house.store.live_runs():
            if run.id in house.running or not await house.hold(run.id):
                continue
            fresh = await house.store.get_run(run.id)  # it may have ended between the list and the lease
            agent = self._agent(run)
            if fresh is not None and fresh.status in LIVE:
                events, size = await house.events_of(run.id)
                ended = bool(events) and isinstance(events[-1], TERMINAL)
                if agent is not None and agent.durable and not ended:
                    house.begin(agent, fresh, (events, size))
                    continue
                await self._bury(fresh, events, size)
            await house.store.release(f"run:{run.id}", house.worker)

    def _agent(self, run: Run) -> Agent | None:
        try:
            return self._house.catalogue.get(f"{run.agent}::{run.version}")
        except NotFound:
            return None

    async def _bury(self, run: Run, events: list[Event], size: int) -> None:
        """Write what a dead worker could not write: the end, or, if the log has one, the record of it."""
        house, store = self._house, self._house.store
        writer = house.pen(run, (events, size))
        if not writer.begun:
            writer.start(run)
        writer.close_all(ERROR.message)
        await store.flush()
        ended = writer.ended
        ending = ending_in(events[-1]) if events and isinstance(events[-1], TERMINAL) else Ending(error=ERROR)
        if ending.status in ("error", "timeout"):
            writer.folded.interrupted()
        output, now = writer.folded.messages(), house.now()
        if run.stored:
            own = first_said(output, await house.said(run))
            await store.add_messages(run.owner, run.thread_id, (*lasting((*run.input, *run.brought)), *own))
            thread = await store.get_thread(run.owner, run.thread_id)
            if thread is not None:
                kept = msgspec.structs.replace(thread, status=THREAD.get(ending.status, "error"), updated=now)
                await store.put_thread(kept)
        asked = [event for event in events if isinstance(event, InterruptRequested)]
        buried = msgspec.structs.replace(
            run,
            status=ending.status,
            error=ending.error,
            interrupts=tuple(asked) if ending.status == "interrupted" else (),
            output=output,
            finished=now,
            last_seq=writer.log.last + (not ended),
        )
        await store.put_run(buried)  # before the end, as always: who hears that finds this
        writer.fail(ERROR.code, ERROR.message, retryable=ERROR.retryable, status=ERROR.status)
        await store.flush()
        house.run_ended(buried)
