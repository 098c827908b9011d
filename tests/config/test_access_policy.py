"""Policies of identity in manifests: what they come to, what is refused, and what does not resolve opens no door."""

import json

import pytest

from sluice.config.dump import dump
from sluice.config.plan import Entry, Listener, Match, Plan, Rule
from sluice.policies.access import OPEN, Access
from sluice.policies.authorization import Authorization
from sluice.policies.basic_auth import Basic
from sluice.policies.hidden import Hidden
from sluice.policies.jwt import Issuer, Jwt
from sluice.policies.location import ANYWHERE, BASIC, BEARER, Location
from sluice.policies.server import Server, Source
from tests.config.access_texts import SERVICE, api_secret, manifest, refused
from tests.support.tokens import jwk, jwk_set, pem, rsa_key

KEYS = jwk_set()
JWT = "jwtAuthentication: {providers: [{issuer: solo.io, jwks: %s}]%s}"
HASH = "alice:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk="


def token_policy(jwks: str, more: str = "") -> Jwt:
    jwt = manifest(JWT % (jwks, more), objects=SERVICE).access.jwt
    assert jwt is not None
    return jwt


def inline(text: str) -> Source:
    return Source(inline=Hidden(text.encode()))


# -- tokens -----------------------------------------------------------------------------------------------------------


def test_tokens_are_needed_unless_a_mode_says_otherwise() -> None:
    jwks = f"{{inline: '{KEYS}'}}"
    assert token_policy(jwks) == Jwt(issuers=(Issuer(issuer="solo.io", keys=inline(KEYS)),), location=BEARER)
    assert [token_policy(jwks, f", mode: {mode}").mode for mode in ("Strict", "Optional", "Permissive")] == [
        "strict",
        "optional",
        "permissive",
    ]


@pytest.mark.parametrize(
    ("jwks", "source"),
    [
        ("{file: /etc/keys.json}", Source(path="/etc/keys.json")),
        (
            '{remote: {url: "https://idp.example/a/keys?p=1", cacheDuration: 10m}}',
            Source(server=Server(host="idp.example", port=443, secure=True), target="/a/keys?p=1", cache_s=600.0),
        ),
        ('{remote: {url: "http://localhost:8000"}}', Source(server=Server(host="localhost", port=8000))),
        (
            "{remote: {backendRef: {name: idp, port: 8080}, jwksPath: .well-known/jwks.json}}",
            Source(server=Server(host="idp", port=8080), target="/.well-known/jwks.json"),
        ),
        (
            "{remote: {backendRef: {name: idp, port: 8080}, jwksPath: /keys}}",
            Source(server=Server(host="idp", port=8080), target="/keys"),
        ),
    ],
)
def test_keys_are_where_the_operator_says(jwks: str, source: Source) -> None:
    assert token_policy(jwks).issuers[0].keys == source


def test_a_public_key_in_pem_is_a_key_set() -> None:
    text = pem(rsa_key()).replace("\n", "\\n")
    assert token_policy(f'{{inline: "{text}"}}').issuers[0].keys == inline(pem(rsa_key()))


