"""The store of values that outlive threads, as `langgraph-sdk` calls it. agents.md C.4, D.4.

A client's namespaces stand below its own: the same that `ctx.store` of an agent sees for this user.
"""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.langgraph_errors import detail
from sluice.agent_server.run_json import moment
from sluice.agent_server.server import Server, answering, as_json, takes
from sluice.errors import BadRequest, NotFound
from sluice.runs.records import Item

_Json = dict[str, Any]
MOST = 1000
"""Items or namespaces in one list."""
NAMESPACES = 10_000
"""Namespaces that are looked through for a suffix."""
LABELS = 20
"""Labels of one namespace."""
KEY_CHARACTERS = 512


class Put(msgspec.Struct, frozen=True, kw_only=True):
    namespace: list[str]
    key: str
    value: _Json
    index: Any = None
    ttl: float | None = None
    """Minutes."""


class Delete(msgspec.Struct, frozen=True, kw_only=True):
    namespace: list[str]
    key: str


class Search(msgspec.Struct, frozen=True, kw_only=True):
    namespace_prefix: list[str] = []
    filter: _Json | None = None
    limit: int = 10
    offset: int = 0
    query: str | None = None
    refresh_ttl: bool | None = None


class Namespaces(msgspec.Struct, frozen=True, kw_only=True):
    prefix: list[str] | None = None
    suffix: list[str] | None = None
    max_depth: int | None = None
    limit: int = 100
    offset: int = 0


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes."""
    items = _Items(server)
    table = [
        ("PUT", "/store/items", items.put),
        ("GET", "/store/items", items.get),
        ("DELETE", "/store/items", items.delete),
        ("POST", "/store/items/search", items.search),
        ("POST", "/store/namespaces", items.namespaces),
    ]
    return [Route(path, answering(detail, endpoint), methods=[method]) for method, path, endpoint in table]


class _Items:
    def __init__(self, server: Server) -> None:
        self._server, self._store, self._now = server, server.service.store, server.service.now

    @takes(Put)
    async def put(self, request: Request) -> Response:
        root = await self._root(request)
        body, _ = await self._server.body(request, Put)
        if not 1 <= len(body.key) <= KEY_CHARACTERS:
            raise BadRequest(f"a key has 1 to {KEY_CHARACTERS} characters", param="key")
        if body.ttl is not None and body.ttl <= 0:
            raise BadRequest("`ttl` is minutes above 0", param="ttl")
        now = self._now()
        expires = 0 if body.ttl is None else now + int(body.ttl * 60_000)
        place = (*root, *_labels(body.namespace))
        if len(place) == len(root):
            raise BadRequest("a namespace has at least one label", param="namespace")
        await self._store.put_item(
            Item(namespace=place, key=body.key, value=body.value, created=now, updated=now, expires=expires)
        )
        return Response(status_code=204)

    async def get(self, request: Request) -> Response:
        root = await self._root(request)
        query = request.query_params
        labels = [label for given in query.getlist("namespace") for label in given.split(".") if label]
        item = await self._store.get_item((*root, *_labels(labels)), query.get("key", ""))
        if item is None:
            raise NotFound(f"there is no item {query.get('key', '')!r}")
        return as_json(_json(item, len(root)))

    @takes(Delete)
    async def delete(self, request: Request) -> Response:
        root = await self._root(request)
        body, _ = await self._server.body(request, Delete)
        await self._store.delete_item((*root, *_labels(body.namespace)), body.key)
        return Response(status_code=204)

    @takes(Search)
    async def search(self, request: Request) -> Response:
        root = await self._root(request)
        body = await self._server.body_or(request, Search())
        if body.query:
            raise BadRequest("items are not searched by meaning here; `filter` finds values", param="query")
        found = await self._store.search_items(
            (*root, *_labels(body.namespace_prefix)),
            filter=body.filter,
            limit=_bounded("limit", body.limit),
            offset=max(0, body.offset),
        )
        return as_json({"items": [_json(item, len(root)) for item in found]})

    @takes(Namespaces)
    async def namespaces(self, request: Request) -> Response:
        root = await self._root(request)
        body = await self._server.body_or(request, Namespaces())
        limit, offset, depth = _bounded("limit", body.limit), max(0, body.offset), body.max_depth or 0
        prefix = (*root, *_labels(body.prefix or []))
        suffix = tuple(_labels(body.suffix or []))
        if not suffix:
            whole = len(root) + depth if depth else 0
            found = await self._store.namespaces(prefix, max_depth=whole, limit=limit, offset=offset)
            return as_json({"namespaces": [list(one[len(root) :]) for one in found]})
        every = await self._store.namespaces(prefix, limit=NAMESPACES)
        ending = {one[len(root) :] for one in every if one[len(root) :][-len(suffix) :] == suffix}
        cut = sorted({one[:depth] if depth else one for one in ending})
        return as_json({"namespaces": [list(one) for one in cut[offset : offset + limit]]})

    async def _root(self, request: Request) -> tuple[str, ...]:
        """Where this client's namespaces begin (agents/items.py)."""
        return ("user", await self._server.who(request))


def _json(item: Item, deep: int) -> _Json:
    return {
        "namespace": list(item.namespace[deep:]),
        "key": item.key,
        "value": item.value,
        "created_at": moment(item.created),
        "updated_at": moment(item.updated),
    }


def _labels(labels: list[str]) -> list[str]:
    """
    Raises:
        BadRequest: they are no namespace.
    """
    if len(labels) > LABELS or any(not 1 <= len(label) <= KEY_CHARACTERS or "." in label for label in labels):
        raise BadRequest(
            f"a namespace has at most {LABELS} labels, none of them empty or with a dot", param="namespace"
        )
    return labels


def _bounded(name: str, value: int) -> int:
    if not 0 <= value <= MOST:
        raise BadRequest(f"`{name}` is a whole number from 0 to {MOST}", param=name)
    return value
