"""policies.jwks: which keys of a set are used, and for what."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sluice.policies import jwks
from tests.support.tokens import ec_key, ed_key, jwk, jwk_set, pem, rsa_key


def only(text: str) -> jwks.Key:
    (key,) = jwks.read(text).keys
    return key


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (rsa_key(), ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        (ec_key("P-256"), ("ES256",)),
        (ec_key("P-384"), ("ES384",)),
        (ec_key("P-521"), ("ES512",)),
        (ed_key("Ed25519"), ("EdDSA",)),
        (ed_key("Ed448"), ("EdDSA",)),
    ],
)
def test_a_key_is_for_the_algorithms_of_its_kind(key: object, algorithms: tuple[str, ...]) -> None:
    assert only(jwk_set(jwk(key))).algorithms == algorithms
    assert only(pem(key)).algorithms == algorithms
    assert only(pem(key)).kid is None
    assert only(jwk_set(jwk(key, alg=algorithms[-1], use="sig", key_ops=["verify"]))).algorithms == algorithms[-1:]


@pytest.mark.parametrize(
    "unusable",
    [
        jwk(rsa_key(), use="enc"),
        jwk(rsa_key(), key_ops=["encrypt"]),
        jwk(rsa_key(), alg="HS256"),
        jwk(rsa_key(), alg="ES256"),
        jwk(ec_key("P-256"), alg="ES384"),
        jwk(rsa_key("weak", 1024)),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "%%%", "e": "AQAB"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        {"kty": "what"},
        {"kid": "a"},
        "no object",
        None,
    ],
)
def test_a_key_that_proves_no_tokens_is_left_out_and_the_others_are_used(unusable: object) -> None:
    both = json.dumps({"keys": [unusable, jwk(ec_key(), "good")]})
    assert [key.kid for key in jwks.read(both).keys] == ["good"]
    assert len(jwks.read(json.dumps({"keys": [unusable]}))) == 0


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"keys": 1}', "-----BEGIN NOTHING-----"])
def test_what_is_no_key_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        jwks.read(text)


def test_a_pem_key_that_proves_no_tokens_is_refused() -> None:
    for key in (rsa_key("weak", 1024), ec.generate_private_key(ec.SECP256K1())):
        with pytest.raises(ValueError, match="none that proves tokens"):
            jwks.read(pem(key))


@pytest.mark.parametrize("known", [b"", b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"], ids=["a kind", "a curve"])
def test_a_pem_key_that_the_library_does_not_know_is_refused_as_well(known: bytes) -> None:
    """SubjectPublicKeyInfo (RFC 5280 4.1) with the object identifier 1.2.3.4."""
    kind, bits = known + b"\x06\x03\x2a\x03\x04", b"\x03\x42\x00\x04" + bytes(64)
    algorithm = bytes((0x30, len(kind))) + kind
    der = bytes((0x30, len(algorithm + bits))) + algorithm + bits
    with pytest.raises(ValueError, match="none that proves tokens"):
        jwks.read(f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n")


def test_a_set_is_bounded() -> None:
    with pytest.raises(ValueError, match="1 MiB"):
        jwks.read(" " * (jwks.MAX_BYTES + 1))
    many = json.dumps({"keys": [jwk(ec_key(), str(n)) for n in range(jwks.MAX_KEYS + 5)]})
    assert len(jwks.read(many).keys) == jwks.MAX_KEYS


def test_what_is_private_in_a_key_is_not_kept() -> None:
    private = {**jwk(ec_key()), "d": "AAAA"}
    assert isinstance(only(jwk_set(private)).public, ec.EllipticCurvePublicKey)


def test_candidates_are_those_of_the_id_and_the_algorithm_and_keys_without_an_id() -> None:
    keys = jwks.read(jwk_set(jwk(rsa_key(), "a"), jwk(ec_key(), "b"), jwk(rsa_key("second"), None)))
    assert [key.kid for key in keys.candidates("a", "RS256")[0]] == ["a", None]
    assert [key.kid for key in keys.candidates("c", "RS256")[0]] == [None]
    assert [key.kid for key in keys.candidates(None, "ES256")[0]] == ["b"]
    assert keys.candidates("b", "RS256")[1] is True
    assert jwks.read(jwk_set(jwk(rsa_key(), "a"))).candidates("c", "RS256") == ([], False)
