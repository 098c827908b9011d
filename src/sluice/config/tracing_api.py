"""Schemas of tracing: `config.tracing`, `frontendPolicies.tracing`, `frontend.tracing` of policies.

PURE. Obeys: compat-agentgateway 3.3, labs A001 and 5.2; agentgateway, api/v1alpha1 `Tracing`, and `frontendPolicies` of
its standalone documentation (read 2026-11-21).
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Expression, HeaderName, Schema, Text
from sluice.config.guard_api import ServiceTarget
from sluice.config.observing_api import Attributes, FieldChanges, LineField, NamedExpression
from sluice.config.unserved import Later, instead

Sampling = Expression | bool | float
"""A truth, a share from 0 to 1, or a CEL expression over the request that comes to one of them."""
HttpPath = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern=r"^/[!-~]*\Z")]
HeaderText = Annotated[str, msgspec.Meta(max_length=8192, pattern=r"^[ -~]*\Z")]
NO_FILTER = instead("`randomSampling` and `clientSampling` take an expression over the request")
NO_COLLECTOR_POLICIES = instead("`config.tracing.headers` holds the credential of a collector")
BY_HOST = instead("`host` names the collector, as `collector:4317`")


class TracingSpec(Schema):
    """Of `config`."""

    otlp_endpoint: Text | None = None
    """A URL; `OTLP_ENDPOINT` and `OTEL_EXPORTER_OTLP_ENDPOINT` of the environment stand over it."""
    otlp_protocol: Literal["grpc", "http"] | None = None
    """grpc if unset."""
    headers: dict[HeaderName, HeaderText] = msgspec.field(default_factory=dict)
    random_sampling: Sampling | None = None
    """Of requests that come without a sampled trace. None of them if unset."""
    client_sampling: Sampling | None = None
    """Of those whose client has sampled them. All if unset."""
    fields: FieldChanges = FieldChanges()
    resources: dict[LineField, Expression] = msgspec.field(default_factory=dict)
    """Of the process. An addition of Sluice, with the word of `frontendPolicies`."""
    path: HttpPath | None = None


class ShortTracing(Schema):
    """Of `frontendPolicies`: in place of `config.tracing`."""

    host: Text | None = None
    """`host:port`."""
    service: Annotated[Later, BY_HOST] = None
    backend: Annotated[Later, BY_HOST] = None
    policies: Annotated[Later, NO_COLLECTOR_POLICIES] = None
    protocol: Literal["grpc", "http"] = "grpc"
    path: HttpPath | None = None
    random_sampling: Sampling | None = None
    client_sampling: Sampling | None = None
    filter: Annotated[Later, NO_FILTER] = None
    attributes: dict[LineField, Expression] = msgspec.field(default_factory=dict)
    resources: dict[LineField, Expression] = msgspec.field(default_factory=dict)
    remove: tuple[LineField, ...] = ()

    def __post_init__(self) -> None:
        if self.host is None and self.service is None and self.backend is None:
            raise ValueError("expected `host`")


class TracingSettings(Schema):
    """Of a policy that targets a Gateway or its listener."""

    backend_ref: ServiceTarget
    protocol: Literal["HTTP", "GRPC"] = "HTTP"
    path: HttpPath | None = None
    attributes: Attributes | None = None
    resources: Annotated[tuple[NamedExpression, ...], msgspec.Meta(max_length=64)] = ()
    random_sampling: Sampling | None = None
    client_sampling: Sampling | None = None
    filter: Annotated[Later, NO_FILTER] = None
