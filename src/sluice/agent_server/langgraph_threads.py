"""Threads as `langgraph-sdk` makes, finds, changes and copies them, and their states. agents.md C.4."""

from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.langgraph_errors import detail
from sluice.agent_server.langgraph_states import States
from sluice.agent_server.langgraph_thread_bodies import (
    AtCheckpoint,
    Create,
    History,
    Prune,
    Search,
    Update,
    UpdateState,
)
from sluice.agent_server.run_json import moment
from sluice.agent_server.server import Server, answering, as_json, number, takes
from sluice.agents.ids import uuid7
from sluice.errors import BadRequest, Conflict
from sluice.runs.projections.langgraph_view import interrupt
from sluice.runs.records import LIVE, Thread

_Json = dict[str, Any]
MOST = 1000
"""Threads or states in one list."""
ID_CHARACTERS = 256
_SORTS: dict[str, Literal["created", "updated", "status", "id"]] = {
    "thread_id": "id",
    "status": "status",
    "created_at": "created",
    "updated_at": "updated",
    "state_updated_at": "updated",
}


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes."""
    threads = _Threads(server)
    one = "/threads/{thread}"
    table = [
        ("POST", "/threads", threads.create),
        ("POST", "/threads/search", threads.search),
        ("POST", "/threads/count", threads.count),
        ("POST", "/threads/prune", threads.prune),
        ("GET", one, threads.show),
        ("PATCH", one, threads.update),
        ("DELETE", one, threads.delete),
        ("POST", f"{one}/copy", threads.copy),
        ("GET", f"{one}/state", threads.state),
        ("POST", f"{one}/state", threads.update_state),
        ("POST", f"{one}/state/checkpoint", threads.state_at),
        ("GET", f"{one}/state/{{checkpoint}}", threads.state_at),
        ("GET", f"{one}/history", threads.history),
        ("POST", f"{one}/history", threads.history),
    ]
    return [Route(path, answering(detail, endpoint), methods=[method]) for method, path, endpoint in table]


class _Threads:
    def __init__(self, server: Server) -> None:
        self._server, self._service = server, server.service

    async def _thread(self, request: Request) -> Thread:
        return await self._service.thread(await self._server.who(request), request.path_params["thread"])

    async def _json(self, thread: Thread, select: list[str] | None = None) -> _Json:
        row: _Json = {
            "thread_id": thread.id,
            "created_at": moment(thread.created),
            "updated_at": moment(thread.updated),
            "state_updated_at": moment(thread.updated),
            "metadata": thread.metadata,
            "status": thread.status,
            "config": {},
            "context": {},
            "agent": thread.agent or None,
        }
        if select is None or "values" in select:
            row["values"] = (await (await States.of(self._service, thread)).newest())["values"]
        row["interrupts"] = {}
        if thread.status == "interrupted":
            for run in await self._service.store.list_runs(thread.owner, thread.id, limit=1):
                row["interrupts"] = {run.id: [interrupt(one) for one in run.interrupts]}
        return row if select is None else {name: row[name] for name in select if name in row}

    @takes(Create)
    async def create(self, request: Request) -> Response:
        owner = await self._server.who(request)
        body = await self._server.body_or(request, Create())
        _refuse(ttl=body.ttl, supersteps=body.supersteps)
        now = self._service.now()
        agent = body.metadata.get("graph_id")
        fresh = Thread(
            id=_named(body.thread_id) or uuid7(),
            owner=owner,
            created=now,
            updated=now,
            agent=agent if isinstance(agent, str) and agent in self._service.catalogue.names else "",
            metadata=body.metadata,
        )
        known = await self._service.store.get_thread(owner, fresh.id)
        if known is None:
            known = await self._service.store.create_thread(fresh)
        elif body.if_exists == "raise":
            raise Conflict(f"there is a thread {fresh.id!r} already")
        return as_json(await self._json(known))

    @takes(Search)
    async def search(self, request: Request) -> Response:
        owner = await self._server.who(request)
        body = await self._server.body_or(request, Search())
        _refuse(values=body.values, extract=body.extract)
        if body.sort_by not in _SORTS:
            raise BadRequest(f"`sort_by` is one of {', '.join(_SORTS)}", param="sort_by")
        found = await self._service.store.search_threads(
            owner,
            metadata=body.metadata,
            status=body.status,
            ids=body.ids,
            limit=_bounded("limit", body.limit, MOST),
            offset=_bounded("offset", body.offset, 1_000_000),
            sort_by=_SORTS[body.sort_by],
            descending=body.sort_order == "desc",
        )
        more = {"x-pagination-next": str(body.offset + body.limit)} if len(found) == body.limit else {}
        return as_json([await self._json(thread, body.select) for thread in found], headers=more)

    @takes(Search)
    async def count(self, request: Request) -> Response:
        owner = await self._server.who(request)
        body = await self._server.body_or(request, Search())
        _refuse(values=body.values)
        total, store = 0, self._service.store
        while True:
            found = await store.search_threads(
                owner, metadata=body.metadata, status=body.status, ids=body.ids, limit=MOST, offset=total
            )
            total += len(found)
            if len(found) < MOST:
                return as_json(total)

    async def show(self, request: Request) -> Response:
        return as_json(await self._json(await self._thread(request)))

    @takes(Update)
    async def update(self, request: Request) -> Response:
        thread = await self._thread(request)
        body, _ = await self._server.body(request, Update)
        _refuse(ttl=body.ttl)
        metadata = {**thread.metadata, **body.metadata}
        thread = msgspec.structs.replace(thread, metadata=metadata, updated=self._service.now())
        await self._service.store.put_thread(thread)
        return as_json(await self._json(thread))

    async def _forget(self, thread: Thread) -> None:
        for status in sorted(LIVE):
            for run in await self._service.store.list_runs(thread.owner, thread.id, status=status, limit=MOST):
                await self._service.cancel(thread.owner, run.id, "its thread was deleted")
                await self._service.wait(run)
        await self._service.store.delete_thread(thread.owner, thread.id)

    async def delete(self, request: Request) -> Response:
        await self._forget(await self._thread(request))
        return Response(status_code=204)

    @takes(Prune)
    async def prune(self, request: Request) -> Response:
        owner = await self._server.who(request)
        body, _ = await self._server.body(request, Prune)
        if body.strategy != "delete":
            raise BadRequest("only the strategy `delete` is done by this server", param="strategy")
        pruned = 0
        for name in body.thread_ids[:MOST]:
            thread = await self._service.store.get_thread(owner, name)
            if thread is not None:
                await self._forget(thread)
                pruned += 1
        return as_json({"pruned_count": pruned})

    async def copy(self, request: Request) -> Response:
        thread, store = await self._thread(request), self._service.store
        now = self._service.now()
        made = msgspec.structs.replace(thread, id=uuid7(), created=now, updated=now, status="idle")
        await store.create_thread(made)
        await store.add_messages(made.owner, made.id, await store.list_messages(thread.owner, thread.id))
        for checkpoint in reversed(await store.list_checkpoints(thread.owner, thread.id, limit=MOST)):
            await store.put_checkpoint(msgspec.structs.replace(checkpoint, thread_id=made.id))
        return as_json(await self._json(made))

    async def state(self, request: Request) -> Response:
        states = await States.of(self._service, await self._thread(request))
        return as_json(_selected(await states.newest(), request.query_params.getlist("select")))

    @takes(AtCheckpoint)
    async def state_at(self, request: Request) -> Response:
        thread = await self._thread(request)
        name = request.path_params.get("checkpoint", "")
        if not name:
            body, _ = await self._server.body(request, AtCheckpoint)
            name = body.checkpoint.get("checkpoint_id") or ""
        states = await States.of(self._service, thread)
        found = await states.at(str(name)) if name else await states.newest()
        return as_json(_selected(found, request.query_params.getlist("select")))

    @takes(UpdateState)
    async def update_state(self, request: Request) -> Response:
        thread = await self._thread(request)
        body, _ = await self._server.body(request, UpdateState)
        if thread.status == "busy":
            raise Conflict(f"thread {thread.id!r} is busy")
        states = await States.of(self._service, thread)
        base = body.checkpoint_id or (body.checkpoint or {}).get("checkpoint_id") or ""
        return as_json(await states.update(body.values, body.as_node or "", str(base)))

    @takes(History)
    async def history(self, request: Request) -> Response:
        thread = await self._thread(request)
        if request.method == "GET":
            query = request.query_params
            body = History(limit=number(request, "limit", 10, MOST), before=query.get("before"))
        else:
            body = await self._server.body_or(request, History())
        states = await States.of(self._service, thread)
        return as_json(await states.history(_bounded("limit", body.limit, MOST), _before(body.before), body.metadata))


def _named(name: str | None) -> str:
    """
    Raises:
        BadRequest: it is no name.
    """
    if name is None:
        return ""
    if not 1 <= len(name) <= ID_CHARACTERS or not name.isprintable() or "/" in name:
        raise BadRequest(f"a thread's id has 1 to {ID_CHARACTERS} characters and no slash", param="thread_id")
    return name


def _refuse(**asked: Any) -> None:
    for name, value in asked.items():
        if value:
            raise BadRequest(f"`{name}` is not done by this server", param=name)


def _bounded(name: str, value: int, most: int) -> int:
    if not 0 <= value <= most:
        raise BadRequest(f"`{name}` is a whole number from 0 to {most}", param=name)
    return value


def _before(value: str | _Json | None) -> str:
    """Return the checkpoint that is named: by its id, or by what `state` gives for one, or by a run's configuration."""
    if isinstance(value, dict):
        value = value.get("checkpoint_id") or (value.get("configurable") or {}).get("checkpoint_id")
    return value if isinstance(value, str) else ""


def _selected(state: _Json, select: list[str]) -> _Json:
    """Return the members of a state that are asked for; `values.<key>` is one member of its values."""
    if not select:
        return state
    out: _Json = {}
    for name in select:
        outer, _, inner = name.partition(".")
        if inner and outer == "values":
            if inner in state["values"]:
                out.setdefault("values", {})[inner] = state["values"][inner]
        elif name in state:
            out[name] = state[name]
    return out
