"""Schema of what an operator says about traffic: of a Gateway, a listener, an HTTPRoute or a rule in manifests, of
everything in the short form and in the environment.

PURE. Obeys: stream-life 9 (the keys, their defaults), compat-agentgateway 2.5 (`retry` of a policy), Gateway API
GEP-1731 (`retry` of a rule; read 2026-11-21). What each member means stands with the struct of `policies/` that it
ends in; None says nothing, and a weaker layer or the default decides.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Expression, Schema
from sluice.config.units import Duration, Size

MIN_BYTES = 1 << 10
"""Smallest bound of what is held of a stream: many a provider's single event is as large."""

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Attempts = Annotated[int, msgspec.Meta(ge=0, le=255)]
StatusCode = Annotated[int, msgspec.Meta(ge=400, le=599)]
"""A status after which it makes sense to ask again."""
Word = Literal["Cancel", "Drain", "Continue"]


class Timeouts(Schema):
    """The five clocks. `0s` = off."""

    connect: Duration | None = None
    response_headers: Duration | None = None
    first_token: Duration | None = None
    response_idle: Duration | None = None
    request: Duration | None = None


class DrainSettings(Schema):
    """How far a stream is read on that its client left; looked at if `onDisconnect` is Drain."""

    max_duration: Duration | None = None
    max_tokens: Count | None = None
    max_concurrent: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None


class KeepAliveSettings(Schema):
    """`interval: 0s` = none are sent."""

    interval: Duration | None = None
    commit_after: Duration | None = None

    def __post_init__(self) -> None:
        if self.interval is not None and not self.interval and self.commit_after is not None:
            raise ValueError("`commitAfter` has no effect: with `interval: 0s` no keep-alive is sent")


class StreamSettings(Schema):
    on_disconnect: Word | None = None
    drain: DrainSettings | None = None
    keep_alive: KeepAliveSettings | None = None
    slow_reader_timeout: Duration | None = None
    max_buffer_bytes: Size | None = None
    max_event_bytes: Size | None = None

    def __post_init__(self) -> None:
        for name, value in (("maxBufferBytes", self.max_buffer_bytes), ("maxEventBytes", self.max_event_bytes)):
            if value is not None and value < MIN_BYTES:
                raise ValueError(f"`{name}` is 1Ki at least")


class RouteRetry(Schema):
    """`retry` of a rule of an HTTPRoute."""

    attempts: Attempts | None = None
    """After the first; 0 = none."""
    backoff: Duration | None = None
    codes: Annotated[tuple[StatusCode, ...], msgspec.Meta(min_length=1, max_length=200)] | None = None


class RetrySettings(RouteRetry):
    """`retry` of a policy."""

    condition: Expression | None = None
    precondition: Expression | None = None


class AdmissionSettings(Schema):
    """Of the whole process."""

    max_concurrent: Count | None = None
    max_queue: Count | None = None
    queue_timeout: Duration | None = None
    max_memory: Size | None = None


class TrafficSettings(Schema):
    """All of it; `spec.traffic` of a policy and `llm.policies` of the short form have these members among others."""

    timeouts: Timeouts | None = None
    error_format: Literal["json", "text"] | None = None
    stream: StreamSettings | None = None
    retry: RetrySettings | None = None
    admission: AdmissionSettings | None = None
