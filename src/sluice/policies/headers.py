"""Which headers cross the gateway between a client and a provider. Deny by default, both ways.

Guarantee: a header that is not named here is not passed on. Credentials of a client never reach a provider by this
road, cookies and forwarding headers neither; a provider learns nothing about the client's network.
"""

from collections.abc import Iterable

Header = tuple[bytes, bytes]

REQUEST = frozenset(
    {
        b"accept",
        b"accept-language",
        b"content-type",
        b"idempotency-key",
        b"openai-beta",
        b"openai-organization",
        b"openai-project",
        b"user-agent",
        b"x-client-request-id",
    }
)
"""From the client to a provider."""

RESPONSE = frozenset(
    {
        b"openai-model",
        b"openai-organization",
        b"openai-processing-ms",
        b"openai-version",
        b"retry-after",
        b"retry-after-ms",
        b"x-should-retry",
    }
)
RESPONSE_PREFIXES = (b"x-ratelimit-",)
"""From a provider to the client, besides content type and request id, which are the gateway's to say."""


def to_provider(headers: Iterable[Header]) -> list[Header]:
    """The client's headers that a provider may see."""
    return [field for field in headers if field[0] in REQUEST]


def to_client(headers: Iterable[Header]) -> list[Header]:
    """The provider's headers that the client may see."""
    return [field for field in headers if field[0] in RESPONSE or field[0].startswith(RESPONSE_PREFIXES)]
