"""Labs that limit, at a whole gateway: how many answers, then which refusal. What happens when time passes: in
test_limits.py, on a clock of its own; workers, a process that dies: in test_limits_served.py.

A014, A015, A016, B4, B5, C9 with 2.3, D6, E4.
"""

import pytest

from tests.labs.served import (
    META,
    POEM,
    PROXY,
    ROUTE,
    TEXT,
    always,
    bearer,
    content,
    lab,
    plain,
    policy,
    secret,
    told,
)
from tests.labs.test_limits import TEAMS, TIERS, USERS, claims, counter
from tests.support.rate_limit_server import RateLimitServer
from tests.support.tokens import jwk_set, pem, rsa_key, token
from tests.support.world import World

OVER = (429, "rate limit exceeded")
SHOWN = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


def config(name: str, raw: str) -> str:
    indented = "\n".join(f"    {line}" for line in raw.strip("\n").split("\n"))
    head = "---\napiVersion: ratelimit.solo.io/v1alpha1\nkind: RateLimitConfig\n"
    return f"{head}{META % name}\nspec:\n  raw:\n{indented}\n"


def refers(*names: str) -> str:
    references = ", ".join(f"{{name: {name}}}" for name in names)
    return policy(
        f"    entRateLimit: {{global: {{rateLimitConfigRefs: [{references}]}}}}\n",
        "limits",
        kind="EnterpriseAgentgatewayPolicy",
    )


def local(limits: str, target: str = PROXY, name: str = "limits") -> str:
    return policy(f"    rateLimit:\n      local: {limits}\n", name, target)


@pytest.mark.parametrize("stream", [False, True])
async def test_a014_the_sixth_request_is_429(world: World, stream: bool) -> None:
    found = await lab(world, config("requests", counter(5, "HOUR", "REQUEST")), refers("requests"), TEXT)
    assert await found.statuses(5, stream=stream) == [200] * 5
    answer = await found.curl(stream=stream)
    assert plain(answer) == OVER
    assert 0 < int(answer.header("retry-after")) <= 3600
    assert len(found.asked) == 5
    assert (found.record.outcome, found.record.reason) == ("limited", "RateLimit")


@pytest.mark.parametrize("stream", [False, True])
async def test_a015_the_second_poem_is_429(world: World, stream: bool) -> None:
    found = await lab(world, local("[{tokens: 5, unit: Minutes, burst: 0}]"), TEXT)
    answer = await found.curl(prompt=POEM, stream=stream)
    assert (answer.status, content(answer)) == (200, "It is a villanelle.")
    assert plain(await found.curl(prompt=POEM, stream=stream)) == OVER


async def test_a016_ten_tokens_an_hour_end_after_a_request(world: World) -> None:
    found = await lab(world, config("tokens", counter(10, "HOUR", "TOKEN")), refers("tokens"), TEXT)
    assert await found.statuses(3) == [200, 429, 429]


@pytest.mark.parametrize(
    "action",
    [
        "requestHeaders: {headerName: X-User-ID, descriptorKey: X-User-ID}",
        "cel: {expression: 'request.headers[\"X-User-ID\"]', key: X-User-ID}",
    ],
)
async def test_a016_each_user_has_a_counter(world: World, action: str) -> None:
    found = await lab(world, config("users", USERS % action), refers("users"), model=always(uses=60))
    assert await found.statuses(3, "X-User-ID: user-123") == [200, 200, 429]
    assert await found.statuses(1, "X-User-ID: user-456") == [200]


def verified(*rest: str) -> tuple[str, ...]:
    """With a policy that knows who asks, and plain errors."""
    keys = (
        f"    jwtAuthentication: {{mode: Strict, providers: [{{issuer: solo.io, jwks: {{inline: '{jwk_set()}'}}}}]}}\n"
    )
    return (policy(keys, "jwt"), *rest, TEXT)


async def test_b4_a_verified_claim_counts_and_who_is_not_known_uses_nothing(world: World) -> None:
    raw = claims("jwt.sub", "jwt_sub", "{unit: MINUTE, requestsPerUnit: 10}")
    found = await lab(world, *verified(config("sub", raw), refers("sub")))
    assert plain(await found.curl()) == (401, "authentication failure: no bearer token found")
    analyst = bearer(token(sub="analyst-user"))
    assert await found.statuses(2, analyst) == [200, 429]
    assert plain(await found.curl(analyst, "X-User-ID: someone-else")) == OVER
    assert (await found.curl(bearer(token(sub="economist-user")))).status == 200


