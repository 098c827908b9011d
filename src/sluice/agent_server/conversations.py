"""Conversations: threads, as the Responses API calls them. /v1/conversations.

Source: platform.openai.com/docs/api-reference/conversations, read 2026-11-21.
"""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.openai_answers import told
from sluice.agent_server.openai_page import page
from sluice.agent_server.responses_input import Item, items_of, read
from sluice.agent_server.server import Server, answering, as_json
from sluice.agents.ids import name
from sluice.errors import NotFound
from sluice.runs.messages import Message
from sluice.runs.records import Thread


class _New(msgspec.Struct, frozen=True):
    items: list[Item] | None = None
    metadata: dict[str, str] | None = None


class _Update(msgspec.Struct, frozen=True):
    metadata: dict[str, str]


class _Items(msgspec.Struct, frozen=True):
    items: list[Item]


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    store = server.service.store

    async def create(request: Request) -> Response:
        owner = await server.who(request)
        body = await server.body_or(request, _New())
        said = _read(body.items or [])
        now = server.service.now()
        agent = server.agent(request)
        thread = Thread(
            id=name("conv"), owner=owner, created=now, updated=now, agent=agent, metadata=body.metadata or {}
        )
        await store.create_thread(thread)
        await store.add_messages(owner, thread.id, said)
        return as_json(_conversation(thread))

    async def get(request: Request) -> Response:
        return as_json(_conversation(await _found(request)))

    async def update(request: Request) -> Response:
        thread = await _found(request)
        body, _ = await server.body(request, _Update)
        thread = msgspec.structs.replace(thread, metadata=body.metadata, updated=server.service.now())
        await store.put_thread(thread)
        return as_json(_conversation(thread))

    async def delete(request: Request) -> Response:
        thread = await _found(request)
        await store.delete_thread(thread.owner, thread.id)
        return as_json({"id": thread.id, "object": "conversation.deleted", "deleted": True})

    async def items(request: Request) -> Response:
        thread = await _found(request)
        return as_json(page(request, items_of(await server.service.messages(thread.owner, thread.id))))

    async def add(request: Request) -> Response:
        thread = await _found(request)
        body, _ = await server.body(request, _Items)
        said = _read(body.items)
        await store.add_messages(thread.owner, thread.id, said)
        return as_json(page(request, items_of(said)))

    async def item(request: Request) -> Response:
        thread = await _found(request)
        wanted = request.path_params["item"]
        for one in items_of(await server.service.messages(thread.owner, thread.id)):
            if one["id"] == wanted:
                return as_json(one)
        raise NotFound(f"there is no item {wanted!r}")

    async def _found(request: Request) -> Thread:
        return await server.service.thread(await server.who(request), request.path_params["conversation"])

    one = "/v1/conversations/{conversation}"
    return [
        Route("/v1/conversations", answering(told, create), methods=["POST"]),
        Route(one, answering(told, get), methods=["GET"]),
        Route(one, answering(told, update), methods=["POST"]),
        Route(one, answering(told, delete), methods=["DELETE"]),
        Route(f"{one}/items", answering(told, items), methods=["GET"]),
        Route(f"{one}/items", answering(told, add), methods=["POST"]),
        Route(f"{one}/items/{{item}}", answering(told, item), methods=["GET"]),
    ]


def _read(items: list[Item]) -> list[Message]:
    messages = read(items)
    return [msgspec.structs.replace(message, id=name("msg")) for message in messages]


def _conversation(thread: Thread) -> dict[str, Any]:
    return {
        "id": thread.id,
        "object": "conversation",
        "created_at": thread.created // 1000,
        "metadata": thread.metadata,
    }
