"""The side doors of a group of workers: the same addresses and answers as those of one process (`side_doors`)."""

from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sluice.admin.app import admin_app
from sluice.admin.house import House
from sluice.config.plan import Addresses
from sluice.net.side_doors import SideDoor


class Asked(House, Protocol):
    """Who answers for the group."""

    @property
    def ready(self) -> bool: ...

    async def scrape(self, accept: str) -> tuple[str, bytes]: ...


def group_doors(group: Asked, addresses: Addresses) -> dict[str, SideDoor]:
    """Return the doors that have an address, bound.

    Raises:
        ConfigError: an address is none, or cannot be bound.
    """
    doors = (
        ("admin", addresses.admin, admin_app),
        ("stats", addresses.stats, _stats),
        ("readiness", addresses.readiness, _readiness),
    )
    return {name: SideDoor(app(group), address, name) for name, address, app in doors if address != "off"}


def _stats(group: Asked) -> Starlette:
    async def metrics(request: Request) -> Response:
        content_type, body = await group.scrape(request.headers.get("accept", ""))
        return Response(body, media_type=None, headers={"content-type": content_type})

    return Starlette(routes=[Route("/metrics", metrics), Route("/stats/prometheus", metrics)])


def _readiness(group: Asked) -> Starlette:
    async def ready(request: Request) -> Response:
        return PlainTextResponse("ready\n") if group.ready else PlainTextResponse("not ready\n", status_code=503)

    return Starlette(routes=[Route("/healthz/ready", ready)])
