"""What a limit is known by: the same in all processes that read the same configuration, another after a change.

PURE.
"""

from hashlib import blake2b


def rate_id(name: str, *settings: object) -> str:
    """Return the identity of a limit: a counter that is kept outlives a reload that does not change it."""
    return blake2b("\0".join(map(str, (name, *settings))).encode(), digest_size=12).hexdigest()
