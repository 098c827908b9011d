"""Schemas of the policies of identity in manifests: `spec.traffic` of a policy.

PURE. Obeys: compat-agentgateway 2.5; agentgateway, agentgateway_policy_types.go and schema/config.json (read
2026-11-21). Additions of Sluice: `url` and `timeout` of services, `allowedClientHeaders`, `cache` of HTTP services,
`keyHash` and `allowedModels` in Secrets. What is typed `Later` is refused when set.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Expression, HeaderName, Name, Schema, Text
from sluice.config.guard_api import ServiceTarget
from sluice.config.location_api import ClientLocation
from sluice.config.struct_fields import fields_of
from sluice.config.units import Duration, Size
from sluice.config.unserved import Later, instead

Url = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
Claims = Annotated[tuple[Text, ...], msgspec.Meta(max_length=16)]
Expressions = Annotated[tuple[Expression, ...], msgspec.Meta(min_length=1, max_length=256)]
HeaderExpressions = Annotated[dict[HeaderName, Expression], msgspec.Meta(max_length=64)]
Headers = Annotated[tuple[HeaderName, ...], msgspec.Meta(max_length=64)]
Mode = Literal["Strict", "Optional", "Permissive"]
Realm = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[ -~]+\Z")]
MIN_CACHE_S = 300.0


def exactly_one(value: msgspec.Struct, *names: str) -> None:
    """Check that one of the fields is set, and no other.

    Raises:
        ValueError: none or several are.
    """
    if sum(getattr(value, name) not in (None, ()) for name in names) != 1:
        shown = [f"`{field.encode_name}`" for field in fields_of(value) if field.name in names]
        raise ValueError(f"expected exactly one of {', '.join(shown)}")


# -- tokens -----------------------------------------------------------------------------------------------------------


class RemoteKeys(Schema):
    """A key set behind a URL, or at a path of a Service or a static backend."""

    backend_ref: ServiceTarget | None = None
    jwks_path: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)] | None = None
    url: Url | None = None
    cache_duration: Duration | None = None

    def __post_init__(self) -> None:
        exactly_one(self, "backend_ref", "url")
        if (self.backend_ref is None) != (self.jwks_path is None):
            raise ValueError("`backendRef` and `jwksPath` go together")
        if self.cache_duration is not None and self.cache_duration < MIN_CACHE_S:
            raise ValueError("`cacheDuration` is 5m at least")


class Keys(Schema):
    """Where the keys are that prove an issuer's tokens. `inline`: a JWK Set, or one public key in PEM."""

    inline: Annotated[str, msgspec.Meta(min_length=2, max_length=65536)] | None = None
    remote: RemoteKeys | None = None
    file: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    """A path; a file that changes is read anew within a second."""

    def __post_init__(self) -> None:
        exactly_one(self, "inline", "remote", "file")


class ValidationOptions(Schema):
    required_claims: Claims = ("exp",)


class JwtProvider(Schema, kw_only=True):
    issuer: Text
    audiences: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, max_length=64)] | None = None
    jwks: Keys
    jwt_validation_options: ValidationOptions = ValidationOptions()


class JwtSettings(Schema, kw_only=True):
    mode: Mode = "Strict"
    providers: Annotated[tuple[JwtProvider, ...], msgspec.Meta(min_length=1, max_length=64)]
    location: ClientLocation | None = None
    mcp: Later = None


# -- keys and passwords -----------------------------------------------------------------------------------------------


class LocalSecret(Schema):
    """A Secret in the object's own namespace, all of it."""

    name: Name
    group: Literal[""] = ""
    kind: Literal["Secret"] = "Secret"


class LabelSelector(Schema):
    match_labels: Annotated[dict[str, str], msgspec.Meta(min_length=1)]


class ApiKeySettings(Schema):
    """Each entry of a Secret is one key: the key itself, or JSON with `key` or `keyHash`, `metadata`, `allowedModels`.
    Those of a ConfigMap have a `keyHash`."""

    mode: Mode = "Strict"
    secret_ref: LocalSecret | None = None
    secret_selector: LabelSelector | None = None
    config_map_selector: LabelSelector | None = None
    location: ClientLocation | None = None

    def __post_init__(self) -> None:
        exactly_one(self, "secret_ref", "secret_selector", "config_map_selector")


