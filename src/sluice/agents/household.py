"""What a run needs of its service: its thread and turn, what its handler sees, and the keeping of what it leaves."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from sluice.agents.agent import Agent
from sluice.agents.buttons import ButtonDesk
from sluice.agents.catalogue import Catalogue
from sluice.agents.checkpoints import Checkpoints, difference
from sluice.agents.context import Context
from sluice.agents.endings import Ending, ending_of
from sluice.agents.guarded_models import GuardedModels
from sluice.agents.history import first_said
from sluice.agents.interrupts import Interrupts, begin
from sluice.agents.items import ItemStore
from sluice.agents.live import LiveLog
from sluice.agents.llm import Llm
from sluice.agents.ports import Clock, Later, Models, Now, RunTraces, Store
from sluice.agents.running import LEASE_MS, Running
from sluice.agents.trail import on, trail
from sluice.agents.turns import Turns
from sluice.agents.writer import Writer
from sluice.errors import StoreFailed
from sluice.runs.events import Codec, Event, StatePatch, StateSnapshot
from sluice.runs.messages import Message, lasting
from sluice.runs.records import LIVE, Checkpoint, Run, Thread, ThreadStatus

PAGE = 1000
"""Events that are read at once."""
THREAD: dict[str, ThreadStatus] = {"success": "idle", "cancelled": "idle", "interrupted": "interrupted"}


class Household:
    """The keeper of one worker's runs. Implements `running.Home`."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store,
        models: Models,
        *,
        worker: str,
        clock: Clock,
        now: Now,
        later: Later,
        fault: Callable[[BaseException], None],
        traces: RunTraces | None = None,
    ) -> None:
        """`traces` None = nobody traces runs."""
        self.catalogue, self.store, self.worker = catalogue, store, worker
        self.clock, self.now, self.fault = clock, now, fault
        self._traces = traces
        self.running: dict[str, Running] = {}
        self.run_ended: Callable[[Run], None] = lambda run: None
        """Told the record of each run that has ended here; set by whoever counts."""
        self._models, self._later = GuardedModels(models), later
        self._turns = Turns(store, worker, now)
        self._turned: set[str] = set()
        self._stubborn: set[asyncio.Task[None]] = set()
        self._buttons = ButtonDesk(store, now, catalogue)

    def begin(self, agent: Agent, run: Run, past: tuple[list[Event], int] = ([], 0)) -> Running:
        """Have a run live. `past`: the events that its log has already, and their bytes."""
        interval_s = agent.min_interval_ms / 1000
        writer = self.pen(run, past, bounds=agent.bounds, interval_s=interval_s, later=self._later)
        with on(trail() if self._traces is None else self._traces.began(run, trail())):
            running = self.running[run.id] = Running(agent, run, writer, self)
        return running

    def pen(self, run: Run, past: tuple[list[Event], int] = ([], 0), **options: Any) -> Writer:
        """Return what writes a run's log, behind what that has already; `options` are the writer's."""
        log = LiveLog(run.id, self.store)
        log.take_up(*past)
        writer = Writer(run, log, clock=self.clock, now=self.now, **options)
        writer.catch_up(past[0])
        return writer

    async def hold(self, run_id: str) -> bool:
        """Take or renew the lease of a run; False if another worker has it."""
        now = self.now()
        return await self.store.acquire(f"run:{run_id}", self.worker, now, now + LEASE_MS)

    async def keep_leases(self) -> None:
        """Say that this worker lives."""
        await self._turns.renew()
        for running in list(self.running.values()):
            if not running.log.ended and not await self.owns(running, renew=True):
                running.disown()

    async def owns(self, running: Running, *, renew: bool = False) -> bool:
        """Return whether a run is this worker's still. One that stood still for longer than its lease may be taken for
        dead, and then another has written the end."""
        now = self.now()
        if now < running.lease_until and not renew:
            return True
        if not await self.hold(running.run.id):
            return False
        if now >= running.lease_until:  # whoever had it meanwhile may have let it go again
            fresh = await self.store.get_run(running.run.id)
            if fresh is not None and (fresh.status not in LIVE or fresh.worker != self.worker):
                return False
        running.lease_until = now + LEASE_MS
        return True

    def lost(self, run_id: str) -> None:
        """End a run whose events the store cannot keep: told by the store."""
        running = self.running.get(run_id)
        if running is not None:
            running.stop(ending_of(StoreFailed("the store of runs could not keep up")))

    async def events_of(self, run_id: str) -> tuple[list[Event], int]:
        """Return the whole log of a run that nobody writes, and how many bytes it has."""
        events: list[Event] = []
        size = 0
        while batch := await self.store.read(run_id, events[-1].seq if events else 0, PAGE):
            events += [Codec.decode(data) for data in batch]
            size += sum(map(len, batch))
        return events, size

    # -- running.Home -------------------------------------------------------------------------------------------------

    async def prepare(self, running: Running) -> Context:
        run, agent, store = running.run, running.agent, self.store
        history: list[Message] = []
        said = await self.said(run)
        thread = Thread(id=run.thread_id, owner=run.owner, created=run.created, updated=run.created, agent=run.agent)
        begun: Checkpoint | None = None
        if run.stored:
            await self._turns.take(run.owner, run.thread_id)
            self._turned.add(run.id)
            known = await store.get_thread(run.owner, run.thread_id)
            thread = msgspec.structs.replace(known or thread, status="busy", agent=run.agent, updated=self.now())
            await store.put_thread(thread)
            history = await self._history(run)
            begun = await store.get_checkpoint(run.owner, run.thread_id, checkpoint_id=run.checkpoint_id)
        run = running.run = msgspec.structs.replace(run, status="running", started=self.now(), worker=self.worker)
        await store.put_run(run)
        goes_on = running.writer.begun
        if goes_on:
            running.writer.close_open("server_restart")
        else:
            running.writer.start(run)
        left = begun if begun is not None and begun.run_id in (run.resumes or run.id, run.id) else None
        checkpoints = Checkpoints(store, run, self.now, begun, left)
        if checkpoints.state and not goes_on:
            running.writer.put(StateSnapshot, state=checkpoints.state)
        begin(run, running.writer, again=goes_on)
        return Context(
            agent,
            run,
            thread,
            tuple(history),
            said=said,
            writer=running.writer,
            llm=Llm(self._models, agent, run, running.writer),
            store=ItemStore(store, run.owner, self.now),
            checkpoints=checkpoints,
            interrupts=Interrupts(run, running.writer),
            buttons=self._buttons,
            settings=agent.settings_of(run.settings),
            clock=self.clock,
            now=self.now,
            room=running.room,
        )

    async def said(self, run: Run) -> tuple[Message, ...]:
        """Return what the runs that this one resumes have said, oldest first."""
        chain: list[Run] = []
        before = run.resumes
        while before and (earlier := await self.store.get_run(before)) is not None:
            chain.append(earlier)
            before = earlier.resumes
        return tuple(message for earlier in reversed(chain) for message in earlier.output)

    async def _history(self, run: Run) -> list[Message]:
        """Return what was said before this run, and put what it was asked behind it. A run that resumes sees what the
        first of its chain saw."""
        place = (run.owner, run.thread_id)
        if run.replace_history:
            await self.store.replace_messages(*place, lasting(run.input))
            return []
        own = {message.id for message in (*run.input, *run.brought)}
        before = run.resumes
        while before and (earlier := await self.store.get_run(before)) is not None:
            own |= {message.id for message in (*earlier.input, *earlier.brought, *earlier.output)}
            before = earlier.resumes
        history = [message for message in await self.store.list_messages(*place) if message.id not in own]
        await self.store.add_messages(*place, lasting((*run.input, *run.brought)))
        return history

    async def state(self, running: Running, context: Context, ending: Ending) -> None:
        if ending.outcome == "interrupt" and ending.error is None:
            return  # the handler runs again, and changes it again
        if context.checkpoints.changed(context.state):
            patch = difference(context.checkpoints.state, context.state)
            await context.checkpoints.save(context.state)
            running.writer.put(StatePatch, patch=patch)

    async def keep(self, running: Running, ending: Ending) -> None:
        try:
            await self._keep(running, ending)
        except Exception as error:  # the end is said in any case; that nothing was kept is in the log
            self.fault(error)
        self.run_ended(running.run)

    async def _keep(self, running: Running, ending: Ending) -> None:
        run, writer, status = running.run, running.writer, ending.status
        if status in ("error", "timeout"):
            writer.folded.interrupted()
        output = writer.folded.messages()
        running.run = msgspec.structs.replace(
            run,
            status=status,
            output=output,
            error=ending.error,
            usage=writer.usage,
            stats=writer.stats(),
            interrupts=tuple(writer.asked) if status == "interrupted" else (),
            finished=self.now(),
            last_seq=running.log.last + 1,
        )
        if run.stored:
            before = running.context.said if running.context is not None else ()
            await self.store.add_messages(run.owner, run.thread_id, first_said(output, before))
            thread = await self.store.get_thread(run.owner, run.thread_id)
            if thread is not None:
                kept = msgspec.structs.replace(thread, status=THREAD.get(status, "error"), updated=self.now())
                await self.store.put_thread(kept)
        await self.store.flush()  # who finds a run ended finds its log whole, all but the end
        await self.store.put_run(running.run)

    async def left(self, running: Running) -> None:
        run = running.run
        try:
            await self.store.flush()
            await self.store.release(f"run:{run.id}", self.worker)
            if run.id in self._turned:
                self._turned.discard(run.id)
                await self._turns.give(run.owner, run.thread_id)
        except Exception as error:
            self.fault(error)
        finally:
            self.running.pop(run.id, None)
            if self._traces is not None:
                self._traces.left(run)
            if running.handler is not None and not running.handler.done():
                self._stubborn.add(running.handler)
                running.handler.add_done_callback(self._gave_in)

    def _gave_in(self, handler: "asyncio.Task[None]") -> None:
        self._stubborn.discard(handler)
        if not handler.cancelled():
            handler.exception()  # looked at: its run has ended long ago

    async def let_go(self, timeout_s: float) -> None:
        """Wait for handlers that do not let themselves be cancelled; say which of them never gave in."""
        if self._stubborn:
            await asyncio.wait(self._stubborn, timeout=timeout_s)
        for handler in self._stubborn:
            self.fault(RuntimeError(f"the {handler.get_name()} swallows its cancellation and is still there"))
