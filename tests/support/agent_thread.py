"""A server of agents in a thread of its own, for clients that block."""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from sluice.agents.agent import Agent
from tests.support.agent_site import AgentSite, AgentSites

T = TypeVar("T")


class AgentThread:
    """`with AgentThread(agent, ...) as thread: thread.site.url`."""

    site: AgentSite

    def __init__(self, *agents: Agent) -> None:
        self._agents = agents
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._sites = AgentSites()

    def __enter__(self) -> Self:
        self._thread.start()
        self.site = self.run(self._sites(*self._agents))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._sites.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the server's loop, and return what it gives."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
