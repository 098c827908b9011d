"""Limits as operators write them, in every form, and what is said about those that are wrong."""

import pytest

from sluice.policies.limiting import AtOnce, Bounds, Choice, LimitSet, Measure, Part, Rate, Remote, RemoteDescriptor
from sluice.policies.server import Server
from tests.config import limits
from tests.config.limits import limits_of, refusal, short_limits_of

SECOND_US = 1_000_000


def the_rate(text: str) -> Rate:
    ((choice,),) = limits_of(text).groups
    (rate,) = choice.limits.machine.rates
    return rate


@pytest.mark.parametrize(
    ("entry", "measure", "capacity", "fill", "interval_s"),
    [
        ("{requests: 3, unit: Seconds, burst: 3}", "requests", 6, 3, 1),
        ("{requests: 10, unit: Minutes}", "requests", 10, 10, 60),
        ("{tokens: 5, unit: Minutes, burst: 0}", "tokens", 5, 5, 60),
        ("{tokens: 1000, unit: Hours, burst: 500}", "tokens", 1500, 1000, 3600),
        ("{maxTokens: 10, tokensPerFill: 1, fillInterval: 60s}", "requests", 10, 1, 60),
        ("{maxTokens: 10, tokensPerFill: 10, fillInterval: 1m30s, type: tokens}", "tokens", 10, 10, 90),
        ("{maxTokens: 9, tokensPerFill: 3, fillInterval: 250ms, type: requests}", "requests", 9, 3, 0.25),
    ],
)
def test_both_forms_are_one_bucket(entry: str, measure: Measure, capacity: int, fill: int, interval_s: float) -> None:
    rate = the_rate(f"rateLimit: {{local: [{entry}]}}")
    assert (rate.measure, rate.capacity, rate.fill) == (measure, capacity, fill)
    assert rate.interval_us == interval_s * SECOND_US
    assert rate.name == "shop/p0 spec.traffic.rateLimit.local[0]"


def test_keys_places_and_cuts_are_read() -> None:
    text = """
rateLimit:
  local:
  - {tokens: 100, unit: Hours, key: apiKey.key_id, cutStream: true}
  - {concurrency: 4, key: 'request.headers["X-User-ID"]'}
  - {requests: 5, unit: Minutes, concurrency: 2}
"""
    ((choice,),) = limits_of(text).groups
    first, third = choice.limits.machine.rates
    assert (first.key, first.cut_stream, third.key, third.cut_stream) == ("apiKey.key_id", True, "", False)
    places = choice.limits.machine.at_once
    assert [(each.most, each.key) for each in places] == [(4, 'request.headers["x-user-id"]'), (2, "")]


def test_all_layers_hold_the_weakest_first() -> None:
    local = "rateLimit: {local: [{requests: %d, unit: Minutes}]}"
    groups = limits_of(local % 100, local % 5).groups
    assert [choice.limits.machine.rates[0].capacity for (choice,) in groups] == [100, 5]
    assert len({choice.limits.machine.rates[0].id for (choice,) in groups}) == 2


def test_a_limit_keeps_its_name_over_a_reload_that_does_not_change_it() -> None:
    text = "rateLimit: {local: [{requests: 5, unit: Minutes, key: jwt.sub}]}"
    assert the_rate(text).id == the_rate(text).id
    assert the_rate(text).id != the_rate(text.replace("5", "6")).id
    assert the_rate(text).id != the_rate(text.replace("jwt.sub", "jwt.team")).id


def test_what_says_nothing_limits_nothing() -> None:
    assert limits_of("rateLimit: null").groups == ()
    assert short_limits_of("{}").groups == ()


def test_conditional_limits_keep_their_order() -> None:
    text = """
rateLimit:
  local: [{requests: 100, unit: Minutes}]
  conditional:
  - {condition: 'jwt.plan == "gold"', policy: {local: [{requests: 50, unit: Minutes}]}}
  - policy:
      local: [{requests: 5, unit: Minutes}]
      global: {limits: [{tokens: 9, unit: Hours}], failureMode: FailOpen}
"""
    (always,), (gold, others) = limits_of(text).groups
    assert (always.condition, gold.condition, others.condition) == ("", 'jwt.plan == "gold"', "")
    assert others.limits.everywhere.rates[0].measure == "tokens"
    assert (others.limits.fails_open, gold.limits.fails_open) == (True, False)


SERVICE = """
rateLimit:
  global:
    domain: shop
    %s
    failureMode: FailOpen
    descriptors:
    - entries: [{name: user, expression: 'request.headers["X-User"]'}, {name: kind, expression: '"chat"'}]
    - entries: [{name: all, expression: '"one"'}]
      unit: Tokens
      cost: llm.totalTokens * 2
      limitOverride: '{"requests_per_unit": 7, "unit": "minute"}'
"""


