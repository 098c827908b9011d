"""Names and texts in the form that this API's clients take: no randomness, one answer for one input."""

import hashlib
import re

from sluice.dialects.writing import whole

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,50}")
MAX_ID = 64
"""Characters of an id that OpenAI takes in a request."""


def response_id(said: str) -> str:
    """Return the id of a response: the provider's if it has the form, else with the prefix that clients expect."""
    return said if re.fullmatch(r"resp_[A-Za-z0-9_-]+", said) else f"resp_{_stem(said)}"


def item_id(prefix: str, response: str, index: int) -> str:
    """Return the id of an item of `response`, short enough to be sent back to OpenAI."""
    return f"{prefix}_{_stem(response.removeprefix('resp_'))}_{index}"


def call_id(said: str) -> str:
    """Return the id of a tool call as OpenAI takes it in a request; ids of other providers may be longer."""
    return whole(said) if len(said) <= MAX_ID else f"call_{_digest(said)}"


def _stem(said: str) -> str:
    return said if _PLAIN.fullmatch(said) else _digest(said)


def _digest(text: str) -> str:
    return hashlib.blake2s(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
