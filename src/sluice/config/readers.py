"""Those who read the policies of manifests, each its own kind, and what they found that leads nowhere.

PURE.
"""

from collections.abc import Mapping

from sluice.config.access_policy import AccessReader
from sluice.config.ai_policy import AiReader
from sluice.config.faults import Faults
from sluice.config.guard_judges import JudgeReader
from sluice.config.guard_services import GuardServices
from sluice.config.limit_policy import LimitReader
from sluice.config.money_policy import MoneyReader
from sluice.config.objects import Objects
from sluice.config.policy_parts import TrafficLayer
from sluice.config.references import Grants, Values
from sluice.config.services import Services
from sluice.config.shaping_policy import shaping
from sluice.policies.shaping import Shaping


class Readers:
    """One configuration's. What they have read once they know."""

    def __init__(
        self, objects: Objects, values: Values, grants: Grants, env: Mapping[str, str], faults: Faults
    ) -> None:
        """`env` holds the credentials of services that say nothing about theirs."""
        services = Services(objects, values, grants, faults)
        self.endpoint = services.endpoint
        self.access = AccessReader(objects, values, services.endpoint, faults)
        self.limits = LimitReader(objects, services.endpoint, faults)
        self.money = MoneyReader(faults)
        self.judges = JudgeReader(GuardServices(faults, objects=objects, values=values, grants=grants, env=env), faults)
        self.ai = AiReader(self.judges, faults)
        self._faults = faults
        self._shapings: dict[int, tuple[object, Shaping]] = {}

    def shaping(self, layer: TrafficLayer) -> Shaping:
        """Return what a layer says of shaping."""
        known = self._shapings.get(id(layer))
        if known is None:
            known = self._shapings[id(layer)] = (layer, shaping([layer.said], self._faults))
        return known[1]

    @property
    def troubles(self) -> list[str]:
        """What was found so far that leads nowhere, a sentence each."""
        judged = [f"The guard {name} has no verdict: {why}." for name, why in self.judges.troubles]
        return [*self.access.notes, *self.limits.notes, *judged]
