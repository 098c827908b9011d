"""The agents of this process, and all that protocols do with them: start, watch, wait, stop, resume.

Watching is not running: `start` makes a run that lives by itself, `watch` reads its log from any place, as often and by
as many as want to. Every protocol is a reader of its own bodies and a projection of the same log.
"""

import asyncio
from collections.abc import AsyncIterator, Callable


from sluice.agents.asked import Asked
from sluice.agents.catalogue import Catalogue
from sluice.agents.household import Household
from sluice.agents.ids import name, uuid7
from sluice.agents.live import LiveLog
from sluice.agents.merging import merged
from sluice.agents.ports import Clock, Models, Now, Store
from sluice.agents.running import Running
from sluice.agents.writer import Writer
from sluice.errors import Conflict, NotFound, Overloaded, Unavailable
from sluice.runs.events import TERMINAL, Codec, Event
from sluice.runs.messages import Message
from sluice.runs.records import LIVE, Run, Thread

BATCH = 256
"""Events that a viewer takes from the log at once."""
LOOK_S = 0.5
"""How often a viewer of another worker's run looks whether that worker still lives."""
KEEP_S = 5.0
"""How often leases are renewed and the runs of dead workers looked for."""


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
    ) -> None:
        self.catalogue, self.store = catalogue, store
        self.clock, self.now = clock, now
        self.running: dict[str, Running] = {}
        self.worker = worker or uuid7()
        self.house = Household(self, models, fault)
        self._draining = False
        self._keeper: asyncio.Task[None] | None = None

    # -- the process --------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the store, end what a dead worker left, run the agents' hooks, and take work.

        Raises:
            ConfigError: the store cannot be used.
        """
        self.store.committed = self._committed
        self.store.hear(self._heard)
        await self.store.open()
        await self.house.open()
        self._keeper = asyncio.create_task(self._keep(), name="keeper of runs")

    async def close(self, timeout_s: float = 10.0) -> None:
        """Take no more work, let runs end for so long, end the rest as cancelled by the shutdown, and close."""
        self._draining = True
        if self.running:
            await asyncio.wait({running.over for running in self.running.values()}, timeout=timeout_s)
        left = list(self.running.values())
        for running in left:
            running.cancel("the server is shutting down")
        if left:
            await asyncio.wait({running.over for running in left})
        if self._keeper is not None:
            self._keeper.cancel()
        await self.house.close()
        await self.store.close()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_S)
            try:
                await self.house.keep_leases()
            except Exception as error:  # a store that is away comes back: the next turn looks again
                self.house.fault(error)

    def _committed(self, run_id: str, seq: int) -> None:
        running = self.running.get(run_id)
        if running is not None:
            running.log.committed(seq)

    def _heard(self, topic: str, message: bytes) -> None:
        if topic == "cancel":
            run_id, _, reason = message.decode().partition(" ")
            running = self.running.get(run_id)
            if running is not None:
                running.cancel(reason)

    # -- beginning ----------------------------------------------------------------------------------------------------

    async def start(self, asked: Asked) -> Run:
        """Begin a run, or find the one that this request has begun already. It lives without its viewers.

        Raises:
            NotFound: no such agent, or no such thread and none is to be made.
            Conflict: the request id came with another body, or the thread is busy and the request will not wait.
            Overloaded: the agent has as many runs as it may.
            Unavailable: the server is shutting down.
        """
        if self._draining:
            raise Unavailable("the server is shutting down")
        agent = self.catalogue.get(asked.agent)
        if asked.request_id:
            known = await self.store.find_run(asked.owner, asked.request_id, agent.name)
            if known is not None:
                return _same(known, asked)
        if sum(running.agent is agent for running in self.running.values()) >= agent.max_concurrent:
            raise Overloaded(f"agent {agent.name!r} has as many runs as it may")
        thread = await self.house.thread_for(asked, agent)
        draft = await self.house.draft(asked, agent, thread)
        run = await self.store.create_run(draft)
        if run.id != draft.id:
            return _same(run, asked)
        log = LiveLog(run.id, self.store)
        writer = Writer(run, log, clock=self.clock, now=self.now, name=name)
        running = Running(agent, run, log, writer, self.house)
        self.running[run.id] = running
        running.unwatched()
        return run

    # -- watching -----------------------------------------------------------------------------------------------------

    async def watch(
        self, run: Run, after: int = 0, *, merge: bool = False, beat_s: float = 15.0
    ) -> AsyncIterator[list[Event]]:
        """Give the events beyond `after`, what is there at once and then what comes, until the terminal one. A reader
        that falls behind gets more at a time; with `merge` adjacent deltas of one block as one. An empty list says
        that nothing has happened for `beat_s` seconds.

        Close the iterator to stop watching.
        """
        running = self.running.get(run.id)
        source = self._live(running, after, beat_s) if running is not None else self._stored(run, after, beat_s)
        async for events in source:
            yield merged(events) if merge and len(events) > 1 else events

    async def past(self, run: Run, after: int, limit: int) -> list[Event]:
        """Return up to `limit` events beyond `after` that are there now."""
        running = self.running.get(run.id)
        if running is not None:
            return await running.log.read(after, limit)
        return [Codec.decode(data) for data in await self.store.read(run.id, after, limit)]

    async def _live(self, running: Running, after: int, beat_s: float) -> AsyncIterator[list[Event]]:
        with running.viewer(after) as has_read:
            while True:
                events = await running.log.read(after, BATCH)
                if events:
                    after = events[-1].seq
                    yield events
                    has_read(after)
                    if isinstance(events[-1], TERMINAL):
                        return
                elif running.log.ended:
                    return
                else:
                    await running.log.grown(after, beat_s)
                    if running.log.last == after and not running.log.ended:
                        yield []

    async def _stored(self, run: Run, after: int, beat_s: float) -> AsyncIterator[list[Event]]:
        heard = self.clock()
        while True:
            events = await self.past(run, after, BATCH)
            if events:
                after = events[-1].seq
                yield events
                heard = self.clock()
                if isinstance(events[-1], TERMINAL):
                    return
            elif await self._is_over(run.id):
                for event in await self.house.missing_end(run.id, after):
                    yield [event]
                return
            else:
                await self.store.grown(run.id, after, LOOK_S)
                if self.clock() - heard >= beat_s:
                    heard = self.clock()
                    yield []

    async def _is_over(self, run_id: str) -> bool:
        run = await self.store.get_run(run_id)
        if run is None or run.status in LIVE:
            return run is None
        return not await self.store.read(run_id, run.last_seq - 1, 1) or run.last_seq == 0

    async def wait(self, run: Run) -> Run:
        """Return the record of a run that has ended."""
        async for _ in self.watch(run, max(0, run.last_seq - 1)):
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


def _same(known: Run, asked: Asked) -> Run:
    """
    Raises:
        Conflict: the request id is that of another request.
    """
    if known.digest != asked.digest:
        raise Conflict(f"request {asked.request_id!r} came with another body before")
    return known


