"""Schema of the policies of a backend: inline in AgentgatewayBackend, or `spec.backend` of an AgentgatewayPolicy.

PURE. Obeys: compat-agentgateway 2.2 to 2.4. What is typed `Later` is refused when set.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.access_api import ExternalSettings
from sluice.config.ai_api import AiSettings
from sluice.config.clock_policy import BackendTimeouts
from sluice.config.core_api import Name, Schema, Text
from sluice.config.health_policy import HealthSettings
from sluice.config.location_api import CredentialLocation, ExtraCredentials
from sluice.config.shaping_api import TransformationSettings
from sluice.config.struct_fields import fields_of
from sluice.config.units import Duration
from sluice.config.unserved import Ignored, Later

AGENTGATEWAY = "agentgateway.dev"
"""The API group."""

PathText = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern=r"^/[^\s?#]*$")]


def exactly_one(value: msgspec.Struct, names: tuple[str, ...], *, at_most: bool = False) -> None:
    """Check that one of the fields is set, and no other.

    Raises:
        ValueError: none or several are.
    """
    found = [name for name in names if getattr(value, name) is not None]
    if len(found) > 1 or not (found or at_most):
        shown = ", ".join(f"`{field.encode_name}`" for field in fields_of(value) if field.name in names)
        raise ValueError(f"expected {'at most' if at_most else 'exactly'} one of {shown}")


class SecretKey(Schema):
    """One key of a Secret in the object's own namespace."""

    name: Name
    key: Text = "Authorization"
    group: Literal[""] = ""
    kind: Literal["Secret"] = "Secret"


class AwsSecret(Schema):
    """A Secret with the keys `accessKey`, `secretKey` and perhaps `sessionToken`."""

    name: Name
    group: Literal[""] = ""
    kind: Literal["Secret"] = "Secret"


class AwsAuth(Schema):
    """Sign with AWS Signature Version 4. Without a Secret the keys are those of the environment, `AWS_*`."""

    secret_ref: AwsSecret | None = None
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]+\Z")] | None = None
    """That requests are signed for; unset = the backend's."""
    service_name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]+\Z")] | None = None
    assume_role: Later = None


class GoogleSecret(Schema):
    """A Secret whose value is the JSON key file of a service account."""

    name: Name
    key: Text | None = None
    """Unset = the first of `credentials.json`, `key.json` and `Authorization` that is there."""
    group: Literal[""] = ""
    kind: Literal["Secret"] = "Secret"


class GcpAuth(Schema):
    """Buy access tokens as a service account. Without a Secret it is the one that `GOOGLE_APPLICATION_CREDENTIALS`
    names."""

    type: Literal["AccessToken"] | None = None
    secret_ref: GoogleSecret | None = None
    audience: Later = None


_KINDS_OF_AUTH = ("key", "secret_ref", "passthrough", "aws", "azure", "gcp", "oauth_token_exchange", "cross_app_access")


class Auth(Schema):
    """Which credential goes to the provider."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)] | None = None
    secret_ref: SecretKey | None = None
    passthrough: dict[str, Ignored] | None = None
    """Forward the client's own Authorization."""
    location: CredentialLocation | None = None
    credentials: ExtraCredentials | None = None
    """Beside it."""
    aws: AwsAuth | None = None
    azure: Later = None
    gcp: GcpAuth | None = None
    oauth_token_exchange: Later = None
    cross_app_access: Later = None
    jwt_sign: Later = None

    def __post_init__(self) -> None:
        exactly_one(self, (*_KINDS_OF_AUTH, "jwt_sign"), at_most=self.credentials is not None)


class BackendHttp(Schema):
    version: Literal["HTTP1", "HTTP2"] | None = None
    request_timeout: Duration | None = None
    """Until the head of the provider's answer."""


class BackendTcp(Schema):
    connect_timeout: Duration | None = None
    keepalive: Later = None


class AuthorityReference(Schema):
    """A ConfigMap whose key `ca.crt` holds PEM certificates."""

    name: Name
    group: Literal[""] = ""
    kind: Literal["ConfigMap"] = "ConfigMap"


class BackendTls(Schema):
    """Speak TLS to the backend; an empty mapping means: with the system's authorities."""

    ca_certificate_refs: Annotated[tuple[AuthorityReference, ...], msgspec.Meta(max_length=1)] = ()
    insecure_skip_verify: Literal["All", "Hostname"] | None = None
    sni: Text | None = None
    mtls_certificate_ref: Later = None
    verify_subject_alt_names: Later = None
    alpn_protocols: Later = None
    key_exchange_groups: Later = None
    certificate_source: Later = None


class BackendPolicies(Schema):
    """Inline in a backend or a provider, and `spec.backend` of an AgentgatewayPolicy."""

    auth: Auth | None = None
    http: BackendHttp | None = None
    tcp: BackendTcp | None = None
    timeouts: BackendTimeouts | None = None
    """An addition of Sluice: the clocks that `tcp` and `http` do not have."""
    tls: BackendTls | None = None
    ai: AiSettings | None = None
    tunnel: Later = None
    transformation: TransformationSettings | None = None
    health: HealthSettings | None = None
    ext_auth: ExternalSettings | None = None
    mcp: Later = None
