"""Callbacks of buttons: `POST /callback`, and the trail of what was pressed. agents.md B.2, B9-B13.

    {token, idempotencyKey?, userId?, threadId?, platformContext?}  ->  {success, message?, attachments?, patch?}
                                                                        {success: false, error, statusCode}

Who presses is who is authenticated: `userId` and what `platformContext` claims of users and roles are not looked at.
The button of a question takes `value` too, see callback_answers.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from sluice.agent_server.callback_answers import answer
from sluice.agent_server.flutch_nest import rest, route
from sluice.agent_server.server import Server, answering, as_json, number
from sluice.agents.callback_audit import MAX_ENTRIES, as_csv
from sluice.agents.pressing import Pressed
from sluice.errors import BadRequest, SluiceError, Unauthenticated
from sluice.runs.projections.flutch_answer import QUESTION

MAX_KEY = 256


def routes(server: Server) -> list[BaseRoute]:
    """Return its routes."""

    async def press(request: Request) -> Response:
        user = await server.who(request)
        body, _ = await server.body(request, dict[str, Any])
        context = body.get("platformContext")
        platform = context.get("platform") if isinstance(context, dict) else None
        asked = Pressed(
            token=_token(body),
            user=user,
            address=request.client.host if request.client is not None else "",
            granted=await server.scopes(request),
            key=_key(request, body),
            platform=platform[:64] if isinstance(platform, str) else "",
        )
        if asked.token.startswith(QUESTION):
            outcome = await answer(server, request, asked, body)
        else:
            outcome = await server.service.callbacks.press(asked)
        headers = {key.decode(): value.decode() for key, value in outcome.standing.headers}
        if outcome.error is None:
            return as_json(outcome.result, server.legacy_status, headers=headers)
        response = told(outcome.error)
        response.headers.update(headers)
        if outcome.error.retry_after_s is not None:
            response.headers["retry-after"] = str(outcome.error.retry_after_s)
        return response

    async def audit(request: Request) -> Response:
        user = await server.who(request)
        limit = number(request, "limit", 100, MAX_ENTRIES)
        trail = await server.service.callbacks.audit.trail(
            user, action=request.query_params.get("action", ""), limit=limit
        )
        match request.query_params.get("format", "json"):
            case "json":
                return as_json(trail)
            case "csv":
                return Response(as_csv(trail), media_type="text/csv")
            case other:
                raise BadRequest(f"{other[:100]!r} is no format; there are json and csv", param="format")

    return [
        *route("/callback", "POST", answering(told, press)),
        *route("/callback/audit", "GET", audit),
        *rest(["/callback"]),
    ]


def told(error: SluiceError) -> Response:
    """Return an error as callers of callbacks read it."""
    return as_json({"success": False, "error": str(error), "statusCode": error.status}, error.status)


def _token(body: dict[str, Any]) -> str:
    token = body.get("token")
    if not isinstance(token, str) or not token:
        raise Unauthenticated("Missing callback token", reason="Callback")
    return token


def _key(request: Request, body: dict[str, Any]) -> str:
    key = request.headers.get("idempotency-key") or body.get("idempotencyKey") or ""
    if not isinstance(key, str) or len(key) > MAX_KEY:
        raise BadRequest(f"idempotencyKey must be a string of at most {MAX_KEY} characters", param="idempotencyKey")
    return key
