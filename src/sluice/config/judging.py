"""Guards that ask a service: which one, where it is, and with which credential.

PURE. A Judge of the policies is only a guard; here it gets what the gateway needs to ask it.
"""

from sluice.config.frozen import Frozen
from sluice.config.plan import Endpoint
from sluice.policies.guards import Judge
from sluice.providers.credential import CloudAuth, HeaderPlacement, Secret
from sluice.providers.text_judge import Form


class JudgeService(Frozen):
    """Where a service is that policies ask."""

    endpoint: Endpoint
    base_path: str = ""
    """Before the paths of its API, without a slash at its end."""
    credential: Secret | None = None
    placement: HeaderPlacement = HeaderPlacement()
    cloud: CloudAuth | None = None
    """Signs requests instead of a credential."""
    connect_timeout_s: float | None = None
    """None = as long as the guard waits for a verdict."""


class Forwarded(Frozen):
    """A header of the client's that the service gets to see: those of this name whose value is this one, or matches
    it whole."""

    name: str
    """In lower case."""
    value: str
    regex: bool = False


class MissingJudge(Judge, frozen=True, kw_only=True):
    """A service that cannot be asked: what the configuration says of it leads nowhere. It never has a verdict."""

    why: str


class RemoteJudge(Judge, frozen=True, kw_only=True):
    """A service that is asked about text."""

    form: Form
    service: JudgeService
    forwards: tuple[Forwarded, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    """Name in lower case, or `:path`, and the CEL expression of its value. One that fails is left out."""
