"""Policies of identity in the short form."""

import hashlib

import pytest

from sluice.policies.access import Access
from sluice.policies.api_key import ApiKey, ApiKeys, digest_of
from sluice.policies.authorization import Authorization
from sluice.policies.basic_auth import Basic
from sluice.policies.external_auth import Cache, ExternalAuth
from sluice.policies.hidden import Hidden
from sluice.policies.jwt import Issuer, Jwt
from sluice.policies.location import ANYWHERE, Location
from sluice.policies.server import Server, Source
from tests.config.access_texts import refused, short
from tests.support.tokens import jwk_set

KEYS = jwk_set()
HASH = "alice:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk="
DIGEST = hashlib.sha256(b"sk-hashed").hexdigest()


def test_one_issuer_or_several() -> None:
    read = short(f"jwtAuth: {{mode: strict, issuer: a, audiences: [x], jwks: '{KEYS}'}}")
    inline = Source(inline=Hidden(KEYS.encode()))
    assert read.access == Access(jwt=Jwt(issuers=(Issuer(issuer="a", audiences=("x",), keys=inline),)))
    assert read.notes == []
    read = short(
        """
        jwtAuth:
          mode: permissive
          location: {header: {name: x-token}}
          providers:
          - {issuer: a, jwks: {file: ./keys.json}}
          - {issuer: b, jwks: {url: "https://idp.example/keys"}, jwtValidationOptions: {requiredClaims: [exp, nbf]}}
        """
    )
    remote = Source(server=Server(host="idp.example", port=443, secure=True), target="/keys")
    assert read.access.jwt == Jwt(
        mode="permissive",
        location=Location(name="x-token"),
        issuers=(
            Issuer(issuer="a", keys=Source(path="./keys.json")),
            Issuer(issuer="b", keys=remote, required=("exp", "nbf")),
        ),
    )


def test_without_a_mode_requests_without_a_token_pass_and_the_banner_says_so() -> None:
    read = short("jwtAuth: {issuer: a, jwks: {file: f}}")
    assert read.access.jwt is not None
    assert read.access.jwt.mode == "optional"
    assert read.notes == ["`jwtAuth` has no `mode`: requests without a token pass, as with `mode: optional`."]


def test_keys_have_names_that_do_not_tell_them() -> None:
    read = short(
        f"""
        apiKey:
          keys:
          - {{key: sk-alice, name: alice, metadata: {{team: a}}, allowedModels: [gpt-4o]}}
          - {{keyHash: "sha256:{DIGEST}"}}
        """
    )
    digests = [digest_of("sk-alice"), digest_of("sk-hashed")]
    assert read.access.api_keys == ApiKeys(
        keys=(
            ApiKey(id="alice", digest=Hidden(digests[0]), metadata={"team": "a"}, allowed_models=("gpt-4o",)),
            ApiKey(id=f"key-{DIGEST[:8]}", digest=Hidden(digests[1])),
        ),
        locations=ANYWHERE,
    )
    assert read.access.api_keys.mode == "strict"
    assert short("apiKey: {keys: [], mode: optional}").access.api_keys == ApiKeys(mode="optional")


def test_users_stand_in_the_file_or_in_one_of_their_own() -> None:
    read = short(f'basicAuth: {{htpasswd: "{HASH}\\n", realm: R}}')
    assert read.access.basic == Basic(realm="R", users=Source(inline=Hidden(f"{HASH}\n".encode())))
    read = short("basicAuth: {htpasswd: {file: .htpasswd}, mode: optional}")
    assert read.access.basic == Basic(mode="optional", users=Source(path=".htpasswd"))


def test_a_rule_allows_unless_it_says_otherwise() -> None:
    read = short(
        "authorization: {rules: ['jwt.a == 1', {allow: 'jwt.b == 1'}, {deny: 'jwt.c == 1'}, {require: 'true'}]}"
    )
    assert read.access.authorization == Authorization(
        allow=("jwt.a == 1", "jwt.b == 1"), deny=("jwt.c == 1",), require=("true",)
    )


