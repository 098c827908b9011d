"""policies.jwt: what a token has to be to prove anything, and what is said of one that proves nothing."""

import json

import jwt as library
import pytest

from sluice.policies import jwks
from sluice.policies.jwt import (
    LEEWAY_S,
    MAX_CHARS,
    Issuer,
    Refused,
    UnknownKey,
    Verified,
    claimed_issuer,
    is_token,
    verify,
)
from tests.support.tokens import (
    ISSUER,
    KID,
    LAB_CLAIMS,
    LONG,
    crafted,
    ec_key,
    ed_key,
    jwk,
    jwk_set,
    pem,
    rsa_key,
    token,
)

NOW = 1_800_000_000.0
ISSUED = Issuer(issuer=ISSUER)
KEYS = jwks.read(jwk_set(jwk(rsa_key())))


def proof(text: str, issuer: Issuer = ISSUED, keys: jwks.KeySet = KEYS, now: float = NOW) -> Verified:
    return verify(text, [(issuer, keys)], now)


def why(text: str, issuer: Issuer = ISSUED, keys: jwks.KeySet = KEYS, now: float = NOW) -> str:
    with pytest.raises(Refused) as caught:
        proof(text, issuer, keys, now)
    return str(caught.value)


INVALID = "the token is invalid or malformed: "


def test_the_claims_of_a_valid_token_are_what_it_proves() -> None:
    verified = proof(token())
    assert verified.claims == LAB_CLAIMS
    assert verified.issuer is ISSUED
    assert verified.until == LONG + LEEWAY_S


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        *((rsa_key(), alg) for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        (ec_key("P-256"), "ES256"),
        (ec_key("P-384"), "ES384"),
        (ec_key("P-521"), "ES512"),
        (ed_key("Ed25519"), "EdDSA"),
        (ed_key("Ed448"), "EdDSA"),
    ],
)
def test_every_algorithm_proves_with_its_own_kind_of_key(key: object, alg: str) -> None:
    keys = jwks.read(jwk_set(jwk(key)))
    assert proof(token(key, alg), keys=keys).claims["sub"] == "user-id"
    head, claims, signature = token(key, alg).split(".")
    other = "A" if signature[5] != "A" else "B"
    assert (
        why(f"{head}.{claims}.{signature[:5]}{other}{signature[6:]}", keys=keys) == f"{INVALID}its signature is wrong"
    )


# -- attacks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "", "RS1", "dir"])
def test_algorithms_that_need_no_key_of_the_issuers_are_not_accepted(alg: str) -> None:
    for signature in (b"", b"x"):
        text = crafted({"alg": alg, "kid": KID}, LAB_CLAIMS, signature)
        assert why(text) == f"{INVALID}it is signed with an algorithm that is not accepted"


def test_a_public_key_is_no_shared_secret() -> None:
    import base64
    import hashlib
    import hmac

    signed = crafted({"alg": "HS256", "kid": KID}, LAB_CLAIMS).rpartition(".")[0]
    for secret in (pem(rsa_key()).encode(), jwk_set(jwk(rsa_key())).encode()):
        mac = base64.urlsafe_b64encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest()).rstrip(b"=")
        assert why(f"{signed}.{mac.decode()}") == f"{INVALID}it is signed with an algorithm that is not accepted"


def test_a_key_signs_with_no_other_algorithm_than_its_own() -> None:
    keys = jwks.read(jwk_set(jwk(rsa_key(), alg="RS256"), jwk(ec_key(), "ec")))
    assert why(token(alg="PS256"), keys=keys) == f"{INVALID}it is signed with an algorithm that its key is not for"
    assert why(token(ec_key(), "ES256", kid=KID), keys=keys).endswith("that its key is not for")
    assert why(token(alg="RS256", kid="ec"), keys=keys).endswith("that its key is not for")