def test_audiences_claims_and_several_issuers() -> None:
    jwt = manifest(
        f"""
        jwtAuthentication:
          providers:
          - {{issuer: a, audiences: [x, y], jwks: {{inline: '{KEYS}'}}, jwtValidationOptions: {{requiredClaims: []}}}}
          - {{issuer: b, jwks: {{file: keys.json}}}}
        """
    ).access.jwt
    assert jwt is not None
    assert [(one.issuer, one.audiences, one.required) for one in jwt.issuers] == [
        ("a", ("x", "y"), ()),
        ("b", (), ("exp",)),
    ]


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("{header: {name: X-Token}}", Location(name="x-token")),
        ("{header: {name: Authorization}}", BEARER),
        ("{header: {name: Authorization, prefix: 'JWT '}}", Location(prefix="JWT ")),
        ("{header: {name: Authorization, prefix: ''}}", Location()),
        ("{queryParameter: {name: jwt}}", Location(kind="query", name="jwt")),
        ("{cookie: {name: jwt}}", Location(kind="cookie", name="jwt")),
        ("""{expression: 'request.headers["x"]'}""", Location(kind="expression", name='request.headers["x"]')),
    ],
)
def test_a_credential_is_read_where_the_operator_says(location: str, place: Location) -> None:
    assert token_policy("{file: f}", f", location: {location}").location == place
    keys = manifest(
        f"apiKeyAuthentication: {{secretRef: {{name: k}}, location: {location}}}", objects=api_secret("k", "{a: k}")
    )
    assert keys.access.api_keys is not None
    assert keys.access.api_keys.locations == (place,)
    basic = manifest(f"basicAuthentication: {{users: ['{HASH}'], location: {location}}}").access.basic
    assert basic is not None
    assert basic.location == (BASIC if place == BEARER else place)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (JWT % ("{inline: '{}'}", ""), "providers[0].jwks.inline: expected a JWK Set"),
        (
            JWT % (f"{{inline: '{jwk_set(jwk(rsa_key('weak', 1024)))}'}}", ""),
            "there is no key in it that proves tokens",
        ),
        (JWT % ("{}", ""), "expected exactly one of `inline`, `remote`, `file`"),
        (JWT % ("{remote: {url: 'ftp://x'}}", ""), "jwks.remote.url: a base URL begins with"),
        (JWT % ("{remote: {url: 'https://u:p4ss@x/'}}", ""), "holds no credentials"),
        (JWT % ("{remote: {url: 'https://x/#a'}}", ""), "no fragment"),
        (JWT % ("{remote: {url: 'https://x', cacheDuration: 299s}}", ""), "`cacheDuration` is 5m at least"),
        (JWT % ("{remote: {backendRef: {name: idp}}}", ""), "`backendRef` and `jwksPath` go together"),
        (JWT % ("{remote: {url: 'https://x', jwksPath: a}}", ""), "`backendRef` and `jwksPath` go together"),
        (JWT % ("{remote: {backendRef: {name: idp}, jwksPath: 'a b'}}", ""), "jwksPath: expected a path"),
        (JWT % ("{file: f}", ", mode: strict"), "unknown value `strict`"),
        (JWT % ("{file: f}", ", location: {}"), "expected exactly one of `header`, `queryParameter`, `cookie`"),
        (JWT % ("{file: f}", ", location: {expression: 'request.hdr'}"), "location.expression: `request` has no `hdr`"),
        (JWT % ("{file: f}", ", mcp: {}"), "`mcp` is not implemented"),
        ("jwtAuthentication: {providers: []}", "providers"),
        ("jwtAuthentication: {provider: []}", "unknown field"),
    ],
)
def test_a_wrong_token_policy_is_refused_at_its_place(text: str, complaint: str) -> None:
    (line, *_) = refused(text, objects=SERVICE)
    assert complaint in line
    assert line.startswith("a.yaml:1: jwtAuthentication")
    assert "p4ss" not in line


# -- keys and passwords: see test_access_keys for the Secrets ---------------------------------------------------------


def test_keys_may_stand_anywhere_unless_a_location_says_where() -> None:
    read = manifest("apiKeyAuthentication: {secretRef: {name: k}, mode: Optional}", objects=api_secret("k", "{a: k}"))
    assert read.access.api_keys is not None
    assert (read.access.api_keys.mode, read.access.api_keys.locations) == ("optional", ANYWHERE)


def test_users_stand_in_the_policy_or_in_a_secret() -> None:
    read = manifest(f"basicAuthentication: {{users: ['{HASH}', '{HASH}'], realm: R, mode: Optional}}")
    assert read.access.basic == Basic(mode="optional", realm="R", users=inline(f"{HASH}\n{HASH}"))
    objects = api_secret("b", f'{{.htaccess: "{HASH}\\n# nobody\\n"}}')
    read = manifest("basicAuthentication: {secretRef: {name: b}}", objects=objects)
    assert read.access.basic == Basic(users=inline(f"{HASH}\n# nobody\n"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("basicAuthentication: {users: ['alice:s3cret']}", "basicAuthentication.users: line 1: the hash is none of"),
        (f'basicAuthentication: {{users: ["{HASH}"], realm: "a\\nb"}}', "basicAuthentication.realm"),
        ("basicAuthentication: {}", "expected exactly one of `users`, `secretRef`"),
        (f"basicAuthentication: {{users: ['{HASH}'], mode: Permissive}}", "unknown value `Permissive`"),
        ("basicAuthentication: {secretRef: {name: bad}}", "basicAuthentication.secretRef: line 1: the hash"),
        ("apiKeyAuthentication: {}", "expected exactly one of `secretRef`, `secretSelector`, `configMapSelector`"),
        ("apiKeyAuthentication: {secretSelector: {matchLabels: {}}}", "matchLabels"),
    ],
)
def test_wrong_keys_and_passwords_are_refused_and_not_repeated(text: str, complaint: str) -> None:
    (line, *_) = refused(text, objects=api_secret("bad", "{.htaccess: 'alice:s3cret'}"))
    assert complaint in line
    assert "s3cret" not in line


