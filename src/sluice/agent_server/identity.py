"""Who asks: everybody the same local principal, or whoever the identity policies of a gateway's file recognise.

A principal's name holds how it was proven, `jwt:alice` or `api_key:team-a`: two ways to a name are two principals. What
is a principal's own (threads, runs, items) is under this name.
"""

import time
from typing import Any

from starlette.requests import HTTPConnection

from sluice.config.plan import Plan
from sluice.errors import ConfigError
from sluice.gateway.access import AccessControl
from sluice.gateway.ports import Request
from sluice.gateway.scene import scene_of
from sluice.policies.access import OPEN, Access, merged
from sluice.policies.principal import Principal

LOCAL = "local"
"""The principal of a server that asks nobody for a key: it binds to loopback."""
NOBODY = "nobody"
"""Who comes without a credential where the policies let such in: all of them are one."""
_KEPT = "sluice.principal"
"""Where a connection keeps who it is: a credential is looked at once."""


class Everyone:
    """One principal for all."""

    async def principal(self, request: HTTPConnection) -> str:
        return LOCAL

    async def scopes(self, request: HTTPConnection) -> tuple[str, ...]:
        return ("*",)


class Policed:
    """Those whom the policies of identity let in. Implements `server.Principals` and `server.Scoped`."""

    def __init__(self, control: AccessControl, access: Access) -> None:
        self._control, self._access = control, access

    async def principal(self, request: HTTPConnection) -> str:
        """
        Raises:
            As `AccessControl.check`.
        """
        who = await self._who(request)
        return NOBODY if who.kind == "nobody" else f"{who.kind}:{who.id}"

    async def scopes(self, request: HTTPConnection) -> tuple[str, ...]:
        """Return what the token's `scope`, `scp` or `scopes` says, or the key's `scopes`."""
        who = await self._who(request)
        said = {**who.metadata, **who.claims}
        return tuple(scope for name in ("scope", "scp", "scopes") for scope in _scopes(said.get(name)))

    async def _who(self, request: HTTPConnection) -> Principal:
        kept = request.scope.get(_KEPT)
        if isinstance(kept, Principal):
            return kept
        asked = _as_gateway_sees(request)
        scheme = "https" if request.url.scheme in ("https", "wss") else "http"
        admitted = await self._control.check(self._access, asked, scene_of(asked, scheme=scheme), scheme=scheme)
        request.scope[_KEPT] = admitted.principal
        return admitted.principal


def principals_of(plan: Plan, control: AccessControl) -> Everyone | Policed:
    """Return who asks where this plan's policies of identity hold.

    Raises:
        ConfigError: its routes have different ones: the agents have no route that would say which.
    """
    found: list[Access] = []
    for listener in plan.listeners:
        for entry in listener.entries:
            access = merged(entry.rule.access, listener.access)
            if access != OPEN and access not in found:
                found.append(access)
    if len(found) > 1:
        raise ConfigError("its routes ask for different identities; the agents need one for all", path="policies")
    return Policed(control, found[0]) if found else Everyone()


def _as_gateway_sees(connection: HTTPConnection) -> Request:
    """Return the head of a connection as the gateway's policies read it. The body is the protocols' own business."""
    scope = connection.scope
    client, here = scope.get("client") or ("", 0), scope.get("server") or ("", 0)
    address = f"[{client[0]}]" if ":" in client[0] else client[0]
    return Request(
        method=scope.get("method", "GET"),
        path=scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=tuple((bytes(name), bytes(value)) for name, value in scope["headers"]),
        body=b"",
        http_version=scope.get("http_version", "1.1"),
        peer=f"{address}:{client[1]}",
        port=here[1] or 0,
        received_at=time.monotonic(),
    )


def _scopes(value: Any) -> list[str]:
    """Return scopes as RFC 8693 section 4.2 writes them, parted by spaces, or as a list."""
    if isinstance(value, str):
        return value.split()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []
