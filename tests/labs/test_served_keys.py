"""Labs about keys, of clients and of providers, at a whole gateway: A007, C10, B5 and D4."""

import hashlib

import pytest

from tests.labs.served import FIRST_PAGES, META, TEXT, bearer, content, lab, plain, policy, secret, told
from tests.support.http_answer import error_of
from tests.support.world import World

NO_KEY = (401, "api key authentication failure: no API Key found")
WRONG_KEY = (401, "api key authentication failure: invalid credentials")
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
        apiKeySecretRefs:
        - name: team1-apikey
          namespace: agentgateway-system
      headersFromMetadataEntry:
        x-org:
          name: x-org
"""
    + secret("team1-apikey", "{api-key: team1-key, x-org: developers}", kind="extauth.solo.io/apikey")
    + policy(
        "    entExtAuth: {authConfigRef: {name: apikey-auth, namespace: agentgateway-system}}\n",
        kind="EnterpriseAgentgatewayPolicy",
    )
)


async def test_a007_a_key_under_another_name(world: World) -> None:
    found = await lab(world, A007, TEXT)
    assert plain(await found.curl()) == NO_KEY
    assert plain(await found.curl("vanity-auth: team2-key")) == WRONG_KEY
    answer = await found.curl("vanity-auth: team1-key", "x-org: admins")
    assert (answer.status, content(answer)) == (200, "It is a villanelle.")
    (asked,) = found.asked
    assert [value for name, value in asked.headers if name == "x-org"] == ["developers"]
    assert asked.header("vanity-auth") is None
    assert asked.header("authorization") == "Bearer sk-lab-openai"


DIGEST = hashlib.sha256(b"k-hashed").hexdigest()
C10 = secret(
    "api-keys",
    f"""{{client1: '{{"key": "k-123", "metadata": {{"group": "sales"}}}}', client2: k-456,
        client3: '{{"keyHash": "sha256:{DIGEST}"}}'}}""",
)


@pytest.mark.parametrize(
    ("mode", "without", "wrong"), [("Strict", 401, 401), ("Optional", 200, 401), ("Permissive", 200, 200)]
)
async def test_c10_modes_of_client_keys(world: World, mode: str, without: int, wrong: int) -> None:
    keys = policy(f"    apiKeyAuthentication: {{mode: {mode}, secretRef: {{name: api-keys}}}}\n")
    found = await lab(world, C10, keys, TEXT)
    answer = await found.curl()
    assert answer.status == without
    if without == 401:
        assert plain(answer) == NO_KEY
    assert (await found.curl(bearer("k-12"))).status == wrong
    for key in ("k-123", "k-456", "k-hashed"):
        assert (await found.curl(bearer(key))).status == 200
    assert found.asked[-1].header("authorization") == "Bearer sk-lab-openai"


async def test_c10_a_rule_sees_what_a_keys_owner_is(world: World) -> None:
    rule = "    authorization: {policy: {matchExpressions: ['apiKey.group == \"sales\"']}}\n"
    found = await lab(world, C10, policy("    apiKeyAuthentication: {secretRef: {name: api-keys}}\n" + rule), TEXT)
    assert (await found.curl(bearer("k-123"))).status == 200
    assert plain(await found.curl(bearer("k-456"))) == (403, "authorization failed")


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ("{key: sk-inline}", "Bearer sk-inline"),
        ("{secretRef: {name: bare}}", "Bearer sk-bare"),
        ("{passthrough: {}}", "Bearer sk-clients-own"),
    ],
)
async def test_c10_keys_of_providers(world: World, auth: str, sent: str) -> None:
    first = FIRST_PAGES.replace("{secretRef: {name: openai-secret}}", auth)
    found = await lab(world, secret("bare", "{Authorization: sk-bare}"), first=first)
    assert (await found.curl(bearer("sk-clients-own"))).status == 200
    (asked,) = found.asked
    assert asked.header("authorization") == sent


B5 = (
    secret("alice", """{api-key: '{"key": "sk-alice-abc123def456"}'}""", "{app: llm-keys}")
    + secret("other", "{api-key: sk-other}", "{app: web}")
    + secret("bob", "{api-key: sk-bob-xyz789uvw012}", "{app: llm-keys}")
    + policy("    apiKeyAuthentication: {mode: Strict, secretSelector: {matchLabels: {app: llm-keys}}}\n", "keys")
)


async def test_b5_both_keys_200_and_an_unknown_one_401(world: World) -> None:
    found = await lab(world, B5, TEXT)
    for key, who in (("sk-alice-abc123def456", "alice"), ("sk-bob-xyz789uvw012", "bob")):
        assert (await found.curl(bearer(key))).status == 200
        assert found.record.principal == f"api_key:{who}"
    for key in ("sk-unknown", "sk-other"):
        assert plain(await found.curl(bearer(key))) == WRONG_KEY


D4 = """
gateways: {default: {port: 4000}}
llm:
  policies:
    apiKey:
      mode: strict
      keys:
      - {key: sk-alice-abc123def456, metadata: {user: alice}, allowedModels: ["gpt-4o*"]}
      - {key: sk-bob-xyz789uvw012}
  models: [{name: "*", provider: openAI, params: {baseUrl: "http://127.0.0.1:%d/v1", apiKey: k}}]
"""


async def test_d4_the_short_form(world: World) -> None:
    found = await lab(world, short=D4)
    path = "/v1/chat/completions"
    for key, status in (("sk-alice-abc123def456", 200), ("invalid-key", 401), ("sk-bob-xyz789uvw012", 200)):
        assert (await found.curl(bearer(key), path=path)).status == status
    assert told(await found.curl(path=path)) == NO_KEY
    refused = await found.curl(bearer("sk-alice-abc123def456"), path=path, model="gpt-5")
    assert (refused.status, error_of(refused).code) == (403, "model_not_allowed")
    assert (await found.curl(bearer("sk-bob-xyz789uvw012"), path=path, model="gpt-5")).status == 200
