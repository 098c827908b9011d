"""Which ports may be opened to the network: those where nobody is answered who has not proven who they are.

PURE. Obeys: stream-life 8 (loopback without authentication), decisions/0004.
"""

import ipaddress
from collections.abc import Iterable, Mapping

from sluice.config.frozen import Frozen
from sluice.config.plan import Listener, Plan
from sluice.errors import ConfigError
from sluice.policies.access import Access

Hosts = tuple[str, ...]
"""Addresses to listen on."""
LOOPBACK: Hosts = ("127.0.0.1", "::1")
EVERYWHERE: Hosts = ("0.0.0.0", "::")  # noqa: S104 - where everybody has to authenticate, or for --insecure-bind
_HINT = (
    "let each of its routes, or the whole Gateway, have `apiKeyAuthentication`, `jwtAuthentication` or "
    "`basicAuthentication` with `mode: Strict` (short form: `apiKey`, `jwtAuth`, `basicAuth`); "
)
_AT_START = "or leave --host out: such a port listens on this machine's addresses only; or say --insecure-bind"
_AT_RELOAD = "or restart: such a port listens on this machine's addresses only"


class Exposure(Frozen):
    """Who may reach the ports of a process, as its command line says."""

    hosts: Hosts = ()
    """Listen on these. Empty = on all addresses where everybody has to authenticate, else on this machine's own."""
    insecure: bool = False
    """Listen on them although somebody need not authenticate."""

    def places(self, plan: Plan) -> dict[int, Hosts]:
        """Return the addresses on which each port of a plan is to listen.

        Raises:
            ConfigError: somebody from outside could ask something without a credential.
        """
        proven = authenticated_ports(plan)
        ports = dict.fromkeys(listener.port for listener in plan.listeners)
        chosen = {port: self.hosts or (EVERYWHERE if self.insecure or port in proven else LOOPBACK) for port in ports}
        self._check(plan, chosen, _AT_START)
        return chosen

    def stay(self, plan: Plan, places: Mapping[int, Hosts]) -> None:
        """Pass if ports that listen already may go on to do so under a new plan.

        Raises:
            ConfigError: somebody from outside could ask something without a credential.
        """
        self._check(plan, places, _AT_RELOAD)

    def _check(self, plan: Plan, places: Mapping[int, Hosts], or_else: str) -> None:
        for listener in () if self.insecure else plan.listeners:
            hosts = places.get(listener.port, ())
            if is_wide(hosts) and (who := _unasked(listener)):
                text = f"port {listener.port} listens on {', '.join(hosts)}, and {who} asks nobody who they are"
                raise ConfigError(text, hint=_HINT + or_else)


def read_hosts(texts: Iterable[str]) -> Hosts:
    """Return the addresses that a command line names: IP addresses, or `localhost`.

    Raises:
        ConfigError: one of them is neither.
    """
    hosts: list[str] = []
    for text in texts:
        try:
            hosts += LOOPBACK if text.lower() == "localhost" else [str(ipaddress.ip_address(text.strip("[]")))]
        except ValueError:
            hint = "an IP address of this machine, 0.0.0.0 or :: for all, localhost for none but this machine"
            raise ConfigError(f"{text!r} is no address to listen on", path="--host", hint=hint) from None
    return tuple(dict.fromkeys(hosts))


def is_wide(hosts: Hosts) -> bool:
    """Return whether somebody beyond this machine reaches one of these addresses."""
    return not all(ipaddress.ip_address(host).is_loopback for host in hosts)


def authenticated_ports(plan: Plan) -> frozenset[int]:
    """Return the ports of whose listeners each asks whoever comes who they are, whatever they come for."""
    ports = {listener.port for listener in plan.listeners}
    return frozenset(ports - {listener.port for listener in plan.listeners if _unasked(listener)})


def authenticates(access: Access) -> bool:
    """Return whether a request without a credential is refused.

    Rules of authorization do not count: what they look at may be anything.
    """
    strict = [one.mode == "strict" for one in (access.jwt, access.basic, access.api_keys) if one is not None]
    external = access.external
    for_all = bool(external) and not external[-1].condition
    return any(strict) or (for_all and not any(one.fails_open for one in external))


def _unasked(listener: Listener) -> str:
    """Return who answers anybody: a route, or the listener if it has none; empty = nobody does."""
    if authenticates(listener.access):
        return ""
    if not listener.entries:
        return f"listener {listener.name} of {listener.gateway}"
    return next((f"route {entry.route}" for entry in listener.entries if not authenticates(entry.rule.access)), "")
