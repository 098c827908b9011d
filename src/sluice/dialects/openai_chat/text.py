"""JSON out, whatever the strings hold: a lone surrogate, which UTF-8 has no form for, becomes U+FFFD."""

from collections.abc import Mapping, Sequence

import msgspec

_encode = msgspec.json.Encoder().encode


def whole(text: str) -> str:
    """Return the text with every lone surrogate replaced. A pair that was split in two stays two."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def to_json(value: object) -> bytes:
    """Return a value of lists, mappings, texts, numbers and raw JSON as JSON."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_clean(value))


def _clean(value: object) -> object:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, Mapping):
        return {_clean(name): _clean(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_clean(inner) for inner in value]
    return value
