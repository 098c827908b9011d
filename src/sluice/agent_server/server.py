"""What every protocol's routes share: the service, who asks, bodies, and errors in a protocol's own shape."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, Protocol, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sluice.agent_server.event_stream import EventStream
from sluice.agents.service import Service
from sluice.errors import BadRequest, BodyTooLarge, SluiceError
from sluice.runs.projection import Projection
from sluice.runs.records import Run

MAX_BODY = 32 * 1024 * 1024
T = TypeVar("T")
Endpoint = Callable[[Request], Awaitable[Response]]
Tell = Callable[[SluiceError], Response]
"""An error in a protocol's own shape."""


class Principals(Protocol):
    """Who tells who asks."""

    async def principal(self, request: Request) -> str:
        """
        Raises:
            Unauthenticated: nobody is named, or who is named is not proven.
        """
        ...


class Server:
    """One per process; each protocol's `routes(server)` closes over it."""

    def __init__(self, service: Service, principals: Principals) -> None:
        self.service = service
        self._principals = principals

    async def who(self, request: Request) -> str:
        """Return who asks.

        Raises:
            Unauthenticated: see `Principals`.
        """
        return await self._principals.principal(request)

    async def body(self, request: Request, kind: type[T]) -> tuple[T, str]:
        """Return the body as this type, and its digest.

        Raises:
            BodyTooLarge: more than MAX_BODY.
            BadRequest: it is no JSON, or of another shape; names the place.
        """
        data = bytearray()
        async for piece in request.stream():
            data += piece
            if len(data) > MAX_BODY:
                raise BodyTooLarge(f"the body is larger than {MAX_BODY} bytes")
        try:
            return msgspec.json.decode(data, type=kind), sha256(data).hexdigest()
        except msgspec.ValidationError as error:
            sentence, _, path = str(error).partition(" - at `$")
            raise BadRequest(sentence, param=path.rstrip("`").lstrip(".") or None) from None
        except msgspec.DecodeError as error:
            raise BadRequest(f"the body is no JSON: {error}") from None

    def stream(
        self, run: Run, projection: Projection, *, after: int = 0, headers: Mapping[str, str] | None = None
    ) -> EventStream:
        """Return a stream of a run in a protocol."""
        return EventStream(self.service, run, projection, after=after, headers=headers)


def answering(tell: Tell, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint with its errors told in a protocol's own shape."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except SluiceError as error:
            response = tell(error)
            for key, value in error.headers:
                response.headers[key.decode()] = value.decode()
            if error.retry_after_s is not None:
                response.headers["retry-after"] = str(error.retry_after_s)
            return response

    return answer


def problem(error: SluiceError) -> Response:
    """Return an error as RFC 9457 has it: the native protocol's."""
    body: dict[str, Any] = {"type": "about:blank", "title": error.code, "status": error.status, "detail": str(error)}
    if error.param:
        body["param"] = error.param
    return JSONResponse(body, error.status, media_type="application/problem+json")


def cursor(request: Request) -> int:
    """Return the number of the last event that a reader has: `Last-Event-ID`, or `?after=`; -1 and none are the
    beginning.

    Raises:
        BadRequest: it is no number.
    """
    text = request.headers.get("last-event-id") or request.query_params.get("after") or "0"
    try:
        return max(0, int(text))
    except ValueError:
        raise BadRequest(f"{text!r} is no event number", param="after") from None
