"""Who asks: everybody the same local principal, or whoever the identity policies of a gateway's file recognise."""

from starlette.requests import HTTPConnection

LOCAL = "local"
"""The principal of a server that asks nobody for a key: it binds to loopback."""


class Everyone:
    """One principal for all."""

    async def principal(self, request: HTTPConnection) -> str:
        return LOCAL

    async def scopes(self, request: HTTPConnection) -> tuple[str, ...]:
        return ("*",)
