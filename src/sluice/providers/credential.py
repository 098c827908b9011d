"""Credentials: a secret that does not print itself, and the place in a request where it goes."""

from typing import Literal
from urllib.parse import quote

import msgspec


class Secret:
    """A value that appears in no log, trace, page, error or repr. Call `reveal` at the one place that sends it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, to be written to a socket and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Placement(msgspec.Struct, frozen=True):
    """The credential goes into this request header, after this prefix; or into a cookie or a query parameter, where
    there is no prefix."""

    name: str = "authorization"
    prefix: str = "Bearer "
    kind: Literal["header", "cookie", "query"] = "header"

    def render(self, secret: Secret) -> tuple[bytes, bytes]:
        """Return the header, `cookie` for one, as name and value; a prefix that the secret already carries is not
        doubled. Not for query parameters."""
        assert self.kind != "query"
        if self.kind == "cookie":
            return b"cookie", f"{self.name}={self.bare(secret)}".encode("latin-1")
        return self.name.lower().encode("latin-1"), f"{self.prefix}{self.bare(secret)}".encode("latin-1")

    def parameter(self, secret: Secret) -> str:
        """Return the part of a query. Only for query parameters."""
        assert self.kind == "query"
        return f"{quote(self.name, safe='')}={quote(self.bare(secret), safe='')}"

    def bare(self, secret: Secret) -> str:
        """Return what is secret about the value: without the prefix, which a provider leaves out when it quotes it."""
        value = secret.reveal().strip()
        prefix = self.prefix if self.kind == "header" else "Bearer "
        return value[len(prefix) :] if value.lower().startswith(prefix.lower()) else value


HeaderPlacement = Placement
"""The usual kind, by its older name."""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """One more credential of a provider, and where it goes."""

    secret: Secret
    placement: Placement


class AwsKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Signs requests with AWS Signature Version 4."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None = None
    region: str
    service: str = "bedrock"


class GoogleAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A service account's key file, as JSON text; buys access tokens at the `token_uri` that it names."""

    info: Secret


CloudAuth = AwsKeys | GoogleAccount
"""What has to be asked for a request's headers, by the port `gateway.ports.Signer`."""
