"""Users and passwords of HTTP's Basic scheme, as `htpasswd` writes them.

Guarantee: a password is right only if its user's hash says so; that takes as long for every user, and as long for one
who does not exist.
Slow by design (bcrypt): callers verify away from the event loop and remember what was right.
Obeys: RFC 7617; httpd.apache.org/docs/2.4/misc/password_encryptions.html (read 2026-11-21): bcrypt, `$apr1$`, `{SHA}`.
"""

import base64
import binascii
import hashlib
import hmac
import re
from typing import Literal

import msgspec

from sluice.policies.hidden import Hidden
from sluice.policies.location import BASIC, Location
from sluice.policies.server import Source

MAX_BCRYPT_COST = 15
"""Two seconds of a core for each attempt at a password; more would be a way to stop the gateway."""
MAX_FILE_BYTES = 1 << 20
MAX_CHARS = 1024
"""Of user and password together."""

_BCRYPT = re.compile(rb"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_APR1 = re.compile(rb"\$apr1\$([./A-Za-z0-9]{1,8})\$[./A-Za-z0-9]{22}")
_SHA = re.compile(rb"\{SHA\}[A-Za-z0-9+/]{27}=")
_BCRYPT_BYTES = 72
"""Of a password that bcrypt looks at; the rest is ignored, as `htpasswd` does it."""


class User(msgspec.Struct, frozen=True):
    name: str
    hash: Hidden


class Basic(msgspec.Struct, frozen=True, kw_only=True):
    """`basicAuthentication`."""

    mode: Literal["strict", "optional"] = "strict"
    realm: str = "Restricted"
    users: Source = Source()
    """Lines of a password file."""
    location: Location = BASIC


def read(text: bytes | str) -> tuple[User, ...]:
    """Return the users of a password file; empty lines and those that begin with `#` say nothing.

    Raises:
        ValueError: see `read_line`; the number of the line is said.
    """
    if len(text) > MAX_FILE_BYTES:
        raise ValueError("a password file has 1 MiB at most")
    lines = (text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")).split("\n")
    users = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                users.append(read_line(line))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
    return tuple(users)


def read_line(line: str) -> User:
    """Return the user of a line of a password file.

    Raises:
        ValueError: it is none, or its hash is of a kind that is not accepted; the message quotes nothing of it.
    """
    name, colon, text = line.strip().partition(":")
    if not colon or not name:
        raise ValueError("expected `user:hash`, as `htpasswd` writes it")
    value = text.encode("utf-8", "surrogateescape")
    bcrypt = _BCRYPT.fullmatch(value)
    if bcrypt is None and not _APR1.fullmatch(value) and not _SHA.fullmatch(value):
        raise ValueError("the hash is none of bcrypt (`htpasswd -B`), `$apr1$` (`-m`), `{SHA}` (`-s`)")
    if bcrypt is not None and not 4 <= int(bcrypt[1]) <= MAX_BCRYPT_COST:
        raise ValueError(f"the cost of bcrypt is 4 to {MAX_BCRYPT_COST}")
    return User(name, Hidden(value))


def credentials(encoded: str) -> tuple[str, str] | None:
    """Return user and password of what stands after `Basic`, None if they are not there."""
    if len(encoded) > MAX_CHARS * 2:
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    name, colon, password = text.partition(":")
    return (name, password) if colon and len(text) <= MAX_CHARS else None


def is_right(users: tuple[User, ...], name: str, password: str) -> bool:
    """Return whether this is the password of a user. May take a good part of a second of a core: one hash is made of
    each kind and cost that there is, whoever asks, or time would tell which names there are."""
    user = next((user for user in users if user.name == name), None)
    against = {_kind(each.hash.value): each.hash.value for each in users}
    if user is not None:
        against[_kind(user.hash.value)] = user.hash.value
    right = {hashed: _matches(hashed, password.encode()) for hashed in against.values()}
    return user is not None and right[user.hash.value]


def _kind(hashed: bytes) -> bytes:
    """What decides how long a hash takes: its algorithm, and the cost of bcrypt."""
    match = _BCRYPT.fullmatch(hashed)
    return match[1] if match is not None else hashed[:5]


def _matches(hashed: bytes, password: bytes) -> bool:
    if hashed.startswith(b"{SHA}"):
        digest = base64.b64encode(hashlib.sha1(password).digest())  # noqa: S324 - the file's own choice
        return hmac.compare_digest(hashed[5:], digest)
    if match := _APR1.fullmatch(hashed):
        return hmac.compare_digest(hashed, b"$apr1$%b$%b" % (match[1], _apr1(password, match[1])))
    import bcrypt

    try:
        return bcrypt.checkpw(password[:_BCRYPT_BYTES], hashed)
    except ValueError:  # a NUL
        return False


def _apr1(password: bytes, salt: bytes) -> bytes:
    """Apache's variant of MD5 crypt: a thousand rounds, a millisecond. Source: apr_md5_encode of APR (its comments)."""
    md5 = hashlib.md5
    inner = md5(password + salt + password).digest()
    first = password + b"$apr1$" + salt
    first += (inner * (len(password) // 16 + 1))[: len(password)]
    rest = len(password)
    while rest:
        first += b"\0" if rest & 1 else password[:1]
        rest >>= 1
    digest = md5(first).digest()
    for turn in range(1000):
        data = password if turn & 1 else digest
        data += salt if turn % 3 else b""
        data += password if turn % 7 else b""
        data += digest if turn & 1 else password
        digest = md5(data).digest()
    return b"".join(_base64(digest[a] << 16 | digest[b] << 8 | digest[c], 4) for a, b, c in _ORDER) + _base64(
        digest[11], 2
    )


_ORDER = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5))
_LETTERS = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _base64(value: int, length: int) -> bytes:
    return bytes(_LETTERS[value >> 6 * place & 63] for place in range(length))
