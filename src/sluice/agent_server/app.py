"""The ASGI application of the agent server: one route table, one file a protocol."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import BaseRoute

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
from sluice.agent_server.server import Server

PROTOCOLS: tuple[Callable[[Server], list[BaseRoute]], ...] = (
    operations.routes,
    native.routes,
    langgraph.routes,
    flutch.routes,
    callbacks.routes,
    openai_chat.routes,
    responses.routes,
    ai_sdk.routes,
    ag_ui.routes,
    websocket.routes,
    a2a.routes,
    page.routes,
)
"""In the order in which they are asked; the first route that matches answers."""


def build(server: Server) -> Starlette:
    """Return the application. It opens the service when it starts and drains it when it ends."""
    routes: list[BaseRoute] = []
    for protocol in PROTOCOLS:
        routes += protocol(server)

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        await server.service.open()
        try:
            yield
        finally:
            await server.service.close()

    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] = life
    return Starlette(routes=routes, lifespan=lifespan)
