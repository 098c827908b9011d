"""Labs about who may ask, at a whole gateway: status, body and headers of what a newcomer's `curl` prints.

A008, C11 with the RBAC page, and E3; the labs about keys are in test_served_keys.py.
"""

import json

import pytest

from tests.labs.served import META, PROXY, ROUTE, TEXT, bearer, content, lab, plain, policy, told
from tests.support.tokens import jwk, jwk_set, pem, rsa_key, token
from tests.support.world import World


def a008(keys: str, expression: str = '(jwt.org == "solo.io") && (jwt.team == "team-id")', mode: str = "Strict") -> str:
    return policy(
        f"""    jwtAuthentication:
      mode: {mode}
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


NOBODY = (401, "authentication failure: no bearer token found")
MAY_NOT = (403, "authorization failed")


@pytest.mark.parametrize("stream", [False, True])
async def test_a008_without_a_token_401_with_the_labs_token_200(world: World, stream: bool) -> None:
    found = await lab(world, a008(jwk_set()), TEXT)
    assert plain(await found.curl(stream=stream)) == NOBODY
    assert found.record.reason == "JwtAuth"
    answer = await found.curl(bearer(token()), stream=stream)
    assert (answer.status, content(answer)) == (200, "It is a villanelle.")
    (asked,) = found.asked
    assert asked.header("authorization") == "Bearer sk-lab-openai"


@pytest.mark.parametrize("stream", [False, True])
async def test_a008_the_same_refusals_in_the_clients_dialect(world: World, stream: bool) -> None:
    found = await lab(world, a008(jwk_set()))
    answer = await found.curl(stream=stream)
    assert told(answer) == NOBODY
    assert answer.header("www-authenticate").startswith("Bearer")
    assert told(await found.curl(bearer(token(team="other")), stream=stream)) == MAY_NOT


async def test_a008_a_rule_may_look_into_claims_for_the_model(world: World) -> None:
    found = await lab(world, a008(jwk_set(), "llmRequest.model in jwt.llms.openai"), TEXT)
    assert (await found.curl(bearer(token()), model="gpt-4o")).status == 200
    assert plain(await found.curl(bearer(token()), model="gpt-5")) == MAY_NOT


async def test_a008_another_key_set_and_a_rule_that_fails(world: World) -> None:
    other = await lab(world, a008(jwk_set(jwk(rsa_key("okta"), "okta-key"))), TEXT)
    unknown = 'authentication failure: token uses the unknown key "solo-public-key-001"'
    assert plain(await other.curl(bearer(token()))) == (401, unknown)
    strict = await lab(world, a008(jwk_set(), 'jwt.team == "other-team"'), TEXT)
    assert plain(await strict.curl(bearer(token()))) == MAY_NOT
    assert not strict.asked


EARLY = policy(
    """    phase: PreRouting
    jwtAuthentication:
      mode: Strict
      providers: [{issuer: solo.io, jwks: {inline: '%s'}}]
    transformation:
      request:
        set:
        - {name: x-team, value: jwt.team}
        - {name: x-org, value: jwt.org}
"""
)
BY_TEAM = f"""---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
{META % "by-team"}
spec:
  parentRefs: [{{name: agentgateway-proxy}}]
  rules:
  - matches: [{{path: {{value: /teams}}, headers: [{{name: x-team, value: team-id}}]}}]
    backendRefs: [{{name: openai, group: agentgateway.dev, kind: AgentgatewayBackend}}]
"""


async def test_a008_a_claim_chooses_the_route_and_without_a_route_it_is_404(world: World) -> None:
    found = await lab(world, EARLY % jwk_set(), BY_TEAM, TEXT)
    assert (await found.curl(bearer(token()), path="/teams")).status == 200
    assert (await found.curl(bearer(token(team="others")), "x-team: team-id", path="/teams")).status == 404
    assert told(await found.curl("x-team: team-id", path="/teams")) == NOBODY


RBAC = policy('    authorization: {policy: {matchExpressions: [\'request.headers["x-llm"] == "gemini"\']}}\n')


@pytest.mark.parametrize("stream", [False, True])
async def test_c11_the_rbac_page(world: World, stream: bool) -> None:
    found = await lab(world, RBAC, TEXT)
    answer = await found.curl(stream=stream)
    assert plain(answer) == MAY_NOT
    assert answer.header("content-length") == "20"
    assert (await found.curl("x-llm: gemini", stream=stream)).status == 200
    (asked,) = found.asked
    assert asked.header("x-llm") is None


async def test_c11_rules_of_a_gateway_and_of_a_route_count_together(world: World) -> None:
    own = policy(
        "    authorization: {action: Require, policy: {matchExpressions: ['jwt.team == \"team-id\"']}}\n",
        "route",
        ROUTE,
    )
    tokens = a008(jwk_set(), "false")
    found = await lab(world, RBAC.replace("name: policy", "name: rbac"), tokens, own, TEXT)
    assert (await found.curl(bearer(token()), "x-llm: gemini")).status == 200
    assert plain(await found.curl(bearer(token(team="x")), "x-llm: gemini")) == MAY_NOT
    assert plain(await found.curl("x-llm: gemini")) == NOBODY


async def test_c11_claims_become_headers(world: World) -> None:
    claims = policy(
        """    transformation:
      request:
        set:
        - {name: X-Auth-Issuer, value: jwt.iss}
        - {name: X-User-Role, value: jwt.team}
        - {name: X-User-Tier, value: '"free"'}
""",
        "claims",
        ROUTE,
    )
    found = await lab(world, a008(jwk_set()), claims)
    assert (await found.curl(bearer(token()), "X-User-Tier: premium")).status == 200
    (asked,) = found.asked
    sent = [asked.header(name) for name in ("x-auth-issuer", "x-user-role", "x-user-tier")]
    assert sent == ["solo.io", "team-id", "free"]


# -- E3 ---------------------------------------------------------------------------------------------------------------


def e3() -> str:
    key = pem(rsa_key()).replace("\n", "\n                ")
    return f"""---
apiVersion: gateway.solo.io/v1
kind: VirtualHostOption
{META % "jwt-provider"}
spec:
  {PROXY}
  options:
    jwt:
      providers:
        selfminted:
          issuer: solo.io
          jwks:
            local:
              key: |
                {key}
---
apiVersion: gateway.solo.io/v1
kind: RouteOption
{META % "openai-opt"}
spec:
  {ROUTE}
  options:
    rbac:
      policies:
        viewer:
          nestedClaimDelimiter: .
          principals:
          - jwtPrincipal:
              claims:
                "llms.openai": "gpt-3.5-turbo"
              matcher: LIST_CONTAINS
"""


async def test_e3_a_claim_names_the_models_of_whoever_asks(world: World) -> None:
    found = await lab(world, e3(), TEXT)
    assert plain(await found.curl()) == NOBODY
    alice = token(kid=None, sub="alice", team="dev", llms={"openai": ["gpt-3.5-turbo"]})
    bob = token(kid=None, sub="bob", team="ops", llms={"mistralai": ["mistral-large-latest"]})
    answer = await found.curl(bearer(alice))
    assert (answer.status, json.loads(answer.body)["object"]) == (200, "chat.completion")
    assert plain(await found.curl(bearer(bob))) == MAY_NOT
