"""Schemas of the policies of identity in the short form: `llm.policies`, and `authorization` of a model.

PURE. Obeys: compat-agentgateway 1.7 and 3.1; agentgateway, schema/config.json (read 2026-11-21). What is typed `Later`
is refused when set.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.access_api import DecisionCache, Headers, Realm, Url, ValidationOptions, exactly_one
from sluice.config.core_api import Expression, Schema, Text
from sluice.config.location_api import ClientLocation
from sluice.config.units import Duration
from sluice.config.unserved import Ignored, Later, instead
from sluice.policies.external_auth import DEFAULT_BODY_BYTES

ShortMode = Literal["strict", "optional", "permissive"]
Status = Annotated[int, msgspec.Meta(ge=400, le=599)]
FilePath = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
Inline = Annotated[str, msgspec.Meta(min_length=1, max_length=1 << 20)]


class TextFile(Schema):
    file: FilePath


class ShortKeys(Schema):
    """A key set in a file or behind a URL."""

    file: FilePath | None = None
    url: Url | None = None
    cache_duration: Duration | None = None

    def __post_init__(self) -> None:
        exactly_one(self, "file", "url")


class ShortIssuer(Schema, kw_only=True):
    issuer: Text
    audiences: tuple[Text, ...] | None = None
    jwks: Inline | ShortKeys
    jwt_validation_options: ValidationOptions = ValidationOptions()


class ShortJwt(Schema):
    """One issuer, or several under `providers`."""

    mode: ShortMode | None = None
    """Unset = `optional`, as agentgateway has it; the banner says so."""
    issuer: Text | None = None
    audiences: tuple[Text, ...] | None = None
    jwks: Inline | ShortKeys | None = None
    jwt_validation_options: ValidationOptions = ValidationOptions()
    providers: Annotated[tuple[ShortIssuer, ...], msgspec.Meta(max_length=64)] = ()
    location: ClientLocation | None = None
    mcp: Later = None

    def __post_init__(self) -> None:
        exactly_one(self, "issuer", "providers")
        if (self.issuer is None) != (self.jwks is None):
            raise ValueError("`issuer` and `jwks` go together")


class ShortKey(Schema):
    """A key, or its digest."""

    name: Text | None = None
    """An addition of Sluice: what logs and limits call it."""
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    key_hash: Text | None = None
    metadata: dict[str, Ignored] = msgspec.field(default_factory=dict)
    allowed_models: tuple[Text, ...] = ()

    def __post_init__(self) -> None:
        exactly_one(self, "key", "key_hash")


class ShortApiKeys(Schema):
    keys: Annotated[tuple[ShortKey, ...], msgspec.Meta(max_length=10_000)]
    mode: ShortMode = "strict"
    """agentgateway's default lets requests without a key pass."""
    location: ClientLocation | None = None


class ShortBasic(Schema):
    htpasswd: Inline | TextFile
    realm: Realm | None = None
    mode: Literal["strict", "optional"] = "strict"
    authorization_location: ClientLocation | None = None


class ShortRule(Schema):
    allow: Expression | None = None
    deny: Expression | None = None
    require: Expression | None = None

    def __post_init__(self) -> None:
        exactly_one(self, "allow", "deny", "require")


class ShortAuthorization(Schema):
    """A rule that is a text is one that allows."""

    rules: Annotated[tuple[Expression | ShortRule, ...], msgspec.Meta(min_length=1, max_length=256)]


class ShortHttp(Schema):
    path: Expression | None = None
    body: Expression | None = None
    redirect: Expression | None = None
    include_response_headers: Headers = ()
    add_request_headers: dict[str, Expression] = msgspec.field(default_factory=dict)
    metadata: dict[str, Expression] = msgspec.field(default_factory=dict)


class ShortProtocol(Schema):
    http: ShortHttp | None = None
    grpc: Annotated[Later, instead("`http`: the service is asked over HTTP, as Envoy does it")] = None


class ShortBody(Schema):
    max_request_bytes: Annotated[int, msgspec.Meta(ge=1, le=1 << 30)] = DEFAULT_BODY_BYTES
    allow_partial_message: bool = False
    pack_as_bytes: Later = None


class DenyWithStatus(Schema):
    deny_with_status: Status


class ShortExternal(Schema):
    """`host`: `host:port`; a URL is an addition of Sluice. The protocol is HTTP and has to be said."""

    host: Text | None = None
    url: Url | None = None
    protocol: ShortProtocol = ShortProtocol()
    failure_mode: Literal["allow", "deny"] | DenyWithStatus = "deny"
    include_request_headers: Headers = ()
    include_request_body: ShortBody | None = None
    cache: DecisionCache | None = None
    timeout: Duration | None = None
    service: Later = None
    backend: Later = None
    policies: Later = None

    def __post_init__(self) -> None:
        exactly_one(self, "host", "url")
        if self.protocol.http is None and self.protocol.grpc is None:
            raise ValueError("`protocol: {http: {}}` is missing: the usual one is gRPC, which is not implemented")


class ShortAccessSettings(Schema):
    """What `llm.policies` says about who may ask."""

    jwt_auth: ShortJwt | None = None
    basic_auth: ShortBasic | None = None
    api_key: ShortApiKeys | None = None
    ext_authz: ShortExternal | None = None
    authorization: ShortAuthorization | None = None
