"""Schemas of where a credential stands in a request: the client's, that is read, and a provider's, that is written.

PURE. Obeys: compat-agentgateway 1.7 and 2.4. A prefix that is not said is that of the scheme where the header is
`Authorization`, and none elsewhere.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Expression, HeaderName, Name, Schema, Text
from sluice.config.struct_fields import fields_of

Prefix = Annotated[str, msgspec.Meta(max_length=256, pattern=r"^[ -~]*\Z")]
CookieName = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9!#$%&'*+\-.^_|~`]+\Z")]
ParameterName = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[!-~]+\Z")]


class InHeader(Schema):
    name: HeaderName
    prefix: Prefix | None = None


class InQuery(Schema):
    name: ParameterName


class InCookie(Schema):
    name: CookieName


class CredentialLocation(Schema):
    """Where a provider's credential is written."""

    header: InHeader | None = None
    query_parameter: InQuery | None = None
    cookie: InCookie | None = None

    def __post_init__(self) -> None:
        _one(self)


class ClientLocation(CredentialLocation):
    """Where a client's credential is read."""

    expression: Expression | None = None
    """CEL; what fails or is no text is no credential."""


class CredentialSecret(Schema):
    """One key of a Secret in the object's own namespace."""

    name: Name
    key: Text = "Authorization"
    group: Literal[""] = ""
    kind: Literal["Secret"] = "Secret"


class ExtraCredential(Schema):
    """One more credential of a provider."""

    secret_ref: CredentialSecret
    location: CredentialLocation


ExtraCredentials = Annotated[tuple[ExtraCredential, ...], msgspec.Meta(min_length=1, max_length=8)]


def _one(location: CredentialLocation) -> None:
    fields = fields_of(location)
    if sum(getattr(location, field.name) is not None for field in fields) != 1:
        shown = ", ".join(f"`{field.encode_name}`" for field in fields)
        raise ValueError(f"expected exactly one of {shown}")
