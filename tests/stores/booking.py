"""What the tests of ledgers share: rows, and every store behind one verb."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable

from sluice.gateway.money_ports import Books, Claim, Opened, Settled

NUMBERS = itertools.count()
FAR = 4_000_000_000


def opened(**said: object) -> Opened:
    return Opened(**{"id": f"row-{next(NUMBERS)}", "at": time.time(), **said})  # type: ignore[arg-type]


def claim(reserve: int = 10, *, amount: int = 100, counter: str = "c", blocks: bool = True, ends: int = FAR) -> Claim:
    return Claim(counter=counter, ends=ends, amount=amount, reserve=reserve, blocks=blocks)


def settled(row: Opened, change: int = 0, *, counter: str = "c", **said: object) -> Settled:
    facts = {"at": time.time(), "outcome": "completed", "provenance": "provider", **said}
    return Settled(id=row.id, changes=((counter, change),), **facts)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def at_work(make: Callable[[], Books]) -> AsyncIterator[Books]:
    """A store as a process uses it, until it stops as it should."""
    books = make()
    await books.open()
    keeper = asyncio.create_task(books.keep())
    try:
        yield books
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        await books.close()


async def used(books: Books, counter: str = "c") -> int:
    """What a counter says: asked with a claim that is refused, and so changes nothing."""
    admission = await books.admit(opened(), [claim(amount=0, counter=counter)])
    assert not admission.admitted
    return admission.used[0]
