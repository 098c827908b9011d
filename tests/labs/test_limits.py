"""Labs that limit, each from its manifest to its result: A014, A015, A016, B4, B5, C9, and 2.3 for streams."""

import pytest

from tests.labs.limit_manifests import Client

GATEWAY = "targetRefs: [{name: agentgateway, group: gateway.networking.k8s.io, kind: Gateway}]"


def refers(*names: str) -> str:
    """The labs' policy: a Gateway's, with references to RateLimitConfigs."""
    references = ", ".join(f"{{name: {name}}}" for name in names)
    return f"""
---
apiVersion: enterpriseagentgateway.solo.io/v1alpha1
kind: EnterpriseAgentgatewayPolicy
metadata: {{name: limits, namespace: enterprise-agentgateway}}
spec:
  {GATEWAY}
  traffic:
    entRateLimit:
      global:
        rateLimitConfigRefs: [{references}]
"""


def config(name: str, raw: str) -> str:
    indented = "\n".join(f"    {line}" for line in raw.strip("\n").split("\n"))
    return f"""
---
apiVersion: ratelimit.solo.io/v1alpha1
kind: RateLimitConfig
metadata: {{name: {name}, namespace: enterprise-agentgateway}}
spec:
  raw:
{indented}
"""


def counter(per_unit: int, unit: str, kind: str) -> str:
    return f"""
descriptors:
- key: generic_key
  value: counter
  rateLimit: {{requestsPerUnit: {per_unit}, unit: {unit}}}
rateLimits:
- actions:
  - genericKey: {{descriptorValue: counter}}
  type: {kind}
"""


def local(limits: str, target: str = GATEWAY) -> str:
    return f"""
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayPolicy
metadata: {{name: rate-limit, namespace: agentgateway-system}}
spec:
  {target}
  traffic:
    rateLimit:
      local: {limits}
"""


async def test_a014_and_b4_the_sixth_request_of_an_hour_is_refused() -> None:
    client = Client(config("requests", counter(5, "HOUR", "REQUEST")) + refers("requests"))
    assert [await client.ask() for _ in range(6)] == [200] * 5 + [429]
    client.world.now += 3599
    assert await client.ask() == 429
    client.world.now += 1
    assert await client.ask() == 200


async def test_a015_five_tokens_a_minute_let_one_poem_pass_and_no_second() -> None:
    client = Client(local("[{unit: Minutes, tokens: 5, burst: 0}]"))
    assert [await client.ask(uses=212), await client.ask(uses=212)] == [200, 429]


async def test_a016_and_b4_a_counter_of_ten_tokens_an_hour_ends_after_some_requests() -> None:
    client = Client(config("tokens", counter(10, "HOUR", "TOKEN")) + refers("tokens"))
    statuses = [await client.ask(uses=5, prompt=5) for _ in range(4)]
    assert statuses == [200, 200, 429, 429]


USERS = """
descriptors:
- key: X-User-ID
  rateLimit: {unit: MINUTE, requestsPerUnit: 100}
rateLimits:
- actions:
  - %s
  type: TOKEN
"""


@pytest.mark.parametrize(
    "action",
    [
        "requestHeaders: {headerName: X-User-ID, descriptorKey: X-User-ID}",
        "cel: {expression: 'request.headers[\"X-User-ID\"]', key: X-User-ID}",
    ],
)
async def test_a016_each_user_of_a_header_has_a_counter(action: str) -> None:
    client = Client(config("users", USERS % action) + refers("users"))
    one, two = {"X-User-ID": "user-123"}, {"X-User-ID": "user-456"}
    assert [await client.ask(uses=60, headers=one) for _ in range(3)] == [200, 200, 429]
    assert await client.ask(uses=60, headers=two) == 200
    client.world.now += 60
    assert await client.ask(headers=one) == 200


PAIRS = """
descriptors:
- key: X-User-ID
  descriptors:
  - key: X-Tenant-ID
    rateLimit: {unit: MINUTE, requestsPerUnit: 50}
rateLimits:
- actions:
  - cel: {expression: 'request.headers["X-User-ID"]', key: X-User-ID}
  - cel: {expression: 'request.headers["X-Tenant-ID"]', key: X-Tenant-ID}
  type: TOKEN
"""


