"""What a run needs of its service: its thread and turn, what its handler sees, and the keeping of what it leaves."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from sluice.agents.agent import Agent
from sluice.agents.asked import Asked
from sluice.agents.buttons import ButtonDesk
from sluice.agents.context import Context
from sluice.agents.ids import name, uuid7
from sluice.agents.items import ItemStore
from sluice.agents.llm import Llm
from sluice.agents.ports import Models
from sluice.agents.running import STATUS, Ending, Running
from sluice.agents.turns import Turns
from sluice.errors import Conflict
from sluice.runs.events import Codec, Event, RunFailed
from sluice.runs.fold import Fold
from sluice.runs.messages import Message
from sluice.runs.records import LIVE, Run, RunError, Thread, ThreadStatus

if TYPE_CHECKING:
    from sluice.agents.service import Service

LEASE_MS = 15_000
_THREAD: dict[str, ThreadStatus] = {"success": "idle", "cancelled": "idle", "interrupted": "interrupted"}


class Household:
    """The keeper of one service's runs. Implements `running.Home`."""

    def __init__(self, service: "Service", models: Models, fault: Callable[[BaseException], None]) -> None:
        self._service = service
        self._models = models
        self.fault = fault
        self.clock, self.now = service.clock, service.now
        self._turns = Turns(service.store, service.worker, service.now)
        self._turned: set[str] = set()
        self._buttons = ButtonDesk(service.store, service.now)

    # -- the process --------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        await self.end_orphans()
        for agent in self._service.catalogue:
            for hook in agent.started:
                waiting = hook()
                if waiting is not None:
                    await waiting

    async def close(self) -> None:
        for agent in self._service.catalogue:
            for hook in agent.stopped:
                waiting = hook()
                if waiting is not None:
                    await waiting

    async def keep_leases(self) -> None:
        """Say that this worker lives, and end the runs of those that do not."""
        await self._turns.renew()
        for running in list(self._service.running.values()):
            await self._service.store.acquire(
                f"run:{running.run.id}", self._service.worker, self.now(), self.now() + LEASE_MS
            )
        await self.end_orphans()

    async def end_orphans(self) -> None:
        """End what no living worker runs, as failed: `server_restart`. Never in silence."""
        store, now = self._service.store, self.now()
        for run in await store.live_runs():
            if run.id in self._service.running:
                continue
            if await store.acquire(f"run:{run.id}", self._service.worker, now, now + LEASE_MS):
                await self._bury(run)
                await store.release(f"run:{run.id}", self._service.worker)

    async def _bury(self, run: Run) -> None:
        """Write the end that a dead worker could not write."""
        service = self._service
        fresh = await service.store.get_run(run.id)
        if fresh is None or fresh.status not in LIVE:
            return
        fold, last = Fold(), 0
        while batch := await service.store.read(run.id, last, 1000):
            events = [Codec.decode(data) for data in batch]
            for event in events:
                fold.step(event)
            last = events[-1].seq
        error = RunError(code="server_restart", message="the server was restarted", retryable=True, status=503)
        end = RunFailed(
            seq=last + 1,
            run_id=run.id,
            thread_id=run.thread_id,
            ts=self.now(),
            code=error.code,
            message=error.message,
            retryable=True,
            status=503,
        )
        fold.step(end)
        service.store.append(run.id, end.seq, Codec.encode(end))
        await service.store.flush()
        if run.stored:
            await service.store.add_messages(run.owner, run.thread_id, fold.messages())
            thread = await service.store.get_thread(run.owner, run.thread_id)
            if thread is not None:
                await service.store.put_thread(msgspec.structs.replace(thread, status="error", updated=self.now()))
        await service.store.put_run(
            msgspec.structs.replace(
                fresh, status="error", error=error, output=fold.messages(), finished=self.now(), last_seq=end.seq
            )
        )

    async def missing_end(self, run_id: str, after: int) -> list[Event]:
        """Return the terminal event of a run whose log lacks it."""
        run = await self._service.store.get_run(run_id)
        if run is None:
            return []
        return [
            RunFailed(
                seq=max(after, run.last_seq) + 1,
                run_id=run.id,
                thread_id=run.thread_id,
                ts=self.now(),
                code="resume_gap",
                message="the events of this run are not kept any more",
            )
        ]

    # -- beginning ----------------------------------------------------------------------------------------------------

    async def thread_for(self, asked: Asked, agent: Agent) -> Thread:
        """Return the thread of a request, made if need be.

        Raises:
            NotFound: it is not there and none is to be made.
            Conflict: it is busy and the request will not wait.
        """
        service, now = self._service, self.now()
        fresh = Thread(
            id=asked.thread_id or uuid7(), owner=asked.owner, created=now, updated=now, agent=agent.name
        )
        if not asked.thread_id:
            return fresh
        if not asked.create_thread:
            return await service.thread(asked.owner, asked.thread_id)
        thread = await service.store.create_thread(fresh)
        if thread.status == "busy" and asked.multitask != "enqueue":
            await self._make_way(asked)
        return thread

    async def _make_way(self, asked: Asked) -> None:
        if asked.multitask == "reject":
            raise Conflict(f"thread {asked.thread_id!r} is busy")
        for status in LIVE:
            for run in await self._service.store.list_runs(asked.owner, asked.thread_id, status=status, limit=100):
                await self._service.cancel(asked.owner, run.id, asked.multitask)

    async def draft(self, asked: Asked, agent: Agent, thread: Thread) -> Run:
        """Return the record of a run that begins now."""
        system = asked.keep_system or agent.allow_system
        messages = tuple(
            message if message.id else msgspec.structs.replace(message, id=name("msg"))
            for message in asked.input
            if system or message.role != "system"
        )
        return Run(
            id=uuid7(),
            thread_id=thread.id,
            owner=asked.owner,
            agent=agent.name,
            version=agent.version,
            created=self.now(),
            stored=bool(asked.thread_id),
            request_id=asked.request_id,
            digest=asked.digest,
            input=messages,
            settings=asked.settings,
            context=asked.context,
            metadata=asked.metadata,
            options=asked.options,
            answers={key: msgspec.to_builtins(answer) for key, answer in asked.answers.items()},
            on_disconnect=asked.on_disconnect,
            linger_s=asked.linger_s,
            multitask=asked.multitask,
            timeout_s=asked.timeout_s,
            worker=self._service.worker,
        )

    # -- running.Home -------------------------------------------------------------------------------------------------

    async def prepare(self, running: Running) -> Context:
        run, store = running.run, self._service.store
        await store.acquire(f"run:{run.id}", self._service.worker, self.now(), self.now() + LEASE_MS)
        history: list[Message] = []
        thread = Thread(id=run.thread_id, owner=run.owner, created=run.created, updated=run.created, agent=run.agent)
        if run.stored:
            await self._turns.take(run.owner, run.thread_id)
            self._turned.add(run.id)
            thread = await self._service.thread(run.owner, run.thread_id)
            thread = msgspec.structs.replace(thread, status="busy", agent=run.agent, updated=self.now())
            await store.put_thread(thread)
            history = await store.list_messages(run.owner, run.thread_id)
            await store.add_messages(run.owner, run.thread_id, run.input)
        running.run = run = msgspec.structs.replace(run, status="running", started=self.now())
        await store.put_run(run)
        running.writer.start(run)
        llm = Llm(self._models, running.agent, run, running.writer)
        return Context(
            running.agent,
            run,
            thread,
            tuple(history),
            writer=running.writer,
            llm=llm,
            store=ItemStore(store, run.owner, self.now),
            state={},
            buttons=self._buttons,
        )

    async def keep(self, running: Running, ending: Ending) -> None:
        try:
            await self._keep(running, ending)
        except Exception as error:  # the end is said in any case; that nothing was kept is in the log
            self.fault(error)

    async def _keep(self, running: Running, ending: Ending) -> None:
        run, store = running.run, self._service.store
        status = "error" if ending.error is not None else STATUS[ending.outcome]
        output = running.fold(ending).messages()
        if run.stored:
            await store.add_messages(run.owner, run.thread_id, output)
            thread = await store.get_thread(run.owner, run.thread_id)
            if thread is not None:
                kept = msgspec.structs.replace(thread, status=_THREAD.get(status, "error"), updated=self.now())
                await store.put_thread(kept)
        running.run = msgspec.structs.replace(
            run,
            status=status,
            output=output,
            error=ending.error,
            usage=running.writer.usage,
            stats=running.writer.stats(),
            finished=self.now(),
            last_seq=running.log.last + 1,
        )
        await store.put_run(running.run)

    async def left(self, running: Running) -> None:
        run, store = running.run, self._service.store
        try:
            await store.flush()
            await store.release(f"run:{run.id}", self._service.worker)
            if run.id in self._turned:
                self._turned.discard(run.id)
                await self._turns.give(run.owner, run.thread_id)
        except Exception as error:
            self.fault(error)
        finally:
            self._service.running.pop(run.id, None)
