"""The ASGI application of the agent server: one route table, one file a protocol."""

from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sluice.agent_server import (
    a2a,
    ag_ui,
    ai_sdk,
    callbacks,
    flutch,
    langgraph,
    native,
    openai_chat,
    operations,
    page,
    responses,
    websocket,
)
from sluice.agent_server.counters import Counters
from sluice.agent_server.server import Server, problem
from sluice.agents.trail import came_with
from sluice.errors import Internal, MethodNotAllowed, RouteNotFound, SluiceError

Protocol = Callable[[Server], list[BaseRoute]]
PROTOCOLS: dict[str, Protocol] = {
    "native": native.routes,
    "langgraph": langgraph.routes,
    "flutch": flutch.routes,
    "callbacks": callbacks.routes,
    "openai": openai_chat.routes,
    "responses": responses.routes,
    "ui": ai_sdk.routes,
    "ag-ui": ag_ui.routes,
    "ws": websocket.routes,
    "a2a": a2a.routes,
}
"""In the order in which they are asked; the first route that matches answers. Each also below `/agents/NAME`: there the
agent is that one, see `Server.agent`."""
ONCE: dict[str, Protocol] = {"operations": operations.routes, "page": page.routes}
"""What the process has once."""
EXPOSED = ("Location", "Content-Location", "X-Run-Id", "X-Thread-Id", "X-Pagination-Next", "Retry-After")
"""Headers of answers that pages of other origins may read."""


def build(server: Server) -> Starlette:
    """Return the application. It opens the service when it starts and drains it when it ends."""
    protocols: dict[object, str] = {}

    def made(table: dict[str, Protocol]) -> list[BaseRoute]:
        routes: list[BaseRoute] = []
        for name, protocol in table.items():
            for route in protocol(server):
                if isinstance(route, Route | WebSocketRoute):
                    protocols[route.endpoint] = name
                routes.append(route)
        return routes

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        await server.service.open()
        try:
            yield
        finally:
            await server.service.close()

    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] = life
    app = Starlette(
        routes=[
            *made(ONCE),
            *made(PROTOCOLS),
            *native.catalogue(server),
            Mount("/agents/{agent}", routes=made(PROTOCOLS)),
        ],
        lifespan=lifespan,
        middleware=[Middleware(_Counted, counters=server.counters, protocols=protocols), *_cors(server.cors)],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    app.state.server = server
    app.state.protocols = protocols
    return app


def _cors(origins: tuple[str, ...]) -> list[Middleware]:
    if not origins:
        return []
    made = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=("*",),
        expose_headers=EXPOSED,
        max_age=3600,
    )
    return [made]


async def _refused(request: Request, error: Exception) -> Response:
    """Answer for what no route takes."""
    assert isinstance(error, HTTPException)
    allow = (error.headers or {}).get("Allow", "")
    if request.method == "OPTIONS" and allow:
        return Response(status_code=204, headers={"allow": f"{allow}, OPTIONS"})
    place = f"{request.method} {request.url.path}"
    told: SluiceError
    if error.status_code == MethodNotAllowed.status:
        told = MethodNotAllowed(f"this is not done with {place}; allowed: {allow}")
    elif error.status_code == RouteNotFound.status:
        told = RouteNotFound(f"there is no {place}")
    else:
        return Response(error.detail, error.status_code, error.headers)
    response = problem(told)
    if allow:
        response.headers["allow"] = allow
    return response


async def _failed(request: Request, error: Exception) -> Response:
    """Answer for a fault outside all protocols; uvicorn logs it."""
    return problem(Internal("the server failed; its log says how"))


class _Counted:
    """Counts each answer under the protocol whose route gave it, and notes the trace that a request belongs to."""

    def __init__(self, app: ASGIApp, counters: Counters, protocols: dict[object, str]) -> None:
        self._app, self._counters, self._protocols = app, counters, protocols

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            came_with(scope["headers"])
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                endpoint = scope.get("endpoint")  # a router, which has no hash, where none of its routes matched
                protocol = self._protocols.get(endpoint, "none") if isinstance(endpoint, Hashable) else "none"
                self._counters.answered(protocol, scope["method"], message["status"])
            await send(message)

        await self._app(scope, receive, counted)
