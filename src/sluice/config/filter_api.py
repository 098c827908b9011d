"""Schemas of the filters of an HTTPRoute: of a rule, and of a backendRef.

PURE. Obeys: Gateway API 1.4, HTTPRouteFilter (read 2026-11-21). What is typed `Later` is refused when set.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import HeaderName, Name, Port, Schema
from sluice.config.shaping_api import CorsSettings, HeaderModifier, PreciseHost, RewrittenPath
from sluice.config.struct_fields import fields_of
from sluice.config.unserved import Later, instead


class PathModifier(Schema):
    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    replace_full_path: RewrittenPath | None = None
    replace_prefix_match: RewrittenPath | None = None

    def __post_init__(self) -> None:
        wanted = "replace_full_path" if self.type == "ReplaceFullPath" else "replace_prefix_match"
        _only(self, wanted, ("replace_full_path", "replace_prefix_match"), self.type)


class RedirectFilter(Schema):
    scheme: Literal["http", "https"] | None = None
    hostname: PreciseHost | None = None
    path: PathModifier | None = None
    port: Port | None = None
    status_code: Literal[301, 302, 303, 307, 308] = 302


class RewriteFilter(Schema):
    hostname: PreciseHost | None = None
    path: PathModifier | None = None


class FilterReference(Schema):
    """What a filter leads to: a Service or an AgentgatewayBackend."""

    name: Name
    group: str = ""
    kind: str = "Service"
    namespace: Name | None = None
    port: Port | None = None

    def __post_init__(self) -> None:
        if self.kind == "Service" and self.group == "" and self.port is None:
            raise ValueError("a Service needs a `port`")


class Fraction(Schema):
    numerator: Annotated[int, msgspec.Meta(ge=0)]
    denominator: Annotated[int, msgspec.Meta(ge=1)] = 100

    def __post_init__(self) -> None:
        if self.numerator > self.denominator:
            raise ValueError("`numerator` is not larger than `denominator`")


class MirrorFilter(Schema):
    backend_ref: FilterReference
    percent: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    fraction: Fraction | None = None

    def __post_init__(self) -> None:
        if self.percent is not None and self.fraction is not None:
            raise ValueError("expected `percent` or `fraction`, not both")

    @property
    def share(self) -> float:
        """Of the requests, in [0, 1]."""
        if self.fraction is not None:
            return self.fraction.numerator / self.fraction.denominator
        return 1.0 if self.percent is None else self.percent / 100


class AuthBody(Schema):
    max_size: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    """Bytes; of a longer body the service gets the first. 0 = none."""


class AuthHttp(Schema):
    path: Annotated[str, msgspec.Meta(max_length=1024, pattern=r"^(/[!-~]*)?\Z")] = ""
    """Stands before the path of the request when the service is asked."""
    allowed_headers: Annotated[tuple[HeaderName, ...], msgspec.Meta(max_length=64)] = ()
    """Of the request, beside `authorization`."""
    allowed_response_headers: Annotated[tuple[HeaderName, ...], msgspec.Meta(max_length=64)] = ()
    """Of the service's yes, that the backend gets. Empty = none: what a service says of its own is not a provider's to
    know. Gateway API passes all of them on then."""


class AuthFilter(Schema, kw_only=True):
    protocol: Literal["HTTP", "GRPC"]
    backend_ref: FilterReference
    http: AuthHttp = AuthHttp()
    grpc: Annotated[Later, instead("`protocol: HTTP`: the service is asked over HTTP, as Envoy does it")] = None
    forward_body: AuthBody = AuthBody()

    def __post_init__(self) -> None:
        if self.protocol == "GRPC" and self.grpc is None:
            text = "`protocol: GRPC` is not implemented by this version; `protocol: HTTP` asks the service over HTTP"
            raise ValueError(text)
        group = "agentgateway.dev" if self.backend_ref.kind == "AgentgatewayBackend" else ""
        if (self.backend_ref.group, self.backend_ref.kind) not in (("", "Service"), (group, "AgentgatewayBackend")):
            raise ValueError("`backendRef` leads to a Service, or to an AgentgatewayBackend that is static")


class ExtensionReference(Schema):
    """A policy of the route's namespace that holds on the rule, whatever else it is attached to."""

    group: str
    kind: str
    name: Name


_MEMBERS = {
    "RequestHeaderModifier": "request_header_modifier",
    "ResponseHeaderModifier": "response_header_modifier",
    "RequestRedirect": "request_redirect",
    "URLRewrite": "url_rewrite",
    "RequestMirror": "request_mirror",
    "CORS": "cors",
    "ExternalAuth": "external_auth",
    "ExtensionRef": "extension_ref",
}


class Filter(Schema):
    """What it does stands in the member that `type` names, and in no other."""

    type: Literal[
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestRedirect",
        "URLRewrite",
        "RequestMirror",
        "CORS",
        "ExternalAuth",
        "ExtensionRef",
    ]
    request_header_modifier: HeaderModifier | None = None
    response_header_modifier: HeaderModifier | None = None
    request_redirect: RedirectFilter | None = None
    url_rewrite: RewriteFilter | None = None
    request_mirror: MirrorFilter | None = None
    cors: CorsSettings | None = None
    external_auth: AuthFilter | None = None
    extension_ref: ExtensionReference | None = None

    def __post_init__(self) -> None:
        _only(self, _MEMBERS[self.type], tuple(_MEMBERS.values()), self.type)


Filters = Annotated[tuple[Filter, ...], msgspec.Meta(max_length=16)]


def _only(value: msgspec.Struct, wanted: str, names: tuple[str, ...], kind: str) -> None:
    """Check that of some members exactly the wanted one is set.

    Raises:
        ValueError: it is missing, or another one is set.
    """
    written = {field.name: field.encode_name for field in fields_of(value)}
    if getattr(value, wanted) is None:
        raise ValueError(f"the type {kind} needs `{written[wanted]}`")
    if other := next((name for name in names if name != wanted and getattr(value, name) is not None), ""):
        raise ValueError(f"`{written[other]}` does not belong to the type {kind}")
