"""The native protocol: any run, read in any protocol, stopped and resumed. agents.md D.4."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.server import Server, answering, cursor, problem
from sluice.runs.projections.table import projection


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""

    async def stream(request: Request) -> Response:
        run = await server.service.run(await server.who(request), request.path_params["run"])
        return server.stream(
            run, projection(request.query_params.get("protocol", "native")), after=cursor(request)
        )

    async def cancel(request: Request) -> Response:
        run = await server.service.cancel(await server.who(request), request.path_params["run"])
        return JSONResponse({"run_id": run.id, "status": run.status}, 202)

    return [
        Route("/runs/{run}/stream", answering(problem, stream), methods=["GET"]),
        Route("/runs/{run}/cancel", answering(problem, cancel), methods=["POST"]),
    ]