# -- rules and layers -------------------------------------------------------------------------------------------------

RULE = "authorization: {action: %s, policy: {matchExpressions: ['%s']}}"


def test_rules_of_all_layers_add_up_and_of_other_kinds_the_strongest_wins() -> None:
    read = manifest(
        "authorization: {policy: {matchExpressions: ['true', 'jwt.a == 1']}}\n" + JWT % ("{file: weak}", ""),
        RULE % ("Deny", "jwt.b == 1"),
        RULE % ("Require", "jwt.c == 1") + "\n" + JWT % ("{file: strong}", ", mode: Optional"),
    )
    assert read.access.authorization == Authorization(
        allow=("true", "jwt.a == 1"), deny=("jwt.b == 1",), require=("jwt.c == 1",)
    )
    assert read.access.jwt == Jwt(mode="optional", issuers=(Issuer(issuer="solo.io", keys=Source(path="strong")),))
    assert manifest("{}", "{}").access == OPEN


def test_a_wrong_rule_is_refused_at_its_place() -> None:
    text = "authorization: {policy: {matchExpressions: ['true', 'jwt.a ==', 'response.code == 200']}}"
    first, second = refused(text)
    assert first.startswith("a.yaml:1: authorization.policy.matchExpressions[1]: not a CEL expression")
    assert second.startswith("a.yaml:1: authorization.policy.matchExpressions[2]: there is no `response`")


# -- what does not resolve --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "apiKeyAuthentication: {secretRef: {name: absent}}",
            "Nobody is let in by an API key: Secret default/absent not found.",
        ),
        (
            "entExtAuth: {authConfigRef: {name: absent}}",
            "Nobody is let in: AuthConfig default/absent with `apiKeyAuth` not found.",
        ),
    ],
)
def test_keys_that_are_not_there_let_nobody_in(text: str, note: str) -> None:
    read = manifest(text)
    assert read.notes == [note]
    assert read.access.api_keys is not None
    assert (read.access.api_keys.keys, read.access.api_keys.mode) == ((), "strict")
    assert read.access.api_keys.missing in note
    assert "default/absent" in read.access.api_keys.missing


def test_a_key_set_or_password_file_that_cannot_be_found_proves_nothing() -> None:
    read = manifest(JWT % ("{remote: {backendRef: {name: absent, port: 1}, jwksPath: /k}}", ""))
    assert read.notes == ["Tokens cannot be verified: Service default/absent not found."]
    assert read.access.jwt is not None
    assert read.access.jwt.issuers[0].keys == Source(missing="Service default/absent not found")
    read = manifest("basicAuthentication: {secretRef: {name: absent}}")
    assert read.notes == ["No password is right: Secret default/absent not found."]
    assert read.access.basic == Basic(users=Source(missing="Secret default/absent not found"))


# -- what is shown ----------------------------------------------------------------------------------------------------


def shown(access: Access) -> str:
    rule = Rule(name="r", backends=(), access=access)
    entry = Entry(hostname="", match=Match(), route="a/b", rule=rule)
    return json.dumps(dump(Plan(listeners=(Listener(name="l", gateway="g", port=1, entries=(entry,)),))))


def test_nothing_secret_is_shown_of_a_plan() -> None:
    read = manifest(
        f"apiKeyAuthentication: {{secretRef: {{name: k}}}}\nbasicAuthentication: {{users: ['{HASH}']}}",
        objects=api_secret("k", """{a: '{"key": "sk-c4n4ry", "metadata": {"team": "t", "api-key": "c4n4ry"}}'}"""),
    )
    text = shown(read.access)
    assert "c4n4ry" not in text
    assert HASH.partition(":")[2] not in text
    assert '"team": "t"' in text
    assert "c4n4ry" not in repr(read.access.basic) + repr(read.access.api_keys and read.access.api_keys.keys[0].digest)
