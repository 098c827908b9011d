"""The agents of this process, and all that protocols do with them: start, watch, wait, stop, resume.

Watching is not running: `start` makes a run that lives by itself, `watch` reads its log from any place, as often and by
as many as want to. Every protocol is a reader of its own bodies and a projection of the same log.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

import msgspec

from sluice.agents import watching
from sluice.agents.agent import call
from sluice.agents.arrivals import Arrivals
from sluice.agents.asked import Answer, Asked
from sluice.agents.beginnings import draft, forget, interrupted_run, make_way, resuming, thread_for
from sluice.agents.catalogue import Catalogue
from sluice.agents.household import Household
from sluice.agents.ids import uuid7
from sluice.agents.orphans import Orphans
from sluice.agents.ports import Clock, Models, Now, RunTraces, Store
from sluice.agents.pressing import PressDesk
from sluice.agents.running import LEASE_MS, Running
from sluice.agents.sweeping import Sweeper
from sluice.errors import Conflict, NotFound, Overloaded, Unavailable
from sluice.runs.events import Event
from sluice.runs.messages import Message
from sluice.runs.records import LIVE, Run, Thread

KEEP_S = 5.0
"""How often leases are renewed and the runs of dead workers looked for."""
LET_GO_S = 1.0
"""How long a stopped server waits for handlers that do not let themselves be cancelled."""


class Service:
    """One per process. `worker` names it among others; `clock` is monotonic, `now` milliseconds since 1970."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store,
        models: Models,
        *,
        clock: Clock,
        now: Now,
        fault: Callable[[BaseException], None],
        worker: str = "",
        traces: RunTraces | None = None,
    ) -> None:
        self.catalogue, self.store = catalogue, store
        self.clock, self.now = clock, now
        self.worker = worker or uuid7()
        self.arrivals = Arrivals()
        self.house = Household(
            catalogue, store, models, worker=self.worker, clock=clock, now=now, later=_later, fault=fault, traces=traces
        )
        self.running = self.house.running
        self.callbacks = PressDesk(store, catalogue, clock=clock, now=now, fault=fault)
        self._orphans = Orphans(self.house)
        self._sweeper = Sweeper(store, clock, now)
        self.draining = False
        """Whether it takes no more work."""
        self._keeper: asyncio.Task[None] | None = None

    @property
    def run_ended(self) -> Callable[[Run], None]:
        """Told the record of each run that has ended here; set by whoever counts."""
        return self.house.run_ended

    @run_ended.setter
    def run_ended(self, told: Callable[[Run], None]) -> None:
        self.house.run_ended = told

    # -- the process --------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the store, take care of what a dead worker left, run the agents' hooks, and take work.

        Raises:
            ConfigError: the store cannot be used.
        """
        self.store.committed, self.store.lost = self._committed, self.house.lost
        self.store.hear(self._heard)
        await self.store.open()
        await call(hook for agent in self.catalogue for hook in agent.started)
        await self._orphans.look()
        self._keeper = asyncio.create_task(self._keep(), name="keeper of runs")

    async def close(self, timeout_s: float = 10.0) -> None:
        """Take no more work, let runs end for so long, end the rest as cancelled by the shutdown, and close. Runs of
        durable agents are left to the next worker at once."""
        self.draining = True
        for running in self.running.values():
            if running.agent.durable and running.run.stored:
                running.hand_over()
        await _over(self.running.values(), timeout_s)
        for running in self.running.values():
            running.cancel("the server is shutting down")
        await _over(self.running.values(), None)
        await self.house.let_go(LET_GO_S)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        await call(hook for agent in self.catalogue for hook in agent.stopped)
        await self.store.close()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_S)
            try:
                await self.house.keep_leases()
                await self._orphans.look()
                await self._sweeper.look()
            except Exception as error:  # a store that is away comes back: the next turn looks again
                self.house.fault(error)

    def _committed(self, run_id: str, seq: int) -> None:
        running = self.running.get(run_id)
        if running is not None:
            running.log.committed(seq)

    def _heard(self, topic: str, message: bytes) -> None:
        run_id, _, reason = message.decode().partition(" ")
        running = self.running.get(run_id)
        if running is not None and topic == "cancel":
            running.cancel(reason)
        elif running is not None and topic == "viewer":
            running.audience.look()

    # -- beginning ----------------------------------------------------------------------------------------------------

    async def start(self, asked: Asked) -> Run:
        """Begin a run, or find the one that this request has begun already. It lives without its viewers. With
        `answers` it goes on with the thread's interrupted run.

        Raises:
            NotFound: no such agent, or no such thread and none is to be made.
            BadRequest: the settings are not the agent's, or an answer is to no open question.
            Conflict: the request id came with another body; the thread is busy and the request will not wait; or no
                question is open.
            Overloaded: the agent has as many runs as it may.
            Unavailable: the server is shutting down.
        """
        if self.draining:
            raise Unavailable("the server is shutting down")
        if asked.request_id:
            name = "" if asked.answers and not asked.agent else self.catalogue.get(asked.agent).name
            known = await self.store.find_run(asked.owner, asked.request_id)
            if known is not None:
                return _same(known, asked, name)
        before = await interrupted_run(self.house, asked) if asked.answers else None
        agent = self.catalogue.get(asked.agent or (f"{before.agent}::{before.version}" if before else ""))
        agent.settings_of(asked.settings)
        if sum(running.agent is agent for running in self.running.values()) >= agent.max_concurrent:
            raise Overloaded(f"agent {agent.name!r} has as many runs as it may")
        run = draft(self.house, asked, agent, await thread_for(self.house, asked, agent))
        if before is not None:
            run = resuming(run, asked, before, self.now())
            if not await self.store.acquire(f"answer:{before.id}", run.id, self.now(), self.now() + LEASE_MS):
                raise Conflict("the question was answered just now")
            await self.store.put_run(msgspec.structs.replace(before, interrupts=()))
        await self.house.hold(run.id)
        kept = await self.store.create_run(run)
        if kept.id != run.id:
            return _same(kept, asked, kept.agent)
        await self._make_way(run)
        self.house.begin(agent, run)
        self.arrivals.began(run.owner, run.thread_id)
        return run

    async def _make_way(self, run: Run) -> None:
        try:
            older = await make_way(self.house, run)
        except Conflict:
            await self.store.delete_run(run.id)
            await self.store.release(f"run:{run.id}", self.worker)
            raise
        for other in older:
            await self.cancel(other.owner, other.id, run.multitask)
        for other in older if run.multitask == "rollback" else ():
            await forget(self.house, await self.wait(other))

    async def resume(self, owner: str, run_id: str, answers: Mapping[str, Answer], **asked: Any) -> Run:
        """Go on with an interrupted run and return the run that does. `asked`: further fields of `Asked`.

        Raises:
            NotFound: there is none, or it belongs to another.
            BadRequest, Conflict, Overloaded, Unavailable: as `start`.
        """
        run = await self.run(owner, run_id)
        thread_id = run.thread_id if run.stored else ""
        request = Asked(owner=owner, thread_id=thread_id, answers=dict(answers), resumes=run_id, **asked)
        return await self.start(request)

    # -- watching -----------------------------------------------------------------------------------------------------

    def watch(
        self, run: Run, after: int = 0, *, merge: bool = False, beat_s: float = 15.0
    ) -> AsyncGenerator[list[Event], None]:
        """Give the events beyond `after`, what is there at once and then what comes, until the terminal one. A reader
        that falls behind gets more at a time; with `merge` adjacent deltas of one block as one. An empty list says
        that nothing has happened for `beat_s` seconds. A cursor that the log does not reach: see `watching`.

        Close the iterator to stop watching.
        """
        return watching.watch(self.house, run, after, merge=merge, beat_s=beat_s)

    async def past(self, run: Run, after: int, limit: int) -> list[Event]:
        """Return up to `limit` events beyond `after` that are there now."""
        return await watching.past(self.house, run, after, limit)

    async def wait(self, run: Run) -> Run:
        """Return the record of a run that has ended."""
        async with aclosing(self.watch(run)) as batches:
            async for _ in batches:
                pass
        return await self.run(run.owner, run.id)

    # -- finding and stopping -----------------------------------------------------------------------------------------

    async def run(self, owner: str, run_id: str) -> Run:
        """Return the record of a run.

        Raises:
            NotFound: there is none, or it belongs to another.
        """
        run = await self.store.get_run(run_id)
        if run is None or run.owner != owner:
            raise NotFound(f"there is no run {run_id!r}")
        return run

    async def thread(self, owner: str, thread_id: str) -> Thread:
        """Return a thread.

        Raises:
            NotFound: there is none, or it belongs to another.
        """
        thread = await self.store.get_thread(owner, thread_id)
        if thread is None:
            raise NotFound(f"there is no thread {thread_id!r}")
        return thread

    async def messages(self, owner: str, thread_id: str) -> list[Message]:
        """Return what was said in a thread.

        Raises:
            NotFound: there is no such thread.
        """
        await self.thread(owner, thread_id)
        return await self.store.list_messages(owner, thread_id)

    async def cancel(self, owner: str, run_id: str, reason: str = "cancelled") -> Run:
        """Have a run stopped, on whichever worker it lives. One that has ended is left as it is.

        Raises:
            NotFound: there is none, or it belongs to another.
        """
        run = await self.run(owner, run_id)
        running = self.running.get(run_id)
        if running is not None:
            running.cancel(reason)
        elif run.status in LIVE:
            await self.store.tell("cancel", f"{run_id} {reason}".encode())
        return run


def _later(delay_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(delay_s, call)


async def _over(running: Iterable[Running], timeout_s: float | None) -> None:
    waiting = {one.over for one in running}
    if waiting:
        await asyncio.wait(waiting, timeout=timeout_s)


def _same(known: Run, asked: Asked, agent: str) -> Run:
    """
    Raises:
        Conflict: the request id is that of another request.
    """
    if known.digest != asked.digest:
        raise Conflict(f"request {asked.request_id!r} came with another body before")
    if agent not in ("", known.agent):
        raise Conflict(f"request {asked.request_id!r} was one of agent {known.agent!r} before")
    return known
