"""The loop of these tests, and a gateway for clients that block."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
import uvloop

from sluice.testing.fake_desk import Options
from tests.support.agent_site import AgentSites
from tests.support.loops import pytest_asyncio_loop_factories
from tests.support.plans import KEY
from tests.support.serving import Serving
from tests.support.world import World

__all__ = ["pytest_asyncio_loop_factories", "world_in_thread"]


@pytest.fixture
async def agent_site() -> AsyncIterator[AgentSites]:
    """Start servers of agents in this process: `site = await agent_site(Agent(...), ...)`."""
    sites = AgentSites()
    try:
        yield sites
    finally:
        await sites.close()


@pytest.fixture
def world_in_thread() -> Iterator[Serving]:
    """A gateway in front of a fake provider, both in a thread of their own: for clients that block."""
    started: list[Serving] = []
    ready = threading.Event()
    loop = uvloop.new_event_loop()
    over = asyncio.Event()

    async def run() -> None:
        world = World()
        fake = await world.fake(Options(key=KEY))
        started.append(await world.gateway(fake.port))
        ready.set()
        await over.wait()
        await world.close()

    def serve() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(5)
    yield started[0]
    loop.call_soon_threadsafe(over.set)
    thread.join(5)
    assert not thread.is_alive()