async def test_b4_organisation_and_team_and_plans(world: World) -> None:
    found = await lab(world, *verified(config("teams", TEAMS), refers("teams")))
    assert await found.statuses(2, bearer(token(org="o", team="a"))) == [200, 429]
    assert await found.statuses(1, bearer(token(org="o", team="b"))) == [200]
    found = await lab(world, *verified(config("tiers", TIERS), refers("tiers")), model=always(uses=60))
    assert await found.statuses(2, bearer(token(plan="standard"))) == [200, 429]
    assert await found.statuses(5, bearer(token(plan="premium"))) == [200] * 4 + [429]


async def test_b4_an_address_counts_without_any_authorization(world: World) -> None:
    raw = claims("source.address", "remote_address", "{requestsPerUnit: 20, unit: MINUTE}")
    found = await lab(world, config("address", raw), refers("address"), TEXT, model=always(uses=30))
    assert await found.statuses(2) == [200, 429]


async def test_b4_a_minute_and_an_hour_deny_if_either_fires(world: World) -> None:
    minute = claims("jwt.sub", "minute", "{unit: MINUTE, requestsPerUnit: 1000}")
    hour = claims("jwt.sub", "hour", "{unit: HOUR, requestsPerUnit: 30}")
    both = (config("rl-minute", minute), config("rl-hour", hour), refers("rl-minute", "rl-hour"))
    found = await lab(world, *verified(*both))
    assert await found.statuses(3, bearer(token())) == [200, 200, 429]


KEYS = (
    secret("alice", """{api-key: '{"key": "sk-alice-abc123def456", "metadata": {"tenant": "a"}}'}""", "{app: keys}")
    + secret("bob", """{api-key: '{"key": "sk-bob-xyz789uvw012", "metadata": {"tenant": "b"}}'}""", "{app: keys}")
    + secret("carol", """{api-key: '{"key": "sk-carol-1", "metadata": {"tenant": "a"}}'}""", "{app: keys}")
    + policy("    apiKeyAuthentication: {mode: Strict, secretSelector: {matchLabels: {app: keys}}}\n", "keys")
)
ALICE, BOB, CAROL = map(bearer, ("sk-alice-abc123def456", "sk-bob-xyz789uvw012", "sk-carol-1"))


async def test_b5_100_tokens_an_hour_for_each_key(world: World) -> None:
    limits = local("[{tokens: 100, unit: Hours, key: apiKey.key_id}]")
    found = await lab(world, KEYS, limits, TEXT, model=always(uses=40))
    assert await found.statuses(4, ALICE) == [200, 200, 200, 429]
    assert plain(await found.curl(ALICE)) == OVER
    assert (await found.curl(BOB)).status == 200


async def test_b5_tenants_share_what_they_have(world: World) -> None:
    limits = local("[{tokens: 100, unit: Hours, key: apiKey.tenant}]")
    found = await lab(world, KEYS, limits, model=always(uses=60))
    assert await found.statuses(1, ALICE) + await found.statuses(2, CAROL) == [200, 200, 429]
    assert await found.statuses(1, BOB) == [200]


@pytest.mark.parametrize("stream", [False, True])
async def test_c9_three_answers_of_39_tokens_and_then_what_the_page_prints(world: World, stream: bool) -> None:
    found = await lab(world, local("[{tokens: 100, unit: Minutes}]", ROUTE), TEXT, model=always(uses=39))
    prompt = "Say hello in exactly 10 words."
    assert await found.statuses(10, prompt=prompt, stream=stream) == [200] * 3 + [429] * 7
    answer = await found.curl(prompt=prompt, stream=stream)
    assert plain(answer) == OVER
    assert [answer.header(name) for name in SHOWN[:2]] == ["100", "0"]
    assert 0 < int(answer.header("x-ratelimit-reset")) <= 60
    assert answer.header("retry-after") == answer.header("x-ratelimit-reset")
    assert not answer.header("x-envoy-ratelimited")


async def test_c9_a_refusal_in_the_clients_dialect_and_what_an_answer_shows(world: World) -> None:
    found = await lab(world, local("[{requests: 1, unit: Minutes}]"))
    answer = await found.curl()
    assert [answer.header(name) for name in SHOWN] == ["1", "0", "60"]
    assert told(await found.curl()) == OVER


async def test_c9_six_at_once_of_three_a_second(world: World) -> None:
    found = await lab(world, local("[{requests: 3, unit: Hours, burst: 3}]"), TEXT)
    assert await found.statuses(7) == [200] * 6 + [429]
    assert (await found.curl()).header("x-ratelimit-limit") == "6"


