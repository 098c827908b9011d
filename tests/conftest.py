"""Fixtures for tests with real sockets. A test that asks for none of them pays nothing for this file."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.world import World

# A busy machine is no reason to fail: what generated tests judge is what comes out, not how long it took.
settings.register_profile("sluice", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sluice")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Start upstreams, gateways and clients; all of it is closed and checked at the end, see `World.close`."""
    world = World()
    try:
        yield world
    finally:
        await world.close()
