"""The chat page at `/`: one page and its modules, from the package itself; nothing of it comes from elsewhere.

The page is an ordinary client of the native protocol: what it does, anybody can do.
"""

from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from sluice import __version__
from sluice.agent_server.server import Server, answering, problem
from sluice.errors import NotFound

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing but this server, and no script in the page itself: what a model says cannot become one."""
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_PAGES: Final = {
    page.name: (page.read_bytes(), _TYPES["." + page.name.rpartition(".")[2]])
    for page in files("sluice.agent_server").joinpath("pages").iterdir()
    if "." + page.name.rpartition(".")[2] in _TYPES
}
"""Read once: an asset is whatever stood there when the server was loaded, and no path of a request reaches a disk."""


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""

    async def root(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return _asset("chat.html")
        await server.who(request)
        agents = [agent.name for agent in server.service.catalogue]
        return JSONResponse({"name": "sluice", "version": __version__, "agents": agents, "docs": "/docs"})

    async def asset(request: Request) -> Response:
        return _asset(request.path_params["name"])

    async def icon(request: Request) -> Response:
        return RedirectResponse("assets/icon.svg", 308)

    return [
        Route("/", answering(problem, root), methods=["GET"]),
        Route("/assets/{name}", answering(problem, asset), methods=["GET"]),
        Route("/favicon.ico", icon, methods=["GET"]),
    ]


def _asset(name: str) -> Response:
    """
    Raises:
        NotFound: there is none of that name.
    """
    if name not in _PAGES:
        raise NotFound(f"there is no page {name[:100]!r}")
    body, kind = _PAGES[name]
    return Response(body, media_type=kind, headers=_HEADERS)
