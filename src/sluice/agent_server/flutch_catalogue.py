"""Seed 004's registry: which graph types there are, what each is, what its pages may ask. agents.md B3, B4, B21."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from sluice.agent_server.flutch_nest import rest, route
from sluice.agent_server.server import Server, as_json
from sluice.agents.agent import Agent
from sluice.agents.endpoints import Call, answered
from sluice.agents.items import ItemStore
from sluice.agents.versions import GraphType, newest, resolve
from sluice.errors import BadRequest, NotFound

ROUTER = "VersionRouter"
"""What the registry calls the builder of a graph type: it picks the version."""
_CONTEXT = ("companyId", "channel", "platform")


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    registry = _Registry(server)
    return [
        *route("/graph-types", "GET", registry.types),
        *route("/registry", "GET", registry.registry),
        *route("/registry/stats", "GET", registry.stats),
        *route("/api/graph/catalog", "GET", registry.catalog),
        *route("/api/graph/ui/dispatch", "POST", registry.dispatch),
        *route("/api/graph/{type}/manifest", "GET", registry.manifest),
        *route("/api/graph/{type}/endpoints", "GET", registry.endpoints),
        *rest(["/graph-types", "/registry", "/api/graph"]),
    ]


class _Registry:
    """What is served, in the seed's words."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._catalogue = server.service.catalogue

    @property
    def _names(self) -> list[str]:
        """All but those that another name serves, as the chatbot's of seed 003."""
        catalogue = self._catalogue
        return [name for name in catalogue.names if catalogue.newest(name).metadata.get("graph_type", True)]

    async def types(self, request: Request) -> Response:
        await self._server.who(request)
        return as_json(self._names)

    async def registry(self, request: Request) -> Response:
        await self._server.who(request)
        graphs = [{"graphType": name, "builderName": f"{name}{ROUTER}"} for name in self._names]
        return as_json({"total": len(graphs), "graphs": graphs})

    async def stats(self, request: Request) -> Response:
        await self._server.who(request)
        names = self._names
        return as_json({"totalBuilders": len(names), "graphTypes": names, "builderTypes": {ROUTER: len(names)}})

    async def catalog(self, request: Request) -> Response:
        await self._server.who(request)
        agents = [self._catalogue.newest(name) for name in self._names]
        return as_json([{"graphType": agent.name, "name": agent.name, "ui": _ui(agent)} for agent in agents])

    async def manifest(self, request: Request) -> Response:
        await self._server.who(request)
        agent = self._agent(request.path_params["type"])
        versions = [one for one in self._catalogue if one.name == agent.name]
        default = newest(versions).version
        return as_json(
            {
                "graphType": agent.name,
                "name": agent.name,
                "version": agent.version,
                "title": agent.metadata.get("title", agent.name),
                "description": agent.description,
                "tags": agent.metadata.get("tags", []),
                "ui": {**_ui(agent), "endpoints": list(agent.endpoints)},
                "versioning": [
                    {
                        "baseGraphType": agent.name,
                        "versions": [{"version": one.version, "isDefault": one.version == default} for one in versions],
                    }
                ],
                "configSchema": _schema(agent),
            }
        )

    async def endpoints(self, request: Request) -> Response:
        await self._server.who(request)
        return as_json(list(self._agent(request.path_params["type"]).endpoints))

    async def dispatch(self, request: Request) -> Response:
        user = await self._server.who(request)
        body, _ = await self._server.body(request, dict[str, Any])
        wanted, name, method = body.get("graphType"), body.get("endpoint"), body.get("method", "GET")
        if not isinstance(wanted, str) or not isinstance(name, str):
            raise BadRequest("graphType and endpoint must be strings", param="endpoint")
        if method not in ("GET", "POST"):
            raise BadRequest("method must be GET or POST", param="method")
        agent = self._agent(wanted)
        function = agent.endpoints.get(name)
        if function is None:
            raise NotFound(f"Endpoint {name!r} not found for graph type {agent.name!r}")
        context = body.get("context")
        said = context if isinstance(context, dict) else {}
        call = Call(
            name=name,
            method=method,
            data=body.get("data"),
            user=user,
            store=ItemStore(self._server.service.store, user, self._server.service.now),
            context={key: said[key] for key in _CONTEXT if key in said},
        )
        return as_json(await answered(function, call))

    def _agent(self, text: str) -> Agent:
        return resolve(self._catalogue, GraphType.read(text))


def _ui(agent: Agent) -> dict[str, Any]:
    return {"enabled": bool(agent.endpoints)}


def _schema(agent: Agent) -> Any:
    """Return the JSON schema of an agent's settings; None if it has none."""
    return None if agent.settings is None else msgspec.json.schema(agent.settings)
