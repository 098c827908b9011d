"""Key sets: which public keys prove tokens, and for which algorithms each may be used.

Guarantee: a key is used for the algorithms of its own kind and no others, whatever a token says; symmetric keys, keys
that encrypt, RSA keys below 2,048 bits and kinds that are unknown are left out. What is private in a key is not kept.
Obeys: RFC 7517 4 and 5 (unknown kinds are ignored), RFC 7518 3.1, RFC 8037 2; arithmetic by PyJWT.
"""

from typing import TYPE_CHECKING, cast

import msgspec

if TYPE_CHECKING:
    from jwt.algorithms import AllowedPublicKeys

MAX_BYTES = 1 << 20
"""Of a key set."""
MAX_KEYS = 256
MIN_RSA_BITS = 2048

ALGORITHMS: dict[tuple[str, str], tuple[str, ...]] = {
    ("RSA", ""): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
    ("OKP", "Ed448"): ("EdDSA",),
}
"""Kind of key and curve -> what it may be used for."""
ACCEPTED = frozenset(name for names in ALGORITHMS.values() for name in names)
_PUBLIC = ("kty", "crv", "x", "y", "n", "e")


class Key:
    """One public key."""

    __slots__ = ("algorithms", "kid", "public")

    def __init__(self, kid: str | None, algorithms: tuple[str, ...], public: "AllowedPublicKeys") -> None:
        self.kid, self.algorithms, self.public = kid, algorithms, public


class KeySet:
    """Public keys of one issuer; it may have withdrawn all. Never changed."""

    __slots__ = ("keys",)

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self.keys = keys

    def __len__(self) -> int:
        return len(self.keys)

    def candidates(self, kid: str | None, algorithm: str) -> tuple[list[Key], bool]:
        """Return the keys that may have signed a token, and whether the set knows its key at all.

        A key without an id may be any; a token without one may be of any key.
        """
        named = [key for key in self.keys if kid is None or key.kid in (kid, None)]
        return [key for key in named if algorithm in key.algorithms], bool(named)


class _Jwk(msgspec.Struct):
    kty: str
    kid: str | None = None
    use: str | None = None
    key_ops: list[str] | None = None
    alg: str | None = None
    crv: str = ""
    x: str = ""
    y: str = ""
    n: str = ""
    e: str = ""


class _Set(msgspec.Struct):
    keys: list[msgspec.Raw]


def read(text: bytes | str) -> KeySet:
    """Return the keys of a JWK Set that can be used, perhaps none, or the one key that PEM holds.

    Raises:
        ValueError: it is neither, or too large, or the key of the PEM cannot be used; the message quotes nothing of it.
    """
    if len(text) > MAX_BYTES:
        raise ValueError("a key set has 1 MiB at most")
    if (text if isinstance(text, str) else text.decode("utf-8", "replace")).lstrip().startswith("-----BEGIN "):
        return KeySet((_pem(text),))
    try:
        raws = msgspec.json.decode(text, type=_Set).keys
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ValueError('expected a JWK Set, `{"keys": [...]}`') from None
    return KeySet(tuple(key for key in map(_key, raws[:MAX_KEYS]) if key is not None))


def _key(raw: msgspec.Raw) -> Key | None:
    import jwt  # here: it brings cryptography along, which only gateways with tokens pay

    try:
        jwk = msgspec.json.decode(raw, type=_Jwk)
        usable = ALGORITHMS.get((jwk.kty, jwk.crv), ())
        if jwk.use not in (None, "sig") or (jwk.key_ops is not None and "verify" not in jwk.key_ops):
            return None
        if jwk.alg is not None:
            usable = (jwk.alg,) if jwk.alg in usable else ()
        if not usable:
            return None
        public = _public(jwk)
    except (msgspec.DecodeError, UnicodeError, jwt.PyJWTError, ValueError, TypeError):
        return None
    return None if _weak(public) else Key(jwk.kid, usable, public)


def _public(jwk: _Jwk) -> "AllowedPublicKeys":
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

    members = {name: getattr(jwk, name) for name in _PUBLIC if getattr(jwk, name)}
    if jwk.kty == "RSA":
        return cast("AllowedPublicKeys", RSAAlgorithm.from_jwk(members))
    if jwk.kty == "EC":
        return cast("AllowedPublicKeys", ECAlgorithm.from_jwk(members))
    return cast("AllowedPublicKeys", OKPAlgorithm.from_jwk(members))


def _pem(text: bytes | str) -> Key:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        public = load_pem_public_key(text.encode() if isinstance(text, str) else text)
    except UnsupportedAlgorithm:
        raise ValueError(_OTHER_KEY) from None
    except ValueError:
        raise ValueError("expected a PEM public key or a JWK Set") from None
    if isinstance(public, rsa.RSAPublicKey) and not _weak(public):
        return Key(None, ALGORITHMS["RSA", ""], public)
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _CURVES:
        return Key(None, ALGORITHMS["EC", _CURVES[public.curve.name]], public)
    if isinstance(public, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        return Key(None, ("EdDSA",), public)
    raise ValueError(_OTHER_KEY)


_OTHER_KEY = "the PEM key is none that proves tokens (RSA of 2048 bits or more, EC, Ed25519, Ed448)"
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def _weak(public: object) -> bool:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    return isinstance(public, RSAPublicKey) and public.key_size < MIN_RSA_BITS
