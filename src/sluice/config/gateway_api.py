"""Schemas of the Gateway API objects: Gateway, GatewayClass, HTTPRoute, ReferenceGrant.

PURE. Obeys: gateway.networking.k8s.io/v1 (Gateway API 1.4), defaults included. What is typed `Later` is refused when
set.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import HeaderName, Name, Object, Port, Schema
from sluice.config.filter_api import Filters
from sluice.config.traffic_api import RouteRetry
from sluice.config.units import Duration
from sluice.config.unserved import Ignored, Later

GATEWAY = "gateway.networking.k8s.io"
"""The API group."""

Hostname = Annotated[
    str,
    msgspec.Meta(
        max_length=253,
        pattern=r"^(\*\.)?[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*$",
    ),
]
Weight = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class SelectorTerm(Schema):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()


class LabelSelector(Schema):
    match_labels: dict[str, str] = msgspec.field(default_factory=dict)
    match_expressions: tuple[SelectorTerm, ...] = ()


# -- Gateway ----------------------------------------------------------------------------------------------------------


class SecretReference(Schema):
    name: Name
    namespace: Name | None = None
    group: str = ""
    kind: str = "Secret"


class GatewayTls(Schema):
    mode: Literal["Terminate", "Passthrough"] = "Terminate"
    certificate_refs: Annotated[tuple[SecretReference, ...], msgspec.Meta(max_length=64)] = ()
    options: Later = None
    frontend_validation: Later = None


class RouteNamespaces(Schema):
    from_: Literal["Same", "All", "Selector"] = msgspec.field(name="from", default="Same")
    selector: LabelSelector | None = None


class RouteKind(Schema):
    kind: str
    group: str = GATEWAY


class AllowedRoutes(Schema):
    namespaces: RouteNamespaces = RouteNamespaces()
    kinds: tuple[RouteKind, ...] = ()


class ListenerSpec(Schema):
    name: Name
    port: Port
    protocol: str
    hostname: Hostname | None = None
    tls: GatewayTls | None = None
    allowed_routes: AllowedRoutes = AllowedRoutes()


class ParametersReference(Schema):
    """`namespace` may stand in a GatewayClass only; a Gateway's parameters stand beside it."""

    group: str
    kind: str
    name: Name


class ClassParametersReference(ParametersReference, kw_only=True):
    namespace: Name | None = None


class Infrastructure(Schema):
    parameters_ref: ParametersReference | None = None
    labels: Ignored = None
    annotations: Ignored = None


class GatewaySpec(Schema):
    gateway_class_name: Name
    listeners: Annotated[tuple[ListenerSpec, ...], msgspec.Meta(min_length=1, max_length=64)]
    addresses: Ignored = None
    infrastructure: Infrastructure = Infrastructure()
    allowed_listeners: Later = None
    backend_tls: Later = msgspec.field(name="backendTLS", default=None)
    tls: Later = None

    def __post_init__(self) -> None:
        names = [listener.name for listener in self.listeners]
        if len(names) != len(set(names)):
            raise ValueError("two listeners have the same name")


class Gateway(Object, kw_only=True):
    spec: GatewaySpec


class GatewayClassSpec(Schema):
    parameters_ref: ClassParametersReference | None = None
    controller_name: Ignored = None
    description: Ignored = None


class GatewayClass(Object):
    """Accepted: a file that brings its class along must load. There is only one class here."""

    spec: GatewayClassSpec = GatewayClassSpec()


# -- HTTPRoute --------------------------------------------------------------------------------------------------------


class ParentReference(Schema):
    name: Name
    namespace: Name | None = None
    group: str = GATEWAY
    kind: str = "Gateway"
    section_name: Name | None = None
    port: Port | None = None


class PathSpec(Schema):
    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)] = "/"

    def __post_init__(self) -> None:
        if self.type != "RegularExpression" and not self.value.startswith("/"):
            raise ValueError("a path begins with `/`")
        if self.type != "RegularExpression" and any(part in self.value for part in ("//", "?", "#", "/./", "/../")):
            raise ValueError("a path holds no `//`, `/./`, `/../`, `?` or `#`")


class HeaderSpec(Schema):
    name: HeaderName
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    type: Literal["Exact", "RegularExpression"] = "Exact"


class QuerySpec(Schema):
    name: HeaderName
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
    type: Literal["Exact", "RegularExpression"] = "Exact"


class MatchSpec(Schema):
    path: PathSpec = PathSpec()
    headers: Annotated[tuple[HeaderSpec, ...], msgspec.Meta(max_length=16)] = ()
    query_params: Annotated[tuple[QuerySpec, ...], msgspec.Meta(max_length=16)] = ()
    method: Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] | None = None


class BackendReference(Schema):
    name: Name
    group: str = ""
    kind: str = "Service"
    namespace: Name | None = None
    port: Port | None = None
    weight: Weight = 1
    filters: Filters = ()

    def __post_init__(self) -> None:
        if self.kind == "Service" and self.group == "" and self.port is None:
            raise ValueError("a Service needs a `port`")


class RouteTimeouts(Schema):
    request: Duration | None = None
    """The whole exchange."""
    backend_request: Duration | None = None
    """Until the head of the provider's answer."""

    def __post_init__(self) -> None:
        if self.request and self.backend_request and self.backend_request > self.request:
            raise ValueError("`backendRequest` must not be longer than `request`")


class RuleSpec(Schema):
    name: Name | None = None
    matches: Annotated[tuple[MatchSpec, ...], msgspec.Meta(max_length=64)] = ()
    backend_refs: Annotated[tuple[BackendReference, ...], msgspec.Meta(max_length=16)] = ()
    timeouts: RouteTimeouts = RouteTimeouts()
    filters: Filters = ()
    retry: RouteRetry | None = None
    session_persistence: Later = None


class RouteSpec(Schema):
    parent_refs: Annotated[tuple[ParentReference, ...], msgspec.Meta(max_length=32)] = ()
    hostnames: Annotated[tuple[Hostname, ...], msgspec.Meta(max_length=16)] = ()
    rules: Annotated[tuple[RuleSpec, ...], msgspec.Meta(max_length=16)] = (RuleSpec(),)
    use_default_gateways: Later = None


class HttpRoute(Object, kw_only=True):
    spec: RouteSpec


# -- ReferenceGrant ---------------------------------------------------------------------------------------------------


class GrantFrom(Schema):
    group: str
    kind: str
    namespace: Name


class GrantTo(Schema):
    group: str
    kind: str
    name: Name | None = None


class GrantSpec(Schema):
    from_: tuple[GrantFrom, ...] = msgspec.field(name="from")
    to: tuple[GrantTo, ...]


class ReferenceGrant(Object, kw_only=True):
    spec: GrantSpec
