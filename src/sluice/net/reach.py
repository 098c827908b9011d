"""The way to services that policies ask: a name never leads into this machine or to its cloud's metadata.

Loopback, link-local and metadata addresses are reached only if they are written literally in the configuration (as an
address, or `localhost`). What was looked at is what is connected to: a name that changes meanwhile changes nothing.
"""

import asyncio
import ipaddress
import socket

import msgspec

from sluice.config.plan import Endpoint
from sluice.errors import TimedOut, Unreachable
from sluice.gateway.ports import Upstream, UpstreamStream

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = frozenset(
    map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
"""Of clouds, beside 169.254.169.254, which is link-local."""
_EMBEDDING = ipaddress.ip_network("64:ff9b::/96")
"""Addresses of the older kind, written as those of the newer (RFC 6052)."""


class LiteralReach:
    """An `Upstream` in front of another one."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def open(
        self, endpoint: Endpoint, request: bytes, *, expects_body: bool, connect_s: float, headers_s: float
    ) -> UpstreamStream:
        """See `Upstream.open`. An address that cannot be connected to is passed over if there is another."""
        if is_literal(endpoint.host):
            return await self._upstream.open(
                endpoint, request, expects_body=expects_body, connect_s=connect_s, headers_s=headers_s
            )
        places = await _places(endpoint, connect_s)
        while True:
            place = places.pop(0)
            try:
                return await self._upstream.open(
                    place, request, expects_body=expects_body, connect_s=connect_s, headers_s=headers_s
                )
            except (Unreachable, TimedOut) as error:
                if not places or (isinstance(error, TimedOut) and error.phase != "connect"):
                    raise


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
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _EMBEDDING:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    if address in _METADATA or address.is_unspecified or address.is_multicast:
        return False
    return not (address.is_loopback or address.is_link_local)


async def _places(endpoint: Endpoint, within_s: float) -> list[Endpoint]:
    """Return an endpoint at each address that its name leads to; its certificate is still that of the name."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(within_s or None):
            found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise TimedOut("connect") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "no such name"
        raise Unreachable(f"{endpoint.label} cannot be reached: {why}") from None
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    allowed = [address for address in addresses if is_public(address)]
    if not allowed:
        raise Unreachable(
            f"{endpoint.label} leads to an address of this machine, its link or its cloud; such a one has to be "
            "written literally"
        )
    tls = endpoint.tls
    if tls is not None and not tls.server_name:
        tls = msgspec.structs.replace(tls, server_name=endpoint.host)
    return [msgspec.structs.replace(endpoint, host=address, tls=tls) for address in allowed]
