"""Vercel's AI SDK over HTTP: what `useChat` and its `DefaultChatTransport` ask. agents.md C.1.

    POST /api/chat                  begin an answer, or go on with one that waited for an approval
    GET  /api/chat/{id}             the messages, to begin a page with
    GET  /api/chat/{id}/stream      the answer under way, from its beginning; 204 if there is none
    POST /api/chat/{id}/stop        stop it

A client that goes away does not stop its answer: that is what makes resuming possible, and why stopping has an address.
`?sdk=6` or `7` unlocks what those versions know beyond version 5. Errors are plain text: the SDK shows the body.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.ai_sdk_chat import OLDEST, Chats, version
from sluice.agent_server.server import Server, answering, as_json
from sluice.errors import BadRequest, SluiceError


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""
    chats = Chats(server.service)

    async def chat(request: Request) -> Response:
        owner = await server.who(request)
        body, digest = await server.body(request, dict[str, Any])
        run, projection = await chats.start(
            owner,
            body,
            agent=server.agent(request),
            sdk=sdk_of(request) or OLDEST,
            request_id=request.headers.get("idempotency-key", ""),
            digest=digest,
        )
        return server.stream(run, projection)

    async def messages(request: Request) -> Response:
        name = request.path_params["id"]
        return as_json({"id": name, "messages": await chats.messages(await server.who(request), name)})

    async def resume(request: Request) -> Response:
        run = await chats.live(await server.who(request), request.path_params["id"])
        if run is None:
            return Response(status_code=204)
        return server.stream(run, await chats.replay(run, sdk_of(request)))

    async def stop(request: Request) -> Response:
        name = request.path_params["id"]
        stopped = await chats.stop(await server.who(request), name)
        return as_json({"id": name, "stopped": [run.id for run in stopped]})

    return [
        Route("/api/chat", answering(told, chat), methods=["POST"]),
        Route("/api/chat/{id}", answering(told, messages), methods=["GET"]),
        Route("/api/chat/{id}/stream", answering(told, resume), methods=["GET"]),
        Route("/api/chat/{id}/stop", answering(told, stop), methods=["POST"]),
    ]


def told(error: SluiceError) -> Response:
    """Return an error as the SDK shows it."""
    place = f" (at `{error.param}`)" if error.param else ""
    return PlainTextResponse(f"{error}{place}", error.status, headers={"x-error-code": error.code})


def sdk_of(request: Request) -> int | None:
    """Return the version of the SDK that a request names; None = it names none.

    Raises:
        BadRequest: it is none that speaks this protocol.
    """
    text = request.query_params.get("sdk")
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 3:
        raise BadRequest(f"{text!r} is no version of the AI SDK", param="sdk")
    return version(int(text))
