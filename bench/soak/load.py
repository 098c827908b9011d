"""The load: a process of its own that asks, behaves, judges, and says of each request what its client saw.

Requests come at random moments (a Poisson process of a given rate), and now and then many at once: more than the
gateway admits. What is asked depends on the seed alone. Between SIGUSR1 and SIGUSR2 nothing new is asked.
"""

import argparse
import asyncio
import random
import signal
import sys
import time

import msgspec
import uvloop

from bench.soak import connection, deck, gateway
from bench.soak.asked import post, request, trace
from bench.soak.case import SHED, Case, Leaves, Reads
from bench.soak.connection import Connection
from bench.soak.judging import NO_ROOM, Verdict, verdict
from bench.soak.told import Answered
from sluice.verify.http_answer import AnswerReader
from sluice.verify.http_client import Heard

BURST = gateway.MAX_CONCURRENT + gateway.MAX_QUEUE + 100
"""At once, on top of what is under way: at least a hundred find no room."""
CROWD = gateway.MAX_CONCURRENT - gateway.READ_ON_AT_ONCE - 30
"""So many under way that the gateway, which may not yet have noticed the last ends, may refuse one more."""
IDLE_KEPT = 24
"""Connections at rest."""
REUSED = 0.7
"""Share of the requests that take one of them."""
FLUSH_S = 0.2
REST_S = 12.0
"""How long nothing is asked once every answer is over: the gateway gives back what it does not use, at most every ten
seconds, and is weighed."""
TOO_LATE_S = 5.0
"""Behind its own plan: what is measured then is the load."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the load is told."""

    port: int
    seconds: float
    rate: float
    """Requests a second, bursts not counted."""
    burst_every_s: float
    rest_every_s: float
    seed: int


class Load:
    """One run. `await run()`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._dice = random.Random(settings.seed)
        """Asked in the order of the requests alone, whatever the order of their answers."""
        self._coin = random.Random(settings.seed)
        """Of connections."""
        self._numbers = 0
        self._idle: list[Connection] = []
        self._under_way = 0
        self._over = asyncio.Event()
        """Nothing is under way."""
        self._may_ask = asyncio.Event()
        self._may_ask.set()
        self._crowded_s = 0.0
        """When so many were under way for the last time."""
        self._late_s = 0.0
        """How far behind the requests were at most."""

    async def run(self) -> None:
        """Ask until the time is over, and wait for every answer."""
        settings, now = self._settings, time.monotonic()
        until, due, burst_due = now + settings.seconds, now, now + settings.burst_every_s / 2
        rest_due = now + settings.rest_every_s
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._may_ask.clear)
        loop.add_signal_handler(signal.SIGUSR2, self._may_ask.set)
        flusher = asyncio.create_task(_flush())
        async with asyncio.TaskGroup() as group:
            while due < until:
                due += self._dice.expovariate(settings.rate)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if not self._may_ask.is_set():
                    held_s = await self._held()
                    until, due, burst_due, rest_due = (each + held_s for each in (until, due, burst_due, rest_due))
                self._late_s = max(self._late_s, time.monotonic() - due)
                group.create_task(self._play(deck.draw(self._dice)))
                if due > burst_due:
                    burst_due += settings.burst_every_s
                    for _ in range(BURST):
                        group.create_task(self._play(deck.burst(self._dice)))
                if due > rest_due:
                    rested_s = await self._rest()
                    due += rested_s
                    burst_due += rested_s
                    rest_due = due + settings.rest_every_s
        flusher.cancel()
        for each in self._idle:
            each.close()
        sys.stdout.flush()
        if self._late_s > TOO_LATE_S:
            sys.exit(
                f"requests were up to {self._late_s:.1f} s late: this machine is too slow or too busy for the rate"
            )

    async def _play(self, case: Case) -> None:
        self._numbers += 1
        name = trace(self._settings.seed, self._numbers)
        fresh = not isinstance(case.behaviour, Reads | Leaves) or self._coin.random() > REUSED
        self._under_way += 1
        self._over.clear()
        self._look()
        asked_s = time.monotonic()
        heard = await self._ask(case, name, fresh=fresh)
        self._look()
        self._under_way -= 1
        if not self._under_way:
            self._over.set()
        crowded = self._crowded_s >= asked_s
        _tell(name, case, verdict(case, heard, crowded=crowded), crowded=crowded)

    async def _held(self) -> float:
        """Wait until new requests are wanted; return how long that was."""
        began = time.monotonic()
        await self._may_ask.wait()
        return time.monotonic() - began

    async def _rest(self) -> float:
        """Ask nothing for a while; return how long that was."""
        began = time.monotonic()
        await self._over.wait()
        await asyncio.sleep(REST_S)
        return time.monotonic() - began

    def _look(self) -> None:
        if self._under_way >= CROWD:
            self._crowded_s = time.monotonic()

    async def _ask(self, case: Case, name: str, *, fresh: bool) -> Heard:
        port = self._settings.port
        data = post(case.raw[0], case.raw[1], name, port, case.raw[2])
        if case.question is not None:
            data = request(case.question, name, port)
        try:
            asking = await self._connection(case, fresh=fresh)
        except OSError:
            now = time.monotonic()
            return Heard(answer=AnswerReader(), how="refused", asked_s=now, ended_s=now)
        try:
            heard = await asking.ask(data, case.behaviour)
        except BaseException:
            asking.close()
            raise
        if asking.reusable and len(self._idle) < IDLE_KEPT:
            self._idle.append(asking)
        else:
            asking.close()
        return heard

    async def _connection(self, case: Case, *, fresh: bool) -> Connection:
        while self._idle and not fresh:
            if (found := self._idle.pop()).reusable:
                return found
        return await connection.connect(self._settings.port, case.behaviour)


def _tell(name: str, case: Case, found: Verdict, *, crowded: bool) -> None:
    ends = SHED if found.saw == "refused" else case.ends.get(found.saw, frozenset())
    if found.saw == "refused" and case.status == NO_ROOM:
        ends |= case.ends["failure"]  # it was the provider who said so, in the same words
    elif found.saw == "left" and crowded:
        ends |= SHED  # it left before it had heard so
    told = Answered(id=name, kind=case.kind, saw=found.saw, sentence=found.sentence, ends=tuple(sorted(ends)))
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")


async def _flush() -> None:
    while True:
        await asyncio.sleep(FLUSH_S)
        sys.stdout.flush()


def main() -> None:
    """Read the settings, as JSON, from the command line, and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings")
    settings = msgspec.json.decode(parser.parse_args().settings, type=Settings)
    uvloop.run(Load(settings).run())


if __name__ == "__main__":
    main()
