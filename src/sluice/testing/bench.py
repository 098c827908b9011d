"""A test bench for agents, without sockets: `async with agent.test() as t: events = await t.run("hi")`.

The real service, log and fold on a store in memory; the model is a script (`agents.mock`). Whoever leaves the bench has
no task left.
"""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

from sluice.agents.agent import Agent
from sluice.agents.asked import Answer, Asked
from sluice.agents.catalogue import Catalogue
from sluice.agents.mock import PREFIX, MockModels, Script
from sluice.agents.ports import Models, Store
from sluice.agents.service import Service
from sluice.errors import ConfigError
from sluice.runs.events import Event
from sluice.runs.fold import Fold
from sluice.runs.messages import Message, said
from sluice.runs.records import Run, Thread
from sluice.stores.runs_memory import MemoryRuns

OWNER = "tester"


def _now() -> int:
    return time.time_ns() // 1_000_000


class TestBench:
    """Runs agents and keeps what they said.

    `llm`: `mock:Once| upon` or a script of `agents.mock`; `models` instead of it: any way to models. `raises`: whether
    an exception of a handler, which clients only learn the name of, is raised by `run` too; by default it stands in
    `faults`.
    """

    __test__ = False  # it is no test, whatever its name

    def __init__(
        self,
        *agents: Agent,
        llm: Script = "",
        models: Models | None = None,
        store: Store | None = None,
        owner: str = OWNER,
    ) -> None:
        if isinstance(llm, str) and llm and not llm.startswith(PREFIX):
            raise ConfigError(f"llm {llm!r}: a bench knows scripts only: {PREFIX}Once| upon")
        self.agent = agents[0]
        self.models = MockModels(llm) if models is None else models
        self.owner = owner
        self.faults: list[BaseException] = []
        """Exceptions of handlers, the newest last, with their tracebacks."""
        self.last: Run | None = None
        """The record of the newest run that `run` has seen end."""
        self.text = ""
        """Everything the newest run said on the channel `text`."""
        self.service = Service(
            Catalogue(agents),
            MemoryRuns(_now) if store is None else store,
            self.models,
            clock=time.monotonic,
            now=_now,
            fault=self.faults.append,
        )

    async def __aenter__(self) -> Self:
        await self.service.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.service.close(timeout_s=0)

    async def start(self, said_: "str | Message | None" = None, *, thread: str = "", **asked: Any) -> Run:
        """Begin a run and return its record; it lives without being watched. Further arguments are fields of
        `Asked`.

        Raises:
            SluiceError: as `Service.start`.
        """
        message = said(said_) if isinstance(said_, str) else said_
        fields = {"owner": self.owner, "thread_id": thread, "input": (message,) if message else ()} | asked
        return await self.service.start(Asked(**fields))

    async def stream(
        self, said_: "str | Message | None" = None, *, thread: str = "", **asked: Any
    ) -> AsyncGenerator[Event, None]:
        """Begin a run and give each of its events as it is written."""
        run = await self.start(said_, thread=thread, **asked)
        async with aclosing(self.watch(run)) as events:
            async for event in events:
                yield event

    async def watch(self, run: Run, after: int = 0) -> AsyncGenerator[Event, None]:
        """Give the events of a run beyond `after`, until its end."""
        fold = Fold()
        async with aclosing(self.service.watch(run, after)) as batches:
            async for batch in batches:
                for event in batch:
                    if not after:
                        fold.step(event)
                        self.text = fold.text
                    yield event
        self.last = await self.service.run(run.owner, run.id)

    async def run(self, said_: "str | Message | None" = None, *, thread: str = "", **asked: Any) -> list[Event]:
        """Run the agent to its end and return the log."""
        async with aclosing(self.stream(said_, thread=thread, **asked)) as events:
            return [event async for event in events]

    async def answer(self, value: Any = None, *, thread: str, id: str = "*", **asked: Any) -> list[Event]:  # noqa: A002 - the field's name
        """Answer the open question of a thread (`id`: a certain one) and return the log of the run that goes on."""
        return await self.run(thread=thread, answers={id: Answer(value=value)}, **asked)

    async def decline(self, *, thread: str, id: str = "*") -> list[Event]:  # noqa: A002 - the field's name
        """Refuse to answer the open question of a thread."""
        return await self.run(thread=thread, answers={id: Answer(status="cancelled")})

    async def messages(self, thread: str) -> list[Message]:
        """Return what was said in a thread."""
        return await self.service.messages(self.owner, thread)

    async def thread(self, thread: str) -> Thread:
        """Return the record of a thread."""
        return await self.service.thread(self.owner, thread)

    async def threads(self) -> Mapping[str, Thread]:
        """Return the threads there are, by id."""
        found = await self.service.store.search_threads(self.owner, limit=1000)
        return {thread.id: thread for thread in found}
