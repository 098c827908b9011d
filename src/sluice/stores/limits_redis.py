"""Counters of limits that all replicas share, in Redis. Implements `gateway.limits_ports.SharedCounters`.

One reservation is one script and one round trip. Its answer is heard even if nobody waits for it any more, and what it
took is then put back. What is put back and who is under way is gathered and sent once per turn of the event loop; while
Redis is gone it is kept, by bucket, and sent when that is there again.

What was sent and not confirmed when a connection ended is not sent again: a bucket may then be wrong by what was under
way. Places are not: how many this process holds is written whole, again with each heartbeat.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from typing import Literal

from sluice.config.store_url import RedisUrl
from sluice.gateway.limits_ports import HEARTBEAT_S, Draw, Drawn, Give, Place, StoreGone, Verdict
from sluice.policies.limiting import Rate
from sluice.stores.limits_script import BUCKET, GIVE, HOLD, PLACE, TAKE
from sluice.stores.limits_verdict import refused, taken
from sluice.stores.redis_link import RedisLink, Script
from sluice.stores.resp import Lost, RedisError, Reply

DEADLINE_S = 0.04
"""How long a reservation waits for Redis."""
LOOK_AGAIN_S = 0.005
"""Before the deadline: a loop that is late runs its timers before it reads, and an answer may lie there unread."""
MAX_OWED = 1 << 16
"""Buckets for which something is kept while Redis is gone; beyond, what came first is dropped."""
AT_A_TIME = 100
"""Keys of one script: Redis serves nobody else meanwhile."""
LIFE_MS = int(2 * HEARTBEAT_S * 1000)

_TAKE, _GIVE, _HOLD = Script(TAKE), Script(GIVE), Script(HOLD)

Word = bytes | str | int


class RedisCounters:
    """`keep` runs as long as the process. `say`: see `RedisLink`; `deadline_s`: of one reservation."""

    def __init__(
        self, url: RedisUrl, say: Callable[[Literal["there", "gone"], str], None], *, deadline_s: float = DEADLINE_S
    ) -> None:
        self._deadline_s = deadline_s
        self._say = say
        self._link = RedisLink(url, (_TAKE, _GIVE, _HOLD), self._hear)
        self._owner = os.urandom(8).hex()
        self._owed: dict[bytes, tuple[Rate, int]] = {}
        self._held: dict[bytes, int] = {}
        """How many places of each key are ours, those included that Redis was asked for and has not answered."""
        self._stale: set[bytes] = set()
        """Keys of places whose number Redis has to be told."""
        self._flushes = False

    async def keep(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.keep(), name="connection to Redis")
            tasks.create_task(self._beat(), name="heartbeat")

    async def ready(self, within_s: float) -> bool:
        """Wait for the first connection; return whether it came in time."""
        return await self._link.ready(within_s)

    async def finish(self, within_s: float) -> None:
        """See to it that Redis has what was put back, before the process ends; `keep` still runs."""
        self._flush()
        heard = asyncio.Event()
        self._link.run(_GIVE, (), (), lambda _: heard.set())  # answered after all that was sent before
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await heard.wait()

    # -- gateway.limits_ports.SharedCounters --------------------------------------------------------------------------

    async def take(self, draws: Sequence[Draw], places: Sequence[Place]) -> Verdict:
        if not self._link.up:
            raise StoreGone(f"Redis: {self._link.why}")
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Verdict] = loop.create_future()

        def answered(reply: Reply | Lost) -> None:
            verdict = self._verdict(reply, draws, places)
            if isinstance(verdict, StoreGone):
                if not waiting.done():
                    waiting.set_exception(verdict)
            elif not waiting.done():
                waiting.set_result(verdict)
            else:
                self._undo(verdict, draws, places)

        def too_late() -> None:
            if not waiting.done():
                self._link.keeps_waiting()
                waiting.set_exception(StoreGone("Redis does not answer in time"))

        timer: asyncio.TimerHandle

        def look_again() -> None:
            nonlocal timer
            timer = loop.call_later(LOOK_AGAIN_S, too_late)

        timer = loop.call_later(self._deadline_s - LOOK_AGAIN_S, look_again)
        self._ask(draws, places, answered)
        try:
            return await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled() and waiting.exception() is None:  # it was answered in this very turn
                self._undo(waiting.result(), draws, places)
            raise
        finally:
            timer.cancel()

    def more(self, draw: Draw, then: Callable[[int], None]) -> None:
        def answered(reply: Reply | Lost) -> None:
            verdict = self._verdict(reply, (draw,), ())
            if isinstance(verdict, Verdict):
                then(verdict.drawn[0].taken if verdict.admitted else 0)

        if self._link.up:
            self._ask((draw,), (), answered)

    def put_back(self, gives: Sequence[Give], places: Sequence[Place]) -> None:
        for draw, tokens in gives:
            rate, owed = self._owed.pop(draw.key, (draw.rate, 0))
            self._owed[draw.key] = (rate, owed + tokens)
            if len(self._owed) > MAX_OWED:
                del self._owed[next(iter(self._owed))]
        for place in places:
            self._claim(place, -1)
            self._stale.add(place.key)
        self._flush_soon()

    def _undo(self, verdict: Verdict, draws: Sequence[Draw], places: Sequence[Place]) -> None:
        """Put back what nobody waits for any more."""
        if verdict.admitted:
            self.put_back([(d, drawn.taken) for d, drawn in zip(draws, verdict.drawn, strict=True)], places)

    # -- asking -------------------------------------------------------------------------------------------------------

    def _ask(self, draws: Sequence[Draw], places: Sequence[Place], then: Callable[[Reply | Lost], None]) -> None:
        words: list[Word] = [len(draws), len(places), self._owner, LIFE_MS]
        for draw in draws:
            rate, cost = draw.rate, draw.cost
            words += (rate.capacity, rate.fill, rate.interval_us, cost.amount, cost.needs, int(cost.partial))
        words += [place.at_once.most for place in places]
        if self._owed or self._stale:
            self._flush()  # first: what is free again must not be refused
        for place in places:
            self._claim(place, 1)
        keys = [_name(BUCKET, draw.key) for draw in draws] + [_name(PLACE, place.key) for place in places]
        self._link.run(_TAKE, keys, words, then)

    def _verdict(self, reply: Reply | Lost, draws: Sequence[Draw], places: Sequence[Place]) -> Verdict | StoreGone:
        """What Redis answered; of places that it did not give we claim none any more."""
        numbers = reply if isinstance(reply, list) else []
        if not numbers or len(numbers) != 2 + 3 * len(draws) + len(places):
            self.put_back((), places)
            return StoreGone(f"Redis: {reply if isinstance(reply, Lost | RedisError) else 'an answer without sense'}")
        admitted, now_us, *rest = (number for number in numbers if isinstance(number, int))
        drawn: list[Drawn] = []
        for index, draw in enumerate(draws):
            amount, level, since_us = rest[3 * index : 3 * index + 3]
            drawn.append(
                taken(draw, level, since_us, now_us, amount) if admitted else refused(draw, level, since_us, now_us)
            )
        if admitted:
            return Verdict(True, tuple(drawn))
        self.put_back((), places)  # a heartbeat may have said meanwhile that we hold them
        held = rest[3 * len(draws) :]
        full = tuple(each.at_once for each, count in zip(places, held, strict=True) if count >= each.at_once.most)
        return Verdict(False, tuple(drawn), full)

    # -- telling ------------------------------------------------------------------------------------------------------

    def _claim(self, place: Place, by: int) -> None:
        held = self._held.get(place.key, 0) + by
        if held > 0:
            self._held[place.key] = held
        else:
            self._held.pop(place.key, None)

    def _hear(self, what: Literal["there", "gone"], why: str) -> None:
        if what == "there":
            self._stale |= self._held.keys()
            self._flush_soon()
        self._say(what, why)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            self._stale |= self._held.keys()
            self._flush()

    def _flush_soon(self) -> None:
        if not self._flushes:
            self._flushes = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushes = False
        if not self._link.up:
            return  # with the next heartbeat
        owed, self._owed = list(self._owed.items()), {}
        for at in range(0, len(owed), AT_A_TIME):
            part = owed[at : at + AT_A_TIME]
            words = [word for _, (rate, n) in part for word in (rate.capacity, rate.fill, rate.interval_us, n)]
            self._link.run(_GIVE, [_name(BUCKET, key) for key, _ in part], words, _ignored)
        stale, self._stale = list(self._stale), set()
        for at in range(0, len(stale), AT_A_TIME):
            keys = stale[at : at + AT_A_TIME]
            counts = [self._held.get(key, 0) for key in keys]
            self._link.run(_HOLD, [_name(PLACE, key) for key in keys], [self._owner, LIFE_MS, *counts], _ignored)


def _name(kind: bytes, key: bytes) -> bytes:
    return kind + key.hex().encode()


def _ignored(_: Reply | Lost) -> None:
    """Places are written again, and buckets are not."""