def test_keys_that_a_token_brings_along_are_not_looked_at() -> None:
    own = rsa_key("attacker")
    for head in ({"jwk": jwk(own)}, {"jku": "http://attacker.test/jwks.json"}, {"x5u": "http://attacker.test/"}):
        assert why(token(own, headers=dict(head))) == f"{INVALID}its signature is wrong"


@pytest.mark.parametrize("critical", [["b64"], ["exp"], [], "exp", {"a": 1}, 0, False, None])
def test_critical_extensions_are_refused_whatever_they_are(critical: object) -> None:
    assert why(token(headers={"crit": critical})) == f"{INVALID}it names critical extensions that are not understood"


def test_an_unencoded_payload_is_refused() -> None:
    text = crafted({"alg": "RS256", "kid": KID, "b64": False}, LAB_CLAIMS)
    assert why(text) == f"{INVALID}it names critical extensions that are not understood"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a.b",
        "a.b.c.d",
        "a.b.c.d.e",
        "é.b.c",
        "a b.c.d",
        "a=.b.c",
        "..",
        crafted("no object", LAB_CLAIMS),
        crafted({"kid": KID}, LAB_CLAIMS),
        crafted({"alg": 5}, LAB_CLAIMS),
        crafted({"alg": "RS256", "kid": 5}, LAB_CLAIMS),
        crafted(b"\xff\xfe", LAB_CLAIMS),
        crafted(b"[" * 5000, LAB_CLAIMS),
        "abcde.b.c",
    ],
)
def test_what_is_no_token_is_refused_as_malformed(text: str) -> None:
    assert why(text) == "the token header is malformed"


def test_an_oversized_token_is_refused_before_it_is_looked_at() -> None:
    assert why(token(padding="x" * MAX_CHARS)) == f"{INVALID}it has more than 16 KiB"


@pytest.mark.parametrize("claims", [b"no json", b"[1]", b'"text"', b"\xff", b"[" * 5000])
def test_claims_that_are_no_object_are_refused(claims: bytes) -> None:
    import base64

    key = rsa_key()
    head = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": KID}).encode()).rstrip(b"=")
    signed = head + b"." + base64.urlsafe_b64encode(claims).rstrip(b"=")
    made = library.get_algorithm_by_name("RS256").sign(signed, key)
    text = (signed + b"." + base64.urlsafe_b64encode(made).rstrip(b"=")).decode()
    assert why(text) == f"{INVALID}its claims are no JSON object"
    assert claimed_issuer(text) is None


# -- which key --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kid", "shown"),
    [("other", '"other"'), ('a"b\n', '"a\\"b\\n"'), ("é", '"\\u00e9"'), ("x" * 500, f'"{"x" * 128}"')],
)
def test_an_unknown_key_is_named_in_printable_words(kid: str, shown: str) -> None:
    with pytest.raises(UnknownKey) as caught:
        proof(token(kid=kid))
    assert str(caught.value) == f"token uses the unknown key {shown}"


def test_a_token_without_a_key_id_is_proven_by_any_key_of_its_issuer() -> None:
    keys = jwks.read(jwk_set(jwk(rsa_key("second"), "2"), jwk(rsa_key(), "1")))
    assert proof(token(kid=None), keys=keys).claims["sub"] == "user-id"
    assert why(token(rsa_key("third"), kid=None), keys=keys) == f"{INVALID}its signature is wrong"


def test_a_token_without_a_key_id_costs_no_more_than_some_signatures() -> None:
    keys = jwks.read(jwk_set(*(jwk(ec_key(), str(n)) for n in range(20)), jwk(ec_key("P-384"), "x")))
    late = jwks.read(jwk_set(*(jwk(rsa_key(f"k{n}"), str(n)) for n in range(8)), jwk(rsa_key(), "last")))
    assert proof(token(ec_key(), "ES256", kid=None), keys=keys).claims
    assert why(token(kid=None), keys=late) == f"{INVALID}its signature is wrong"


