"""API keys of clients: which key is whose, and what its owner may ask for.

Guarantee: keys are kept as SHA-256 digests only; a presented key is found by its digest, so that how long it takes
tells nothing about the keys there are. Obeys: compat-agentgateway 1.7, labs C10 and B5.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable

import msgspec

from sluice.policies.hidden import Hidden
from sluice.policies.jwt import Mode
from sluice.policies.location import ANYWHERE, Location

_HASH = re.compile(r"sha256:([0-9a-fA-F]{64})")


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key. `id`: its name in logs and limits."""

    id: str
    digest: Hidden
    """SHA-256."""
    metadata: dict[str, object] = {}
    allowed_models: tuple[str, ...] = ()
    """Names and patterns with one `*`; empty = all."""
    headers: tuple[tuple[str, str], ...] = ()
    """Of its metadata: headers that whoever answers gets (`headersFromMetadataEntry`); names in lower case."""


class ApiKeys(msgspec.Struct, frozen=True, kw_only=True):
    """`apiKeyAuthentication`."""

    mode: Mode = "strict"
    """As those of tokens."""
    keys: tuple[ApiKey, ...] = ()
    locations: tuple[Location, ...] = ANYWHERE
    """Where a key may stand. Of several that stand somewhere the first that is known counts."""
    missing: str = ""
    """Why the keys cannot be had: whether another one is right, nobody can tell."""


class KeyRing:
    """The keys of a policy, found by what clients present. Never changed."""

    __slots__ = ("_issued", "_keys")

    def __init__(self, keys: Iterable[ApiKey], issued: Callable[[bytes], ApiKey | None] = lambda digest: None) -> None:
        """`issued`: finds a key that was issued at run time, by its SHA-256."""
        self._keys = {key.digest.value: key for key in keys}
        self._issued = issued

    def find(self, presented: str) -> ApiKey | None:
        """Return the key that a client presents, None if it is none of them."""
        digest = digest_of(presented)
        key = self._keys.get(digest) or self._issued(digest)
        return key if key is not None and hmac.compare_digest(key.digest.value, digest) else None


def digest_of(key: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def digest_in(key_hash: str) -> bytes:
    """Return the digest that a `keyHash` says.

    Raises:
        ValueError: it is none.
    """
    match = _HASH.fullmatch(key_hash)
    if match is None:
        raise ValueError("a `keyHash` is `sha256:` and 64 hexadecimal digits")
    return bytes.fromhex(match[1])


def check_pattern(pattern: str) -> None:
    """Pass if something can fit a name or pattern of `allowed_models`.

    Raises:
        ValueError: nothing can.
    """
    if not pattern or pattern != pattern.strip() or pattern.count("*") > 1:
        raise ValueError(f"`{pattern}` fits no model: expected a name, or a pattern with one `*`")


def may_use(allowed_models: Iterable[str], model: str) -> bool:
    """Return whether a list of names and patterns lets its owner ask for a model; an empty one does."""
    allowed = tuple(allowed_models)
    return not allowed or any(_fits(pattern, model) for pattern in allowed)


def _fits(pattern: str, name: str) -> bool:
    head, star, tail = pattern.partition("*")
    if not star:
        return pattern == name
    return len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail)
