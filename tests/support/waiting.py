"""Wait for the thing, with a deadline; never for the time."""

import asyncio
from collections.abc import Callable

LOOK_S = 0.002
"""How often a condition is looked at."""
PATIENCE_S = 5.0
"""How long anything in these tests may take before it counts as never."""


async def until(holds: Callable[[], bool], *, within_s: float = PATIENCE_S) -> float:
    """Return how many seconds it took until something holds.

    Raises:
        TimeoutError: it does not hold in time.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(LOOK_S)
    return loop.time() - started
