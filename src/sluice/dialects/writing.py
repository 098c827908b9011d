"""JSON written from text that may hold anything: half a surrogate pair, which UTF-8 has no form for, becomes U+FFFD and
is never a reason to fail. The counterpart of `reading`."""

import msgspec

from sluice.dialects.reading import UNREADABLE

_encode = msgspec.json.Encoder().encode


def quote(text: str) -> bytes:
    """Return the text as a JSON string, on one line. Cost: one pass; a second one only for half a surrogate pair."""
    try:
        return _encode(text)
    except UnicodeEncodeError:
        return _encode(whole(text))


def to_json(value: object) -> bytes:
    """Return a value of lists, mappings, texts, numbers and raw JSON as JSON; what is `Raw` keeps its bytes."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_mended(value))


def whole(text: str) -> str:
    """Return the text with pairs of surrogates joined to what they mean and halves replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def is_object(text: str) -> bool:
    """Whether the text is a JSON object through and through."""
    try:
        return isinstance(msgspec.json.decode(whole(text)), dict)
    except UNREADABLE:
        return False


def _mended(value: object) -> object:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {_mended(key): _mended(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    return value
