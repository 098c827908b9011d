"""Those who read the policies of the short form, in which there are no objects: a reference to one leads nowhere, and
says so.

PURE.
"""

from collections.abc import Mapping

from sluice.config.faults import Faults
from sluice.config.guard_judges import JudgeReader
from sluice.config.guard_services import GuardServices
from sluice.config.guard_short import short_guards
from sluice.config.guard_short_api import ShortPromptGuard
from sluice.config.layers import Said
from sluice.config.objects import Objects
from sluice.config.references import Values
from sluice.config.source import Document
from sluice.policies.guards import NO_GUARDS, Guards

NAMESPACE = "default"


class ShortReaders:
    """One file's. `env` holds the credentials of services that say nothing about theirs."""

    def __init__(self, document: Document, env: Mapping[str, str], faults: Faults) -> None:
        self.document, self.env, self.faults = document, env, faults
        self.values = Values(Objects(), env, faults)
        self.judges = JudgeReader(GuardServices(faults, values=self.values, env=env), faults)
        self.notes: list[str] = []
        """Sentences for the banner."""

    @property
    def troubles(self) -> list[str]:
        """What leads nowhere, a sentence each."""
        return [f"The guard {name} has no verdict: {why}." for name, why in self.judges.troubles]

    def guards(self, said: Said[ShortPromptGuard | None], name: str) -> Guards:
        """Return the guards that stand in one place; `name` is what logs call it."""
        if said.settings is None:
            return NO_GUARDS
        return short_guards(
            Said(said.settings, said.document, said.path, said.namespace), self.judges, self.faults, name
        )
