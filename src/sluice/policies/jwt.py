"""JSON Web Tokens: who issued one, and whether it proves what it says.

Guarantee: claims are returned only of a token whose signature one of its issuer's own keys made, by an algorithm of
that key's kind, and which is neither expired nor too young, and meant for an audience that the operator named, if any
was. Nothing that a token says about keys but their id (`jku`, `x5u`, `jwk`) is looked at.
Pure: `now` is an argument. Obeys: RFC 7515 5.2, RFC 7519 7.2, RFC 8725; stream-life 10.8. Signatures by PyJWT.

Cost, measured on one core: 25 microseconds for RS256, 55 for ES256; callers remember what was verified.
"""

import base64
import json
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

import msgspec

from sluice.policies.jwks import ACCEPTED, Key, KeySet
from sluice.policies.location import BEARER, Location
from sluice.policies.server import Source

if TYPE_CHECKING:
    from jwt.algorithms import Algorithm

Mode = Literal["strict", "optional", "permissive"]

MAX_CHARS = 16 << 10
"""Longest token."""
LEEWAY_S = 30.0
"""How far an issuer's clock and ours may be apart."""
MAX_TRIES = 8
"""Keys that a token without a key id is tried with: each costs a signature's time."""
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_SHOWN_KID = 128


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """Who may issue tokens."""

    issuer: str
    """The claim `iss`, exactly."""
    audiences: tuple[str, ...] = ()
    """One of them has to be among those of the token; empty = any."""
    keys: Source = Source()
    required: tuple[str, ...] = ("exp",)
    """Claims that have to be there."""


class Jwt(msgspec.Struct, frozen=True, kw_only=True):
    """`jwtAuthentication`."""

    mode: Mode = "strict"
    """`strict`: a valid token is needed. `optional`: none is needed, one that is there has to be valid. `permissive`:
    nobody is refused; an invalid one counts as none."""
    issuers: tuple[Issuer, ...] = ()
    location: Location = BEARER


class Verified(msgspec.Struct, frozen=True):
    """What a token proves."""

    claims: dict[str, object]
    issuer: Issuer
    until: float
    """The wall-clock second from which on it proves nothing more; infinite if it does not say."""


class Refused(Exception):
    """A token proves nothing. The message is fit for the client."""


class UnknownKey(Refused):
    """None of the key sets has its key: they may have changed."""


class _Head(msgspec.Struct):
    alg: str
    kid: str | None = None
    crit: object = msgspec.UNSET
    b64: object = True


def is_token(text: str) -> bool:
    """Return whether a credential has the form of a signed token; keys and others have not."""
    return _SHAPE.fullmatch(text) is not None


def claimed_issuer(token: str) -> str | None:
    """Return who a token says issued it, proven or not; None if it does not say."""
    try:
        _, signed, _ = _parts(token)
        issuer = _claims(signed).get("iss")
    except Refused:
        return None
    return issuer if isinstance(issuer, str) else None


def verify(token: str, sets: Sequence[tuple[Issuer, KeySet]], now: float) -> Verified:
    """Return what a token proves at a wall-clock second.

    Raises:
        UnknownKey: no set has its key.
        Refused: it proves nothing, whatever the keys.
    """
    head, signed, signature = _parts(token)
    if head.alg not in ACCEPTED:
        raise _invalid("it is signed with an algorithm that is not accepted")
    if head.crit is not msgspec.UNSET or head.b64 is not True:
        raise _invalid("it names critical extensions that are not understood")
    chosen = _signer(head, signed, signature, sets)
    claims = _claims(signed)
    issuer = next((issuer for issuer in chosen if issuer.issuer == claims.get("iss")), None)
    if issuer is None:
        raise _invalid("its issuer is not accepted")
    return Verified(claims, issuer, _check(claims, issuer, now))


def _parts(token: str) -> tuple[_Head, str, bytes]:
    """Return the head of a token, what is signed of it, and the signature."""
    if len(token) > MAX_CHARS:
        raise _invalid("it has more than 16 KiB")
    if not is_token(token):
        raise Refused("the token header is malformed")
    signed, _, signature = token.rpartition(".")
    try:
        head = msgspec.json.decode(_decoded(signed.partition(".")[0]), type=_Head)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Refused("the token header is malformed") from None
    try:
        return head, signed, _decoded(signature)
    except ValueError:
        raise _invalid("its signature is wrong") from None


def _signer(head: _Head, signed: str, signature: bytes, sets: Sequence[tuple[Issuer, KeySet]]) -> list[Issuer]:
    """Return the issuers whose key made the signature: one key set may be that of several."""
    tries: list[tuple[Issuer, Key]] = []
    known = False
    for issuer, keys in sets:
        fitting, knows = keys.candidates(head.kid, head.alg)
        known |= knows
        tries += [(issuer, key) for key in fitting]
    if not known and head.kid is not None:
        raise UnknownKey(f"token uses the unknown key {json.dumps(head.kid[:_SHOWN_KID])}")
    if not tries:
        raise _invalid("it is signed with an algorithm that its key is not for")
    algorithm, message = _algorithm(head.alg), signed.encode("ascii")
    proven: dict[int, bool] = {}
    for _, key in tries:
        if id(key) not in proven and len(proven) < MAX_TRIES:
            proven[id(key)] = algorithm.verify(message, key.public, signature)
    found = [issuer for issuer, key in tries if proven.get(id(key))]
    if not found:
        raise _invalid("its signature is wrong")
    return found


def _claims(signed: str) -> dict[str, object]:
    try:
        return msgspec.json.decode(_decoded(signed.partition(".")[2]), type=dict[str, object])
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise _invalid("its claims are no JSON object") from None


def _check(claims: dict[str, object], issuer: Issuer, now: float) -> float:
    """Return until when claims hold.

    Raises:
        Refused: they do not hold now, or not here.
    """
    for name in issuer.required:
        if name not in claims:
            raise _invalid(f"it has no claim `{name}`")
    times = {name: _seconds(claims[name], name) for name in ("exp", "nbf") if name in claims}
    until = times.get("exp", float("inf")) + LEEWAY_S
    if now >= until:
        raise _invalid("it has expired")
    if now < times.get("nbf", 0.0) - LEEWAY_S:
        raise _invalid("it is not valid yet")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if issuer.audiences and not any(isinstance(one, str) and one in issuer.audiences for one in named):
        raise _invalid("its audience is not accepted")
    return until


def _seconds(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(f"its claim `{name}` is no time")
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _decoded(part: str) -> bytes:
    if len(part) % 4 == 1:
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _invalid(why: str) -> Refused:
    return Refused(f"the token is invalid or malformed: {why}")


@cache
def _algorithm(name: str) -> "Algorithm":
    from jwt.algorithms import get_default_algorithms

    return get_default_algorithms()[name]
