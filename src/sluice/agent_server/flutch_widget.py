"""A chat widget on somebody's page, open to its visitors: `/public/widget/{init,message}`. agents.md B.2.

An agent is open to them only if it has a key for it: `Agent(..., metadata={"widget_key": "wk-…"})`. A visitor gets a
session: a secret of 128 bits that stands for one thread of one agent, and for nothing else. Conversations of visitors
belong to nobody who has an account.
"""

import secrets
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from sluice.agent_server.flutch_nest import rest, route
from sluice.agent_server.server import Server, as_json, cursor
from sluice.agents.agent import Agent
from sluice.agents.asked import Asked
from sluice.agents.callback_limits import Limits, Window
from sluice.agents.ids import uuid7
from sluice.errors import BadRequest, NotFound, RateLimited, Unauthenticated
from sluice.runs.messages import said
from sluice.runs.projections.flutch_widget import FlutchWidget
from sluice.runs.records import Item

NAMESPACE = ("widget", "session")
SESSION_MS = 24 * 3_600_000
MAX_TEXT = 10_000
SESSIONS = Window("widget-init", 20, 60_000)
MESSAGES = Window("widget-message", 20, 60_000)
"""Of one address: visitors are nobody, so nothing else bounds what they cost."""


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    widget = _Widget(server)
    return [
        *route("/public/widget/init", "POST", widget.init),
        *route("/public/widget/message", "POST", widget.message),
        *rest(["/public"]),
    ]


class _Widget:
    """Sessions, and what is said in them."""

    def __init__(self, server: Server) -> None:
        self._server, self._service = server, server.service
        self._limits = Limits(server.service.store, server.service.now)

    async def init(self, request: Request) -> Response:
        body, _ = await self._server.body(request, dict[str, Any])
        agent = self._agent(body)
        await self._room(SESSIONS, request)
        visitor = _text(body, "fingerprint", 256)
        thread = _text(body, "threadId", 64) if body.get("threadId") else uuid7()
        owner = f"widget:{agent.name}:{sha256(visitor.encode()).hexdigest()[:32]}"
        if body.get("threadId"):
            await self._service.thread(owner, thread)
        token, now = secrets.token_urlsafe(16), self._service.now()
        session = {"agent": agent.name, "owner": owner, "thread": thread}
        await self._service.store.put_item(
            Item(
                namespace=NAMESPACE,
                key=sha256(token.encode()).hexdigest(),
                value=session,
                created=now,
                updated=now,
                expires=now + SESSION_MS,
            )
        )
        return as_json({"threadId": thread, "sessionToken": token}, self._server.legacy_status)

    async def message(self, request: Request) -> Response:
        body, digest = await self._server.body(request, dict[str, Any])
        agent = self._agent(body)
        await self._room(MESSAGES, request)
        token = _text(body, "sessionToken", 64)
        known = await self._service.store.get_item(NAMESPACE, sha256(token.encode()).hexdigest())
        if known is None or known.value["agent"] != agent.name:
            raise Unauthenticated("Invalid session token", reason="Widget")
        run = await self._service.start(
            Asked(
                owner=known.value["owner"],
                agent=f"{agent.name}::{agent.version}",
                input=(said(_text(body, "text", MAX_TEXT)),),
                thread_id=known.value["thread"],
                request_id=request.headers.get("idempotency-key", ""),
                digest=digest,
                context={"channel": "widget"},
                on_disconnect="cancel",
            )
        )
        response = self._server.stream(run, FlutchWidget(), after=cursor(request))
        response.status_code = self._server.legacy_status
        return response

    def _agent(self, body: dict[str, Any]) -> Agent:
        key = _text(body, "widgetKey", 256)
        catalogue = self._service.catalogue
        for agent in map(catalogue.newest, catalogue.names):
            own = agent.metadata.get("widget_key")
            if isinstance(own, str) and own and secrets.compare_digest(own.encode(), key.encode()):
                return agent
        raise NotFound("Widget not found")

    async def _room(self, window: Window, request: Request) -> None:
        standing = await self._limits.take(window, request.client.host if request.client is not None else "")
        if not standing.allowed:
            raise RateLimited("Too many messages", retry_after_s=standing.reset_s, headers=standing.headers)


def _text(body: dict[str, Any], key: str, most: int) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value or len(value) > most:
        raise BadRequest(f"{key} must be a string of 1 to {most} characters", param=key)
    return value
