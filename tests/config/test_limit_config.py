"""RateLimitConfigs: trees of descriptors with limits, and how a request becomes one of them."""

import pytest

from sluice.policies.limiting import Node, Part, Rate
from tests.config.limits import limits_of, refusal

REFERS = "entRateLimit: {global: {rateLimitConfigRefs: [{name: one}]}}"

FRAME = """
apiVersion: ratelimit.solo.io/v1alpha1
kind: RateLimitConfig
metadata: {{name: {name}, namespace: shop}}
spec:
  raw:
    descriptors: {descriptors}
    rateLimits: {limits}
"""


def config(descriptors: str, limits: str, name: str = "one") -> str:
    return FRAME.format(name=name, descriptors=descriptors, limits=limits)


def test_a_tree_with_fixed_and_free_values_keeps_its_shape() -> None:
    text = config(
        "[{key: plan, value: gold, rateLimit: {requestsPerUnit: 200, unit: MINUTE}}, "
        "{key: org, descriptors: [{key: team, rateLimit: {requestsPerUnit: 10, unit: DAY}}]}]",
        "[{actions: [{cel: {expression: jwt.plan, key: plan}}], type: TOKEN}]",
    )
    ((choice,),) = limits_of(REFERS, configs=text).groups
    (described,) = choice.limits.everywhere.described
    assert described.parts == (Part("plan", "jwt.plan"),)
    gold, org = described.nodes
    assert (gold.key, gold.value) == ("plan", "gold")
    assert isinstance(gold.rate, Rate)
    assert (gold.rate.capacity, gold.rate.interval_us, gold.rate.measure) == (200, 60_000_000, "tokens")
    assert gold.rate.name == "RateLimitConfig shop/one /plan=gold"
    assert (org.value, org.rate) == (None, None)
    assert isinstance(org.nodes[0], Node)
    assert org.nodes[0].rate is not None
    assert org.nodes[0].rate.interval_us == 86_400_000_000


@pytest.mark.parametrize(
    ("action", "part"),
    [
        ("{genericKey: {descriptorValue: counter}}", Part("generic_key", '"counter"')),
        ("""{genericKey: {descriptorValue: 'say "hi"', descriptorKey: k}}""", Part("k", '"say \\"hi\\""')),
        (
            "{requestHeaders: {headerName: X-User-ID, descriptorKey: user}}",
            Part("user", 'request.headers["x-user-id"]'),
        ),
        ("{remoteAddress: {}}", Part("remote_address", "source.address")),
        (
            (
                "{metadata: {descriptorKey: u, source: DYNAMIC, default: unknown, metadataKey: "
                "{key: envoy.filters.http.jwt_authn, path: [{key: principal}, {key: sub}]}}}"
            ),
            Part("u", 'default(jwt["sub"], "unknown")'),
        ),
        (
            (
                "{metadata: {descriptorKey: u, metadataKey: "
                "{key: envoy.filters.http.jwt_authn, path: [{key: principal}, {key: org}, {key: id}]}}}"
            ),
            Part("u", 'jwt["org"]["id"]'),
        ),
        ("""{cel: {expression: 'request.headers["X-User-ID"]', key: u}}""", Part("u", 'request.headers["x-user-id"]')),
    ],
)
def test_each_action_makes_one_entry(action: str, part: Part) -> None:
    tree = "[{key: k, rateLimit: {requestsPerUnit: 1, unit: HOUR}}]"
    ((choice,),) = limits_of(REFERS, configs=config(tree, f"[{{actions: [{action}]}}]")).groups
    assert choice.limits.everywhere.described[0].parts == (part,)


def test_several_configs_and_several_lists_hold_together() -> None:
    tree = "[{key: k, rateLimit: {requestsPerUnit: 1, unit: HOUR}}]"
    lists = "[{actions: [{remoteAddress: {}}], type: TOKEN}, {actions: [{remoteAddress: {}}]}]"
    both = config(tree, lists) + "---" + config(tree, lists, "two")
    refers = "entRateLimit: {global: {rateLimitConfigRefs: [{name: one}, {name: two}], failureMode: FailOpen}}"
    ((choice,),) = limits_of(refers, configs=both).groups
    rates = [each.nodes[0].rate for each in choice.limits.everywhere.described]
    assert [rate.measure for rate in rates if rate is not None] == ["tokens", "requests"] * 2
    assert len({rate.id for rate in rates if rate is not None}) == 4
    assert choice.limits.fails_open


@pytest.mark.parametrize(
    ("tree", "actions", "said"),
    [
        ("[{key: k}]", "[{remoteAddress: {}}]", "limits nothing"),
        ("[{key: k, rateLimit: {requestsPerUnit: 0, unit: HOUR}}]", "[{remoteAddress: {}}]", "requestsPerUnit"),
        ("[{key: k, rateLimit: {requestsPerUnit: 1, unit: HOURS}}]", "[{remoteAddress: {}}]", "did you mean `HOUR`?"),
        ("[{key: k, rateLimit: {requestsPerUnit: 1, unit: HOUR}}]", "[{}]", "exactly one of"),
        ("[{key: k, rateLimit: {requestsPerUnit: 1, unit: HOUR}}]", "[{sourceCluster: {}}]", "is not implemented"),
        ("[{key: k, rateLimit: {requestsPerUnit: 1, unit: HOUR}}]", "[{headerValueMatch: {}}]",
         "(`cel` with an expression over `request.headers`)"),
        ("[{key: k, rateLimit: {requestsPerUnit: 1, unit: HOUR}}]",
         "[{metadata: {descriptorKey: k, metadataKey: {key: envoy.lb, path: [{key: principal}, {key: sub}]}}}]",
         "only claims are known here"),
        ("[{key: k, rateLimit: {requestsPerUnit: 1, unit: HOUR}}]",
         "[{metadata: {descriptorKey: k, metadataKey: {key: envoy.filters.http.jwt_authn, path: [{key: sub}]}}}]",
         "a path that begins with `principal`"),
        ("[{key: k, rateLimit: {requestsPerUnit: 1, unit: HOUR}}]", "[{cel: {expression: nope.x, key: k}}]",
         "configs.yaml:8: spec.raw.rateLimits[0].actions[0].cel.expression: there is no `nope`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_place(tree: str, actions: str, said: str) -> None:
    assert said in refusal(REFERS, configs=config(tree, f"[{{actions: {actions}}}]"))
