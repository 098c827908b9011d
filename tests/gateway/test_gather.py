"""gateway/gather.py: who leaves while several requests are under way is not forgotten."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from sluice.errors import Unreachable
from sluice.gateway.gather import Here, gather
from sluice.gateway.ports import UpstreamStream

Ask = Callable[[], Awaitable[UpstreamStream]]


def gathering(*asks: Ask) -> asyncio.Task[UpstreamStream]:
    return asyncio.create_task(gather(asks, idle_s=1.0, total_s=5.0, max_bytes=100))


async def silent() -> UpstreamStream:
    await asyncio.Event().wait()
    raise AssertionError("nobody says so")


async def fails(before: Callable[[], object] = lambda: None) -> UpstreamStream:
    await asyncio.sleep(0.01)
    before()
    raise Unreachable("there is nobody")


async def test_where_nobody_is_asked_nobody_says_no() -> None:
    answer = await gathering()
    assert isinstance(answer, Here)
    assert (answer.head.status, answer.body) == (200, b"[]")


async def test_the_first_failure_is_that_of_all() -> None:
    with pytest.raises(Unreachable):
        await gathering(silent, fails)


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_cancellation_in_the_turn_of_a_failure_stays_one(turns: int) -> None:
    """Who fails, tells the group in the next turn, and the group whoever waits for it in another."""
    loop = asyncio.get_running_loop()

    def cancel(left: int) -> None:
        if left:
            loop.call_soon(cancel, left - 1)
        else:
            asked.cancel()

    asked = gathering(silent, partial(fails, partial(cancel, turns)))
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert asked.cancelled()
