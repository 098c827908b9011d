"""`timeouts` of a backend: `policies.timeouts` and `spec.backend.timeouts` of manifests, `timeouts` of a model in the
short form; their schemas, and what they compile to.

PURE. Obeys: stream-life 4. The names are those of a route's `timeouts`; `attempt` is what only a backend can say. Of a
backend of agentgateway two of the clocks stand where that format has them: `tcp` and `http`.
"""

from typing import Annotated

import msgspec

from sluice.config.core_api import Schema
from sluice.config.struct_fields import fields_of
from sluice.config.units import Duration, duration_text
from sluice.config.unserved import Later, instead
from sluice.policies.deadlines import OwnClocks

OWN_CLOCKS = {
    "connect": "connect_s",
    "responseHeaders": "headers_s",
    "firstToken": "first_token_s",
    "responseIdle": "idle_s",
    "attempt": "attempt_s",
}
"""Key in files -> field of OwnClocks."""
_WHOLE = "`attempt` bounds one attempt, `timeouts.request` of a route the whole exchange"


class ModelTimeouts(Schema):
    """Clocks of one model, in place of those of the route. `0s` = off."""

    connect: Duration | None = None
    response_headers: Duration | None = None
    first_token: Duration | None = None
    response_idle: Duration | None = None
    attempt: Duration | None = None
    request: Annotated[Later, instead(_WHOLE)] = None

    def __post_init__(self) -> None:
        _check_attempt(self, self.attempt)


class BackendTimeouts(Schema):
    """Clocks of a backend, or of one provider, in place of those of the route. `0s` = off."""

    first_token: Duration | None = None
    response_idle: Duration | None = None
    attempt: Duration | None = None
    connect: Annotated[Later, instead("`tcp.connectTimeout` of the same policies is this clock")] = None
    response_headers: Annotated[Later, instead("`http.requestTimeout` of the same policies is this clock")] = None
    request: Annotated[Later, instead(_WHOLE)] = None

    def __post_init__(self) -> None:
        _check_attempt(self, self.attempt)


def own_clocks(
    timeouts: ModelTimeouts | BackendTimeouts | None,
    *,
    connect: Duration | None = None,
    headers: Duration | None = None,
) -> OwnClocks | None:
    """Return the clocks of a target; None = it says nothing, and all are the route's.

    `connect`, `headers`: of `tcp` and `http`, where `timeouts` cannot say them.
    """
    said: dict[str, Duration | None] = {"connect_s": connect, "headers_s": headers}
    if timeouts is not None:
        said |= {OWN_CLOCKS[key]: value for key, value in _durations(timeouts).items()}
    found = {field: float(value) for field, value in said.items() if value is not None}
    return OwnClocks(**found) if found else None


def _durations(timeouts: msgspec.Struct) -> dict[str, Duration]:
    """Return the clocks that are given, by their keys in files."""
    values = ((field.encode_name, getattr(timeouts, field.name)) for field in fields_of(timeouts))
    return {key: value for key, value in values if isinstance(value, Duration)}


def _check_attempt(timeouts: msgspec.Struct, attempt: Duration | None) -> None:
    """Check that each clock can run out before the attempt's own time is over.

    Raises:
        ValueError: one could not.
    """
    for key, value in _durations(timeouts).items():
        if attempt and value > attempt:
            raise ValueError(f"`{key}` must not be longer than `attempt`, which is {duration_text(attempt)}")
