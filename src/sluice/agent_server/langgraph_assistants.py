"""Assistants: the agents as `langgraph-sdk` knows them, and what the server says of itself. agents.md C.4, E.11.

The id of an assistant is the agent's name; the UUID that LangGraph's own servers make of it is understood too.
"""

from typing import Any
from uuid import uuid5

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice import __version__
from sluice.agent_server.agent_schemas import schemas
from sluice.agent_server.langgraph_bodies import GRAPHS, agent_named
from sluice.agent_server.langgraph_errors import detail
from sluice.agent_server.run_json import moment
from sluice.agent_server.server import Server, answering, as_json, takes
from sluice.agents.agent import Agent
from sluice.agents.catalogue import precedence
from sluice.agents.graph import END, START
from sluice.errors import NotFound

_Json = dict[str, Any]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Of `/assistants/search`, `/assistants/count` and `/assistants/{a}/versions`."""

    metadata: _Json | None = None
    graph_id: str | None = None
    name: str | None = None
    limit: int = 10
    offset: int = 0
    sort_by: str = "name"
    sort_order: str = "asc"
    select: list[str] | None = None


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes."""
    assistants = _Assistants(server)
    one = "/assistants/{assistant}"
    table = [
        ("POST", "/assistants/search", assistants.search),
        ("POST", "/assistants/count", assistants.count),
        ("GET", one, assistants.show),
        ("GET", f"{one}/schemas", assistants.schemas),
        ("GET", f"{one}/graph", assistants.graph),
        ("GET", f"{one}/subgraphs", assistants.subgraphs),
        ("GET", f"{one}/subgraphs/{{namespace}}", assistants.subgraphs),
        ("POST", f"{one}/versions", assistants.versions),
        ("GET", "/ok", _ok),
        ("GET", "/info", _info),
    ]
    return [Route(path, answering(detail, endpoint), methods=[method]) for method, path, endpoint in table]


async def _ok(request: Request) -> Response:
    return as_json({"ok": True})


async def _info(request: Request) -> Response:
    flags = {"assistants": True, "crons": False, "langsmith": False, "langsmith_tracing_replicas": False}
    return as_json({"version": __version__, "server": "sluice", "flags": flags, "metadata": {}})


class _Assistants:
    def __init__(self, server: Server) -> None:
        self._server, self._catalogue = server, server.service.catalogue
        self._since = server.service.now()

    async def _agent(self, request: Request) -> Agent:
        await self._server.who(request)
        return self._catalogue.get(agent_named(self._catalogue, request.path_params["assistant"]))

    def _versions(self, agent: Agent) -> list[Agent]:
        """Return the versions of an agent, oldest first: their places, from 1, are their numbers here."""
        same = [other for other in self._catalogue if other.name == agent.name]
        return sorted(same, key=lambda other: precedence(other.version))

    def _json(self, agent: Agent) -> _Json:
        return {
            "assistant_id": agent.name,
            "graph_id": agent.name,
            "name": agent.name,
            "description": agent.description or None,
            "config": {},
            "context": {},
            "metadata": {**agent.metadata, "created_by": "system", "version": agent.version},
            "version": self._versions(agent).index(agent) + 1,
            "created_at": moment(self._since),
            "updated_at": moment(self._since),
            "uuid": str(uuid5(GRAPHS, agent.name)),
        }

    async def _found(self, request: Request) -> tuple[list[_Json], Search]:
        await self._server.who(request)
        body = await self._server.body_or(request, Search())
        rows = [self._json(self._catalogue.newest(name)) for name in self._catalogue.names]
        wanted = (body.metadata or {}).items()
        kept = [
            row
            for row in rows
            if body.graph_id in (None, row["graph_id"])
            and (body.name or "").lower() in row["name"].lower()
            and all(row["metadata"].get(name) == value for name, value in wanted)
        ]
        return kept, body

    @takes(Search)
    async def search(self, request: Request) -> Response:
        rows, body = await self._found(request)
        if body.sort_order == "desc":
            rows.reverse()
        page = rows[max(0, body.offset) : max(0, body.offset) + max(0, body.limit)]
        end = max(0, body.offset) + len(page)
        headers = {"x-pagination-next": str(end)} if end < len(rows) else {}
        if body.select:
            page = [{name: row[name] for name in body.select if name in row} for row in page]
        return as_json(page, headers=headers)

    @takes(Search)
    async def count(self, request: Request) -> Response:
        rows, _ = await self._found(request)
        return as_json(len(rows))

    async def show(self, request: Request) -> Response:
        return as_json(self._json(await self._agent(request)))

    async def schemas(self, request: Request) -> Response:
        return as_json(schemas(await self._agent(request)))

    async def graph(self, request: Request) -> Response:
        return as_json(drawn(await self._agent(request)))

    async def subgraphs(self, request: Request) -> Response:
        await self._agent(request)
        if "namespace" in request.path_params:
            raise NotFound(f"there is no subgraph {request.path_params['namespace']!r}")
        return as_json({})

    @takes(Search)
    async def versions(self, request: Request) -> Response:
        agent = await self._agent(request)
        body = await self._server.body_or(request, Search())
        rows = [self._json(one) for one in reversed(self._versions(agent))]
        return as_json(rows[max(0, body.offset) : max(0, body.offset) + max(0, body.limit)])


def drawn(agent: Agent) -> _Json:
    """Return the nodes and edges of an agent. Without a graph it is one node between the beginning and the end."""
    if agent.graph is None:
        names, edges = [agent.name], [(START, agent.name, False), (agent.name, END, False)]
    else:
        names = list(agent.graph.nodes)
        edges = [(source, target, False) for source, targets in agent.graph.edges.items() for target in targets]
        edges += [(source, target, False) for sources, target in agent.graph.joins for source in sorted(sources)]
        edges += [
            (source, target, True)
            for source, branches in agent.graph.branches.items()
            for branch in branches
            for target in (branch.targets or (*names, END))
        ]
    nodes: list[_Json] = [{"id": name, "type": "runnable", "data": {"name": name}} for name in names]
    ends: list[_Json] = [{"id": name, "type": "schema", "data": name} for name in (START, END)]
    links = [{"source": source, "target": target, "conditional": chosen} for source, target, chosen in edges]
    return {"nodes": [ends[0], *nodes, ends[1]], "edges": links}
