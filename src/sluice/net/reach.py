"""Where a name may lead: never into this machine, to its link, or to its cloud's metadata.

Such an address is reached only if it is written literally in the configuration (as an address, or `localhost`); an
address of a private network may have a name. Whoever connects asks here with the addresses that it has looked up, and
connects to those: a name that leads elsewhere a moment later changes nothing (DNS rebinding).
"""

import ipaddress
from collections.abc import Callable, Sequence

from sluice.errors import Unreachable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Reachable = Callable[[str], bool]

_METADATA = frozenset(
    map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
"""Of clouds, beside 169.254.169.254, which is link-local."""
_EMBEDDING = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
"""Addresses of the older kind at the end of those of the newer: RFC 6052, RFC 8215, RFC 4291 2.5.5.1."""


def is_literal(host: str) -> bool:
    """Return whether a host says by itself where it leads."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rstrip(".").lower() == "localhost"
    return True


def is_public(text: str) -> bool:
    """Return whether a name may lead to an address: anything but this machine, its link, and clouds' metadata."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if address in _METADATA or address.is_unspecified or address.is_multicast:
        return False
    if address.is_loopback or address.is_link_local:
        return False
    inner = _inner(address)
    return inner is None or is_public(str(inner))


def reachable(host: str, addresses: Sequence[str], allowed: Reachable = is_public) -> list[str]:
    """Return those of a host's addresses that may be connected to.

    Raises:
        Unreachable: it has some, and none of them may be.
    """
    if is_literal(host):
        return list(addresses)
    found = [address for address in addresses if allowed(address)]
    if addresses and not found:
        raise Unreachable(
            f"{host} leads to an address of this machine, its link or its cloud; such a one has to be written literally"
        )
    return found


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if any(address in network for network in _EMBEDDING):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