async def test_2_3_a_stream_beyond_its_budget_is_not_interrupted_and_the_next_request_is_refused(world: World) -> None:
    words = " ".join(str(number) for number in range(1, 21))
    limits = local("[{tokens: 15, unit: Hours}]")
    found = await lab(world, limits, TEXT, model=always(words, uses=90))
    answer = await found.curl(prompt="Count from 1 to 20.", stream=True)
    assert (content(answer), answer.body.endswith(b"data: [DONE]\n\n")) == (words, True)
    assert answer.header("x-ratelimit-limit") == "15"
    assert int(answer.header("x-ratelimit-remaining")) <= 15  # of the time before the answer
    assert plain(await found.curl(prompt="Count from 1 to 20.", stream=True)) == OVER


# -- D6 ---------------------------------------------------------------------------------------------------------------

D6 = """
gateways: {default: {port: 4000}}
llm:
  policies:
    errorFormat: text
    %s
  models: [{name: "*", provider: openAI, params: {baseUrl: "http://127.0.0.1:%%d/v1", apiKey: k}}]
"""


@pytest.mark.parametrize(
    ("kind", "statuses"), [("type: requests", [200] * 10 + [429]), ("type: tokens", [200, 429, 429])]
)
async def test_d6_buckets_of_the_short_form(world: World, kind: str, statuses: list[int]) -> None:
    bucket = f"localRateLimit: [{{maxTokens: 10, tokensPerFill: 1, fillInterval: 60s, {kind}}}]"
    found = await lab(world, short=D6 % bucket)
    assert await found.statuses(len(statuses), path="/v1/chat/completions") == statuses
    assert plain(await found.curl(path="/v1/chat/completions")) == OVER


REMOTE = """remoteRateLimit:
      host: 127.0.0.1:{port}
      domain: llm
      descriptors: [{{entries: [{{key: user, value: 'request.headers["X-User"]'}}], type: requests}}]
"""


async def test_d6_a_rate_limit_service_counts_and_its_headers_go_both_ways(world: World) -> None:
    with RateLimitServer({(("user", "ada"),): 2}) as service:
        service.headers = [("x-envoy-ratelimited", "no")]
        service.request_headers = [("X-Tier", "gold"), ("Host", "evil.example"), ("User-Agent", "of-the-service")]
        found = await lab(world, short=D6 % REMOTE.format(port=service.port))
        path = "/v1/chat/completions"
        answer = await found.curl("X-User: ada", "X-Tier: mine", "User-Agent: curl", path=path)
        assert (answer.status, answer.header("x-envoy-ratelimited")) == (200, "no")
        assert await found.statuses(2, "X-User: ada", path=path) == [200, 429]
        assert (await found.curl("X-User: bob", path=path)).status == 200
    asked = found.asked[0]
    assert [field for field in asked.headers if field[0] in ("x-tier", "user-agent")] == [
        ("x-tier", "gold"),
        ("user-agent", "of-the-service"),
    ]
    assert asked.header("host") == f"127.0.0.1:{found.provider.port}"


# -- E4 ---------------------------------------------------------------------------------------------------------------

E4 = f"""---
apiVersion: ratelimit.solo.io/v1alpha1
kind: RateLimitConfig
{META % "per-user-counter"}
spec:
  raw:
    descriptors:
    - key: user-id
      rateLimit:
        requestsPerUnit: 70
        unit: HOUR
    rateLimits:
    - actions:
      - metadata:
          descriptorKey: user-id
          source: DYNAMIC
          default: unknown
          metadataKey:
            key: "envoy.filters.http.jwt_authn"
            path:
            - key: principal
            - key: sub
---
apiVersion: gateway.solo.io/v1
kind: RouteOption
{META % "openai-opt"}
spec:
  {ROUTE}
  options:
    rateLimitConfigs:
      refs: [{{name: per-user-counter, namespace: agentgateway-system}}]
---
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
              key: "%s"
"""


async def test_e4_70_tokens_an_hour_for_each_subject(world: World) -> None:
    key = pem(rsa_key()).replace("\n", "\\n")
    found = await lab(world, E4 % key, TEXT, model=always(uses=40))
    alice, bob = bearer(token(kid=None, sub="alice")), bearer(token(kid=None, sub="bob"))
    assert await found.statuses(3, alice) == [200, 200, 429]
    assert plain(await found.curl(alice)) == OVER
    assert (await found.curl(bob)).status == 200
