"""Schema of extauth.solo.io/v1 AuthConfig, of which API keys are served.

PURE. Obeys: lab A007; docs.solo.io, API keys of AuthConfig (read 2026-11-21). What is `Later` is refused.
"""

from typing import Annotated

import msgspec

from sluice.config.core_api import HeaderName, Name, Object, Schema, Text
from sluice.config.unserved import Later

GROUP = "extauth.solo.io"


class SecretPointer(Schema):
    name: Name
    namespace: Name | None = None


class MetadataEntry(Schema):
    """An entry of a key's Secret."""

    name: Text
    required: Later = None


class KeyStorage(Schema):
    """Secrets with the key under `api-key`; their other entries are its metadata."""

    api_key_secret_refs: Annotated[tuple[SecretPointer, ...], msgspec.Meta(max_length=1024)] = ()
    label_selector: dict[str, str] | None = None


class ApiKeyAuth(KeyStorage):
    header_name: HeaderName = "api-key"
    k8s_secret_apikey_storage: KeyStorage | None = msgspec.field(name="k8sSecretApikeyStorage", default=None)
    headers_from_metadata_entry: dict[HeaderName, MetadataEntry] | None = None
    """Header that whoever answers gets -> the entry that it holds."""
    headers_from_metadata: Later = None
    aerospike_apikey_storage: Later = None
    invalid_secret_policy: Later = None
    skip_metadata_validation: Later = None


class AuthStep(Schema):
    name: str | None = None
    api_key_auth: ApiKeyAuth | None = None
    basic_auth: Later = None
    oauth: Later = None
    oauth2: Later = None
    plugin_auth: Later = None
    opa_auth: Later = None
    opa_server_auth: Later = None
    ldap: Later = None
    jwt: Later = None
    pass_through_auth: Later = None
    hmac_auth: Later = None
    portal_auth: Later = None


class AuthConfigSpec(Schema):
    configs: Annotated[tuple[AuthStep, ...], msgspec.Meta(min_length=1, max_length=1)]
    boolean_expr: Later = None
    fail_on_redirect: Later = None


class AuthConfig(Object, kw_only=True):
    spec: AuthConfigSpec
