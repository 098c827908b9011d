"""The time of a whole exchange, for as long as no answer has begun. From then on the relay's clocks watch it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sluice.errors import TimedOut
from sluice.gateway.account import Account
from sluice.gateway.world import World
from sluice.policies.deadlines import Deadlines
from sluice.relay.clocks import NEVER

T = TypeVar("T")


def ends_at(account: Account, clocks: Deadlines) -> float:
    """When the time is over."""
    return account.request.received_at + clocks.total_s if clocks.total_s else NEVER


def check_time(account: Account, clocks: Deadlines, world: World) -> float:
    """Return how many seconds are left.

    Raises:
        TimedOut: none. Nobody is to be asked, and blamed, for time that went before.
    """
    left = ends_at(account, clocks) - world.clock()
    if left <= 0:
        raise TimedOut("total")
    return left


def in_time(way: Callable[[], Awaitable[T]], account: Account, clocks: Deadlines, world: World) -> Awaitable[T]:
    """Go this way while there is time: policies, guards, pauses and providers have no more than that together.

    Raises, when awaited:
        TimedOut: the time is over.
    """
    return _in_time(way, account, clocks, world) if clocks.total_s else way()


async def _in_time(way: Callable[[], Awaitable[T]], account: Account, clocks: Deadlines, world: World) -> T:
    clock = asyncio.timeout(check_time(account, clocks, world))
    try:
        async with clock:
            return await way()
    except TimeoutError:
        if not clock.expired():
            raise
        raise TimedOut("total") from None
