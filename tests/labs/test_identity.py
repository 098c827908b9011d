"""Labs about who may ask, each from its manifest to its result: A007, A008, C10, C11 and the RBAC page, B5, D4."""

import hashlib
import json

import pytest

from tests.config.access_texts import short
from tests.gateway.identity import Desk, desk_in
from tests.labs.identity_manifests import Heard, Lab
from tests.support.tokens import jwk, jwk_set, rsa_key, token
from tests.support.world import World

TARGET = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: agentgateway-proxy}]"
META = "metadata: {name: %s, namespace: agentgateway-system}"


@pytest.fixture
async def desk(world: World) -> Desk:
    return await desk_in(world)


def policy(traffic: str, name: str = "policy") -> str:
    meta = META % name
    head = f"---\napiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayPolicy\n{meta}\nspec:\n  {TARGET}\n"
    return f"{head}  traffic:\n{traffic}"


def secret(name: str, entries: str, labels: str = "{}", kind: str = "Opaque") -> str:
    meta = f"{{name: {name}, namespace: agentgateway-system, labels: {labels}}}"
    return f"---\napiVersion: v1\nkind: Secret\ntype: {kind}\nmetadata: {meta}\nstringData: {entries}\n"


def bearer(text: str) -> str:
    return f"Authorization: Bearer {text}"


def said(heard: Heard) -> tuple[int, str]:
    """What the client hears, the same in both forms: the sentence alone, and in the dialect's error."""
    assert json.loads(heard.body)["error"]["message"] == heard.text
    return heard.status, heard.text


# -- A007 -------------------------------------------------------------------------------------------------------------

A007 = (
    f"""---
apiVersion: extauth.solo.io/v1
kind: AuthConfig
{META % "apikey-auth"}
spec:
  configs:
  - apiKeyAuth:
      headerName: vanity-auth
      k8sSecretApikeyStorage:
        apiKeySecretRefs: [{{name: team1-apikey, namespace: agentgateway-system}}]
      headersFromMetadataEntry:
        x-org: {{name: x-org}}
"""
    + secret("team1-apikey", "{api-key: team1-key, x-org: developers}", kind="extauth.solo.io/apikey")
    + policy("    entExtAuth: {authConfigRef: {name: apikey-auth, namespace: agentgateway-system}}\n")
)


async def test_a007_a_vanity_header_stands_for_a_key_and_says_the_organisation(desk: Desk) -> None:
    lab = Lab(desk, A007)
    assert said(await lab.ask()) == (401, "api key authentication failure: no API Key found")
    assert said(await lab.ask("vanity-auth: team2-key")) == (401, "api key authentication failure: invalid credentials")
    heard = await lab.ask("vanity-auth: team1-key", "x-org: admins")
    assert (heard.status, heard.principal.id) == (200, "team1-apikey")
    assert [value for name, value in heard.headers if name == b"x-org"] == [b"developers"]
    assert not [value for name, value in heard.headers if name == b"vanity-auth"]


# -- A008 -------------------------------------------------------------------------------------------------------------


def a008(keys: str, expression: str = '(jwt.org == "solo.io") && (jwt.team == "team-id")') -> str:
    return policy(
        f"""
    jwtAuthentication:
      mode: Strict
      providers:
      - issuer: solo.io
        jwks:
          inline: '{keys}'
    authorization:
      policy:
        matchExpressions:
        - '{expression}'
"""
    )


async def test_a008_a_long_lived_token_a_rule_and_another_key_set(desk: Desk) -> None:
    lab = Lab(desk, a008(jwk_set()))
    assert said(await lab.ask()) == (401, "authentication failure: no bearer token found")
    assert (await lab.ask(bearer(token()))).status == 200
    other = Lab(desk, a008(jwk_set(jwk(rsa_key("okta"), "okta-key"))))
    unknown = 'authentication failure: token uses the unknown key "solo-public-key-001"'
    assert said(await other.ask(bearer(token()))) == (401, unknown)
    strict = Lab(desk, a008(jwk_set(), 'jwt.team == "other-team"'))
    assert said(await strict.ask(bearer(token()))) == (403, "authorization failed")
    assert len("authorization failed") == 20


async def test_a008_a_rule_may_look_into_claims_for_the_model(desk: Desk) -> None:
    lab = Lab(desk, a008(jwk_set(), "llmRequest.model in jwt.llms.openai"))
    assert (await lab.ask(bearer(token()), model="gpt-4o")).status == 200
    assert said(await lab.ask(bearer(token()), model="gpt-5")) == (403, "authorization failed")


# -- C10 --------------------------------------------------------------------------------------------------------------

