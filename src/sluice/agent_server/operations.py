"""What those who run the server ask it: health, metrics, and what it serves. agents.md A21, B.2, D.4.

Nobody is asked who he is here, and nothing is said of runs, threads or people.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.openapi import described, page
from sluice.agent_server.server import Server, answering, as_json, problem

STORE_S = 2.0
"""How long the store may take to answer before the server is not ready."""
UNHEALTHY = 503
_PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    service = server.service
    name = service.catalogue.default.name

    def check(what: str, wrong: str) -> dict[str, Any]:
        status = "unhealthy" if wrong else "healthy"
        return {"name": what, "status": status, "message": wrong or "ok", "details": {}}

    async def store_check() -> dict[str, Any]:
        try:
            async with asyncio.timeout(STORE_S):
                await service.store.get_run("health")
        except TimeoutError:
            return check("store", f"no answer within {STORE_S:g} s")
        except Exception as error:  # whatever a driver says: it may hold the store's address, so only its kind is told
            return check("store", type(error).__name__)
        return check("store", "")

    def told(checks: list[dict[str, Any]], status: str | None = None) -> Response:
        failed = any(one["status"] != "healthy" for one in checks)
        said = status or ("unhealthy" if failed else "healthy")
        now = datetime.fromtimestamp(service.now() / 1000, UTC).isoformat(timespec="milliseconds")
        body: dict[str, Any] = {"status": said, "timestamp": now.replace("+00:00", "Z"), "name": name, "checks": checks}
        if failed:
            body |= {"statusCode": UNHEALTHY, "message": "Service unhealthy"}
        return as_json(body, UNHEALTHY if failed else 200, headers={"cache-control": "no-store"})

    async def live(request: Request) -> Response:
        """Whether the process lives."""
        return told([check("process", "")])

    async def ready(request: Request) -> Response:
        """Whether it takes work: the store answers, and it is not shutting down."""
        accepting = check("accepting", "the server is shutting down" if service.draining else "")
        return told([accepting, await store_check()])

    async def metrics(request: Request) -> Response:
        """What it has counted, for Prometheus."""
        media, text = server.counters.render(request.headers.get("accept", ""))
        return Response(text, media_type=None, headers={"content-type": media})

    async def openapi(request: Request) -> Response:
        """This description."""
        return as_json(described(request.app.routes, request.app.state.protocols))

    async def docs(request: Request) -> Response:
        """This description, for people."""
        text = page(described(request.app.routes, request.app.state.protocols))
        return Response(text, headers={"content-type": "text/html; charset=utf-8", **_PAGE_HEADERS})

    table = {
        "/health": ready,
        "/health/live": live,
        "/health/ready": ready,
        "/health/startup": ready,
        "/metrics": metrics,
        "/openapi.json": openapi,
        "/docs": docs,
    }
    return [Route(path, answering(problem, endpoint), methods=["GET"]) for path, endpoint in table.items()]
