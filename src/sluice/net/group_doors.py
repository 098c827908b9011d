"""The side doors of a group of workers: the same addresses and answers as those of one process (`side_doors`)."""

from typing import Protocol

import msgspec
from starlette.applications import Starlette
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sluice.config.plan import Addresses
from sluice.net.side_doors import SideDoor, of_a_page
from sluice.telemetry.process_log import Threshold

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
"""No page may rebind a name to the admin's address."""


class Asked(Protocol):
    """Who answers for the group."""

    threshold: Threshold

    @property
    def ready(self) -> bool: ...

    async def scrape(self, accept: str) -> tuple[str, bytes]: ...

    async def dump(self) -> bytes | None: ...

    async def set_level(self, level: str) -> None: ...


def group_doors(group: Asked, addresses: Addresses) -> dict[str, SideDoor]:
    """Return the doors that have an address, bound.

    Raises:
        ConfigError: an address is none, or cannot be bound.
    """
    doors = (
        ("admin", addresses.admin, _admin),
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


def _admin(group: Asked) -> Starlette:
    async def config_dump(request: Request) -> Response:
        said = await group.dump()
        if said is None:
            return JSONResponse({"error": "no worker answers"}, status_code=503)
        return Response(said, media_type="application/json")

    async def status(request: Request) -> Response:
        said = await group.dump()
        if said is None:
            return JSONResponse({"error": "no worker answers"}, status_code=503)
        return JSONResponse({"objects": msgspec.json.decode(said)["statuses"]})

    async def logging(request: Request) -> Response:
        if of_a_page(request):
            return JSONResponse({"error": "pages may not ask this"}, status_code=403)
        if request.method == "POST":
            try:
                await group.set_level(request.query_params.get("level", ""))
            except ValueError as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse({"level": group.threshold.level})

    app = Starlette(
        routes=[
            Route("/config_dump", config_dump),
            Route("/status", status),
            Route("/logging", logging, methods=["GET", "POST"]),
        ]
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=LOCAL_HOSTS)
    return app