async def test_a016_each_combination_of_user_and_tenant_has_a_counter() -> None:
    client = Client(config("pairs", PAIRS) + refers("pairs"))
    first = {"X-User-ID": "user-123", "X-Tenant-ID": "tenant-A"}
    assert [await client.ask(uses=60, headers=first) for _ in range(2)] == [200, 429]
    assert await client.ask(headers=first | {"X-Tenant-ID": "tenant-B"}) == 200
    assert await client.ask(headers=first | {"X-User-ID": "user-456"}) == 200


def claims(expression: str, key: str, rate: str) -> str:
    return f"""
descriptors:
- key: {key}
  rateLimit: {rate}
rateLimits:
- actions:
  - cel: {{expression: '{expression}', key: {key}}}
  type: TOKEN
"""


async def test_b4_a_verified_claim_counts_and_a_header_of_the_clients_own_does_not() -> None:
    client = Client(
        config("claim", claims("jwt.sub", "jwt_sub", "{unit: MINUTE, requestsPerUnit: 10}")) + refers("claim")
    )
    analyst, economist = {"sub": "analyst-user"}, {"sub": "economist-user"}
    assert [await client.ask(uses=9, jwt=analyst) for _ in range(4)] == [200, 200, 429, 429]
    assert await client.ask(jwt=analyst, headers={"X-User-ID": "someone-else"}) == 429
    assert await client.ask(uses=9, jwt=economist) == 200


TEAMS = """
descriptors:
- key: jwt_org
  descriptors:
  - key: jwt_team
    rateLimit: {unit: MINUTE, requestsPerUnit: 10}
rateLimits:
- actions:
  - cel: {expression: 'jwt.org', key: jwt_org}
  - cel: {expression: 'jwt.team', key: jwt_team}
  type: TOKEN
"""


async def test_b4_two_claims_count_together() -> None:
    client = Client(config("teams", TEAMS) + refers("teams"))
    one = {"org": "equity-research", "team": "fundamentals"}
    assert [await client.ask(jwt=one) for _ in range(2)] == [200, 429]
    assert await client.ask(jwt=one | {"team": "research"}) == 200


TIERS = """
descriptors:
- key: plan
  value: standard
  rateLimit: {unit: MINUTE, requestsPerUnit: 20}
- key: plan
  value: premium
  rateLimit: {unit: MINUTE, requestsPerUnit: 200}
rateLimits:
- actions:
  - cel: {expression: 'jwt.plan', key: plan}
  type: TOKEN
"""


async def test_b4_a_plan_decides_how_much() -> None:
    client = Client(config("tiers", TIERS) + refers("tiers"))
    standard = [await client.ask(uses=9, prompt=8, jwt={"plan": "standard"}) for _ in range(25)]
    assert standard == [200] * 3 + [429] * 22
    premium = [await client.ask(uses=9, prompt=8, jwt={"plan": "premium"}) for _ in range(25)]
    assert premium == [200] * 23 + [429] * 2


async def test_b4_an_address_counts_with_and_without_a_name() -> None:
    raw = claims("source.address", "remote_address", "{requestsPerUnit: 20, unit: MINUTE}")
    client = Client(config("address", raw) + refers("address"))
    assert [await client.ask(uses=9) for _ in range(4)] == [200, 200, 200, 429]
    assert await client.ask(uses=9, jwt={"sub": "anybody"}) == 429
    assert await client.ask(uses=9, address="10.0.0.2") == 200


