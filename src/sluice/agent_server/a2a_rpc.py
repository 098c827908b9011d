"""A2A over JSON-RPC 2.0: one address, the version by the method's name and the header `A2A-Version`.

Answers are HTTP 200 as a2a-sdk gives them, errors of the protocol too (agents.md C.3). No batches: A2A has none.
"""

from functools import partial
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sluice.agent_server.a2a_errors import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    NO_METHOD,
    OF_HTTP,
    PARSE,
    Refused,
    refused,
    rpc_error,
)
from sluice.agent_server.a2a_tasks import Tasks
from sluice.agent_server.a2a_verbs import V03, V1, Call, Verbs, Version, checked
from sluice.agent_server.server import Endpoint, Server, answering, as_json, problem, refusal
from sluice.errors import BadRequest, RouteNotFound, SluiceError


class Method(NamedTuple):
    """A row of the table."""

    verb: str
    version: Version


_PUSH_03 = ("set", "get", "list", "delete")
_PUSH_10 = ("Create", "Get", "List", "Delete")
METHODS: dict[str, Method] = {
    "message/send": Method("send", V03),
    "message/stream": Method("stream", V03),
    "tasks/get": Method("get", V03),
    "tasks/cancel": Method("cancel", V03),
    "tasks/resubscribe": Method("subscribe", V03),
    "agent/getAuthenticatedExtendedCard": Method("card", V03),
    **{f"tasks/pushNotificationConfig/{does}": Method("push", V03) for does in _PUSH_03},
    **{f"tasks/pushNotification/config/{does}": Method("push", V03) for does in ("set", "get")},
    "SendMessage": Method("send", V1),
    "SendStreamingMessage": Method("stream", V1),
    "GetTask": Method("get", V1),
    "ListTasks": Method("list", V1),
    "CancelTask": Method("cancel", V1),
    "SubscribeToTask": Method("subscribe", V1),
    "GetExtendedAgentCard": Method("card", V1),
    **{f"{does}TaskPushNotificationConfig": Method("push", V1) for does in _PUSH_10},
    "ListTaskPushNotificationConfigs": Method("push", V1),
}


def endpoint(server: Server, *, shared: bool) -> Endpoint:
    """Return what answers JSON-RPC. `shared`: the address is not A2A's alone, what is no JSON-RPC is nobody's there."""
    verbs = Verbs(server)

    async def rpc(request: Request) -> Response:
        call: Any = None
        try:
            owner = await server.who(request)
            body = await _body(server, request)
            if shared and not (isinstance(body, dict) and ("jsonrpc" in body or "method" in body)):
                return problem(RouteNotFound("POST / takes JSON-RPC 2.0: A2A"))
            call = _id(body)
            method = _read(body)
            checked(method.version, request.headers.get("a2a-version", request.query_params.get("A2A-Version", "")))
            tasks = Tasks(server.service, owner, server.agent(request))
            understood = Call(request, tasks, method.version, body.get("params"), msgspec.json.encode(call))
            result = await verbs.table[method.verb](understood)
        except Refused as error:
            return as_json(rpc_error(error, call))
        except SluiceError as error:
            if error.status in OF_HTTP:
                return refusal(partial(_of_http, call), error)
            return as_json(rpc_error(refused(error), call))
        return result if isinstance(result, Response) else as_json({"jsonrpc": "2.0", "id": call, "result": result})

    return answering(partial(_of_http, None), rpc)


def _of_http(call: Any, error: SluiceError) -> Response:
    return as_json(rpc_error(refused(error), call), error.status)


async def _body(server: Server, request: Request) -> Any:
    try:
        return (await server.body(request, object))[0]
    except BadRequest as error:
        raise Refused(PARSE, str(error)) from None


def _id(body: Any) -> Any:
    """Return the id of a request; None if it has none that JSON-RPC allows."""
    call = body.get("id") if isinstance(body, dict) else None
    return call if isinstance(call, str | int | float) and not isinstance(call, bool) else None


def _read(body: Any) -> Method:
    """Return the method of a request.

    Raises:
        Refused: it is no request of JSON-RPC 2.0, or of a method that there is not.
    """
    if not isinstance(body, dict):
        raise Refused(INVALID_REQUEST, "a request is an object; batches are not taken")
    name = body.get("method")
    if body.get("jsonrpc") != "2.0":
        raise Refused(INVALID_REQUEST, '`jsonrpc` is "2.0"')
    if body.get("id") is not None and _id(body) is None:
        raise Refused(INVALID_REQUEST, "`id` is a string or a number")
    if not isinstance(name, str):
        raise Refused(INVALID_REQUEST, "`method` is a string")
    if not isinstance(body.get("params", {}), dict):
        raise Refused(INVALID_PARAMS, "`params` is an object")
    method = METHODS.get(name)
    if method is None:
        raise Refused(NO_METHOD, f"there is no method {name[:64]!r}")
    return method
