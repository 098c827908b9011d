"""What expressions see of an exchange that is over: everything that its record says, and, where an operator's
expressions name it, what was asked and answered.

Guarantee: nothing is decoded that no expression names; values of headers and parameters that are credentials are not
there to be seen. Obeys: labs A001; agentgateway, schema/cel.md (read 2026-11-21).

Cost, measured on one core: 5 microseconds for a scene, 5 to 25 for an expression.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from sluice.gateway.llm_facts import absent, llm_facts
from sluice.gateway.ports import Request
from sluice.gateway.scene import request_facts, scene_of
from sluice.gateway.shaper import texts
from sluice.gateway.unseen import shareable, shareable_query, streamed
from sluice.gateway.witness import Witness, prefix_of
from sluice.policies.scene import Fact, Scene
from sluice.relay.record import UNKNOWN, ExchangeRecord

if TYPE_CHECKING:
    from sluice.gateway.account import Account

MAX_BODY_BYTES = 1 << 20
"""Of a request that expressions see: a line of a log is no place for more."""
MAX_VALUES = 8192
"""In such a body, counted by what stands before them: to decode them holds up the event loop, some 2 microseconds for
each and each expression, and a client chooses how many there are."""
_STOPS = frozenset(["Reject", "FailClosed"])
"""What a guard does that ends an exchange."""


def end_scene(
    account: "Account",
    record: ExchangeRecord,
    *,
    scheme: str = "http",
    sensitive: frozenset[str] = frozenset(),
    secrets: Sequence[str] = (),
) -> Scene:
    """Return the scene of an exchange that is over: what its policies had learned, and what is known at its end.
    `scheme`: of the listener. `sensitive`: names of headers, in lower case, whose values are hidden beside those that
    tell by themselves. `secrets`: what no answer shows piece by piece."""
    policing = account.policing
    request = account.request if policing is None else policing.request
    scene = scene_of(request, scheme=scheme) if policing is None else policing.scene
    scene.learn("request", partial(_request, request, scheme, sensitive, record))
    if _is_much(request.body):
        scene.learn("llmRequest", absent)
    scene.learn("response", _response(account, record, sensitive, secrets))
    scene.learn("proxy", partial(_proxy, record))
    scene.learn("exchange", partial(_exchange, record))
    if record.protocol == "llm":
        scene.add("llm", llm_facts(account, record))
    if policing is None and record.route.backend != UNKNOWN:
        kind = "ai" if record.protocol == "llm" else "http"
        scene.learn("backend", {"name": record.route.backend, "type": kind, "protocol": record.protocol})
    return scene


# -- what crossed -----------------------------------------------------------------------------------------------------


def _request(request: Request, scheme: str, sensitive: frozenset[str], record: ExchangeRecord) -> Mapping[str, Fact]:
    """A body that is too long is not there, as agentgateway has it; its beginning is."""
    shown = msgspec.structs.replace(
        request, headers=shareable(request.headers, sensitive), query=shareable_query(request.query)
    )
    facts = request_facts(shown, scheme) | {
        "bodyPrefix": partial(prefix_of, request.body),
        "startTime": _instant(record.started_at),
        "endTime": _instant(record.started_at + record.duration_s),
    }
    return facts | {"body": absent} if _is_much(request.body) else facts


def _is_much(body: bytes) -> bool:
    if len(body) > MAX_BODY_BYTES:
        return True
    return len(body) > MAX_VALUES and sum(body.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES


def _response(
    account: "Account", record: ExchangeRecord, sensitive: frozenset[str], secrets: Sequence[str]
) -> Mapping[str, Fact]:
    witness, code = account.witness, {"code": record.status}
    if witness is None or witness.headers is None:
        return code
    headers = shareable(witness.headers, sensitive)
    body = partial(_answer, witness, secrets)
    return {**code, "headers": partial(texts, headers), "body": body, "bodyPrefix": body}


def _answer(witness: Witness, secrets: Sequence[str]) -> str:
    return streamed(witness.text(), secrets)


# -- the gateway ------------------------------------------------------------------------------------------------------


def _proxy(record: ExchangeRecord) -> dict[str, Fact]:
    """What agentgateway calls the parts of itself, and how long each took."""
    route, own = record.route, record.added_s + record.answer_added_s
    return {
        "bind": route.bind,
        "gateway": _named(route.gateway),
        "listener": {"name": route.listener},
        "route": {**_named(route.route), "rule": route.route_rule},
        "requestProcessingDuration": _seconds(record.added_s),
        "upstreamDuration": _seconds(max(0.0, record.duration_s - own)),
        "responseProcessingDuration": _seconds(record.answer_added_s),
    }


def _exchange(record: ExchangeRecord) -> dict[str, Fact]:
    """What the record says and the variables of agentgateway have no word for."""
    stream = record.stream
    return {
        "id": record.request_id,
        "traceId": record.trace_id,
        "operation": record.operation,
        "endpoint": record.endpoint,
        "principal": record.principal,
        "outcome": record.outcome,
        "reason": record.reason,
        "error": record.error,
        "errorCode": record.error_code,
        "finishReason": record.finish_reason,
        "durationSeconds": record.duration_s,
        "addedSeconds": record.added_s,
        "attempts": record.attempts,
        "tried": [{"target": target, "result": result} for target, result in record.tried],
        "chunks": stream.chunks,
        "tokens": stream.tokens,
        "stalls": stream.stalls,
        "stalledSeconds": stream.stalled_s,
        "malformed": stream.malformed,
        "bytesFromProvider": stream.bytes_from_provider,
        "bytesToClient": stream.bytes_to_client,
        "blockedBy": next((name for name, action, _ in record.guards if action in _STOPS), record.guard.blocked_by),
        "labels": dict(record.labels),
    }


def _named(full: str) -> dict[str, str]:
    namespace, _, name = full.rpartition("/")
    return {"namespace": namespace, "name": name}


def _seconds(value: float) -> str:
    return f"{value:.6f}s"


def _instant(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
