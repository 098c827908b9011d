"""What every protocol's routes share: the service, who asks, bodies, and errors in a protocol's own shape."""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from hashlib import sha256
from typing import Any, Protocol, TypeVar, runtime_checkable

import msgspec
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from sluice.agent_server.counters import Counters
from sluice.agent_server.event_stream import EventStream, until_gone
from sluice.agent_server.identity import Everyone
from sluice.agents.service import Service
from sluice.errors import BadRequest, BodyTooLarge, Internal, SluiceError, UnsupportedMedia
from sluice.runs.projection import Projection
from sluice.runs.records import Run

MAX_BODY = 32 * 1024 * 1024
GONE = 499
"""The status of an answer that nobody is there to read: nginx's word, in logs and metrics only."""
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Endpoint = Callable[[Request], Awaitable[Response]]
Tell = Callable[[SluiceError], Response]
"""An error in a protocol's own shape."""


class Principals(Protocol):
    """Who tells who asks."""

    async def principal(self, request: HTTPConnection) -> str:
        """
        Raises:
            Unauthenticated: nobody is named, or who is named is not proven.
        """
        ...


@runtime_checkable
class Scoped(Protocol):
    """Principals that also tell what each may do."""

    async def scopes(self, request: HTTPConnection) -> tuple[str, ...]:
        """Return the scopes of who asks: `orders:approve`, `orders:*`, `*`."""
        ...


class Server:
    """One per process; each protocol's `routes(server)` closes over it.

    `cors`: the origins whose pages may ask, as `https://app.example.com`; `*` = any; none = only pages of this server.
    `legacy_status`: what seed 004's addresses answer a POST with; 201 for clients that look for what its system said.
    """

    def __init__(
        self, service: Service, principals: Principals, *, cors: tuple[str, ...] = (), legacy_status: int = 200
    ) -> None:
        self.service = service
        self.legacy_status = legacy_status
        self.cors = cors
        self.counters = Counters(service)
        self._principals = principals

    @property
    def keyed(self) -> bool:
        """Whether who asks must say who he is."""
        return not isinstance(self._principals, Everyone)

    async def who(self, request: HTTPConnection) -> str:
        """Return who asks.

        Raises:
            Unauthenticated: see `Principals`.
        """
        return await self._principals.principal(request)

    async def scopes(self, request: HTTPConnection) -> tuple[str, ...]:
        """Return what who asks may do, for callbacks that want it: nothing, where identities say nothing of it."""
        principals = self._principals
        return await principals.scopes(request) if isinstance(principals, Scoped) else ()

    @staticmethod
    def agent(request: HTTPConnection, wanted: str = "") -> str:
        """Return which agent is asked: the one whose path this is, `/agents/NAME/…`, or else the one the body names."""
        of_path: str = request.path_params.get("agent", "")
        return of_path or wanted

    async def body(self, request: Request, kind: type[T]) -> tuple[T, str]:
        """Return the body as this type, and its digest.

        Raises:
            BodyTooLarge: more than MAX_BODY.
            UnsupportedMedia: it is not said to be JSON. Pages of other origins cannot send JSON without being asked
                about it first, so this also keeps their forms out.
            BadRequest: it is no JSON, or of another shape; names the place.
        """
        data = await _read(request)
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json" and not media.endswith("+json"):
            raise UnsupportedMedia(f"the body must be application/json, not {media or 'nameless'}")
        try:
            return msgspec.json.decode(data, type=kind), sha256(data).hexdigest()
        except msgspec.ValidationError as error:
            sentence, _, path = str(error).partition(" - at `$")
            raise BadRequest(sentence, param=path.rstrip("`").lstrip(".") or None) from None
        except msgspec.DecodeError as error:
            raise BadRequest(f"the body is no JSON: {error}") from None
        except UnicodeDecodeError:
            raise BadRequest("the body is no JSON: it is no UTF-8") from None
        except RecursionError:
            raise BadRequest("the body is nested too deeply") from None

    async def body_or(self, request: Request, default: T) -> T:
        """Return the body as the default's type, or the default if there is none.

        Raises:
            As `body`.
        """
        if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
            return default
        return (await self.body(request, type(default)))[0]

    def stream(
        self,
        run: Run,
        projection: Projection,
        *,
        after: int = 0,
        headers: Mapping[str, str] | None = None,
        cancels: bool = False,
    ) -> EventStream:
        """Return a stream of a run in a protocol. `cancels`: the run is stopped when this viewer leaves before its
        end."""
        self.counters.stream_began(projection.name, resumed=after > 0)
        return EventStream(self.service, run, projection, after=after, headers=headers, cancels=cancels)

    async def whole(self, request: Request, run: Run) -> Run:
        """Return the record of a run that has ended. The client is a viewer meanwhile: if it goes, waiting ends.

        Raises:
            ClientDisconnect: it went.
        """
        return await until_gone(request.receive, self.service.wait(run), f"answer of {run.id}")


async def _read(request: Request) -> bytes:
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > MAX_BODY:
        raise BodyTooLarge(f"the body is larger than {MAX_BODY} bytes")
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_BODY:
            raise BodyTooLarge(f"the body is larger than {MAX_BODY} bytes")
    return bytes(data)


def answering(tell: Tell, endpoint: Endpoint) -> Endpoint:
    """Return the endpoint with its errors told in a protocol's own shape. An error that is none of ours is told as
    `Internal`, and to the service's `fault` with its traceback."""

    @wraps(endpoint)
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except SluiceError as error:
            return refusal(tell, error)
        except ClientDisconnect:
            return Response(status_code=GONE)
        except Exception as error:
            server: Server = request.app.state.server
            server.service.house.fault(error)
            return refusal(tell, Internal("the server failed; its log says how"))

    return answer


def takes(kind: Any) -> Callable[[F], F]:
    """Say what an endpoint's body is, for `/openapi.json`."""

    def mark(endpoint: F) -> F:
        endpoint.takes = kind  # type: ignore[attr-defined]  # functions may have any
        return endpoint

    return mark


def refusal(tell: Tell, error: SluiceError) -> Response:
    """Return an error in a protocol's own shape, with the headers that every shape has."""
    response = tell(error)
    for key, value in error.headers:
        response.headers[key.decode()] = value.decode()
    if error.retry_after_s is not None:
        response.headers["retry-after"] = str(error.retry_after_s)
    return response


def problem(error: SluiceError) -> Response:
    """Return an error as RFC 9457 has it: the native protocol's."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": error.code,
        "status": error.status,
        "detail": str(error),
        "code": error.code,
    }
    if error.param:
        body["param"] = error.param
    return as_json(body, error.status, media_type="application/problem+json")


def as_json(
    value: object,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Return a JSON answer."""
    return Response(msgspec.json.encode(value), status, headers=headers, media_type=media_type)


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


def number(request: Request, name: str, default: int, most: int) -> int:
    """Return a whole number from the query.

    Raises:
        BadRequest: it is none, or not within 0 and `most`.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 9 or int(text) > most:
        raise BadRequest(f"`{name}` is a whole number from 0 to {most}", param=name)
    return int(text)
