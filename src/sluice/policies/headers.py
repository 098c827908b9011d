"""Which headers cross the gateway between a client and a provider. Deny by default, both ways.

Guarantee: a header that is not named here is not passed on. Credentials of a client never reach a provider by this
road, cookies and forwarding headers neither; a provider learns nothing about the client's network.
"""

import re
from collections.abc import Iterable
from typing import Final

Header = tuple[bytes, bytes]

REQUEST = frozenset(
    {
        b"accept-language",
        b"idempotency-key",
        b"user-agent",
        b"x-client-request-id",
    }
)
"""From the client to any provider."""

SAME_API = REQUEST | {
    b"accept",
    b"anthropic-beta",
    b"openai-beta",
    b"openai-organization",
    b"openai-project",
}
"""From the client to a provider that speaks the client's own API: they mean nothing to another."""

RESPONSE = frozenset(
    {
        b"openai-model",
        b"openai-organization",
        b"openai-processing-ms",
        b"openai-version",
        b"request-id",
        b"retry-after",
        b"retry-after-ms",
        b"x-should-retry",
    }
)
RESPONSE_PREFIXES = (b"x-ratelimit-", b"anthropic-ratelimit-")
"""From a provider to the client, besides content type and request id, which are the gateway's to say."""


def to_provider(headers: Iterable[Header], *, same_api: bool) -> list[Header]:
    """The client's headers that a provider may see, those that describe its body left out."""
    allowed = SAME_API if same_api else REQUEST
    return [field for field in headers if field[0] in allowed]


def to_client(headers: Iterable[Header]) -> list[Header]:
    """The provider's headers that the client may see."""
    return [field for field in headers if field[0] in RESPONSE or field[0].startswith(RESPONSE_PREFIXES)]


_CREDENTIAL: Final = re.compile(
    r"apikey|(?<!idempotency)[-_]key$|secret|passw(or)?d|authorization|credential|cookie|token", re.IGNORECASE
)


def names_credential(name: bytes) -> bool:
    """Return whether a header of this name is one that carries a credential, as far as names tell."""
    return _CREDENTIAL.search(name.decode("latin-1")) is not None


def without_credentials(headers: Iterable[Header]) -> list[Header]:
    """Return the headers whose names say nothing of a credential."""
    return [field for field in headers if not names_credential(field[0])]