DIGEST = hashlib.sha256(b"k-hashed").hexdigest()
C10_SECRET = secret(
    "api-keys",
    f"""{{client1: '{{"key": "k-123", "metadata": {{"group": "sales"}}}}', client2: k-456,
        client3: '{{"keyHash": "sha256:{DIGEST}"}}'}}""",
)


@pytest.mark.parametrize(
    ("mode", "without", "wrong"), [("Strict", 401, 401), ("Optional", 200, 401), ("Permissive", 200, 200)]
)
async def test_c10_modes_of_api_keys(desk: Desk, mode: str, without: int, wrong: int) -> None:
    keys = f"    apiKeyAuthentication: {{mode: {mode}, secretRef: {{name: api-keys}}}}\n"
    lab = Lab(desk, C10_SECRET + policy(keys))
    heard = await lab.ask()
    assert heard.status == without
    if without == 401:
        assert said(heard) == (401, "api key authentication failure: no API Key found")
    assert (await lab.ask(bearer("k-12"))).status == wrong
    for key in ("k-123", "k-456", "k-hashed"):
        assert (await lab.ask(bearer(key))).status == 200


async def test_c10_a_rule_sees_what_a_keys_owner_is(desk: Desk) -> None:
    rule = "    authorization: {policy: {matchExpressions: ['apiKey.group == \"sales\"']}}\n"
    lab = Lab(desk, C10_SECRET + policy("    apiKeyAuthentication: {secretRef: {name: api-keys}}\n" + rule))
    assert (await lab.ask(bearer("k-123"))).status == 200
    assert said(await lab.ask(bearer("k-456"))) == (403, "authorization failed")


# -- C11 and the RBAC page --------------------------------------------------------------------------------------------

RBAC = policy('    authorization: {policy: {matchExpressions: [\'request.headers["x-llm"] == "gemini"\']}}\n')


async def test_c11_the_rbac_page(desk: Desk) -> None:
    lab = Lab(desk, RBAC)
    assert said(await lab.ask()) == (403, "authorization failed")
    assert (await lab.ask("x-llm: gemini")).status == 200


async def test_c11_rules_of_a_gateway_and_of_a_route_count_together(desk: Desk) -> None:
    route = "    authorization: {action: Require, policy: {matchExpressions: ['jwt.team == \"team-id\"']}}\n"
    lab = Lab(desk, RBAC + a008(jwk_set(), "false").replace("name: policy", "name: tokens") + policy(route, "route"))
    assert (await lab.ask(bearer(token()), "x-llm: gemini")).status == 200
    assert said(await lab.ask(bearer(token(team="x")), "x-llm: gemini")) == (403, "authorization failed")
    assert said(await lab.ask("x-llm: gemini")) == (401, "authentication failure: no bearer token found")


# -- B5 and D4 --------------------------------------------------------------------------------------------------------

B5 = (
    secret(
        "alice", """{api-key: '{"key": "sk-alice-abc123def456", "metadata": {"user_id": "alice"}}'}""", "{app: keys}"
    )
    + secret("bob", "{api-key: sk-bob-xyz789uvw012}", "{app: keys, tier: free}")
    + secret("other", "{api-key: sk-other}", "{app: web}")
    + policy("    apiKeyAuthentication: {secretSelector: {matchLabels: {app: keys}}}\n")
)


async def test_b5_virtual_keys_are_told_apart_and_unknown_ones_are_refused(desk: Desk) -> None:
    lab = Lab(desk, B5)
    alice, bob = await lab.ask(bearer("sk-alice-abc123def456")), await lab.ask(bearer("sk-bob-xyz789uvw012"))
    assert (alice.status, alice.principal.id, alice.principal.metadata) == (200, "alice", {"user_id": "alice"})
    assert (bob.status, bob.principal.id) == (200, "bob")
    for key in ("sk-other", "sk-unknown"):
        assert (await lab.ask(bearer(key))).status == 401


async def test_d4_virtual_keys_of_the_short_form_and_their_models(desk: Desk) -> None:
    read = short(
        """
        apiKey:
          mode: strict
          keys:
          - {key: sk-alice-abc123def456, metadata: {user: alice}, allowedModels: [gpt-4o, "claude-*"]}
          - {key: sk-bob-xyz789uvw012}
        """
    )
    lab = Lab(desk, read.access)
    assert (await lab.ask(bearer("sk-alice-abc123def456"))).status == 200
    assert (await lab.ask(bearer("sk-bob-xyz789uvw012"), model="gpt-5")).status == 200
    assert (await lab.ask(bearer("invalid-key"))).status == 401
    refused = await lab.ask(bearer("sk-alice-abc123def456"), model="gpt-5")
    assert (refused.status, json.loads(refused.body)["error"]["code"]) == (403, "model_not_allowed")
