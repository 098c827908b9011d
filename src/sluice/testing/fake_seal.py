"""The opaque values that the fake provider hands out with its reasoning, and knows again without a memory.

Pure and deterministic: sealed under a key that is no secret. A value is accepted as it was given, to the byte, or not.
"""

import base64
import binascii
import hashlib
import hmac

_KEY = b"sluice fake provider"
_VERSION = b"\x80\x00"
_MAC_BYTES = 32
_MARK_DIGITS = 16


def enclose(kind: str, content: str) -> str:
    """Return a value in base64 that holds the content and can be neither read nor changed."""
    plain = content.encode()
    mac = _mac(kind, plain)
    return base64.b64encode(_VERSION + mac + _masked(plain, mac)).decode()


def disclosed(kind: str, given: str) -> str | None:
    """Return the content of what `enclose` returned for this kind; None if `given` is anything else."""
    try:
        raw = base64.b64decode(given.encode(), validate=True)
    except binascii.Error:
        return None
    start = len(_VERSION)
    mac, masked = raw[start : start + _MAC_BYTES], raw[start + _MAC_BYTES :]
    plain = _masked(masked, mac)
    if raw[:start] != _VERSION or not hmac.compare_digest(_mac(kind, plain), mac):
        return None
    content = plain.decode()
    return content if enclose(kind, content) == given else None  # base64 has several spellings of some values


def marked(kind: str, prefix: str, seed: bytes, digits: int) -> str:
    """Return an identifier with that many hexadecimal digits after its prefix, which `is_marked` knows again."""
    body = prefix + hashlib.shake_256(prefix.encode() + seed).hexdigest(digits)[: digits - _MARK_DIGITS]
    return body + _mark(kind, body)


def is_marked(kind: str, given: str) -> bool:
    """Return whether `marked` made this identifier for this kind."""
    return _mark(kind, given[:-_MARK_DIGITS]) == given[-_MARK_DIGITS:]


def _mark(kind: str, body: str) -> str:
    return _mac(kind, body.encode()).hex()[:_MARK_DIGITS]


def _mac(kind: str, content: bytes) -> bytes:
    return hmac.digest(_KEY, kind.encode() + b"\0" + content, "sha256")


def _masked(content: bytes, mac: bytes) -> bytes:
    stream = hashlib.shake_256(_KEY + mac).digest(len(content))
    return bytes(a ^ b for a, b in zip(content, stream, strict=True))
