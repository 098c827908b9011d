"""Which ports may be opened to the network: those where nobody is answered who has not proven who they are.

PURE. Obeys: stream-life 8 (loopback without authentication).
"""

from sluice.config.plan import Listener, Plan
from sluice.policies.access import Access


def authenticated_ports(plan: Plan) -> frozenset[int]:
    """Return the ports of whose listeners each asks whoever comes who they are, whatever they come for."""
    ports = {listener.port for listener in plan.listeners}
    return frozenset(ports - {listener.port for listener in plan.listeners if not _asks(listener)})


def authenticates(access: Access) -> bool:
    """Return whether a request without a credential is refused.

    Rules of authorization do not count: what they look at may be anything.
    """
    strict = [one.mode == "strict" for one in (access.jwt, access.basic, access.api_keys) if one is not None]
    external = access.external
    for_all = bool(external) and not external[-1].condition
    return any(strict) or (for_all and not any(one.fails_open for one in external))


def _asks(listener: Listener) -> bool:
    entries = listener.entries
    return authenticates(listener.access) or (
        bool(entries) and all(authenticates(entry.rule.access) for entry in entries)
    )