class BasicSettings(Schema):
    """Lines as `htpasswd` writes them; those of a Secret stand under `.htaccess`."""

    mode: Literal["Strict", "Optional"] = "Strict"
    realm: Realm | None = None
    users: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1, max_length=256)] | None = None
    secret_ref: LocalSecret | None = None
    location: ClientLocation | None = None

    def __post_init__(self) -> None:
        exactly_one(self, "users", "secret_ref")


# -- rules ------------------------------------------------------------------------------------------------------------


class Rules(Schema):
    match_expressions: Expressions


class AuthorizationSettings(Schema, kw_only=True):
    action: Literal["Allow", "Deny", "Require"] = "Allow"
    policy: Rules


# -- external authorization -------------------------------------------------------------------------------------------


class ForwardBody(Schema):
    max_size: Size
    allow_partial_message: bool = False
    """Of a longer body the first of it; else it is refused with 413."""

    def __post_init__(self) -> None:
        if not self.max_size:
            raise ValueError("`maxSize` is 1 at least")


class DecisionCache(Schema):
    key: Annotated[tuple[Expression, ...], msgspec.Meta(min_length=1, max_length=16)]
    ttl: Text
    """A duration, or CEL that comes to one, or to the time until which a decision holds."""
    max_entries: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000


class HttpService(Schema):
    path: Expression | None = None
    body: Expression | None = None
    redirect: Expression | None = None
    allowed_request_headers: Headers = ()
    add_request_headers: HeaderExpressions = msgspec.field(default_factory=dict)
    allowed_response_headers: Headers = ()
    allowed_client_headers: Headers = ()
    response_metadata: Annotated[dict[Text, Expression], msgspec.Meta(max_length=64)] = msgspec.field(
        default_factory=dict
    )


class ExternalService(Schema):
    """A service that is asked; all but the address may be left out."""

    backend_ref: ServiceTarget | None = None
    url: Url | None = None
    http: HttpService | None = None
    grpc: Annotated[Later, instead("`http`: the service is asked over HTTP, as Envoy does it")] = None
    forward_body: ForwardBody | None = None
    cache: DecisionCache | None = None
    failure_mode: Literal["FailClosed", "FailOpen"] = "FailClosed"
    timeout: Duration | None = None
    """Until there is a decision; unset = 2s."""

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raise if what has to be there is not."""
        exactly_one(self, "backend_ref", "url")
        if self.timeout is not None and not self.timeout:
            raise ValueError("`timeout` cannot be `0s`: a request would wait for ever")


class Conditional(Schema, kw_only=True):
    condition: Expression | None = None
    policy: ExternalService


class ExternalSettings(ExternalService):
    """One service, or several of which the first whose condition holds is asked."""

    conditional: Annotated[tuple[Conditional, ...], msgspec.Meta(max_length=16)] = ()

    def check(self) -> None:
        if not self.conditional:
            super().check()
        elif self.backend_ref is not None or self.url is not None:
            raise ValueError("`conditional` stands alone")
        elif any(item.condition is None for item in self.conditional[:-1]):
            raise ValueError("only the last of `conditional` may have no `condition`")


class AuthConfigReference(Schema):
    name: Name
    namespace: Name | None = None


class EnterpriseSettings(Schema):
    """`entExtAuth`: refers to an AuthConfig."""

    auth_config_ref: AuthConfigReference


class AccessSettings(Schema):
    """What `spec.traffic` of a policy says about who may ask."""

    jwt_authentication: JwtSettings | None = None
    basic_authentication: BasicSettings | None = None
    api_key_authentication: ApiKeySettings | None = None
    ext_auth: ExternalSettings | None = None
    ent_ext_auth: EnterpriseSettings | None = None
    authorization: AuthorizationSettings | None = None
