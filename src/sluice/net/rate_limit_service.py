"""The way to rate-limit services: Envoy's protocol, v3, over gRPC. Implements `limits_ports.RateLimitServices`.

One connection for each service, made when it is first asked. One call has ASK_S for everything, connecting included.
A service that has failed so is not asked again for a second: nobody waits for it meanwhile, and one request then finds
out. What was used is told later, by `keep`; while a service is gone that is kept, within bounds.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sluice.gateway.limits_ports import Hits, RemoteVerdict, ServiceGone
from sluice.net.rate_limit_messages import read_response, request
from sluice.policies.limiting import Remote
from sluice.policies.server import Server

if TYPE_CHECKING:
    from sluice.net.rate_limit_way import Way

ASK_S = 0.25
MAX_SERVICES = 64


class RateLimitServices:
    """All services that are asked. `keep` runs as long as the process."""

    def __init__(self, ask_s: float = ASK_S, told: Callable[[float], None] = lambda seconds: None) -> None:
        """`told` hears how many seconds each question took, answered or not."""
        self._ask_s, self._told = ask_s, told
        self._ways: dict[Server, Way] = {}
        self._work = asyncio.Event()

    async def ask(self, remote: Remote, hits: Sequence[Hits]) -> RemoteVerdict:
        server = remote.server
        if server is None:
            raise ServiceGone("its address is not known")
        began = time.monotonic()
        try:
            return read_response(await self._way(server).ask(request(remote.domain, hits)))
        except (ServiceGone, ValueError) as error:
            raise ServiceGone(f"{server.host}:{server.port}: {error}") from None
        finally:
            self._told(time.monotonic() - began)

    def report(self, remote: Remote, hits: Sequence[Hits]) -> None:
        if remote.server is not None:
            way = self._way(remote.server)
            way.due.append(request(remote.domain, hits))
            way.told.clear()
            self._work.set()

    async def keep(self) -> None:
        """Tell services what was used, one message after the other."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._work.wait()
                self._work.clear()
                for way in self._ways.values():
                    if way.due and not way.tells:
                        way.tells = True
                        tasks.create_task(way.tell(), name="rate-limit reports")

    async def finish(self, within_s: float) -> None:
        """Tell what is due, before the process ends; `keep` still runs."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                for way in self._ways.values():
                    await way.told.wait()

    def close(self) -> None:
        for way in self._ways.values():
            way.close()

    def _way(self, server: Server) -> "Way":
        way = self._ways.get(server)
        if way is None:
            idle = [known for known, each in self._ways.items() if not each.due and not each.tells]
            if len(self._ways) >= MAX_SERVICES and idle:  # of plans that are no more
                self._ways.pop(idle[0]).close()
            from sluice.net.rate_limit_way import Way  # and h2 with it: only who asks a service pays for that

            way = self._ways[server] = Way(server, self._ask_s)
        return way
