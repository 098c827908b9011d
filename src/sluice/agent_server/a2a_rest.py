"""A2A over REST: 1.0 at the root, 0.3 below `/v1`. The verbs are those of JSON-RPC."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.a2a_errors import Refused, refused, rest_error
from sluice.agent_server.a2a_tasks import Tasks
from sluice.agent_server.a2a_verbs import V03_REST, V1, Call, Verbs, Version, checked
from sluice.agent_server.server import Endpoint, Server, answering, as_json

MEDIA_TYPE = "application/a2a+json"
"""Of answers in 1.0 (section 11.1)."""
_PATHS: tuple[tuple[str, Sequence[str], str], ...] = (
    ("/message:send", ("POST",), "send"),
    ("/message:stream", ("POST",), "stream"),
    ("/tasks/{id}:cancel", ("POST",), "cancel"),
    ("/tasks/{id}:subscribe", ("GET", "POST"), "subscribe"),
    ("/tasks/{id}/pushNotificationConfigs", ("GET", "POST"), "push"),
    ("/tasks/{id}/pushNotificationConfigs/{push}", ("GET", "DELETE"), "push"),
    ("/tasks/{id}", ("GET",), "get"),
)
_ONLY_10: tuple[tuple[str, Sequence[str], str], ...] = (
    ("/tasks", ("GET",), "list"),
    ("/extendedAgentCard", ("GET",), "card"),
)
_ONLY_03: tuple[tuple[str, Sequence[str], str], ...] = (("/card", ("GET",), "card"),)


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes of both versions."""
    verbs = Verbs(server)

    def made(version: Version, prefix: str, paths: tuple[tuple[str, Sequence[str], str], ...]) -> list[BaseRoute]:
        return [
            Route(f"{prefix}{path}", _endpoint(server, verbs, version, verb), methods=list(methods))
            for path, methods, verb in paths
        ]

    return [*made(V1, "", _PATHS + _ONLY_10), *made(V03_REST, "/v1", _PATHS + _ONLY_03)]


def _endpoint(server: Server, verbs: Verbs, version: Version, verb: str) -> Endpoint:
    media_type, named = (MEDIA_TYPE, False) if version is V1 else ("application/json", True)

    async def rest(request: Request) -> Response:
        try:
            checked(version, request.headers.get("a2a-version", request.query_params.get("A2A-Version", "")))
            tasks = Tasks(server.service, await server.who(request), server.agent(request))
            params: Any = dict(request.query_params) | request.path_params
            if verb in ("send", "stream"):
                params, _ = await server.body(request, object)
            result = await verbs.table[verb](Call(request, tasks, version, params))
        except Refused as error:
            return rest_error(error, named=named)
        return result if isinstance(result, Response) else as_json(result, media_type=media_type)

    return answering(lambda error: rest_error(refused(error), error.status, named=named), rest)
