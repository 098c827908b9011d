"""Errors as NestJS says them, which seed 004's clients read: `{"statusCode", "message", "error"}`. agents.md B.2."""

from collections.abc import Iterable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.server import Endpoint, answering
from sluice.errors import SluiceError

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def told(error: SluiceError) -> Response:
    """Return an error as Nest's own exceptions read."""
    return refusal(error.status, str(error))


def refusal(status: int, message: str) -> JSONResponse:
    """Return an error of this status."""
    return JSONResponse({"message": message, "error": HTTPStatus(status).phrase, "statusCode": status}, status)


async def nowhere(request: Request) -> Response:
    """Answer what is asked where nothing is."""
    return refusal(404, f"Cannot {request.method} {request.url.path}")


def route(path: str, method: str, endpoint: Endpoint) -> list[BaseRoute]:
    """Return a route, and one that tells every other method that it is not there, as Nest does."""
    others = [other for other in _METHODS if other != method]
    return [Route(path, answering(told, endpoint), methods=[method]), Route(path, nowhere, methods=others)]


def rest(prefixes: Iterable[str]) -> list[BaseRoute]:
    """Return the routes of everything else below these paths: nothing is there."""
    return [Route(f"{prefix}/{{rest:path}}", nowhere, methods=list(_METHODS)) for prefix in prefixes]
