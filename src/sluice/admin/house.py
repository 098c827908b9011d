"""What the admin address shows: one process, or a group of workers. Implemented by `net`."""

from typing import Protocol

from sluice.admin.live import Live
from sluice.admin.plan_map import PlanMap
from sluice.gateway.ports import Upstream
from sluice.telemetry.process_log import Threshold


class House(Protocol):
    """Who answers for all of it. None = no worker answers."""

    workers: int
    """How many there should be; 0 = there is only one process."""
    threshold: Threshold
    knock: Upstream
    """The way to the house's own front door, like anybody else's."""

    async def dump(self) -> bytes | None:
        """The plan in use as JSON, secrets hidden."""
        ...

    async def plan_map(self) -> PlanMap | None:
        """Who is asked for what, by the plan in use."""
        ...

    async def live(self) -> list[Live]:
        """What each process does now; of those that answer."""
        ...

    async def set_level(self, level: str) -> None:
        """Change the log level of all.

        Raises:
            ValueError: there is no such level.
        """
        ...
