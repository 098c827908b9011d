"""JSON written from text that may hold anything: half a surrogate pair is replaced, never a reason to fail."""

import msgspec

_encode = msgspec.json.Encoder().encode


def quote(text: str) -> bytes:
    """Return the text as a JSON string, on one line. Cost: one pass; a second one only for half a surrogate pair."""
    try:
        return _encode(text)
    except UnicodeEncodeError:
        return _encode(whole(text))


def dump(value: object) -> bytes:
    """Return the value as JSON; members that are `Raw` keep their bytes."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_mended(value))


def whole(text: str) -> str:
    """Return the text with pairs of surrogates joined to what they mean and halves replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        pass
    else:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _mended(value: object) -> object:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {_mended(key): _mended(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in value]
    return value