def test_issuers_are_told_apart_although_they_call_their_keys_alike() -> None:
    one, two = Issuer(issuer="one"), Issuer(issuer="two")
    second = jwks.read(jwk_set(jwk(rsa_key("second"))))
    sets = [(one, KEYS), (two, second)]
    assert verify(token(iss="one"), sets, NOW).issuer is one
    assert verify(token(rsa_key("second"), iss="two"), sets, NOW).issuer is two
    for text in (token(iss="two"), token(rsa_key("second"), iss="one"), token(iss="three")):
        with pytest.raises(Refused, match="its issuer is not accepted"):
            verify(text, sets, NOW)


# -- claims -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"iss": "evil"}, "its issuer is not accepted"),
        ({"iss": None}, "its issuer is not accepted"),
        ({"iss": ["solo.io"]}, "its issuer is not accepted"),
        ({"iss": "SOLO.IO"}, "its issuer is not accepted"),
        ({"exp": int(NOW - LEEWAY_S)}, "it has expired"),
        ({"exp": NOW - LEEWAY_S - 0.5}, "it has expired"),
        ({"exp": 0}, "it has expired"),
        ({"exp": -(10**400)}, "it has expired"),
        ({"exp": None}, "it has no claim `exp`"),
        ({"nbf": int(NOW + LEEWAY_S + 1)}, "it is not valid yet"),
        ({"nbf": 10**400}, "it is not valid yet"),
    ],
)
def test_claims_that_do_not_hold_are_said(claims: dict[str, object], said: str) -> None:
    assert why(token(**claims)) == INVALID + said


@pytest.mark.parametrize("claims", [{"exp": int(NOW - LEEWAY_S + 1)}, {"nbf": int(NOW + LEEWAY_S)}, {"exp": 10**400}])
def test_clocks_may_be_a_little_apart(claims: dict[str, object]) -> None:
    assert proof(token(**claims)).claims["iss"] == ISSUER


@pytest.mark.parametrize("name", ["exp", "nbf"])
@pytest.mark.parametrize("value", ["2079556104", True, [1], {}])
def test_a_time_is_a_number(name: str, value: object) -> None:
    assert why(token(**{name: value})) == f"{INVALID}its claim `{name}` is no time"


@pytest.mark.parametrize(
    ("audience", "accepted"),
    [
        ("a", True),
        ("b", True),
        (["x", "b"], True),
        ("c", False),
        (["c"], False),
        ([], False),
        (None, False),
        (5, False),
    ],
)
def test_one_of_the_audiences_has_to_be_among_those_of_the_token(audience: object, accepted: bool) -> None:
    issuer = Issuer(issuer=ISSUER, audiences=("a", "b"))
    text = token(aud=audience)
    if accepted:
        assert proof(text, issuer).claims["aud"] == audience
    else:
        assert why(text, issuer) == f"{INVALID}its audience is not accepted"
    assert proof(text).claims["sub"] == "user-id"  # an issuer without audiences takes any


def test_the_operator_says_which_claims_have_to_be_there() -> None:
    assert proof(token(exp=None), Issuer(issuer=ISSUER, required=())).until == float("inf")
    issuer = Issuer(issuer=ISSUER, required=("exp", "tenant"))
    assert why(token(), issuer) == f"{INVALID}it has no claim `tenant`"
    assert proof(token(tenant="a"), issuer).claims["tenant"] == "a"


def test_who_a_token_says_issued_it_is_read_without_proof() -> None:
    assert claimed_issuer(crafted({"alg": "none"}, {"iss": "x"})) == "x"
    assert claimed_issuer(crafted({"alg": "none"}, {"iss": 5})) is None
    assert claimed_issuer("sk-alice-abc123def456") is None


@pytest.mark.parametrize(("text", "is_one"), [(token(), True), ("sk-alice", False), ("a.b.c", True), ("", False)])
def test_a_key_is_no_token(text: str, is_one: bool) -> None:
    assert is_token(text) is is_one
