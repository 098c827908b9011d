"""Keys and tokens for tests: made here, once for all tests of a process."""

import base64
import json
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

LONG = 2079556104
"""The second in 2035 at which tokens of the labs expire."""
ISSUER = "solo.io"
KID = "solo-public-key-001"
LAB_CLAIMS: dict[str, object] = {
    "iss": ISSUER,
    "org": "solo.io",
    "sub": "user-id",
    "team": "team-id",
    "exp": LONG,
    "llms": {"openai": ["gpt-4o"]},
}
"""Those of the long-lived token of lab A008."""


@cache
def rsa_key(name: str = "first", bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key of this name: the same one each time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(curve: str = "P-256") -> ec.EllipticCurvePrivateKey:
    curves: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    return ec.generate_private_key(curves[curve])


@cache
def ed_key(kind: str = "Ed25519") -> ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey:
    return ed25519.Ed25519PrivateKey.generate() if kind == "Ed25519" else ed448.Ed448PrivateKey.generate()


def jwk(key: Any, kid: str | None = KID, **members: object) -> dict[str, object]:
    """The public half of a key, as a JWK."""
    public = key.public_key()
    kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        kind = OKPAlgorithm  # type: ignore[assignment]
    made = json.loads(kind.to_jwk(public))
    made.pop("key_ops", None)
    return {**made, **({"kid": kid} if kid else {}), **members}


def jwk_set(*keys: dict[str, object]) -> str:
    return json.dumps({"keys": list(keys) or [jwk(rsa_key())]})


def pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


def token(
    key: Any = None, alg: str = "RS256", kid: str | None = KID, headers: dict[str, object] | None = None, **claims: Any
) -> str:
    """A signed token: the claims of the lab's, with these changes (None = without)."""
    merged = {name: value for name, value in {**LAB_CLAIMS, **claims}.items() if value is not None}
    head = {**({"kid": kid} if kid else {}), **(headers or {})}
    return jwt.PyJWS().encode(json.dumps(merged).encode(), key or rsa_key(), alg, headers=head)


def crafted(head: object, claims: object, signature: bytes = b"sig") -> str:
    """Three parts that nobody signed."""
    parts = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in (head, claims, signature)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