async def test_b4_a_minute_and_an_hour_hold_together_and_the_hour_does_not_begin_anew_with_the_minute() -> None:
    minute = claims("jwt.sub", "jwt_sub_minute", "{unit: MINUTE, requestsPerUnit: 20}")
    hour = claims("jwt.sub", "jwt_sub_hour", "{unit: HOUR, requestsPerUnit: 50}")
    client = Client(config("rl-minute", minute) + config("rl-hour", hour) + refers("rl-minute", "rl-hour"))

    async def burst() -> list[int]:
        return [await client.ask(uses=10, prompt=9, jwt={"sub": "u"}) for _ in range(3)]

    assert await burst() == [200, 200, 429]
    client.world.now += 60
    assert await burst() == [200, 200, 429]
    client.world.now += 60
    assert await burst() == [200, 429, 429]
    client.world.now += 60
    assert await burst() == [429, 429, 429]
    assert client.refusal is not None
    assert client.refusal.retry_after_s == 3600 - 180
    client.world.now += 3600 - 180
    assert await burst() == [200, 200, 429]


async def test_b5_keys_with_100_tokens_an_hour_each_and_tenants() -> None:
    client = Client(local("[{tokens: 100, unit: Hours, key: apiKey.key_id}]"))
    alice, bob = {"key_id": "alice"}, {"key_id": "bob"}
    assert [await client.ask(uses=40, key=alice) for _ in range(4)] == [200, 200, 200, 429]
    assert await client.ask(uses=40, key=bob) == 200
    tenants = Client(local("[{tokens: 100, unit: Hours, key: apiKey.tenant}]"))
    assert [await tenants.ask(uses=60, key={"key_id": f"k{n}", "tenant": "tenant-a"}) for n in range(3)] == [
        200,
        200,
        429,
    ]
    assert await tenants.ask(key={"key_id": "k9", "tenant": "tenant-b"}) == 200


async def test_b5_a_tier_decides_how_much() -> None:
    tiers = local("[]").replace(
        "local: []",
        """conditional:
      - condition: 'apiKey.tier == "premium"'
        policy: {local: [{tokens: 10000, unit: Hours, key: apiKey.key_id}]}
      - policy: {local: [{tokens: 30, unit: Hours, key: apiKey.key_id}]}""",
    )
    client = Client(tiers)
    charlie, alice = {"key_id": "charlie", "tier": "free"}, {"key_id": "alice", "tier": "premium"}
    assert [await client.ask(uses=40, key=charlie) for _ in range(2)] == [200, 429]
    assert [await client.ask(uses=40, key=alice) for _ in range(5)] == [200] * 5


async def test_c9_ten_requests_of_39_tokens_are_three_answers() -> None:
    client = Client(local("[{tokens: 100, unit: Minutes}]"))
    assert [await client.ask(uses=39) for _ in range(10)] == [200] * 3 + [429] * 7
    assert client.refusal is not None
    assert str(client.refusal) == "rate limit exceeded"
    assert [name for name, _ in client.refusal.headers] == [
        b"x-ratelimit-limit",
        b"x-ratelimit-remaining",
        b"x-ratelimit-reset",
    ]


async def test_c9_requests_and_tokens_hold_together_and_a_gateways_ceiling_too() -> None:
    route = "targetRefs: [{name: openai, group: gateway.networking.k8s.io, kind: HTTPRoute}]"
    both = local("[{requests: 10, unit: Minutes, burst: 5}, {tokens: 1000, unit: Minutes}]", route)
    client = Client(both)
    assert [await client.ask(uses=10) for _ in range(16)] == [200] * 15 + [429]
    client = Client(both)
    assert [await client.ask(uses=400) for _ in range(4)] == [200] * 3 + [429]
    ceiling = local("[{requests: 12, unit: Minutes}]").replace("name: rate-limit", "name: ceiling")
    client = Client(ceiling + "\n---" + both)
    assert [await client.ask(uses=10) for _ in range(13)] == [200] * 12 + [429]


async def test_c9_three_a_second_with_a_burst_of_three_are_six_and_then_none() -> None:
    client = Client(local("[{requests: 3, unit: Seconds, burst: 3}]"))
    assert [await client.ask() for _ in range(7)] == [200] * 6 + [429]
    assert client.refusal is not None
    assert dict(client.refusal.headers)[b"x-ratelimit-limit"] == b"6"
    assert client.refusal.retry_after_s == 1
