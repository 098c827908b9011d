"""The runs that a dead worker left: ended as failed, `server_restart`, or, if their agent is durable, run again. Never
in silence."""

import msgspec

from sluice.agents.agent import Agent
from sluice.agents.household import Household
from sluice.errors import NotFound
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
            if fresh is not None and fresh.status in LIVE and agent is not None and agent.durable:
                house.begin(agent, fresh, await house.events_of(run.id))
                continue
            if fresh is not None and fresh.status in LIVE:
                await self._bury(fresh)
            await house.store.release(f"run:{run.id}", house.worker)

    def _agent(self, run: Run) -> Agent | None:
        try:
            return self._house.catalogue.get(f"{run.agent}::{run.version}")
        except NotFound:
            return None

    async def _bury(self, run: Run) -> None:
        """Write the end that a dead worker could not write."""
        house, store = self._house, self._house.store
        writer = house.pen(run, await house.events_of(run.id))
        if not writer.begun:
            writer.start(run)
        writer.fail(ERROR.code, ERROR.message, retryable=ERROR.retryable, status=ERROR.status)
        await store.flush()
        writer.folded.interrupted()
        output, now = writer.folded.messages(), house.now()
        if run.stored:
            await store.add_messages(run.owner, run.thread_id, (*lasting(run.input), *output))
            thread = await store.get_thread(run.owner, run.thread_id)
            if thread is not None:
                await store.put_thread(msgspec.structs.replace(thread, status="error", updated=now))
        buried = msgspec.structs.replace(
            run, status="error", error=ERROR, output=output, finished=now, last_seq=writer.log.last
        )
        await store.put_run(buried)
        house.run_ended(buried)
