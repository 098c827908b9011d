"""Counters of limits in the memory of one process. Implements `gateway.limits_ports.Counters`."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice

from sluice.gateway.limits_ports import Draw, Give, Place, Verdict
from sluice.policies.bucket import Bucket, full_us
from sluice.stores.limits_verdict import refused, taken, wanted

MAX_BUCKETS = 1 << 16
"""Buckets that are remembered; some 250 bytes each. Beyond, of those asked for longest ago the one that is full, or
will be soonest, is forgotten: that costs the limit no more than what it had taken, and nothing if it was full."""
LOOKED_AT = 32
"""How many of those asked for longest ago are looked at to find it."""


class MemoryCounters:
    """Buckets and places, by their keys. `max_buckets`: see MAX_BUCKETS."""

    def __init__(self, max_buckets: int = MAX_BUCKETS) -> None:
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[bytes, Bucket] = OrderedDict()
        self._places: dict[bytes, int] = {}

    def take(self, draws: Sequence[Draw], places: Sequence[Place], now: float) -> Verdict:
        now_us = int(now * 1_000_000)
        full = tuple(each.at_once for each in places if self._places.get(each.key, 0) >= each.at_once.most)
        asked = [(draw, self._bucket(draw, now_us)) for draw in draws]
        amounts = [wanted(draw, bucket.level) for draw, bucket in asked]
        if full or -1 in amounts:
            return Verdict(False, tuple(refused(draw, b.level, b.since_us, now_us) for draw, b in asked), full)
        for place in places:
            self._places[place.key] = self._places.get(place.key, 0) + 1
        for (_, bucket), amount in zip(asked, amounts, strict=True):
            bucket.level -= amount
        found = zip(asked, amounts, strict=True)
        return Verdict(True, tuple(taken(draw, b.level, b.since_us, now_us, amount) for (draw, b), amount in found))

    def put_back(self, gives: Sequence[Give], places: Sequence[Place], now: float) -> None:
        now_us = int(now * 1_000_000)
        for draw, tokens in gives:
            self._bucket(draw, now_us).give(tokens)
        for place in places:
            left = self._places.get(place.key, 0) - 1
            if left > 0:
                self._places[place.key] = left
            else:
                self._places.pop(place.key, None)

    def beat(self, now: float) -> None: ...

    def _bucket(self, draw: Draw, now_us: int) -> Bucket:
        bucket = self._buckets.get(draw.key)
        if bucket is None:
            bucket = self._buckets[draw.key] = Bucket(draw.rate, now_us)
            if len(self._buckets) > self._max_buckets:
                self._forget(draw.key)
        else:
            self._buckets.move_to_end(draw.key)
            bucket.fill(now_us)
        return bucket

    def _forget(self, newest: bytes) -> None:
        oldest = [item for item in islice(self._buckets.items(), LOOKED_AT) if item[0] != newest]
        if oldest:
            del self._buckets[min(oldest, key=lambda item: full_us(item[1].rate, item[1].level, item[1].since_us))[0]]
