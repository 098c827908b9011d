"""Seed 004: `POST /stream`, `/generate` and `/cancel/{requestId}`, and the same for named agents. agents.md B, E.

The same `requestId` with the same body is the same run, on whichever of the two it is asked for; `Last-Event-ID` goes
on behind it. A run of `/stream` that nobody has watched for five seconds is cancelled; one of `/generate` goes on.
"""

from contextlib import aclosing
from importlib import resources
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server import flutch_catalogue, flutch_widget
from sluice.agent_server.event_stream import stream_headers
from sluice.agent_server.flutch_body import Body, Json, read, wanted
from sluice.agent_server.flutch_nest import rest, route
from sluice.agent_server.server import Server, as_json, cursor
from sluice.agents.asked import Answer, Asked
from sluice.errors import BadRequest, NotFound
from sluice.runs.events import Event, RunFailed
from sluice.runs.projection import Projection
from sluice.runs.projections.flutch import Flutch, FlutchSdk, ending
from sluice.runs.projections.flutch_answer import Answer as Whole
from sluice.runs.records import LIVE, OnDisconnect, Run

DIALECTS: dict[str, type[Flutch] | type[FlutchSdk]] = {"": Flutch, "seed": Flutch, "sdk": FlutchSdk}


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    door = _Door(server)
    return [
        *route("/stream", "POST", door.stream),
        *route("/generate", "POST", door.generate),
        *route("/cancel/{request}", "POST", door.cancel),
        *route("/agent/stream", "POST", door.agent_stream),
        *route("/agent/generate", "POST", door.agent_generate),
        Route("/client.js", _client, methods=["GET"]),
        *rest(["/agent", "/cancel"]),
        *flutch_catalogue.routes(server),
        *flutch_widget.routes(server),
    ]


async def _client(request: Request) -> Response:
    """Give the seed's snippets an `EventSource` that can POST."""
    script = resources.files("sluice.agent_server").joinpath("flutch_client.js").read_bytes()
    return Response(script, media_type="text/javascript", headers={"cache-control": "no-cache"})


def dialect(request: Request) -> Projection:
    """Return the dialect that a request wants: `?dialect=`, or the header `Accept-Dialect`; the seed's by default.

    Raises:
        BadRequest: there is no such dialect.
    """
    name = request.query_params.get("dialect") or request.headers.get("accept-dialect") or ""
    made = DIALECTS.get(name.strip().lower())
    if made is None:
        raise BadRequest(f"{name[:100]!r} is no dialect; there are seed and sdk", param="dialect")
    return made()


class _Door:
    """Reads bodies and answers with runs."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._service = server.service

    # -- the seed's own -----------------------------------------------------------------------------------------------

    async def stream(self, request: Request) -> Response:
        body, digest = read(await self._json(request))
        return await self._streamed(request, body, digest)

    async def generate(self, request: Request) -> Response:
        body, digest = read(await self._json(request))
        return await self._whole(request, await self._start(request, body, digest, "continue"))

    async def cancel(self, request: Request) -> Response:
        owner, name = await self._server.who(request), request.path_params["request"]
        known = await self._service.store.find_run(owner, name) or await self._service.run(owner, name)
        run = await self._service.cancel(owner, known.id)
        told = "cancelled" if run.status in LIVE or run.status == "cancelled" else f"has ended already: {run.status}"
        return as_json({"message": f"Generation {name} {told}"}, self._server.legacy_status)

    # -- by the name of an agent --------------------------------------------------------------------------------------

    async def agent_stream(self, request: Request) -> Response:
        body, digest = self._named(await self._json(request))
        return await self._streamed(request, body, digest)

    async def agent_generate(self, request: Request) -> Response:
        body, digest = self._named(await self._json(request))
        return await self._whole(request, await self._start(request, body, digest, "continue"))

    def _named(self, body: Json) -> tuple[Body, str]:
        """Read `{agentId, userId, input, requestId?, metadata?}`: a conversation is one of an agent and a user.

        Raises:
            NotFound: there is no such agent; said before any stream begins.
        """
        name, user = body.get("agentId"), body.get("userId") or ""
        if not isinstance(name, str) or not name:
            raise BadRequest("agentId must be a string", param="agentId")
        agent = self._service.catalogue.get(name)
        said: Json = {key: body[key] for key in ("requestId", "metadata", "userId", "agentId") if key in body}
        thread = {"threadId": f"{agent.name}:{user}"} if user else {}
        return read({**said, **thread, "graphType": f"{agent.name}::{agent.version}", "message": body.get("input")})

    # -- both ---------------------------------------------------------------------------------------------------------

    async def _json(self, request: Request) -> Json:
        body, _ = await self._server.body(request, dict[str, Any])
        return body

    async def _streamed(self, request: Request, body: Body, digest: str) -> Response:
        projection, after = dialect(request), cursor(request)
        run = await self._start(request, body, digest, "cancel")
        response = self._server.stream(run, projection, after=after)
        response.status_code = self._server.legacy_status
        return response

    async def _start(self, request: Request, body: Body, digest: str, on_disconnect: OnDisconnect) -> Run:
        agent, settings = wanted(body, self._service.catalogue, self._server.agent(request))
        asked = Asked(
            owner=await self._server.who(request),
            agent=agent,
            input=body.input,
            thread_id=body.thread_id,
            replace_history=body.has_history and bool(body.thread_id),
            request_id=body.request_id or request.headers.get("idempotency-key", ""),
            digest=digest,
            settings=settings,
            context=body.context,
            metadata=body.metadata,
            answers={} if body.resume is msgspec.UNSET else {"*": Answer(value=body.resume)},
            resumes=body.resumes,
            on_disconnect=on_disconnect,
            checkpoint_id=body.checkpoint_id,
        )
        return await self._service.start(asked)

    async def _whole(self, request: Request, run: Run) -> Response:
        """Wait for the end, and answer with what `/stream` said last."""
        ended = await self._server.whole(request, run)
        answer = Whole()
        told: Response | None = None
        async with aclosing(self._service.watch(ended, merge=True)) as batches:
            async for events in batches:
                for event in events:
                    answer.step(event)
                    end = ending(event, answer)
                    told = self._told(event, *end) if end is not None else told
        if told is None:
            raise NotFound(f"the events of run {run.id!r} are not kept any more")
        told.headers.update(stream_headers(run, protocol=Flutch.name))
        return told

    def _told(self, event: Event, name: str, data: Json) -> Response:
        if name == "final":
            return as_json(data, self._server.legacy_status)
        status = max(500, event.status) if isinstance(event, RunFailed) else 504
        return as_json({"statusCode": status, "message": f"Generation failed: {data['message']}"}, status)