@pytest.mark.parametrize(
    ("place", "server"),
    [
        ("backendRef: {name: ratelimit, port: 8081}", Server(host="ratelimit.shop", port=8081)),
        ("url: http://10.0.0.7:8081", Server(host="10.0.0.7", port=8081)),
        ("url: https://rls.example.com", Server(host="rls.example.com", port=443, secure=True)),
        ("host: 127.0.0.1:8081", Server(host="127.0.0.1", port=8081)),
        ("backendRef: {name: missing, port: 8081}", None),
    ],
)
def test_a_service_is_asked_with_descriptors(place: str, server: Server | None) -> None:
    ((choice,),) = limits_of(SERVICE % place).groups
    assert choice.limits.remotes == (
        Remote(
            name="shop/p0 spec.traffic.rateLimit.global",
            server=server,
            domain="shop",
            fails_open=True,
            descriptors=(
                RemoteDescriptor(parts=(Part("user", 'request.headers["x-user"]'), Part("kind", '"chat"'))),
                RemoteDescriptor(
                    parts=(Part("all", '"one"'),),
                    measure="tokens",
                    cost="llm.totalTokens * 2",
                    limit_override='{"requests_per_unit": 7, "unit": "minute"}',
                ),
            ),
        ),
    )
    said = ["A rate-limit service cannot be asked: Service shop/missing not found."] if server is None else []
    assert limits.notes == said


def test_the_short_form_says_the_same() -> None:
    limiting = short_limits_of(
        """
localRateLimit: [{maxTokens: 10, tokensPerFill: 1, fillInterval: 60s, type: requests}]
remoteRateLimit:
  domain: agentgateway
  host: 127.0.0.1:8081
  failureMode: failOpen
  descriptors: [{entries: [{key: user, value: '"test-user"'}], type: tokens}]
rateLimit: {local: [{concurrency: 3}]}
"""
    )
    (places,), (local,), (remote,) = limiting.groups
    assert places == Choice(
        limits=LimitSet(
            machine=Bounds(at_once=(AtOnce(id=places.limits.machine.at_once[0].id, name="rateLimit.local[0]", most=3),))
        )
    )
    assert local.limits.machine.rates[0].name == "localRateLimit[0]"
    (service,) = remote.limits.remotes
    assert (service.server, service.fails_open) == (Server(host="127.0.0.1", port=8081), True)
    assert service.descriptors == (RemoteDescriptor(parts=(Part("user", '"test-user"'),), measure="tokens"),)


ENTRY = "descriptors: [{entries: [{name: a, expression: '1'}]}]"


def local(entry: str) -> str:
    return f"rateLimit: {{local: [{{{entry}}}]}}"


def everywhere(members: str) -> str:
    return f"rateLimit: {{global: {{{members}}}}}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (local("requests: 0, unit: Minutes"), "p.yaml:4: spec.traffic.rateLimit.local[0].requests"),
        (local("requests: 5"), "`unit` is missing"),
        (local("unit: Minutes, concurrency: 3"), "`unit` and `burst` belong to"),
        (local("requests: 5, tokens: 5, unit: Minutes"), "write two entries"),
        (local("requests: 5, unit: Days"), "unknown value `Days`"),
        (local("requests: 5, unit: Minutes, maxTokens: 3"), "not both"),
        (local("requests: 5, unit: Minutes, type: tokens"), "`type` belongs to `maxTokens`"),
        (local("maxTokens: 3"), "belong together"),
        (local("maxTokens: 3, tokensPerFill: 4, fillInterval: 1s"), "would not fit"),
        (local("maxTokens: 3, tokensPerFill: 3, fillInterval: 0s"), "1ms at least"),
        (local("requests: 3, unit: Hours, cutStream: true"), "`cutStream` belongs to a limit of tokens"),
        (local(""), "expected `requests`, `tokens`, `maxTokens` or `concurrency`"),
        ("rateLimit: {local: []}", "length >= 1"),
        ("rateLimit: {}", "expected `local`, `global` or `conditional`"),
        (local("requests: 5, unit: Hours, key: jwt."), "p.yaml:4: spec.traffic.rateLimit.local[0].key"),
        (local("requests: 5, unit: Hours, key: user"), "there is no `user`"),
        (local("requests: 5, unit: Hours, keys: jwt.sub"), "did you mean `key`?"),
        (everywhere("domain: d"), "expected `descriptors`, `limits` or `rateLimitConfigRefs`"),
        (everywhere("url: http://h, limits: [{concurrency: 1}]"), "no service is asked"),
        (everywhere(f"limits: [{{concurrency: 1}}], domain: d, url: http://h, {ENTRY}"), "not both"),
        (everywhere("rateLimitConfigRefs: [{name: gone}]"), "there is no RateLimitConfig shop/gone"),
        (everywhere(f"domain: d, {ENTRY}"), "exactly one of"),
        (everywhere(f"domain: d, url: http://h/x, {ENTRY}"), "no path"),
        (everywhere(f"url: http://h, {ENTRY}"), "`domain` is missing"),
        (everywhere(f"domain: d, url: http://h, {ENTRY}".replace("'1'", "x")), "there is no `x`"),
        (everywhere(f"domain: d, url: http://h, {ENTRY}".replace("name: a", "name: a, key: b")), "expected `name`"),
        ("rateLimit: {conditional: [{condition: nope, policy: {local: [{concurrency: 1}]}}]}", "there is no `nope`"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(text: str, said: str) -> None:
    assert said in refusal(text)