def test_an_external_authorization_over_http() -> None:
    read = short(
        """
        extAuthz:
          host: auth.internal:9000
          failureMode: {denyWithStatus: 403}
          includeRequestHeaders: [x-user]
          includeRequestBody: {maxRequestBytes: 100, allowPartialMessage: true}
          cache: {key: [request.path], ttl: 1m}
          protocol: {http: {path: '"/x"', includeResponseHeaders: [X-Team], addRequestHeaders: {x-a: '"b"'},
                            metadata: {user: response.body}}}
        """
    )
    assert read.access.external == (
        ExternalAuth(
            server=Server(host="auth.internal", port=9000),
            path='"/x"',
            body_bytes=100,
            partial_body=True,
            request_headers=("x-user",),
            add_headers=(("x-a", '"b"'),),
            to_provider=("x-team",),
            metadata=(("user", "response.body"),),
            failure_status=403,
            cache=Cache(key=("request.path",), ttl_s=60.0),
        ),
    )
    plain = short("extAuthz: {url: 'https://auth', failureMode: allow, protocol: {http: {}}}").access.external
    assert plain == (ExternalAuth(server=Server(host="auth", port=443, secure=True), fails_open=True),)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("jwtAuth: {}", "expected exactly one of `issuer`, `providers`"),
        ("jwtAuth: {issuer: a}", "`issuer` and `jwks` go together"),
        ("jwtAuth: {issuer: a, jwks: {}}", "expected exactly one of `file`, `url`"),
        ("jwtAuth: {issuer: a, jwks: 'c4n4ry'}", "jwtAuth.jwks: expected a JWK Set"),
        (
            "jwtAuth: {issuer: a, jwks: {url: 'http://u:c4n4ry@h/'}}",
            "jwtAuth.jwks.url: a base URL holds no credentials",
        ),
        ("jwtAuth: {issuer: a, jwks: {url: 'http://h', cacheDuration: 1s}}", "`cacheDuration` is 5m at least"),
        ("jwtAuth: {issuer: a, jwks: {file: f}, mode: Strict}", "unknown value `Strict`"),
        ("apiKey: {keys: [{key: c4n4ry, keyHash: x}]}", "expected exactly one of `key`, `keyHash`"),
        ("apiKey: {keys: [{keyHash: c4n4ry}]}", "apiKey.keys[0]: a `keyHash` is"),
        ("apiKey: {keys: [{key: a, meta: {}}]}", "unknown field"),
        ("apiKey: {keys: [{key: a}, {key: b}, {key: Bearer a}]}", "apiKey.keys[2]: this key stands here twice"),
        ("apiKey: {keys: [{key: c4n4ry-é}]}", "apiKey.keys[0]: the key holds characters that no header carries"),
        ("apiKey: {keys: [{key: c4n4ry, allowedModels: ['a*b*']}]}", "apiKey.keys[0]: `a*b*` fits no model"),
        ("basicAuth: {htpasswd: 'alice:c4n4ry'}", "basicAuth.htpasswd: line 1: the hash is none of"),
        ("authorization: {rules: ['jwt.']}", "authorization.rules[0]: not a CEL expression"),
        ("authorization: {rules: [{deny: 'jwt.'}]}", "authorization.rules[0].deny: not a CEL expression"),
        ("authorization: {rules: [{deny: 'true', allow: 'true'}]}", "expected exactly one of `allow`, `deny`"),
        ("extAuthz: {host: a}", "`protocol: {http: {}}` is missing"),
        ("extAuthz: {host: a, protocol: {grpc: {}}}", "`grpc` is not implemented"),
        ("extAuthz: {host: 'a:b', protocol: {http: {}}}", "extAuthz.host: expected `host:port`"),
        ("extAuthz: {service: {}, host: a, protocol: {http: {}}}", "`service` is not implemented"),
    ],
)
def test_what_cannot_be_done_is_refused_at_its_place(text: str, complaint: str) -> None:
    (line, *_) = refused(text, form="short")
    assert line.startswith(f"llm.yaml:1: {text.partition(':')[0]}")
    assert complaint in line
    assert "c4n4ry" not in line
