"""Which models a request may come to, for whoever may use some models only, or has a budget of their own.

Guarantee: neither a request that names no model nor one that crosses unread is a way round either. Obeys:
compat-agentgateway 1.7 (`allowedModels`), stream-life 7.
"""

import json

from sluice.config.targets import model_for
from sluice.errors import Forbidden
from sluice.gateway.access import allow_model
from sluice.gateway.account import Account
from sluice.gateway.call import Call
from sluice.gateway.operation import operation
from sluice.gateway.ports import Request

_NAMED = frozenset(["/completions", "/moderations", "/images/generations", "/audio/speech"])
"""Operations that cross unread and name their model in a JSON body, and nowhere else."""
_SAFE = frozenset(["GET", "HEAD"])


def check_models(account: Account, call: Call) -> None:
    """Pass if whoever asks may use every model that a request may come to.

    Raises:
        Forbidden: they may not, or it cannot be told which it is.
    """
    policing, backend = call.policing, call.backend
    if policing is None or backend is None or not policing.principal.allowed_models:
        return
    named = account.request_model
    if not account.operation:
        request = policing.request
        if asks_nothing(request):
            return
        named = operation(request.path, request.query).model or _named(call, request)
    for model in [named] if named else [model_for(target, "") for group in backend.groups for target in group]:
        if not model:
            raise _unknown("the request names no model")
        allow_model(policing.principal, model)


def asks_nothing(request: Request) -> bool:
    """Return whether a request that crosses unread only looks something up: no model works for it (RFC 9110 9.2.1)."""
    return request.method in _SAFE


def _named(call: Call, request: Request) -> str:
    """Return the model that the body of a request names which crosses unread; empty = none.

    Raises:
        Forbidden: it cannot be told.
    """
    if call.kind == "detect" or operation(request.path, request.query).suffix in _NAMED:
        return _model_of(request)
    raise _unknown("nobody can tell which model this operation asks for")


def _model_of(request: Request) -> str:
    """
    Raises:
        Forbidden: another reader could find another one in the body.
    """
    kinds = [value.partition(b";")[0].strip().lower() for name, value in request.headers if name == b"content-type"]
    unread = _unknown("nobody can tell which model this request names")
    if kinds != [b"application/json"] or request.header(b"content-encoding") is not None:
        raise unread
    try:
        members = json.loads(request.body.decode(), object_pairs_hook=_Members)
    except (ValueError, RecursionError):
        raise unread from None
    found = [pair for pair in members if pair[0].lower() == "model"] if isinstance(members, _Members) else None
    if found == []:
        return ""
    if found is None or len(found) > 1 or found[0][0] != "model" or not isinstance(found[0][1], str | None):
        raise unread
    return found[0][1] or ""


class _Members(list[tuple[str, object]]):
    """A JSON object as it is written: a name may stand there twice."""


def _unknown(why: str) -> Forbidden:
    error = Forbidden(f"The key may not use every model, and {why}.", param="model")
    error.code = "model_not_allowed"
    return error
