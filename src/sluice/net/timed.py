"""A way to others that tells how long each call took: for what no exchange's record says."""

import time
from collections.abc import Callable

from sluice.config.plan import Endpoint
from sluice.gateway.ports import Upstream, UpstreamStream


class Timed:
    """Implements `gateway.ports.Upstream` with another one's."""

    def __init__(
        self, upstream: Upstream, told: Callable[[float], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`told` hears of every call, once: seconds until the head of its answer, its failure, or its end by whoever
        waited for it."""
        self._upstream, self._told, self._clock = upstream, told, clock

    async def open(
        self,
        endpoint: Endpoint,
        request: bytes,
        *,
        expects_body: bool,
        connect_s: float,
        headers_s: float,
        sent: Callable[[bool], object] | None = None,
    ) -> UpstreamStream:
        """See `gateway.ports.Upstream.open`."""
        began = self._clock()
        try:
            return await self._upstream.open(
                endpoint, request, expects_body=expects_body, connect_s=connect_s, headers_s=headers_s, sent=sent
            )
        finally:
            self._told(self._clock() - began)
