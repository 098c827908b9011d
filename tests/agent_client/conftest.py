"""Agent servers on real sockets."""

from collections.abc import AsyncIterator

import pytest

from tests.support.agent_site import AgentSites
from tests.support.loops import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]


@pytest.fixture
async def agent_site() -> AsyncIterator[AgentSites]:
    """Start servers: `site = await agent_site(Agent(...), ...)`."""
    sites = AgentSites()
    try:
        yield sites
    finally:
        await sites.close()
