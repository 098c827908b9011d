"""What ledgers share on the side of the event loop: who waits for an admission and how long, what becomes of one that
nobody waits for any more, and the heartbeat.

A desk hands jobs to whoever writes them down (`give`), in the order in which they came.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from sluice.gateway.money_ports import HEARTBEAT_S, Admission, Claim, LedgerGone, Opened, Settled

T = TypeVar("T")
Run = TypeVar("Run")
MAX_WAITING = 10_000
"""Admissions that wait to be written; one more is told that there is no ledger."""
MAX_OWED = 100_000
"""Settlements that are kept while nothing can be written; beyond, what came first stays what it had reserved."""
DEADLINE_S = 1.0
"""Of an admission."""
DO_S = 5.0
"""Of anything else but what takes its time."""
PATIENCE_S = 30.0
"""Of what takes its time: to make a ledger ready, to add up what was spent."""
HELD_UP_S = 0.05
"""By so much a deadline is heard of too late, if the loop was held up."""


class Admit(msgspec.Struct):
    opened: Opened
    claims: Sequence[Claim]
    future: asyncio.Future[Admission]


class Do(msgspec.Struct, Generic[Run]):
    """Anything else, in a transaction of its own. One that only reads holds up nobody."""

    run: Run
    future: asyncio.Future[object]
    reads: bool = False


Job = Admit | Settled | Do[Run]


class Desk(Generic[Run]):
    """One per ledger. `Run`: what its writer can carry out."""

    def __init__(self, give: Callable[[Job[Run]], None], wall: Callable[[], float]) -> None:
        self._give, self._wall = give, wall
        self._waiting = 0

    async def admit(self, opened: Opened, claims: Sequence[Claim]) -> Admission:
        """See `gateway.money_ports.Ledger`."""
        if self._waiting >= MAX_WAITING:
            raise LedgerGone("the ledger does not keep up")
        job = Admit(opened, claims, asyncio.get_running_loop().create_future())
        self._waiting += 1
        self._give(job)
        try:
            if await _in_time(job.future, DEADLINE_S):
                return job.future.result()
            raise LedgerGone("the ledger does not answer in time")
        except BaseException:
            job.future.cancel()
            self._give(undone(opened, claims, self._wall()))
            raise
        finally:
            self._waiting -= 1

    async def do(self, run: Run, *, reads: bool = False, within_s: float = DO_S) -> object:
        """Return what a run returns. One that nobody waits for any more is not begun.

        Raises:
            LedgerGone: it could not be carried out, or not in time.
        """
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._give(Do(run, future, reads))
        try:
            if await _in_time(future, within_s):
                return future.result()
        finally:
            future.cancel()
        raise LedgerGone("the ledger does not answer in time")


async def _in_time(future: asyncio.Future[T], within_s: float) -> bool:
    """Wait for an answer; return whether it came. A deadline that passed because this loop was held up tells nothing
    about the ledger, and it gets another, twice at most."""
    loop = asyncio.get_running_loop()
    for _ in range(3):
        due = loop.time() + within_s
        await asyncio.wait((future,), timeout=within_s)
        if future.done() or loop.time() - due < HELD_UP_S:
            break
    return future.done()


def undone(opened: Opened, claims: Sequence[Claim], at: float) -> Settled:
    """Return how an admission is settled that nobody waits for any more: if it is written all the same, the request
    came to nothing."""
    changes = tuple((claim.counter, -claim.reserve) for claim in claims)
    return Settled(id=opened.id, at=at, outcome="client_gone", changes=changes)


async def beats(beat: Callable[[], Awaitable[object]]) -> None:
    """Say that this process lives, again and again."""
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        with contextlib.suppress(LedgerGone):  # it says so to whoever needs it
            await beat()
