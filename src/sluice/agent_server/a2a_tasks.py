"""Tasks over runs. A task is a run, or the chain of runs that one question after the other made of it; its id is that
of the first, and its context is the thread."""

from collections.abc import AsyncIterator

import msgspec

from sluice.agent_server.a2a_errors import INVALID_PARAMS, NO_PUSH, NO_TASK, UNSUPPORTED, Refused
from sluice.agent_server.a2a_reading import Sent
from sluice.agents.asked import Answer, Asked
from sluice.agents.ids import uuid7
from sluice.agents.service import Service
from sluice.errors import NotFound
from sluice.runs.messages import DataPart, Message, TextPart
from sluice.runs.projections.a2a_record import answered, recall
from sluice.runs.projections.a2a_task import Past, Task
from sluice.runs.records import LIVE, Run

PAGE = 100
"""Runs and threads that are listed at once."""
BATCH = 256
"""Events that are folded at once."""
Chain = list[Run]
"""The runs of one task, oldest first."""


def task_id(run: Run) -> str:
    """Return the id of the task that a run belongs to."""
    return run.root or run.id


class Tasks:
    """The tasks of one user. `agent`: only those of this agent; empty = all, and new ones are the default agent's.

    Raises:
        NotFound: there is no such agent.
    """

    def __init__(self, service: Service, owner: str, agent: str = "") -> None:
        self._service, self._owner = service, owner
        self._wanted = agent
        self._agent = service.catalogue.get(agent).name if agent else ""

    # -- sending ------------------------------------------------------------------------------------------------------

    async def begin(self, sent: Sent, *, request_id: str, digest: str) -> Run:
        """Begin a task, or answer what one asks.

        Raises:
            Refused: the task is not there or asks nothing, or notifications are wanted.
            SluiceError: see `Service.start`.
        """
        if sent.push:
            raise Refused(NO_PUSH, "this server sends no push notifications: subscribe to the task instead")
        asked = Asked(
            owner=self._owner,
            agent=self._wanted,
            thread_id=sent.context_id or uuid7(),
            request_id=request_id,
            digest=digest,
            metadata=sent.metadata,
        )
        if sent.task_id:
            return await self._service.start(await self._answering(sent, asked))
        return await self._service.start(msgspec.structs.replace(asked, input=(sent.message,)))

    async def _answering(self, sent: Sent, asked: Asked) -> Asked:
        last = (await self.chain(sent.task_id))[-1]
        if sent.context_id and sent.context_id != last.thread_id:
            raise Refused(INVALID_PARAMS, f"the task {sent.task_id!r} is not of the context {sent.context_id!r}")
        if last.status != "interrupted" and (not asked.request_id or asked.request_id != last.request_id):
            state = "is still at work" if last.status in LIVE else "is over"
            raise Refused(UNSUPPORTED, f"the task {sent.task_id!r} {state}: send the message without a task")
        question = sent.message.metadata.get("interruptId", "*")
        return msgspec.structs.replace(
            asked,
            agent=f"{last.agent}::{last.version}",
            thread_id=last.thread_id if last.stored else "",
            resumes=last.id,
            input=(sent.message,),
            answers={str(question): Answer(value=answer_in(sent.message))},
        )

    # -- finding ------------------------------------------------------------------------------------------------------

    async def chain(self, name: str) -> Chain:
        """Return the runs of a task; the id of any of them names it.

        Raises:
            Refused: there is none, or it belongs to another.
        """
        try:
            run = await self._service.run(self._owner, name)
        except NotFound:
            run = None
        if run is None or (self._agent and run.agent != self._agent):
            raise Refused(NO_TASK, f"there is no task {name!r}", taskId=name)
        if not run.root and run.status != "interrupted":
            return [run]
        runs = [one async for one in self._runs(run.thread_id) if task_id(one) == task_id(run)]
        return runs[::-1] or [run]

    async def every(self, context_id: str) -> list[Chain]:
        """Return all tasks of a context, or of all if it is empty; those that changed last come first."""
        chains: dict[str, Chain] = {}
        async for thread in self._threads() if not context_id else _one(context_id):
            async for run in self._runs(thread):
                if not self._agent or run.agent == self._agent:
                    chains.setdefault(task_id(run), []).insert(0, run)
        return sorted(chains.values(), key=lambda chain: (changed(chain[-1]), chain[-1].id), reverse=True)

    async def _threads(self) -> AsyncIterator[str]:
        store, done = self._service.store, 0
        while page := await store.search_threads(self._owner, limit=PAGE, offset=done, sort_by="created"):
            done += len(page)
            for thread in page:
                yield thread.id

    async def _runs(self, thread_id: str) -> AsyncIterator[Run]:
        """Newest first."""
        done = 0
        while page := await self._service.store.list_runs(self._owner, thread_id, limit=PAGE, offset=done):
            done += len(page)
            for run in page:
                yield run

    # -- telling ------------------------------------------------------------------------------------------------------

    async def before(self, run: Run) -> Task:
        """Return the task that a run belongs to, as it was before the run began."""
        past = Past()
        for one in await self.chain(run.id) if run.root else ():
            past = _with(past, answered(one))
            if one.id == run.id:
                break
            past = (await self._told(one, Task(task_id(run), past))).past()
        return Task(task_id(run), past)

    async def told(self, run: Run) -> Task:
        """Return the task that a run belongs to, as it is now."""
        return await self._told(run, await self.before(run))

    async def _told(self, run: Run, task: Task) -> Task:
        last = 0
        while events := await self._service.past(run, last, BATCH):
            for event in events:
                task.step(event)
            last = events[-1].seq
        if not last:
            recall(run, task)
        return task

    async def length(self, run: Run) -> int:
        """Return the number of the newest event of a run; 0 = there is none yet, or none any more."""
        running = self._service.running.get(run.id)
        last = running.log.last if running is not None else 0
        while events := await self._service.past(run, last, BATCH):
            last = events[-1].seq
        return last


def changed(run: Run) -> int:
    """Return when a run last changed its state, in milliseconds since 1970."""
    return run.finished or run.started or run.created


def answer_in(message: Message) -> object:
    """Return what a message says to a question: its text, its data, or else all of its parts."""
    if all(isinstance(part, TextPart) for part in message.parts):
        return message.text
    if len(message.parts) == 1 and isinstance(message.parts[0], DataPart):
        return message.parts[0].data
    return [msgspec.to_builtins(part) for part in message.parts]


def _with(past: Past, message: Message | None) -> Past:
    return past if message is None else msgspec.structs.replace(past, history=(*past.history, message))


async def _one(thread_id: str) -> AsyncIterator[str]:
    yield thread_id
