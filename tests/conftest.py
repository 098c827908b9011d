"""Fixtures for tests with real sockets. A test that asks for none of them pays nothing for this file."""

from collections.abc import AsyncIterator

import pytest

from tests.support.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Start upstreams, gateways and clients; all of it is closed and checked at the end, see `World.close`."""
    world = World()
    try:
        yield world
    finally:
        await world.close()
