"""Names and texts in the form that this API's clients take: no randomness, one answer for one input."""

import hashlib
import re

import msgspec

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,50}")
MAX_ID = 64
"""Characters of an id that OpenAI takes in a request."""


def clean(text: str) -> str:
    """Return the text without halves of surrogate pairs, which UTF-8 cannot write; each becomes U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def encode(value: object) -> bytes:
    """Return JSON, whatever is in the texts."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_cleaned(value))


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(name): _cleaned(inner) for name, inner in value.items()}
    return [_cleaned(inner) for inner in value] if isinstance(value, list) else value


def response_id(said: str) -> str:
    """Return the id of a response: the provider's if it has the form, else with the prefix that clients expect."""
    return said if re.fullmatch(r"resp_[A-Za-z0-9_-]+", said) else f"resp_{_stem(said)}"


def item_id(prefix: str, response: str, index: int) -> str:
    """Return the id of an item of `response`, short enough to be sent back to OpenAI."""
    return f"{prefix}_{_stem(response.removeprefix('resp_'))}_{index}"


def call_id(said: str) -> str:
    """Return the id of a tool call as OpenAI takes it in a request; ids of other providers may be longer."""
    return clean(said) if len(said) <= MAX_ID else f"call_{_digest(said)}"


def _stem(said: str) -> str:
    return said if _PLAIN.fullmatch(said) else _digest(said)


def _digest(text: str) -> str:
    return hashlib.blake2s(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
