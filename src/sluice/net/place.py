"""Where a serving process stands: alone, or as one of several workers that share its ports."""

from collections.abc import Iterable
from typing import Protocol

from sluice.config.exposure import Hosts
from sluice.config.plan import Plan
from sluice.gateway.limits_ports import Counters
from sluice.stores.limits_memory import MemoryCounters


class Place(Protocol):
    """What is different for a worker."""

    @property
    def shared(self) -> bool:
        """Other processes listen on the same ports."""
        ...

    def share(self, plan: Plan) -> Plan:
        """Return this process's share of a plan: what bounds the whole is divided."""
        ...

    def counters(self, now: float) -> Counters:
        """Return what counts the limits of this machine; all of its processes count together. `now`: monotonic
        seconds."""
        ...

    async def reserve(self, port: int, hosts: Hosts) -> None:
        """Make sure that a port is free for us on these addresses.

        Raises:
            ConfigError: it is not.
        """
        ...

    def serves(self, ports: Iterable[int]) -> None:
        """These ports are listened on, and no others."""
        ...

    def drains(self) -> None:
        """No new work is taken any more."""
        ...


class Alone:
    """One process that serves all there is. Implements `Place`."""

    shared = False

    def share(self, plan: Plan) -> Plan:
        return plan

    def counters(self, now: float) -> Counters:
        return MemoryCounters()

    async def reserve(self, port: int, hosts: Hosts) -> None: ...

    def serves(self, ports: Iterable[int]) -> None: ...

    def drains(self) -> None: ...
