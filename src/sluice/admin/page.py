"""The live page: one page and its modules, from the package itself; nothing of it comes from elsewhere."""

from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PAGES: Final = {
    page.name: (page.read_bytes(), _TYPES["." + page.name.rpartition(".")[2]])
    for page in files("sluice.admin").joinpath("pages").iterdir()
    if "." + page.name.rpartition(".")[2] in _TYPES
}
"""Read once: no path of a request reaches a disk."""


def routes() -> list[BaseRoute]:
    """Return its routes."""

    async def page(request: Request) -> Response:
        return _asset("live.html")

    async def asset(request: Request) -> Response:
        return _asset(request.path_params["name"])

    async def icon(request: Request) -> Response:
        return RedirectResponse("/assets/icon.svg", 308)

    return [
        Route("/", page, methods=["GET"]),
        Route("/ui", page, methods=["GET"]),
        Route("/assets/{name}", asset, methods=["GET"]),
        Route("/favicon.ico", icon, methods=["GET"]),
    ]


def _asset(name: str) -> Response:
    if name not in _PAGES:
        return PlainTextResponse("there is no such page\n", status_code=404)
    body, kind = _PAGES[name]
    return Response(body, media_type=kind, headers={"cache-control": "no-cache"})
